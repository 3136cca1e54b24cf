"""The circuits of each suite, by name; equal names give equal circuits, in any process.

Suites:
    random       CZ gates on random pairs: random-D has D per qubit and a one-qubit gate behind every end; of
                 random-D-repeat 41 % are on the pair of the one before, as in the published files
    qaoa         one layer of QAOA for MaxCut, on D-regular graphs, and on random ones with each edge at probability P
    paulis       100 random Pauli strings, each letter not I with probability p; Trotter steps of two lattice models;
                 the variant says whether the order of strings that do not commute is kept or free
    algorithms   circuits as in QASMBench
    widths       some of the above on lattices of several widths; the variant is the lattice
    scaling      random-10 up to 1000 qubits, for compile times
    published    with --data, files of circuits, graphs and Pauli strings
"""

from __future__ import annotations

import ast
import functools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networkx as nx
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import quantum_volume

import qpilot
from qpilot.arch.device import near_square
from qpilot.frontend import read_circuit

from . import generators
from .pauli_synthesis import Rotation

PUBLISHED = "published"
SIZES = (10, 20, 50, 100)
SIZES_OF = {"widths": (100,), "scaling": (20, 50, 100, 200, 500, 1000)}
"""Qubits of the suites that do not have `SIZES`."""

GAMMA, BETA = 0.7, 0.3
NUM_STRINGS, ANGLE = 100, 2 * math.pi / 8
NEGLIGIBLE = 1.5e-4
"""Qiskit level 3 leaves out controlled phases by less, for baselines and for the logical depth, and qpilot runs them.

Of "qft-approximate" they are left out beforehand, so that all ways run the same gates.
"""

RANDOM = {
    f"random-{density}{end}": (density, rates)
    for end, rates in (("", {"one_qubit_rate": 1.0}), ("-repeat", {"one_qubit_rate": 0.76, "repeat_rate": 0.41}))
    for density in (2, 5, 10)
}
"""CZ gates per qubit, and the rates of `generators.random_cz`."""

