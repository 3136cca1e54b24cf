"""Each process against the statistics it promises, and the future of a restored path against the original's."""

import json

import numpy as np
import pytest

from qpilot.arch.errors import DriftError
from qpilot.disq.noise import Drift, Durations, Static
from qpilot.disq.processes import Bursts, CoherentBursts, OrnsteinUhlenbeck, PublishedInjection, Telegraph
from qpilot.disq.traces import Trace

STEADY = Static(t1_us=100.0, error_1q=1e-3, error_2q=1e-2, readout_error=0.02)
EVERYTHING = (
    Trace.parse("time_s,t1_us\n0,80\n500,60\n")
    + Telegraph(good_s=4.0, bad_s=2.0)
    + OrnsteinUhlenbeck(correlation_s=20.0)
    + Bursts(rate_per_s=0.2, duration_s=2.0)
    + CoherentBursts(rate_per_s=0.2, duration_s=2.0)
    + PublishedInjection()
)


def course(process, moments, step_s, num_qubits=1, seed=0):
    """Return the noise at moments a step apart."""
    durations = Durations(circuit_s=step_s, job_gap_s=0.0)
    return Drift(process, num_qubits, durations, np.random.default_rng(seed)).next_job(moments)


def dwell_times(on, step_s):
    """Return the complete dwell times in the state True and in the state False."""
    edges = np.flatnonzero(np.diff(on.astype(int)))
    lengths = np.diff(edges) * step_s
    begins_on = on[edges[:-1] + 1]
    return lengths[begins_on], lengths[~begins_on]


def test_static_noise_stays():
    noise = course(STEADY, 5, 1.0, num_qubits=3)
    assert noise.t1_us.tolist() == [[100.0] * 3] * 5
    assert (noise.error_1q == 1e-3).all()
    assert (noise.error_2q == 1e-2).all()
    assert (noise.readout_error == 0.02).all()
    assert not noise.angle_offset_rad.any()
    assert (noise.energy_factor == 1).all()
    assert (noise.constant_factor == 1).all()


def test_without_a_static_part_the_machine_is_the_default_one():
    assert np.array_equal(course(PublishedInjection(()), 2, 1.0).table(), course(Static(), 2, 1.0).table())


def test_telegraph_dwells_and_mixes_as_it_says():
    noise = course(STEADY + Telegraph(bad_factor=0.2, good_s=30.0, bad_s=10.0), 400_000, 0.5, num_qubits=2)
    assert set(np.unique(noise.t1_us)) == {20.0, 100.0}
    bad = noise.t1_us < 50
    for qubit in range(2):
        in_bad, in_good = dwell_times(bad[:, qubit], 0.5)
        assert len(in_bad) > 4000
        # Dwell times are exponential: mean and spread are equal. The mean has an error of a part in sqrt(5000).
        for times, mean in ((in_bad, 10.0), (in_good, 30.0)):
            assert times.mean() == pytest.approx(mean, rel=0.06)
            assert times.std() == pytest.approx(mean, rel=0.1)
        assert bad[:, qubit].mean() == pytest.approx(0.25, abs=0.015)
    assert abs(np.corrcoef(bad.T)[0, 1]) < 0.03


def test_telegraph_starts_in_its_stationary_mixture():
    noise = course(Telegraph(good_s=30.0, bad_s=10.0), 1, 1.0, num_qubits=20_000)
    assert (noise.t1_us < 50).mean() == pytest.approx(0.25, abs=0.012)


def test_bursts_come_and_last_as_they_say():
    noise = course(STEADY + Bursts(rate_per_s=0.05, duration_s=4.0, depth=0.3), 400_000, 0.25)
    assert set(np.unique(noise.energy_factor)) == {0.7, 1.0}
    in_burst, between = dwell_times(noise.energy_factor < 1, 0.25)
    assert in_burst.mean() == pytest.approx(4.0, rel=0.06)
    assert between.mean() == pytest.approx(20.0, rel=0.06)


