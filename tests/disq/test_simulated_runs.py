"""The loop on the engines: training works, and a run that stopped resumes as if it had not."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import real_amplitudes

from qpilot.disq import (
    DISQ,
    CoherentBursts,
    DriftingSampler,
    Durations,
    EnergyMonitor,
    FastEngine,
    GradientClip,
    Groups,
    OrnsteinUhlenbeck,
    Static,
    Telegraph,
    minimize,
    resume,
    tfim,
)

HAMILTONIAN = tfim(3)
GROUPS = Groups.of(HAMILTONIAN)
ANSATZ = real_amplitudes(3, reps=1)
START = np.linspace(-0.4, 0.5, 6)
PROCESS = (
    Static()
    + Telegraph(good_s=60.0, bad_s=20.0)
    + OrnsteinUhlenbeck(correlation_s=50.0)
    + CoherentBursts(rate_per_s=0.05, duration_s=20.0)
)


def engine(seed=5):
    return FastEngine(ANSATZ, GROUPS, PROCESS, seed=seed, durations=Durations(circuit_s=0.5, job_gap_s=3.0))


class KilledError(Exception):
    pass


def kill_after(attempts):
    seen = []

    def callback(record):
        seen.append(record)
        if len(seen) == attempts:
            raise KilledError

    return callback


@pytest.mark.parametrize("attempts", [1, 4, 11])
def test_a_killed_run_on_the_fast_engine_resumes_bit_for_bit(tmp_path, attempts):
    options = {"policy": DISQ(references=2), "maxiter": 12, "shots": 200, "seed": 3}
    whole = minimize(ANSATZ, HAMILTONIAN, START, evaluator=engine(), **options)
    path = tmp_path / "run.json"
    with pytest.raises(KilledError):
        minimize(
            ANSATZ, HAMILTONIAN, START, evaluator=engine(), checkpoint=path, callback=kill_after(attempts), **options
        )
    again = resume(path, evaluator=engine())
    assert np.array_equal(again.x, whole.x)
    assert again.fun == whole.fun
    assert again.circuits == whole.circuits


def test_a_killed_run_on_the_sampler_resumes_bit_for_bit(tmp_path):
    options = {"policy": GradientClip(), "maxiter": 3, "shots": 50, "seed": 3}
    whole = minimize(ANSATZ, HAMILTONIAN, START, sampler=DriftingSampler(PROCESS, 3, seed=2), **options)
    path = tmp_path / "run.json"
    stopped = DriftingSampler(PROCESS, 3, seed=2)
    with pytest.raises(KilledError):
        minimize(ANSATZ, HAMILTONIAN, START, sampler=stopped, checkpoint=path, callback=kill_after(2), **options)
    again = resume(path, sampler=DriftingSampler(PROCESS, 3, seed=2))
    assert np.array_equal(again.x, whole.x)
    assert again.fun == whole.fun


def test_another_seed_gives_another_run():
    runs = [minimize(ANSATZ, HAMILTONIAN, START, evaluator=engine(seed), maxiter=3, seed=3) for seed in (1, 1, 2)]
    assert np.array_equal(runs[0].x, runs[1].x)
    assert not np.array_equal(runs[0].x, runs[2].x)


def test_the_energy_monitor_is_quiet_where_few_parameters_make_pairs_differ():
    hamiltonian = tfim(4)
    angles = ParameterVector("t", 4)
    ansatz = QuantumCircuit(4)
    ansatz.h(range(4))
    for layer in range(2):
        for qubit in range(3):
            ansatz.rzz(-2 * angles[2 * layer], qubit, qubit + 1)
        ansatz.rx(-2 * angles[2 * layer + 1], range(4))
    machine = FastEngine(ansatz, Groups.of(hamiltonian), Static(), seed=0)
    start = np.random.default_rng(0).uniform(0.1, 0.5, 4)
    result = minimize(ansatz, hamiltonian, start, evaluator=machine, policy=EnergyMonitor(), maxiter=200, seed=0)
    assert result.skips <= 4
