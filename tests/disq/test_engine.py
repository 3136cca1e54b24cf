"""The fast engine against exact statevectors, against Aer with a noise model made here, and against theory."""

import json

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import efficient_su2, real_amplitudes
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, amplitude_damping_error, depolarizing_error

from qpilot.arch.errors import DriftError
from qpilot.disq.channels import depolarising_probability, kron, relaxation, transfer_matrices
from qpilot.disq.engine import FastEngine
from qpilot.disq.groups import Groups
from qpilot.disq.noise import Durations, Static
from qpilot.disq.processes import Bursts, CoherentBursts, OrnsteinUhlenbeck, PublishedInjection, Telegraph

HAMILTONIAN = SparsePauliOp.from_list(
    [("III", 0.5), ("IZZ", -1.0), ("ZZI", 0.7), ("XIX", 0.4), ("IXI", -0.3), ("YYI", 0.25), ("IIY", 0.1)]
)
GROUPS = Groups.of(HAMILTONIAN)


def every_kind_of_gate():
    """Return an ansatz on three qubits with bound and free gates of many kinds, and angles that are expressions."""
    x = ParameterVector("x", 4)
    y = Parameter("y")
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.sx(1)
    circuit.u(x[0], 0.3, x[1], 2)
    circuit.r(x[2], y, 0)
    circuit.rzz(2 * x[0] - 1, 0, 2)
    circuit.barrier()
    circuit.crx(x[1] * x[2], 2, 1)
    circuit.rxx(x[3], 1, 0)
    circuit.p(y, 1)
    circuit.ecr(2, 0)
    circuit.ryy(-x[3] / 2, 2, 1)
    circuit.rx(np.pi / 5, 0)
    circuit.unitary(np.array([[0, 1j], [1j, 0]]), [1])
    circuit.cx(0, 2)
    circuit.cx(2, 0)
    circuit.ry(x[2].sin() + y, 2)
    circuit.rz(x[3], 0)
    return circuit


def random_points(ansatz, count, seed=1):
    return np.random.default_rng(seed).uniform(-3, 3, (count, ansatz.num_parameters))


def all_requests(engine, points):
    groups = np.tile(np.arange(engine.num_groups), len(points))
    return np.repeat(points, engine.num_groups, axis=0), groups


def layered():
    """Return an ansatz of gates that Aer knows, on pairs in both orders and not only neighbours."""
    x = ParameterVector("x", 6)
    circuit = QuantumCircuit(3)
    for qubit in range(3):
        circuit.h(qubit)
        circuit.u(x[qubit], 0.4, x[5], qubit)
    circuit.cx(0, 2)
    circuit.rzz(x[3], 2, 1)
    circuit.r(x[4], 0.2, 0)
    circuit.cz(1, 0)
    circuit.sx(1)
    circuit.ecr(0, 1)
    circuit.rx(2 * x[5], 2)
    circuit.cx(2, 0)
    circuit.ry(x[0], 0)
    circuit.rz(x[1], 1)
    circuit.p(x[2], 2)
    return circuit


