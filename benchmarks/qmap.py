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

import networkx as nx
import numpy as np
import rustworkx as rx
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import Operator
from scipy.spatial import cKDTree

import qpilot
from qpilot.arch.device import PRESETS, Rydberg

from .record import Cost, Result, estimate

MOST_QUBITS_FOR_UNITARY = 10
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

RECOLOURINGS_PER_EDGE = 100

PHASE_TOLERANCE = 1e-8
"""Of 1 - |tr(A* B)| / d; programs are written with five decimals."""


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
    text = compiler.compile(load(translated))
    compile_s = time.perf_counter() - start

    start_um, steps = parse(text)
    motion = follow(start_um, steps, machine["rydberg_range"][0])
    routed = to_circuit(circuit.num_qubits, steps, motion.pulses)
    checked = ["rules", *check_equal(routed, translated, bare)]
    layers_1q = _one_qubit_layers(steps)
    num_1q = sum(len(step.atoms) for step in _one_qubit(steps))
    rows, cols = (machine["entanglement_zones"][0]["slms"][0][key] for key in "rc")
    return Result(
        depth=len(motion.pulses),
        mixed_depth=len(motion.pulses) + layers_1q,
        num_2q=sum(map(len, motion.pulses)),
        num_1q=num_1q,
        moves=motion.num_carries,
        atoms=circuit.num_qubits,
        compile_s=compile_s,
        checked=", ".join(checked),
        detail=f"{rows}x{cols} pair sites; {motion.num_stops} stops at a taken site",
        **_costs(routed, steps, motion, layers_1q),
    )


def translate(circuit: QuantumCircuit) -> tuple[QuantumCircuit, QuantumCircuit]:
    """Return the circuit without measurements and barriers, and this as CZ and `u` gates by Qiskit at level 3."""
    bare = circuit.remove_final_measurements(inplace=False)
    bare.data = [item for item in bare.data if item.operation.name != "barrier"]
    translated = transpile(bare, basis_gates=["cz", "u"], optimization_level=3, seed_transpiler=0)
    return bare, translated


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
        elif not atoms or (name == "move") != (len(targets) == len(atoms)) or (name in ("u", "rz")) != bool(angles):
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

    Lines of the AOD keep their order and its atoms their lines, atoms stand in places of their own, and at a pulse those
    in the zone are within the interaction radius in disjoint pairs, or at the safe distance.

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
            _require(_keeps_lines(before, place[held]), f"{where} crosses or splits lines of the AOD")
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


def _keeps_lines(before: np.ndarray, after: np.ndarray) -> bool:
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


def to_circuit(num_qubits: int, steps: Iterable[Step], pulses: Iterable[list[tuple[int, int]]]) -> QuantumCircuit:
    """Return what a program does to its atoms, with a barrier before each pulse."""
    circuit = QuantumCircuit(num_qubits)
    remaining = iter(pulses)
    for step in steps:
        if step.name == "cz":
            for pair in next(remaining, []):
                circuit.cz(*pair)
        elif step.name not in ("load", "move", "store"):
            for atom in step.atoms:
                getattr(circuit, step.name)(*step.angles, atom)
    return circuit


def check_equal(routed: QuantumCircuit, translated: QuantumCircuit, bare: QuantumCircuit) -> list[str]:
    """Check that a routed circuit does what was asked for.

    Two circuits of CZ and one-qubit gates are equal up to the order of gates that act on other qubits, and of CZ gates,
    where every qubit sees the same: sets of partners, and products of one-qubit gates between them.

    Args:
        routed: What the program does.
        translated: What the compiler was given.
        bare: The circuit as written.

    Returns:
        Names of the checks made.

    Raises:
        ValueError: A check fails.
    """
    for qubit, (found, asked) in enumerate(zip(_histories(routed), _histories(translated), strict=True)):
        if len(found) != len(asked) or not all(map(_same, found, asked)):
            raise ValueError(
                f"The program of the peer is not the circuit it was given: qubit {qubit} sees other gates."
            )
    if routed.num_qubits > MOST_QUBITS_FOR_UNITARY:
        return ["replay"]
    made = Operator(routed)
    if translated.layout is not None:
        made = made.apply_permutation(translated.layout.final_index_layout(), front=False)
    overlap = abs(np.vdot(made.data, Operator(bare).data)) / 2**routed.num_qubits
    if 1 - overlap > PHASE_TOLERANCE * (routed.size() + 1):
        raise ValueError(
            f"The program of the peer is not the circuit as written: the unitaries overlap by {overlap:.6f}."
        )
    return ["replay", "unitary"]


def _histories(circuit: QuantumCircuit) -> list[list[Counter[int] | np.ndarray]]:
    """Return, for each qubit, the partners of CZ gates and the products of one-qubit gates, in turn."""
    seen: list[list[Counter[int] | np.ndarray]] = [[] for _ in circuit.qubits]
    index = {qubit: k for k, qubit in enumerate(circuit.qubits)}
    for item in circuit.data:
        qubits = [index[qubit] for qubit in item.qubits]
        if len(qubits) == 2:
            for qubit, partner in (qubits, qubits[::-1]):
                if not seen[qubit] or not isinstance(seen[qubit][-1], Counter):
                    seen[qubit].append(Counter())
                seen[qubit][-1][partner] += 1
        else:
            history = seen[qubits[0]]
            matrix = item.operation.to_matrix()
            if history and not isinstance(history[-1], Counter):
                history[-1] = matrix @ history[-1]
            else:
                history.append(matrix)
    return seen


def _same(a: Counter[int] | np.ndarray, b: Counter[int] | np.ndarray) -> bool:
    if isinstance(a, Counter) or isinstance(b, Counter):
        return a is b or (isinstance(a, Counter) and isinstance(b, Counter) and a == b)
    return bool(1 - abs(np.vdot(a, b)) / 2 < PHASE_TOLERANCE)


