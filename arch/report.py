"""The summary of a program that `print(program)` shows, and the report on its routing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .program import Program, RoutedBlock

_WIDTH = 80

MOST_BLOCKS = 40
"""Blocks that a report lists one by one; of more, the first half and the last half of this many."""

_KINDS = {"gates": "gates", "diagonal": "commuting gates", "strings": "Pauli strings"}


def summarize(program: Program) -> str:
    """Return the size, cost and estimated fidelity of a program as aligned plain text, at most 80 columns wide.

    Raises:
        ProgramError: The program is not well formed.
    """
    metrics = program.metrics
    fidelity, device = metrics.fidelity, program.device
    aods = " + ".join(f"{aod.max_rows} x {aod.max_cols}" for aod in device.aods)
    compiled = "not recorded" if metrics.compile_s is None else format_duration(metrics.compile_s * 1e6)
    rows = [
        ("program", program.circuit.name),
        ("device", f"{device.name} ({device.slm.rows} x {device.slm.cols} sites; AOD {aods})"),
        ("qubits", f"{program.num_qubits:,}"),
        ("ancillas", f"{metrics.num_ancillas:,}"),
        ("depth", f"{metrics.depth:,} Rydberg pulses ({metrics.depth_with_1q:,} with one-qubit layers)"),
        ("2Q gates", f"{metrics.num_2q:,} (native {metrics.native})"),
        ("1Q gates", f"{metrics.num_1q:,}"),
        ("moves", f"{metrics.num_moves:,}"),
        ("duration", format_duration(metrics.duration_us)),
        ("fidelity", f"{_probability(fidelity.total)} (estimate)"),
        ("  2Q gates", _probability(fidelity.two_qubit)),
        ("  1Q gates", _probability(fidelity.one_qubit)),
        ("  idle atoms", f"{_probability(fidelity.idle_excitation)} (excited by pulses they take no part in)"),
        ("  decoherence", _probability(fidelity.decoherence)),
        ("  transfer", _probability(fidelity.transfer)),
        *([("  measurement", _probability(fidelity.measurement))] if fidelity.measurement < 1 else []),
        ("  all atoms", f"{_probability(fidelity.total_all_atoms)} (total if dark ancillas are excited too)"),
        *([("routers", _routers(program.routing.blocks))] if program.routing and program.routing.blocks else []),
        *([("order", "free: strings that do not commute may have changed places")] if metrics.reordered else []),
        ("compile time", compiled),
    ]
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(_cut(f"{name:<{width}}{value}") for name, value in rows)


def report_routing(program: Program) -> str:
    """Return which router took which block of the circuit, and why, as plain text with a line for each block.

    Neighbouring blocks of one router have one line together.
    """
    title = f"routing of {' '.join(program.circuit.name.split())}"
    routing = program.routing
    if routing is None:
        return f"{title}: not recorded"
    lines = [f"{title}, objective {routing.objective}", ""]
    ways = [
        (way.name, f"{way.depth:,}", f"{way.num_2q:,}", "" if way.finished else "given up here: already dearer")
        for way in routing.tried
    ]
    if ways:
        ways[0] = (*ways[0][:3], "taken" if len(ways) > 1 else "the only way tried")
    lines += _table(("whole circuit", "pulses", "2Q gates", ""), ways)
    rows: list[tuple[str, ...]] = [
        (
            str(number),
            f"{block.count:,} x {_KINDS[block.kind]}" if block.count > 1 else _KINDS[block.kind],
            f"{block.num_qubits:,}",
            f"{block.size:,}",
            block.router,
            f"{block.depth:,}",
            f"{block.num_2q:,}",
            block.why,
        )
        for number, block in enumerate(routing.blocks, 1)
    ]
    if len(rows) > MOST_BLOCKS:
        left_out = ("...", f"{len(rows) - MOST_BLOCKS:,} more", *[""] * 6)
        rows = [*rows[: MOST_BLOCKS // 2], left_out, *rows[-MOST_BLOCKS // 2 :]]
    head = ("block", "what", "qubits", "size", "router", "pulses", "2Q gates", "why")
    return "\n".join([*lines, "", *_table(head, rows)]) if rows else "\n".join([*lines, "", "no two-qubit gates"])


def _routers(blocks: Sequence[RoutedBlock]) -> str:
    """Return the routers and the pulses of each."""
    pulses: Counter[str] = Counter()
    for block in blocks:
        pulses[block.router] += block.depth
    return ", ".join(f"{router} {depth:,}" for router, depth in pulses.most_common()) + " (pulses)"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines with aligned columns, numbers to the right."""
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    right = [all(row[k][:1].isdigit() for row in rows) for k in range(len(head))]
    return [
        "  ".join(
            f"{cell:>{w}}" if r else f"{cell:<{w}}" for cell, w, r in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (head, *rows)
    ]


def format_duration(time_us: float) -> str:
    """Return a time in the unit that suits it: us, ms or s."""
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if time_us >= size:
            return f"{time_us / size:,.2f} {unit}"
    return f"{time_us:.2f} us"


def _probability(value: float) -> str:
    return f"{value:.4f}" if value >= 0.001 or value == 0 else f"{value:.2e}"


def _cut(line: str) -> str:
    """Shorten a line that a long name makes too wide, and keep it a single line."""
    line = " ".join(line.splitlines())
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..."