def aer_distribution(circuit, noise, durations):
    """Return the distribution of the outcomes as Aer finds it, with depolarising noise and amplitude damping of Aer."""
    model = NoiseModel()
    damping = {
        time_us: [amplitude_damping_error(1 - np.exp(-time_us / t1_us)) for t1_us in noise.t1_us[0]]
        for time_us in (durations.gate_1q_us, durations.gate_2q_us)
    }
    for qubit, error in enumerate(noise.error_1q[0]):
        channel = depolarizing_error(2 * error, 1).compose(damping[durations.gate_1q_us][qubit])
        model.add_quantum_error(channel, ["h", "sdg", "sx", "rx", "ry", "rz", "p", "u", "r"], [qubit])
    for first in range(circuit.num_qubits):
        for second in set(range(circuit.num_qubits)) - {first}:
            both = damping[durations.gate_2q_us][second].tensor(damping[durations.gate_2q_us][first])
            channel = depolarizing_error(4 / 3 * noise.error_2q[0, [first, second]].mean(), 2).compose(both)
            model.add_quantum_error(channel, ["cx", "cz", "ecr", "rzz"], [first, second])
    circuit = circuit.copy()
    circuit.save_density_matrix()
    run = AerSimulator(method="density_matrix").run(circuit, noise_model=model)
    distribution = np.real(np.diag(run.result().data()["density_matrix"]))
    distribution = distribution.reshape((2,) * circuit.num_qubits)
    for qubit, wrong in enumerate(noise.readout_error[0]):
        flips = np.array([[1 - wrong, wrong], [wrong, 1 - wrong]])
        axis = circuit.num_qubits - 1 - qubit
        distribution = np.moveaxis(np.tensordot(flips, distribution, (1, axis)), 0, axis)
    factor = noise.energy_factor[0]
    return factor * distribution.ravel() + (1 - factor) / distribution.size


def measured(ansatz, point, basis, offsets):
    """Return the circuit of a request, with rotations that turn too far."""
    circuit = ansatz.copy_empty_like()
    for item in ansatz.assign_parameters(point).data:
        gate = item.operation
        if gate.name in ("rx", "ry", "rz", "p", "u", "r"):
            qubit = ansatz.find_bit(item.qubits[0]).index
            gate = type(gate)(gate.params[0] + offsets[qubit], *gate.params[1:])
        circuit.append(gate, item.qubits)
    for qubit, letter in enumerate(reversed(basis)):
        if letter == "Y":
            circuit.sdg(qubit)
        if letter in "XY":
            circuit.h(qubit)
    return circuit


def test_distributions_agree_with_aer():
    ansatz, durations = layered(), Durations(gate_1q_us=0.1, gate_2q_us=0.7)
    process = Static(30.0, 4e-3, 3e-2, 0.03) + OrnsteinUhlenbeck() + CoherentBursts(rate_per_s=9.0) + Bursts(9.0)
    engine = FastEngine(ansatz, GROUPS, process, seed=4, durations=durations)
    noise = engine._drift.next_job(len(GROUPS))
    assert noise.angle_offset_rad.any()
    assert noise.energy_factor.min() < 1
    points, groups = all_requests(engine, random_points(ansatz, 1))
    found = engine.probabilities(points, groups, noise)
    for index, basis in enumerate(GROUPS.bases):
        now = noise.rows(slice(index, index + 1))
        circuit = measured(ansatz, points[index], basis, now.angle_offset_rad[0])
        assert found[index] == pytest.approx(aer_distribution(circuit, now, durations), abs=1e-9)
    assert {"X", "Y", "Z"} <= set("".join(GROUPS.bases))


@pytest.mark.parametrize("ansatz", [every_kind_of_gate(), layered(), efficient_su2(3), QuantumCircuit(3)])
def test_energies_without_noise_agree_with_statevectors(ansatz):
    if not ansatz.num_parameters:
        ansatz.ry(Parameter("only"), 1)
    engine = FastEngine(ansatz, GROUPS, Static(), seed=1)
    points = random_points(ansatz, 5)
    exact = [Statevector(ansatz.assign_parameters(point)).expectation_value(HAMILTONIAN).real for point in points]
    assert engine.energies(points) == pytest.approx(exact, abs=1e-12)


def test_a_qubit_without_pairs_and_one_qubit_alone():
    x = Parameter("x")
    ansatz = QuantumCircuit(1)
    ansatz.ry(x, 0)
    groups = Groups.of(SparsePauliOp(["Z", "X"], [1.0, 2.0]))
    angles = np.linspace(-3, 3, 7)[:, None]
    energies = FastEngine(ansatz, groups, Static(), seed=1).energies(angles)
    assert energies == pytest.approx(np.cos(angles[:, 0]) + 2 * np.sin(angles[:, 0]), abs=1e-12)


