"""Translation: from Qiskit's gates to {u, cp}, and on to the canonical form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction
from qiskit.circuit.equivalence_library import SessionEquivalenceLibrary
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import BasisTranslator, Decompose, HighLevelSynthesis, UnitarySynthesis

from .arch.errors import CircuitError
from .arch.traced import Traced
from .canonical import CanonicalForm
from .diagonals import APPENDERS
from .parameters import number

if TYPE_CHECKING:
    from .reader import Reader

_SYNTHESIS_BASIS = ["u", "cz"]
_BASIS = [*_SYNTHESIS_BASIS, "cp", "crz", "rzz"]
_KEPT = frozenset((*_BASIS, "barrier"))
_BY_DEFINITION = ["xx_plus_yy", "xx_minus_yy"]
"""Gates that the translator would turn into two controlled phases where their definitions have two CX gates."""


def translate(reader: Reader, steps: list[CircuitInstruction]) -> QuantumCircuit:
    """Return steps of a circuit in {u, cz, barrier} and the diagonal gates that are kept.

    Raises:
        CircuitError: A gate cannot be translated; it is named.
    """
    qubits = reader.circuit.qubits
    plain = QuantumCircuit.from_instructions(steps, qubits=qubits)
    if all(step.name in _KEPT for step in steps):
        return plain
    try:
        return run_passes(plain)
    except Exception as error:
        raise _culprit(reader, error) from error


def run_passes(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit in the basis; what Qiskit raises if it cannot, is raised."""
    passes = PassManager(
        [
            UnitarySynthesis(basis_gates=_SYNTHESIS_BASIS, approximation_degree=1.0),
            # A circuit is compiled as a unitary, so synthesis may not rely on qubits that happen to be in |0>.
            HighLevelSynthesis(
                basis_gates=_BASIS, equivalence_library=SessionEquivalenceLibrary, qubits_initially_zero=False
            ),
            Decompose(_BY_DEFINITION),
            BasisTranslator(SessionEquivalenceLibrary, _BASIS),
        ]
    )
    return passes.run(circuit)


def _culprit(reader: Reader, error: Exception) -> CircuitError:
    """Return an error that names the first gate that cannot be translated, found by translating each kind alone."""
    tried = set()
    for step, origin in zip(reader.steps, reader.origins, strict=False):
        if not isinstance(step, CircuitInstruction) or step.is_standard_gate() or step.name in tried:
            continue
        tried.add(step.name)
        try:
            run_passes(QuantumCircuit.from_instructions([step], qubits=step.qubits))
        except Exception as reason:
            name = reader.circuit.data[origin].name
            return CircuitError(f"Instruction {origin} ({name}) cannot be translated to u and cz: {one_line(reason)}.")
    return CircuitError(f"The circuit cannot be translated to u and cz: {one_line(error)}.")


def to_form(circuit: QuantumCircuit, keep_barriers: bool) -> CanonicalForm:
    """Return the canonical form of a translated circuit."""
    form = CanonicalForm(circuit.num_qubits)
    form.global_phase = number(circuit.global_phase)
    index = {bit: q for q, bit in enumerate(circuit.qubits)}
    for step in circuit.data:
        qubits = [index[bit] for bit in step.qubits]
        name = step.name
        if name == "cz":
            form.cp(qubits[0], qubits[1])
        elif name == "u":
            theta, phi, lam = map(number, step.params)
            form.u(qubits[0], 2 * _reduced(theta / 2), _reduced(phi), _reduced(lam))
        elif name in APPENDERS:  # an RZZ or CRZ by 2 pi is not the identity
            APPENDERS[name](form, qubits[0], qubits[1], 2 * _reduced(number(step.params[0]) / 2))
        elif name == "barrier":
            if keep_barriers:
                form.barrier(qubits)
        else:
            raise CircuitError(f"The operation {name} cannot be translated to u and cz.")
    return form


def _reduced(angle: float) -> float:
    """Return a large angle modulo 2 pi before it is added to others, which would round it."""
    if abs(angle) < 1e3 or isinstance(angle, Traced):
        return angle
    if not math.isfinite(angle):
        raise CircuitError(f"A gate has the angle {angle}, which is not a finite number.")
    return math.atan2(math.sin(angle), math.cos(angle))


def one_line(error: BaseException) -> str:
    """Return the message of an error as one line without its full stop."""
    message = " ".join(str(getattr(error, "message", error)).split()).rstrip(".")
    return message or type(error).__name__
