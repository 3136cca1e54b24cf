"""What every atom does over time, and what it costs: the program at a glance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..arch.errors import ProgramError
from ..arch.program import Measure, Program, Raman, Reset, Rydberg
from .losses import fidelity_losses
from .motion import Floats, Ints, Trace, bright_at, check_steps, pairs_at, trace, window_us
from .picture import short_name
from .style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, STYLE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES = 7.0  # width
_COLUMNS = 1680  # pixels of the time axis
_MARK = 3  # columns that a pulse or a Raman layer takes at least, or it could not be seen
_MOST_ROWS = 64  # atoms share a row where there are more
_ROW_INCHES = (0.06, 0.15)  # of 64 rows and of few
_KINDS = (
    ("Rydberg pulse", ORANGE),
    ("one-qubit gate", PURPLE),
    ("measured, reset", BLUE),
    ("moving", GREEN),
    ("holds a state", "#d0d0d0"),
    ("moving, dark", "#d3ebe2"),
)
_TINY = 4.0  # -log10 of fidelities that are written as a power of ten
_FAINTEST = 0.3  # colour where a single atom of many in a row takes part
_CAUSES = (  # colours and hatches as in the figures of the benchmarks
    ("two_qubit", "two-qubit gates", BLUE, ""),
    ("one_qubit", "one-qubit gates", SKY, "////"),
    ("idle_excitation", "idle atoms excited", VERMILION, "...."),
    ("decoherence", "decoherence", ORANGE, "xxxx"),
    ("measurement", "measurement and reset", PURPLE, "\\\\\\\\"),
)


def timeline(program: Program, *, steps: tuple[int, int] | None = None) -> tuple[Axes, Axes]:
    """Draw what each atom does over time, and below it the fidelity that is lost by then.

    What is too short to be seen, as pulses and Raman layers are, is drawn wider than it is. Where there are many atoms,
    neighbours share a row, and paler colours say that only some of them take part.

    Args:
        program: A compiled program.
        steps: First instruction and the one after the last; by default all.

    Returns:
        The axes of the atoms and of the losses; `axes[0].figure.savefig(path)` keeps the picture.

    Raises:
        OptionError: There are no such instructions.
        ProgramError: The program is not well formed, or has no atoms or no instructions.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    motion = trace(program)
    if not program.num_atoms:
        raise ProgramError(f"Program {program.circuit.name!r} has no atoms, so there is no timeline to draw.")
    shown = check_steps(program, steps)
    rows, names = _share_rows(program)
    inches = len(names) * (_ROW_INCHES[0] if len(names) > _MOST_ROWS // 2 else _ROW_INCHES[1])
    inches = max(inches, 0.95)
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        _, (upper, lower) = plt.subplots(
            2, 1, sharex=True, figsize=(_INCHES, inches + 1.9), height_ratios=[inches, 1.0], layout="constrained"
        )
        _draw_rows(upper, motion, rows, names, shown)
        _draw_losses(lower, motion, shown)
    return upper, lower


def activity(motion: Trace, rows: Ints, columns: int, steps: range) -> dict[str, Floats]:
    """Return which share of the atoms of a row does what, as time passes.

    Args:
        motion: The program.
        rows: Row of each atom.
        columns: Number of equal parts of the time.
        steps: The instructions that the time is of.

    Returns:
        For each name of what an atom can do, an array of shape (rows, columns) from 0 to 1.
    """
    program, n = motion.program, motion.program.num_qubits
    size = np.bincount(rows)
    shares = {name: np.zeros((len(size), columns)) for name, _ in _KINDS}
    from_us, until_us = window_us(motion, steps)
    per_us = columns / (until_us - from_us)

    def cells(start_us: float, end_us: float, least: int) -> slice:
        first = min(max(int((start_us - from_us) * per_us), 0), columns - least)
        return slice(first, max(first + least, math.ceil((end_us - from_us) * per_us)))

    def paint(kind: str, atoms: Ints, start_us: float, end_us: float, least: int) -> None:
        part = shares[kind][:, cells(start_us, end_us, least)]
        np.maximum(part, (np.bincount(rows[atoms], minlength=len(size)) / size)[:, None], out=part)

    for step in steps:
        op = program.instructions[step]
        start_us, end_us = motion.times_us[step : step + 2]
        if isinstance(op, Rydberg):
            paint("Rydberg pulse", motion.pairs[pairs_at(motion, step)].ravel(), start_us, end_us, _MARK)
        elif isinstance(op, Raman):
            paint("one-qubit gate", np.array(op.atoms, dtype=np.int64), start_us, end_us, _MARK)
        elif isinstance(op, (Measure, Reset)):
            paint("measured, reset", np.array(op.atoms, dtype=np.int64), start_us, end_us, _MARK)
    for aod, moves in enumerate(motion.moves):
        held = np.array([(k, r, c) for k, (a, r, c) in enumerate(program.ancillas, start=n) if a == aod]).reshape(-1, 3)
        for k in range(1, len(moves.steps)):
            if moves.ends_us[k] <= from_us or moves.starts_us[k] >= until_us:
                continue
            moved = (moves.rows_um[k] != moves.rows_um[k - 1])[held[:, 1]]
            moved |= (moves.cols_um[k] != moves.cols_um[k - 1])[held[:, 2]]
            bright = bright_at(motion, int(moves.steps[k]))
            for kind, chosen in (("moving", bright), ("moving, dark", ~bright)):
                atoms = held[moved, 0]
                paint(kind, atoms[chosen[atoms]], moves.starts_us[k], moves.ends_us[k], 1)
    holding = shares["holds a state"]
    np.add.at(holding, rows[:n], 1.0)
    ends_us = np.append(motion.times_us[:-1], motion.times_us[-1])
    for atom, first, last in zip(motion.spans.atoms, motion.spans.first, motion.spans.last, strict=True):
        if ends_us[last] > from_us and ends_us[first] < until_us:
            holding[rows[atom], cells(ends_us[first], ends_us[last], 0)] += 1.0
    holding /= size[:, None]
    np.minimum(holding, 1.0, out=holding)
    return shares


def _share_rows(program: Program) -> tuple[Ints, list[str]]:
    """Return the row of each atom, data atoms first, and the name of each row."""
    n, total = program.num_qubits, program.num_atoms
    each = math.ceil(total / _MOST_ROWS)
    data_rows = math.ceil(n / each)
    rows = np.arange(total) // each
    rows[n:] = data_rows + np.arange(total - n) // each
    names = []
    for letter, count in (("q", n), ("a", total - n)):
        for first in range(0, count, each):
            last = min(first + each, count) - 1
            names.append(f"{letter}{first}" if first == last else f"{letter}{first} - {last}")
    return rows, names


def _draw_rows(ax: Axes, motion: Trace, rows: Ints, names: list[str], steps: range) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    picture = np.ones((len(names), _COLUMNS, 3))
    shares = activity(motion, rows, _COLUMNS, steps)
    for kind, colour in reversed(_KINDS):
        share = np.where(shares[kind] > 0, _FAINTEST + (1 - _FAINTEST) * shares[kind], 0)[:, :, None]
        picture = (1 - share) * picture + share * np.array(to_rgb(colour))
    extent = (*window_us(motion, steps), len(names) - 0.5, -0.5)
    ax.imshow(picture, aspect="auto", interpolation="nearest", extent=extent, origin="upper")
    every = math.ceil(len(names) / (_MOST_ROWS // 2 if len(names) <= _MOST_ROWS // 2 else _MOST_ROWS // 3))
    ax.set_yticks(range(0, len(names), every), names[::every])
    border = rows[motion.program.num_qubits - 1] + 0.5 if motion.program.num_qubits else -0.5
    ax.axhline(border, color=BLACK, linewidth=0.6)
    ax.set_ylabel("atom")
    ax.set_title(f"{short_name(motion)}: data atoms q and ancillas a", parse_math=False)
    handles = [Patch(color=colour, label=name) for name, colour in _KINDS if shares[name].any()]
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.03))


def _draw_losses(ax: Axes, motion: Trace, steps: range) -> None:
    losses = fidelity_losses(motion)
    causes = _CAUSES if losses.measurement[-1] > 0 else _CAUSES[:-1]
    curves = np.array([getattr(losses, name) for name, *_ in causes])
    total = curves.sum(axis=0)
    known = np.isfinite(total)  # until some factor is zero
    at_end = total[steps.stop]
    ax.stackplot(
        motion.times_us[known],
        curves[:, known],
        labels=[label for _, label, *_ in causes],
        colors=[colour for *_, colour, _ in causes],
        hatch=[hatch for *_, hatch in causes],
        edgecolor="white",
        linewidth=0,
    )
    ax.set_ylim(0, 1.05 * total[: steps.stop + 1][known[: steps.stop + 1]].max() or 1.0)
    end = f"10^-{at_end:.1f}" if _TINY < at_end < np.inf else f"{10**-at_end:.4g}"
    title = f"fidelity at the end: {end}"
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.05), title=title, alignment="left", reverse=True)
    ax.set(xlabel="time (us)", ylabel="-log10 of\nthe fidelity", xlim=window_us(motion, steps))
