"""The figures of the harness: depth, widths and compile time as lines here, bars in `benchmarks.bars`."""

from __future__ import annotations

import dataclasses
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import LineStyleType

from qpilot.arch.errors import ProgramError
from qpilot.arch.files import write_bytes
from qpilot.visualize.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, STYLE, VERMILION

from .bars import durations, fidelities, ratios
from .compare import Row, growth_exponent
from .palette import Style, in_order, is_own, style
from .panels import (
    WIDTH_IN,
    Seeds,
    circuits,
    complete,
    draw_line,
    explain,
    figure_of,
    handle,
    largest,
    log_axes,
    values,
)
from .record import MODELS

DPI = 160
DEPTH = "depth (layers of two-qubit gates)"

CIRCUIT_LOOKS = ((BLUE, "o"), (VERMILION, "s"), (GREEN, "^"), (PURPLE, "D"), (ORANGE, "v"), (BLACK, "x"))
"""Colour and marker of circuits, where a figure tells circuits apart and not ways."""

GATE_SUITES = ("random", "qaoa", "algorithms")
"""Suites whose size is counted in two-qubit gates."""

SCATTERED = ("square", "zoned", "qpilot")
"""Ways whose compile times are drawn for circuits of all kinds."""

DENSITIES: tuple[tuple[str, str, str | None, str, str], ...] = (
    ("random", r"random-(\d+)", None, "random pairs", "gates per qubit"),
    ("random", r"random-(\d+)-repeat", None, "random pairs, 41 % repeated", "gates per qubit"),
    ("qaoa", r"er-[\d.]+|\d-regular", None, "QAOA, random graphs", "edges"),
    ("paulis", r"p=([\d.]+)", "kept", "Pauli strings, order kept", "probability of a letter"),
    ("paulis", r"p=([\d.]+)", "free", "Pauli strings, order free", "probability of a letter"),
)
"""Panels of depth against density: suite, circuits, variant, title, axis; the number is the density, else the size."""


class DepthPanel(NamedTuple):
    """Depth against something."""

    title: str
    label: str
    """Of the x axis."""
    points: dict[float, Seeds]


def draw_all(rows: Iterable[Row], folder: Path) -> list[Path]:
    """Draw every figure that the rows have data for.

    Equal rows give equal files, byte by byte, with one version of Matplotlib.

    Args:
        rows: Rows of the harness, one for each case and way.
        folder: Where the PNG files go; it is made if it is missing.

    Returns:
        The files written.

    Raises:
        ProgramError: The folder cannot be written.
    """
    rows = list(rows)
    drawers: dict[str, Callable[[list[Row]], Figure | None]] = {
        **{f"depth-{suite}": partial(depths, suite=suite) for suite in ("random", "qaoa", "algorithms")},
        **{f"depth-paulis-{order}": partial(depths, suite="paulis", variant=order) for order in ("kept", "free")},
        "density": densities,
        "ratios": ratios,
        "widths": widths,
        **{f"fidelity-{model}": partial(fidelities, model=model) for model in MODELS},
        "durations": durations,
        "compile-time": compile_times,
    }
    return save_all({name: partial(draw, rows) for name, draw in drawers.items()}, folder)


