"""The hybrid mapper of MQT QMAP, which brings data atoms of one lattice together by moves, swaps and bridges.

References:
    Schmid, Park, Wille, arXiv 2311.14164.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit

from qpilot.arch.device import PRESETS, Timing, near_square

from .peers import check_equal, translate
from .record import MODELS, Cost, Result, estimate

SPACING_UM = 3.0
INTERACTION_RADIUS = 2.5
"""In units of the spacing."""

AOD_OFFSET_UM = 0.5
"""Distance of an atom held by the AOD from the sites beside it, in x and in y."""

FREE_SITES = 4 / 3
"""Sites for each qubit: the mapper moves atoms to free ones."""

MOVE_SPEED_UM_PER_US = 0.55
OPERATION = re.compile(r"(\w+)\s*(?:\(([^)]*)\))?\s*((?:q|anc|fa)\[.*);")


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of a program of the mapper.

    Attributes:
        name: "cz" or the name of a one-qubit gate; between sites also "move", "swap" and "bridge"; by the AOD
            "aod_activate", "aod_move" and "aod_deactivate".
        sites: Names of the places it acts on: for "aod_move" from and to in turn; "bridge" is CZ of the outer two.
        numbers: Angles of a gate; for the others (axis, from, to) of each line of the AOD, in micrometres.
    """

    name: str
    sites: tuple[str, ...]
    numbers: tuple[float, ...]


def hybrid(circuit: QuantumCircuit) -> Result:
    """Return the figures of a circuit compiled by the hybrid mapper of MQT QMAP: the better of its initial mappings.

    Else the mapper has its default parameters; Qiskit translates at level 3 first; the time is that of all this. The
    machine is that of `architecture`; unlike the others it addresses pairs one by one. The program says in what order
    operations act on an atom, and no more, so that all is packed as early as can be:

    * Layers of CZ hold pairs that keep the interaction radius from each other, in the order of the program.
    * Duration is the longest chain of operations that have an atom in common, whatever stands beside them, which is a
      lower bound; moves and transfers wait for each other, as there is one AOD.
    * No atom is excited by gates on others, so there is no idle excitation.
    * Moves are runs of motion without a gate on an atom in the AOD; constants with one move time charge it for a run.

    The mapper writes two programs: gates, moves, swaps and bridges between sites, which are compared with the circuit;
    and these in operations of the AOD and CZ gates, from which the figures come and which has as many CZ as the first.
    It sets the lines of the AOD aside by half a micrometre with no regard to their order, so only exchanges of lines
    farther apart than these offsets are refused; the others are counted in `detail`.

    Args:
        circuit: Gates, and measurements at the end at most.

    Raises:
        ValueError: The program breaks a rule of the machine or is not equal to the circuit.
        RuntimeError: The mapper gives up.
    """
    from mqt.qmap.hybrid_mapper import InitialCircuitMapping

    start = time.perf_counter()
    bare, translated = translate(circuit)
    made = {mapping.name: _map(translated, mapping) for mapping in InitialCircuitMapping}
    compile_s = time.perf_counter() - start
    rows, cols = _lattice(circuit.num_qubits)
    found = []
    for mapping, (between_sites, by_aod) in made.items():
        routed, num_2q = replay(parse(between_sites), circuit.num_qubits)
        checked = ["rules", *check_equal(routed, translated, bare)]
        run = follow(parse(by_aod), circuit.num_qubits, cols)
        _require(run.num_2q == num_2q, f"it has {run.num_2q} CZ gates by the AOD, and {num_2q} between sites")
        found.append((run.depth, run.costs["enola"].duration_us, mapping, run, checked))
    _, _, mapping, run, checked = min(found, key=lambda item: item[:2])
    return Result(
        depth=run.depth,
        mixed_depth=run.mixed_depth,
        num_2q=run.num_2q,
        num_1q=run.num_1q,
        moves=run.moves,
        atoms=circuit.num_qubits,
        compile_s=compile_s,
        checked=", ".join(checked),
        detail=f"{rows}x{cols}, {mapping} mapping; {run.num_exchanges} exchanges of offset lines",
        **run.costs,
    )


def _lattice(num_qubits: int) -> tuple[int, int]:
    sites = math.ceil(FREE_SITES * num_qubits) + 1
    return near_square(sites, sites, sites)


