"""Templates: a circuit with parameters compiled once, and programs of it for any values."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from .arch.device import FPQA
from .arch.errors import CircuitError
from .arch.program import Instruction, Program, Raman, Rydberg
from .arch.traced import LEAST, RANGE, Traced
from .arch.unitary import wrap
from .compiler import compile_traced
from .formulas import Floats, Formulas, formulas_of
from .frontend import read_circuit
from .machine import CompileOptions, Sites
from .parameters import NAMED, value_of
from .routing.options import Progress, no_progress, share
from .verify import verify as verify_program

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
        verify: Check the programs of points drawn at random: the rules of the hardware, and that they compute the
            circuit there. Analytic functions of the parameters that are equal at a random point are equal everywhere.
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
        for point in _check_points(template, seed):
            verify_program(template.bind(point), source.assign_parameters(point))
    report(1.0, "done")
    program = msgspec.structs.replace(template.program, compile_s=time.perf_counter() - start)
    return replace(template, program=program)


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
        try:
            point = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise CircuitError("A value of a parameter is no real number.") from None
        if point.shape != (len(self.parameters),):
            raise CircuitError(f"Values have shape {point.shape}; the template has {len(self.parameters)} parameters.")
        if not np.isfinite(point).all():
            raise CircuitError(f"Parameter {self.parameters[int(np.argmin(np.isfinite(point)))].name} is not finite.")
        return point


def _check_points(template: Template, seed: int) -> list[Floats]:
    """Return where to verify: where all angles have values, and anywhere unless some might have none there."""
    rng, count = np.random.default_rng(seed), len(template.parameters)
    points = [rng.uniform(LEAST, LEAST + RANGE, count)]
    if count and not template.formulas.expressions:
        points.append(rng.uniform(-np.pi, np.pi, count))
    return points


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

    slots = []
    for index, op in enumerate(traced.instructions):
        if not isinstance(op, (Raman, Rydberg)):
            continue
        angles: list[tuple[float, ...]] = [a if isinstance(a, tuple) else (a,) for a in op.angles]
        found = [(gate, tuple(map(output, triple))) for gate, triple in enumerate(angles)]
        found = [(gate, which) for gate, which in found if max(which) >= 0]
        if found:
            slots.append(Slots(index, tuple(gate for gate, _ in found), tuple(which for _, which in found)))
    info = traced.circuit
    phase = output(info.global_phase)
    info = msgspec.structs.replace(info, global_phase=wrap(float(info.global_phase)))
    program = msgspec.structs.replace(traced, circuit=info)
    template = Template(program, tuple(parameters), tuple(slots), formulas_of(outputs, parameters), phase)
    return replace(template, program=template.bind([value_of(parameter) for parameter in parameters]))
