"""Sentences made from the rows: where published gains are reached and where not, and what wins at equal circuits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ..compare import Row
from ..markdown import number, page
from .policies import COMPARED, PLAIN, PUBLISHED, SUBSETS
from .stats import ERROR, METRICS, Gain, Metric, Trainings, log_ratio, over, policies_of, settings_of, together
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
    if not np.isfinite(gain.error):
        return f"{number(gain.times)} times"
    return f"{number(gain.times)} ± {number(gain.times * gain.error)} times"


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
    parts.append(f"**{low}-{high} times over a plain training.** {_gains(found, ours, [PLAIN], low)}")
    low, high = OVER_OTHERS
    known = [policy for policy in (PLAIN, *COMPARED) if policy in policies_of(found)]
    others = [policy for policy in policies_of(found) if policy not in PUBLISHED]
    parts.append(
        f"**{low}-{high} times over the best alternative.** Among those that were published with it "
        f"({', '.join(known)}): {_gains(found, ours, known, low)} Among all that are measured here: "
        f"{_gains(found, ours, others, low)}"
    )
    parts.append(f"**Detection {DETECTION} times faster by subsetting.** {detection_gains(found)}")
    return page(parts)


def best(found: Trainings, ours: Sequence[str], others: Sequence[str], metric: Metric, yardstick: str) -> list[Best]:
    """Return for each kind of drift the best of our policies, compared with the best of the others."""
    result = []
    for setting in settings_of(found):

        def score(policy: str, setting: str = setting) -> float:
            one = over(found, setting, policy, PLAIN, metric, yardstick)
            return -np.inf if one is None else one.log

        policy, than = max(ours, key=score), max(others, key=score)
        compared = over(found, setting, policy, than, metric, yardstick)
        if compared is not None:
            result.append(Best(setting, policy, than, compared))
    return result


def _gains(found: Trainings, ours: Sequence[str], others: Sequence[str], least: float) -> str:
    """Return a sentence for each yardstick: where the gain is reached, by each metric, and where not."""
    sentences = []
    for yardstick in YARDSTICKS:
        parts = []
        for metric in METRICS:
            compared = best(found, ours, others, metric, yardstick)
            if not compared:
                continue
            reached = [one for one in compared if one.gain.reaches(least)]
            missed = [one for one in compared if not one.gain.reaches(least)]
            most = max(compared, key=lambda one: one.gain.log)
            if reached:
                text = f"under {_listed(_named(one, others) for one in reached)}"
                text += f", not under {_listed(one.setting for one in missed)}" if missed else ""
            else:
                text = f"nowhere, at most {_named(most, others)}"
            parts.append(f"by the {metric.name} {text}")
        if parts:
            sentences.append(f"At equal {yardstick}: {'; '.join(parts)}.")
    return " ".join(sentences)


def _named(one: Best, others: Sequence[str]) -> str:
    than = f" over {one.than}" if len(others) > 1 else ""
    return f"{one.setting} ({one.policy}{than}: {times(one.gain)})"


def detection_gains(found: Trainings) -> str:
    """Return by how much subsetting lowers the circuits of references for each event that is detected."""
    sentences = []
    for prime, whole in SUBSETS:
        by_cell = {
            cell: subset_gain(policies[prime], policies[whole])
            for cell, policies in found.items()
            if prime in policies and whole in policies
        }
        known = {cell: one for cell, one in by_cell.items() if one is not None}
        if not known:
            continue
        reached = [
            f"{cell.case} under {cell.setting} ({times(one)})" for cell, one in known.items() if one.reaches(DETECTION)
        ]
        mean = together(known.values())
        text = f"{prime} beside {whole}: " + (
            f"reached in {len(reached)} of {len(known)} cases and kinds of drift: {_listed(reached)}"
            if reached
            else f"reached in none of {len(known)} cases and kinds of drift"
        )
        most = max(known, key=lambda cell: known[cell].log)
        text += f"; the most is {times(known[most])}, for {most.case} under {most.setting}"
        if mean is not None:
            text += f", and the geometric mean {times(mean)}"
        sentences.append(f"{text}.")
    if not sentences:
        return "No case was measured in which subsets are smaller than the whole."
    heading = (
        "By the circuits of references for each event that is detected, where subsets are smaller than the whole: "
    )
    return heading + " ".join(sentences)


def subset_gain(prime: Sequence[Row], whole: Sequence[Row]) -> Gain | None:
    """Return how many times fewer circuits of references a detected event takes with subsets.

    None without events, or where all groups are prime.
    """
    columns = [[row[name] for row in rows] for rows in (whole, prime) for name in ("references", "detected")]
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
            text += f"; clearly better than that are also {_listed(also)}" if also else ""
        else:
            text += f"nothing is clearly better than a plain training; {first} comes to {times(gains[first])}"
        worse = [policy for policy in gains if gains[policy].log < 0 and gains[policy].is_clear]
        text += f"; clearly worse are {_listed(worse)}" if worse else ""
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
