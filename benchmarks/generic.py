"""Depth, gates, moves, duration and fidelity of circuits of all kinds, beside the published router and SABRE.

Circuits are made by family and size, and read from files with --data. Depth is the number of layers of two-qubit
gates: Rydberg pulses for qpilot, layers of CZ in the basis {cz, u} for SABRE. "CZ gates" counts the circuit as written,
translated to {cz, u} gate by gate; "logical depth" is what Qiskit level 3 finds where every two qubits are neighbours.

    balanced      qpilot with the default options, near-square
    depth         qpilot with objective="depth"
    effort-3      qpilot with objective="depth" and effort=3, which may choose a wider lattice
    two-aods      objective="depth" on a machine with two AODs
    paper         strategy="paper", the published router
    shapes        objective="depth" and effort=3 on each of several lattices, from near-square to a single row
    sabre         Qiskit level 3 on a square, a triangular and a heavy-hexagon grid, with several seeds

Of shapes and sabre the row of least depth is kept; its compile time is that of all attempts.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import quantum_volume

import qpilot
from qpilot.arch import AOD, FPQA
from qpilot.arch.device import near_square, wider_shapes
from qpilot.frontend import read_circuit

from . import generators
from .baselines import all_to_all, best_sabre, heavy_hex_grid, square_grid, triangular_grid
from .results import SUMMARY_COLUMNS, Result, from_baseline, from_program, summary
from .runs import measure, open_table, print_means
from .tables import Table, add_outputs, prepare

SIZES = (10, 20, 50, 100)
MOST_LINES = AOD().max_cols
NEGLIGIBLE = 1.5e-4
"""Qiskit level 3 leaves out controlled phases by less, for SABRE and for the logical depth, and qpilot runs them.

Of "qft-approximate" they are left out beforehand, so that all ways run the same gates.
"""

FAMILIES: dict[str, Callable[[int, int], QuantumCircuit]] = {
    "random-2": lambda n, seed: generators.random_cz(n, 2, seed, one_qubit_rate=1.0),
    "random-5": lambda n, seed: generators.random_cz(n, 5, seed, one_qubit_rate=1.0),
    "random-10": lambda n, seed: generators.random_cz(n, 10, seed, one_qubit_rate=1.0),
    "random-2-published": lambda n, seed: generators.random_cz(n, 2, seed),
    "random-5-published": lambda n, seed: generators.random_cz(n, 5, seed),
    "random-10-published": lambda n, seed: generators.random_cz(n, 10, seed),
    "ghz-ladder": lambda n, seed: generators.ghz_ladder(n),
    "ghz-fan-out": lambda n, seed: generators.ghz(n),
    "w-state": lambda n, seed: generators.w_state(n),
    "bv": generators.bernstein_vazirani,
    "hidden-shift": generators.hidden_shift,
    "adder": lambda n, seed: generators.ripple_carry_adder(n // 2 - 1),
    "qft": lambda n, seed: generators.qft(n),
    "qft-approximate": lambda n, seed: generators.qft(n, NEGLIGIBLE),
    "vqe-linear": lambda n, seed: generators.two_local(n, "linear", 3, seed),
    "vqe-full": lambda n, seed: generators.two_local(n, "full", 1, seed),
    "quantum-volume": lambda n, seed: quantum_volume(n, n, seed=seed),
}
"""Circuits by qubits and seed. random-D has D CZ per qubit and a one-qubit gate behind every end, or as published."""

WITH_SEEDS = "random-"
EVEN = ("adder", "hidden-shift")
"""Families of even size."""

OURS: dict[str, dict[str, Any]] = {
    "balanced": {},
    "depth": {"objective": "depth"},
    "effort-3": {"objective": "depth", "effort": 3},
    "two-aods": {"objective": "depth"},
    "paper": {"strategy": "paper"},
}
"""Options of `qpilot.compile` by way."""

TWO_AODS = "two-aods"

SHAPES, SABRE = "shapes", "sabre"
STYLES = {  # colours of Okabe and Ito
    "balanced": ("#0072B2", "o"),
    "depth": ("#009E73", "^"),
    "effort-3": ("#CC79A7", "P"),
    "two-aods": ("#000000", "X"),
    "shapes": ("#56B4E9", "s"),
    "paper": ("#E69F00", "v"),
    "sabre": ("#D55E00", "D"),
}
PANELS_ACROSS = 4
ASIDE = 1.015
"""Factor of the number of qubits between the points of two ways, so that none hides another."""

HEAD = ("circuit", "qubits", "seed", "way")
FIGURES = ("depth", "2Q gates", "moves", "ms", "fidelity", "atomique fidelity", "compile s", "lattice")
COLUMNS = (*HEAD, "CZ gates", "logical depth", *FIGURES)
MEAN_COLUMNS = ("circuit", "qubits", "CZ gates", "logical depth", "way", "seeds", *SUMMARY_COLUMNS)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One circuit; `seed` is None where there is one of its kind only."""

    name: str
    seed: int | None
    circuit: QuantumCircuit


