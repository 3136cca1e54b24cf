"""Shots of a plan: those without an error share one state, each other one has its own from its first error on.

The state of a shot is that of its registers, an error bit for each atom and a pending Z for each register (a Pauli
frame): errors are bits, and only gates touch the amplitudes. States stand in columns, first one for each point without
errors, then the shots in the order of their first errors, so that those under way are always the first columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..arch.bits import bits
from .atoms import Drop, Grow, Multiply, Noise, Phase, Plan, Take, Turn
from .channels import ComplexArray
from .noise import FloatArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

X, Z, Y = 1, 2, 3
"""Errors on an atom, as two bits."""

NEGLIGIBLE = 1e-12
"""Phases closer than this to a multiple of pi, in radians, are that multiple."""


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """The errors of some shots, by the place where they happen.

    Attributes:
        shots: For each place the shots.
        kinds: For each of them which error: from 0, as many as there are at the place.
        first: Place from which on each shot has a state of its own, that of its first error; the number of places, if
            it has none.
    """

    shots: tuple[IntArray, ...]
    kinds: tuple[IntArray, ...]
    first: IntArray

    @classmethod
    def draw(
        cls,
        probabilities: FloatArray,
        num_kinds: IntArray,
        shots: IntArray,
        rng: np.random.Generator,
        *,
        apart: bool = False,
    ) -> Errors:
        """Draw errors.

        Args:
            probabilities: Of an error at each place in each circuit, shape (places, circuits).
            num_kinds: How many equally probable errors there are at each place, shape (places,).
            shots: Shots of each circuit, which are numbered through.
            rng: Where to draw from.
            apart: Whether each shot has a state of its own from the start.
        """
        counts = rng.binomial(shots, probabilities)
        place, circuit = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
        total, start = int(shots.sum()), np.cumsum(shots) - shots
        shot = start[circuit] + rng.integers(shots[circuit])
        while True:  # no shot twice at a place
            again = np.ones(len(shot), dtype=np.bool_)
            again[np.unique(place * total + shot, return_index=True)[1]] = False
            if not again.any():
                break
            shot[again] = start[circuit[again]] + rng.integers(shots[circuit[again]])
        kind = rng.integers(num_kinds[place])
        ends = np.cumsum(counts.sum(axis=1))[:-1]
        first = np.full(total, -1 if apart else len(probabilities), dtype=np.int64)
        np.minimum.at(first, shot, place)
        return cls(tuple(np.split(shot, ends)), tuple(np.split(kind, ends)), first)


class Columns:
    """The states of a plan on its way.

    Args:
        plan: The steps.
        gates: Matrices of the gates at each point, shape (points, gates, 2, 2).
        pairs: Phases of the pairs at each point, shape (points, pairs).
        points: The point of each shot.
        errors: The errors.
        rng: Where outcomes of ancillas are drawn from.

    Attributes:
        source: Point of each column: first the points themselves, then shots in the order of `order`.
        order: The shots that have an error.
        states: Amplitudes, shape (2^registers, columns).
        flips: Error bits, shape (atoms, columns).
        signs: Pending Z's, shape (registers, columns).
    """

    def __init__(
        self,
        plan: Plan,
        gates: ComplexArray,
        pairs: FloatArray,
        points: IntArray,
        errors: Errors,
        rng: np.random.Generator,
    ) -> None:
        self.plan, self.gates, self.pairs, self.errors, self.rng = plan, gates, pairs, errors, rng
        num_points, num_places = len(gates), len(errors.shots)
        self.order = np.flatnonzero(errors.first < num_places)
        self.order = self.order[np.argsort(errors.first[self.order], kind="stable")]
        self._column = np.empty(len(points), dtype=np.int64)
        self._column[self.order] = num_points + np.arange(len(self.order))
        firsts = errors.first[self.order]
        self._active_at = num_points + np.searchsorted(firsts, np.arange(num_places), side="right")
        self.source = np.concatenate([np.arange(num_points), points[self.order]])
        count = len(self.source)
        self.active = num_points + int(np.searchsorted(firsts, 0))  # those with an error before the first place
        self.num_registers = plan.num_qubits
        self.states = np.zeros((1 << plan.most_registers, count), dtype=complex)
        self.states[0, : self.active] = 1.0
        self.flips = np.zeros((plan.num_atoms, count), dtype=np.bool_)
        self.signs = np.zeros((plan.most_registers, count), dtype=np.bool_)
        self._phases: dict[int, FloatArray] = {}  # waiting phases of parities, by mask
        self._products: list[tuple[BoolArray, FloatArray]] = []  # and of products of parities

    def run(self) -> None:
        """Take all steps of the plan."""
        place = 0
        for step in self.plan.steps:
            match step:
                case Noise():
                    self.noise(step, place)
                    place += 1
                    if step.axis:
                        self.noise(step, place, too_far=True)
                        place += 1
                case Turn():
                    matrices = self.gates[:, step.gate] @ step.frame
                    self.turn(step.atom, step.register, matrices, step.flipped)
                case Phase():
                    self._phase(step)
                case Multiply():
                    self._multiply(step)
                case Take():
                    self.flips[step.atom, : self.active] ^= self.flips[step.other, : self.active]
                case Grow():
                    self._grow(step)
                case Drop():
                    self._drop(step)
        self.flush()

    def distributions(self) -> FloatArray:
        """Return the distribution of the outcomes of the data without errors, shape (points, 2^n), once all is done."""
        count, registers = len(self.gates), self.plan.registers
        weights = np.abs(self.states[: 1 << len(registers), :count].T) ** 2
        result = np.zeros_like(weights)
        index = np.arange(weights.shape[1])
        number = np.zeros((count, len(index)), dtype=np.int64)
        for qubit, register in enumerate(registers):
            number |= ((index >> register & 1) ^ self.flips[qubit, :count, None]) << qubit
        np.put_along_axis(result, number, weights, axis=1)
        return np.asarray(result)

    def outcomes(self, rng: np.random.Generator) -> BoolArray:
        """Return bits of the data for the shots that have a state of their own, shape (shots, n), once all is done."""
        count, registers = len(self.gates), np.array(self.plan.registers)
        ends = np.cumsum(np.abs(self.states[: 1 << len(registers), count:]) ** 2, axis=0)
        found = (rng.random(ends.shape[1]) * ends[-1] >= ends).sum(axis=0)
        return np.asarray((found[:, None] >> registers & 1 == 1) ^ self.flips[: len(registers), count:].T)

    def noise(self, step: Noise, place: int, *, too_far: bool = False) -> None:
        """Let the errors of a place happen; with `too_far` those of a gate that turns too far."""
        before, self.active = self.active, int(self._active_at[place])
        if self.active > before:
            self.states[:, before : self.active] = self.states[:, self.source[before : self.active]]
        shots = self.errors.shots[place]
        if not len(shots):
            return
        kinds = self.errors.kinds[place] + 1
        if step.kind == "wait":
            kinds = np.full(len(shots), X if step.turned[0] else Z)
        elif too_far:
            kinds = np.full(len(shots), Y if step.axis == "Y" else Z if step.turned[0] else X)
        self._hit(step, self._column[shots], kinds)

    def _hit(self, step: Noise, columns: IntArray, kinds: IntArray) -> None:
        """Apply Pauli errors under the frames of atoms, with two bits for each atom."""
        for k, (atom, mask) in enumerate(zip(step.atoms, step.masks, strict=True)):
            self.flips[atom, columns[kinds >> 2 * k & X != 0]] ^= True
            with_z = columns[kinds >> 2 * k & Z != 0]
            for register in bits(mask):
                self.signs[register, with_z] ^= True

    def turn(
        self, atom: int, register: int, matrices: ComplexArray, flipped: bool, turned: BoolArray | None = None
    ) -> None:
        """Apply a gate to an atom that has a register to itself, whose value then is that of the register.

        Args:
            atom: The atom.
            register: Its register.
            matrices: The gate for each source, shape (sources, 2, 2).
            flipped: Whether the value of the atom is not that of the register.
            turned: Which of the active columns see the gate; all, if left out.
        """
        self.flush()
        which: IntArray | slice = slice(0, self.active)
        if turned is not None:
            self.flips[atom, : self.active][~turned] ^= flipped
            which = np.flatnonzero(turned)
        swapped = self.flips[atom, which] ^ flipped
        each = np.moveaxis(matrices, 0, -1)[..., self.source[which]]  # a new array, with all of an entry in one row
        each = np.where(swapped, each[:, ::-1], each)
        each[:, 1] *= 1.0 - 2.0 * self.signs[register, which]
        parts = self.states[: 1 << self.num_registers].reshape(-1, 2, 1 << register, self.states.shape[1])
        parts = parts[..., : self.active]
        zero, one = (parts[:, k] if turned is None else parts[:, k][..., which] for k in (0, 1))
        new = each[0, 0] * zero
        term = each[0, 1] * one
        new += term
        np.multiply(each[1, 0], zero, out=term)
        one *= each[1, 1]  # in place: with temporary arrays all this takes ten times as long
        one += term
        parts[:, 0][..., which] = new
        if turned is not None:
            parts[:, 1][..., which] = one
        self.flips[atom, which] = False
        self.signs[register, which] = False

    def _phase(self, step: Phase) -> None:
        if not step.mask:
            return
        angles = step.angles(self.gates[:, step.gate])
        if step.flipped:
            angles = -angles
        self._phases[step.mask] = self._phases.get(step.mask, 0.0) + angles
        wrong = np.flatnonzero(self.flips[step.atom, : self.active])
        if len(wrong) and np.abs(np.sin(angles)).max() > NEGLIGIBLE:  # e^(-i angle) in place of e^(i angle)
            odd = np.flatnonzero(_parity(step.mask, self.num_registers))
            self.states[odd[:, None], wrong] *= np.exp(-2j * angles[self.source[wrong]])

    def _multiply(self, step: Multiply) -> None:
        (a, b), (mask_a, mask_b), (flipped_a, flipped_b) = step.atoms, step.masks, step.flipped
        value_a, value_b = (_parity(mask, self.num_registers) for mask in step.masks)
        flips_a, flips_b = self.flips[a, : self.active], self.flips[b, : self.active]
        value_a, value_b = value_a ^ flipped_a, value_b ^ flipped_b
        if step.pair < 0:
            self._products.append((value_a & value_b, np.full(len(self.gates), np.pi)))
            for register in bits(mask_a):
                self.signs[register, : self.active] ^= flips_b
            for register in bits(mask_b):
                self.signs[register, : self.active] ^= flips_a
            return
        angles = self.pairs[:, step.pair]
        self._products.append((value_a & value_b, angles))
        wrong = np.flatnonzero(flips_a | flips_b)
        if len(wrong):
            found = (value_a[:, None] ^ flips_a[wrong]) & (value_b[:, None] ^ flips_b[wrong])
            change = 1.0 * found - (value_a & value_b)[:, None]
            self.states[: len(value_a), wrong] *= np.exp(1j * change * angles[self.source[wrong]])

    def flush(self) -> None:
        """Apply the phases that wait."""
        if not self._phases and not self._products:
            return
        size = 1 << self.num_registers
        exponent = np.zeros((size, len(self.gates)))
        for mask, angles in self._phases.items():
            exponent += _parity(mask, self.num_registers)[:, None] * angles
        for value, angles in self._products:
            exponent += value[:, None] * angles
        factors = np.exp(1j * exponent)
        self.states[:size, : self.active] *= factors[:, self.source[: self.active]]
        self._phases.clear()
        self._products.clear()

    def _grow(self, step: Grow) -> None:
        self.flush()
        size = 1 << self.num_registers
        value = _parity(step.mask, self.num_registers) ^ step.flipped
        value = (value[:, None] ^ self.flips[step.atom, : self.active]).astype(np.int64)
        states = self.states[:, : self.active]
        states[size : 2 * size] = states[:size] * step.frame[1][value]
        states[:size] *= step.frame[0][value]
        self.signs[self.num_registers, : self.active] = False
        self.flips[step.atom, : self.active] = False
        self.num_registers += 1

    def _drop(self, step: Drop) -> None:
        if step.register >= 0:
            self.flush()
            active, size = self.active, 1 << self.num_registers
            parts = self.states[:size].reshape(-1, 2, 1 << step.register, self.states.shape[1])[..., :active]
            weights = (np.abs(parts) ** 2).sum(axis=(0, 2))
            one = self.rng.random(active) * weights.sum(axis=0) >= weights[0]
            one[: len(self.gates)] = weights[1, : len(self.gates)] > weights[0, : len(self.gates)]
            kept = np.where(one, parts[:, 1], parts[:, 0]) / np.sqrt(np.where(one, weights[1], weights[0]))
            self.states[: size // 2, :active] = kept.reshape(size // 2, active)
            self.signs[step.register : -1] = self.signs[step.register + 1 :]
            self.num_registers -= 1
        self.flips[step.atom, : self.active] = False


@lru_cache(maxsize=4096)
def _parity(mask: int, num_registers: int) -> BoolArray:
    """Return the parity of the registers in a mask for each state of the registers."""
    index = np.arange(1 << num_registers)
    parity = np.zeros(len(index), dtype=np.bool_)
    for register in bits(mask):
        parity ^= (index >> register & 1).astype(np.bool_)
    return parity


def places(plan: Plan) -> Iterator[tuple[Noise, bool]]:
    """Yield the places where errors may happen; with true the second place of a gate, where it turns too far."""
    for step in plan.steps:
        if isinstance(step, Noise):
            yield step, False
            if step.axis:
                yield step, True