def test_coherent_bursts_draw_new_offsets_each_time():
    noise = course(CoherentBursts(rate_per_s=0.1, duration_s=5.0, offset_rad=0.3), 400_000, 0.25, num_qubits=3)
    offsets = noise.angle_offset_rad
    on = offsets.any(axis=1)
    assert on.mean() == pytest.approx(1 / 3, abs=0.02)
    distinct = np.unique(offsets[on], axis=0)
    assert len(distinct) > 5000
    assert distinct.std(axis=0) == pytest.approx(0.3, rel=0.05)
    assert distinct.mean(axis=0) == pytest.approx(0.0, abs=0.02)
    # A burst keeps its offsets: they change where it begins and ends and nowhere else.
    changes = (np.diff(offsets, axis=0) != 0).any(axis=1)
    assert changes.sum() <= 2 * len(distinct) + 1


def test_ornstein_uhlenbeck_is_stationary_with_its_width_and_correlation_time():
    process = STEADY + OrnsteinUhlenbeck(correlation_s=10.0, log_t1=0.4, log_gate_error=0.2, log_readout_error=0.1)
    noise = course(process, 200_000, 1.0, num_qubits=2)
    logs = [np.log(noise.t1_us / 100), np.log(noise.error_1q / 1e-3), np.log(noise.readout_error / 0.02)]
    for log, width in zip(logs, (0.4, 0.2, 0.1), strict=True):
        # 20,000 correlation times / 2 qubits: about 10,000 independent samples each.
        assert log.mean(axis=0) == pytest.approx(0.0, abs=0.05 * width)
        assert log.std(axis=0) == pytest.approx(width, rel=0.04)
        for lag in (1, 5, 10):
            correlation = (log[lag:] * log[:-lag]).mean(axis=0) / log.var(axis=0)
            assert correlation == pytest.approx(np.exp(-lag / 10), abs=0.04)
    assert np.allclose(noise.error_2q / 1e-2, noise.error_1q / 1e-3)
    assert abs(np.corrcoef(logs[0].T)[0, 1]) < 0.05
    assert abs(np.corrcoef(logs[0][:, 0], logs[1][:, 0])[0, 1]) < 0.05


def test_ornstein_uhlenbeck_starts_stationary_and_does_not_depend_on_the_step():
    start = np.log(course(STEADY + OrnsteinUhlenbeck(log_t1=0.4), 1, 1.0, num_qubits=20_000).t1_us / 100)
    assert start.std() == pytest.approx(0.4, rel=0.03)
    coarse = np.log(course(STEADY + OrnsteinUhlenbeck(10.0, log_t1=0.4), 2, 5.0, num_qubits=20_000).t1_us / 100)
    assert (coarse[0] * coarse[1]).mean() == pytest.approx(0.16 * np.exp(-0.5), rel=0.05)


def test_published_injection_hits_the_jobs_of_the_paper():
    drift = Drift(STEADY + PublishedInjection(), 1, Durations(), np.random.default_rng(0))
    factors = np.array([drift.next_job(2).energy_factor for _ in range(140)])
    assert np.array_equal(factors[:, 0], factors[:, 1])
    wanted = np.ones(140)
    wanted[19:26], wanted[108:128] = 0.725, 0.8
    assert factors[:, 0] == pytest.approx(wanted)


def test_time_goes_by_per_circuit_and_per_job():
    trace = Trace.parse("time_s,t1_us\n0,1\n1000,1001\n")
    drift = Drift(trace, 1, Durations(circuit_s=2.0, job_gap_s=30.0), np.random.default_rng(0))
    assert drift.next_job(3).t1_us[:, 0] == pytest.approx([1, 3, 5])
    assert drift.next_job(2).t1_us[:, 0] == pytest.approx([37, 39])
    drift.wait(100.0)
    assert drift.next_job(1).t1_us[:, 0] == pytest.approx([171])
    assert drift.next_job(0).t1_us.shape == (0, 1)


