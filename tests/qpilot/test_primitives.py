"""Qiskit's primitives on the simulated machine, beside Qiskit's ideal ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.library import efficient_su2, real_amplitudes
from qiskit.primitives import BackendEstimatorV2, StatevectorEstimator, StatevectorSampler
from qiskit.quantum_info import SparsePauliOp

import qpilot
from qpilot import disq, primitives
from qpilot.arch.errors import CircuitError, OptionError

DEVICE = qpilot.preset("enola", 2, 3)
A = Parameter("a")


def turned():
    """One qubit turned by a, and what it tells copied to another."""
    circuit = QuantumCircuit(2)
    circuit.ry(A, 0)
    circuit.cx(0, 1)
    return circuit


@settings(max_examples=8)
@given(st.integers(1, 4), st.integers(0, 10**6), st.sampled_from([(), (1,), (2, 3), (0,)]))
def test_samples_are_those_of_the_ideal_circuit(num_qubits, seed, shape):
    ansatz = efficient_su2(num_qubits, reps=1)
    ansatz.measure_all()
    points = np.random.default_rng(seed).uniform(-3, 3, (*shape, ansatz.num_parameters))
    sampler = qpilot.SamplerV2(DEVICE, seed=seed, noise=False)
    (found,) = sampler.run([(ansatz, points)], shots=2000).result()
    (ideal,) = StatevectorSampler(seed=seed).run([(ansatz, points)], shots=20000).result()
    assert found.data.shape == ideal.data.shape == shape
    assert found.data.meas.num_shots == 2000
    for index in np.ndindex(shape):
        mine, theirs = (data.meas[index].get_counts() for data in (found.data, ideal.data))
        distance = sum(abs(mine.get(key, 0) / 2000 - theirs.get(key, 0) / 20000) for key in mine | theirs) / 2
        assert distance < 0.08


def test_registers_keep_their_bits():
    qubits, first, second = QuantumRegister(3), ClassicalRegister(2, "first"), ClassicalRegister(1, "second")
    circuit = QuantumCircuit(qubits, first, second)
    circuit.x([0, 2])
    circuit.measure([2, 1, 0], [second[0], first[0], first[1]])
    bare = QuantumCircuit(2)
    bare.x(1)
    bare.measure_all()
    (one, other) = qpilot.SamplerV2(DEVICE, noise=False).run([(circuit, None, 7), bare], shots=5).result()
    assert one.data.first.get_counts() == {"10": 7}
    assert one.data.second.get_counts() == {"1": 7}
    assert other.data.meas.get_counts() == {"10": 5}
    assert one.metadata["shots"] == 7


def test_equal_seeds_give_equal_results_and_jobs_differ():
    circuit = turned()
    circuit.measure_all()

    def bits(seed):
        sampler = qpilot.SamplerV2(DEVICE, seed=seed, default_shots=200)
        jobs = [sampler.run([(circuit, [[1.1], [1.1]])]) for _ in range(2)]
        return [job.result()[0].data.meas.array for job in jobs]

    (one, two), (three, four) = bits(3), bits(3)
    np.testing.assert_array_equal(one, three)
    np.testing.assert_array_equal(two, four)
    assert (one != two).any()
    assert (one[0] != one[1]).any()


def test_a_circuit_is_routed_once(monkeypatch):
    calls = []

    def counted(*args, **options):
        calls.append(args)
        return qpilot.compile_template(*args, **options)

    monkeypatch.setattr(primitives, "compile_template", counted)
    monkeypatch.setattr(primitives, "KEPT", 2)
    circuit, noiseless = turned(), {"noise": False}
    estimator = qpilot.EstimatorV2(DEVICE, **noiseless)
    for value in (0.2, 0.4, 0.6):
        estimator.run([(circuit.copy(), ["ZZ", "IZ", "XX"], [[value]])], precision=0.1).result()
    assert len(calls) == 2  # one for each basis
    estimator.run([(circuit, "YY", [0.1]), (circuit, "ZZ", [0.1]), (circuit, "XX", [0.1])], precision=0.1).result()
    assert len(calls) > 3  # YY, and what was forgotten for it
    calls.clear()
    ready = transpile(circuit.assign_parameters([0.3]), qpilot.FPQABackend(DEVICE))
    ready.measure_all()
    qpilot.SamplerV2(DEVICE, **noiseless).run([ready]).result()
    assert len(calls) == 1
    ready = transpile(ready, qpilot.FPQABackend(DEVICE))  # carries its program now
    qpilot.SamplerV2(DEVICE, **noiseless).run([ready]).result()
    assert len(calls) == 1


def test_a_program_for_another_machine_is_not_run():
    circuit = turned().assign_parameters([0.4])
    circuit.measure_all()
    perfect = DEVICE.replace(fidelity=qpilot.Fidelity(cz=1.0, raman=1.0, idle_rydberg=1.0, t2_us=1e12))
    ready = transpile(circuit, qpilot.FPQABackend(DEVICE))
    assert qpilot.FPQABackend(perfect).program(ready).device == perfect
    (result,) = qpilot.SamplerV2(perfect, seed=1).run([ready], shots=4000).result()
    assert set(result.data.meas.get_counts()) == {"00", "11"}


@settings(max_examples=8)
@given(st.integers(1, 4), st.integers(0, 10**6))
def test_estimates_are_those_of_the_ideal_circuit(num_qubits, seed):
    rng = np.random.default_rng(seed)
    ansatz = real_amplitudes(num_qubits, reps=1)
    labels = ["".join(rng.choice(list("IXYZ"), num_qubits)) for _ in range(5)]
    observables = [SparsePauliOp(labels, rng.normal(size=5)), SparsePauliOp("I" * num_qubits, 1.5), labels[0]]
    points = rng.uniform(-3, 3, (2, 1, ansatz.num_parameters))
    estimator = qpilot.EstimatorV2(DEVICE, seed=seed, noise=False)
    (found,) = estimator.run([(ansatz, observables, points)], precision=1 / 40).result()
    (ideal,) = StatevectorEstimator().run([(ansatz, observables, points)]).result()
    assert found.data.evs.shape == found.data.stds.shape == (2, 3)
    assert (found.data.stds[:, 1] == 0).all()
    # Where an outcome is so rare that no shot shows it, the scatter is nothing.
    assert (abs(found.data.evs - ideal.data.evs) <= 6 * found.data.stds + 0.03).all()


def test_noise_is_that_of_the_backend():
    circuit = turned().assign_parameters([0.0])
    for _ in range(10):
        circuit.cx(0, 1)
        circuit.barrier()
    mine = qpilot.EstimatorV2(DEVICE, seed=1).run([(circuit, "ZZ")], precision=0.02).result()[0].data
    theirs = BackendEstimatorV2(backend=qpilot.FPQABackend(DEVICE), options={"seed_simulator": 1})
    other = theirs.run([(circuit, "ZZ")], precision=0.02).result()[0].data
    assert mine.evs < 0.98  # ten CZ gates of fidelity 0.995 and the moves between them
    assert mine.evs == pytest.approx(other.evs, abs=5 * np.hypot(mine.stds, other.stds))


def test_the_stds_are_standard_errors():
    estimator = qpilot.EstimatorV2(DEVICE, seed=5, noise=False, default_precision=0.1)
    runs = estimator.run([(turned(), SparsePauliOp(["ZI", "IZ"], [1.0, 1.0]), [[1.2]] * 300)]).result()[0].data
    assert runs.evs.std() == pytest.approx(runs.stds.mean(), rel=0.2)


def test_training_takes_them():
    ansatz, groups = real_amplitudes(2, reps=1), disq.tfim(2)
    for machine in (
        {"sampler": qpilot.SamplerV2(DEVICE, seed=1)},
        {"estimator": qpilot.EstimatorV2(DEVICE, seed=1)},
    ):
        result = disq.minimize(ansatz, groups, np.full(4, 0.3), maxiter=3, seed=1, shots=100, **machine)
        assert result.nit == 3


def test_bad_input_is_named():
    with pytest.raises(OptionError, match="router"):
        qpilot.SamplerV2(DEVICE, router="fast")
    with pytest.raises(OptionError, match="no option 'speed'; choose router, "):
        qpilot.SamplerV2(DEVICE, speed=3)
    with pytest.raises(OptionError, match="seed is -1"):
        qpilot.EstimatorV2(DEVICE, seed=-1)
    estimator = qpilot.EstimatorV2(DEVICE)
    measured = turned()
    measured.measure_all()
    with pytest.raises(CircuitError, match="classical bits; an estimator measures by itself"):
        estimator.run([(measured, "ZZ", [0.1])])
    with pytest.raises(CircuitError, match="The observable 0Z has projectors"):
        estimator.run([(turned(), {"0Z": 1.0}, [0.1])])
    with pytest.raises(OptionError, match="precision is 0; it must be above 0"):
        estimator.run([(turned(), "ZZ", [0.1])], precision=0)
    wide = QuantumCircuit(7)
    wide.measure_all()
    with pytest.raises(qpilot.DeviceError, match="7"):
        qpilot.SamplerV2(DEVICE).run([wide]).result()
