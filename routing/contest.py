"""Several ways to route a circuit or a block, of which the best is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from ..arch.program import CircuitInfo, Program, Routing, TriedWay
from .builder import ProgramBuilder
from .options import Progress, cost

Extra = TypeVar("Extra")

FIRST_LOOK, NEXT_LOOK = 1 / 64, 1.2
"""A way is compared with the best so far when this part of it is routed, and each time that the part has grown so."""


class _TooDear(Exception):  # noqa: N818 - no error: it ends a routing that has lost
    """A way has cost more than the best before its end."""

    def __init__(self, program: Program) -> None:
        self.program = program


class Contest(Generic[Extra]):
    """The best program so far, by an objective, and what else was tried.

    Args:
        info: Header of the programs.
        objective: What the best has least of (see `cost`).

    Attributes:
        best: The best program, with what came with it.
    """

    def __init__(self, info: CircuitInfo, objective: str) -> None:
        self._info, self._objective = info, objective
        self.best: tuple[Program, Extra] | None = None
        self._name = ""
        self._least: tuple[float, ...] = ()
        self._tried: dict[str, TriedWay] = {}

    def enter(self, name: str, route: Callable[[], tuple[Program, Extra]]) -> None:
        """Route in one more way, up to the end or to where `watch` gives it up; of ways of one name, list the best."""
        try:
            program, extra = route()
            finished = True
        except _TooDear as given_up:
            program, finished = given_up.program, False
        tried = TriedWay(name, program.metrics.depth, program.metrics.num_2q, finished)
        if finished:
            price = cost(program.metrics, self._objective)
            if self.best is None or price < self._least:
                self.best, self._least, self._name = (program, extra), price, name
                self._tried[name] = tried
        self._tried.setdefault(name, tried)

    def watch(self, builder: ProgramBuilder, report: Progress) -> Progress:
        """Return what a router is to call on its way; it ends a routing that costs more than the best."""
        look = FIRST_LOOK

        def progress(fraction: float, phase: str) -> None:
            nonlocal look
            report(fraction, phase)
            if self.best is None or fraction < look:
                return
            while look <= fraction:
                look *= NEXT_LOOK
            program = builder.so_far(self._info)
            # Every cost grows with every instruction, so what has lost by now has lost.
            if cost(program.metrics, self._objective) > self._least:
                raise _TooDear(program)

        return progress

    def tried(self) -> tuple[TriedWay, ...]:
        """Return what was tried, the best first."""
        return (self._tried[self._name], *(way for name, way in self._tried.items() if name != self._name))

    def result(self, objective: str) -> tuple[Program, Extra]:
        """Return the best, with the record of how it came about under the objective that the caller named."""
        assert self.best is not None, "the first way is never given up"
        program, extra = self.best
        assert program.routing is not None
        routing = Routing(objective, self.tried(), program.routing.blocks)
        return msgspec.structs.replace(program, routing=routing), extra
