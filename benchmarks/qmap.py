"""The zoned compiler of MQT QMAP, which moves data atoms between zones: its programs are read, checked and costed here.

References:
    Stade, Lin, Cong, Wille, arXiv 2505.22715: routing-aware placement, the compiler.
    Lin, Tan, Cong, arXiv 2411.11784 (ZAC): reuse of atoms, and the machine.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from scipy.spatial import cKDTree

from qpilot.arch.device import PRESETS, Rydberg

from .peers import check_equal, gate_counts, translate, without_layout
from .record import Cost, Result, estimate

PAIR_SITE_COLS = 20
PAIR_SITE_ROWS = 7
FILLING = 0.9
"""Part of the pair sites that the compiler uses at a pulse, by its default."""

STORAGE_ROWS = 20
STORAGE_COLS = 100
STORAGE_SPACING_UM = 3
PAIR_SPACING_UM = (12, 10)
PAIR_DISTANCE_UM = 2
ZONE_GAP_UM = 10
AOD_LINES = 100

ANGLES = {"u": 3, "rz": 1}
"""One-qubit gates of the programs, and how many angles they have."""

KNOWN = ("load", "move", "store", "cz", *ANGLES)


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a program in the format of the viewer NAViz.

    Attributes:
        name: "load", "move", "store", "cz", or the name of a one-qubit gate.
        atoms: Indices of the atoms it acts on; none for "cz", which acts on the whole zone.
        targets_um: For "move", where each atom goes.
        angles: Of a one-qubit gate, in radians.
    """

    name: str
    atoms: tuple[int, ...]
    targets_um: tuple[tuple[float, float], ...] = ()
    angles: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Motion:
    """What the atoms of a program do.

    Attributes:
        pulses: Pairs of each global pulse.
        num_idle: Atoms in the entanglement zone at a pulse and in none of its pairs, summed over the pulses.
        distances_um: Longest displacement of a line, for each move.
        num_carries: Times that the AOD took atoms up and put all of them down again.
        num_stops: Atoms that a move leaves, for a time, at a place where another atom stands.
    """

    pulses: list[list[tuple[int, int]]]
    num_idle: int
    distances_um: list[float]
    num_carries: int
    num_stops: int


def zoned(circuit: QuantumCircuit) -> Result:
    """Return the figures of a circuit compiled by the routing-aware zoned compiler of MQT QMAP, with its defaults.

    The compiler takes CZ and one-qubit gates: Qiskit translates at level 3, and its time counts. The machine is that of
    `architecture`. The figures come from the program that the compiler writes:

    * Moves are carries: from taking up the first atom to putting down the last, with all stops between.
    * A carry takes the square-root law for each of its stretches, or one move time where the constants have one; each
      load and each store takes a transfer time.
    * One-qubit gates of the time between two pulses are packed into as few layers as can be.
    * Atoms in storage are not excited by a pulse.

    Args:
        circuit: Gates, and measurements at the end at most.

    Raises:
        ValueError: The program breaks a rule of the machine or is not equal to the circuit.
        RuntimeError: The compiler gives up.
    """
    from mqt.core import load
    from mqt.qmap.na.zoned import RoutingAwareCompiler, ZonedNeutralAtomArchitecture

    machine = architecture(circuit.num_qubits)
    compiler = RoutingAwareCompiler(
        ZonedNeutralAtomArchitecture.from_json_string(json.dumps(machine)), log_level="E", warn_unsupported_gates=False
    )
    start = time.perf_counter()
    bare, translated = translate(circuit)
    text = compiler.compile(load(without_layout(translated)))
    compile_s = time.perf_counter() - start

    start_um, steps = parse(text)
    motion = follow(start_um, steps, machine["rydberg_range"][0])
    routed = _to_circuit(circuit.num_qubits, steps, motion.pulses)
    checked = ["rules", *check_equal(routed, translated, bare)]
    layers_1q = _one_qubit_layers(steps)
    gates_1q, gates_2q = gate_counts(routed)
    rows, cols = (machine["entanglement_zones"][0]["slms"][0][key] for key in "rc")
    return Result(
        depth=len(motion.pulses),
        mixed_depth=len(motion.pulses) + layers_1q,
        num_2q=int(gates_2q.sum()) // 2,
        num_1q=int(gates_1q.sum()),
        moves=motion.num_carries,
        atoms=circuit.num_qubits,
        compile_s=compile_s,
        checked=", ".join(checked),
        detail=f"{rows}x{cols} pair sites; {motion.num_stops} stops at a taken site",
        **_costs(routed, steps, motion, layers_1q),
    )


