"""Two by two unitary matrices and their angles in the convention of Qiskit's `UGate`."""

from __future__ import annotations

import cmath
import math

from .traced import Traced, TracedMatrix, Word

Angles = tuple[float, float, float]
"""Angles (theta, phi, lam) of Qiskit's `UGate`, in radians: u = P(phi) RY(theta) P(lam)."""

Matrix = tuple[complex, complex, complex, complex]
"""A 2 x 2 matrix, row by row."""

ANGLE_TOLERANCE = 1e-8
"""Rotations by less than this many radians count as the identity."""

HADAMARD: Angles = (math.pi / 2, 0.0, math.pi)


def u_matrix(theta: float, phi: float, lam: float) -> Matrix:
    """Return the matrix of Qiskit's `UGate(theta, phi, lam)`."""
    if Traced in (type(theta), type(phi), type(lam)):
        word = Word.of(theta, phi, lam)
        return TracedMatrix.of(_entries(word), word)
    cos, sin = math.cos(theta / 2), math.sin(theta / 2)
    return cos, -cmath.exp(1j * lam) * sin, cmath.exp(1j * phi) * sin, cmath.exp(1j * (phi + lam)) * cos


def matmul(m: Matrix, k: Matrix) -> Matrix:
    """Return the product m k."""
    a, b, c, d = m
    e, f, g, h = k
    entries = (a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h)
    if type(m) is TracedMatrix or type(k) is TracedMatrix:
        return TracedMatrix.of(entries, _word(m).then(_word(k)))
    return entries


def _word(m: Matrix) -> Word:
    """Return a matrix as a word of turns and phases."""
    if isinstance(m, TracedMatrix):
        return m.word
    theta, phi, lam, alpha = u_angles(m)
    return Word((), (0.0,), alpha).then(Word((theta,), (phi, lam)))


def _entries(word: Word) -> Matrix:
    """Return the matrix of a word at the point of the values."""
    matrix = u_matrix(0.0, 0.0, float(word.phases[0]))
    for turn, phase in zip(word.turns, word.phases[1:], strict=True):
        matrix = matmul(matrix, u_matrix(float(turn), 0.0, float(phase)))
    a, b, c, d = matrix
    factor = cmath.exp(1j * float(word.alpha))
    return factor * a, factor * b, factor * c, factor * d


def u_angles(m: Matrix) -> tuple[float, float, float, float]:
    """Return (theta, phi, lam, alpha) with m = e^(i alpha) u(theta, phi, lam), theta in [0, pi].

    A diagonal matrix gets theta = phi = 0; an antidiagonal one theta = pi and lam = 0. The angles of a matrix that
    depends on parameters depend on them too.
    """
    if isinstance(m, TracedMatrix):
        return m.word.angles(u_angles((m[0], m[1], m[2], m[3])))
    a, b, c, d = m
    theta = 2 * math.atan2(abs(c), abs(a))
    if theta < ANGLE_TOLERANCE:
        alpha = cmath.phase(a)
        return 0.0, 0.0, cmath.phase(d) - alpha, alpha
    if math.pi - theta < ANGLE_TOLERANCE:
        alpha = cmath.phase(-b)
        return math.pi, cmath.phase(c) - alpha, 0.0, alpha
    alpha = cmath.phase(a)
    return theta, cmath.phase(c) - alpha, cmath.phase(-b) - alpha, alpha


def wrap(angle: float) -> float:
    """Return the angle in (-pi, pi]; one that is there already stays the same."""
    if -math.pi < angle <= math.pi:
        return angle + 0.0  # never -0.0
    return math.pi - (math.pi - angle) % (2 * math.pi)
