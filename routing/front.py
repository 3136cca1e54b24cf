"""Which gates of a block can run now: the bookkeeping shared by routers of plain gates."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable

from ..arch.device import Native
from .blocks import Gate, GateBlock


class Front:
    """Progress through a `GateBlock`: the current segment of each qubit and the gates whose turn it is.

    A gate is *ready* when both its segments are current. A qubit leaves its segment (`advance`) when all gates of the
    segment are done and no barrier holds it; the caller decides when, since a live copy must be recycled first.

    Args:
        block: The gates.
        native: Native gate of the machine, which says how long a gate takes.

    Attributes:
        ready: The gates that can run now, by index into `block.gates`, each mapped to its criticality.
        segment: For each qubit, the index of its current segment.
        remaining: Number of gates not done.
    """

    def __init__(self, block: GateBlock, native: Native = "cz") -> None:
        self.block = block
        self.segment = [0] * block.num_qubits
        self.remaining = len(block.gates)
        self._left = [[0] * len(openings) for openings in block.openings]
        self._gates: list[list[list[int]]] = [[[] for _ in openings] for openings in block.openings]
        for index, gate in enumerate(block.gates):
            for qubit, segment in gate_ends(gate):
                self._left[qubit][segment] += 1
                self._gates[qubit][segment].append(index)
        self.criticality = _criticality(block, native)
        self._fence: dict[tuple[int, int], int] = {}
        self._fence_waits = [len(fence) for fence in block.fences]
        self._arrived: set[tuple[int, int]] = set()
        for number, fence in enumerate(block.fences):
            self._fence.update(dict.fromkeys(fence, number))
        self.ready: dict[int, int] = {}
        for qubit in range(block.num_qubits):
            self._add_ready(qubit)

    def gates_left(self, qubit: int) -> int:
        """Number of gates not done in the current segment of a qubit."""
        return self._left[qubit][self.segment[qubit]]

    def ready_of(self, qubit: int) -> list[int]:
        """The ready gates on a qubit."""
        return [index for index in self._gates[qubit][self.segment[qubit]] if index in self.ready]

    def next_criticality(self, qubit: int) -> int:
        """Criticality of the most critical gate of the next segment with gates of a qubit, 0 if there is none."""
        for gates in self._gates[qubit][self.segment[qubit] + 1 :]:
            if gates:
                return max(self.criticality[index] for index in gates)
        return 0

    def copy(self) -> Front:
        """Return a front that goes its own way from here on."""
        other = copy.copy(self)
        other.segment = self.segment.copy()
        other.ready = self.ready.copy()
        other._left = [left.copy() for left in self._left]
        other._fence_waits = self._fence_waits.copy()
        other._arrived = self._arrived.copy()
        return other

    def complete(self, index: int) -> None:
        """Mark a ready gate as done."""
        del self.ready[index]
        self.remaining -= 1
        for qubit, segment in gate_ends(self.block.gates[index]):
            self._left[qubit][segment] -= 1

    def advance(self, qubits: Iterable[int]) -> list[tuple[int, int]]:
        """Move qubits whose segments are over to their next segments with gates, as far as barriers allow.

        Returns:
            The segments (qubit, segment) that were opened, in order; their opening gates are to be run.
        """
        opened: list[tuple[int, int]] = []
        waiting = list(qubits)
        while waiting:
            qubit = waiting.pop()
            start = self.segment[qubit]
            while not self.gates_left(qubit) and self.segment[qubit] + 1 < len(self._left[qubit]):
                following = (qubit, self.segment[qubit] + 1)
                if not self._may_pass(following, waiting):
                    break
                self.segment[qubit] += 1
                opened.append(following)
            if self.segment[qubit] != start:
                self._add_ready(qubit)
        return opened

    def _may_pass(self, following: tuple[int, int], waiting: list[int]) -> bool:
        fence = self._fence.get(following)
        if fence is None:
            return True
        if following not in self._arrived:
            self._arrived.add(following)
            self._fence_waits[fence] -= 1
            if not self._fence_waits[fence]:  # the last to arrive lets the others go on
                waiting.extend(q for q, _ in self.block.fences[fence] if q != following[0])
        return not self._fence_waits[fence]

    def _add_ready(self, qubit: int) -> None:
        gates = self.block.gates
        for index in self._gates[qubit][self.segment[qubit]]:
            if all(self.segment[q] == s for q, s in gate_ends(gates[index])):
                self.ready[index] = self.criticality[index]


def gate_ends(gate: Gate) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the two (qubit, segment) that a gate joins."""
    return (gate.a, gate.segment_a), (gate.b, gate.segment_b)


def _criticality(block: GateBlock, native: Native) -> list[int]:
    """Length in pulses of the longest chain from each gate on; gates of one segment do not wait for each other."""
    after: dict[int, list[tuple[int, int]]] = defaultdict(list)  # of each qubit: (segment, longest chain)
    result = [0] * len(block.gates)
    for index in range(len(block.gates) - 1, -1, -1):
        longest = 0
        for qubit, segment in gate_ends(block.gates[index]):
            chains = after[qubit]
            for later, chain in reversed(chains):
                if later > segment:
                    longest = max(longest, chain)
                    break
        cost = 1 if native == "cphase" or block.gates[index].is_cz else 2
        result[index] = longest + cost
        for qubit, segment in gate_ends(block.gates[index]):
            chains = after[qubit]
            best = max(longest + cost, chains[-1][1] if chains else 0)
            if chains and chains[-1][0] == segment:
                chains[-1] = (segment, best)
            else:
                chains.append((segment, best))
    return result
