"""Noise that drifts: how good the machine is at each moment, and the clock that tells the moments of a job.

A process is a frozen description; `start` makes a path of it, one random course through time. Every path begins with
the machine of `Static()`; `Static(...)` and `Trace` set its values, the other processes change them, and a sum applies
its parts from left to right:

    process = Static(t1_us=80.0) + Telegraph() + Bursts(rate_per_s=0.01)
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..arch.device import FPQA
from ..arch.errors import DriftError, plain
from .checks import check_number

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MachineNoise:
    """The noise of a machine of n qubits at m moments.

    Gate errors are average infidelities, as in tables of calibration data: a gate is followed by depolarising noise of
    that infidelity, and by relaxation for the time of the gate on each of its qubits. The error of a two-qubit gate is
    the mean of those of its qubits.

    Attributes:
        t1_us: Relaxation times, shape (m, n); may be infinite.
        error_1q: Errors of gates on one qubit, shape (m, n), at most 1/2.
        error_2q: Errors of gates on two qubits, shape (m, n), at most 3/4.
        readout_error: Probabilities to read the wrong bit, shape (m, n), at most 1/2.
        angle_offset_rad: What each rotation of one qubit (rx, ry, rz, p, r, u) turns too far, shape (m, n).
        energy_factor: Factor of every expectation value, shape (m,), from 0 to 1: the weight left by a depolarising
            channel on all qubits at once.
        constant_factor: Factor of the identity term of the Hamiltonian, shape (m,). No physical noise changes it.
    """

    t1_us: FloatArray
    error_1q: FloatArray
    error_2q: FloatArray
    readout_error: FloatArray
    angle_offset_rad: FloatArray
    energy_factor: FloatArray
    constant_factor: FloatArray

    def legal(self) -> MachineNoise:
        """Return the same with errors cut to what a channel can have."""
        return replace(
            self,
            error_1q=np.clip(self.error_1q, 0.0, 0.5),
            error_2q=np.clip(self.error_2q, 0.0, 0.75),
            readout_error=np.clip(self.readout_error, 0.0, 0.5),
            energy_factor=np.clip(self.energy_factor, 0.0, 1.0),
        )

    def table(self) -> FloatArray:
        """Return everything as one array, a row per moment, so that equal moments can be found."""
        columns = [getattr(self, field.name) for field in fields(self)]
        return np.column_stack(columns)

    def rows(self, index: NDArray[np.int64] | slice) -> MachineNoise:
        """Return the noise at some of the moments."""
        return MachineNoise(*(getattr(self, field.name)[index] for field in fields(self)))


class Path(Protocol):
    """One course of a process through time."""

    def change(self, noise: MachineNoise, times_s: FloatArray, job: int) -> MachineNoise:
        """Return the noise with what this process does to it.

        Args:
            noise: The noise before, at m moments.
            times_s: The moments, shape (m,), never before those of the last call.
            job: The number of the job, from 0.
        """
        ...

    def state(self) -> Mapping[str, Any]:
        """Return what the future depends on, as JSON values."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state returned by `state`."""
        ...


class Process(ABC):
    """A description of noise; processes add up with `+`."""

    __slots__ = ()

    @abstractmethod
    def start(self, num_qubits: int, rng: np.random.Generator) -> Path:
        """Return a path that begins at time 0 s; it draws from `rng` and from nothing else."""

    def __add__(self, other: Process) -> Sum:
        if not isinstance(other, Process):
            return NotImplemented
        return Sum((*_parts(self), *_parts(other)))


def _parts(process: Process) -> tuple[Process, ...]:
    return process.parts if isinstance(process, Sum) else (process,)


@dataclass(frozen=True, slots=True)
class Sum(Process):
    """Several processes at once, each with a random stream of its own.

    Attributes:
        parts: The processes, in the order in which they act.
    """

    parts: tuple[Process, ...]

    def start(self, num_qubits: int, rng: np.random.Generator) -> Path:
        """Return a path that begins at time 0 s."""
        streams = rng.spawn(len(self.parts))
        return _SumPath([part.start(num_qubits, stream) for part, stream in zip(self.parts, streams, strict=True)])


@dataclass(slots=True)
class _SumPath:
    paths: list[Path]

    def change(self, noise: MachineNoise, times_s: FloatArray, job: int) -> MachineNoise:
        for path in self.paths:
            noise = path.change(noise, times_s, job)
        return noise

    def state(self) -> Mapping[str, Any]:
        return {"parts": [path.state() for path in self.paths]}

    def restore(self, state: Mapping[str, Any]) -> None:
        for path, part in zip(self.paths, state["parts"], strict=True):
            path.restore(part)


