"""What fits in one stage: gates whose sources and targets are in the same order, and lines for all ancillas."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .lines import Axis

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Lines = tuple[list[float], list[float]]
"""Positions of the row lines (y) and column lines (x), in micrometres."""

Crossing = tuple[int, int]
"""(row line, column line)."""


class Use(NamedTuple):
    """A gate of the block, run by the copy of `source` at crossing (row, col), standing beside the atom of `target`."""

    gate: int
    source: int
    target: int
    row: int
    col: int

    @property
    def crossing(self) -> Crossing:
        """Row line and column line of the copy."""
        return self.row, self.col


@dataclass(frozen=True, slots=True)
class Layout:
    """The sites of the data qubits and the axes of the AODs that serve them.

    Lines are numbered through: those of the second AOD, with as many, follow those of the first.

    Attributes:
        rows: Row lines of the first AOD.
        cols: Its column lines.
        sites: (row, col) of each data qubit, shape (n, 2).
        occupied: Whether each site holds a data qubit, shape (rows, cols).
    """

    rows: Axis
    cols: Axis
    sites: Ints
    occupied: Bools
    spacing_um: float
    safe_um: float
    more_rows: tuple[Axis, ...] = ()

    @property
    def num_aods(self) -> int:
        """How many AODs there are."""
        return 1 + len(self.more_rows)

    def home_um(self) -> Lines:
        """Return positions with every line at its own site."""
        rows = [y for axis in (self.rows, *self.more_rows) for y in axis.home_um()]
        return rows, self.cols.home_um() * self.num_aods

    def aod_of(self, crossings: Ints) -> Ints:
        """Return the AOD of each crossing, shape (n,), given shape (n, 2)."""
        aods: Ints = crossings[:, 0] // self.rows.num_lines
        return aods

    @property
    def has_line_for_every_site(self) -> bool:
        """Whether every row and column of sites has lines of its own."""
        return all(axis.num_lines >= axis.num_sites for axis in (self.rows, self.cols))

    def crossings_of(self, source: int, target: int | None = None) -> list[Crossing]:
        """Crossings of the home site of `source`; with a target, only those that suit a copy on its way there.

        Of the lines of a site, the later ones suit copies that move to higher rows or columns.
        """
        row, col = self.sites[source].tolist()
        to_row, to_col = (row, col) if target is None else self.sites[target].tolist()
        found = [(i, j) for i in _lines_toward(self.rows, row, to_row) for j in _lines_toward(self.cols, col, to_col)]
        num_rows, num_cols = self.rows.num_lines, self.cols.num_lines
        return [(k * num_rows + i, k * num_cols + j) for k in range(self.num_aods) for i, j in found]


def _lines_toward(axis: Axis, site: int, target: int) -> range:
    first, half = site * axis.per_site, axis.per_site // 2
    last = first + axis.per_site
    return range(first + half if target > site else first, last - half if target < site else last)


def agree(layout: Layout, lines: Ints, sites: Ints, other_lines: Ints, other_sites: Ints) -> Bools:
    """Return which crossings, at these sites, may share a pulse with all of the others, as far as order tells."""
    result: Bools = np.asarray(_in_order(layout, lines, sites, other_lines, other_sites).all(axis=1))
    return result


def _in_order(layout: Layout, lines: Ints, sites: Ints, other_lines: Ints, other_sites: Ints) -> Bools:
    """Whether lines at sites keep the order and the number of lines at a site with each of others, shape (n, m)."""
    allowed: Bools = np.ones((len(lines), len(other_lines)), dtype=bool)
    for k, axis in ((0, layout.rows), (1, layout.cols)):
        line_step = lines[:, None, k] - other_lines[None, :, k]
        site_step = sites[:, None, k] - other_sites[None, :, k]
        fits = line_step * site_step >= 0
        fits &= (line_step != 0) | (site_step == 0)
        fits &= (site_step != 0) | (np.abs(line_step) < axis.stack)
        np.logical_and(allowed, fits, out=allowed)
    if layout.more_rows:
        np.logical_or(allowed, layout.aod_of(lines)[:, None] != layout.aod_of(other_lines)[None, :], out=allowed)
    return allowed


def compatible(layout: Layout, uses: Sequence[Use], live: Mapping[int, Crossing]) -> Bools:
    """Return which pairs of uses may share a stage, as a symmetric matrix, as far as a pair can tell.

    Rows and columns keep their order; lines at one site are few; each gate, copy and target serves once; and no third
    copy is carried to an occupied site. Whether there is room for all lines and ancillas, `place_stage` tells.
    """
    gates, sources, targets_of, *_ = table = np.array(uses).T
    lines, targets = table[3:].T, layout.sites[targets_of]
    allowed = _in_order(layout, lines, targets, lines, targets)
    for value in (gates, sources, targets_of):
        allowed &= value[:, None] != value[None, :]
    holder = np.full((layout.num_aods * layout.rows.num_lines, layout.num_aods * layout.cols.num_lines), -1)
    for source, crossing in live.items():
        holder[crossing] = source
    third = holder[lines[:, None, 0], lines[None, :, 1]]
    strays = (third >= 0) & (third != sources[:, None]) & (third != sources[None, :])
    strays &= layout.occupied[targets[:, None, 0], targets[None, :, 1]]
    result: Bools = allowed & ~(strays | strays.T)
    return result


_PARKING = ((0, 1), (1, 1), (0, 3), (1, 3))
"""Ways to park, tried in order: the axis along which copies are parked first, and how many lines may share a gap."""


def place_stage(
    layout: Layout, visits: Mapping[Crossing, int], live: Collection[Crossing], before: Lines | None = None
) -> Lines | None:
    """Return line positions for one pulse, or None.

    Args:
        layout: The sites and the axes.
        visits: The data qubit beside which each of these crossings must stand.
        live: All crossings with bright copies; those that visit nobody are parked between rows or between columns.
        before: Positions that do for the visits and that are kept if they do for the other copies too.
    """
    unused = [crossing for crossing in live if crossing not in visits]
    crossings = np.array([*visits, *unused])
    if before is not None and _clear(layout, *before, crossings, len(visits)):
        return before
    if not layout.more_rows:
        for lines in _ways_to_place(layout, layout.rows, visits, unused):
            if _clear(layout, *lines, crossings, len(visits)):
                return lines
        return None
    num_rows, num_cols = layout.rows.num_lines, layout.cols.num_lines
    ways = []
    for aod, rows in enumerate((layout.rows, *layout.more_rows)):
        down, right = aod * num_rows, aod * num_cols
        its_visits = {(i - down, j - right): target for (i, j), target in visits.items() if i // num_rows == aod}
        its_unused = [(i - down, j - right) for i, j in unused if i // num_rows == aod]
        ways.append(list(_ways_to_place(layout, rows, its_visits, its_unused)))
    for choice in product(*ways):
        both = [y for rows_um, _ in choice for y in rows_um], [x for _, cols_um in choice for x in cols_um]
        if _clear(layout, *both, crossings, len(visits)):
            return both
    return None


def _ways_to_place(
    layout: Layout, rows: Axis, visits: Mapping[Crossing, int], unused: Sequence[Crossing]
) -> Iterator[Lines]:
    """Yield line positions of one AOD for these visits, with the unused copies parked in different ways."""
    at_rows = {row: int(layout.sites[target, 0]) for (row, _), target in visits.items()}
    at_cols = {col: int(layout.sites[target, 1]) for (_, col), target in visits.items()}
    carried = [(row, col) for row, col in unused if row in at_rows and col in at_cols]
    if any(layout.occupied[at_rows[row], at_cols[col]] for row, col in carried):
        return
    free = [crossing for crossing in unused if crossing not in carried]
    for first, share in _PARKING if free else _PARKING[:1]:
        lines = _park((rows, layout.cols), (at_rows, at_cols), free, first, share)
        if lines is not None:
            yield lines


def _park(
    axes: tuple[Axis, Axis],
    anchors: tuple[dict[int, int], dict[int, int]],
    unused: list[Crossing],
    first: int,
    share: int,
) -> Lines | None:
    """Place all lines; the unused copies are parked along one axis where there is room, the rest along the other."""
    second = 1 - first
    at_first, at_second = anchors[first], anchors[second]
    must = {c[first] for c in unused if c[second] in at_second}
    gaps = axes[first].gaps_for(at_first, {c[first] for c in unused} - at_first.keys(), share)
    if not must <= gaps.keys():
        gaps = axes[first].gaps_for(at_first, must, share)
    along_first = axes[first].place(at_first, gaps)
    if along_first is None or len(must - gaps.keys()):
        return None
    rest = {c[second] for c in unused if c[first] not in gaps}
    gaps = axes[second].gaps_for(at_second, rest, share)
    along_second = axes[second].place(at_second, gaps)
    if along_second is None or len(gaps) < len(rest):
        return None
    return (along_first, along_second) if first == 0 else (along_second, along_first)


def _clear(layout: Layout, rows: list[float], cols: list[float], crossings: Ints, num_used: int) -> bool:
    """Whether bright ancillas at these crossings, the first `num_used` of which are at targets, keep their distance."""
    if not len(crossings):
        return True
    y, x = np.array(rows)[crossings[:, 0]], np.array(cols)[crossings[:, 1]]
    square = layout.safe_um**2 - 1e-9
    apart = (x[:, None] - x[None, :]) ** 2 + (y[:, None] - y[None, :]) ** 2
    np.fill_diagonal(apart, np.inf)
    if apart.min() < square:
        return False
    y, x = y[num_used:], x[num_used:]
    num_rows, num_cols = layout.occupied.shape
    row, col = np.floor(y / layout.spacing_um).astype(int), np.floor(x / layout.spacing_um).astype(int)
    for down in (0, 1):
        for right in (0, 1):
            r, c = row + down, col + right
            near = (x - c * layout.spacing_um) ** 2 + (y - r * layout.spacing_um) ** 2 < square
            near &= (r >= 0) & (r < num_rows) & (c >= 0) & (c < num_cols)
            if near.any() and layout.occupied[r[near], c[near]].any():
                return False
    return True


def pick(weights: NDArray[np.float64], allowed: Bools) -> list[int]:
    """Return a heavy set of mutually allowed items, taking each time the one that leaves the most weight possible."""
    allowed = allowed & ~np.eye(len(weights), dtype=bool)
    table = allowed.astype(np.float64)
    alive = np.ones(len(weights), dtype=bool)
    chosen = []
    while alive.any():
        score = np.where(alive, weights * (1 + table @ (weights * alive)), -np.inf)
        best = int(score.argmax())
        chosen.append(best)
        alive &= allowed[best]
    return chosen
