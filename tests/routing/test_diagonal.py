"""The diagonal router: which gates it takes, and that its plan runs each of them once."""

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpilot.arch import FPQA, Lattice
from qpilot.frontend import lower
from qpilot.library import qaoa_circuit
from qpilot.routing.blocks import DiagonalBlock, Gate, GateBlock
from qpilot.routing.dense import largest_block
from qpilot.routing.diagonal import DiagonalRouter, arrange, can_park, ready_block, starting_sites
from qpilot.routing.front import Front
from qpilot.routing.lines import Axis
from qpilot.routing.stage import Layout

OFFSETS_UM = (-1.25, 1.25)
DEVICE = FPQA(slm=Lattice(3, 4))


def diagonal_block(graph, angle=0.3):
    return DiagonalBlock(len(graph), tuple(sorted((min(e), max(e), angle) for e in graph.edges)))


def gate_block(graph, angle=0.3):
    gates = tuple(Gate(min(e), 0, max(e), 0, angle) for e in graph.edges)
    return GateBlock(len(graph), gates, ((None,),) * len(graph), (0.0,) * len(graph))


def layout_of(sites, rows, cols):
    sites = np.array(sites)
    occupied = np.zeros((rows, cols), dtype=bool)
    occupied[tuple(sites.T)] = True
    axes = (Axis(count, count, 15.0, 1.0, 6.25, OFFSETS_UM) for count in (rows, cols))
    return Layout(*axes, sites, occupied, 15.0, 6.25)


@st.composite
def diagonal_blocks(draw, max_qubits=12):
    n = draw(st.integers(2, max_qubits))
    pairs = [(a, b) for b in range(n) for a in range(b)]
    chosen = sorted(draw(st.lists(st.sampled_from(pairs), unique=True, min_size=1, max_size=3 * n)))
    angles = st.sampled_from([math.pi, 0.3, -1.2])
    return DiagonalBlock(n, tuple((a, b, draw(angles)) for a, b in chosen))


# --- which gates are taken -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("graph", "angle", "taken"),
    [
        (nx.random_regular_graph(3, 20, seed=0), 0.3, True),
        (nx.complete_graph(8), 0.3, True),
        (nx.complete_graph(8), math.pi, True),
        (nx.star_graph(20), 0.3, False),  # one copy of the centre serves all leaves, one after the other
        (nx.cycle_graph(4), 0.3, False),  # too few
        (nx.random_regular_graph(3, 20, seed=0), math.pi, False),  # plain CZ, and sparse
        (nx.Graph([(2 * k, 2 * k + 1) for k in range(10)]), 0.3, False),  # one gate each: no copy serves twice
    ],
    ids=["regular", "dense", "dense CZ", "star", "few", "sparse CZ", "matching"],
)
def test_dense_blocks_are_taken(graph, angle, taken):
    graph = nx.convert_node_labels_to_integers(graph)
    block = gate_block(graph, angle)
    assert (largest_block(block, DEVICE) is not None) == taken
    found = ready_block(Front(block), DEVICE)
    assert found == (diagonal_block(graph, angle) if taken else None)


def test_the_largest_block_is_that_of_a_whole_layer():
    graph = nx.random_regular_graph(4, 12, seed=0)
    circuit = qaoa_circuit(graph, [0.4, 0.7], [0.2, 0.9])
    found = largest_block(lower(circuit).block, DEVICE)
    assert found is not None
    assert [pair[:2] for pair in found.pairs] == sorted((min(e), max(e)) for e in graph.edges)


def test_a_block_behind_other_gates_is_found():
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(8)
    circuit.h(range(8))
    circuit.cx(0, 1)
    circuit.h(range(8))
    circuit.cx(3, 2)
    circuit.h(range(8))
    circuit.barrier()
    for a, b in nx.complete_graph(8).edges:
        circuit.cp(0.1 * (a + 1), a, b)
    found = largest_block(lower(circuit).block, DEVICE)
    assert found is not None
    assert len(found.pairs) == 28


def test_a_block_without_gates_has_no_largest():
    assert largest_block(GateBlock(3, (), ((None,),) * 3, (0.0,) * 3), DEVICE) is None


