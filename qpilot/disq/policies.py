"""What a policy is: which requests run beside the new points, and what the answers say about the attempt.

A policy keeps nothing from one attempt to the next: all it may look at is handed to it. That makes a resume exact for
any policy, and lets one policy object serve many runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..arch.errors import DriftError
from .groups import Groups

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Action = Literal["accept", "force", "warn", "skip", "wait", "block"]
"""What becomes of an attempt.

accept: the step is taken. force: it is taken although the test failed, since retries have run out. warn: it is taken,
and a warning is logged. skip: it is not taken, and the iteration is tried again. wait: the same after a pause. block:
it is not taken, and the iteration is over.
"""

GRAVITY: tuple[Action, ...] = ("accept", "warn", "force", "skip", "wait", "block")
"""All actions; of several verdicts on an attempt the one whose action comes last counts."""

STAYS: frozenset[Action] = frozenset({"skip", "wait", "block"})
"""Actions that leave the parameters where they are."""

RETRIES: frozenset[Action] = frozenset({"skip", "wait"})
"""Actions after which the same iteration is tried again."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Points of an accepted attempt with the values measured there; references are taken from these.

    The axes are s: direction (one unless SPSA resamples), k: point of the set (plus and minus with SPSA), g: group.

    Attributes:
        points: Shape (s, k, parameters).
        values: Mean of each group, shape (s, k, g).
        variances: Variances of these means; NaN where they are not known.
        shots: Shots behind each value.
        differences: Energy at plus less energy at minus of each direction, as measured; empty if there are no pairs.
        perturbation: Distance c_k of the points from the parameters, per coordinate; 0 if there are no pairs.
    """

    points: Floats
    values: Floats
    variances: Floats
    shots: int
    differences: Floats
    perturbation: float


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What is known before an attempt.

    Attributes:
        groups: Groups of the Hamiltonian.
        shots: Shots of each circuit of the new points.
        iteration: Number of the iteration, from 0.
        attempt: Number of the attempt within the iteration, from 0: how often it was tried before.
        x: Parameters now, shape (parameters,).
        points: New points, shape (s, k, parameters).
        perturbation: Distance c_k of the points from x, per coordinate; 0 if there are no pairs.
        accepted: Points of the accepted attempts so far, the last one last; SPSA begins with its calibration pairs.
        energy_at_x: Energy measured at x itself and its variance, if a policy asked for it.
    """

    groups: Groups
    shots: int
    iteration: int
    attempt: int
    x: Floats
    points: Floats
    perturbation: float
    accepted: Sequence[Measured]
    energy_at_x: tuple[float, float] | None


def _no_floats() -> Floats:
    return np.empty(0)


def _no_ints() -> Ints:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a policy wants run beside the new points, in the same job.

    Attributes:
        points: Points of the extra requests, shape (m, parameters).
        groups: Their groups, shape (m,).
        shots: Their shots, shape (m,).
        num_prime: The new points run only the first so many groups in this job, and the rest in a second one if the
            attempt is accepted; None for all at once.
        repeats: How often the new points run, one after the other, each time with `shots` / `repeats` shots.
        look_ahead: Run the point after the step as well, in a job of its own.
    """

    points: Floats = field(default_factory=_no_floats)
    groups: Ints = field(default_factory=_no_ints)
    shots: Ints = field(default_factory=_no_ints)
    num_prime: int | None = None
    repeats: int = 1
    look_ahead: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """What an attempt measured.

    Attributes:
        state: What was known before.
        values: Means of the new points, shape (repeats, s, k, g); NaN for groups that have not run.
        variances: Variances of these means.
        means: Means of the extra requests of this policy's plan, in its order, shape (m,).
        mean_variances: Variances of these means.
        differences: Energy at plus less energy at minus of each direction, shape (s,), as corrected so far; empty
            before the full energies are known, and if there are no pairs.
        energy_ahead: Energy at the point after the step and its variance, once it is known.
    """

    state: State
    values: Floats
    variances: Floats
    means: Floats
    mean_variances: Floats
    differences: Floats = field(default_factory=_no_floats)
    energy_ahead: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What a policy says of an attempt.

    Attributes:
        action: What becomes of the attempt.
        statistic: What was tested; NaN if nothing was.
        threshold: What it was compared with.
        reason: A few words.
        differences: Corrected differences of energy of each direction, shape (s,); None to leave them.
        wait_s: How long to pause, in seconds.
        old: Stored means of the references, to be recorded.
        new: Means of the references in this job, to be recorded.
    """

    action: Action = "accept"
    statistic: float = float("nan")
    threshold: float = float("nan")
    reason: str = ""
    differences: Floats | None = None
    wait_s: float = 0.0
    old: Floats = field(default_factory=_no_floats)
    new: Floats = field(default_factory=_no_floats)

    def __post_init__(self) -> None:
        if self.action not in GRAVITY:
            raise DriftError(f"The verdict of a policy is {self.action!r}; it must be one of {', '.join(GRAVITY)}.")


