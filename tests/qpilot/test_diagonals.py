"""Diagonal gates: kept whole, found in other spellings, compiled, and refused with a wrong angle."""

import math

import msgspec
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit.library import (
    CU1Gate,
    PauliEvolutionGate,
    QFTGate,
    get_standard_gate_name_mapping,
    qaoa_ansatz,
)
from qiskit.quantum_info import Operator, SparsePauliOp

import qpilot
from qpilot.arch import Raman
from qpilot.arch.errors import VerificationError
from qpilot.canonical import CanonicalForm
from qpilot.diagonals import gather
from qpilot.frontend import lower, read_circuit
from qpilot.testing import assert_same_circuit, statevector_fidelity
from tests.strategies import ANGLES, block_circuit

pytestmark = pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")  # in matrices of evolutions

KINDS = ("cp", "rzz", "crz", "cz", "cx-rz-cx", "cx-p-t-cx", "cz-u-cz", "evolution", "rx", "p", "u", "barrier")


@st.composite
def diagonal_circuits(draw, max_qubits=4, max_gates=10, barriers=True):
    """Circuits of gates diagonal in Z in many spellings, with other gates between."""
    n = draw(st.integers(2, max_qubits))
    circuit = QuantumCircuit(n, global_phase=draw(ANGLES))
    for kind in draw(st.lists(st.sampled_from(KINDS[: None if barriers else -1]), max_size=max_gates)):
        a, b = draw(st.permutations(range(n)))[:2]
        angle = draw(ANGLES)
        if kind in ("rx", "p"):
            getattr(circuit, kind)(angle, b)
        elif kind == "u":
            circuit.u(angle, draw(ANGLES), draw(ANGLES), b)
        elif kind == "barrier":
            circuit.barrier(draw(st.lists(st.integers(0, n - 1), min_size=1, unique=True)))
        elif kind == "cz":
            circuit.cz(a, b)
        elif kind in ("cp", "rzz", "crz"):
            getattr(circuit, kind)(angle, a, b)
        elif kind == "evolution":
            terms = [("ZZ", [a, b], 0.5), ("Z", [a], -1.0), ("ZZ", [b, a], 0.25), ("", [], 0.7)]
            circuit.append(PauliEvolutionGate(SparsePauliOp.from_sparse_list(terms, n), angle), range(n))
        else:
            spelled(circuit, kind, angle, a, b)
    return circuit


def spelled(circuit, kind, angle, a, b):
    if kind == "cz-u-cz":
        circuit.cz(a, b)
        circuit.u(angle, 0.3, 0.2, b)
        circuit.cz(a, b)
        return
    circuit.cx(a, b)
    circuit.rz(angle, b)
    if kind == "cx-p-t-cx":
        circuit.p(0.3, a)
        circuit.t(b)
    circuit.cx(a, b)


def pairs_of(circuit):
    """The gates of the block, as {(a, b, angle)}, and whether no qubit has a gate that is not diagonal."""
    block = lower(circuit).block
    return sorted((g.a, g.b, round(g.angle, 9)) for g in block.gates), all(len(o) == 1 for o in block.openings)


@pytest.mark.parametrize(
    ("name", "angle"),
    [("cp", 0.6), ("cu1", 0.6), ("crz", 0.6), ("rzz", -0.3), ("cs", None), ("csdg", None)],
)
def test_diagonal_gates_are_one_controlled_phase(name, angle):
    gate = get_standard_gate_name_mapping()[name]
    circuit = QuantumCircuit(2, global_phase=0.3)
    circuit.append(gate if angle is None else gate.base_class(angle), [1, 0])
    expected = {"cs": math.pi / 2, "csdg": -math.pi / 2}.get(name, 0.6)
    assert pairs_of(circuit) == ([(0, 1, round(expected, 9))], True)
    assert_exact(circuit)


def assert_exact(circuit):
    for keep_barriers in (True, False):
        lowered = lower(circuit, keep_barriers=keep_barriers)
        found = block_circuit(lowered.block, global_phase=lowered.form.global_phase)
        np.testing.assert_allclose(Operator(found).data, Operator(circuit).data, atol=1e-6)


@given(diagonal_circuits(max_gates=14))
@settings(deadline=None)
def test_lowering_is_exact(circuit):
    assert_exact(circuit)


@pytest.mark.parametrize("kind", ["cx-rz-cx", "cx-p-t-cx"])
@pytest.mark.parametrize("in_cz", [False, True])
def test_spelled_rotations_are_found(kind, in_cz):
    circuit = QuantumCircuit(3)
    for a, b in ((0, 1), (2, 1), (2, 0), (0, 2)):
        spelled(circuit, kind, 0.4, a, b)
    if in_cz:
        text = QuantumCircuit(3)
        for step in circuit.data:
            a, b = (*(circuit.find_bit(q).index for q in step.qubits), 0)[:2]
            if step.name == "cx":
                text.h(b)
                text.cz(a, b)
                text.h(b)
            else:
                text.append(step.operation, step.qubits)
        circuit = text
    angle = -0.8 if kind == "cx-rz-cx" else -0.8 - math.pi / 2
    twice = math.remainder(2 * angle, 2 * math.pi)
    assert pairs_of(circuit) == ([(0, 1, round(angle, 9)), (0, 2, round(twice, 9)), (1, 2, round(angle, 9))], True)
    assert_exact(circuit)


