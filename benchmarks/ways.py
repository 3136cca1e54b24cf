"""All ways to compile a case: qpilot, the published router, fixed atoms, and other compilers that move atoms.

A way of your own is one more entry of `WAYS`: a function that takes a `Case` and `Settings` and returns a `Result`.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import qpilot
from qpilot.arch import AOD, FPQA, Lattice
from qpilot.arch.device import Rydberg

from . import baselines, edge_colouring, pauli_synthesis, qmap, qmap_hybrid
from .cases import BETA, GAMMA, Case, circuit_of, graph_of, lattice_of, rotations_of
from .compare import GRIDS
from .record import Result, from_program

GRIDS_OF_PAULIS = {
    "chain": ("square", "triangle", "heavy-hex"),
    "tree": ("square", "triangle", "heavy-hex"),
    "rustiq": ("square",),
    "tket": ("square",),
}
"""Where each synthesis of Pauli rotations is routed too."""
ALL_TO_ALL = "all-to-all"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run may set: seeds of SABRE on each grid, of which the best counts, and the time a row may take."""

    sabre_seeds: int
    limit_s: float


@dataclass(frozen=True, slots=True)
class Way:
    """One way to compile.

    Attributes:
        run: Compiles a case.
        kinds: Kinds of cases it takes.
        package: Distribution that does the work; its version is part of every row.
        more: Suites of their own kind ("widths", "scaling") that it is part of too.
        kept_only: Leaves out Pauli strings in free order.
        cost: Time beside that of the default compilation, roughly.
        largest: Most qubits it is measured on, where more would take hours.
    """

    run: Callable[[Case, Settings], Result]
    kinds: tuple[str, ...] = ("gates", "qaoa")
    package: str = "qpilot"
    more: tuple[str, ...] = ()
    kept_only: bool = False
    cost: float = 1.0
    largest: int | None = None

    def takes(self, case: Case) -> bool:
        """Return whether this way is measured on this case."""
        if self.largest is not None and case.qubits > self.largest:
            return False
        if case.suite in ("widths", "scaling"):
            return case.suite in self.more
        return case.kind in self.kinds and not (self.kept_only and case.variant == "free")

    def version(self) -> str | None:
        """Return package and version; None if it is not installed."""
        try:
            return f"{self.package} {version(self.package)}"
        except PackageNotFoundError:
            return f"{self.package} {qpilot.__version__}" if self.package == "qpilot" else None


def compiled(case: Case, settings: Settings, *, device: Callable[[int], FPQA] | None = None, **options: Any) -> Result:
    """Compile with qpilot, which verifies the program too."""
    machine = device(case.qubits) if device else None
    if case.suite == "widths":
        shape = lattice_of(case)
        machine, options = FPQA(slm=Lattice(*shape)), options | {"shape": shape}
    if case.kind == "paulis":
        # Of a case the first letter acts on qubit 0, of Qiskit and qpilot the last.
        terms = [(label[::-1], angle) for label, angle in rotations_of(case)]
        start = time.perf_counter()
        program = qpilot.compile_paulis(terms, machine, preserve_order=case.variant == "kept", **options)
    else:
        circuit = circuit_of(case)
        start = time.perf_counter()
        program = qpilot.compile(circuit, machine, **options)
    return from_program(program, time.perf_counter() - start)


def routed(case: Case, settings: Settings, *, grid: str) -> Result:
    """Route with SABRE on a grid of fixed atoms.

    SABRE takes gates as they are written, so that of QAOA it gets the edges both in the order of the graph and colour
    by colour, and the better counts.
    """
    seeds = range(settings.sabre_seeds)
    results = [baselines.route(circuit_of(case), grid, seeds)]
    if case.kind == "qaoa":
        coloured = edge_colouring.edge_coloured(graph_of(case), [GAMMA], [BETA])
        results.append(baselines.route(coloured, grid, seeds))
    best = min(results, key=lambda result: (result.depth, result.num_2q))
    detail = best.detail + (", edges coloured" if best is not results[0] else "")
    return replace(best, detail=detail, compile_s=sum(result.compile_s for result in results))


