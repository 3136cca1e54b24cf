"""The generic router, in rounds: any block of CZ and one-qubit gates.

A round starts with one *home pulse*, every line beside its own sites: it recycles the copies that have served and creates
those that will. Then come several stages, each with the lines elsewhere and as many gates as fit. A round ends when the
next stage would hold fewer gates than its pulses held on average, the home pulse counted: the marginal value theorem.

The stages of a round are planned before its home pulse is fixed, so only copies that are used are created, and either end
of a gate may be the source. A copy that has gates left and ready stays through the home pulse: its CZ with its own source
is a Z on the source, one gate instead of two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..arch.errors import RoutingError
from .blocks import GateBlock
from .builder import HADAMARD, ProgramBuilder
from .front import Front
from .options import RouteOptions
from .stage import Crossing, Layout, Lines, Use, compatible, pick, place_stage

ALPHA, NEW, MORE, KEEP, THR = 2.0, 0.8, 0.05, True, 1.0
MAX_CANDIDATES = 256
"""Only this many uses are weighed for a stage, the most critical first: the choice takes their square."""


@dataclass(slots=True)
class _Stage:
    uses: list[Use]
    lines: Lines
    opened: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Round:
    """One home pulse and its stages; `live` are all copies that exist during the stages."""

    recycled: dict[int, Crossing]
    kept: dict[int, Crossing]
    opened: list[tuple[int, int]]
    home_segment: list[int]
    live: dict[int, Crossing]
    stages: list[_Stage] = field(default_factory=list)

    def mean_gates(self) -> float:
        """Gates per pulse so far."""
        return sum(len(stage.uses) for stage in self.stages) / (1 + len(self.stages))


def route_rounds(block: GateBlock, layout: Layout, builder: ProgramBuilder, options: RouteOptions) -> None:
    """Append the block to a program; all ancillas are dark before and after.

    Args:
        block: What to run.
        layout: Sites and lines, at least one line for each row and column of sites.
        builder: Takes the instructions.
        options: Effort, seed and progress.

    Raises:
        RoutingError: A gate does not fit on the device even alone.
    """
    router = _Router(block, layout, builder)
    total = max(1, router.front.remaining)
    live: dict[int, Crossing] = {}
    keep = True
    while router.front.remaining:
        planned = router.plan(live, keep=keep)
        router.emit(planned)
        if not planned.stages and not planned.recycled and not planned.kept:
            raise RoutingError("The router found no stage for any ready gate; please report this circuit and device.")
        keep = bool(planned.stages)  # copies may be in each other's way
        live = planned.live
        if options.progress:
            options.progress(1 - router.front.remaining / total, "routing")
    router.finish(live)


class _Router:
    def __init__(self, block: GateBlock, layout: Layout, builder: ProgramBuilder) -> None:
        self.block, self.layout, self.builder = block, layout, builder
        self.front = Front(block)
        home = (axis.place({k: k // axis.per_site for k in range(axis.num_lines)}, {}) for axis in (layout.rows, layout.cols))
        rows, cols = home
        assert rows is not None and cols is not None
        self.home: Lines = (rows, cols)
        self._open((q, 0) for q in range(block.num_qubits))
        self._open(self.front.advance(range(block.num_qubits)))

    def plan(self, live: Mapping[int, Crossing], *, keep: bool) -> _Round:
        """Plan a round that starts with these copies alive, and mark its gates as done."""
        front = self.front
        kept = {q: c for q, c in live.items() if keep and KEEP and front.gates_left(q) and front.ready_of(q)}
        recycled = {q: c for q, c in live.items() if q not in kept}
        opened = front.advance(recycled)
        planned = _Round(recycled, kept, opened, list(front.segment), dict(kept))
        while front.remaining:
            uses = self._next_stage(planned)
            if not uses or (planned.stages and len(uses) < THR * planned.mean_gates()):
                break
            if not self._append(planned, uses):
                break
        return planned

    def _next_stage(self, planned: _Round) -> list[Use]:
        candidates = self._candidates(planned)
        if not candidates:
            return []
        allowed = compatible(self.layout, candidates, planned.live)
        return [candidates[k] for k in pick(self._weights(planned, candidates), allowed)]

    def _candidates(self, planned: _Round) -> list[Use]:
        front, live = self.front, planned.live
        uses: list[Use] = []
        for index in sorted(front.ready, key=lambda k: (-front.ready[k], k)):
            gate = self.block.gates[index]
            for source, target in ((gate.a, gate.b), (gate.b, gate.a)):
                if source in live:
                    uses.append(Use(index, source, target, live[source]))
                elif source not in planned.recycled and front.segment[source] == planned.home_segment[source]:
                    uses += (Use(index, source, target, c) for c in self._new_crossings(planned, source))
            if len(uses) >= MAX_CANDIDATES:
                break
        return uses

    def _new_crossings(self, planned: _Round, source: int) -> list[Crossing]:
        """Crossings at which a copy could have been created that no earlier stage of the round carries to a site."""
        rows, cols = self.layout.lines_of(source)
        free = []
        for row in rows:
            for col in cols:
                if not any(
                    any(use.crossing[0] == row for use in stage.uses) and any(use.crossing[1] == col for use in stage.uses)
                    for stage in planned.stages
                ):
                    free.append((row, col))
        return free

    def _weights(self, planned: _Round, uses: list[Use]) -> np.ndarray:
        front = self.front
        urgency = np.array([front.ready[use.gate] for use in uses], dtype=float)
        weights = 1 + ALPHA * urgency / urgency.max()
        new = np.array([use.source not in planned.live for use in uses])
        more = np.array([min(front.gates_left(use.source), 4) for use in uses])
        return weights * np.where(new, NEW + MORE * more, 1.0)

    def _append(self, planned: _Round, uses: list[Use]) -> bool:
        """Add a stage of as many of these uses as fit; return whether there are any."""
        fitted = self._fit(planned, uses)
        if fitted is None:
            chosen: list[Use] = []
            for use in uses:
                trial = self._fit(planned, [*chosen, use])
                if trial is not None:
                    chosen.append(use)
                    fitted = trial
            uses = chosen
        if fitted is None:
            return False
        planned.live.update((use.source, use.crossing) for use in uses)
        for stage, lines in zip(planned.stages, fitted, strict=False):
            stage.lines = lines
        touched = set()
        for use in uses:
            self.front.complete(use.gate)
            touched |= {use.source, use.target}
        opened = self.front.advance(sorted(touched - planned.live.keys()))
        planned.stages.append(_Stage(uses, fitted[-1], opened))
        return True

    def _fit(self, planned: _Round, uses: list[Use]) -> list[Lines] | None:
        """Lines of all stages with these uses as one more, and their copies alive throughout; None if that is impossible."""
        live = planned.live | {use.source: use.crossing for use in uses}
        lines = place_stage(self.layout, uses, live)
        if lines is None:
            return None
        if len(live) == len(planned.live):
            return [stage.lines for stage in planned.stages] + [lines]
        earlier = []
        for stage in planned.stages:
            moved = place_stage(self.layout, stage.uses, live)
            if moved is None:
                return None
            earlier.append(moved)
        return [*earlier, lines]

    def emit(self, planned: _Round) -> None:
        """Append the instructions of a round."""
        builder = self.builder
        created = {q: c for q, c in planned.live.items() if q not in planned.kept}
        self._home_pulse(planned.recycled, planned.kept, created)
        self._open(planned.opened)
        builder.release(builder.ancilla(*c) for c in planned.recycled.values())
        for stage in planned.stages:
            builder.pulse(*stage.lines, ((builder.ancilla(*use.crossing), use.target) for use in stage.uses))
            self._open(stage.opened)

    def finish(self, live: Mapping[int, Crossing]) -> None:
        """Recycle the last copies and run what is left of one-qubit gates."""
        if live:
            self._home_pulse(live, {}, {})
        self._open(self.front.advance(range(self.block.num_qubits)))
        self.builder.release(self.builder.ancilla(*c) for c in live.values())
        for qubit, angle in enumerate(self.block.closings):
            self.builder.phase(qubit, angle)

    def _home_pulse(
        self, recycled: Mapping[int, Crossing], kept: Mapping[int, Crossing], created: Mapping[int, Crossing]
    ) -> None:
        builder = self.builder
        changed = [builder.ancilla(*c) for copies in (recycled, created) for c in copies.values()]
        pairs = [(builder.ancilla(*c), q) for copies in (recycled, kept, created) for q, c in copies.items()]
        if not pairs:
            return
        for atom in changed:
            builder.gate(atom, HADAMARD)
        builder.pulse(*self.home, pairs)
        for atom in changed:
            builder.gate(atom, HADAMARD)
        for qubit in kept:
            builder.phase(qubit, np.pi)

    def _open(self, segments: Iterable[tuple[int, int]]) -> None:
        for qubit, segment in segments:
            angles = self.block.openings[qubit][segment]
            if angles is not None:
                self.builder.gate(qubit, angles)
