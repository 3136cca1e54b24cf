"""Machines whose native gate is a controlled phase: right, legal, and fewer pulses."""

import math
from unittest import mock

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit

import qpilot
from qpilot import compiler
from qpilot.arch import AOD, FPQA, Lattice, Rydberg
from qpilot.arch import RydbergPulse as Pulse
from qpilot.testing import assert_same_circuit, stabilizer_equal, statevector_fidelity
from tests.qpilot.test_diagonal_blocks import diagonal_router
from tests.strategies import NATIVES, devices

EQUAL, INDIVIDUAL = NATIVES[1:]
PHASES = st.one_of(st.sampled_from([math.pi, 0.5, -1.2]), st.floats(-7, 7, allow_subnormal=False))


def machine(native, rows, cols, lines=(100, 100)):
    name, individual = native
    rydberg = Rydberg(individual_phases=individual)
    return FPQA(slm=Lattice(rows, cols), aods=(AOD(*lines),), rydberg=rydberg, native=name)


@st.composite
def diagonal_circuits(draw, max_qubits=6, max_gates=14):
    """Controlled phases, often of one angle for all, between layers of other gates."""
    n = draw(st.integers(2, max_qubits))
    circuit = QuantumCircuit(n, global_phase=draw(PHASES))
    shared = draw(st.none() | PHASES)
    for _ in range(draw(st.integers(1, 2))):
        for _ in range(draw(st.integers(0, max_gates))):
            a, b = draw(st.permutations(range(n)))[:2]
            name = draw(st.sampled_from(["rzz", "cp", "cz", "crz"]))
            angle = draw(PHASES) if shared is None else shared
            getattr(circuit, name)(*([] if name == "cz" else [angle]), a, b)
        circuit.rx(draw(PHASES), range(n))
    return circuit


def pulses_with_angles(program):
    return [op for op in program.instructions if isinstance(op, Pulse) and op.angles]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(diagonal_circuits(), devices(min_sites=6), st.sampled_from(["rounds", "paper"]), st.sampled_from([None, 1, 3]))
def test_diagonal_circuits_on_random_devices(circuit, device, strategy, fewest):
    with diagonal_router(fewest):
        program = qpilot.compile(circuit, device, strategy=strategy)
    assert_same_circuit(program, circuit)
    assert program.metrics.native == device.native
    if device.native == "cz":
        assert not pulses_with_angles(program)


@pytest.mark.parametrize("native", NATIVES)
@settings(max_examples=25, deadline=None)
@given(circuit=diagonal_circuits(max_qubits=5), strategy=st.sampled_from(["rounds", "paper"]))
def test_diagonal_circuits_have_their_states(native, circuit, strategy):
    """With one line for each row and column few atoms are needed, so every program is simulated."""
    n = circuit.num_qubits
    lines = 1, 1 if strategy == "paper" else n
    program = qpilot.compile(circuit, machine(native, 1, n, lines), strategy=strategy)
    assert program.num_atoms <= 10
    assert statevector_fidelity(program, circuit, global_phase=True) == pytest.approx(1)


def test_individual_phases_halve_the_pulses_of_a_layer():
    """With lines for one array of copies the stages are the same ones; two home pulses stay."""
    graph = nx.gnp_random_graph(24, 0.8, seed=0)
    circuit = qpilot.qaoa_circuit(graph, [0.4], [0.3])
    cz, individual = (
        qpilot.compile(circuit, machine(native, 3, 8, (3, 8)), placement="identity")
        for native in (NATIVES[0], INDIVIDUAL)
    )
    assert cz.depth - 2 == 2 * (individual.depth - 2)
    assert any(0.0 in op.angles for op in pulses_with_angles(individual)), "unwanted neighbours see nothing"


@pytest.mark.parametrize("degree", [3, 5])
def test_a_better_machine_needs_no_more_pulses(degree):
    graph = nx.random_regular_graph(degree, 20, seed=1)
    circuit = qpilot.qaoa_circuit(graph, [0.4], [0.3])
    depths = [qpilot.compile(circuit, machine(native, 4, 5)).depth for native in NATIVES]
    assert depths[0] >= depths[1] > depths[2]


@pytest.mark.parametrize("strategy", ["rounds", "paper"])
def test_gates_of_one_angle_take_one_pulse_in_the_generic_router(strategy):
    """A stage of equal angles is one pulse, as it is for CZ, between whose stages copies may come and go besides."""
    rng = np.random.default_rng(0)
    pairs = [rng.choice(16, size=2, replace=False).tolist() for _ in range(40)]
    depths = []
    for angle in (math.pi, 0.6):
        circuit = QuantumCircuit(16)
        for a, b in pairs:
            circuit.cp(angle, a, b)
            circuit.h(a)
        with mock.patch.object(compiler, "TRY_BOTH", 0):  # CZ . H . CZ is not taken as one gate
            program = qpilot.compile(circuit, machine(EQUAL, 4, 4), strategy=strategy, router="generic")
        assert_same_circuit(program, circuit)
        depths.append(program.depth)
    assert depths[0] <= depths[1] <= 1.25 * depths[0]
    assert len({angle for op in pulses_with_angles(program) for angle in op.angles}) == 1


def test_gates_of_two_angles_are_run_apart():
    """A stage of the angle that most gates have is preferred to an echo of all."""
    circuit = QuantumCircuit(16)
    for q in range(8):
        circuit.cp(0.5 if q else 0.9, q, q + 8)
    program = qpilot.compile(circuit, machine(EQUAL, 2, 8), placement="identity")
    assert_same_circuit(program, circuit)
    assert sorted(op.angles for op in pulses_with_angles(program)) == [(0.5,) * 7, (0.9,)]


@pytest.mark.parametrize("native", NATIVES)
def test_a_dense_block_with_clifford_angles_against_the_stabilizer_referee(native):
    pytest.importorskip("stim")
    circuit = QuantumCircuit(36)
    circuit.h(range(36))
    for a, b in nx.random_regular_graph(6, 36, seed=1).edges:
        circuit.rzz(math.pi / 2, a, b)
    circuit.rx(math.pi / 2, range(36))
    program = qpilot.compile(circuit, machine(native, 6, 6))
    assert stabilizer_equal(program, circuit)
    assert bool(pulses_with_angles(program)) == (native == INDIVIDUAL)
