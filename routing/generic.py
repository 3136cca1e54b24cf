"""The generic router, in rounds: any block of controlled phases and one-qubit gates.

A round starts with one *home pulse*, the lines beside their own sites: it recycles the copies that have served and
creates those that will. Then come several stages, each with the lines elsewhere and as many gates as fit. A round ends
when the next stage would hold clearly fewer gates than its pulses held on average, the home pulse counted (the marginal
value theorem of foraging). With more effort, each round is planned several times with weights changed at random, and
the one that gets most done per pulse is taken.

The stages of a round are planned before its home pulse is fixed, so only copies that are used are created, and either
end of a gate may be the source. A copy that has more gates to come stays through the home pulse: parked, or, where it
cannot be, in a CZ with its own source, which is a Z on the source and costs one gate instead of two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arch.errors import RoutingError
from ..arch.unitary import ANGLE_TOLERANCE
from .blocks import GateBlock, num_pulses
from .builder import ProgramBuilder
from .cover import copy_segments
from .flying import choose_flying
from .front import Front
from .options import RouteOptions
from .rounds import Round, Stage
from .stage import Bools, Crossing, Layout, Lines, Use, compatible, pick, place_stage

MAX_CANDIDATES = 384
"""Only this many uses are weighed for a stage, the most critical first: the choice takes their square."""

MAX_MISFITS = 8
"""A stage is full after this many uses that are compatible but for which no lines were found."""

NOISE = 0.3
"""Spread of the logarithm of the weights in all plans of a round but the first."""

WORTH_RATE = 0.5
"""A gate counts e to the minus this, for each pulse it may wait, in what a round gets done."""

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


_SPARING = Policy()
_QUICK = Policy(keep=False, cover=False, gather=1, urgent=0.0, patience=1.0)
POLICIES = {
    "balanced": _SPARING,
    "num_2q": _SPARING,
    "depth": _QUICK,
    "duration": _QUICK,
    "fidelity": _QUICK,
}
"""Policy by the name of what it is good for."""


def route_rounds(
    block: GateBlock,
    layout: Layout,
    builder: ProgramBuilder,
    options: RouteOptions,
) -> None:
    """Append the block to a program; all ancillas are dark before and after.

    Args:
        block: What to run.
        layout: Sites and lines, at least one line for each row and column of sites.
        builder: Takes the instructions.
        options: What to prefer, and whom to tell of progress.

    Raises:
        RoutingError: A gate does not fit on the device even alone.
    """
    router = _Router(block, layout, builder, options)
    total = max(1, router.front.remaining)
    live = dict(router.flying)
    while router.front.remaining:
        planned = router.plan(live)
        progressed = planned.num_gates > 0
        if not progressed and not planned.stages[0].recycled and not router.progressed:
            raise RoutingError("No ready gate fits on the device, even alone; please report this circuit and device.")
        router.emit(planned)
        router.progressed = progressed
        live = planned.live
        options.progress(1 - router.front.remaining / total, "routing")
    router.finish(live)


class _Router:
    """State of one routing.

    Attributes:
        flying: Qubits whose place ancillas have taken, with their crossings; they are alive throughout.
        progressed: Whether the last round ran any gates; if not, copies were in each other's way, or the policy was too
            strict, and the next round drops both.
    """

    def __init__(self, block: GateBlock, layout: Layout, builder: ProgramBuilder, options: RouteOptions) -> None:
        self.block, self.layout, self.builder = block, layout, builder
        self.policy = POLICIES[options.objective]
        self.front = Front(block, builder.device.native)
        self.progressed = True
        self.plans = options.effort
        self.rng = np.random.default_rng(options.seed)
        self.births: dict[tuple[int, Crossing], int] = {}
        builder.begin(block)
        self._open(self.front.advance(range(block.num_qubits)))
        self.flying = choose_flying(block, layout, options.num_flying)
        self.cover = copy_segments(block, self.flying)
        if self.flying:
            builder.lift(*layout.home_um(), self._ancillas_of(self.flying))

    # --- planning ----------------------------------------------------------------------------------------------------

    def plan(self, live: Mapping[int, Crossing]) -> Round:
        """Plan a round that starts with these copies alive, the best of several, and mark its gates as done."""
        start, best = self.front, None
        for number in range(self.plans if start.remaining else 1):
            self.front = start.copy()
            self.noise = NOISE if number else 0.0
            planned = self._plan(live)
            worth = self._worth(planned, start)
            if best is None or worth > best[0]:
                best = worth, planned, self.front
        assert best is not None, "at least one round is planned"
        _, planned, self.front = best
        return planned

    def _worth(self, planned: Round, start: Front) -> float:
        """What a round gets done per pulse: a gate off the critical path counts the less, the longer it may wait."""
        uses = [use for stage in planned.stages for use in stage.uses]
        if not uses:
            return 0.0
        criticality = np.array([start.criticality[use.gate] for use in uses], dtype=float)
        top = max(start.ready.values(), default=criticality.max())
        return float(np.exp(WORTH_RATE * (criticality - top)).sum()) / planned.pulses

    def _plan(self, live: Mapping[int, Crossing]) -> Round:
        front = self.front
        keep = self.policy.keep and self.progressed
        kept = {
            q: c for q, c in live.items() if q in self.flying or (keep and front.gates_left(q) and front.ready_of(q))
        }
        home = Stage([], dict(live), {q: c for q, c in live.items() if q not in kept})
        planned = Round(kept, [home], dict(kept), dict.fromkeys(home.recycled, 1))
        home.opened = front.advance(home.recycled)
        planned.since.update((qubit, 1) for qubit, _ in home.opened)
        while front.remaining:
            uses, fitted = self._next_stage(planned)
            enough = self.policy.patience * planned.num_gates / planned.pulses * self._pulses(uses)
            if not uses or (planned.num_gates and len(uses) < enough):
                break
            self._append(planned, uses, fitted)
        return planned

    def _next_stage(self, planned: Round) -> tuple[list[Use], dict[int, Lines]]:
        """Choose as many compatible uses as fit, and the lines of all stages of the round with them.

        Gates of one angle may take one pulse where a mixture takes two, so the better of the two is taken: by the
        weight of its gates, in which the most critical count twice, per pulse.
        """
        candidates = self._candidates(planned)
        if not candidates:
            return [], {}
        weights = self._weights(planned, candidates)
        chosen = self._fill(planned, candidates, weights)
        if self._pulses(chosen[0]) > 1:
            alike = self._alike(candidates, weights)
            if alike.any():
                of_one = self._fill(planned, [candidates[k] for k in np.flatnonzero(alike)], weights[alike])
                if self._weight(of_one[0]) > TWO_PULSE_BONUS * self._weight(chosen[0]) / 2:
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

    def _weight(self, uses: Iterable[Use]) -> float:
        highest = max(self.front.ready.values())
        return sum(1 + self.front.ready[use.gate] / highest for use in uses)

    def _fill(
        self, planned: Round, candidates: list[Use], weights: NDArray[np.float64]
    ) -> tuple[list[Use], dict[int, Lines]]:
        """Choose compatible uses greedily, as long as lines are found."""
        chosen: list[Use] = []
        fitted: dict[int, Lines] = {}
        allowed = compatible(self.layout, candidates, planned.live)
        alive = np.ones(len(candidates), dtype=bool)
        misfits = 0
        while alive.any() and misfits < MAX_MISFITS:
            indices = np.flatnonzero(alive)
            order = indices[pick(weights[indices], allowed[np.ix_(indices, indices)])]
            trial = planned.fit(self.layout, chosen + [candidates[k] for k in order], self.births)
            if trial is not None:
                return chosen + [candidates[k] for k in order], trial
            for k in order:
                alive[k] = False
                trial = planned.fit(self.layout, [*chosen, candidates[k]], self.births)
                if trial is None:
                    misfits += 1
                    break
                chosen.append(candidates[k])
                fitted = trial
                alive &= allowed[k]
        return chosen, fitted

    def _candidates(self, planned: Round) -> list[Use]:
        """The uses that copies, or copies the home pulse could still create, allow for the next stage."""
        front, live = self.front, planned.live
        uses: list[Use] = []
        order = sorted(front.ready, key=lambda k: (-front.ready[k], k))
        urgent = self.policy.urgent * front.ready[order[0]] if order else 0
        lines = self.layout.num_aods * self.layout.rows.per_site * self.layout.cols.per_site
        few = len(order) * 2 * lines <= MAX_CANDIDATES
        for index in order:
            gate = self.block.gates[index]
            for source, target in ((gate.a, gate.b), (gate.b, gate.a)):
                if target in self.flying:
                    continue
                if source in live:
                    uses.append(Use(index, source, target, *live[source]))
                elif front.ready[index] >= urgent or self._worth_copying(source):
                    crossings = self.layout.crossings_of(source, None if few else target)
                    uses += [Use(index, source, target, *crossing) for crossing in crossings]
            if len(uses) >= MAX_CANDIDATES:
                break
        self.births = planned.births(self.layout, (use for use in uses if use.source not in live))
        return [use for use in uses if use.source in live or (use.source, use.crossing) in self.births]

    def _worth_copying(self, source: int) -> bool:
        if not self.progressed:
            return True
        if self.policy.cover and not self._in_cover(source):
            return False
        wanted = min(self.front.gates_left(source), self.policy.gather)
        return wanted < 2 or len(self.front.ready_of(source)) >= wanted

    def _in_cover(self, source: int) -> bool:
        return (source, self.front.segment[source]) in self.cover

    def _weights(self, planned: Round, uses: list[Use]) -> NDArray[np.float64]:
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
        if self.noise:
            weights *= np.exp(self.noise * self.rng.standard_normal(len(weights)))
        return weights

    def _append(self, planned: Round, uses: list[Use], fitted: Mapping[int, Lines]) -> None:
        """Add a stage to a round, mark its gates as done, and let it recycle copies on the way."""
        front = self.front
        plain = all(self.block.gates[use.gate].is_cz for use in uses)
        stage = Stage(uses, {}, pulses=self._pulses(uses), plain=plain)
        planned.add(stage, fitted, self.births)
        for use in uses:
            front.complete(use.gate)
        touched = {qubit for use in uses for qubit in (use.source, use.target)}
        copies = planned.live.keys() - self.flying.keys()
        if plain:
            served = [q for q in planned.live if q in copies - touched and not front.gates_left(q)]
            planned.recycle(self.layout, sorted(served, key=lambda q: (-front.next_criticality(q), q)))
        stage.opened = front.advance(sorted((touched - copies) | stage.recycled.keys()))
        number = len(planned.stages)
        planned.since.update(
            dict.fromkeys(stage.recycled, number) | dict.fromkeys((q for q, _ in stage.opened), number)
        )

    def _pulses(self, uses: Iterable[Use]) -> int:
        """Pulses of a stage with these uses."""
        angles = [self.block.gates[use.gate].angle for use in uses]
        return num_pulses(self.builder.device, angles) if angles else 1

    # --- instructions ------------------------------------------------------------------------------------------------

    def emit(self, planned: Round) -> None:
        """Append the instructions of a round."""
        builder = self.builder
        for stage in planned.stages:
            links = [
                (builder.ancilla(*use.crossing), use.source, use.target, self.block.gates[use.gate].angle)
                for use in stage.uses
            ]
            if stage.lines is None:
                self._home_pulse(stage.recycled, planned.kept, stage.created)
            elif stage.created or stage.recycled:
                changed = self._ancillas_of(stage.recycled | stage.created).items()
                builder.cx(*stage.lines, changed, [(ancilla, target) for ancilla, _, target, _ in links])
                builder.count_gates(links)
            else:
                builder.controlled_phases(*stage.lines, links)
            self._open(stage.opened)
            builder.release(self._ancillas_of(stage.recycled).values())

    def recycle(self, live: Mapping[int, Crossing]) -> None:
        """Recycle copies, and run the one-qubit gates that waited for that."""
        copies = {q: c for q, c in live.items() if q not in self.flying}
        self._home_pulse(copies, self.flying, {})
        self._open(self.front.advance(range(self.block.num_qubits)))
        self.builder.release(self._ancillas_of(copies).values())

    def finish(self, live: Mapping[int, Crossing]) -> None:
        """Recycle the last copies and run what is left of one-qubit gates."""
        self.recycle(live)
        if self.flying:
            self.builder.land(*self.layout.home_um(), self._ancillas_of(self.flying))
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
            lines = self.layout.home_um()
        beside_own = {builder.ancilla(*c): q for c, q in visits.items() if c not in changed}
        builder.cx(*lines, ((q, builder.ancilla(*c)) for c, q in changed.items()), beside_own.items())
        for qubit in beside_own.values():
            if qubit not in self.flying:  # its atom is in |0>
                builder.phase(qubit, math.pi)

    def _ancillas_of(self, copies: Mapping[int, Crossing]) -> dict[int, int]:
        return {qubit: self.builder.ancilla(*crossing) for qubit, crossing in copies.items()}

    def _open(self, segments: Iterable[tuple[int, int]]) -> None:
        self.builder.open_segments(self.block, segments)
