import logging
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.quantum_info import SparsePauliOp, Statevector

from qpilot.arch.errors import DriftError
from qpilot.disq import (
    DISQ,
    QISMET,
    SPSA,
    Blocking,
    ChiSquareMonitor,
    GradientClip,
    Kalman,
    MedianOfPairs,
    PauliSubsets,
    Plan,
    Policy,
    Verdict,
    as_minimizer,
    estimate_cost,
    minimize,
)  # fmt: skip

from .bowl import GROUPS, HAMILTONIAN, NUM_PARAMETERS, X0, Bowl, train

G = len(GROUPS)


class Always(Policy):
    """Gives one verdict at the first attempts of each iteration, then accepts."""

    def __init__(self, action, attempts=2, wait_s=0.0):
        self.verdict, self.attempts = Verdict(action, wait_s=wait_s), attempts

    def judge(self, data):
        return self.verdict if data.state.attempt < self.attempts else Verdict()


def test_spsa_finds_the_minimum_of_a_smooth_function():
    result = train(Bowl(noise=0.0), maxiter=300, optimizer=SPSA(averaging=20))
    axis = np.linspace(0, 2 * np.pi, 10001)
    lowest = min(sum(w * np.cos(axis + g) for g, w in enumerate(GROUPS.weights))) + GROUPS.constant
    assert result.fun == pytest.approx(lowest, abs=0.02)
    assert (result.nit, result.nfev, result.success, result.status) == (300, 600, True, 0)
    assert result.message == "The number of iterations asked for is reached."


@pytest.mark.parametrize("primitive", ["sampler", "estimator"])
def test_energies_of_a_run_are_those_of_the_circuit(primitive):
    hamiltonian = SparsePauliOp(["ZZ", "XI", "IX", "II"], [-1.0, -0.5, -0.5, 3.0])
    ansatz = real_amplitudes(2, reps=1)
    runner = {"sampler": StatevectorSampler(seed=1), "estimator": StatevectorEstimator(seed=1)}[primitive]
    result = minimize(
        ansatz, hamiltonian, [0.3] * 4, policy=DISQ(references=1), maxiter=20, seed=1, **{primitive: runner}
    )
    for record in result.history:
        for sign, energy in zip((1, -1), record.energies[0], strict=True):
            x = record.x + sign * record.perturbation * record.directions[0]
            exact = Statevector(ansatz.assign_parameters(x)).expectation_value(hamiltonian).real
            assert np.isnan(energy) or energy == pytest.approx(exact, abs=5 * 2 / math.sqrt(1024))


def test_the_pair_and_the_references_are_one_job_group_by_group():
    evaluator = Bowl()
    result = train(evaluator, policy=DISQ(references=2, subsets=None), maxiter=3, optimizer=SPSA(calibration_pairs=4))
    calibration, *jobs = evaluator.jobs
    assert len(calibration[1]) == 4 * 2 * G
    assert [job[1].tolist() for job in jobs] == [np.repeat(range(G), 6).tolist()] * (3 + result.skips)
    record = result.history[0]
    points = jobs[0][0].reshape(G, 6, -1)
    offset = record.perturbation * record.directions[0]
    assert (points[:, 0] == X0 + offset).all()
    assert (points[:, 1] == X0 - offset).all()
    old = calibration[0].reshape(G, 8, -1)[:, 4:]  # the last two pairs of the calibration
    assert (points[:, 2:] == old).all()


def test_repeated_pairs_take_turns():
    evaluator = Bowl()
    train(evaluator, policy=MedianOfPairs(), maxiter=1, shots=101)
    points, groups, shots = evaluator.jobs[1]
    turns = points.reshape(G, 3, 2, -1)
    assert (turns == turns[:1, :1]).all()
    assert (groups == np.repeat(range(G), 6)).all()
    assert (shots == 33).all()


@pytest.mark.parametrize(
    "policy",
    [DISQ(3), DISQ(2, "amplitude"), DISQ(3, two_phase=False), QISMET(), MedianOfPairs(), Blocking(), ChiSquareMonitor(),
     DISQ(1) | MedianOfPairs() | Blocking()],
)  # fmt: skip
@pytest.mark.parametrize("resamplings", [1, 2])
def test_prime_and_minor_groups_together_are_the_full_energy(policy, resamplings):
    evaluator = Bowl(noise=0.0)
    result = train(evaluator, policy=policy, optimizer=SPSA(resamplings=resamplings))
    assert len(result.history.accepted) >= 1
    for record in result.history:
        if record.action == "skip":
            continue
        offset = record.perturbation * record.directions
        for sign, energies in ((1, record.energies[:, 0]), (-1, record.energies[:, 1])):
            for x, energy in zip(record.x + sign * offset, energies, strict=True):
                exact = sum(evaluator.exact(x[None], np.array([g]))[0] for g in range(G))
                assert energy == pytest.approx(exact + GROUPS.constant)


