"""The rows of the study: one for each training, in a CSV file; and which trainings there are to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from qpilot.disq import estimate_cost

from ..compare import Row
from ..rows import Layout
from .policies import POLICIES, resolved
from .problems import PROBLEMS, problem
from .settings import SETTINGS

KEY = ("case", "setting", "policy", "seed")
YARDSTICKS = ("iterations", "circuits")
"""What trainings have alike when they are compared; the names end the columns of a row."""

DETECTION = ("drifting", "hits", "false_alarms", "events", "detected", "references")
RESULTS = (
    *(f"{what}_{yardstick}" for what in ("error", "ratio", "noisy") for yardstick in YARDSTICKS),
    *("stopped_at", "circuits", "attempts", "skips", *DETECTION, "curve"),
)
"""Cells that a training gives.

* error: (E - E0) / (c - E0) with the noiseless energy E at the parameters returned, the ground energy E0 and the
  constant c of the Hamiltonian: 0 in the ground state, 1 where all is mixed.
* ratio: E / E0. noisy: the energy measured in the last pair, by E0.
* stopped_at: iterations when the circuits of a plain training had run out.
* circuits, attempts, skips: of all iterations; an attempt that is skipped is made again.
* drifting: attempts in which the machine was not in its usual state. hits, false_alarms: those of them that were
  flagged, and flagged attempts in the usual state. events: how often the machine left its usual state. detected:
  events with a hit. references: circuits of references.
* curve: errors after the parts `training.CURVE` of the circuits of a plain training.
"""

WORDS = frozenset({"case", "setting", "policy", "curve", "note"})
WHOLE = frozenset({"seed", "stopped_at", "circuits", "attempts", "skips", *DETECTION})
NOT_REPEATED = ("wall_s",)
"""Columns that a second run need not repeat."""


def place(row: Row) -> tuple[Any, ...]:
    """Return what puts rows in the order of the tables."""
    return _order(row["case"], PROBLEMS), _order(row["setting"], SETTINGS), order_of_policy(row["policy"]), row["seed"]


def order_of_policy(name: str) -> tuple[int, str]:
    """Return what puts policies in the order of the tables."""
    return _order(name, POLICIES)


def _order(name: str, names: Iterable[str]) -> tuple[int, str]:
    """Return the place of a name; one that is not known any more comes last."""
    known = list(names)
    return (known.index(name) if name in known else len(known)), name


LAYOUT = Layout((*KEY, *RESULTS, "note", "wall_s"), WORDS, WHOLE, place)
"""The file of the study."""


def row_key(row: Row) -> tuple[Any, ...]:
    """Return the cells of `KEY` of a row."""
    return tuple(row[name] for name in KEY)


@dataclass(frozen=True, slots=True)
class Job:
    """A training to measure.

    Attributes:
        case: What is trained.
        setting: The drift.
        policies: Names of policies that come to the same for this case: one training gives a row for each.
        seed: The seed.
        iterations: Accepted iterations.
    """

    case: str
    setting: str
    policies: tuple[str, ...]
    seed: int
    iterations: int

    @property
    def name(self) -> str:
        """The job in words."""
        return f"{self.case} {self.setting} {self.policies[0]} {self.seed}"

    @property
    def keys(self) -> list[tuple[Any, ...]]:
        """The keys of its rows."""
        return [(self.case, self.setting, policy, self.seed) for policy in self.policies]

    def weight(self) -> float:
        """Return about how long this job takes beside others."""
        apart = 2.0 if SETTINGS[self.setting].apart else 1.0
        return problem(self.case).cost * apart * (1.0 + _times_plain(self.case, self.policies[0]))


@cache
def _times_plain(case: str, policy: str) -> float:
    """Return how many times as many circuits as a plain training one with a policy takes, if nothing is skipped."""
    hamiltonian = problem(case).hamiltonian
    circuits = [estimate_cost(hamiltonian, each, 1).circuits_per_iteration for each in (POLICIES[policy], None)]
    return circuits[0] / circuits[1]


def jobs(
    cases: Sequence[str], settings: Sequence[str] | None, policies: Sequence[str], seeds: int, iterations: int
) -> Iterator[Job]:
    """Yield trainings, one kind of drift after the other, so that what is done first can be compared over all cases.

    Args:
        cases: Names of cases.
        settings: Names of settings; None for those that the case is usually measured under.
        policies: Names of policies.
        seeds: Number of seeds, from 0.
        iterations: Accepted iterations of each.
    """
    for setting in settings or SETTINGS:
        for case in cases:
            made = problem(case)
            if not settings and made.settings and setting not in made.settings:
                continue
            alike: dict[Any, list[str]] = {}
            for policy in policies:
                alike.setdefault(resolved(POLICIES[policy], made.groups), []).append(policy)
            for names in alike.values():
                yield from (Job(case, setting, tuple(names), seed, iterations) for seed in range(seeds))
