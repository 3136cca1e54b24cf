"""Depth, gates, moves, duration and fidelity of circuits compiled by the generic router, beside Qiskit's SABRE.

Depth is the number of layers of two-qubit gates: Rydberg pulses for qpilot, and for SABRE the depth of the two-qubit
gates in the basis {cz, u} on a square grid of the same shape. "CZ gates" counts the circuit as written, translated to
{cz, u} gate by gate.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from qiskit import transpile

import qpilot
from qpilot.frontend import read_circuit

from .baselines import best_sabre, square_grid
from .tables import Table

SHIPPED = Path(__file__).parents[1] / "examples" / "circuits"
STRATEGIES = ("paper", "rounds")
COLUMNS = ("circuit", "qubits", "CZ gates", "strategy", "depth", "2Q gates", "moves", "ms", "fidelity", "compile s")


def find_circuits(files: Iterable[Path], folder: Path | None) -> list[Path]:
    """Return the given files and every .qasm file in a folder; the shipped circuits where neither is given."""
    files = list(files)
    if folder is None and not files:
        folder = SHIPPED
    return files + (sorted(folder.rglob("*.qasm")) if folder else [])


def measure(path: Path, shape: tuple[int, int] | str, *, sabre: bool, seed: int) -> Iterator[tuple[object, ...]]:
    """Yield the rows of one circuit; compiling verifies each program."""
    circuit = read_circuit(path)
    num_cz = transpile(circuit, basis_gates=["cz", "u"], optimization_level=0).num_nonlocal_gates()
    head = (path.stem, circuit.num_qubits, num_cz)
    for strategy in STRATEGIES:
        start = time.perf_counter()
        program = qpilot.compile(circuit, strategy=strategy, shape=shape, seed=seed)
        seconds = time.perf_counter() - start
        m = program.metrics
        figures = (m.depth, m.num_2q, m.num_moves, m.duration_us / 1000, m.fidelity.total)
        yield *head, strategy, *figures, seconds
    if sabre:
        slm = program.device.slm
        best = best_sabre(circuit, {"square": square_grid(slm.rows, slm.cols)})
        yield *head, "sabre", best.depth, best.num_2q, None, None, None, best.seconds


def parse_shape(text: str) -> tuple[int, int] | str:
    """Return "auto", or (rows, cols) from a text such as 10x10."""
    if text == "auto":
        return text
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto nor ROWSxCOLS, for example 10x10")
    return int(match[1]), int(match[2])


def main() -> int:
    """Print the table; return 1 if a circuit was refused."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generic", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE.qasm")
    parser.add_argument("--data", type=Path, metavar="DIR", help="also every .qasm file below this folder")
    parser.add_argument("--shape", type=parse_shape, default="auto", metavar="ROWSxCOLS", help="lattice (default auto)")
    parser.add_argument("--sabre", action="store_true", help="also route with Qiskit's SABRE on the same grid")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table to this file as well")
    options = parser.parse_args()
    table = Table(*COLUMNS)
    table.start()
    refused = 0
    for path in find_circuits(options.files, options.data):
        try:
            for row in measure(path, options.shape, sabre=options.sabre, seed=options.seed):
                table.add(*row)
        except qpilot.QPilotError as error:
            refused += 1
            print(f"{path.name}: {error}", file=sys.stderr)
    if options.csv:
        table.save_csv(options.csv)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
