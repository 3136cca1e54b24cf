"""Circuits that the library makes."""

import math

import networkx as nx
import numpy as np
import pytest
from qiskit.quantum_info import Operator, Statevector

import qpilot
from qpilot import CircuitError, qaoa_circuit
from qpilot.frontend import lower
from qpilot.testing import assert_same_circuit


def weighted_graph():
    graph = nx.Graph()
    graph.add_nodes_from(["d", (1, 2), 7, "a"])
    graph.add_edge("a", "d", weight=2)
    graph.add_edge(7, (1, 2), weight=np.float64(-0.5))
    graph.add_edge("d", 7)
    return graph


def cut_operator(graph):
    """The sum of the weights of the edges that are cut, for each basis state; qubit 0 is the lowest bit."""
    n, index = len(graph), {node: q for q, node in enumerate(graph)}
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    return sum(w * (bits[:, index[a]] != bits[:, index[b]]) for a, b, w in graph.edges(data="weight", default=1))


def test_circuit_is_what_the_docstring_says():
    graph, gammas, betas = weighted_graph(), [0.4, -1.1], [0.3, 0.8]
    state = np.full(16, 0.25, dtype=complex)
    x = np.array([[0, 1], [1, 0]])
    for gamma, beta in zip(gammas, betas, strict=True):
        state = np.exp(-1j * gamma * cut_operator(graph)) * state
        mixer = math.cos(beta) * np.eye(2) - 1j * math.sin(beta) * x
        state = np.kron(np.kron(mixer, mixer), np.kron(mixer, mixer)) @ state
    np.testing.assert_allclose(Statevector(qaoa_circuit(graph, gammas, betas)).data, state, atol=1e-12)


def test_a_ring_is_cut_as_theory_says():
    """One layer at its best angles cuts three quarters of a ring."""
    graph = nx.cycle_graph(8)
    state = Statevector(qaoa_circuit(graph, [math.pi / 4], [math.pi / 8]))
    less, more = (
        float(state_of @ cut_operator(graph))
        for state_of in (
            state.probabilities(),
            Statevector(qaoa_circuit(graph, [-math.pi / 4], [math.pi / 8])).probabilities(),
        )
    )
    assert sorted((less, more)) == pytest.approx([2, 6])


def test_compiled():
    circuit = qaoa_circuit(weighted_graph(), [0.4, -1.1], [0.3, 0.8])
    assert_same_circuit(qpilot.compile(circuit), circuit)
    assert len(lower(circuit).block.gates) == 6


def test_no_layers_and_no_edges():
    graph = nx.empty_graph(2)
    assert Operator(qaoa_circuit(graph, [], [])) == Operator(qaoa_circuit(graph, [0.3], [0.0]))
    assert qaoa_circuit(graph, (0.3,), np.array([0.2])).name == "qaoa"


def loop():
    graph = nx.path_graph(3)
    graph.add_edge(2, 2)
    return graph


def weighing(weight):
    graph = nx.Graph()
    graph.add_edge("a", "b", weight=weight)
    return graph


@pytest.mark.parametrize(
    ("graph", "gammas", "betas", "message"),
    [
        (nx.Graph(), [0.1], [0.1], "The graph has no nodes"),
        (loop(), [0.1], [0.1], "an edge from node 2 to itself"),
        (nx.DiGraph([(0, 1)]), [0.1], [0.1], "directed or parallel"),
        (nx.MultiGraph([(0, 1)]), [0.1], [0.1], "directed or parallel"),
        ([(0, 1)], [0.1], [0.1], "An object of type list is not a graph"),
        (weighing("2"), [0.1], [0.1], "between 'a' and 'b' has weight '2'"),
        (weighing(None), [0.1], [0.1], "has weight None"),
        (weighing(math.nan), [0.1], [0.1], "has weight nan"),
        (weighing(True), [0.1], [0.1], "has weight True"),
        (nx.path_graph(2), [0.1, 0.2], [0.1], "2 gammas and 1 betas"),
        (nx.path_graph(2), 0.1, [0.1], "gammas is 0.1; it must be a list"),
        (nx.path_graph(2), [0.1], ["x"], "betas holds 'x'"),
        (nx.path_graph(2), [math.inf], [0.1], "gammas holds inf"),
    ],
)
def test_bad_input(graph, gammas, betas, message):
    with pytest.raises(CircuitError, match=message) as error:
        qaoa_circuit(graph, gammas, betas)
    assert str(error.value).endswith(".")
