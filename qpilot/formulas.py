"""Numbers of a compiled program as functions of its parameters, for many points at once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, ParameterExpression

from .arch.errors import CircuitError
from .arch.traced import Core, Traced
from .arch.unitary import ANGLE_TOLERANCE
from .parameters import at, value_of
from .routing.builder import NEGLIGIBLE

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums of variables: sum number i is that of `weights[k] * variables[columns[k]]` from starts[i] up to the next."""

    columns: Ints
    weights: Floats
    starts: Ints

    def values(self, variables: Floats) -> Floats:
        """Return the sums at k points, shape (k, sums), from the variables there, shape (k, variables)."""
        if not len(self.starts):
            return np.empty((len(variables), 0))
        return np.asarray(np.add.reduceat(variables[:, self.columns] * self.weights, self.starts, axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Cores that depend on no other core but those of levels before.

    Attributes:
        turns: The turns of each core, filled up with 0 to the same number for all.
        phases: The phases before each turn but the first.
        shape: Number of cores, and of turns.
    """

    turns: Sums
    phases: Sums
    shape: tuple[int, int]

    def angles(self, variables: Floats) -> Floats:
        """Return the angles of the cores at k points, shape (k, cores, 4)."""
        cores, count = self.shape
        turns = self.turns.values(variables).reshape(-1, cores, count) / 2
        phases = self.phases.values(variables).reshape(-1, cores, count - 1)
        a, c = np.cos(turns[..., 0]) + 0j, np.sin(turns[..., 0]) + 0j
        b, d = -c, a
        for k in range(1, count):
            cos, sin, turn = np.cos(turns[..., k]), np.sin(turns[..., k]), np.exp(1j * phases[..., k - 1])
            b, d = b * turn, d * turn
            a, b, c, d = a * cos + b * sin, b * cos - a * sin, c * cos + d * sin, d * cos - c * sin
        return angles_of(a, b, c, d)


def angles_of(a: Complexes, b: Complexes, c: Complexes, d: Complexes) -> Floats:
    """Return the angles of many matrices, on a last axis; see `qpilot.arch.unitary.u_angles`."""
    theta = 2 * np.arctan2(np.abs(c), np.abs(a))
    diagonal, antidiagonal = theta < ANGLE_TOLERANCE, np.pi - theta < ANGLE_TOLERANCE
    alpha = np.angle(np.where(antidiagonal, -b, a))
    theta = np.where(diagonal, 0.0, np.where(antidiagonal, np.pi, theta))
    phi = np.where(diagonal, 0.0, np.angle(c) - alpha)
    lam = np.where(antidiagonal, 0.0, np.angle(np.where(diagonal, d, -b)) - alpha)
    return np.stack([theta, phi, lam, alpha], axis=-1)


@dataclass(frozen=True, slots=True, eq=False)
class Formulas:
    """How the angles of a program come from parameters.

    Attributes:
        expressions: Angles of the circuit that are no sums of parameters; they are variables of their own.
        levels: Cores, whose angles are variables too.
        outputs: The different numbers of the program that depend on parameters.
    """

    expressions: tuple[ParameterExpression, ...]
    levels: tuple[Level, ...]
    outputs: Sums

    def values(self, points: Floats, parameters: Sequence[Parameter]) -> Floats:
        """Return the outputs at k points, shape (k, outputs)."""
        variables = np.concatenate([np.ones((len(points), 1)), points], axis=1)
        if self.expressions:
            variables = np.concatenate([variables, self._expressions(points, parameters)], axis=1)
        for level in self.levels:
            variables = np.concatenate([variables, level.angles(variables).reshape(len(points), -1)], axis=1)
        return self.outputs.values(variables)

    def _expressions(self, points: Floats, parameters: Sequence[Parameter]) -> Floats:
        """Return the expressions at points, shape (k, expressions)."""
        rows = np.empty((len(points), len(self.expressions)))
        for row, point in enumerate(points.tolist()):
            values = dict(zip(parameters, point, strict=True))
            for column, expression in enumerate(self.expressions):
                try:
                    rows[row, column] = at(expression, values)
                except ValueError:
                    names = ", ".join(f"{p.name} = {values[p]:g}" for p in expression.parameters)
                    raise CircuitError(f"The angle {expression} is no finite real number at {names}.") from None
        return rows


def formulas_of(outputs: Sequence[Traced], parameters: Sequence[Parameter]) -> Formulas:
    """Return how traced numbers come from parameters."""
    values: dict[Hashable, float] = {parameter: value_of(parameter) for parameter in parameters}
    levels: list[list[Core]] = []
    level_of: dict[Core, int] = {}
    expressions: list[ParameterExpression] = []

    def visit(number: float) -> int:
        """Note the variables of a number; return the first level that may use it."""
        if not isinstance(number, Traced):
            return 0
        least = 0
        for variable in number.weights:
            if isinstance(variable, tuple):
                least = max(least, 1 + level(variable[0]))
            elif variable not in values:
                assert isinstance(variable, ParameterExpression)
                expressions.append(variable)
                values[variable] = value_of(variable)
        return least

    def level(core: Core) -> int:
        if core not in level_of:
            found = max(map(visit, (*core.turns, *core.phases)))
            level_of[core] = found
            levels.extend([] for _ in range(found + 1 - len(levels)))
            levels[found].append(core)
            values.update(((core, k), core.value(k)) for k in range(4))
        return level_of[core]

    for number in outputs:
        visit(number)
    column: dict[Hashable, int] = {}
    for variable in (None, *parameters, *expressions):
        column[variable] = len(column)
    built = []
    for cores in levels:
        count = max(len(core.turns) for core in cores)
        turns = [y for core in cores for y in (*core.turns, *[0.0] * (count - len(core.turns)))]
        phases = [x for core in cores for x in (*core.phases, *[0.0] * (count - 1 - len(core.phases)))]
        built.append(Level(_sums(turns, column, values), _sums(phases, column, values), (len(cores), count)))
        for core in cores:
            for k in range(4):
                column[core, k] = len(column)
    return Formulas(tuple(expressions), tuple(built), _sums(outputs, column, values))


def _sums(numbers: Iterable[float], column: Mapping[Hashable, int], values: Mapping[Hashable, float]) -> Sums:
    """Return numbers as sums of variables in columns; `values` are those of the variables where the numbers are."""
    columns: list[int] = []
    weights: list[float] = []
    starts: list[int] = []
    for number in numbers:
        starts.append(len(columns))
        of_number = number.weights if isinstance(number, Traced) else {}
        columns += [0, *(column[variable] for variable in of_number)]
        constant = float(number) - sum(weight * values[variable] for variable, weight in of_number.items())
        weights += [constant if abs(constant) > NEGLIGIBLE else 0.0, *of_number.values()]
    return Sums(np.array(columns, dtype=np.int64), np.array(weights), np.array(starts, dtype=np.int64))
