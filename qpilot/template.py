"""Templates: a circuit with parameters compiled once, and programs of it for any values."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterExpression

from .arch.device import FPQA
from .arch.errors import CircuitError
from .arch.program import Instruction, Program, Raman, Rydberg
from .arch.traced import Core, Traced
from .arch.unitary import ANGLE_TOLERANCE, wrap
from .compiler import compile_traced
from .frontend import read_circuit
from .machine import CompileOptions, Sites
from .parameters import NAMED, at_placeholders
from .routing.builder import NEGLIGIBLE
from .routing.options import Progress, no_progress, share
from .verify import verify as verify_program

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Ints = NDArray[np.int64]

NUDGE = 1e-4
"""Where the angles of a gate are not determined, they are those of a point about so far away, in radians."""

Values = Mapping[Any, float] | Sequence[float] | Floats


def compile_template(
    circuit: QuantumCircuit | str | Path,
    device: FPQA | None = None,
    *,
    router: str = "auto",
    strategy: str = "rounds",
    placement: str | Sites = "auto",
    shape: str | tuple[int, int] = "auto",
    objective: str = "balanced",
    effort: int = 1,
    seed: int = 0,
    verify: bool = True,
    progress: Progress | None = None,
) -> Template:
    """Compile a circuit with parameters once, for all their values.

    The schedule is that of values without coincidences: a rotation that vanishes for special values stays in it.

    Args:
        circuit: A circuit with parameters, or OpenQASM 3 with inputs.
        device: As in `compile`, like all that follow.
        router: As in `compile`.
        strategy: As in `compile`.
        placement: As in `compile`.
        shape: As in `compile`.
        objective: As in `compile`.
        effort: As in `compile`.
        seed: As in `compile`.
        verify: Check the program of one point: the rules of the hardware, and that it computes the circuit there. Two
            analytic functions of the parameters that are equal at a point drawn at random are equal everywhere.
        progress: As in `compile`.

    Returns:
        The template.

    Raises:
        QPilotError: One of the errors of `compile`.

    >>> from qiskit.circuit import Parameter
    >>> circuit = QuantumCircuit(2)
    >>> circuit.rzz(2 * Parameter("gamma"), 0, 1)  # doctest: +ELLIPSIS
    <...>
    >>> template = compile_template(circuit)
    >>> template.bind({"gamma": 0.25}).depth
    4
    """
    start = time.perf_counter()
    options = CompileOptions(router, strategy, placement, shape, objective, effort, seed)
    report = progress or no_progress
    source = read_circuit(circuit)
    traced = compile_traced(source, device, options, share(report, 0.0, 0.9))
    template = _of(traced, source.parameters)
    if verify:
        report(0.9, "checking")
        point = np.random.default_rng(seed).uniform(-3.0, 3.0, len(template.parameters))
        verify_program(template.bind(point), source.assign_parameters(point))
    report(1.0, "done")
    program = msgspec.structs.replace(template.program, compile_s=time.perf_counter() - start)
    return replace(template, program=program)


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


def _settled(angles: Floats, beside: Floats) -> Floats:
    """Return angles with those of diagonal and antidiagonal gates, of which only a sum counts, settled as close by.

    So angles that cancel elsewhere, as those of a gate and its inverse, cancel here too.
    """
    theta, phi, lam, alpha = np.moveaxis(angles, -1, 0)
    sign = np.where(theta == 0.0, -1.0, 1.0)
    free = (theta == 0.0) | (theta == np.pi)
    near = np.where(free, beside[..., 2], lam)
    changed = np.where(free, near - lam, 0.0)
    return np.stack([theta, phi + sign * changed, near, alpha - (theta == np.pi) * changed], axis=-1)


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
        count = len(points)
        if self.levels:
            beside = points + NUDGE * np.cos(np.arange(points.shape[1]))
            points = np.concatenate([points, beside])
        variables = np.concatenate([np.ones((len(points), 1)), points], axis=1)
        if self.expressions:
            bound = [dict(zip(parameters, point, strict=True)) for point in points.tolist()]
            rows = [[float(e.bind({p: at[p] for p in e.parameters})) for e in self.expressions] for at in bound]
            variables = np.concatenate([variables, rows], axis=1)
        for level in self.levels:
            angles = level.angles(variables)
            angles[:count] = _settled(angles[:count], angles[count:])
            variables = np.concatenate([variables, angles.reshape(len(points), -1)], axis=1)
        return self.outputs.values(variables[:count])


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """Where numbers that depend on parameters go in an instruction.

    Attributes:
        instruction: Number of the instruction.
        gates: Number of each one-qubit gate or pair that depends on parameters.
        outputs: For each of them which outputs its angles are, theta, phi and lam of a one-qubit gate; -1: constant.
    """

    instruction: int
    gates: tuple[int, ...]
    outputs: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A circuit with parameters, compiled once.

    Attributes:
        program: The program at one point of the parameters; its schedule and metrics are those of all.
        parameters: The parameters, in the order of the circuit.
        slots: Where the numbers go that depend on parameters.
        formulas: How these numbers come from parameters.
        phase: Which output is the global phase; -1: it is constant.
    """

    program: Program
    parameters: tuple[Parameter, ...]
    slots: tuple[Slots, ...]
    formulas: Formulas
    phase: int

    def bind(self, values: Values) -> Program:
        """Return the program for some values; the time is linear in its size, and nothing is routed anew.

        Args:
            values: In the order of `parameters`; or by name or parameter.

        Raises:
            CircuitError: A value is missing, is not finite, or belongs to no parameter.
        """
        (outputs,) = self.outputs(self._point(values)[None]).tolist()
        instructions = list(self.program.instructions)
        for slot in self.slots:
            instructions[slot.instruction] = _filled(instructions[slot.instruction], slot, outputs)
        program = msgspec.structs.replace(self.program, instructions=tuple(instructions), compile_s=None)
        if self.phase < 0:
            return program
        phase = wrap(outputs[self.phase])
        return msgspec.structs.replace(program, circuit=msgspec.structs.replace(program.circuit, global_phase=phase))

    def outputs(self, points: Floats) -> Floats:
        """Return the numbers that depend on parameters, shape (k, numbers), at k points, shape (k, parameters)."""
        return self.formulas.values(points, self.parameters)

    def _point(self, values: Values) -> Floats:
        if isinstance(values, Mapping):
            given = {key.name if isinstance(key, Parameter) else str(key): value for key, value in values.items()}
            names = [parameter.name for parameter in self.parameters]
            unknown = next((name for name in given if name not in names), None)
            missing = next((name for name in names if name not in given), None)
            if unknown is not None or missing is not None:
                what = f"has no parameter {unknown}" if missing is None else f"needs a value of {missing}"
                raise CircuitError(f"The template {what}; its parameters are {', '.join(names[:NAMED])}.")
            values = [given[name] for name in names]
        point = np.asarray(values, dtype=np.float64)
        if point.shape != (len(self.parameters),):
            raise CircuitError(f"Values have shape {point.shape}; the template has {len(self.parameters)} parameters.")
        if not np.isfinite(point).all():
            raise CircuitError(f"Parameter {self.parameters[int(np.argmin(np.isfinite(point)))].name} is not finite.")
        return point