@pytest.mark.parametrize("reps", [1, 2, 3])
@pytest.mark.parametrize("spelling", ["rzz", "cx-rz-cx", "evolution", "ansatz"])
def test_qaoa_layers_are_one_link_for_each_edge(reps, spelling):
    """Also of vertices with one edge, and of disconnected parts."""
    edges = [(0, 1, 0.3), (1, 2, 1.0), (2, 0, -0.7), (2, 3, 0.2), (4, 5, 0.9)]
    cost = SparsePauliOp.from_sparse_list([("ZZ", [a, b], w) for a, b, w in edges] + [("Z", [3], 0.4)], 6)
    if spelling == "ansatz":
        ansatz = qaoa_ansatz(cost, reps=reps)
        circuit = ansatz.assign_parameters([0.3 + 0.1 * k for k in range(ansatz.num_parameters)])
    else:
        circuit = QuantumCircuit(6)
        circuit.h(range(6))
        for layer in range(reps):
            if spelling == "evolution":
                circuit.append(PauliEvolutionGate(cost, 0.3 + layer), range(6))
            else:
                for a, b, w in edges:
                    if spelling == "rzz":
                        circuit.rzz((0.3 + layer) * w, a, b)
                    else:
                        spelled(circuit, spelling, (0.3 + layer) * w, *((b, a) if a + b == 9 else (a, b)))
            circuit.rx(0.4 + 0.1 * layer, range(6))
    gates = lower(circuit).block.gates
    found = [(g.segment_a, g.a, g.b) for g in gates]
    first = min(found)[0]
    expected = sorted((first + layer, min(a, b), max(a, b)) for layer in range(reps) for a, b, _ in edges)
    if (
        spelling == "cx-rz-cx" and reps > 1
    ):  # an edge by itself is not told from two CZ gates in the middle of a circuit
        expected = [gate for gate in expected if gate[1:] != (4, 5)]
        found = [gate for gate in found if gate[1:] != (4, 5)]
    assert sorted(found) == expected


def test_repeated_pairs_are_merged():
    circuit = QuantumCircuit(2)
    circuit.rzz(0.3, 0, 1)
    circuit.t(0)
    circuit.cp(0.2, 1, 0)
    circuit.cz(0, 1)
    assert pairs_of(circuit) == ([(0, 1, round(math.pi - 0.4, 9))], True)
    circuit.rzz(-0.3, 1, 0)
    circuit.append(CU1Gate(-0.2), [1, 0])
    circuit.tdg(0)
    circuit.cz(1, 0)
    assert pairs_of(circuit) == ([], True)


def test_evolution_of_a_parity_of_three_stays_as_short():
    circuit = QuantumCircuit(3)
    circuit.append(PauliEvolutionGate(SparsePauliOp("ZZZ"), 0.3), range(3))
    assert sum(1 if gate.is_cz else 2 for gate in lower(circuit).block.gates) == 4
    assert_exact(circuit)


def test_x_gates_do_not_part_links():
    circuit = QuantumCircuit(3)
    for q in (0, 0, 1, 1, 2):
        circuit.rzz(0.3, q, (q + 1) % 3)
        circuit.x(q)
        circuit.cp(0.2, q, (q + 2) % 3)
    circuit.h(0)
    assert all(gate.segment_a == gate.segment_b == 0 for gate in lower(circuit).block.gates)
    assert_exact(circuit)


def test_nothing_is_gathered_across_a_barrier_of_the_target():
    for qubit, left in ((1, 2), (0, 2), (2, 1)):
        circuit = QuantumCircuit(3)
        circuit.cx(0, 1)
        circuit.barrier(qubit)
        circuit.rz(0.4, 1)
        circuit.cx(0, 1)
        assert len(lower(circuit).block.gates) == left
        assert len(lower(circuit, keep_barriers=False).block.gates) == left


@given(diagonal_circuits(max_gates=14))
@settings(deadline=None)
def test_gathering_never_costs_pulses(circuit):
    def cost(gathered):
        return sum(1 if gate.is_cz else 2 for gate in lower(circuit, gathered=gathered).block.gates)

    assert cost(True) <= cost(False)


def test_gathering_does_not_depend_on_the_order_of_commuting_gates():
    first, second = CanonicalForm(3), CanonicalForm(3)
    for form, others in ((first, (2, 0)), (second, (0, 2))):
        for q in others:
            form.cp(q, 1)
        form.u(1, 0.5, 0.1, 0.2)
        form.cp(0, 1)
        form.u(1, math.pi / 2, 0.0, math.pi)
    assert gather(first).difference(gather(second)) is None


