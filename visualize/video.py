"""Frames in, a GIF or MP4 file out, one frame at a time."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import combinations
from pathlib import Path
from typing import Protocol

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image
from scipy.spatial import cKDTree

from ..arch.errors import OptionError, ProgramError
from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

_TINTS = 24  # steps from each colour to white in the palette of a GIF
_BITS = 5  # of each colour channel, by which a pixel finds its entry in the palette
_CRF = 20  # quality of video, from 0 (no loss) to 51


class Encoder(Protocol):
    """What takes the frames of a video."""

    def add(self, pixels: NDArray[np.uint8]) -> None:
        """Append a frame, shape (height, width, 4)."""

    def finish(self) -> bytes:
        """Return the whole file."""


def encoder_for(path: Path) -> Callable[[int, int, int], AbstractContextManager[Encoder]]:
    """Return what encodes to the kind of file a name asks for: a function of width, height and frames of a second.

    Raises:
        OptionError: The name does not end in .gif or .mp4, or there is no ffmpeg for the latter.
    """
    if path.suffix.lower() == ".gif":
        return _gif
    if path.suffix.lower() != ".mp4":
        raise OptionError(f"{path} must end in .gif or .mp4.")
    if shutil.which("ffmpeg") is None:
        raise OptionError(f"{path} needs the program ffmpeg, which is not on the PATH; install it, or choose .gif.")
    return _mp4


@contextmanager
def _gif(width: int, height: int, fps: int) -> Iterator[Encoder]:
    yield _Gif(width, height, fps)


class _Gif:
    """A GIF that repeats for ever; of each frame only the rectangle that changed is stored."""

    def __init__(self, width: int, height: int, fps: int) -> None:
        colours, self.entries = _palette()
        self.colours = colours.tobytes()
        self.fps = fps
        self.number = 0
        self.last: NDArray[np.uint8] | None = None
        screen = width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\xf7\0\0"  # and 256 common colours
        repeat = b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
        self.chunks = [b"GIF89a", screen, self.colours, repeat]

    def add(self, pixels: NDArray[np.uint8]) -> None:
        """Append a frame, shape (height, width, 4)."""
        r, g, b = (pixels[:, :, k].astype(np.uint16) >> (8 - _BITS) for k in range(3))
        indices = self.entries[(r << 2 * _BITS) | (g << _BITS) | b]
        top, bottom, left, right = 0, len(indices), 0, indices.shape[1]
        if self.last is not None:
            changed = indices != self.last
            rows, cols = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
            top, bottom = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 1)
            left, right = (int(cols[0]), int(cols[-1]) + 1) if len(cols) else (0, 1)
        part = Image.fromarray(np.ascontiguousarray(indices[top:bottom, left:right]))
        part.putpalette(self.colours)
        # A GIF counts hundredths of a second: rounded so that the error does not add up.
        ends = [round(100 * (self.number + k) / self.fps) for k in (0, 1)]
        self.chunks += GifImagePlugin.getdata(part, (left, top), duration=10 * (ends[1] - ends[0]), disposal=1)
        self.last = indices
        self.number += 1

    def finish(self) -> bytes:
        """Return the whole file."""
        return b"".join((*self.chunks, b";"))


def _palette() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return 256 colours, and which of them stands for each colour of `_BITS` bits a channel.

    They are the same for every frame: our colours, how they fade to white, and what lies between two of them.
    """
    ours = np.array([to_rgb(c) for c in (BLACK, BLUE, SKY, ORANGE, VERMILION, PURPLE, GREEN, GREY)])
    fade = np.linspace(0, 1, _TINTS)[:, None, None]
    tints = (ours * (1 - fade) + fade).reshape(-1, 3)
    mixed = np.array([(a + b) / 2 for a, b in combinations(ours, 2)])
    colours = np.zeros((256, 3))
    colours[: len(tints) + len(mixed)] = np.concatenate([tints, mixed])
    steps = np.arange(1 << _BITS) / ((1 << _BITS) - 1)
    all_shades = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    nearest = np.asarray(cKDTree(colours).query(all_shades)[1])
    return np.round(255 * colours).astype(np.uint8), nearest.astype(np.uint8)


@contextmanager
def _mp4(width: int, height: int, fps: int) -> Iterator[Encoder]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "video.mp4"
        raw = ["-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{width}x{height}", "-r", str(fps), "-i", "-"]
        coded = [
            "-an",
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-crf",
            str(_CRF),
            "-pix_fmt",
            "yuv420p",
            "-movflags",
            "+faststart",
        ]
        command = ["ffmpeg", "-v", "error", "-y", *raw, *coded, str(target)]
        with (Path(folder) / "errors.txt").open("w+b") as errors:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors)
            try:
                yield _Mp4(process, target, Path(errors.name))
            finally:
                process.kill()
                process.communicate()


class _Mp4:
    """A video that ffmpeg encodes from a pipe."""

    def __init__(self, process: subprocess.Popen[bytes], target: Path, errors: Path) -> None:
        self.process, self.target, self.errors = process, target, errors

    def add(self, pixels: NDArray[np.uint8]) -> None:
        """Append a frame, shape (height, width, 4)."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(np.ascontiguousarray(pixels).data)
        except BrokenPipeError:
            raise self._failure() from None

    def finish(self) -> bytes:
        """Return the whole file."""
        try:
            self.process.communicate()
        except BrokenPipeError:
            raise self._failure() from None
        if self.process.returncode:
            raise self._failure()
        return self.target.read_bytes()

    def _failure(self) -> ProgramError:
        self.process.wait()
        lines = self.errors.read_text(errors="replace").strip().splitlines() or ["it stopped early"]
        return ProgramError(f"ffmpeg cannot make the video: {lines[-1]}.")
