"""Policies that run points of earlier iterations again: DISQ, QISMET and a calibrated chi-square test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..arch.errors import DriftError
from .checks import check_integer, check_number, check_on_alarm
from .groups import Groups, PauliSubsets
from .policies import Data, Floats, Measured, Plan, Policy, State, Verdict, answer

EIGHTY_PER_CENT = PauliSubsets()
"""The subsets of the paper."""


@dataclass(frozen=True, slots=True)
class DISQ(Policy):
    """Skip iterations that drift has spoiled, as references from earlier iterations tell (arXiv 2308.06634).

    The prime groups of the points of the last accepted iterations run again beside the new ones. Two rules:

    * "gradient", the paper's: for each point of the pair, the new energy is compared with the mean of the references,
      as they are now and as they were stored. If the two differences have different signs for plus or for minus, the
      attempt is skipped. The statistic is the difference seen now, counted positive where it has the sign of the
      believed one, the lower of plus and minus; the threshold is 0.
    * "amplitude", the published code's: the references have changed by sum_g |new - stored| / sum_g |stored|, averaged
      over them. If that is above 25 - 5 R per cent for plus and for minus, the attempt is skipped. The statistic is
      the lower of the two, in per cent.

    The gradient rule also skips about a third of the attempts where nothing drifts.

    Attributes:
        references: Number R of earlier iterations that run again.
        rule: Which test is made.
        max_retries: An iteration that was skipped so often is accepted anyway.
        subsets: Which groups are prime; None for all.
        two_phase: Run the other groups of the new points in a second job, and only if the attempt is accepted.

    Raises:
        DriftError: A value is out of range.
    """

    references: int = 3
    rule: Literal["gradient", "amplitude"] = "gradient"
    max_retries: int = 10
    subsets: PauliSubsets | None = EIGHTY_PER_CENT
    two_phase: bool = True

    def __post_init__(self) -> None:
        _check_counts(self.references, self.max_retries)
        if self.rule not in ("gradient", "amplitude"):
            raise DriftError(f"rule is {self.rule!r}; it must be 'gradient' or 'amplitude'.")
        if self.rule == "amplitude" and self.references > 4:
            raise DriftError(
                f"references is {self.references}; the amplitude rule allows at most 4, "
                "since its threshold is 25 - 5 R per cent."
            )

    def plan(self, state: State) -> Plan:
        """Run the prime groups of the last R accepted iterations again."""
        prime = _num_prime(self.subsets, state.groups)
        return _rerun(state.accepted[-self.references :], prime, state.shots, self.two_phase)

    def judge(self, data: Data) -> Verdict:
        """Compare the references with what was stored, and the new energies with both."""
        references = data.state.accepted[-self.references :]
        if not references:
            return Verdict(reason="no reference yet")
        prime = _num_prime(self.subsets, data.state.groups)
        # Averages over directions: shapes (references, points of the set, prime groups).
        stored = np.stack([each.values[..., :prime].mean(axis=0) for each in references])
        again = data.means.reshape(len(references), *references[0].values.shape[:2], prime).mean(axis=1)
        if self.rule == "gradient":
            new = data.values[..., :prime].sum(axis=-1).mean(axis=(0, 1))
            statistic = gradient_statistic(new, again.sum(axis=-1), stored.sum(axis=-1))
            threshold, drift = 0.0, statistic < 0
        else:
            counted = data.state.groups.constant if self.subsets and self.subsets.count_identity else 0.0
            statistic = amplitude_statistic(again, stored, counted)
            threshold = 25.0 - 5.0 * self.references
            drift = statistic > threshold
        action, reason = answer(drift, "skip", data.state.attempt, self.max_retries)
        return Verdict(action, statistic, threshold, f"{self.rule} rule: {reason}", old=stored, new=again)


@dataclass(frozen=True, slots=True)
class QISMET(Policy):
    """Skip iterations by the gradient rule with one reference and all groups (arXiv 2209.12280).

    Attributes:
        max_retries: An iteration that was skipped so often is accepted anyway.
    """

    max_retries: int = 10

    def __post_init__(self) -> None:
        _check_counts(1, self.max_retries)

    def plan(self, state: State) -> Plan:
        """Run the last accepted iteration again."""
        return self._disq().plan(state)

    def judge(self, data: Data) -> Verdict:
        """Judge by the gradient rule."""
        return self._disq().judge(data)

    def _disq(self) -> DISQ:
        return DISQ(references=1, max_retries=self.max_retries, subsets=None)


@dataclass(frozen=True, slots=True)
class ChiSquareMonitor(Policy):
    """Test by chi-square whether references differ from what was stored by more than shot noise.

    The false-alarm rate holds for a test whose stored values have not been tested before. After an alarm the same
    stored values are tested again, so without drift a second alarm is somewhat more likely than the first.

    Attributes:
        false_alarm: Probability of an alarm where nothing drifts.
        references: Number of earlier iterations that run again.
        shots_fraction: Shots of a reference, as a part of those of a new point.
        on_alarm: "skip" tries the iteration again, "wait" does so after a pause, "warn" takes the step and logs.
        wait_s: The pause, in seconds.
        max_retries: An iteration that was skipped so often is accepted anyway.
        subsets: Which groups of the references run again; None for all.
        two_phase: Run the other groups of the new points in a second job, and only if the attempt is accepted.

    Raises:
        DriftError: A value is out of range; or, while it runs, the evaluator gives no variances.
    """

    false_alarm: float = 0.01
    references: int = 1
    shots_fraction: float = 0.25
    on_alarm: Literal["skip", "wait", "warn"] = "skip"
    wait_s: float = 60.0
    max_retries: int = 10
    subsets: PauliSubsets | None = EIGHTY_PER_CENT
    two_phase: bool = False

    def __post_init__(self) -> None:
        _check_counts(self.references, self.max_retries)
        for name in ("false_alarm", "shots_fraction"):
            check_number(name, getattr(self, name), high=1, open_low=True)
        check_on_alarm(self.on_alarm)
        check_number("wait_s", self.wait_s)

    def plan(self, state: State) -> Plan:
        """Run the last accepted iterations again, with few shots."""
        prime = _num_prime(self.subsets, state.groups)
        return _rerun(state.accepted[-self.references :], prime, self._shots(state), self.two_phase)

    def judge(self, data: Data) -> Verdict:
        """Compare the references with what was stored, in units of their shot noise."""
        references = data.state.accepted[-self.references :]
        if not references:
            return Verdict(reason="no reference yet")
        prime = _num_prime(self.subsets, data.state.groups)
        shape = (len(references), *references[0].values.shape[:2], prime)
        stored = np.stack([each.values[..., :prime] for each in references])
        again = data.means.reshape(shape)
        weights = data.state.groups.weights[:prime]
        shots = self._shots(data.state)
        # Counts that are all the same have no variance; what one odd shot would have made of them is the least.
        floors = np.array([(weights / each.shots) ** 2 for each in references])[:, None, None, :]
        variance = np.maximum(np.stack([each.variances[..., :prime] for each in references]), floors)
        variance = variance + np.maximum(data.mean_variances.reshape(shape), (weights / shots) ** 2)
        if not np.isfinite(variance).all():
            raise DriftError("ChiSquareMonitor needs variances from counts; give minimize a sampler.")
        statistic = float(((again - stored) ** 2 / variance).sum())
        threshold = chi_square_quantile(1 - self.false_alarm, stored.size)
        alarm = statistic > threshold
        action, reason = answer(alarm, self.on_alarm, data.state.attempt, self.max_retries)
        return Verdict(
            action,
            statistic,
            threshold,
            f"chi-square: {reason}",
            wait_s=self.wait_s if action == "wait" else 0.0,
            old=stored.mean(axis=1),
            new=again.mean(axis=1),
        )

    def _shots(self, state: State) -> int:
        return max(2, round(state.shots * self.shots_fraction))


def gradient_statistic(new: Floats, again: Floats, stored: Floats) -> float:
    """Return how far the gradient rule of DISQ (section 2 of arXiv 2308.06634) is from finding drift.

    Args:
        new: Prime energies of the new points, shape (k,).
        again: Prime energies of the references in the same job, shape (references, k).
        stored: Prime energies of the references as stored, shape (references, k).

    Returns:
        The difference from the references as they are now, counted positive where it has the sign of the difference
        from the stored ones; the lowest of the k. Below 0 is drift.
    """
    seen = new - again.mean(axis=0)
    believed = new - stored.mean(axis=0)
    return float(np.min(seen * np.sign(believed)))


def amplitude_statistic(again: Floats, stored: Floats, counted: float = 0.0) -> float:
    """Return by how many per cent the references have changed, in the one of the k points where it is least.

    Args:
        again: Means of the prime groups of the references in this job, shape (references, k, groups).
        stored: The same as stored.
        counted: A constant to be counted with the first group.
    """
    change = np.abs(again - stored).sum(axis=-1)
    stored = stored.copy()
    stored[..., 0] += counted
    size = np.abs(stored).sum(axis=-1)
    # A reference that was stored as zero and still is has not changed.
    ratio = np.divide(change, size, out=np.where(change > 0, np.inf, 0.0), where=size > 0)
    return float(100.0 * ratio.mean(axis=0).min())


def chi_square_quantile(probability: float, degrees: int) -> float:
    """Return the quantile of the chi-square distribution."""
    from scipy.special import chdtri

    return float(chdtri(degrees, 1 - probability))


def _num_prime(subsets: PauliSubsets | None, groups: Groups) -> int:
    return len(groups) if subsets is None else subsets.num_prime(groups)


def _rerun(references: Sequence[Measured], prime: int, shots: int, two_phase: bool) -> Plan:
    """Return a plan that runs the prime groups of references again, in the order of their stored values."""
    num_prime = prime if two_phase and references else None
    if not references:
        return Plan()
    points = np.concatenate([each.points.reshape(-1, each.points.shape[-1]) for each in references])
    count = len(points) * prime
    groups = np.tile(np.arange(prime), len(points))
    return Plan(np.repeat(points, prime, axis=0), groups, np.full(count, shots), num_prime)


def _check_counts(references: int, max_retries: int) -> None:
    """Refuse numbers that are out of range."""
    check_integer("references", references, 1)
    check_integer("max_retries", max_retries, 0)
