"""Bad input and failing machines: one clear sentence, and the history so far."""

import math

import numpy as np
import pytest
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import StatevectorSampler

from qpilot.arch.errors import DriftError
from qpilot.disq import DISQ, SPSA, Plan, Policy, minimize

from .bowl import HAMILTONIAN, Bowl, BreaksAt, train


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(repeats=0), "0 repeats"),
        (Plan(num_prime=4), "4 prime groups of 3"),
        (Plan(np.zeros((2, 4)), np.array([0]), np.array([5])), "must be"),
        (Plan(np.zeros((1, 4)), np.array([3]), np.array([5])), "not one of 3"),
        (Plan(np.zeros((1, 4)), np.array([0]), np.array([0])), "less than one shot"),
    ],
)
def test_plans_that_cannot_be_run_are_refused(plan, words):
    class Wrong(Policy):
        def plan(self, state):
            return plan

    with pytest.raises(DriftError, match=words):
        train(policy=Wrong())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"policy": DISQ}, "must be an object such as DISQ"),
        ({"policy": "disq"}, "policy is 'disq'"),
        ({"optimizer": "adam"}, "optimizer is 'adam'"),
        ({"maxiter": 0}, "maxiter is 0"),
        ({"shots": 0.5}, "shots is 0.5"),
        ({"budget_circuits": "many"}, "budget_circuits is 'many'"),
        ({"budget_s": -1}, "budget_s is -1"),
        ({"seed": 2**63}, "below 2"),
        ({"sampler": StatevectorSampler()}, "Give one of sampler, estimator and evaluator"),
        ({"transpile": list}, "transpile is for a sampler"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(DriftError, match=words):
        train(**options)


@pytest.mark.parametrize(
    ("ansatz", "x0", "words"),
    [
        (real_amplitudes(2, reps=1), [0.0] * 4, "2 qubits and the Hamiltonian 3"),
        (real_amplitudes(3, reps=1), [0.0] * 4, "x0 has 4 values and the ansatz 6 parameters"),
        (real_amplitudes(3, reps=1), ["a"] * 6, "list of numbers"),
        (real_amplitudes(3, reps=1), [[0.0]], "shape"),
        (real_amplitudes(3, reps=1), [0.0, math.nan, 0, 0, 0, 0], "nan at place 1"),
        (None, [0.0], "no ansatz"),
    ],
)
def test_bad_problems_are_refused(ansatz, x0, words):
    with pytest.raises(DriftError, match=words):
        minimize(ansatz, HAMILTONIAN, x0, sampler=StatevectorSampler())


def test_spsa_out_of_range_is_refused():
    for options in ({"a": -1}, {"c": 0}, {"stability": -1}, {"calibration_pairs": 0}, {"resamplings": 0}):
        with pytest.raises(DriftError, match=f"{next(iter(options))} is"):
            SPSA(**options)


def test_an_evaluator_that_raises_ends_the_run_with_its_history():
    with pytest.raises(DriftError, match=r"^Job 5 failed with RuntimeError: out of atoms\.$") as caught:
        train(BreaksAt(5))
    assert len(caught.value.history) == 4
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError("a bug")])
def test_whatever_ends_a_run_the_history_is_kept(error):
    def fail(record):
        if record.iteration == 3:
            raise error

    with pytest.raises(type(error)) as caught:
        train(callback=fail)
    assert len(caught.value.history) == 4


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_energy_that_is_no_number_ends_the_run_with_its_history(value):
    class Lost(Bowl):
        def run(self, points, groups, shots):
            means, variances = super().run(points, groups, shots)
            if len(self.jobs) == 4:
                means[3] = value
            return means, variances

    with pytest.raises(DriftError, match=f"Job 3 gave the energy {value} for group 1 at the parameters") as caught:
        train(Lost())
    assert len(caught.value.history) == 2


def test_an_evaluator_of_another_size_is_refused():
    class Short(Bowl):
        def run(self, points, groups, shots):
            means, variances = super().run(points, groups, shots)
            return means[1:], variances

    with pytest.raises(DriftError, match="had 150 requests"):
        train(Short())
    other = Bowl()
    other.num_groups = 2
    with pytest.raises(DriftError, match="2 groups and the Hamiltonian 3"):
        train(other)