def _filled(op: Instruction, slot: Slots, outputs: Sequence[float]) -> Instruction:
    """Return an instruction with numbers put in."""
    assert isinstance(op, (Raman, Rydberg))
    angles: list[Any] = list(op.angles)
    for gate, numbers in zip(slot.gates, slot.outputs, strict=True):
        if isinstance(op, Rydberg):
            angles[gate] = wrap(outputs[numbers[0]])
        else:
            filled = (outputs[k] if k >= 0 else old for k, old in zip(numbers, angles[gate], strict=True))
            angles[gate] = tuple(filled)
    return msgspec.structs.replace(op, angles=tuple(angles))


# --- from a program whose angles are traced --------------------------------------------------------------------------


def _of(traced: Program, parameters: Sequence[Parameter]) -> Template:
    """Return the template of a program whose angles are traced."""
    numbers: dict[tuple[object, ...], int] = {}
    outputs: list[Traced] = []

    def output(number: float) -> int:
        if not isinstance(number, Traced):
            return -1
        key = float(number), frozenset(number.weights.items())
        if key not in numbers:
            numbers[key] = len(outputs)
            outputs.append(number)
        return numbers[key]

    slots, plain = [], list(traced.instructions)
    for index, op in enumerate(traced.instructions):
        if not isinstance(op, (Raman, Rydberg)):
            continue
        angles: list[tuple[float, ...]] = [a if isinstance(a, tuple) else (a,) for a in op.angles]
        found = [(gate, tuple(map(output, triple))) for gate, triple in enumerate(angles)]
        found = [(gate, which) for gate, which in found if max(which) >= 0]
        if found:
            slots.append(Slots(index, tuple(gate for gate, _ in found), tuple(which for _, which in found)))
            values = [tuple(map(float, triple)) for triple in angles]
            new: Any = tuple(value for (value,) in values) if isinstance(op, Rydberg) else tuple(values)
            plain[index] = msgspec.structs.replace(op, angles=new)
    info = traced.circuit
    phase = output(info.global_phase)
    program = msgspec.structs.replace(
        traced,
        circuit=msgspec.structs.replace(info, global_phase=wrap(float(info.global_phase))),
        instructions=tuple(plain),
    )
    return Template(program, tuple(parameters), tuple(slots), _formulas(outputs, parameters), phase)


def _formulas(outputs: Sequence[Traced], parameters: Sequence[Parameter]) -> Formulas:
    """Return how numbers come from parameters."""
    values: dict[Hashable, float] = {parameter: at_placeholders(parameter) for parameter in parameters}
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
                values[variable] = at_placeholders(variable)
        return least

    def level(core: Core) -> int:
        if core not in level_of:
            found = max(map(visit, (*core.turns, *core.phases)))
            level_of[core] = found
            levels.extend([] for _ in range(found + 1 - len(levels)))
            levels[found].append(core)
            values.update(((core, k), value) for k, value in enumerate(core.angles))
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
            for k in range(len(core.angles)):
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
