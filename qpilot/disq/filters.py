"""Policies that work on the pairs of SPSA themselves: a monitor, clip, median of pairs, blocking, a Kalman filter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ..arch.errors import DriftError
from .checks import check_integer, check_number, check_on_alarm
from .policies import Data, Plan, Policy, State, Verdict, answer

LEAST_FOR_MEDIAN = 5
"""Gradients of fewer attempts than this have no median that says much."""

MARGIN = 1.5
"""A rise of the energy that is no more than so many times the largest one before is not unusual."""

LEAST_CHANGES = 10
"""Fewer changes of energy than this have a median absolute deviation that is often far too small."""

NORMAL_PER_DEVIATION = 1.4826
"""Standard deviation over median absolute deviation, of a normal distribution."""


@dataclass(frozen=True, slots=True)
class GradientClip(Policy):
    """Cut gradients down to a multiple of their running median: no circuit more, and spikes do little harm.

    The gradient along a direction is |difference| / (2 c_k). The statistic is the largest one over the median.

    Attributes:
        factor: Gradients are cut to this many medians.
        window: The median is over so many accepted pairs, the calibration pairs at the start among them.

    Raises:
        DriftError: A value is out of range.
    """

    factor: float = 2.5
    window: int = 50
    pairs_only: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number("factor", self.factor, open_low=True)
        check_integer("window", self.window, LEAST_FOR_MEDIAN)

    def correct(self, data: Data) -> Verdict:
        """Cut the differences."""
        past = [np.abs(each.differences) / (2 * each.perturbation) for each in data.state.accepted[-self.window :]]
        median = float(np.median(np.concatenate(past))) if len(past) >= LEAST_FOR_MEDIAN else 0.0
        if median == 0:
            return Verdict(reason="no median yet")
        limit = self.factor * median * 2 * data.state.perturbation
        cut = np.clip(data.differences, -limit, limit)
        ratio = float(np.abs(data.differences).max() / limit * self.factor)
        return Verdict("accept", ratio, self.factor, "clipped" if ratio > self.factor else "", cut)


@dataclass(frozen=True, slots=True)
class EnergyMonitor(Policy):
    """Pause when the energy of a pair jumps above those of the pairs before: a test that takes no circuits.

    From one accepted attempt to the next the mean energy of the new points falls a little, or changes by noise. The
    statistic is how far it lies above the median of the last `recent` ones, in standard deviations of these changes,
    which are estimated by their median absolute deviation. With few parameters the energy of a pair depends on its
    direction, and the changes are not normal: a rise must also be half as large again as the largest one among those
    attempts, or it counts as less. Drift that comes and goes within minutes is what it is for,
    since a pause takes time and no circuits. Drift that lasts passes after the last retry, and is the new usual.

    What it gave, beside references: docs/drift_policies.md in the repository.

    Attributes:
        threshold: Above so many standard deviations is drift.
        window: The standard deviation is over the changes between so many accepted attempts. There are no alarms
            in the first eleven iterations.
        recent: The median is over so many of them.
        on_alarm: "wait" tries the iteration again after a pause, "skip" does so at once, "warn" takes the step and
            logs.
        wait_s: The pause, in seconds.
        max_retries: An iteration that was skipped so often is accepted anyway.

    Raises:
        DriftError: A value is out of range.
    """

    threshold: float = 4.0
    window: int = 20
    recent: int = 3
    on_alarm: Literal["skip", "wait", "warn"] = "wait"
    wait_s: float = 20.0
    max_retries: int = 5
    pairs_only: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number("threshold", self.threshold, open_low=True)
        check_integer("window", self.window, LEAST_CHANGES + 1)
        check_integer("recent", self.recent, 1)
        check_on_alarm(self.on_alarm)
        check_number("wait_s", self.wait_s)
        check_integer("max_retries", self.max_retries, 0)

    def judge(self, data: Data) -> Verdict:
        """Compare the mean energy of the new points with those before."""
        # Calibration pairs do not count: what the first, large steps change would be no drift beside them.
        count = min(self.window, data.state.iteration)
        if count <= LEAST_CHANGES:
            return Verdict(reason="no usual energy yet")
        prime = ~np.isnan(data.values).any(axis=(0, 1, 2))  # groups that have run: all, unless a link has two phases
        past = np.array([each.values[..., prime].sum(axis=-1).mean() for each in data.state.accepted[-count:]])
        changes = np.diff(past)
        spread = NORMAL_PER_DEVIATION * float(np.median(np.abs(changes - np.median(changes))))
        rise = float(data.values[..., prime].sum(axis=-1).mean() - np.median(past[-self.recent :]))
        rises = [past[k] - np.median(past[k - self.recent : k]) for k in range(self.recent, count)]
        scale = max(spread, MARGIN * max(rises, default=0.0) / self.threshold)
        # Without noise and where nothing moves, nothing is unusual.
        statistic = rise / scale if scale > 0 else 0.0
        action, reason = answer(statistic > self.threshold, self.on_alarm, data.state.attempt, self.max_retries)
        wait_s = self.wait_s if action == "wait" else 0.0
        return Verdict(action, statistic, self.threshold, f"energy: {reason}", wait_s=wait_s)


@dataclass(frozen=True, slots=True)
class MedianOfPairs(Policy):
    """Run each pair several times in turn, with fewer shots each time, and take the median of the differences.

    The median starts from the measured energies, so in a chain it comes first.

    Attributes:
        pairs: How often each pair runs; each time with this part of the shots.

    Raises:
        DriftError: `pairs` is out of range.
    """

    pairs: int = 3
    pairs_only: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_integer("pairs", self.pairs, 2)

    def plan(self, state: State) -> Plan:
        """Run the pairs several times."""
        return Plan(repeats=self.pairs)

    def correct(self, data: Data) -> Verdict:
        """Take the median over the repetitions."""
        energies = data.values.sum(axis=-1)
        differences = energies[..., 0] - energies[..., 1]
        return Verdict(reason=f"median of {len(differences)} pairs", differences=np.median(differences, axis=0))


@dataclass(frozen=True, slots=True)
class Blocking(Policy):
    """Take a step only if the energy after it, measured in a job of its own, is not higher than before it.

    The energy before the first step is the mean of the first pair. This is the blocking of Spall's SPSA; it is a policy
    here, so that it goes with the other ones.

    Attributes:
        allowed_increase: By how much the energy may rise; None for twice the standard error of the two energies, which
            takes a sampler.

    Raises:
        DriftError: A value is out of range; or, while it runs, the evaluator gives no variances.
    """

    allowed_increase: float | None = None
    pairs_only: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.allowed_increase is not None:
            check_number("allowed_increase", self.allowed_increase)

    def plan(self, state: State) -> Plan:
        """Ask for the energy after the step."""
        return Plan(look_ahead=True)

    def look_ahead(self, data: Data) -> Verdict:
        """Compare the energies after and before the step."""
        if data.energy_ahead is None:
            return Verdict()
        after, after_variance = data.energy_ahead
        if data.state.energy_at_x is None:
            repeats, directions, points, _ = data.values.shape
            before = data.state.groups.constant + float(data.values.sum(axis=-1).mean())
            before_variance = float(data.variances.sum(axis=-1).mean()) / (repeats * directions * points)
        else:
            before, before_variance = data.state.energy_at_x
        allowed = self.allowed_increase
        if allowed is None:
            allowed = 2 * math.sqrt(after_variance + before_variance)
            if math.isnan(allowed):
                raise DriftError("Blocking has no variances from counts; give allowed_increase, or a sampler.")
        rise = after - before
        blocked = rise > allowed
        return Verdict("block" if blocked else "accept", rise, allowed, "blocked: the energy rose" if blocked else "")


@dataclass(frozen=True, slots=True)
class Kalman(Policy):
    """Pass the energies at plus and at minus through a Kalman filter each, and step by the filtered ones.

    One number is estimated for each sign: it changes from one accepted attempt to the next by a random amount, and is
    measured with noise. This is the alternative that the papers on DISQ and QISMET compare with.

    The filter starts from the measured energies, so in a chain it comes first.

    Attributes:
        noise_ratio: Variance of the measurement over that of the change between attempts; 0 filters nothing.
        transition: Factor between the energies of two attempts that follow each other, from above 0 to 1.
        window: The filter starts anew this many accepted attempts back, by when it has forgotten what came before.

    Raises:
        DriftError: A value is out of range.
    """

    noise_ratio: float = 1.0
    transition: float = 1.0
    window: int = 50
    pairs_only: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number("noise_ratio", self.noise_ratio)
        check_number("transition", self.transition, high=1, open_low=True)
        check_integer("window", self.window, 1)

    def correct(self, data: Data) -> Verdict:
        """Filter the energies of the last attempts and this one."""
        past = [each.values.sum(axis=-1) for each in data.state.accepted[-self.window :]]
        energies = [*past, data.values.sum(axis=-1).mean(axis=0)]
        # With several directions in an attempt, each has filters of its own.
        estimate, variance = energies[0], self.noise_ratio
        for energy in energies[1:]:
            estimate = self.transition * estimate
            variance = self.transition**2 * variance + 1.0
            gain = variance / (variance + self.noise_ratio)
            estimate = estimate + gain * (energy - estimate)
            variance *= 1 - gain
        return Verdict(reason="filtered", differences=estimate[:, 0] - estimate[:, 1])
