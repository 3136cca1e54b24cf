"""Whatever stops a run, the resumed one ends like the one that was never stopped, bit for bit."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.quantum_info import SparsePauliOp

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
    Policy,
    Verdict,
    minimize,
    resume,
)  # fmt: skip

from .bowl import Bowl, BreaksAt, train, without_times

POLICIES = [None, DISQ(), DISQ(2, "amplitude", subsets=None), QISMET(), ChiSquareMonitor(), GradientClip(), Kalman(),
            DISQ(1) | MedianOfPairs() | GradientClip() | Blocking()]  # fmt: skip


def assert_same(result, other):
    assert result.x.tobytes() == other.x.tobytes()
    for name in ("fun", "nit", "nfev", "circuits", "shots", "skips", "message", "success"):
        assert getattr(result, name) == getattr(other, name) or result.nit == 0
    assert without_times(result.history) == without_times(other.history)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("number", [0, 1, 2, 7])
def test_a_run_that_broke_in_any_job_goes_on(tmp_path, policy, number):
    path = tmp_path / "run.json"
    whole = train(Bowl(drift=0.2), policy=policy)
    with pytest.raises(DriftError, match="out of atoms"):
        train(BreaksAt(number, drift=0.2), policy=policy, checkpoint=path)
    if number == 0:
        assert not path.exists()
        return
    with pytest.raises(DriftError, match="out of atoms"):
        resume(path, evaluator=BreaksAt(1, drift=0.2, seed=99))
    assert_same(resume(path, evaluator=Bowl(drift=0.2, seed=99)), whole)
    assert_same(resume(path, evaluator=BreaksAt(0)), whole)  # it is over: no job runs


@pytest.mark.parametrize("optimizer", ["cobyla", "powell", "nft", SPSA(resamplings=2, averaging=3), SPSA(a=0.1)])
def test_every_optimizer_goes_on(tmp_path, optimizer):
    path = tmp_path / "run.json.gz"
    whole = train(Bowl(drift=0.2), policy=DISQ(2), optimizer=optimizer, maxiter=25)
    with pytest.raises(DriftError):
        train(BreaksAt(11, drift=0.2), policy=DISQ(2), optimizer=optimizer, maxiter=25, checkpoint=path)
    assert_same(resume(path, evaluator=Bowl(drift=0.2)), whole)


def test_a_run_on_a_sampler_goes_on(tmp_path):
    path = tmp_path / "run.json"
    hamiltonian = SparsePauliOp(["ZZ", "XI", "IX", "YY"], [-1.0, -0.5, -0.5, 0.1])
    ansatz = real_amplitudes(2, reps=1)
    options = {"policy": DISQ(1), "maxiter": 5, "seed": 3, "shots": 50}
    options["optimizer"] = SPSA(calibration_pairs=3)
    sampler = StatevectorSampler(seed=np.random.default_rng(1))
    whole = minimize(ansatz, hamiltonian, [0.1] * 4, sampler=sampler, **options)

    class Breaks(StatevectorSampler):
        jobs = 0

        def run(self, pubs, **options):
            self.jobs += 1
            if self.jobs == 4:
                raise ConnectionError("the line is dead")
            return super().run(pubs, **options)

    sampler = Breaks(seed=np.random.default_rng(1))
    with pytest.raises(DriftError, match="Job 3 failed with ConnectionError: the line is dead"):
        minimize(ansatz, hamiltonian, [0.1] * 4, sampler=sampler, checkpoint=path, **options)
    assert_same(resume(path, sampler=StatevectorSampler(seed=np.random.default_rng(8))), whole)


def test_a_run_on_an_estimator_goes_on_without_variances(tmp_path):
    path = tmp_path / "run.json"
    options = {"policy": DISQ(1), "maxiter": 6, "seed": 3, "optimizer": SPSA(calibration_pairs=3)}
    problem = real_amplitudes(2, reps=1), SparsePauliOp(["ZZ", "XI", "YY"], [-1.0, -0.5, 0.1]), [0.1] * 4
    whole = minimize(*problem, estimator=StatevectorEstimator(seed=1), **options)
    stop = {"checkpoint": path, "callback": lambda record: record.iteration == 2}
    minimize(*problem, estimator=StatevectorEstimator(seed=1), **stop, **options)
    assert_same(resume(path, estimator=StatevectorEstimator(seed=1)), whole)


def test_a_run_that_a_callback_stopped_goes_on_and_tells_only_what_is_new(tmp_path):
    path = tmp_path / "run.json"
    whole = train(Bowl())
    train(Bowl(), checkpoint=path, callback=lambda record: record.iteration == 3)
    told = []
    result = resume(path, evaluator=Bowl(), callback=lambda record: told.append(record.iteration))
    assert_same(result, whole)
    assert told == [3, 4, 5, 6, 7]  # whether the callback heard of the last attempt before is not known


class Waits(Policy):
    """Pauses at the first attempt of each iteration."""

    def judge(self, data):
        return Verdict("wait", wait_s=1.0) if data.state.attempt == 0 else Verdict()


class Clock(Bowl):
    """A bowl that sinks while time goes by."""

    def wait(self, seconds):
        self.walk -= seconds


@pytest.mark.parametrize("attempt", [0, 1])
def test_a_pause_is_made_once(tmp_path, attempt):
    path = tmp_path / "run.json"
    whole = train(Clock(), policy=Waits())
    stop = {"callback": lambda record: np.bool_((record.iteration, record.attempt) == (2, attempt))}
    train(Clock(), policy=Waits(), checkpoint=path, **stop)
    assert_same(resume(path, evaluator=Clock(), policy=Waits()), whole)


def test_a_budget_that_was_used_up_still_is(tmp_path):
    path = tmp_path / "run.json"
    short = train(Bowl(), budget_circuits=170, checkpoint=path)
    assert short.nit == 3
    assert_same(resume(path, evaluator=BreaksAt(0)), short)


class Own(Policy):
    """A policy that the package does not know."""

    def judge(self, data):
        return Verdict("skip" if data.state.attempt < data.state.iteration % 3 else "accept")


def test_a_policy_of_ones_own_must_be_given_again(tmp_path):
    path = tmp_path / "run.json"
    whole = train(Bowl(), policy=DISQ(1) | Own())
    with pytest.raises(DriftError):
        train(BreaksAt(5), policy=DISQ(1) | Own(), checkpoint=path)
    with pytest.raises(DriftError, match="policy of its own kind"):
        resume(path, evaluator=Bowl())
    with pytest.raises(DriftError, match="checkpoint is of another run"):
        resume(path, evaluator=Bowl(), policy=DISQ(2))
    assert_same(resume(path, evaluator=Bowl(), policy=DISQ(1) | Own()), whole)


def test_a_checkpoint_is_not_written_over(tmp_path):
    path = tmp_path / "run.json"
    train(Bowl(), checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(DriftError, match="exists; resume the run in it"):
        train(Bowl(), checkpoint=path)
    assert path.read_bytes() == before


def change(path, edit):
    file = json.loads(path.read_text())
    edit(file)
    path.write_text(json.dumps(file))


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda file: file["run"].update(seed=4), "of another run: job 0 asked for other points"),
        (lambda file: file["run"].update(x0=[0.0] * 4), "of another run"),
        (lambda file: file["run"].update(budget_circuits=170), "5 jobs too many"),
        (lambda file: file.update(version=2), "is no file of qpilot.disq, or is damaged"),
        (lambda file: file.pop("run"), "missing required field"),
        (lambda file: file["jobs"][2].update(means=[1.0]), "of another run"),
        (lambda file: file["run"].update(policy=[["Luck", {}]]), "a policy 'Luck'"),
        (lambda file: file["run"].update(policy=[["DISQ", {"references": "x"}]]), "wrong settings of DISQ"),
        (lambda file: file["run"].update(optimizer="adam"), "optimizer is 'adam'"),
        (lambda file: file.update(evaluator={}), "cannot take up the state"),
        (lambda file: file["run"].update(terms=[["ZZ", 1.0]]), "3 groups and the Hamiltonian 1"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, edit, words):
    path = tmp_path / "run.json"
    train(Bowl(), checkpoint=path)
    change(path, edit)
    with pytest.raises(DriftError, match=words):
        resume(path, evaluator=Bowl())


def test_what_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.json"
    with pytest.raises(DriftError, match="no file"):
        resume(path, evaluator=Bowl())
    for text in ("", "{", "[]", '{"format": "qpilot-program", "version": 1}', "\x00"):
        path.write_text(text)
        with pytest.raises(DriftError, match=r"is no file of qpilot\.disq, or is damaged"):
            resume(path, evaluator=Bowl())
    train(Bowl()).history.save(path)
    with pytest.raises(DriftError, match="run"):
        resume(path, evaluator=Bowl())


def test_a_state_that_is_no_json_is_refused(tmp_path):
    class Odd(Bowl):
        def state(self):
            return {"rng": self.rng}

    with pytest.raises(DriftError, match="cannot be written as JSON") as caught:
        train(Odd(), checkpoint=tmp_path / "run.json")
    assert caught.value.history is not None


def test_a_folder_that_is_missing_is_told(tmp_path):
    with pytest.raises(DriftError, match="cannot be written"):
        train(Bowl(), checkpoint=tmp_path / "none" / "run.json")


KILLED = """
import sys, time
from tests.disq.bowl import Bowl, train
from qpilot.disq import DISQ

class Slow(Bowl):
    def run(self, points, groups, shots):
        time.sleep(0.002)
        return super().run(points, groups, shots)

train(Slow(drift=0.2), policy=DISQ(), maxiter=120, checkpoint=sys.argv[1])
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(4))
def test_a_run_killed_at_a_random_moment_goes_on(tmp_path, moment):
    path = tmp_path / "run.json"
    whole = train(Bowl(drift=0.2), policy=DISQ(), maxiter=120)
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], cwd=root, env=os.environ | {"PYTHONPATH": "."}
    )
    try:
        deadline = time.monotonic() + 60
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(random.Random(moment).uniform(0, 0.6))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert_same(resume(path, evaluator=Bowl(drift=0.2, seed=99)), whole)
