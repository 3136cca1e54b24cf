"""Sentences made from the rows: where published gains are reached and where not, and what wins at equal circuits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ..compare import Row
from ..markdown import number, page
from .policies import COMPARED, PLAIN, PUBLISHED, SUBSETS
from .stats import (
    ERROR,
    METRICS,
    Gain,
    Mean,
    Metric,
    Trainings,
    cases_of,
    log_ratio,
    of_case,
    over,
    policies_of,
    settings_of,
    together,
)
from .table import YARDSTICKS

OVER_PLAIN, OVER_OTHERS, DETECTION = (1.51, 2.24), (1.1, 1.9), 2.07
"""Gains published for DISQ (arXiv 2308.06634): of fidelity over a plain training and over the best alternative, least
and greatest, and of the circuits that a detection takes, by Pauli-term subsetting."""


class Best(NamedTuple):
    """The best of several policies under a kind of drift.

    Attributes:
        setting: The kind of drift.
        policy: The best policy.
        than: What it is compared with.
        gain: Its gain.
    """

    setting: str
    policy: str
    than: str
    gain: Gain


def times(gain: Gain) -> str:
    """Return a gain in words, with its standard error."""
    return f"{plus_minus(Mean(gain.times, gain.times * gain.error))} times"


def plus_minus(one: Mean) -> str:
    """Return a mean with its standard error, if that is known."""
    if not math.isfinite(one.error):
        return number(one.value)
    return f"{number(one.value)} ± {one.error:.1g}"


def published_gains(found: Trainings) -> str:
    """Return where the published method gains as much as was published, by which figure, and where not."""
    ours = [policy for policy in PUBLISHED if policy in policies_of(found)]
    if not ours:
        return ""
    parts = [
        f"The kinds of drift are {_listed(settings_of(found))}. Of the variants of DISQ ({', '.join(ours)}) the best "
        "under each of them counts, by geometric means over the cases. A gain is reached if it is that large, and "
        "above 1 by more than two standard errors. The best of several is somewhat better by chance alone."
    ]
    low, high = OVER_PLAIN
    parts += [
        f"**{low}-{high} times over a plain training:**",
        _gains(found, ours, [PLAIN], low),
        _single_cases(found, ours, [PLAIN], low),
    ]
    low, high = OVER_OTHERS
    known = [policy for policy in (PLAIN, *COMPARED) if policy in policies_of(found)]
    others = [policy for policy in policies_of(found) if policy not in PUBLISHED]
    parts += [
        f"**{low}-{high} times over the best alternative,** among those that the publications compare with "
        f"({', '.join(known)}):",
        _gains(found, ours, known, low),
        _single_cases(found, ours, known, low),
        "The same among all that are measured here:",
        _gains(found, ours, others, low),
        _single_cases(found, ours, others, low),
        f"**Detection {DETECTION} times faster by subsetting,** counted in circuits of references for each attempt "
        "that is flagged rightly, where not all groups are prime:",
        detection_gains(found),
    ]
    return page(parts)


def best(found: Trainings, ours: Sequence[str], others: Sequence[str], metric: Metric, yardstick: str) -> list[Best]:
    """Return for each kind of drift the best of our policies, compared with the best of the others."""
    result = []
    for setting in settings_of(found):

        def score(policy: str, setting: str = setting) -> float:
            one = over(found, setting, policy, PLAIN, metric, yardstick)
            return -math.inf if one is None else one.log

        policy, than = max(ours, key=score), max(others, key=score)
        compared = over(found, setting, policy, than, metric, yardstick)
        if compared is not None:
            result.append(Best(setting, policy, than, compared))
    return result


def _gains(found: Trainings, ours: Sequence[str], others: Sequence[str], least: float) -> str:
    """Return for each yardstick where the gain is reached, by which metric, and how much there is at most elsewhere."""
    lines = []
    for yardstick in YARDSTICKS:
        nowhere, unknown = [], []
        for metric in METRICS:
            compared = best(found, ours, others, metric, yardstick)
            reached = [one for one in compared if one.gain.reaches(least)]
            missed = [one.setting for one in compared if not one.gain.reaches(least)]
            if reached:
                text = (
                    f"* at equal {yardstick}, by the {metric.name}, under {_listed(_named(o, others) for o in reached)}"
                )
                lines.append(f"{text}; not under {_listed(missed)}." if missed else f"{text}.")
            elif compared:
                most = max(compared, key=lambda one: one.gain.log)
                nowhere.append(f"the {metric.name}, at most under {_named(most, others)}")
            lacking = [one for one in settings_of(found) if one not in {each.setting for each in compared}]
            unknown += [f"by the {metric.name} under {_listed(lacking)}"] if lacking else []
        if nowhere:
            lines.append(f"* at equal {yardstick}, nowhere by {_listed(nowhere, '; ')}.")
        if unknown:
            lines.append(
                f"* at equal {yardstick}, no ratio, since a mean is below 0 or missing, {_listed(unknown, '; ')}."
            )
    return "\n".join(lines)


def _single_cases(found: Trainings, ours: Sequence[str], others: Sequence[str], least: float) -> str:
    """Return in which single cases the gain is reached, for each yardstick and metric."""
    count = len(found)
    lines = []
    for yardstick in YARDSTICKS:
        for metric in METRICS:
            reached = [
                f"{case} under {_named(one, others)}"
                for case in cases_of(found)
                for one in best(of_case(found, case), ours, others, metric, yardstick)
                if one.gain.reaches(least)
            ]
            if reached:
                lines.append(
                    f"* at equal {yardstick}, by the {metric.name}, in {len(reached)} of {count}: {_listed(reached)}."
                )
    heading = "Case by case, with the best variant and the best alternative of each:"
    return "\n\n".join([heading, "\n".join(lines)]) if lines else "In no single case."


def _named(one: Best, others: Sequence[str]) -> str:
    than = f" over {one.than}" if len(others) > 1 else ""
    return f"{one.setting} ({one.policy}{than}: {times(one.gain)})"


def detection_gains(found: Trainings) -> str:
    """Return by how much subsetting lowers the circuits of references for each attempt that is flagged rightly."""
    lines = []
    for prime, whole in SUBSETS:
        gains = {
            cell: one
            for cell, policies in found.items()
            if prime in policies and whole in policies and (one := subset_gain(policies[prime], policies[whole]))
        }
        if not gains:
            continue
        reached = [cell for cell, one in gains.items() if one.reaches(DETECTION)]
        mean, most = together(gains.values()), max(gains, key=lambda cell: gains[cell].log)
        text = f"* {prime} beside {whole}: reached in {len(reached)} of {len(gains)} cases and kinds of drift"
        if reached:
            text += f", {_listed(f'{cell.case} under {cell.setting} ({times(gains[cell])})' for cell in reached)}"
        else:
            text += f"; the most is {times(gains[most])}, for {most.case} under {most.setting}"
        text += f"; the geometric mean is {times(mean)}" if mean else ""
        lines.append(f"{text}.")
    return "\n".join(lines) or "No such case was measured."


def subset_gain(prime: Sequence[Row], whole: Sequence[Row]) -> Gain | None:
    """Return how many times fewer circuits of references a rightly flagged attempt takes with subsets.

    None without such attempts, or where all groups are prime.
    """
    columns = [[row[name] for row in rows] for rows in (whole, prime) for name in ("references", "hits")]
    if any(value is None for column in columns for value in column) or columns[0] == columns[2]:
        return None
    return log_ratio(np.array(columns, dtype=float), np.array([1.0, -1.0, -1.0, 1.0]))


def winners(found: Trainings) -> str:
    """Return for each kind of drift what has the least error at equal circuits, and what else beats a plain one."""
    lines, compared = [], 0
    for setting in settings_of(found):
        gains = {
            policy: one
            for policy in policies_of(found)
            if policy != PLAIN and (one := over(found, setting, policy, PLAIN, ERROR, "circuits")) is not None
        }
        if not gains:
            continue
        compared += len(gains)
        first, *others = sorted(gains, key=lambda policy: -gains[policy].log)
        cases = gains[first].cells
        text = f"* {setting} ({cases} case{'s' * (cases > 1)}): "
        if gains[first].log > 0 and gains[first].is_clear:
            text += f"{first} has the least error, {times(gains[first])} less than a plain training"
            also = [policy for policy in others if gains[policy].log > 0 and gains[policy].is_clear]
            text += f"; also clearly better than a plain training: {_listed(also)}" if also else ""
        else:
            text += f"nothing is clearly better than a plain training; {first} comes to {times(gains[first])}"
        worse = [policy for policy in gains if gains[policy].log < 0 and gains[policy].is_clear]
        text += f"; clearly worse: {_listed(worse)}" if worse else ""
        lines.append(f"{text}.")
    if not lines:
        return ""
    heading = (
        "Error of the noiseless energy at the parameters returned when the circuits of a plain training have run out; "
        "geometric means over cases of the ratio of means over seeds. Clear is what is beyond two standard errors: of "
        f"the {compared} comparisons here, about {number(round(0.05 * compared))} would be so by chance."
    )
    return page([heading, "\n".join(lines)])


def _listed(words: Iterable[str], comma: str = ", ") -> str:
    *first, last = words
    return f"{comma.join(first)} and {last}" if first else last
