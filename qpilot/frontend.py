"""The front end: reads a circuit, refuses by name what cannot be compiled, and lowers the rest to {u, cp}."""

from __future__ import annotations

import contextlib
import functools
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, qasm2, qasm3
from qiskit.circuit import (
    Barrier,
    BreakLoopOp,
    CircuitInstruction,
    ContinueLoopOp,
    ControlFlowOp,
    Delay,
    Gate,
    Instruction,
    Measure,
    ParameterExpression,
    Reset,
    Store,
)
from qiskit.circuit.equivalence_library import SessionEquivalenceLibrary
from qiskit.circuit.library import CPhaseGate, get_standard_gate_name_mapping
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Operator
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import BasisTranslator, Decompose, HighLevelSynthesis, UnitarySynthesis

from .arch.errors import CircuitError
from .arch.files import read_bytes
from .arch.program import CircuitInfo
from .arch.traced import Traced
from .canonical import CanonicalForm
from .diagonals import APPENDERS, gather
from .parameters import number
from .routing.blocks import GateBlock

_SYNTHESIS_BASIS = ["u", "cz"]
_BASIS = [*_SYNTHESIS_BASIS, "cp", "crz", "rzz"]
_KEPT = frozenset((*_BASIS, "barrier"))
_BY_DEFINITION = ["xx_plus_yy", "xx_minus_yy"]
"""Gates that the translator would turn into two controlled phases where their definitions have two CX gates."""
_AS_CP: dict[str, Callable[..., CPhaseGate]] = {
    "cs": lambda: CPhaseGate(math.pi / 2),
    "csdg": lambda: CPhaseGate(-math.pi / 2),
    "cu1": CPhaseGate,
}
"""Controlled phases that are no part of the basis: the translator would spell other gates with them."""

MAX_GATES = 1_000_000
"""Largest number of gates that is compiled, after the circuit's own gates are replaced by their definitions."""

# Atomic groups: comments are never tried in a second way, so a hostile text cannot make the search slow.
_HEADER = re.compile(r"(?>\s+|//[^\n]*|/\*.*?\*/)*+OPENQASM\s+([0-9]+)(\.[0-9]+)?\s*;", re.DOTALL)
# Registers of a million bits and more, and integers that the OpenQASM 2 parser cannot hold.
_TOO_LARGE = re.compile(r"(?:\[\s*|\$)([0-9][0-9_]{6,})|(?<![\w.])([0-9]{19,})(?![\w.])")


@dataclass(frozen=True, slots=True)
class Lowered:
    """A circuit as the compiler takes it.

    Attributes:
        info: Name, sizes and registers of the circuit; its global phase is left at 0 for the compiler to fill in.
        form: Canonical form over {u, cp}; `form.global_phase` includes the global phase of the circuit, in radians.
        block: The same as a block for the routers.
        measures: (qubit, classical bit) of each final measurement, in order.
    """

    info: CircuitInfo
    form: CanonicalForm
    block: GateBlock
    measures: tuple[tuple[int, int], ...]


def read_circuit(source: QuantumCircuit | str | Path) -> QuantumCircuit:
    """Return a circuit given as such, as OpenQASM 2 or 3 text, or as the path of such a text.

    A string that has a line break, a semicolon or the word OPENQASM is text, any other string a path. A circuit read
    from a file is named after the file; a name ending in .gz is decompressed.

    Args:
        source: Circuit, text or path.

    Raises:
        CircuitError: There is no such file, it is not text, or the text is not OpenQASM 2 or 3.
    """
    if isinstance(source, QuantumCircuit):
        return source
    if not isinstance(source, (str, Path)):
        raise CircuitError(
            f"An object of type {type(source).__name__} is not a circuit; give a QuantumCircuit, OpenQASM text "
            "or the path of an OpenQASM file."
        )
    if isinstance(source, str) and not source.strip():
        raise CircuitError("The circuit text is empty; give OpenQASM text or the path of an OpenQASM file.")
    if _is_text(source):
        circuit = _parse(str(source), "The circuit text", folder=None)
        circuit.name = circuit_name(source)
        return circuit
    path = Path(source)
    try:
        text = read_bytes(path, CircuitError).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CircuitError(f"{path} is not a text file in UTF-8, so it is not OpenQASM.") from None
    circuit = _parse(text, str(path), folder=path.parent)
    circuit.name = circuit_name(source)
    return circuit