def architecture(num_qubits: int) -> dict[str, Any]:
    """Return the machine of ZAC, as QMAP takes it: one storage and one entanglement zone, one AOD of 100 x 100 lines.

    Storage has 20 x 100 sites, 3 um apart. The entanglement zone has 7 x 20 pair sites, as published; from 253 qubits
    on it has more rows, so that all qubits can meet in pairs at one pulse. The sites of a pair are 2 um apart, and
    10 um from the next pair.

    References:
        Lin, Tan, Cong, arXiv 2411.11784, section on the evaluation.
    """
    rows = max(PAIR_SITE_ROWS, math.ceil(num_qubits / 2 / FILLING / PAIR_SITE_COLS))
    width, height = (STORAGE_SPACING_UM * (sites - 1) for sites in (STORAGE_COLS, STORAGE_ROWS))
    zone_width = PAIR_SPACING_UM[0] * (PAIR_SITE_COLS - 1) + PAIR_DISTANCE_UM
    zone_height = PAIR_SPACING_UM[1] * (rows - 1)
    left, bottom = (width - zone_width) // 2, height + ZONE_GAP_UM
    margin = ZONE_GAP_UM // 2
    timing, fidelity = PRESETS["enola"]

    def traps(index: int, separation: Sequence[int], shape: tuple[int, int], corner: tuple[int, int]) -> dict[str, Any]:
        return {"id": index, "site_separation": separation, "r": shape[0], "c": shape[1], "location": corner}

    storage = traps(0, (STORAGE_SPACING_UM, STORAGE_SPACING_UM), (STORAGE_ROWS, STORAGE_COLS), (0, 0))
    pairs = [
        traps(1 + side, PAIR_SPACING_UM, (rows, PAIR_SITE_COLS), (left + side * PAIR_DISTANCE_UM, bottom))
        for side in range(2)
    ]
    return {
        "name": "one storage and one entanglement zone",
        "operation_duration": {
            "rydberg_gate": timing.rydberg_us,
            "single_qubit_gate": timing.raman_us,
            "atom_transfer": timing.transfer_us,
        },
        "operation_fidelity": {
            "rydberg_gate": fidelity.cz,
            "single_qubit_gate": fidelity.raman,
            "atom_transfer": fidelity.transfer,
        },
        "qubit_spec": {"T": fidelity.t2_us},
        "storage_zones": [{"zone_id": 0, "slms": [storage], "offset": (0, 0), "dimension": (width, height)}],
        "entanglement_zones": [
            {"zone_id": 0, "slms": pairs, "offset": (left, bottom), "dimension": (zone_width, zone_height)}
        ],
        "aods": [{"id": 0, "site_separation": 2, "r": AOD_LINES, "c": AOD_LINES}],
        "rydberg_range": [
            [(left - margin, bottom - margin), (left + zone_width + margin, bottom + zone_height + margin)]
        ],
    }


