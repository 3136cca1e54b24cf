"""Atoms that rest, which qpilot is compared with: Qiskit's SABRE on several grids, and a swap network on a line."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, transpile
from qiskit.transpiler import CouplingMap, PassManager, generate_preset_pass_manager
from qiskit.transpiler.passes import VF2Layout

import qpilot
from qpilot.arch.device import near_square

from .equality import check
from .fixed import measure
from .record import Result

if TYPE_CHECKING:
    import networkx as nx

BASIS = ("cz", "u")
EAGLE_QUBITS = 127
LAYOUT_CALLS = (1_000_000, 10_000)
"""Steps that the search for a layout without swaps may take, to find one and then to find better ones."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Atoms at rest, and which of them can interact.

    Attributes:
        size: What to call it in a table.
        coupling: Pairs that can interact; None if all can.
        sites: Row and column of each atom where gates between distant atoms block others; None elsewhere.
    """

    size: str
    coupling: CouplingMap | None
    sites: NDArray[np.int64] | None = None


def route(circuit: QuantumCircuit, grid: str, seeds: Sequence[int]) -> Result:
    """Compile for atoms at rest with Qiskit, at optimization level 3 with SABRE; return the best of the seeds.

    The best has the least depth, then the fewest two-qubit gates. SABRE takes the gates in the order they are written:
    it does not use that those of a diagonal block commute.

    Args:
        circuit: What to compile.
        grid: One of `GRIDS`.
        seeds: Seeds of SABRE; where all atoms can interact there is no choice to make, and the first one is used.

    Raises:
        CheckError: What Qiskit returned is not legal on the grid, or another circuit.
    """
    machine = GRIDS[grid](circuit.num_qubits)
    tried = seeds if machine.coupling is not None else seeds[:1]
    start = time.perf_counter()
    found = compile_fixed(circuit, machine.coupling, tried)
    compile_s = time.perf_counter() - start
    results = []
    for seed, compiled in zip(tried, found, strict=True):
        initial, final = _layout(compiled, circuit.num_qubits)
        results.append(
            measure(
                compiled,
                machine.sites,
                initial,
                final,
                compile_s=compile_s,
                checked=check(circuit, compiled, machine.coupling, initial, final),
                detail=f"{machine.size}, seed {seed}" if machine.coupling is not None else machine.size,
            )
        )
    return min(results, key=lambda result: (result.depth, result.num_2q))


def compile_fixed(circuit: QuantumCircuit, coupling: CouplingMap | None, seeds: Sequence[int]) -> list[QuantumCircuit]:
    """Compile to cz and u with Qiskit at optimization level 3, once for each seed.

    A layout that needs no swaps is looked for first, as Qiskit does at this level, but only once for all seeds and not
    for minutes: in all cases tried, what it finds at all it finds early. Its search at the end for a layout of lower
    error rates is left out: it takes as long, and no error rates are given here.
    """
    options: dict[str, Any] = {"basis_gates": [*BASIS], "optimization_level": 3}
    if coupling is not None:
        options |= {"coupling_map": coupling, "layout_method": "sabre"}
        prepared = generate_preset_pass_manager(**options).init.run(circuit)
        search = PassManager([VF2Layout(coupling, seed=-1, call_limit=LAYOUT_CALLS)])
        search.run(prepared)
        layout = search.property_set["layout"]
        if layout is not None:
            options["initial_layout"] = [layout[qubit] for qubit in prepared.qubits]
    return [transpile(circuit, seed_transpiler=seed, **options) for seed in seeds]


def two_qubit_depth(circuit: QuantumCircuit) -> int:
    """Return the number of layers of two-qubit gates; one-qubit gates and measurements cost nothing."""
    depth: int = circuit.depth(lambda item: item.operation.num_qubits == 2 and item.operation.name != "barrier")
    return depth


def swap_network(graph: nx.Graph[Any], gammas: Sequence[float], betas: Sequence[float]) -> Result:
    """Return `qpilot.qaoa_circuit` as a swap network on a line of atoms.

    Raises:
        CheckError: The network is not legal on the line, or another circuit.
        CircuitError: As in `qpilot.qaoa_circuit`.
    """
    wanted = qpilot.qaoa_circuit(graph, gammas, betas)
    start = time.perf_counter()
    compiled, final = swap_network_circuit(graph, gammas, betas)
    compile_s = time.perf_counter() - start
    n = wanted.num_qubits
    checked = check(wanted, compiled, CouplingMap.from_line(n), range(n), final)
    detail = f"line of {n}"
    return measure(compiled, None, range(n), final, compile_s=compile_s, checked=checked, detail=detail)


def swap_network_circuit(
    graph: nx.Graph[Any], gammas: Sequence[float], betas: Sequence[float]
) -> tuple[QuantumCircuit, list[int]]:
    """Return `qpilot.qaoa_circuit` with gates between neighbours on a line only, as cz and u.

    n layers on even and odd links in turn bring every two of n qubits together once and reverse their order. Where they
    meet they swap, in 3 CZ, which do the ZZ rotation of an edge as well. Two qubits swap no more when both have met all
    their neighbours in the graph: the others need not know which of them is where. An edge takes 2 CZ then.

    Args:
        graph: As in `qpilot.qaoa_circuit`.
        gammas: As in `qpilot.qaoa_circuit`.
        betas: As in `qpilot.qaoa_circuit`.

    Returns:
        The circuit, in which qubit q starts at place q, and the place of each qubit at its end.

    References:
        Kivlichan et al., arXiv 1711.04789.
    """
    n = len(graph)
    index = {node: q for q, node in enumerate(graph.nodes)}
    edges = [(index[a], index[b], weight) for a, b, weight in graph.edges(data="weight", default=1)]
    order = [*range(n)]
    circuit = QuantumCircuit(n)
    circuit.h(range(n))
    for gamma, beta in zip(gammas, betas, strict=True):
        angles = {frozenset((a, b)): -gamma * weight for a, b, weight in edges}
        last_needed = _last_meetings(order, angles)
        for layer in range(n):
            for link in range(layer % 2, n - 1, 2):
                pair = order[link], order[link + 1]
                angle = angles.pop(frozenset(pair), None)
                swap = max(last_needed[q] for q in pair) > layer
                _meet(circuit, link, angle, swap=swap)
                if swap:
                    order[link : link + 2] = reversed(pair)
        circuit.rx(2 * beta, range(n))
    compiled = transpile(circuit, basis_gates=[*BASIS], optimization_level=1)  # merges one-qubit gates
    return compiled, np.argsort(order).tolist()


def _last_meetings(order: Sequence[int], edges: Mapping[frozenset[int], float]) -> list[int]:
    """Return the layer in which each qubit meets the last of its neighbours in the graph, if all swap; -1 without."""
    order = [*order]
    last = [-1] * len(order)
    for layer in range(len(order)):
        for link in range(layer % 2, len(order) - 1, 2):
            pair = order[link], order[link + 1]
            if frozenset(pair) in edges:
                last[pair[0]] = last[pair[1]] = layer
            order[link : link + 2] = reversed(pair)
    return last


def _meet(circuit: QuantumCircuit, link: int, angle: float | None, *, swap: bool) -> None:
    """Append a ZZ rotation if there is an angle, and a swap if wanted, both in one."""
    a, b = link, link + 1
    if angle is not None or swap:
        circuit.cx(a, b)
    if angle is not None:
        circuit.rz(angle, b)
    if swap:
        circuit.cx(b, a)
    if angle is not None or swap:
        circuit.cx(a, b)


def _layout(compiled: QuantumCircuit, num_qubits: int) -> tuple[list[int], list[int]]:
    """Return the atom of each qubit at the start and at the end."""
    if compiled.layout is None:
        return [*range(num_qubits)], [*range(num_qubits)]
    return (
        compiled.layout.initial_index_layout(filter_ancillas=True),
        compiled.layout.final_index_layout(filter_ancillas=True),
    )


def _square(num_qubits: int) -> Grid:
    rows, cols = near_square(num_qubits, num_qubits, num_qubits)
    return Grid(f"{rows}x{cols}", CouplingMap.from_grid(rows, cols))


def _triangle(num_qubits: int) -> Grid:
    """Six neighbours: those of the square grid, and across one diagonal of each square."""
    rows, cols = near_square(num_qubits, num_qubits, num_qubits)
    diagonals = [(row * cols + col, (row + 1) * cols + col + 1) for row in range(rows - 1) for col in range(cols - 1)]
    edges = [*CouplingMap.from_grid(rows, cols).get_edges(), *diagonals, *((b, a) for a, b in diagonals)]
    return Grid(f"{rows}x{cols}", _coupling(rows * cols, edges))


def _heavy_hex(num_qubits: int) -> Grid:
    """IBM's device of 127 qubits; for more of them, the smallest grid of Qiskit's that holds them."""
    if num_qubits <= EAGLE_QUBITS:
        return Grid(f"{EAGLE_QUBITS} qubits", eagle())
    distance = 9
    while (5 * distance**2 - 2 * distance - 1) // 2 < num_qubits:
        distance += 2
    coupling = CouplingMap.from_heavy_hex(distance)
    return Grid(f"{coupling.size()} qubits", coupling)


def eagle() -> CouplingMap:
    """Return the heavy-hexagon lattice of IBM's Eagle processors, numbered as they are.

    Seven rows of 15 qubits, the first without its last and the last without its first; between two rows, four qubits in
    every fourth column, from column 0 and column 2 in turn. `CouplingMap.from_heavy_hex` gives 115 or 193 qubits.
    """
    qubit: dict[tuple[int, int], int] = {}
    for row in range(13):
        cols = range(row % 4 - 1, 15, 4) if row % 2 else range(row == 12, 14 if row == 0 else 15)
        for col in cols:
            qubit[row, col] = len(qubit)
    pairs = []
    for (row, col), a in qubit.items():
        if row % 2:
            pairs += [(a, qubit[row - 1, col]), (a, qubit[row + 1, col])]
        elif (row, col + 1) in qubit:
            pairs.append((a, qubit[row, col + 1]))
    return _coupling(EAGLE_QUBITS, [*pairs, *((b, a) for a, b in pairs)])


def _long_range(num_qubits: int, radius: int) -> Grid:
    rows, cols = near_square(num_qubits, num_qubits, num_qubits)
    sites = np.array([*np.ndindex(rows, cols)])
    squares = ((sites[:, None] - sites[None]) ** 2).sum(axis=2)
    edges = [(int(a), int(b)) for a, b in np.argwhere((squares > 0) & (squares <= radius**2))]
    return Grid(f"{rows}x{cols}", _coupling(rows * cols, edges), sites)


def _coupling(size: int, edges: Sequence[tuple[int, int]]) -> CouplingMap:
    coupling = CouplingMap()
    for qubit in range(size):
        coupling.add_physical_qubit(qubit)
    for a, b in edges:
        coupling.add_edge(a, b)
    return coupling


GRIDS: dict[str, Callable[[int], Grid]] = {
    "all-to-all": lambda num_qubits: Grid(f"{num_qubits} qubits", None),
    "square": _square,
    "triangle": _triangle,
    "heavy-hex": _heavy_hex,
    "long-range-2": lambda num_qubits: _long_range(num_qubits, 2),
    "long-range-3": lambda num_qubits: _long_range(num_qubits, 3),
}
"""The grid for a number of qubits, by name."""
