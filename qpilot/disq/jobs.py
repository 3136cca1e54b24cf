"""Jobs: lists of requests, each the estimate of one group of the Hamiltonian at one point, and what runs them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.primitives import BaseEstimatorV2, BaseSamplerV2
from qiskit.quantum_info import SparsePauliOp

from ..arch.errors import DriftError
from ..outcomes import measured
from .groups import Groups

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REGISTER = "meas"
"""Name of the classical register that `SamplerEvaluator` measures into."""


class Evaluator(Protocol):
    """Runs jobs: lists of requests, in the order given, each the estimate of one group at one point.

    An evaluator may also have a method `wait(seconds)`, which a policy that pauses calls in place of `time.sleep`: a
    simulator lets its drift go on by that time.

    Attributes:
        num_groups: Number of groups of the Hamiltonian.
    """

    num_groups: int

    def run(self, points: Floats, groups: Ints, shots: Ints) -> tuple[Floats, Floats]:
        """Run one job.

        Args:
            points: Parameter values of each request, shape (k, number of parameters).
            groups: Number of the group of each request, shape (k,).
            shots: Shots of each request, shape (k,).

        Returns:
            Means of sum_i c_i P_i over the terms of the group, shape (k,), and the variances of these means as the
            counts give them, shape (k,); NaN where there are no counts.
        """
        ...

    def state(self) -> Mapping[str, Any]:
        """Return what a checkpoint must hold for an exact resume: random streams, clock of the drift; JSON values."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state that `state` returned."""
        ...


def check_ansatz(ansatz: QuantumCircuit, groups: Groups) -> None:
    """Refuse a circuit that cannot be trained on a Hamiltonian.

    Raises:
        DriftError: It is no circuit, has another number of qubits, no parameters, or measurements.
    """
    if not isinstance(ansatz, QuantumCircuit):
        raise DriftError(f"The ansatz is of type {type(ansatz).__name__}; it must be a QuantumCircuit.")
    if ansatz.num_qubits != groups.num_qubits:
        raise DriftError(f"The ansatz has {ansatz.num_qubits} qubits and the Hamiltonian {groups.num_qubits}.")
    if not ansatz.num_parameters:
        raise DriftError("The ansatz has no parameters: there is nothing to train.")
    if ansatz.num_clbits:
        raise DriftError("The ansatz has classical bits; leave measurements out, they are added for each group.")