def parse(text: str) -> tuple[np.ndarray, list[Step]]:
    """Return where the atoms start, by index, and the instructions of a program; atom i is qubit i.

    Raises:
        ValueError: An instruction is not known.
    """
    start: dict[int, tuple[float, float]] = {}
    steps = []
    lines = iter(text.splitlines())
    for line in lines:
        if match := re.fullmatch(r"atom \((\S+), (\S+)\) atom(\d+)", line):
            start[int(match[3])] = (float(match[1]), float(match[2]))
            continue
        words = line.split(maxsplit=2)
        if not words:
            continue
        if len(words) < 3 or words[0] != "@+":
            raise ValueError(
                f"The program of the zoned compiler has the line {line!r}, which is no instruction known here."
            )
        _, name, rest = words
        if rest.endswith("["):
            rest = " ".join([rest[:-1], *itertools.takewhile(lambda item: item != "]", lines)])
        atoms = tuple(int(index) for index in re.findall(r"\batom(\d+)", rest))
        targets = tuple((float(x), float(y)) for x, y in re.findall(r"\((\S+), (\S+)\)", rest))
        angles = tuple(float(word) for word in itertools.takewhile(_is_number, rest.split()))
        if name == "cz":
            atoms = ()
        elif (
            name not in KNOWN
            or not atoms
            or len(targets) != (len(atoms) if name == "move" else 0)
            or len(angles) != ANGLES.get(name, 0)
        ):
            raise ValueError(
                f"The program of the zoned compiler has the line {line!r}, which is no instruction known here."
            )
        steps.append(Step(name, atoms, targets, angles))
    if sorted(start) != [*range(len(start))]:
        raise ValueError("The program of the zoned compiler does not number its atoms 0, 1, 2, ...")
    return np.array([start[atom] for atom in range(len(start))], dtype=float).reshape(-1, 2), steps