def _one_qubit(steps: Iterable[Step]) -> Iterator[Step]:
    return (step for step in steps if step.name not in ("load", "move", "store", "cz"))


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
    num_transfers = sum(len(step.atoms) for step in steps if step.name in ("load", "store"))
    num_2q = sum(map(len, motion.pulses))
    gates_2q = np.bincount(
        np.array(motion.pulses and [*itertools.chain(*motion.pulses)], dtype=np.int64).ravel(),
        minlength=routed.num_qubits,
    )
    gates_1q = np.bincount([atom for step in _one_qubit(steps) for atom in step.atoms], minlength=routed.num_qubits)
    costs = {}
    for model, (timing, fidelity) in PRESETS.items():
        if timing.move_us is None:
            moving_us = sum(timing.move_duration_us(distance) for distance in motion.distances_um)
        else:
            moving_us = timing.move_us * motion.num_carries
        pulses_us = timing.rydberg_us * len(motion.pulses) + timing.raman_us * layers_1q
        duration_us = moving_us + pulses_us + timing.transfer_us * (count["load"] + count["store"])
        costs[model] = estimate(
            fidelity,
            duration_us=duration_us,
            num_2q=num_2q,
            num_1q=int(gates_1q.sum()),
            idle_us=duration_us - timing.rydberg_us * gates_2q - timing.raman_us * gates_1q,
            num_idle=motion.num_idle,
            num_transfers=num_transfers,
        )
    return costs


def edge_coloured(graph: nx.Graph[Any], gammas: Sequence[float], betas: Sequence[float]) -> QuantumCircuit:
    """Return the circuit of `qpilot.qaoa_circuit` with the ZZ gates of each layer ordered by a colouring of the edges.

    The gates of a colour share no qubit. A compiler that keeps the order of the gates then needs two layers of CZ for
    each colour, as one ZZ gate is CX RZ CX; no order needs fewer, if there are as many colours as the largest degree.

    Args:
        graph: As for `qpilot.qaoa_circuit`.
        gammas: Angle of the cut in each layer, in radians.
        betas: Angle of the mixer in each layer, in radians.
    """
    circuit = qpilot.qaoa_circuit(graph, gammas, betas)
    colours = _edge_colours(graph)
    index = {qubit: k for k, qubit in enumerate(circuit.qubits)}

    def colour(item: Any) -> int:
        a, b = sorted(index[qubit] for qubit in item.qubits)
        return colours[a, b]

    ordered: list[Any] = []
    for is_cost, group in itertools.groupby(circuit.data, lambda item: item.operation.name == "rzz"):
        ordered += sorted(group, key=colour) if is_cost else group
    circuit.data = ordered
    return circuit


def _edge_colours(graph: nx.Graph[Any]) -> dict[tuple[int, int], int]:
    """Return the colour of each edge, as a sorted pair of qubits; as few colours as the largest degree, if found."""
    index = {node: k for k, node in enumerate(graph.nodes)}
    edges = [(min(index[a], index[b]), max(index[a], index[b])) for a, b in graph.edges]
    made: rx.PyGraph[int, None] = rx.PyGraph(multigraph=False)
    made.add_nodes_from(range(len(index)))
    made.add_edges_from_no_data(edges)
    found = rx.graph_greedy_edge_color(made, strategy=rx.ColoringStrategy.Saturation)
    colours = {edge: found[k] for k, edge in enumerate(edges)}
    degree = max((count for _, count in graph.degree), default=0)
    return _recolour(colours, degree, len(index)) or colours


def _recolour(
    colours: dict[tuple[int, int], int], num_colours: int, num_nodes: int
) -> dict[tuple[int, int], int] | None:
    """Return a colouring of the edges with fewer colours by exchanges along paths of two colours, or None.

    An edge without a colour gets one if the exchange along a path frees it at both ends; else another colour is made
    free at one end, and the edge waits.

    Args:
        colours: A proper colouring.
        num_colours: Colours to use, at least the largest degree.
        num_nodes: Number of nodes.
    """
    rng = np.random.default_rng(0)
    across = np.full((num_nodes, num_colours), -1)  # the neighbour by an edge of each colour
    waiting = [edge for edge, colour in colours.items() if colour >= num_colours]
    for (a, b), colour in colours.items():
        if colour < num_colours:
            across[a, colour], across[b, colour] = b, a
    for _ in range(RECOLOURINGS_PER_EDGE * len(colours)):
        if not waiting:
            break
        a, b = rng.permutation(waiting.pop(int(rng.integers(len(waiting))))).tolist()
        free_a, free_b = (int(rng.choice(np.flatnonzero(across[node] < 0))) for node in (a, b))
        path = _path(across, b, free_a, free_b)
        if path[-1] == a:  # an exchange of these two would only swap what is free; have another colour free at a
            other = int(rng.integers(num_colours))
            _exchange(across, _path(across, a, other, free_a), other, free_a)
            waiting.append((a, b))
        else:
            _exchange(across, path, free_a, free_b)
            across[a, free_a], across[b, free_a] = b, a
    if waiting:
        return None
    return {(a, b): int(np.flatnonzero(across[a] == b)[0]) for a, b in colours}


def _path(across: np.ndarray, node: int, colour: int, other: int) -> list[int]:
    """Return the nodes of the path from a node by edges of two colours in turn."""
    path = [node]
    while (following := int(across[path[-1], colour])) >= 0:
        path.append(following)
        colour, other = other, colour
    return path


def _exchange(across: np.ndarray, path: list[int], colour: int, other: int) -> None:
    across[np.ix_(path, [colour, other])] = across[np.ix_(path, [other, colour])]
