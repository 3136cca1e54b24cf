"""How long compiling takes, verification included, how much memory, and how both grow.

Every row runs in a process of its own, so that its peak memory is its own; the peak counts Python and Qiskit too.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from .tables import Table

SIZES = (100, 200, 500, 1000)
GATES_PER_QUBIT = 10
IMPORT_CODE = """
import time
start = time.perf_counter()
import qiskit
middle = time.perf_counter()
import qpilot
print(middle - start, time.perf_counter() - middle)
"""


def measure(num_qubits: int, strategy: str, seed: int) -> dict[str, float]:
    """Compile one random circuit in this process; return seconds, peak memory in MiB, and depth."""
    import qpilot

    from .generators import random_cz

    qpilot.compile(random_cz(4, 1), strategy=strategy)  # what is loaded at first use is not part of the time
    circuit = random_cz(num_qubits, GATES_PER_QUBIT, seed)
    start = time.perf_counter()
    program = qpilot.compile(circuit, strategy=strategy, seed=seed)
    seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024  # bytes in what ru_maxrss counts
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    return {"seconds": seconds, "peak_mib": peak, "depth": program.depth, "num_2q": program.metrics.num_2q}


def measure_apart(num_qubits: int, strategy: str, seed: int) -> dict[str, float]:
    """Run `measure` in a new process."""
    options = ["--one", str(num_qubits), "--strategy", strategy, "--seed", str(seed)]
    result: dict[str, float] = json.loads(_python(["-m", "benchmarks.compile_time", *options]))
    return result


def import_seconds(repeats: int = 5) -> tuple[float, float]:
    """Return the median times of `import qiskit`, and of `import qpilot` after it."""
    times = [[float(part) for part in _python(["-c", IMPORT_CODE]).split()] for _ in range(repeats)]
    qiskit, ours = zip(*times, strict=True)
    return statistics.median(qiskit), statistics.median(ours)


def growth_exponent(sizes: list[int], seconds: list[float]) -> float:
    """Return p of the least-squares fit seconds = c * sizes^p."""
    return float(np.polyfit([math.log(n) for n in sizes], [math.log(t) for t in seconds], 1)[0])


def _python(arguments: list[str]) -> str:
    root = Path(__file__).parents[1]
    finished = subprocess.run([sys.executable, *arguments], cwd=root, check=True, stdout=subprocess.PIPE, text=True)
    return finished.stdout


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compile_time", description=__doc__)
    parser.add_argument("--strategy", default="rounds", choices=["rounds", "paper"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="QUBITS")
    parser.add_argument("--one", type=int, metavar="QUBITS", help="measure one size in this process and print JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.strategy, options.seed)))
        return
    table = Table("qubits", "CZ gates", "compile s", "peak MiB", "depth", "2Q gates", first_width=8)
    table.start()
    seconds = []
    for n in options.sizes:
        row = measure_apart(n, options.strategy, options.seed)
        seconds.append(row["seconds"])
        table.add(n, GATES_PER_QUBIT * n, row["seconds"], row["peak_mib"], row["depth"], row["num_2q"])
    if len(seconds) > 1:
        print(f"\ncompile time grows as n^{growth_exponent(list(options.sizes), seconds):.2f}")
    qiskit, ours = import_seconds()
    print(f"import qiskit takes {qiskit:.2f} s, import qpilot {ours:.2f} s beyond it (medians of 5)")


if __name__ == "__main__":
    main()
