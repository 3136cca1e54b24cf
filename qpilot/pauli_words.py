"""Words of rotations about Pauli strings, and what is left of one word after another is undone.

A Pauli string is two bit sets, x and z, and a power of i. An *element* of a word is a unitary w - i (v1 P1 + ...) on
one axis P1, which is a rotation about it, or on three that multiply like X, Y and Z, which is what a one-qubit gate
becomes when it is looked at through a Clifford circuit.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from .arch.bits import bits

Pauli = tuple[int, int, int]
"""(x, z, power): the operator i^power X^x Z^z, with x and z sets of qubits, and the power in 0 to 3."""

Axis = tuple[int, int]
"""(x, z): the Hermitian Pauli string with X, Z, or Y for both, on each qubit; its sign is plus."""

Quaternion = tuple[float, float, float, float]
"""(w, x, y, z): the one-qubit unitary w - i (x X + y Y + z Z)."""

Turns = tuple[tuple[int, int], ...]
"""A one-qubit Clifford as (axis, quarter turns), first turn first; the axes 0, 1, 2 are X, Y, Z."""


class Element(NamedTuple):
    """A unitary w - i sum(v[k] axes[k]) on one axis, or on three whose first two multiply to i times the third."""

    axes: tuple[Axis, ...]
    w: float
    v: tuple[float, ...]

    @property
    def angle(self) -> float:
        """Angle of a rotation, in radians, in (-pi, pi]."""
        angle = 2 * math.atan2(self.v[0], self.w)
        return angle - math.copysign(2 * math.pi, angle) if abs(angle) > math.pi else angle


def label(axis: Axis) -> str:
    """Return a Pauli string as text.

    >>> label((0b101, 0b110))
    'X0 Z1 Y2'
    """
    x, z = axis
    return " ".join(f"{'?XZY'[(x >> q & 1) + 2 * (z >> q & 1)]}{q}" for q in bits(x | z)) or "1"


# --- Pauli strings ---------------------------------------------------------------------------------------------------


def times(p: Pauli, q: Pauli) -> Pauli:
    """Return the product p q."""
    px, pz, i = p
    qx, qz, j = q
    return px ^ qx, pz ^ qz, (i + j + 2 * (pz & qx).bit_count()) & 3


def positive(axis: Axis) -> Pauli:
    """Return the Hermitian string with a plus."""
    x, z = axis
    return x, z, (x & z).bit_count() & 3


def sign(p: Pauli) -> int:
    """Return the sign of a Hermitian string."""
    x, z, power = p
    return -1 if (power - (x & z).bit_count()) & 3 else 1


def anticommute(p: Sequence[int], q: Sequence[int]) -> int:
    """Return 1 if two strings anticommute, else 0."""
    return ((p[0] & q[1]).bit_count() ^ (p[1] & q[0]).bit_count()) & 1


def turned(p: Pauli, axis: Pauli, quarters: int) -> Pauli:
    """Return K^-1 p K, where K is a rotation about the axis by so many quarter turns."""
    if not quarters & 3 or not anticommute(p, axis):
        return p
    x, z, power = times(axis, p) if quarters & 1 else p  # K^-1 p K = i axis p for one quarter, and -p for two
    return x, z, (power + (quarters & 3)) & 3


def image(x_images: Sequence[Pauli], z_images: Sequence[Pauli], axis: Axis) -> Pauli:
    """Return what a Clifford makes of a string, from what it makes of X and of Z on each qubit."""
    x, z = axis
    product = (0, 0, (x & z).bit_count() & 3)
    for q in bits(x | z):
        if x >> q & 1:
            product = times(product, x_images[q])
        if z >> q & 1:
            product = times(product, z_images[q])
    return product


# --- one-qubit unitaries ---------------------------------------------------------------------------------------------


def multiply(p: Quaternion, q: Quaternion) -> Quaternion:
    """Return the product p q of two one-qubit unitaries."""
    a, b, c, d = p
    e, f, g, h = q
    return (
        a * e - b * f - c * g - d * h,
        a * f + b * e + c * h - d * g,
        a * g - b * h + c * e + d * f,
        a * h + b * g - c * f + d * e,
    )


def turn(axis: int, angle: float) -> Quaternion:
    """Return the rotation about X, Y or Z (0, 1, 2) by an angle."""
    v = [0.0, 0.0, 0.0]
    v[axis] = math.sin(angle / 2)
    return math.cos(angle / 2), v[0], v[1], v[2]


@functools.cache
def _cliffords() -> tuple[tuple[Turns, ...], np.ndarray]:
    """Return the 24 one-qubit Cliffords as turns, and an array (24, 4, 4) of matrices that undo each of them."""
    found: list[tuple[Turns, Quaternion]] = [((), (1.0, 0.0, 0.0, 0.0))]
    single = [(axis, quarters) for axis in range(3) for quarters in (1, 2, -1)]
    words: list[Turns] = [(first,) for first in single] + [(first, second) for first in single for second in single]
    for word in words:
        q = found[0][1]
        for axis, quarters in word:
            q = multiply(turn(axis, quarters * math.pi / 2), q)
        if all(abs(sum(a * b for a, b in zip(q, other, strict=True))) < 0.99 for _, other in found):
            found.append((word, q))
    units: list[Quaternion] = [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]
    undo = [[multiply((w, -x, -y, -z), unit) for unit in units] for _, (w, x, y, z) in found]
    return tuple(word for word, _ in found), np.array(undo).transpose(0, 2, 1)


def split(q: Quaternion, tolerance: float) -> tuple[Turns, Quaternion]:
    """Write a one-qubit unitary as a Clifford after a rotation about X, Y or Z, by the least angle.

    Returns:
        The Clifford, and the rotation, whose other components are exactly 0. A unitary that is no such product comes
        back as it is, with no turns.
    """
    words, undo = _cliffords()
    rests = undo @ np.array(q)
    large = np.abs(rests[:, 1:]) >= tolerance
    fits = np.flatnonzero(large.sum(axis=1) <= 1)
    if not len(fits):
        return (), q
    best = fits[np.argmax(np.round(np.abs(rests[fits, 0]), 9))]
    w, x, y, z = (float(c) for c in rests[best] * [True, *large[best]])
    return words[best], (w, x, y, z)


# --- elements --------------------------------------------------------------------------------------------------------


def rotation(axis: Axis, angle: float) -> Element:
    """Return exp(-i angle / 2 axis)."""
    return Element((axis,), math.cos(angle / 2), (math.sin(angle / 2),))


def triple(w: float, paulis: Iterable[Pauli], v: Iterable[float]) -> Element:
    """Return an element on three axes, in the order that any two elements on these axes share."""
    pairs = sorted(((p[0], p[1]), sign(p) * c) for p, c in zip(paulis, v, strict=True))
    a, b, c = pairs
    if times(positive(a[0]), positive(b[0]))[2] != (positive(c[0])[2] + 1) & 3:
        b, c = c, b  # now the first two multiply to i times the third
    return Element((a[0], b[0], c[0]), w, (a[1], b[1], c[1]))


def inverse(element: Element) -> Element:
    """Return the inverse of an element."""
    return Element(element.axes, element.w, tuple(-c for c in element.v))


def mapped(element: Element, change: Callable[[Pauli], Pauli]) -> Element:
    """Return an element with each of its axes replaced by its image."""
    images = [change(positive(axis)) for axis in element.axes]
    if len(images) == 3:
        return triple(element.w, images, element.v)
    (p,) = images
    return Element(((p[0], p[1]),), element.w, (sign(p) * element.v[0],))


def _product(new: Element, old: Element) -> Element | None:
    """Return `new` after `old` as one element, if the axes of one are among those of the other."""
    axes = new.axes if len(new.axes) >= len(old.axes) else old.axes
    if not (set(new.axes) <= set(axes) and set(old.axes) <= set(axes)):
        return None
    if len(axes) == 1:
        (a,), (b,) = new.v, old.v
        return Element(axes, new.w * old.w - a * b, (new.w * b + a * old.w,))
    w, *v = multiply(_on_axes(new, axes), _on_axes(old, axes))
    return Element(axes, w, tuple(v))


def _on_axes(element: Element, axes: tuple[Axis, ...]) -> Quaternion:
    components = dict(zip(element.axes, element.v, strict=True))
    x, y, z = (components.get(axis, 0.0) for axis in axes)
    return element.w, x, y, z


def _commute(new: Element, old: Element) -> bool:
    """Return whether every axis of the one commutes with every axis of the other."""
    return not any(anticommute(p, q) for p in new.axes[:2] for q in old.axes[:2])  # the third is their product


def _settle(element: Element, tolerance: float) -> tuple[list[tuple[Axis, int]], Element | None]:
    """Write an element as a Clifford, in quarter turns about its axes, after one that is as simple as can be.

    A rotation that is no Clifford stays whole: parts of it may still come.
    """
    if max(map(abs, element.v)) < tolerance:
        return [], None
    if len(element.axes) == 1:
        quarters = round(element.angle / (math.pi / 2))
        if abs(element.angle - quarters * math.pi / 2) >= 2 * tolerance:
            return [], element
        return [(element.axes[0], quarters)], None
    turns, rest = split(_on_axes(element, element.axes), tolerance)
    places = [k for k in range(3) if rest[k + 1]]
    named = [(element.axes[axis], quarters) for axis, quarters in turns]
    if not places:
        return named, None
    if len(places) == 1:
        return named, Element((element.axes[places[0]],), rest[0], (rest[places[0] + 1],))
    return named, element


def _size(element: Element) -> float:
    """Return about how far an element turns, in radians."""
    return 2 * max(map(abs, element.v))


class Quotient:
    """The unitary F E^-1 of two words E and F, written as (what is left of both) after (a Clifford).

    The elements of E^-1 and then of F are appended one by one. Each walks back over elements it commutes with, and
    merges with the first it can merge with; the merged element walks on. A merge may leave a Clifford: it is carried
    past all later elements to the end, where the elements yet to come see it. So every step is an identity, and nothing
    is lost. Words in nearly the same order take linear time, commuting ones in another the square of their length.

    E and F are equal up to the Clifford if nothing is left. Angles left over that sum up to less than the tolerance do
    not count, and each merge may cut off a tenth of it.
    """

    _rest: list[Element]
    _num_expected: int
    _axes: Counter[Axis]  # of the elements that are left
    _x_images: list[Pauli]
    _z_images: list[Pauli]

    def __init__(
        self, num_qubits: int, expected: Sequence[Element], found: Iterable[Element], tolerance: float
    ) -> None:
        self._num_qubits = num_qubits
        self._tolerance = tolerance / 20  # of a merge, on the sine of half an angle
        self._reduce([*map(inverse, reversed(expected))], found)
        cut = 0.0
        # What a merge has made simpler may merge with what came later, unless something tiny is in the way.
        while self._rest:
            rest, missing, images = self._rest, self._num_expected, (self._x_images, self._z_images)
            tiny = sum(size for size in map(_size, rest) if size < 2 * self._tolerance)
            least = 2 * self._tolerance if cut + tiny < tolerance else 0.0
            cut += tiny if least else 0.0
            parts = rest[:missing], rest[missing:]
            self._reduce(*([element for element in part if _size(element) >= least] for part in parts))
            self._x_images, self._z_images = ([self.image(p) for p in strings] for strings in images)
            self._turned = True
            if len(self._rest) == len(rest):
                break
        if cut + sum(map(_size, self._rest)) < tolerance:
            self._rest, self._num_expected = [], 0

    def _reduce(self, missing: Iterable[Element], found: Iterable[Element]) -> None:
        """Append all elements anew, those of E^-1 and those of F."""
        self._rest, self._num_expected = [], 0
        self._axes = Counter()
        self._x_images = [(1 << q, 0, 0) for q in range(self._num_qubits)]
        self._z_images = [(0, 1 << q, 0) for q in range(self._num_qubits)]
        self._turned = False
        for element in missing:
            self._append(element)
        self._num_expected = len(self._rest)
        for element in found:
            self._append(element)

    @property
    def expected(self) -> list[Element]:
        """What is left of E^-1, in time order."""
        return self._rest[: self._num_expected]

    @property
    def found(self) -> list[Element]:
        """What is left of F, later than `expected`."""
        return self._rest[self._num_expected :]

    def image(self, p: Pauli) -> Pauli:
        """Return R^-1 p R, where R is the Clifford."""
        if not self._turned:
            return p
        x, z, power = image(self._x_images, self._z_images, (p[0], p[1]))
        return x, z, (power + 1 - sign(p)) & 3

    def _append(self, new: Element) -> None:
        """Append an element, let it walk back, and merge it."""
        if self._turned:
            new = mapped(new, self.image)
        rest, axes = self._rest, self._axes
        place = position = len(rest)
        missing = False  # whether what merges counts as a remainder of E
        while position and any(axes[axis] for axis in new.axes):
            position -= 1
            old = rest[position]
            merged = _product(new, old)
            if merged is None:
                if not _commute(new, old):
                    break
                continue
            del rest[position]
            axes.subtract(old.axes)
            place, missing = position, position < self._num_expected
            self._num_expected -= missing
            turns, left = _settle(merged, self._tolerance)
            for axis, quarters in reversed(turns):
                self._carry(place, positive(axis), quarters)
            if left is None:
                return
            new = left
        rest.insert(place, new)
        axes.update(new.axes)
        self._num_expected += missing

    def _carry(self, place: int, axis: Pauli, quarters: int) -> None:
        """Carry a rotation by quarter turns from a place to the end, past later elements, which it changes."""

        def change(p: Pauli) -> Pauli:
            return turned(p, axis, quarters)

        for k in range(place, len(self._rest)):
            old = self._rest[k]
            if any(anticommute(p, axis) for p in old.axes):
                self._rest[k] = mapped(old, change)
                self._axes.subtract(old.axes)
                self._axes.update(self._rest[k].axes)
        self._x_images = [change(p) for p in self._x_images]
        self._z_images = [change(p) for p in self._z_images]
        self._turned = True
