"""`FPQAEvaluator`: energies of programs for atoms, ancillas included, with noise that drifts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arch.errors import DriftError
from ..template import Template
from .atoms import Angles, Noise, Plan, make_plan
from .channels import ComplexArray, depolarising_probability, u_matrices
from .checks import check_number
from .groups import Groups
from .noise import Durations, FloatArray, MachineNoise, Process, Static
from .simulator import IntArray, Reading, Simulator
from .trajectories import Columns, Errors, places

CHUNK_BYTES = 1 << 26
"""Shots are simulated in chunks whose states take about this much at most."""

_X, _Z = 1, 3


class FPQAEvaluator(Simulator):
    """An `Evaluator` that runs a compiled program with all its ancillas on a machine of atoms whose noise drifts.

    Each shot has errors of its own, drawn where the cost model (`qpilot.arch.cost`) charges them; with the noise
    `Static.of_device` they are those of `qpilot.noisy_circuit`:

    * a pair of a Rydberg pulse is followed by depolarising noise of the mean `error_2q` of its atoms;
    * an atom that is bright and in no pair, by depolarising noise of its `error_2q`, times the ratio of the machine's
      infidelities 1 - `idle_rydberg` and 1 - `cz`, since it is the same laser;
    * a one-qubit gate, by depolarising noise of `error_1q`; those that read a group in its basis are gates too;
    * an atom that holds a state and waits a time t, for moves above all, is dephased by a Z of probability
      (1 - exp(-t / T)) / 2, with the coherence time T given as `t1_us`: in hyperfine states T2 is what counts;
    * gates that turn, and not those diagonal in Z, turn too far by `angle_offset_rad`; on ancillas, and on atoms with
      live copies, this is an X or Y error of the same infidelity (its Pauli twirl);
    * bits are read wrong with probability `readout_error`, and `energy_factor` mixes the whole machine.

    So the processes of `qpilot.disq` serve as they are; the noise has an entry for each atom of the program, ancillas
    behind the data. An ancilla that is released is prepared in |0> anew, whatever its errors were. A circuit takes the
    time of its shots: that of the program and a gap. Memory and time grow as 2^n with the data qubits: 6 take about
    25 ms for a job of 4 circuits of 1024 shots, and 14 are the limit, cat states of ancillas counted.

    Args:
        template: The ansatz, compiled by `qpilot.compile_template`; without measurements.
        groups: The Hamiltonian.
        process: The noise; `Static.of_device(template.program.device)` is that of the machine, to which others add up.
        seed: Seed of the noise and of the shots.
        shot_gap_us: Time from the end of a shot to the begin of the next one: reading, cooling, sorting of atoms.
        job_gap_s: Time from the end of a job to the begin of the next one.

    Raises:
        DriftError: The ansatz has no parameters, measures, has another number of qubits than the Hamiltonian, or is too
            large to simulate; or the process is none.

    >>> import qpilot
    >>> from qiskit.circuit.library import real_amplitudes
    >>> from qpilot.disq import Bursts, Groups, Static, tfim
    >>> template = qpilot.compile_template(real_amplitudes(2, reps=1))
    >>> process = Static.of_device(template.program.device) + Bursts()
    >>> machine = FPQAEvaluator(template, Groups.of(tfim(2)), process, seed=7)
    >>> machine.energies([[0.0, 0.0, 0.0, 0.0]])
    array([-1.])
    """

    def __init__(
        self,
        template: Template,
        groups: Groups,
        process: Process,
        *,
        seed: int,
        shot_gap_us: float = 10_000.0,
        job_gap_s: float = 5.0,
    ) -> None:
        check_number("shot_gap_us", shot_gap_us)
        if not isinstance(template, Template):
            raise DriftError(
                f"The ansatz is of type {type(template).__name__}; it must be a Template of qpilot.compile_template."
            )
        program = template.program
        if program.num_qubits != groups.num_qubits:
            raise DriftError(f"The ansatz has {program.num_qubits} qubits and the Hamiltonian {groups.num_qubits}.")
        if not template.parameters:
            raise DriftError("The ansatz has no parameters: there is nothing to train.")
        if program.circuit.num_clbits:
            raise DriftError("The ansatz has classical bits; leave measurements out, they are added for each group.")
        self.num_groups = len(groups)
        self._template, self._angles, self._plan = template, Angles.of(template), make_plan(template)
        self._reading = Reading.of(groups, len(template.parameters))
        self._places = _Places(template, self._plan)
        self._shot_s = 1e-6 * (program.metrics.duration_us + program.device.timing.raman_us + shot_gap_us)
        super().__init__(process, program.num_atoms, Durations(job_gap_s=job_gap_s), seed)

    def run(self, points: FloatArray, groups: IntArray, shots: IntArray) -> tuple[FloatArray, FloatArray]:
        """Run a job: one circuit per request, in the order given; see `Evaluator.run`.

        Raises:
            DriftError: The shapes do not fit, a point is not finite, or there is no such group.
        """
        points, groups, shots = self._reading.checked(points, groups, shots)
        noise = self._drift.next_job(len(points), shots.astype(np.float64) * self._shot_s)
        size = 2**self._template.program.num_qubits
        counts = np.zeros((len(points), size), dtype=np.int64)
        most = max(1, CHUNK_BYTES // (16 << self._plan.most_registers))
        for first, last in _chunks(shots, most):
            part = slice(first, last)
            left = shots[part].copy()
            while left.any():  # more shots of one circuit than fit
                now = np.minimum(left, most)
                counts[part] += self.counts(points[part], groups[part], now, noise.rows(part))
                left -= now
        return self._reading.estimates(counts, groups, shots, noise)

    def counts(self, points: FloatArray, groups: IntArray, shots: IntArray, noise: MachineNoise) -> IntArray:
        """Return counts of the outcomes of requests under some noise, outside the clock of the jobs.

        Args:
            points: Parameters of each request, shape (k, parameters).
            groups: Group of each request, shape (k,).
            shots: Shots of each request, shape (k,).
            noise: The noise at each request, of all atoms of the program.

        Returns:
            Counts, shape (k, 2^n); bit i of the index is the outcome of qubit i.
        """
        rng, num_qubits = self._shots_rng, self._template.program.num_qubits
        columns = self._simulated(points, groups, shots, noise, rng)
        outcomes, circuits = columns.outcomes(rng), columns.source[len(points) :]
        wrong = rng.random(outcomes.shape) < noise.readout_error[circuits, :num_qubits]
        lost = rng.random(len(outcomes)) >= noise.energy_factor[circuits]
        bits = np.where(lost[:, None], rng.random(outcomes.shape) < 0.5, outcomes ^ wrong)
        number = bits @ (1 << np.arange(num_qubits))
        counts = rng.multinomial(
            shots - np.bincount(circuits, minlength=len(shots)), self._read(columns.distributions(), noise)
        )
        np.add.at(counts, (circuits, number), 1)
        return counts

    def energies(self, points: Any) -> FloatArray:
        """Return the exact energies of points, without any noise and outside the clock of the jobs.

        Args:
            points: Parameters, shape (k, parameters).

        Returns:
            Energies with the identity term, shape (k,).
        """
        requests, groups = self._reading.all_groups(points)
        noise = Static.ideal().noise(len(requests), self._template.program.num_atoms)
        none = np.zeros(len(requests), dtype=np.int64)
        columns = self._simulated(requests, groups, none, noise, np.random.default_rng(0))
        return self._reading.energies(columns.distributions(), groups)

    def _read(self, probabilities: FloatArray, noise: MachineNoise) -> FloatArray:
        """Return distributions of outcomes after wrong reading and the mixing of the whole machine, shape (k, 2^n)."""
        read = probabilities
        size = read.shape[1]
        for qubit in range(self._template.program.num_qubits):
            wrong = noise.readout_error[:, qubit, None]
            read = (1.0 - wrong) * read + wrong * read[:, np.arange(size) ^ 1 << qubit]
        factor = noise.energy_factor[:, None]
        return np.asarray(factor * read / read.sum(axis=1, keepdims=True) + (1.0 - factor) / size)

    def _simulated(
        self, points: FloatArray, groups: IntArray, shots: IntArray, noise: MachineNoise, rng: np.random.Generator
    ) -> Columns:
        """Return the states of requests in their bases: one for the shots of each without error, and the others."""
        plan, letters, offset = self._plan, self._reading.letters[groups], noise.angle_offset_rad
        angles, pairs = self._angles.at(self._template.outputs(points))
        angles[..., 0] += np.where(plan.followed & plan.turns, offset[:, plan.atom_of_gate], 0.0)
        gates = u_matrices(*angles.reshape(-1, 3).T).reshape(len(points), -1, 2, 2)
        # Where data gates turn too far, an ancilla with a register may be left in a state that has no definite outcome.
        apart = plan.measures_ancillas and bool(offset.any())
        probabilities = self._places.probabilities(noise, letters)
        errors = Errors.draw(probabilities, self._places.num_kinds, shots, rng, apart=apart)
        columns = Columns(plan, gates, pairs, np.repeat(np.arange(len(shots)), shots), errors, rng)
        columns.run()
        for qubit, register in enumerate(plan.registers):
            turned = letters[columns.source[: columns.active], qubit] != _Z
            columns.turn(qubit, register, _to_z(letters[:, qubit], offset[:, qubit]), plan.flipped[qubit], turned)
            columns.noise(Noise("gate", (qubit,), (1 << register,), (False,)), len(self._places) + qubit)
        return columns


def _to_z(letters: IntArray, offset: FloatArray) -> ComplexArray:
    """Return what turns a letter into Z for each request, shape (k, 2, 2); of no meaning for Z itself."""
    lam = np.where(letters == _X, np.pi, np.pi / 2)
    return u_matrices(np.pi / 2 + offset, np.zeros(len(letters)), lam)


def _chunks(shots: IntArray, most: int) -> list[tuple[int, int]]:
    """Return ranges of requests with at most so many shots each, or of one request."""
    ranges: list[tuple[int, int]] = []
    first = total = 0
    for request, count in enumerate(shots.tolist()):
        if request > first and total + count > most:
            ranges.append((first, request))
            first, total = request, 0
        total += count
    return [*ranges, (first, len(shots))] if len(shots) else ranges


class _Places:
    """Where errors may happen in a program, and how probable they are: those of the plan, and a gate on each qubit.

    Attributes:
        num_kinds: Number of equally probable errors at each place.
    """

    def __init__(self, template: Template, plan: Plan) -> None:
        constants = template.program.device.fidelity
        self._idle_ratio = (1.0 - constants.idle_rydberg) / (1.0 - constants.cz) if constants.cz < 1.0 else 0.0
        steps = list(places(plan))
        self._kinds = np.array(["turn" if too_far else step.kind for step, too_far in steps])
        self._first = np.array([step.atoms[0] for step, _ in steps], dtype=np.int64)
        self._last = np.array([step.atoms[-1] for step, _ in steps], dtype=np.int64)
        self._time_us = np.array([[step.time_us] for step, _ in steps])
        of_kind = {"gate": 3, "pair": 15, "idle": 3, "wait": 1, "turn": 1}
        kinds = [of_kind[kind] for kind in self._kinds.tolist()]
        self.num_kinds = np.array(kinds + [of_kind["gate"]] * plan.num_qubits, dtype=np.int64)

    def __len__(self) -> int:
        """Return the number of places of the plan."""
        return len(self._kinds)

    def probabilities(self, noise: MachineNoise, letters: IntArray) -> FloatArray:
        """Return the probability of an error at each place for each request, shape (places, k).

        Of the 4^n equally probable Paulis that depolarise n atoms, the identity is no error.
        """
        first, last = self._first, self._last
        gate = 0.75 * depolarising_probability(noise.error_1q, 1).T
        idle = 0.75 * depolarising_probability(np.minimum(self._idle_ratio * noise.error_2q, 0.5), 1).T
        pair = 15.0 / 16.0 * depolarising_probability((noise.error_2q.T[first] + noise.error_2q.T[last]) / 2.0, 2)
        found = np.select(
            [(self._kinds == kind)[:, None] for kind in ("gate", "idle", "pair", "wait")],
            [gate[first], idle[first], pair, 0.5 * -np.expm1(-self._time_us / noise.t1_us.T[first])],
            np.sin(noise.angle_offset_rad.T[first] / 2.0) ** 2,
        )
        reading = np.where(letters.T != _Z, gate[: letters.shape[1]], 0.0)
        return np.concatenate([found, reading])
