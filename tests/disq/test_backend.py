"""The drifting sampler and backend: what Qiskit code gets from them, and that it is what the fast engine computes."""

import json
import sys

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ClassicalRegister, Parameter, QuantumRegister
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.quantum_info import SparsePauliOp

from qpilot.arch.errors import DriftError
from qpilot.disq.backend import DriftingBackend, DriftingSampler, noise_model
from qpilot.disq.engine import FastEngine
from qpilot.disq.groups import Groups
from qpilot.disq.jobs import SamplerEvaluator
from qpilot.disq.noise import Durations, Static
from qpilot.disq.processes import Bursts, CoherentBursts, OrnsteinUhlenbeck, PublishedInjection, Telegraph

NOISY = Static(t1_us=20.0, error_1q=5e-3, error_2q=3e-2, readout_error=0.04)
GROUPS = Groups.of(SparsePauliOp.from_list([("IZZ", -1.0), ("ZZI", 0.7), ("XIX", 0.4), ("IXI", -0.3), ("YYI", 0.25)]))


def flip(size=1):
    """Return a circuit that measures |1> on its first qubit."""
    circuit = QuantumCircuit(size)
    circuit.x(0)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize(
    "process",
    [
        NOISY,
        NOISY + PublishedInjection(((0, 5, 0.6),), attenuate_constant=False),
        # A burst that has begun and does not end, so that both engines have the same offsets if their seeds agree.
        NOISY + CoherentBursts(rate_per_s=1e9, duration_s=1e9, offset_rad=0.5),
    ],
)
def test_sampler_and_fast_engine_agree(process):
    ansatz = real_amplitudes(3, reps=2, entanglement="circular")
    point = np.random.default_rng(0).uniform(-3, 3, (1, ansatz.num_parameters))
    requests = np.repeat(point, len(GROUPS), axis=0), np.arange(len(GROUPS)), np.full(len(GROUPS), 60_000)
    slow, slow_variances = SamplerEvaluator(ansatz, GROUPS, DriftingSampler(process, 3, seed=8)).run(*requests)
    fast, fast_variances = FastEngine(ansatz, GROUPS, process, seed=8).run(*requests)
    assert np.abs(slow - fast).max() < 4.5 * np.sqrt(slow_variances + fast_variances).max()
    assert slow_variances == pytest.approx(fast_variances, rel=0.05)


def test_sampler_returns_the_registers_and_shapes_asked_for():
    qubits, left, right = QuantumRegister(3), ClassicalRegister(2, "left"), ClassicalRegister(9, "right")
    circuit = QuantumCircuit(qubits, left, right)
    angle = Parameter("angle")
    circuit.rx(angle, 0)
    circuit.x(1)
    circuit.measure(qubits[0], left[1])
    circuit.measure(qubits[1], right[8])
    sampler = DriftingSampler(Static.ideal(), 4, seed=1)
    angles = np.array([[0.0, np.pi, 0.0], [np.pi, np.pi, 0.0]])
    job = sampler.run([(circuit, angles[..., None]), (flip(), None, 7), circuit.assign_parameters([0.0])], shots=50)
    several, one, last = job.result()
    assert several.data.left.shape == (2, 3)
    assert several.data.left.num_shots == 50
    assert several.metadata["shots"] == 50
    for place in np.ndindex(2, 3):
        assert several.data.left.get_counts(place) == {"10" if angles[place] else "00": 50}
        assert several.data.right.get_counts(place) == {"100000000": 50}
    assert one.data.meas.get_counts() == {"1": 7}
    assert last.data.left.get_counts() == {"00": 50}


def test_circuits_of_a_job_have_shot_noise_of_their_own():
    circuit = QuantumCircuit(6)
    circuit.h(range(6))
    circuit.measure_all()
    result = DriftingSampler(Static(), 6, seed=1).run([circuit] * 3, shots=200).result()
    counts = [pub.data.meas.get_counts() for pub in result]
    assert counts[0] != counts[1] != counts[2] != counts[0]


def test_noise_drifts_from_circuit_to_circuit():
    process = Static.ideal() + Bursts(rate_per_s=0.2, duration_s=5.0, depth=1.0)
    durations = Durations(circuit_s=1.0)
    results = DriftingSampler(process, 1, seed=2, durations=durations).run([flip()] * 40, shots=400).result()
    ones = np.array([pub.data.meas.get_counts().get("1", 0) for pub in results])
    quiet, lost = ones == 400, np.abs(ones - 200) < 60
    assert (quiet | lost).all()
    assert quiet.any()
    assert lost.any()


