"""Where the diagonal blocks of a circuit are, and how it is cut there.

Gates that may all be ready at the same time are an antichain of the order in which gates depend on each other; so the
largest diagonal block is a maximum antichain. It divides the rest of the circuit into what must come before it and what
comes after, and there may be more in either. A router that ran gates as soon as they are ready would meet the gates of
a block one by one, wherever other gates come before it (100 qubits, two QAOA layers with 200 random gates between: 211
pulses against 162).

The antichain is what two cuts through the circuit differ by: a gate is *begun* by the later cut, and *done* by the
earlier one. As many as possible are to be begun and not done, where a gate is begun only if all before it are done: a
closure of greatest weight, hence a least cut of a network (Picard, Management Science 22, 1268 (1976)). It has a node
for each segment too, so that it is linear in the number of gates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Protocol, TypeVar

import numpy as np

from ..arch.device import FPQA
from ..arch.unitary import Angles
from .blocks import DiagonalBlock, Gate, GateBlock
from .diagonal import is_dense
from .front import gate_ends

Member = tuple[int, int]
"""(qubit, segment)."""


class _HasGates(Protocol):
    @property
    def gates(self) -> Sequence[Gate]: ...


Choice = TypeVar("Choice", bound=_HasGates)


def cut(block: GateBlock, choose: Callable[[list[Gate]], Choice | None]) -> list[tuple[GateBlock, Choice | None]]:
    """Cut a circuit into stretches to run one after the other.

    Args:
        block: The circuit.
        choose: Called with gates that may run at the same time; returns those that are to be a stretch of their own, as
            `gates` of some choice, or None.

    Returns:
        The stretches, and the choices they are of.
    """
    stretches: list[tuple[list[int], Choice | None]] = []
    waiting: list[tuple[list[int], Choice | None]] = [(list(range(len(block.gates))), None)]
    while waiting:
        indices, choice = waiting.pop()
        if not indices:
            continue
        if choice is None:
            before, antichain = _divide(block, indices)
            chosen = choose([block.gates[k] for k in antichain])
            if chosen is not None:
                wanted = set(chosen.gates)
                inside = [k for k in antichain if block.gates[k] in wanted]
                after = set(indices).difference(before, inside)
                waiting += [(sorted(after), None), (inside, chosen), (before, None)]
                continue
        stretches.append((indices, choice))
    if len(stretches) < 2:
        return [(block, stretches[0][1] if stretches else None)]
    parts = _split(block, [indices for indices, _ in stretches])
    return list(zip(parts, (choice for _, choice in stretches), strict=True))


def dense_gates(num_qubits: int, gates: Sequence[Gate], device: FPQA) -> list[Gate]:
    """Return those of some gates that may run at the same time which are worth the diagonal router.

    Gates on other qubits than the rest are judged by themselves; where none are enough, all together.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.array([(gate.a, gate.b) for gate in gates]).T
    graph = coo_array((np.ones(len(gates)), ends), shape=(num_qubits, num_qubits))
    _, label = connected_components(graph, directed=False)
    groups: dict[int, list[Gate]] = defaultdict(list)
    for gate in gates:
        groups[label[gate.a]].append(gate)
    found = [gate for group in groups.values() if is_dense(group, device) for gate in group]
    return found or (list(gates) if is_dense(gates, device) else [])


def largest_block(block: GateBlock, device: FPQA) -> DiagonalBlock | None:
    """Return the largest diagonal block of a circuit that is worth the diagonal router."""

    def choose(gates: list[Gate]) -> GateBlock | None:
        found = dense_gates(block.num_qubits, gates, device)
        return replace(block, gates=tuple(found)) if found else None

    dense = [choice.gates for _, choice in cut(block, choose) if choice]
    sizes = [len(gates) for gates in dense]
    return DiagonalBlock.of(block.num_qubits, dense[sizes.index(max(sizes))]) if dense else None


