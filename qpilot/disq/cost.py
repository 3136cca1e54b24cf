"""What a training will cost, before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .auto import PolicyLike, resolve_policy
from .checks import check_integer
from .groups import Groups
from .policies import Measured, State
from .run import attempt_circuits, attempt_shots, skip_circuits
from .spsa import SPSA


@dataclass(frozen=True, slots=True)
class Cost:
    """Circuits and shots of a training by SPSA.

    Attributes:
        maxiter: Number of accepted iterations.
        num_groups: Groups of the Hamiltonian.
        num_prime: Groups that run before the verdict; the others run if it is favourable.
        calibration_circuits: Circuits before the first iteration.
        circuits_per_iteration: Circuits of an attempt that is accepted.
        circuits_per_skip: Circuits of an attempt that is skipped.
        shots_per_iteration: Shots of an attempt that is accepted.
    """

    maxiter: int
    num_groups: int
    num_prime: int
    calibration_circuits: int
    circuits_per_iteration: int
    circuits_per_skip: int
    shots_per_iteration: int

    def circuits(self, skips_per_iteration: float = 0.0) -> float:
        """Return the circuits of the whole training.

        Args:
            skips_per_iteration: Skipped attempts for each accepted one.
        """
        each = self.circuits_per_iteration + skips_per_iteration * self.circuits_per_skip
        return self.calibration_circuits + self.maxiter * each

    def __str__(self) -> str:
        """Return the figures in one line."""
        return (
            f"{self.num_groups} groups, {self.num_prime} of them prime; "
            f"{self.calibration_circuits} circuits to calibrate, {self.circuits_per_iteration} for each iteration "
            f"and {self.circuits_per_skip} for each skip: {self.circuits():.0f} for {self.maxiter} iterations "
            "without a skip."
        )


def estimate_cost(
    hamiltonian: Any, policy: PolicyLike, maxiter: int, *, optimizer: SPSA | None = None, shots: int = 1024
) -> Cost:
    """Return what a training by SPSA will cost, from what the policy plans.

    With G groups, P of them prime, R references and q skips for each accepted iteration, DISQ takes
    2G + 2RP + q (2 + 2R) P circuits for each accepted iteration, plain SPSA 2G, and QISMET 4G (1 + q).

    Args:
        hamiltonian: The Hamiltonian, a SparsePauliOp.
        policy: The policy, as in `minimize`.
        maxiter: Number of accepted iterations.
        optimizer: Settings of SPSA; None for the usual ones.
        shots: Shots of each circuit of the new points.

    Raises:
        DriftError: An argument is wrong.

    >>> from qiskit.quantum_info import SparsePauliOp
    >>> from qpilot.disq import DISQ
    >>> print(estimate_cost(SparsePauliOp(["ZZ", "XI", "IX"], [1.0, 0.5, 0.5]), DISQ(references=3), 300))
    2 groups, 2 of them prime; 100 circuits to calibrate, 16 for each iteration and 16 for each skip: 4900 for 300 \
iterations without a skip.
    """
    groups = Groups.of(hamiltonian)
    spsa = optimizer or SPSA()
    policy = resolve_policy(policy, spsa)
    check_integer("maxiter", maxiter, 1)
    check_integer("shots", shots, 1)
    points = np.zeros((spsa.resamplings, 2, 1))
    values = np.zeros((*points.shape[:2], len(groups)))
    past = Measured(points, values, values, shots, np.zeros(spsa.resamplings), spsa.c)
    # In its first iterations a run without calibration has fewer references than this.
    state = State(groups, shots, maxiter, 0, np.zeros(1), points, spsa.c, [past] * max(maxiter, 25), None)
    plan = policy.plan(state)
    return Cost(
        maxiter,
        len(groups),
        len(groups) if plan.num_prime is None else plan.num_prime,
        2 * spsa.resamplings * spsa.calibration_pairs * len(groups),
        attempt_circuits(plan, state),
        skip_circuits(plan, state),
        attempt_shots(plan, state),
    )
