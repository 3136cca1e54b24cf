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
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .stage import Crossing

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Interval = tuple[int, int]

MOST_LINES = 3
"""Lines in a cluster, at most; with more, crossings at its ends are out of reach of each other."""

MOST_STEPS = 64
"""A search that takes more steps is given up."""

MOST_CELLS = 500_000
"""Cells of all searches that run together, which bounds the memory."""

ROUNDS = 2
"""How often clusters of rows and of columns are improved in turn."""

STARTS = 5
"""Clusters from which the clusters of a step are improved; the best result is taken."""

OUTWARD = 0.6
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


def plan_cats(
    patterns: Sequence[frozenset[Crossing]], reach: float, *, tries: int = 8, seed: int = 0
) -> list[CatPlan] | None:
    """Search for few pulses that take cats apart.

    All searches on one shape of lines run together, as numpy arrays.

    Args:
        patterns: For each cat, its crossings (row line, column line): at least two; every line up to the highest should
            have one.
        reach: Greatest distance at which two ancillas interact, in units of the spacing of lines in a cluster.
        tries: Number of searches for each cat; the best result is kept.
        seed: Seed of the searches.

    Returns:
        The plans, or None if there is one that was not found: lines in a cluster are out of reach.
    """
    rng = np.random.default_rng(seed)
    by_shape: dict[tuple[int, int], list[int]] = {}
    for number, pattern in enumerate(patterns):
        shape = 1 + max(row for row, _ in pattern), 1 + max(col for _, col in pattern)
        by_shape.setdefault(shape, []).append(number)
    plans: dict[int, CatPlan] = {}
    for shape, numbers in by_shape.items():
        batch = max(1, MOST_CELLS // (tries * math.prod(3 * lines for lines in shape)))
        for first in range(0, len(numbers), batch):
            part = numbers[first : first + batch]
            members = np.zeros((len(part), *shape), dtype=bool)
            for k, number in enumerate(part):
                members[k][tuple(np.array(sorted(patterns[number])).T)] = True
            search = _Search(np.repeat(members, tries, axis=0), reach, tries, rng)
            search.run()
            for k, number in enumerate(part):
                best = search.plan(k * tries)
                if best is None:
                    return None
                plans[number] = best
    return [plans[number] for number in range(len(patterns))]


class _Search:
    """Tries that run together, each with its members that are left: arrays of shape (tries, rows, cols).

    The first try of each cat is without noise and ends at the centre; the others end near it.
    """

    def __init__(self, members: Bools, reach: float, tries: int, rng: np.random.Generator) -> None:
        self.members, self.reach, self.tries, self.rng = members, reach, tries, rng
        count, rows, cols = members.shape
        self.shape = rows, cols
        self.rows, self.cols = _axis(rows), _axis(cols)
        first = np.arange(count) % tries == 0
        self.noise = np.where(first, 0.0, NOISE)[:, None, None]
        centres = (np.array(self.shape) - 1) / 2 + np.where(first, 0.0, 0.8)[:, None] * rng.normal(size=(count, 2))
        row, col = np.indices(self.shape)
        self.distance: Floats = np.abs(row - centres[:, :1, None]) + np.abs(col - centres[:, 1:, None])
        self.distance += 1e-6 * np.arange(rows * cols).reshape(self.shape)  # no two are equal
        self.nearest = self._least_in_cells()
        self.clusters: list[tuple[Ints, Ints]] = []  # of rows and of columns, for each step
        self.history = [members]  # members before the first step and after each

    def run(self) -> None:
        """Take steps until one member is left in the best try of each cat, or it does not go on."""
        for _ in range(MOST_STEPS):
            left = self.members.sum(axis=(1, 2))
            if (left.reshape(-1, self.tries).min(axis=1) == 1).all():
                return
            clusters = self._clusters(self._values())
            self._advance(*clusters)
            if np.array_equal(self.members, self.history[-1]):
                return
            self.clusters.append(clusters)
            self.history.append(self.members)

    def plan(self, first: int) -> CatPlan | None:
        """Return the plan of the try that ended first of those from `first` on, if one did."""
        for length, members in enumerate(self.history):
            left = members[first : first + self.tries].sum(axis=(1, 2))
            if left.min() == 1:
                k = first + int(left.argmin())
                row, col = np.argwhere(members[k])[0].tolist()
                return CatPlan(self.shape, (row, col), tuple(self._step(k, number) for number in range(length)))
        return None

    def _step(self, k: int, number: int) -> Step:
        """Return a step of a try."""
        rows, cols = (labels[k] for labels in self.clusters[number])
        before, after = self.history[number][k], self.history[number + 1][k]
        stays = {(int(rows[row]), int(cols[col])): (row, col) for row, col in np.argwhere(before & after).tolist()}
        links = (
            Link(stays[int(rows[row]), int(cols[col])], (row, col), leaves=bool(before[row, col]))
            for row, col in np.argwhere(before != after).tolist()
        )
        return Step(_intervals(rows), _intervals(cols), tuple(links))

    def _values(self) -> Floats:
        """Value of each cell, shape (tries, row intervals, column intervals)."""
        worth = 1 + OUTWARD * self.distance + self.noise * self.rng.random(self.members.shape)
        row, col = np.indices(self.shape)
        ones = np.ones_like(worth)
        layers = [ones, ones * row, ones * col, ones * (row**2 + col**2), worth, worth**2, self.distance]
        count, rows, cols, squares, value, value2, distance = self._in_cells(np.stack(layers))
        # The squared distance of two members, and the greater worth of two.
        apart2 = 2 * squares - rows**2 - cols**2
        greater = (value + np.sqrt(np.maximum(2 * value2 - value**2, 0.0))) / 2
        pair = np.where(apart2 <= self.reach**2 + 1e-3, greater, _ILLEGAL)
        nearer = distance - self.nearest
        alone = np.where(nearer > 0.5, INWARD * nearer, 0.0)
        found: Floats = np.where(count > 2.5, _ILLEGAL, np.where(count > 1.5, pair, np.where(count > 0.5, alone, 0.0)))
        return found

    def _in_cells(self, layers: Floats) -> Floats:
        """Sums over the members in each cell, shape (layers, tries, row intervals, column intervals).

        Two products of matrices, in single precision: this is where the time goes.
        """
        shape = (len(layers), len(self.members))
        held = (layers * self.members).astype(np.float32)
        by_cols = held.reshape(-1, self.shape[1]) @ self.cols.inside
        turned = by_cols.reshape(*shape, self.shape[0], -1).swapaxes(2, 3).reshape(-1, self.shape[0])
        cells: Floats = (turned @ self.rows.inside).reshape(*shape, self.cols.inside.shape[1], -1).swapaxes(2, 3)
        return cells

    def _clusters(self, values: Floats) -> tuple[Ints, Ints]:
        """Return the cluster of each row and of each column, for each try: the best found from several starts.

        Clusters of rows and of columns are improved in turn, from single rows, from single columns, and at random.
        """
        tries = np.arange(len(values))
        best, labels = np.full(len(values), -np.inf), (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        of_rows = values[:, self.rows.single].sum(axis=1)  # value of column intervals while all rows are single
        for number in range(STARTS):
            if number == 1:
                chosen_cols = np.zeros(of_rows.shape)
                chosen_cols[:, self.cols.single] = 1.0
            else:
                random = 3 * self.rng.random(of_rows.shape) + np.minimum(of_rows, 0.0)
                _, chosen_cols = self.cols.partition(random if number else of_rows)
            for _ in range(ROUNDS):
                _, chosen_rows = self.rows.partition(np.einsum("tij,tj->ti", values, chosen_cols))
                value, chosen_cols = self.cols.partition(np.einsum("tij,ti->tj", values, chosen_rows))
            found = self.rows.labels(chosen_rows), self.cols.labels(chosen_cols)
            if number == 0:
                best, labels = value, found
                continue
            better = tries[value > best + 1e-9]
            best[better] = value[better]
            for old, new in zip(labels, found, strict=True):
                old[better] = new[better]
        return labels

    def _advance(self, rows: Ints, cols: Ints) -> None:
        """Let the outer of two members in a cell leave, and a crossing join that is nearer than a single one."""
        members, distance = self.members, self.distance
        count, size = len(members), math.prod(self.shape)
        cell = (np.arange(count) * size)[:, None, None] + rows[:, :, None] * self.shape[1] + cols[:, None, :]
        held = cell[members]
        number = np.bincount(held, minlength=count * size)
        outer = np.full(count * size, -np.inf)
        np.maximum.at(outer, held, distance[members])
        leaving = members & (number[cell] == 2) & (distance == outer[cell])
        row, col = np.indices(self.shape)
        of_member = [
            np.bincount(held, np.broadcast_to(layer, members.shape)[members], minlength=count * size)[cell]
            for layer in (row, col)
        ]
        near = (row - of_member[0]) ** 2 + (col - of_member[1]) ** 2 <= self.reach**2 + 1e-6
        joining = (number[cell] == 1) & ~members & near & (distance <= outer[cell] - 0.5)
        inner = np.full(count * size, np.inf)
        np.minimum.at(inner, cell[joining], distance[joining])
        joining &= distance == inner[cell]
        left = members.sum(axis=(1, 2), keepdims=True)
        self.members = np.where(left == 1, members, (members & ~leaving) | joining)  # tries that are over rest

    def _least_in_cells(self) -> Floats:
        """Least distance in each cell."""
        count, (rows, cols) = len(self.members), self.shape
        padded = np.full((count, rows + MOST_LINES, cols + MOST_LINES), np.inf)
        padded[:, :rows, :cols] = self.distance
        least = np.full((count, len(self.rows.starts), len(self.cols.starts)), np.inf)
        for down, right in itertools.product(range(MOST_LINES), repeat=2):
            inside = (self.rows.starts + down < self.rows.ends)[:, None] & (self.cols.starts + right < self.cols.ends)
            here = padded[:, self.rows.starts + down][:, :, self.cols.starts + right]
            least = np.where(inside, np.minimum(least, here), least)
        return least


class _Axis:
    """The intervals of up to `MOST_LINES` lines of an axis, and partitions of the lines into them."""

    def __init__(self, lines: int) -> None:
        self.lines = lines
        intervals = [(a, b + 1) for a in range(lines) for b in range(a, min(lines, a + MOST_LINES))]
        self.starts, self.ends = np.array(intervals).T
        self.single = np.flatnonzero(self.ends - self.starts == 1)
        line = np.arange(lines)[:, None]
        self.inside = ((self.starts <= line) & (line < self.ends)).astype(np.float32)  # shape (lines, intervals)
        self._ending = [np.flatnonzero(self.ends == end) for end in range(lines + 1)]

    def partition(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the greatest sum of values of intervals that partition the lines, and 1 for those, 0 for others.

        Args:
            values: Of each interval, shape (tries, intervals).
        """
        count = len(values)
        best = np.zeros((count, self.lines + 1))
        last = np.zeros((count, self.lines + 1), dtype=np.int64)
        rows = np.arange(count)
        for end in range(1, self.lines + 1):
            ending = self._ending[end]
            sums = best[:, self.starts[ending]] + values[:, ending]
            arg = sums.argmax(axis=1)
            best[:, end], last[:, end] = sums[rows, arg], ending[arg]
        chosen = np.zeros(values.shape)
        reached = np.full(count, self.lines)
        while rows.size:
            interval = last[rows, reached[rows]]
            chosen[rows, interval] = 1.0
            reached[rows] = self.starts[interval]
            rows = rows[reached[rows] > 0]
        return best[:, -1], chosen

    def labels(self, chosen: Floats) -> Ints:
        """Return the number of the interval that each line belongs to, shape (tries, lines)."""
        first = np.zeros((len(chosen), self.lines), dtype=np.int64)
        tries, intervals = np.nonzero(chosen)
        first[tries, self.starts[intervals]] = 1
        numbers: Ints = first.cumsum(axis=1) - 1
        return numbers


@functools.lru_cache(maxsize=64)
def _axis(lines: int) -> _Axis:
    return _Axis(lines)


def _intervals(labels: Ints) -> tuple[Interval, ...]:
    """Return (first, last) of the lines with equal labels, which are consecutive."""
    starts = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    return tuple((first, end - 1) for first, end in itertools.pairwise(starts))
