"""Plans that take cats apart: legal in every step, down to the root, and backwards they make exactly the cat."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpilot.routing.cats import MOST_LINES, plan_cats

REACHES = st.sampled_from([1.0, 1.25, math.sqrt(2), 1.9, 2.0, 2.5])


@st.composite
def patterns(draw, most_lines=10):
    """Crossings, two at least, with one on every line."""
    rows, cols = draw(st.integers(1, most_lines)), draw(st.integers(1, most_lines))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    members = rng.random((rows, cols)) < draw(st.floats(0.05, 1))
    members = members[members.any(axis=1)][:, members.any(axis=0)]
    if members.sum() < 2:
        return frozenset(draw(st.sampled_from([[(0, 0), (0, 1)], [(0, 0), (1, 0)], [(0, 0), (1, 1)]])))
    return frozenset(map(tuple, np.argwhere(members).tolist()))


def cluster_of(intervals, count):
    """The cluster of each line, after a check that these are clusters of all lines, in order."""
    lines = [list(range(first, last + 1)) for first, last in intervals]
    assert list(itertools.chain.from_iterable(lines)) == list(range(count))
    assert all(1 <= len(cluster) <= MOST_LINES for cluster in lines)
    return [number for number, cluster in enumerate(lines) for _ in cluster]


def members_after(step, members, shape, reach):
    """The members after a step, which must be legal."""
    rows, cols = (cluster_of(intervals, count) for intervals, count in zip((step.rows, step.cols), shape, strict=True))
    bright = {}  # by cell: members, and ancillas that become one
    for row, col in members | {link.target for link in step.links}:
        bright.setdefault((rows[row], cols[col]), set()).add((row, col))
    linked = {}
    for link in step.links:
        assert link.control in members
        assert link.leaves == (link.target in members)
        assert math.dist(link.control, link.target) <= reach + 1e-9
        cells = {(rows[row], cols[col]) for row, col in (link.control, link.target)}
        assert len(cells) == 1
        assert linked.setdefault(cells.pop(), link) is link
    for cell, atoms in bright.items():
        link = linked.get(cell)
        assert len(atoms) == 1 if link is None else atoms == {link.control, link.target}
    leaving = {link.target for link in step.links if link.leaves}
    joining = {link.target for link in step.links if not link.leaves}
    return (members - leaving) | joining


def cat_made_by(plan):
    """The two basis states, as sets of ancillas in |1>, that a plan makes backwards of an ancilla in |0> + |1>."""
    zero, one = set(), {plan.root}
    for step in reversed(plan.steps):
        for link in step.links:
            for state in (zero, one):
                if link.control in state:
                    state ^= {link.target}
    return zero, one


def check(plan, pattern, reach):
    assert plan.shape == (1 + max(row for row, _ in pattern), 1 + max(col for _, col in pattern))
    members = set(pattern)
    for step in plan.steps:
        members = members_after(step, members, plan.shape, reach)
        assert step.links
    assert members == {plan.root}
    assert cat_made_by(plan) == (set(), pattern)
    assert 2 ** len(plan.steps) >= len(pattern)


@settings(max_examples=120, deadline=None)
@given(patterns(), REACHES, st.integers(4, 8), st.integers(0, 5))
def test_plans_are_legal_and_backwards_make_the_cat(pattern, reach, tries, seed):
    """A single try may fail where diagonal neighbours are out of reach."""
    (plan,) = plan_cats([pattern], reach, tries=tries, seed=seed)
    check(plan, pattern, reach)


@settings(max_examples=20, deadline=None)
@given(patterns(), REACHES, st.integers(0, 5))
def test_equal_seeds_give_equal_plans(pattern, reach, seed):
    assert plan_cats([pattern], reach, tries=4, seed=seed) == plan_cats([pattern], reach, tries=4, seed=seed)


@settings(max_examples=20, deadline=None)
@given(st.lists(patterns(most_lines=5), max_size=6), REACHES)
def test_plans_come_in_the_order_of_their_patterns(several, reach):
    plans = plan_cats(several, reach, tries=4)
    assert len(plans) == len(several)
    for plan, pattern in zip(plans, several, strict=True):
        check(plan, pattern, reach)


@pytest.mark.parametrize(("shape", "most"), [((1, 2), 1), ((2, 2), 2), ((1, 8), 3), ((8, 8), 6), ((10, 10), 8)])
def test_full_blocks_take_few_pulses(shape, most):
    """At twice the spacing in reach, as on the default device; log2 of the members is a lower bound."""
    pattern = frozenset(itertools.product(*map(range, shape)))
    (plan,) = plan_cats([pattern], 2.5)
    check(plan, pattern, 2.5)
    assert len(plan.steps) <= most


def test_lines_out_of_reach_give_no_plan():
    assert plan_cats([frozenset({(0, 0), (0, 1)})], 0.9) is None
    assert plan_cats([], 0.9) == []
