"""Qiskit's primitives on a simulated machine: a circuit with parameters is routed once, for all values and calls."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.primitives import (
    BaseEstimatorV2,
    BaseSamplerV2,
    DataBin,
    PrimitiveJob,
    PrimitiveResult,
    PubResult,
    SamplerPubResult,
)
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import PauliList

from .arch.device import FPQA
from .arch.errors import CircuitError, OptionError
from .arch.program import Program
from .machine import check_options
from .noisy import noisy_circuit, simulate, simulator
from .outcomes import BoolArray, basis_of, measured, sampler_result, unpacked
from .target import digest, program_of
from .template import Template, compile_template

Floats = NDArray[np.float64]

KEPT = 64
"""So many routed circuits are remembered, those that were used last."""


class SamplerV2(BaseSamplerV2):
    """Samples circuits on a simulated machine, with all its errors; see `qpilot.noisy_circuit`.

    A circuit with parameters is routed once, for all values and all calls.

    Args:
        device: The machine.
        default_shots: Shots of circuits for which none are given.
        seed: Seed of the compilation and of the shots: equal calls in equal order give equal results.
        noise: Whether the machine makes errors.
        **options: Arguments of `qpilot.compile_template`, such as `effort` or `objective`.

    Raises:
        OptionError: There is no such option, or it has no such value.
        ImportError: Qiskit Aer is not installed.

    >>> from qiskit import QuantumCircuit
    >>> from qiskit.circuit import Parameter
    >>> import qpilot
    >>> circuit = QuantumCircuit(2)
    >>> _ = circuit.ry(Parameter("a"), 0), circuit.cx(0, 1), circuit.measure_all()
    >>> sampler = qpilot.SamplerV2(qpilot.preset("enola", 2, 2), seed=1, noise=False)
    >>> (result,) = sampler.run([(circuit, [0.0, 3.141592653589793])], shots=100).result()
    >>> [result.data.meas[k].get_counts() for k in range(2)]
    [{'00': 100}, {'11': 100}]
    """

    def __init__(
        self, device: FPQA, *, default_shots: int = 1024, seed: int | None = None, noise: bool = True, **options: Any
    ) -> None:
        self._machine = _Machine.of(device, seed, noise, options)
        self._default_shots = default_shots

    def run(self, pubs: Iterable[Any], *, shots: int | None = None) -> PrimitiveJob[PrimitiveResult[SamplerPubResult]]:
        """Run circuits as one job.

        Args:
            pubs: What a sampler takes: circuits, with values of their parameters and shots of their own if need be.
            shots: Shots of those that have none.

        Returns:
            A job that is under way; its `result()` holds the bits of each register, or raises what went wrong.
        """
        default = self._default_shots if shots is None else shots
        coerced = [SamplerPub.coerce(pub, default) for pub in pubs]
        seed = self._machine.next_seed()  # drawn here, so that jobs keep their order though they run in threads
        job: PrimitiveJob[PrimitiveResult[SamplerPubResult]] = PrimitiveJob(self._run, coerced, seed)
        job._submit()
        return job

    def _run(self, pubs: list[SamplerPub], seed: int) -> PrimitiveResult[SamplerPubResult]:
        runs = [_Run(pub.circuit, _points(pub), pub.shots) for pub in pubs]
        outcomes = self._machine.outcomes(runs, seed)
        return sampler_result(pubs, [bits for block in outcomes for bits in block])


class EstimatorV2(BaseEstimatorV2):
    """Estimates expectation values on a simulated machine, with all its errors; see `qpilot.noisy_circuit`.

    Terms of an observable that commute qubit by qubit are measured together, and each basis of a circuit is routed
    once, for all values of its parameters and all calls. A basis is measured 1 / precision^2 times. `stds` are standard
    errors of the mean, from the scatter of the shots.

    Args:
        device: The machine.
        default_precision: Precision where none is given.
        seed: Seed of the compilation and of the shots: equal calls in equal order give equal results.
        noise: Whether the machine makes errors.
        **options: Arguments of `qpilot.compile_template`, such as `effort` or `objective`.

    Raises:
        OptionError: There is no such option, or it has no such value.
        ImportError: Qiskit Aer is not installed.

    >>> from qiskit import QuantumCircuit
    >>> from qiskit.quantum_info import SparsePauliOp
    >>> import qpilot
    >>> bell = QuantumCircuit(2)
    >>> _ = bell.h(0), bell.cx(0, 1)
    >>> estimator = qpilot.EstimatorV2(qpilot.preset("enola", 2, 2), seed=1, noise=False)
    >>> (result,) = estimator.run([(bell, SparsePauliOp(["ZZ", "XX", "II"], [0.5, 0.25, 2.0]))]).result()
    >>> float(result.data.evs), float(result.data.stds)
    (2.75, 0.0)
    """

    def __init__(
        self,
        device: FPQA,
        *,
        default_precision: float = 1 / 64,
        seed: int | None = None,
        noise: bool = True,
        **options: Any,
    ) -> None:
        self._machine = _Machine.of(device, seed, noise, options)
        self._default_precision = default_precision

    def run(self, pubs: Iterable[Any], *, precision: float | None = None) -> PrimitiveJob[PrimitiveResult[PubResult]]:
        """Run circuits as one job.

        Args:
            pubs: What an estimator takes: (circuit, observables), with values of the parameters and a precision of
                their own if need be; observables and values are broadcast.
            precision: Precision of those that have none.

        Returns:
            A job that is under way; its `result()` has `evs` and `stds`, or raises what went wrong.

        Raises:
            CircuitError: A circuit measures, or an observable has projectors.
            OptionError: A precision is not above 0.
        """
        default = self._default_precision if precision is None else precision
        coerced = [EstimatorPub.coerce(pub, default) for pub in pubs]
        plans = [_Plan.of(pub) for pub in coerced]
        seed = self._machine.next_seed()
        job: PrimitiveJob[PrimitiveResult[PubResult]] = PrimitiveJob(self._run, plans, seed)
        job._submit()
        return job

    def _run(self, plans: list[_Plan], seed: int) -> PrimitiveResult[PubResult]:
        outcomes = iter(self._machine.outcomes([run for plan in plans for run in plan.runs], seed))
        results = [plan.result([next(outcomes) for _ in plan.runs]) for plan in plans]
        return PrimitiveResult(results, metadata={"version": 2})


@dataclass(frozen=True, slots=True)
class _Run:
    """A circuit that measures, the values of its parameters, shape (k, parameters), and the shots of each."""

    circuit: QuantumCircuit
    points: Floats
    shots: int


def _points(pub: SamplerPub | EstimatorPub) -> Floats:
    """Return the values of the parameters, shape (k, parameters)."""
    values, parameters = pub.parameter_values, pub.circuit.parameters
    if not parameters:
        return np.empty((values.size, 0))
    return np.asarray(values.as_array(parameters), dtype=np.float64).reshape(-1, len(parameters))


@dataclass(slots=True)
class _Machine:
    """A machine that runs circuits with Qiskit Aer, and remembers how they are routed."""

    device: FPQA
    noise: bool
    options: dict[str, Any]
    random: np.random.Generator
    aer: Any
    kept: OrderedDict[str, Template] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, device: FPQA, seed: int | None, noise: bool, options: dict[str, Any]) -> _Machine:
        """Return a machine.

        Raises:
            OptionError: There is no such option, or it has no such value.
            ImportError: Qiskit Aer is not installed.
        """
        options = options | {"seed": 0 if seed is None else seed}
        check_options(options)
        return cls(device, noise, options, np.random.default_rng(seed), simulator())

    def next_seed(self) -> int:
        """Return the seed of the next job."""
        return int(self.random.integers(2**31))

    def outcomes(self, runs: Sequence[_Run], seed: int) -> list[list[BoolArray]]:
        """Return the bits of each run at each of its points, shape (shots, bits)."""
        circuits: dict[int, list[QuantumCircuit]] = {}  # by shots, since a job of Aer has one number of them
        for run in runs:
            programs = self._programs(run.circuit, run.points)
            circuits.setdefault(run.shots, []).extend(noisy_circuit(program, noise=self.noise) for program in programs)
        found = {shots: iter(self._simulate(made, shots, seed)) for shots, made in circuits.items() if made}
        return [
            [unpacked(next(found[run.shots]), run.circuit.num_clbits) for _ in range(len(run.points))] for run in runs
        ]

    def _simulate(self, circuits: list[QuantumCircuit], shots: int, seed: int) -> list[list[str]]:
        """Return the outcome of each shot of each circuit, in hexadecimal."""
        result = simulate(self.aer, circuits, shots=shots, seed_simulator=seed, memory=True)
        return [getattr(run.data, "memory", ["0x0"] * shots) for run in result.results]

    def _programs(self, circuit: QuantumCircuit, points: Floats) -> list[Program]:
        """Return the program of a circuit for each of some values of its parameters."""
        carried = None if circuit.num_parameters else program_of(circuit, self.device)
        if carried is not None:
            return [carried] * len(points)
        key = digest(circuit)
        with self.lock:
            template = self.kept.pop(key, None) or compile_template(circuit, self.device, **self.options)
            self.kept[key] = template
            if len(self.kept) > KEPT:
                self.kept.popitem(last=False)
        return [template.bind(point) for point in points]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the observables of a pub are measured.

    Attributes:
        pub: The pub.
        groups: The Pauli strings that each run measures; those of the identity in none.
        runs: A run for each group.
    """

    pub: EstimatorPub
    groups: tuple[tuple[str, ...], ...]
    runs: tuple[_Run, ...]

    @classmethod
    def of(cls, pub: EstimatorPub) -> _Plan:
        """Return the plan of a pub."""
        circuit, precision = pub.circuit, pub.precision
        if not precision > 0:
            raise OptionError(f"The precision is {precision}; it must be above 0.")
        if circuit.num_clbits:
            raise CircuitError(
                f"Circuit {circuit.name!r} has classical bits; an estimator measures by itself, so leave them out."
            )
        labels = sorted({label for terms in np.ravel(np.asarray(pub.observables)) for label in terms})
        wrong = next((label for label in labels if set(label) - set("IXYZ")), None)
        if wrong is not None:
            raise CircuitError(f"The observable {wrong} has projectors; write it as a sum of Pauli strings.")
        strings = [label for label in labels if label.strip("I")]
        groups = PauliList(strings).group_commuting(qubit_wise=True) if strings else []
        named = tuple(tuple(group.to_labels()) for group in groups)
        points, shots = _points(pub), math.ceil(1 / precision**2)
        return cls(pub, named, tuple(_Run(measured(circuit, basis_of(group)), points, shots) for group in named))

    def result(self, outcomes: Sequence[Sequence[BoolArray]]) -> PubResult:
        """Return expectation values and standard errors, given the bits of each run at each point."""
        pub = self.pub
        numbers = np.arange(pub.parameter_values.size).reshape(pub.parameter_values.shape)
        places, observables = np.broadcast_arrays(numbers, np.asarray(pub.observables))
        evs, variances = np.zeros(places.shape), np.zeros(places.shape)
        for index in np.ndindex(places.shape):
            place, terms = int(places[index]), dict(observables[index])
            evs[index] = sum(weight for label, weight in terms.items() if not label.strip("I"))
            for group, bits in zip(self.groups, outcomes, strict=True):
                weights = np.array([terms.get(label, 0.0) for label in group])
                values = _signs(bits[place], group) @ weights
                evs[index] += values.mean()
                variances[index] += values.var(ddof=1) / len(values) if len(values) > 1 else np.nan
        metadata = {"target_precision": pub.precision, "circuit_metadata": pub.circuit.metadata}
        metadata["shots"] = self.runs[0].shots if self.runs else 0
        return PubResult(DataBin(evs=evs, stds=np.sqrt(variances), shape=evs.shape), metadata)


def _signs(bits: BoolArray, labels: Sequence[str]) -> Floats:
    """Return the value of each Pauli string in each shot, 1 or -1, shape (shots, strings)."""
    masks = np.array([[letter != "I" for letter in reversed(label)] for label in labels], dtype=np.int64)
    return np.asarray(1.0 - 2.0 * ((bits @ masks.T) & 1))
