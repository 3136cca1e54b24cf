"""Reads a circuit once: flattens it, and refuses by name what cannot be compiled."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import (
    Barrier,
    BreakLoopOp,
    CircuitInstruction,
    ClassicalRegister,
    Clbit,
    ContinueLoopOp,
    ControlFlowOp,
    Delay,
    Gate,
    IfElseOp,
    Instruction,
    Measure,
    ParameterExpression,
    Reset,
    Store,
)
from qiskit.circuit.library import CPhaseGate, get_standard_gate_name_mapping
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Operator

from .arch import program
from .arch.errors import CircuitError
from .arch.program import Condition, Event
from .arch.unitary import ANGLE_TOLERANCE, Angles, wrap
from .parameters import number
from .translation import one_line, run_passes, to_form

_AS_CP: dict[str, Callable[..., CPhaseGate]] = {
    "cs": lambda: CPhaseGate(math.pi / 2),
    "csdg": lambda: CPhaseGate(-math.pi / 2),
    "cu1": CPhaseGate,
}
"""Controlled phases that are no part of the basis: the translator would spell other gates with them."""

MAX_GATES = 1_000_000
"""Largest number of gates that is compiled, after the circuit's own gates are replaced by their definitions."""

Step: TypeAlias = CircuitInstruction | Event


