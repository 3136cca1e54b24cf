"""Colours and Matplotlib settings that all figures of the project share."""

BLACK, BLUE, SKY, ORANGE = "#000000", "#0072B2", "#56B4E9", "#E69F00"
VERMILION, PURPLE, GREEN, GREY = "#D55E00", "#CC79A7", "#009E73", "#888888"
"""A grey, and the palette of Okabe and Ito for colour-blind people without its yellow, too light for lines."""

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


def scaled_style(width_inches: float, height_inches: float) -> dict[str, object]:
    """Return the settings for a figure: larger letters where it is large, as for a slide."""
    scale = min(max(min(width_inches, height_inches) / 5.0, 1.0), 1.5)
    letters = {key for key in STYLE if key.endswith(("size", "labelsize")) and not key.startswith("lines")}
    return {key: float(str(value)) * scale if key in letters else value for key, value in STYLE.items()}
