"""The search for a policy that beats a plain training at equal circuits; docs/drift_policies.md tells what it found.

Every row of OUT/rows.csv is one training, read off at three yardsticks: when it has used the circuits, the shots, or
the time of the machine that a plain training takes for its iterations. OUT/table.md holds the mean errors
and their differences from the plain training with the same seed. A run that was broken off goes on where it was.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from qpilot.arch.errors import QPilotError
from qpilot.arch.files import write_bytes
from qpilot.disq import (
    Blocking,
    ChiSquareMonitor,
    CoherentBursts,
    Data,
    EnergyMonitor,
    FastEngine,
    GradientClip,
    MedianOfPairs,
    PauliSubsets,
    Plain,
    Plan,
    Policy,
    Record,
    State,
    Verdict,
    minimize,
)

from . import rows, runs
from .command import stale_keys
from .compare import Row
from .disq.problems import PROBLEMS, problem
from .disq.settings import SETTINGS, Setting
from .markdown import page, table
from .rows import Layout, RowsError

ITERATIONS, SHOTS, CALIBRATION_PAIRS = 300, 1024, 25
HEAVIEST = PauliSubsets(1e-6)
"""The heaviest group alone."""


@dataclass(frozen=True, slots=True)
class Sentinel(Policy):
    """The chi-square test in one of a number of iterations, and in every retry."""

    test: ChiSquareMonitor
    every: int

    def _now(self, state: State) -> bool:
        return state.attempt > 0 or state.iteration % self.every == 0

    def plan(self, state: State) -> Plan:
        """Run references when it is time to."""
        return self.test.plan(state) if self._now(state) else Plan()

    def judge(self, data: Data) -> Verdict:
        """Test them."""
        return self.test.judge(data) if self._now(data.state) else Verdict()


@dataclass(frozen=True, slots=True)
class Confirmed(Policy):
    """Suspicion that takes no circuits, and references beside the retry alone: without drift there, the step counts."""

    suspect: EnergyMonitor
    test: ChiSquareMonitor

    def plan(self, state: State) -> Plan:
        """Run references beside a retry."""
        return self.test.plan(state) if state.attempt else Plan()

    def judge(self, data: Data) -> Verdict:
        """Ask the references, if there is a suspicion."""
        suspicion = self.suspect.judge(data)
        if suspicion.action in ("accept", "force") or not data.state.attempt:
            return suspicion
        return self.test.judge(data)


@dataclass(frozen=True, slots=True)
class Early(Policy):
    """References in the first iterations, in which the monitor has no usual changes yet; then the monitor."""

    monitor: EnergyMonitor
    test: ChiSquareMonitor
    iterations: int = 11

    def plan(self, state: State) -> Plan:
        """Run references at the start."""
        return self.test.plan(state) if state.iteration < self.iterations else Plan()

    def judge(self, data: Data) -> Verdict:
        """Test the references, or watch the energy."""
        return (self.test if data.state.iteration < self.iterations else self.monitor).judge(data)


@dataclass(frozen=True, slots=True)
class Rescaled(Policy):
    """References that skip nothing: differences are scaled by what the references have lost since they were stored."""

    test: ChiSquareMonitor
    most: float = 4.0

    def plan(self, state: State) -> Plan:
        """Run references."""
        return self.test.plan(state)

    def correct(self, data: Data) -> Verdict:
        """Scale the differences by the ratio that fits the references best."""
        if not data.state.accepted:
            return Verdict()
        last = data.state.accepted[-1].values
        stored = last[..., : data.means.size // last[..., 0].size].ravel()
        lost = float(stored @ data.means) / float(stored @ stored)
        return Verdict(differences=data.differences / np.clip(lost, 1 / self.most, self.most))


@dataclass(frozen=True, slots=True)
class Told(Policy):
    """What no policy can do better: it is told whether there was a burst in the job, and pauses if so.

    Attributes:
        engine: The machine; None stands for the one of the training.
    """

    engine: FastEngine | None = None

    def judge(self, data: Data) -> Verdict:
        """Ask the machine."""
        noise = None if self.engine is None else self.engine.last_noise
        burst = noise is not None and bool((noise.energy_factor < 1).any() or (noise.angle_offset_rad != 0).any())
        return Verdict("wait" if burst and data.state.attempt < 5 else "accept", wait_s=20.0)


_FEW = ChiSquareMonitor(on_alarm="wait", wait_s=20.0, max_retries=5, subsets=HEAVIEST)
"""References with a quarter of the shots, of the heaviest group alone."""

POLICIES: dict[str, Policy] = {
    "plain": Plain(),
    "told": Told(),
    "clip": GradientClip(),
    "median": MedianOfPairs(),
    "blocking": Blocking(),
    "chi-square": ChiSquareMonitor(),
    "chi-square, wait": ChiSquareMonitor(on_alarm="wait", wait_s=20.0, max_retries=5),
    "chi-square, one group, wait": _FEW,
    "sentinel": Sentinel(_FEW, every=5),
    "ratio": Rescaled(_FEW),
    "energy": EnergyMonitor(),
    "energy, skip": EnergyMonitor(on_alarm="skip"),
    "energy, 60 s": EnergyMonitor(wait_s=60.0),
    "energy, 3 sigma": EnergyMonitor(threshold=3.0),
    "energy, 10 retries": EnergyMonitor(max_retries=10),
    "energy, median of 10": EnergyMonitor(recent=10),
    "energy, references": Confirmed(EnergyMonitor(threshold=3.0), _FEW),
    "references first, energy": Early(EnergyMonitor(), _FEW),
    "energy + clip": EnergyMonitor() | GradientClip(),
    "energy, skip + clip": EnergyMonitor(on_alarm="skip") | GradientClip(),
}
"""What was tried, by its name."""

DRIFTS: dict[str, Setting] = SETTINGS | {
    "coherent-weak": Setting(
        "each qubit turns too far by an angle of its own, typically 0.3 rad, for twenty seconds, every four minutes",
        CoherentBursts(rate_per_s=1 / 220, duration_s=20.0, offset_rad=0.3),
        True,
    ),
    "coherent-long": Setting(
        "each qubit turns too far by an angle of its own, typically 1 rad, for five minutes, every twenty-five minutes",
        CoherentBursts(rate_per_s=1 / 1200, duration_s=300.0, offset_rad=1.0),
        True,
    ),
}
"""The drift of the study, and some that lasts otherwise than the pauses of the monitor."""

YARDSTICKS = ("circuits", "shots", "time")
KEY = ("case", "setting", "policy", "seed")
RESULTS = (*(f"error_{name}" for name in YARDSTICKS), "iterations", "skips", "shots", "time_s")
"""Cells of a training; those after the errors are what it had done and used when its circuits had run out."""


def _place(row: Row) -> tuple[Any, ...]:
    names = list(POLICIES)
    known = row["policy"] in names
    return row["case"], row["setting"], names.index(row["policy"]) if known else len(names), row["policy"], row["seed"]


LAYOUT = Layout(
    (*KEY, *RESULTS, "note"),
    frozenset({"case", "setting", "policy", "note"}),
    frozenset({"seed", "iterations", "skips", "shots"}),
    _place,
)


class Job(NamedTuple):
    """A training to measure."""

    case: str
    setting: str
    policy: str
    seed: int
    iterations: int


class Stand(NamedTuple):
    """What a training had used up after an attempt, and the time of its machine."""

    record: Record
    time_s: float


def measure(job: Job) -> dict[str, Any]:
    """Train until all three yardsticks are reached; return the cells of `RESULTS`."""
    logging.disable(logging.WARNING)  # alarms are what is measured here
    made = problem(job.case)
    engine = FastEngine(made.ansatz, made.groups, DRIFTS[job.setting].process, seed=job.seed)
    policy = POLICIES[job.policy]
    if isinstance(policy, Told):
        policy = Told(engine)
    stands: list[Stand] = []
    circuits = 2 * len(made.groups) * (CALIBRATION_PAIRS + job.iterations)
    # A plain training: circuits of half a second, and a gap after each job, the calibration among them.
    limits = {"circuits": circuits, "shots": circuits * SHOTS, "time": circuits * 0.5 + (1 + job.iterations) * 5.0}

    def used(stand: Stand) -> dict[str, float]:
        return {"circuits": stand.record.total_circuits, "shots": stand.record.total_shots, "time": stand.time_s}

    def note(record: Record) -> bool:
        stands.append(Stand(record, float(engine.state()["drift"]["time_s"])))
        return all(used(stands[-1])[name] > limit for name, limit in limits.items())

    minimize(
        made.ansatz, made.hamiltonian, made.start(job.seed), evaluator=engine, policy=policy,
        maxiter=100 * job.iterations, shots=SHOTS, seed=job.seed, callback=note,
    )  # fmt: skip
    ends = {
        name: next(place for place, stand in enumerate(stands) if used(stand)[name] > limit)
        for name, limit in limits.items()
    }
    # The parameters before the attempt that is too much are those after the last one that is not.
    exact = engine.energies(np.array([stands[place].record.x for place in ends.values()]))
    errors = 1.0 - made.ratio(exact, constant=False)
    done = stands[: ends["circuits"]]
    return {
        **{f"error_{name}": float(f"{error:.5g}") for name, error in zip(ends, errors, strict=True)},
        "iterations": stands[ends["circuits"]].record.iteration,
        "skips": sum(stand.record.skipped for stand in done),
        "shots": done[-1].record.total_shots,
        "time_s": done[-1].time_s,
    }


def overview(found: Sequence[Row]) -> str:
    """Return a table for each case: the error of the plain training, and how that of each policy differs from it.

    A difference is at equal circuits, the mean over the seeds of both with its standard error.
    """
    parts = []
    for case in dict.fromkeys(row["case"] for row in found):
        mine = [row for row in found if row["case"] == case]
        settings = [name for name in DRIFTS if any(row["setting"] == name for row in mine)]
        lines = []
        for policy in [name for name in POLICIES if any(row["policy"] == name for row in mine)]:
            cells = [_line(policy, [row for row in mine if row["setting"] == setting]) for setting in settings]
            lines.append([policy, *(cell[1 if policy == "plain" else 2] if cell else "" for cell in cells)])
        parts += [f"### {case}", table(["policy", *settings], lines)]
    return page(parts)


def summary(found: Sequence[Row]) -> str:
    """Return a table for each case and kind of drift: mean errors, and differences from the plain training.

    A difference is the mean over the seeds of both, with its standard error; a ratio is that of the geometric means, at
    equal circuits. Iterations, skips and time are those until the circuits have run out.
    """
    parts = []
    headings = [
        "policy",
        "error",
        "equal circuits",
        "ratio",
        "equal shots",
        "equal time",
        "iterations",
        "skips",
        "time, s",
    ]
    for case, setting in dict.fromkeys((row["case"], row["setting"]) for row in found):
        mine = [row for row in found if (row["case"], row["setting"]) == (case, setting)]
        seeds = len({row["seed"] for row in mine})
        parts.append(f"### {case}, {setting}: {DRIFTS[setting].words}; {seeds} seeds")
        lines = [_line(name, mine) for name in POLICIES]
        parts.append(table(headings, [line for line in lines if line]))
    return page(parts)


def _line(policy: str, found: Sequence[Row]) -> list[str]:
    """Return the cells of a policy under one kind of drift; none if it was not measured."""
    mine = {row["seed"]: row for row in found if row["policy"] == policy}
    plain = {row["seed"]: row for row in found if row["policy"] == "plain"}
    if not mine:
        return []
    errors = np.array([row["error_circuits"] for row in mine.values()])
    cells = [policy, f"{errors.mean():.4f} ± {_standard_error(errors):.4f}"]
    seeds = sorted(mine.keys() & plain.keys())
    for name in YARDSTICKS:
        column = f"error_{name}"
        difference = np.array([mine[seed][column] - plain[seed][column] for seed in seeds])
        spread = _standard_error(difference)
        cells.append(f"{difference.mean():+.4f} ± {spread:.4f}" if spread > 0 else "")
        if name == "circuits":
            logs = np.array([np.log(mine[seed][column] / plain[seed][column]) for seed in seeds])
            ratio = np.exp(logs.mean())
            cells.append(f"{ratio:.2f} ± {ratio * _standard_error(logs):.2f}" if spread > 0 else "")
    means = [np.mean([row[name] for row in mine.values()]) for name in ("iterations", "skips", "time_s")]
    return [*cells, *(f"{mean:.0f}" for mean in means)]


def _standard_error(values: Any) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def warm_up(cases: Sequence[str]) -> None:
    """Make the cases in a worker; leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for case in cases:
        problem(case)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, write and print the tables; return 0, 1 if a training failed, 130 after Ctrl-C."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.drift_policies",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--cases", nargs="+", choices=PROBLEMS, default=["tfim-6"])
    made.add_argument("--settings", nargs="+", choices=DRIFTS, default=["static", "bursts", "spikes", "coherent"])
    made.add_argument("--policies", nargs="+", choices=POLICIES, default=[*POLICIES])
    made.add_argument("--seeds", nargs=2, type=int, default=(400, 430), metavar=("FIRST", "END"))
    made.add_argument("--iterations", type=int, default=ITERATIONS, help="of the plain training")
    made.add_argument("--quick", action="store_true", help="three seeds, 40 iterations")
    made.add_argument("--out", type=Path, default=Path("results-drift-policies"))
    made.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = made.parse_args(arguments)
    if options.quick:
        options.seeds, options.iterations = (400, 403), 40
        options.out = options.out.with_name(options.out.name + "-quick")
    try:
        return _measure(options)
    except QPilotError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY)


