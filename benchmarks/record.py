"""What is kept of one circuit compiled one way: the same figures, under the same constants, for everyone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike

import qpilot
from qpilot.arch.cost import compute_metrics
from qpilot.arch.device import PRESETS, Fidelity


@dataclass(frozen=True, slots=True)
class Cost:
    """Duration and estimated fidelity under one set of constants.

    `fidelity` is the product of the others: of two-qubit gates, one-qubit gates, atoms excited by pulses that they take
    no part in, decoherence, and transfers between traps.
    """

    duration_us: float
    fidelity: float
    two_qubit: float
    one_qubit: float
    idle: float
    decoherence: float
    transfer: float


@dataclass(frozen=True, slots=True)
class Result:
    """One circuit, compiled one way.

    Attributes:
        depth: Layers of two-qubit gates: pulses with at least one pair, or layers of CZ packed as early as possible.
        mixed_depth: Layers of one- and two-qubit gates, as the literature counts them.
        num_2q: Two-qubit gates.
        num_1q: One-qubit gates.
        moves: Moves of atoms, those that run together counted as one; 0 where atoms are fixed.
        atoms: Atoms in use, data and ancillas.
        enola: Cost under the constants of arXiv 2405.15095.
        atomique: Cost under the constants of arXiv 2311.15123.
        compile_s: Time to compile, checks included where the compiler makes them itself.
        checked: How the result was checked, such as "rules, replay" or "couplings, unitary".
        detail: What else tells this result from others, such as the lattice or the seed that was best.
    """

    depth: int
    mixed_depth: int
    num_2q: int
    num_1q: int
    moves: int
    atoms: int
    enola: Cost
    atomique: Cost
    compile_s: float
    checked: str
    detail: str = ""


MODELS = ("enola", "atomique")
COST_COLUMNS = tuple(f"{model}_{field.name}" for model in MODELS for field in dataclasses.fields(Cost))
RESULT_COLUMNS = (
    *("depth", "mixed_depth", "num_2q", "num_1q", "moves", "atoms", *COST_COLUMNS),
    *("compile_s", "checked", "detail"),
)
TIMES = ("compile_s",)
"""Columns of results that a second run need not repeat."""


def estimate(
    constants: Fidelity,
    *,
    duration_us: float,
    num_2q: int,
    num_1q: int,
    idle_us: ArrayLike,
    num_idle: int = 0,
    num_transfers: int = 0,
) -> Cost:
    """Return the cost that `qpilot.arch.cost` gives programs, of what another compiler made.

    Args:
        constants: Success probabilities of the operations.
        duration_us: From the first operation to the last.
        num_2q: Two-qubit gates.
        num_1q: One-qubit gates.
        idle_us: For each qubit, the time it holds a state and no gate acts on it.
        num_idle: Atoms excited by a pulse they take no part in, summed over the pulses.
        num_transfers: Transfers of an atom from one trap to another.
    """
    two_qubit = constants.cz**num_2q
    one_qubit = constants.raman**num_1q
    idle = constants.idle_rydberg**num_idle
    decoherence = float(np.prod(np.maximum(0.0, 1.0 - np.asarray(idle_us, dtype=float) / constants.t2_us)))
    transfer = constants.transfer**num_transfers
    total = two_qubit * one_qubit * idle * decoherence * transfer
    return Cost(duration_us, total, two_qubit, one_qubit, idle, decoherence, transfer)


def from_program(program: qpilot.Program, compile_s: float) -> Result:
    """Return the figures of a program, compiled and verified in this time."""
    slm, metrics = program.device.slm, program.metrics
    costs = {}
    for model in MODELS:
        timing, constants = PRESETS[model]
        device = program.device.replace(timing=timing, fidelity=constants)
        found = compute_metrics(msgspec.structs.replace(program, device=device))
        f = found.fidelity
        parts = (f.total, f.two_qubit, f.one_qubit, f.idle_excitation, f.decoherence, f.transfer)
        costs[model] = Cost(found.duration_us, *parts)
    return Result(
        depth=metrics.depth,
        mixed_depth=metrics.depth_with_1q,
        num_2q=metrics.num_2q,
        num_1q=metrics.num_1q,
        moves=metrics.num_moves,
        atoms=program.num_atoms,
        compile_s=compile_s,
        checked="rules, replay",
        detail=f"{slm.rows}x{slm.cols}",
        **costs,
    )


def to_cells(result: Result) -> dict[str, Any]:
    """Return the cells of `RESULT_COLUMNS` by name."""
    cells = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    for model in MODELS:
        cost = dataclasses.asdict(cells.pop(model))
        cells |= {f"{model}_{name}": value for name, value in cost.items()}
    return {column: cells[column] for column in RESULT_COLUMNS}
