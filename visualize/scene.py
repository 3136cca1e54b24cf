"""The machine at one instant as Matplotlib artists that are made once and moved: shared by pictures and animations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.patches import Rectangle
from matplotlib.transforms import ScaledTranslation, Transform
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar  # type: ignore[import-untyped]

from ..arch.program import Move, Raman, Rydberg
from .motion import Floats, Ints, Lines, Trace, bright_at, pairs_at, place_atoms, qubits_at
from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_AOD_COLOURS = (GREEN, SKY, GREY, BLACK)
_ATOM_UM = 1.6  # drawn diameter of an atom, where that is neither too small nor too large to look at
_ATOM_POINTS = (3.2, 9.0)
_NUMBER_POINTS = (5.0, 8.0)
_BAR_POINTS = 25.0  # least length of the scale bar
_NARROW_INCHES = 4.0  # figures that have no room beside the lattice
_PARKED = (0, (1.5, 2.5))  # line style


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What the machine does at one instant.

    Attributes:
        step: Number of the instruction under way, or just done.
        lines: Lines of each AOD.
        active: For each AOD, which of its rows and which of its columns move or hold an atom the instruction acts on.
        positions_um: (x, y) of every atom, NaN for one that is not placed.
        bright: Which atoms are bright.
        qubits: The qubit each atom belongs to, or UNKNOWN.
        pairs: Atoms of each pair of the pulse, shape (pairs, 2).
        driven: Atoms of the Raman layer.
    """

    step: int
    lines: Lines
    active: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]
    positions_um: Floats
    bright: NDArray[np.bool_]
    qubits: Ints
    pairs: Ints
    driven: Ints


def moment(trace: Trace, step: int, lines: Lines) -> Moment:
    """Return what the machine does at an instruction.

    Args:
        trace: The program.
        step: Number of the instruction.
        lines: Where the lines stand, from `lines_um` or `lines_at_step`.
    """
    op = trace.program.instructions[step]
    pairs = trace.pairs[pairs_at(trace, step)]
    driven = np.array(op.atoms if isinstance(op, Raman) else (), dtype=np.int64)
    if isinstance(op, Move):
        active = _moving(trace, step, op.aod, lines)
    else:
        atoms = pairs.ravel() if isinstance(op, Rydberg) else np.array(op.atoms, dtype=np.int64)
        active = _holding(trace, atoms, lines)
    return Moment(
        step, lines, active, place_atoms(trace, lines), bright_at(trace, step), qubits_at(trace, step), pairs, driven
    )


@dataclass(slots=True, eq=False)
class Scene:
    """Artists of one machine on one pair of axes.

    Attributes:
        moving: Those that `show` changes, in drawing order.
    """

    ax: Axes
    trace: Trace
    points_per_um: float
    flash: Rectangle
    active: list[LineCollection]
    parked: list[LineCollection]
    rings: PathCollection
    driven: PathCollection
    dark: PathCollection
    bright: PathCollection
    moving: list[Artist] = field(default_factory=list)


def make_scene(ax: Axes, trace: Trace, low_um: Floats, high_um: Floats) -> Scene:
    """Draw what never moves, and make the artists of what does.

    The axes get their limits, names, legend and scale bar; sizes in points follow from the room this leaves.

    Args:
        ax: Axes of a figure that has its final size.
        trace: The program.
        low_um: Lowest (x, y) to show.
        high_um: Highest (x, y) to show.
    """
    program, slm = trace.program, trace.program.device.slm
    margin_um = 0.5 * slm.spacing_um
    ax.set(
        xlim=(low_um[0] - margin_um, high_um[0] + margin_um),
        ylim=(low_um[1] - margin_um, high_um[1] + margin_um),
        xlabel="x (um)",
        ylabel="y (um)",
        aspect="equal",
    )
    for axis in (ax.xaxis, ax.yaxis):  # also of axes that were made in another style
        axis.label.set_fontsize(mpl.rcParams["axes.labelsize"])
        axis.set_tick_params(labelsize=mpl.rcParams["xtick.labelsize"])
    flash = Rectangle((0, 0), 1, 1, transform=ax.transAxes, color=ORANGE, alpha=0.0, linewidth=0, zorder=0.2)
    ax.add_patch(flash)
    scene = Scene(
        ax,
        trace,
        1.0,
        flash,
        *_line_artists(ax, trace),
        rings=_markers(ax, "Rydberg pair", "o", "none", ORANGE, 6, 1.3),
        driven=_markers(ax, "one-qubit gate", "o", "none", PURPLE, 3.5, 1.3),
        dark=_markers(ax, "dark ancilla", "s", "white", GREY, 2.5, 0.7),
        bright=_markers(ax, "bright ancilla", "D", VERMILION, "white", 5, 0.3),
    )
    x, y = np.meshgrid(np.arange(slm.cols) * slm.spacing_um, np.arange(slm.rows) * slm.spacing_um)
    sites = _markers(ax, "lattice site", "+", GREY, GREY, 1, 0.5)
    sites.set_offsets(np.stack([x.ravel(), y.ravel()], axis=1))
    data = _markers(ax, "data atom", "o", BLUE, "white", 3, 0.3)
    data.set_offsets(place_atoms(trace, [])[: program.num_qubits])
    scene.moving = [
        scene.flash,
        *scene.parked,
        *scene.active,
        scene.dark,
        data,
        scene.driven,
        scene.bright,
        scene.rings,
    ]
    _legend(ax)
    _set_sizes(scene, sites, data)
    _scale_bar(scene)
    return scene