def _measure(options: argparse.Namespace) -> int:
    path = options.out / "rows.csv"
    found = rows.load(path, LAYOUT)
    policies = dict.fromkeys(["plain", *options.policies])  # the others are compared with it
    todo = [
        Job(case, setting, policy, seed, options.iterations)
        for seed in range(*options.seeds)
        for case in options.cases
        for setting in options.settings
        for policy in policies
    ]
    failed = [_key(row) for row in found if row["note"]]
    stale = stale_keys([job[:4] for job in todo], failed, None, KEY.index("policy"))
    found = [row for row in found if _key(row) not in stale]
    known = {_key(row) for row in found}
    todo = [job for job in todo if job[:4] not in known]

    def keep(place: int, future: Future[Any]) -> None:
        try:
            cells = future.result()
        except Exception as error:
            cells = {"note": runs.sentence(error)}
        found.append(dict.fromkeys(LAYOUT.columns) | dict(zip(KEY, todo[place][:4], strict=True)) | cells)

    tasks = [runs.Task(" ".join(map(str, job[:4])), 1.0, (job,)) for job in todo]
    save = partial(rows.save, found, path, LAYOUT)
    options.out.mkdir(parents=True, exist_ok=True)
    workers = min(options.jobs, len(todo))
    if todo and not runs.collect(tasks, measure, keep, save, workers, begin=(warm_up, options.cases)):
        return 130
    measured = [row for row in rows.load(path, LAYOUT) if not row["note"]]
    text = "\n\n".join([overview(measured), summary(measured)])
    write_bytes(options.out / "table.md", (text + "\n").encode(), RowsError)
    print(text)
    notes = [row["note"] for row in found if row["note"]]
    print(*notes, sep="\n", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
