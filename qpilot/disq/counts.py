"""From counts of outcomes to energies of groups, and the checks of a job; what the simulators share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arch.errors import DriftError
from .groups import Groups
from .noise import FloatArray, MachineNoise

IntArray = NDArray[np.int64]


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
