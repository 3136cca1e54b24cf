"""The diagonal router: a block of commuting gates that are diagonal in Z, such as a QAOA cost layer.

Every qubit is copied once, or a few times, and the copies are kept through the block. In a stage the whole grid of copies
moves (see `qpilot.routing.sweep`), and each copy beside a data atom can run a gate: with Hadamards on the copy,
CZ . RX(angle) . CZ rotates the parity of copy and atom, while two CZs without a rotation between cancel. So a stage is
two pulses at one position, whatever neighbours come along; where all of them are wanted and are plain CZs, it is one.

References:
    Q-Pilot, arXiv 2311.16190, section on QAOA, keeps one copy per qubit and forbids unwanted neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .blocks import DiagonalBlock
from .builder import HADAMARD, ProgramBuilder
from .options import RouteOptions
from .stage import Crossing, Layout
from .sweep import AWAY, Grid, Ints, Stage, StageSearch

COPIES = ((1, 1), (1, 2), (2, 1), (2, 2))
"""Numbers of arrays of copies (down, across) that are tried; each costs two pulses and may save many."""

ROUNDS = 10
"""Rounds of the local search at effort 1."""


@dataclass(frozen=True, slots=True)
class DiagonalPlan:
    """Stages for a diagonal block.

    Attributes:
        grid: Region of the lattice, and arrays of copies.
        stages: Where the lines stand in each stage.
        gates: For each stage, the crossing that runs each gate, with the qubit it copies, its target and the angle.
    """

    grid: Grid
    stages: tuple[Stage, ...]
    gates: tuple[tuple[tuple[Crossing, int, int, float], ...], ...]

    @property
    def depth(self) -> int:
        """Pulses at two a stage, copies made and recycled."""
        down, across = self.grid.copies
        return 2 * len(self.stages) + 2 * down * across


def plan_diagonal(
    block: DiagonalBlock, layout: Layout, most_lines: tuple[int, int], options: RouteOptions
) -> DiagonalPlan | None:
    """Search for few stages that run a diagonal block.

    Args:
        block: The gates.
        layout: Sites of the qubits.
        most_lines: How many rows and columns the AOD can have.
        options: Effort and seed.

    Returns:
        The best plan over the numbers of copies that the AOD has lines for; None if it has too few for one.
    """
    rows, cols = layout.occupied.shape
    wanted = np.zeros((rows, cols, rows, cols), dtype=bool)
    for a, b, _ in block.pairs:
        first, second = tuple(layout.sites[a]), tuple(layout.sites[b])
        wanted[first + second] = wanted[second + first] = True
    parking = layout.spacing_um / 2 - layout.rows.standing_um >= layout.safe_um
    best: tuple[int, Grid, list[Stage]] | None = None
    for down, across in COPIES:
        if down * rows > most_lines[0] or across * cols > most_lines[1]:
            continue
        search = StageSearch(Grid(rows, cols, (down, across), parking), wanted, options.seed)
        covers = [search.greedy()]
        if (down, across) == (2, 2):
            covers.append(search.shifts())
        stages = search.reduce(min(covers, key=len), ROUNDS * options.effort)
        depth = 2 * len(stages) + 2 * down * across
        if best is None or depth < best[0]:
            best = depth, search.grid, stages
    if best is None:
        return None
    return DiagonalPlan(best[1], tuple(best[2]), _assign(block, layout, best[1], best[2]))


def _assign(
    block: DiagonalBlock, layout: Layout, grid: Grid, stages: Sequence[Stage]
) -> tuple[tuple[tuple[Crossing, int, int, float], ...], ...]:
    """Give each gate a stage and a crossing, preferring crossings that others use: fewer copies are made."""
    angles = {frozenset(pair[:2]): pair[2] for pair in block.pairs}
    qubit_at = {tuple(site): q for q, site in enumerate(layout.sites.tolist())}
    row_sources, col_sources = grid.row_sources.tolist(), grid.col_sources.tolist()
    options: dict[frozenset[int], list[tuple[int, Crossing, int, int]]] = {pair: [] for pair in angles}
    for number, stage in enumerate(stages):
        for i, j, row, col in stage.visits():
            source, target = qubit_at.get((row_sources[i], col_sources[j])), qubit_at.get((row, col))
            if source is not None and target is not None and source != target:
                pair = frozenset((source, target))
                if pair in options:
                    options[pair].append((number, (i, j), source, target))
    gates: list[list[tuple[Crossing, int, int, float]]] = [[] for _ in stages]
    used: set[Crossing] = set()
    for pair in sorted(options, key=lambda pair: (len(options[pair]), sorted(pair))):
        number, crossing, source, target = min(options[pair], key=lambda option: (option[1] not in used, option))
        used.add(crossing)
        gates[number].append((crossing, source, target, angles[pair]))
    return tuple(tuple(sorted(stage)) for stage in gates)


def route_diagonal(plan: DiagonalPlan, layout: Layout, builder: ProgramBuilder) -> None:
    """Append a planned block to a program; all ancillas are dark before and after.

    The one-qubit phases that come with the gates wait in the builder for the next gate of their qubit.
    """
    copies = {crossing: source for stage in plan.gates for crossing, source, _, _ in stage}
    _copy(plan.grid, copies, layout, builder)
    qubit_at = {tuple(site): q for q, site in enumerate(layout.sites.tolist())}
    for stage, gates in zip(plan.stages, plan.gates, strict=True):
        if not gates:
            continue
        pairs = [
            (builder.ancilla(i, j), qubit_at[row, col])
            for i, j, row, col in stage.visits()
            if (i, j) in copies and (row, col) in qubit_at
        ]
        lines = _stand(stage.rows, plan.grid.rows, layout), _stand(stage.cols, plan.grid.cols, layout)
        if len(pairs) == len(gates) and all(abs(angle) == math.pi for *_, angle in gates):
            builder.pulse(*lines, pairs)
            continue
        atoms = [builder.ancilla(*crossing) for crossing, *_ in gates]
        for atom in atoms:
            builder.gate(atom, HADAMARD)
        builder.pulse(*lines, pairs)
        for atom, (_, source, target, angle) in zip(atoms, gates, strict=True):
            # x y = (x + y - (x xor y)) / 2: half the angle on each bit, and the rest on the parity
            builder.gate(atom, (-angle / 2, -math.pi / 2, math.pi / 2))
            builder.phase(source, angle / 2)
            builder.phase(target, angle / 2)
        builder.pulse(*lines, pairs)
        for atom in atoms:
            builder.gate(atom, HADAMARD)
    _copy(plan.grid, copies, layout, builder)
    builder.release(builder.ancilla(*crossing) for crossing in copies)


def _copy(grid: Grid, copies: dict[Crossing, int], layout: Layout, builder: ProgramBuilder) -> None:
    """Create all copies, or recycle them: one pulse for each array of copies."""
    for down in range(grid.copies[0]):
        for across in range(grid.copies[1]):
            rows, cols = _home(grid.rows, down, grid.copies[0]), _home(grid.cols, across, grid.copies[1])
            here = {c: q for c, q in copies.items() if rows[c[0]] >= 0 and cols[c[1]] >= 0}
            atoms = [builder.ancilla(*crossing) for crossing in here]
            if not here:
                continue
            for atom in atoms:
                builder.gate(atom, HADAMARD)
            lines = _stand(rows, grid.rows, layout), _stand(cols, grid.cols, layout)
            builder.pulse(*lines, zip(atoms, here.values(), strict=True))
            for atom in atoms:
                builder.gate(atom, HADAMARD)


def _home(sites: int, number: int, count: int) -> Ints:
    """Lines of one array at their sites, those of the others outside."""
    lines = np.arange(sites * count) - sites * number
    return np.where((lines >= 0) & (lines < sites), lines, AWAY)


def _stand(sites: Ints, num_sites: int, layout: Layout) -> list[float]:
    """Return positions of lines at these sites; the others stand in gaps between them, or outside the lattice.

    Neighbouring places are at least the safe distance apart, so copies at any two crossings are safe from each other.
    """
    at_site = np.flatnonzero(sites >= 0).tolist()
    outside = max(layout.spacing_um / 2, layout.safe_um + layout.rows.standing_um)
    first, last = (at_site[0], at_site[-1]) if at_site else (len(sites), len(sites))
    end = (num_sites - 1) * layout.spacing_um
    positions = [-(first - k) * outside if k < first else end + (k - last) * outside for k in range(len(sites))]
    for line, following in zip(at_site, [*at_site[1:], last], strict=True):
        base = float(sites[line] * layout.spacing_um)
        positions[line] = base + layout.rows.standing_um
        for k in range(line + 1, following):
            positions[k] = base + (k - line - 0.5) * layout.spacing_um
    return positions
