"""Six fixed circuits: time and peak memory of compiling them, and what comes of it; time of the import."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import networkx as nx
from qiskit import QuantumCircuit

import qpilot

# asv imports this folder by itself. The checkout comes last in the path, so that qpilot is the one installed: asv
# installs old revisions to measure them, with the circuits of this checkout.
sys.path.append(str(Path(__file__).parents[2]))
from benchmarks import generators

TIMEOUT_S = 600.0

Compile = Callable[[], "qpilot.Program"]


def qaoa_layer(graph: nx.Graph[Any]) -> QuantumCircuit:
    """Return one layer of QAOA for MaxCut on a graph."""
    circuit = QuantumCircuit(len(graph))
    circuit.h(range(len(graph)))
    for first, second in sorted(graph.edges):
        circuit.rzz(0.7, first, second)
    circuit.rx(0.3, range(len(graph)))
    return circuit


def compile_paulis(num_qubits: int, num_strings: int, p: float) -> Compile:
    """Return what compiles rotations about random Pauli strings, in their order."""
    rotations = [(label, 0.3) for label in generators.random_paulis(num_qubits, num_strings, p)]
    return lambda: qpilot.compile_paulis(rotations)


CASES: dict[str, Callable[[], Compile]] = {
    "random-10, 100 qubits": lambda: partial(qpilot.compile, generators.random_cz(100, 10)),
    "qaoa 3-regular, 100 qubits": lambda: partial(qpilot.compile, qaoa_layer(nx.random_regular_graph(3, 100, seed=0))),
    "qaoa er-0.3, 100 qubits": lambda: partial(qpilot.compile, qaoa_layer(nx.gnp_random_graph(100, 0.3, seed=0))),
    "100 Pauli strings p=0.3, 100 qubits": lambda: compile_paulis(100, 100, 0.3),
    "qft, 50 qubits": lambda: partial(qpilot.compile, generators.qft(50)),
    "adder, 100 qubits": lambda: partial(qpilot.compile, generators.ripple_carry_adder(49)),
}
"""For each name, what makes the circuit and returns what compiles it, with all options at their defaults."""


class Compiling:
    """Time, verification included, and peak memory of a process that makes a circuit and compiles it."""

    params = tuple(CASES)
    param_names = ("circuit",)
    timeout = TIMEOUT_S
    number, repeat, rounds, warmup_time = 1, (2, 5, 20.0), 1, 0.0

    def setup(self, name: str) -> None:
        """Make the circuit, and load what qpilot loads at first use."""
        self.compile = CASES[name]()
        qpilot.compile(generators.random_cz(4, 1))

    def time_compile(self, name: str) -> None:
        """Compile."""
        self.compile()

    def peakmem_compile(self, name: str) -> None:
        """Compile."""
        self.compile()


class Programs:
    """Depth and two-qubit gates: a guard, since speed must not be bought with them."""

    params = tuple(CASES)
    param_names = ("circuit",)
    timeout = TIMEOUT_S

    def setup_cache(self) -> dict[str, tuple[float, float]]:
        """Return depth and two-qubit gates by name; not a number where a revision cannot compile the circuit."""
        figures: dict[str, tuple[float, float]] = {}
        for name, make in CASES.items():
            try:
                metrics = make()().metrics
                figures[name] = (metrics.depth, metrics.num_2q)
            except Exception as error:
                print(f"{name}: {error}", file=sys.stderr)
                figures[name] = (math.nan, math.nan)
        return figures

    setup_cache.timeout = TIMEOUT_S  # type: ignore[attr-defined]

    def track_depth(self, figures: dict[str, tuple[float, float]], name: str) -> float:
        """Return the number of Rydberg pulses."""
        return figures[name][0]

    def track_num_2q(self, figures: dict[str, tuple[float, float]], name: str) -> float:
        """Return the number of two-qubit gates."""
        return figures[name][1]

    track_depth.unit = "pulses"  # type: ignore[attr-defined]
    track_num_2q.unit = "gates"  # type: ignore[attr-defined]


def timeraw_import() -> str:
    """Return the statement that a new process runs and times."""
    return "import qpilot"
