"""The routers that take gate by gate, by the name of their strategy."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..arch.program import CircuitInfo, Program
from .blocks import DiagonalBlock, Gate, GateBlock
from .builder import ProgramBuilder
from .contest import Contest
from .dense import cut, dense_gates
from .diagonal import DiagonalPlan, DiagonalRouter, route_diagonal, run_planned
from .front import Front
from .generic import route_rounds
from .options import RouteOptions, among_ways, no_progress, share
from .paper import route_stages
from .stage import Layout

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Whole:
    """Gates that are better run as a diagonal block.

    Attributes:
        gates: The gates.
        plan: How.
        why: What that costs, and what they cost one by one.
    """

    gates: Sequence[Gate]
    plan: DiagonalPlan
    why: str


def route_gates(
    block: GateBlock,
    layout: Layout,
    builder: ProgramBuilder,
    options: RouteOptions,
    diagonal: DiagonalRouter | None,
    strategy: str,
    why: str = "",
) -> None:
    """Append a block that has gates, by "rounds" if the AOD has lines for that, or by "paper".

    The other arguments are those of `route_rounds` and `route_stages`; `why` is a reason to record with the block.
    """
    if strategy == "rounds" and not layout.has_line_for_every_site:
        why = "the AOD has fewer lines than the lattice has rows or columns"
        _log.info("Using strategy 'paper': %s.", why)
        strategy = "paper"
    with builder.block("gates", strategy, why):
        if strategy == "paper":
            route_stages(block, layout, builder, options, diagonal)
            return
        parts: list[tuple[GateBlock, Whole | None]] = [(block, None)]
        if diagonal:
            parts = cut(block, lambda gates: _worth_running_whole(gates, layout, builder, options, diagonal))
        done, total = 0, len(block.gates)
        for part, whole in parts:
            size = len(part.gates)
            span = share(options.progress, done / total, size / total)
            if whole:
                _run_whole(part, whole, layout, builder)
                span(1.0, "routing")
            else:
                route_rounds(part, layout, builder, replace(options, progress=span))
            done += size


def _run_whole(part: GateBlock, whole: Whole, layout: Layout, builder: ProgramBuilder) -> None:
    """Append a part all of whose gates are a planned diagonal block."""
    front = Front(part)
    builder.begin(part)
    builder.open_segments(part, front.advance(range(part.num_qubits)))
    run_planned(whole.plan, list(front.ready), front, layout, builder, whole.why)
    builder.close(part)


def _worth_running_whole(
    gates: Sequence[Gate], layout: Layout, builder: ProgramBuilder, options: RouteOptions, diagonal: DiagonalRouter
) -> Whole | None:
    """Return which of some gates that may run at the same time are better run as a diagonal block, if any."""
    n = len(builder.sites)
    dense = dense_gates(n, gates, builder.device)
    plan = diagonal.plan(DiagonalBlock.of(n, dense)) if dense else None
    if plan is None:
        return None
    better, why = _compare(dense, plan, layout, builder, options)
    if better:
        return Whole(dense, plan, why)
    builder.note(why)
    return None


def _compare(
    gates: Sequence[Gate], plan: DiagonalPlan, layout: Layout, builder: ProgramBuilder, options: RouteOptions
) -> tuple[bool, str]:
    """Tell whether a planned block costs less than its gates one by one, each by itself, and what they cost."""
    n = len(builder.sites)
    info = CircuitInfo("block", n)
    contest: Contest[bool] = Contest(info, among_ways(options.objective))

    def whole() -> tuple[Program, bool]:
        scratch = builder.fresh()
        route_diagonal(plan, layout, scratch)
        return scratch.build(info), True

    def by_gate() -> tuple[Program, bool]:
        scratch = builder.fresh()
        alone = tuple(gate._replace(segment_a=0, segment_b=0) for gate in gates)
        block = GateBlock(n, alone, ((None,),) * n, (0.0,) * n)
        route_rounds(block, layout, scratch, replace(options, progress=contest.watch(scratch, no_progress)))
        return scratch.build(info), False

    contest.enter("diagonal", whole)
    contest.enter("gate by gate", by_gate)
    assert contest.best is not None, "the first way is never given up"
    costs = (
        f"{way.name} {'' if way.finished else 'over '}{way.depth:,} pulses, {way.num_2q:,} gates"
        for way in contest.tried()
    )
    return contest.best[1], "; ".join(costs)
