"""Numbers beside atoms: as many as fit, and none over another or over an atom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .motion import Floats

_WIDTH, _HEIGHT = 0.62, 0.78  # of a digit, as parts of the font size
_SIDES = ((-1, 1), (1, 1), (1, -1), (-1, -1))


def place_labels(
    points: Floats, texts: Sequence[str], obstacles: Floats, radius: float, font_size: float
) -> list[tuple[int, tuple[int, int]]]:
    """Choose which numbers to write, and on which side of their points.

    Args:
        points: (x, y) of what each number belongs to, those first that matter most. All lengths are in points.
        texts: The numbers.
        obstacles: (x, y) of everything that no number may cover.
        radius: Of each obstacle.
        font_size: Of the numbers.

    Returns:
        Entry and side, such as (-1, 1) for upper left, of each number that fits.
    """
    chosen: list[tuple[int, tuple[int, int]]] = []
    boxes = np.empty((len(texts), 4))  # of the numbers chosen so far: left, bottom, right, top
    for k, (point, text) in enumerate(zip(points, texts, strict=True)):
        width, height = _WIDTH * font_size * len(text), _HEIGHT * font_size
        near = obstacles[np.abs(obstacles - point).max(axis=1, initial=0.0) < 2 * (radius + width + height)]
        for side in _SIDES:
            corner = point + np.array(side) * 0.7 * radius
            low, high = np.sort([corner, corner + np.array(side) * (width, height)], axis=0)
            hit = (np.maximum(low - near, near - high).max(axis=1, initial=-np.inf) < 0.6 * radius).any()
            done = boxes[: len(chosen)]
            if not hit and not ((done[:, :2] < high) & (low < done[:, 2:])).all(axis=1).any():
                boxes[len(chosen)] = *low, *high
                chosen.append((k, side))
                break
    return chosen