GRAPHS = ("3-regular", "4-regular", "6-regular", "er-0.1", "er-0.3", "er-0.5")
DENSITIES = ("p=0.1", "p=0.3", "p=0.5")
MODELS: dict[str, Callable[[int], list[Rotation]]] = {
    "heisenberg": lambda n: generators.heisenberg_paulis(*_factors(n)),
    "fermi-hubbard": lambda n: generators.fermi_hubbard_paulis(*_factors(n // 2)),
}
ALGORITHMS: dict[str, Callable[[int], QuantumCircuit]] = {
    "ghz-ladder": generators.ghz_ladder,
    "ghz-fan-out": generators.ghz,
    "w-state": generators.w_state,
    "bv": generators.bernstein_vazirani,
    "hidden-shift": generators.hidden_shift,
    "adder": lambda n: generators.ripple_carry_adder(n // 2 - 1),
    "qft": generators.qft,
    "qft-approximate": lambda n: generators.qft(n, NEGLIGIBLE),
    "vqe-linear": lambda n: generators.two_local(n, "linear", 3),
    "vqe-full": lambda n: generators.two_local(n, "full", 1),
    "quantum-volume": lambda n: quantum_volume(n, n, seed=0),
}
LARGEST = dict.fromkeys(("qft", "qft-approximate", "vqe-full", "quantum-volume"), 50)
"""Most qubits of circuits with gates between all pairs: more take the others hours."""

EVEN = ("adder", "hidden-shift", "fermi-hubbard")
"""Circuits of even size."""

CIRCUITS: dict[str, tuple[str, ...]] = {
    "random": (*RANDOM,),
    "qaoa": GRAPHS,
    "paulis": (*DENSITIES, *MODELS),
    "algorithms": (*ALGORITHMS,),
    "widths": ("random-10", "3-regular", "er-0.3"),
    "scaling": ("random-10",),
}
ORDERS = ("kept", "free")
ROW_SHARES = (1.0, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1)
"""Rows of the lattices of suite "widths", as parts of those of the near-square one."""


@dataclass(frozen=True, slots=True)
class Case:
    """One circuit of a suite; `seed` and `variant` are None where there is one only, `path` where there is no file."""

    suite: str
    circuit: str
    qubits: int
    seed: int | None = None
    variant: str | None = None
    path: Path | None = field(default=None, compare=False)

    @property
    def kind(self) -> str:
        """What is made of this case: "gates", "qaoa" or "paulis"."""
        if self.path:
            return _kind_of_file(self.path)
        if self.circuit in GRAPHS:
            return "qaoa"
        return "paulis" if self.suite == "paulis" else "gates"


def made_cases(suite: str, sizes: Iterable[int] | None, num_seeds: int) -> Iterator[Case]:
    """Yield the cases of a suite at these numbers of qubits, by default its own; of random ones `num_seeds`."""
    for circuit in CIRCUITS[suite]:
        for n in sizes or SIZES_OF.get(suite, SIZES):
            if (n % 2 and circuit in EVEN) or n > LARGEST.get(circuit, n):
                continue
            random = circuit not in ALGORITHMS and circuit not in MODELS
            count = 1 if suite == "scaling" else num_seeds
            for seed in range(count) if random else [None]:
                if circuit not in GRAPHS or _exists(circuit, n):
                    for variant in _variants(suite, n):
                        yield Case(suite, circuit, n, seed, variant)


def file_cases(folder: Path) -> Iterator[Case]:
    """Yield the cases of the files below a folder.

    These are *.qasm; qaoa_*.txt, each a list of edges in Python's notation; pauli_*.txt and molecule_*.txt, each a list
    of labels, in which character i acts on qubit i.
    """
    for path in sorted([*folder.rglob("*.qasm"), *folder.rglob("*.txt")]):
        kind = _kind_of_file(path)
        if kind == "gates":
            yield Case(PUBLISHED, path.stem, read_circuit(path).num_qubits, path=path)
        elif kind == "qaoa":
            yield Case(PUBLISHED, path.stem, len(_read_graph(path)), path=path)
        elif kind == "paulis":
            for order in ORDERS:
                yield Case(PUBLISHED, path.stem, len(_read_list(path)[0]), None, order, path)


@functools.lru_cache(maxsize=4)
def circuit_of(case: Case) -> QuantumCircuit:
    """Return the circuit of a case of gates or of QAOA."""
    if case.kind == "qaoa":
        return qpilot.qaoa_circuit(graph_of(case), [GAMMA], [BETA])
    if case.path:
        return read_circuit(case.path)
    if case.circuit in RANDOM:
        density, rates = RANDOM[case.circuit]
        return generators.random_cz(case.qubits, density, case.seed or 0, **rates)
    return ALGORITHMS[case.circuit](case.qubits)


def graph_of(case: Case) -> nx.Graph[Any]:
    """Return the graph of a case of QAOA."""
    return _read_graph(case.path) if case.path else random_graph(case.circuit, case.qubits, case.seed or 0)


def rotations_of(case: Case) -> list[Rotation]:
    """Return the rotations of a case of Pauli strings; the first letter of a label acts on qubit 0."""
    if case.path:
        return [(label, ANGLE) for label in _read_list(case.path)]
    if case.circuit in MODELS:
        return MODELS[case.circuit](case.qubits)
    p = float(case.circuit.removeprefix("p="))
    return [(label, ANGLE) for label in generators.random_paulis(case.qubits, NUM_STRINGS, p, case.seed or 0)]


@functools.cache
def size_of(case: Case) -> int:
    """Return the number of strings, of edges, or of CZ gates as written, in the basis {cz, u}."""
    if case.kind == "paulis":
        return len(rotations_of(case))
    if case.kind == "qaoa":
        return int(graph_of(case).number_of_edges())
    return int(transpile(circuit_of(case), basis_gates=["cz", "u"], optimization_level=0).num_nonlocal_gates())


def lattice_of(case: Case) -> tuple[int, int]:
    """Return rows and columns of the lattice that a case of suite "widths" names."""
    rows, cols = (case.variant or "").split("x")
    return int(rows), int(cols)


def random_graph(family: str, num_qubits: int, seed: int) -> nx.Graph[Any]:
    """Return a random graph of `GRAPHS`."""
    if family.startswith("er-"):
        found: nx.Graph[Any] = nx.gnp_random_graph(num_qubits, float(family.removeprefix("er-")), seed=seed)
        return found
    regular: nx.Graph[Any] = nx.random_regular_graph(_degree(family), num_qubits, seed=seed)
    return regular


def _degree(family: str) -> int:
    return int(family.removesuffix("-regular"))


def _exists(family: str, num_qubits: int) -> bool:
    return family.startswith("er-") or (_degree(family) < num_qubits and _degree(family) * num_qubits % 2 == 0)


def _variants(suite: str, num_qubits: int) -> Sequence[str | None]:
    if suite == "paulis":
        return ORDERS
    if suite != "widths":
        return [None]
    square = near_square(num_qubits, num_qubits, num_qubits)
    rows = sorted({max(1, math.ceil(share * square[0])) for share in ROW_SHARES}, reverse=True)
    shapes = [square, *((r, math.ceil(num_qubits / r)) for r in rows[1:])]
    return [f"{rows}x{cols}" for rows, cols in dict.fromkeys(shapes)]


def _factors(n: int) -> tuple[int, int]:
    rows = max(rows for rows in range(1, math.isqrt(n) + 1) if n % rows == 0)
    return rows, n // rows


def _kind_of_file(path: Path) -> str:
    if path.suffix == ".qasm":
        return "gates"
    prefix = path.stem.split("_")[0]
    return {"qaoa": "qaoa", "pauli": "paulis", "molecule": "paulis"}.get(prefix, "")


def _read_list(path: Path) -> list[Any]:
    found: list[Any] = ast.literal_eval(path.read_text(encoding="utf-8"))
    return found


def _read_graph(path: Path) -> nx.Graph[Any]:
    edges = _read_list(path)
    size = re.search(r"_q(\d+)", path.stem)  # isolated nodes are in no edge
    n = max(int(size[1]) if size else 0, 1 + max(max(edge[:2]) for edge in edges))
    graph: nx.Graph[Any] = nx.empty_graph(n)
    graph.add_edges_from(edge[:2] for edge in edges)
    return graph
