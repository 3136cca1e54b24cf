"""Pictures of trainings: energies, what the policy tested, circuits, and policies beside each other.

A training is a `qpilot.disq.History`, or what holds one as `history`, such as the result of `qpilot.disq.minimize`.
`History.load` reads one from a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..arch.errors import DriftError
from .motion import Floats, Ints
from .style import BLACK, BLUE, GREY, ORANGE, PURPLE, SKY, STYLE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES = (3.4, 2.3)  # a column of a paper, and the height of one pair of axes in it
_ROW_INCHES = 0.14  # a row of a legend
_PAGE_INCHES = 7.0  # width of a page of them
_HEIGHTS = (2.4, 1.5, 1.7)  # of energies, statistic and circuits on a page
_LINEAR_RANGE = 30.0  # statistics that spread over more than this factor are drawn on a logarithmic axis


class Attempt(Protocol):
    """What a drawing reads of a `qpilot.disq.Record`, where the fields are explained."""

    iteration: int
    attempt: int
    x: Floats
    directions: Floats
    energies: Floats
    values: Floats
    new: Floats
    action: str
    statistic: float | None
    threshold: float | None
    reason: str
    circuits: int
    total_circuits: int


@dataclass(frozen=True, slots=True)
class _Look:
    """How attempts of one kind are drawn."""

    label: str
    marker: str
    colour: str


_LOOKS = {
    "skip": _Look("skipped", "x", GREY),
    "wait": _Look("skipped, with a pause", "+", GREY),
    "force": _Look("accepted, retries used up", "^", VERMILION),
    "warn": _Look("accepted with a warning", "D", ORANGE),
    "block": _Look("blocked", "s", PURPLE),
}
_RETRIED = ("skip", "wait")


def attempts_of(run: Any) -> list[Attempt]:
    """Return the attempts of a training.

    Args:
        run: A History, or what holds one as `history`.

    Raises:
        DriftError: It is no training, or has no attempts.
    """
    history = getattr(run, "history", run)
    if isinstance(history, Iterable) and not isinstance(history, (str, bytes, dict)):
        records = list(history)
        if records and all(hasattr(record, "total_circuits") for record in records):
            return records
        if not records:
            raise DriftError("The training has no attempts yet: there is nothing to draw.")
    raise DriftError(
        f"The training is of type {type(run).__name__}; it must be a History, which History.load reads from a file, or "
        "the result of minimize."
    )


def energy_trace(run: Any, *, exact: float | None = None, ax: Axes | None = None) -> Axes:
    """Draw the energies of a training over its iterations, the attempts that were not taken marked.

    The energy of an attempt is the mean over its pairs of points, as measured. Where an attempt was skipped before all
    groups had run, the groups that are missing count as in the last attempt before that had them all (or else the first
    one).

    Args:
        run: A History, or what holds one as `history`.
        exact: The ground energy, drawn as a line.
        ax: Where to draw; by default on a new figure.

    Returns:
        The axes; `ax.figure.savefig(path)` keeps the picture.

    Raises:
        DriftError: The training has no attempts, or none that ran all groups.
    """
    attempts = attempts_of(run)
    iterations, actions = _iterations(attempts), np.array([each.action for each in attempts])
    energies = energies_shown(attempts)
    with rc_style():
        ax = new_axes(ax)
        taken = ~np.isin(actions, (*_RETRIED, "block"))
        ax.plot(iterations[taken], energies[taken], color=BLUE, linewidth=0.8, label="energy measured")
        _mark(ax, iterations, energies, actions)
        if exact is not None:
            ax.axhline(exact, color=BLACK, linewidth=0.8, linestyle="dashed", label="ground energy")
        ax.set(xlabel="iteration", ylabel="energy (units of H)")
        finish(ax)
    return ax


def drift_statistic(run: Any, *, ax: Axes | None = None) -> Axes:
    """Draw what the policy tested in each attempt, and the threshold it was compared with.

    Args:
        run: A History, or what holds one as `history`.
        ax: Where to draw; by default on a new figure.

    Returns:
        The axes; `ax.figure.savefig(path)` keeps the picture.

    Raises:
        DriftError: The training has no attempts, or its policy tested nothing.
    """
    tested = [each for each in attempts_of(run) if each.statistic is not None]
    if not tested:
        raise DriftError("The policy of this training tested nothing: there is no statistic to draw.")
    iterations, actions = _iterations(tested), np.array([each.action for each in tested])
    statistics = np.array([each.statistic for each in tested], dtype=float)
    thresholds = np.array([each.threshold for each in tested], dtype=float)
    with rc_style():
        ax = new_axes(ax)
        usual = ~np.isin(actions, list(_LOOKS))
        ax.plot(iterations[usual], statistics[usual], "o", color=BLUE, markersize=2.0, label="accepted")
        _mark(ax, iterations, statistics, actions)
        ax.plot(iterations, thresholds, "_", color=BLACK, label="threshold")  # of a chain it may change each time
        _scale(ax, statistics)
        ax.set(xlabel="iteration", ylabel=_statistic_name(tested))
        finish(ax)
    return ax


def circuit_use(run: Any, *, ax: Axes | None = None) -> Axes:
    """Draw how many circuits a training had run after each iteration, by what they were for.

    Args:
        run: A History, or what holds one as `history`. Circuits that a policy runs beside the new points count as
            references as far as it records them.
        ax: Where to draw; by default on a new figure.

    Returns:
        The axes; `ax.figure.savefig(path)` keeps the picture.

    Raises:
        DriftError: The training has no attempts.
    """
    attempts = attempts_of(run)
    counts = circuits_by_use(attempts)
    iterations = _iterations(attempts)
    last = np.append(iterations[1:] != iterations[:-1], True)  # attempts at which an iteration ended
    x = np.append(0, iterations[last] + 1)
    lower = np.zeros(len(x))
    with rc_style():
        ax = new_axes(ax)
        for label, circuits, colour, hatch in (
            ("calibration", None, GREY, ""),
            ("new points", counts.new_points, BLUE, ""),
            ("references", counts.references, SKY, "////"),
            ("skipped attempts", counts.skipped, ORANGE, "xxxx"),
        ):
            share = counts.calibration if circuits is None else np.append(0, np.cumsum(circuits)[last])
            upper = lower + share
            if np.any(share):
                ax.fill_between(
                    x, lower, upper, label=label, facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0
                )
            lower = upper
        ax.set(xlabel="iterations done", ylabel="circuits run", ylim=(0, None))
        finish(ax)
    return ax


def training_page(run: Any, *, exact: float | None = None, title: str = "") -> tuple[Axes, ...]:
    """Draw all about a training below each other: energies, what the policy tested, if anything, and circuits.

    Args:
        run: A History, or what holds one as `history`.
        exact: The ground energy, drawn as a line.
        title: What stands above.

    Returns:
        The axes; `axes[0].figure.savefig(path)` keeps the picture.

    Raises:
        DriftError: The training has no attempts, or none that ran all groups.
    """
    from matplotlib import pyplot as plt

    attempts = attempts_of(run)
    tested = any(each.statistic is not None for each in attempts)
    heights = _HEIGHTS if tested else (_HEIGHTS[0], _HEIGHTS[2])
    with rc_style():
        figure, axes = plt.subplots(
            len(heights), 1, sharex=True, figsize=(_PAGE_INCHES, sum(heights)), height_ratios=heights,
            layout="constrained",
        )  # fmt: skip
        energy_trace(attempts, exact=exact, ax=axes[0])
        if tested:
            drift_statistic(attempts, ax=axes[1])
        circuit_use(attempts, ax=axes[-1])
        known: list[str] = []
        for ax in axes:
            _explain_beside(ax, known)
            known += ax.get_legend_handles_labels()[1]
            ax.label_outer()
        axes[0].set_title(title, parse_math=False)
        figure.align_ylabels()
    return tuple(axes)


def energies_shown(attempts: list[Attempt]) -> Floats:
    """Return the mean energy of each attempt as `energy_trace` shows it.

    Raises:
        DriftError: No attempt has run all groups.
    """
    measured = [energy_measured(each) for each in attempts]
    whole = [k for k, energy in enumerate(measured) if np.isfinite(energy)]
    if not whole:
        raise DriftError("No attempt of this training has run all groups of the Hamiltonian: it has no energies.")
    shown = np.array(measured)
    last = whole[0]
    for k, each in enumerate(attempts):
        if np.isfinite(measured[k]):
            last = k
        else:
            groups, before = _group_values(each), _group_values(attempts[last])
            shown[k] = measured[last] + np.where(np.isnan(groups), 0.0, groups - before).sum()
    return shown


def energy_measured(attempt: Attempt) -> float:
    """Return the mean energy of the points of an attempt; without pairs, the energy at the parameters themselves."""
    return float(attempt.energies[_own_points(attempt)].mean())


def _group_values(attempt: Attempt) -> Floats:
    return np.asarray(attempt.values[_own_points(attempt)].mean(axis=(0, 1)))


def _own_points(attempt: Attempt) -> tuple[slice, slice]:
    """Return which points count: both of a pair, and of NFT, which turns a parameter to both sides, the first one."""
    return slice(None), slice(None if attempt.directions.size else 1)


@dataclass(frozen=True, slots=True, eq=False)
class CircuitsByUse:
    """What circuits were for.

    Attributes:
        calibration: Circuits before the first attempt.
        new_points: Circuits of the new points of each attempt that was not skipped.
        references: Circuits that ran beside them.
        skipped: Circuits of each attempt that was skipped.
    """

    calibration: int
    new_points: Ints
    references: Ints
    skipped: Ints


def circuits_by_use(attempts: list[Attempt]) -> CircuitsByUse:
    """Return what the circuits of a training were for."""
    total = np.array([each.circuits for each in attempts])
    again = np.array([each.new.size * len(each.values) for each in attempts])  # means over directions are recorded
    skipped = np.array([each.action in _RETRIED for each in attempts])
    references = np.where(skipped, 0, np.minimum(again, total))
    calibration = attempts[0].total_circuits - attempts[0].circuits
    return CircuitsByUse(calibration, np.where(skipped, 0, total - references), references, np.where(skipped, total, 0))


def _iterations(attempts: list[Attempt]) -> Ints:
    return np.array([each.iteration for each in attempts])


def _mark(ax: Axes, x: Ints, y: Floats, actions: Any) -> None:
    """Mark the attempts that are not simply accepted."""
    for action, look in _LOOKS.items():
        chosen = actions == action
        if chosen.any():
            ax.plot(x[chosen], y[chosen], look.marker, color=look.colour, label=look.label, zorder=3)


def _scale(ax: Axes, statistics: Floats) -> None:
    """Make the axis logarithmic where a few statistics would leave no room for the others."""
    sizes = np.abs(statistics[np.isfinite(statistics) & (statistics != 0)])
    if len(sizes) and sizes.max() > _LINEAR_RANGE * np.median(sizes):
        if (statistics > 0).all():
            ax.set_yscale("log")
        else:
            ax.set_yscale("symlog", linthresh=float(np.median(sizes)))


def _statistic_name(tested: list[Attempt]) -> str:
    """Return the label of the axis: the test as the reasons of a single policy name it, if they do."""
    names = {each.reason.partition(":")[0] for each in tested if each.action != "block" and ";" not in each.reason}
    name = names.pop() if len(names) == 1 and not any(";" in each.reason for each in tested) else ""
    return f"{name}:\nstatistic" if name else "drift statistic"


def rc_style() -> Any:
    """Return the context in which figures are drawn."""
    import matplotlib as mpl

    return mpl.rc_context(STYLE)  # type: ignore[arg-type]


def new_axes(ax: Axes | None, num_rows: int = 2) -> Axes:
    """Return the axes given, or those of a new figure as wide as a column, with room for rows of a legend above."""
    from matplotlib import pyplot as plt

    if ax is not None:
        return ax
    inches = (_INCHES[0], _INCHES[1] + num_rows * _ROW_INCHES)
    return plt.subplots(figsize=inches, layout="constrained")[1]


def finish(ax: Axes) -> None:
    """Draw a grid, and a legend above the axes if there is more than one thing in them."""
    from matplotlib.ticker import MaxNLocator

    ax.grid(visible=True)
    if ax.get_xscale() == "linear":
        ax.xaxis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 5, 10], integer=True))
    if len(ax.get_legend_handles_labels()[1]) > 1:
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)


def _explain_beside(ax: Axes, known: Iterable[str] = ()) -> None:
    """Draw the legend beside the axes, without what is explained elsewhere."""
    handles, labels = ax.get_legend_handles_labels()
    chosen = [k for k, label in enumerate(labels) if label not in known]
    ax.legend([handles[k] for k in chosen], [labels[k] for k in chosen], loc="upper left", bbox_to_anchor=(1.0, 1.03))
