"""Atoms that move: the program in time, as a file or in a notebook."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from ..arch.errors import OptionError, ProgramError
from ..arch.files import write_bytes
from ..arch.program import Move, Program, Raman, Rydberg
from .motion import Trace, check_steps, trace

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation

Timing = Literal["real", "equal"]

Progress: TypeAlias = Callable[[float, str], None]
"""Called with the finished fraction and the name of the phase."""

MAX_PIXELS = 6_000_000_000
"""Most pixels of all frames together that are rendered: about 8000 frames of moderate size."""

_MOVE_S = 0.8  # what the median move takes on the screen; all others are in proportion
_PULSE_S, _RAMAN_S, _STEP_S, _END_S = 0.4, 0.2, 0.6, 0.8
_LONG_S = 5.0  # a render that takes longer is announced
_PROBES = 10  # frames that tell the speed
_BYTES_PER_PIXEL = {".gif": 0.03, ".mp4": 0.01}  # of many programs; for the announcement

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """When each frame is: one entry for each.

    Attributes:
        steps: Instruction that is under way.
        shares: Share of its time on the screen that has passed.
        times_us: Time of the machine.
    """

    steps: NDArray[np.int64]
    shares: NDArray[np.float64]
    times_us: NDArray[np.float64]


def animate(
    program: Program,
    path: str | Path | None = None,
    *,
    steps: tuple[int, int] | None = None,
    fps: int = 20,
    dpi: int = 100,
    timing: Timing = "real",
    progress: Progress | None = None,
) -> FuncAnimation | None:
    """Show a program as atoms that move.

    Lines move along the profile of `visualize.motion`. With real timing, moves have their lengths of time in proportion
    to one another; pulses and Raman layers, hundreds of times shorter, are held long enough to be seen, and what takes
    no time is left out. The strip below shows the instruction, the depth and the time.

    Args:
        program: A compiled program.
        path: Where to save, ending in .gif or, with ffmpeg on the PATH, .mp4; None to return a Matplotlib animation.
        steps: First instruction and the one after the last; by default all.
        fps: Frames of a second, 1 to 50.
        dpi: Pixels of an inch, 20 to 600.
        timing: "real", or "equal" for the same time for each instruction.
        progress: Called with the finished fraction and "frames" while a file is made.

    Returns:
        The animation where there is no path, else None.

    Raises:
        OptionError: An option has no such value, the animation would be too large, or ffmpeg is missing.
        ProgramError: The program is not well formed, or the file cannot be written.
    """
    _check(fps, dpi, timing)
    motion = trace(program)
    frames = schedule(motion, check_steps(program, steps), fps, timing)
    if path is None:
        return _play(motion, frames, fps, dpi, timing)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from .film import make_film, render
    from .video import encoder_for

    if not Path(path).absolute().parent.is_dir():  # known before a long render, not after it
        raise ProgramError(f"{path} cannot be written: there is no such folder.")
    encoder = encoder_for(Path(path))
    film = make_film(motion, timing, FigureCanvasAgg(Figure(dpi=dpi)).figure)
    width, height = film.size
    total = len(frames.steps)
    if total * width * height > MAX_PIXELS:
        raise OptionError(
            f"The animation would have {total} frames of {width} x {height} pixels, too many to render; "
            "choose fewer steps, a lower fps or a lower dpi."
        )
    start = time.monotonic()
    with encoder(width, height, fps) as video:
        for k in range(total):
            video.add(render(film, frames, k))
            if k == _PROBES:
                _announce(total, (width, height), Path(path).suffix, (time.monotonic() - start) / (k + 1) * total)
            if progress is not None:
                progress((k + 1) / total, "frames")
        data = video.finish()
    write_bytes(path, data, ProgramError)
    return None


def schedule(motion: Trace, steps: range, fps: int, timing: Timing) -> Frames:
    """Return when each frame of an animation is.

    Args:
        motion: The program.
        steps: Instructions to show.
        fps: Frames of a second.
        timing: As for `animate`.
    """
    spent_us = np.diff(motion.times_us)[steps.start : steps.stop]
    ops = motion.program.instructions[steps.start : steps.stop]
    if timing == "equal":
        seconds = np.full(len(ops), _STEP_S)
    else:
        moves = spent_us[[isinstance(op, Move) and us > 0 for op, us in zip(ops, spent_us, strict=True)]]
        seconds = spent_us * (_MOVE_S / np.median(moves) if len(moves) else 0.0)
        for k, op in enumerate(ops):
            if isinstance(op, Rydberg):
                seconds[k] = _PULSE_S if op.pairs else 0.0
            elif isinstance(op, Raman):
                seconds[k] = _RAMAN_S if op.atoms else 0.0
    ends = np.cumsum(seconds)
    at = np.arange(math.ceil((ends[-1] + _END_S) * fps)) / fps
    entry = np.minimum(np.searchsorted(ends, at, side="right"), len(ops) - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(seconds[entry] > 0, np.minimum(1.0, 1 - (ends[entry] - at) / seconds[entry]), 1.0)
    return Frames(entry + steps.start, shares, motion.times_us[entry + steps.start] + shares * spent_us[entry])


def _check(fps: object, dpi: object, timing: str) -> None:
    for name, value, low, high in (("fps", fps, 1, 50), ("dpi", dpi, 20, 600)):
        if not (type(value) is int and low <= value <= high):
            raise OptionError(f"{name} is {value!r}; it must be a whole number from {low} to {high}.")
    if timing not in get_args(Timing):
        raise OptionError(f"timing is {timing!r}; it must be 'real' or 'equal'.")


def _announce(total: int, size: tuple[int, int], suffix: str, seconds: float) -> None:
    """Say how long a render will take and how large the file will be, where it is long."""
    megabytes = total * size[0] * size[1] * _BYTES_PER_PIXEL[suffix.lower()] / 1e6
    level = logging.WARNING if seconds > _LONG_S else logging.INFO
    log.log(level, "%d frames of %d x %d pixels: about %.0f s, %.1f MB.", total, *size, seconds, megabytes)


def _play(motion: Trace, frames: Frames, fps: int, dpi: int, timing: Timing) -> FuncAnimation:
    """Return an animation for a window or a notebook."""
    from matplotlib import pyplot as plt
    from matplotlib.animation import FuncAnimation

    from .film import advance, make_film

    film = make_film(motion, timing, plt.figure(dpi=dpi))
    total = len(frames.steps)
    return FuncAnimation(
        film.figure, lambda k: advance(film, frames, k), frames=total, interval=1000 / fps, blit=True, repeat=False
    )
