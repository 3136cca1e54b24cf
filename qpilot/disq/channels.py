"""Circuits as real matrices that act on expectation values of Pauli strings, for many points and noises at once.

A state of n qubits is the array of its 4^n expectation values, and a channel is the matrix that maps those before it to
those after it (the Pauli transfer matrix). Everything is real, and the noise of a gate is one small matrix product.
Index p of a qubit stands for the Pauli I, X, Y, Z; arrays begin with the request, so that one call serves a whole job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter

from ..arch.errors import DriftError
from ..parameters import affine, is_free
from .noise import Durations, FloatArray, MachineNoise

ComplexArray = NDArray[np.complex128]

ROTATIONS = frozenset({"rx", "ry", "rz", "p", "r", "u"})
"""Gates on one qubit whose first parameter is an angle of rotation, to which the offset of the qubit is added."""

IGNORED = frozenset({"barrier", "delay"})
"""What a circuit may hold without effect here."""

_PAULIS = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def _as_columns(paulis: ComplexArray) -> ComplexArray:
    return np.ascontiguousarray(paulis.reshape(len(paulis), -1).T)


_COLUMNS = {
    1: _as_columns(_PAULIS),
    2: _as_columns(np.einsum("iab,jcd->ijacbd", _PAULIS, _PAULIS).reshape(16, 4, 4)),
}


def transfer_matrices(unitaries: ComplexArray) -> FloatArray:
    """Return the Pauli transfer matrices of unitaries on one or two qubits.

    Args:
        unitaries: Shape (..., d, d) with d = 2 or 4.

    Returns:
        Shape (..., d*d, d*d). The index of two qubits is 4 p + q, with p the Pauli of the more significant qubit.
    """
    size = unitaries.shape[-1]
    columns = _COLUMNS[size.bit_length() - 1]
    doubled = np.einsum("...ab,...cd->...acbd", unitaries, unitaries.conj()).reshape(*unitaries.shape[:-2], size**2, -1)
    return np.ascontiguousarray((columns.conj().T @ doubled @ columns).real / size)


def kron(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the Kronecker products of two arrays of matrices, whose leading axes broadcast."""
    product = left[..., :, None, :, None] * right[..., None, :, None, :]
    rows, cols = left.shape[-2] * right.shape[-2], left.shape[-1] * right.shape[-1]
    return product.reshape(*product.shape[:-4], rows, cols)


def relaxation(t1_us: FloatArray, time_us: float) -> FloatArray:
    """Return the transfer matrices of amplitude damping for a time, shape (..., 4, 4)."""
    kept = np.exp(-time_us / t1_us)
    matrices = np.zeros((*t1_us.shape, 4, 4))
    matrices[..., 0, 0] = 1.0
    matrices[..., 1, 1] = matrices[..., 2, 2] = np.sqrt(kept)
    matrices[..., 3, 3] = kept
    matrices[..., 3, 0] = 1.0 - kept
    return matrices


