"""The generic router, in rounds: any block of controlled phases and one-qubit gates.

A round starts with one *home pulse*, the lines beside their own sites: it recycles the copies that have served and
creates those that will. Then come several stages, each with the lines elsewhere and as many gates as fit. A round ends
when the next stage would hold clearly fewer gates than its pulses held on average, the home pulse counted (the marginal
value theorem of foraging).

The stages of a round are planned before its home pulse is fixed, so only copies that are used are created, and either
end of a gate may be the source. A copy that has more gates to come stays through the home pulse: parked, or, where it
cannot be, in a CZ with its own source, which is a Z on the source and costs one gate instead of two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..arch.errors import RoutingError
from ..arch.unitary import ANGLE_TOLERANCE
from .blocks import GateBlock, num_pulses
from .builder import ProgramBuilder
from .cover import copy_segments
from .diagonal import DiagonalRouter, ready_block, run_planned
from .front import Front
from .options import RouteOptions
from .stage import Bools, Crossing, Layout, Lines, Use, compatible, pick, place_stage

MAX_CANDIDATES = 384
"""Only this many uses are weighed for a stage, the most critical first: the choice takes their square."""

MAX_MISFITS = 8
"""A stage is full after this many uses that are compatible but for which no lines were found."""

TWO_PULSE_BONUS = 1.5
"""What a stage of two pulses counts for, beside one of one pulse; measured on circuits that mix both, 1 to 2."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the router prefers where pulses and two-qubit gates are at odds.

    Attributes:
        keep: Keep copies through home pulses while their segments have ready gates.
        cover: Copy only the segments of a small vertex cover, unless a gate is urgent.
        gather: A segment of the cover is copied when this many of its gates are ready, unless one is urgent.
        urgent: A gate is urgent if its criticality is at least this fraction of the largest.
        patience: A round goes on while a stage holds this many times the mean number of gates per pulse.
    """

    keep: bool = True
    cover: bool = True
    gather: int = 3
    urgent: float = 0.8
    patience: float = 0.9


POLICIES = {
    "balanced": Policy(),
    "depth": Policy(keep=False, cover=False, gather=1, urgent=0.0, patience=1.0),
    "num_2q": Policy(),
    "duration": Policy(keep=False, cover=False, gather=1, urgent=0.0, patience=1.0),
    "fidelity": Policy(keep=False, cover=False, gather=1, urgent=0.0, patience=1.0),
}
"""Policy by the name of what it is good for."""


@dataclass(slots=True)
class _Stage:
    uses: list[Use]
    lines: Lines
    opened: list[tuple[int, int]]
    pulses: int


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
        return sum(len(stage.uses) for stage in self.stages) / (1 + sum(stage.pulses for stage in self.stages))


def route_rounds(
    block: GateBlock,
    layout: Layout,
    builder: ProgramBuilder,
    options: RouteOptions,
    diagonal: DiagonalRouter | None = None,
) -> None:
    """Append the block to a program; all ancillas are dark before and after.

    Args:
        block: What to run.
        layout: Sites and lines, at least one line for each row and column of sites.
        builder: Takes the instructions.
        options: What to prefer, and whom to tell of progress.
        diagonal: Takes blocks of ready gates that are worth it, if given.

    Raises:
        RoutingError: A gate does not fit on the device even alone.
    """
    router = _Router(block, layout, builder, POLICIES[options.objective])
    total = max(1, router.front.remaining)
    live: dict[int, Crossing] = {}
    while router.front.remaining:
        if diagonal and router.run_ready_block(diagonal, live):
            live = {}
            continue
        planned = router.plan(live)
        if not planned.stages and not planned.recycled and not router.progressed:
            raise RoutingError("No ready gate fits on the device, even alone; please report this circuit and device.")
        router.emit(planned)
        router.progressed = bool(planned.stages)
        live = planned.live
        options.progress(1 - router.front.remaining / total, "routing")
    router.finish(live)


class _Router:
    """State of one routing.

    Attributes:
        progressed: Whether the last round ran any gates; if not, copies were in each other's way, or the policy was too
            strict, and the next round drops both.
    """

    def __init__(self, block: GateBlock, layout: Layout, builder: ProgramBuilder, policy: Policy) -> None:
        self.block, self.layout, self.builder, self.policy = block, layout, builder, policy
        self.front = Front(block, builder.device.native)
        self.cover = copy_segments(block)
        self.progressed = True
        builder.begin(block)
        self._open(self.front.advance(range(block.num_qubits)))

    # --- planning ----------------------------------------------------------------------------------------------------

    def plan(self, live: Mapping[int, Crossing]) -> _Round:
        """Plan a round that starts with these copies alive, and mark its gates as done."""
        front = self.front
        keep = self.policy.keep and self.progressed
        kept = {q: c for q, c in live.items() if keep and front.gates_left(q) and front.ready_of(q)}
        recycled = {q: c for q, c in live.items() if q not in kept}
        home_segment = list(front.segment)  # what the home pulse opens can be copied by the next one only
        opened = front.advance(recycled)
        planned = _Round(recycled, kept, opened, home_segment, dict(kept))
        while front.remaining:
            uses, lines = self._next_stage(planned)
            enough = self.policy.patience * planned.mean_gates() * self._pulses(uses)
            if not uses or (planned.stages and len(uses) < enough):
                break
            self._append(planned, uses, lines)
        return planned

    def _next_stage(self, planned: _Round) -> tuple[list[Use], list[Lines]]:
        """Choose as many compatible uses as fit, and the lines of all stages of the round with them.

        Gates of one angle may take one pulse where a mixture takes two, so the better of the two is taken: by the
        weight of its gates, in which the most critical count twice, per pulse.
        """
        candidates = self._candidates(planned)
        if not candidates:
            return [], []
        weights = self._weights(planned, candidates)
        chosen = self._fill(planned, candidates, weights)
        if self._pulses(chosen[0]) > 1:
            alike = self._alike(candidates, weights)
            if alike.any():
                of_one = self._fill(planned, [candidates[k] for k in np.flatnonzero(alike)], weights[alike])
                if self._worth(of_one[0]) > TWO_PULSE_BONUS * self._worth(chosen[0]) / 2:
                    return of_one
        return chosen

    def _alike(self, uses: Sequence[Use], weights: NDArray[np.float64]) -> Bools:
        """Which uses one pulse can run: those of CZ gates or, on a cphase machine, those of the heaviest angle."""
        angles = np.array([self.block.gates[use.gate].angle for use in uses])
        wanted, values = math.pi, angles
        if self.builder.device.native == "cphase":
            values = np.round(angles / ANGLE_TOLERANCE)
            different, which = np.unique(values, return_inverse=True)
            wanted = different[np.bincount(which, weights).argmax()]
        result: Bools = values == wanted
        return result

    def _worth(self, uses: Iterable[Use]) -> float:
        highest = max(self.front.ready.values())
        return sum(1 + self.front.ready[use.gate] / highest for use in uses)

    def _fill(
        self, planned: _Round, candidates: list[Use], weights: NDArray[np.float64]
    ) -> tuple[list[Use], list[Lines]]:
        """Choose compatible uses greedily, as long as lines are found."""
        chosen: list[Use] = []
        fitted: list[Lines] = []
        allowed = compatible(self.layout, candidates, planned.live)
        alive = np.ones(len(candidates), dtype=bool)
        misfits = 0
        while alive.any() and misfits < MAX_MISFITS:
            indices = np.flatnonzero(alive)
            order = indices[pick(weights[indices], allowed[np.ix_(indices, indices)])]
            trial = self._fit(planned, chosen + [candidates[k] for k in order])
            if trial is not None:
                return chosen + [candidates[k] for k in order], trial
            for k in order:
                alive[k] = False
                trial = self._fit(planned, [*chosen, candidates[k]])
                if trial is None:
                    misfits += 1
                    break
                chosen.append(candidates[k])
                fitted = trial
                alive &= allowed[k]
        return chosen, fitted

    def _candidates(self, planned: _Round) -> list[Use]:
        """The uses that copies, or copies the home pulse could still create, allow for the next stage."""
        front, live = self.front, planned.live
        uses: list[Use] = []
        order = sorted(front.ready, key=lambda k: (-front.ready[k], k))
        urgent = self.policy.urgent * front.ready[order[0]] if order else 0
        few = len(order) * 2 * self.layout.rows.per_site * self.layout.cols.per_site <= MAX_CANDIDATES
        taken = [({u.row for u in stage.uses}, {u.col for u in stage.uses}) for stage in planned.stages]
        for index in order:
            gate = self.block.gates[index]
            for source, target in ((gate.a, gate.b), (gate.b, gate.a)):
                if source in live:
                    uses.append(Use(index, source, target, *live[source]))
                elif (
                    source not in planned.recycled
                    and front.segment[source] == planned.home_segment[source]
                    and (front.ready[index] >= urgent or self._worth_copying(source))
                ):
                    for row, col in self.layout.crossings_of(source, None if few else target):
                        if not any(row in rows and col in cols for rows, cols in taken):
                            uses.append(Use(index, source, target, row, col))
            if len(uses) >= MAX_CANDIDATES:
                break
        return uses

    def _worth_copying(self, source: int) -> bool:
        if not self.progressed:
            return True
        if self.policy.cover and not self._in_cover(source):
            return False
        wanted = min(self.front.gates_left(source), self.policy.gather)
        return wanted < 2 or len(self.front.ready_of(source)) >= wanted

    def _in_cover(self, source: int) -> bool:
        return (source, self.front.segment[source]) in self.cover

    def _weights(self, planned: _Round, uses: list[Use]) -> NDArray[np.float64]:
        """Critical gates weigh more, those that need a new copy less, unless the copy will serve many.

        A gate off the critical path weighs 1/e for each pulse it may wait. Depth of random circuits (100 qubits, 10
        gates per qubit) falls by 18 percent against weights of 1 to 2; half or twice the rate is no better.
        """
        urgency = np.array([self.front.ready[use.gate] for use in uses], dtype=float)
        worth = {use.source: 1.0 for use in uses}
        for source in worth.keys() - planned.live.keys():
            worth[source] = 0.5 + 0.12 * min(len(self.front.ready_of(source)), 4) if self._in_cover(source) else 0.1
        weights: NDArray[np.float64] = np.array([worth[use.source] for use in uses])
        weights *= np.exp(urgency - urgency.max())
        return weights

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
        planned.stages.append(_Stage(uses, fitted[-1], opened, self._pulses(uses)))

    def _pulses(self, uses: Iterable[Use]) -> int:
        """Pulses of a stage with these uses."""
        angles = [self.block.gates[use.gate].angle for use in uses]
        return num_pulses(self.builder.device, angles) if angles else 1

    def _fit(self, planned: _Round, uses: list[Use]) -> list[Lines] | None:
        """Lines of all stages with these uses as one more, and their copies alive throughout; None if that fails."""
        live = planned.live | {use.source: use.crossing for use in uses}
        crossings = list(live.values())
        lines = place_stage(self.layout, _visits(uses), crossings)
        if lines is None:
            return None
        if len(live) == len(planned.live):
            return [*(stage.lines for stage in planned.stages), lines]
        earlier = []
        for stage in planned.stages:
            moved = place_stage(self.layout, _visits(stage.uses), crossings, before=stage.lines)
            if moved is None:
                return None
            earlier.append(moved)
        return [*earlier, lines]

    # --- instructions ------------------------------------------------------------------------------------------------

    def emit(self, planned: _Round) -> None:
        """Append the instructions of a round."""
        builder = self.builder
        created = {q: c for q, c in planned.live.items() if q not in planned.kept}
        self._home_pulse(planned.recycled, planned.kept, created)
        self._open(planned.opened)
        builder.release(builder.ancilla(*c) for c in planned.recycled.values())
        for stage in planned.stages:
            builder.controlled_phases(
                *stage.lines,
                (
                    (builder.ancilla(*use.crossing), use.source, use.target, self.block.gates[use.gate].angle)
                    for use in stage.uses
                ),
            )
            self._open(stage.opened)

    def run_ready_block(self, diagonal: DiagonalRouter, live: Mapping[int, Crossing]) -> bool:
        """Let the diagonal router run all ready gates, once these copies are recycled, if that is worth it."""
        ready = ready_block(self.front, self.builder.device)
        plan = diagonal.plan(ready) if ready else None
        if plan is None:
            return False
        planned = list(self.front.ready)  # recycling makes more gates ready
        self.recycle(live)
        run_planned(plan, planned, self.front, self.layout, self.builder)
        return True

    def recycle(self, live: Mapping[int, Crossing]) -> None:
        """Recycle copies, and run the one-qubit gates that waited for that."""
        self._home_pulse(live, {}, {})
        self._open(self.front.advance(range(self.block.num_qubits)))
        self.builder.release(self.builder.ancilla(*c) for c in live.values())

    def finish(self, live: Mapping[int, Crossing]) -> None:
        """Recycle the last copies and run what is left of one-qubit gates."""
        self.recycle(live)
        self.builder.close(self.block)

    def _home_pulse(
        self, recycled: Mapping[int, Crossing], kept: Mapping[int, Crossing], created: Mapping[int, Crossing]
    ) -> None:
        """Recycle and create copies in one pulse; kept ones are parked, or else run a CZ with their own source."""
        builder = self.builder
        changed = {c: q for copies in (recycled, created) for q, c in copies.items()}
        if not changed:
            return
        rows, cols = {row for row, _ in changed}, {col for _, col in changed}
        visits = changed | {c: q for q, c in kept.items() if c[0] in rows and c[1] in cols}
        lines = place_stage(self.layout, visits, [*changed, *kept.values()])
        if lines is None:
            visits = changed | {c: q for q, c in kept.items()}
            lines = self.layout.rows.home_um(), self.layout.cols.home_um()
        beside_own = {builder.ancilla(*c): q for c, q in visits.items() if c not in changed}
        builder.cx(*lines, ((q, builder.ancilla(*c)) for c, q in changed.items()), beside_own.items())
        for qubit in beside_own.values():
            builder.phase(qubit, math.pi)

    def _open(self, segments: Iterable[tuple[int, int]]) -> None:
        self.builder.open_segments(self.block, segments)


def _visits(uses: Iterable[Use]) -> dict[Crossing, int]:
    return {use.crossing: use.target for use in uses}
