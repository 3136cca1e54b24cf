"""Depth, gates, moves, duration and fidelity of QAOA circuits, beside SABRE and a swap network on fixed atoms.

Each circuit is QAOA for MaxCut with one layer: a cost layer on the edges of a graph, and a mixer. Rows are means over
the graphs of a kind (of fidelity, the geometric mean). Depth is the number of layers of two-qubit gates: Rydberg pulses
for qpilot, layers of CZ on fixed atoms. 2Q gates are CZ gates; those of qpilot include the pairs an echo cancels, and
those that make and recycle copies. With --native cphase a pulse of qpilot may be a controlled phase instead. A stage
is a position of the lines at which gates run: with native CZ and the angles used here, one with two pulses or more, as
a pulse alone makes or recycles copies.

    qpilot        router="auto" on a near-square lattice
    shapes        the best of several lattices that fit the field of view; compile s is that of all of them
    generic       router="generic", which takes gate by gate
    paper         strategy="paper", the published router: one copy per qubit, and no pair but wanted ones
    sabre         Qiskit level 3, the best of the square and the triangular grid of the same shape and 3 seeds
    swaps         n layers of ZZ-SWAP on a line, 3 CZ each: depth 3 n, 3 n (n - 1) / 2 gates, whatever the graph
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import math
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from qiskit import QuantumCircuit

import qpilot
from qpilot.arch import FPQA, Lattice, Move, Rydberg, RydbergPulse
from qpilot.arch.device import near_square

from .baselines import best_sabre, square_grid, swap_network, triangular_grid
from .results import SUMMARY_COLUMNS, Result, from_baseline, from_program, mean, summary
from .tables import Table, add_outputs, prepare

FAMILIES = ("3-regular", "4-regular", "6-regular", "er-0.1", "er-0.3", "er-0.5")
SIZES = (20, 50, 100)
FIELD_UM, SPACING_UM = 600.0, 15.0
ROW_SHARES = (1.0, 0.7, 0.5, 0.4, 0.3)
"""Rows of the shapes to try, as parts of those of the near-square one."""

MACHINES = ("cz", "cphase", "cphase-individual")
"""Native gates of the machine of qpilot; the last with a phase of its own for each pair."""

GAMMA, BETA = 0.7, 0.3
STYLES = {  # colours of Okabe and Ito
    "qpilot": ("#0072B2", "o"),
    "shapes": ("#56B4E9", "s"),
    "generic": ("#009E73", "^"),
    "paper": ("#E69F00", "v"),
    "sabre": ("#D55E00", "D"),
    "swaps": ("#999999", "x"),
}

PLOTTED = ("edges", "depth", "min", "max")
COLUMNS = ("graph", "qubits", "edges", "graphs", "strategy", *SUMMARY_COLUMNS, "stages")


@dataclass(frozen=True, slots=True)
class Case:
    """Graphs of one kind and size."""

    name: str
    num_qubits: int
    graphs: Sequence[nx.Graph[Any]]


@dataclass(frozen=True, slots=True)
class Staged(Result):
    """One program, with the number of its stages."""

    stages: int | None = None


def random_cases(families: Iterable[str], sizes: Iterable[int], num_graphs: int) -> Iterator[Case]:
    """Yield the random graphs of each family and size; those that do not exist are left out."""
    sizes = list(sizes)
    for family in families:
        for n in sizes:
            graphs = [random_graph(family, n, seed) for seed in range(num_graphs)]
            found = [graph for graph in graphs if graph is not None and graph.number_of_edges()]
            if found:
                yield Case(family, n, found)


def random_graph(family: str, n: int, seed: int) -> nx.Graph[Any] | None:
    """Return a random graph, "D-regular" or "er-P" (each edge with probability P); None if there is no such graph."""
    kind, value = _parse_family(family)
    if kind == "er":
        found: nx.Graph[Any] = nx.gnp_random_graph(n, value, seed=seed)
        return found
    degree = int(value)
    if degree >= n or n * degree % 2:
        return None
    regular: nx.Graph[Any] = nx.random_regular_graph(degree, n, seed=seed)
    return regular


def family_name(text: str) -> str:
    """Return the name of a family of graphs, checked, for the command line."""
    _parse_family(text)
    return text


def _parse_family(text: str) -> tuple[str, float]:
    if match := re.fullmatch(r"(\d+)-regular", text):
        return "regular", float(match[1])
    if (match := re.fullmatch(r"er-(\d*\.?\d+)", text)) and 0 < float(match[1]) <= 1:
        return "er", float(match[1])
    raise argparse.ArgumentTypeError(f"{text!r} is no family of graphs; give one such as 3-regular or er-0.3")


def file_cases(folder: Path) -> Iterator[Case]:
    """Yield the graphs in the files qaoa_*.txt of a folder, each a list of edges (a, b) in Python's notation."""
    for path in sorted(folder.glob("qaoa_*.txt")):
        edges = ast.literal_eval(path.read_text(encoding="utf-8"))
        size = re.search(r"_q(\d+)", path.stem)  # isolated nodes are in no edge
        n = max(int(size[1]) if size else 0, 1 + max(max(edge[:2]) for edge in edges))
        graph: nx.Graph[Any] = nx.empty_graph(n)
        graph.add_edges_from(edge[:2] for edge in edges)
        yield Case(path.stem.removeprefix("qaoa_"), n, [graph])