def _map(translated: QuantumCircuit, mapping: Any) -> tuple[str, str]:
    """Return the program between sites and that by the AOD, where each qubit first has the gate of `_marked`."""
    from mqt.core import load
    from mqt.qmap.hybrid_mapper import HybridNAMapper, MapperParameters, NeutralAtomHybridArchitecture

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "machine.json"
        path.write_text(json.dumps(architecture(translated.num_qubits)))
        machine = NeutralAtomHybridArchitecture(str(path))
    mapper = HybridNAMapper(machine, MapperParameters())
    mapper.map(load(_marked(translated)), mapping)
    return mapper.get_mapped_qc_qasm(), mapper.get_mapped_qc_aod_qasm()


def _marked(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit with a gate on each qubit that tells it, as the mapper does not say where it puts them."""
    marked = QuantumCircuit(circuit.num_qubits)
    for qubit in range(circuit.num_qubits):
        marked.u((qubit + 1) / (circuit.num_qubits + 1), 0.5, 0.25, qubit)
    return marked.compose(circuit)


def architecture(num_qubits: int) -> dict[str, Any]:
    """Return the machine of the mapper: sites 3 um apart, interaction over 2.5 sites, one AOD; constants of `enola`."""
    timing, fidelity = PRESETS["enola"]
    rows, cols = _lattice(num_qubits)
    transfers = ("aod_activate", "aod_deactivate")
    moves = ("move", "aod_move")
    return {
        "name": f"{rows}x{cols}",
        "properties": {
            "nRows": rows,
            "nColumns": cols,
            "nAods": 1,
            "nAodCoordinates": 2,
            "interQubitDistance": SPACING_UM,
            "minimalAodDistance": AOD_OFFSET_UM,
            "interactionRadius": INTERACTION_RADIUS,
            "blockingFactor": 1,
        },
        "parameters": {
            "nQubits": num_qubits,
            "gateTimes": {"none": timing.raman_us, "cz": timing.rydberg_us},
            "gateAverageFidelities": {"none": fidelity.raman, "cz": fidelity.cz},
            "decoherenceTimes": {"t1": fidelity.t2_us, "t2": fidelity.t2_us},
            "shuttlingTimes": dict.fromkeys(moves, MOVE_SPEED_UM_PER_US) | dict.fromkeys(transfers, timing.transfer_us),
            "shuttlingAverageFidelities": dict.fromkeys(moves, 1) | dict.fromkeys(transfers, fidelity.transfer),
        },
    }


def parse(text: str) -> list[Operation]:
    """Return the operations of a program in the OpenQASM of the mapper.

    Raises:
        ValueError: A line is not known.
    """
    operations = []
    for line in text.splitlines():
        if not line.strip() or line.startswith(("//", "OPENQASM", "include", "qreg")):
            continue
        match = OPERATION.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"The program of the hybrid mapper has the line {line!r}, which is not known here.")
        numbers = tuple(_number(word.strip()) for word in re.split(r"[,;]", match[2])) if match[2] else ()
        operations.append(Operation(match[1], tuple(re.split(r",\s*", match[3])), numbers))
    return operations


def _number(word: str) -> float:
    if match := re.fullmatch(r"(-?)(?:([\d.]+)\*)?pi(?:/([\d.]+))?", word):
        return math.copysign(float(match[2] or 1) * math.pi / float(match[3] or 1), -1 if match[1] else 1)
    return float(word)


def replay(operations: Iterable[Operation], num_qubits: int) -> tuple[QuantumCircuit, int]:
    """Return what a program between sites does to the qubits, and its CZ gates: 3 for a swap, 4 for a bridge.

    Args:
        operations: The program, of a circuit of `_marked`.
        num_qubits: Number of qubits.

    Raises:
        ValueError: An operation acts on a site without an atom.
    """
    routed = QuantumCircuit(num_qubits)
    qubit: dict[str, int] = {}
    num_2q = 0
    for operation in operations:
        name, sites = operation.name, operation.sites
        if len(sites) == 1 and sites[0] not in qubit:
            qubit[sites[0]] = round(operation.numbers[0] * (num_qubits + 1)) - 1
            continue
        _require(
            sites[0] in qubit and (name == "move") != (sites[-1] in qubit), f"{name} on {sites} finds no atom there"
        )
        if name == "move":
            qubit[sites[1]] = qubit.pop(sites[0])
        elif name == "swap":
            num_2q += 3
            qubit[sites[0]], qubit[sites[1]] = qubit[sites[1]], qubit[sites[0]]
        elif len(sites) == 1:
            getattr(routed, name.lower())(*operation.numbers, qubit[sites[0]])
        else:
            _require(name in ("cz", "bridge"), f"{name} is not known")
            num_2q += 1 if name == "cz" else 4
            routed.cz(qubit[sites[0]], qubit[sites[-1]])
    return routed, num_2q


@dataclass(frozen=True, slots=True)
class Run:
    """What a program by the AOD costs at best."""

    depth: int
    mixed_depth: int
    num_2q: int
    num_1q: int
    moves: int
    num_exchanges: int
    costs: dict[str, Cost]


class _Atoms:
    """Where the atoms are; an atom has the number of the site where it starts."""

    def __init__(self, num_atoms: int, cols: int) -> None:
        self.cols = cols
        self.at = {f"q[{site}]": site for site in range(num_atoms)}
        self.place_um = np.array([self.site_um(f"q[{site}]") for site in range(num_atoms)]).reshape(-1, 2)
        self.held = np.zeros(num_atoms, dtype=bool)
        self.num_exchanges = 0

    def site_um(self, site: str) -> tuple[float, float]:
        row, col = divmod(int(site[site.index("[") + 1 : -1]), self.cols)
        return SPACING_UM * col, SPACING_UM * row

    def find(self, sites: Iterable[str]) -> list[int]:
        """Return the atoms at some places."""
        sites = [*sites]
        _require(all(site in self.at for site in sites), f"an operation acts on a place without an atom, {sites}")
        return [self.at[site] for site in sites]

    def transfer(self, operation: Operation) -> list[int]:
        """Take up atoms, or put them down at their sites."""
        atoms, taken = self.find(operation.sites), operation.name == "aod_activate"
        _require(not any(self.held[atoms] == taken), "an atom is taken up or put down twice")
        self.held[atoms] = taken
        for atom, site in zip(atoms, operation.sites, strict=True):
            _require(
                bool(np.allclose(self.place_um[atom], self.site_um(site))), f"{site} is taken up or put down aside"
            )
        return atoms

    def move(self, operation: Operation) -> tuple[list[int], float]:
        """Move atoms of the AOD; return them and the longest displacement of a line."""
        sources, targets = operation.sites[::2], operation.sites[1::2]
        atoms = self.find(sources)
        _require(bool(self.held[atoms].all()), "an atom moves that the AOD does not hold")
        before = self.place_um[self.held]
        lines = np.array(operation.numbers).reshape(-1, 3)
        new = self.place_um[atoms]
        for axis, source, target in lines:
            on_line = np.isclose(self.place_um[atoms, int(axis)], source)
            new[on_line, int(axis)] = target
        self.place_um[atoms] = new
        self._compare_lines(before, self.place_um[self.held])
        for site in sources:
            del self.at[site]
        _require(not any(site in self.at for site in targets), "a move brings two atoms to one place")
        self.at.update(zip(targets, atoms, strict=True))
        return atoms, float(np.abs(lines[:, 2] - lines[:, 1]).max())

    def _compare_lines(self, before: np.ndarray, after: np.ndarray) -> None:
        gaps = [places[:, None] - places for places in (before, after)]
        apart = 2 * AOD_OFFSET_UM + 1e-6
        _require(not ((gaps[0] > apart) & (gaps[1] < -apart)).any(), "a move crosses lines of the AOD")
        self.num_exchanges += bool(((gaps[0] > 1e-6) & (gaps[1] < -1e-6)).any())


class _Layers:
    """Layers of CZ: the pairs of a layer keep the interaction radius from each other."""

    def __init__(self) -> None:
        self.places_um: dict[int, list[np.ndarray]] = {}

    def add(self, pair_um: np.ndarray, first: int) -> int:
        """Put a pair in the first layer, from `first` on, where it disturbs no other; return the layer."""
        layer = first
        while any(self._disturbs(pair_um, other) for other in self.places_um.get(layer, ())):
            layer += 1
        self.places_um.setdefault(layer, []).append(pair_um)
        return layer

    @staticmethod
    def _disturbs(pair_um: np.ndarray, other_um: np.ndarray) -> bool:
        return min(math.dist(a, b) for a in pair_um for b in other_um) < INTERACTION_RADIUS * SPACING_UM


def follow(operations: Iterable[Operation], num_qubits: int, cols: int) -> Run:
    """Follow the atoms of a program by the AOD, check that they can do it, and pack its gates into layers.

    Atoms of a CZ are within the interaction radius, lines of the AOD keep their order, and no two atoms have one site.

    Args:
        operations: The program, of a circuit of `_marked`.
        num_qubits: Number of atoms.
        cols: Columns of the lattice.

    Raises:
        ValueError: The program breaks a rule.
    """
    atoms = _Atoms(num_qubits, cols)
    layers = _Layers(), _Layers()  # of CZ, and of all gates
    reach_um = INTERACTION_RADIUS * SPACING_UM + math.sqrt(2) * AOD_OFFSET_UM + 1e-6
    gates = np.zeros((2, num_qubits), dtype=np.int64)  # of one and of two qubits, of each atom
    marked = np.zeros(num_qubits, dtype=bool)
    timings = [PRESETS[model][0] for model in MODELS]
    packed = np.zeros((num_qubits, len(layers)), dtype=np.int64)  # layers that each atom has been through
    ready_us = np.zeros((num_qubits + 1, len(MODELS)))  # when an operation on each atom may begin, and the AOD
    moves = num_transfers = 0
    moving = False
    for operation in operations:
        name = operation.name
        if name.startswith("aod_"):
            if name == "aod_move":
                acted, distance_um = atoms.move(operation)
                times_us = [_move_us(timing, distance_um, first=not moving) for timing in timings]
                moves += not moving
                moving = True
            else:
                acted = atoms.transfer(operation)
                num_transfers += len(acted)
                times_us = [timing.transfer_us for timing in timings]
                moving = moving and bool(atoms.held.any())
            waits = [*acted, num_qubits]
        else:
            waits = acted = atoms.find(operation.sites)
            if not marked[acted].all():
                marked[acted] = True
                continue
            gates[len(acted) - 1, acted] += 1
            moving = moving and not bool(atoms.held[acted].any())
            first = packed[acted].max(axis=0)
            if name == "cz":
                pair_um = atoms.place_um[acted]
                _require(math.dist(*pair_um) <= reach_um, f"a CZ joins {operation.sites}, which are not in reach")
                packed[acted] = [kind.add(pair_um, int(k) + 1) for kind, k in zip(layers, first, strict=True)]
                times_us = [timing.rydberg_us for timing in timings]
            else:
                packed[acted] = np.add(first, (0, 1))
                times_us = [timing.raman_us for timing in timings]
        ready_us[waits] = ready_us[waits].max(axis=0) + times_us
    _require(not atoms.held.any(), "the AOD holds an atom at the end")
    depth, mixed_depth = packed.max(axis=0).tolist()
    gates_1q, gates_2q = gates
    num_1q, num_2q = int(gates_1q.sum()), int(gates_2q.sum()) // 2
    costs = {}
    for model, duration_us in zip(MODELS, ready_us.max(axis=0).tolist(), strict=True):
        timing, fidelity = PRESETS[model]
        costs[model] = estimate(
            fidelity,
            duration_us=duration_us,
            num_2q=num_2q,
            num_1q=num_1q,
            idle_us=duration_us - timing.rydberg_us * gates_2q - timing.raman_us * gates_1q,
            num_transfers=num_transfers,
        )
    return Run(depth, mixed_depth, num_2q, num_1q, moves, atoms.num_exchanges, costs)


def _move_us(timing: Timing, distance_um: float, *, first: bool) -> float:
    """Return the time of a stretch of a run; where each run has the same time, the first stretch takes it."""
    if timing.move_us is None or first:
        return timing.move_duration_us(distance_um)
    return 0.0


def _require(fulfilled: bool, problem: str) -> None:
    if not fulfilled:
        raise ValueError(f"The program of the hybrid mapper breaks a rule of its machine: {problem}.")
