"""What the figures share: complete data, plain ticks, legends, bars in two columns."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

from .compare import Row, by_case, natural_key
from .palette import Style, in_order

WIDTH_IN = 7.0
"""Width of a figure across both columns of a paper."""

HEIGHT_IN = 9.0
"""Most height of a figure."""

BAR_IN = 0.132
"""Height of a bar with the gap to the next."""

PANEL_BARS = 5
"""Height of title and axis labels of a panel of bars, in bars."""

LEGEND_IN = 0.7
"""Height that a legend above panels of bars may take."""

ASIDE = 1.012
"""Factor between points of two lines at the same place of a log axis, so that none hides another."""


class Kind(NamedTuple):
    """What circuits of different seeds have in common."""

    suite: str
    circuit: str
    qubits: int
    variant: str | None


Seeds = dict[str, list[Row]]
"""The rows of each way, one for each seed."""


def complete(rows: Iterable[Row]) -> dict[Kind, Seeds]:
    """Return the rows of each kind and way with a result for every seed, so that no mean is one of fewer."""
    kinds: dict[Kind, list[dict[str, Row]]] = {}
    for case, ways in by_case(rows).items():
        kinds.setdefault(Kind(*case[:3], case[3] or None), []).append(ways)
    return {
        kind: {
            way: [ways[way] for ways in seeds]
            for way in in_order(way for ways in seeds for way in ways)
            if all(way in ways and ways[way]["status"] == "ok" for ways in seeds)
        }
        for kind, seeds in kinds.items()
    }


def values(rows: Iterable[Row], column: str) -> np.ndarray:
    """Return a column of rows; what is unknown is nan."""
    return np.array([math.nan if row.get(column) is None else row[column] for row in rows], dtype=float)


def largest(kinds: Iterable[Kind]) -> int:
    """Return the greatest number of qubits; 0 without kinds."""
    return max((kind.qubits for kind in kinds), default=0)


def circuits(kinds: Iterable[Kind]) -> list[str]:
    """Return each circuit once: by name without numbers, then by the numbers in it."""
    return sorted({kind.circuit for kind in kinds}, key=lambda name: (re.sub(r"[\d.]+", "", name), natural_key(name)))


def figure_of(height_in: float, width_in: float = WIDTH_IN) -> Figure:
    """Return an empty figure, no higher than a page."""
    return Figure(figsize=(width_in, min(height_in, HEIGHT_IN)), layout="constrained")


def log_ticks(axis: Axis) -> None:
    """Write plain numbers at 1, 2, 5 times powers of ten, on a long log axis at powers of ten."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
    low, high = axis.get_view_interval()
    along = isinstance(axis, XAxis)  # where numbers are wider than high
    short = math.log10(high / low) < (1.7 if along else 3.1)
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if short else (1.0,), numticks=5 if along else 10))
    axis.set_minor_locator(LogLocator(subs="all", numticks=20))


def log_axes(ax: Axes, places: Iterable[float] = (), apart: float = 0.1) -> None:
    """Make both axes logarithmic, with plain numbers.

    Args:
        ax: The axes, with what they show.
        places: Where numbers are wanted along x, as far as they have room; by default at 1, 2, 5 times powers of ten.
        apart: Least distance of two numbers, as a share of the axis.
    """
    ax.set(xscale="log", yscale="log")
    ax.grid(which="major")
    log_ticks(ax.yaxis)
    log_ticks(ax.xaxis)
    wanted = sorted(places)
    if not wanted or wanted[-1] > 1000:  # long numbers would touch
        return
    kept = wanted[:1]
    for place in wanted[1:]:
        if place > kept[-1] * (wanted[-1] / wanted[0]) ** apart:
            kept.append(place)
    ax.xaxis.set_major_locator(FixedLocator(kept))
    ax.xaxis.set_minor_locator(FixedLocator(wanted))


def handle(look: Style) -> Line2D:
    """Return a line with its marker, for a legend."""
    return Line2D(
        [],
        [],
        color=look.colour,
        marker=look.marker,
        markerfacecolor=look.colour if look.filled else "white",
        linestyle=look.line,
        linewidth=look.width,
        label=look.label,
    )


def explain(figure: Figure, handles: Sequence[Artist], across: int) -> None:
    """Put a legend of so many columns above the panels."""
    figure.legend(handles=handles, loc="outside upper center", ncols=min(across, len(handles)), columnspacing=1.4)


def draw_line(ax: Axes, look: Style, points: Mapping[float, np.ndarray], aside: float = 0) -> None:
    """Draw means as a line, with bars from the least to the greatest of each.

    Args:
        ax: Where to draw.
        look: How to draw.
        points: The values at each x.
        aside: How many steps of `ASIDE` the points are moved to the right.
    """
    x = np.array(sorted(points), dtype=float)
    y, least, most = (np.array([reduce(points[at]) for at in x]) for reduce in (np.mean, np.min, np.max))
    drawn = handle(look)
    drawn.set_data(x * ASIDE**aside, y)
    drawn.set_zorder(3 if look.width > 1 else 2)
    ax.add_line(drawn)
    ax.vlines(x * ASIDE**aside, least, most, colors=look.colour, linewidth=0.6, zorder=drawn.get_zorder())


def bar_panels(counts: Sequence[int]) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel for each number of bars, in two columns of about equal height."""
    columns: list[list[int]] = [[] for _ in range(min(2, len(counts)))]
    heights = [0] * len(columns)  # in bars
    for number, count in enumerate(counts):
        shortest = heights.index(min(heights))
        columns[shortest].append(number)
        heights[shortest] += count + PANEL_BARS
    figure = figure_of(BAR_IN * max(heights) + LEGEND_IN)
    outer = figure.add_gridspec(1, len(columns))
    axes: dict[int, Axes] = {}
    for place, column in enumerate(columns):
        rest = max(heights) - heights[place]  # the shorter column ends with nothing
        ratios = [counts[number] + PANEL_BARS for number in column] + [rest] * bool(rest)
        grid = outer[place].subgridspec(len(ratios), 1, height_ratios=ratios)
        axes |= {number: figure.add_subplot(grid[row]) for row, number in enumerate(column)}
    for number, ax in axes.items():
        ax.set_ylim(counts[number] - 0.4, -0.6)  # the first bar on top
        ax.grid(axis="x")
    return figure, [axes[number] for number in range(len(counts))]
