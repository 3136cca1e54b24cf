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

from .arch.unitary import ANGLE_TOLERANCE, Matrix, matmul, u_angles, u_matrix
from .canonical import CanonicalForm, Segment, is_pi

_Y_TO_Z = u_matrix(math.pi / 2, -math.pi / 2, math.pi / 2)  # RX(pi/2) Y RX(-pi/2) = Z
_Z_TO_Y = u_matrix(math.pi / 2, math.pi / 2, -math.pi / 2)
_X: Matrix = (0.0, 1.0, 1.0, 0.0)


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
    "rzz": append_rzz,
    "crz": append_crz,
}
"""Qiskit's gates that are a controlled phase, by name: what appends them, given both qubits and the angle."""


def gather(form: CanonicalForm, *, keep_barriers: bool = True) -> CanonicalForm:
    """Return an equal form in which pairs of CZ gates are one controlled phase, and X gates go behind their links.

    The result depends on the form alone, not on the order of its gates. Nothing is gathered across a barrier, whether
    or not the barriers are then kept. Time is linear in the number of gates.

    Args:
        form: The form; it is not changed.
        keep_barriers: Whether the result has the barriers too.
    """
    partner = _find_pairs(form)
    flips = any(segment.theta == math.pi and segment.degree for segments in form.segments for segment in segments)
    if not partner and not flips and (keep_barriers or not form.fences):
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
        afters = {after for _, after, _ in pairs}
        for before, after, other in pairs:
            alone = all(segment.degree == gathered[segment] for segment in (before, after))
            if alone and (other.degree > 2 or _fits_in(segments, after, afters)):
                found[after] = other
            else:
                for segment in (before, after):
                    partners[segment][other] = partners[other][segment] = True
    return found


def _fits_in(segments: list[Segment], after: Segment, afters: set[Segment]) -> bool:
    """Return whether a one-qubit gate beside the controlled phase would be a Clifford gate, perhaps a diagonal one.

    Then the circuit probably meant it so. Between gates of any angles, such as those of a random circuit, the two CZ
    gates are as good as the controlled phase, and easier to schedule.
    """
    ahead = _turn(segments[after.index - 1], afters)
    gates = [matmul(_into(after), ahead)]
    for behind in segments[after.index + 1 : after.index + 2]:
        opening = _into(behind) if behind in afters else u_matrix(behind.theta, 0.0, behind.lam)
        gates.append(matmul(opening, _Z_TO_Y))
    return any(abs(math.remainder(u_angles(gate)[0], math.pi / 2)) < ANGLE_TOLERANCE for gate in gates)


def _turn(segment: Segment, afters: set[Segment]) -> Matrix:
    """Return the last one-qubit gate before the links of a segment; of a gathered one, behind its controlled phase."""
    return _Z_TO_Y if segment in afters else u_matrix(segment.theta, 0.0, segment.lam)


def _into(after: Segment) -> Matrix:
    """Return the one-qubit gate that goes before the controlled phase of a gathered segment."""
    return matmul(_Y_TO_Z, u_matrix(0.0, 0.0, after.lam))


def _common(first: dict[Segment, bool], second: dict[Segment, bool]) -> list[Segment]:
    """Return the segments that both have a CZ with."""
    if len(second) < len(first):
        first, second = second, first
    return [segment for segment, free in first.items() if free and second.get(segment, False)]


class _Rebuild:
    """Runs the gates of a form again, into a new one.

    An X gate, or any other that is antidiagonal, is carried on behind the links of its segment: the segment then is one
    with the segment before.
    """

    def __init__(self, form: CanonicalForm, partner: dict[Segment, Segment], keep_barriers: bool) -> None:
        self.form, self.partner, self.keep_barriers = form, partner, keep_barriers
        self.new = CanonicalForm(len(form.segments))
        self.new.global_phase = form.global_phase
        self.opened = [0] * len(form.segments)
        self.gates: list[Matrix | None] = [None] * len(form.segments)  # one-qubit gates that are still to run
        self.flipped = [False] * len(form.segments)  # whether an X is still to run, before that gate
        self.fence_of = {segment: number for number, fence in enumerate(form.fences) for segment in fence}
        self.passed = 0  # fences, in the order of the circuit

    def run(self) -> CanonicalForm:
        """Return the new form."""
        taken = set()
        for after, other in self.partner.items():
            before = self.form.segments[after.qubit][after.index - 1]
            taken |= {(before, other), (other, before), (after, other), (other, after)}
        for (a, b), angle in self.form.links.items():
            self._open(a)
            self._open(b)
            if (a, b) not in taken:
                self._cp(a.qubit, b.qubit, angle)
        for segments in self.form.segments:
            self._open(segments[-1])
            self._u(segments[-1].qubit, u_matrix(0.0, 0.0, segments[-1].phase))
            self._settle(segments[-1].qubit, carry=False)
        return self.new

    def _open(self, segment: Segment) -> None:
        """Run the one-qubit gates up to the one that opens a segment."""
        qubit = segment.qubit
        while self.opened[qubit] <= segment.index:
            current = self.form.segments[qubit][self.opened[qubit]]
            self._pass_fences(self.fence_of.get(current, -1))
            self.opened[qubit] += 1
            other = self.partner.get(current)
            if other is None:
                if current.theta != 0.0:
                    self._u(qubit, u_matrix(current.theta, 0.0, current.lam))
            else:  # CZ . RY(theta) P(lam) . CZ
                self._u(qubit, _into(current))
                self._rzz(other.qubit, qubit, current.theta)
                self._u(qubit, _Z_TO_Y)

    def _pass_fences(self, last: int) -> None:
        while self.passed <= last:
            fence = self.form.fences[self.passed]
            self.passed += 1
            for segment in fence:
                self._open(self.form.segments[segment.qubit][segment.index - 1])
                self._settle(segment.qubit, carry=False)
            if self.keep_barriers:
                self.new.barrier(segment.qubit for segment in fence)

    def _u(self, qubit: int, gate: Matrix) -> None:
        before = self.gates[qubit]
        self.gates[qubit] = gate if before is None else matmul(gate, before)

    def _settle(self, qubit: int, *, carry: bool = True) -> None:
        """Run what is still to run on a qubit; if `carry`, an X may still wait."""
        gate = self.gates[qubit]
        if gate is None and (carry or not self.flipped[qubit]):
            return
        if gate is None:
            gate = _X
        elif self.flipped[qubit]:
            gate = matmul(gate, _X)
        *angles, alpha = u_angles(gate)
        self.flipped[qubit] = carry and angles[0] == math.pi
        if self.flipped[qubit]:
            *angles, alpha = u_angles(matmul(_X, gate))
        self.gates[qubit] = None
        self.new.global_phase += alpha
        self.new.u(qubit, *angles)

    def _cp(self, a: int, b: int, angle: float) -> None:
        new = self.new
        self._settle(a)
        self._settle(b)
        if self.flipped[a] and self.flipped[b]:  # (1 - x) (1 - y) = 1 - x - y + x y
            new.global_phase += angle
            new.phase(a, -angle)
            new.phase(b, -angle)
            new.cp(a, b, angle)
        elif self.flipped[a] or self.flipped[b]:
            new.phase(b if self.flipped[a] else a, angle)
            new.cp(a, b, -angle)
        else:
            new.cp(a, b, angle)

    def _rzz(self, a: int, b: int, angle: float) -> None:
        self._settle(a)
        self._settle(b)
        append_rzz(self.new, a, b, angle if self.flipped[a] == self.flipped[b] else -angle)
