"""A circuit in parts: gates, and rotations about Pauli strings in between that go to the Pauli router as they are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Gate
from qiskit.circuit.library import CXGate, HGate, PauliEvolutionGate, SXdgGate, SXGate
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import SparsePauliOp
from qiskit.synthesis import ProductFormula, QDrift

from .arch.device import FPQA
from .arch.errors import CircuitError
from .arch.program import CircuitInfo, Event
from .arch.unitary import ANGLE_TOLERANCE, wrap
from .diagonals import gather
from .dynamic import stretches
from .frontend import circuit_info, read_steps
from .parameters import expression, is_free, number
from .pauli_frames import PauliFrame
from .reader import Reader
from .routing.blocks import GateBlock, PauliBlock, PauliString
from .routing.dense import largest_block
from .translation import to_form, translate

FEWEST_LETTERS = 3
"""Evolutions whose strings all have fewer letters are gates on pairs, which the other routers take."""

Letters = tuple[tuple[int, str], ...]

_IDENTITY = (0, 0)


def is_pauli_evolution(step: CircuitInstruction) -> bool:
    """Return whether a step is an evolution under Pauli strings that the Pauli router should take."""
    gate = step.operation
    if not isinstance(gate, PauliEvolutionGate):
        return False
    operators = gate.operator if isinstance(gate.operator, list) else [gate.operator]
    if not all(isinstance(operator, SparsePauliOp) for operator in operators):
        return False  # a SparseObservable may have projectors
    labels = (label for operator in operators for label in operator.paulis.to_labels())
    return any(len(label) - label.count("I") >= FEWEST_LETTERS for label in labels)


def expand(step: CircuitInstruction, qubits: Sequence[int]) -> Iterator[PauliString]:
    """Yield the rotations of an evolution in the order of its product formula; those about the identity included.

    Raises:
        CircuitError: Its synthesis is not a fixed product formula, or an angle is not a finite real number.
    """
    gate = step.operation
    # QDrift draws other terms every time, so what is compiled could not be compared with the circuit.
    if not isinstance(gate.synthesis, ProductFormula) or isinstance(gate.synthesis, QDrift):
        raise CircuitError(
            f"The evolution {gate.name} has the synthesis {type(gate.synthesis).__name__}, which is no fixed product "
            "formula; use LieTrotter or SuzukiTrotter, or give circuit.decompose()."
        )
    try:
        terms = gate.synthesis.expand(gate)
    except (QiskitError, TypeError, ValueError) as error:
        raise CircuitError(f"The evolution {gate.name} has no product formula: {str(error).rstrip('.')}.") from None
    for letters, places, angle in terms:
        value = number(angle) if is_free(angle) else real_angle(angle)
        if math.isnan(value):
            raise CircuitError(f"The evolution {gate.name} has the angle {angle}; it must be a finite real number.")
        named = sorted((qubits[place], letter) for place, letter in zip(places, letters, strict=True) if letter != "I")
        yield PauliString(tuple(named), value)


def real_angle(angle: Any) -> float:
    """Return an angle as a float; not a number if it is no finite real number."""
    try:
        number = math.nan if isinstance(angle, (str, bool)) else complex(angle)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return number.real if math.isfinite(number.real) and abs(number.imag) <= ANGLE_TOLERANCE else math.nan


@dataclass(frozen=True, slots=True)
class Merged:
    """Rotations that are left when equal neighbours are added up, and the phase that the others leave, in radians."""

    strings: tuple[PauliString, ...]
    global_phase: float


def merge(strings: Iterable[PauliString]) -> Merged:
    """Add up rotations about equal strings with nothing between them that does not commute; drop those that vanish."""
    letters: list[Letters] = []
    angles: list[float] = []
    seen: list[tuple[int, int]] = []  # masks, those of the identity where a sum has vanished
    places: dict[Letters, list[int]] = {}  # where equal strings are that have not vanished
    phase = 0.0
    for string in strings:
        angle = 2 * wrap(string.angle / 2)  # the period is 4 pi; sums of small angles stay finite
        if not string.letters:
            phase -= angle / 2
            continue
        mask, equal = masks(string.letters), places.setdefault(string.letters, [])
        if equal and all(_commute(mask, seen[k]) for k in range(len(seen) - 1, equal[-1], -1)):
            angles[equal[-1]] += angle
        else:
            equal.append(len(seen))
            letters.append(string.letters)
            angles.append(angle)
            seen.append(mask)
        total = angles[equal[-1]]
        if abs(wrap(total)) < ANGLE_TOLERANCE:
            phase += round(total / (2 * math.pi)) * math.pi  # exp(-i pi P) = -1
            seen[equal.pop()] = _IDENTITY
    kept = zip(letters, angles, seen, strict=True)
    return Merged(
        tuple(PauliString(name, 2 * wrap(angle / 2)) for name, angle, mask in kept if mask != _IDENTITY), phase
    )


def masks(letters: Letters) -> tuple[int, int]:
    """The qubits with X or Y, and those with Z or Y, as bits."""
    x = z = 0
    for qubit, letter in letters:
        x |= (letter != "Z") << qubit
        z |= (letter != "X") << qubit
    return x, z


def _commute(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return ((a[0] & b[1]).bit_count() + (a[1] & b[0]).bit_count()) % 2 == 0


@dataclass(frozen=True, slots=True)
class Gates:
    """A part of gates, as a block for the routers.

    Attributes:
        global_phase: By which the block falls short of the gates, in radians.
    """

    block: GateBlock
    global_phase: float

    @classmethod
    def of(cls, circuit: QuantumCircuit, device: FPQA, *, gathered: bool | None = None) -> Gates:
        """Return a translated circuit as a part; CZ . U . CZ are one gate as told, or where that is good."""
        form = gather(to_form(circuit, keep_barriers=True), keep_barriers=True)
        block = form.to_block()
        if not (gathers(block, device) if gathered is None else gathered):
            form = to_form(circuit, keep_barriers=True)
            block = form.to_block()
        return cls(block, form.global_phase)


Part = Gates | PauliBlock | Event


@dataclass(frozen=True, slots=True)
class Source:
    """A circuit in parts.

    Attributes:
        info: Name, sizes and registers of the circuit.
        parts: What to run, in order.
        measures: (qubit, classical bit) of each final measurement, in order; none where there are events, which have
            these among them.
        global_phase: Of the circuit beyond that of its parts, in radians.
    """

    info: CircuitInfo
    parts: tuple[Part, ...]
    measures: tuple[tuple[int, int], ...] = ()
    global_phase: float = 0.0

    def pieces(self) -> list[tuple[list[Gates | PauliBlock], Event | None]]:
        """Return the parts up to each event, with it; and those behind the last one, with None."""
        found: list[tuple[list[Gates | PauliBlock], Event | None]] = []
        parts: list[Gates | PauliBlock] = []
        for part in self.parts:
            if isinstance(part, (Gates, PauliBlock)):
                parts.append(part)
            else:
                found.append((parts, part))
                parts = []
        return [*found, (parts, None)]


def frame_of(num_qubits: int, parts: Iterable[Gates | PauliBlock]) -> PauliFrame:
    """Return what some parts of a circuit compute."""
    frame = PauliFrame(num_qubits)
    for part in parts:
        if isinstance(part, PauliBlock):
            for string in part.strings:
                frame.rotation(*masks(string.letters), string.angle)
        else:
            play(part.block, frame.u, frame.cp)
    return frame


def cut(circuit: QuantumCircuit, device: FPQA | None, *, by_strings: bool = True) -> Source | None:
    """Cut a circuit into parts, or return None if it is of gates and final measurements alone.

    Args:
        circuit: The circuit.
        device: The machine.
        by_strings: Whether evolutions under Pauli strings of several letters stay whole; else they are gates.

    Raises:
        CircuitError: The circuit cannot be compiled (see `qpilot.frontend.lower`).
    """
    reader = read_steps(circuit)
    strings = by_strings and has_strings(reader)
    return read_parts(reader, device, by_strings=strings) if strings or reader.is_dynamic else None


def has_strings(reader: Reader) -> bool:
    """Return whether a circuit has evolutions that the Pauli router should take."""
    return any(isinstance(step, CircuitInstruction) and is_pauli_evolution(step) for step in reader.steps)


def read_parts(reader: Reader, device: FPQA | None, *, by_strings: bool, gathered: bool | None = None) -> Source:
    """Return a circuit in parts.

    Args:
        reader: The circuit.
        device: The machine.
        by_strings: Whether evolutions under Pauli strings of several letters stay whole; else they are gates.
        gathered: Whether CZ . U . CZ are one gate; by default where that is good.

    Raises:
        CircuitError: The circuit cannot be compiled (see `qpilot.frontend.lower`).
    """
    device = device or FPQA.for_qubits(1)  # the gates of a default device do not depend on its size
    info = circuit_info(reader.circuit)
    if not reader.is_dynamic:
        parts, phase = _parts(reader, reader.steps, device, by_strings, gathered)
        return Source(info, tuple(parts), tuple(reader.measures), reader.global_phase + phase)
    found: list[Part] = []
    for stretch in stretches(reader):
        found += _parts(reader, stretch.gates, device, by_strings, gathered)[0]
        found += stretch.events
    return Source(info, tuple(found))


def _parts(
    reader: Reader, steps: list[CircuitInstruction], device: FPQA, by_strings: bool, gathered: bool | None
) -> tuple[list[Gates | PauliBlock], float]:
    """Return gates of a circuit as parts, and the phase that they leave, in radians."""
    circuit = reader.circuit
    index = {bit: q for q, bit in enumerate(circuit.qubits)}
    parts: list[Gates | PauliBlock] = []
    phase = 0.0
    for paulis, run in itertools.groupby(steps, key=lambda step: by_strings and is_pauli_evolution(step)):
        steps = list(run)
        if paulis:
            merged = merge(string for step in steps for string in expand(step, [index[bit] for bit in step.qubits]))
            phase += merged.global_phase
            if merged.strings:
                parts.append(PauliBlock(circuit.num_qubits, merged.strings))
            continue
        parts.append(Gates.of(translate(reader, steps), device, gathered=gathered))
    return parts, phase


def gathers(block: GateBlock, device: FPQA) -> bool:
    """Whether CZ . U . CZ should be gathered to one diagonal gate, given the block where they are.

    Such a gate takes two pulses at one position, or one that it shares with no CZ, unless phases are individual. That
    suits circuits made of them; among plain CZs they spoil more stages than they save (random circuits at 100 qubits:
    234 pulses against 179).
    """
    angled = sum(not gate.is_cz for gate in block.gates)
    return (
        device.rydberg.individual_phases or 2 * angled >= len(block.gates) or largest_block(block, device) is not None
    )


def play(block: GateBlock, u: Callable[..., object], cp: Callable[[int, int, float], object]) -> None:
    """Run the gates of a block in order: `u(qubit, theta, phi, lam)` and `cp(a, b, angle)`."""
    opened = [-1] * block.num_qubits

    def open_up_to(qubit: int, segment: int) -> None:
        while opened[qubit] < segment:
            opened[qubit] += 1
            angles = block.openings[qubit][opened[qubit]]
            if angles is not None:
                u(qubit, *angles)

    for gate in block.gates:
        open_up_to(gate.a, gate.segment_a)
        open_up_to(gate.b, gate.segment_b)
        cp(gate.a, gate.b, gate.angle)
    for qubit, openings in enumerate(block.openings):
        open_up_to(qubit, len(openings) - 1)
        u(qubit, 0.0, 0.0, block.closings[qubit])


def as_gates(block: PauliBlock, device: FPQA) -> Gates:
    """Return rotations about Pauli strings as gates: each parity is collected by a balanced tree of CX.

    Gates that undo each other between neighbouring strings are left out.
    """
    from qiskit.transpiler import PassManager
    from qiskit.transpiler.passes import InverseCancellation

    circuit = QuantumCircuit(block.num_qubits)
    for string in block.strings:
        qubits = [qubit for qubit, _ in string.letters]
        to_z = QuantumCircuit(block.num_qubits)
        for qubit, letter in string.letters:
            if letter == "X":
                to_z.h(qubit)
            elif letter == "Y":
                to_z.sx(qubit)
        while len(qubits) > 1:
            for control, target in zip(qubits[::2], qubits[1::2], strict=False):
                to_z.cx(control, target)
            qubits = qubits[1::2] + qubits[len(qubits) // 2 * 2 :]
        circuit.compose(to_z, inplace=True)
        circuit.rz(expression(string.angle), qubits[0])
        circuit.compose(to_z.inverse(), inplace=True)
    undone: list[Gate | tuple[Gate, Gate]] = [CXGate(), HGate(), (SXGate(), SXdgGate())]
    reader = read_steps(PassManager([InverseCancellation(undone)]).run(circuit))
    return Gates.of(translate(reader, reader.steps), device)