class Policy(Protocol):
    """How a run guards itself against drift. For a policy of your own, inherit from this and write what you need.

    In each attempt `plan` comes first, then `judge` when the first job is done; for an accepted attempt `correct`, when
    the full energies are known, and `look_ahead`, if the plan asked for it. Policies compose: `a | b` runs the requests
    of both, the graver verdict counts, and b corrects what a has corrected. Beside a policy in two phases, such as
    DISQ, the values that `judge` sees are NaN for minor groups.

    Attributes:
        pairs_only: It works on differences of pairs, so only with SPSA.

    >>> class SkipIfHigh(Policy):
    ...     def judge(self, data):
    ...         energy = data.values.sum(axis=-1).mean()
    ...         return Verdict("skip" if energy > 0 and data.state.attempt < 5 else "accept", energy, 0.0, "energy")
    """

    __slots__ = ()
    pairs_only: ClassVar[bool] = False

    def plan(self, state: State) -> Plan:
        """Return what to run beside the new points."""
        return Plan()

    def judge(self, data: Data) -> Verdict:
        """Judge an attempt when its first job is done; "skip" and "wait" must end with the attempts."""
        return Verdict()

    def correct(self, data: Data) -> Verdict:
        """Correct the differences of energy of an accepted attempt, or let it stay where it is after all."""
        return Verdict()

    def look_ahead(self, data: Data) -> Verdict:
        """Judge the step when the energy after it is known."""
        return Verdict()

    def __or__(self, other: Policy) -> Chain:
        """Return this policy followed by another one."""
        return Chain((*_links(self), *_links(other)))


@dataclass(frozen=True, slots=True)
class Plain(Policy):
    """No policy: every step is taken as it was measured."""


@dataclass(frozen=True, slots=True)
class Chain(Policy):
    """Policies one after the other; what `|` makes.

    Attributes:
        links: The policies, in order.
    """

    links: tuple[Policy, ...]

    def plan(self, state: State) -> Plan:
        """Return the requests of all links, with the most repeats and prime groups any of them wants."""
        plans = [link.plan(state) for link in self.links]
        extra = [plan for plan in plans if len(plan.groups)]
        every = any(plan.num_prime is None for plan in extra) or not extra
        primes = [plan.num_prime for plan in extra if plan.num_prime is not None]
        return Plan(
            np.concatenate([plan.points for plan in extra]) if extra else _no_floats(),
            np.concatenate([plan.groups for plan in extra]) if extra else _no_ints(),
            np.concatenate([plan.shots for plan in extra]) if extra else _no_ints(),
            None if every else max(primes),
            max(plan.repeats for plan in plans),
            any(plan.look_ahead for plan in plans),
        )

    def judge(self, data: Data) -> Verdict:
        """Return the gravest verdict of the links."""
        verdicts: list[Verdict] = []
        start = 0
        for link in self.links:
            stop = start + len(link.plan(data.state).groups)
            share = replace(data, means=data.means[start:stop], mean_variances=data.mean_variances[start:stop])
            verdicts.append(link.judge(share))
            start = stop
        return together(verdicts)

    def correct(self, data: Data) -> Verdict:
        """Let each link correct what the one before it made of the differences."""
        verdicts: list[Verdict] = []
        for link in self.links:
            verdict = link.correct(data)
            verdicts.append(verdict)
            if verdict.differences is not None:
                data = replace(data, differences=verdict.differences)
        return replace(together(verdicts), differences=data.differences)

    def look_ahead(self, data: Data) -> Verdict:
        """Ask the links that wanted to look ahead."""
        return together([link.look_ahead(data) for link in self.links])


def _links(policy: Policy) -> tuple[Policy, ...]:
    if not hasattr(policy, "judge"):
        raise DriftError(f"{policy!r} is no policy: it cannot be joined to one by |.")
    return policy.links if isinstance(policy, Chain) else (policy,)


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the gravest verdict; among equal ones the first that tested something. Reasons are joined."""
    told = sorted(verdicts, key=lambda verdict: (-GRAVITY.index(verdict.action), np.isnan(verdict.statistic)))
    return replace(told[0], reason="; ".join(verdict.reason for verdict in verdicts if verdict.reason))


def answer(alarm: bool, action: Action, attempt: int, max_retries: int) -> tuple[Action, str]:
    """Return what becomes of an attempt after a test for drift, and why.

    Args:
        alarm: Whether the test found drift.
        action: What to do about it.
        attempt: How often the iteration was tried before.
        max_retries: An iteration that was tried again so often is accepted anyway.
    """
    if not alarm:
        return "accept", "no drift"
    if action != "warn" and attempt >= max_retries:
        return "force", f"drift, accepted after {attempt} retries"
    return action, "drift"


def check_policy(policy: Any, pairs: bool, optimizer: str) -> None:
    """Refuse what is no policy, and one that does not go with the optimizer.

    Args:
        policy: The policy.
        pairs: Whether the optimizer measures pairs of points about its parameters.
        optimizer: Name of the optimizer, for the message.

    Raises:
        DriftError: It is refused.
    """
    if isinstance(policy, type) or not all(
        callable(getattr(policy, name, None)) for name in ("plan", "judge", "correct", "look_ahead", "__or__")
    ):
        raise DriftError(
            f"policy is {policy!r}; it must be an object such as DISQ() or one of a class that inherits from Policy."
        )
    for link in _links(policy):
        if link.pairs_only and not pairs:
            raise DriftError(
                f"{type(link).__name__} works on pairs of points, which {optimizer} does not measure; "
                "use it with SPSA, or use DISQ, QISMET or ChiSquareMonitor."
            )
