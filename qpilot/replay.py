"""Replay: run a program symbolically, and read off what it does to the data qubits.

Every ancilla is followed as V |parity of some data bits>: `mask` is the set of these data qubits, `frame` the
one-qubit gate V that stands on top. This is exact for every use of an ancilla the compiler knows, and each rule below
is a line of algebra:

* A gate u on an ancilla: V becomes u V. A V that is diagonal is a phase on the parity, so it moves to the data.
* A CZ looks at Z of its atom through the frame, V^-1 Z V. Where this is Z or -Z the atom gives its parity (-Z: the
  parity plus one) as control; where it is X or -X the atom takes the other's parity into its own.
* A CZ of two parities is a CZ between each data qubit of the one and each of the other.
* A controlled phase by another angle, of atoms that give a parity of one qubit each, is one between these qubits.
* A data qubit is its own parity. It may not see a gate that is not diagonal while an ancilla holds its value.
* A CNOT from an ancilla that holds a copy onto the qubit's own atom leaves that atom in |0>: the two change roles, and
  the ancilla is the qubit from then on.

So the whole program becomes a `CanonicalForm` on the data qubits, in time linear in the number of gates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from .arch.bits import bits
from .arch.errors import VerificationError
from .arch.program import Instruction, Measure, Program, Raman, Release, Reset, Rydberg, check_structure
from .arch.unitary import ANGLE_TOLERANCE, HADAMARD, Angles, Matrix, matmul, u_angles, u_matrix, wrap
from .canonical import CanonicalForm, is_pi

_HADAMARD_MATRIX = u_matrix(*HADAMARD)
_X_MATRIX = u_matrix(math.pi, 0.0, math.pi)
_NOISE = ANGLE_TOLERANCE / 100
"""Phases below this are none, in radians. Programs run controlled phases in parts, smaller than a circuit may have."""

_FRAME_TOLERANCE = 1e-7
"""A frame that turns Z to within this angle of X counts as turning it to X."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a program does.

    Attributes:
        form: The unitary on the data qubits; `form.global_phase` includes `program.circuit.global_phase`.
        measures: The measurements (qubit, clbit), in order.
    """

    form: CanonicalForm
    measures: tuple[tuple[int, int], ...]


def replay(program: Program) -> Replay:
    """Return what a program does to its data qubits, whether or not its moves are legal.

    Programs that measure, reset or decide in mid-circuit are followed stretch by stretch; see `qpilot.dynamic`.

    Raises:
        ProgramError: The program is not well formed (see `qpilot.arch.program.check_structure`).
        VerificationError: An ancilla is used in a way that cannot be followed, a data qubit is driven while an ancilla
            holds its value, an ancilla is released or left behind in another state than |0>, a qubit is used after its
            measurement, or there is a reset or a condition.
    """
    machine = _Machine(program.num_qubits, len(program.ancillas))
    run(program, machine)
    machine.form.global_phase += program.circuit.global_phase
    return Replay(machine.form, tuple(machine.measures))


class Engine(Protocol):
    """What follows a program gate by gate; each method may raise a VerificationError."""

    def u(self, atom: int, angles: Angles) -> None:
        """Apply a one-qubit gate to an atom."""

    def cp(self, a: int, b: int, angle: float) -> None:
        """Apply a controlled phase, such as a CZ, to two atoms."""

    def check_empty(self, atom: int, event: str) -> None:
        """Refuse an ancilla that is not in |0>."""

    def measure(self, qubit: int, clbit: int) -> None:
        """Record a measurement."""


def run(program: Program, engine: Engine) -> None:
    """Let an engine follow a program from start to end.

    Raises:
        ProgramError: The program is not well formed (see `qpilot.arch.program.check_structure`).
        VerificationError: The engine refuses; the message starts with the number of the instruction.
    """
    check_structure(program)
    index = 0
    try:
        for index, op in enumerate(program.instructions):  # noqa: B007 - the message names it
            _apply(op, engine)
        for atom in range(program.num_qubits, program.num_atoms):
            engine.check_empty(atom, "is left at the end")
    except VerificationError as error:
        raise VerificationError(f"Instruction {index}: {error}") from None


def _apply(op: Instruction, engine: Engine) -> None:
    if isinstance(op, Reset) or (isinstance(op, Raman) and op.condition):
        does = "reset" if isinstance(op, Reset) else "driven under a condition"
        raise VerificationError(f"data qubits are {does}, which no circuit of gates and final measurements does.")
    if isinstance(op, Rydberg):
        for k, (a, b) in enumerate(op.pairs):
            engine.cp(a, b, op.angles[k] if op.angles else math.pi)
    elif isinstance(op, Raman):
        for atom, angles in zip(op.atoms, op.angles, strict=True):
            engine.u(atom, angles)
    elif isinstance(op, Release):
        for atom in op.atoms:
            engine.check_empty(atom, "is released")
    elif isinstance(op, Measure):
        for atom, clbit in zip(op.atoms, op.clbits, strict=True):
            engine.measure(atom, clbit)


def not_empty(atom: int, event: str, held: int) -> VerificationError:
    """Return the error of an ancilla that is not in |0>; `held` is the set of data qubits it depends on, as bits."""
    if held:
        qubits = ", ".join(str(q) for q in bits(held))
        return VerificationError(f"ancilla atom {atom} {event} while it still holds the value of data qubits {qubits}.")
    return VerificationError(f"ancilla atom {atom} {event} in another state than |0>.")


class _Machine:
    """The data qubits as a canonical form, and every ancilla as a parity of data bits under a frame."""

    def __init__(self, num_qubits: int, num_ancillas: int) -> None:
        self.qubit_of = [*range(num_qubits), *[-1] * num_ancillas]  # the qubit that an atom is; -1: an ancilla
        self.leaving: dict[int, int] = {}  # atoms halfway through a CNOT from their copy, and that copy
        self.form = CanonicalForm(num_qubits, _NOISE)
        self.measures: list[tuple[int, int]] = []
        self.measured = 0  # bit set of qubits
        self.masks = [1 << q for q in range(num_qubits)] + [0] * num_ancillas
        self.frames: list[Matrix | None] = [None] * (num_qubits + num_ancillas)  # None: the identity
        self.holders = [0] * num_qubits  # number of ancillas whose parity includes the qubit

    def fail(self, message: str) -> VerificationError:
        return VerificationError(f"{message}.")

    def u(self, atom: int, angles: Angles) -> None:
        """Apply a one-qubit gate to an atom."""
        if self.masks[atom] & self.measured:
            raise self.fail(f"atom {atom} is driven after the measurement of {self._measured_in(atom)}")
        if self.qubit_of[atom] >= 0:
            self._u_data(atom, angles)
            return
        frame = self.frames[atom]
        if angles == HADAMARD and (frame is None or frame is _HADAMARD_MATRIX):
            self.frames[atom] = _HADAMARD_MATRIX if frame is None else None
            return
        matrix = u_matrix(*angles)
        self._set_frame(atom, matrix if frame is None else matmul(matrix, frame))

    def _u_data(self, atom: int, angles: Angles) -> None:
        theta, phi, lam = angles
        qubit = self.qubit_of[atom]
        if self.holders[qubit] and abs(wrap(theta)) >= ANGLE_TOLERANCE:
            copy = next(a for a, mask in enumerate(self.masks) if mask >> qubit & 1 and a != atom)
            if atom in self.leaving and angles == HADAMARD:
                del self.leaving[atom]
                return
            is_h = abs(theta - math.pi / 2) < ANGLE_TOLERANCE and abs(wrap(phi)) < ANGLE_TOLERANCE  # after a phase
            if is_h and atom not in self.leaving and self.holders[qubit] == 1 and self.masks[copy] == 1 << qubit:
                self.leaving[atom] = copy
                self.form.phase(qubit, lam - math.pi)  # U(pi/2, 0, lam) is a Hadamard gate after this phase
                return
            raise self.fail(
                f"data qubit {qubit} sees u({theta:.6g}, {phi:.6g}, {lam:.6g}), which is not diagonal, "
                f"while ancilla atom {copy} holds its value"
            )
        self.form.u(qubit, theta, phi, lam)

    def _set_frame(self, atom: int, matrix: Matrix) -> None:
        """Give an ancilla a frame; a diagonal one is a phase on its parity."""
        theta, _, lam, alpha = u_angles(matrix)
        if theta > 0.0:
            self.frames[atom] = matrix
            return
        self.frames[atom] = None
        self.form.global_phase += alpha
        self._rotate_parity(atom, lam)

    def _rotate_parity(self, atom: int, angle: float) -> None:
        """Apply P(angle) to the parity that an ancilla holds."""
        mask = self.masks[atom]
        angle = wrap(angle)
        if not mask or abs(angle) < _NOISE:
            return
        if abs(wrap(angle - math.pi)) < ANGLE_TOLERANCE:
            self._flip_phase(mask)
            return
        qubits = list(bits(mask))
        if len(qubits) > 2:
            raise self.fail(
                f"ancilla atom {atom} rotates the parity of {len(qubits)} data qubits by {angle:.6g}; "
                "parities of more than two qubits are not followed"
            )
        for q in qubits:
            self.form.phase(q, angle)
        if len(qubits) == 2:  # x xor y = x + y - 2 x y
            self.form.cp(qubits[0], qubits[1], -2 * angle)

    def _flip_phase(self, mask: int) -> None:
        """Apply Z to each qubit of a set."""
        for q in bits(mask):
            self.form.phase(q, math.pi)

    def cp(self, a: int, b: int, angle: float) -> None:
        """Apply a controlled phase to two atoms; a CZ if the angle is pi."""
        if (self.masks[a] | self.masks[b]) & self.measured:
            late = a if self.masks[a] & self.measured else b
            raise self.fail(f"atom {late} is in a pair after the measurement of {self._measured_in(late)}")
        if abs(wrap(angle)) < _NOISE:
            return
        if self.leaving and (a in self.leaving or b in self.leaving):
            self._leave(a, b, angle)
            return
        takes_a, minus_a = self._look(a) if self.frames[a] else (False, False)
        takes_b, minus_b = self._look(b) if self.frames[b] else (False, False)
        if not is_pi(angle):
            if takes_a or takes_b:
                turned = a if takes_a else b
                raise self.fail(
                    f"a controlled phase of {angle:.6g} on ancilla atom {turned}, which is not in the Z basis"
                )
            self._multiply_by(angle, a, minus_a, b, minus_b)
            return
        if takes_a and takes_b:
            raise self.fail(f"CZ between ancilla atoms {a} and {b}, neither of which is in the Z basis")
        if takes_a:
            self._take(a, minus_a, b, minus_b)
        elif takes_b:
            self._take(b, minus_b, a, minus_a)
        else:
            self._multiply(self.masks[a], minus_a, self.masks[b], minus_b)

    def _leave(self, a: int, b: int, angle: float) -> None:
        """The CZ of a CNOT from a copy onto the atom of its qubit, after which they change roles."""
        atom, copy = (a, b) if a in self.leaving else (b, a)
        if self.leaving[atom] != copy or self.frames[copy] is not None or not is_pi(angle):
            raise self.fail(f"a pulse on atom {atom} of data qubit {self.qubit_of[atom]}, which has left the Z basis")
        del self.leaving[atom]
        qubit = self.qubit_of[copy] = self.qubit_of[atom]
        self.qubit_of[atom] = -1
        self.masks[atom], self.frames[atom] = 0, _HADAMARD_MATRIX
        self.holders[qubit] -= 1

    def _look(self, atom: int) -> tuple[bool, bool]:
        """Return how a CZ sees an ancilla, from V^-1 Z V: (True, sign) for X or -X, (False, sign) for Z or -Z."""
        frame = self.frames[atom]
        if frame is _HADAMARD_MATRIX or frame is None:
            return frame is not None, False
        theta, phi, lam, alpha = u_angles(frame)
        if theta == math.pi:
            return False, True
        if abs(theta - math.pi / 2) > _FRAME_TOLERANCE:
            raise self.fail(
                f"pulse on ancilla atom {atom}, whose gates so far turn Z by {theta:.6g}; "
                "only 0, pi/2 and pi can be followed"
            )
        # V = P(phi) RY(pi/2) P(lam) looks like -X at lam = 0 and X at lam = pi; any other lam is a phase on the parity.
        plus = math.cos(lam) < 0
        nearest = math.pi if plus else 0.0
        if abs(wrap(lam - nearest)) > _NOISE:
            self._rotate_parity(atom, lam - nearest)
            self.form.global_phase += alpha
            self.frames[atom] = u_matrix(math.pi / 2, phi, nearest)
        return True, not plus

    def _take(self, atom: int, minus: bool, other: int, plus_one: bool) -> None:
        """CZ as a CNOT: `atom`, in the X basis, takes in the parity of `other` (plus one)."""
        mask, frame = self.masks[other], self.frames[atom]
        if minus:
            self._flip_phase(mask)
            self.form.global_phase += math.pi * plus_one
        if plus_one and frame is not None:
            self.frames[atom] = matmul(frame, _X_MATRIX)
        old = self.masks[atom]
        self.masks[atom] = old ^ mask
        for q in bits(mask):
            self.holders[q] += -1 if old >> q & 1 else 1

    def _multiply(self, mask_a: int, plus_one_a: bool, mask_b: int, plus_one_b: bool) -> None:
        """CZ between two parities: the phase (-1)^(A B) is one CZ for each qubit of A and each of B."""
        for p in bits(mask_a):
            for q in bits(mask_b):
                if p == q:
                    self.form.phase(p, math.pi)
                else:
                    self.form.cp(p, q)
        if plus_one_a:
            self._flip_phase(mask_b)
        if plus_one_b:
            self._flip_phase(mask_a)
        self.form.global_phase += math.pi * (plus_one_a and plus_one_b)

    def _multiply_by(self, angle: float, a: int, minus_a: bool, b: int, minus_b: bool) -> None:
        """Controlled phase of two atoms that give a parity of at most one qubit each, plus one where `minus` is set."""
        for mask, atom in ((self.masks[a], a), (self.masks[b], b)):
            if mask.bit_count() > 1:
                raise self.fail(
                    f"a controlled phase of {angle:.6g} on ancilla atom {atom}, which holds a parity of "
                    f"{mask.bit_count()} data qubits; only one can be followed"
                )
        if minus_a:  # (1 - x) y = y - x y
            self.form.global_phase += angle * minus_b
            self._rotate_parity(b, -angle if minus_b else angle)
            angle = -angle
        if minus_b:
            self._rotate_parity(a, angle)
            angle = -angle
        for p in bits(self.masks[a]):
            for q in bits(self.masks[b]):
                if p == q:
                    self.form.phase(p, angle)
                else:
                    self.form.cp(p, q, angle)

    def check_empty(self, atom: int, event: str) -> None:
        """Refuse an ancilla that is not in |0>."""
        if self.masks[atom] or self.frames[atom] is not None:
            raise not_empty(atom, event, self.masks[atom])

    def measure(self, qubit: int, clbit: int) -> None:
        """Record a measurement."""
        if self.qubit_of[qubit] != qubit or qubit in self.leaving:
            raise self.fail(f"data qubit {qubit} is measured while an ancilla atom has taken its place")
        if self.measured >> qubit & 1:
            raise self.fail(f"data qubit {qubit} is measured a second time")
        self.measured |= 1 << qubit
        self.measures.append((qubit, clbit))

    def _measured_in(self, atom: int) -> str:
        qubit = next(bits(self.masks[atom] & self.measured))
        return "it" if qubit == atom else f"data qubit {qubit}, whose value it holds"