def _divide(block: GateBlock, indices: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the gates that must come before the largest antichain, and the antichain itself."""
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    count = len(indices)
    source, sink = 2 * count, 2 * count + 1  # begun gate k is node k, done it is node count + k
    busy: dict[int, set[int]] = defaultdict(set)
    for index in indices:
        for qubit, segment in gate_ends(block.gates[index]):
            busy[qubit].add(segment)
    over: dict[Member, int] = {}  # node that says that a segment is over, and all before it
    earlier: dict[Member, int] = {}  # the node of the segment before
    edges: list[tuple[int, int]] = []
    for qubit, segments in busy.items():
        ordered = sorted(segments)
        for segment in ordered:
            over[qubit, segment] = sink + 1 + len(over)
        earlier.update(((qubit, b), over[qubit, a]) for a, b in pairwise(ordered))
        edges += [(over[qubit, b], over[qubit, a]) for a, b in pairwise(ordered)]
    held = _held(block, busy, over)
    for k, index in enumerate(indices):
        edges.append((count + k, k))
        for end in gate_ends(block.gates[index]):
            edges.append((over[end], count + k))
            edges += [(k, node) for node in (*([earlier[end]] if end in earlier else ()), *held.get(end, ()))]
    first, second = np.array(edges).T
    gates = np.arange(count)
    rows = np.concatenate([np.full(count, source), count + gates, first]).astype(np.int32)  # SciPy 1.13 takes no others
    cols = np.concatenate([gates, np.full(count, sink), second]).astype(np.int32)
    capacity = np.concatenate([np.ones(2 * count), np.full(len(edges), count + 1)]).astype(np.int32)
    size = sink + 1 + len(over)
    network = csr_array(coo_array((capacity, (rows, cols)), shape=(size, size)))
    left = csr_array(network - maximum_flow(network, source, sink).flow)
    left.eliminate_zeros()
    reached = np.zeros(size, dtype=bool)
    reached[breadth_first_order(left, source, return_predecessors=False)] = True
    begun, done, names = reached[:count], reached[count : 2 * count], np.array(indices)
    return names[done].tolist(), names[begun & ~done].tolist()


def _held(block: GateBlock, busy: dict[int, set[int]], over: dict[Member, int]) -> dict[Member, list[int]]:
    """The nodes of segments that must be over before each segment begins, by a barrier."""
    held: dict[Member, list[int]] = defaultdict(list)
    for fence in block.fences:
        before = [max((s for s in busy.get(q, ()) if s < segment), default=-1) for q, segment in fence]
        nodes = [over[q, s] for (q, _), s in zip(fence, before, strict=True) if s >= 0]
        for qubit, segment in fence:
            following = min((s for s in busy.get(qubit, ()) if s >= segment), default=-1)
            if following >= 0:
                held[qubit, following] += nodes
    return held


def _split(block: GateBlock, stretches: Sequence[Sequence[int]]) -> list[GateBlock]:
    """Return blocks to run one after the other, with these gates each; one-qubit gates wait as long as they can."""
    parts = []
    qubits = range(block.num_qubits)
    opened = [0] * block.num_qubits  # the number of segments that parts so far have opened
    for number, indices in enumerate(stretches):
        gates = [block.gates[k] for k in indices]
        first = list(opened)
        for qubit, segment in (end for gate in gates for end in gate_ends(gate)):
            opened[qubit] = max(opened[qubit], segment + 1)
        last = number == len(stretches) - 1
        if last:
            opened = [len(openings) for openings in block.openings]
        start = [max(0, k - 1) for k in first]  # a segment that goes on has no opening gate here
        openings = [[*([None] if first[q] else []), *block.openings[q][first[q] : opened[q]]] or [None] for q in qubits]
        fences = tuple(
            _moved(fence, first, opened, openings)
            for fence in block.fences
            if any(first[q] <= segment < opened[q] for q, segment in fence)
        )
        parts.append(
            GateBlock(
                block.num_qubits,
                tuple(
                    gate._replace(segment_a=gate.segment_a - start[gate.a], segment_b=gate.segment_b - start[gate.b])
                    for gate in gates
                ),
                tuple(map(tuple, openings)),
                block.closings if last else (0.0,) * block.num_qubits,
                fences,
            )
        )
    return parts


def _moved(
    fence: tuple[Member, ...], first: Sequence[int], opened: Sequence[int], openings: list[list[Angles | None]]
) -> tuple[Member, ...]:
    """Return a barrier in the numbers of a part, which it may give further segments without gates."""
    members = []
    for qubit, segment in fence:
        if segment >= opened[qubit]:  # what is before it may be here
            members.append((qubit, len(openings[qubit])))
            openings[qubit].append(None)
        elif segment >= first[qubit]:
            members.append((qubit, segment - max(0, first[qubit] - 1)))
    return tuple(members)
