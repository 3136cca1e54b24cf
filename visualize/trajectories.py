"""The paths of the lines of each AOD over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..arch.errors import ProgramError
from ..arch.program import Program
from .motion import Floats, Moves, Trace, bright_at, check_steps, trace, window_us
from .picture import short_name
from .style import GREEN, GREY, ORANGE, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES = (7.0, 2.2)  # width, and height of one pair of axes
_SAMPLES = 16  # points on the curve of a move
_MOST_POINTS = 400_000  # on all curves; with more, moves are drawn straight
_DOTTED = (0, (1, 2))


def trajectory(program: Program, *, steps: tuple[int, int] | None = None) -> tuple[Axes, ...]:
    """Draw where the lines of each AOD are over time: x of the columns above, y of the rows below.

    A line is drawn through while it holds a bright ancilla, and dotted else. Thin vertical lines are Rydberg pulses.

    Args:
        program: A compiled program.
        steps: First instruction and the one after the last; by default all.

    Returns:
        Two pairs of axes for each AOD that moves, columns first; `axes[0].figure.savefig(path)` keeps the picture.

    Raises:
        OptionError: There are no such instructions.
        ProgramError: The program is not well formed, or has no moves.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    motion = trace(program)
    aods = [aod for aod, moves in enumerate(motion.moves) if len(moves.steps)]
    if not aods:
        raise ProgramError(f"Program {program.circuit.name!r} has no moves, so there are no paths to draw.")
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        _, all_axes = plt.subplots(
            2 * len(aods), 1, sharex=True, figsize=(_INCHES[0], 2 * _INCHES[1] * len(aods) + 0.6), layout="constrained"
        )
        for k, aod in enumerate(aods):
            moves = motion.moves[aod]
            of_aod = f" of AOD {aod}" if len(aods) > 1 else ""
            bright = _bright_lines(motion, aod)
            _draw_lines(all_axes[2 * k], motion, moves, moves.cols_um, bright[1], f"x of columns{of_aod} (um)")
            _draw_lines(all_axes[2 * k + 1], motion, moves, moves.rows_um, bright[0], f"y of rows{of_aod} (um)")
        all_axes[0].set_title(f"{short_name(motion)}: paths of the lines", parse_math=False)
        _explain(all_axes[0])
        all_axes[-1].set(xlabel="time (us)", xlim=window_us(motion, check_steps(program, steps)))
    return tuple(all_axes)


def paths(motion: Trace, moves: Moves, lines_um: Floats) -> tuple[Floats, Floats]:
    """Return the curve of each line from the start of each move to that of the next.

    Args:
        motion: The program.
        moves: Of one AOD.
        lines_um: `moves.rows_um` or `moves.cols_um`.

    Returns:
        Times, shape (moves, points), and positions, shape (moves, lines, points), in us and um.
    """
    samples = _SAMPLES if lines_um.size * _SAMPLES <= _MOST_POINTS else 2
    s = np.linspace(0, 1, samples)
    starts, ends = moves.starts_us[:, None], moves.ends_us[:, None]
    until = np.append(moves.starts_us[1:], motion.times_us[-1])[:, None]
    before = np.concatenate([lines_um[:1], lines_um[:-1]])
    way = (lines_um - before)[:, :, None] * (3 * s**2 - 2 * s**3)
    times = np.concatenate([starts + s * (ends - starts), until], axis=1)
    return times, np.concatenate([before[:, :, None] + way, lines_um[:, :, None]], axis=2)


def _bright_lines(motion: Trace, aod: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return after each move which rows and which columns hold a bright ancilla, shape (moves, lines)."""
    program, moves = motion.program, motion.moves[aod]
    crossings = enumerate(program.ancillas, start=program.num_qubits)
    held = np.array([(k, r, c) for k, (a, r, c) in crossings if a == aod], dtype=np.int64).reshape(-1, 3)
    found = np.zeros(moves.rows_um.shape, bool), np.zeros(moves.cols_um.shape, bool)
    for k, step in enumerate(moves.steps):
        bright = bright_at(motion, int(step))[held[:, 0]]
        for side in (0, 1):
            found[side][k, held[bright, 1 + side]] = True
    return found


def _draw_lines(ax: Axes, motion: Trace, moves: Moves, lines_um: Floats, bright: NDArray[np.bool_], label: str) -> None:
    from matplotlib.collections import LineCollection

    ax.vlines(_pulse_times_us(motion), 0, 1, transform=ax.get_xaxis_transform(), color=ORANGE, linewidth=0.4, zorder=1)
    times, positions = paths(motion, moves, lines_um)
    thin = min(1.0, 12 / max(1, lines_um.shape[1])) ** 0.5
    for chosen, look in ((bright, {"colors": GREEN}), (~bright, {"colors": GREY, "linestyles": [_DOTTED]})):
        move, line = np.nonzero(chosen)
        curves = np.stack([times[move], positions[move, line]], axis=-1)
        ax.add_collection(LineCollection(list(curves), linewidths=1.2 * thin, zorder=2, **look))
    ax.set_ylabel(label)
    ax.autoscale_view()
    ax.margins(y=0.03)


def _pulse_times_us(motion: Trace) -> Floats:
    return motion.times_us[np.unique(motion.pair_steps)]


def _explain(ax: Axes) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=GREEN, label="holds a bright ancilla"),
        Line2D([], [], color=GREY, linestyle=_DOTTED, label="all dark"),
        Line2D([], [], color=ORANGE, linewidth=0.6, label="Rydberg pulse"),
    ]
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.03))
