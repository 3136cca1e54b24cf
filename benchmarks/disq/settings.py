"""The drift of the study: processes with the figures at which they hurt a plain training, and still let it work."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpilot.disq import (
    Bursts,
    CoherentBursts,
    OrnsteinUhlenbeck,
    Process,
    PublishedInjection,
    Static,
    Telegraph,
    Trace,
)


@dataclass(frozen=True, slots=True)
class Setting:
    """A kind of drift.

    Attributes:
        words: What happens, in a few words.
        process: The noise.
        events: Whether there is a truth to detect: moments at which the machine is not in its usual state.
        apart: Whether each point is a job of its own, as in the published study, and not all of an attempt together.
    """

    words: str
    process: Process
    events: bool
    apart: bool = False


TRACE_SEED = 7
TRACE_STEP_S, TRACE_STEPS = 120.0, 2160
RECALIBRATED_S = 1800.0
RUN_AWAY_RAD = 0.4
"""How far the angles have typically run away when they are set right."""

PERIOD, PERIODS = 256, 60
"""The published windows come again after so many jobs, so often."""


def synthetic_trace() -> Trace:
    """Return made-up calibration data of three days, new every two minutes.

    T1 and errors wander about their usual values. Rotations run away at a rate that is drawn anew each time they are
    set right, every half hour.
    """
    rng = np.random.default_rng(TRACE_SEED)
    times_s = TRACE_STEP_S * np.arange(TRACE_STEPS)
    usual = Static()
    columns = {}
    for name in ("t1_us", "error_2q", "readout_error"):
        steps = rng.normal(0.0, 0.15, TRACE_STEPS)
        columns[name] = getattr(usual, name) * np.exp(_wandering(steps, 0.95))
    rates = rng.normal(0.0, RUN_AWAY_RAD / RECALIBRATED_S, TRACE_STEPS)
    columns["angle_offset_rad"] = rates[(times_s // RECALIBRATED_S).astype(int)] * (times_s % RECALIBRATED_S)
    # A value holds until the next one: it stands in two rows, the second just before its end.
    ends_s = times_s + TRACE_STEP_S * (1 - 1e-6)
    rows_s = np.column_stack([times_s, ends_s]).ravel()
    return Trace(rows_s, {name: np.repeat(column, 2) for name, column in columns.items()})


def _wandering(steps: NDArray[np.float64], kept: float) -> NDArray[np.float64]:
    """Return sums of steps of which each later value keeps a part."""
    values = np.zeros(len(steps))
    for place, step in enumerate(steps):
        values[place] = kept * values[place - 1] + step
    return values


def repeated_injection() -> PublishedInjection:
    """Return the published windows again and again, so that no part of a training is without them."""
    once = PublishedInjection().windows
    return PublishedInjection(
        tuple((first + PERIOD * k, count, factor) for k in range(PERIODS) for first, count, factor in once)
    )


SETTINGS: dict[str, Setting] = {
    "static": Setting("nothing drifts", Static(), True),
    "spikes": Setting(
        "all expectation values vanish for a second, every twenty seconds: less than a job",
        Bursts(rate_per_s=1 / 20, duration_s=1.0, depth=0.9),
        True,
    ),
    "coherent": Setting(
        "each qubit turns too far by an angle of its own, typically 1 rad, for a minute, every five minutes",
        CoherentBursts(rate_per_s=1 / 240, duration_s=60.0, offset_rad=1.0),
        True,
    ),
    "published-apart": Setting(
        "the published injection again and again, each point in a job of its own", repeated_injection(), True, True
    ),
    "bursts": Setting(
        "all expectation values shrink to a fifth for twenty seconds, every two minutes",
        Bursts(rate_per_s=1 / 100, duration_s=20.0, depth=0.8),
        True,
    ),
    "published": Setting("the published injection, the points of an attempt in one job", PublishedInjection(), True),
    "telegraph": Setting(
        "T1 of each qubit drops to 0.3 us for ten seconds, every two minutes",
        Telegraph(bad_factor=0.003, good_s=110.0, bad_s=10.0),
        True,
    ),
    "wandering": Setting(
        "T1 and errors of each qubit wander by a factor of two, in ten minutes (Ornstein-Uhlenbeck)",
        OrnsteinUhlenbeck(correlation_s=600.0, log_t1=0.7, log_gate_error=0.7, log_readout_error=0.7),
        False,
    ),
    "trace": Setting("made-up calibration data: wandering errors, angles that run away", synthetic_trace(), False),
}
"""Every kind of drift, by its name."""
