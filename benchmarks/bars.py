"""The figures of the harness that compare ways at one size: ratios of depth, fidelity by cause, durations."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.typing import FillStyleType

from qpilot.visualize.style import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION

from .compare import Row
from .palette import in_order, is_own, style
from .panels import Kind, Seeds, bar_panels, complete, explain, largest, log_ticks, values

FAMILIES: tuple[tuple[str, str | None, str, float | None], ...] = (
    ("random", None, "random circuits", 1.4),
    ("paulis", "kept", "quantum simulation, order kept", 27.7),
    ("paulis", "free", "quantum simulation, order free", 27.7),
    ("qaoa", None, "QAOA", 6.3),
    ("algorithms", None, "algorithms", None),
)
"""Suite, variant, title, and the ratio published in arXiv 2311.16190, which counts layers of one-qubit gates too."""

SHOWN: tuple[tuple[str, str | None, str], ...] = (
    ("random", None, "random-10"),
    ("paulis", "free", "p=0.3"),
    ("qaoa", None, "er-0.3"),
    ("algorithms", None, "qft"),
)
"""Circuits whose costs are drawn; of a suite that lacks its circuit, the largest one."""

CAUSES = (
    ("two_qubit", "two-qubit gates", BLUE, ""),
    ("one_qubit", "one-qubit gates", SKY, "////"),
    ("idle", "idle atoms excited", VERMILION, "...."),
    ("decoherence", "decoherence", ORANGE, "xxxx"),
    ("transfer", "transfers", GREEN, "----"),
)
"""Causes of error: column, name, colour, hatch."""

DURATION_MARKS: dict[str, tuple[str, float, FillStyleType]] = {
    "enola": ("o", 2.2, "full"),
    "atomique": ("s", 4.4, "none"),
}
"""Marker, its size and filling for each set of constants; equal durations are a dot in a square."""

_MOST_LOST = 300.0
"""-log10 of a probability that is too small for a float."""


class Panel(NamedTuple):
    """What one circuit cost, every way."""

    title: str
    ways: list[str]
    seeds: Seeds
    absent: dict[str, str]
    """What became of the ways that lack a result."""


def ratios(rows: Iterable[Row]) -> Figure | None:
    """Return the depth of each baseline by that of qpilot: geometric means over the largest circuits of each suite.

    A bar is the mean, a dot one circuit, a diamond the mean if layers of one-qubit gates count too, as in
    arXiv 2311.16190. None without a baseline.
    """
    kinds = complete(rows)
    panels = []
    for suite, variant, title, published in FAMILIES:
        here = {k: _with_depth(s) for k, s in kinds.items() if k.suite == suite and k.variant == variant}
        most = largest(kind for kind, seeds in here.items() if "qpilot" in seeds)
        cases = [seeds for kind, seeds in here.items() if kind.qubits == most and "qpilot" in seeds]
        ways = in_order(way for seeds in cases for way in seeds if not is_own(way))
        if ways:
            panels.append((f"{title}, {most} qubits", published, cases, ways))
    if not panels:
        return None
    figure, axes = bar_panels([len(ways) for *_, ways in panels])
    for ax, (title, published, cases, ways) in zip(axes, panels, strict=True):
        for place, way in enumerate(ways):
            _draw_ratio(ax, place, way, [seeds for seeds in cases if way in seeds], len(cases))
        ax.set(title=title, xscale="log", yticks=range(len(ways)), yticklabels=[style(way).label for way in ways])
        log_ticks(ax.xaxis)
        ax.axvline(1, color=BLACK, linewidth=0.8)
        if published:
            ax.axvline(published, color=BLUE, linewidth=1.2, linestyle=":")
            ax.set_ylim(top=-1.5)
            low, high = ax.get_xlim()
            side = "right" if published**5 > low * high**4 else "left"  # inside, near the right end of the axis too
            ax.text(published, -0.9, f" {published} ", color=BLUE, ha=side, va="center_baseline")
    figure.supxlabel("depth of a way / depth of qpilot", fontsize=7.5)
    bar: dict[str, Any] = {"facecolor": "#bbbbbb", "edgecolor": BLACK, "linewidth": 0.5}
    explained = [
        Patch(**bar, label="geometric mean, depth"),
        Patch(**bar, hatch="//////", label="below 1: qpilot loses"),
        Line2D([], [], color=BLACK, marker="o", markersize=2.5, linestyle="none", label="one circuit and seed, depth"),
        Line2D(
            [], [], color=BLACK, marker="D", mfc="white", linestyle="none", label="geometric mean, 1Q and 2Q layers"
        ),
        Line2D([], [], color=BLUE, linewidth=1.2, linestyle=":", label="published at 100 qubits, 1Q and 2Q layers"),
    ]
    explain(figure, explained, 3)
    return figure


def fidelities(rows: Iterable[Row], model: str) -> Figure | None:
    """Return the error of every way by cause, as -log10 of the estimated fidelity, for one circuit of each suite.

    Args:
        rows: Rows of the harness.
        model: Whose constants, one of `record.MODELS`.

    Returns:
        The figure, where bars are means over seeds of the logarithms; None without results.
    """
    panels = _shown([*rows])
    if not panels:
        return None
    figure, axes = bar_panels([len(panel.ways) for panel in panels])
    for ax, panel in zip(axes, panels, strict=True):
        left = np.zeros(len(panel.ways))
        for cause, _, colour, hatch in CAUSES:
            lost = np.array([_lost(panel.seeds.get(way, []), f"{model}_{cause}") for way in panel.ways])
            ax.barh(np.arange(len(lost)), lost, 0.74, left, color=colour, hatch=hatch, edgecolor="white", linewidth=0)
            left += lost
        end = 1.4 * max(left[left < _MOST_LOST], default=left.max())
        ax.set_xlim(0, end or 1)
        for place, (way, total) in enumerate(zip(panel.ways, left, strict=True)):
            if way in panel.seeds:
                _write_fidelity(ax, place, total)
        _finish(ax, panel)
    figure.supxlabel(f"$-\\log_{{10}}$ of the estimated fidelity, constants of {model}", fontsize=7.5)
    causes = [Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=name) for _, name, colour, hatch in CAUSES]
    explain(figure, causes, 5)
    return figure


def durations(rows: Iterable[Row]) -> Figure | None:
    """Return the duration of every way under both sets of constants, for one circuit of each suite."""
    panels = _shown([*rows])
    if not panels:
        return None
    figure, axes = bar_panels([len(panel.ways) for panel in panels])
    for ax, panel in zip(axes, panels, strict=True):
        for place, way in enumerate(panel.ways):
            for model, (marker, size, face) in DURATION_MARKS.items() if way in panel.seeds else ():
                ms = values(panel.seeds[way], f"{model}_duration_us") / 1000
                ax.plot(ms.mean(), place, marker, color=style(way).colour, fillstyle=face, markersize=size)
        ax.set_xscale("log")
        log_ticks(ax.xaxis)
        _finish(ax, panel)
    figure.supxlabel("duration (ms)", fontsize=7.5)
    handles = [
        Line2D([], [], color=BLACK, ls="none", marker=marker, fillstyle=face, ms=size, label=f"constants of {model}")
        for model, (marker, size, face) in DURATION_MARKS.items()
    ]
    explain(figure, handles, 2)
    return figure


def _with_depth(seeds: Seeds) -> Seeds:
    """Return the ways that left a two-qubit gate; without one there is no ratio."""
    return {way: rows for way, rows in seeds.items() if (values(rows, "depth") > 0).all()}


def _draw_ratio(ax: Axes, place: int, way: str, cases: list[Seeds], most: int) -> None:
    """Draw the bar, dots and diamond of a way, and say how many of the circuits it has if not all."""
    logs = {
        column: np.concatenate([np.log(values(s[way], column) / values(s["qpilot"], column)) for s in cases])
        for column in ("depth", "mixed_depth")
    }
    mean, mixed = (float(np.exp(found.mean())) for found in logs.values())
    hatch, colour = "//////" if mean < 1 else "", style(way).colour
    face = to_rgba(colour, 0.45)
    ax.barh(place, abs(mean - 1), 0.74, min(mean, 1), color=face, hatch=hatch, edgecolor=colour, linewidth=0.6)
    aside = place + 0.2 * (np.arange(logs["depth"].size) % 3 - 1)  # so that equal dots are seen
    ax.plot(np.exp(logs["depth"]), aside, "o", color=BLACK, ms=2, mew=0, alpha=0.6)
    ax.plot(mixed, place, "D", color=BLACK, mfc="white", ms=3, mew=0.6)
    part = f" ({len(cases)} of {most})" if len(cases) < most else ""
    decimals = max(0, 2 - math.floor(math.log10(mean)))  # three digits
    ax.text(1.02, place, f"{mean:,.{decimals}f}{part}", transform=ax.get_yaxis_transform(), va="center")


def _write_fidelity(ax: Axes, place: int, lost: float) -> None:
    """Write the fidelity at the end of its bar, inside one that leaves the panel."""
    if lost < 2:
        text = f"{10**-lost:.2g}"
    elif lost < _MOST_LOST:
        digit, exponent = f"{10**-lost:.0e}".split("e")
        text = f"${digit} \\cdot 10^{{{int(exponent)}}}$"
    else:
        text = "$<10^{-300}$"
    end = ax.get_xlim()[1]
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    where: dict[str, Any] = (
        {"x": 0.99 * end, "ha": "right", "bbox": box} if lost > 0.9 * end else {"x": lost + 0.015 * end}
    )
    ax.text(y=place, s=text, va="center_baseline", **where)


def _finish(ax: Axes, panel: Panel) -> None:
    """Name the bars, and say what became of those that are missing."""
    ax.set(title=panel.title, yticks=range(len(panel.ways)), yticklabels=[style(way).label for way in panel.ways])
    for place, way in enumerate(panel.ways):
        if way in panel.absent:
            ax.text(0.02, place, panel.absent[way], transform=ax.get_yaxis_transform(), va="center", color="#666666")


def _shown(rows: list[Row]) -> list[Panel]:
    """Return the data of one circuit of each suite, at the largest size."""
    kinds = complete(rows)
    panels = []
    for suite, variant, usual in SHOWN:
        here = {k: s for k, s in kinds.items() if k.suite == suite and k.variant == variant and s}
        here = {k: s for k, s in here.items() if k.qubits == largest(here)}
        if not here:
            continue
        kind = next((kind for kind in here if kind.circuit == usual), max(here, key=partial(_size, here)))
        absent = {
            row["way"]: row["status"]
            for row in rows
            if Kind(row["suite"], row["circuit"], row["qubits"], row["variant"] or None) == kind
            and row["way"] not in here[kind]
            and row["status"] != "ok"
        }
        panels.append(
            Panel(f"{kind.circuit}, {kind.qubits} qubits", in_order([*here[kind], *absent]), here[kind], absent)
        )
    return panels


def _size(kinds: dict[Kind, Seeds], kind: Kind) -> float:
    return float(np.mean(values(next(iter(kinds[kind].values())), "size")))


def _lost(rows: list[Row], column: str) -> float:
    """Return the mean of -log10 of a probability, bounded where it is 0; 0 without rows."""
    if not rows:
        return 0.0
    return float(np.mean(-np.log10(np.maximum(values(rows, column), 10**-_MOST_LOST))))
