"""Placement: which data qubit rests at which site.

Two gates can share a stage if the order of their targets, along rows and along columns, does not contradict the order
of their sources; either end of a gate may be its source. The search lowers the weight of the pairs of gates that run at
about the same time and cannot share one. It starts from sites that bring qubits with common gates together: short
flights rarely cross.

One sweep of the search costs a table: for every qubit, the weight at every site of the lattice while all others rest. A
pair of gates admits one end of a gate in at most two rectangles of sites, so sums over corners make the whole table in
time linear in the number of pairs. The best exchanges of a sweep, with noise that fades, are made together.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .routing.blocks import GateBlock

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]

TRIES_PER_QUBIT = 200
"""Exchanges tried per qubit where the start is searched."""

SWEEPS = 16
"""Sweeps of a search that must be fast."""

LONG_SWEEPS = 40
"""Sweeps of a search that takes about as long as routing; they bring 1 percent."""

RIVALS = 24
"""How many of the next gates in time compete with a gate; measured on 8 to 32."""

FADING_LAYERS = 4.0
"""The weight of a pair of gates falls by 1/e for each so many layers between them; measured on 1.5 to 10."""

WEIGHT_PER_GATE = 8.0
"""Mean weight of all pairs of a gate, which sets the scale of the noise: it starts at 1."""

FLIGHT_WEIGHT = 64.0
"""What a gate costs across the longer side of the region; measured on 4 to 500, with powers from 2 to 6."""

MOVED_SHARE = 0.1
"""At most this share of the qubits is exchanged in one sweep, since exchanges do not know of each other."""

MOST_TABLE_ENTRIES = 4_000_000
"""Where the table would have more entries, the start is taken as it is."""


def row_major(num_qubits: int, cols: int) -> list[tuple[int, int]]:
    """Return the sites (row, col) of qubits laid row by row."""
    return [divmod(q, cols) for q in range(num_qubits)]


def find_sites(block: GateBlock, rows: int, cols: int, *, seed: int = 0, sweeps: int = SWEEPS) -> list[tuple[int, int]]:
    """Return sites at which many gates of about the same time can share a stage.

    Args:
        block: The gates.
        rows: Rows of the region of the lattice that is used.
        cols: Its columns; rows x cols is at least the number of qubits.
        seed: Seed of the search.
        sweeps: Length of the search.
    """
    n = block.num_qubits
    rng = np.random.default_rng(seed)
    site_of = _near_sites(block, rows, cols, rng)  # behind the qubits, the sites that stay empty
    ends = np.array([(gate.a, gate.b) for gate in block.gates], dtype=np.int32).reshape(-1, 2)
    rivals = _rivals(ends, n)
    if not len(rivals.weight) or n * rows * cols > MOST_TABLE_ENTRIES:
        sweeps = 0
    best, lowest = site_of, np.inf
    everyone = np.arange(n)
    for sweep in range(sweeps):
        places = site_of // cols, site_of % cols
        table = _conflict_table(rivals, *places, (n, rows, cols))
        flights = _flight_table(ends, *places, (n, rows, cols))
        now = everyone, site_of[:n]
        total = table[now].sum() / 4 + flights[now].sum() / 2  # four ends of a pair of gates, two of a gate
        if total < lowest:
            best, lowest = site_of.copy(), total
        table += flights
        growth = table[:, site_of] - table[now][:, None]  # of a qubit that moves to the site of another
        growth[:, :n] += growth[:, :n].T.copy()
        growth[everyone, everyone] = np.inf
        _exchange(site_of, growth, 1 - sweep / sweeps, rng)
    return [divmod(site, cols) for site in best[:n].tolist()]


def _exchange(site_of: Ints, growth: Floats, noise: float, rng: np.random.Generator) -> None:
    """Make the best exchanges, each qubit and site in one of them; some are left out lest they undo each other."""
    n = len(growth)
    with_whom = (growth - noise * rng.gumbel(size=growth.shape)).argmin(axis=1)
    value = growth[np.arange(n), with_whom]
    willing = np.flatnonzero((value < noise * rng.exponential(size=n)) & (rng.random(n) < 0.7))
    moved: set[int] = set()
    for a in willing[np.argsort(value[willing], kind="stable")].tolist():
        b = int(with_whom[a])
        if a not in moved and b not in moved:
            moved |= {a, b}
            site_of[[a, b]] = site_of[[b, a]]
        if len(moved) >= 2 * MOVED_SHARE * n:
            return


# --- gates that compete ----------------------------------------------------------------------------------------------


class _Rivals(NamedTuple):
    """Pairs of gates that run at about the same time, each four times: once for every end, which may move.

    Attributes:
        mover: The qubit that may move.
        partner: The qubit at the other end of its gate.
        one: An end of the other gate.
        other: The other end of that.
        weight: What it costs if the gates cannot share a stage.
    """

    mover: Ints
    partner: Ints
    one: Ints
    other: Ints
    weight: Floats


def _rivals(ends: Ints, num_qubits: int) -> _Rivals:
    times = _times(ends, num_qubits)
    order = np.argsort(times, kind="stable")
    ends, times = ends[order], times[order]
    count = len(ends)
    ahead = min(RIVALS, max(0, count - 1))
    first = np.repeat(np.arange(count), ahead)
    second = first + np.tile(np.arange(1, ahead + 1), count)
    first, second = first[second < count], second[second < count]
    disjoint = (ends[first][:, :, None] != ends[second][:, None, :]).all(axis=(1, 2))
    first, second = first[disjoint], second[disjoint]
    weight = np.exp((times[first] - times[second]) / FADING_LAYERS)
    weight *= WEIGHT_PER_GATE / 2 * count / max(weight.sum(), 1e-9)
    (a, b), (c, d) = ends[first].T, ends[second].T
    return _Rivals(
        np.concatenate([a, b, c, d]),
        np.concatenate([b, a, d, c]),
        np.concatenate([c, d, a, b]),
        np.concatenate([d, c, b, a]),
        np.tile(weight, 4),
    )


def _times(ends: Ints, num_qubits: int) -> Floats:
    """When each gate is likely to run: midway between its first and its last possible layer."""
    pairs = ends.tolist()
    earliest, free = [0] * len(pairs), [0] * num_qubits
    for k, (a, b) in enumerate(pairs):
        earliest[k] = max(free[a], free[b])
        free[a] = free[b] = earliest[k] + 1
    end = max(free, default=0)
    latest, taken = [0] * len(pairs), [end] * num_qubits
    for k in range(len(pairs) - 1, -1, -1):
        a, b = pairs[k]
        latest[k] = min(taken[a], taken[b]) - 1
        taken[a] = taken[b] = latest[k]
    middle: Floats = np.add(earliest, latest) / 2
    return middle


# --- cost of all sites -----------------------------------------------------------------------------------------------


class _Span(NamedTuple):
    """Rows (or columns) from the first to before the end, of many pairs of gates."""

    first: Ints
    end: Ints


def _conflict_table(rivals: _Rivals, row_of: Ints, col_of: Ints, shape: tuple[int, int, int]) -> Floats:
    """Return the weight of conflicts of each qubit at each site, up to a constant, shape (n, rows x cols)."""
    n, rows, cols = shape
    spans = []
    for place, size in ((row_of, rows), (col_of, cols)):
        partner, one, other = place[rivals.partner], place[rivals.one], place[rivals.other]
        alike = _same_order(one, partner - other, size)
        turned = _same_order(other, partner - one, size)
        both = _Span(np.maximum(alike.first, turned.first), np.minimum(alike.end, turned.end))
        spans.append((alike, turned, both))
    size = n * (rows + 1) * (cols + 1)
    table = np.zeros(size)
    base = rivals.mover * ((rows + 1) * (cols + 1))
    for (down, right), sign in zip(zip(*spans, strict=True), (-1, -1, 1), strict=True):
        corner, weight = base, sign * rivals.weight
        if sign > 0:
            some = np.flatnonzero((down.end > down.first) & (right.end > right.first))
            corner, weight = base[some], weight[some]
            down, right = _Span(down.first[some], down.end[some]), _Span(right.first[some], right.end[some])
        for vertical, turn in ((down.first, 1), (down.end, -1)):
            edge = corner + vertical * (cols + 1)
            table += turn * np.bincount(edge + right.first, weight, size)
            table -= turn * np.bincount(edge + right.end, weight, size)
    sums = table.reshape(n, rows + 1, cols + 1)[:, :rows, :cols].cumsum(axis=1).cumsum(axis=2)
    result: Floats = sums.reshape(n, rows * cols)
    return result


def _same_order(line: Ints, side: Ints, size: int) -> _Span:
    """The places from which the way to `line` is not opposite to `side`."""
    return _Span(np.where(side > 0, line, 0), np.where(side < 0, line + 1, size))


def _flight_table(ends: Ints, row_of: Ints, col_of: Ints, shape: tuple[int, int, int]) -> Floats:
    """Return the weight of the flights of each qubit at each site, shape (n, rows x cols)."""
    n, rows, cols = shape
    qubit, partner = ends.T.reshape(-1), ends[:, ::-1].T.reshape(-1)
    along = []
    for place, size in ((row_of, rows), (col_of, cols)):
        partners_at = np.bincount(qubit * size + place[partner], minlength=n * size).reshape(n, size)
        way = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) / max(rows, cols)
        along.append(partners_at @ (FLIGHT_WEIGHT * way**4))
    result: Floats = (along[0][:, :, None] + along[1][:, None, :]).reshape(n, rows * cols)
    return result


# --- start -----------------------------------------------------------------------------------------------------------


def _near_sites(block: GateBlock, rows: int, cols: int, rng: np.random.Generator) -> Ints:
    """Return sites, the empty ones last, that bring qubits with common gates together, by simulated annealing.

    It lowers the sum of squared distances over the gates; the square beats the plain distance.
    """
    num_sites = rows * cols
    pairs = Counter((min(gate.a, gate.b), max(gate.a, gate.b)) for gate in block.gates)
    partners: list[list[tuple[int, int]]] = [[] for _ in range(num_sites)]  # sites without a qubit hold a dummy
    for (a, b), count in pairs.items():
        partners[a].append((b, count))
        partners[b].append((a, count))
    row_of = [q // cols for q in range(num_sites)]
    col_of = [q % cols for q in range(num_sites)]
    tries = TRIES_PER_QUBIT * block.num_qubits if pairs else 0
    first = rng.integers(block.num_qubits, size=tries).tolist()
    second = rng.integers(num_sites, size=tries).tolist()
    # A gate of weight 1 whose squared length grows by the size of the lattice is taken gladly at first.
    start = 0.25 * (rows * rows + cols * cols)
    limits = (-np.log(1 - rng.random(tries)) * start * (1 - np.arange(tries) / max(1, tries))).tolist()
    for a, b, limit in zip(first, second, limits, strict=True):
        if a != b and _cost_of_exchange(a, b, partners, row_of, col_of) <= limit:
            row_of[a], row_of[b] = row_of[b], row_of[a]
            col_of[a], col_of[b] = col_of[b], col_of[a]
    return np.array(row_of, dtype=np.int32) * cols + np.array(col_of, dtype=np.int32)


def _cost_of_exchange(
    a: int, b: int, partners: list[list[tuple[int, int]]], row_of: list[int], col_of: list[int]
) -> int:
    """Growth of the sum of squared distances if a and b change places; their own distance stays."""
    row_a, col_a, row_b, col_b = row_of[a], col_of[a], row_of[b], col_of[b]
    # (x_b - x)^2 - (x_a - x)^2 = (x_b - x_a) (x_b + x_a - 2 x), and the opposite for the partners of b
    down, right = row_b - row_a, col_b - col_a
    rows, cols = row_b + row_a, col_b + col_a
    growth = 0
    for other, count in partners[a]:
        if other != b:
            growth += count * (down * (rows - 2 * row_of[other]) + right * (cols - 2 * col_of[other]))
    for other, count in partners[b]:
        if other != a:
            growth -= count * (down * (rows - 2 * row_of[other]) + right * (cols - 2 * col_of[other]))
    return growth