def circuit_name(source: QuantumCircuit | str | Path) -> str:
    """Return the name of a circuit before it is read; the name of a type if it is no circuit."""
    if isinstance(source, QuantumCircuit):
        return str(source.name)
    if not isinstance(source, (str, Path)):
        return type(source).__name__
    if _is_text(source):
        return "circuit"  # Qiskit numbers circuits as they come; equal texts are to give equal programs
    return Path(Path(source).name.removesuffix(".gz")).stem


def _is_text(source: str | Path) -> bool:
    """Whether a source is OpenQASM itself and not the path of a file."""
    return isinstance(source, str) and ("\n" in source or ";" in source or "OPENQASM" in source)


def lower(circuit: QuantumCircuit, *, keep_barriers: bool = True, gathered: bool = True) -> Lowered:
    """Translate a circuit to {u, cp} and cut it into segments, in time linear in the number of gates.

    Gates are translated exactly as Qiskit defines them; those diagonal in Z are kept whole, however they are spelt (see
    `qpilot.diagonals`). Identities and delays are dropped; so is a reset before the first gate of a qubit, since every
    qubit starts in |0>. Angles that depend on parameters become `Traced` numbers.

    Args:
        circuit: Gates of any kind, barriers and final measurements.
        keep_barriers: Whether gates stay on their side of a barrier; what a program is verified against ignores them.
        gathered: Whether two CZ gates that are one diagonal gate become that; without it, only Qiskit's own are kept.

    Raises:
        CircuitError: The circuit has no qubits, or an operation that cannot be compiled.
    """
    reader = read_steps(circuit)
    form = to_form(translate(reader, reader.steps), keep_barriers or gathered)
    form.global_phase += reader.global_phase
    if gathered:
        form = gather(form, keep_barriers=keep_barriers)
    return Lowered(circuit_info(circuit), form, form.to_block(), tuple(reader.measures))


def circuit_info(circuit: QuantumCircuit) -> CircuitInfo:
    """Return what a program keeps of a circuit, its global phase aside."""
    return CircuitInfo(
        name=_printable(circuit.name or "circuit"),
        num_qubits=circuit.num_qubits,
        num_clbits=circuit.num_clbits,
        qregs=_registers(circuit.qregs, circuit.qubits),
        cregs=_registers(circuit.cregs, circuit.clbits),
    )


def read_steps(circuit: QuantumCircuit) -> Reader:
    """Return the gates, barriers and final measurements of a circuit.

    Raises:
        CircuitError: The circuit has no qubits, or an operation that cannot be compiled.
    """
    if circuit.num_qubits == 0:
        raise CircuitError(f"The circuit {circuit.name!r} has no qubits; give one with at least one qubit.")
    try:
        reader = Reader(circuit)
    except RecursionError:
        raise CircuitError(
            "The gates of the circuit are defined by one another too deeply; decompose some first."
        ) from None
    return reader


def _registers(registers: Iterable[Any], bits: list[Any]) -> tuple[tuple[str, int], ...]:
    """Return (name, size) of each register, or nothing unless they list exactly these bits in this order."""
    registers = list(registers)
    if [bit for register in registers for bit in register] != bits:
        return ()
    return tuple((_printable(register.name), len(register)) for register in registers)


def _printable(name: str) -> str:
    """Replace what UTF-8 cannot hold: a file name need not be text."""
    return name.encode("utf-8", "replace").decode("utf-8")


# --- reading OpenQASM ------------------------------------------------------------------------------------------------


