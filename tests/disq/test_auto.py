"""What `policy="auto"` comes to."""

import numpy as np
import pytest
from scipy.optimize import minimize as scipy_minimize

from qpilot.arch.errors import DriftError
from qpilot.disq import DISQ, EnergyMonitor, as_minimizer, estimate_cost, resume
from qpilot.disq.checkpoint import load_checkpoint, policy_from

from .bowl import HAMILTONIAN, Bowl, BreaksAt, train, without_times

AUTO = EnergyMonitor()


class Jumps(Bowl):
    """A bowl whose energies jump up for three jobs, unless somebody waits."""

    def __init__(self, first, **options):
        super().__init__(**options)
        self.high = range(first, first + 3)
        self.waited_s = 0.0

    def exact(self, points, groups):
        return super().exact(points, groups) + (5.0 if len(self.jobs) in self.high else 0.0)

    def wait(self, seconds):
        self.waited_s += seconds
        self.high = range(0)


def test_auto_is_a_monitor_with_spsa():
    auto, same, other = (
        without_times(train(Jumps(20), policy=policy, maxiter=30).history) for policy in ("auto", AUTO, None)
    )
    assert auto == same != other


def test_auto_waits_where_the_energy_jumps_and_takes_no_circuits_else():
    quiet, jumpy = Jumps(10**6), Jumps(30)
    results = [train(evaluator, policy="auto", maxiter=40) for evaluator in (quiet, jumpy)]
    assert [evaluator.waited_s for evaluator in (quiet, jumpy)] == [0.0, 20.0]
    assert [result.skips for result in results] == [0, 1]
    pair = 2 * 3
    assert [result.circuits for result in results] == [(25 + 40) * pair, (25 + 40 + 1) * pair]


@pytest.mark.parametrize("optimizer", ["nft", "cobyla"])
def test_auto_is_nothing_with_other_optimizers(optimizer):
    runs = [train(policy=policy, optimizer=optimizer) for policy in ("auto", None)]
    assert without_times(runs[0].history) == without_times(runs[1].history)


def test_a_checkpoint_holds_what_auto_came_to(tmp_path):
    whole = train(policy="auto", maxiter=12)
    for given in (None, "auto"):
        path = tmp_path / f"{given}.json"
        with pytest.raises(DriftError, match="out of atoms"):
            train(BreaksAt(9), policy="auto", maxiter=12, checkpoint=path)
        assert policy_from(load_checkpoint(path).run.policy) == AUTO
        again = resume(path, evaluator=Bowl(), policy=given)
        assert np.array_equal(again.x, whole.x)


def test_the_cost_of_auto_is_that_of_a_plain_training():
    assert estimate_cost(HAMILTONIAN, "auto", 50) == estimate_cost(HAMILTONIAN, None, 50)
    with pytest.raises(DriftError, match="policy is 'automatic'"):
        estimate_cost(HAMILTONIAN, "automatic", 50)
    with pytest.raises(DriftError, match="policy is"):
        estimate_cost(HAMILTONIAN, DISQ, 50)


def test_auto_in_scipy():
    method = as_minimizer("auto", seed=1)
    assert scipy_minimize(lambda x: (x**2).sum(), [1.0, -1.0], method=method, options={"maxiter": 30}).fun < 0.1
