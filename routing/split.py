"""Cuts a block into stretches for different routers, to be run one after the other.

A `DiagonalBlock` takes gates that are all ready and whose segments have no other gates left, once all else has run that
can. Such are the cost layers of QAOA, Ising Trotter steps and graph states. Where gates that still wait share a segment
with ready ones, as in a Fourier transform, nothing is cut: the generic router runs ahead there.

Each stretch is complete in itself. A `GateBlock` begins with the segments that are current, which its predecessors have
opened, and ends with the opening of those that its successors start from.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

from ..arch.unitary import Angles
from .blocks import DiagonalBlock, Gate, GateBlock
from .front import Front

MIN_PAIRS = 4
"""A diagonal router is worth while for this many gates, ..."""

MIN_MEAN_DEGREE = 1.5
"""... if its qubits have this many on average, since a copy serves all gates of its qubit,"""

MIN_PARALLEL = 2
"""... and it has this many times the gates of any one qubit: those of a star run one after the other anyway."""


def split_blocks(block: GateBlock) -> list[GateBlock | DiagonalBlock]:
    """Return stretches that, run in order, are the block; the block itself where nothing is worth a diagonal router.

    Args:
        block: The block.
    """
    return _Splitter(block).run()


class _Splitter:
    """Runs the gates of a block in the order of stretches."""

    def __init__(self, block: GateBlock) -> None:
        self.block = block
        self.front = Front(block)
        self.stretches: list[GateBlock | DiagonalBlock] = []
        self.start = [-1] * block.num_qubits  # segments opened by earlier stretches
        self.gates: list[int] = []  # of the stretch so far
        self.needed = [0] * block.num_qubits  # the last segment of each qubit that has gates or is behind a barrier
        for a, i, b, j, _ in block.gates:
            self.needed[a] = max(self.needed[a], i)
            self.needed[b] = max(self.needed[b], j)
        for fence in block.fences:
            for q, segment in fence:
                self.needed[q] = max(self.needed[q], segment)

    def run(self) -> list[GateBlock | DiagonalBlock]:
        """Return the stretches."""
        self.front.advance(range(self.block.num_qubits))
        while self.front.remaining:
            whole = self._whole_components()
            waiting = whole if self._is_worth(whole) else []
            steps = self._next_steps(set(waiting))
            if steps:
                self.gates += steps
                self._complete(steps)
            elif waiting:
                self._close()
                self.stretches.append(self._diagonal(waiting))
                self._complete(waiting)
            else:  # nothing waits for these
                rest = list(self.front.ready)
                self.gates += rest
                self._complete(rest)
        if not self.stretches:
            return [self.block]
        self._close(last=True)
        return self.stretches

    def _complete(self, gates: Iterable[int]) -> None:
        touched: set[int] = set()
        for index in sorted(gates):
            self.front.complete(index)
            touched.update(self._qubits(index))
        self.front.advance(sorted(touched))

    def _whole_components(self) -> list[int]:
        """The ready gates, component by component, whose segments have no gates left but ready ones."""
        neighbours: dict[int, list[int]] = defaultdict(list)  # of each qubit: its ready gates
        for index in self.front.ready:
            for q in self._qubits(index):
                neighbours[q].append(index)
        seen: set[int] = set()
        found: list[int] = []
        for start in neighbours:
            if start in seen:
                continue
            seen.add(start)
            qubits = [start]
            for q in qubits:  # grows
                for index in neighbours[q]:
                    fresh = set(self._qubits(index)) - seen
                    seen |= fresh
                    qubits.extend(fresh)
            if all(len(neighbours[q]) == self.front.gates_left(q) for q in qubits):
                found += {index for q in qubits for index in neighbours[q]}
        return sorted(found)

    def _is_worth(self, gates: list[int]) -> bool:
        degrees = Counter(q for index in gates for q in self._qubits(index))
        return (
            len(gates) >= MIN_PAIRS
            and 2 * len(gates) >= MIN_MEAN_DEGREE * len(degrees)
            and len(gates) >= MIN_PARALLEL * max(degrees.values())
        )

    def _next_steps(self, waiting: set[int]) -> list[int]:
        """Gates to run before the waiting ones: of the segments that hold up others, those with the fewest gates."""
        front = self.front
        steps: dict[int, None] = {}
        fewest = math.inf
        for q in sorted({q for index in front.ready.keys() - waiting for q in self._qubits(index)}):
            ready = front.ready_of(q)
            if front.segment[q] < self.needed[q] and len(ready) == front.gates_left(q) <= fewest:
                if len(ready) < fewest:
                    fewest = len(ready)
                    steps.clear()
                steps.update(dict.fromkeys(ready))
        return list(steps)

    def _qubits(self, index: int) -> tuple[int, int]:
        return self.block.gates[index].a, self.block.gates[index].b

    def _diagonal(self, gates: list[int]) -> DiagonalBlock:
        pairs = [
            (min(gate.a, gate.b), max(gate.a, gate.b), gate.angle) for gate in (self.block.gates[k] for k in gates)
        ]
        return DiagonalBlock(self.block.num_qubits, tuple(sorted(pairs)))

    def _close(self, *, last: bool = False) -> None:
        """End a stretch of other gates before the current segments of all qubits have run."""
        block, start = self.block, self.start
        first = [max(0, segment) for segment in start]
        opened = list(self.front.segment)
        openings: list[tuple[Angles | None, ...]] = []
        for q, of_qubit in enumerate(block.openings):
            ahead = () if start[q] < 0 else (None,)  # the segment that is open already
            openings.append((*ahead, *of_qubit[start[q] + 1 : opened[q] + 1]))
        gates = []
        for index in sorted(self.gates):
            a, i, b, j, angle = block.gates[index]
            gates.append(Gate(a, i - first[a], b, j - first[b], angle))
        fences = []
        for fence in block.fences:
            within = [start[q] < segment <= opened[q] for q, segment in fence]
            if any(within):
                assert all(within), "a barrier is passed by all its qubits at once"
                fences.append(tuple((q, segment - first[q]) for q, segment in fence))
        closings = block.closings if last else (0.0,) * block.num_qubits
        self.stretches.append(GateBlock(block.num_qubits, tuple(gates), tuple(openings), closings, tuple(fences)))
        self.gates.clear()
        self.start = opened
