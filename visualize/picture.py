"""One picture: where every atom stands at one instruction, and what the instruction does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..arch.errors import ProgramError
from ..arch.program import Program, Rydberg
from .motion import UNKNOWN, Trace, lines_at_step, trace
from .style import BLACK, STYLE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .scene import Moment, Scene

_INCHES = (3.0, 5.5)  # least and greatest width and height of the lattice in a new figure
_INCHES_PER_SITE = 0.55
_FONT_POINTS = (4.0, 7.0)


def draw(program: Program, step: int | None = None, ax: Axes | None = None) -> Axes:
    """Draw the machine at one instruction: where the atoms stand, and what happens to them.

    A move is shown at its end. Lines of an AOD are active where they move, or hold an atom that the instruction acts
    on. Beside a data atom stands the number of its qubit, beside a bright ancilla that of the qubit it belongs to, as
    far as there is room.

    Args:
        program: A compiled program.
        step: Number of the instruction in `program.instructions`, from 0; by default the first of the pulses with most
            pairs.
        ax: Where to draw; by default on a new figure of fitting size. The legend and the scale bar are beside it.

    Returns:
        The axes drawn on; `ax.figure.savefig(path)` keeps the picture.

    Raises:
        ProgramError: The program is not well formed, or has no such instruction.
    """
    import matplotlib as mpl

    from .scene import make_scene, moment, show

    motion = trace(program)
    step = _choose_step(program) if step is None else step
    if not 0 <= step < len(program.instructions):
        exist = f"{len(program.instructions)}, numbered from 0" if program.instructions else "none"
        raise ProgramError(f"Program {program.circuit.name!r} has no instruction {step}: it has {exist}.")
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        ax = new_axes(motion) if ax is None else ax
        ax.set_title(headline(motion, step), parse_math=False, wrap=True)
        scene = make_scene(ax, motion)
        now = moment(motion, step, lines_at_step(motion, step))
        show(scene, now)
        write_numbers(scene, now)
    return ax


def headline(motion: Trace, step: int) -> str:
    """Return the name of the program and what the instruction does."""
    name = motion.program.circuit.name
    name = name if len(name) <= 30 else f"{name[:29]}…"
    return f"{name}, instruction {step}\n{motion.sentences[step]}"


def new_axes(motion: Trace) -> Axes:
    """Return axes on a new figure that fits the machine, with room for the legend."""
    from matplotlib import pyplot as plt

    from .scene import extent_um

    low_um, high_um = extent_um(motion)
    spacing_um = motion.program.device.slm.spacing_um
    sites = (high_um - low_um) / spacing_um + 1
    width, height = sites * min(_INCHES_PER_SITE, _INCHES[1] / sites.max())
    width, height = max(width, _INCHES[0]), max(height, 0.3)
    return plt.subplots(figsize=(width + 2.0, max(height + 0.9, 2.6)), layout="constrained")[1]


def write_numbers(scene: Scene, now: Moment) -> None:
    """Write the qubit beside each data atom and each bright ancilla, where there is room."""
    from .labels import place_labels
    from .scene import atom_points

    n, per_um = scene.trace.program.num_qubits, scene.points_per_um
    atoms = np.flatnonzero(now.bright & (now.qubits != UNKNOWN) & ~np.isnan(now.positions_um[:, 0]))
    paired = np.isin(atoms, now.pairs)
    atoms = atoms[np.lexsort((atoms, ~paired, atoms < n))]  # ancillas that act first, data last
    points = now.positions_um * per_um
    font_size = float(np.clip(0.2 * per_um * scene.trace.program.device.slm.spacing_um, *_FONT_POINTS))
    radius = atom_points(per_um) / 2
    obstacles = points[~np.isnan(points[:, 0])]
    texts = [str(q) for q in now.qubits[atoms]]
    for k, (right, up) in place_labels(points[atoms], texts, obstacles, radius, font_size):
        scene.ax.annotate(
            texts[k],
            now.positions_um[atoms[k]],
            (0.7 * right * radius, 0.7 * up * radius),
            textcoords="offset points",
            ha="left" if right > 0 else "right",
            va="bottom" if up > 0 else "top",
            fontsize=font_size,
            color=BLACK if atoms[k] < n else VERMILION,
            zorder=7,
            gid=f"atom-{atoms[k]}",
        )


def _choose_step(program: Program) -> int:
    pairs = [len(op.pairs) if isinstance(op, Rydberg) else -1 for op in program.instructions]
    return int(np.argmax(pairs)) if pairs else 0