def test_chunks_do_not_matter(monkeypatch):
    ansatz = real_amplitudes(3, reps=2)
    process = Telegraph(good_s=3.0, bad_s=2.0) + Bursts()
    points = random_points(ansatz, 11)[[0, 1, 2, 0, 0, 3, 4, 5, 6, 7, 8, 9, 10, 2]]
    groups = np.arange(len(points)) % len(GROUPS)
    engine = FastEngine(ansatz, GROUPS, process, seed=3)
    noise = engine._drift.next_job(len(points))
    whole = engine.probabilities(points, groups, noise)
    monkeypatch.setattr("qpilot.disq.engine.CHUNK_BYTES", 8 * 64 * 3)
    assert engine.probabilities(points, groups, noise) == pytest.approx(whole, abs=1e-14)


def test_means_and_variances_of_samples_follow_theory():
    ansatz = real_amplitudes(3, reps=1)
    engine = FastEngine(ansatz, GROUPS, Static(20.0, 1e-3, 1e-2, 0.02), seed=5)
    point, shots, repeats = random_points(ansatz, 1), 400, 3000
    noise = Static(20.0, 1e-3, 1e-2, 0.02).noise(1, 3)
    for group in range(len(GROUPS)):
        requests = np.repeat(point, repeats, axis=0), np.full(repeats, group), np.full(repeats, shots)
        means, variances = engine.run(*requests)
        distribution = engine.probabilities(point, np.array([group]), noise)[0]
        values = engine._reading.values[group]
        mean = distribution @ values
        variance = distribution @ (values - mean) ** 2 / shots
        assert means.mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / repeats))
        assert means.var() == pytest.approx(variance, rel=4 * np.sqrt(2 / repeats))
        assert variances.mean() == pytest.approx(variance, rel=0.02)


def test_a_common_attenuation_scales_all_energies_alike():
    ansatz = real_amplitudes(3, reps=1)
    window = ((0, 5, 0.5),)
    points, groups = random_points(ansatz, 4), np.zeros(4, dtype=int)
    plain = FastEngine(ansatz, GROUPS, Static(), seed=5)
    weak = FastEngine(ansatz, GROUPS, Static() + PublishedInjection(window), seed=5)
    exact = plain.probabilities(points, groups, plain._drift.next_job(4)) @ plain._reading.values[0]
    halved = weak.probabilities(points, groups, weak._drift.next_job(4)) @ weak._reading.values[0]
    assert halved == pytest.approx(exact / 2, abs=1e-12)


def test_the_constant_shrinks_only_where_asked_and_once_per_energy():
    ansatz = real_amplitudes(3, reps=1)
    groups = Groups.of(HAMILTONIAN + SparsePauliOp("III", 100.0))
    point = random_points(ansatz, 1)
    requests = all_requests(FastEngine(ansatz, groups, Static(), seed=5), point)
    for attenuate, constant in ((True, 50.25), (False, 100.5)):
        injection = PublishedInjection(((0, 1, 0.5),), attenuate_constant=attenuate)
        engine = FastEngine(ansatz, groups, Static.ideal() + injection, seed=5)
        means, _ = engine.run(*requests, np.full(len(groups), 10**7))
        wanted = constant + (engine.energies(point)[0] - 100.5) / 2
        assert means.sum() + groups.constant == pytest.approx(wanted, abs=0.01)


def test_the_same_seed_gives_the_same_jobs_and_a_restored_engine_the_same_future():
    ansatz = real_amplitudes(3, reps=1)
    process = Static() + Telegraph(good_s=4.0, bad_s=2.0) + OrnsteinUhlenbeck() + CoherentBursts(rate_per_s=0.2)
    points = random_points(ansatz, 6)
    requests = points, np.arange(6) % len(GROUPS), np.full(6, 100)
    engines = [FastEngine(ansatz, GROUPS, process, seed=seed) for seed in (1, 1, 2)]
    first = [np.array([engine.run(*requests) for _ in range(5)]) for engine in engines]
    assert np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], first[2])
    engines[2].restore(json.loads(json.dumps(engines[0].state())))
    engines[0].wait(30.0)
    engines[2].wait(30.0)
    future = [np.array([engine.run(*requests) for _ in range(20)]) for engine in (engines[0], engines[2])]
    assert np.array_equal(*future)