@dataclass(frozen=True, slots=True)
class Job:
    """One row to measure: a circuit, compiled one way."""

    case: Case
    way: str
    sabre_seeds: int

    @property
    def head(self) -> tuple[object, ...]:
        """The cells of `HEAD`."""
        return self.case.name, self.case.circuit.num_qubits, self.case.seed, self.way

    @property
    def weight(self) -> float:
        """The number of gates: about how long this job takes beside the others."""
        return float(self.case.circuit.size())

    def cells(self) -> tuple[object, ...]:
        """Measure, and return the cells behind those of `HEAD`."""
        circuit = self.case.circuit
        if self.way == SABRE:
            result = from_baseline(best_sabre(circuit, grids(circuit.num_qubits), range(self.sabre_seeds)))
        elif self.way == SHAPES:
            result = best_shape(circuit)
        else:
            device = FPQA.for_qubits(circuit.num_qubits).replace(aods=(AOD(), AOD())) if self.way == TWO_AODS else None
            result = compiled(circuit, device=device, **OURS[self.way])
        return *logical_figures(self.case), *dataclasses.astuple(result)


def made_cases(families: Iterable[str], sizes: Sequence[int], num_seeds: int) -> Iterator[Case]:
    """Yield the circuits of each family and size, of the random pairs one for each seed."""
    for family in families:
        random = family.startswith(WITH_SEEDS)
        for n in sizes:
            if n % 2 and family in EVEN:
                continue
            for seed in range(num_seeds if random else 1):
                yield Case(family, seed if random else None, FAMILIES[family](n, seed))


def file_cases(folder: Path) -> Iterator[Case]:
    """Yield the circuits of all .qasm files below a folder."""
    for path in sorted(folder.rglob("*.qasm")):
        yield Case(path.stem, None, read_circuit(path))


def jobs(cases: Iterable[Case], ways: Sequence[str], sabre_seeds: int) -> Iterator[Job]:
    """Yield all rows to measure."""
    return (Job(case, way, sabre_seeds) for case in cases for way in ways)


@functools.lru_cache(maxsize=1)  # the rows of a circuit follow one another
def logical_figures(case: Case) -> tuple[int, int]:
    """Return the CZ gates of a circuit as written, and its depth where every two qubits are neighbours."""
    written = transpile(case.circuit, basis_gates=["cz", "u"], optimization_level=0)
    return written.num_nonlocal_gates(), all_to_all(case.circuit).depth


def compiled(circuit: QuantumCircuit, **options: Any) -> Result:
    """Compile with qpilot, which verifies the program too."""
    start = time.perf_counter()
    program = qpilot.compile(circuit, **options)
    return from_program(program, time.perf_counter() - start)


