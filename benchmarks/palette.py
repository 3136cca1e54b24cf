"""How each way of compiling looks in figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qpilot.visualize.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

from .compare import way_key

if TYPE_CHECKING:
    from matplotlib.typing import LineStyleType


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


def style(way: str) -> Style:
    """Return how a way looks; one that is not in the table has its own name in grey."""
    return STYLES.get(way) or Style(way, GREY, "1", "-.")


def is_own(way: str) -> bool:
    """Return whether a way is qpilot with some options, not something to compare it with."""
    return way.startswith("qpilot")


def in_order(ways: Iterable[str]) -> list[str]:
    """Return each way once, in the order of tables and legends."""
    return sorted(set(ways), key=way_key)
