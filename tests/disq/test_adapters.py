"""The VQE of qiskit-algorithms trains with our optimizer."""

import pytest
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import StatevectorEstimator

from qpilot.arch.errors import DriftError
from qpilot.disq import DISQ, ChiSquareMonitor, GradientClip, as_minimizer, ground_energy, tfim

algorithms = pytest.importorskip("qiskit_algorithms", reason="qiskit-algorithms is not installed")


def vqe(optimizer):
    ansatz = real_amplitudes(2, reps=1)
    return algorithms.VQE(StatevectorEstimator(), ansatz, optimizer, initial_point=[0.1] * 4)


@pytest.mark.parametrize("policy", [None, DISQ(references=1) | GradientClip()])
def test_vqe_takes_the_optimizer(policy):
    found = vqe(as_minimizer(policy, maxiter=60, seed=1)).compute_minimum_eigenvalue(tfim(2))
    assert found.optimal_value == pytest.approx(ground_energy(tfim(2)), abs=0.1)
    assert found.optimizer_result.nit == 60
    assert len(found.optimizer_result.history) == 60 + found.optimizer_result.skips
    assert list(found.optimal_parameters.values()) == found.optimizer_result.x.tolist()


def test_vqe_tells_that_a_policy_needs_counts():
    with pytest.raises(DriftError, match="needs variances from counts"):
        vqe(as_minimizer(ChiSquareMonitor(), seed=1)).compute_minimum_eigenvalue(tfim(2))
