"""The diagonal router: a block of commuting gates that are diagonal in Z, such as a QAOA cost layer.

Every qubit is copied once, or a few times, and the copies are kept through the block. In a stage the whole grid of
copies moves (see `qpilot.routing.sweep`), and each copy beside a data atom can run a gate: with Hadamards on the copy,
CZ . RX(angle) . CZ rotates the parity of copy and atom, while two CZs without a rotation between cancel. So a stage is
two pulses at one position, whatever neighbours come along. It is one where each pair has a phase of its own, or where
all neighbours are wanted and one pulse gives them their angle (see `num_pulses`).

References:
    Q-Pilot, arXiv 2311.16190, section on QAOA, keeps one copy per qubit and forbids unwanted neighbours.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..arch.device import FPQA
from .blocks import DiagonalBlock, Gate, num_pulses
from .builder import ProgramBuilder
from .front import Front
from .stage import Crossing, Layout
from .sweep import AWAY, Embedding, Grid, Ints, Stage, StageSearch

COPIES = ((1, 1), (1, 2), (2, 1), (2, 2))
"""Numbers of arrays of copies (down, across) that are tried; each costs two pulses and may save many."""

ROUNDS = ((6, 20), (3, 25), (1, 60))
"""The local search: how many covers, the best so far, take part, and rounds for each in blocks of up to `ROUNDS_FOR`
gates; fewer in larger ones."""

ROUNDS_FOR = 250

LEAST_SHARE = 0.3
"""Large blocks of up to 100 qubits get at least this part of the rounds."""

CLOSE = 1.1
"""Covers deeper than the best by more than this factor take no part."""

MOST_STARTS = 16
PAIRS_FOR_STARTS = 2500
"""A block of k gates is searched from `PAIRS_FOR_STARTS` / k starting sites, at most `MOST_STARTS`."""

FEWEST_PAIRS = 8
"""A block of fewer gates is left to the generic router."""

CHAIN = 0.75
"""Gates per qubit of a block in which no qubit has more than two."""


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


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Sites of the qubits, and stages that run a block on them.

    Attributes:
        sites: (row, col) of each qubit.
        grid: Region of the lattice, and arrays of copies.
        stages: Where the lines stand in each stage.
    """

    sites: tuple[tuple[int, int], ...]
    grid: Grid
    stages: tuple[Stage, ...]


def ready_block(front: Front, device: FPQA) -> DiagonalBlock | None:
    """Return the gates that are ready, which all commute, if they are worth the diagonal router."""
    gates = [front.block.gates[index] for index in front.ready]
    return DiagonalBlock.of(front.block.num_qubits, gates) if is_dense(gates, device) else None


def is_dense(gates: Sequence[Gate], device: FPQA) -> bool:
    """Return whether gates that may all run at the same time are worth the diagonal router.

    They must be many, and no qubit may have more than half of them: it sees at most a few copies at a time. There must
    be as many as there are qubits, or nearly so if they are a chain. Plain CZs, which the generic router runs in one
    pulse, count half, unless unwanted neighbours cost no second pulse here.
    """
    degrees = Counter(qubit for gate in gates for qubit in (gate.a, gate.b))
    if len(gates) < FEWEST_PAIRS or 2 * max(degrees.values()) > len(gates):
        return False
    echoed = num_pulses(device, [math.pi], strays=True) > 1
    count = sum(0.5 if echoed and gate.is_cz else 1.0 for gate in gates)
    return count >= len(degrees) * (CHAIN if max(degrees.values()) == 2 else 1.0)