def test_only_measured_bits_become_random():
    circuit = QuantumCircuit(1, 3)
    circuit.measure(0, 1)
    process = Static.ideal() + PublishedInjection(((0, 1, 0.0),))
    counts = DriftingBackend(process, 1, seed=2).run(circuit, shots=500).result().get_counts()
    assert counts.keys() == {"000", "010"}


def test_a_seed_fixes_everything_and_a_restored_sampler_has_the_same_future():
    process = NOISY + Telegraph(good_s=3.0, bad_s=2.0) + CoherentBursts(rate_per_s=0.2)
    circuit = real_amplitudes(2, reps=1).assign_parameters([0.3, 1.0, 2.0, -1.0])
    circuit.measure_all()

    def run(sampler, jobs):
        return [
            [pub.data.meas.array.tolist() for pub in sampler.run([circuit] * 2, shots=60).result()] for _ in range(jobs)
        ]

    samplers = [DriftingSampler(process, 2, seed=seed) for seed in (1, 1, 2)]
    first = [run(sampler, 3) for sampler in samplers]
    assert first[0] == first[1] != first[2]
    samplers[2].restore(json.loads(json.dumps(samplers[0].state())))
    for sampler in (samplers[0], samplers[2]):
        sampler.wait(4.0)
    assert run(samplers[0], 4) == run(samplers[2], 4)
    with pytest.raises(DriftError, match="not one of this machine"):
        samplers[0].restore({})


def test_backend_serves_transpile_and_the_primitives_of_qiskit():
    backend = DriftingBackend(Static.ideal() + OrnsteinUhlenbeck(), 3, seed=5)
    circuit = transpile(flip(3), backend)
    job = backend.run([circuit, circuit], shots=30, memory=True)
    assert job.result().get_counts(1) == {"001": 30}
    assert job.result().get_memory(0) == ["001"] * 30
    assert backend.run(circuit).result().get_counts() == {"001": 1024}
    sampled = BackendSamplerV2(backend=backend).run([circuit], shots=20).result()[0]
    assert sampled.data.meas.get_counts() == {"001": 20}
    bare = transpile(QuantumCircuit(3), backend)
    bare.x(0)
    values = BackendEstimatorV2(backend=backend).run([(bare, ["IIZ", "IZI"])]).result()[0].data.evs
    assert values == pytest.approx([-1, 1])


def test_backend_transpiles_what_it_does_not_know():
    backend = DriftingBackend(Static.ideal(), 3, seed=5)
    circuit = QuantumCircuit(3)
    circuit.x([0, 1])
    circuit.ccx(0, 1, 2)
    circuit.measure_all()
    with pytest.raises(DriftError, match="holds 'ccx'; transpile it to id x"):
        backend.run(circuit)
    assert backend.run(transpile(circuit, backend)).result().get_counts() == {"111": 1024}


def test_noise_models_are_rounded_by_one_per_cent_and_kept():
    gates, durations = [("cx", (0, 1)), ("ry", (1,))], Durations()
    machines = [Static(t1_us=t1_us).noise(1, 2) for t1_us in (100.0, 100.2, 110.0)]
    first, near, far = (noise_model(machine, durations, gates) for machine in machines)
    assert first is near
    assert first is not far


@pytest.mark.parametrize(
    ("circuit", "words"),
    [
        (QuantumCircuit(4, name="wide"), "'wide' has 4 qubits and the machine 3"),
        (real_amplitudes(2, name="free"), "'free' has free parameters"),
    ],
)
def test_circuits_that_cannot_run_are_refused_and_take_no_time(circuit, words):
    backend = DriftingBackend(NOISY, 3, seed=5)
    before = backend.state()
    with pytest.raises(DriftError, match=words):
        backend.run(circuit)
    assert backend.state() == before


def test_unknown_options_are_refused():
    with pytest.raises(DriftError, match="no option 'shot'; the options are shots and memory"):
        DriftingBackend(NOISY, 3, seed=5).run(flip(), shot=3)


def test_without_aer_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "qiskit_aer", None)
    with pytest.raises(DriftError, match=r"pip install 'qpilot\[sim\]'"):
        DriftingSampler(NOISY, 2, seed=1)