class Reader:
    """Reads a circuit once.

    A measurement is *final* if nothing later acts on its qubit, and nothing that is not final itself on its classical
    bit; final measurements may be put off to the end. What is left are steps in the order of the circuit, where qubit q
    of an event is atom q.

    Attributes:
        circuit: The circuit.
        steps: Gates and barriers, and the events that are no final measurements.
        origins: For each step, the instruction of the circuit it comes from.
        measures: (qubit, classical bit) of each final measurement, in order.
        global_phase: Of the circuit and the definitions of its gates, in radians.
        is_dynamic: Whether there are any events.

    Args:
        circuit: The circuit.
        keep_idle: Keep gates under a condition that turn by nothing, as they are in the program of a template.

    Raises:
        CircuitError: An operation cannot be compiled; it is named.
    """

    def __init__(self, circuit: QuantumCircuit, *, keep_idle: bool = False) -> None:
        self.circuit = circuit
        self._keep_idle = keep_idle
        self.steps: list[Step] = []
        self.origins: list[int] = []
        self.measures: list[tuple[int, int]] = []
        self.global_phase = 0.0
        self._path: list[tuple[int, str]] = []  # index and name of the current instruction, and of those it is part of
        self._last: dict[int, int] = {}  # qubit -> the last step that acts on it
        self._events: list[int] = []  # which steps are events
        qubits = {bit: q for q, bit in enumerate(circuit.qubits)}
        self._read(circuit, qubits, {bit: c for c, bit in enumerate(circuit.clbits)})
        self._put_off_measurements()
        self.is_dynamic = bool(self._events)
        while self.steps and getattr(self.steps[-1], "name", "") == "barrier":
            self.steps.pop()  # nothing follows that it could hold back

    def _read(self, circuit: QuantumCircuit, qubits: Mapping[Any, int], clbits: Mapping[Any, int]) -> None:
        self.global_phase += number(circuit.global_phase)
        for index, step in enumerate(circuit.data):
            self._path.append((index, step.name))
            acted = [qubits[bit] for bit in step.qubits]
            if step.is_standard_gate():
                if step.name != "id":
                    self._gate(step, acted)
            else:
                self._step(step, acted, clbits)
            self._path.pop()

    def _step(self, step: CircuitInstruction, qubits: list[int], clbits: Mapping[Any, int]) -> None:
        op = step.operation
        if isinstance(op, Measure):
            self._event(program.Measure((qubits[0],), (clbits[step.clbits[0]],)))
        elif isinstance(op, Barrier):
            self._keep(step, qubits)
        elif isinstance(op, Reset):
            if qubits[0] in self._last:  # every qubit starts in |0>
                self._event(program.Reset((qubits[0],)))
        elif isinstance(op, IfElseOp):
            self._if_else(step, qubits, clbits)
        elif isinstance(op, (ControlFlowOp, Store, BreakLoopOp, ContinueLoopOp)):
            raise self._refusal(
                "is no gate: of classical control, only if_test on a bit or a register can be compiled, "
                "with gates on single qubits in it"
            )
        elif not isinstance(op, Instruction) or _is_library_gate(op):
            self._gate(step, qubits)
        elif not isinstance(op, Delay):
            self._composite(step, qubits, [clbits[bit] for bit in step.clbits])

    def _if_else(self, step: CircuitInstruction, qubits: list[int], clbits: Mapping[Any, int]) -> None:
        """Read gates T on a condition, else E: E always, then T after the inverse of E on the condition.

        This is the same up to a phase that depends on outcomes alone, which nothing can observe.
        """
        condition = self._condition(step.operation.condition, clbits)
        then, otherwise = (*step.operation.blocks, None)[:2]
        change = QuantumCircuit(len(qubits))
        on = range(len(qubits))
        if otherwise is not None:
            change.compose(self._body(otherwise).inverse(), on, inplace=True)
            inside = (clbits[bit] for bit in step.clbits)
            self._read(
                otherwise,
                dict(zip(otherwise.qubits, qubits, strict=True)),
                dict(zip(otherwise.clbits, inside, strict=True)),
            )
        change.compose(self._body(then), on, inplace=True)
        gates = self._one_qubit_gates(change) if qubits else {}
        if gates and condition is not None:
            atoms = tuple(sorted((qubits[k], k) for k in gates))
            self._event(program.Raman(tuple(q for q, _ in atoms), tuple(gates[k] for _, k in atoms), condition))

    def _condition(self, test: Any, clbits: Mapping[Any, int]) -> Condition | None:
        """Return the condition of an if_test; None if it never holds."""
        if not isinstance(test, tuple) or not isinstance(test[0], (Clbit, ClassicalRegister)):
            raise self._refusal("has an expression as its condition; compare a bit or a register with a value")
        bits, value = test
        tested = [clbits[bit] for bit in ([bits] if isinstance(bits, Clbit) else bits)]
        if not 0 <= int(value) < 1 << len(tested):
            return None
        return Condition(tuple(tested), tuple(bool(int(value) >> k & 1) for k in range(len(tested))))

    def _body(self, block: QuantumCircuit) -> QuantumCircuit:
        """Return the body of an if_test as gates."""
        try:
            reader = Reader(block)
        except CircuitError as error:
            raise self._refusal(f"has a body that cannot be compiled: {str(error).rstrip('.')}") from None
        if reader.is_dynamic or reader.measures:
            raise self._refusal("has a measurement, a reset or another if_test in its body; only gates may be there")
        gates = [step for step in reader.steps if getattr(step, "name", "barrier") != "barrier"]
        return QuantumCircuit.from_instructions(gates, qubits=block.qubits)

    def _one_qubit_gates(self, body: QuantumCircuit) -> dict[int, Angles]:
        """Return the gate on each qubit of a body; those that do nothing are left out, unless idle ones are kept."""
        try:
            form = to_form(run_passes(body), keep_barriers=False)
        except Exception as error:
            raise self._refusal(f"has a body that cannot be translated to u: {one_line(error)}") from error
        if form.links:
            raise self._refusal(
                "has a gate on two or more qubits in its body; only those on single qubits may be there"
            )
        turned = (step for step in body.data if step.params) if self._keep_idle else ()
        idle = {body.find_bit(bit).index for step in turned for bit in step.qubits}
        gates: dict[int, Angles] = {}
        for qubit, (segment,) in enumerate(form.segments):
            phase = wrap(segment.phase)
            if segment.theta != 0.0:
                gates[qubit] = (segment.theta, phase, wrap(segment.lam))
            elif abs(phase) >= ANGLE_TOLERANCE or qubit in idle:
                gates[qubit] = (0.0, 0.0, phase)
        return gates

    def _put_off_measurements(self) -> None:
        """Take final measurements out of the steps."""
        final: set[int] = set()
        later: set[int] = set()  # classical bits
        for place in reversed(self._events):
            step = self.steps[place]
            if isinstance(step, program.Measure) and self._last[step.atoms[0]] == place and step.clbits[0] not in later:
                final.add(place)
                self.measures.append((step.atoms[0], step.clbits[0]))
            else:
                later.update(_clbits_of(step))
        self.measures.reverse()
        if final:
            kept = [place for place in range(len(self.steps)) if place not in final]
            self.steps, self.origins = [self.steps[k] for k in kept], [self.origins[k] for k in kept]
            self._events = [place for place in self._events if place not in final]

    def _composite(self, step: CircuitInstruction, qubits: list[int], clbits: list[int]) -> None:
        """Read the definition of an operation that is not from Qiskit's library of gates.

        Qiskit goes by the name: left alone, it would translate a user's own `iswap` as its iSwapGate.
        """
        op = step.operation
        try:
            definition = op.definition
        except Exception as error:
            raise self._refusal(f"has no usable definition: {one_line(error)}") from error
        if definition is None:
            raise self._refusal("is opaque: give it a definition in terms of known gates")
        known = _known_gate(op, definition)
        if known is not None:
            self._gate(step.replace(operation=known), qubits)
            return
        inner_qubits = dict(zip(definition.qubits, qubits, strict=True))
        self._read(definition, inner_qubits, dict(zip(definition.clbits, clbits, strict=True)))

    def _gate(self, step: CircuitInstruction, qubits: list[int]) -> None:
        if not all(_is_finite(value) for value in step.params):
            raise self._refusal("has a parameter that is not a finite number")
        for q in qubits:
            self._last[q] = len(self.steps)
        self._keep(step, qubits)

    def _keep(self, step: CircuitInstruction, qubits: list[int]) -> None:
        if step.name in _AS_CP and step.is_standard_gate():
            step = step.replace(operation=_AS_CP[step.name](*step.params), params=None)
        self._append(step.replace(qubits=[self.circuit.qubits[q] for q in qubits]))

    def _event(self, event: Event) -> None:
        for q in event.atoms:
            self._last[q] = len(self.steps)
        self._events.append(len(self.steps))
        self._append(event)

    def _append(self, step: Step) -> None:
        if len(self.steps) == MAX_GATES:
            raise CircuitError(f"The circuit has more than {MAX_GATES:,} gates; compile it in parts.")
        self.steps.append(step)
        self.origins.append(self._path[0][0])

    def _refusal(self, what: str) -> CircuitError:
        index, name = self._path[0]
        inner = f", in it {self._path[-1][1]}" if len(self._path) > 1 else ""
        return CircuitError(f"Instruction {index} ({name}{inner}) {what}.")


