"""Frames of an animation: a still background, drawn once, and the artists that move over it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ..arch.program import Rydberg
from .motion import UNKNOWN, Ints, Trace, extent_um, lines_at_step, lines_um, place_atoms
from .picture import figure_inches, short_name, write_numbers
from .scene import Moment, Scene, atom_points, make_scene, moment, number_points, show
from .style import BLUE, ORANGE, VERMILION, scaled_style

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation, Text

    from .animation import Frames, Timing

_STRIP_INCHES = 0.12
_MOST_NAMED = 30  # ancillas that carry the number of their qubit along


@dataclass(slots=True, eq=False)
class Film:
    """A figure whose artists follow a program.

    Attributes:
        figure: The figure, laid out.
        scene: The machine.
        timing: Whether the strip counts time or instructions.
        bar: The part of the strip that is over.
        says: Text of the instruction, and text of depth and time.
        names: Number of the qubit beside each ancilla, where there are few.
        depths: Pulses up to and with each instruction.
        moving: Everything that changes, in drawing order.
        background: Everything else as pixels; None before the first frame.
    """

    figure: Figure
    scene: Scene
    timing: Timing
    bar: Rectangle
    says: tuple[Text, Text]
    names: list[Annotation]
    depths: Ints
    moving: list[Artist]
    background: object = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = self.figure.bbox.size
        return int(width), int(height)


def make_film(motion: Trace, timing: Timing, figure: Figure) -> Film:
    """Lay out a figure for an animation: the machine, and the strip below it.

    Args:
        motion: The program.
        timing: Whether the strip counts time or instructions.
        figure: An empty figure.
    """
    extent = extent_um(motion)
    width, height = figure_inches(motion, *extent)
    with mpl.rc_context(scaled_style(width, height)):  # type: ignore[arg-type]
        figure.set_size_inches(_even(width, figure.dpi), _even(height + 0.7, figure.dpi))
        figure.set_layout_engine("compressed")  # which suits axes of equal scales
        ax, strip = figure.subplots(2, 1, height_ratios=[height, _STRIP_INCHES])
        ax.set_title(short_name(motion), parse_math=False)
        bar = _draw_strip(strip, motion, timing)
        left = strip.set_title("x", loc="left", parse_math=False)
        right = strip.set_title("x", loc="right", parse_math=False)
        scene = make_scene(ax, motion, *extent)
        figure.set_layout_engine("none")
        nothing = dataclasses.replace(
            moment(motion, 0, lines_at_step(motion, 0)),
            positions_um=place_atoms(motion, []),
            pairs=np.empty((0, 2), dtype=np.int64),
        )
        write_numbers(scene, nothing)
        names = _names(scene)
    ops = motion.program.instructions
    depths = np.cumsum([isinstance(op, Rydberg) and bool(op.pairs) for op in ops])
    moving = [*scene.moving, *names, bar, left, right]
    for artist in moving:
        artist.set_animated(True)
    return Film(figure, scene, timing, bar, (left, right), names, depths, moving)


def advance(film: Film, frames: Frames, k: int) -> list[Artist]:
    """Move the artists to frame k and return them."""
    motion = film.scene.trace
    step, share, time_us = int(frames.steps[k]), float(frames.shares[k]), float(frames.times_us[k])
    lines = lines_um(motion, time_us) if film.timing == "real" else lines_at_step(motion, step, share)
    now = moment(motion, step, lines)
    show(film.scene, now, 1 - share if len(now.pairs) else 0.0)
    _carry_names(film, now)
    film.bar.set_width(time_us if film.timing == "real" else step + share)
    film.says[0].set_text(motion.sentences[step])
    film.says[1].set_text(f"depth {film.depths[step]} of {film.depths[-1]}, {time_us:.1f} us")
    return film.moving


def render(film: Film, frames: Frames, k: int) -> NDArray[np.uint8]:
    """Return frame k as pixels, shape (height, width, 4); the next call overwrites them."""
    canvas: Any = film.figure.canvas  # of Agg, which has no types
    if film.background is None:
        canvas.draw()
        film.background = canvas.copy_from_bbox(film.figure.bbox)
    canvas.restore_region(film.background)
    for artist in advance(film, frames, k):
        artist.draw(canvas.get_renderer())
    return np.asarray(canvas.buffer_rgba())


def _draw_strip(strip: Axes, motion: Trace, timing: Timing) -> Rectangle:
    pulses = [k for k, op in enumerate(motion.program.instructions) if isinstance(op, Rydberg) and op.pairs]
    marks = motion.times_us[pulses] if timing == "real" else np.array(pulses) + 0.5
    end = motion.times_us[-1] if timing == "real" else len(motion.program.instructions)
    strip.vlines(marks, 0, 1, colors=ORANGE, linewidth=0.6, zorder=2)
    strip.set(
        xlim=(0, end or 1),
        ylim=(0, 1),
        yticks=[],
        xlabel="time (us), pulses marked" if timing == "real" else "instruction",
    )
    bar = Rectangle((0, 0), 0, 1, color=BLUE, alpha=0.35, linewidth=0, zorder=1)
    strip.add_patch(bar)
    return bar


def _even(inches: float, dpi: float) -> float:
    """Return a length of an even number of pixels, as video needs."""
    return 2 * math.ceil(inches * dpi / 2) / dpi


def _names(scene: Scene) -> list[Annotation]:
    ancillas = scene.trace.program.ancillas
    shift = 0.35 * atom_points(scene)
    look: dict[str, Any] = {"va": "top", "color": VERMILION, "fontsize": number_points(scene)}
    return [
        scene.ax.annotate("", (0, 0), (shift, -shift), textcoords="offset points", **look)
        for _ in (ancillas if len(ancillas) <= _MOST_NAMED else ())
    ]


def _carry_names(film: Film, now: Moment) -> None:
    n = film.scene.trace.program.num_qubits
    for atom, name in enumerate(film.names, start=n):
        known = bool(now.bright[atom]) and now.qubits[atom] != UNKNOWN
        name.set_visible(known)
        if known:
            name.set_text(str(now.qubits[atom]))
            name.xy = now.positions_um[atom]