def test_one_shot_has_no_variance():
    ansatz = real_amplitudes(3, reps=1)
    engine = FastEngine(ansatz, GROUPS, Static(), seed=5)
    means, variances = engine.run(random_points(ansatz, 2), np.array([0, 1]), np.array([1, 2]))
    assert np.isfinite(means).all()
    assert np.isnan(variances).tolist() == [True, False]


def test_channels_are_those_of_the_textbook():
    bell = transfer_matrices(np.array([[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]], dtype=complex))
    assert np.abs(bell).sum() == pytest.approx(16)  # CX maps Paulis to Paulis
    assert relaxation(np.array([np.inf]), 1.0)[0] == pytest.approx(np.eye(4))
    decayed = relaxation(np.array([2.0]), 1.0)[0] @ [1, 0, 0, -1]  # from |1>
    assert decayed[3] == pytest.approx(1 - 2 * np.exp(-0.5))
    left, right = np.arange(4.0).reshape(1, 2, 2), np.arange(4.0, 8.0).reshape(1, 2, 2)
    assert np.array_equal(kron(left, right)[0], np.kron(left[0], right[0]))
    assert depolarising_probability(np.array([0.75]), 2) == pytest.approx([1.0])


def test_what_cannot_be_simulated_is_refused_in_one_sentence():
    ansatz = QuantumCircuit(3)
    ansatz.ccx(0, 1, 2)
    ansatz.ry(Parameter("x"), 0)
    with pytest.raises(DriftError, match="holds 'ccx' on 3 qubits"):
        FastEngine(ansatz, GROUPS, Static(), seed=1)
    ansatz = QuantumCircuit(3)
    ansatz.ry(Parameter("x"), 0)
    ansatz.reset(0)
    with pytest.raises(DriftError, match="holds 'reset' on 1 qubits"):
        FastEngine(ansatz, GROUPS, Static(), seed=1)
    with pytest.raises(DriftError, match="at most 12"):
        FastEngine(real_amplitudes(13), Groups.of(SparsePauliOp("Z" * 13)), Static(), seed=1)
    with pytest.raises(DriftError, match="must be a process"):
        FastEngine(real_amplitudes(3), GROUPS, 0.3, seed=1)


@pytest.mark.parametrize(
    ("points", "groups", "shots", "words"),
    [
        (np.zeros((2, 5)), [0, 0], [1, 1], "has 6 parameters"),
        (np.zeros((2, 6)), [0], [1, 1], "2 points, 1 groups and 2 numbers"),
        (np.full((1, 6), np.nan), [0], [1], "not finite"),
        (np.zeros((1, 6)), [-1], [1], "numbered from 0"),
        (np.zeros((1, 6)), [9], [1], "numbered from 0"),
        (np.zeros((1, 6)), [0], [0], "at least 1"),
    ],
)
def test_requests_that_make_no_sense_are_refused(points, groups, shots, words):
    engine = FastEngine(real_amplitudes(3, reps=1), GROUPS, Static(), seed=1)
    with pytest.raises(DriftError, match=words):
        engine.run(points, np.array(groups), np.array(shots))


@pytest.mark.parametrize("state", [{}, {"shots": {}}, {"shots": {"bit_generator": "PCG64"}}])
def test_the_state_of_something_else_is_refused(state):
    with pytest.raises(DriftError):
        FastEngine(real_amplitudes(3, reps=1), GROUPS, Static(), seed=1).restore(state)