@dataclass(frozen=True, slots=True)
class Static(Process):
    """A machine that does not drift.

    The defaults are those of a present superconducting machine, on which the published methods were tried.

    Attributes:
        t1_us: Relaxation time; infinite for none.
        error_1q: Average infidelity of a gate on one qubit.
        error_2q: Average infidelity of a gate on two qubits.
        readout_error: Probability to read the wrong bit.
    """

    t1_us: float = 100.0
    error_1q: float = 3e-4
    error_2q: float = 5e-3
    readout_error: float = 0.015

    def __post_init__(self) -> None:
        if self.t1_us != math.inf:
            require(self, "t1_us", open_low=True)
        require(self, "error_1q", high=0.5)
        require(self, "error_2q", high=0.75)
        require(self, "readout_error", high=0.5)

    @classmethod
    def ideal(cls) -> Static:
        """Return a machine without noise."""
        return cls(math.inf, 0.0, 0.0, 0.0)

    @classmethod
    def of_device(cls, device: FPQA, readout_error: float | None = None) -> Static:
        """Return the noise of a machine of atoms, for `FPQAEvaluator`.

        Args:
            device: Its infidelities are those of gates, its coherence time stands for T1.
            readout_error: Probability to read the wrong bit; by default that of the device, or 0.005 if it has none.
        """
        fidelity = device.fidelity
        if readout_error is None:
            readout_error = 1.0 - fidelity.measure or 0.005
        return cls(fidelity.t2_us, 1.0 - fidelity.raman, 1.0 - fidelity.cz, readout_error)

    def start(self, num_qubits: int, rng: np.random.Generator) -> Path:
        """Return a path that begins at time 0 s."""
        return Memoryless(self._set)

    def _set(self, noise: MachineNoise, times_s: FloatArray, job: int) -> MachineNoise:
        changed = {field.name: np.full_like(noise.t1_us, getattr(self, field.name)) for field in fields(self)}
        return replace(noise, **changed)

    def noise(self, num_moments: int, num_qubits: int) -> MachineNoise:
        """Return the noise at a number of moments."""
        values = (self.t1_us, self.error_1q, self.error_2q, self.readout_error, 0.0)
        t1_us, error_1q, error_2q, readout_error, offset = (np.full((num_moments, num_qubits), x) for x in values)
        ones = np.ones(num_moments)
        return MachineNoise(t1_us, error_1q, error_2q, readout_error, offset, ones, ones)


class _Rule(Protocol):
    def __call__(self, noise: MachineNoise, times_s: FloatArray, job: int) -> MachineNoise: ...


@dataclass(frozen=True, slots=True)
class Memoryless:
    """The path of a process whose effect is a function of the time."""

    rule: _Rule

    def change(self, noise: MachineNoise, times_s: FloatArray, job: int) -> MachineNoise:
        """Return the noise with what this process does to it."""
        return self.rule(noise, times_s, job)

    def state(self) -> Mapping[str, Any]:
        """Return nothing."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Durations:
    """How long things take: gates, during which qubits relax, and circuits and jobs, during which the noise drifts.

    Attributes:
        gate_1q_us: Time of a gate on one qubit.
        gate_2q_us: Time of a gate on two qubits.
        circuit_s: Time of all shots of a circuit.
        job_gap_s: Time from the end of a job to the begin of the next one.
    """

    gate_1q_us: float = 0.04
    gate_2q_us: float = 0.3
    circuit_s: float = 0.5
    job_gap_s: float = 5.0

    def __post_init__(self) -> None:
        for field in fields(self):
            require(self, field.name)


class Drift:
    """A process under way: the noise of every circuit of one job after the other.

    Args:
        process: The noise.
        num_qubits: Qubits of the machine.
        durations: The clock.
        rng: Where the path draws from; nothing else may draw from it.

    Raises:
        DriftError: The process is none, or describes another machine.
    """

    def __init__(self, process: Process, num_qubits: int, durations: Durations, rng: np.random.Generator) -> None:
        if not isinstance(process, Process):
            raise DriftError(f"The noise is of type {type(process).__name__}; it must be a process, such as Static().")
        self.num_qubits = num_qubits
        self.durations = durations
        self.time_s = 0.0
        self.job = 0
        self._path = process.start(num_qubits, rng)

    def next_job(self, num_circuits: int, circuits_s: FloatArray | None = None) -> MachineNoise:
        """Return the noise at the begin of each circuit of a job, and let the time of the job go by.

        Args:
            num_circuits: Number of circuits.
            circuits_s: Time of each of them; that of `durations` if left out.
        """
        if circuits_s is None:
            begins_s = self.durations.circuit_s * np.arange(num_circuits, dtype=np.float64)
            total_s = self.durations.circuit_s * num_circuits
        else:
            begins_s = np.cumsum(circuits_s) - circuits_s
            total_s = float(np.sum(circuits_s))
        machine = Static().noise(num_circuits, self.num_qubits)
        noise = self._path.change(machine, self.time_s + begins_s, self.job).legal()
        self.time_s += total_s + self.durations.job_gap_s
        self.job += 1
        return noise

    def wait(self, seconds: float) -> None:
        """Let time go by without a job.

        Raises:
            DriftError: The time is negative or not finite.
        """
        check_number("The wait in seconds", seconds)
        self.time_s += seconds

    def state(self) -> dict[str, Any]:
        """Return what the future depends on, as JSON values."""
        return {"time_s": self.time_s, "job": self.job, "path": self._path.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state returned by `state` of the same process.

        Raises:
            DriftError: It is the state of another process.
        """
        try:
            self.time_s, self.job = float(state["time_s"]), int(state["job"])
            self._path.restore(state["path"])
        except (KeyError, TypeError, ValueError) as error:
            raise DriftError(f"The state of the noise is not one of this process: {plain(error)}.") from None


def require(process: Any, name: str, *, low: float = 0.0, high: float = math.inf, open_low: bool = False) -> None:
    """Refuse a field of a description that is no number or out of its bounds."""
    check_number(f"{type(process).__name__}.{name}", getattr(process, name), low=low, high=high, open_low=open_low)
