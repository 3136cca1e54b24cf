"""The fewest stages of small diagonal blocks, proved by CP-SAT, beside what the heuristic search finds.

3-regular graphs where there are any, and Erdos-Renyi graphs, of 6 to 10 nodes; qubits stay row by row on a near-square
lattice. "bound" counts gates of which no two fit in one stage. A stage is two pulses.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx

from qpilot.arch.device import near_square
from qpilot.routing.diagonal import ROUNDS
from qpilot.routing.exact import bound, fewest_stages
from qpilot.routing.sweep import Embedding, Grid, StageSearch

from .tables import Table

NODES = range(6, 11)
DENSITIES = (0.3, 0.5, 0.7)
WANTED = 10.0
"""Mean excess of the heuristic in percent that is still accepted."""

COLUMNS = ("graph", "nodes", "edges", "lattice", "bound", "optimum", "proved", "heuristic", "excess %", "s")


def graphs(per_size: int) -> Iterator[tuple[str, nx.Graph[Any]]]:
    """Yield names and graphs; of each even size, half are 3-regular."""
    for n in NODES:
        for seed in range(per_size):
            p = DENSITIES[seed % len(DENSITIES)]
            if n % 2 == 0 and seed < per_size // 2:
                yield f"3-regular {n} #{seed}", nx.random_regular_graph(3, n, seed=seed)
            else:
                yield f"ER {p} {n} #{seed}", nx.gnp_random_graph(n, p, seed=seed)


def parse_copies(text: str) -> tuple[int, int]:
    """Return (down, across) from a text such as 1x2."""
    match = re.fullmatch(r"([12])x([12])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1x1, 1x2, 2x1 or 2x2")
    return int(match[1]), int(match[2])


def main() -> int:
    """Print the table; return 1 if the heuristic takes over 10 % more stages on average."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exact_stages", description=__doc__)
    parser.add_argument("--graphs", type=int, default=6, metavar="N", help="graphs of each size (default 6)")
    parser.add_argument("--copies", type=parse_copies, default=(1, 1), metavar="DOWNxACROSS", help="default 1x1")
    parser.add_argument("--no-parking", action="store_true", help="lines may not stand between sites")
    parser.add_argument("--time", type=float, default=60.0, metavar="S", help="limit of a proof (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the heuristic")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table to this file as well")
    options = parser.parse_args()
    table = Table(*COLUMNS)
    table.start()
    excesses = []
    for name, graph in graphs(options.graphs):
        rows, cols = near_square(len(graph), len(graph), len(graph))
        grid = Grid(rows, cols, options.copies, parking=not options.no_parking)
        wanted = Embedding(graph.edges, [divmod(q, cols) for q in graph], rows, cols).wanted(grid)
        search = StageSearch(grid, wanted, options.seed)
        found = search.reduce(search.greedy(), sum(rounds for _, rounds in ROUNDS))
        start = time.perf_counter()
        optimum, proved = fewest_stages(grid, wanted, time_limit_s=options.time, upper=found)
        seconds = time.perf_counter() - start
        excesses.append(100 * (len(found) / len(optimum) - 1) if optimum else 0.0)
        table.add(
            *(name, len(graph), graph.number_of_edges(), f"{rows}x{cols}", bound(grid, wanted), len(optimum)),
            *("yes" if proved else "no", len(found), excesses[-1], seconds),
        )
    if options.csv:
        table.save_csv(options.csv)
    mean = sum(excesses) / len(excesses)
    print(f"{len(excesses)} graphs: {sum(e > 0 for e in excesses)} above the optimum, mean excess {mean:.2f} %.")
    return 1 if mean > WANTED else 0


if __name__ == "__main__":
    sys.exit(main())
