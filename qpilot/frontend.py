"""The front end: reads a circuit, refuses by name what cannot be compiled, and lowers the rest to {u, cp}."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qiskit import QuantumCircuit, qasm2, qasm3

from .arch.errors import CircuitError
from .arch.files import read_bytes
from .arch.program import CircuitInfo
from .canonical import CanonicalForm
from .diagonals import gather
from .reader import Reader
from .routing.blocks import GateBlock
from .translation import one_line, to_form, translate

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
        circuit: Gates of any kind, barriers and final measurements; `qpilot.parts.cut` takes others.
        keep_barriers: Whether gates stay on their side of a barrier; what a program is verified against ignores them.
        gathered: Whether two CZ gates that are one diagonal gate become that; without it, only Qiskit's own are kept.

    Raises:
        CircuitError: The circuit has no qubits, or an operation that cannot be compiled.
    """
    reader = read_steps(circuit)
    if reader.is_dynamic:
        raise CircuitError(f"The circuit {circuit.name!r} measures, resets or decides in mid-circuit.")
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


def read_steps(circuit: QuantumCircuit, *, keep_idle: bool = False) -> Reader:
    """Return the steps of a circuit: gates, barriers, measurements, resets and gates that have a condition.

    Args:
        circuit: The circuit.
        keep_idle: Keep gates under a condition that turn by nothing.

    Raises:
        CircuitError: The circuit has no qubits, or an operation that cannot be compiled.
    """
    if circuit.num_qubits == 0:
        raise CircuitError(f"The circuit {circuit.name!r} has no qubits; give one with at least one qubit.")
    try:
        reader = Reader(circuit, keep_idle=keep_idle)
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
        found = re.match(r"<input>:(\d+),(\d+): (.*)", one_line(error))
        reason = f"{_place(found[1], found[2])}: {found[3]}" if found else one_line(error)
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
    message = one_line(error)
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
