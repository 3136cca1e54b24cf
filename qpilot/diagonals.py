"""Gates diagonal in Z: Qiskit's own as controlled phases, and those that a circuit spells with two CX or CZ gates.

CZ . U . CZ with U on qubit b alone turns b about the same axis as U does, one way or the other by the value of qubit a:
with U = P(phi) RY(theta) P(lam) it is P(phi) exp(-i theta/2 Z_a Y_b) P(lam). So two CZ gates between the same segment
of a and neighbouring segments of b are one controlled phase among one-qubit gates. CX . RZ . CX is the best known case;
the one-qubit gates around it are then diagonal, and vanish between the segments, so that gates commute which did not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from .canonical import CanonicalForm, Segment, is_pi

_Quarter = tuple[float, float, float]
_Y_TO_Z: _Quarter = (math.pi / 2, -math.pi / 2, math.pi / 2)  # RX(pi/2) Y RX(-pi/2) = Z
_Z_TO_Y: _Quarter = (math.pi / 2, math.pi / 2, -math.pi / 2)


def append_rzz(form: CanonicalForm, a: int, b: int, angle: float) -> None:
    """Append RZZ(angle), that is exp(-i angle/2 Z Z)."""
    form.global_phase -= angle / 2
    form.phase(a, angle)
    form.phase(b, angle)
    form.cp(a, b, -2 * angle)


def append_crz(form: CanonicalForm, control: int, target: int, angle: float) -> None:
    """Append RZ(angle) on the target, controlled."""
    form.phase(control, -angle / 2)
    form.cp(control, target, angle)


APPENDERS: dict[str, Callable[[CanonicalForm, int, int, float], None]] = {
    "cp": CanonicalForm.cp,
    "cu1": CanonicalForm.cp,
    "rzz": append_rzz,
    "crz": append_crz,
}
"""Qiskit's gates that are a controlled phase, by name: what appends them, given both qubits and the angle."""

FIXED = {"cs": math.pi / 2, "csdg": -math.pi / 2}
"""Controlled phases without a parameter, by name."""


def gather(form: CanonicalForm, *, keep_barriers: bool = True) -> CanonicalForm:
    """Return an equal form in which pairs of CZ gates are one controlled phase where that joins segments.

    The result depends on the form alone, not on the order of its gates. Nothing is gathered across a barrier, whether
    or not the barriers are then kept. Time is linear in the number of gates.

    Args:
        form: The form; it is not changed.
        keep_barriers: Whether the result has the barriers too.
    """
    partner = _find_pairs(form)
    if not partner and (keep_barriers or not form.fences):
        return form
    return _Rebuild(form, partner, keep_barriers).run()


def _find_pairs(form: CanonicalForm) -> dict[Segment, Segment]:
    """Return the segments that may be gathered with those before them, each with the segment of the other qubit."""
    partners: dict[Segment, dict[Segment, bool]] = {}  # of each segment; whether the link is a CZ not yet taken
    for (a, b), angle in form.links.items():
        partners.setdefault(a, {})[b] = partners.setdefault(b, {})[a] = is_pi(angle)
    found: dict[Segment, Segment] = {}
    for segments in form.segments:
        pairs = []
        for before, after in pairwise(segments):
            common = _common(partners.get(before, {}), partners.get(after, {})) if not after.fenced else []
            if len(common) == 1:  # two would be a parity of three qubits
                (other,) = common
                pairs.append((before, after, other))
                for segment in (before, after):
                    partners[segment][other] = partners[other][segment] = False
        gathered = Counter(segment for before, after, _ in pairs for segment in (before, after))
        for before, after, other in pairs:
            if any(segment.degree == gathered[segment] for segment in (before, after)):
                found[after] = other
            else:  # it would only make a segment more
                for segment in (before, after):
                    partners[segment][other] = partners[other][segment] = True
    return found


def _common(first: dict[Segment, bool], second: dict[Segment, bool]) -> list[Segment]:
    """Return the segments that both have a CZ with."""
    if len(second) < len(first):
        first, second = second, first
    return [segment for segment, free in first.items() if free and second.get(segment, False)]


class _Rebuild:
    """Runs the gates of a form again, into a new one."""

    def __init__(self, form: CanonicalForm, partner: dict[Segment, Segment], keep_barriers: bool) -> None:
        self.form, self.partner, self.keep_barriers = form, partner, keep_barriers
        self.new = CanonicalForm(len(form.segments))
        self.new.global_phase = form.global_phase
        self.opened = [0] * len(form.segments)
        self.fence_of = {segment: number for number, fence in enumerate(form.fences) for segment in fence}
        self.passed = 0  # fences, in the order of the circuit

    def run(self) -> CanonicalForm:
        """Return the new form."""
        links = self.form.links
        taken = set()
        for after, other in self.partner.items():
            before = self.form.segments[after.qubit][after.index - 1]
            taken |= {(before, other), (other, before), (after, other), (other, after)}
        for (a, b), angle in links.items():
            self._open(a)
            self._open(b)
            if (a, b) not in taken:
                self.new.cp(a.qubit, b.qubit, angle)
        for segments in self.form.segments:
            self._open(segments[-1])
            self.new.phase(segments[-1].qubit, segments[-1].phase)
        return self.new

    def _open(self, segment: Segment) -> None:
        """Run the one-qubit gates up to the one that opens a segment."""
        qubit, new = segment.qubit, self.new
        while self.opened[qubit] <= segment.index:
            current = self.form.segments[qubit][self.opened[qubit]]
            self._pass_fences(self.fence_of.get(current, -1))
            self.opened[qubit] += 1
            other = self.partner.get(current)
            if other is None:
                new.u(qubit, current.theta, 0.0, current.lam)
            else:  # CZ . RY(theta) P(lam) . CZ
                new.phase(qubit, current.lam)
                new.u(qubit, *_Y_TO_Z)
                append_rzz(new, other.qubit, qubit, current.theta)
                new.u(qubit, *_Z_TO_Y)

    def _pass_fences(self, last: int) -> None:
        while self.passed <= last:
            fence = self.form.fences[self.passed]
            self.passed += 1
            for segment in fence:
                self._open(self.form.segments[segment.qubit][segment.index - 1])
            if self.keep_barriers:
                self.new.barrier(segment.qubit for segment in fence)
