"""`FastEngine`: all requests of a job at once, exact distributions with noise, and shots drawn from them."""

from __future__ import annotations

import numpy as np
from qiskit import QuantumCircuit

from ..arch.errors import DriftError
from .channels import GateNoise, operations, transfer_matrices
from .evolution import contract, evolve, fuse
from .groups import Groups
from .jobs import check_ansatz
from .noise import Durations, FloatArray, MachineNoise, Process, Static
from .simulator import IntArray, Reading, Simulator

MOST_QUBITS = 12
"""A state of n qubits takes 8 * 4^n bytes: 134 MB for 12."""

CHUNK_BYTES = 1 << 20
"""Requests are simulated in chunks whose states take about this much, to stay in the cache of a core."""

_HADAMARD = transfer_matrices(np.array([[1, 1], [1, -1]], dtype=complex) / np.sqrt(2))
_S_DAGGER = transfer_matrices(np.diag([1, -1j]))
_Y, _Z = 2, 3
_TO_BITS = np.array([[0.5, 0, 0, 0.5], [0.5, 0, 0, -0.5]])


class FastEngine(Simulator):
    """An `Evaluator` that simulates a machine whose noise drifts, for studies of many runs.

    States are arrays of 4^n expectation values. Each gate is followed by depolarising noise and relaxation, also those
    that turn the basis before a measurement (h for X; sdg and h for Y); qubits that wait do not relax. Counts are drawn
    from the exact distribution of outcomes. The noise is that at the begin of each circuit, one circuit per request.

    Args:
        ansatz: Gates on one or two qubits, without measurements.
        groups: The Hamiltonian.
        process: The noise.
        seed: Seed of the noise and of the shots.
        durations: How long gates, circuits and gaps between jobs take.

    Attributes:
        last_noise: What the noise was in the last job, at each circuit: the truth that a policy can only guess.

    Raises:
        DriftError: The ansatz cannot be simulated here, or has another number of qubits than the Hamiltonian.
    """

    def __init__(
        self,
        ansatz: QuantumCircuit,
        groups: Groups,
        process: Process,
        *,
        seed: int,
        durations: Durations | None = None,
    ) -> None:
        check_ansatz(ansatz, groups)
        if ansatz.num_qubits > MOST_QUBITS:
            raise DriftError(f"The ansatz has {ansatz.num_qubits} qubits; the fast engine takes at most {MOST_QUBITS}.")
        self.num_groups = len(groups)
        self.num_parameters = ansatz.num_parameters
        self._groups = groups
        self._durations = durations or Durations()
        self._blocks, self._last = fuse(operations(ansatz), groups.num_qubits)
        self._reading = Reading.of(groups, ansatz.num_parameters)
        super().__init__(process, groups.num_qubits, self._durations, seed)
        self.last_noise: MachineNoise | None = None

    def run(self, points: FloatArray, groups: IntArray, shots: IntArray) -> tuple[FloatArray, FloatArray]:
        """Run a job: one circuit per request, in the order given.

        Args:
            points: Parameters of each request, shape (k, parameters).
            groups: Group of each request, shape (k,).
            shots: Shots of each request, at least 1, shape (k,).

        Returns:
            The estimates of the energies of the groups, shape (k,), and the variances of these estimates from the
            counts, shape (k,); NaN for a single shot.

        Raises:
            DriftError: The shapes do not fit, a point is not finite, or there is no such group.
        """
        points, groups, shots = self._reading.checked(points, groups, shots)
        noise = self.last_noise = self._drift.next_job(len(points))
        counts = self._shots_rng.multinomial(shots, self.probabilities(points, groups, noise))
        return self._reading.estimates(counts, groups, shots, noise)

    def probabilities(self, points: FloatArray, groups: IntArray, noise: MachineNoise) -> FloatArray:
        """Return the exact distributions of the outcomes of requests.

        Args:
            points: Parameters of each request, shape (k, parameters).
            groups: Group of each request, shape (k,).
            noise: The noise at each request.

        Returns:
            Probabilities, shape (k, 2^n); bit i of the index is the outcome of qubit i.
        """
        first, inverse = _distinct(np.column_stack([points, noise.table()]))
        size = 2**self._groups.num_qubits
        result = np.empty((len(points), size))
        step = max(1, CHUNK_BYTES // (8 * size**2))
        for begin in range(0, len(first), step):
            chunk = first[begin : begin + step]
            channels = GateNoise.of(noise.rows(chunk), self._durations)
            states = evolve(self._blocks, points[chunk], channels, self._groups.num_qubits)
            last = [block.matrices(points[chunk], channels) for block in self._last]
            ends = np.stack([np.broadcast_to(matrix, (len(chunk), 4, 4)) for matrix in last], axis=1)
            members = np.flatnonzero((inverse >= begin) & (inverse < begin + step))
            for part in np.array_split(members, -(-len(members) // step)):
                which = inverse[part] - begin
                rows = self._basis_rows(groups[part], channels.rows(which), noise.readout_error[part]) @ ends[which]
                result[part] = contract(states[which], rows)
        result = np.maximum(result, 0.0)  # rounding leaves -1e-17
        factor = noise.energy_factor[:, None]
        result = factor * result / result.sum(axis=1, keepdims=True) + (1.0 - factor) / size
        return np.asarray(result)

    def energies(self, points: FloatArray, machine: Static | None = None) -> FloatArray:
        """Return the exact energies of points, without shot noise and outside the clock of the jobs.

        Args:
            points: Parameters, shape (k, parameters).
            machine: The noise; none by default.

        Returns:
            Energies with the identity term, shape (k,).
        """
        requests, groups = self._reading.all_groups(points)
        noise = (machine or Static.ideal()).noise(len(requests), self._groups.num_qubits)
        return self._reading.energies(self.probabilities(requests, groups, noise), groups)

    def _basis_rows(self, groups: IntArray, channels: GateNoise, readout_error: FloatArray) -> FloatArray:
        """Return what turns each qubit into its basis and reads it, noise included, shape (k, n, 2, 4)."""
        letters = self._reading.letters[groups][..., None, None]
        turned = channels.after_1q @ _HADAMARD
        turned = np.where(letters == _Y, turned @ channels.after_1q @ _S_DAGGER, turned)
        turned = np.where(letters == _Z, np.eye(4), turned)
        wrong = readout_error[..., None, None]
        return np.asarray(((1.0 - wrong) * _TO_BITS + wrong * _TO_BITS[::-1]) @ turned)


def _distinct(table: FloatArray) -> tuple[IntArray, IntArray]:
    """Return the first row of each kind, and for each row its kind."""
    kinds: dict[bytes, int] = {}
    inverse = np.array([kinds.setdefault(row.tobytes(), len(kinds)) for row in table], dtype=np.int64)
    return np.unique(inverse, return_index=True)[1], inverse
