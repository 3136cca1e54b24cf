"""What all tests share."""

import signal

import pytest
from hypothesis import settings

settings.register_profile("qpilot", deadline=None)  # tests tell what is right, not how busy the machine is
settings.load_profile("qpilot")


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c():
    """Let Ctrl-C interrupt, also where the tests run in the background of a shell that makes jobs ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
