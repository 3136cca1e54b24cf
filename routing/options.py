"""What a caller may choose about a compilation, and what the best of several results is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..arch.program import Metrics

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
        objective: What to have least of (see `cost`).
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


def cost(metrics: Metrics, objective: str) -> tuple[float, ...]:
    """Return what the best of several programs has least of."""
    depth, num_2q = float(metrics.depth), float(metrics.num_2q)
    if objective == "depth":
        return depth, num_2q
    if objective == "num_2q":
        return num_2q, depth
    if objective == "duration":
        return metrics.duration_us, depth
    if objective == "fidelity":
        return -metrics.fidelity.total, depth  # so large that no float holds its fidelity: the pulses decide
    # A pulse costs about as much as a gate: at 100 qubits the idle atoms see 0.9975 each.
    return depth + 0.25 * num_2q, depth


def among_ways(objective: str) -> str:
    """Return the objective by which ways to run diagonal blocks and Pauli strings are compared.

    Such blocks are run as a whole for the sake of depth, so it decides where the caller has no wish.
    """
    return "depth" if objective == "balanced" else objective
