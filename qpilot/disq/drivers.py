"""Optimizers that drive a run: SPSA, NFT, and COBYLA and Powell of SciPy."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from .policies import RETRIES, Floats
from .run import Run, Step, Stop
from .spsa import SPSA, directions, pairs

MAXITER_REACHED = "The number of iterations asked for is reached."


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What an optimizer found.

    Attributes:
        x: Parameters.
        fun: Energy there, as far as it was measured.
        success: Whether the optimizer came to its own end.
        message: Why it ended.
    """

    x: Floats
    fun: float
    success: bool
    message: str


def drive_spsa(run: Run, spsa: SPSA, x0: Floats, rng: np.random.Generator) -> Found:
    """Minimize by SPSA; the energy of the result is the mean over the pairs it comes from."""
    maxiter = run.budget.iterations
    x, gain = x0, 0
    last: deque[tuple[Floats, float]] = deque(maxlen=spsa.averaging)
    message, success = MAXITER_REACHED, True
    try:
        step_factor = _calibrated(run, spsa, x, rng)
        while run.iterations < maxiter:
            iteration, attempt = run.iterations, 0
            while run.iterations == iteration:
                gain += 1
                drawn = directions(rng, spsa.resamplings, len(x))
                distance = spsa.perturbation(gain)
                step = Step(spsa.step_size(step_factor, gain), distance, drawn)
                outcome = run.attempt(x, pairs(x, distance, drawn), attempt, step)
                attempt += 1
            x = outcome.x
            last.append((x, outcome.record.energy))
    except Stop as stop:
        message, success = str(stop), False
    if not last:
        return Found(x, math.nan, success, message)
    points, energies = zip(*last, strict=True)
    return Found(np.mean(points, axis=0), float(np.mean(energies)), success, message)


def _calibrated(run: Run, spsa: SPSA, x: Floats, rng: np.random.Generator) -> float:
    """Return the numerator of the steps, measured if it was not given; the first references are measured with it."""
    if spsa.calibration_pairs:
        distance = spsa.perturbation(1)
        drawn = (directions(rng, spsa.resamplings, len(x)) for _ in range(spsa.calibration_pairs))
        run.calibrate([pairs(x, distance, each) for each in drawn], distance)
    if spsa.a is not None:
        return spsa.a
    return spsa.calibrated(np.concatenate([each.differences for each in run.accepted]))


def drive_nft(run: Run, x0: Floats) -> Found:
    """Minimize one parameter after the other, each in one step (K. M. Nakanishi et al., arXiv 1903.12166).

    The energy must be a sine of each parameter: rotations by a Pauli string, each with a parameter of its own. An
    iteration measures the point and those a quarter turn to both sides in one job; the paper carries the energy of the
    point over from the step before, which drift would spoil.
    """
    x, energy = x0, math.nan
    try:
        while run.iterations < run.budget.iterations:
            number = run.iterations % len(x)
            quarter = np.zeros_like(x)
            quarter[number] = math.pi / 2
            middle, plus, minus = _measured(run, np.stack([x, x + quarter, x - quarter]))
            mean = (plus + minus) / 2
            turn = math.atan2(-(plus - minus) / 2, -(middle - mean))
            x = x.copy()
            x[number] += turn
            energy = mean - math.hypot(middle - mean, (plus - minus) / 2)
    except Stop as stop:
        return Found(x, energy, False, str(stop))
    return Found(x, energy, True, MAXITER_REACHED)


def drive_scipy(run: Run, method: str, x0: Floats) -> Found:
    """Minimize by a method of `scipy.optimize.minimize` that takes no derivatives; an iteration is one energy."""
    from scipy.optimize import minimize

    best = Found(x0, math.inf, False, "")

    def energy(x: Floats) -> float:
        nonlocal best
        if run.iterations >= run.budget.iterations:
            raise Stop(MAXITER_REACHED)
        value = float(_measured(run, np.array(x, dtype=float)[None])[0])
        if value < best.fun:
            best = Found(np.array(x, dtype=float), value, False, "")
        return value

    # The method has no say in how long to go on, since some count otherwise: the run stops it.
    unlimited = run.budget.iterations + len(x0) + 10
    options = {"maxiter": unlimited} if method == "cobyla" else {"maxfev": unlimited, "maxiter": unlimited}
    try:
        result = minimize(energy, x0, method=cast("Any", method), options=cast("Any", options))
    except Stop as stop:
        fun = best.fun if math.isfinite(best.fun) else math.nan
        return Found(best.x, fun, str(stop) == MAXITER_REACHED, str(stop))
    return Found(np.asarray(result.x, dtype=float), float(result.fun), bool(result.success), str(result.message))


def _measured(run: Run, points: Floats) -> Floats:
    """Return the energies of points, tried again at the same place as long as the policy wants it."""
    attempt = 0
    while True:
        record = run.attempt(points[0], points[None], attempt, None).record
        if record.action not in RETRIES:
            energies: Floats = record.energies[0]
            return energies
        attempt += 1