def test_a_path_does_not_depend_on_how_it_is_split_into_jobs():
    process = EVERYTHING.parts[:-1]  # the injection counts jobs
    durations = Durations(circuit_s=0.5, job_gap_s=0.0)
    drifts = [Drift(sum(process[1:], process[0]), 4, durations, np.random.default_rng(3)) for _ in range(2)]
    whole = drifts[0].next_job(60).table()
    split = np.concatenate([drifts[1].next_job(size).table() for size in (1, 0, 19, 7, 33)])
    assert np.array_equal(whole, split)


def test_a_seed_fixes_the_path():
    paths = [course(EVERYTHING, 50, 0.5, num_qubits=3, seed=seed).table() for seed in (1, 1, 2)]
    assert np.array_equal(paths[0], paths[1])
    assert not np.array_equal(paths[0], paths[2])


def test_a_process_more_does_not_change_the_course_of_the_others():
    alone = course(Telegraph(good_s=4.0, bad_s=2.0) + PublishedInjection(()), 50, 0.5, num_qubits=3)
    beside = course(Telegraph(good_s=4.0, bad_s=2.0) + Bursts(), 50, 0.5, num_qubits=3)
    assert np.array_equal(alone.t1_us, beside.t1_us)


@pytest.mark.parametrize("jobs", [1, 7, 30])
def test_a_restored_path_has_the_same_future(jobs):
    durations = Durations(circuit_s=0.5, job_gap_s=3.0)
    original = Drift(EVERYTHING, 4, durations, np.random.default_rng(3))
    for _ in range(jobs):
        original.next_job(11)
    saved = json.dumps(original.state())
    future = [original.next_job(11).table() for _ in range(40)]
    copy = Drift(EVERYTHING, 4, durations, np.random.default_rng(99))
    copy.next_job(5)
    copy.restore(json.loads(saved))
    assert all(np.array_equal(copy.next_job(11).table(), noise) for noise in future)
    assert json.dumps(Drift(EVERYTHING, 4, durations, np.random.default_rng(3)).state()) != saved


def test_errors_never_leave_what_a_channel_can_have():
    wild = Static(1.0, 0.4, 0.7, 0.4) + OrnsteinUhlenbeck(1.0, 3.0, 3.0, 3.0)
    noise = course(wild, 1000, 1.0)
    assert noise.error_1q.max() == 0.5
    assert noise.error_2q.max() == 0.75
    assert noise.readout_error.max() == 0.5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Static(t1_us=0.0), "Static.t1_us is 0.0; it must be a number above 0"),
        (lambda: Static(error_1q=0.6), "at least 0 and at most 0.5"),
        (lambda: Static(error_2q="low"), "error_2q is 'low'; it must be a number"),
        (lambda: Telegraph(bad_factor=0.0), "Telegraph.bad_factor is 0.0; it must be a number above 0 and at most 1"),
        (lambda: Telegraph(good_s=float("nan")), "good_s is nan; it must be a number"),
        (lambda: Bursts(depth=1.5), "Bursts.depth is 1.5"),
        (lambda: CoherentBursts(rate_per_s=0.0), "CoherentBursts.rate_per_s is 0"),
        (lambda: OrnsteinUhlenbeck(log_t1=-1.0), "OrnsteinUhlenbeck.log_t1 is -1"),
        (lambda: PublishedInjection(((3, 0, 0.5),)), r"has \(3, 0, 0.5\)"),
        (lambda: Durations(circuit_s=-1.0), "Durations.circuit_s is -1"),
        (lambda: course(STEADY, 1, 1.0) + STEADY, "unsupported operand"),
    ],
)
def test_impossible_descriptions_are_refused(make, words):
    with pytest.raises((DriftError, TypeError), match=words):
        make()


def test_waits_and_states_that_make_no_sense_are_refused():
    drift = Drift(EVERYTHING, 2, Durations(), np.random.default_rng(0))
    with pytest.raises(DriftError, match="wait in seconds is -1"):
        drift.wait(-1.0)
    state = drift.state()
    larger = Drift(EVERYTHING, 3, Durations(), np.random.default_rng(0)).state()
    for wrong in ({}, larger, {**state, "path": {}}, {**state, "path": {"parts": state["path"]["parts"][:2]}}):
        with pytest.raises(DriftError, match="not one of this process"):
            drift.restore(wrong)