# --- sites and stages ------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(diagonal_blocks(), st.integers(1, 4), st.integers(0, 3))
def test_every_start_gives_each_qubit_a_site(block, rows, seed):
    n = block.num_qubits
    cols = -(-n // rows)
    starts = starting_sites(block, rows, seed=seed)
    assert starts
    for sites in starts:
        assert len(set(sites)) == n
        assert all(0 <= row < rows and 0 <= col < cols for row, col in sites)
    assert starts == starting_sites(block, rows, seed=seed)


@pytest.mark.parametrize(
    ("most_lines", "allowed"),
    [
        ((3, 4), {(1, 1)}),
        ((5, 7), {(1, 1)}),
        ((6, 4), {(1, 1), (2, 1)}),
        ((3, 8), {(1, 1), (1, 2)}),
        ((6, 8), {(1, 1), (2, 1), (1, 2), (2, 2)}),
    ],
)
def test_there_are_no_more_copies_than_lines(most_lines, allowed):
    block = diagonal_block(nx.complete_graph(12))
    starts = [[divmod(q, 4) for q in range(12)]]
    found = arrange(block, starts, (3, 4), most_lines, device=DEVICE, parking=True, move=True)
    assert found is not None
    assert found.grid.copies in allowed
    down, across = found.grid.copies
    for stage in found.stages:
        assert len(stage.rows) == 3 * down <= most_lines[0]
        assert len(stage.cols) == 4 * across <= most_lines[1]
    assert sorted(found.sites) == sorted(starts[0])


@pytest.mark.parametrize("most_lines", [(2, 4), (3, 3), (1, 1)])
def test_too_few_lines_for_one_copy_are_no_arrangement(most_lines):
    block = diagonal_block(nx.complete_graph(12))
    starts = [[divmod(q, 4) for q in range(12)]]
    assert arrange(block, starts, (3, 4), most_lines, device=DEVICE, parking=True, move=True) is None
    router = DiagonalRouter(DEVICE, layout_of(starts[0], 3, 4), most_lines)
    assert router.plan(block) is None


@settings(max_examples=30, deadline=None)
@given(diagonal_blocks(), st.data())
def test_a_plan_runs_each_gate_once_on_a_copy_of_one_end(block, data):
    n = block.num_qubits
    rows = data.draw(st.integers(1, 4))
    cols = -(-n // rows)
    sites = data.draw(st.permutations([(row, col) for row in range(rows) for col in range(cols)]))[:n]
    factors = data.draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    published = data.draw(st.booleans())
    router = DiagonalRouter(
        DEVICE, layout_of(sites, rows, cols), (factors[0] * rows, factors[1] * cols), published=published
    )
    plan = router.plan(block)
    assert plan is not None
    assert len(plan.gates) == len(plan.stages)
    seen = []
    for stage, gates in zip(plan.stages, plan.gates, strict=True):
        assert len({crossing for crossing, *_ in gates}) == len({target for _, _, target, _ in gates}) == len(gates)
        for (i, j), source, target, angle in gates:
            assert sites[source] == (i % rows, j % cols)
            assert sites[target] == (stage.rows[i], stage.cols[j])
            seen.append((min(source, target), max(source, target), angle))
    assert tuple(sorted(seen)) == block.pairs


def test_blocks_on_the_same_pairs_share_their_stages():
    graph = nx.random_regular_graph(3, 12, seed=1)
    router = DiagonalRouter(DEVICE, layout_of([divmod(q, 4) for q in range(12)], 3, 4), (6, 8))
    first, second = router.plan(diagonal_block(graph, 0.3)), router.plan(diagonal_block(graph, 0.7))
    assert first is not None
    assert second is not None
    assert first.stages == second.stages
    assert {angle for gates in second.gates for *_, angle in gates} == {0.7}


@pytest.mark.parametrize(("spacing", "room"), [(15.0, True), (14.9, False)])
def test_lines_park_where_there_is_room(spacing, room):
    assert can_park(spacing, 1.25, 6.25) is room
