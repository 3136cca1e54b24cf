"""Depth, gates, moves, duration and fidelity of quantum simulation, beside four syntheses of Pauli rotations.

Each circuit is a product of rotations exp(-i angle / 2 P): random strings, first-order Trotter steps of lattice models,
and with --data the strings of molecules. "kept" runs them in the order written, up to commutation; "free" lets every
strategy choose the order, as the terms of one Trotter step allow. Depth is the number of layers of two-qubit gates:
Rydberg pulses for qpilot, layers of CZ for the others, after Qiskit level 3 in the basis {cz, u}.

    rounds        the default strategy of qpilot.compile_paulis
    paper         strategy="paper", the published router; order kept only
    chain         Qiskit's evolution synthesis, a chain of CX for each string: the baseline of the literature
    tree          a balanced tree of CX for each string
    rustiq        Qiskit's Rustiq plugin, for depth
    tket          GreedyPauliSimp of TKET (needs the extra `peers`), the better of two depth weights

The last four stand for all-to-all connectivity, which is what a compiler that moves data atoms can reach at best; with
--sabre N they are also routed with Qiskit level 3, on the better of the square and the triangular grid and 3 seeds.
The time of a row is that of all attempts of which it is the best.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import functools
import importlib.util
import math
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit

import qpilot
from qpilot.arch.device import near_square

from .baselines import all_to_all, best_sabre, square_grid, triangular_grid
from .generators import fermi_hubbard_paulis, heisenberg_paulis, random_paulis
from .pauli_synthesis import SYNTHESES, Rotation
from .results import SUMMARY_COLUMNS, Result, from_baseline, from_program, summary
from .runs import measure, open_table, print_means
from .tables import Table, add_outputs, prepare

SIZES = (10, 20, 50, 100)
DENSITIES = (0.1, 0.2, 0.3, 0.4, 0.5)
NUM_STRINGS = 100
ANGLE = 2 * math.pi / 8

OURS = ("rounds", "paper")
STRATEGIES = (*OURS, *SYNTHESES)
SABRE = " sabre"
STYLES = {  # colours of Okabe and Ito
    "rounds": ("#0072B2", "o"),
    "paper": ("#E69F00", "v"),
    "chain": ("#D55E00", "D"),
    "tree": ("#009E73", "^"),
    "rustiq": ("#CC79A7", "s"),
    "tket": ("#56B4E9", "P"),
}

HEAD = ("instance", "qubits", "strings", "seed", "order", "strategy")
COLUMNS = (*HEAD, "depth", "2Q gates", "moves", "ms", "fidelity", "atomique fidelity", "compile s", "lattice")
MEAN_COLUMNS = ("instance", "qubits", "strings", "order", "strategy", "seeds", *SUMMARY_COLUMNS)


@dataclass(frozen=True, slots=True)
class Case:
    """One product of Pauli rotations; `seed` is None where nothing is random."""

    name: str
    num_qubits: int
    seed: int | None
    rotations: tuple[Rotation, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """One row to measure: a case, compiled with the order of its strings kept or free."""

    case: Case
    preserve_order: bool
    strategy: str

    @property
    def head(self) -> tuple[object, ...]:
        """The cells of `HEAD`."""
        case = self.case
        order = "kept" if self.preserve_order else "free"
        return case.name, case.num_qubits, len(case.rotations), case.seed, order, self.strategy

    @property
    def weight(self) -> float:
        """The number of letters: about how long this job takes beside the others."""
        return self.case.num_qubits * len(self.case.rotations)

    def cells(self) -> tuple[object, ...]:
        """Measure, and return the cells behind those of `HEAD`."""
        return dataclasses.astuple(run(self))


FIRST = Case("first", 2, None, (("XX", ANGLE),))


def random_cases(sizes: Iterable[int], densities: Sequence[float], num_seeds: int) -> Iterator[Case]:
    """Yield random strings of each size and density."""
    for n in sizes:
        for p in densities:
            for seed in range(num_seeds):
                labels = random_paulis(n, NUM_STRINGS, p, seed)
                yield Case(f"random p={p:g}", n, seed, tuple((label, ANGLE) for label in labels))


def lattice_cases(sizes: Iterable[int]) -> Iterator[Case]:
    """Yield one Trotter step of each model on the most nearly square lattice that uses all qubits."""
    for n in sizes:
        yield Case("heisenberg", n, None, tuple(heisenberg_paulis(*_factors(n))))
        if n % 2 == 0:
            yield Case("fermi-hubbard", n, None, tuple(fermi_hubbard_paulis(*_factors(n // 2))))


def _factors(n: int) -> tuple[int, int]:
    rows = max(rows for rows in range(1, math.isqrt(n) + 1) if n % rows == 0)
    return rows, n // rows


def file_cases(folder: Path) -> Iterator[Case]:
    """Yield the strings in the files pauli_*.txt and molecule_*.txt of a folder, each a list in Python's notation."""
    for path in sorted([*folder.glob("pauli_*.txt"), *folder.glob("molecule_*.txt")]):
        labels = ast.literal_eval(path.read_text(encoding="utf-8"))
        yield Case(path.stem, len(labels[0]), None, tuple((label, ANGLE) for label in labels))