@settings(deadline=None, max_examples=30)
@given(
    references=st.integers(1, 4),
    rule=st.sampled_from(["gradient", "amplitude"]),
    fraction=st.floats(0.05, 1),
    seed=st.integers(0, 99),
)
def test_circuits_counted_are_those_of_the_formula(references, rule, fraction, seed):
    subsets = PauliSubsets(fraction)
    policy = DISQ(references, rule, subsets=subsets)
    evaluator = Bowl(seed, drift=0.3)
    result = train(evaluator, policy=policy, seed=seed)
    prime, skips = subsets.num_prime(GROUPS), result.skips
    calibration = 2 * 25 * G
    formula = result.nit * (2 * G + 2 * references * prime) + skips * (2 + 2 * references) * prime
    assert result.circuits == calibration + formula
    assert result.circuits == sum(len(groups) for _, groups, _ in evaluator.jobs)
    assert result.shots == sum(shots.sum() for _, _, shots in evaluator.jobs)
    assert result.history[-1].total_circuits == result.circuits
    cost = estimate_cost(HAMILTONIAN, policy, result.nit, shots=100)
    assert cost.circuits(skips / result.nit) == pytest.approx(result.circuits)
    assert (cost.num_groups, cost.num_prime) == (G, prime)


@pytest.mark.parametrize(
    ("policy", "each", "skip"),
    [(None, 2 * G, 2 * G), (QISMET(), 4 * G, 4 * G), (GradientClip(), 2 * G, 2 * G), (MedianOfPairs(), 6 * G, 6 * G),
     (Blocking(), 3 * G, 2 * G), (DISQ(3, two_phase=False), 2 * G + 12, 2 * G + 12), (Kalman(), 2 * G, 2 * G)],
)  # fmt: skip
def test_the_cost_is_known_before_the_run(policy, each, skip):
    cost = estimate_cost(HAMILTONIAN, policy, 12, shots=100)
    assert (cost.circuits_per_iteration, cost.circuits_per_skip) == (each, skip)
    result = train(policy=policy, maxiter=12)
    assert cost.circuits(result.skips / 12) == pytest.approx(result.circuits)
    if not result.skips:
        assert result.shots == 12 * cost.shots_per_iteration + 25 * 2 * G * 100


def test_after_the_last_retry_the_step_is_taken_with_full_energies():
    class Jumps(Bowl):
        """References never are what they were, and the new points look good beside the stored values alone."""

        def run(self, points, groups, shots):
            means, variances = super().run(points, groups, shots)
            return 3.0 ** len(self.jobs) * means, variances

    result = train(Jumps(), policy=DISQ(1, "amplitude", max_retries=3), maxiter=4)
    assert [record.action for record in result.history] == (["skip"] * 3 + ["force"]) * 4
    assert [record.attempt for record in result.history] == [0, 1, 2, 3] * 4
    assert result.skips == 12
    for record in result.history:
        assert np.isnan(record.energies).any() == (record.action == "skip")
        assert len(record.jobs) == (1 if record.action == "skip" else 2)


def test_a_skip_keeps_the_place_and_draws_another_direction_with_the_next_gains():
    plain = train(maxiter=2, optimizer=SPSA(a=0.2, calibration_pairs=0)).history
    skipped = train(maxiter=2, optimizer=SPSA(a=0.2, calibration_pairs=0), policy=Always("skip")).history
    assert [(r.iteration, r.attempt) for r in skipped] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert all((record.x == X0).all() for record in skipped[:3])
    assert len({record.directions.tobytes() for record in skipped[:3]}) > 1
    assert [record.perturbation for record in skipped] == [0.2 / k**0.101 for k in range(1, 7)]
    assert (skipped[1].directions == plain[1].directions).all()


def test_the_step_has_the_gains_of_spall():
    history = train(maxiter=3, optimizer=SPSA(a=0.2, c=0.1, stability=5, calibration_pairs=0)).history
    for k, (record, after) in enumerate(pairwise(history), 1):
        gradient = record.differences[0] / (2 * 0.1 / k**0.101) * record.directions[0]
        assert after.x == pytest.approx(record.x - 0.2 / (5 + k) ** 0.602 * gradient)


