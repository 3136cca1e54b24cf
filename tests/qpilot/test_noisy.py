"""Programs with errors: as many as the estimate counts, where it counts them, and none of them without noise."""

import math
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.quantum_info import DensityMatrix, Statevector, SuperOp, average_gate_fidelity, state_fidelity
from qiskit_aer import AerSimulator

import qpilot
from qpilot import FPQA, Fidelity, Lattice, Timing, noisy_circuit
from qpilot.arch import CircuitInfo, Move, Program, Raman, Release, RydbergPulse
from qpilot.benchmarks import generators
from qpilot.noisy import _dephasing, _depolarising

HADAMARD = (math.pi / 2, 0.0, math.pi)


def device(**constants):
    perfect = {"cz": 1.0, "raman": 1.0, "idle_rydberg": 1.0, "transfer": 1.0, "t2_us": 1e300}
    return FPQA(slm=Lattice(2, 3), fidelity=Fidelity(**(perfect | constants)))


def copied(machine):
    """A program that copies qubit 0 to an ancilla, flies it to qubit 1, and takes it back."""
    instructions = (
        Raman((0, 1), (HADAMARD, HADAMARD)),
        Move(0, (1.5,), (0.0,)),
        Raman((2,), (HADAMARD,)),
        RydbergPulse(((0, 2),)),
        Raman((2,), (HADAMARD,)),
        Move(0, (1.5,), (15.0,)),
        RydbergPulse(((2, 1),)),
        Move(0, (1.5,), (0.0,)),
        Raman((2,), (HADAMARD,)),
        RydbergPulse(((0, 2),)),
        Raman((2,), (HADAMARD,)),
        Release((2,)),
    )
    return Program(CircuitInfo("copied", 2), machine, ((0, 0), (0, 1)), ((0, 0, 0),), instructions)


def density_matrix(program):
    circuit = noisy_circuit(program)
    circuit.save_density_matrix(range(program.num_qubits))
    result = AerSimulator(method="density_matrix", max_parallel_threads=1).run(circuit).result()
    return DensityMatrix(result.data()["density_matrix"])


def errors_of(circuit):
    """Return how many errors have each average infidelity, and number of qubits."""
    return Counter(
        (round(1 - average_gate_fidelity(SuperOp(step.operation)), 12), len(step.qubits))
        for step in circuit.data
        if step.operation.name == "quantum_channel"
    )


@settings(max_examples=12)
@given(seed=st.integers(0, 2**31), size=st.integers(2, 5), gates=st.integers(1, 3))
def test_errors_are_those_that_the_estimate_counts(seed, size, gates):
    constants = Fidelity(cz=0.98, raman=0.995, idle_rydberg=0.99, t2_us=1e5)
    machine = FPQA(slm=Lattice(2, 3), fidelity=constants)
    program = qpilot.compile(generators.random_cz(size, gates, seed), machine)
    found = errors_of(noisy_circuit(program))
    metrics = program.metrics
    assert found.pop((0.02, 2), 0) == metrics.num_2q
    assert found.pop((0.005, 1), 0) == metrics.num_1q
    idle = round(math.log(metrics.fidelity.idle_excitation) / math.log(constants.idle_rydberg))
    assert found.pop((0.01, 1), 0) == idle
    # What is left is dephasing: all of it together is the time that atoms waited.
    waited_us = -1e5 * sum(count * math.log1p(-3 * infidelity) for (infidelity, _), count in found.items())
    assert 1 - waited_us / 1e5 == pytest.approx(metrics.fidelity.decoherence, abs=(waited_us / 1e5) ** 2 + 1e-9)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**31), size=st.integers(2, 5))
def test_without_noise_the_state_is_that_of_the_source(seed, size):
    source = generators.random_cz(size, 2, seed)
    program = qpilot.compile(source, FPQA(slm=Lattice(2, 3)))
    circuit = noisy_circuit(program, noise=False)
    assert set(circuit.count_ops()) <= {"u", "cz"}
    circuit.save_statevector()
    found = AerSimulator(method="statevector", max_parallel_threads=1).run(circuit).result().get_statevector()
    nowhere_else = np.zeros(2**circuit.num_qubits, dtype=complex)
    nowhere_else[: 2**size] = Statevector(source).data
    assert state_fidelity(found, Statevector(nowhere_else)) == pytest.approx(1, abs=1e-9)