def _parse(text: str, source: str, folder: Path | None) -> QuantumCircuit:
    """Return the circuit of an OpenQASM text; `source` is what errors call it, `folder` where it may include from."""
    if not text.strip():
        raise CircuitError(f"{source} is empty; it should hold OpenQASM 2 or 3.")
    header = _HEADER.match(text)
    if header is None:
        raise CircuitError(f"{source} has no OpenQASM header; it should begin with 'OPENQASM 2.0;' or 'OPENQASM 3.0;'.")
    large = _TOO_LARGE.search(text)
    if large is not None:
        line = text.count("\n", 0, large.start()) + 1
        raise CircuitError(f"{source}, line {line}: the number {(large[1] or large[2])[:30]} is too large to compile.")
    version = int(header[1])
    if version == 2:
        return _parse_qasm2(text, source, folder)
    if version == 3:
        return _parse_qasm3(text, source)
    raise CircuitError(
        f"{source} is in OpenQASM {header[1]}{header[2] or ''}, which is not known; use version 2.0 or 3.0."
    )


def _parse_qasm2(text: str, source: str, folder: Path | None) -> QuantumCircuit:
    # Qiskit would take a gate that the text defines for its own gate of that name, whatever the definition says.
    defined = set(re.findall(r"\bgate\s+(\w+)", text))
    try:
        return qasm2.loads(
            text,
            include_path=(*qasm2.LEGACY_INCLUDE_PATH, *((folder,) if folder else ())),
            custom_instructions=[gate for gate in qasm2.LEGACY_CUSTOM_INSTRUCTIONS if gate.name not in defined],
            custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL,
        )
    except Exception as error:
        found = re.match(r"<input>:(\d+),(\d+): (.*)", _one_line(error))
        reason = f"{_place(found[1], found[2])}: {found[3]}" if found else _one_line(error)
        raise CircuitError(f"{source} is not valid OpenQASM 2: {reason}.") from error


def _parse_qasm3(text: str, source: str) -> QuantumCircuit:
    try:
        # The parser reports some errors twice: it raises them, and prints them.
        with contextlib.redirect_stderr(io.StringIO()):
            return qasm3.loads(text)
    except RecursionError:
        raise CircuitError(f"{source} is not valid OpenQASM 3: it is nested too deeply.") from None
    except Exception as error:
        raise CircuitError(f"{source} is not valid OpenQASM 3: {_qasm3_reason(error)}.") from error


def _qasm3_reason(error: Exception) -> str:
    """Return place and reason of an error; Qiskit's importer states the place in three ways, or not at all."""
    message = _one_line(error)
    found = re.match(r"(?:L(\d+):C)?(\d+)(?:,(\d+))?: (.*)", message)
    if found:
        line, column = (found[1], found[2]) if found[1] else (found[2], found[3])
        return f"{_place(line, column)}: {found[4]}"
    token = getattr(next(iter(getattr(error.__cause__, "args", ())), None), "offendingToken", None)
    if token is not None:
        return f"{_place(token.line, token.column)}: unexpected {token.text!r}"
    span, trace = None, error.__traceback__
    while trace is not None:  # the innermost statement that the importer was visiting
        span = getattr(trace.tb_frame.f_locals.get("node"), "span", None) or span
        trace = trace.tb_next
    return f"{_place(span.start_line, span.start_column)}: {message}" if span else message


def _place(line: str | int, column: str | int) -> str:
    """Return a place as editors count it; parsers count columns from 0."""
    return f"line {line}, column {int(column) + 1}"


def _one_line(error: BaseException) -> str:
    """Return the message of an error as one line without its full stop."""
    message = " ".join(str(getattr(error, "message", error)).split()).rstrip(".")
    return message or type(error).__name__


# --- what can be compiled --------------------------------------------------------------------------------------------


