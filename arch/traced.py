"""Angles that remember how they come from parameters, so that a program compiled once serves for all their values.

A `Traced` number has the value it takes at one point of the variables, a point without any coincidence, and the
weights of the variables it is a sum of. The compiler calculates and decides with the value; sums and multiples carry
the weights along. Variables are parameters, expressions of them that are no sums and, where one-qubit gates merge, the
angles of a `Core`.

A product of one-qubit gates is kept as a *word*, P(x0) RY(y1) P(x1) ... RY(ym) P(xm). The outer phases go straight into
the angles of the gate, and turns about the same axis add up; so only what is left between makes variables of its own.

Each step of the compiler is an identity between gates, for any values of the variables. It decides at a point without
coincidences; what it finds there holds everywhere, since two analytic functions are equal everywhere or almost nowhere.
Expressions and the angles of cores need not be analytic functions of the parameters: as a turn in [0, pi], that of
RY(a) is a or -a. So they count as variables of their own, which are independent of the others.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

TURN_TOLERANCE = 1e-12
"""Constant angles this close to a multiple of pi, in radians, are that multiple."""

LEAST, RANGE = 0.4, 0.7
"""Circuits are compiled with values of variables between `LEAST` and `LEAST` + `RANGE`, in radians."""


class Traced(float):
    """A number with the weights of the variables it is a sum of; what is left of its value is constant.

    Attributes:
        weights: Weight of each variable, at least one.
    """

    __slots__ = ("weights",)
    weights: Mapping[Hashable, float]

    def __new__(cls, value: float, weights: Mapping[Hashable, float]) -> Traced:
        """Return a number with at least one variable."""
        self = super().__new__(cls, value)
        self.weights = weights
        return self

    def __add__(self, other: Any) -> Any:
        return _sum(float.__add__(self, other), self, other, 1.0)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return _sum(float.__sub__(self, other), self, other, -1.0)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __neg__(self) -> Traced:
        return _scaled(float.__neg__(self), self, -1.0)

    def __mul__(self, other: Any) -> Any:
        if type(other) not in (int, float):  # a product of two would be no sum of variables
            return NotImplemented
        return _scaled(float.__mul__(self, other), self, other) if other else 0.0

    __rmul__ = __mul__

    def __truediv__(self, other: float) -> Traced:
        return _scaled(float.__truediv__(self, other), self, 1.0 / other)

    def __mod__(self, other: float) -> Traced:
        return Traced(float.__mod__(self, other), self.weights)  # less a constant multiple

    def __copy__(self) -> Traced:
        return self

    def __deepcopy__(self, memo: object) -> Traced:
        return self


def _sum(value: Any, one: Traced, other: Any, sign: float) -> Any:
    """Return one + sign * other, given the value."""
    if value is NotImplemented or type(other) is not Traced:
        return value if value is NotImplemented else Traced(value, one.weights)
    weights = dict(one.weights)
    for variable, weight in other.weights.items():
        total = weights.pop(variable, 0.0) + sign * weight
        if total:
            weights[variable] = total
    return Traced(value, weights) if weights else value


def _scaled(value: float, number: Traced, factor: float) -> Traced:
    return Traced(value, {variable: factor * weight for variable, weight in number.weights.items()})


class Core:
    """The gate RY(y1) P(x1) RY(y2) ... RY(ym), whose angles as one gate u are variables (core, 0), (core, 1) and so on.

    Cores with equal turns and phases are equal.

    Attributes:
        turns: The angles y, at least two.
        phases: The angles x, one less.
    """

    __slots__ = ("_text", "phases", "turns")

    def __init__(self, turns: tuple[float, ...], phases: tuple[float, ...]) -> None:
        self.turns, self.phases = turns, phases
        # Values without coincidences stand for the sums they are of.
        self._text = " ".join(map(float.__repr__, (*turns, *phases)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Core) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    @property
    def angles(self) -> tuple[Traced, ...]:
        """The variables: theta, phi, lam and alpha as `u_angles` gives them."""
        return tuple(Traced(self.value(k), {(self, k): 1.0}) for k in range(4))

    def value(self, k: int) -> float:
        """Return the value of one of them at the point without coincidences."""
        return placeholder(f"{self._text} {k}")


def placeholder(name: str) -> float:
    """Return the value of a variable at the point without coincidences: it depends on the name alone."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return LEAST + RANGE * int.from_bytes(digest) / 2**64