def depolarising_probability(error: FloatArray, num_qubits: int) -> FloatArray:
    """Return the weight of the fully mixed state that gives an average infidelity, at most 1."""
    size = 2.0**num_qubits
    return np.minimum(error * size / (size - 1.0), 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class GateNoise:
    """The channels that follow gates, for m moments of a machine of n qubits.

    Attributes:
        after_1q: Depolarising noise and relaxation after a gate on a qubit, shape (m, n, 4, 4).
        idle_2q: Relaxation of a qubit during a gate on two qubits, shape (m, n, 4, 4).
        error_2q: Errors of gates on two qubits, shape (m, n).
        angle_offset_rad: What rotations turn too far, shape (m, n).
    """

    after_1q: FloatArray
    idle_2q: FloatArray
    error_2q: FloatArray
    angle_offset_rad: FloatArray

    @classmethod
    def of(cls, noise: MachineNoise, durations: Durations) -> GateNoise:
        """Return the channels of a machine at its moments."""
        after_1q = relaxation(noise.t1_us, durations.gate_1q_us)
        after_1q[..., 1:] *= 1.0 - depolarising_probability(noise.error_1q, 1)[..., None, None]
        return cls(after_1q, relaxation(noise.t1_us, durations.gate_2q_us), noise.error_2q, noise.angle_offset_rad)

    def rows(self, index: NDArray[np.int64]) -> GateNoise:
        """Return the channels at some of the moments."""
        return GateNoise(*(getattr(self, field.name)[index] for field in fields(self)))

    def after_2q(self, first: int, second: int) -> FloatArray:
        """Return the channels after a gate on two qubits, `first` the more significant one, shape (m, 16, 16)."""
        matrices = kron(self.idle_2q[:, first], self.idle_2q[:, second])
        error = (self.error_2q[:, first] + self.error_2q[:, second]) / 2.0
        matrices[..., 1:] *= 1.0 - depolarising_probability(error, 2)[:, None, None]
        return matrices


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A gate of an ansatz.

    Attributes:
        gate: The gate as Qiskit has it.
        qubits: Its qubits, the most significant first.
        angles: For each parameter a number, or a function of points (k, parameters) that returns (k,).
        fixed: Transfer matrix of a gate without parameters.
    """

    gate: Gate
    qubits: tuple[int, ...]
    angles: tuple[float | Callable[[FloatArray], FloatArray], ...]
    fixed: FloatArray | None

    def transfer(self, points: FloatArray, noise: GateNoise) -> FloatArray:
        """Return the transfer matrices without what follows the gate, shape (k, d, d) or (1, d, d)."""
        if self.fixed is not None:
            return self.fixed
        angles = [np.full(len(points), a) if isinstance(a, float) else a(points) for a in self.angles]
        if self.gate.name in ROTATIONS:
            angles[0] = angles[0] + noise.angle_offset_rad[:, self.qubits[0]]
        return transfer_matrices(_unitaries(self.gate, angles))


def operations(ansatz: QuantumCircuit) -> list[Operation]:
    """Return the gates of an ansatz.

    Raises:
        DriftError: It holds something other than gates on one or two qubits.
    """
    columns = {parameter: index for index, parameter in enumerate(ansatz.parameters)}
    found = []
    for instruction in ansatz.data:
        gate = instruction.operation
        if gate.name in IGNORED:
            continue
        indices = tuple(ansatz.find_bit(qubit).index for qubit in reversed(instruction.qubits))
        if not isinstance(gate, Gate) or len(indices) not in (1, 2):
            raise DriftError(
                f"The ansatz holds {gate.name!r} on {len(indices)} qubits; the fast engine takes gates on one or two "
                "qubits: use ansatz.decompose() or transpile() first, and no measurements."
            )
        if gate.name in ROTATIONS or any(map(is_free, gate.params)):
            angles, fixed = tuple(_angle(parameter, columns) for parameter in gate.params), None
        else:
            angles, fixed = (), transfer_matrices(np.asarray(gate.to_matrix(), dtype=complex))[None]
        found.append(Operation(gate, indices, angles, fixed))
    return found


def _angle(value: Any, columns: dict[Parameter, int]) -> float | Callable[[FloatArray], FloatArray]:
    """Return a parameter of a gate as a number, or as a function of points."""
    if not is_free(value):
        return float(value)
    if isinstance(value, Parameter):
        column = columns[value]
        return lambda points: points[:, column]
    names = sorted(value.parameters, key=columns.__getitem__)
    indices = [columns[name] for name in names]
    form = affine(value)
    if form is None:  # Qiskit puts the numbers in point by point
        return lambda points: np.array(
            [float(value.bind(dict(zip(names, point, strict=True)))) for point in points[:, indices].tolist()]
        )
    weights, constant = np.array([form.weights[name] for name in names]), form.constant
    return lambda points: points[:, indices] @ weights + constant


def _unitaries(gate: Gate, angles: Sequence[FloatArray]) -> ComplexArray:
    """Return the matrices of a gate for arrays of its angles, shape (k, d, d)."""
    form = _FORMS.get(gate.name)
    if form is not None:
        return form(*angles)
    one = gate.to_mutable()
    matrices = []
    for values in zip(*angles, strict=True):
        one.params = list(map(float, values))
        matrices.append(one.to_matrix())
    return np.array(matrices, dtype=complex)


def _pauli_rotation(pauli: ComplexArray) -> Callable[[FloatArray], ComplexArray]:
    def rotation(angle: FloatArray) -> ComplexArray:
        half = angle[:, None, None] / 2.0
        return np.cos(half) * np.eye(len(pauli)) - 1j * np.sin(half) * pauli

    return rotation


def _phase(angle: FloatArray) -> ComplexArray:
    return u_matrices(np.zeros_like(angle), np.zeros_like(angle), angle)


def u_matrices(theta: FloatArray, phi: FloatArray, lam: FloatArray) -> ComplexArray:
    """Return the matrices of gates u, shape (k, 2, 2), from their angles, shape (k,)."""
    cos, sin = np.cos(theta / 2.0), np.sin(theta / 2.0)
    entries = [cos + 0j, -np.exp(1j * lam) * sin, np.exp(1j * phi) * sin, np.exp(1j * (phi + lam)) * cos]
    return np.stack(entries, axis=-1).reshape(-1, 2, 2)


def _r(theta: FloatArray, phi: FloatArray) -> ComplexArray:
    return u_matrices(theta, phi - np.pi / 2.0, np.pi / 2.0 - phi)


_FORMS: dict[str, Callable[..., ComplexArray]] = {
    "rx": _pauli_rotation(_PAULIS[1]),
    "ry": _pauli_rotation(_PAULIS[2]),
    "rz": _pauli_rotation(_PAULIS[3]),
    "rxx": _pauli_rotation(np.kron(_PAULIS[1], _PAULIS[1])),
    "ryy": _pauli_rotation(np.kron(_PAULIS[2], _PAULIS[2])),
    "rzz": _pauli_rotation(np.kron(_PAULIS[3], _PAULIS[3])),
    "p": _phase,
    "r": _r,
    "u": u_matrices,
}
"""Gates whose matrices are made for all points at once; Qiskit makes those of the others one by one."""