class Reader:
    """Reads a circuit once: keeps gates and barriers, collects final measurements, refuses everything else by name."""

    def __init__(self, circuit: QuantumCircuit) -> None:
        self.circuit = circuit
        self.steps: list[CircuitInstruction] = []
        self.origins: list[int] = []  # for each step, the instruction of the circuit it comes from
        self.measures: list[tuple[int, int]] = []
        self.global_phase = 0.0
        self._path: list[tuple[int, str]] = []  # index and name of the current instruction, and of those it is part of
        self._touched: set[int] = set()  # qubits a gate has acted on
        self._measured: dict[int, int] = {}  # qubit -> instruction
        qubits = {bit: q for q, bit in enumerate(circuit.qubits)}
        self._read(circuit, qubits, {bit: c for c, bit in enumerate(circuit.clbits)})
        while self.steps and self.steps[-1].name == "barrier":
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
                self._step(step, acted, [clbits[bit] for bit in step.clbits])
            self._path.pop()

    def _step(self, step: CircuitInstruction, qubits: list[int], clbits: list[int]) -> None:
        op = step.operation
        if isinstance(op, Measure):
            self._check_unmeasured(qubits)
            self._measured[qubits[0]] = self._path[0][0]
            self.measures.append((qubits[0], clbits[0]))
        elif isinstance(op, Barrier):
            self._keep(step, qubits)
        elif isinstance(op, Reset):
            self._check_reset(qubits[0])
        elif isinstance(op, (ControlFlowOp, Store, BreakLoopOp, ContinueLoopOp)):
            raise self._refusal(
                "is no gate: classical control and boxes cannot be compiled; "
                "give a circuit of gates and final measurements"
            )
        elif not isinstance(op, Instruction) or _is_library_gate(op):
            self._gate(step, qubits)
        elif not isinstance(op, Delay):
            self._composite(step, qubits, clbits)

    def _composite(self, step: CircuitInstruction, qubits: list[int], clbits: list[int]) -> None:
        """Read the definition of an operation that is not from Qiskit's library of gates.

        Qiskit goes by the name: left alone, it would translate a user's own `iswap` as its iSwapGate.
        """
        op = step.operation
        try:
            definition = op.definition
        except Exception as error:
            raise self._refusal(f"has no usable definition: {_one_line(error)}") from error
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
        self._check_unmeasured(qubits)
        self._touched.update(qubits)
        self._keep(step, qubits)

    def _keep(self, step: CircuitInstruction, qubits: list[int]) -> None:
        if len(self.steps) == MAX_GATES:
            raise CircuitError(f"The circuit has more than {MAX_GATES:,} gates; compile it in parts.")
        if step.name in _AS_CP and step.is_standard_gate():
            step = step.replace(operation=_AS_CP[step.name](*step.params), params=None)
        self.steps.append(step.replace(qubits=[self.circuit.qubits[q] for q in qubits]))
        self.origins.append(self._path[0][0])

    def _check_unmeasured(self, qubits: list[int]) -> None:
        for q in qubits:
            if q in self._measured:
                raise self._refusal(
                    f"acts on qubit {q} after its measurement (instruction {self._measured[q]}); only final "
                    "measurements can be compiled: move the measurement to the end, or remove it"
                )

    def _check_reset(self, qubit: int) -> None:
        if qubit in self._touched or qubit in self._measured:
            raise self._refusal(
                f"resets qubit {qubit} after other operations; only a reset before the first gate can be compiled: "
                "use a fresh qubit instead"
            )

    def _refusal(self, what: str) -> CircuitError:
        index, name = self._path[0]
        inner = f", in it {self._path[-1][1]}" if len(self._path) > 1 else ""
        return CircuitError(f"Instruction {index} ({name}{inner}) {what}.")


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


# --- translation -----------------------------------------------------------------------------------------------------


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
        return _run_passes(plain)
    except Exception as error:
        raise _culprit(reader, error) from error


def _run_passes(circuit: QuantumCircuit) -> QuantumCircuit:
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
        if step.is_standard_gate() or step.name in tried:
            continue
        tried.add(step.name)
        try:
            _run_passes(QuantumCircuit.from_instructions([step], qubits=step.qubits))
        except Exception as reason:
            name = reader.circuit.data[origin].name
            return CircuitError(f"Instruction {origin} ({name}) cannot be translated to u and cz: {_one_line(reason)}.")
    return CircuitError(f"The circuit cannot be translated to u and cz: {_one_line(error)}.")


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
