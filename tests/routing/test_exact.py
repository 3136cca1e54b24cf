"""The fewest stages, against trying every set of stages, and what happens when there is no time or no OR-Tools."""

import sys
from itertools import combinations, product

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpilot.routing.exact import bound, fewest_stages
from qpilot.routing.sweep import AWAY, Embedding, Grid, Stage, StageSearch
from tests.routing.test_sweep import assert_runs_all, is_increasing, pairs_of, pairs_run, problem, problems


def all_covers(grid):
    """The pairs that each possible stage runs, without those that another one contains."""
    rows, cols = (
        [
            np.array(choice)
            for choice in product(range(AWAY, sites), repeat=lines)
            if is_increasing(choice, parking=grid.parking)
        ]
        for sites, lines in ((grid.rows, len(grid.row_sources)), (grid.cols, len(grid.col_sources)))
    )
    return {frozenset(pairs_run([Stage(row, col)], grid)) for row in rows for col in cols}


def fewest_by_trying(grid, wanted):
    """The least number of stages, trying all sets of them in order of size."""
    needed = frozenset(pairs_of(wanted))
    covers = {cover & needed for cover in all_covers(grid)}
    covers = [cover for cover in covers if not any(cover < other for other in covers)]
    size = 0
    while not any(needed <= frozenset().union(*chosen) for chosen in combinations(covers, size)):
        size += 1
    return size


@pytest.fixture(autouse=True)
def _needs_ortools():
    pytest.importorskip("ortools")


@settings(max_examples=40, deadline=None)
@given(problems(max_side=3, copies=[(1, 1)]), st.booleans())
def test_the_optimum_is_that_of_trying_everything(problem, heuristic):
    grid, pairs, sites = problem
    pairs = pairs[:6]
    wanted = Embedding(pairs, sites, grid.rows, grid.cols).wanted(grid)
    upper = StageSearch(grid, wanted).greedy() if heuristic else None
    stages, proved = fewest_stages(grid, wanted, upper=upper)
    assert proved
    assert_runs_all(stages, grid, wanted)
    assert bound(grid, wanted) <= len(stages) == fewest_by_trying(grid, wanted)


@pytest.mark.parametrize("copies", [(1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize("parking", [True, False])
def test_several_copies_are_used(copies, parking):
    grid, wanted = problem(nx.path_graph(4), 2, 2, copies, parking=parking)
    stages, proved = fewest_stages(grid, wanted)
    assert proved
    assert_runs_all(stages, grid, wanted)
    assert len(stages) == fewest_by_trying(grid, wanted)


def test_no_gates_take_no_stage():
    grid = Grid(2, 2, (1, 1))
    assert fewest_stages(grid, np.zeros((2, 2, 2, 2), dtype=bool)) == ([], True)


def test_without_time_the_known_stages_come_back_unproved():
    grid, wanted = problem(nx.gnp_random_graph(10, 0.7, seed=1), 3, 4, (2, 2))
    upper = StageSearch(grid, wanted).greedy(starts=3)
    stages, proved = fewest_stages(grid, wanted, time_limit_s=0.0, upper=upper)
    assert not proved
    assert stages == upper


def test_equal_arguments_give_equal_stages():
    grid, wanted = problem(nx.gnp_random_graph(9, 0.6, seed=1), 3, 3, (1, 2))
    first, second = (fewest_stages(grid, wanted)[0] for _ in range(2))
    assert [(s.rows.tolist(), s.cols.tolist()) for s in first] == [(s.rows.tolist(), s.cols.tolist()) for s in second]


def test_a_missing_solver_is_named_with_its_extra(monkeypatch):
    grid, wanted = problem(nx.gnp_random_graph(10, 0.7, seed=1), 3, 4, (2, 2))
    for name in ("ortools", "ortools.sat.python", "ortools.sat.python.cp_model"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install 'qpilot\[exact\]'"):
        fewest_stages(grid, wanted)
