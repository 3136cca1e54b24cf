"""Cutting a block into stretches: in order they are the block, and cost layers come out whole."""

import time

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit.library import QFTGate
from qiskit.quantum_info import Operator

from qpilot import qaoa_circuit
from qpilot.canonical import CanonicalForm
from qpilot.frontend import lower
from qpilot.routing.blocks import DiagonalBlock, Gate, GateBlock
from qpilot.routing.split import MIN_PAIRS, split_blocks
from tests.strategies import ANGLES, block_circuit


@st.composite
def forms(draw, max_qubits=6, max_layers=4, barriers=True):
    """Layers of controlled phases, dense or not, with one-qubit gates on some qubits between."""
    n = draw(st.integers(2, max_qubits))
    form = CanonicalForm(n)
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda pair: pair[0] != pair[1])
    for _ in range(draw(st.integers(0, max_layers))):
        for a, b in draw(st.lists(pairs, max_size=12)):
            form.cp(a, b, draw(ANGLES))
        for q in draw(st.sets(st.integers(0, n - 1))) or range(n):
            form.u(q, draw(ANGLES), draw(ANGLES), draw(ANGLES))
        if barriers and draw(st.booleans()):
            form.barrier(draw(st.lists(st.integers(0, n - 1), min_size=1, unique=True)))
    return form


def form_of(circuit):
    return lower(circuit, gathered=False).form


@given(forms())
@settings(max_examples=200, deadline=None)
def test_the_stretches_are_the_block(form):
    block = form.to_block()
    stretches = split_blocks(block)
    np.testing.assert_allclose(Operator(block_circuit(*stretches)).data, Operator(block_circuit(block)).data, atol=1e-6)
    assert form_of(block_circuit(*stretches)).difference(form_of(block_circuit(block))) is None


@given(forms(max_qubits=9, max_layers=6))
@settings(max_examples=200, deadline=None)
def test_stretches_are_well_formed(form):
    block = form.to_block()
    stretches = split_blocks(block)
    assert split_blocks(block) == stretches
    count = 0
    for stretch in stretches:
        if isinstance(stretch, DiagonalBlock):
            assert len(stretch.pairs) >= MIN_PAIRS
            assert len({pair[:2] for pair in stretch.pairs}) == len(stretch.pairs)
            assert all(a < b and angle for a, b, angle in stretch.pairs)
            count += len(stretch.pairs)
        else:
            count += len(stretch.gates)
            assert all(
                0 <= i < len(stretch.openings[q]) for a, i, b, j, _ in stretch.gates for q, i in ((a, i), (b, j))
            )
    assert count == len(block.gates)
    gate_blocks = [stretch for stretch in stretches if isinstance(stretch, GateBlock)]
    assert sum(len(stretch.fences) for stretch in gate_blocks) == len(block.fences)
    assert gate_blocks[-1].closings == block.closings


def kinds(circuit):
    return [
        ("D", len(stretch.pairs)) if isinstance(stretch, DiagonalBlock) else ("G", len(stretch.gates))
        for stretch in split_blocks(lower(circuit).block)
    ]


@pytest.mark.parametrize("layers", [1, 3])
def test_cost_layers_of_qaoa_come_out_whole(layers):
    graph = nx.gnp_random_graph(20, 0.15, seed=1)
    assert nx.number_connected_components(graph) > 1
    circuit = qaoa_circuit(graph, np.linspace(0.3, 0.5, layers), np.linspace(0.2, 0.4, layers))
    assert kinds(circuit) == [("G", 0), ("D", len(graph.edges))] * layers + [("G", 0)]


def test_a_cost_layer_waits_for_all_of_its_qubits():
    circuit = QuantumCircuit(6)
    circuit.h(0)
    for q in range(5):
        circuit.cx(q, q + 1)
    circuit.compose(qaoa_circuit(nx.octahedral_graph(), [0.3, 0.4], [0.1, 0.2]), inplace=True)
    assert kinds(circuit) == [("G", 5), ("D", 12), ("G", 0), ("D", 12), ("G", 0)]


def test_layers_beside_other_gates():
    """Ten qubits run QAOA; the gates of four others run before and between."""
    circuit = QuantumCircuit(14)
    circuit.compose(qaoa_circuit(nx.petersen_graph(), [0.3, 0.4], [0.1, 0.2]), range(10), inplace=True)
    for q in (10, 11, 12, 10, 11):
        circuit.cx(q, q + 1)
        circuit.ry(0.3, q)
    layers = [size for kind, size in kinds(circuit) if kind == "D"]
    assert len(layers) == 2
    assert all(15 <= size <= 17 for size in layers)  # what can wait runs along


@pytest.mark.parametrize("name", ["fourier transform", "star", "matching", "nothing"])
def test_what_suits_the_generic_router_is_left_whole(name):
    circuit = QuantumCircuit(8)
    if name == "fourier transform":
        circuit.append(QFTGate(8), range(8))
    elif name == "star":
        for q in range(1, 8):
            circuit.cz(0, q)
    elif name == "matching":
        for q in range(0, 8, 2):
            circuit.cp(0.3, q, q + 1)
    block = lower(circuit).block
    (stretch,) = split_blocks(block)
    assert stretch is block


def test_barriers_stay_between_the_layers():
    circuit = QuantumCircuit(4)
    for _ in range(2):
        for q in range(4):
            circuit.rzz(0.3, q, (q + 1) % 4)
        circuit.barrier()
    circuit.h(0)
    block = lower(circuit).block
    first, ring, between, again, last = split_blocks(block)
    assert ring == again
    assert isinstance(ring, DiagonalBlock)
    assert (len(first.fences), len(between.fences), len(last.fences)) == (0, 1, 1)
    assert between.fences == (((0, 1), (1, 1), (2, 1), (3, 1)),)


def test_gates_keep_their_angles():
    circuit = QuantumCircuit(4)
    circuit.cp(0.3, 0, 1)
    circuit.h([0, 1])
    for q in range(4):
        circuit.cp(0.1 * (q + 1), q, (q + 1) % 4)
    first, ring, _ = split_blocks(lower(circuit).block)
    assert first.gates == (Gate(0, 0, 1, 0, 0.3),)
    assert ring.pairs == ((0, 1, 0.1), (0, 3, 0.4), (1, 2, 0.2), (2, 3, pytest.approx(0.3)))


def test_large_blocks_are_cut_fast():
    graph = nx.random_regular_graph(3, 1000, seed=0)
    circuit = qaoa_circuit(graph, [0.1, 0.2, 0.3], [0.1, 0.2, 0.3])
    block = lower(circuit).block
    start = time.perf_counter()
    stretches = split_blocks(block)
    assert time.perf_counter() - start < 2  # 0.1 s when nothing else runs
    assert len(stretches) == 7
