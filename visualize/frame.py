"""One picture: where every atom stands at one Rydberg pulse, and which pairs it joins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arch.errors import ProgramError
from ..arch.program import Move, Program, Raman, Release, Rydberg, check_structure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours of Okabe and Ito, told apart by every kind of colour vision.
_GREY, _ORANGE, _GREEN, _BLUE, _VERMILLION = "#999999", "#E69F00", "#009E73", "#0072B2", "#D55E00"
_POINTS_PER_UM = 2.4  # scale of a picture of moderate size
_MAX_INCHES = 14.0

_Lines: TypeAlias = dict[int, tuple[tuple[float, ...], tuple[float, ...]]]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The machine at one Rydberg pulse.

    Attributes:
        positions_um: (x, y) of every atom, shape (num_atoms, 2); NaN for an ancilla that no move has placed yet.
        bright: For every atom, whether it takes part in the pulse's rules: data atoms always, ancillas from their first
            Raman gate to their release.
        pairs: The atoms joined by the pulse.
        lines_um: For each AOD placed so far, y of its rows and x of its columns.
    """

    positions_um: NDArray[np.float64]
    bright: NDArray[np.bool_]
    pairs: tuple[tuple[int, int], ...]
    lines_um: _Lines


def frame_at(program: Program, pulse: int = 0) -> Frame:
    """Return where the atoms stand at a Rydberg pulse; time is linear in the instructions before it.

    Args:
        program: A compiled program.
        pulse: Number of the pulse, from 0, among the pulses with at least one pair.

    Raises:
        ProgramError: The program is not well formed, or has no such pulse.
    """
    check_structure(program)
    bright = np.arange(program.num_atoms) < program.num_qubits
    lines: _Lines = {}
    seen = 0
    for op in program.instructions:
        if isinstance(op, Move):
            lines[op.aod] = op.rows_um, op.cols_um
        elif isinstance(op, Raman):
            bright[list(op.atoms)] = True
        elif isinstance(op, Release):
            bright[list(op.atoms)] = False
        elif isinstance(op, Rydberg) and op.pairs:
            if seen == pulse:
                return Frame(_positions(program, lines), bright, op.pairs, lines)
            seen += 1
    exist = f"it has {seen}, numbered from 0" if seen else "it has none"
    raise ProgramError(f"Program {program.circuit.name!r} has no Rydberg pulse {pulse}: {exist}.")


def draw(program: Program, pulse: int = 0, ax: Axes | None = None) -> Axes:
    """Draw the atoms at a Rydberg pulse and the pairs it joins.

    Args:
        program: A compiled program.
        pulse: Number of the pulse, from 0, among the pulses with at least one pair.
        ax: Where to draw; by default on a new figure of fitting size.

    Returns:
        The axes drawn on; `ax.figure.savefig(path)` keeps the picture.

    Raises:
        ProgramError: The program is not well formed, or has no such pulse.
    """
    frame = frame_at(program, pulse)
    slm = program.device.slm
    width, height = (slm.cols + 1) * slm.spacing_um, (slm.rows + 1) * slm.spacing_um
    points_per_um = min(_POINTS_PER_UM, 72 * _MAX_INCHES / max(width, height))
    if ax is None:
        ax = _new_axes(width * points_per_um / 72, height * points_per_um / 72)
    _draw_lattice(ax, program)
    _draw_lines(ax, frame)
    size = min(6.0, 3.0 * points_per_um)
    _draw_pairs(ax, frame, 1.5 * size)
    _draw_atoms(ax, frame, program.num_qubits, size)
    _label_data(ax, frame, program, points_per_um)
    ax.set(
        title=f"{program.circuit.name}: pulse {pulse}, depth {program.depth}",
        xlabel="x (um)",
        ylabel="y (um)",
        xlim=_limits(frame.positions_um[:, 0], slm.spacing_um, width - slm.spacing_um),
        ylim=_limits(frame.positions_um[:, 1], slm.spacing_um, height - slm.spacing_um),
        aspect="equal",
    )
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)
    return ax


def _limits(positions_um: NDArray[np.float64], margin_um: float, end_um: float) -> tuple[float, float]:
    """Show the lattice, and ancillas parked outside it, with a margin."""
    low, high = np.nanmin(positions_um), np.nanmax(positions_um)
    return min(-margin_um, low - margin_um / 2), max(end_um, high + margin_um / 2)


def _positions(program: Program, lines: _Lines) -> NDArray[np.float64]:
    positions = np.full((program.num_atoms, 2), np.nan)
    for q, (row, col) in enumerate(program.sites):
        positions[q] = col * program.device.slm.spacing_um, row * program.device.slm.spacing_um
    for k, (aod, row, col) in enumerate(program.ancillas):
        rows_um, cols_um = lines.get(aod, ((), ()))
        if row < len(rows_um) and col < len(cols_um):
            positions[program.num_qubits + k] = cols_um[col], rows_um[row]
    return positions


def _new_axes(width_inches: float, height_inches: float) -> Axes:
    from matplotlib import pyplot as plt

    size = width_inches + 2.4, max(height_inches + 1.2, 2.4)  # room for the legend, and for title and numbers
    return plt.subplots(figsize=size, layout="constrained")[1]


def _draw_lattice(ax: Axes, program: Program) -> None:
    slm = program.device.slm
    x, y = np.meshgrid(np.arange(slm.cols) * slm.spacing_um, np.arange(slm.rows) * slm.spacing_um)
    ax.plot(x.ravel(), y.ravel(), "+", color=_GREY, markersize=4, markeredgewidth=0.6, label="lattice site", zorder=1)


def _draw_lines(ax: Axes, frame: Frame) -> None:
    for aod, (rows_um, cols_um) in frame.lines_um.items():
        for y in rows_um:
            ax.axhline(y, gid=f"aod-{aod}-row", color=_GREEN, linewidth=0.4, alpha=0.6, zorder=0.5)
        for x in cols_um:
            ax.axvline(x, gid=f"aod-{aod}-col", color=_GREEN, linewidth=0.4, alpha=0.6, zorder=0.5)


def _draw_pairs(ax: Axes, frame: Frame, width: float) -> None:
    from matplotlib.collections import LineCollection

    ends = frame.positions_um[np.array(frame.pairs)]
    links = LineCollection(ends, colors=_ORANGE, linewidths=width, alpha=0.6, capstyle="round", zorder=2)
    links.set_label("Rydberg pair")
    ax.add_collection(links)


def _draw_atoms(ax: Axes, frame: Frame, num_qubits: int, size: float) -> None:
    ancilla = np.arange(len(frame.bright)) >= num_qubits
    kinds = (
        ("data atom", ~ancilla, "o", _BLUE, _BLUE),
        ("bright ancilla", ancilla & frame.bright, "D", _VERMILLION, _VERMILLION),
        ("dark ancilla", ancilla & ~frame.bright, "D", "none", _GREY),
    )
    for label, chosen, marker, face, edge in kinds:
        x, y = frame.positions_um[chosen].T
        scale = 1.0 if label == "data atom" else 0.7
        ax.scatter(x, y, s=(scale * size) ** 2, marker=marker, facecolors=face, edgecolors=edge, label=label, zorder=3)


def _label_data(ax: Axes, frame: Frame, program: Program, points_per_um: float) -> None:
    font_size = min(8.0, 0.3 * points_per_um * program.device.slm.spacing_um)
    for q in range(program.num_qubits):
        x, y = frame.positions_um[q]
        ax.annotate(
            str(q), (x, y), (-3, 3), textcoords="offset points", ha="right", va="bottom", fontsize=font_size, zorder=4
        )
