"""What all tests share."""

import signal

import pytest
from hypothesis import settings

# No deadline: tests tell what is right, not how busy the machine is. Where the variable CI is set, Hypothesis tries the
# same examples in every run, so that a red run is due to the change.
settings.register_profile("qpilot", parent=settings(), deadline=None)
settings.load_profile("qpilot")


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c():
    """Let Ctrl-C interrupt, also where the tests run in the background of a shell that makes jobs ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