def show(scene: Scene, now: Moment, flash: float = 0.0) -> None:
    """Move the artists to where things are.

    Args:
        scene: What `make_scene` returned.
        now: What to show.
        flash: Strength of the light of a Rydberg pulse, 0 to 1.
    """
    n = scene.trace.program.num_qubits
    ancilla = (np.arange(len(now.bright)) >= n) & ~np.isnan(now.positions_um[:, 0])
    scene.bright.set_offsets(now.positions_um[ancilla & now.bright])
    scene.dark.set_offsets(now.positions_um[ancilla & ~now.bright])
    scene.driven.set_offsets(now.positions_um[now.driven])
    ends_um = now.positions_um[now.pairs]
    scene.rings.set_offsets(ends_um.mean(axis=1).reshape(-1, 2))
    scene.rings.set_sizes(ring_points(scene, now) ** 2)
    scene.flash.set_alpha(0.3 * flash)
    for (rows, cols), (rows_active, cols_active), active, parked in zip(
        now.lines, now.active, scene.active, scene.parked, strict=True
    ):
        active.set_segments(_segments(scene.ax, rows[rows_active], cols[cols_active]))
        parked.set_segments(_segments(scene.ax, rows[~rows_active], cols[~cols_active]))


def number_points(scene: Scene) -> float:
    """Return the font size of the numbers beside atoms."""
    return float(np.clip(0.2 * pitch_points(scene), *_NUMBER_POINTS))


def atom_points(scene: Scene) -> float:
    """Return the diameter of an atom on paper."""
    return float(np.clip(_ATOM_UM * scene.points_per_um, *_ATOM_POINTS))


def pitch_points(scene: Scene) -> float:
    """Return the distance of neighbouring sites on paper."""
    return scene.points_per_um * scene.trace.program.device.slm.spacing_um


def ring_points(scene: Scene, now: Moment) -> Floats:
    """Return the diameter on paper of the ring around each pair."""
    a, b = now.positions_um[now.pairs[:, 0]], now.positions_um[now.pairs[:, 1]]
    distance_um: Floats = np.hypot(*(a - b).T)
    return distance_um * scene.points_per_um + 1.6 * atom_points(scene)


def _moving(trace: Trace, step: int, aod: int, lines: Lines) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Return the lines under way: those of a move, and of the moves of other AODs that started with it."""
    start_us = trace.moves[aod].starts_us[np.searchsorted(trace.moves[aod].steps, step)]
    active = []
    for moves, (rows, cols) in zip(trace.moves, lines, strict=True):
        k = int(np.searchsorted(moves.steps, step, side="right")) - 1
        if k > 0 and moves.starts_us[k] == start_us:
            active.append((moves.rows_um[k] != moves.rows_um[k - 1], moves.cols_um[k] != moves.cols_um[k - 1]))
        else:
            active.append((np.zeros(len(rows), bool), np.zeros(len(cols), bool)))
    return active


def _holding(trace: Trace, atoms: Ints, lines: Lines) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Return the lines at whose crossings some atoms are held."""
    active = [(np.zeros(len(rows), bool), np.zeros(len(cols), bool)) for rows, cols in lines]
    n = trace.program.num_qubits
    for atom in atoms[atoms >= n].tolist():
        aod, row, col = trace.program.ancillas[atom - n]
        if row < len(active[aod][0]) and col < len(active[aod][1]):
            active[aod][0][row] = active[aod][1][col] = True
    return active