def save_all(drawers: Mapping[str, Callable[[], Figure | None]], folder: Path) -> list[Path]:
    """Draw figures and write them as PNG files under their names; return the files of those that there are."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with matplotlib.style.context(["default", STYLE]):
        for name, draw in drawers.items():
            figure = draw()
            if figure is not None:
                paths.append(folder / f"{name}.png")
                write_bytes(paths[-1], to_png(figure), ProgramError)
    return paths


def to_png(figure: Figure) -> bytes:
    """Return a figure as a PNG file without a date or version in it."""
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DPI, metadata={"Software": None})
    return data.getvalue()


def depths(rows: Iterable[Row], suite: str, variant: str | None = None) -> Figure | None:
    """Return depth against qubits, a panel for each circuit with two sizes or more.

    Args:
        rows: Rows of the harness.
        suite: Which circuits.
        variant: Which variant of them.

    Returns:
        The figure, with means over seeds and bars from least to greatest; None without such circuits.
    """
    kinds = {
        kind: seeds
        for kind, seeds in complete(rows).items()
        if kind.suite == suite and kind.variant == variant and seeds
    }
    panels: list[DepthPanel] = []
    for name in circuits(kinds):
        points: dict[float, Seeds] = {kind.qubits: seeds for kind, seeds in kinds.items() if kind.circuit == name}
        if len(points) > 1:
            panels.append(DepthPanel(name, "qubits", points))
    # Circuits of one suite are alike and share the axis; algorithms are not.
    return _depth_panels(panels, across=4 if len(panels) > 6 else 3, sharey=suite != "algorithms")


def densities(rows: Iterable[Row]) -> Figure | None:
    """Return depth against density at the largest size, a panel for each family; None without two densities."""
    kinds = complete(rows)
    panels: list[DepthPanel] = []
    for suite, pattern, variant, title, label in DENSITIES:
        here = {kind: s for kind, s in kinds.items() if kind.suite == suite and kind.variant == variant and s}
        points: dict[float, Seeds] = {}
        for kind, seeds in here.items():
            match = re.fullmatch(pattern, kind.circuit)
            if match and kind.qubits == largest(here):
                density = match[1] if match.lastindex else np.mean(values(next(iter(seeds.values())), "size"))
                points[float(density)] = seeds
        if len(points) > 1:
            panels.append(DepthPanel(title, f"{label} ({largest(here)} qubits)", points))
    return _depth_panels(panels, across=3, sharey=False)


def widths(rows: Iterable[Row]) -> Figure | None:
    """Return depth and duration against the columns of the lattice, at the largest size; None without two lattices."""
    kinds = {kind: seeds for kind, seeds in complete(rows).items() if kind.suite == "widths" and kind.variant}
    kinds = {kind: seeds for kind, seeds in kinds.items() if kind.qubits == largest(kinds)}
    found: dict[tuple[str, str], dict[float, list[Row]]] = {}
    for kind, seeds in kinds.items():
        for way, group in seeds.items():
            found.setdefault((way, kind.circuit), {})[float(str(kind.variant).split("x")[1])] = group
    places = {columns for points in found.values() for columns in points}
    if len(places) < 2:
        return None
    figure = figure_of(2.8)
    panels = figure.subplots(1, 2)
    looks = {}
    for name, (colour, marker) in zip(circuits(kinds), CIRCUIT_LOOKS, strict=False):
        for way in in_order(way for way, circuit in found if circuit == name):
            line: LineStyleType = "-" if is_own(way) else "--"
            looks[way, name] = Style(f"{name}, {style(way).label}", colour, marker, line, 1.2, filled=is_own(way))
    for ax, column, scale, label in (
        (panels[0], "depth", 1.0, DEPTH),
        (panels[1], "enola_duration_us", 1e-3, "duration (ms), constants of enola"),
    ):
        for key, look in looks.items():
            draw_line(ax, look, {x: scale * values(group, column) for x, group in found[key].items()})
        log_axes(ax, places)
        ax.set(xlabel=f"columns of the lattice ({largest(kinds)} qubits)", ylabel=label)
    explain(figure, [handle(look) for look in looks.values()], 3)
    return figure


def compile_times(rows: Iterable[Row]) -> Figure | None:
    """Return compile time against qubits for one kind of circuit, and against two-qubit gates for all kinds.

    The legend has the exponent p of the fit seconds = c * qubits^p, where there are three sizes or more.
    """
    kinds = complete(rows)
    scaling = {kind: seeds for kind, seeds in kinds.items() if kind.suite == "scaling" and seeds}
    if len({kind.qubits for kind in scaling}) < 2:
        return None
    figure = figure_of(2.9)
    left, right = figure.subplots(1, 2, sharey=True)
    looks = {}
    for way in in_order(way for seeds in scaling.values() for way in seeds):
        points: dict[float, np.ndarray] = {
            kind.qubits: values(seeds[way], "compile_s") for kind, seeds in scaling.items() if way in seeds
        }
        looks[way] = style(way)
        draw_line(left, looks[way], points)
        if len(points) > 2:
            exponent = growth_exponent([*points], [float(np.mean(seconds)) for seconds in points.values()])
            looks[way] = dataclasses.replace(looks[way], label=f"{style(way).label}: $n^{{{exponent:.2f}}}$")
    for way in SCATTERED:
        groups = [seeds[way] for kind, seeds in kinds.items() if kind.suite in GATE_SUITES and way in seeds]
        found = [row for group in groups for row in group]
        if found:
            dots = handle(dataclasses.replace(looks.setdefault(way, style(way)), line="none"))
            dots.set(xdata=values(found, "size"), ydata=values(found, "compile_s"), alpha=0.35, markeredgewidth=0)
            right.add_line(dots)
    log_axes(left, {kind.qubits for kind in scaling})
    log_axes(right)
    left.set(xlabel=f"qubits ({', '.join(circuits(scaling))})", ylabel="compile time (s)")
    right.set_xlabel("two-qubit gates as written (other suites)")
    explain(figure, [handle(look) for look in looks.values()], 4)
    return figure


def _depth_panels(panels: list[DepthPanel], across: int, *, sharey: bool) -> Figure | None:
    """Return depth against something, a panel for each circuit or family; None without panels."""
    if not panels:
        return None
    across = min(across, len(panels))
    down = -(-len(panels) // across)
    ways = in_order(way for panel in panels for seeds in panel.points.values() for way in seeds)
    columns = 4 if across > 1 else 2
    legend_in = 0.13 * -(-len(ways) // columns) + 0.2
    height_in = 1.75 if across > 3 else 2.1
    figure = figure_of(down * height_in + legend_in, WIDTH_IN if across > 1 else WIDTH_IN / 2)
    axes = figure.subplots(down, across, sharey=sharey, squeeze=False).ravel()
    for ax, panel in zip(axes, panels, strict=False):
        _draw_depths(ax, panel.points)
        log_axes(ax, panel.points, apart=0.045 * across)
        ax.set_title(panel.title)
        ax.tick_params(labelleft=True)
    for ax in axes[len(panels) :]:
        ax.remove()
    labels = [panel.label for panel in panels]
    if len({*labels}) == 1:
        figure.supxlabel(labels[0], fontsize=7.5)
    else:
        for ax, label in zip(axes, labels, strict=False):
            ax.set_xlabel(label)
    figure.supylabel(DEPTH, fontsize=7.5)
    explain(figure, [handle(style(way)) for way in ways], columns)
    return figure


def _draw_depths(ax: Axes, points: dict[float, Seeds]) -> None:
    """Draw the depth of every way; on a short axis, and where they are many, the points stand closer together."""
    ways = in_order(way for seeds in points.values() for way in seeds)
    step = min(1, 9 / len(ways)) * min(1, math.log10(max(points) / min(points)))
    for place, way in enumerate(ways):
        aside = (place - (len(ways) - 1) / 2) * step
        draw_line(
            ax, style(way), {x: values(seeds[way], "depth") for x, seeds in points.items() if way in seeds}, aside
        )
