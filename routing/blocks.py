"""What routers take: stretches of a circuit in a form that keeps only what constrains the schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Angles = tuple[float, float, float]
"""Angles (theta, phi, lam) of Qiskit's `UGate`, in radians."""


class Gate(NamedTuple):
    """A CZ between segment `segment_a` of qubit `a` and segment `segment_b` of qubit `b`."""

    a: int
    segment_a: int
    b: int
    segment_b: int


@dataclass(frozen=True, slots=True)
class GateBlock:
    """A circuit of CZ and one-qubit gates, cut into segments.

    A *segment* is the stretch of one qubit between two one-qubit gates that are not diagonal in Z. Within a segment all
    gates of the qubit commute, and a copy of the qubit in the Z basis stays valid: this is all a router must know.

    Attributes:
        num_qubits: Number of data qubits.
        gates: The CZ gates, in an order in which they may be run.
        openings: For each qubit and segment, the one-qubit gate that opens it; None where there is none to run.
        closings: For each qubit, the angle of a phase gate that ends it; 0 where there is none to run.
        fences: Barriers: no listed segment (qubit, segment) may open before the segments before all of them are over.
    """

    num_qubits: int
    gates: tuple[Gate, ...]
    openings: tuple[tuple[Angles | None, ...], ...]
    closings: tuple[float, ...]
    fences: tuple[tuple[tuple[int, int], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class DiagonalBlock:
    """Commuting two-qubit gates that are diagonal in Z.

    Attributes:
        num_qubits: Number of data qubits.
        pairs: (a, b, angle) of each controlled phase gate, a < b, each pair once.
    """

    num_qubits: int
    pairs: tuple[tuple[int, int, float], ...]
