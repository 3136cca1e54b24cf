"""Fidelity lost over time, by cause."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arch.program import Measure, Raman, Release, Reset, Rydberg
from .motion import Floats, Ints, Trace, pairs_at


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """-log10 of the factors of the estimated fidelity, one entry for each of `times_us` of the trace.

    They add up: the sum of the last entries is -log10 of `program.metrics.fidelity.total`.
    """

    two_qubit: Floats
    one_qubit: Floats
    idle_excitation: Floats
    decoherence: Floats
    measurement: Floats


def fidelity_losses(trace: Trace) -> Losses:
    """Return how the fidelity of a program is lost, by the rules of `qpilot.arch.cost.compute_metrics`."""
    program, spans = trace.program, trace.spans
    constants, steps = program.device.fidelity, len(program.instructions)
    pairs = np.bincount(trace.pair_steps, minlength=steps)
    gates, measured, reset = (
        np.array([len(op.atoms) if isinstance(op, kind) else 0 for op in program.instructions], dtype=np.int64)
        for kind in (Raman, Measure, Reset)
    )
    # A span counts from its Raman layer to the instruction before its release.
    changes = np.bincount(spans.first, minlength=steps + 1) - np.bincount(spans.last, minlength=steps + 1)
    bright = program.num_qubits + np.cumsum(changes)[:steps]
    idle = np.where(pairs > 0, np.maximum(0, bright - 2 * pairs), 0)
    return Losses(
        _accrue(pairs, constants.cz),
        _accrue(gates, constants.raman),
        _accrue(idle, constants.idle_rydberg),
        _decoherence(trace),
        _accrue(measured, constants.measure) + _accrue(reset, constants.reset),
    )


def _accrue(counts: Ints, success: float) -> Floats:
    each = -math.log10(success) if success > 0 else math.inf
    total = np.concatenate([[0], np.cumsum(counts)])
    return np.array([count * each if count else 0.0 for count in total.tolist()])


def _decoherence(trace: Trace) -> Floats:
    """Return -log10 of the product of 1 - t / T2 over all atoms, t being the time an atom only held its state."""
    program = trace.program
    t2_us = program.device.fidelity.t2_us
    bright = np.arange(program.num_atoms) < program.num_qubits
    idle_us = np.zeros(program.num_atoms)
    total = [0.0]
    for step, (op, spent_us) in enumerate(zip(program.instructions, np.diff(trace.times_us), strict=True)):
        acted = trace.pairs[pairs_at(trace, step)].ravel() if isinstance(op, Rydberg) else np.empty(0, np.int64)
        if isinstance(op, (Raman, Measure, Reset)):
            acted = np.array(op.atoms, dtype=np.int64)
            bright[acted] = True
        elif isinstance(op, Release):
            bright[list(op.atoms)] = False
        if spent_us > 0:
            holding = bright.copy()
            holding[acted] = False
            idle_us[holding] += spent_us
            with np.errstate(divide="ignore"):
                total.append(-float(np.log10(np.maximum(0.0, 1 - idle_us / t2_us)).sum()))
        else:
            total.append(total[-1])
    return np.array(total)