def shapes(num_qubits: int) -> list[tuple[int, int]]:
    """Return lattices to try: near-square, wider ones within the field of view, two rows and one row.

    None has more columns than the default AOD has lines.
    """
    rows, cols = near_square(num_qubits, num_qubits, num_qubits)
    wide = wider_shapes(num_qubits, num_qubits, MOST_LINES)
    found = [(rows, cols), *reversed(wide), (2, math.ceil(num_qubits / 2)), (1, num_qubits)]
    return [*dict.fromkeys(shape for shape in found if shape[1] <= MOST_LINES)]


def best_shape(circuit: QuantumCircuit) -> Result:
    """Compile with effort 3 on each lattice; return the result of least depth, and the total time."""
    options = OURS["effort-3"]
    results = [compiled(circuit, shape=shape, **options) for shape in shapes(circuit.num_qubits)]
    best = min(results, key=lambda result: (result.depth, result.num_2q))
    return dataclasses.replace(best, seconds=sum(result.seconds or 0.0 for result in results))


def grids(num_qubits: int) -> dict[str, Any]:
    """Return the fixed arrays of SABRE by name, the first two near-square."""
    shape = near_square(num_qubits, num_qubits, num_qubits)
    return {
        "square": square_grid(*shape),
        "triangle": triangular_grid(*shape),
        "heavy-hex": heavy_hex_grid(num_qubits),
    }


def means(table: Table) -> list[tuple[Any, ...]]:
    """Return rows of `MEAN_COLUMNS`, one for all seeds of a kind, size and way."""
    groups: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for name, qubits, _, way, *figures in table.rows:
        groups.setdefault((name, qubits, way), []).append(tuple(figures))
    rows = []
    for (name, qubits, way), found in groups.items():
        num_cz, logical = (float(np.mean([figures[k] for figures in found])) for k in range(2))
        results = [Result(*figures[2:]) for figures in found]
        rows.append((name, qubits, num_cz, logical, way, len(results), *summary(results)))
    return rows


def deeper(table: Table) -> list[str]:
    """Return a line for each circuit that qpilot, in the best of its ways, compiles to more depth than SABRE."""
    depths: dict[tuple[Any, ...], dict[str, int]] = {}
    for row in table.rows:
        cells = dict(zip(table.columns, row, strict=True))
        depths.setdefault(row[:3], {})[cells["way"]] = cells["depth"]
    lines = []
    for (name, qubits, seed), found in depths.items():
        ours = {way: depth for way, depth in found.items() if way not in ("paper", TWO_AODS, SABRE)}
        if ours and found.get(SABRE, math.inf) < min(ours.values()):
            best = min(ours, key=lambda way: ours[way])
            which = "" if seed is None else f", seed {seed}"
            lines.append(f"{name}, {qubits} qubits{which}: depth {ours[best]} ({best}), SABRE {found[SABRE]}")
    return lines


def report(table: Table) -> None:
    """Print the means over seeds, and where SABRE has less depth."""
    found = means(table)
    print_means(MEAN_COLUMNS, found, table)
    ways = {row[HEAD.index("way")] for row in table.rows}
    if SABRE in ways and not ways <= {SABRE, "paper"}:
        print("\nDeeper than SABRE:", *(deeper(table) or ["none"]), sep="\n    ")


