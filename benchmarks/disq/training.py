"""One training of the study: what it reached at equal iterations and at equal circuits, and what it detected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from qpilot.disq import Data, FastEngine, History, Plan, Policy, State, Static, Verdict, estimate_cost, minimize
from qpilot.disq.policies import RETRIES
from qpilot.disq.run import attempt_circuits

from .policies import POLICIES, is_judge, resolved
from .problems import Problem, problem
from .settings import SETTINGS, Setting

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FLAGS = ("skip", "wait", "warn", "force")
"""Verdicts that say there is drift."""

CURVE = tuple(2.0 ** (k / 2) for k in range(-4, 7))
"""Where curves of the error are read off, in parts of the circuits that a plain training takes."""


class Machine:
    """An evaluator that runs jobs on the engine, each point in a job of its own if asked for, and keeps the truth.

    The first job is the calibration: it stays whole, so that the windows of the published injection count from the
    first iteration on.

    Args:
        engine: The engine.
        apart: Whether points are jobs of their own.

    Attributes:
        num_groups: Number of groups.
        drifting: For each job that was asked for, whether the machine left its usual state in a circuit of it.
    """

    def __init__(self, engine: FastEngine, *, apart: bool) -> None:
        self.num_groups = engine.num_groups
        self.drifting: list[bool] = []
        self._engine, self._apart = engine, apart

    def run(self, points: Floats, groups: Ints, shots: Ints) -> tuple[Floats, Floats]:
        """Run one job; see `qpilot.disq.Evaluator`."""
        kinds = np.zeros(len(points), dtype=np.int64)
        if self._apart and self.drifting:
            kinds = np.unique(points, axis=0, return_inverse=True)[1].reshape(-1)
        means, variances, drifting = np.empty(len(points)), np.empty(len(points)), False
        for kind in dict.fromkeys(kinds.tolist()):  # in the order in which the points were asked for
            part = kinds == kind
            means[part], variances[part] = self._engine.run(points[part], groups[part], shots[part])
            drifting |= _is_drifting(self._engine)
        self.drifting.append(drifting)
        return means, variances

    def wait(self, seconds: float) -> None:
        """Let time go by."""
        self._engine.wait(seconds)

    def state(self) -> Mapping[str, Any]:
        """Return the state of the engine."""
        return self._engine.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state of the engine."""
        self._engine.restore(state)


def _is_drifting(engine: FastEngine) -> bool:
    """Return whether something that comes and goes was there in the last job."""
    noise = engine.last_noise
    if noise is None:
        return False
    slow = noise.t1_us < Static().t1_us
    return bool((noise.energy_factor < 1).any() or (noise.angle_offset_rad != 0).any() or slow.any())


@dataclass(slots=True)
class Watched(Policy):
    """A policy, and what its attempts would cost.

    Attributes:
        policy: The policy.
        circuits: For each attempt the circuits that it must be able to afford, those of its references among them.
        references: For each attempt the circuits of its references.
    """

    policy: Policy
    circuits: list[int] = field(default_factory=list)
    references: list[int] = field(default_factory=list)

    def plan(self, state: State) -> Plan:
        """Note what the plan costs."""
        plan = self.policy.plan(state)
        self.circuits.append(attempt_circuits(plan, state))
        self.references.append(len(plan.groups))
        return plan

    def judge(self, data: Data) -> Verdict:
        """Judge as the policy does."""
        return self.policy.judge(data)

    def correct(self, data: Data) -> Verdict:
        """Correct as the policy does."""
        return self.policy.correct(data)

    def look_ahead(self, data: Data) -> Verdict:
        """Look ahead as the policy does."""
        return self.policy.look_ahead(data)


class End(NamedTuple):
    """Where a training stands when its circuits have run out.

    Attributes:
        x: Parameters.
        energy: Mean of the last pair that was measured in full; NaN before the first.
        iterations: Iterations that are over.
    """

    x: Floats
    energy: float
    iterations: int