def square_shape(num_qubits: int) -> tuple[int, int]:
    """Return rows and columns of the lattice that qpilot chooses by itself."""
    most = int(FIELD_UM / SPACING_UM) + 1
    return near_square(num_qubits, most, most)


def shapes(num_qubits: int) -> list[tuple[int, int]]:
    """Return shapes from near-square to wide that fit the field of view, at 100 qubits 10x10 to 3x34."""
    square = square_shape(num_qubits)
    most = int(FIELD_UM / SPACING_UM) + 1
    rows = sorted({max(1, math.ceil(share * square[0])) for share in ROW_SHARES}, reverse=True)
    found = {square: None, **{(r, math.ceil(num_qubits / r)): None for r in rows[1:]}}
    return [shape for shape in found if shape[1] <= most]


def machine(shape: tuple[int, int], native: str) -> FPQA:
    """Return the default machine of this shape, with one of the native gates of `MACHINES`."""
    device = FPQA(slm=Lattice(*shape, SPACING_UM))
    if native == "cz":
        return device
    return device.replace(native="cphase", rydberg=Rydberg(individual_phases=native == "cphase-individual"))


def compiled(circuit: QuantumCircuit, tried: Iterable[tuple[int, int]], native: str, **options: Any) -> Result:
    """Compile for each shape, which verifies the program too; return the result of least depth, and the total time."""
    start = time.perf_counter()
    programs = [qpilot.compile(circuit, machine(shape, native), shape=shape, **options) for shape in tried]
    seconds = time.perf_counter() - start
    program = min(programs, key=lambda program: (program.depth, program.metrics.num_2q))
    stages = count_stages(program) if native == "cz" else None
    return Staged(**dataclasses.asdict(from_program(program, seconds)), stages=stages)


def count_stages(program: qpilot.Program) -> int:
    """Return the number of positions of the lines at which two pulses or more are fired."""
    fired = [0]
    for step in program.instructions:
        if isinstance(step, Move):
            fired.append(0)
        elif isinstance(step, RydbergPulse):
            fired[-1] += 1
    return sum(count >= 2 for count in fired)


def strategies(n: int, native: str, *, wide: bool, sabre: bool) -> dict[str, Callable[[QuantumCircuit], Result]]:
    """Return the ways to compile a circuit on n qubits, by name."""
    square = square_shape(n)
    ways: dict[str, Callable[[QuantumCircuit], Result]] = {
        "qpilot": lambda circuit: compiled(circuit, [square], native)
    }
    if wide:
        ways["shapes"] = lambda circuit: compiled(circuit, shapes(n), native)
    ways["generic"] = lambda circuit: compiled(circuit, [square], native, router="generic")
    ways["paper"] = lambda circuit: compiled(circuit, [square], native, strategy="paper")
    if sabre:
        grids = {"square": square_grid(*square), "triangle": triangular_grid(*square)}
        ways["sabre"] = lambda circuit: from_baseline(best_sabre(circuit, grids))
    ways["swaps"] = lambda circuit: from_baseline(swap_network(circuit.num_qubits))
    return ways


