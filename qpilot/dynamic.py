"""Circuits that measure, reset and decide in mid-circuit: cut into stretches of gates with *events* between them.

An event is a measurement, a reset, or a layer of one-qubit gates that has a condition. Each is a fence for all qubits:
the gates before it are done, and every ancilla is back in |0> and dark. So the price of an event is what the routers
could have run across it. As few fences are made as the order on each qubit and classical bit allows: gates and events
go into the earliest place they can, and events of one kind in the same place become one instruction.

Verification cuts the circuit and the program alike. It is sound since stretches are unitary, and events are not: if
the events are the same, in the same order, and each stretch does the same to the data qubits for every state of them up
to a global phase, then for all outcomes both sides go through the same states with the same probabilities. Ancillas
carry nothing across an event, as each stretch must leave them in |0>. A phase that depends on outcomes alone, as that
of a gate with a condition, belongs to a classical record, and nothing can observe it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from qiskit.circuit import CircuitInstruction

from .arch.program import Condition, Event, Instruction, Measure, Program, Raman, Reset, is_event
from .arch.unitary import Angles, matmul, u_angles, u_matrix, wrap
from .reader import Reader

_Place = tuple[int, int]
"""Number of the stretch and, for the events behind it, their turn."""

_START: _Place = (0, 0)


class CircuitStretch(NamedTuple):
    """Gates of a circuit, and the events behind them."""

    gates: list[CircuitInstruction]
    events: list[Event]


@dataclass(slots=True)
class _Layers:
    """Where the steps of a circuit go.

    Attributes:
        gates: The gates of each stretch.
        events: The events at each place.
        qubits: The earliest place of the next event on each qubit; a gate goes into that stretch, or the one after it
            if an event comes first.
        written, read: The earliest place of the next event that reads, or writes, each classical bit.
    """

    gates: dict[int, list[CircuitInstruction]] = field(default_factory=lambda: defaultdict(list))
    events: dict[_Place, list[Event]] = field(default_factory=lambda: defaultdict(list))
    qubits: dict[int, _Place] = field(default_factory=dict)
    written: dict[int, _Place] = field(default_factory=dict)
    read: dict[int, _Place] = field(default_factory=dict)

    def add_gate(self, step: CircuitInstruction, qubits: Sequence[int]) -> None:
        """Put a gate or a barrier into the first stretch where its qubits are free."""
        places = [self.qubits.get(q, _START) for q in qubits]
        stretch = max((number + (turn > 0) for number, turn in places), default=0)
        self.gates[stretch].append(step)
        self.qubits.update(dict.fromkeys(qubits, (stretch, 0)))

    def add_event(self, event: Event) -> None:
        """Put an event behind the first stretch where its qubits and classical bits are free."""
        places = [self.qubits.get(q, _START) for q in event.atoms]
        condition = event.condition if isinstance(event, Raman) else None
        writes = event.clbits if isinstance(event, Measure) else ()
        places += [self.written.get(c, _START) for c in (condition.clbits if condition else writes)]
        places += [self.read.get(c, _START) for c in writes]
        stretch, turn = max(places)
        self.events[stretch, turn].append(event)
        behind = (stretch, turn + 1)
        self.qubits.update(dict.fromkeys(event.atoms, behind))
        self.written.update(dict.fromkeys(writes, behind))
        if condition:
            self.read.update({c: max(behind, self.read.get(c, _START)) for c in condition.clbits})


def stretches(reader: Reader) -> list[CircuitStretch]:
    """Cut a circuit at its events, the final measurements among them; linear in its size."""
    index = {bit: q for q, bit in enumerate(reader.circuit.qubits)}
    layers = _Layers()
    for step in reader.steps:
        if isinstance(step, CircuitInstruction):
            layers.add_gate(step, [index[bit] for bit in step.qubits])
        else:
            layers.add_event(step)
    last = max([0, *layers.gates, *(number + 1 for number, _ in layers.events)])
    ends = _Layers(qubits=dict.fromkeys(range(len(index)), (last, 0)))
    for qubit, clbit in reader.measures:
        ends.add_event(Measure((qubit,), (clbit,)))
    behind: dict[int, list[Event]] = defaultdict(list)
    for place, events in sorted((layers.events | ends.events).items()):
        behind[place[0]] += _joined(events)
    for gates in layers.gates.values():
        while gates and gates[-1].name == "barrier":
            gates.pop()  # the events are a fence themselves
    return [CircuitStretch(layers.gates[number], behind[number]) for number in range(last + 1)]


def _joined(events: Iterable[Event]) -> list[Event]:
    """Return events on different qubits as few, in an order that depends on the events alone."""
    outcomes: dict[int, int] = {}
    reset: list[int] = []
    driven: dict[tuple[tuple[int, bool], ...], dict[int, Angles]] = defaultdict(dict)
    for event in events:
        if isinstance(event, Measure):
            outcomes.update(zip(event.atoms, event.clbits, strict=True))
        elif isinstance(event, Reset):
            reset += event.atoms
        else:
            driven[_sorted(event.condition)].update(zip(event.atoms, event.angles, strict=True))
    joined: list[Event] = []
    if outcomes:
        joined.append(Measure(tuple(sorted(outcomes)), tuple(outcomes[q] for q in sorted(outcomes))))
    if reset:
        joined.append(Reset(tuple(sorted(reset))))
    for condition, gates in sorted(driven.items(), key=lambda item: item[0]):
        clbits, values = zip(*condition, strict=True)
        atoms = tuple(sorted(gates))
        joined.append(Raman(atoms, tuple(gates[q] for q in atoms), Condition(clbits, values)))
    return joined


def _sorted(condition: Condition | None) -> tuple[tuple[int, bool], ...]:
    """Return the bits of a condition and their values in order."""
    return tuple(sorted(zip(condition.clbits, condition.values, strict=True))) if condition else ()


class ProgramStretch(NamedTuple):
    """Instructions of a program, the number of the first, and the event behind them; None at the end."""

    first: int
    instructions: tuple[Instruction, ...]
    event: Event | None


def split(program: Program) -> list[ProgramStretch]:
    """Cut a program at its events."""
    found, first = [], 0
    for index, op in enumerate(program.instructions):
        if is_event(op):
            found.append(ProgramStretch(first, program.instructions[first:index], op))
            first = index + 1
    found.append(ProgramStretch(first, program.instructions[first:], None))
    return found


def is_same(one: Event, other: Event, tolerance: float = 1e-6) -> bool:
    """Return whether two events do the same, whatever the order of their atoms; `tolerance` is of angles."""
    if type(one) is not type(other) or sorted(one.atoms) != sorted(other.atoms):
        return False
    if isinstance(one, Measure) and isinstance(other, Measure):
        return dict(zip(one.atoms, one.clbits, strict=True)) == dict(zip(other.atoms, other.clbits, strict=True))
    if isinstance(one, Raman) and isinstance(other, Raman):
        gates = dict(zip(other.atoms, other.angles, strict=True))
        return _sorted(one.condition) == _sorted(other.condition) and all(
            _is_same_gate(angles, gates[atom], tolerance) for atom, angles in zip(one.atoms, one.angles, strict=True)
        )
    return True


def _is_same_gate(one: Angles, other: Angles, tolerance: float) -> bool:
    theta, phi, lam = other
    left, _, phase, _ = u_angles(matmul(u_matrix(*one), u_matrix(-theta, -lam, -phi)))
    return left < tolerance and abs(wrap(phase)) < tolerance


def describe(event: Event | None) -> str:
    """Return what an event does, for messages."""
    if event is None:
        return "ends"
    if isinstance(event, Measure):
        pairs = ", ".join(f"{q} into {c}" for q, c in sorted(zip(event.atoms, event.clbits, strict=True)))
        return f"measures qubits into classical bits ({pairs})"
    qubits = ", ".join(map(str, sorted(event.atoms)))
    if isinstance(event, Reset):
        return f"resets qubits {qubits}"
    held = ", ".join(f"bit {c} is {int(value)}" for c, value in _sorted(event.condition))
    gates = ", ".join(
        f"u({theta:.6g}, {phi:.6g}, {lam:.6g}) on qubit {q}"
        for q, (theta, phi, lam) in sorted(zip(event.atoms, event.angles, strict=True))
    )
    return f"does {gates} if {held}"
