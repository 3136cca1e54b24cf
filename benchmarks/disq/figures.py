"""The figures of the study: gains with error bars, errors against circuits, and what verdicts are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from qpilot.visualize.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

from ..figures import save_all
from ..palette import Style
from ..panels import explain, figure_of, handle, log_ticks
from .policies import PLAIN
from .stats import ERROR, Cell, Trainings, cases_of, mean, over, policies_of, settings_of
from .table import YARDSTICKS
from .training import CURVE

LOOKS: dict[str, Style] = {
    PLAIN: Style("plain", BLACK, "o", width=1.6),
    "blocking": Style("blocking", GREY, "s"),
    "kalman": Style("Kalman", GREY, "^", "--"),
    "qismet": Style("QISMET", ORANGE, "v"),
    "disq-1": Style("DISQ, 1 reference", BLUE, "<", "--"),
    "disq-3": Style("DISQ, 3 references", BLUE, "D"),
    "disq-3-all": Style("DISQ, 3, all groups", BLUE, "d", ":", filled=False),
    "disq-amplitude": Style("DISQ, amplitude rule", SKY, "h"),
    "clip": Style("clip", VERMILION, "p", width=1.4),
    "median": Style("median of pairs", GREEN, "P"),
    "median-clip": Style("median, clip", GREEN, "X", "--"),
    "chi-square": Style("chi-square", PURPLE, "*"),
    "monitor": Style("energy monitor", PURPLE, "d", "--"),
    "auto": Style("auto: the monitor", BLACK, "X", "--", 1.4),
}
"""How policies look."""

NEW_MARKERS = ("1", "2", "3", "4", "+", "x")
"""Markers of policies that have no look of their own, in turn."""

CURVES = (PLAIN, "kalman", "qismet", "disq-3", "clip", "chi-square", "auto")
"""Policies whose error is drawn against circuits; others would hide them."""

ACROSS = 3


def looks(policies: Sequence[str]) -> dict[str, Style]:
    """Return how policies look; those that are not in the table are black and told apart by their markers."""
    new = [policy for policy in policies if policy not in LOOKS]
    return {
        policy: LOOKS.get(policy) or Style(policy, BLACK, NEW_MARKERS[new.index(policy) % len(NEW_MARKERS)], "-.")
        for policy in policies
    }


def draw_all(found: Trainings, folder: Path) -> list[Path]:
    """Draw every figure that there are trainings for; equal rows give equal files.

    Args:
        found: The trainings.
        folder: Where the PNG files go.

    Returns:
        The files written.

    Raises:
        ProgramError: The folder is not writable.
    """
    drawers: dict[str, Callable[[Trainings], Figure | None]] = {"gains": gains, "curves": curves, "detection": verdicts}
    return save_all({name: partial(draw, found) for name, draw in drawers.items()}, folder)


def gains(found: Trainings) -> Figure | None:
    """Return how many times less error each policy leaves than a plain training, a panel for each kind of drift."""
    policies = [policy for policy in policies_of(found) if policy != PLAIN]
    settings = settings_of(found)
    if not policies:
        return None
    style = looks(policies)
    figure, axes = _panels(len(settings), 0.5 + 0.12 * len(policies), sharex=True)
    for ax, setting in zip(axes, settings, strict=True):
        ax.axvline(1, color=BLACK, linewidth=0.8)
        for place, policy in enumerate(policies):
            for yardstick, aside in zip(YARDSTICKS, (-0.16, 0.16), strict=True):
                one = over(found, setting, policy, PLAIN, ERROR, yardstick)
                if one is None:
                    continue
                face = style[policy].colour if yardstick == "circuits" else "white"
                reach = one.error if np.isfinite(one.error) else 0.0
                low, high = np.exp([one.log - reach, one.log + reach])
                ax.hlines(place + aside, low, high, colors=style[policy].colour, linewidth=0.8)
                ax.plot(one.times, place + aside, "o", color=style[policy].colour, mfc=face)
        cases = [cell.case for cell in found if cell.setting == setting]
        ax.set(title=f"{setting} ({len(cases)} case{'s' * (len(cases) > 1)})", xscale="log")
        ax.set(yticks=range(len(policies)), yticklabels=[style[policy].label for policy in policies])
        ax.set_ylim(len(policies) - 0.4, -0.6)
        ax.grid(axis="x")
        ax.label_outer()
        ax.tick_params(labelbottom=True)
    log_ticks(axes[0].xaxis)
    axes[0].xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=20))
    figure.supxlabel("error of a plain training / error of the policy (mean and standard error)", fontsize=7.5)
    marks = [
        Line2D([], [], color=BLACK, marker="o", ls="none", mfc=face, label=f"at equal {yardstick}")
        for yardstick, face in zip(YARDSTICKS, ("white", BLACK), strict=True)
    ]
    explain(figure, marks, 2)
    return figure


def curves(found: Trainings) -> Figure | None:
    """Return the error against circuits of the case measured under most kinds of drift, a panel for each of these."""
    count = {case: sum(cell.case == case for cell in found) for case in cases_of(found)}
    if not count:
        return None
    case = max(count, key=lambda one: count[one])
    settings = [cell.setting for cell in found if cell.case == case]
    shown = [policy for policy in policies_of(found) if policy in CURVES or policy not in LOOKS]
    style = looks(shown)
    figure, axes = _panels(len(settings), 1.7)
    for ax, setting in zip(axes, settings, strict=True):
        policies = found[Cell(case, setting)]
        for policy in shown:
            errors = [[float(word) for word in row["curve"].split()] for row in policies.get(policy, [])]
            points = [mean(at) for at in zip(*errors, strict=False)]  # as far as all trainings have gone
            if points:
                x = CURVE[: len(points)]
                line = handle(style[policy])
                line.set_data(x, [point.value for point in points])
                ax.add_line(line)
                low, high = ([point.value + sign * point.error for point in points] for sign in (-1, 1))
                ax.vlines(x, low, high, colors=style[policy].colour, linewidth=0.6)
        ax.axvline(1, color=BLACK, linewidth=0.6, linestyle=":")
        ax.set(title=setting, xscale="log", yscale="log", ylim=_limits(ax))
        ax.grid(which="major")
        log_ticks(ax.xaxis)
        log_ticks(ax.yaxis)
    figure.supxlabel(f"circuits / circuits of a plain training ({case})", fontsize=7.5)
    figure.supylabel("error", fontsize=7.5)
    explain(figure, [handle(look) for look in style.values()], 4)
    return figure


def verdicts(found: Trainings) -> Figure | None:
    """Return precision against recall of the policies that judge attempts, a panel for each kind of drift."""
    settings = [s for s in settings_of(found) if any(_verdicts(found, s, policy) for policy in policies_of(found))]
    if not settings:
        return None
    policies = [policy for policy in policies_of(found) if any(_verdicts(found, s, policy) for s in settings)]
    style = looks(policies)
    figure, axes = _panels(len(settings), 1.8)
    for ax, setting in zip(axes, settings, strict=True):
        prevalences = []
        for policy in policies:
            one = _verdicts(found, setting, policy)
            if one:
                recall, precision, prevalence = one
                prevalences.append(prevalence)
                look = style[policy]
                ax.plot(
                    recall, precision, look.marker, color=look.colour, mfc=look.colour if look.filled else "white", ms=5
                )
        ax.axhspan(min(prevalences), max(prevalences), color="#dddddd", zorder=0)
        ax.set(title=setting, xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        ax.grid()
    figure.supxlabel("recall: part of the attempts under drift that were flagged", fontsize=7.5)
    figure.supylabel("precision (grey: prevalence of drift)", fontsize=7.5)
    explain(figure, [handle(look) for look in style.values()], 4)
    return figure


def _verdicts(found: Trainings, setting: str, policy: str) -> tuple[float, float, float] | None:
    """Return recall, precision and prevalence, of all cases and seeds; None where there is nothing to detect."""
    rows = [
        row
        for cell, policies in found.items()
        if cell.setting == setting
        for row in policies.get(policy, [])
        if row["references"] is not None
    ]
    hits, alarms, drifting = (sum(row[name] for row in rows) for name in ("hits", "false_alarms", "drifting"))
    if not drifting:
        return None
    precision = hits / (hits + alarms) if hits + alarms else 0.0
    return hits / drifting, precision, drifting / sum(row["attempts"] for row in rows)


def _limits(ax: Axes) -> tuple[float, float]:
    """Return the range of what is above 0: an error bar may reach further down."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in ax.lines[:-1]])
    values = values[values > 0]
    return (float(values.min()) / 1.5, float(values.max()) * 1.3) if len(values) else (0.01, 1.0)


def _panels(count: int, height_in: float, *, sharex: bool = False) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels in rows of `ACROSS`."""
    across = min(ACROSS, count)
    down = -(-count // across)
    figure = figure_of(down * height_in + 0.7)
    axes = list(figure.subplots(down, across, squeeze=False, sharex=sharex).ravel())
    for ax in axes[count:]:
        ax.remove()
    return figure, axes[:count]