def synthesised(case: Case, settings: Settings, *, synthesis: str, grid: str) -> Result:
    """Make a circuit of Pauli rotations, and route it with SABRE."""
    rotations = rotations_of(case)
    start = time.perf_counter()
    circuit = pauli_synthesis.SYNTHESES[synthesis](rotations, preserve_order=case.variant == "kept")
    seconds = time.perf_counter() - start
    result = baselines.route(circuit, grid, range(settings.sabre_seeds))
    return replace(result, compile_s=seconds + result.compile_s)


def swap_network(case: Case, settings: Settings) -> Result:
    """Run the cost layer as a swap network on a line of fixed atoms."""
    return baselines.swap_network(graph_of(case), [GAMMA], [BETA])


def zoned(case: Case, settings: Settings) -> Result:
    """Compile with the zoned compiler of QMAP."""
    return qmap.zoned(circuit_of(case))


def zoned_coloured(case: Case, settings: Settings) -> Result:
    """Compile with the zoned compiler of QMAP, the edges of the graph written colour by colour."""
    return qmap.zoned(edge_colouring.edge_coloured(graph_of(case), [GAMMA], [BETA]))


def hybrid(case: Case, settings: Settings) -> Result:
    """Compile with the hybrid mapper of QMAP."""
    return qmap_hybrid.hybrid(circuit_of(case))


def _two_aods(num_qubits: int) -> FPQA:
    return FPQA.for_qubits(num_qubits).replace(aods=(AOD(), AOD()))


def _individual_phases(num_qubits: int) -> FPQA:
    return FPQA.for_qubits(num_qubits).replace(native="cphase", rydberg=Rydberg(individual_phases=True))


def _ways() -> dict[str, Way]:
    part = functools.partial
    all_kinds = ("gates", "qaoa", "paulis")
    ways = {
        "qpilot": Way(compiled, all_kinds, more=("widths", "scaling")),
        "qpilot-depth": Way(part(compiled, objective="depth", effort=2), cost=4),
        "qpilot-two-aods": Way(part(compiled, device=_two_aods, objective="depth"), ("gates",)),
        "qpilot-generic": Way(part(compiled, router="generic"), ("qaoa",)),
        "qpilot-phases": Way(part(compiled, device=_individual_phases), ("qaoa",)),
        "paper": Way(part(compiled, strategy="paper"), all_kinds, more=("widths",), kept_only=True),
        "logical": Way(part(routed, grid=ALL_TO_ALL), package="qiskit"),
    }
    for grid in GRIDS:
        more = ("scaling",) if grid == "square" else ()
        ways[grid] = Way(part(routed, grid=grid), package="qiskit", more=more, cost=4)
    ways |= {
        "swap-network": Way(swap_network, ("qaoa",)),
        "zoned": Way(zoned, package="mqt.qmap", more=("scaling",)),
        "zoned-coloured": Way(zoned_coloured, ("qaoa",), "mqt.qmap"),
        "hybrid": Way(hybrid, package="mqt.qmap", cost=10),
    }
    for synthesis in pauli_synthesis.SYNTHESES:
        package = "pytket" if synthesis == "tket" else "qiskit"
        for grid in (ALL_TO_ALL, *GRIDS_OF_PAULIS[synthesis]):
            name = synthesis if grid == ALL_TO_ALL else f"{synthesis}-{grid}"
            # The order they choose suits all-to-all couplings; on a grid the order written serves as well.
            kept_only = synthesis in ("rustiq", "tket") and grid != ALL_TO_ALL
            run = part(synthesised, synthesis=synthesis, grid=grid)
            cost = 3 if grid == ALL_TO_ALL else 8
            largest = 50 if kept_only else None  # 10,000 layers and more, four times those of chains
            ways[name] = Way(run, ("paulis",), package, kept_only=kept_only, cost=cost, largest=largest)
    return ways


WAYS = _ways()
EXTRA = "peers"
"""The extra of qpilot that brings the packages of all ways."""
