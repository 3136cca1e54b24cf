"""Which segments are copied: a vertex cover, close to the smallest."""

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from qpilot.routing.blocks import Gate, GateBlock
from qpilot.routing.cover import copy_segments
from tests.strategies import blocks


def block_of(edges):
    """A block whose gates are these edges, between one segment of each qubit."""
    n = 1 + max((q for edge in edges for q in edge), default=0)
    return GateBlock(n, tuple(Gate(a, 0, b, 0) for a, b in edges), ((None,),) * n, (0.0,) * n)


def smallest(edges, allowed):
    """Size of the smallest cover of the edges by some of the vertices allowed."""
    for size in range(len(allowed) + 1):
        for some in combinations(sorted(allowed), size):
            if all(a in some or b in some for a, b in edges):
                return size
    raise AssertionError("no cover")


@settings(deadline=None)
@given(blocks())
def test_every_gate_has_a_copied_end(block):
    cover = copy_segments(block)
    ends = [((gate.a, gate.segment_a), (gate.b, gate.segment_b)) for gate in block.gates]
    assert all(first in cover or second in cover for first, second in ends)
    assert cover <= {end for pair in ends for end in pair}


@settings(deadline=None)
@given(st.lists(st.integers(0, 100), min_size=0, max_size=9))
def test_trees_are_covered_as_well_as_can_be(parents):
    """Where a gate is left by itself either end will do, so both are returned; choosing one gives the optimum."""
    edges = [(parent % (k + 1), k + 1) for k, parent in enumerate(parents)]
    cover = {q for q, _ in copy_segments(block_of(edges))}
    assert smallest(edges, cover) == smallest(edges, range(len(parents) + 1))
    spare = len(cover) - smallest(edges, cover)
    both = [edge for edge in edges if cover.issuperset(edge)]
    assert spare <= len(both)


def test_a_gate_by_itself_keeps_both_ends():
    assert copy_segments(block_of([(0, 1)])) == {(0, 0), (1, 0)}
    assert copy_segments(block_of([])) == set()


def test_stars_are_covered_by_their_centres():
    edges = [(0, k) for k in range(1, 6)] + [(10, k) for k in range(5, 9)]
    assert copy_segments(block_of(edges)) == {(0, 0), (10, 0)}


def test_random_graphs_are_covered_nearly_as_well_as_can_be():
    rng = np.random.default_rng(0)
    found = best = 0
    for _ in range(60):
        n = int(rng.integers(4, 10))
        edges = [edge for edge in combinations(range(n), 2) if rng.random() < 0.35]
        cover = {q for q, _ in copy_segments(block_of(edges))}
        found += smallest(edges, cover)
        best += smallest(edges, range(n))
        assert smallest(edges, cover) <= smallest(edges, range(n)) + 1
    assert found <= 1.03 * best
