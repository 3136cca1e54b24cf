"""The canonical form of a circuit: two circuits over {u, cp} that differ only by the order of commuting gates share it.

Each qubit is cut into *segments* at its one-qubit gates that are not diagonal in Z. With u(theta, phi, lam) =
P(phi) RY(theta) P(lam), the phases commute to the end of their segment, so a segment is opened by RY(theta) P(lam) and
carries one phase to the next. A controlled phase, such as a CZ, is a *link*: it joins one segment of each of its
qubits, and links of the same two segments add up.

Gates of different qubits commute, gates within a segment commute, and the segments of a qubit are in order. So a
circuit is determined, as a word of a trace monoid is by its projections, by its segments and by which segments each
gate joins: equal canonical forms mean equal unitaries. Both the front end and the verification are built on this.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from .arch.unitary import ANGLE_TOLERANCE, Matrix, matmul, u_angles, u_matrix, wrap
from .routing.blocks import Gate, GateBlock


class Segment:
    """One segment: opened by RY(theta) P(lam), then P(phase), and joined by CPs to `degree` other segments."""

    __slots__ = ("degree", "fenced", "index", "lam", "phase", "qubit", "theta")

    def __init__(self, qubit: int, index: int, *, phase: float = 0.0, fenced: bool = False) -> None:
        self.qubit, self.index, self.phase, self.fenced = qubit, index, phase, fenced
        self.theta = self.lam = 0.0
        self.degree = 0


class CanonicalForm:
    """Builds the canonical form of a circuit gate by gate, in time linear in the number of gates.

    Args:
        num_qubits: Number of qubits.
        tolerance: Links whose angle is below this are none, in radians.
    """

    def __init__(self, num_qubits: int, tolerance: float = ANGLE_TOLERANCE) -> None:
        self.tolerance = tolerance
        self.segments = [[Segment(q, 0)] for q in range(num_qubits)]
        self.links: dict[tuple[Segment, Segment], float] = {}  # in an order in which the gates may be run
        self.fences: list[list[Segment]] = []
        self.global_phase = 0.0

    def u(self, qubit: int, theta: float, phi: float, lam: float) -> None:
        """Append `UGate(theta, phi, lam)`."""
        segment = self.segments[qubit][-1]
        if abs(wrap(theta)) < ANGLE_TOLERANCE:
            segment.phase += phi + lam
            self.global_phase += theta / 2  # RY(2 pi) = -1
            return
        self._append(segment, u_matrix(theta, phi, lam + segment.phase))

    def phase(self, qubit: int, angle: float) -> None:
        """Append a phase gate P(angle)."""
        self.segments[qubit][-1].phase += angle

    def cp(self, a: int, b: int, angle: float = math.pi) -> None:
        """Append a controlled phase gate; by default a CZ."""
        first, second = self.segments[min(a, b)][-1], self.segments[max(a, b)][-1]
        before = self.links.pop((first, second), None)
        total = wrap((before or 0.0) + angle)
        keep = abs(total) >= self.tolerance
        if keep:
            self.links[first, second] = total
        change = keep - (before is not None)
        first.degree += change
        second.degree += change

    def barrier(self, qubits: Iterable[int]) -> None:
        """Append a barrier: no gate merges across it, and no listed qubit goes on before all have come this far."""
        fence = []
        for q in qubits:
            last = self.segments[q][-1]
            fence.append(Segment(q, last.index + 1, phase=last.phase, fenced=True))
            last.phase = 0.0
            self.segments[q].append(fence[-1])
        self.fences.append(fence)

    def _append(self, segment: Segment, matrix: Matrix) -> None:
        """Append a gate that is not diagonal; `matrix` includes the phase of the current segment."""
        of_qubit = self.segments[segment.qubit]
        segment.phase = 0.0
        if segment.degree:
            segment = Segment(segment.qubit, segment.index + 1)
            of_qubit.append(segment)
        else:
            matrix = matmul(matrix, u_matrix(segment.theta, 0.0, segment.lam))
        segment.theta, segment.phase, segment.lam, alpha = u_angles(matrix)
        self.global_phase += alpha
        if segment.theta == 0.0:
            segment.phase, segment.lam = segment.lam, 0.0
            if segment.index and not segment.fenced:
                of_qubit.pop()  # the gates around an empty segment cancel, so the segment before it goes on
                of_qubit[-1].phase = segment.phase

    def to_block(self) -> GateBlock:
        """Return the form as what routers take."""
        openings = [
            tuple(None if s.theta == 0.0 else (s.theta, 0.0, wrap(s.lam)) for s in segments)
            for segments in self.segments
        ]
        last = (wrap(segments[-1].phase) for segments in self.segments)
        return GateBlock(
            num_qubits=len(self.segments),
            gates=tuple(
                Gate(a.qubit, a.index, b.qubit, b.index, math.pi if is_pi(angle) else angle)
                for (a, b), angle in self.links.items()
            ),
            openings=tuple(openings),
            closings=tuple(0.0 if abs(angle) < ANGLE_TOLERANCE else angle for angle in last),
            fences=tuple(tuple((s.qubit, s.index) for s in fence) for fence in self.fences),
        )

    def difference(self, other: CanonicalForm, tolerance: float = 1e-6) -> str | None:
        """Return one sentence on the first way in which `other` departs from this form; None if they are equal.

        Global phases are not compared. Neither form may hold barriers.
        """
        for q, (mine, theirs) in enumerate(zip(self.segments, other.segments, strict=True)):
            carried = 0.0  # difference of phases that passes through turns next to none or next to pi
            for s, t in zip(mine, theirs, strict=False):
                phase, turns = wrap(s.lam - t.lam + carried), s.theta + t.theta
                differs = abs(s.theta - t.theta) > tolerance
                if turns < tolerance:
                    carried = phase
                elif turns > 2 * math.pi - tolerance:
                    carried = -phase
                else:
                    differs, carried = differs or abs(phase) > tolerance, 0.0
                if differs:
                    return (
                        f"qubit {q}, one-qubit gate {s.index}: expected u({s.theta:.6g}, *, {wrap(s.lam):.6g}), "
                        f"found u({t.theta:.6g}, *, {wrap(t.lam):.6g})"
                    )
            if len(mine) != len(theirs):
                return f"qubit {q}: expected {len(mine)} stretches between one-qubit gates, found {len(theirs)}"
            if abs(wrap(mine[-1].phase - theirs[-1].phase + carried)) > tolerance:
                return (
                    f"qubit {q}: the final phase should be {wrap(mine[-1].phase):.6g}, not {wrap(theirs[-1].phase):.6g}"
                )
        mine_links, their_links = self._named_links(), other._named_links()
        for gate in mine_links.keys() | their_links.keys():
            expected, found = mine_links.get(gate, 0.0), their_links.get(gate, 0.0)
            if abs(wrap(expected - found)) > tolerance:
                a, i, b, j = gate
                return (
                    f"between qubits {a} and {b}, after {i} and {j} one-qubit gates on them: "
                    f"expected a controlled phase of {expected:.6g}, found {found:.6g}"
                )
        return None

    def _named_links(self) -> dict[tuple[int, int, int, int], float]:
        return {(a.qubit, a.index, b.qubit, b.index): angle for (a, b), angle in self.links.items()}


def is_pi(angle: float) -> bool:
    """Return whether a controlled phase by this angle is a CZ."""
    return abs(wrap(angle - math.pi)) < ANGLE_TOLERANCE
