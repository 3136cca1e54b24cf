"""The published generic router (Q-Pilot, arXiv 2311.16190, section on generic circuits): the baseline to beat.

Each stage takes gates of the front layer, in circuit order, whose sources and targets are in the same strict order
along rows and along columns. It creates an ancilla for each, runs the CZs, and recycles: three pulses a stage. It needs
no parking and works with any number of lines.
"""

from __future__ import annotations

from .blocks import GateBlock
from .builder import HADAMARD, ProgramBuilder
from .front import Front
from .options import RouteOptions
from .stage import Crossing, Layout, place_stage


def route_stages(block: GateBlock, layout: Layout, builder: ProgramBuilder, options: RouteOptions) -> None:
    """Append the block to a program; all ancillas are dark before and after.

    Args:
        block: What to run.
        layout: Sites and lines; the lines belong to no site.
        builder: Takes the instructions.
        options: Whom to tell of progress.
    """
    front = Front(block)
    total = max(1, front.remaining)
    builder.begin(block)
    builder.open_segments(block, front.advance(range(block.num_qubits)))
    while front.remaining:
        pairs = []
        for index, source, target in _choose(front, layout):
            front.complete(index)
            pairs.append((source, target))
        _emit(layout, builder, pairs)
        builder.open_segments(block, front.advance(q for pair in pairs for q in pair))
        if options.progress:
            options.progress(1 - front.remaining / total, "routing")
    builder.close(block)


def _choose(front: Front, layout: Layout) -> list[tuple[int, int, int]]:
    """Ready gates that fit together, greedily in circuit order, as (gate, source, target)."""
    chosen: list[tuple[int, int, int]] = []
    places: list[tuple[list[int], list[int]]] = []
    sites = layout.sites.tolist()
    for index in sorted(front.ready):
        gate = front.block.gates[index]
        at, to = sites[gate.a], sites[gate.b]
        if all(_same_order(at[k] - s[k], to[k] - t[k]) for s, t in places for k in (0, 1)):
            new_row, new_col = (all(at[k] != s[k] for s, _ in places) for k in (0, 1))
            rows, cols = (len({s[k] for s, _ in places}) for k in (0, 1))
            if rows + new_row <= layout.rows.num_lines and cols + new_col <= layout.cols.num_lines:
                chosen.append((index, gate.a, gate.b))
                places.append((at, to))
    return chosen


def _same_order(a: int, b: int) -> bool:
    return (a > 0) == (b > 0) and (a < 0) == (b < 0)


def _emit(layout: Layout, builder: ProgramBuilder, pairs: list[tuple[int, int]]) -> None:
    """Create a copy of each source, run the CZs, recycle."""
    row_of, col_of = (
        {site: line for line, site in enumerate(sorted({int(layout.sites[s, k]) for s, _ in pairs}))} for k in (0, 1)
    )
    crossings: list[Crossing] = [(row_of[int(layout.sites[s, 0])], col_of[int(layout.sites[s, 1])]) for s, _ in pairs]
    atoms = [builder.ancilla(*crossing) for crossing in crossings]
    sources, targets = [s for s, _ in pairs], [t for _, t in pairs]
    for visited in (sources, targets, sources):
        if visited is not targets:
            for atom in atoms:
                builder.gate(atom, HADAMARD)
        lines = place_stage(layout, dict(zip(crossings, visited, strict=True)), crossings)
        assert lines is not None, "strictly ordered uses always fit"
        builder.pulse(*lines, zip(atoms, visited, strict=True))
        if visited is not targets:
            for atom in atoms:
                builder.gate(atom, HADAMARD)
    builder.release(atoms)
