"""The routers that take gate by gate, by the name of their strategy."""

from __future__ import annotations

import logging

from .blocks import GateBlock
from .builder import ProgramBuilder
from .diagonal import DiagonalRouter
from .generic import route_rounds
from .options import RouteOptions
from .paper import route_stages
from .stage import Layout

_log = logging.getLogger(__name__)


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
    route = route_rounds if strategy == "rounds" else route_stages
    with builder.block("gates", strategy, why):
        route(block, layout, builder, options, diagonal)
