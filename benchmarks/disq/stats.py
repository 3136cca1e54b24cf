"""What can be concluded from rows: means over seeds, and gains of one policy over another from pairs of equal seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compare import Row
from .policies import PLAIN
from .table import LAYOUT, order_of_policy

Floats = NDArray[np.float64]

CLEAR = 2.0
"""What is beyond so many standard errors is called clear."""


class Cell(NamedTuple):
    """A case under a kind of drift."""

    case: str
    setting: str


Trainings = dict[Cell, dict[str, list[Row]]]
"""The rows of each policy in each cell, one for each seed."""


class Mean(NamedTuple):
    """A mean over seeds and its standard error; NaN from a single seed."""

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Gain:
    """How many times better one policy is than another.

    Attributes:
        log: Logarithm of the ratio.
        error: Standard error of the logarithm.
        cells: Cases that it is a geometric mean over.
    """

    log: float
    error: float
    cells: int = 1

    @property
    def times(self) -> float:
        """The ratio; above 1 is better."""
        return math.exp(self.log)

    @property
    def is_clear(self) -> bool:
        """Whether it differs from 1 by more than `CLEAR` standard errors."""
        return abs(self.log) > CLEAR * self.error

    def reaches(self, least: float) -> bool:
        """Return whether it is as large as this, and clearly above 1."""
        return self.times >= least and self.log > 0 and self.is_clear


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure by which policies are compared.

    Attributes:
        name: Its name for readers.
        of: What it is in a row, for a yardstick.
        sign: 1 if more is better, -1 if less is.
    """

    name: str
    of: Callable[[Row, str], float | None]
    sign: int


ERROR = Metric("error", lambda row, yardstick: row[f"error_{yardstick}"], -1)
METRICS = (
    ERROR,
    Metric("fidelity without the constant", lambda row, yardstick: 1.0 - row[f"error_{yardstick}"], 1),
    Metric("fidelity with the constant", lambda row, yardstick: row[f"ratio_{yardstick}"], 1),
    Metric("fidelity as measured", lambda row, yardstick: row[f"noisy_{yardstick}"], 1),
)
"""The error, and the three readings of "fidelity", a ratio of energies."""


def trainings(rows: Iterable[Row]) -> Trainings:
    """Return the rows of each cell and policy, in the order of tables.

    A policy that lacks a seed of others is left out, so that no mean is one over fewer seeds than another.
    """
    found: Trainings = {}
    for row in sorted(rows, key=LAYOUT.place):
        if not row["note"]:
            found.setdefault(Cell(row["case"], row["setting"]), {}).setdefault(row["policy"], []).append(row)
    most = max((len(seeds) for cell in found.values() for seeds in cell.values()), default=0)
    whole = {
        cell: {policy: seeds for policy, seeds in policies.items() if len(seeds) == most}
        for cell, policies in found.items()
    }
    return {cell: policies for cell, policies in whole.items() if PLAIN in policies}


def mean(values: Sequence[float]) -> Mean:
    """Return a mean and its standard error."""
    array = np.array(values, dtype=float)
    error = float(array.std(ddof=1)) / math.sqrt(len(array)) if len(array) > 1 else math.nan
    return Mean(float(array.mean()), error)


def gain(better: Sequence[Row], than: Sequence[Row], metric: Metric, yardstick: str) -> Gain | None:
    """Return how many times better a policy is than another one in a cell, by the ratio of their means over seeds.

    None where a mean is not above 0, so that there is no ratio.
    """
    pairs = np.array([[metric.of(row, yardstick) for row in rows] for rows in (better, than)], dtype=float)
    return log_ratio(pairs, metric.sign * np.array([1.0, -1.0]))


def log_ratio(values: Floats, powers: Floats) -> Gain | None:
    """Return a product of powers of means, with the standard error of its logarithm by the jackknife over seeds.

    Args:
        values: Shape (quantities, seeds).
        powers: Shape (quantities,).

    Returns:
        None if a mean is unknown or not above 0.
    """
    if not (values.mean(axis=1) > 0).all():
        return None
    log = float(powers @ np.log(values.mean(axis=1)))
    count = values.shape[1]
    without = (values.sum(axis=1, keepdims=True) - values) / max(count - 1, 1)
    if count < 2 or not (without > 0).all():
        return Gain(log, math.inf)
    logs = powers @ np.log(without)
    return Gain(log, float(np.sqrt((count - 1) * logs.var())))


def together(gains: Iterable[Gain | None]) -> Gain | None:
    """Return the geometric mean of gains in several cells; None without any, or if one of them is unknown."""
    found = [*gains]
    if not found or None in found:
        return None
    known = [one for one in found if one is not None]
    error = math.sqrt(sum(one.error**2 for one in known)) / len(known)
    return Gain(sum(one.log for one in known) / len(known), error, len(known))


def over(found: Trainings, setting: str, policy: str, than: str, metric: Metric, yardstick: str) -> Gain | None:
    """Return how many times better a policy is than another one under a kind of drift, over all cases measured.

    None if one of the two lacks a case.
    """
    cells = [policies for cell, policies in found.items() if cell.setting == setting]
    if not all(policy in policies and than in policies for policies in cells):
        return None
    return together(gain(policies[policy], policies[than], metric, yardstick) for policies in cells)


def settings_of(found: Trainings) -> list[str]:
    """Return the kinds of drift, in the order of tables."""
    return [*dict.fromkeys(cell.setting for cell in found)]


def policies_of(found: Trainings) -> list[str]:
    """Return the policies, in the order of tables."""
    return sorted({policy for policies in found.values() for policy in policies}, key=order_of_policy)


def cases_of(found: Trainings) -> list[str]:
    """Return the cases, in the order of tables."""
    return [*dict.fromkeys(cell.case for cell in found)]


def of_case(found: Trainings, case: str) -> Trainings:
    """Return the cells of one case."""
    return {cell: policies for cell, policies in found.items() if cell.case == case}