def test_dephasing_follows_the_time_that_an_atom_waits():
    t2_us = 1000.0
    program = copied(device(t2_us=t2_us))
    rho = density_matrix(program)
    ideal = np.array([1, 1, 1, -1]) / 2
    # The ancilla and qubit 0 carry one state: both their waiting dephases it; qubit 1 waits alone.
    total_us = program.metrics.duration_us
    busy_0, busy_1, busy_a = 0.625 + 2 * 0.36, 0.625 + 0.36, 4 * 0.625 + 3 * 0.36
    waits = [total_us - busy_0, total_us - busy_1]
    ancilla_us = total_us - 0.625 - busy_a  # dark while the data atoms are driven first
    kept = [math.exp(-(waits[0] + ancilla_us) / t2_us), math.exp(-waits[1] / t2_us)]
    expected = math.prod((1 + one) / 2 for one in kept)
    assert np.real(ideal @ rho.data @ ideal) == pytest.approx(expected, rel=2e-3)


def test_measurements_and_resets_err_as_often_as_the_device_says():
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.reset(0)
    circuit.measure(0, 1)
    machine = device(measure=0.9, reset=0.8).replace(timing=Timing(measure_us=500.0, reset_us=20.0))
    run, shots = noisy_circuit(qpilot.compile(circuit, machine)), 4000
    counts = AerSimulator(seed_simulator=1).run(run, shots=shots).result().get_counts()
    ones = [sum(count for bits, count in counts.items() if bits[~clbit] == "1") for clbit in (0, 1)]
    for found, expected in zip(ones, (0.9, 0.2 * 0.9 + 0.8 * 0.1), strict=True):
        assert found / shots == pytest.approx(expected, abs=5 * math.sqrt(expected * (1 - expected) / shots))
    assert set(noisy_circuit(qpilot.compile(circuit, machine), noise=False).count_ops()) == {"u", "measure", "reset"}


def test_an_atom_waits_while_another_is_measured():
    circuit = QuantumCircuit(2, 1)
    circuit.h(0)
    circuit.measure(1, 0)
    circuit.barrier()
    circuit.h([0, 1])
    machine = device(t2_us=1000.0).replace(timing=Timing(raman_us=0.0, measure_us=500.0))
    rho = density_matrix(qpilot.compile(circuit, machine)).data
    assert np.real(rho[0, 0] + rho[2, 2]) == pytest.approx((1 + math.exp(-0.5)) / 2)


def test_every_ancilla_that_is_released_leaves_its_place():
    program = qpilot.compile(generators.random_cz(6, 3, 1), FPQA(slm=Lattice(2, 3)))
    live = most = 0
    bright = set()
    for op in program.instructions:
        if isinstance(op, Raman):
            bright |= {atom for atom in op.atoms if atom >= 6}
        elif isinstance(op, Release):
            bright -= set(op.atoms)
        live = len(bright)
        most = max(most, live)
    circuit = noisy_circuit(program)
    assert circuit.num_qubits == 6 + most
    assert [register.name for register in circuit.qregs] == ["q", "ancilla"]


@pytest.mark.parametrize("num_qubits", [1, 2])
def test_depolarising_has_the_average_infidelity(num_qubits):
    error = _depolarising(0.01, num_qubits)
    assert average_gate_fidelity(SuperOp(error)) == pytest.approx(0.99)
    assert _depolarising(0.0, num_qubits) is None
    assert sum(_depolarising(1.0, num_qubits).probabilities) == pytest.approx(1)  # a gate that always fails


def test_dephasing_shrinks_the_coherence():
    plus = DensityMatrix(np.full((2, 2), 0.5))
    assert plus.evolve(SuperOp(_dephasing(0.7))).data[0, 1] == pytest.approx(math.exp(-0.7) / 2)


def test_aer_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "qiskit_aer", None)
    _depolarising.cache_clear()
    with pytest.raises(ImportError, match=r"pip install 'qpilot\[aer\]'"):
        noisy_circuit(copied(device(cz=0.9)))