def plot(means: Iterable[tuple[Any, ...]], path: Path) -> None:
    """Draw depth against qubits, a panel for each family; bars from least to greatest, dashes for the logical depth."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import LogFormatter, NullFormatter

    rows = [dict(zip(MEAN_COLUMNS, row, strict=True)) for row in means]
    rows = sorted((row for row in rows if row["circuit"] in FAMILIES), key=lambda row: row["qubits"])
    families = [family for family in FAMILIES if any(row["circuit"] == family for row in rows)]
    sizes = sorted({row["qubits"] for row in rows})
    across = min(PANELS_ACROSS, len(families))
    down = math.ceil(len(families) / across)
    size = (3.2 * across + 1.6, 2.8 * down + 0.6)  # inches, with room for the legend
    figure, panels = plt.subplots(down, across, figsize=size, sharex=True, squeeze=False, layout="constrained")
    lines: dict[str, Any] = {}
    for family, ax in zip(families, panels.flat, strict=False):
        here = [row for row in rows if row["circuit"] == family]
        logical = {row["qubits"]: row["logical depth"] for row in here}
        (lines["logical depth"],) = ax.plot([*logical], [*logical.values()], color="#000000", ls="--", lw=0.8)
        for number, (way, (color, marker)) in enumerate(STYLES.items()):
            ours = [row for row in here if row["way"] == way]
            if ours:
                x, y, least, most = (np.array([row[key] for row in ours]) for key in ("qubits", "depth", "min", "max"))
                x = x * ASIDE ** (number - len(STYLES) / 2)
                lines[way] = ax.errorbar(
                    x, y, (y - least, most - y), color=color, marker=marker, markersize=4, lw=0.8, capsize=2
                )
        ax.set(title=family, xscale="log", yscale="log", xlim=(sizes[0] / 1.3, sizes[-1] * 1.3))
        ax.set_xticks(sizes, [str(n) for n in sizes])
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.tick_params(labelbottom=True)  # also above a panel that is left out
        ax.yaxis.set_major_formatter(LogFormatter())
        ax.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False))
        ax.grid(which="both", color="#dddddd", linewidth=0.5)
    for ax in panels.flat[len(families) :]:
        ax.set_axis_off()
    figure.supxlabel("qubits")
    figure.supylabel("depth (layers of two-qubit gates)")
    figure.legend(lines.values(), lines.keys(), loc="outside right upper", frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def size(text: str) -> int:
    """Return a number of qubits, at least 4, for the command line."""
    if not text.isdecimal() or int(text) < 4:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of qubits; give 4 or more")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """Return the options of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.generic", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--data", type=Path, metavar="DIR", help="also every .qasm file below this folder")
    made.add_argument(
        "--families",
        nargs="*",
        choices=FAMILIES,
        default=[*FAMILIES],
        metavar="FAMILY",
        help=f"none: files only (default all: {' '.join(FAMILIES)})",
    )
    made.add_argument(
        "--sizes", type=size, nargs="+", metavar="QUBITS", help="default 10 20 50 100, and files of all sizes"
    )
    made.add_argument("--seeds", type=int, default=3, metavar="N", help="random circuits of each kind (default 3)")
    made.add_argument(
        "--ways",
        nargs="*",
        choices=OURS,
        default=[*OURS],
        metavar="WAY",
        help=f"none: only what --shapes and --sabre add (default all: {' '.join(OURS)})",
    )
    made.add_argument("--shapes", action="store_true", help="also the best of several shapes of the lattice")
    made.add_argument(
        "--sabre",
        type=int,
        nargs="?",
        const=3,
        default=0,
        metavar="SEEDS",
        help="also SABRE, with so many seeds on each grid (3 without SEEDS)",
    )
    add_outputs(
        made, "generic", "write each row when it is known; rows already in the file are kept, and not measured again"
    )
    made.add_argument(
        "--quick", action="store_true", help="one instance of each kind, 10 qubits, whatever else is said"
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 if a circuit was refused."""
    command = parser()
    options = command.parse_args(arguments)
    prepare(command, options)
    if options.quick:
        options.sizes, options.seeds = [10], 1
    cases = [*made_cases(options.families, options.sizes or SIZES, options.seeds)]
    if options.data:
        found = file_cases(options.data)
        cases += [case for case in found if not options.sizes or case.circuit.num_qubits in options.sizes]
    table = open_table(command, COLUMNS, options.csv)
    ways = [*dict.fromkeys(options.ways), *[SHAPES] * options.shapes, *[SABRE] * bool(options.sabre)]
    first = Case("first", None, generators.ghz(4))
    for job in jobs([first], ways, options.sabre):  # what is loaded at first use is part of no time
        job.cells()
    refused = measure(jobs(cases, ways, options.sabre), table, options.csv)
    report(table)
    if options.png and table.rows:
        plot(means(table), options.png)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
