"""Pauli frames: a circuit as a Clifford after a word of Pauli rotations, which follows any Clifford use of ancillas.

A circuit on data qubits, and on ancillas that start in |0>, is kept as C W. C is a Clifford, kept as what it pulls X
and Z of each atom back to, C^-1 X C and C^-1 Z C. W is a word of rotations before it: a gate that is no Clifford turns
about some axis of its atom, so W turns about what C pulls that axis back to. W must act on the data alone; on ancillas
it may have Z's, which are 1 on |0>. So the ancillas are still in |0> after W, and what C says of them is exact.

`qpilot.replay` knows ancillas that hold parities, and canonical forms; this follows cat states, parities of many qubits
and copies in any basis as well.
"""

from __future__ import annotations

import functools
import math

from .arch.bits import bits
from .arch.errors import VerificationError
from .arch.program import Program
from .arch.unitary import ANGLE_TOLERANCE, HADAMARD, Angles, wrap
from .pauli_words import (
    Axis,
    Element,
    Pauli,
    Quaternion,
    Quotient,
    Turns,
    image,
    inverse,
    label,
    multiply,
    rotation,
    sign,
    split,
    times,
    triple,
    turn,
    turned,
)
from .replay import not_empty, run

_QUARTER = math.pi / 2


class PauliFrame:
    """A circuit on data qubits 0 to `num_qubits` - 1 and on ancillas, atoms from `num_qubits` on, that start in |0>.

    Gates are appended by the methods. Angles are in radians.

    Attributes:
        num_qubits: Number of data qubits.
        word: The elements of W, first one first.
    """

    def __init__(self, num_qubits: int, num_ancillas: int = 0) -> None:
        self.num_qubits = num_qubits
        self.word: list[Element] = []
        self._data = (1 << num_qubits) - 1
        self._x_images: list[Pauli] = [(1 << a, 0, 0) for a in range(num_qubits + num_ancillas)]
        self._z_images: list[Pauli] = [(0, 1 << a, 0) for a in range(num_qubits + num_ancillas)]

    def cz(self, a: int, b: int) -> None:
        """Append a CZ."""
        xs, zs = self._x_images, self._z_images
        xs[a] = times(xs[a], zs[b])
        xs[b] = times(xs[b], zs[a])

    def u(self, atom: int, theta: float, phi: float, lam: float) -> None:
        """Append Qiskit's `UGate(theta, phi, lam)`.

        Raises:
            VerificationError: The gate is no Clifford, and acts on more than the data.
        """
        if (theta, phi, lam) == HADAMARD:
            self._x_images[atom], self._z_images[atom] = self._z_images[atom], self._x_images[atom]
            return
        turns, rest = _gate((theta, phi, lam))
        places = [k for k in range(3) if rest[k + 1]]
        if len(places) == 1:
            self._rotate(1 << atom, self._axis(atom, places[0]), 2 * math.atan2(rest[places[0] + 1], rest[0]))
        elif places:
            axes = [self._on_data(self._axis(atom, k), atom) for k in range(3)]
            self.word.append(triple(rest[0], axes, rest[1:]))
        for axis, quarters in turns:
            self._turn(1 << atom, self._axis(atom, axis), quarters)

    def cp(self, a: int, b: int, angle: float) -> None:
        """Append a controlled phase.

        Raises:
            VerificationError: The angle is not 0 or pi, and the gate acts on more than the data.
        """
        if abs(wrap(angle - math.pi)) < ANGLE_TOLERANCE:
            self.cz(a, b)
            return
        z_a, z_b = self._z_images[a], self._z_images[b]  # the three rotations leave them as they are
        for atoms, axis, part in ((1 << a, z_a, 0.5), (1 << b, z_b, 0.5), (1 << a | 1 << b, times(z_a, z_b), -0.5)):
            self._rotate(atoms, axis, part * wrap(angle))

    def rotation(self, x_mask: int, z_mask: int, angle: float) -> None:
        """Append exp(-i angle / 2 P), where P is a string of X, Z, and Y where both masks have a bit.

        Args:
            x_mask: Set of atoms with X or Y, as bits.
            z_mask: Set of atoms with Z or Y, as bits.
            angle: Any angle.

        Raises:
            VerificationError: The angle is no multiple of pi / 2, and the string acts on more than the data.
        """
        if x_mask | z_mask:  # else it is a global phase
            self._rotate(x_mask | z_mask, image(self._x_images, self._z_images, (x_mask, z_mask)), angle)

    def check_zero(self, atom: int, event: str = "is read") -> None:
        """Refuse an ancilla that is not in |0>.

        Args:
            atom: The ancilla.
            event: What happens to it, for the message.

        Raises:
            VerificationError: It is in another state; the message names the data qubits that it depends on.
        """
        x, z, _ = axis = self._z_images[atom]
        if not x and not z & self._data and sign(axis) == 1:
            return
        held = 0  # what the atom would tell about the data, in any basis
        for x, z, _ in (self._axis(atom, k) for k in range(3)):
            held |= (x | z) & self._data if x <= self._data else 0
        raise not_empty(atom, event, held)

    def difference(self, program: PauliFrame, tolerance: float = 1e-6) -> str | None:
        """Return one sentence on how a program departs from this circuit; None if they are equal up to a global phase.

        None proves that both do the same to the data. A program that is right only by an identity between rotations
        about different axes may be called different.

        Args:
            program: A frame on the same data qubits, with any ancillas.
            tolerance: Rotations left over that sum up to less, in radians, do not count.
        """
        left = Quotient(self.num_qubits, self.word, program.word, tolerance)
        if left.expected:  # inverses of what the program lacks, in opposite order
            return _excess("circuit", inverse(left.expected[-1]), "program")
        if left.found:
            return _excess("program", left.found[0], "circuit")
        for q in range(self.num_qubits):
            for name, mine, theirs in (
                ("X", self._x_images[q], program._x_images[q]),
                ("Z", self._z_images[q], program._z_images[q]),
            ):
                if max(mine[0], theirs[0]) > self._data:
                    return f"data qubit {q} is left depending on an ancilla that is not in |0>"
                expected, found = self._reduced(mine), left.image(self._reduced(theirs))
                if expected != found:
                    return f"{name} of qubit {q} should come from {_signed(expected)}, not {_signed(found)}"
        return None

    def _axis(self, atom: int, k: int) -> Pauli:
        """Return what X, Y or Z (0, 1, 2) of an atom is pulled back to."""
        if k == 1:
            return image(self._x_images, self._z_images, (1 << atom, 1 << atom))
        return self._z_images[atom] if k else self._x_images[atom]

    def _reduced(self, p: Pauli) -> Pauli:
        """Return a string without its Z's on ancillas, which are 1 there."""
        return p[0], p[1] & self._data, p[2]

    def _on_data(self, axis: Pauli, atom: int) -> Pauli:
        """Return the axis of a gate as a string on the data.

        Raises:
            VerificationError: It is none.
        """
        if axis[0] > self._data:
            other = axis[0].bit_length() - 1
            raise VerificationError(
                f"atom {atom} sees a rotation that is none of the data qubits alone: its axis also acts, "
                f"other than by Z, on the first state of ancilla atom {other}."
            )
        return self._reduced(axis)

    def _rotate(self, atoms: int, axis: Pauli, angle: float) -> None:
        """Append a rotation about a string on some atoms that is pulled back to `axis`; what it can, it gives to C."""
        angle *= sign(axis)
        quarters = math.ceil(angle / _QUARTER - 0.5 - ANGLE_TOLERANCE)  # pi / 4 stays, and -pi / 4 becomes that
        rest = angle - quarters * _QUARTER
        if abs(rest) >= ANGLE_TOLERANCE:
            x, z, _ = self._on_data(axis, next(bits(atoms)))
            if x or z:  # else it is a global phase
                self.word.append(rotation((x, z), rest))
        self._turn(atoms, axis, quarters * sign(axis))

    def _turn(self, atoms: int, axis: Pauli, quarters: int) -> None:
        """Append a rotation by quarter turns about a string on some atoms that is pulled back to `axis`."""
        if quarters & 3:
            for a in bits(atoms):
                self._x_images[a] = turned(self._x_images[a], axis, quarters)
                self._z_images[a] = turned(self._z_images[a], axis, quarters)


