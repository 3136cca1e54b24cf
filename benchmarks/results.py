"""What was measured of one compiled circuit, and means of several."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

import qpilot
from qpilot.arch.cost import compute_metrics
from qpilot.arch.device import PRESETS

from .baselines import Baseline

SUMMARY_COLUMNS = (
    *("depth", "min", "max", "2Q gates", "moves", "ms"),
    *("fidelity", "atomique fidelity", "compile s", "lattice"),
)


@dataclass(frozen=True, slots=True)
class Result:
    """One circuit, compiled one way; what a baseline does not have is None.

    Attributes:
        depth: Layers of two-qubit gates.
        num_2q: Two-qubit gates.
        moves: Moves.
        ms: Duration under the constants of the device.
        fidelity: Estimated fidelity under the constants of the device.
        atomique_fidelity: The same under the constants of the preset "atomique" (arXiv 2311.15123).
        seconds: Time to compile.
        lattice: Sites, or name of the grid.
    """

    depth: int
    num_2q: int
    moves: int | None = None
    ms: float | None = None
    fidelity: float | None = None
    atomique_fidelity: float | None = None
    seconds: float | None = None
    lattice: str = ""


def from_program(program: qpilot.Program, seconds: float | None) -> Result:
    """Return the figures of a program, compiled in this time."""
    slm, m = program.device.slm, program.metrics
    timing, fidelity = PRESETS["atomique"]
    device = program.device.replace(timing=timing, fidelity=fidelity)
    published = compute_metrics(msgspec.structs.replace(program, device=device)).fidelity.total
    figures = (m.depth, m.num_2q, m.num_moves, m.duration_us / 1000, m.fidelity.total, published)
    return Result(*figures, seconds, f"{slm.rows}x{slm.cols}")


def from_baseline(found: Baseline) -> Result:
    """Return the figures of a baseline as those of a program."""
    return Result(found.depth, found.num_2q, seconds=found.seconds, lattice=found.grid)


def summary(results: Sequence[Result]) -> tuple[object, ...]:
    """Return the cells of `SUMMARY_COLUMNS`: means, of fidelity the geometric one."""
    depths = [result.depth for result in results]
    return (
        *(float(statistics.mean(depths)), min(depths), max(depths)),
        mean(result.num_2q for result in results),
        mean(result.moves for result in results),
        mean(result.ms for result in results),
        geometric_mean(result.fidelity for result in results),
        geometric_mean(result.atomique_fidelity for result in results),
        mean(result.seconds for result in results),
        "/".join(sorted({result.lattice for result in results})),
    )


def mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of those that are known, if any are."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def geometric_mean(values: Iterable[float | None]) -> float | None:
    """Return the geometric mean of those that are known, if any are; 0 if one of them is."""
    known = [value for value in values if value is not None]
    if not known or not all(known):  # a fidelity may be too small for a float
        return 0.0 if known else None
    return statistics.geometric_mean(known)
