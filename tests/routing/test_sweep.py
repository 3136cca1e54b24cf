"""Stages of a diagonal block: the best maps against brute force, covers of all gates, and the proved optimum."""

from itertools import pairwise, product

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpilot.routing.sweep import AWAY, Embedding, Grid, Stage, StageSearch, increasing_map

COPIES = [(1, 1), (1, 2), (2, 1), (2, 2)]


def is_increasing(sites, *, parking):
    """Whether lines can stand so: sites in order, and a gap for each line between two that stand at sites."""
    at = [(line, site) for line, site in enumerate(sites) if site != AWAY]
    return all(s < t and j - i - 1 <= (t - s if parking else 0) for (i, s), (j, t) in pairwise(at))


def is_legal(stage, grid):
    """Whether both maps of a stage are increasing and stay on the lattice."""
    return (
        stage.rows.shape == (grid.rows * grid.copies[0],)
        and stage.cols.shape == (grid.cols * grid.copies[1],)
        and all(AWAY <= row < grid.rows for row in stage.rows)
        and all(AWAY <= col < grid.cols for col in stage.cols)
        and is_increasing(stage.rows.tolist(), parking=grid.parking)
        and is_increasing(stage.cols.tolist(), parking=grid.parking)
    )


def pairs_run(stages, grid):
    """Pairs of sites that the stages bring together, each in both orders."""
    found = set()
    for stage in stages:
        for i, j, row, col in stage.visits():
            a, b = (i % grid.rows, j % grid.cols), (row, col)
            found |= {(a, b), (b, a)}
    return found


def pairs_of(wanted):
    return {((r, c), (to_r, to_c)) for r, c, to_r, to_c in np.argwhere(wanted).tolist()}


def assert_runs_all(stages, grid, wanted):
    assert all(is_legal(stage, grid) for stage in stages)
    assert pairs_of(wanted) <= pairs_run(stages, grid)


@st.composite
def problems(draw, max_side=4, copies=COPIES):
    """(grid, pairs of qubits, sites); not every site need have a qubit."""
    rows, cols = draw(st.integers(1, max_side)), draw(st.integers(2, max_side))
    grid = Grid(rows, cols, draw(st.sampled_from(copies)), draw(st.booleans()))
    sites = draw(st.permutations(list(product(range(rows), range(cols)))))
    sites = sites[: draw(st.integers(2, len(sites)))]
    edges = [(a, b) for b in range(len(sites)) for a in range(b)]
    pairs = draw(st.lists(st.sampled_from(edges), unique=True, min_size=1, max_size=2 * len(sites)))
    return grid, pairs, sites


def problem(graph, rows, cols, copies=(1, 1), *, parking=True):
    """(grid, wanted) of a graph with its nodes row by row."""
    grid = Grid(rows, cols, copies, parking)
    return grid, Embedding(graph.edges, [divmod(q, cols) for q in graph], rows, cols).wanted(grid)


# --- maps ------------------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.booleans(), st.data())
def test_the_best_map_is_as_good_as_any(lines, sites, parking, data):
    whole = st.lists(st.integers(0, 5), min_size=lines * sites, max_size=lines * sites)
    weights = np.array(data.draw(whole), dtype=float).reshape(lines, sites)
    found, value = increasing_map(weights, parking=parking)
    best = max(
        sum(weights[line, site] for line, site in enumerate(choice) if site != AWAY)
        for choice in product(range(AWAY, sites), repeat=lines)
        if is_increasing(choice, parking=parking)
    )
    assert is_increasing(found.tolist(), parking=parking)
    assert value == best == sum(weights[line, site] for line, site in enumerate(found) if site != AWAY)


def test_a_line_may_wait_in_a_gap_only_with_parking():
    weights = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    assert increasing_map(weights, parking=True)[1] == 2
    assert increasing_map(weights, parking=False)[1] == 1


# --- covers ----------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 3))
def test_stages_run_all_gates_whatever_the_search_does(problem, seed):
    grid, pairs, sites = problem
    wanted = Embedding(pairs, sites, grid.rows, grid.cols).wanted(grid)
    search = StageSearch(grid, wanted, seed)
    stages = search.greedy()
    assert_runs_all(stages, grid, wanted)
    fewer = search.reduce(stages, 6)
    assert len(fewer) <= len(stages)
    assert_runs_all(fewer, grid, wanted)
    if grid.copies == (2, 2):
        assert_runs_all(search.shifts(), grid, wanted)
    for stage in stages:
        assert set(zip(*np.nonzero(search.cover(stage)), strict=True)) == {a + b for a, b in pairs_run([stage], grid)}