def test_the_calibration_aims_at_the_length_of_the_first_step():
    spsa = SPSA(first_step=0.1)
    differences = np.array([0.2, -0.4])
    a = spsa.calibrated(differences)
    slope = 0.3 / (2 * spsa.perturbation(1))
    assert spsa.step_size(a, 1) * slope == pytest.approx(0.1)
    assert math.isfinite(spsa.calibrated(np.zeros(3)))


def test_resampling_averages_gradients_and_averaging_the_last_iterates():
    result = train(maxiter=8, optimizer=SPSA(a=0.2, calibration_pairs=0, resamplings=3, averaging=4))
    history = result.history
    steps = [*(record.x for record in history[5:])]
    record = history[-2]
    gradient = (record.differences[:, None] / (2 * record.perturbation) * record.directions).mean(axis=0)
    assert history[-1].x == pytest.approx(record.x - SPSA().step_size(0.2, 7) * gradient)
    last = history[-1]
    gradient = (last.differences[:, None] / (2 * last.perturbation) * last.directions).mean(axis=0)
    steps.append(last.x - SPSA().step_size(0.2, 8) * gradient)
    assert result.x == pytest.approx(np.mean(steps, axis=0))
    assert result.fun == pytest.approx(np.mean([record.energy for record in history[4:]]))


def test_a_common_attenuation_leaves_the_direction_of_every_step():
    class Fades(Bowl):
        def run(self, points, groups, shots):
            means, variances = super().run(points, groups, shots)
            return means * (0.3 if len(self.jobs) % 2 else 1.0), variances

    spsa = SPSA(a=0.05, calibration_pairs=0)
    for record in train(Fades(noise=0.0), maxiter=20, optimizer=spsa).history:
        clear = train(Bowl(noise=0.0), maxiter=1, optimizer=spsa).history[0]
        assert record.differences.shape == clear.differences.shape
        exact = [
            sum(Bowl().exact(x[None], np.array([g]))[0] for g in range(G))
            for x in (record.x + s * record.perturbation * record.directions[0] for s in (1, -1))
        ]
        assert np.sign(record.differences[0]) == np.sign(exact[0] - exact[1])


def test_blocking_stays_where_the_energy_rises_and_goes_on():
    result = train(policy=Blocking(0.0), maxiter=40, optimizer=SPSA(a=3.0))
    blocked = [record for record in result.history if record.action == "block"]
    assert blocked
    assert result.nit == len(result.history) == 40
    for record, after in pairwise(result.history):
        assert (record.action == "block") == bool((after.x == record.x).all())
    ahead = [record.energy_ahead for record in result.history.accepted]
    assert all(b <= a for a, b in pairwise(ahead))


def test_wait_pauses_by_the_clock_of_the_evaluator(monkeypatch):
    class Clock(Bowl):
        waited = 0.0

        def wait(self, seconds):
            self.waited += seconds

    evaluator = Clock()
    train(evaluator, policy=Always("wait", wait_s=7.0), maxiter=2)
    assert evaluator.waited == 28.0
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    train(Bowl(), policy=Always("wait", wait_s=7.0), maxiter=2)
    assert slept == [7.0] * 4


def test_warn_takes_the_step_and_logs(caplog):
    with caplog.at_level(logging.INFO, "qpilot.disq"):
        result = train(policy=Always("warn"), maxiter=2)
    assert result.skips == 0
    assert [entry.levelname for entry in caplog.records] == ["WARNING"] * 2
    assert "iteration 1, attempt 0: warn, energy" in caplog.text


@pytest.mark.parametrize(("budget", "words"), [
    ({"budget_circuits": 200}, "The budget of 200 circuits is used up."),
    ({"budget_shots": 20000}, "The budget of 20000 shots is used up."),
    ({"budget_s": 1e-9}, "The budget of 1e-09 seconds is used up."),
    ({"budget_circuits": 10}, "The budget of 10 circuits is used up."),
])  # fmt: skip
def test_budgets_are_never_exceeded(budget, words):
    result = train(policy=DISQ(), maxiter=100, **budget)
    assert result.message == words
    assert (result.success, result.status) == (False, 1)
    assert result.circuits <= budget.get("budget_circuits", math.inf)
    assert result.shots <= budget.get("budget_shots", math.inf)
    if budget.get("budget_circuits") == 200:
        assert result.circuits > 200 - estimate_cost(HAMILTONIAN, DISQ(), 1).circuits_per_iteration
    if result.nit == 0:
        assert (result.x == X0).all()
        assert math.isnan(result.fun)


def test_a_callback_costs_nothing_and_can_stop():
    seen = []

    def stop_at_five(record):
        seen.append(record)
        return record.iteration == 4

    result = train(callback=stop_at_five)
    assert result.message == "The callback stopped the run."
    assert seen == result.history.records
    whole = train()
    assert result.nit == 5
    assert result.circuits == whole.history[4].total_circuits
    assert (result.x == whole.history[5].x).all()


