"""What a caller may choose about a compilation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[float, str], None]
"""Called with the fraction done, 0 to 1, and the name of what is being done."""


def no_progress(fraction: float, phase: str) -> None:
    """Tell nobody."""


def share(report: Progress, start: float, size: float) -> Progress:
    """Return what to call for a part of the work that begins at `start` and is `size` of the whole."""
    return lambda fraction, phase: report(start + size * fraction, phase)


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """What routers take of the options of a compilation.

    Attributes:
        objective: "balanced", "depth" or "num_2q": what to prefer where pulses and two-qubit gates are at odds.
        progress: Called now and then.
        effort: How long to search, at least 1.
        seed: Seed of the search.
        num_flying: How many qubits may fly: ancillas take their place throughout.
    """

    objective: str = "balanced"
    progress: Progress = no_progress
    effort: int = 1
    seed: int = 0
    num_flying: int = 0
