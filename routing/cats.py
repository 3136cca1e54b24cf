"""Cat states on a grid of ancillas: how few pulses take |0...0> + |1...1> from one ancilla to many, and back.

The members of the cat stand at crossings of row and column lines, in their order; ancillas at other crossings are in
|0>, hence dark. In a step the lines draw together in clusters, close enough for crossings of one cluster of rows and
one of columns to interact, while clusters keep the safe distance. Where exactly two ancillas of such a *cell* are
driven, a CNOT from the one to the other makes it a member or lets it go. Cells with three or more members are illegal.

A plan is searched backwards, from all members to the last one, the *root*: in each step as many members leave as
clusters can be found for, outer ones first. Given the clusters of rows, the best clusters of columns are a longest-path
problem, solved by dynamic programming, so the two are improved in turn. A member that is alone in its cell may bring in
a crossing nearer to the root, which is how members too far from each other meet.

References:
    Cat states that fan out over flying ancillas: Q-Pilot, arXiv 2311.16190, section on quantum simulation, which
    makes one for the root qubit of a Pauli string.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .stage import Crossing

Floats = NDArray[np.float64]
Interval = tuple[int, int]

MOST_LINES = 3
"""Lines in a cluster, at most; with more, crossings at its ends are out of reach of each other."""

MOST_STEPS = 64
"""A search that takes more steps is given up."""

STARTS = 5
"""Clusters from which the clusters of a step are improved; the best result is taken."""

OUTWARD = 0.3
"""What it is worth, in members, that a leaving member is one line farther from the root."""

INWARD = 0.1
"""What it is worth, in members, that a member brings in a crossing which is one line nearer to the root."""

NOISE = 0.3
"""Random part of the worth of a member, for other results in other tries."""

_ILLEGAL = -1e6


class Link(NamedTuple):
    """A CNOT between two ancillas of a cat.

    Attributes:
        control: Crossing of a member.
        target: Crossing that leaves the cat, or joins it.
        leaves: Whether the target leaves.
    """

    control: Crossing
    target: Crossing
    leaves: bool


class Step(NamedTuple):
    """One pulse.

    Attributes:
        rows: Clusters of row lines, as (first, last); together they are all lines.
        cols: Clusters of column lines.
        links: The CNOTs.
    """

    rows: tuple[Interval, ...]
    cols: tuple[Interval, ...]
    links: tuple[Link, ...]


class CatPlan(NamedTuple):
    """How a cat is taken apart; backwards, with leaving and joining exchanged, how it is made.

    Attributes:
        shape: Numbers of row lines and column lines.
        root: The crossing that is left.
        steps: Pulses, in order.
    """

    shape: tuple[int, int]
    root: Crossing
    steps: tuple[Step, ...]


def plan_cat(members: Collection[Crossing], reach: float, *, tries: int = 6, seed: int = 0) -> CatPlan | None:
    """Search for few pulses that take a cat apart.

    Args:
        members: Its crossings (row line, column line); every line up to the highest should have one.
        reach: Greatest distance at which two ancillas interact, in units of the spacing of lines in a cluster.
        tries: Number of searches; the best result is returned.
        seed: Seed of the search.

    Returns:
        The plan, or None if none was found: lines in a cluster are out of reach.
    """
    shape = 1 + max(row for row, _ in members), 1 + max(col for _, col in members)
    start = np.zeros(shape, dtype=bool)
    start[tuple(np.array(sorted(members)).T)] = True
    fewest = math.ceil(math.log2(len(members)))
    rng = np.random.default_rng(seed)
    best: list[Step] | None = None
    root = (0, 0)
    for number in range(tries):
        centre = (np.array(shape) - 1) / 2 + (0.8 * rng.normal(size=2) if number else 0.0)
        search = _Search(start, centre, reach, rng, noise=NOISE if number else 0.0)
        steps = search.run(MOST_STEPS if best is None else len(best) - 1)
        if steps is not None:
            best, root = steps, search.last_member()
        if best is not None and len(best) == fewest:
            break
    return None if best is None else CatPlan(shape, root, tuple(best))


class _Search:
    """One try: the members that are left, and what cells are worth."""

    def __init__(
        self, start: NDArray[np.bool_], centre: Floats, reach: float, rng: np.random.Generator, *, noise: float
    ) -> None:
        self.members = start.copy()
        self.reach, self.rng, self.noise = reach, rng, noise
        rows, cols = np.indices(start.shape)
        self.distance: Floats = np.abs(rows - centre[0]) + np.abs(cols - centre[1])
        self.tables = _tables(*start.shape)
        self.nearest = _least_in_cells(self.distance, self.tables)

    def last_member(self) -> Crossing:
        row, col = np.argwhere(self.members)[0].tolist()
        return row, col

    def run(self, most: int) -> list[Step] | None:
        """Return steps until one member is left, or None if it takes more than `most`."""
        steps: list[Step] = []
        left = int(self.members.sum())
        while left > 1:
            if len(steps) + math.ceil(math.log2(left)) > most:
                return None
            step = self._step()
            if step is None:
                return None
            for link in step.links:
                self.members[link.target] = not link.leaves
            steps.append(step)
            left = int(self.members.sum())
        return steps

    def _step(self) -> Step | None:
        worth = 1 + OUTWARD * self.distance + self.noise * self.rng.random(self.members.shape)
        values = self._values(worth)
        best, most = None, 0.0
        for number in range(STARTS):
            value, rows, cols = self._clusters(values, number)
            if value > most + 1e-9:
                best, most = (rows, cols), value
        if best is None:
            return None
        row_clusters = tuple(self.tables.rows.intervals[k] for k in best[0])
        col_clusters = tuple(self.tables.cols.intervals[k] for k in best[1])
        links = tuple(self._links(row_clusters, col_clusters))
        return Step(row_clusters, col_clusters, links) if links else None

    def _clusters(self, values: Floats, number: int) -> tuple[float, list[int], list[int]]:
        """Improve clusters of rows and of columns in turn, from single rows, from single columns, or at random."""
        rows, cols = self.tables.rows, self.tables.cols
        best_rows, best_cols = rows.single, cols.single
        if number == 0:
            _, best_cols = cols.partition(values[best_rows].sum(axis=0))
        elif number > 1:
            random = 3 * self.rng.random(len(cols.intervals))
            _, best_cols = cols.partition(random + np.minimum(values[rows.single].sum(axis=0), 0.0))
        most, best_rows = rows.partition(values[:, best_cols].sum(axis=1))
        while True:
            _, better_cols = cols.partition(values[best_rows].sum(axis=0))
            value, better_rows = rows.partition(values[:, better_cols].sum(axis=1))
            if value <= most + 1e-9:
                return most, best_rows, best_cols
            most, best_rows, best_cols = value, better_rows, better_cols

    def _values(self, worth: Floats) -> Floats:
        """Value of each cell, shape (row intervals, column intervals)."""
        rows, cols = np.indices(self.members.shape)
        layers = np.stack([np.ones_like(worth), rows, rows**2, cols, cols**2, worth, worth**2, self.distance])
        sums = np.zeros((len(layers), worth.shape[0] + 1, worth.shape[1] + 1))
        sums[:, 1:, 1:] = (layers * self.members).cumsum(axis=1).cumsum(axis=2)
        by_rows = sums[:, self.tables.rows.ends] - sums[:, self.tables.rows.starts]
        cells = by_rows[:, :, self.tables.cols.ends] - by_rows[:, :, self.tables.cols.starts]
        count, row, row2, col, col2, value, value2, distance = cells
        apart2 = 2 * (row2 + col2) - row**2 - col**2  # squared distance of two members
        greater = (value + np.sqrt(np.maximum(2 * value2 - value**2, 0.0))) / 2  # the greater worth of two
        pair = np.where(apart2 <= self.reach**2 + 1e-6, greater, _ILLEGAL)
        nearer = distance - self.nearest
        alone = np.where(nearer > 0.5, INWARD * nearer, 0.0)
        found: Floats = np.select([count > 2.5, count > 1.5, count > 0.5], [_ILLEGAL, pair, alone], 0.0)
        return found

    def _links(self, row_clusters: tuple[Interval, ...], col_clusters: tuple[Interval, ...]) -> Iterator[Link]:
        for first_row, last_row in row_clusters:
            for first_col, last_col in col_clusters:
                cell = self.members[first_row : last_row + 1, first_col : last_col + 1]
                found = [(first_row + r, first_col + c) for r, c in np.argwhere(cell).tolist()]
                if len(found) == 2:
                    inner, outer = sorted(found, key=lambda crossing: float(self.distance[crossing]))
                    yield Link(inner, outer, leaves=True)
                elif len(found) == 1:
                    nearer = self._nearer(found[0], (first_row, last_row), (first_col, last_col))
                    if nearer is not None:
                        yield Link(found[0], nearer, leaves=False)

    def _nearer(self, member: Crossing, rows: Interval, cols: Interval) -> Crossing | None:
        """The crossing of a cell within reach of its member that is nearest to the centre, if that is nearer."""
        others = [
            (row, col)
            for row in range(rows[0], rows[1] + 1)
            for col in range(cols[0], cols[1] + 1)
            if math.hypot(row - member[0], col - member[1]) <= self.reach + 1e-6
            and self.distance[row, col] <= self.distance[member] - 0.5
        ]
        return min(others, key=lambda crossing: float(self.distance[crossing]), default=None)


class _Axis:
    """The intervals of up to `MOST_LINES` lines of an axis, and the best partition into them."""

    def __init__(self, lines: int) -> None:
        self.lines = lines
        self.intervals = [(a, b) for a in range(lines) for b in range(a, min(lines, a + MOST_LINES))]
        self.starts = np.array([a for a, _ in self.intervals])
        self.ends = np.array([b + 1 for _, b in self.intervals])
        self.single = [k for k, (a, b) in enumerate(self.intervals) if a == b]
        self._ending = [[(a, k) for k, (a, b) in enumerate(self.intervals) if b == end] for end in range(lines)]

    def partition(self, values: Floats) -> tuple[float, list[int]]:
        """Return the greatest sum of values of intervals that partition the lines, and these intervals."""
        value = values.tolist()
        best = [0.0] * (self.lines + 1)
        last = [(0, 0)] * self.lines
        for end, ending in enumerate(self._ending):
            best[end + 1], last[end] = max((best[start] + value[k], (start, k)) for start, k in ending)
        chosen, end = [], self.lines
        while end:
            end, k = last[end - 1]
            chosen.append(k)
        return best[-1], chosen[::-1]


class _Tables(NamedTuple):
    rows: _Axis
    cols: _Axis


@functools.lru_cache(maxsize=256)
def _tables(rows: int, cols: int) -> _Tables:
    return _Tables(_Axis(rows), _Axis(cols))


def _least_in_cells(values: Floats, tables: _Tables) -> Floats:
    """Least value in each cell, shape (row intervals, column intervals)."""
    by_rows = np.minimum.reduceat(
        np.vstack([values, np.full((1, values.shape[1]), np.inf)]), _bounds(tables.rows), axis=0
    )[::2]
    least: Floats = np.minimum.reduceat(
        np.hstack([by_rows, np.full((len(by_rows), 1), np.inf)]), _bounds(tables.cols), axis=1
    )[:, ::2]
    return least


def _bounds(axis: _Axis) -> NDArray[np.int64]:
    """Start and end of each interval in turn, as `reduceat` wants them."""
    return np.stack([axis.starts, axis.ends], axis=1).ravel()