def test_barriers_without_gates_between_are_passed_in_their_order():
    form = CanonicalForm(3000)
    for q in range(2999):
        form.barrier([q, q + 1])
    form.u(2999, 0.3, 0.2, 0.1)
    assert gather(form, keep_barriers=False).to_block().openings[2999] == (pytest.approx((0.3, 0.0, 0.1)),)


MOST_PULSES = {
    "ccx": 6, "ccz": 6, "cswap": 8, "c3sx": 20, "rcccx": 6, "rccx": 3, "swap": 3,
    "cx": 1, "cy": 1, "cz": 1, "ch": 1, "ecr": 1,
}  # fmt: skip
"""CZ gates that Qiskit spells its gates with; 2 for those that are not listed."""


@pytest.mark.parametrize(
    "gate",
    [gate for gate in get_standard_gate_name_mapping().values() if gate.num_qubits > 1 and gate.name != "delay"],
    ids=lambda gate: gate.name,
)
def test_no_gate_takes_more_pulses_than_in_cz_alone(gate):
    circuit = QuantumCircuit(gate.num_qubits)
    circuit.append(gate.base_class(*(0.3 + k for k in range(len(gate.params)))), range(gate.num_qubits))
    cost = sum(1 if link.is_cz else 2 for link in lower(circuit).block.gates)
    assert cost <= MOST_PULSES.get(gate.name, 2)


def test_fourier_transform_is_made_of_controlled_phases():
    circuit = QuantumCircuit(4)
    circuit.append(QFTGate(4), range(4))
    assert len(lower(circuit).block.gates) == 6 + 2 * 3


# --- compiled --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"objective": "depth"}, {"strategy": "paper"}])
@given(diagonal_circuits(max_qubits=5, max_gates=8))
@settings(max_examples=25, deadline=None)
def test_compiled_circuits_are_right(options, circuit):
    program = qpilot.compile(circuit, **options)
    assert_same_circuit(program, circuit)
    if program.num_atoms <= 8:
        assert statevector_fidelity(program, circuit, global_phase=True) == pytest.approx(1, abs=1e-6)


def weighted_qaoa(n, reps, seed=0):
    graph = nx.random_regular_graph(3, n, seed=seed)
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(n)
    circuit.h(range(n))
    for layer in range(reps):
        for a, b in graph.edges:
            circuit.rzz(float(rng.uniform(-2, 2)), a, b)
        circuit.rx(0.4 + layer, range(n))
    return circuit


@pytest.mark.parametrize("strategy", ["rounds", "paper"])
def test_weighted_qaoa_of_two_layers_matches_the_statevector(strategy):
    circuit = weighted_qaoa(6, 2)
    program = qpilot.compile(circuit, strategy=strategy)
    assert_same_circuit(program, circuit)
    assert program.num_atoms <= 24
    assert statevector_fidelity(program, circuit) == pytest.approx(1)


def test_wrong_angles_are_refused():
    circuit = QuantumCircuit(3)
    circuit.rzz(0.5, 0, 1)
    circuit.h(1)
    circuit.cp(0.7, 1, 2)
    program = qpilot.compile(circuit)
    spoilt = 0
    for k, step in enumerate(program.instructions):
        for j in range(len(step.atoms) if isinstance(step, Raman) else 0):
            theta, phi, lam = step.angles[j]
            if theta == math.pi / 2:
                continue
            angles = (*step.angles[:j], (theta + 1e-4, phi, lam), *step.angles[j + 1 :])
            instructions = [*program.instructions[:k], Raman(step.atoms, angles), *program.instructions[k + 1 :]]
            with pytest.raises(VerificationError):
                qpilot.verify(msgspec.structs.replace(program, instructions=tuple(instructions)), circuit)
            spoilt += 1
    assert spoilt >= 2
    for wrong in (0.5001, -0.5):
        other = QuantumCircuit(3)
        other.rzz(wrong, 0, 1)
        other.h(1)
        other.cp(0.7, 1, 2)
        with pytest.raises(VerificationError, match="computes another circuit"):
            qpilot.verify(program, other)


def test_spellings_verify_against_each_other():
    """A program of one spelling is accepted for the other: their canonical forms are the same."""
    spelt, plain = QuantumCircuit(2), QuantumCircuit(2)
    spelled(spelt, "cx-rz-cx", 0.3, 0, 1)
    plain.rzz(0.3, 0, 1)
    qpilot.verify(qpilot.compile(spelt), plain)
    qpilot.verify(qpilot.compile(plain), spelt)


def test_barriers_do_not_disturb_verification():
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1)
    circuit.barrier()
    circuit.rz(0.3, 1)
    circuit.cx(0, 1)
    spelled(circuit, "cx-rz-cx", 0.3, 1, 0)
    qpilot.verify(qpilot.compile(circuit), circuit)


def test_large_circuits_are_found_too():
    circuit = QuantumCircuit(100)
    for k in range(3400):
        spelled(circuit, "cx-rz-cx", 0.1 * k, k % 100, (k + 1 + k // 100) % 100)
    assert len(lower(read_circuit(circuit)).block.gates) < 3500
