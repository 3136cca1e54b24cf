"""One picture: where every atom stands at one instruction, and what the instruction does."""

from __future__ import annotations

import math
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from ..arch.errors import ProgramError
from ..arch.program import Program, Rydberg
from .motion import UNKNOWN, Floats, Trace, extent_um, lines_at_step, trace
from .style import BLACK, VERMILION, scaled_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .scene import Moment, Scene

_INCHES = (2.5, 8.0)  # least and greatest width and height of the lattice in a new figure
_LARGE_INCHES = 5.0
_INCHES_PER_SITE = 0.7
_NAME_LENGTH = 40


def draw(program: Program, step: int | None = None, ax: Axes | None = None) -> Axes:
    """Draw the machine at one instruction: where the atoms stand, and what happens to them.

    A move is shown at its end. Lines of an AOD are active where they move, or hold an atom that the instruction acts
    on. Beside a data atom stands the number of its qubit, beside a bright ancilla that of the qubit it belongs to, as
    far as there is room.

    Args:
        program: A compiled program.
        step: Number of the instruction in `program.instructions`, from 0; by default the first of the pulses with most
            pairs.
        ax: Where to draw; by default on a new figure of fitting size. The legend and the scale bar
            are beside it, so the figure needs a layout, best "compressed".

    Returns:
        The axes drawn on; `ax.figure.savefig(path)` keeps the picture.

    Raises:
        ProgramError: The program is not well formed, or has no such instruction.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    from .scene import figure_of, make_scene, moment, show

    motion = trace(program)
    step = _choose_step(program) if step is None else step
    if not 0 <= step < len(program.instructions):
        exist = f"{len(program.instructions)}, numbered from 0" if program.instructions else "none"
        raise ProgramError(f"Program {program.circuit.name!r} has no instruction {step}: it has {exist}.")
    now = moment(motion, step, lines_at_step(motion, step))
    extent = extent_um(motion, now.lines)
    figure = plt.figure(figsize=figure_inches(motion, *extent), layout="compressed") if ax is None else figure_of(ax)
    with mpl.rc_context(scaled_style(*figure.get_size_inches())):  # type: ignore[arg-type]
        ax = figure.add_subplot() if ax is None else ax
        ax.set_title(f"{short_name(motion)}, instruction {step}\n{motion.sentences[step]}", parse_math=False)
        scene = make_scene(ax, motion, *extent)
        show(scene, now)
        write_numbers(scene, now)
    return ax


def picture(program: Program, step: int | None = None, *, kind: str = "png", dpi: int = 200) -> bytes:
    """Return what `draw` draws as the bytes of a file, of kind "png", "svg" or "pdf".

    Raises:
        ProgramError: The program is not well formed, or has no such instruction.
    """
    return figure_bytes(draw(program, step), kind, dpi)


def figure_bytes(ax: Axes, kind: str = "png", dpi: int = 200) -> bytes:
    """Return the figure of some axes as the bytes of a file, of kind "png", "svg" or "pdf", and close it."""
    from matplotlib import pyplot as plt

    figure = ax.get_figure(root=True)
    assert figure is not None  # it has not been closed
    data = BytesIO()
    try:
        figure.savefig(data, format=kind, dpi=dpi)
    finally:
        plt.close(figure)
    return data.getvalue()


def short_name(motion: Trace) -> str:
    """Return the name of the circuit, cut where it is too long for a title."""
    name = " ".join(motion.program.circuit.name.split())
    return name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 3]}..."


def figure_inches(motion: Trace, low_um: Floats, high_um: Floats) -> tuple[float, float]:
    """Return width and height of a figure for this part of the plane, with room for title, numbers and legend."""
    sites = (high_um - low_um) / motion.program.device.slm.spacing_um + 1
    width, height = sites * min(_INCHES_PER_SITE, _INCHES[1] / sites.max())
    room = 2.0 if max(width, height) < _LARGE_INCHES else 2.7  # for letters that are larger, too
    return max(width, _INCHES[0]) + room, max(height + 0.45 * room, 2.6)


def write_numbers(scene: Scene, now: Moment) -> None:
    """Write the qubit beside each data atom and each bright ancilla, where there is room.

    Where the lattice is narrow, only the qubits of every second, third, ... row and column are numbered.
    """
    from matplotlib.patheffects import withStroke

    from .labels import Label, place_labels, text_width
    from .scene import atom_points, number_points, pitch_points, ring_points

    n, radius = scene.trace.program.num_qubits, atom_points(scene) / 2
    points = now.positions_um * scene.points_per_um
    shown = (now.qubits != UNKNOWN) & now.bright & ~np.isnan(points[:, 0])
    font_size = number_points(scene)
    every = math.ceil(3 * text_width(str(max(n - 1, 0)), font_size) / pitch_points(scene))
    numbered = (np.array(scene.trace.program.sites).reshape(-1, 2) % every == 0).all(axis=1)
    shown[shown] = numbered[now.qubits[shown]]
    centre, reach = points.copy(), np.full(len(points), radius)
    for side in (0, 1):  # the numbers of a pair stand outside its ring
        centre[now.pairs[:, side]] = points[now.pairs].mean(axis=1)
        reach[now.pairs[:, side]] = ring_points(scene, now) / 2
    paired = np.isin(np.arange(len(points)), now.pairs)
    atoms = np.lexsort((np.arange(len(points)), ~paired, np.arange(len(points)) < n))  # ancillas that act first
    atoms = atoms[shown[atoms]]
    labels = [Label(centre[atom], str(now.qubits[atom]), reach[atom], bool(atom < n)) for atom in atoms]
    for k, (right, up) in place_labels(labels, points[~np.isnan(points[:, 0])], radius, font_size):
        offset = centre[atoms[k]] - points[atoms[k]] + 0.75 * reach[atoms[k]] * np.array([right, up])
        scene.ax.annotate(
            labels[k].text,
            now.positions_um[atoms[k]],
            offset,
            textcoords="offset points",
            ha="left" if right > 0 else "right",
            va="bottom" if up > 0 else "top",
            fontsize=font_size,
            color=BLACK if atoms[k] < n else VERMILION,
            zorder=7,
            path_effects=[withStroke(linewidth=1.2, foreground="white")],
            gid=f"atom-{atoms[k]}",
        )


def _choose_step(program: Program) -> int:
    pairs = [len(op.pairs) if isinstance(op, Rydberg) else -1 for op in program.instructions]
    return int(np.argmax(pairs)) if pairs else 0
