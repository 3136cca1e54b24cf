"""Numbers beside atoms: as many as fit, and none over another or over an atom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .motion import Floats

_WIDTH, _HEIGHT = 0.64, 0.8  # of a digit, as parts of the font size
_SIDES = ((-1, 1), (1, 1), (-1, -1), (1, -1))


class Label(NamedTuple):
    """A number to write. All lengths are in points."""

    centre: Floats
    """(x, y) of what it belongs to."""
    text: str
    reach: float
    """Radius of what it belongs to."""
    upper: bool
    """Whether it would rather stand above, to the left, than below, to the right."""


def text_width(text: str, font_size: float) -> float:
    """Return about how wide a number is, in points."""
    return _WIDTH * font_size * len(text)


def place_labels(
    labels: Sequence[Label], obstacles: Floats, radius: float, font_size: float
) -> list[tuple[int, tuple[int, int]]]:
    """Choose which numbers to write, and on which side of their centres.

    Args:
        labels: Those first that matter most.
        obstacles: (x, y) of everything that no number may cover.
        radius: Of each obstacle.
        font_size: Of the numbers.

    Returns:
        Entry and side, such as (-1, 1) for upper left, of each number that fits.
    """
    chosen: list[tuple[int, tuple[int, int]]] = []
    boxes = np.empty((len(labels), 4))  # of the numbers chosen so far: left, bottom, right, top
    for k, label in enumerate(labels):
        size = np.array([text_width(label.text, font_size), _HEIGHT * font_size])
        within = 2 * (label.reach + radius + size.max())
        near = obstacles[np.abs(obstacles - label.centre).max(axis=1, initial=0.0) < within]
        done = boxes[: len(chosen)]
        for side in _SIDES if label.upper else _SIDES[::-1]:
            corner = label.centre + 0.75 * label.reach * np.array(side)
            low, high = np.sort([corner, corner + np.array(side) * size], axis=0)
            covers = (np.maximum(low - near, near - high).max(axis=1, initial=-np.inf) < 0.6 * radius).any()
            if not covers and not ((done[:, :2] < high) & (low < done[:, 2:])).all(axis=1).any():
                boxes[len(chosen)] = *low, *high
                chosen.append((k, side))
                break
    return chosen
