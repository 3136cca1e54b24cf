"""Rounds: what the generic router plans ahead, from one home pulse to the next.

In a *home pulse* all lines stand beside their own sites; it recycles and creates copies, and is the first stage of a
round. The stages after it run gates. They too may recycle a copy, or create one, whose lines can stand beside its
source meanwhile, so that not every copy has to wait for the next home pulse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .stage import Crossing, Layout, Lines, Use, agree, place_stage

MAX_HOME_MISFITS = 2
"""A stage recycles no more copies after this many for which no lines were found."""

Births = Mapping[tuple[int, Crossing], int]
"""For a copy (source, crossing) that does not exist yet, the stage of the round that can create it."""


@dataclass(slots=True)
class Stage:
    """One position of the lines: gates, and copies that come and go meanwhile, each beside its own source.

    Attributes:
        uses: The gates.
        bright: All copies there are during the pulse, with those that it creates or recycles.
        recycled: Those that it recycles.
        created: Those that it creates.
        lines: Where the lines stand; None in a home pulse, for which they are found when the round is complete.
        pulses: How many pulses its gates need.
        plain: Whether one CZ pulse does, so that copies may come and go.
        opened: The segments that open after it.
    """

    uses: list[Use]
    bright: dict[int, Crossing]
    recycled: dict[int, Crossing] = field(default_factory=dict)
    created: dict[int, Crossing] = field(default_factory=dict)
    lines: Lines | None = None
    pulses: int = 1
    plain: bool = True
    opened: list[tuple[int, int]] = field(default_factory=list)

    def visits(self) -> dict[Crossing, int]:
        """The data qubit beside which each crossing stands."""
        at_home = {c: q for copies in (self.created, self.recycled) for q, c in copies.items()}
        return {use.crossing: use.target for use in self.uses} | at_home


@dataclass(slots=True)
class Round:
    """A home pulse, which is the first stage, and the stages up to the next.

    Attributes:
        kept: Copies that live through the home pulse.
        stages: The stages.
        live: Copies that exist after the last stage.
        since: The first stage that can copy the current segment of a qubit; 0 where it is not in here.
    """

    kept: dict[int, Crossing]
    stages: list[Stage]
    live: dict[int, Crossing]
    since: dict[int, int]

    @property
    def pulses(self) -> int:
        """Pulses so far, the home pulse counted."""
        return sum(stage.pulses for stage in self.stages)

    @property
    def num_gates(self) -> int:
        """Gates so far."""
        return sum(len(stage.uses) for stage in self.stages)

    def births(self, layout: Layout, uses: Iterable[Use]) -> dict[tuple[int, Crossing], int]:
        """Return the last stage that can create the copy of each use, as far as order tells; not all have one."""
        copies = list(dict.fromkeys((use.source, use.crossing) for use in uses))
        if not copies:
            return {}
        sources = np.array([source for source, _ in copies])
        crossings = np.array([crossing for _, crossing in copies])
        since = np.array([self.since.get(source, 0) for source, _ in copies])
        found = np.where(since == 0, 0, -1)
        for number, stage in enumerate(self.stages[1:], 1):
            if stage.plain:
                visits = stage.visits()
                there, at = np.array(list(visits)), np.array(list(visits.values()))
                fits = agree(layout, crossings, layout.sites[sources], there, layout.sites[at])
                found[fits & (since <= number) & ~np.isin(sources, at)] = number
        return {copy: number for copy, number in zip(copies, found.tolist(), strict=True) if number >= 0}

    def fit(self, layout: Layout, uses: Sequence[Use], births: Births) -> dict[int, Lines] | None:
        """Return lines by stage with these uses as one more, and their copies alive before; None if that fails."""
        new = {u.source: (births[u.source, u.crossing], u.crossing) for u in uses if u.source not in self.live}
        crossings = [*self.live.values(), *(crossing for _, crossing in new.values())]
        lines = place_stage(layout, {use.crossing: use.target for use in uses}, crossings)
        if lines is None:
            return None
        number = len(self.stages)
        result = {number: lines}
        for earlier in range(max(1, min((birth for birth, _ in new.values()), default=number)), number):
            stage = self.stages[earlier]
            bright = [*stage.bright.values(), *(crossing for birth, crossing in new.values() if birth <= earlier)]
            created = {crossing: source for source, (birth, crossing) in new.items() if birth == earlier}
            before = None if created else stage.lines
            moved = place_stage(layout, stage.visits() | created, bright, before=before)
            if moved is None:
                return None
            result[earlier] = moved
        return result

    def add(self, stage: Stage, fitted: Mapping[int, Lines], births: Births) -> None:
        """Add a stage for which `fit` found these lines."""
        for use in stage.uses:
            if use.source not in self.live:
                birth = births[use.source, use.crossing]
                self.stages[birth].created[use.source] = use.crossing
                for earlier in self.stages[birth:]:
                    earlier.bright[use.source] = use.crossing
                self.live[use.source] = use.crossing
        stage.bright = dict(self.live)
        self.stages.append(stage)
        for number, lines in fitted.items():
            self.stages[number].lines = lines

    def recycle(self, layout: Layout, qubits: Iterable[int]) -> None:
        """Let the last stage recycle copies of these qubits, the first ones first, where there are lines for that."""
        stage = self.stages[-1]
        misfits = 0
        for qubit in qubits:
            crossing, visits = self.live[qubit], stage.visits()
            there, at = np.array(list(visits)), np.array(list(visits.values()))
            if agree(layout, np.array([crossing]), layout.sites[[qubit]], there, layout.sites[at])[0]:
                lines = place_stage(layout, visits | {crossing: qubit}, list(stage.bright.values()))
                if lines is not None:
                    stage.lines = lines
                    stage.recycled[qubit] = self.live.pop(qubit)
                    continue
                misfits += 1
                if misfits == MAX_HOME_MISFITS:
                    return