class Word(NamedTuple):
    """The gate e^(i alpha) P(phases[0]) RY(turns[0]) P(phases[1]) ... RY(turns[-1]) P(phases[-1])."""

    turns: tuple[float, ...]
    phases: tuple[float, ...]
    alpha: float = 0.0

    @classmethod
    def of(cls, theta: float, phi: float, lam: float) -> Word:
        """Return the gate u(theta, phi, lam). Where it turns as a core does, it is that core between phases."""
        if isinstance(theta, Traced) and len(theta.weights) == 1:
            ((variable, weight),) = theta.weights.items()
            if isinstance(variable, tuple) and variable[1] == 0 and weight == 1.0 and theta == variable[0].value(0):
                core = variable[0]
                _, more, less, alpha = core.angles
                return cls(core.turns, (phi - more, *core.phases, lam - less), -alpha)
        return cls((), (0.0,)).then(cls((theta,), (phi, lam)))

    def then(self, before: Word) -> Word:
        """Return the product of this gate and one before it, with as few turns as there can be."""
        turns, phases, alpha = list(self.turns), list(self.phases), self.alpha + before.alpha
        phases[-1] += before.phases[0]
        for turn, phase in zip(before.turns, before.phases[1:], strict=True):
            turns.append(turn)
            phases.append(phase)
            while turns and (shorter := _shorter(turns[-2:], phases[-3:])) is not None:
                del turns[-2:], phases[-len(phases[-3:]) :]
                turns += shorter.turns
                phases += shorter.phases
                alpha += shorter.alpha
        return Word(tuple(turns), tuple(phases), alpha)

    def angles(self, plain: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """Return (theta, phi, lam, alpha) as `u_angles` does, which gives `plain` for the values."""
        first, last, alpha = self.phases[0], self.phases[-1], self.alpha
        if not self.turns:
            return 0.0, 0.0, first, alpha
        if len(self.turns) > 1:
            theta, phi, lam, more = Core(self.turns, self.phases[1:-1]).angles
            if plain[0] == 0.0:
                return 0.0, 0.0, first + phi + lam + last, alpha + more  # the sum counts, and phi need not be 0
            if plain[0] == math.pi:
                return math.pi, first + phi - lam - last, 0.0, alpha + more + lam + last
            return theta, first + phi, lam + last, alpha + more
        turn = self.turns[0]
        whole_turns = round(float(turn) / (2 * math.pi))
        turn, alpha = turn - 2 * math.pi * whole_turns, alpha + math.pi * whole_turns
        if turn < 0:
            turn, first, last = -turn, first + math.pi, last - math.pi
        if plain[0] == math.pi:
            return math.pi, first - last, 0.0, alpha + last
        return turn, first, last, alpha


def _shorter(turns: Sequence[float], phases: Sequence[float]) -> Word | None:
    """Return the same gate with one turn less of one or two, if there always is one."""
    full = _multiple(turns[-1], 2 * math.pi)
    if full is not None:
        return Word(tuple(turns[:-1]), (*phases[:-2], phases[-2] + phases[-1]), math.pi * full)
    if len(turns) < 2:
        return None
    (one, other), (first, middle, last) = turns, phases
    half = _multiple(middle, math.pi)
    if half is not None:  # Z RY(y) = RY(-y) Z
        return Word((one - other if half % 2 else one + other,), (first, middle + last))
    halves, more = _multiple(one, math.pi), _multiple(other, math.pi)
    if halves is not None or more is not None:  # RY(pi) P(x) = e^(ix) P(-x) RY(pi)
        outer = (first - middle, last) if halves is not None else (first, last - middle)
        return Word((one + other,), outer, middle)
    quarters, more = _multiple(one, math.pi / 2), _multiple(other, math.pi / 2)  # odd ones: others are gone by now
    if quarters is not None and more is not None:
        # RY(pi/2) P(x) RY(-pi/2) = e^(ix/2) RX(x), and RX(x) = P(-pi/2) RY(x) P(pi/2)
        sign = 1 if quarters % 4 == 1 else -1
        alpha, turn = middle / 2 + math.pi * ((quarters - sign) // 4), middle * sign
        rest = sign + more  # RY(rest * pi/2) is still to come, and P(pi/2) RY(pi) = i RY(pi) P(-pi/2)
        if rest % 4:
            alpha, last = alpha + math.pi / 2, last - math.pi
        return Word((turn + rest * math.pi / 2,), (first - math.pi / 2, last + math.pi / 2), alpha)
    if _multiple(middle, math.pi / 2) is not None and (quarters is None) != (more is None):
        # RY(y) = e^(-iy/2) P(pi/2) RY(pi/2) P(y) RY(-pi/2) P(-pi/2), and one of these meets the other turn
        if more is None:
            left = Word((one,), (first, middle + math.pi / 2)).then(Word((math.pi / 2,), (0.0, other)))
            return left.then(Word((-math.pi / 2,), (0.0, last - math.pi / 2), -other / 2))
        right = Word((-math.pi / 2,), (0.0, middle - math.pi / 2)).then(Word((other,), (0.0, last)))
        return Word((math.pi / 2,), (first + math.pi / 2, one)).then(right._replace(alpha=right.alpha - one / 2))
    if Traced in (type(one), type(other), type(middle)):
        return None
    from .unitary import matmul, u_angles, u_matrix

    theta, phi, lam, alpha = u_angles(matmul(u_matrix(one, 0.0, middle), u_matrix(other, 0.0, 0.0)))
    return Word((theta,), (first + phi, lam + last), alpha)


def _multiple(angle: float, unit: float) -> int | None:
    """Return which multiple of a unit an angle always is, if it is one."""
    if type(angle) is Traced:
        return None
    count = round(angle / unit)
    return count if abs(angle - count * unit) < TURN_TOLERANCE else None


class TracedMatrix(tuple[complex, complex, complex, complex]):
    """A 2 x 2 matrix at the point of the values, with the word it is."""

    word: Word

    @classmethod
    def of(cls, entries: tuple[complex, complex, complex, complex], word: Word) -> TracedMatrix:
        """Return the matrix of a word."""
        self = cls(entries)
        self.word = word
        return self
