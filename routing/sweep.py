"""Stages for a block of commuting diagonal gates: all copies move at once, and pairs that are not wanted cancel.

The AOD holds a grid of copies: `copies` = (down, across) arrays of the data lattice, each line the copy of one row or
column of sites. In a stage every line stands at a site or somewhere out of the way, in order, so a stage is an
increasing map of row lines times an increasing map of column lines. Each copy beside a data atom is a possible gate; an
echo makes the others cancel (see `qpilot.routing.diagonal`). Given one map, the best other one is a longest-chain
problem, solved by dynamic programming, so the maps are improved in turn.

A greedy cover takes the best stage again and again. Cyclic shifts are another cover: with two arrays in both
directions, each shift by (rows, columns) and its opposite are one stage, about half as many stages as sites whatever
the graph. A local search then removes stages one by one, while the others can be changed to take over their gates; it
may also let qubits change places.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

TEMPERATURE = 0.2
"""Temperature of the exchange of qubits, in gates; a higher one forgets a good start, a lower one gets stuck."""

TRIES_PER_ROUND = 2000
"""Exchanges of two qubits that are tried in one round."""

TWICE_TRIES = 2
"""How often a stage of the greedy cover is improved, as long as it runs pairs twice."""

AWAY = -1
"""Site of a line that stands at no site."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Sites of the row lines and of the column lines; `AWAY` for lines out of the way."""

    rows: Ints
    cols: Ints

    def visits(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield (row line, column line, row, col) for each crossing that stands at a site."""
        for i in np.flatnonzero(self.rows >= 0).tolist():
            for j in np.flatnonzero(self.cols >= 0).tolist():
                yield i, j, int(self.rows[i]), int(self.cols[j])


@dataclass(frozen=True, slots=True)
class Grid:
    """The region of the lattice, and how many arrays of copies the AOD holds in each direction.

    Attributes:
        parking: Whether a line may stand between two sites.
    """

    rows: int
    cols: int
    copies: tuple[int, int]
    parking: bool = True

    @property
    def row_sources(self) -> Ints:
        """The row of sites that each row line copies."""
        return np.arange(self.rows * self.copies[0]) % self.rows

    @property
    def col_sources(self) -> Ints:
        """The column of sites that each column line copies."""
        return np.arange(self.cols * self.copies[1]) % self.cols


def increasing_map(weights: Floats, *, parking: bool) -> tuple[Ints, float]:
    """Return the increasing map of lines to sites of greatest weight, and its weight.

    Lines stand at sites, alone in a gap between two sites if `parking`, or outside the lattice, where there is room for
    all. Time is proportional to lines times sites.

    Args:
        weights: Value of each line at each site, shape (lines, sites).
        parking: Whether a line may stand between two sites.

    Returns:
        The site of each line, or `AWAY`; and the total value.
    """
    lines, sites = weights.shape
    step = 2 if parking else 1
    inner = step * (sites - 1) + 1
    places = lines + inner + lines
    table = np.full((lines, places), -np.inf)
    value = np.zeros((lines, places))
    value[:, lines : lines + inner : step] = weights
    table[0] = value[0]
    best = np.maximum.accumulate(table[0])
    for line in range(1, lines):
        np.add(best[line - 1 : -1], value[line, line:], out=table[line, line:])
        best = np.maximum.accumulate(table[line])
    chosen = np.empty(lines, dtype=np.int64)
    place = places
    for line in range(lines - 1, -1, -1):
        place = int(table[line, :place].argmax())
        chosen[line] = place - lines
    at_site = (chosen >= 0) & (chosen < inner) & (chosen % step == 0)
    return np.where(at_site, chosen // step, AWAY), float(best[-1])


class StageSearch:
    """Finds stages that together run all wanted pairs.

    Args:
        grid: The lattice region and the copies.
        wanted: Symmetric; whether sites have a gate, shape (rows, cols, rows, cols).
        seed: Seed of the search.
    """

    def __init__(self, grid: Grid, wanted: NDArray[np.bool_], seed: int = 0) -> None:
        self.grid = grid
        self.wanted = wanted
        self.rng = np.random.default_rng(seed)
        self._row_sources, self._col_sources = grid.row_sources, grid.col_sources

    def greedy(self, starts: int = 8) -> list[Stage]:
        """Return stages that run all pairs, each with as many of those left as the search finds."""
        left = self.wanted.astype(float)
        stages = []
        while left.any():
            best, most = None, 0.0
            while best is None:
                for number in range(starts):
                    stage, gates = self.improve(left, self._random_rows(left, number))
                    if gates > most:
                        best, most = stage, gates
            self._clear(left, best)
            stages.append(best)
        return stages

    def clean(self) -> list[Stage]:
        """Return stages in which every copy beside a data atom runs a wanted pair, as the Q-Pilot paper demands.

        A stage starts with the first pair left; then, for as long as any can, a column and a row join whose crossings
        with all lines of the stage are wanted (arXiv 2311.16190, section on QAOA). Only for one array of copies.
        """
        left = self.wanted.copy()
        stages = []
        while left.any():
            row, col, to_row, to_col = (int(index) for index in np.argwhere(left)[0])
            rows, cols = {row: to_row}, {col: to_col}
            grown = True
            while grown:
                grown = self._join(cols, left[list(rows), :, list(rows.values()), :])
                grown |= self._join(rows, left[:, list(cols), :, list(cols.values())])
            stage = Stage(_sites(rows, self.grid.rows), _sites(cols, self.grid.cols))
            r, c, to_r, to_c = self._pairs(stage)
            left[r, c, to_r, to_c] = left[to_r, to_c, r, c] = False
            stages.append(stage)
        return stages

    def _join(self, lines: dict[int, int], wanted: NDArray[np.bool_]) -> bool:
        """Add the first line to a map that may stand at a site and is wanted there by all lines of the other map.

        Args:
            lines: The map.
            wanted: Shape (lines of the other map, lines, sites).
        """
        for line, site in np.argwhere(np.all(wanted, axis=0)).tolist():
            if line in lines:
                continue
            trial = sorted([*lines.items(), (line, site)])
            gaps = [(b[0] - a[0] - 1, b[1] - a[1]) for a, b in itertools.pairwise(trial)]
            if all(step > 0 and between <= (step if self.grid.parking else 0) for between, step in gaps):
                lines[line] = site
                return True
        return False

    def shifts(self) -> list[Stage]:
        """Return the cyclic shifts that run all pairs; only for two arrays of copies in each direction."""
        rows, cols = self.grid.rows, self.grid.cols
        left = self.wanted.astype(float)
        stages = []
        for down in range(rows):
            for right in range(cols):
                stage = Stage(_shift(rows, down), _shift(cols, right))
                if left[self._pairs(stage)].any():
                    self._clear(left, stage)
                    stages.append(stage)
        return stages

    def improve(self, weights: Floats, rows: Ints) -> tuple[Stage, float]:
        """Return a stage that is hard to better, and its weight, starting from a row map.

        With several arrays of copies a stage may run a pair twice, by copies of either end; it counts once. The maps
        cannot know that, so one way, at random, is then taken off such pairs, and the maps are improved again.
        """
        best, most, offered = None, -1.0, weights
        for _ in range(TWICE_TRIES):
            stage = self._climb(offered, rows)
            row, col, to_row, to_col = self._pairs(stage)
            visited = np.zeros(weights.shape, dtype=bool)
            visited[row, col, to_row, to_col] = True
            value = weights[row, col, to_row, to_col]
            twice = visited[to_row, to_col, row, col] & (value > 0)
            total = float(value.sum() - value[twice].sum() / 2)
            if total > most:
                best, most = stage, total
            if not twice.any():
                break
            first = self.rng.permutation(visited[0, 0].size).reshape(visited[0, 0].shape)
            off = twice & (first[row, col] < first[to_row, to_col])
            offered, rows = offered.copy(), stage.rows
            offered[row[off], col[off], to_row[off], to_col[off]] = 0.0
        assert best is not None
        return best, most

    def _climb(self, weights: Floats, rows: Ints) -> Stage:
        """Return a stage at which neither map alone can be bettered, starting from a row map."""
        total = -1.0
        while True:
            stage, value = self.step(weights, rows)
            if value <= total + 1e-9:
                return stage
            rows, total = stage.rows, value

    def step(self, weights: Floats, rows: Ints, noise: float = 0.0) -> tuple[Stage, float]:
        """Return the best column map for a row map with the best row map for that one, and the weight.

        Args:
            weights: Value of each pair of sites, shape (rows, cols, rows, cols).
            rows: The row map.
            noise: Greatest value that is added to a line at a site, at random.
        """
        value = self._col_weights(weights, rows)
        cols, _ = increasing_map(value + noise * self.rng.random(value.shape), parking=self.grid.parking)
        value = self._row_weights(weights, cols)
        rows, total = increasing_map(value + noise * self.rng.random(value.shape), parking=self.grid.parking)
        return Stage(rows, cols), total

    def reduce(self, stages: list[Stage], rounds: int, embedding: Embedding | None = None) -> list[Stage]:
        """Remove stages one by one while the others, changed a little, can take over their gates.

        Args:
            stages: Stages that run all wanted pairs.
            rounds: How many times all stages are optimised anew.
            embedding: Qubits that may change places as well; on return they stand where the result needs them.
        """
        solution = list(stages)
        best_sites = list(embedding.sites) if embedding else []
        current = _Cover(self, stages)
        while rounds > 0 and len(solution) > 1:
            current.drop_least()
            while rounds > 0:
                rounds -= 1
                if embedding:
                    embedding.anneal(current.count > 0, self.rng)
                    self.wanted = embedding.wanted(self.grid)
                missing = current.improve()
                if not missing:
                    solution = list(current.stages)
                    best_sites = list(embedding.sites) if embedding else []
                    break
        if embedding:
            embedding.sites = best_sites
            self.wanted = embedding.wanted(self.grid)
        return solution

    def _random_rows(self, weights: Floats, number: int) -> Ints:
        """A row map to start from: the identity, then shifts, then maps of random weights."""
        rows, lines = self.grid.rows, len(self._row_sources)
        if number % 3 < 2:
            shift = int(self.rng.integers(1 - rows, lines)) if number else 0
            sites = np.arange(lines) - shift
            return np.where((sites >= 0) & (sites < rows), sites, AWAY)
        mean = weights.sum(axis=(1, 3))[self._row_sources]
        return increasing_map(mean * self.rng.random(mean.shape), parking=self.grid.parking)[0]

    def _col_weights(self, weights: Floats, rows: Ints) -> Floats:
        at = np.flatnonzero(rows >= 0)
        value: Floats = weights[self._row_sources[at], :, rows[at], :].sum(axis=0)[self._col_sources]
        return value

    def _row_weights(self, weights: Floats, cols: Ints) -> Floats:
        at = np.flatnonzero(cols >= 0)
        value: Floats = weights[:, self._col_sources[at], :, cols[at]].sum(axis=0)[self._row_sources]
        return value

    def _pairs(self, stage: Stage) -> tuple[Ints, Ints, Ints, Ints]:
        """Indices into (row, col, row, col) of the sites that a stage brings together."""
        i, j = np.flatnonzero(stage.rows >= 0), np.flatnonzero(stage.cols >= 0)
        a, b = (grid.ravel() for grid in np.meshgrid(i, j, indexing="ij"))
        return self._row_sources[a], self._col_sources[b], stage.rows[a], stage.cols[b]

    def _clear(self, left: Floats, stage: Stage) -> None:
        r, c, to_r, to_c = self._pairs(stage)
        left[r, c, to_r, to_c] = 0
        left[to_r, to_c, r, c] = 0

    def cover(self, stage: Stage) -> NDArray[np.bool_]:
        """Return which sites a stage brings together, shape (rows, cols, rows, cols), symmetric."""
        r, c, to_r, to_c = self._pairs(stage)
        cover = np.zeros(self.wanted.shape, dtype=bool)
        cover[r, c, to_r, to_c] = cover[to_r, to_c, r, c] = True
        return cover


class _Cover:
    """Stages in the course of a search, and how many of them bring each pair of sites together."""

    def __init__(self, search: StageSearch, stages: list[Stage]) -> None:
        self.search = search
        self.stages = list(stages)
        self.covers = [search.cover(stage) for stage in stages]
        self.count = np.zeros(search.wanted.shape, dtype=np.int64)
        for cover in self.covers:
            self.count += cover

    def drop_least(self) -> None:
        """Remove the stage with fewest gates that no other runs."""
        alone = self.search.wanted & (self.count == 1)
        worst = int(np.argmin([np.count_nonzero(cover & alone) for cover in self.covers]))
        self.count -= self.covers.pop(worst)
        self.stages.pop(worst)

    def improve(self) -> int:
        """Optimise each stage for what the others leave; return the number of gates still missing, counted twice."""
        search, rng = self.search, self.search.rng
        missing = int(np.count_nonzero(search.wanted & (self.count == 0)))
        if not missing:
            return 0
        wanted = search.wanted.astype(float)
        for k in rng.permutation(len(self.stages)).tolist():
            self.count -= self.covers[k]
            # Gates that others run as well weigh next to nothing, but lead to stages not tried before.
            weights = np.where(self.count == 0, wanted, 1e-3 * rng.random() * wanted)
            self.stages[k], _ = search.step(weights, self.stages[k].rows, noise=1e-4)
            self.covers[k] = search.cover(self.stages[k])
            self.count += self.covers[k]
        return int(np.count_nonzero(search.wanted & (self.count == 0)))


class Embedding:
    """Which qubit is at which site, while that may still change.

    Attributes:
        sites: Index row * cols + col of the site of each qubit, then those of dummies on the empty sites.
    """

    def __init__(
        self, pairs: Iterable[tuple[int, int]], sites: Sequence[tuple[int, int]], rows: int, cols: int
    ) -> None:
        taken = [row * cols + col for row, col in sites]
        self.sites = taken + sorted(set(range(rows * cols)) - set(taken))
        self._partners: list[list[int]] = [[] for _ in self.sites]
        for a, b in pairs:
            self._partners[a].append(b)
            self._partners[b].append(a)

    def wanted(self, grid: Grid) -> NDArray[np.bool_]:
        """Whether sites have a gate, shape (rows, cols, rows, cols)."""
        size = len(self.sites)
        table = np.zeros((size, size), dtype=bool)
        for a, partners in enumerate(self._partners):
            table[self.sites[a], [self.sites[b] for b in partners]] = True
        return table.reshape(grid.rows, grid.cols, grid.rows, grid.cols)

    def anneal(self, covered: NDArray[np.bool_], rng: np.random.Generator) -> None:
        """Exchange qubits so that more of their gates are between covered sites."""
        size, sites = len(self.sites), self.sites
        table = covered.reshape(size, size).astype(int).tolist()
        first, second = (rng.integers(size, size=TRIES_PER_ROUND).tolist() for _ in range(2))
        limits = -TEMPERATURE * np.log(1 - rng.random(TRIES_PER_ROUND))
        for a, b, limit in zip(first, second, limits.tolist(), strict=True):
            if a == b:
                continue
            at_a, at_b = sites[a], sites[b]
            row_a, row_b = table[at_a], table[at_b]
            lost = 0
            for other in self._partners[a]:
                if other != b:
                    lost += row_a[sites[other]] - row_b[sites[other]]
            for other in self._partners[b]:
                if other != a:
                    lost += row_b[sites[other]] - row_a[sites[other]]
            if lost <= limit:
                sites[a], sites[b] = at_b, at_a


def _sites(lines: Mapping[int, int], count: int) -> Ints:
    """The site of each line, `AWAY` for those not listed."""
    sites = np.full(count, AWAY)
    sites[list(lines)] = list(lines.values())
    return sites


def _shift(sites: int, shift: int) -> Ints:
    """Two arrays of lines moved by `shift` sites: line k + shift stands at site k."""
    lines = np.arange(2 * sites) - shift
    return np.where((lines >= 0) & (lines < sites), lines, AWAY)
