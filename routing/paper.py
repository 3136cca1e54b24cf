"""The published generic router (Q-Pilot, arXiv 2311.16190, section on generic circuits): the baseline to beat.

Each stage takes gates of the front layer, in circuit order, whose sources and targets are in the same strict order
along rows and along columns. It creates an ancilla for each, runs the gates, and recycles: three pulses a stage, or
four where one pulse does not run its gates. It needs no parking and works with any number of lines.
"""

from __future__ import annotations

from collections.abc import Sequence

from .blocks import Gate, GateBlock
from .builder import ProgramBuilder
from .diagonal import DiagonalRouter, ready_block, run_planned
from .front import Front
from .options import RouteOptions
from .stage import Crossing, Layout, Lines, place_stage


def route_stages(
    block: GateBlock,
    layout: Layout,
    builder: ProgramBuilder,
    options: RouteOptions,
    diagonal: DiagonalRouter | None = None,
) -> None:
    """Append the block to a program; all ancillas are dark before and after.

    Args:
        block: What to run.
        layout: Sites and lines; the lines belong to no site.
        builder: Takes the instructions.
        options: Whom to tell of progress.
        diagonal: Takes blocks of ready gates that are worth it, if given.
    """
    front = Front(block, builder.device.native)
    total = max(1, front.remaining)
    builder.begin(block)
    builder.open_segments(block, front.advance(range(block.num_qubits)))
    while front.remaining:
        ready = ready_block(front, builder.device) if diagonal else None
        plan = diagonal.plan(ready) if diagonal and ready else None
        if plan:
            run_planned(plan, list(front.ready), front, layout, builder)
            continue
        chosen = _choose(front, layout)
        for gate in chosen:
            front.complete(gate)
        gates = [block.gates[index] for index in chosen]
        _emit(layout, builder, gates)
        builder.open_segments(block, front.advance(q for gate in gates for q in (gate.a, gate.b)))
        options.progress(1 - front.remaining / total, "routing")
    builder.close(block)


def _choose(front: Front, layout: Layout) -> list[int]:
    """Ready gates that fit together, greedily in circuit order; the first qubit of a gate is its source."""
    chosen: list[int] = []
    places: list[tuple[list[int], list[int]]] = []
    sites = layout.sites.tolist()
    for index in sorted(front.ready):
        gate = front.block.gates[index]
        at, to = sites[gate.a], sites[gate.b]
        if all(_same_order(at[k] - s[k], to[k] - t[k]) for s, t in places for k in (0, 1)):
            new_row, new_col = (all(at[k] != s[k] for s, _ in places) for k in (0, 1))
            rows, cols = (len({s[k] for s, _ in places}) for k in (0, 1))
            if rows + new_row <= layout.rows.num_lines and cols + new_col <= layout.cols.num_lines:
                chosen.append(index)
                places.append((at, to))
    return chosen


def _same_order(a: int, b: int) -> bool:
    return (a > 0) == (b > 0) and (a < 0) == (b < 0)


def _emit(layout: Layout, builder: ProgramBuilder, gates: Sequence[Gate]) -> None:
    """Create a copy of each source, run the gates, recycle."""
    sites = layout.sites.tolist()
    row_of, col_of = ({site: line for line, site in enumerate(sorted({sites[g.a][k] for g in gates}))} for k in (0, 1))
    crossings: list[Crossing] = [(row_of[sites[gate.a][0]], col_of[sites[gate.a][1]]) for gate in gates]
    atoms = [builder.ancilla(*crossing) for crossing in crossings]
    sources = [gate.a for gate in gates]

    def lines_at(qubits: Sequence[int]) -> Lines:
        lines = place_stage(layout, dict(zip(crossings, qubits, strict=True)), crossings)
        assert lines is not None, "strictly ordered uses always fit"
        return lines

    def home_pulse() -> None:
        builder.cx(*lines_at(sources), zip(sources, atoms, strict=True))

    home_pulse()
    links = ((atom, gate.a, gate.b, gate.angle) for atom, gate in zip(atoms, gates, strict=True))
    builder.controlled_phases(*lines_at([gate.b for gate in gates]), links)
    home_pulse()
    builder.release(atoms)