def _is_number(word: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", word) is not None


def follow(start_um: np.ndarray, steps: Iterable[Step], zone: Sequence[Sequence[float]]) -> Motion:
    """Follow the atoms of a program, and check that the machine can do it.

    Lines of the AOD keep their order and its atoms their lines; no atom in a trap is at a crossing of lines that take
    up others; atoms are put down in places of their own; at a pulse, atoms in the zone are within the interaction
    radius in disjoint pairs, and else at the safe distance. As in `qpilot.arch.rules`, moves may pass over atoms.

    Args:
        start_um: Position of each atom.
        steps: The program.
        zone: Lower and upper corner of what a pulse excites.

    Raises:
        ValueError: The program breaks a rule.
    """
    place = start_um.copy()
    held = np.zeros(len(place), dtype=bool)
    pulses: list[list[tuple[int, int]]] = []
    distances = []
    num_idle = num_carries = num_stops = 0
    for number, step in enumerate(steps):
        atoms = np.array(step.atoms, dtype=np.int64)
        where = f"step {number} ({step.name})"
        if step.name == "load":
            _require(not held[atoms].any(), f"{where} takes up an atom that the AOD holds")
            num_carries += not held.any()
            held[atoms] = True
            on_line = [np.isin(place[:, axis], place[held, axis]) for axis in range(2)]
            _require(not (on_line[0] & on_line[1] & ~held).any(), f"{where} leaves an atom at a crossing of lines")
            lines = max(len(np.unique(place[held, axis])) for axis in range(2))
            _require(lines <= AOD_LINES, f"{where} needs {lines} lines of an AOD with {AOD_LINES}")
        elif step.name in ("move", "store"):
            _require(bool(held[atoms].all()), f"{where} acts on an atom that the AOD does not hold")
            if step.name == "store":
                held[atoms] = False
                _require(_distinct(place[~held]), f"{where} puts two atoms in one place")
                continue
            before = place[held]
            place[atoms] = step.targets_um
            _require(keeps_lines(before, place[held]), f"{where} crosses or splits lines of the AOD")
            num_stops += len(place) - len(np.unique(place, axis=0))
            distances.append(float(np.abs(place[held] - before).max()))
        elif step.name == "cz":
            inside = np.flatnonzero(((place >= zone[0]) & (place <= zone[1])).all(axis=1))
            pairs = _pairs(place[inside], inside, where)
            num_idle += len(inside) - 2 * len(pairs)
            if pairs:
                pulses.append(pairs)
    _require(not held.any(), "the AOD holds an atom at the end")
    return Motion(pulses, num_idle, distances, num_carries, num_stops)


def _require(fulfilled: bool, problem: str) -> None:
    if not fulfilled:
        raise ValueError(f"The program of the peer breaks a rule of its machine: {problem}.")


def _distinct(places_um: np.ndarray) -> bool:
    return len(np.unique(places_um, axis=0)) == len(places_um)


def keeps_lines(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether atoms of a line stay on one line, and lines keep their order."""
    for axis in range(2):
        line = np.unique(before[:, axis], return_inverse=True)[1].ravel()
        order = np.argsort(line, kind="stable")
        if not np.array_equal(np.sign(np.diff(after[order, axis])), np.sign(np.diff(line[order]))):
            return False
    return True


def _pairs(places_um: np.ndarray, atoms: np.ndarray, where: str) -> list[tuple[int, int]]:
    rydberg = Rydberg()
    if len(atoms) < 2:
        return []
    found = cKDTree(places_um).query_pairs(rydberg.safe_distance_um - 1e-6, output_type="ndarray")
    lengths = np.linalg.norm(places_um[found[:, 0]] - places_um[found[:, 1]], axis=1)
    _require(bool((lengths <= rydberg.interaction_radius_um).all()), f"at {where} two atoms are nearly in reach")
    _require(len(np.unique(found)) == found.size, f"at {where} an atom is in two pairs")
    return sorted((int(a), int(b)) for a, b in np.sort(atoms[found], axis=1))


def _to_circuit(num_qubits: int, steps: Iterable[Step], pulses: Iterable[list[tuple[int, int]]]) -> QuantumCircuit:
    """Return what a program does to its atoms."""
    circuit = QuantumCircuit(num_qubits)
    remaining = iter(pulses)
    for step in steps:
        if step.name == "cz":
            for pair in next(remaining, []):
                circuit.cz(*pair)
        elif step.name in ANGLES:
            for atom in step.atoms:
                getattr(circuit, step.name)(*step.angles, atom)
    return circuit


def _one_qubit(steps: Iterable[Step]) -> Iterator[Step]:
    return (step for step in steps if step.name in ANGLES)


def _one_qubit_layers(steps: Iterable[Step]) -> int:
    """Return the layers of one-qubit gates: moves do not stand between two of them, pulses do."""
    layers = 0
    for is_pulse, group in itertools.groupby(steps, lambda step: step.name == "cz"):
        if not is_pulse:
            gates = Counter(atom for step in _one_qubit(group) for atom in step.atoms)
            layers += max(gates.values(), default=0)
    return layers


def _costs(routed: QuantumCircuit, steps: Sequence[Step], motion: Motion, layers_1q: int) -> dict[str, Cost]:
    count = Counter(step.name for step in steps)
    gates_1q, gates_2q = gate_counts(routed)
    costs = {}
    for model, (timing, fidelity) in PRESETS.items():
        if timing.move_us is None:
            moving_us = sum(timing.move_duration_us(distance) for distance in motion.distances_um)
        else:
            moving_us = timing.move_us * motion.num_carries
        duration_us = (
            moving_us
            + timing.transfer_us * (count["load"] + count["store"])
            + timing.rydberg_us * len(motion.pulses)
            + timing.raman_us * layers_1q
        )
        costs[model] = estimate(
            fidelity,
            duration_us=duration_us,
            num_2q=int(gates_2q.sum()) // 2,
            num_1q=int(gates_1q.sum()),
            idle_us=duration_us - timing.rydberg_us * gates_2q - timing.raman_us * gates_1q,
            num_idle=motion.num_idle,
            num_transfers=sum(len(step.atoms) for step in steps if step.name in ("load", "store")),
        )
    return costs
