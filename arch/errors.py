"""The errors qpilot raises; every one is a `QPilotError` whose message is one sentence a user can act on."""

from __future__ import annotations

from typing import Any


class QPilotError(Exception):
    """Base class of every error raised on purpose by qpilot."""


class CircuitError(QPilotError):
    """The circuit cannot be read, or holds an operation that cannot be compiled."""


class DeviceError(QPilotError):
    """The device description is malformed, impossible, or too small for the circuit."""


class ProgramError(QPilotError):
    """A program is damaged, or breaks a rule of its device."""


class RoutingError(QPilotError):
    """A router found no legal schedule on this device."""


class VerificationError(QPilotError):
    """A program does not implement its circuit."""


class DriftError(QPilotError):
    """A drift-aware training cannot begin or go on.

    Attributes:
        history: The `qpilot.disq.History` of the attempts before the error; None if no run had begun.
    """

    history: Any = None


class OptionError(QPilotError, ValueError):
    """An option of a call has a value that is not known."""


def plain(error: Exception) -> str:
    """Return the message of a JSON reader's error as the middle of a sentence: plain quotes, paths without `$.`."""
    return str(error).replace("`", "'").replace("$.", "").rstrip(".")
