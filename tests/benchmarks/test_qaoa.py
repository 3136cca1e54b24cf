"""Figures of the QAOA benchmark."""

import networkx as nx

import qpilot
from benchmarks.qaoa import GAMMA, count_stages
from tests.qpilot.test_diagonal_blocks import diagonal_router


def test_stages_are_those_of_the_plan():
    circuit = qpilot.qaoa_circuit(nx.random_regular_graph(3, 16, seed=0), [GAMMA], [0.3])
    with diagonal_router() as plans:
        program = qpilot.compile(circuit)
    (plan,) = plans
    down, across = plan.grid.copies
    assert count_stages(program) == sum(map(bool, plan.gates))
    assert program.depth == 2 * count_stages(program) + 2 * down * across
