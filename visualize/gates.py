"""When the gates of a circuit happen in its program: gates are matched with the pairs of the pulses, qubit by qubit."""

from __future__ import annotations

import numbers
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arch.program import Measure, Raman, Reset
from .motion import FOLD, GATE, Ints, Trace

_MOST_LETTERS = 32


@dataclass(frozen=True, slots=True)
class GateTimes:
    """When a gate of the source circuit happens.

    Attributes:
        text: Name, parameters and qubits.
        first, last: The first and last instruction that does a part of it; where none is known, both are the one by
            which it is done at the latest.
        matched: Whether they are known.
    """

    text: str
    first: int
    last: int
    matched: bool


def logical_pairs(trace: Trace) -> Ints:
    """Return the numbers of the pairs that act between two qubits, in order."""
    known = (trace.pair_qubits >= 0).all(axis=1)
    return np.flatnonzero(known & np.isin(trace.pair_kinds, (GATE, FOLD)))


def gate_times(trace: Trace, circuit: Any) -> list[GateTimes]:
    """Return when each gate of a circuit happens; barriers are left out.

    Gates on the same two qubits share the pairs of these qubits in order, each the same number where that is possible.
    A gate of more qubits is taken apart by its definition. A one-qubit gate is among the Raman layers that drive its
    data atom between the gates before and after it; which of them cannot always be told, so it lasts through all.

    Args:
        trace: What `qpilot.visualize.motion.trace` returned for the program.
        circuit: The Qiskit circuit that was compiled.
    """
    index = {bit: k for k, bit in enumerate(circuit.qubits)}
    steps = [step for step in circuit.data if step.operation.name != "barrier"]
    qubits = [[index[bit] for bit in step.qubits] for step in steps]
    parts = [list(_two_qubit_parts(step.operation, on)) for step, on in zip(steps, qubits, strict=True)]
    spans = _match(trace, parts)
    events = _event_steps(trace)
    for k in reversed(range(len(steps))):  # the first resets of a circuit may be left out
        happened = events.get((steps[k].operation.name, *qubits[k]))
        if happened:
            spans[k] = (happened.pop(),) * 2
    latest = _latest(spans, qubits, len(trace.sentences))
    _match_one_qubit_gates(trace, spans, qubits, latest)
    return [
        GateTimes(_text(step.operation, on), *(span or (done, done)), matched=span is not None)
        for step, on, span, done in zip(steps, qubits, spans, latest, strict=True)
    ]


def _two_qubit_parts(operation: Any, qubits: list[int]) -> Iterator[tuple[int, int]]:
    if len(qubits) == 2:
        yield min(qubits), max(qubits)
    elif len(qubits) > 2 and getattr(operation, "definition", None) is not None:
        definition = operation.definition
        inner = dict(zip(definition.qubits, qubits, strict=True))
        for step in definition.data:
            yield from _two_qubit_parts(step.operation, [inner[bit] for bit in step.qubits])


def _match(trace: Trace, parts: list[list[tuple[int, int]]]) -> list[tuple[int, int] | None]:
    """Return the first and last instruction of each gate, given the pairs of qubits that it consists of."""
    happens: dict[tuple[int, int], list[int]] = defaultdict(list)
    for k in logical_pairs(trace).tolist():
        low, high = sorted(trace.pair_qubits[k].tolist())
        happens[low, high].append(int(trace.pair_steps[k]))
    wanted: dict[tuple[int, int], list[int]] = defaultdict(list)
    for gate, pairs in enumerate(parts):
        for pair in pairs:
            wanted[pair].append(gate)
    spans: list[tuple[int, int] | None] = [None] * len(parts)
    for pair, gates in wanted.items():
        steps = happens[pair]
        for k, gate in enumerate(gates):
            mine = steps[k * len(steps) // len(gates) : (k + 1) * len(steps) // len(gates)]
            if mine:
                first, last = spans[gate] or (mine[0], mine[-1])
                spans[gate] = min(first, mine[0]), max(last, mine[-1])
    return spans


def _event_steps(trace: Trace) -> dict[tuple[str | int, ...], list[int]]:
    """Return when each qubit is measured, as ("measure", qubit), and reset."""
    found: dict[tuple[str | int, ...], list[int]] = defaultdict(list)
    for step, op in enumerate(trace.program.instructions):
        if isinstance(op, (Measure, Reset)):
            for atom in op.atoms:
                found[type(op).__name__.lower(), atom].append(step)
    return found


def _latest(spans: list[tuple[int, int] | None], qubits: list[list[int]], end: int) -> list[int]:
    """Return for each gate the instruction before which it must be done: the next matched one on any of its qubits."""
    following: dict[int, int] = {}
    latest = [end] * len(spans)
    for k in range(len(spans) - 1, -1, -1):
        span = spans[k]
        latest[k] = min((following.get(q, end) for q in qubits[k]), default=end)
        for q in qubits[k]:
            following[q] = span[0] if span else latest[k]
    return latest


def _match_one_qubit_gates(
    trace: Trace, spans: list[tuple[int, int] | None], qubits: list[list[int]], latest: list[int]
) -> None:
    """Give each the Raman layers that drive its data atom between the gates of more qubits before and after it."""
    driven: dict[int, list[int]] = defaultdict(list)
    for step, op in enumerate(trace.program.instructions):
        if isinstance(op, Raman):
            for atom in op.atoms:
                driven[atom].append(step)
    reached = [0] * trace.program.num_qubits
    for k, on in enumerate(qubits):
        span = spans[k]
        if span is not None:
            for q in on:
                reached[q] = max(reached[q], span[1])
        elif len(on) == 1:
            layers = driven[on[0]]
            mine = layers[bisect_left(layers, reached[on[0]]) : bisect_right(layers, latest[k])]
            spans[k] = (mine[0], mine[-1]) if mine else None


def _text(operation: Any, qubits: list[int]) -> str:
    has_body = bool(getattr(operation, "blocks", ()))  # of an if_test, whose parameters are circuits
    params = "" if has_body else ", ".join(_parameter(value) for value in operation.params)
    return f"{operation.name}{f'({params})' if params else ''} {' '.join(f'q{q}' for q in qubits)}"


def _parameter(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, numbers.Real) else " ".join(str(value).split())
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 3] + "..."
