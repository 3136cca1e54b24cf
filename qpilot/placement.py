"""Placement: which data qubit rests at which site.

Copies that fly a short way in the same direction rarely cross, so gates between close sites fit into a stage together.
The search lowers the sum of squared distances over the gates; measured on random circuits, the square beats the plain
distance (446 against 461 pulses at 100 qubits with an early router; 526 without any search).
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from .routing.blocks import GateBlock

MOVES_PER_QUBIT = 200
"""Exchanges tried per qubit, for each unit of effort."""


def row_major(num_qubits: int, cols: int) -> list[tuple[int, int]]:
    """Return the sites (row, col) of qubits laid row by row."""
    return [divmod(q, cols) for q in range(num_qubits)]


def anneal(block: GateBlock, rows: int, cols: int, *, seed: int = 0, effort: int = 1) -> list[tuple[int, int]]:
    """Return sites that bring qubits with common gates together, by simulated annealing.

    Args:
        block: The gates.
        rows: Rows of the region of the lattice that is used.
        cols: Its columns; rows x cols is at least the number of qubits.
        seed: Seed of the search.
        effort: Multiplies the number of exchanges tried.
    """
    num_sites = rows * cols
    pairs = Counter((min(gate.a, gate.b), max(gate.a, gate.b)) for gate in block.gates)
    partners: list[list[tuple[int, int]]] = [[] for _ in range(num_sites)]  # sites without a qubit hold a dummy
    for (a, b), count in pairs.items():
        partners[a].append((b, count))
        partners[b].append((a, count))
    row_of = [q // cols for q in range(num_sites)]
    col_of = [q % cols for q in range(num_sites)]
    rng = np.random.default_rng(seed)
    tries = MOVES_PER_QUBIT * effort * block.num_qubits if pairs else 0
    first = rng.integers(block.num_qubits, size=tries).tolist()
    second = rng.integers(num_sites, size=tries).tolist()
    # A gate of weight 1 whose squared length grows by the size of the lattice is taken gladly at first.
    start = 0.25 * (rows * rows + cols * cols)
    limits = (-np.log(1 - rng.random(tries)) * start * (1 - np.arange(tries) / max(1, tries))).tolist()
    for a, b, limit in zip(first, second, limits, strict=True):
        if a != b and _cost_of_exchange(a, b, partners, row_of, col_of) <= limit:
            row_of[a], row_of[b] = row_of[b], row_of[a]
            col_of[a], col_of[b] = col_of[b], col_of[a]
    return list(zip(row_of[: block.num_qubits], col_of[: block.num_qubits], strict=True))


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