def cut(result: OptimizeResult, circuits: Sequence[int], budget: int) -> End:
    """Return where a training with `budget_circuits` would have ended.

    SPSA with stability 0 and without averaging goes the same way, whatever its number of iterations: a training with
    fewer circuits is the begin of one with more.

    Args:
        result: The training.
        circuits: For each attempt the circuits that it must be able to afford.
        budget: Circuits, those of the calibration included.
    """
    history: History = result.history
    energy = float("nan")
    for record, needed in zip(history, circuits, strict=True):
        if record.total_circuits - record.circuits + needed > budget:
            return End(record.x, energy, record.iteration)
        if record.action not in RETRIES:
            energy = record.energy
    return End(result.x, energy, result.nit)


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """A training and what is known of it beside its result.

    Attributes:
        result: What `minimize` returned.
        watched: The policy with the costs of its attempts.
        machine: The machine with the truth about its jobs.
        engine: The engine, for exact energies.
    """

    result: OptimizeResult
    watched: Watched
    machine: Machine
    engine: FastEngine


def train(
    made: Problem, setting: Setting, policy: Policy, seed: int, iterations: int, *, budget_circuits: int | None = None
) -> Training:
    """Train once.

    Args:
        made: What is trained.
        setting: The drift.
        policy: The policy.
        seed: Seed of the start, the directions, the drift and the shots.
        iterations: Accepted iterations.
        budget_circuits: No attempt begins that could exceed this number.
    """
    engine = FastEngine(made.ansatz, made.groups, setting.process, seed=seed)
    machine, watched = Machine(engine, apart=setting.apart), Watched(policy)
    result = minimize(
        made.ansatz,
        made.hamiltonian,
        made.start(seed),
        evaluator=machine,
        policy=watched,
        maxiter=iterations,
        budget_circuits=budget_circuits,
        seed=seed,
    )
    return Training(result, watched, machine, engine)


def measure(case: str, setting: str, policy: str, seed: int, iterations: int) -> dict[str, Any]:
    """Train once; return the cells of `table.RESULTS`."""
    made, drift = problem(case), SETTINGS[setting]
    trained = train(made, drift, resolved(POLICIES[policy], made.groups), seed, iterations)
    result, needed = trained.result, trained.watched.circuits
    budget = round(estimate_cost(made.hamiltonian, None, iterations).circuits())
    ends = {"iterations": End(result.x, result.fun, result.nit), "circuits": cut(result, needed, budget)}
    on_the_way = [cut(result, needed, round(part * budget)).x for part in CURVE if part * budget <= result.circuits]
    exact = trained.engine.energies(np.array([*(end.x for end in ends.values()), *on_the_way]))
    errors = 1.0 - made.ratio(exact, constant=False)
    cells: dict[str, Any] = {}
    for name, end, energy, error in zip(ends, ends.values(), exact, errors, strict=False):
        cells[f"error_{name}"] = _rounded(error)
        cells[f"ratio_{name}"] = _rounded(made.ratio(energy, constant=True))
        cells[f"noisy_{name}"] = None if np.isnan(end.energy) else _rounded(made.ratio(end.energy, constant=True))
    cells |= {"stopped_at": ends["circuits"].iterations, "circuits": result.circuits}
    cells |= {"attempts": len(result.history), "skips": result.skips}
    cells["curve"] = " ".join(f"{error:.2g}" for error in errors[len(ends) :])
    return cells | (detection(trained) if drift.events and is_judge(trained.watched.policy) else {})


def _rounded(value: Any) -> float:
    """Return a number with five digits, which is more than shot noise leaves."""
    return float(f"{float(value):.5g}")


def detection(trained: Training) -> dict[str, int]:
    """Return how the verdicts of a training compare with the truth, and what its references cost.

    An event is a row of attempts in whose first jobs the machine was not in its usual state; it is detected if one of
    them was flagged.
    """
    history: History = trained.result.history
    truth = np.array([trained.machine.drifting[record.jobs[0]] for record in history])
    flags = np.array([record.action in FLAGS for record in history])
    begins = truth & ~np.concatenate([[False], truth[:-1]])
    event = np.cumsum(begins)
    return {
        "drifting": int(truth.sum()),
        "hits": int((truth & flags).sum()),
        "false_alarms": int((flags & ~truth).sum()),
        "events": int(begins.sum()),
        "detected": len(set(event[truth & flags].tolist())),
        "references": sum(trained.watched.references),
    }
