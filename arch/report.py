"""The summary of a program that `print(program)` shows."""

from __future__ import annotations

from .program import Program

_WIDTH = 80


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
        ("  all atoms", f"{_probability(fidelity.total_all_atoms)} (total if dark ancillas are excited too)"),
        *([("order", "free: strings that do not commute may have changed places")] if metrics.reordered else []),
        ("compile time", compiled),
    ]
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(_cut(f"{name:<{width}}{value}") for name, value in rows)


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
