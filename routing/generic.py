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
from .cover import copy_segments
from .builder import HADAMARD, ProgramBuilder
from .front import Front
from .options import RouteOptions
from .stage import Crossing, Layout, Lines, Use, compatible, pick, place_stage

OUT=0.3
EXCL,MINR,URG=True,1,1.1
FAILS=12
ALPHA, NEW, MORE, KEEP, THR = 2.0, 0.8, 0.05, True, 1.0
MAX_CANDIDATES = 256
"""Only this many uses are weighed for a stage, the most critical first: the choice takes their square."""


def _visits(uses: Iterable[Use]) -> dict[Crossing, int]:
    return {use.crossing: use.target for use in uses}


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
        if router.relax and not planned.stages and not planned.recycled and not planned.kept:
            raise RoutingError("The router found no stage for any ready gate; please report this circuit and device.")
        keep = bool(planned.stages)  # copies may be in each other's way
        live = planned.live
        router.relax = not planned.stages
        if options.progress:
            options.progress(1 - router.front.remaining / total, "routing")
    router.finish(live)


class _Router:
    def __init__(self, block: GateBlock, layout: Layout, builder: ProgramBuilder) -> None:
        self.block, self.layout, self.builder = block, layout, builder
        self.front = Front(block); self.relax=False
        self.cover = copy_segments(block)
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
            uses, lines = self._next_stage(planned)
            if not uses or (planned.stages and len(uses) < THR * planned.mean_gates()):
                break
            self._append(planned, uses, lines)
        return planned

    def _next_stage(self, planned: _Round) -> tuple[list[Use], list[Lines]]:
        """Choose as many compatible uses as fit, and the lines of all stages with them."""
        candidates = self._candidates(planned)
        chosen: list[Use] = []
        fitted: list[Lines] = []
        if not candidates:
            return chosen, fitted
        allowed = compatible(self.layout, candidates, planned.live)
        weights = self._weights(planned, candidates)
        alive = np.ones(len(candidates), dtype=bool)
        failures = 0
        while alive.any() and failures < FAILS:
            indices = np.flatnonzero(alive)
            order = indices[pick(weights[indices], allowed[np.ix_(indices, indices)])]
            trial = self._fit(planned, chosen + [candidates[k] for k in order])
            if trial is not None:
                chosen += [candidates[k] for k in order]
                fitted = trial
                break
            for k in order:
                alive[k] = False
                trial = self._fit(planned, [*chosen, candidates[k]]) if failures < FAILS else None
                if trial is None:
                    failures += 1
                    break
                chosen.append(candidates[k])
                fitted = trial
                alive &= allowed[k]
        return chosen, fitted

    def _candidates(self, planned: _Round) -> list[Use]:
        front, live = self.front, planned.live
        uses: list[Use] = []
        for index in sorted(front.ready, key=lambda k: (-front.ready[k], k)):
            gate = self.block.gates[index]
            for source, target in ((gate.a, gate.b), (gate.b, gate.a)):
                if source in live:
                    uses.append(Use(index, source, target, live[source]))
                elif source not in planned.recycled and front.segment[source] == planned.home_segment[source] and self._ok(source, index):
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
        more = np.array([self._worth(use.source) for use in uses])
        return weights * np.where(new, more, 1.0)

    def _ok(self, source, index):
        f=self.front
        if f.ready[index] >= URG*max(f.ready.values()): return True
        if EXCL and (source,f.segment[source]) not in self.cover: return False
        left=f.gates_left(source)
        return self.relax or len(f.ready_of(source)) >= min(left, MINR)

    def _worth(self, source):
        f=self.front
        if (source,f.segment[source]) in self.cover: return NEW+MORE*min(len(f.ready_of(source)),4)
        return OUT

    def _append(self, planned: _Round, uses: list[Use], fitted: list[Lines]) -> None:
        """Add a stage to a round and mark its gates as done."""
        planned.live.update((use.source, use.crossing) for use in uses)
        for stage, lines in zip(planned.stages, fitted, strict=False):
            stage.lines = lines
        touched = set()
        for use in uses:
            self.front.complete(use.gate)
            touched |= {use.source, use.target}
        opened = self.front.advance(sorted(touched - planned.live.keys()))
        planned.stages.append(_Stage(uses, fitted[-1], opened))

    def _fit(self, planned: _Round, uses: list[Use]) -> list[Lines] | None:
        """Lines of all stages with these uses as one more, and their copies alive throughout; None if that is impossible."""
        live = planned.live | {use.source: use.crossing for use in uses}
        lines = place_stage(self.layout, _visits(uses), live.values())
        if lines is None:
            return None
        if len(live) == len(planned.live):
            return [stage.lines for stage in planned.stages] + [lines]
        earlier = []
        for stage in planned.stages:
            moved = place_stage(self.layout, _visits(stage.uses), live.values())
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
        """Recycle and create copies in one pulse; kept ones are parked, or else run a CZ with their own source."""
        builder = self.builder
        changed = {c: q for copies in (recycled, created) for q, c in copies.items()}
        rows, cols = {row for row, _ in changed}, {col for _, col in changed}
        visits = changed | {c: q for q, c in kept.items() if c[0] in rows and c[1] in cols}
        lines = place_stage(self.layout, visits, [*changed, *kept.values()])
        if lines is None:
            visits = changed | {c: q for q, c in kept.items()}
            lines = self.home
        if not changed:
            return
        for crossing in changed:
            builder.gate(builder.ancilla(*crossing), HADAMARD)
        builder.pulse(*lines, ((builder.ancilla(*c), q) for c, q in visits.items()))
        for crossing in changed:
            builder.gate(builder.ancilla(*crossing), HADAMARD)
        for crossing, qubit in visits.items():
            if crossing not in changed:
                builder.phase(qubit, np.pi)

    def _open(self, segments: Iterable[tuple[int, int]]) -> None:
        for qubit, segment in segments:
            angles = self.block.openings[qubit][segment]
            if angles is not None:
                self.builder.gate(qubit, angles)