def jobs(cases: Iterable[Case], strategies: Sequence[str], sabre: int) -> Iterator[Job]:
    """Yield all rows to measure; SABRE takes the first `sabre` instances of each kind only."""
    for case in cases:
        for preserve_order in (True, False):
            for strategy in strategies:
                if strategy == "paper" and not preserve_order:
                    continue
                yield Job(case, preserve_order, strategy)
                if strategy in SYNTHESES and (case.seed or 0) < sabre:
                    yield Job(case, preserve_order, strategy + SABRE)


def run(job: Job) -> Result:
    """Compile one case in one way."""
    if job.strategy in OURS:
        return compiled(job.case.rotations, preserve_order=job.preserve_order, strategy=job.strategy)
    circuit, seconds = synthesised(job.case, job.preserve_order, job.strategy.removesuffix(SABRE))
    if not job.strategy.endswith(SABRE):
        found = all_to_all(circuit)
    else:
        shape = near_square(job.case.num_qubits, job.case.num_qubits, job.case.num_qubits)
        found = best_sabre(circuit, {"square": square_grid(*shape), "triangle": triangular_grid(*shape)})
    return dataclasses.replace(from_baseline(found), seconds=seconds + (found.seconds or 0.0))


def compiled(rotations: Sequence[Rotation], *, preserve_order: bool, strategy: str) -> Result:
    """Compile with qpilot, which verifies the program too."""
    start = time.perf_counter()
    # In the files the first letter acts on qubit 0, in Qiskit and qpilot the last.
    terms = [(label[::-1], angle) for label, angle in rotations]
    program = qpilot.compile_paulis(terms, preserve_order=preserve_order, strategy=strategy)
    return from_program(program, time.perf_counter() - start)


@functools.lru_cache(maxsize=1)  # the row of SABRE follows that of all-to-all
def synthesised(case: Case, preserve_order: bool, synthesis: str) -> tuple[QuantumCircuit, float]:
    """Return the circuit of a baseline before it is routed, and the time it took."""
    start = time.perf_counter()
    circuit = SYNTHESES[synthesis](case.rotations, preserve_order=preserve_order)
    return circuit, time.perf_counter() - start


def means(table: Table) -> list[tuple[Any, ...]]:
    """Return rows of `MEAN_COLUMNS`, one for all seeds of a kind, size, order and strategy."""
    groups: dict[tuple[Any, ...], list[Result]] = {}
    for name, qubits, strings, _, order, strategy, *figures in table.rows:
        groups.setdefault((name, qubits, strings, order, strategy), []).append(Result(*figures))
    return [(*kind, len(results), *summary(results)) for kind, results in groups.items()]