def measure(case: Case, native: str, *, wide: bool, sabre: int) -> Iterator[tuple[object, ...]]:
    """Yield a row for each strategy; SABRE takes the first `sabre` graphs only."""
    circuits = [qpilot.qaoa_circuit(graph, [GAMMA], [BETA]) for graph in case.graphs]
    for name, way in strategies(case.num_qubits, native, wide=wide, sabre=sabre > 0).items():
        count = min(sabre, len(circuits)) if name == "sabre" else len(circuits)
        edges = statistics.mean(graph.number_of_edges() for graph in case.graphs[:count])
        results = [way(circuit) for circuit in circuits[:count]]
        stages = mean(result.stages for result in results if isinstance(result, Staged))
        yield case.name, case.num_qubits, edges, count, name, *summary(results), stages


def plot(table: Table, path: Path) -> None:
    """Draw depth against the number of edges: a panel for each number of qubits, bars from least to greatest depth."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import LogFormatter

    rows: list[dict[str, Any]] = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    sizes = sorted({row["qubits"] for row in rows})
    width = 4.0 * len(sizes) + 1.6  # inches, with room for the legend
    figure, panels = plt.subplots(1, len(sizes), figsize=(width, 4.4), sharey=True, squeeze=False, layout="constrained")
    for size, ax in zip(sizes, panels[0], strict=True):
        for name, (color, marker) in STYLES.items():
            here = [row for row in rows if row["qubits"] == size and row["strategy"] == name]
            if here:
                here.sort(key=lambda row: row["edges"])
                edges, depth, least, most = (np.array([row[key] for row in here]) for key in PLOTTED)
                bars = depth - least, most - depth
                ax.errorbar(edges, depth, bars, color=color, marker=marker, markersize=5, lw=0.8, capsize=2, label=name)
        ax.set(title=f"{size} qubits", xlabel="edges of the graph", xscale="log", yscale="log")
        ax.grid(which="both", color="#dddddd", linewidth=0.5)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(LogFormatter())
            axis.set_minor_formatter(LogFormatter(labelOnlyBase=False))
    panels[0][0].set_ylabel("depth (layers of two-qubit gates)")
    panels[0][-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    figure.suptitle("One layer of QAOA for MaxCut")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def parser() -> argparse.ArgumentParser:
    """Return the options of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.qaoa", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--data", type=Path, metavar="DIR", help="also the graphs in the files qaoa_*.txt of this folder")
    made.add_argument(
        "--families",
        type=family_name,
        nargs="*",
        default=FAMILIES,
        metavar="FAMILY",
        help=f"D-regular or er-P; none: files only (default {' '.join(FAMILIES)})",
    )
    made.add_argument(
        "--sizes", type=int, nargs="+", metavar="QUBITS", help="default 20 50 100, and files of all sizes"
    )
    made.add_argument("--seeds", type=int, default=5, metavar="N", help="graphs of each kind and size (default 5)")
    made.add_argument("--native", choices=MACHINES, default="cz", help="native gate of the machine (default cz)")
    made.add_argument("--shapes", action="store_true", help="also the best of several shapes of the lattice")
    made.add_argument(
        "--sabre",
        type=int,
        nargs="?",
        const=1,
        default=0,
        metavar="N",
        help="also SABRE, on the first N graphs of each kind and size (1 without N)",
    )
    add_outputs(made, "qaoa", "write the table")
    made.add_argument("--quick", action="store_true", help="one graph of each kind, 20 qubits, whatever else is said")
    return made


def main() -> int:
    """Print the table; return 1 if a circuit was refused."""
    command = parser()
    options = command.parse_args()
    prepare(command, options)
    if options.quick:
        options.sizes, options.seeds = [20], 1
    cases = [*random_cases(options.families, options.sizes or SIZES, options.seeds)]
    if options.data:
        cases += [case for case in file_cases(options.data) if not options.sizes or case.num_qubits in options.sizes]
    first = qpilot.qaoa_circuit(nx.complete_graph(8), [GAMMA], [BETA])
    qpilot.compile(first)  # what is loaded at first use is part of no time
    table = Table(*COLUMNS)
    table.start()
    refused = 0
    for case in cases:
        try:
            for row in measure(case, options.native, wide=options.shapes, sabre=options.sabre):
                table.add(*row)
        except qpilot.QPilotError as error:
            refused += 1
            print(f"{case.name}, {case.num_qubits} qubits: {error}", file=sys.stderr)
        if options.csv:  # after each case, so that a run may be broken off
            table.save_csv(options.csv)
    if options.png and table.rows:
        plot(table, options.png)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
