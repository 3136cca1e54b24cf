"""How each way of compiling looks in figures, and the style that all figures share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .compare import way_key

if TYPE_CHECKING:
    from matplotlib.typing import LineStyleType

BLACK, BLUE, SKY, ORANGE = "#000000", "#0072B2", "#56B4E9", "#E69F00"
VERMILION, PURPLE, GREEN, GREY = "#D55E00", "#CC79A7", "#009E73", "#888888"
"""A grey, and the palette of Okabe and Ito for colour-blind people without its yellow, too light for lines."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a way looks.

    Attributes:
        label: Name for readers.
        colour: Colour of line and marker.
        marker: Matplotlib marker; "" for none.
        line: Matplotlib line style.
        width: Width of the line in points.
        filled: Whether the marker is filled.
    """

    label: str
    colour: str
    marker: str
    line: LineStyleType = "-"
    width: float = 0.8
    filled: bool = True


_CONNECTIVITIES = (
    ("square", "square grid", "s"),
    ("triangle", "triangular grid", "^"),
    ("heavy-hex", "heavy-hex", "h"),
)
_SYNTHESES = (
    ("chain", "CX chains", VERMILION),
    ("tree", "CX trees", PURPLE),
    ("rustiq", "Rustiq", GREEN),
    ("tket", "TKET", GREY),
)

STYLES: dict[str, Style] = {
    "qpilot": Style("qpilot", BLACK, "o", width=1.6),
    "qpilot-depth": Style("qpilot, for depth", BLUE, "D", width=1.4),
    "qpilot-two-aods": Style("qpilot, two AODs", SKY, "v", width=1.4),
    "qpilot-generic": Style("qpilot, gate by gate", BLUE, "<", "--", 1.2),
    "qpilot-phases": Style("qpilot, phase per pair", SKY, ">", "--", 1.2),
    "paper": Style("Q-Pilot, reconstructed", ORANGE, "p", width=1.2),
    "logical": Style("all-to-all (ideal)", GREY, "", "--", 1.0),
    "square": Style("SABRE, square grid", VERMILION, "s"),
    "triangle": Style("SABRE, triangular grid", VERMILION, "^", "--"),
    "heavy-hex": Style("SABRE, heavy-hex", VERMILION, "h", ":"),
    "long-range-2": Style("SABRE, radius 2 sites", PURPLE, "d", filled=False),
    "long-range-3": Style("SABRE, radius 3 sites", PURPLE, "d", "--"),
    "swap-network": Style("line swap network", VERMILION, "x", "-."),
    "zoned": Style("QMAP zoned", GREEN, "P"),
    "zoned-coloured": Style("QMAP zoned, coloured", GREEN, "*", "--"),
    "hybrid": Style("QMAP hybrid", GREEN, "X", ":"),
    **{way: Style(f"{name}, all-to-all", colour, "o", "--", filled=False) for way, name, colour in _SYNTHESES},
    **{
        f"{way}-{grid}": Style(f"{name}, {where}", colour, marker)
        for way, name, colour in _SYNTHESES
        for grid, where, marker in _CONNECTIVITIES
    },
}
"""Every way of the harness: colour tells the group, marker and line the way."""

STYLE: dict[str, object] = {
    "font.size": 7.0,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.4,
    "hatch.linewidth": 0.5,
    "lines.markersize": 3.2,
    "lines.markeredgewidth": 0.7,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
}
"""Settings of Matplotlib, beside its defaults; no text is smaller than 7 points."""


def style(way: str) -> Style:
    """Return how a way looks; one that is not in the table has its own name in grey."""
    return STYLES.get(way) or Style(way, GREY, "1", "-.")


def is_own(way: str) -> bool:
    """Return whether a way is qpilot with some options, not something to compare it with."""
    return way.startswith("qpilot")


def in_order(ways: Iterable[str]) -> list[str]:
    """Return each way once, in the order of tables and legends."""
    return sorted(set(ways), key=way_key)
