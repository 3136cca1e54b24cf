"""One run: attempts made of jobs, budgets, the journal, and the answers of earlier jobs when a run is resumed."""

from __future__ import annotations

import logging
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..arch.errors import DriftError
from ..routing.options import Progress, no_progress
from .checkpoint import JobAnswer, Journal
from .groups import Groups
from .jobs import Evaluator
from .policies import RETRIES, STAYS, Data, Floats, Ints, Measured, Plan, Policy, State, Verdict, together
from .records import History, Record
from .spsa import stepped

logger = logging.getLogger(__name__)


class Stop(Exception):  # noqa: N818
    """The run is over; the message says why."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may use up; None for no limit.

    Attributes:
        iterations: Accepted (or blocked) iterations.
        circuits: Circuits, each one group at one point.
        shots: Shots of all circuits together.
        seconds: Wall time.
    """

    iterations: int
    circuits: int | None = None
    shots: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The step of SPSA that an attempt is for: size a_k, distance c_k and the directions, shape (s, parameters)."""

    size: float
    perturbation: float
    directions: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What an attempt came to: its record, and the parameters after it."""

    record: Record
    x: Floats


@dataclass(slots=True, eq=False)
class Run:
    """A run in progress.

    Attributes:
        evaluator: What runs the jobs.
        groups: Groups of the Hamiltonian.
        policy: The policy.
        shots: Shots of each circuit of the new points.
        budget: What the run may use up.
        journal: Where jobs and attempts are written down.
        answers: Answers of the jobs of an earlier run that this one repeats.
        callback: Called after each attempt; True stops the run.
        report: Called with the fraction done and a few words.
        history: The attempts so far.
        accepted: Points of the accepted attempts so far, with what was measured.
        circuits: Circuits so far.
        num_shots: Shots so far.
        iterations: Iterations that are over.
        num_points: Energies of new points asked for so far.
    """

    evaluator: Evaluator
    groups: Groups
    policy: Policy
    shots: int
    budget: Budget
    journal: Journal
    answers: deque[JobAnswer] = field(default_factory=deque)
    callback: Callable[[Record], object] | None = None
    report: Progress = no_progress
    history: History = field(default_factory=History)
    accepted: list[Measured] = field(default_factory=list)
    circuits: int = 0
    num_shots: int = 0
    iterations: int = 0
    num_points: int = 0
    _skips: int = 0
    _num_jobs: int = 0
    _elapsed_s: float = 0.0
    _last_s: float = field(default_factory=time.monotonic)
    _energy_at_x: tuple[float, float] | None = None
    _stopped: bool = False
    _state: Mapping[str, Any] = field(default_factory=dict)

    def calibrate(self, pairs: Iterable[Floats], perturbation: float) -> None:
        """Measure sets of pairs about the start in one job; they are the first references.

        Args:
            pairs: For each set its points, shape (s, 2, parameters).
            perturbation: Their distance from the start, per coordinate.
        """
        points = np.stack(list(pairs))
        self._afford(points[..., 0].size * len(self.groups), points[..., 0].size * len(self.groups) * self.shots)
        values, variances, *_ = self._measure(points, Plan(), range(len(self.groups)))
        for each, value, variance in zip(points, values[0], variances[0], strict=True):
            energies = value.sum(axis=-1)
            differences = energies[:, 0] - energies[:, 1]
            self.accepted.append(Measured(each, value, variance, self.shots, differences, perturbation))

    def attempt(self, x: Floats, points: Floats, attempt: int, step: Step | None) -> Outcome:
        """Measure a set of points as the policy wants it, and let it judge.

        Args:
            x: Parameters now.
            points: New points, shape (s, k, parameters).
            attempt: How often the iteration was tried before.
            step: The step of SPSA that the points are for, if they are.

        Raises:
            Stop: A budget does not allow for it, or the callback wanted an end.
            DriftError: A job failed.
        """
        if self._stopped:
            raise Stop("The callback stopped the run.")
        perturbation = step.perturbation if step else 0.0
        state = State(
            self.groups, self.shots, self.iterations, attempt, x, points, perturbation, self.accepted, self._energy_at_x
        )
        plan = self.policy.plan(state)
        _check_plan(plan, state)
        self._afford(attempt_circuits(plan, state), attempt_shots(plan, state))
        before = self._num_jobs, self.circuits, self.num_shots, self._elapsed_s
        data, verdict, x_next = self._judged(state, plan, step)
        moved = verdict.action not in STAYS
        if verdict.action not in RETRIES:
            self.accepted.append(_measured(data, plan))
            self.iterations += 1
        if moved:
            self._energy_at_x = data.energy_ahead
        record = self._record(data, verdict, step, before)
        self._tell(record, verdict)
        return Outcome(record, x_next if moved else x)

    def finish(self) -> None:
        """Write the last attempt down.

        Raises:
            DriftError: The answers of the earlier run are more than this one asked for; or the file cannot be written.
        """
        if self.answers:
            raise DriftError(f"The checkpoint is of another run: it has {len(self.answers)} jobs too many.")
        self.journal.write(self._state)

    def _judged(self, state: State, plan: Plan, step: Step | None) -> tuple[Data, Verdict, Floats]:
        """Run the jobs of an attempt; return what they gave, the verdict, and the parameters after the step."""
        count = len(self.groups)
        prime = count if plan.num_prime is None else plan.num_prime
        values, variances, means, mean_variances = self._measure(state.points, plan, range(prime), plan)
        self.num_points += state.points[..., 0].size
        data = Data(state, values, variances, means, mean_variances)
        verdict = self.policy.judge(data)
        if verdict.action in STAYS:
            return data, verdict, state.x
        if prime < count:
            minor, minor_variances, *_ = self._measure(state.points, plan, range(prime, count))
            values[..., prime:], variances[..., prime:] = minor[..., prime:], minor_variances[..., prime:]
        if step is None:
            return data, verdict, state.x
        energies = values.sum(axis=-1).mean(axis=0)
        data = replace(data, differences=energies[:, 0] - energies[:, 1])
        corrected = self.policy.correct(data)
        verdicts = [verdict, corrected]
        if corrected.differences is not None:
            data = replace(data, differences=corrected.differences)
        x_next = stepped(state.x, step.size, step.perturbation, step.directions, data.differences)
        if plan.look_ahead and corrected.action not in STAYS:
            ahead, ahead_variances, *_ = self._measure(x_next[None, None], Plan(), range(count))
            energy = self.groups.constant + float(ahead.sum())
            data = replace(data, energy_ahead=(energy, float(ahead_variances.sum())))
            verdicts.append(self.policy.look_ahead(data))
        return data, together(verdicts), x_next

    def _measure(
        self, points: Floats, plan: Plan, groups: range, extra: Plan | None = None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Run points and extra requests in one job, group by group.

        Returns:
            Means and variances of the points, shape (repeats, ..., all groups), NaN for groups not asked for; means
            and variances of the extra requests.
        """
        extra = extra or Plan()
        flat = points.reshape(-1, points.shape[-1])
        shape = (len(groups), plan.repeats, len(flat))
        numbers = np.repeat(np.array(groups), plan.repeats * len(flat))
        own = np.broadcast_to(flat, (len(groups) * plan.repeats, *flat.shape)).reshape(-1, flat.shape[1])
        all_points = np.concatenate([own, extra.points]) if len(extra.groups) else own
        all_groups = np.concatenate([numbers, extra.groups])
        shots = np.concatenate([np.full(len(numbers), shots_each(self.shots, plan)), extra.shots])
        order = np.argsort(all_groups, kind="stable")
        means, variances = np.empty(len(order)), np.empty(len(order))
        means[order], variances[order] = self._job(all_points[order], all_groups[order], shots[order])
        result = []
        for answers in (means, variances):
            full = np.full((plan.repeats, len(flat), len(self.groups)), np.nan)
            full[..., groups.start : groups.stop] = np.moveaxis(answers[: len(numbers)].reshape(shape), 0, -1)
            result.append(full.reshape(plan.repeats, *points.shape[:-1], len(self.groups)))
        return result[0], result[1], means[len(numbers) :], variances[len(numbers) :]

    def _job(self, points: Floats, groups: Ints, shots: Ints) -> tuple[Floats, Floats]:
        """Run one job, or take its answer from the run that this one repeats."""
        digest = zlib.crc32(shots.tobytes(), zlib.crc32(groups.tobytes(), zlib.crc32(points.tobytes())))
        if self.answers:
            answer = self.answers.popleft()
            if answer.digest != digest or len(answer.means) != len(groups) or len(answer.variances) != len(groups):
                raise DriftError(
                    f"The checkpoint is of another run: job {self._num_jobs} asked for other points, groups or shots."
                )
            self._last_s = time.monotonic()
        else:
            means, variances = self._answer(points, groups, shots)
            now = time.monotonic()
            answer = JobAnswer(digest, means.tolist(), variances.tolist(), now - self._last_s)
            self._last_s = now
        self._num_jobs += 1
        self._elapsed_s += answer.wall_s
        self.circuits += len(groups)
        self.num_shots += int(shots.sum())
        self.journal.add_job(answer)
        if self.journal.path is not None and not self.answers:
            # A pause after this job is not part of the state: a resumed run pauses again.
            self._state = self.evaluator.state()
            self.journal.write(self._state)
        return answer.arrays()

    def _answer(self, points: Floats, groups: Ints, shots: Ints) -> tuple[Floats, Floats]:
        """Let the evaluator run a job and check what comes back."""
        try:
            means, variances = (np.asarray(array, dtype=float) for array in self.evaluator.run(points, groups, shots))
        except DriftError:
            raise
        except Exception as error:
            words = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ")
            raise DriftError(f"Job {self._num_jobs} failed with {words}.") from error
        if means.shape != groups.shape or variances.shape != groups.shape:
            raise DriftError(
                f"Job {self._num_jobs} had {len(groups)} requests, and the evaluator returned means of shape "
                f"{means.shape} and variances of shape {variances.shape}."
            )
        if not np.isfinite(means).all():
            first = int(np.argmin(np.isfinite(means)))
            raise DriftError(
                f"Job {self._num_jobs} gave the energy {means[first]} for group {groups[first]} at the parameters "
                f"{np.array2string(points[first], precision=4, threshold=8)}."
            )
        return means, variances

    def _afford(self, circuits: int, shots: int) -> None:
        """Stop if the budget does not allow for so much more."""
        budget = self.budget
        if budget.circuits is not None and self.circuits + circuits > budget.circuits:
            raise Stop(f"The budget of {budget.circuits} circuits is used up.")
        if budget.shots is not None and self.num_shots + shots > budget.shots:
            raise Stop(f"The budget of {budget.shots} shots is used up.")
        if budget.seconds is None or self.answers:  # a run that is repeated has gone on here, whatever the time
            return
        if self._elapsed_s + time.monotonic() - self._last_s >= budget.seconds:
            raise Stop(f"The budget of {budget.seconds:g} seconds is used up.")

    def _record(self, data: Data, verdict: Verdict, step: Step | None, before: tuple[int, int, int, float]) -> Record:
        values = data.values.mean(axis=0)
        record = Record(
            iteration=data.state.iteration,
            attempt=data.state.attempt,
            jobs=tuple(range(before[0], self._num_jobs)),
            x=data.state.x,
            directions=step.directions if step else np.empty((0, len(data.state.x))),
            perturbation=data.state.perturbation,
            energies=values.sum(axis=-1) + self.groups.constant,
            values=values,
            variances=data.variances.mean(axis=0) / len(data.variances),
            old=verdict.old,
            new=verdict.new,
            differences=data.differences,
            energy_ahead=None if data.energy_ahead is None else data.energy_ahead[0],
            action=verdict.action,
            statistic=None if np.isnan(verdict.statistic) else float(verdict.statistic),
            threshold=None if np.isnan(verdict.threshold) else float(verdict.threshold),
            reason=verdict.reason,
            circuits=self.circuits - before[1],
            shots=self.num_shots - before[2],
            total_circuits=self.circuits,
            total_shots=self.num_shots,
            wall_s=self._elapsed_s - before[3],
        )
        self._skips += record.skipped
        self.history.records.append(record)
        self.journal.add_record(record)
        return record

    def _tell(self, record: Record, verdict: Verdict) -> None:
        """Log, report, pause and call back, unless the run repeats what was told before."""
        if self.answers:
            return
        level = logging.WARNING if record.action in ("warn", "wait") else logging.INFO
        logger.log(
            level, "iteration %d, attempt %d: %s, energy %.6g; %s", record.iteration, record.attempt, record.action,
            record.energy, record.reason,
        )  # fmt: skip
        rate = self._skips / len(self.history)
        energy = "" if np.isnan(record.energy) else f", energy {record.energy:.6g}"
        self.report(
            self._fraction(), f"iteration {self.iterations} of {self.budget.iterations}{energy}, {rate:.0%} skipped"
        )
        answer = None if self.callback is None else self.callback(record)
        if isinstance(answer, (bool, np.bool_)):  # what else a callback returns means nothing
            self._stopped = bool(answer)  # not at once: the step of this attempt counts
        if record.action == "wait" and verdict.wait_s > 0:
            getattr(self.evaluator, "wait", time.sleep)(verdict.wait_s)

    def _fraction(self) -> float:
        """Return the part of the budget that is used up, of whatever is scarcest."""
        used = [(self.iterations, self.budget.iterations), (self.circuits, self.budget.circuits)]
        used += [(self.num_shots, self.budget.shots)]
        parts = [part / whole for part, whole in used if whole]
        if self.budget.seconds:
            parts.append(self._elapsed_s / self.budget.seconds)
        return min(1.0, max(parts))


def shots_each(shots: int, plan: Plan) -> int:
    """Return the shots of each circuit of the new points."""
    return max(1, shots // plan.repeats)


def attempt_circuits(plan: Plan, state: State) -> int:
    """Return the circuits of an attempt that is accepted."""
    size, count = state.points[..., 0].size, len(state.groups)
    return size * count * plan.repeats + len(plan.groups) + (count if plan.look_ahead else 0)


def attempt_shots(plan: Plan, state: State) -> int:
    """Return the shots of an attempt that is accepted."""
    size, count = state.points[..., 0].size, len(state.groups)
    new = size * count * plan.repeats * shots_each(state.shots, plan)
    return new + int(np.sum(plan.shots)) + (count * state.shots if plan.look_ahead else 0)


def skip_circuits(plan: Plan, state: State) -> int:
    """Return the circuits of an attempt that is skipped."""
    count = len(state.groups) if plan.num_prime is None else plan.num_prime
    return state.points[..., 0].size * count * plan.repeats + len(plan.groups)


def _check_plan(plan: Plan, state: State) -> None:
    """Refuse a plan that cannot be run."""
    count, extra = len(state.groups), len(plan.groups)
    if plan.repeats < 1 or not (plan.num_prime is None or 1 <= plan.num_prime <= count):
        raise DriftError(f"The policy planned {plan.repeats} repeats and {plan.num_prime} prime groups of {count}.")
    if not extra:
        return
    if np.shape(plan.points) != (extra, len(state.x)) or np.shape(plan.shots) != (extra,):
        raise DriftError(
            f"The policy planned {extra} extra requests with points of shape {np.shape(plan.points)} and shots of "
            f"shape {np.shape(plan.shots)}; they must be {(extra, len(state.x))} and {(extra,)}."
        )
    if np.min(plan.groups) < 0 or np.max(plan.groups) >= count or np.min(plan.shots) < 1:
        raise DriftError(
            f"The policy planned a request of a group that is not one of {count}, or of less than one shot."
        )


def _measured(data: Data, plan: Plan) -> Measured:
    """Return the new points of an attempt, averaged over repeats."""
    return Measured(
        data.state.points,
        data.values.mean(axis=0),
        data.variances.mean(axis=0) / len(data.variances),
        shots_each(data.state.shots, plan) * plan.repeats,
        data.values.sum(axis=-1).mean(axis=0) @ np.array([1.0, -1.0]) if data.state.perturbation else np.empty(0),
        data.state.perturbation,
    )
