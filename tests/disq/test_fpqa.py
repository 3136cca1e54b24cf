"""Energies of compiled programs: without noise those of the circuit, with noise those of Qiskit Aer on all atoms."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import PauliEvolutionGate, efficient_su2, real_amplitudes
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import depolarizing_error, pauli_error

import qpilot
from qpilot.arch.cost import instruction_times_us
from qpilot.arch.errors import DriftError
from qpilot.arch.program import Raman, Release, Rydberg
from qpilot.disq import (
    DISQ,
    Bursts,
    CoherentBursts,
    FPQAEvaluator,
    Groups,
    OrnsteinUhlenbeck,
    PublishedInjection,
    Static,
    Telegraph,
    minimize,
    resume,
    tfim,
)
from qpilot.disq.atoms import Drop, Grow, make_plan

MIXED = SparsePauliOp(["XYZ", "ZZI", "XIX", "YYY", "III"], [0.7, -0.4, 0.5, 1.0, 0.25])
NOISY = Static(t1_us=3000.0, error_1q=0.01, error_2q=0.03, readout_error=0.03)


def ising(num_qubits, layers):
    theta = ParameterVector("theta", 2 * layers)
    circuit = QuantumCircuit(num_qubits)
    circuit.h(range(num_qubits))
    for layer in range(layers):
        for qubit in range(num_qubits - 1):
            circuit.rzz(-2 * theta[2 * layer], qubit, qubit + 1)
        circuit.rx(-2 * theta[2 * layer + 1], range(num_qubits))
    return circuit


def strings(num_qubits, labels):
    circuit = QuantumCircuit(num_qubits)
    circuit.h(range(num_qubits - 1))
    circuit.ry(0.4, num_qubits - 1)
    evolution = PauliEvolutionGate(SparsePauliOp(labels, [0.7, 0.6][: len(labels)]), time=Parameter("t"))
    circuit.append(evolution, range(num_qubits))
    return circuit


@pytest.fixture
def in_cats(monkeypatch):
    """Let strings be run in cats of ancillas, though gates would do better on few qubits."""
    from qpilot import paulis

    ways = paulis._ways
    monkeypatch.setattr(paulis, "_ways", lambda *arguments: ways(*arguments)[:1])


def exact(circuit, hamiltonian, points):
    """Energies of the circuit itself."""
    bound = (circuit.assign_parameters(point).decompose("PauliEvolution") for point in points)
    return [Statevector(each).expectation_value(hamiltonian).real for each in bound]


CASES = {
    "ising": (ising(4, 2), tfim(4), {}),
    "ising, controlled phases": (ising(4, 2), tfim(4), {"device": qpilot.FPQA.for_qubits(4).replace(native="cphase")}),
    "real amplitudes": (real_amplitudes(4, reps=2), tfim(4), {"objective": "num_2q"}),
    "two parameters a qubit": (efficient_su2(3, reps=2), MIXED, {"router": "generic"}),
    "as published": (efficient_su2(3, reps=1), MIXED, {"strategy": "paper"}),
    "strings": (strings(3, ["XYZ", "ZXX"]), MIXED, {}),
    "strings one by one": (strings(3, ["XYZ", "ZXX"]), MIXED, {"strategy": "paper"}),
}


@pytest.mark.parametrize(("circuit", "hamiltonian", "options"), CASES.values(), ids=CASES)
def test_energies_without_noise_are_those_of_the_circuit(circuit, hamiltonian, options):
    template = qpilot.compile_template(circuit, **options)
    machine = FPQAEvaluator(template, Groups.of(hamiltonian), Static.ideal(), seed=1)
    points = np.random.default_rng(2).uniform(-3, 3, (4, circuit.num_parameters))
    points[3] = np.pi / 2
    np.testing.assert_allclose(machine.energies(points), exact(circuit, hamiltonian, points), atol=1e-9)


def test_cats_of_ancillas_get_registers(in_cats):
    circuit = strings(3, ["XYZ", "ZYX"])
    template = qpilot.compile_template(circuit)
    plan = make_plan(template)
    assert any(isinstance(step, Grow) for step in plan.steps)
    assert plan.most_registers < template.program.num_atoms
    assert all(isinstance(step, Drop) is False or step.register < plan.most_registers for step in plan.steps)
    machine = FPQAEvaluator(template, Groups.of(MIXED), Static.ideal(), seed=1)
    np.testing.assert_allclose(machine.energies([[0.8]]), exact(circuit, MIXED, [[0.8]]), atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(["h", "x", "rx", "rz", "cx", "cz", "rzz", "crx"]), min_size=1, max_size=12), st.data())
def test_energies_of_random_circuits(kinds, data):
    circuit, angle = QuantumCircuit(3), Parameter("a")
    circuit.ry(angle, 0)
    for kind in kinds:
        qubits = data.draw(st.permutations(range(3)))[: 1 if kind in ("h", "x", "rx", "rz") else 2]
        angles = [data.draw(st.sampled_from([angle, 2 * angle + 0.3, 0.7]))] if kind[0] == "r" or kind == "crx" else []
        getattr(circuit, kind)(*angles, *qubits)
    template = qpilot.compile_template(circuit)
    machine = FPQAEvaluator(template, Groups.of(MIXED), Static.ideal(), seed=1)
    points = [[0.0], [data.draw(st.floats(-3, 3))]]
    np.testing.assert_allclose(machine.energies(points), exact(circuit, MIXED, points), atol=1e-9)


# --- against Aer, which simulates every atom --------------------------------------------------------------------------


class Referee:
    """A program as a circuit of all its atoms, with an Aer error wherever the documentation says there is one."""

    def __init__(self, program, noise):
        self.program, self.noise = program, noise
        self.circuit = QuantumCircuit(program.num_atoms)
        self.bright = [atom < program.num_qubits for atom in range(program.num_atoms)]
        self.waited_us = [0.0] * program.num_atoms

    def error(self, error, *atoms):
        self.circuit.append(error.to_instruction(), atoms)

    def wait(self, atom):
        flip = (1 - math.exp(-self.waited_us[atom] / self.noise.t1_us[0, atom])) / 2
        self.error(pauli_error([("Z", flip), ("I", 1 - flip)]), atom)
        self.waited_us[atom] = 0.0

    def gate(self, atom, theta, phi, lam):
        self.wait(atom)
        self.bright[atom] = True
        offset = self.noise.angle_offset_rad[0, atom] if theta else 0.0
        on_data = atom < self.program.num_qubits
        self.circuit.u(theta + offset * on_data, phi, lam, atom)
        self.error(depolarizing_error(2 * self.noise.error_1q[0, atom], 1), atom)
        if not on_data:
            flip = math.sin(offset / 2) ** 2
            self.error(pauli_error([("X" if abs(math.sin(phi)) > 0.7 else "Y", flip), ("I", 1 - flip)]), atom)

    def pulse(self, op):
        fidelity, error_2q = self.program.device.fidelity, self.noise.error_2q[0]
        for k, (a, b) in enumerate(op.pairs):
            self.circuit.cp(op.angles[k] if op.angles else math.pi, a, b)
        for a, b in op.pairs:
            self.error(depolarizing_error(4 / 3 * (error_2q[a] + error_2q[b]) / 2, 2), a, b)
        idle = set(range(self.program.num_atoms)) - {atom for pair in op.pairs for atom in pair}
        for atom in idle:
            if self.bright[atom]:
                ratio = (1 - fidelity.idle_rydberg) / (1 - fidelity.cz)
                self.error(depolarizing_error(2 * ratio * error_2q[atom], 1), atom)

    def probabilities(self, basis):
        """Distribution of outcomes of the data qubits in a basis."""
        program = self.program
        for op, time_us in zip(program.instructions, instruction_times_us(program), strict=True):
            busy = set()
            if isinstance(op, Raman):
                busy = set(op.atoms)
                for atom, angles in zip(op.atoms, op.angles, strict=True):
                    self.gate(atom, *angles)
            elif isinstance(op, Rydberg):
                busy = {atom for pair in op.pairs for atom in pair}
                self.pulse(op)
            elif isinstance(op, Release):
                for atom in op.atoms:
                    self.circuit.reset(atom)
                    self.bright[atom], self.waited_us[atom] = False, 0.0
            for atom in range(program.num_atoms):
                self.waited_us[atom] += time_us * (self.bright[atom] and atom not in busy)
        for qubit, letter in enumerate(reversed(basis)):
            self.wait(qubit)
            if letter != "Z":
                self.gate(qubit, math.pi / 2, 0.0, math.pi if letter == "X" else math.pi / 2)
        self.circuit.save_density_matrix(range(program.num_qubits))
        state = AerSimulator(method="density_matrix").run(self.circuit).result().data()["density_matrix"]
        found = state.probabilities()
        for qubit in range(program.num_qubits):
            wrong = self.noise.readout_error[0, qubit]
            found = (1 - wrong) * found + wrong * found[np.arange(len(found)) ^ 1 << qubit]
        return found


def assert_agrees_with_aer(circuit, group, offset_rad, shots, **options):
    """Assert that counts of one group come from the distribution that Aer finds, to 4.5 standard deviations."""
    template = qpilot.compile_template(circuit, **options)
    groups = Groups.of(MIXED)
    machine = FPQAEvaluator(template, groups, NOISY, seed=3)
    noise = NOISY.noise(1, template.program.num_atoms)
    noise = replace(noise, angle_offset_rad=noise.angle_offset_rad + offset_rad)
    point = np.linspace(0.4, 0.9, circuit.num_parameters)[None]
    counts = machine.counts(point, np.array([group]), np.array([shots]), noise)[0]
    program, basis = template.bind(point[0]), groups.bases[group]
    expected = Referee(program, noise).probabilities(basis)
    quiet = Referee(program, Static.ideal().noise(1, program.num_atoms)).probabilities(basis)
    tolerance = 4.5 * np.sqrt(expected * (1 - expected) / shots)
    assert (np.abs(counts / shots - expected) < tolerance).all()
    assert (np.abs(quiet - expected) > tolerance).any()  # the noise is seen
    assert counts.sum() == shots


@pytest.mark.parametrize("offset_rad", [0.0, 0.4])
@pytest.mark.parametrize("group", [1, 2, 3])
def test_static_noise_agrees_with_aer(group, offset_rad):
    assert_agrees_with_aer(ising(3, 2), group, offset_rad, 20_000)


def test_the_noise_of_a_device_is_that_of_its_noisy_circuits():
    """The same machine as for `qpilot.noisy_circuit`, which has its errors from the device alone."""
    fidelity = qpilot.Fidelity(cz=0.97, raman=0.995, idle_rydberg=0.98, t2_us=2e3)
    device = qpilot.FPQA.for_qubits(3).replace(fidelity=fidelity)
    template = qpilot.compile_template(ising(3, 2), device)
    groups, shots, point = Groups.of(tfim(3)), 20_000, np.array([[0.5, 0.7, 0.3, 0.9]])
    process = Static.of_device(device, readout_error=0.0)
    evaluator = FPQAEvaluator(template, groups, process, seed=3)
    in_z = groups.bases.index("ZZZ")
    noise = process.noise(1, template.program.num_atoms)
    counts = evaluator.counts(point, np.array([in_z]), np.array([shots]), noise)[0]
    circuit = qpilot.noisy_circuit(template.bind(point[0]))
    circuit.save_density_matrix(range(3))
    state = AerSimulator(method="density_matrix").run(circuit).result().data()["density_matrix"]
    expected = state.probabilities()
    assert (np.abs(counts / shots - expected) < 4.5 * np.sqrt(expected * (1 - expected) / shots)).all()


def test_bits_are_read_wrong_as_often_as_the_device_says():
    device = qpilot.FPQA.for_qubits(3)
    assert Static.of_device(device).readout_error == 0.005
    reads = device.replace(fidelity=qpilot.Fidelity(measure=0.98))
    assert Static.of_device(reads).readout_error == pytest.approx(0.02)
    assert Static.of_device(reads, readout_error=0.0).readout_error == 0


def test_static_noise_agrees_with_aer_on_flying_qubits():
    assert_agrees_with_aer(real_amplitudes(3, reps=2), 1, 0.4, 20_000)


def test_static_noise_agrees_with_aer_on_controlled_phases():
    device = qpilot.FPQA.for_qubits(3).replace(native="cphase")
    assert_agrees_with_aer(ising(3, 1), 1, 0.0, 20_000, device=device)


@pytest.mark.parametrize("offset_rad", [0.0, 0.4])
def test_static_noise_agrees_with_aer_on_cats(in_cats, offset_rad):
    assert_agrees_with_aer(strings(3, ["XYZ"]), 2, offset_rad, 20_000)


# --- jobs -------------------------------------------------------------------------------------------------------------

TEMPLATE = qpilot.compile_template(ising(3, 1))
GROUPS = Groups.of(tfim(3))
DRIFTING = Static.of_device(TEMPLATE.program.device) + OrnsteinUhlenbeck(correlation_s=30.0)


def machine(process=DRIFTING, seed=5, **options):
    return FPQAEvaluator(TEMPLATE, GROUPS, process, seed=seed, **options)


def job(evaluator, count=2, shots=200):
    points = np.linspace(0.1, 1.0, 2 * count).reshape(count, 2)
    requests = np.repeat(points, len(GROUPS), axis=0)
    groups = np.tile(np.arange(len(GROUPS)), count)
    return evaluator.run(requests, groups, np.full(len(groups), shots))


def test_a_job_gives_means_with_their_variances():
    quiet = machine(Static.ideal())
    means, variances = job(quiet, shots=20_000)
    points = np.linspace(0.1, 1.0, 4).reshape(2, 2)
    expected = quiet.energies(points)
    assert variances.shape == means.shape == (2 * len(GROUPS),)
    found, spread = means.reshape(2, -1).sum(axis=1), np.sqrt(variances.reshape(2, -1).sum(axis=1))
    assert (np.abs(found - expected) < 4.5 * spread).all()
    assert (spread < 0.03).all()


def test_equal_seeds_give_equal_jobs_and_others_do_not():
    one, same, other = job(machine()), job(machine()), job(machine(seed=6))
    np.testing.assert_array_equal(one, same)
    assert (one[0] != other[0]).any()


PROCESSES = {
    "static": Static.of_device(TEMPLATE.program.device),
    "wandering": DRIFTING,
    "telegraph": DRIFTING + Telegraph(bad_factor=0.01, good_s=10.0, bad_s=10.0),
    "bursts": DRIFTING + Bursts(rate_per_s=0.1) + CoherentBursts(rate_per_s=0.1),
}


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
def test_a_state_that_is_taken_up_goes_on_as_before(process):
    evaluator = machine(process)
    job(evaluator)
    state = evaluator.state()
    expected = [job(evaluator) for _ in range(3)]
    again = machine(process, seed=99)
    again.restore(state)
    np.testing.assert_array_equal([job(again) for _ in range(3)], expected)


def test_exact_energies_take_nothing_from_the_stream_of_the_shots(in_cats):
    template = qpilot.compile_template(strings(3, ["XYZ"]))
    one, other = (FPQAEvaluator(template, Groups.of(MIXED), NOISY, seed=2) for _ in range(2))
    one.energies([[0.3]])
    request = np.array([[0.3]]), np.array([0]), np.array([500])
    assert one.run(*request) == other.run(*request)


def test_the_state_of_something_else_is_refused():
    for state in ({}, {"shots": machine().state()["shots"], "drift": {}}):
        with pytest.raises(DriftError, match=r"state .* not one of this"):
            machine().restore(state)


def test_drift_sees_the_clock_of_the_machine():
    evaluator = machine(shot_gap_us=1000.0, job_gap_s=2.0)
    program = TEMPLATE.program
    job(evaluator, count=1, shots=100)
    shot_us = program.metrics.duration_us + program.device.timing.raman_us + 1000.0
    assert evaluator.state()["drift"]["time_s"] == pytest.approx(100e-6 * len(GROUPS) * shot_us + 2.0)
    evaluator.wait(10.0)
    assert evaluator.state()["drift"]["time_s"] == pytest.approx(100e-6 * len(GROUPS) * shot_us + 12.0)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Static.ideal(), Static(math.inf, 0.0, 0.05, 0.0)),
        (Static.ideal(), Static(math.inf, 0.05, 0.0, 0.0)),
        (Static.ideal(), Static(1000.0, 0.0, 0.0, 0.0)),
        (Static.ideal(), Static(math.inf, 0.0, 0.0, 0.2)),
    ],
    ids=["pairs", "gates", "waiting", "reading"],
)
def test_each_kind_of_error_costs_energy(better, worse):
    """At parameters near the ground state noise of any kind raises the energy."""
    point = minimize(None, tfim(3), [0.3, 0.3], evaluator=machine(Static.ideal()), maxiter=25, seed=1).x
    low, high = (
        machine(process).run(np.tile(point, (2, 1)), np.array([0, 1]), np.array([4000, 4000]))[0].sum()
        for process in (better, worse)
    )
    assert high > low + 0.1


def test_what_shrinks_the_energy_shrinks_it():
    plain = job(machine(Static.ideal()), shots=20_000)[0]
    injected = Static.ideal() + PublishedInjection(windows=((0, 1, 0.5),))
    assert job(machine(injected), shots=20_000)[0] == pytest.approx(0.5 * plain, abs=0.05)


def test_many_shots_are_simulated_in_parts(monkeypatch):
    from qpilot.disq import fpqa

    monkeypatch.setattr(fpqa, "CHUNK_BYTES", 16 * 8 * 70)
    means, variances = job(machine(Static.ideal()), shots=2000)
    whole = machine(Static.ideal()).energies(np.linspace(0.1, 1.0, 4).reshape(2, 2))
    found, spread = means.reshape(2, -1).sum(axis=1), np.sqrt(variances.reshape(2, -1).sum(axis=1))
    assert (np.abs(found - whole) < 4.5 * spread).all()


def test_a_training_goes_on_from_its_checkpoint(tmp_path):
    options = {"policy": DISQ(), "shots": 100, "seed": 3}
    whole = minimize(None, tfim(3), [0.2, 0.4], evaluator=machine(), maxiter=6, **options)
    path = tmp_path / "run.json"
    stops_early = minimize(
        None, tfim(3), [0.2, 0.4], evaluator=machine(), maxiter=6, checkpoint=path,
        callback=lambda record: record.iteration == 2, **options,
    )  # fmt: skip
    assert stops_early.nit < whole.nit
    again = resume(path, evaluator=machine(seed=77))
    np.testing.assert_array_equal(again.x, whole.x)
    assert again.circuits == whole.circuits


def measured():
    circuit = ising(3, 1)
    circuit.measure_all()
    return circuit


REFUSED = {
    "circuit": (lambda: FPQAEvaluator(ising(3, 1), GROUPS, DRIFTING, seed=1), "must be a Template"),
    "size": (lambda: FPQAEvaluator(TEMPLATE, Groups.of(tfim(4)), DRIFTING, seed=1), "3 qubits and the Hamiltonian 4"),
    "no parameters": (
        lambda: FPQAEvaluator(qpilot.compile_template(QuantumCircuit(3)), GROUPS, DRIFTING, seed=1),
        "no parameters",
    ),
    "measured": (
        lambda: FPQAEvaluator(qpilot.compile_template(measured()), GROUPS, DRIFTING, seed=1),
        "has classical bits",
    ),
    "too large": (
        lambda: FPQAEvaluator(qpilot.compile_template(ising(15, 1)), Groups.of(tfim(15)), DRIFTING, seed=1),
        "more than 14 simulated qubits",
    ),
    "process": (lambda: FPQAEvaluator(TEMPLATE, GROUPS, "noise", seed=1), "must be a process"),
    "seed": (lambda: machine(seed=-1), "seed is -1"),
    "gap": (lambda: machine(shot_gap_us=-1.0), "shot_gap_us is -1.0"),
    "point": (lambda: machine().run(np.zeros((1, 3)), np.array([0]), np.array([1])), "2 parameters"),
    "group": (lambda: machine().run(np.zeros((1, 2)), np.array([7]), np.array([1])), "numbered from 0 to 1"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_simulated_is_refused(call, message):
    with pytest.raises(DriftError, match=message) as error:
        call()
    assert str(error.value).endswith(".")