def _clbits_of(event: Event) -> Sequence[int]:
    """Return the classical bits that an event reads or writes."""
    if isinstance(event, program.Measure):
        return event.clbits
    return event.condition.clbits if isinstance(event, program.Raman) and event.condition else ()


def _is_library_gate(op: Instruction) -> bool:
    return isinstance(op, Gate) and type(op).__module__.startswith("qiskit.circuit.library.")


@functools.cache
def _standard_gates() -> dict[str, Gate]:
    return {name: gate for name, gate in get_standard_gate_name_mapping().items() if isinstance(gate, Gate)}


def _known_gate(op: Instruction, definition: QuantumCircuit) -> Gate | None:
    """Return Qiskit's gate of this name if it does what the definition says: its translation is shorter."""
    gate = _standard_gates().get(op.name)
    if gate is None or (gate.num_qubits, len(gate.params)) != (op.num_qubits, len(op.params)):
        return None
    with contextlib.suppress(QiskitError, ValueError, TypeError):  # the definition is not unitary, or has no matrix
        known = gate.base_class(*op.params)
        if np.allclose(Operator(definition).data, known.to_matrix(), rtol=0, atol=1e-12):
            return known
    return None


def _is_finite(value: object) -> bool:
    """Return whether a parameter is finite, as far as it is made of numbers."""
    if isinstance(value, (int, float)):
        return math.isfinite(value)
    if isinstance(value, ParameterExpression):
        with contextlib.suppress(ValueError):
            return math.isfinite(number(value))
        return False
    if isinstance(value, (complex, np.number, np.ndarray)):
        return bool(np.isfinite(value).all())
    return True
