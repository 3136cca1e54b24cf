"""Checks of single numbers."""

from __future__ import annotations

import math

import numpy as np

from ..arch.errors import DriftError


def check_integer(name: str, value: object, least: int) -> None:
    """Refuse what is no integer of at least `least`.

    Raises:
        DriftError: It is refused.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise DriftError(f"{name} is {value!r}; it must be an integer of at least {least}.")


def check_number(name: str, value: object, *, low: float = 0.0, high: float = math.inf, open_low: bool = False) -> None:
    """Refuse what is no finite number from `low` (not itself, if `open_low`) to `high`.

    Raises:
        DriftError: It is refused.
    """
    if not isinstance(value, bool) and isinstance(value, (int, float, np.integer, np.floating)):
        number = float(value)
        if math.isfinite(number) and low <= number <= high and not (open_low and number == low):
            return
    least = f"above {low:g}" if open_low else f"at least {low:g}"
    most = "" if high == math.inf else f" and at most {high:g}"
    raise DriftError(f"{name} is {value!r}; it must be a number {least}{most}.")


def check_on_alarm(value: object) -> None:
    """Refuse what no monitor can do on an alarm.

    Raises:
        DriftError: It is refused.
    """
    if value not in ("skip", "wait", "warn"):
        raise DriftError(f"on_alarm is {value!r}; it must be 'skip', 'wait' or 'warn'.")
