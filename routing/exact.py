"""The fewest stages for a diagonal block, proved: the yardstick of the search in `qpilot.routing.sweep`.

A stage is an increasing map of row lines times an increasing map of column lines. Write p(k) for the place of line k,
counted in gaps where lines may park: p increases strictly exactly if p(k) - k never decreases, and outside the lattice
there is room for all. In this form a map is a few booleans "p(k) - k is at least v", a gate is run by a stage if a row
line and a column line stand where it needs them, and OR-Tools CP-SAT decides whether a number of stages is enough.
Numbers are tried from below, so the first that is enough is the fewest. For up to about ten qubits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from .sweep import Grid, Ints, Stage, StageSearch, increasing_map

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

ROUNDS = 40
"""Rounds of the heuristic search that gives the first bound from above."""

Stand = tuple[int, int]
"""(line, site): a line that stands at a site."""

Crossed = tuple[Stand, Stand]
"""A row line and a column line at their sites, which together run a gate."""


def fewest_stages(
    grid: Grid, wanted: NDArray[np.bool_], *, time_limit_s: float = 60.0, upper: Sequence[Stage] | None = None
) -> tuple[list[Stage], bool]:
    """Return the fewest stages that run all wanted pairs of sites, and whether it is proved that there are no fewer.

    Equal arguments give equal results: the limit is on CP-SAT's deterministic time, which is about seconds.

    Args:
        grid: The lattice region and the copies.
        wanted: Symmetric; whether sites have a gate, shape (rows, cols, rows, cols).
        time_limit_s: Limit of the search in seconds, roughly; reaching it, the best stages known are returned.
        upper: Stages known to run all pairs; those of a short heuristic search if not given.

    Raises:
        ImportError: OR-Tools is not installed.
    """
    gates = _ways(grid, wanted)
    if not gates:
        return [], True
    if upper is None:
        search = StageSearch(grid, wanted)
        upper = search.reduce(search.greedy(), ROUNDS)
    alone = _never_together(grid, gates)
    for count in range(len(alone), len(upper)):
        model = _Model(grid, gates, alone, count)
        stages, spent = model.solve(time_limit_s)
        if stages:
            return stages, True
        time_limit_s -= spent
        if stages is None or time_limit_s <= 0:
            return list(upper), False
    return list(upper), True


def bound(grid: Grid, wanted: NDArray[np.bool_]) -> int:
    """Return a bound from below: the number of wanted pairs of which no two can share a stage, found exactly."""
    return len(_never_together(grid, _ways(grid, wanted)))


def _ways(grid: Grid, wanted: NDArray[np.bool_]) -> list[list[Crossed]]:
    """For each wanted pair, all ways to run it: either end may be copied, and any of its copies may be used."""
    rows: list[list[int]] = [np.flatnonzero(grid.row_sources == row).tolist() for row in range(grid.rows)]
    cols: list[list[int]] = [np.flatnonzero(grid.col_sources == col).tolist() for col in range(grid.cols)]
    gates = []
    for r, c, to_r, to_c in np.argwhere(wanted).tolist():
        if (r, c) < (to_r, to_c):
            there = [((i, to_r), (j, to_c)) for i, j in product(rows[r], cols[c])]
            back = [((i, r), (j, c)) for i, j in product(rows[to_r], cols[to_c])]
            gates.append(there + back)
    return gates


def _step(grid: Grid) -> int:
    """Places from one site to the next: with parking, the gap between them is one."""
    return 2 if grid.parking else 1


def _fit(a: Stand, b: Stand, step: int) -> bool:
    """Whether two lines can stand so in one stage: there must be a place for each line between them."""
    (i, s), (j, t) = min(a, b), max(a, b)
    return s == t if i == j else step * (t - s) >= j - i


def _never_together(grid: Grid, gates: list[list[Crossed]]) -> list[int]:
    """Return gates of which no two can share a stage, as many as possible: a bound from below."""
    step = _step(grid)
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(gates)))
    for a in range(len(gates)):
        for b in range(a):
            ways = product(gates[a], gates[b])
            if not any(_fit(x[0], y[0], step) and _fit(x[1], y[1], step) for x, y in ways):
                graph.add_edge(a, b)
    clique, _ = nx.max_weight_clique(graph, weight=None)
    return sorted(clique)


@dataclass(slots=True)
class _Lines:
    """The lines of one stage in one direction: whether each stands at each site where it could be of use."""

    at: dict[Stand, cp_model.IntVar]

    def sites(self, solver: cp_model.CpSolver, shape: tuple[int, int], *, parking: bool) -> Ints:
        """The site of each line in a solution, shape (lines, sites); lines of no use stand wherever there is room."""
        weights = np.zeros(shape)
        for stand, variable in self.at.items():
            weights[stand] = solver.boolean_value(variable)
        return increasing_map(weights, parking=parking)[0]


class _Model:
    """Whether this many stages are enough."""

    def __init__(self, grid: Grid, gates: list[list[Crossed]], alone: list[int], count: int) -> None:
        self.cp = _import_cp_model()
        self.model = self.cp.CpModel()
        self.grid = grid
        rows = sorted({row for ways in gates for row, _ in ways})
        cols = sorted({col for ways in gates for _, col in ways})
        self.stages = [
            (self._lines(rows, len(grid.row_sources)), self._lines(cols, len(grid.col_sources))) for _ in range(count)
        ]
        # Stages are alike, so gates that exclude one another may get the first ones in order.
        order = alone + [gate for gate in range(len(gates)) if gate not in alone]
        for number, gate in enumerate(order):
            options = [number] if number < len(alone) else range(count)
            self.model.add_bool_or([self._runs(k, way) for k in options for way in gates[gate]])

    def solve(self, time_limit_s: float) -> tuple[list[Stage] | None, float]:
        """Return the stages, none if there are too few, or None if the time is over; and the time it took."""
        solver = self.cp.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 0
        solver.parameters.max_deterministic_time = time_limit_s
        status = solver.solve(self.model)
        spent = solver.response_proto.deterministic_time
        if status == self.cp.INFEASIBLE:
            return [], spent
        if status not in (self.cp.OPTIMAL, self.cp.FEASIBLE):
            return None, spent
        grid = self.grid
        shapes = (len(grid.row_sources), grid.rows), (len(grid.col_sources), grid.cols)
        stages = [
            Stage(
                *(lines.sites(solver, shape, parking=grid.parking) for lines, shape in zip(stage, shapes, strict=True))
            )
            for stage in self.stages
        ]
        return stages, spent

    def _lines(self, stands: list[Stand], num_lines: int) -> _Lines:
        """Add an increasing map, as booleans: the place of line k, less k, is at least v."""
        model, step = self.model, _step(self.grid)
        values = sorted({step * site - line for line, site in stands})
        at_least = [[model.new_bool_var("") for _ in values] for _ in range(num_lines)]
        for line, steps in enumerate(at_least):
            for low, high in pairwise(steps):
                model.add_implication(high, low)
            if line:
                for before, now in zip(at_least[line - 1], steps, strict=True):
                    model.add_implication(before, now)
        at = {}
        for line, site in stands:
            k = values.index(step * site - line)
            at[line, site] = stands_there = model.new_bool_var("")
            model.add_implication(stands_there, at_least[line][k])
            if k + 1 < len(values):
                model.add_implication(stands_there, ~at_least[line][k + 1])
        return _Lines(at)

    def _runs(self, number: int, way: Crossed) -> cp_model.IntVar:
        """Add a boolean that may be true only if a stage runs a gate in this way."""
        rows, cols = self.stages[number]
        runs: cp_model.IntVar = self.model.new_bool_var("")
        self.model.add_implication(runs, rows.at[way[0]])
        self.model.add_implication(runs, cols.at[way[1]])
        return runs


def _import_cp_model() -> Any:
    try:
        from ortools.sat.python import cp_model
    except ImportError:
        raise ImportError("The fewest stages take OR-Tools; install it with: pip install 'qpilot[exact]'.") from None
    return cp_model
