"""Figures of a circuit on atoms that rest: layers, durations and idle times, of gates that start as early as possible.

A one-qubit gate takes `raman_us`, a two-qubit gate `rydberg_us`. Where there was a choice, it favours these circuits:

* Gates are addressed. Each starts as soon as its atoms are free, waits for no layer, and excites no other atom.
* One-qubit gates block no gates nearby, and no gates nearby block them.
* An atom idles from the start of the circuit to its end only if it holds data at both. One that data leaves idles up to
  its last gate, one that data comes to from its first, and one that data passes through between the two.
* An atom that neither holds data at an end nor takes part in a gate is not in use.

Gates between atoms that are not nearest neighbours block others nearby: while two atoms at distance d interact, no
other two-qubit gate acts on an atom within d / 2 of either. These are the restriction zones of Baker et al., arXiv
2111.06469, with the radius used there. They ask for more: there the zones of two gates share no atom, and one-qubit
gates wait as well.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qpilot.arch.device import PRESETS

from .record import MODELS, Result, estimate

Gate = tuple[int, int]
"""The atoms of a gate; those of a one-qubit gate are twice the same."""
Zones = Mapping[Gate, Sequence[int]]
"""The atoms that a two-qubit gate keeps others from; no entry means its own two."""


class CheckError(RuntimeError):
    """What a compiler returned is not what it was asked for."""


def gates_of(circuit: QuantumCircuit) -> list[Gate]:
    """Return the atoms of each gate in order, without barriers and measurements.

    Raises:
        CheckError: There is another gate than cz and u.
    """
    index = {qubit: q for q, qubit in enumerate(circuit.qubits)}
    gates = []
    for item in circuit.data:
        name = item.operation.name
        if name in ("cz", "u"):
            gates.append((index[item.qubits[0]], index[item.qubits[-1]]))
        elif name not in ("barrier", "measure"):
            raise CheckError(f"The compiled circuit has a gate {name}; only cz and u were asked for.")
    return gates


def restriction_zones(gates: Sequence[Gate], sites: NDArray[np.int64]) -> dict[Gate, list[int]]:
    """Return the atoms within half the length of each two-qubit gate of either of its ends.

    Args:
        gates: Atoms of each gate.
        sites: Row and column of each atom, shape (atoms, 2).
    """
    squares = ((sites[:, None] - sites[None]) ** 2).sum(axis=2)
    return {
        (a, b): np.flatnonzero(4 * np.minimum(squares[a], squares[b]) <= squares[a, b]).tolist()
        for a, b in sorted(set(gates))
        if a != b
    }


def pack(gates: Sequence[Gate], zones: Zones) -> list[Gate]:
    """Return the gates in the order of layers that hold as many gates as the zones allow, the most urgent first.

    This is list scheduling by critical path: each layer takes what fits of the two-qubit gates whose predecessors are
    done, first those with the longest chain of gates behind them. Gates that share an atom keep their order.
    """
    pairs = [k for k, (a, b) in enumerate(gates) if a != b]
    following, waiting, tail = _dependencies(gates, pairs)
    bits = {pair: (1 << pair[0] | 1 << pair[1], sum(1 << atom for atom in zone)) for pair, zone in zones.items()}
    layers = np.zeros(len(gates), dtype=np.int64)
    ready = [(-tail[k], k) for k in pairs if not waiting[k]]
    layer = 0
    while ready:
        heapq.heapify(ready)
        used = blocked = 0
        left: list[tuple[int, int]] = []
        freed: list[tuple[int, int]] = []
        while ready:
            urgent, k = heapq.heappop(ready)
            ends, zone = bits[gates[k]]
            if used & zone or blocked & ends:
                left.append((urgent, k))
                continue
            used |= ends
            blocked |= zone
            layers[k] = layer
            for other in following[k]:
                waiting[other] -= 1
                if not waiting[other]:
                    freed.append((-tail[other], other))
        ready = left + freed
        layer += 1
    return [gates[k] for k in np.argsort(_places(gates, layers), kind="stable").tolist()]


def end_times(gates: Sequence[Gate], zones: Zones, one_qubit: float, two_qubit: float) -> NDArray[np.float64]:
    """Return the time each gate ends if each starts as soon as the gates before it allow.

    Args:
        gates: Atoms of each gate, in the order in which they are served.
        zones: What two-qubit gates block.
        one_qubit: Time of a one-qubit gate.
        two_qubit: Time of a two-qubit gate.
    """
    size = 1 + max(map(max, gates), default=0)
    size = max(size, 1 + max((zone[-1] for zone in zones.values()), default=0))
    free, paired, blocked = [0.0] * size, [0.0] * size, [0.0] * size
    ends = []
    for a, b in gates:
        if a == b:
            end = free[a] + one_qubit
        else:
            zone = zones.get((a, b), (a, b))
            start = max(free[a], free[b], blocked[a], blocked[b])
            end = max(start, max(paired[atom] for atom in zone)) + two_qubit
            for atom in zone:
                blocked[atom] = max(blocked[atom], end)
            paired[a] = paired[b] = end
        free[a] = free[b] = end
        ends.append(end)
    return np.array(ends)


def measure(
    circuit: QuantumCircuit,
    sites: NDArray[np.int64] | None,
    initial: Collection[int],
    final: Collection[int],
    *,
    compile_s: float,
    checked: str,
    detail: str,
) -> Result:
    """Return the figures of a circuit of cz and u on atoms that rest.

    Args:
        circuit: Its qubits are the atoms.
        sites: Row and column of each atom if long gates block others; None if gates block nothing.
        initial: Atoms that hold data at the start.
        final: Atoms that hold data at the end.
        compile_s: As in `Result`.
        checked: As in `Result`.
        detail: As in `Result`; the depth without zones is added to it.

    Raises:
        CheckError: There is another gate than cz and u.
    """
    gates = gates_of(circuit)
    zones: Zones = {}
    if sites is not None:
        alone = _latest(end_times(gates, {}, 0, 1))
        detail += f", depth {alone:.0f} without zones"
        zones = restriction_zones(gates, sites)
        gates = pack(gates, zones)
    num_1q = sum(a == b for a, b in gates)
    in_use = {*initial, *final, *(atom for gate in gates for atom in gate)}
    costs: dict[str, Any] = {}
    for model in MODELS:
        timing, constants = PRESETS[model]
        ends = end_times(gates, zones, timing.raman_us, timing.rydberg_us)
        idle_us = _idle_us(gates, ends, initial, final, timing.raman_us, timing.rydberg_us)
        costs[model] = estimate(
            constants, duration_us=_latest(ends), num_2q=len(gates) - num_1q, num_1q=num_1q, idle_us=idle_us
        )
    return Result(
        depth=round(_latest(end_times(gates, zones, 0, 1))),
        mixed_depth=round(_latest(end_times(gates, zones, 1, 1))),
        num_2q=len(gates) - num_1q,
        num_1q=num_1q,
        moves=0,
        atoms=len(in_use),
        compile_s=compile_s,
        checked=checked,
        detail=detail,
        **costs,
    )


def _latest(ends: NDArray[np.float64]) -> float:
    return float(ends.max(initial=0.0))


def _idle_us(
    gates: Sequence[Gate],
    ends: NDArray[np.float64],
    initial: Collection[int],
    final: Collection[int],
    one_qubit_us: float,
    two_qubit_us: float,
) -> NDArray[np.float64]:
    """Return for each atom the time it holds a state and no gate acts on it."""
    size = 1 + max(*map(max, gates), *initial, *final) if gates else 1 + max(initial, default=0)
    atoms = np.array(gates, dtype=np.int64).reshape(-1, 2)
    lengths = np.where(atoms[:, 0] == atoms[:, 1], one_qubit_us, two_qubit_us)
    held_from, held_to, busy = np.full(size, np.inf), np.zeros(size), np.zeros(size)
    for column in atoms.T:
        np.minimum.at(held_from, column, ends - lengths)
        np.maximum.at(held_to, column, ends)
        np.add.at(busy, column, lengths / np.where(atoms[:, 0] == atoms[:, 1], 2, 1))  # a Raman gate is in both columns
    held_from[list(initial)] = 0.0
    held_to[list(final)] = _latest(ends)
    used = held_from < np.inf
    idle: NDArray[np.float64] = np.maximum(0.0, held_to[used] - held_from[used] - busy[used])
    return idle


def _dependencies(
    gates: Sequence[Gate], pairs: Sequence[int]
) -> tuple[dict[int, list[int]], dict[int, int], dict[int, int]]:
    """Return for each two-qubit gate the next ones on its atoms, how many it waits for, and its longest chain."""
    following: dict[int, list[int]] = {k: [] for k in pairs}
    waiting = dict.fromkeys(pairs, 0)
    last: dict[int, int] = {}
    for k in pairs:
        for before in sorted({last[atom] for atom in gates[k] if atom in last}):
            following[before].append(k)
            waiting[k] += 1
        last |= dict.fromkeys(gates[k], k)
    tail: dict[int, int] = {}
    for k in reversed(pairs):
        tail[k] = 1 + max((tail[other] for other in following[k]), default=0)
    return following, waiting, tail


def _places(gates: Sequence[Gate], layers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a sort key: two-qubit gates by layer, each one-qubit gate behind the layer of the last one on its atom."""
    places = 2 * layers
    last: dict[int, int] = {}
    for k, (a, b) in enumerate(gates):
        if a == b:
            places[k] = last.get(a, -1)
        else:
            last[a] = last[b] = int(places[k]) + 1
    return places
