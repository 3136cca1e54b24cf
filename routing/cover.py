"""Which segments are worth copying: a small vertex cover of the gates, so that few copies serve all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container

from .blocks import GateBlock

Segment = tuple[int, int]
"""(qubit, index of the segment)."""


def copy_segments(block: GateBlock, without: Container[int] = ()) -> set[Segment]:
    """Return segments so that every gate has one of its ends among them; both ends where a gate is all they have.

    The gates are the edges of a graph on the segments. While some segment has a single gate left, its neighbour is
    taken, which is optimal; otherwise the segment with most gates left is. Time is linear in the number of gates.

    Args:
        block: The gates.
        without: Qubits whose gates need no copy.
    """
    neighbours: dict[Segment, set[Segment]] = defaultdict(set)
    for gate in block.gates:
        if gate.a in without or gate.b in without:
            continue
        first, second = (gate.a, gate.segment_a), (gate.b, gate.segment_b)
        neighbours[first].add(second)
        neighbours[second].add(first)
    buckets: list[list[Segment]] = [[] for _ in range(1 + max((len(n) for n in neighbours.values()), default=0))]
    for segment, others in neighbours.items():
        buckets[len(others)].append(segment)
    cover: set[Segment] = set()

    def take(segment: Segment) -> None:
        cover.add(segment)
        for other in neighbours.pop(segment):
            left = neighbours[other]
            left.discard(segment)
            if left:
                buckets[len(left)].append(other)

    top = len(buckets) - 1
    while top > 0:
        # Entries of a bucket may be out of date: the segment has fewer gates by now, or was taken.
        if buckets[1]:
            segment = buckets[1].pop()
            if len(neighbours.get(segment, ())) == 1:
                (other,) = neighbours[segment]
                if len(neighbours[other]) == 1:
                    cover.add(segment)  # a gate by itself: either end will do
                take(other)
        elif buckets[top]:
            segment = buckets[top].pop()
            if len(neighbours.get(segment, ())) == top:
                take(segment)
        else:
            top -= 1
    return cover
