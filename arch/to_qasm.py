"""A program as OpenQASM 3 on physical qubits: the gates as statements, the schedule as annotations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, count

import msgspec

from .program import CircuitInfo, Condition, Measure, Move, Program, Raman, Release, Reset, Rydberg, check_structure
from .to_qiskit import empty_circuit

_RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
    OPENQASM include defcalgrammar def cal defcal gate extern box let break continue if else end return for while in
    switch case default nop pragma input output const readonly mutable qreg qubit creg bool bit int uint float angle
    complex array void duration stretch gphase inv pow ctrl negctrl durationof delay reset measure barrier true false
    im pi tau euler arccos arcsin arctan ceiling cos exp floor log mod popcount real imag rotl rotr sin sizeof sqrt tan
    U p x y z h s sdg t tdg sx rx ry rz cx cy cz cp crx cry crz ch swap ccx cswap cu CX phase cphase id u1 u2 u3
    """,
    )
)
"""Words of the language and gates of stdgates.inc: no names for bits."""


def program_to_qasm(program: Program) -> str:
    """Return a program as OpenQASM 3 text; see `Program.to_qasm`.

    Raises:
        ProgramError: The program is not well formed.
    """
    check_structure(program)
    return "".join(f"{line}\n" for line in _lines(program))


def _lines(program: Program) -> Iterator[str]:
    """Yield the lines: declarations, then each layer of gates behind a barrier that says what comes."""
    info = program.circuit
    yield "OPENQASM 3.0;"
    yield 'include "stdgates.inc";'
    yield f"// qpilot program {_in_comment(info.name)} for {_in_comment(program.device.name)}"
    yield f"// {_atoms(0, program.num_qubits)}: data atoms in the SLM"
    yield f"// {_atoms(program.num_qubits, len(program.ancillas))}: ancillas, which fly in the AODs"
    bits, declarations = _classical_bits(info)
    yield from declarations
    if info.global_phase:
        yield f"gphase({_number(info.global_phase)});"
    told = [
        f"@qpilot.device {_json(program.device)}",
        f"@qpilot.sites {_json(program.sites)}",
        f"@qpilot.ancillas {_json(program.ancillas)}",
    ]
    # The first barrier names every atom, which also fixes how many qubits a reader makes.
    barrier = f"barrier {', '.join(f'${atom}' for atom in range(program.num_atoms))};"
    pulses, layers = count(1), count(1)
    for op in program.instructions:
        if isinstance(op, Move):
            told.append(f"@qpilot.move {_json({'aod': op.aod, 'rows_um': op.rows_um, 'cols_um': op.cols_um})}")
            continue
        if isinstance(op, Release):
            told.append(f"@qpilot.release {_json(op.atoms)}")
            continue
        if isinstance(op, Rydberg):
            told.append(f"@qpilot.rydberg {next(pulses)}" if op.pairs else "@qpilot.rydberg")
        elif isinstance(op, Raman):
            told.append(f"@qpilot.raman {next(layers)}")
        else:
            told.append(f"@qpilot.{type(op).__name__.lower()}")
        if program.num_atoms:
            yield from told
            yield barrier
        told, barrier = [], "barrier;"
        yield from _gates(op, bits)
    if told and program.num_atoms:
        yield from told
        yield barrier


def _gates(op: Raman | Rydberg | Measure | Reset, bits: list[str]) -> Iterator[str]:
    if isinstance(op, Raman):
        tests = _tests(op.condition, bits)
        yield from (f"if ({test}) {{" for test in tests)
        for atom, angles in zip(op.atoms, op.angles, strict=True):
            yield f"U({', '.join(map(_number, angles))}) ${atom};"
        yield from "}" * len(tests)
    elif isinstance(op, Rydberg):
        for k, (a, b) in enumerate(op.pairs):
            yield f"cp({_number(op.angles[k])}) ${a}, ${b};" if op.angles else f"cz ${a}, ${b};"
    elif isinstance(op, Reset):
        yield from (f"reset ${atom};" for atom in op.atoms)
    else:
        for atom, bit in zip(op.atoms, op.clbits, strict=True):
            yield f"{bits[bit]} = measure ${atom};"


def _tests(condition: Condition | None, bits: list[str]) -> list[str]:
    """Return what each classical bit of a condition must be."""
    if condition is None:
        return []
    tested = zip(condition.clbits, condition.values, strict=True)
    return [f"{bits[bit]} == {'true' if value else 'false'}" for bit, value in tested]


def _classical_bits(info: CircuitInfo) -> tuple[list[str], list[str]]:
    """Return how to write each classical bit, and the declarations: registers as in the source, then bits of none."""
    circuit = empty_circuit(info, 0)
    taken: set[str] = set()
    bits, declarations = [""] * info.num_clbits, []
    for register in circuit.cregs:
        name = _identifier(register.name, taken)
        if register.size:
            declarations.append(f"bit[{register.size}] {name};")
        for k, bit in enumerate(register):
            bits[circuit.find_bit(bit).index] = f"{name}[{k}]"
    for index, written in enumerate(bits):
        if not written:
            bits[index] = _identifier("bit", taken)
            declarations.append(f"bit {bits[index]};")
    return bits, declarations


def _identifier(wanted: str, taken: set[str]) -> str:
    """Return a name that OpenQASM 3 accepts, has no other use for, and that is not taken; take it."""
    name = re.sub(r"\W", "_", wanted, flags=re.ASCII)
    if not re.match("[A-Za-z]", name):  # Qiskit renames what begins with an underscore
        name = f"c{name}"
    if name in _RESERVED:
        name = f"{name}_"
    names = chain((name,), (f"{name}_{k}" for k in count(1)))
    free = next(candidate for candidate in names if candidate not in taken)
    taken.add(free)
    return free


def _atoms(first: int, number: int) -> str:
    """Name a run of physical qubits, for a reader."""
    return f"${first} to ${first + number - 1}" if number > 1 else f"${first}" if number else "none"


def _number(value: float) -> str:
    return repr(float(value))  # numpy's numbers name their type


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _in_comment(name: str) -> str:
    return " ".join(name.split())
