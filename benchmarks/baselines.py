"""What qpilot is compared with: Qiskit's SABRE on fixed grids, and the swap network on a line."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qiskit import QuantumCircuit, transpile
from qiskit.transpiler import CouplingMap

ALL_TO_ALL = "all-to-all"
SABRE_SEEDS = range(3)
CZ_PER_ZZ_SWAP = 3


@dataclass(frozen=True, slots=True)
class Baseline:
    """A circuit routed on fixed atoms.

    Attributes:
        grid: Name of the grid.
        depth: Layers of CZ gates.
        num_2q: CZ gates.
        seconds: Time of all compilations of which this is the best, if there were any.
    """

    grid: str
    depth: int
    num_2q: int
    seconds: float | None = None


def square_grid(rows: int, cols: int) -> CouplingMap:
    """Return the grid with four neighbours per site."""
    return CouplingMap.from_grid(rows, cols)


def triangular_grid(rows: int, cols: int) -> CouplingMap:
    """Return the grid with six neighbours per site: the square one, and one diagonal of each square."""
    diagonals = [(row * cols + col, (row + 1) * cols + col + 1) for row in range(rows - 1) for col in range(cols - 1)]
    grid = square_grid(rows, cols)
    return CouplingMap([*grid.get_edges(), *diagonals, *((b, a) for a, b in diagonals)])


def heavy_hex_grid(num_qubits: int) -> CouplingMap:
    """Return the smallest heavy-hexagon grid that holds the qubits."""
    distance = 1
    while (5 * distance**2 - 2 * distance - 1) // 2 < num_qubits:
        distance += 2
    return CouplingMap.from_heavy_hex(distance)


def best_sabre(
    circuit: QuantumCircuit, grids: Mapping[str, CouplingMap | None], seeds: Iterable[int] = SABRE_SEEDS
) -> Baseline:
    """Route with Qiskit at optimisation level 3 on each grid, with each seed; return the one of least depth.

    SABRE takes the gates in the order they are written: it does not use that those of a diagonal block commute.
    """
    start = time.perf_counter()
    found = []
    for name, grid in grids.items():
        for seed in seeds:
            routed = transpile(
                circuit, coupling_map=grid, basis_gates=["cz", "u"], optimization_level=3, seed_transpiler=seed
            )
            found.append((two_qubit_depth(routed), routed.num_nonlocal_gates(), name))
    depth, num_2q, name = min(found)
    return Baseline(name, depth, num_2q, time.perf_counter() - start)


def all_to_all(circuit: QuantumCircuit) -> Baseline:
    """Translate with Qiskit at optimisation level 3 where every two qubits are neighbours.

    This is the least depth that a compiler could reach with this circuit by moving data atoms, were all moves possible.
    """
    return best_sabre(circuit, {ALL_TO_ALL: None}, seeds=[0])


def swap_network(num_qubits: int) -> Baseline:
    """Return the figures of one cost layer as a swap network on a line, whatever its graph.

    n layers of gates between neighbours, on even and odd links in turn, bring every two of n qubits together once and
    reverse their order; each gate is a ZZ rotation and a swap in one, which takes 3 CZ.

    References:
        Kivlichan et al., arXiv 1711.04789.
    """
    pairs = num_qubits * (num_qubits - 1) // 2
    return Baseline("line", CZ_PER_ZZ_SWAP * num_qubits, CZ_PER_ZZ_SWAP * pairs)


def two_qubit_depth(circuit: QuantumCircuit) -> int:
    """Return the number of layers of two-qubit gates; one-qubit gates and measurements cost nothing."""
    depth: int = circuit.depth(lambda item: item.operation.num_qubits == 2 and item.operation.name != "barrier")
    return depth