def plot(means: Iterable[tuple[Any, ...]], path: Path) -> None:
    """Draw depth against qubits for the random strings: a column of panels for each density.

    The upper row of panels is of order kept, the lower of order free; dashed lines are of SABRE.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import LogFormatter, NullFormatter

    rows = [dict(zip(MEAN_COLUMNS, row, strict=True)) for row in means]
    rows = sorted((row for row in rows if row["instance"].startswith("random")), key=lambda row: row["qubits"])
    kinds = sorted({row["instance"] for row in rows})
    sizes = sorted({row["qubits"] for row in rows})
    orders = [order for order in ("kept", "free") if any(row["order"] == order for row in rows)]
    size = (3.2 * len(kinds) + 1.6, 3.4 * len(orders) + 0.4)  # inches, with room for the legend
    figure, panels = plt.subplots(
        len(orders), len(kinds), figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    lines = {}
    for order, kind in product(orders, kinds):
        ax = panels[orders.index(order)][kinds.index(kind)]
        here = [row for row in rows if row["order"] == order and row["instance"] == kind]
        for strategy in dict.fromkeys(row["strategy"] for row in here):
            color, marker = STYLES[strategy.removesuffix(SABRE)]
            style = "--" if strategy.endswith(SABRE) else "-"
            ours = [row for row in here if row["strategy"] == strategy]
            x, y, least, most = (np.array([row[key] for row in ours]) for key in ("qubits", "depth", "min", "max"))
            lines[strategy] = ax.errorbar(
                x, y, (y - least, most - y), color=color, marker=marker, ls=style, markersize=4, lw=0.8, capsize=2
            )
        ax.set(title=f"{kind.removeprefix('random ')}, order {order}", xscale="log", yscale="log")
        ax.set_xticks(sizes, [str(n) for n in sizes])
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.yaxis.set_major_formatter(LogFormatter())
        ax.grid(which="both", color="#dddddd", linewidth=0.5)
    figure.supxlabel("qubits")
    figure.supylabel("depth (layers of two-qubit gates)")
    figure.legend(lines.values(), lines.keys(), loc="outside right upper", frameon=False)
    figure.suptitle(f"{NUM_STRINGS} random Pauli strings")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def size(text: str) -> int:
    """Return a number of qubits, at least 2, for the command line."""
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of qubits; give 2 or more")
    return int(text)


def density(text: str) -> float:
    """Return the probability that a letter is not I, for the command line."""
    if not re.fullmatch(r"\d*\.?\d+", text) or not 0 < float(text) <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no probability; give one such as 0.3")
    return float(text)


def parser() -> argparse.ArgumentParser:
    """Return the options of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.quantum_simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--data", type=Path, metavar="DIR", help="also the strings in the files pauli_* and molecule_* of this folder"
    )
    made.add_argument(
        "--sizes", type=size, nargs="+", metavar="QUBITS", help="default 10 20 50 100, and files of all sizes"
    )
    made.add_argument(
        "--densities",
        type=density,
        nargs="*",
        default=DENSITIES,
        metavar="P",
        help="probability that a letter is not I; none: no random strings (default 0.1 0.2 0.3 0.4 0.5)",
    )
    made.add_argument("--seeds", type=int, default=3, metavar="N", help="random instances of each kind (default 3)")
    made.add_argument("--strategies", nargs="+", choices=STRATEGIES, default=STRATEGIES, help="default all")
    made.add_argument(
        "--sabre",
        type=int,
        nargs="?",
        const=1,
        default=0,
        metavar="N",
        help="also SABRE, on the first N instances of each kind and size (1 without N); takes minutes at 100 qubits",
    )
    add_outputs(
        made,
        "quantum_simulation",
        "write each row when it is known; rows already in the file are kept, and not measured again",
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
    strategies = [*dict.fromkeys(options.strategies)]
    if "tket" in strategies and importlib.util.find_spec("pytket") is None:
        strategies.remove("tket")
        print("tket is left out; pip install 'qpilot[peers]' installs it.", file=sys.stderr)
    sizes = options.sizes or SIZES
    cases = [*random_cases(sizes, options.densities, options.seeds), *lattice_cases(sizes)]
    if options.data:
        cases += [case for case in file_cases(options.data) if not options.sizes or case.num_qubits in options.sizes]
    table = open_table(command, COLUMNS, options.csv)
    todo = [*jobs(cases, strategies, options.sabre)]
    for strategy in strategies:  # what is loaded at first use is part of no time
        run(Job(FIRST, True, strategy))
    refused = measure(todo, table, options.csv)
    found = means(table)
    print_means(MEAN_COLUMNS, found, table)
    if options.png and found:
        plot(found, options.png)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
