"""SPSA: gain schedules, directions and calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .checks import check_integer, check_number

Floats = NDArray[np.float64]

ALPHA, GAMMA = 0.602, 0.101
"""Exponents of the gain schedules, as in Spall's guideline."""


@dataclass(frozen=True, slots=True)
class SPSA:
    """Simultaneous perturbation stochastic approximation.

    With gain number k from 1 on, steps are a / (A + k)^0.602 and perturbations c / k^0.101. An attempt that is skipped
    uses up its gains. Blocking is the policy `Blocking`.

    Source: J. C. Spall, "Implementation of the simultaneous perturbation algorithm for stochastic optimization", IEEE
    Transactions on Aerospace and Electronic Systems 34, 817 (1998); calibration as in A. Kandala et al., Nature 549,
    242 (2017), supplement.

    Attributes:
        a: Numerator of the steps; None to calibrate it.
        c: Numerator of the perturbations, in radians.
        stability: The constant A. Spall advises a tenth of the iterations; then `first_step` must be smaller, 0.1 say,
            since the steps stay large for so long.
        calibration_pairs: Pairs about the start that calibrate `a`, in one job, and serve as the first references.
        first_step: Change of each parameter in the first step that the calibration aims at, in radians.
        resamplings: Directions whose gradients are averaged, in each attempt.
        averaging: The result is the mean of the parameters after so many last iterations.

    Raises:
        DriftError: A value is out of range.
    """

    a: float | None = None
    c: float = 0.2
    stability: float = 0.0
    calibration_pairs: int = 25
    first_step: float = 2 * math.pi / 10
    resamplings: int = 1
    averaging: int = 1

    def __post_init__(self) -> None:
        for name in ("a", "c", "first_step"):
            value = getattr(self, name)
            if name != "a" or value is not None:
                check_number(name, value, open_low=True)
        check_number("stability", self.stability)
        least = {"calibration_pairs": int(self.a is None), "resamplings": 1, "averaging": 1}
        for name, low in least.items():
            check_integer(name, getattr(self, name), low)

    def step_size(self, a: float, gain: int) -> float:
        """Return a_k of gain number k, from 1."""
        return float(a / (self.stability + gain) ** ALPHA)

    def perturbation(self, gain: int) -> float:
        """Return c_k of gain number k, from 1."""
        return float(self.c / gain**GAMMA)

    def calibrated(self, differences: Floats) -> float:
        """Return `a` such that the first step has the length asked for.

        Args:
            differences: Energy at plus less energy at minus of the calibration pairs.
        """
        slope = float(np.abs(differences).mean()) / (2 * self.perturbation(1))
        # On a flat start every step is as good as another: take the length asked for as if the slope were one.
        return float(self.first_step / (slope if slope > 1e-10 else 1.0) * (self.stability + 1.0) ** ALPHA)


def directions(rng: np.random.Generator, count: int, num_parameters: int) -> Floats:
    """Draw directions of +1 and -1, shape (count, num_parameters)."""
    return rng.integers(0, 2, (count, num_parameters)).astype(float) * 2 - 1


def pairs(x: Floats, perturbation: float, drawn: Floats) -> Floats:
    """Return the points plus and minus of each direction, shape (directions, 2, num_parameters)."""
    offset = perturbation * drawn
    both: Floats = np.stack([x + offset, x - offset], axis=1)
    return both


def stepped(x: Floats, size: float, perturbation: float, drawn: Floats, differences: Floats) -> Floats:
    """Return the parameters after a step against the mean gradient of the directions."""
    gradient = (differences[:, None] / (2 * perturbation) * drawn).mean(axis=0)
    return np.asarray(x - size * gradient)
