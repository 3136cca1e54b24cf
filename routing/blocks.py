"""What routers take: stretches of a circuit in a form that keeps only what constrains the schedule."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ..arch.device import FPQA
from ..arch.unitary import ANGLE_TOLERANCE, Angles


class Gate(NamedTuple):
    """A controlled phase between segment `segment_a` of qubit `a` and segment `segment_b` of qubit `b`.

    The angle is in (-pi, pi] and not 0; exactly pi is a CZ.
    """

    a: int
    segment_a: int
    b: int
    segment_b: int
    angle: float = math.pi

    @property
    def is_cz(self) -> bool:
        """Whether the gate is a CZ."""
        return self.angle == math.pi


def num_pulses(device: FPQA, angles: Collection[float], *, strays: bool = False) -> int:
    """Return how many pulses run controlled phases at one position of the lines.

    One pulse gives every pair the same angle, which is pi where the native gate is CZ; with individual phases, any
    angles. Two CZ pulses with a rotation between give any angles too.

    Args:
        device: The machine.
        angles: Of the gates, in (-pi, pi] and not 0.
        strays: Whether further pairs are close, on which nothing may happen.
    """
    if device.rydberg.individual_phases:
        return 1
    if strays:
        return 2
    low, high = min(angles), max(angles)
    return 1 if low == math.pi or (device.native == "cphase" and high - low < ANGLE_TOLERANCE) else 2


@dataclass(frozen=True, slots=True)
class GateBlock:
    """A circuit of controlled phases, such as CZ, and one-qubit gates, cut into segments.

    A *segment* is the stretch of one qubit between two one-qubit gates that are not diagonal in Z. Within a segment all
    gates of the qubit commute, and a copy of the qubit in the Z basis stays valid: this is all a router must know.

    Attributes:
        num_qubits: Number of data qubits.
        gates: The controlled phases, in an order in which they may be run.
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
    """Controlled phases that all commute, so that they may run in any order.

    Attributes:
        num_qubits: Number of data qubits.
        pairs: (a, b, angle) of each gate: distinct pairs of qubits, a < b, angles in (-pi, pi] and not 0.
    """

    num_qubits: int
    pairs: tuple[tuple[int, int, float], ...]

    @classmethod
    def of(cls, num_qubits: int, gates: Iterable[Gate]) -> DiagonalBlock:
        """Return gates that may all run at the same time as a block."""
        return cls(num_qubits, tuple(sorted((gate.a, gate.b, gate.angle) for gate in gates)))


class PauliString(NamedTuple):
    """The rotation exp(-i angle/2 P) about a Pauli string P.

    Attributes:
        letters: (qubit, "X", "Y" or "Z") where P is not the identity, by increasing qubit.
        angle: In radians.
    """

    letters: tuple[tuple[int, str], ...]
    angle: float


@dataclass(frozen=True, slots=True)
class PauliBlock:
    """Rotations about Pauli strings, such as a Trotter step of a quantum simulation.

    Attributes:
        num_qubits: Number of data qubits.
        strings: The rotations; strings that commute may always change places.
        ordered: Whether strings that do not commute keep their order.
    """

    num_qubits: int
    strings: tuple[PauliString, ...]
    ordered: bool = True