def replay_frame(program: Program) -> tuple[PauliFrame, tuple[tuple[int, int], ...]]:
    """Return what a program does to its data qubits as a frame, whether or not its moves are legal.

    A measurement ends its qubit: no gate may touch the atom any more. Gates on other atoms commute with it.

    Returns:
        The frame, and the measurements (qubit, clbit) in order.

    Raises:
        ProgramError: The program is not well formed.
        VerificationError: A gate that is no Clifford acts on more than the data, an ancilla is released or left behind
            in another state than |0>, or a qubit is used after its measurement.
    """
    player = _Player(program)
    run(program, player)
    return player.frame, tuple(player.measures)


class _Player:
    """A frame that instructions are played on, with the measurements so far."""

    def __init__(self, program: Program) -> None:
        self.frame = PauliFrame(program.num_qubits, len(program.ancillas))
        self.check_empty = self.frame.check_zero
        self.measures: list[tuple[int, int]] = []
        self.measured: set[int] = set()

    def u(self, atom: int, angles: Angles) -> None:
        if atom in self.measured:
            raise VerificationError(f"atom {atom} is driven after the measurement of it.")
        self.frame.u(atom, *angles)

    def cp(self, a: int, b: int, angle: float) -> None:
        if a in self.measured or b in self.measured:
            late = a if a in self.measured else b
            raise VerificationError(f"atom {late} is in a pair after the measurement of it.")
        if angle == math.pi:
            self.frame.cz(a, b)
        else:
            self.frame.cp(a, b, angle)

    def measure(self, qubit: int, clbit: int) -> None:
        if qubit in self.measured:
            raise VerificationError(f"data qubit {qubit} is measured a second time.")
        self.measured.add(qubit)
        self.measures.append((qubit, clbit))


@functools.lru_cache(maxsize=1 << 14)
def _gate(angles: Angles) -> tuple[Turns, Quaternion]:
    """Return a gate as a Clifford after a rotation about one axis where it is that; see `split`."""
    theta, phi, lam = angles
    return split(multiply(turn(2, phi), multiply(turn(1, theta), turn(2, lam))), ANGLE_TOLERANCE / 2)


def _excess(one: str, element: Element, other: str) -> str:
    """Return a sentence on an element that one of two words has and the other has not."""
    names = ", ".join(map(label, element.axes))
    if len(element.axes) == 1:
        return f"the {one} rotates about {names} by {element.angle:.6g} more than the {other}"
    return f"the {one} turns about {names} at once, and the {other} does not"


def _signed(p: Pauli) -> str:
    axis: Axis = p[0], p[1]
    return ("-" if sign(p) < 0 else "") + label(axis)
