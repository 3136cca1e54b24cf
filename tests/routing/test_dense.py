"""Where a circuit is cut: the parts are the circuit, and diagonal blocks come out whole."""

import math
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator

import qpilot
from qpilot.arch import FPQA
from qpilot.frontend import lower
from qpilot.routing.blocks import GateBlock
from qpilot.routing.dense import cut, largest_block
from qpilot.routing.front import Front
from tests.strategies import block_circuit, blocks

DEVICE = FPQA.for_qubits(20)


def all_of_two_or_more(gates):
    """Take any gates that may run at the same time, if they are two or more."""
    return GateBlock(0, tuple(gates), (), ()) if len(gates) > 1 else None


def run(block):
    """Run a block by its bookkeeping, whatever is ready, and return the gates of each step."""
    front = Front(block)
    front.advance(range(block.num_qubits))
    steps = []
    while front.remaining:
        ready = list(front.ready)
        assert ready, "a barrier holds all"
        steps.append([block.gates[k] for k in ready])
        for k in ready:
            front.complete(k)
        front.advance(range(block.num_qubits))
    return steps


def random_then_qaoa(num_qubits, seed):
    """Random CZ gates with one-qubit gates between, then a QAOA layer; and the graph of the layer."""
    rng = np.random.default_rng(seed)
    graph = nx.random_regular_graph(3, num_qubits, seed=seed)
    circuit = QuantumCircuit(num_qubits)
    for _ in range(2 * num_qubits):
        a, b = rng.choice(num_qubits, size=2, replace=False).tolist()
        circuit.cz(a, b)
        circuit.h([a, b])
    for a, b in graph.edges:
        circuit.rzz(0.3, a, b)
    return circuit, graph


@settings(max_examples=150, deadline=None)
@given(blocks(max_qubits=5, max_steps=20))
def test_parts_are_the_circuit(block):
    parts = cut(block, all_of_two_or_more)
    assert sum(len(part.gates) for part, _ in parts) == len(block.gates)
    assert Operator(block_circuit(*(part for part, _ in parts))).equiv(Operator(block_circuit(block)))
    for part, choice in parts:
        steps = run(part)
        if choice:
            assert len(steps) == 1
            assert len(steps[0]) == len(choice.gates)


@settings(max_examples=60, deadline=None)
@given(blocks(max_qubits=5, max_steps=14))
def test_the_first_choice_is_a_largest_antichain(block):
    """By trial of all sets of gates: a set is one if no gate must come before another."""
    seen = []
    cut(block, lambda gates: seen.append(len(gates)))
    if not block.gates:
        assert seen == []
        return
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(block.gates)))
    ends = [{gate.a: gate.segment_a, gate.b: gate.segment_b} for gate in block.gates]
    held = {(q, s): fence for fence in block.fences for q, s in fence}
    for j, k in combinations(range(len(ends)), 2):
        for first, second in ((j, k), (k, j)):
            passed = [fence for (q, s), fence in held.items() if q in ends[second] and ends[second][q] >= s]
            if any(ends[first][q] < ends[second][q] for q in ends[first].keys() & ends[second].keys()) or any(
                ends[first].get(q, math.inf) < s for fence in passed for q, s in fence
            ):
                graph.add_edge(first, second)
    assert nx.is_directed_acyclic_graph(graph)
    assert seen == [max(map(len, nx.antichains(graph)))]


@pytest.mark.parametrize("seed", range(3))
def test_a_qaoa_layer_behind_other_gates_is_one_block(seed):
    circuit, graph = random_then_qaoa(20, seed)
    found = largest_block(lower(circuit).block, DEVICE)
    assert found is not None
    assert {frozenset(pair[:2]) for pair in found.pairs} >= {frozenset(edge) for edge in graph.edges}


def test_cutting_pays():
    circuit, _ = random_then_qaoa(20, 0)
    program = qpilot.compile(circuit)
    assert [block.kind for block in program.routing.blocks] == ["gates", "diagonal"]
    assert program.depth < qpilot.compile(circuit, router="generic").depth


def test_random_gates_are_one_stretch():
    rng = np.random.default_rng(0)
    circuit = QuantumCircuit(30)
    for _ in range(100):
        a, b = rng.choice(30, size=2, replace=False).tolist()
        circuit.u(*rng.uniform(-3, 3, 3), a)
        circuit.rzz(float(rng.uniform(-3, 3)), a, b)
    assert largest_block(lower(circuit).block, DEVICE) is None
