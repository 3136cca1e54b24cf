"""Verdicts on hand-made numbers, and their symmetries."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qpilot.arch.errors import DriftError
from qpilot.disq import (
    DISQ,
    QISMET,
    Blocking,
    ChiSquareMonitor,
    Data,
    EnergyMonitor,
    GradientClip,
    Kalman,
    Measured,
    MedianOfPairs,
    PauliSubsets,
    Plan,
    Policy,
    State,
    Verdict,
)  # fmt: skip
from qpilot.disq.references import amplitude_statistic, gradient_statistic

from .bowl import GROUPS

G = len(GROUPS)
ENERGIES = st.floats(-3, 3, allow_subnormal=False)


def measured(values, differences=(0.1,), shots=1000, noise=0.01):
    values = np.asarray(values, dtype=float).reshape(1, -1, G)
    points = np.zeros((1, values.shape[1], 2))
    return Measured(points, values, np.full(values.shape, noise**2), shots, np.array(differences), 0.1)


def state_of(accepted, attempt=0, points=2):
    return State(GROUPS, 1000, len(accepted), attempt, np.zeros(2), np.zeros((1, points, 2)), 0.1, accepted, None)


def data_of(new, accepted, again, attempt=0):
    """Data of new values (k, g), and references again in the order of a plan with all groups."""
    new = np.asarray(new, dtype=float)
    again = np.asarray(again, dtype=float).ravel()
    state = state_of(accepted, attempt, len(new))
    variances = np.full((1, 1, *new.shape), 1e-4)
    return Data(state, new[None, None], variances, again, np.full(again.shape, 4e-4))


def test_the_gradient_rule_on_numbers_done_by_hand():
    # Plus: new 1.0, stored 0.8 and 0.6, now 0.9 and 0.9: seen 0.1, believed 0.3. Minus the same way: -0.2 and -0.1.
    new, again, stored = np.array([1.0, 0.5]), np.array([[0.9, 0.8], [0.9, 0.6]]), np.array([[0.8, 0.7], [0.6, 0.5]])
    assert gradient_statistic(new, again, stored) == pytest.approx(0.1)
    # Plus now above the new energy: seen -0.1, believed 0.3.
    again[:, 0] = 1.1
    assert gradient_statistic(new, again, stored) == pytest.approx(-0.1)


def test_the_amplitude_rule_on_numbers_done_by_hand():
    stored = np.array([[[1.0, -0.5, 0.5], [1.0, 1.0, 0.0]]])
    again = np.array([[[1.1, -0.5, 0.3], [1.0, 0.2, 0.0]]])
    # Plus: 0.3 of 2.0, minus: 0.8 of 2.0.
    assert amplitude_statistic(again, stored) == pytest.approx(15.0)
    # A constant of 2 in the first group hides half of it.
    assert amplitude_statistic(again, stored, counted=2.0) == pytest.approx(7.5)
    assert amplitude_statistic(np.zeros((1, 2, 3)), np.zeros((1, 2, 3))) == 0.0
    assert amplitude_statistic(np.ones((1, 2, 3)), np.zeros((1, 2, 3))) == np.inf


@pytest.mark.parametrize(("references", "scale", "action"), [
    (1, 1.19, "accept"), (1, 1.21, "skip"), (3, 1.09, "accept"), (3, 1.11, "skip"), (4, 1.06, "skip"),
])  # fmt: skip
def test_the_amplitude_rule_allows_25_less_5_r_per_cent(references, scale, action):
    accepted = [measured([[1, -2, 0.5], [2, 1, -1]])] * references
    policy = DISQ(references, "amplitude", subsets=None)
    again = scale * np.stack([each.values for each in accepted])
    verdict = policy.judge(data_of(np.ones((2, G)), accepted, again))
    assert (verdict.action, verdict.threshold) == (action, 25 - 5 * references)


def test_the_amplitude_rule_passes_if_either_sign_does_and_the_gradient_rule_if_both_do():
    accepted = [measured([[1.0, 0, 0], [1.0, 0, 0]])]
    new = np.array([[1.5, 0, 0], [1.5, 0, 0]])
    again = np.array([[[1.0, 0, 0], [2.0, 0, 0]]])
    assert DISQ(1, "amplitude", subsets=None).judge(data_of(new, accepted, again)).action == "accept"
    assert DISQ(1, "gradient", subsets=None).judge(data_of(new, accepted, again)).action == "skip"


def test_references_are_averaged():
    accepted = [measured([[0.0, 0, 0], [0.0, 0, 0]]), measured([[2.0, 0, 0], [2.0, 0, 0]])]
    new = np.array([[1.5, 0, 0], [1.5, 0, 0]])
    again = np.stack([accepted[0].values, accepted[1].values + 0.3])
    assert DISQ(2, subsets=None).judge(data_of(new, accepted, again)).statistic == pytest.approx(0.05)


@settings(deadline=None)
@given(*[arrays(float, (2, G), elements=ENERGIES)] * 3)
def test_qismet_is_the_gradient_rule_with_one_reference_and_all_groups(new, stored, again):
    seen = new.sum(axis=1) - again.sum(axis=1)
    believed = new.sum(axis=1) - stored.sum(axis=1)
    skip = bool((seen * np.sign(believed) < 0).any())
    # The verdict of QISMET's paper, written out, on the last of two references only.
    data = data_of(new, [measured(np.zeros((2, G))), measured(stored)], again)
    for policy in (QISMET(), DISQ(references=1, rule="gradient", subsets=None)):
        assert len(policy.plan(data.state).groups) == 2 * G
        assert policy.judge(data).action == ("skip" if skip else "accept")


@settings(deadline=None)
@given(
    arrays(float, (2, G), elements=ENERGIES),
    *[arrays(float, (3, 2, G), elements=ENERGIES)] * 2,
    st.sampled_from([
        DISQ(subsets=None), DISQ(3, "amplitude", subsets=None), QISMET(), ChiSquareMonitor(references=3, subsets=None),
    ]),
)  # fmt: skip
def test_verdicts_do_not_change_when_plus_and_minus_swap(new, stored, again, policy):
    last = 1 if isinstance(policy, QISMET) else 3
    verdict = policy.judge(data_of(new, [measured(each) for each in stored], again[-last:]))
    swapped = [measured(each[::-1]) for each in stored]
    other = policy.judge(data_of(new[::-1], swapped, again[-last:, ::-1]))
    assert other.action == verdict.action
    assert other.statistic == pytest.approx(verdict.statistic, rel=1e-12, abs=1e-12)


@settings(deadline=None)
@given(arrays(float, (2, G), elements=ENERGIES), arrays(float, (2, G), elements=ENERGIES), st.floats(0.05, 1))
def test_a_common_attenuation_does_not_flip_what_the_gradient_rule_sees(new, again, factor):
    plain = gradient_statistic(new.sum(axis=1), again.sum(axis=1)[None], np.full((1, 2), -100.0))
    faded = gradient_statistic(factor * new.sum(axis=1), factor * again.sum(axis=1)[None], np.full((1, 2), -100.0))
    assert faded == pytest.approx(factor * plain, abs=1e-12)


def test_subsets_leave_minor_groups_out_of_references_and_verdict():
    policy = DISQ(references=1)
    accepted = [measured([[1.0, 0.5, 0.0], [1.0, 0.5, 0.0]])]
    plan = policy.plan(state_of(accepted))
    assert plan.num_prime == 2
    assert plan.groups.tolist() == [0, 1, 0, 1]
    new = np.array([[2.0, 0.5, np.nan], [2.0, 0.5, np.nan]])
    assert policy.judge(data_of(new, accepted, [1.1, 0.5, 1.1, 0.5])).statistic == pytest.approx(0.9)
    assert DISQ(references=1, two_phase=False).plan(state_of(accepted)).num_prime is None
    counted = DISQ(references=1, rule="amplitude", subsets=PauliSubsets(count_identity=True))
    # The constant of -5 belongs to the only prime group: a change of 0.5 is 12.5 per cent of 4 and not half of 1.
    assert counted.judge(data_of(new, accepted, [1.5, 1.5])).statistic == pytest.approx(12.5)


def test_without_references_everything_is_accepted():
    for policy in (DISQ(), QISMET(), ChiSquareMonitor()):
        assert not len(policy.plan(state_of([])).groups)
        assert policy.plan(state_of([])).num_prime is None
        assert policy.judge(data_of(np.ones((2, G)), [], [])).action == "accept"


@pytest.mark.parametrize("policy", [DISQ(1, max_retries=4, subsets=None), QISMET(4), ChiSquareMonitor(max_retries=4)])
def test_after_the_last_retry_the_step_is_forced(policy):
    accepted = [measured(np.ones((2, G)))]
    count = len(policy.plan(state_of(accepted)).groups)
    actions = [
        policy.judge(data_of(np.full((2, G), 2.0), accepted, np.full(count, 9.0), attempt)).action
        for attempt in range(6)
    ]
    assert actions == ["skip"] * 4 + ["force"] * 2


@pytest.mark.parametrize(("false_alarm", "references"), [(0.01, 1), (0.05, 1), (0.05, 3)])
def test_the_false_alarm_rate_of_the_chi_square_is_as_stated(false_alarm, references):
    """Outcomes of coins are drawn, and means and variances made of the counts, as an evaluator does it."""
    rng = np.random.default_rng(2)
    policy = ChiSquareMonitor(false_alarm, references, subsets=None)
    trials, alarms = 4000, 0
    weights = GROUPS.weights

    def draw(shots, shape):
        odds = 0.3
        heads = rng.binomial(shots, odds, shape) / shots
        return (2 * heads - 1) * weights, 4 * heads * (1 - heads) / (shots - 1) * weights**2

    for _ in range(trials):
        accepted = []
        for _ in range(references):
            values, variances = draw(1000, (1, 2, G))
            accepted.append(replace(measured(values), variances=variances))
        means, variances = draw(250, (references, 2, G))
        data = data_of(np.zeros((2, G)), accepted, means)
        alarms += policy.judge(replace(data, mean_variances=variances.ravel())).action != "accept"
    spread = np.sqrt(trials * false_alarm * (1 - false_alarm))
    # Variances from 250 shots make the tail a little heavier than that of a chi-square.
    assert abs(alarms - trials * false_alarm) < 4 * spread + 0.15 * trials * false_alarm


def test_the_chi_square_sees_what_counts_without_a_spread_do_not_hide():
    accepted = [replace(measured(np.ones((2, G))), variances=np.zeros((1, 2, G)))]
    policy = ChiSquareMonitor(subsets=None)
    data = replace(data_of(np.ones((2, G)), accepted, np.ones(2 * G)), mean_variances=np.zeros(2 * G))
    assert policy.judge(data).action == "accept"
    assert policy.judge(replace(data, means=np.full(2 * G, 0.9))).action == "skip"


@pytest.mark.parametrize(("on_alarm", "pause"), [("skip", 0.0), ("wait", 60.0), ("warn", 0.0)])
def test_what_the_chi_square_does_on_an_alarm(on_alarm, pause):
    policy = ChiSquareMonitor(on_alarm=on_alarm, subsets=None)
    verdict = policy.judge(data_of(np.ones((2, G)), [measured(np.ones((2, G)))], np.full(2 * G, 9.0)))
    assert (verdict.action, verdict.wait_s) == (on_alarm, pause)


def test_the_chi_square_runs_references_with_few_shots_and_needs_variances():
    policy = ChiSquareMonitor(subsets=None)
    accepted = [replace(measured(np.ones((2, G))), variances=np.full((1, 2, G), np.nan))]
    assert set(policy.plan(state_of(accepted)).shots.tolist()) == {250}
    with pytest.raises(DriftError, match="needs variances"):
        policy.judge(data_of(np.ones((2, G)), accepted, np.ones(2 * G)))


def at_levels(*levels):
    """Accepted pairs with given mean energies of the first group."""
    return [measured([[level + 0.5, 0, 0], [level - 0.5, 0, 0]]) for level in levels]


LEVELS = [3.0, 2.9, 3.0, 2.9, 3.0, 2.9, 3.0, 2.9, 3.0, 2.9, 2.4]
"""Ten changes: five of -0.1, four of 0.1, one of -0.5. The last three levels have the median 2.9."""

SPREAD = 0.1 * 1.4826
"""The changes have the median -0.1, and differ from it by 0 five times, 0.2 four times, and 0.4."""


def test_the_energy_monitor_on_numbers_done_by_hand():
    accepted = at_levels(*LEVELS)
    policy = EnergyMonitor(threshold=4.0, max_retries=2)
    assert not len(policy.plan(state_of(accepted)).groups)
    for level, action in [(2.9 + 4.1 * SPREAD, "wait"), (2.9 + 3.9 * SPREAD, "accept"), (-9.0, "accept")]:
        verdict = policy.judge(data_of([[level + 1, 0, 0], [level - 1, 0, 0]], accepted, []))
        assert (verdict.action, verdict.wait_s) == (action, 20.0 if action == "wait" else 0.0)
        assert verdict.statistic == pytest.approx((level - 2.9) / SPREAD)
    high = [[9.0, 0, 0], [9.0, 0, 0]]
    assert [policy.judge(data_of(high, accepted, [], attempt)).action for attempt in (1, 2, 3)] == [
        "wait", "force", "force",
    ]  # fmt: skip
    assert EnergyMonitor(on_alarm="skip").judge(data_of(high, accepted, [])).action == "skip"
    assert EnergyMonitor().judge(data_of(high, accepted[1:], [])).reason == "no usual energy yet"
    # What left the window does not count, nor what is not of the last ones.
    verdict = EnergyMonitor(window=11, recent=1).judge(data_of([[2.9, 0, 0]] * 2, at_levels(50.0) + accepted, []))
    assert verdict.statistic == pytest.approx(0.5 / SPREAD)


def test_the_energy_monitor_expects_rises_that_it_has_seen():
    """With few parameters the energy of a pair depends on its direction: most of them look alike, and some do not."""
    accepted = at_levels(*[3.0, 3.1, 3.0, 5.0, 3.1, 3.0, 3.1, 3.0, 3.1, 5.0, 3.0, 3.1, 3.0])
    for level, action in [(5.0, "accept"), (5.9, "accept"), (6.1, "wait")]:
        verdict = EnergyMonitor().judge(data_of([[level, 0, 0]] * 2, accepted, []))
        assert verdict.action == action
        assert (verdict.statistic > verdict.threshold) == (action == "wait")


def test_the_energy_monitor_does_not_compare_with_calibration_pairs():
    data = data_of([[9.0, 0, 0], [9.0, 0, 0]], at_levels(*LEVELS, *LEVELS), [])
    for iteration, action in [(10, "accept"), (11, "wait")]:
        assert EnergyMonitor().judge(replace(data, state=replace(data.state, iteration=iteration))).action == action


def test_the_energy_monitor_leaves_groups_out_that_have_not_run():
    accepted = at_levels(*LEVELS)
    for number, each in enumerate(accepted):
        each.values[..., 2] = number
    new = [[3.5, 0, np.nan], [2.5, 0, np.nan]]
    assert EnergyMonitor().judge(data_of(new, accepted, [])).statistic == pytest.approx(0.1 / SPREAD)


def test_the_energy_monitor_sees_nothing_where_nothing_moves():
    assert EnergyMonitor().judge(data_of([[3.0, 0, 0]] * 2, at_levels(*[2.0] * 11), [])).action == "accept"


def test_the_clip_cuts_at_a_multiple_of_the_running_median():
    accepted = [measured(np.zeros((2, G)), [difference]) for difference in (0.1, -0.2, 0.3, -0.4, 0.5)]
    data = replace(data_of(np.zeros((2, G)), accepted, []), differences=np.array([-2.0]))
    verdict = GradientClip(factor=2.5).correct(data)
    assert verdict.differences == pytest.approx([-0.75])  # 2.5 times the median 0.3
    assert (verdict.statistic, verdict.threshold) == (pytest.approx(2.0 / 0.3), 2.5)
    small = GradientClip().correct(replace(data, differences=np.array([0.7])))
    assert small.differences == pytest.approx([0.7])
    assert GradientClip().correct(replace(data, state=state_of(accepted[:4]))).differences is None


def test_the_clip_forgets_what_left_its_window():
    accepted = [measured(np.zeros((2, G)), [d]) for d in (9, 9, 9, 9, 9, 0.1, 0.1, 0.1, 0.1, 0.1)]
    data = replace(data_of(np.zeros((2, G)), accepted, []), differences=np.array([5.0]))
    assert GradientClip(2.0, window=5).correct(data).differences == pytest.approx([0.2])


def test_the_median_of_pairs_ignores_one_that_is_spoiled():
    values = np.zeros((3, 1, 2, G))
    values[:, 0, 0, 0] = [0.2, 0.3, 50.0]
    data = replace(data_of(np.zeros((2, G)), [], []), values=values)
    assert MedianOfPairs().correct(data).differences == pytest.approx([0.3])
    assert MedianOfPairs(5).plan(data.state).repeats == 5


def test_blocking_compares_the_energies_after_and_before():
    state = replace(state_of([]), energy_at_x=(-1.0, 0.0004))
    data = replace(data_of(np.zeros((2, G)), [], []), state=state)
    for ahead, limit, action in [(-1.2, None, "accept"), (-0.97, None, "accept"), (-0.9, None, "block"),
                                 (-0.9, 0.2, "accept"), (-0.99, 0.0, "block")]:  # fmt: skip
        verdict = Blocking(limit).look_ahead(replace(data, energy_ahead=(ahead, 0.0)))
        assert verdict.action == action
    first = replace(data, state=replace(state, energy_at_x=None))  # the energy before is that of the pair, the constant
    assert Blocking(0.1).look_ahead(replace(first, energy_ahead=(GROUPS.constant + 0.3, 0.0))).statistic == (
        pytest.approx(0.3)
    )
    with pytest.raises(DriftError, match="give allowed_increase"):
        Blocking().look_ahead(replace(data, energy_ahead=(0.0, np.nan)))


def test_the_kalman_filter_on_numbers_done_by_hand():
    accepted = [measured([[1.0, 0, 0], [0.0, 0, 0]])]
    data = data_of([[3.0, 0, 0], [1.0, 0, 0]], accepted, [])
    # Variance 1 grows to 2, gain 2/3: plus 1 + 2/3 * 2, minus 2/3.
    assert Kalman().correct(data).differences == pytest.approx([1 + 4 / 3 - 2 / 3])
    assert Kalman(noise_ratio=0).correct(data).differences == pytest.approx([2.0])


class Extra(Policy):
    """Runs one request more and skips if it is positive."""

    def plan(self, state):
        return Plan(np.ones((1, 2)), np.array([2]), np.array([7]))

    def judge(self, data):
        assert data.means.shape == (1,)
        return Verdict("skip" if data.means[0] > 0 else "accept", data.means[0], 0.0, "extra")


def test_a_chain_hands_each_link_its_own_requests():
    accepted = [measured(np.ones((2, G)))]
    chain = Extra() | DISQ(1, subsets=None) | Extra() | MedianOfPairs() | Blocking()
    plan = chain.plan(state_of(accepted))
    assert plan.groups.tolist() == [2, 0, 1, 2, 0, 1, 2, 2]
    assert (plan.repeats, plan.look_ahead, plan.num_prime) == (3, True, None)
    data = data_of(np.full((2, G), 2.0), accepted, [-1.0, *[1.0] * 6, -2.0])
    verdict = chain.judge(data)
    assert (verdict.action, verdict.statistic) == ("accept", -1.0)
    assert chain.judge(replace(data, means=np.array([-1.0, *[1.0] * 6, 3.0]))).statistic == 3.0


def test_a_chain_runs_as_many_prime_groups_as_any_link_needs():
    accepted = [measured(np.ones((2, G)))]
    wide, narrow = DISQ(1), DISQ(1, subsets=PauliSubsets(0.1))
    assert (narrow | wide | GradientClip()).plan(state_of(accepted)).num_prime == 2
    assert (narrow | ChiSquareMonitor()).plan(state_of(accepted)).num_prime is None


def test_a_chain_corrects_what_was_corrected():
    accepted = [measured(np.zeros((2, G)), [0.1])] * 5
    values = np.zeros((3, 1, 2, G))
    values[:, 0, 0, 0] = [0.2, 0.6, 50.0]
    data = replace(data_of(np.zeros((2, G)), accepted, []), values=values, differences=np.array([17.0]))
    assert (MedianOfPairs() | GradientClip(2.5)).correct(data).differences == pytest.approx([0.25])
    assert Extra().__or__(Extra()).correct(data).differences == pytest.approx([17.0])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DISQ(references=0), "references is 0"),
        (lambda: DISQ(rule="both"), "'gradient' or 'amplitude'"),
        (lambda: DISQ(5, "amplitude"), "at most 4"),
        (lambda: DISQ(max_retries=-1), "max_retries is -1"),
        (lambda: QISMET(2.5), "max_retries is 2.5"),
        (lambda: ChiSquareMonitor(0.0), "false_alarm is 0.0"),
        (lambda: ChiSquareMonitor(shots_fraction=2), "shots_fraction is 2"),
        (lambda: ChiSquareMonitor(on_alarm="panic"), "'skip', 'wait' or 'warn'"),
        (lambda: ChiSquareMonitor(wait_s=float("inf")), "wait_s is inf"),
        (lambda: EnergyMonitor(0), "threshold is 0"),
        (lambda: EnergyMonitor(window=10), "window is 10"),
        (lambda: EnergyMonitor(recent=0), "recent is 0"),
        (lambda: EnergyMonitor(on_alarm="block"), "'skip', 'wait' or 'warn'"),
        (lambda: EnergyMonitor(wait_s=-1.0), "wait_s is -1.0"),
        (lambda: EnergyMonitor(max_retries=0.5), "max_retries is 0.5"),
        (lambda: GradientClip(0), "factor is 0"),
        (lambda: GradientClip(window=4), "window is 4"),
        (lambda: MedianOfPairs(1), "pairs is 1"),
        (lambda: Blocking(-1), "allowed_increase is -1"),
        (lambda: Kalman(-1), "noise_ratio is -1"),
        (lambda: Kalman(transition=2), "transition is 2"),
        (lambda: DISQ() | 3, "3 is no policy"),
        (lambda: Verdict("reject"), "'reject'; it must be one of accept"),
    ],
)
def test_values_out_of_range_are_refused(make, words):
    with pytest.raises(DriftError, match=words):
        make()