@settings(max_examples=40, deadline=None)
@given(problems(), st.integers(0, 3))
def test_qubits_that_change_places_stay_a_permutation_with_the_same_gates(problem, seed):
    grid, pairs, sites = problem
    embedding = Embedding(pairs, sites, grid.rows, grid.cols)
    assert [divmod(site, grid.cols) for site in embedding.sites[: len(sites)]] == sites
    search = StageSearch(grid, embedding.wanted(grid), seed)
    stages = search.reduce(search.greedy(), 4, embedding)
    assert sorted(embedding.sites) == list(range(grid.rows * grid.cols))
    at = [divmod(site, grid.cols) for site in embedding.sites]
    assert pairs_of(search.wanted) == {p for a, b in pairs for p in ((at[a], at[b]), (at[b], at[a]))}
    assert_runs_all(stages, grid, search.wanted)


@settings(max_examples=40, deadline=None)
@given(problems(copies=[(1, 1)]))
def test_clean_stages_bring_nothing_together_but_gates(problem):
    grid, pairs, sites = problem
    wanted = Embedding(pairs, sites, grid.rows, grid.cols).wanted(grid)
    stages = StageSearch(grid, wanted).clean()
    assert_runs_all(stages, grid, wanted)
    assert pairs_run(stages, grid) == pairs_of(wanted)
    assert sum(len(list(stage.visits())) for stage in stages) == len(pairs)


@settings(max_examples=60, deadline=None)
@given(problems(copies=[(1, 2), (2, 1), (2, 2)]), st.integers(0, 3))
def test_a_pair_that_a_stage_runs_twice_counts_once(problem, seed):
    grid, pairs, sites = problem
    wanted = Embedding(pairs, sites, grid.rows, grid.cols).wanted(grid)
    search = StageSearch(grid, wanted, seed)
    start = np.full(grid.rows * grid.copies[0], AWAY)
    start[: grid.rows] = np.arange(grid.rows)
    stage, value = search.improve(wanted.astype(float), start)
    assert value == np.count_nonzero(search.cover(stage) & wanted) / 2


def test_equal_seeds_give_equal_stages():
    grid, wanted = problem(nx.random_regular_graph(3, 16, seed=0), 4, 4)

    def run(seed):
        search = StageSearch(grid, wanted, seed)
        return [(stage.rows.tolist(), stage.cols.tolist()) for stage in search.reduce(search.greedy(), 10)]

    assert run(1) == run(1)


def test_exchanging_qubits_finds_a_better_placement():
    ring = nx.cycle_graph(16)
    order = np.random.default_rng(0).permutation(16).tolist()
    grid = Grid(1, 16, (1, 1))
    embedding = Embedding(ring.edges, [(0, order[q]) for q in range(16)], 1, 16)
    search = StageSearch(grid, embedding.wanted(grid))
    stages = search.greedy()
    assert len(search.reduce(stages, 30, embedding)) < len(stages)


# --- against the optimum ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("graph", "shape", "parking"),
    [
        (nx.complete_graph(6), (2, 3), True),
        (nx.random_regular_graph(3, 8, seed=1), (3, 3), True),
        (nx.random_regular_graph(3, 10, seed=1), (3, 4), False),
        (nx.random_regular_graph(4, 9, seed=2), (3, 3), True),
        (nx.gnp_random_graph(9, 0.5, seed=3), (1, 9), True),
        (nx.gnp_random_graph(10, 0.4, seed=4), (2, 5), False),
    ],
    ids=str,
)
def test_the_search_is_within_a_tenth_of_the_optimum(graph, shape, parking):
    pytest.importorskip("ortools")
    from qpilot.routing.exact import fewest_stages

    grid, wanted = problem(graph, *shape, parking=parking)
    search = StageSearch(grid, wanted)
    found = search.reduce(search.greedy(), 40)
    optimum, proved = fewest_stages(grid, wanted, upper=found, time_limit_s=10)
    assert proved
    assert_runs_all(optimum, grid, wanted)
    assert len(optimum) <= len(found) <= 1.1 * len(optimum)


def test_a_stage_knows_what_it_visits():
    stage = Stage(np.array([1, AWAY]), np.array([AWAY, 0]))
    assert list(stage.visits()) == [(0, 1, 1, 0)]
