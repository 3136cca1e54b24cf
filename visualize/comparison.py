"""Trainings beside each other: means over seeds with their standard errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..arch.errors import DriftError
from .drift import attempts_of, energy_measured, finish, new_axes, rc_style
from .motion import Floats
from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Against = Literal["iterations", "circuits"]

_POINTS = 200  # at which curves with different x are compared
_BARS = 10  # error bars on a curve
_COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK, GREY)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LINES = ("solid", "dashed", "dotted", "dashdot")


def energy_curve(
    run: Any, against: Against = "iterations", *, value: Callable[[Floats], Floats] | None = None
) -> tuple[Floats, Floats]:
    """Return the course of a training, one point for each iteration.

    Args:
        run: A History, or what holds one as `history`.
        against: Whether x counts iterations or circuits, those of calibration and skipped attempts included.
        value: What to show of the parameters, called once with all of them, shape (m, parameters); such as the exact
            energies of `FastEngine.energies`. By default the energies as measured, which drift and noise spoil.

    Returns:
        x and y, shape (m,) each. With `value`, the parameters a result ended with are the last point.

    Raises:
        DriftError: The training has no attempts, or `against` is not known.
    """
    if against not in ("iterations", "circuits"):
        raise DriftError(f"against is {against!r}; it must be 'iterations' or 'circuits'.")
    attempts = attempts_of(run)
    if value is None:
        done = [each for each in attempts if each.action not in ("skip", "wait")]
        x = [each.iteration if against == "iterations" else each.total_circuits for each in done]
        return np.array(x, dtype=float), np.array([energy_measured(each) for each in done])
    first = [each for each in attempts if each.attempt == 0]
    x = [each.iteration if against == "iterations" else each.total_circuits - each.circuits for each in first]
    points = [each.x for each in first]
    if hasattr(run, "nit"):  # a result
        x.append(run.nit if against == "iterations" else run.circuits)
        points.append(np.asarray(run.x))
    return np.array(x, dtype=float), np.asarray(value(np.stack(points)), dtype=float)


def comparison(
    curves: Mapping[str, Sequence[tuple[Floats, Floats]]],
    *,
    xlabel: str,
    ylabel: str,
    exact: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean of several curves for each name, such as a policy in many seeds, with its standard error.

    Curves of a name that differ in x are compared over the stretch that all of them cover; between two points a curve
    has the value of the point before.

    Args:
        curves: For each name its curves: x, rising, and y, shape (m,) each; see `energy_curve`.
        xlabel: What x is, with its unit.
        ylabel: What y is, with its unit.
        exact: A value that is drawn as a line, such as the ground energy.
        ax: Where to draw; by default on a new figure.

    Returns:
        The axes; `ax.figure.savefig(path)` keeps the picture.

    Raises:
        DriftError: There are no curves, or those of a name have no x in common.
    """
    if not curves:
        raise DriftError("There are no curves to compare.")
    means = {name: mean_curve(name, each) for name, each in curves.items()}
    with rc_style():
        ax = new_axes(ax, len(means) // 2 + 1)
        for number, (name, (x, mean, error)) in enumerate(means.items()):
            colour, marker = (each[number % len(_COLOURS)] for each in (_COLOURS, _MARKERS))
            line = _LINES[number // len(_COLOURS) % len(_LINES)]
            # Bars stand at other places for each name, so that they do not hide each other.
            step = max(1, len(x) // _BARS)
            start = (number + 1) * step // (len(means) + 1)
            ax.plot(
                x, mean, color=colour, linestyle=line, linewidth=1.0, marker=marker, markevery=(start, step), label=name
            )
            bars = slice(start, None, step)
            ax.errorbar(x[bars], mean[bars], error[bars], fmt="none", ecolor=colour, elinewidth=0.8, capsize=1.5)
        if exact is not None:
            ax.axhline(exact, color=BLACK, linewidth=0.8, linestyle="dashed", label="exact")
        ax.set(xlabel=xlabel, ylabel=ylabel)
        finish(ax)
    return ax


def mean_curve(name: str, curves: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats, Floats]:
    """Return x, the mean of curves there, and its standard error, which is 0 for a single curve.

    Args:
        name: What to call them in an error.
        curves: x, rising, and y of each.

    Raises:
        DriftError: There are none, or they have no x in common.
    """
    if not curves:
        raise DriftError(f"There is no curve of {name!r}.")
    first = curves[0][0]
    if all(np.array_equal(x, first) for x, _ in curves):
        x, values = np.asarray(first), np.stack([y for _, y in curves])
    else:
        low, high = max(float(x[0]) for x, _ in curves), min(float(x[-1]) for x, _ in curves)
        if low > high:
            raise DriftError(f"The curves of {name!r} have no x in common.")
        x = np.linspace(low, high, _POINTS)
        values = np.stack([y[np.searchsorted(each, x, side="right") - 1] for each, y in curves])
    spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(len(x))
    return x, values.mean(axis=0), spread / np.sqrt(len(values))
