"""What the simulators share: time and noise that go on from job to job, and energies of groups from counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arch.errors import DriftError, plain
from .checks import check_integer
from .groups import Groups
from .jobs import restore_stream, stream_state
from .noise import Drift, Durations, FloatArray, MachineNoise, Process

IntArray = NDArray[np.int64]


class Simulator:
    """A simulated machine whose noise drifts: its time and its random streams go on from job to job.

    Args:
        process: The noise.
        num_places: Qubits or atoms that have noise of their own.
        durations: How long circuits and gaps between jobs take.
        seed: Seed of the noise and of the shots.
    """

    def __init__(self, process: Process, num_places: int, durations: Durations, seed: int) -> None:
        check_integer("seed", seed, 0)
        noise_rng, self._shots_rng = np.random.default_rng(seed).spawn(2)
        self._drift = Drift(process, num_places, durations, noise_rng)

    def wait(self, seconds: float) -> None:
        """Let time go by without a job."""
        self._drift.wait(seconds)

    def state(self) -> dict[str, Any]:
        """Return what the future depends on, as JSON values: the clock, the noise and the stream of the shots."""
        return {"drift": self._drift.state(), "shots": stream_state(self._shots_rng)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state returned by `state` of a machine that was made alike.

        Raises:
            DriftError: It is the state of something else.
        """
        try:
            restore_stream(self._shots_rng, state["shots"])
            drift = state["drift"]
        except (KeyError, TypeError, ValueError) as error:
            raise DriftError(f"The state is not one of this machine: {plain(error)}.") from None
        self._drift.restore(drift)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """How a simulator reads the groups of a Hamiltonian.

    Attributes:
        num_parameters: Number of parameters of the ansatz.
        constant: Coefficient of the identity.
        values: Energy of each group for each outcome, shape (groups, 2^n); bit i of the index is the outcome of qubit
            i.
        letters: Basis in which each group reads each qubit, 1, 2, 3 for X, Y, Z, shape (groups, n).
    """

    num_parameters: int
    constant: float
    values: FloatArray
    letters: IntArray

    @classmethod
    def of(cls, groups: Groups, num_parameters: int) -> Reading:
        """Return how to read some groups."""
        values = np.array([_outcome_values(groups, group) for group in range(len(groups))])
        letters = np.array([["IXYZ".index(letter) for letter in reversed(basis)] for basis in groups.bases])
        return cls(num_parameters, groups.constant, values, letters)

    def checked(self, points: FloatArray, groups: IntArray, shots: IntArray) -> tuple[FloatArray, IntArray, IntArray]:
        """Return the requests of a job as arrays.

        Raises:
            DriftError: The shapes do not fit, a point is not finite, or there is no such group.
        """
        points, groups, shots = np.asarray(points, dtype=np.float64), np.asarray(groups), np.asarray(shots)
        if points.ndim != 2 or points.shape[1] != self.num_parameters:
            raise DriftError(f"Points have shape {points.shape}; the ansatz has {self.num_parameters} parameters.")
        if groups.shape != points.shape[:1] or shots.shape != points.shape[:1]:
            raise DriftError(f"There are {len(points)} points, {groups.size} groups and {shots.size} numbers of shots.")
        if not np.isfinite(points).all():
            raise DriftError("A point has a parameter that is not finite.")
        last = len(self.values) - 1
        if len(groups) and not (groups.min() >= 0 and groups.max() <= last):
            raise DriftError(f"Groups are numbered from 0 to {last}, not {groups.min()}, {groups.max()}.")
        if len(shots) and shots.min() < 1:
            raise DriftError(f"A request has {shots.min()} shots; it needs at least 1.")
        return points, groups, shots

    def estimates(
        self, counts: IntArray, groups: IntArray, shots: IntArray, noise: MachineNoise
    ) -> tuple[FloatArray, FloatArray]:
        """Return means of the groups and the variances of these means, NaN for a single shot, shape (k,).

        Args:
            counts: Counts of each outcome, shape (k, 2^n).
            groups: Group of each request, shape (k,).
            shots: Shots of each request, shape (k,).
            noise: The noise at each request, whose factor of the identity counts with the first group.
        """
        values = self.values[groups]
        means = np.einsum("kb,kb->k", counts, values) / shots
        spread = np.einsum("kb,kb->k", counts, (values - means[:, None]) ** 2)
        variances = np.where(shots > 1, spread / (shots * np.maximum(shots - 1, 1)), np.nan)
        means += np.where(groups == 0, (noise.constant_factor - 1.0) * self.constant, 0.0)
        return means, variances

    def all_groups(self, points: FloatArray) -> tuple[FloatArray, IntArray]:
        """Return the requests of all groups at some points, points in order."""
        points = np.asarray(points, dtype=np.float64)
        requests = np.repeat(points, len(self.values), axis=0)
        groups = np.tile(np.arange(len(self.values)), len(points))
        requests, groups, _ = self.checked(requests, groups, np.ones(len(groups), dtype=np.int64))
        return requests, groups

    def energies(self, probabilities: FloatArray, groups: IntArray) -> FloatArray:
        """Return energies with the identity from the distributions of the requests of `all_groups`."""
        means = np.einsum("kb,kb->k", probabilities, self.values[groups])
        return np.asarray(means.reshape(-1, len(self.values)).sum(axis=1) + self.constant)


def _outcome_values(groups: Groups, group: int) -> FloatArray:
    """Return the energy of a group for each outcome, shape (2^n,); bit i of the index is the outcome of qubit i."""
    bits = np.arange(2**groups.num_qubits)[:, None] >> np.arange(groups.num_qubits) & 1
    odd = (bits @ groups.masks(group).T.astype(np.int64)) & 1
    return np.asarray((1.0 - 2.0 * odd) @ groups.coefficients[group])
