"""Processes of drift: what a machine of `Static` does in the course of time.

References:
    Telegraph: fluctuating two-level systems, Klimov et al., PRL 121, 090502 (2018), and Burnett et al., npj Quantum
    Information 5, 54 (2019). PublishedInjection: Zhang et al., DISQ, arXiv 2308.06634, as in the authors' release.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..arch.errors import DriftError
from .jobs import restore_stream, stream_state
from .noise import FloatArray, MachineNoise, Memoryless, Path, Process, require


@dataclass(frozen=True, slots=True)
class Telegraph(Process):
    """The T1 of each qubit jumps between good and bad, as near a two-level system that moves in and out of resonance.

    Dwell times are exponential; at time 0 the qubits are in the stationary mixture.

    Attributes:
        bad_factor: T1 in the bad state, as a factor of the good one.
        good_s: Mean time in the good state.
        bad_s: Mean time in the bad state.
    """

    bad_factor: float = 0.1
    good_s: float = 600.0
    bad_s: float = 120.0

    def __post_init__(self) -> None:
        require(self, "bad_factor", open_low=True, high=1.0)
        require(self, "good_s", open_low=True)
        require(self, "bad_s", open_low=True)

    def start(self, num_qubits: int, rng: np.random.Generator) -> Path:
        """Return a path that begins at time 0 s."""
        switches = Switches(rng, self.good_s, self.bad_s, num_qubits)
        return _SwitchedPath(switches, self._set)

    def _set(self, noise: MachineNoise, on: NDArray[np.bool_], marks: FloatArray) -> MachineNoise:
        return replace(noise, t1_us=noise.t1_us * np.where(on, self.bad_factor, 1.0))


@dataclass(frozen=True, slots=True)
class Bursts(Process):
    """Now and then all expectation values shrink for a while, as if a depolarising channel hit the whole machine.

    Attributes:
        rate_per_s: Bursts per second of quiet.
        duration_s: Mean of their durations, which are exponential.
        depth: What an expectation value loses in a burst, as a part of it.
    """

    rate_per_s: float = 0.005
    duration_s: float = 20.0
    depth: float = 0.3

    def __post_init__(self) -> None:
        require(self, "rate_per_s", open_low=True)
        require(self, "duration_s", open_low=True)
        require(self, "depth", high=1.0)

    def start(self, num_qubits: int, rng: np.random.Generator) -> Path:
        """Return a path that begins at time 0 s."""
        return _SwitchedPath(Switches(rng, 1.0 / self.rate_per_s, self.duration_s, 1), self._set)

    def _set(self, noise: MachineNoise, on: NDArray[np.bool_], marks: FloatArray) -> MachineNoise:
        return replace(noise, energy_factor=noise.energy_factor * np.where(on[:, 0], 1.0 - self.depth, 1.0))


@dataclass(frozen=True, slots=True)
class CoherentBursts(Process):
    """Now and then every rotation turns too far or too little for a while, so that the landscape moves.

    Each burst draws an offset for each qubit, normal with mean 0, and keeps it until it ends.

    Attributes:
        rate_per_s: Bursts per second of quiet.
        duration_s: Mean of their durations, which are exponential.
        offset_rad: Standard deviation of the offsets.
    """

    rate_per_s: float = 0.005
    duration_s: float = 20.0
    offset_rad: float = 0.3

    def __post_init__(self) -> None:
        require(self, "rate_per_s", open_low=True)
        require(self, "duration_s", open_low=True)
        require(self, "offset_rad")

    def start(self, num_qubits: int, rng: np.random.Generator) -> Path:
        """Return a path that begins at time 0 s."""
        switches = Switches(rng, 1.0 / self.rate_per_s, self.duration_s, 1, num_qubits)
        return _SwitchedPath(switches, self._set)

    def _set(self, noise: MachineNoise, on: NDArray[np.bool_], marks: FloatArray) -> MachineNoise:
        offsets = np.where(on, self.offset_rad * marks, 0.0)
        return replace(noise, angle_offset_rad=noise.angle_offset_rad + offsets)


@dataclass(frozen=True, slots=True)
class OrnsteinUhlenbeck(Process):
    """T1, gate errors and readout errors wander about their values, each qubit for itself.

    Their logarithms follow stationary Ornstein-Uhlenbeck processes: normal with mean 0, and correlated over a time t as
    exp(-t / correlation_s). Errors on one and two qubits of a place wander together.

    Attributes:
        correlation_s: Time after which a deviation has decayed to 1/e.
        log_t1: Standard deviation of the logarithm of T1.
        log_gate_error: Standard deviation of the logarithm of the gate errors.
        log_readout_error: Standard deviation of the logarithm of the readout error.
    """

    correlation_s: float = 600.0
    log_t1: float = 0.3
    log_gate_error: float = 0.3
    log_readout_error: float = 0.3

    def __post_init__(self) -> None:
        require(self, "correlation_s", open_low=True)
        for name in ("log_t1", "log_gate_error", "log_readout_error"):
            require(self, name)

    def start(self, num_qubits: int, rng: np.random.Generator) -> Path:
        """Return a path that begins at time 0 s."""
        return _WanderingPath(self, rng, rng.standard_normal((3, num_qubits)))


@dataclass(slots=True)
class _WanderingPath:
    process: OrnsteinUhlenbeck
    rng: np.random.Generator
    deviation: FloatArray
    time_s: float = 0.0

    def change(self, noise: MachineNoise, times_s: FloatArray, job: int) -> MachineNoise:
        if not len(times_s):
            return noise
        kept = np.exp(-np.diff(times_s, prepend=self.time_s) / self.process.correlation_s)
        kicks = self.rng.standard_normal((len(times_s), *self.deviation.shape))
        kicks *= np.sqrt(1.0 - kept**2)[:, None, None]
        # The recursion is exact for any step, and the same however the moments are split over calls.
        course = np.empty_like(kicks)
        for moment, part in enumerate(kept):
            self.deviation = course[moment] = part * self.deviation + kicks[moment]
        self.time_s = float(times_s[-1])
        widths = (self.process.log_t1, self.process.log_gate_error, self.process.log_readout_error)
        t1, gate, readout = np.exp(course * np.array(widths)[:, None]).transpose(1, 0, 2)
        return replace(
            noise,
            t1_us=noise.t1_us * t1,
            error_1q=noise.error_1q * gate,
            error_2q=noise.error_2q * gate,
            readout_error=noise.readout_error * readout,
        )

    def state(self) -> Mapping[str, Any]:
        return {
            "rng": stream_state(self.rng),
            "deviation": self.deviation.tolist(),
            "time_s": self.time_s,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        restore_stream(self.rng, state["rng"])
        self.deviation = _like(self.deviation, state["deviation"])
        self.time_s = state["time_s"]


@dataclass(frozen=True, slots=True)
class PublishedInjection(Process):
    """The disturbance injected in the published study of DISQ: two windows in which the whole energy shrinks.

    Evaluations are counted by jobs, from 0: the energy is 0.725 of its value in jobs 19 to 25, and 0.8 of it in jobs
    108 to 127.

    Attributes:
        windows: First job, number of jobs and factor of the energy, for each window.
        attenuate_constant: Whether the identity term shrinks too, as it did in the study, though no noise can do that.
    """

    windows: tuple[tuple[int, int, float], ...] = ((19, 7, 0.725), (108, 20, 0.8))
    attenuate_constant: bool = True

    def __post_init__(self) -> None:
        for first, count, factor in self.windows:
            if first < 0 or count < 1 or not 0.0 <= factor <= 1.0:
                raise DriftError(
                    f"PublishedInjection.windows has ({first}, {count}, {factor:g}); a window is a first job from 0, a "
                    "number of jobs and a factor from 0 to 1."
                )

    def start(self, num_qubits: int, rng: np.random.Generator) -> Path:
        """Return a path that begins at time 0 s."""
        return Memoryless(self._set)

    def _set(self, noise: MachineNoise, times_s: FloatArray, job: int) -> MachineNoise:
        factor = math.prod(factor for first, count, factor in self.windows if first <= job < first + count)
        constant = factor if self.attenuate_constant else 1.0
        return replace(
            noise, energy_factor=noise.energy_factor * factor, constant_factor=noise.constant_factor * constant
        )


class Switches:
    """Switches that go on and off after exponential dwell times, from a stationary start.

    Whenever one goes on, `marks` are drawn anew: standard normal numbers that say what kind of event it is.
    """

    def __init__(self, rng: np.random.Generator, off_s: float, on_s: float, count: int, num_marks: int = 0) -> None:
        self.rng, self.off_s, self.on_s = rng, off_s, on_s
        self.on = rng.random(count) < on_s / (on_s + off_s)
        self.until_s = rng.exponential(np.where(self.on, on_s, off_s))
        self.marks = rng.standard_normal(num_marks)

    def course(self, times_s: FloatArray) -> tuple[NDArray[np.bool_], FloatArray]:
        """Return which switches are on at each of the moments, shape (m, count), and the marks, shape (m, marks)."""
        on = np.empty((len(times_s), len(self.on)), dtype=np.bool_)
        marks = np.empty((len(times_s), len(self.marks)))
        done = 0
        # Events are drawn in the order of time, so that the path does not depend on how often it is asked.
        while done < len(times_s):
            which = int(self.until_s.argmin())
            event_s = float(self.until_s[which])
            reached = done + int(np.searchsorted(times_s[done:], event_s, side="left"))
            on[done:reached], marks[done:reached] = self.on, self.marks
            done = reached
            if done < len(times_s):
                self._flip(which, event_s)
        return on, marks

    def _flip(self, which: int, event_s: float) -> None:
        self.on[which] = not self.on[which]
        self.until_s[which] = event_s + self.rng.exponential(self.on_s if self.on[which] else self.off_s)
        if self.on[which]:
            self.marks = self.rng.standard_normal(self.marks.shape)


class _SwitchedRule(Protocol):
    def __call__(self, noise: MachineNoise, on: NDArray[np.bool_], marks: FloatArray) -> MachineNoise: ...


@dataclass(frozen=True, slots=True)
class _SwitchedPath:
    switches: Switches
    rule: _SwitchedRule

    def change(self, noise: MachineNoise, times_s: FloatArray, job: int) -> MachineNoise:
        on, marks = self.switches.course(times_s)
        return self.rule(noise, on, marks)

    def state(self) -> Mapping[str, Any]:
        return {
            "rng": stream_state(self.switches.rng),
            "on": self.switches.on.tolist(),
            "until_s": self.switches.until_s.tolist(),
            "marks": self.switches.marks.tolist(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        restore_stream(self.switches.rng, state["rng"])
        self.switches.on = _like(self.switches.on, state["on"])
        self.switches.until_s = _like(self.switches.until_s, state["until_s"])
        self.switches.marks = _like(self.switches.marks, state["marks"])


def _like(array: NDArray[Any], values: Any) -> NDArray[Any]:
    """Return values from a file as an array of the shape and kind of another one."""
    found = np.array(values, dtype=array.dtype)
    if found.shape != array.shape:
        raise ValueError(f"{found.size} values stand for {array.size}")
    return found
