"""The Pauli router: rotations about Pauli strings, many at once, each measured into a cat of flying ancillas.

For exp(-i angle/2 P) the router makes a cat |0...0> + |1...1> with an ancilla for each letter of P (see
`qpilot.routing.cats`), stands all of them beside their data atoms and fires one pulse: with the data turned so that
each letter is Z, this is the gate P controlled by the cat, so its phase takes in the eigenvalue of P. The cat is taken
apart down to one ancilla, the root; RX(angle) on the root is the rotation. Then all of it backwards. The data are
touched by two pulses in all, and since the cat learns the eigenvalue of P and nothing else, any number of strings that
commute can be under way at the same time, whatever their letters: two pulses for each, while cats are made and taken
apart elsewhere.

The AOD is divided into *bays*, blocks of consecutive rows and columns, each with the cat of one string. One bay at a
time is over the data; those before it wait on one side of the lattice and those after it on the other.

References:
    Q-Pilot, arXiv 2311.16190, section on quantum simulation, runs the strings one by one, each from copies of one
    root qubit. Measuring commuting operators through cat states: Shor, arXiv quant-ph/9605011.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..arch.errors import RoutingError
from ..arch.unitary import HADAMARD, Angles
from .agenda import Moment, anticommuting, make_agenda
from .blocks import PauliBlock, PauliString
from .builder import ProgramBuilder
from .cats import CatPlan, Step, plan_cats
from .options import RouteOptions, share
from .stage import Crossing, Layout

MOST_BAYS = 24
"""More cats than this at a time are never of use."""

MOST_STRINGS = 2000
"""Longer lists are routed in parts of this many: an agenda takes the square of their number."""

TRIES, LEAST_TRIES = 16, 6
TRIES_FOR = 300
"""Searches for each of up to `TRIES_FOR` cats; fewer for each of more."""

TO_Z: dict[str, Angles] = {"X": HADAMARD, "Y": (math.pi / 2, 0.0, math.pi / 2)}
"""The gate that turns a letter into Z; none for Z."""

FROM_Z: dict[str, Angles] = {"X": HADAMARD, "Y": (math.pi / 2, math.pi / 2, math.pi)}

AXES: dict[str, tuple[float, float]] = {"X": (-math.pi / 2, math.pi / 2), "Y": (0.0, 0.0)}
"""phi and lam of the rotation u(angle, phi, lam) about a letter."""


_Pattern = frozenset[Crossing]


def route_paulis(
    block: PauliBlock, layout: Layout, builder: ProgramBuilder, options: RouteOptions, most_lines: tuple[int, int]
) -> list[int]:
    """Append the rotations of a block to a program; all ancillas are dark before and after.

    Args:
        block: The rotations; none about the identity.
        layout: Sites of the qubits.
        builder: Takes the instructions.
        options: Whom to tell of progress.
        most_lines: How many rows and columns the AOD can have.

    Returns:
        The order in which the strings were run; those that do not commute keep it if the block is ordered.

    Raises:
        RoutingError: The AOD has too few lines for a string, or its lines cannot come close enough.
    """
    order: list[int] = []
    known: dict[_Pattern, CatPlan] = {}
    for first in range(0, len(block.strings), MOST_STRINGS):
        part = replace(block, strings=block.strings[first : first + MOST_STRINGS])
        span = share(options.progress, first / len(block.strings), len(part.strings) / len(block.strings))
        span(0.0, "planning")
        router = _Router(part, layout, builder, replace(options, progress=span), most_lines, known)
        for number, moment in enumerate(router.agenda.moments):
            span(0.6 + 0.4 * number / len(router.agenda.moments), "routing")
            router.advance(moment)
        order += [first + string for string in router.agenda.order]
    return order


def rotate_one_qubit(builder: ProgramBuilder, string: PauliString) -> None:
    """Append the rotation about a string of one letter."""
    ((qubit, letter),) = string.letters
    if letter == "Z":
        builder.rz(qubit, string.angle)
    else:
        builder.gate(qubit, (string.angle, *AXES[letter]))


@dataclass(slots=True)
class _Flight:
    """The cat of one string on its way: pulses to come, where None is a touch.

    Attributes:
        string: Number of the string.
        plan: How its cat is taken apart.
        qubits: Data qubit beside each crossing that touches one.
        home: Sites (rows, columns) of its lines over the data.
        done: Number of pulses done.
    """

    string: int
    plan: CatPlan
    qubits: dict[Crossing, int]
    home: tuple[list[int], list[int]]
    done: int = 0
    pulses: list[tuple[Step, bool] | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        apart = [(step, True) for step in self.plan.steps]
        together = [(step, False) for step in reversed(self.plan.steps)]
        self.pulses = [*together, None, *apart, *together, None, *apart]

    @property
    def next(self) -> tuple[Step, bool] | None:
        return self.pulses[self.done]

    @property
    def over(self) -> bool:
        return self.done == len(self.pulses)


class _Router:
    """State of one routing."""

    def __init__(
        self,
        block: PauliBlock,
        layout: Layout,
        builder: ProgramBuilder,
        options: RouteOptions,
        most_lines: tuple[int, int],
        known: dict[_Pattern, CatPlan],
    ) -> None:
        self.block, self.layout, self.builder = block, layout, builder
        self.sites = [(row, col) for row, col in layout.sites.tolist()]
        self.gap_um, self.far_um = layout.rows.gap_um, max(layout.safe_um, layout.rows.gap_um)
        self.reach = builder.device.rydberg.interaction_radius_um / self.gap_um
        self.plans = self._plan(options, known)
        shapes = [plan.shape for plan in self.plans if plan] or [(1, 1)]
        self.shape = max(rows for rows, _ in shapes), max(cols for _, cols in shapes)
        fit = min(most // size for most, size in zip(most_lines, self.shape, strict=True))
        if fit < 1:
            raise RoutingError(
                f"A Pauli string takes {self.shape[0]} x {self.shape[1]} lines, but the AOD has "
                f"{most_lines[0]} x {most_lines[1]}."
            )
        steps = [len(plan.steps) if plan else 0 for plan in self.plans]
        count = min(fit, MOST_BAYS, max(1, int(np.count_nonzero(steps))))
        self.bays: list[_Flight | None] = [None] * count
        options.progress(0.4, "scheduling")
        self.agenda = make_agenda(
            anticommuting(block),
            steps,
            len(self.bays),
            ordered=block.ordered,
            effort=options.effort,
            seed=options.seed,
        )
        self.pivot = 0  # bays from this one on stand beyond the lattice, those before it short of it

    def _plan(self, options: RouteOptions, known: dict[_Pattern, CatPlan]) -> list[CatPlan | None]:
        """Plan the cat of each string; strings on equal patterns of lines share one. None for a single letter."""
        patterns = [
            frozenset(self._crossings(string)[0]) if len(string.letters) > 1 else None for string in self.block.strings
        ]
        new = [pattern for pattern in dict.fromkeys(patterns) if pattern and pattern not in known]
        tries = max(LEAST_TRIES, round(TRIES * min(1.0, TRIES_FOR / max(1, len(new)))))
        plans = plan_cats(new, self.reach, tries=tries * options.effort, seed=options.seed)
        if plans is None:
            raise RoutingError(
                f"Lines of the AOD are at least {self.gap_um:g} um apart, too far for two ancillas at neighbouring "
                "crossings to interact."
            )
        known.update(zip(new, plans, strict=True))
        return [known[pattern] if pattern else None for pattern in patterns]

    def _crossings(self, string: PauliString) -> tuple[dict[Crossing, int], tuple[list[int], list[int]]]:
        """The qubit at each crossing of lines through the sites of a string, and the sites of these lines."""
        sites = [self.sites[qubit] for qubit, _ in string.letters]
        rows, cols = sorted({row for row, _ in sites}), sorted({col for _, col in sites})
        row_of, col_of = ({site: line for line, site in enumerate(axis)} for axis in (rows, cols))
        crossings = {
            (row_of[row], col_of[col]): qubit for (row, col), (qubit, _) in zip(sites, string.letters, strict=True)
        }
        return crossings, (rows, cols)

    # --- one pulse ---------------------------------------------------------------------------------------------------

    def advance(self, moment: Moment) -> None:
        """Run the rotations of one letter, start cats, and fire a pulse."""
        for string in moment.turns:
            rotate_one_qubit(self.builder, self.block.strings[string])
        for string, bay in moment.starts:
            plan = self.plans[string]
            assert plan is not None
            self.bays[bay] = _Flight(string, plan, *self._crossings(self.block.strings[string]))
            self.builder.gate(self._atom(bay, plan.root), HADAMARD)
        flights = [(bay, flight) for bay, flight in enumerate(self.bays) if flight]
        home = next((bay for bay, flight in flights if flight.string == moment.touch), None)
        moving = [(bay, flight) for bay, flight in flights if bay == home or flight.next is not None]
        if moving:
            self._fire(moving, home)
        for bay, flight in moving:
            self._count(bay, flight)

    def _fire(self, moving: Sequence[tuple[int, _Flight]], home: int | None) -> None:
        """Run the next pulse of these flights at once, the one at home touching the data."""
        builder = self.builder
        touches: list[tuple[int, int]] = []
        links: list[tuple[int, int]] = []
        letters: list[tuple[int, str]] = []
        for bay, flight in moving:
            if bay == home:
                touches = [(self._atom(bay, crossing), qubit) for crossing, qubit in flight.qubits.items()]
                letters = [(q, letter) for q, letter in self.block.strings[flight.string].letters if letter != "Z"]
            elif flight.next is not None:
                links += [
                    (self._atom(bay, link.control), self._atom(bay, link.target)) for link in flight.next[0].links
                ]
        for qubit, letter in letters:
            builder.gate(qubit, TO_Z[letter])
        builder.cx(*self._lines(home), links, touches)
        for qubit, letter in letters:
            builder.gate(qubit, FROM_Z[letter])

    def _count(self, bay: int, flight: _Flight) -> None:
        """Note that a pulse of a flight is done, and do what follows it."""
        pulse = flight.next
        flight.done += 1
        if pulse is None:
            self.pivot = bay
        else:
            step, apart = pulse
            gone = [self._atom(bay, link.target) for link in step.links if link.leaves == apart]
            self.builder.release(gone)
        root = self._atom(bay, flight.plan.root)
        if flight.done == 2 * len(flight.plan.steps) + 1:
            self.builder.gate(root, (self.block.strings[flight.string].angle, *AXES["X"]))
        if flight.over:
            self.builder.gate(root, HADAMARD)
            self.builder.release([root])
            self.bays[bay] = None

    def _atom(self, bay: int, crossing: Crossing) -> int:
        return self.builder.ancilla(bay * self.shape[0] + crossing[0], bay * self.shape[1] + crossing[1])

    # --- where the lines stand ---------------------------------------------------------------------------------------

    def _lines(self, home: int | None) -> tuple[list[float], list[float]]:
        rows, cols = (self._axis(home, axis) for axis in (0, 1))
        return rows, cols

    def _axis(self, home: int | None, axis: int) -> list[float]:
        """Positions of all row lines (axis 0) or column lines (axis 1)."""
        layout, pivot = self.layout, self.pivot if home is None else home
        sites = layout.occupied.shape[axis]
        margin_um = self.far_um + layout.rows.standing_um
        before = [self._apart(bay, axis) for bay in range(pivot)]
        positions: list[float] = []
        edge = -margin_um
        for offsets in reversed(before):
            positions = [edge - offsets[-1] + offset for offset in offsets] + positions
            edge = positions[0] - self.far_um
        edge = (sites - 1) * layout.spacing_um + margin_um
        if home is not None:
            flight = self.bays[home]
            assert flight is not None
            at_home = [site * layout.spacing_um + layout.rows.standing_um for site in flight.home[axis]]
            spare = [edge + k * self.gap_um for k in range(self.shape[axis] - len(at_home))]
            positions += at_home + spare
            edge = (spare[-1] if spare else edge - self.far_um) + self.far_um
        for bay in range(pivot + (home is not None), len(self.bays)):
            offsets = self._apart(bay, axis)
            positions += [edge + offset for offset in offsets]
            edge = positions[-1] + self.far_um
        return positions

    def _apart(self, bay: int, axis: int) -> list[float]:
        """Offsets of the lines of a bay away from the data: in clusters, all by themselves, or close if all is dark."""
        flight, count = self.bays[bay], self.shape[axis]
        if flight is None:
            return [k * self.gap_um for k in range(count)]
        pulse = flight.next
        lines = flight.plan.shape[axis]
        clusters = [(k, k) for k in range(lines)] if pulse is None else (pulse[0].rows, pulse[0].cols)[axis]
        first = {start for start, _ in clusters}
        offsets = [0.0]
        for line in range(1, count):
            offsets.append(offsets[-1] + (self.far_um if line in first else self.gap_um))
        return offsets