def test_progress_tells_energy_and_skip_rate():
    told = []
    train(policy=Always("skip", 1), maxiter=4, progress=lambda part, words: told.append((part, words)))
    assert [part for part, _ in told] == [0.0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1.0]
    assert told[-1][1].startswith("iteration 4 of 4, energy -")
    assert told[-1][1].endswith(", 50% skipped")


def test_nft_steps_to_the_minimum_of_each_parameter():
    result = train(Bowl(noise=0.0), optimizer="nft", maxiter=NUM_PARAMETERS)
    axis = np.linspace(0, 2 * np.pi, 100001)
    lowest = min(sum(w * np.cos(axis + g) for g, w in enumerate(GROUPS.weights))) + GROUPS.constant
    assert result.fun == pytest.approx(lowest, abs=1e-6)
    assert len(result.history) == NUM_PARAMETERS


@pytest.mark.parametrize("optimizer", ["cobyla", "powell", "nft"])
@pytest.mark.parametrize("policy", [None, DISQ(1), DISQ(1, "amplitude"), QISMET(), ChiSquareMonitor()])
def test_other_optimizers_ask_again_at_the_same_place(optimizer, policy):
    result = train(Bowl(drift=0.05), optimizer=optimizer, policy=policy, maxiter=40)
    assert result.nit <= 40
    assert result.nit == len(result.history.accepted)
    assert len(result.history) == result.nit + result.skips
    for record, after in pairwise(result.history):
        if record.skipped:
            assert (record.x == after.x).all()
    before, after = ([Bowl().exact(x[None], np.array([g]))[0] for g in range(G)] for x in (X0, result.x))
    assert sum(after) < sum(before)


@pytest.mark.parametrize("policy", [GradientClip(), MedianOfPairs(), Blocking(), Kalman(), DISQ() | GradientClip()])
@pytest.mark.parametrize("optimizer", ["cobyla", "powell", "NFT"])
def test_policies_on_pairs_are_refused_without_pairs(policy, optimizer):
    with pytest.raises(DriftError, match=f"works on pairs of points, which {optimizer.lower()} does not measure"):
        train(policy=policy, optimizer=optimizer)


def test_a_short_run_of_scipy_returns_the_best_point():
    result = train(Bowl(noise=0.0), optimizer="cobyla", maxiter=3)
    energies = [record.energy for record in result.history]
    assert result.fun == min(energies)
    assert (result.x == result.history[int(np.argmin(energies))].x).all()


def test_as_minimizer_serves_scipy():
    calls = []
    method = as_minimizer(QISMET() | GradientClip(), maxiter=50, seed=1)
    result = scipy.optimize.minimize(
        lambda x, shift: ((x - shift) ** 2).sum(), [1.0, -1.0], args=(0.5,), method=method, callback=calls.append
    )
    assert result.x == pytest.approx([0.5, 0.5], abs=0.1)
    assert len(calls) == 50
    short = scipy.optimize.minimize(lambda x: (x**2).sum(), [1.0], method=method, options={"maxiter": 3})
    assert short.nit == 3

    def stop(x):
        raise StopIteration

    assert scipy.optimize.minimize(lambda x: (x**2).sum(), [1.0], method=method, callback=stop).nit == 1
    with pytest.raises(DriftError, match="no constraints"):
        method(lambda x: 0.0, [1.0], constraints=[{}])


def test_a_policy_of_ones_own_can_plan_requests():
    class Watch(Policy):
        def plan(self, state):
            return Plan(state.x[None], np.array([1]), np.array([50]))

        def judge(self, data):
            return Verdict(statistic=float(data.means[0]), threshold=0.0, reason="watched")

    evaluator = Bowl(noise=0.0)
    for record in train(evaluator, policy=Watch(), maxiter=3).history:
        assert record.statistic == pytest.approx(evaluator.exact(record.x[None], np.array([1]))[0])
        assert record.circuits == 2 * G + 1


def test_runs_of_equal_seeds_are_equal_and_no_seed_is_another_each_time():
    x = [train(seed=seed).x.tolist() for seed in (1, 1, 2, None, None)]
    assert x[0] == x[1]
    assert len({tuple(each) for each in x}) == 4


def test_the_global_stream_of_numpy_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    train(policy=DISQ())
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_records_are_not_changed_by_what_comes_after():
    result = train(policy=DISQ())
    assert replace(result.history[0]).x.tolist() == X0.tolist()