def starting_sites(block: DiagonalBlock, rows: int, *, seed: int) -> list[list[tuple[int, int]]]:
    """Return sites from which to search, several times: in reverse Cuthill-McKee order, laid column by column.

    Qubits with common gates come close in that order, which depends on how ties are broken.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    n = block.num_qubits
    a, b = np.array([pair[:2] for pair in block.pairs]).T
    rng = np.random.default_rng(seed)
    starts = []
    for _ in range(max(1, min(MOST_STARTS, PAIRS_FOR_STARTS // len(block.pairs)))):
        names = rng.permutation(n)
        graph = coo_array((np.ones(len(a)), (names[a], names[b])), shape=(n, n))
        order = reverse_cuthill_mckee((graph + graph.T).tocsr(), symmetric_mode=True)
        place = np.empty(n, dtype=np.int64)
        place[order] = np.arange(n)
        starts.append([(k % rows, k // rows) for k in place[names].tolist()])
    return starts


def arrange(
    block: DiagonalBlock,
    starts: Sequence[Sequence[tuple[int, int]]],
    shape: tuple[int, int],
    most_lines: tuple[int, int],
    *,
    device: FPQA,
    parking: bool,
    move: bool,
    seed: int = 0,
) -> Arrangement | None:
    """Search for few stages that run a diagonal block.

    Args:
        block: The gates.
        starts: Where the qubits are; or several such, of which the most promising is taken.
        shape: Rows and columns of the region of the lattice.
        most_lines: How many rows and columns the AOD can have.
        device: Tells how many pulses a stage takes.
        parking: Whether lines may stand between sites.
        move: Whether the search may choose other sites.
        seed: Seed of the search.

    Returns:
        The best result over the numbers of copies that the AOD has lines for; None if it has too few for one.
    """
    copies = [c for c in COPIES if c[0] * shape[0] <= most_lines[0] and c[1] * shape[1] <= most_lines[1]]
    if not copies:
        return None
    pulses = num_pulses(device, [angle for *_, angle in block.pairs], strays=True)
    covers = [_Start(block, starts[0], Grid(*shape, number, parking), seed) for number in copies]
    # Of equal depth, the one of fewer stages: the local search gains more where there are more copies.
    grid = min(covers, key=lambda cover: (cover.depth(pulses), len(cover.stages))).grid
    covers += [_Start(block, sites, grid, seed) for sites in starts[1:]]
    covers.sort(key=lambda cover: cover.depth(pulses))
    size = len(starts[0])
    share = min(1.0, max(LEAST_SHARE, ROUNDS_FOR / len(block.pairs))) * min(1.0, 100 / size)
    for number, rounds in ROUNDS:
        covers = [cover for cover in covers[:number] if cover.depth(pulses) <= CLOSE * covers[0].depth(pulses)]
        for cover in covers:
            cover.reduce(max(1, int(rounds * share)), move=move)
        covers.sort(key=lambda cover: cover.depth(pulses))
    best = covers[0]
    placed = tuple(divmod(site, shape[1]) for site in best.embedding.sites[:size])
    return Arrangement(placed, best.grid, tuple(best.stages))


class _Start:
    """Stages found at once for some sites and some number of copies."""

    def __init__(self, block: DiagonalBlock, sites: Sequence[tuple[int, int]], grid: Grid, seed: int) -> None:
        self.grid = grid
        self.embedding = Embedding([pair[:2] for pair in block.pairs], sites, grid.rows, grid.cols)
        self.search = StageSearch(grid, self.embedding.wanted(grid), seed)
        found = [self.search.greedy(), *([self.search.shifts()] if grid.copies == (2, 2) else [])]
        self.stages = min(found, key=len)

    def depth(self, pulses: int) -> int:
        """Pulses of the stages, each of which takes `pulses`, and of making and recycling the copies."""
        down, across = self.grid.copies
        return pulses * len(self.stages) + 2 * down * across

    def reduce(self, rounds: int, *, move: bool) -> None:
        """Search for fewer stages; with `move`, for better sites as well."""
        self.stages = self.search.reduce(self.stages, rounds, self.embedding if move else None)


class DiagonalRouter:
    """Routes diagonal blocks on fixed sites; blocks on the same pairs share one search.

    Args:
        device: The machine.
        layout: Sites of the qubits.
        most_lines: How many rows and columns the AOD can have.
        seed: Seed of a search.
        known: A result to use for the block it was made for.
        published: Route as published: one copy of each qubit, every copy beside a data atom a gate, no search.
    """

    def __init__(
        self,
        device: FPQA,
        layout: Layout,
        most_lines: tuple[int, int],
        *,
        seed: int = 0,
        known: tuple[DiagonalBlock, Arrangement] | None = None,
        published: bool = False,
    ) -> None:
        self._device, self._layout, self._most_lines = device, layout, most_lines
        self._seed, self._published = seed, published
        self._found: dict[frozenset[tuple[int, int]], Arrangement | None] = {}
        if known:
            self._found[_pairs(known[0])] = known[1]

    def plan(self, block: DiagonalBlock) -> DiagonalPlan | None:
        """Return stages and crossings for a block, or None if the AOD has too few lines."""
        layout, key = self._layout, _pairs(block)
        if key not in self._found:
            sites = [(row, col) for row, col in layout.sites.tolist()]
            rows, cols = layout.occupied.shape
            parking = can_park(layout.spacing_um, layout.rows.standing_um, max(layout.safe_um, layout.rows.gap_um))
            if self._published:
                self._found[key] = _arrange_clean(block, sites, Grid(rows, cols, (1, 1), parking))
            else:
                self._found[key] = arrange(
                    block,
                    [sites],
                    (rows, cols),
                    self._most_lines,
                    device=self._device,
                    parking=parking,
                    move=False,
                    seed=self._seed,
                )
        found = self._found[key]
        if found is None:
            return None
        return DiagonalPlan(found.grid, found.stages, _assign(block, layout, found.grid, found.stages))


def _arrange_clean(block: DiagonalBlock, sites: list[tuple[int, int]], grid: Grid) -> Arrangement:
    embedding = Embedding([pair[:2] for pair in block.pairs], sites, grid.rows, grid.cols)
    return Arrangement(tuple(sites), grid, tuple(StageSearch(grid, embedding.wanted(grid)).clean()))


def can_park(spacing_um: float, standing_um: float, least_um: float) -> bool:
    """Whether a line between two sites is at the least distance, for safety and for the AOD, from lines at them."""
    return spacing_um / 2 - standing_um >= least_um


def _pairs(block: DiagonalBlock) -> frozenset[tuple[int, int]]:
    return frozenset((a, b) for a, b, _ in block.pairs)


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


def run_planned(
    plan: DiagonalPlan, gates: Iterable[int], front: Front, layout: Layout, builder: ProgramBuilder, why: str = ""
) -> None:
    """Append a planned block, which is these gates of the front, and the one-qubit gates that waited for it."""
    with builder.block("diagonal", "diagonal", why):
        route_diagonal(plan, layout, builder)
    for index in gates:
        front.complete(index)
    builder.open_segments(front.block, front.advance(range(front.block.num_qubits)))


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
        links = [(builder.ancilla(*c), source, target, angle) for c, source, target, angle in gates]
        wanted = {crossing for crossing, *_ in gates}
        strays = [
            (builder.ancilla(i, j), qubit_at[row, col])
            for i, j, row, col in stage.visits()
            if (i, j) in copies and (i, j) not in wanted and (row, col) in qubit_at
        ]
        lines = _stand(stage.rows, plan.grid.rows, layout), _stand(stage.cols, plan.grid.cols, layout)
        builder.controlled_phases(*lines, links, strays)
    _copy(plan.grid, copies, layout, builder)
    builder.release(builder.ancilla(*crossing) for crossing in copies)


def _copy(grid: Grid, copies: dict[Crossing, int], layout: Layout, builder: ProgramBuilder) -> None:
    """Create all copies, or recycle them: one pulse for each array of copies."""
    for down in range(grid.copies[0]):
        for across in range(grid.copies[1]):
            rows, cols = _home(grid.rows, down, grid.copies[0]), _home(grid.cols, across, grid.copies[1])
            here = {c: q for c, q in copies.items() if rows[c[0]] >= 0 and cols[c[1]] >= 0}
            if here:
                lines = _stand(rows, grid.rows, layout), _stand(cols, grid.cols, layout)
                builder.cx(*lines, ((qubit, builder.ancilla(*crossing)) for crossing, qubit in here.items()))


def _home(sites: int, number: int, count: int) -> Ints:
    """Lines of one array at their sites, those of the others outside."""
    lines = np.arange(sites * count) - sites * number
    return np.where((lines >= 0) & (lines < sites), lines, AWAY)


def _stand(sites: Ints, num_sites: int, layout: Layout) -> list[float]:
    """Return positions of lines at these sites; the others stand in gaps between them, or outside the lattice.

    Neighbouring places are at least the safe distance apart, so copies at any two crossings are safe from each other.
    """
    at_site = np.flatnonzero(sites >= 0).tolist()
    outside = max(layout.spacing_um / 2, max(layout.safe_um, layout.rows.gap_um) + layout.rows.standing_um)
    first, last = (at_site[0], at_site[-1]) if at_site else (len(sites), len(sites))
    end = (num_sites - 1) * layout.spacing_um
    positions = [-(first - k) * outside if k < first else end + (k - last) * outside for k in range(len(sites))]
    for line, following in zip(at_site, [*at_site[1:], last], strict=True):
        base = float(sites[line] * layout.spacing_um)
        positions[line] = base + layout.rows.standing_um
        for k in range(line + 1, following):
            positions[k] = base + (k - line - 0.5) * layout.spacing_um
    return positions