class SamplerEvaluator:
    """Runs jobs on a Qiskit sampler: one `run` call per job, one pub per request.

    The measurement of each group is appended to the ansatz once. For a resume to be exact, a checkpoint holds what the
    sampler's methods `state` and `restore` deal with, if it has them, or the state of its `seed` if that is a
    `numpy.random.Generator`. A simulator seeded by a number repeats its noise in every job, StatevectorSampler in every
    pub, so that references never differ: seed it by `numpy.random.default_rng(7)`.

    Args:
        ansatz: Circuit with parameters and without measurements.
        groups: Groups of the Hamiltonian.
        sampler: Any BaseSamplerV2.
        transpile: What turns the measured circuits into circuits of the device, such as the `run` method of a pass
            manager of Qiskit; None if the sampler takes any circuit.

    Raises:
        DriftError: The ansatz does not fit, or `sampler` is no sampler.
    """

    def __init__(
        self,
        ansatz: QuantumCircuit,
        groups: Groups,
        sampler: Any,
        transpile: Callable[[list[QuantumCircuit]], list[QuantumCircuit]] | None = None,
    ) -> None:
        check_ansatz(ansatz, groups)
        if not isinstance(sampler, BaseSamplerV2):
            raise DriftError(f"sampler is of type {type(sampler).__name__}; it must be a Qiskit BaseSamplerV2.")
        self.num_groups = len(groups)
        self._sampler = sampler
        self._circuits = [measured(ansatz, basis) for basis in groups.bases]
        if transpile is not None:
            self._circuits = list(transpile(self._circuits))
        self._masks = [groups.masks(group).T for group in range(len(groups))]
        self._coefficients = groups.coefficients

    def run(self, points: Floats, groups: Ints, shots: Ints) -> tuple[Floats, Floats]:
        """Run one job; see `Evaluator.run`."""
        pubs = [
            (self._circuits[group], point, count)
            for point, group, count in zip(points, groups.tolist(), shots.tolist(), strict=True)
        ]
        results = self._sampler.run(pubs).result()
        pairs = [
            self._mean(group, getattr(result.data, REGISTER))
            for group, result in zip(groups.tolist(), results, strict=True)
        ]
        means, variances = np.array(pairs).reshape(-1, 2).T
        return means, variances

    def wait(self, seconds: float) -> None:
        """Pause, by the clock of the sampler if it has one of its own."""
        getattr(self._sampler, "wait", time.sleep)(seconds)

    def _mean(self, group: int, outcomes: Any) -> tuple[float, float]:
        """Return mean and variance of the mean of a group, from the bits of each shot."""
        masks = self._masks[group]
        packed, counts = np.unique(outcomes.array.reshape(-1, outcomes.array.shape[-1]), axis=0, return_counts=True)
        # The last byte holds the first qubits, its lowest bit qubit 0.
        bits = np.unpackbits(packed[:, ::-1], axis=1, bitorder="little", count=len(masks))
        values = (1.0 - 2.0 * (bits @ masks % 2)) @ self._coefficients[group]
        shots = int(counts.sum())
        mean = float(counts @ values / shots)
        if shots == 1:
            return mean, np.nan
        return mean, float(counts @ (values - mean) ** 2 / (shots * (shots - 1)))

    def state(self) -> Mapping[str, Any]:
        """Return the sampler's own state, or that of its random stream, or nothing."""
        if hasattr(self._sampler, "state"):
            return {"sampler": self._sampler.state()}
        seed = getattr(self._sampler, "seed", None)
        return {"random": stream_state(seed)} if isinstance(seed, np.random.Generator) else {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state that `state` returned."""
        try:
            if "sampler" in state:
                self._sampler.restore(state["sampler"])
            elif "random" in state:
                restore_stream(self._sampler.seed, state["random"])
        except AttributeError:
            raise DriftError("The run used another kind of sampler; build it in the same way again.") from None


class EstimatorEvaluator:
    """Runs jobs on a Qiskit estimator: one `run` call per job, one pub per request, its observable one group.

    The precision asked for is 1 / sqrt(shots). Variances are NaN: what estimators report as a standard deviation is the
    precision asked for, zero, or several times too large; so a policy that needs variances refuses to work. A sampler
    is the better choice: some estimators with a seed repeat the same noise in every pub.

    Args:
        ansatz: Circuit with parameters and without measurements.
        groups: Groups of the Hamiltonian.
        estimator: Any BaseEstimatorV2.
        transpile: What turns the ansatz into a circuit of the device; see `SamplerEvaluator`.

    Raises:
        DriftError: The ansatz does not fit, or `estimator` is no estimator.
    """

    def __init__(
        self,
        ansatz: QuantumCircuit,
        groups: Groups,
        estimator: Any,
        transpile: Callable[[list[QuantumCircuit]], list[QuantumCircuit]] | None = None,
    ) -> None:
        check_ansatz(ansatz, groups)
        if not isinstance(estimator, BaseEstimatorV2):
            raise DriftError(f"estimator is of type {type(estimator).__name__}; it must be a Qiskit BaseEstimatorV2.")
        self.num_groups = len(groups)
        self._estimator = estimator
        self._circuit = ansatz if transpile is None else transpile([ansatz])[0]
        observables = [
            SparsePauliOp(list(labels), coefficients)
            for labels, coefficients in zip(groups.labels, groups.coefficients, strict=True)
        ]
        layout = self._circuit.layout
        self._observables = observables if layout is None else [part.apply_layout(layout) for part in observables]

    def run(self, points: Floats, groups: Ints, shots: Ints) -> tuple[Floats, Floats]:
        """Run one job; see `Evaluator.run`."""
        pubs = [
            (self._circuit, self._observables[group], point, 1 / np.sqrt(count))
            for point, group, count in zip(points, groups.tolist(), shots.tolist(), strict=True)
        ]
        means = np.array([float(result.data.evs) for result in self._estimator.run(pubs).result()])
        return means, np.full(len(means), np.nan)

    def state(self) -> Mapping[str, Any]:
        """Return nothing: an estimator does not give its random stream away."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Do nothing."""


class FunctionEvaluator:
    """Runs jobs on a plain function of a point, which counts as one group; shots are not known, variances NaN.

    Args:
        function: Takes a point, returns its energy.
    """

    num_groups = 1

    def __init__(self, function: Callable[[Floats], float]) -> None:
        self._function = function

    def run(self, points: Floats, groups: Ints, shots: Ints) -> tuple[Floats, Floats]:
        """Call the function once for each request, in order."""
        means = np.array([float(self._function(point)) for point in points])
        return means, np.full(len(means), np.nan)

    def state(self) -> Mapping[str, Any]:
        """Return nothing."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Do nothing."""


def stream_state(generator: np.random.Generator) -> dict[str, Any]:
    """Return the state of a random stream as JSON values: its numbers are longer than those of other readers."""
    return _plain(dict(generator.bit_generator.state))


def restore_stream(generator: np.random.Generator, state: Mapping[str, Any]) -> None:
    """Take up a state that `stream_state` returned.

    Raises:
        DriftError: The generator is of another kind.
    """
    kind = generator.bit_generator.state["bit_generator"]
    if state.get("bit_generator") != kind:
        raise DriftError(f"The run drew from a {state.get('bit_generator')} stream and this one is a {kind}.")
    generator.bit_generator.state = _exact(dict(state))


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state with integers written in hexadecimal and arrays as lists."""
    plain: dict[str, Any] = {}
    for key, value in state.items():
        if isinstance(value, dict):
            plain[key] = _plain(value)
        elif isinstance(value, np.ndarray):
            plain[key] = list(map(hex, value.tolist()))
        else:
            plain[key] = hex(value) if isinstance(value, int) else value
    return plain


def _exact(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state that `_plain` wrote down."""
    exact: dict[str, Any] = {}
    for key, value in state.items():
        if isinstance(value, dict):
            exact[key] = _exact(value)
        elif isinstance(value, list):
            exact[key] = np.array([int(item, 16) for item in value], dtype=np.uint64)
        else:
            exact[key] = int(value, 16) if isinstance(value, str) and value.startswith("0x") else value
    return exact