def _segments(ax: Axes, rows_um: Floats, cols_um: Floats) -> list[Floats]:
    """Return lines across the axes, from end to end."""
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    segments = np.empty((len(rows_um) + len(cols_um), 2, 2))
    across, up = segments[: len(rows_um)], segments[len(rows_um) :]
    across[:, :, 0], across[:, :, 1] = (left, right), rows_um[:, None]
    up[:, :, 0], up[:, :, 1] = cols_um[:, None], (bottom, top)
    return list(segments)


def _line_artists(ax: Axes, trace: Trace) -> tuple[list[LineCollection], list[LineCollection]]:
    found: tuple[list[LineCollection], list[LineCollection]] = [], []
    for aod in range(len(trace.moves)):
        name = "AOD line" if len(trace.moves) == 1 else f"line of AOD {aod}"
        colour = _AOD_COLOURS[aod % len(_AOD_COLOURS)]
        for artists, label, look in (
            (found[0], f"{name}, active", {}),
            (found[1], f"{name}, parked", {"alpha": 0.7, "linestyles": [_PARKED]}),
        ):
            lines = LineCollection([], colors=colour, zorder=1, label=label, **look)
            ax.add_collection(lines, autolim=False)
            artists.append(lines)
    return found


def _markers(ax: Axes, label: str, marker: str, face: str, edge: str, zorder: float, width: float) -> PathCollection:
    look: dict[str, Any] = {"c": face} if marker == "+" else {"facecolors": face, "edgecolors": edge}
    return ax.scatter([], [], marker=marker, label=label, zorder=zorder, linewidths=width, **look)


def _legend(ax: Axes) -> None:
    """Put the legend beside the lattice, or below it where the figure is narrow."""
    order = ("data atom", "bright ancilla", "dark ancilla", "Rydberg pair", "one-qubit gate", "lattice site")
    handles, labels = ax.get_legend_handles_labels()
    ranked = sorted(zip(labels, handles, strict=True), key=lambda e: order.index(e[0]) if e[0] in order else 99)
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
    if _is_narrow(ax):
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "bbox_transform": _below(ax, 38), "ncols": 2}
    legend = ax.legend([handle for _, handle in ranked], [label for label, _ in ranked], **place)
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([30.0])


def _is_narrow(ax: Axes) -> bool:
    return figure_of(ax).get_figwidth() < _NARROW_INCHES


def _below(ax: Axes, points: float) -> Transform:
    """Return coordinates of the axes, moved down."""
    return ax.transAxes + ScaledTranslation(0, -points / 72, figure_of(ax).dpi_scale_trans)


def _scale_bar(scene: Scene) -> None:
    """Put a bar beside the lattice, as long as the lattice spacing or a round multiple of it."""
    spacing_um = scene.trace.program.device.slm.spacing_um
    length_um = next(
        k * spacing_um for k in (1, 2, 5, 10, 20, 50, 100, 10**9) if k * pitch_points(scene) >= _BAR_POINTS
    )
    bar = AnchoredSizeBar(
        scene.ax.transData,
        length_um,
        f"{length_um:g} um",
        loc="upper right" if _is_narrow(scene.ax) else "lower left",
        bbox_to_anchor=(1.0, 0.0) if _is_narrow(scene.ax) else (1.01, 0.0),
        bbox_transform=_below(scene.ax, 16) if _is_narrow(scene.ax) else scene.ax.transAxes,
        frameon=False,
        pad=0.2,
        sep=2,
        size_vertical=0,
    )
    scene.ax.add_artist(bar)


def _set_sizes(scene: Scene, sites: PathCollection, data: PathCollection) -> None:
    """Give markers the size that suits the room which titles, legend and numbers leave."""
    figure = figure_of(scene.ax)
    figure.draw_without_rendering()
    (x0, _), (x1, _) = scene.ax.transData.transform([(0, 0), (1, 0)])
    scene.points_per_um = (x1 - x0) * 72 / figure.dpi
    size, thin = atom_points(scene), min(1.0, pitch_points(scene) / 30)
    data.set_sizes([size**2])
    sites.set_sizes([(0.8 * size) ** 2])
    scene.bright.set_sizes([(0.85 * size) ** 2])
    scene.dark.set_sizes([(0.7 * size) ** 2])
    scene.driven.set_sizes([(1.8 * size) ** 2])
    scene.rings.set_linewidth(1.3 * thin)
    scene.driven.set_linewidth(1.3 * thin)
    for lines in (*scene.active, *scene.parked):
        lines.set_linewidth(0.8 * thin)
    data.set_linewidth(0.3 * thin)
    scene.bright.set_linewidth(0.3 * thin)
    scene.dark.set_linewidth(0.7 * thin)


def figure_of(ax: Axes) -> Figure:
    """Return the figure that axes are part of."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure
