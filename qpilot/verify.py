"""Verification: does a program obey the hardware, and does it compute its circuit?

Both circuits are brought to the canonical form of `qpilot.canonical`: the source directly, the program by `replay`.
Equal forms mean equal unitaries. Of the source there are two forms, gates as written and gathered by `diagonals`, and
either will do, as a form or as a frame of `qpilot.pauli_frames`. A program that computes the same by another identity
is refused, unless it is so small that the matrices can be compared: verification never accepts a wrong program, and
accepts everything the routers write. A template bound at special angles may need the matrices. Circuits that measure,
reset or decide in mid-circuit are compared stretch by stretch; `qpilot.dynamic` says why that is enough.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any

import msgspec
from qiskit import QuantumCircuit
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.quantum_info import Operator, SparsePauliOp

from .arch import Program, check_legal
from .arch.errors import ProgramError, VerificationError
from .arch.program import check_structure
from .arch.unitary import wrap
from .canonical import CanonicalForm
from .dynamic import describe, is_same, split
from .frontend import lower, read_circuit, read_steps
from .parameters import require_bound
from .parts import Gates, Source, frame_of, has_strings, play, read_parts
from .pauli_frames import replay_frame
from .replay import replay
from .routing.blocks import PauliBlock

MATRIX_QUBITS = 8
"""Circuits of up to this many qubits may be compared by their matrices."""


def verify(program: Program, circuit: Any, *, legality: bool = True) -> None:
    """Prove that a program is legal and computes a circuit; return nothing if so.

    Linear in the number of gates, at any size and any angles. The global phase cannot be observed and is not compared;
    the compiler sets it so that `Program.to_circuit` equals the source with its phase.

    Args:
        program: The program.
        circuit: The source: anything `qpilot.compile` takes.
        legality: Check the rules of the hardware as well as the meaning.

    Raises:
        CircuitError: The source cannot be read, or has unbound parameters.
        ProgramError: The program breaks a rule of the hardware or is not well formed.
        VerificationError: The program computes another circuit, measures otherwise, or has other numbers of bits.
    """
    source = read_circuit(circuit)
    require_bound(source)
    checks = _checks(program, source)
    first = next(checks)  # what is wrong with the source comes before what is wrong with the program
    if legality:
        require_legal(program)
    if source.num_clbits != program.circuit.num_clbits:
        raise VerificationError(
            f"The program has {program.circuit.num_clbits} classical bits, the circuit {source.num_clbits}."
        )
    try:
        first()
    except VerificationError as error:
        for check in checks:
            with contextlib.suppress(VerificationError):
                check()
                return
        raise error from None


def _checks(program: Program, circuit: QuantumCircuit) -> Iterator[Callable[[], object]]:
    """Yield what may prove that a program computes a circuit, the likeliest first.

    The program may run evolutions under Pauli strings as a whole or gate by gate, and CZ . U . CZ gathered or not. That
    of a template has decided so for all angles, and has gates under conditions that do nothing at some.
    """
    reader, device = read_steps(circuit), program.device
    strings = has_strings(reader)
    if strings:
        yield partial(check_parts, program, read_parts(reader, device, by_strings=True))
    if not reader.is_dynamic:
        for gathered in (True, False):
            lowered = lower(circuit, keep_barriers=False, gathered=gathered)
            yield partial(check_against, program, lowered.form, lowered.measures)
    idle = read_steps(circuit, keep_idle=True)
    readers = [reader] if len(idle.steps) == len(reader.steps) else [reader, idle]
    for by_strings, each in product((True, False) if strings else (False,), readers):
        for gathers in (None, True, False):
            yield partial(check_parts, program, read_parts(each, device, by_strings=by_strings, gathered=gathers))


def require_legal(program: Program) -> None:
    """Raise an error if the program breaks a rule of its device.

    Raises:
        ProgramError: With the first violation.
    """
    violations = check_legal(program)
    if violations:
        more = f" ({len(violations) - 1} more follow)" if len(violations) > 1 else ""
        raise ProgramError(f"The program is not legal: {violations[0]}{more}")


def check_against(program: Program, form: CanonicalForm, measures: Sequence[tuple[int, int]]) -> float:
    """Prove that a program computes a circuit that is already lowered.

    Args:
        program: The program.
        form: Canonical form of the circuit, without barriers.
        measures: Its measurements (qubit, clbit), in order.

    Returns:
        The angle to add to `program.circuit.global_phase` for `Program.to_circuit` to equal the circuit exactly, in
        (-pi, pi].

    Raises:
        ProgramError: The program is not well formed.
        VerificationError: The program computes something else.
    """
    if len(form.segments) != program.num_qubits:
        raise VerificationError(f"The program has {program.num_qubits} qubits, the circuit {len(form.segments)}.")
    found = replay(program)
    difference = form.difference(found.form)
    if difference:
        raise VerificationError(f"The program computes another circuit: {difference}.")
    check_measures(measures, found.measures)
    return wrap(form.global_phase - found.form.global_phase)


def check_parts(program: Program, source: Source) -> None:
    """Prove that a program computes a circuit that is cut into parts.

    Where the circuit has events in its midst, both are cut there: see `qpilot.dynamic`.

    Raises:
        ProgramError: The program is not well formed.
        VerificationError: The program computes something else.
    """
    if source.info.num_qubits != program.num_qubits:
        raise VerificationError(f"The program has {program.num_qubits} qubits, the circuit {source.info.num_qubits}.")
    pieces = source.pieces()
    if len(pieces) == 1:
        check_measures(source.measures, _check_stretch(program, pieces[0][0]))
        return
    check_structure(program)
    for number, ((parts, event), found) in enumerate(zip(pieces, split(program), strict=False)):  # both end in None
        if not (event is found.event if event is None or found.event is None else is_same(event, found.event)):
            raise VerificationError(
                f"Event {number} of the program differs: it {describe(found.event)}, and the circuit {describe(event)}."
            )
        stretch = msgspec.structs.replace(program, instructions=found.instructions)
        try:
            _check_stretch(stretch, parts)
        except VerificationError as error:
            raise VerificationError(f"In the stretch from instruction {found.first} on: {error}") from None


def _check_stretch(program: Program, parts: Sequence[Gates | PauliBlock]) -> Sequence[tuple[int, int]]:
    """Prove that a program runs some parts of a circuit; return its measurements."""
    found, measures = replay_frame(program)
    difference = frame_of(program.num_qubits, parts).difference(found)
    if difference and not _has_same_matrix(program, parts):
        raise VerificationError(f"The program computes another circuit: {difference}.")
    return measures


def _has_same_matrix(program: Program, parts: Sequence[Gates | PauliBlock]) -> bool:
    """Return whether a program is known to run some parts of a circuit, since both have the same matrix."""
    if program.num_qubits > MATRIX_QUBITS:
        return False
    try:
        form = replay(program).form
    except VerificationError:
        return False
    one, other = (_matrix(program.num_qubits, some) for some in (parts, [Gates(form.to_block(), 0.0)]))
    return bool(one.equiv(other, atol=1e-6, rtol=0.0))


def _matrix(num_qubits: int, parts: Iterable[Gates | PauliBlock]) -> Operator:
    circuit = QuantumCircuit(num_qubits)
    for part in parts:
        if isinstance(part, PauliBlock):
            for string in part.strings:
                word = SparsePauliOp("".join(letter for _, letter in reversed(string.letters)))
                qubits = [qubit for qubit, _ in string.letters]
                circuit.compose(PauliEvolutionGate(word, string.angle / 2).definition, qubits, inplace=True)
        else:
            play(
                part.block,
                lambda qubit, *angles: circuit.u(*angles, qubit),
                lambda a, b, angle: circuit.cp(angle, a, b),
            )
    return Operator(circuit)


def check_measures(expected: Sequence[tuple[int, int]], found: Sequence[tuple[int, int]]) -> None:
    """Compare measurements; only those into the same classical bit have an order."""
    mine, theirs = sorted(expected), sorted(found)
    if mine != theirs:
        missing = [pair for pair in mine if pair not in set(theirs)]
        wrong = [pair for pair in theirs if pair not in set(mine)]
        qubit, clbit = (missing or wrong or theirs)[0]
        verb, contrary = ("does not measure", "does") if missing else ("measures", "does not")
        raise VerificationError(f"The program {verb} qubit {qubit} into classical bit {clbit}; the circuit {contrary}.")
    last = {clbit: qubit for qubit, clbit in expected}
    for clbit, qubit in {clbit: qubit for qubit, clbit in found}.items():
        if last[clbit] != qubit:
            raise VerificationError(
                f"Classical bit {clbit} ends with the outcome of qubit {qubit}; in the circuit, of qubit {last[clbit]}."
            )
