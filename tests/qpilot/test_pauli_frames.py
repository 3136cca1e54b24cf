"""Pauli frames against matrices: equal frames are equal unitaries, rewritten circuits stay equal, spoilt ones do not."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from qiskit.circuit.library import CPhaseGate, CZGate, UGate
from qiskit.quantum_info import Operator

import qpilot
from qpilot.arch import Measure, Raman, Release
from qpilot.arch import RydbergPulse as Pulse
from qpilot.arch.errors import VerificationError
from qpilot.arch.unitary import matmul, u_angles, u_matrix
from qpilot.frontend import lower
from qpilot.pauli_frames import PauliFrame, replay_frame
from qpilot.pauli_words import label, split
from tests.strategies import AT_0, AT_1, HADAMARD, block_circuit, circuits, flying_cz, pair_program, without_each

CLIFFORD_ANGLES = [0.0, math.pi / 2, math.pi, -math.pi / 2]
ANGLES = st.sampled_from([*CLIFFORD_ANGLES, math.pi / 4, -math.pi / 4, 0.3, -1.1, 2.9, 5.0])
PAULIS = [np.eye(2), np.array([[0, 1], [1, 0]]), np.diag([1, -1]), np.array([[0, -1j], [1j, 0]])]


# --- circuits as lists of steps: ("u", q, theta, phi, lam), ("cz", a, b), ("cp", a, b, angle), ("rotation", x, z, angle)


@st.composite
def steps(draw, num_qubits, max_steps=12):
    """Random steps; some strings come back."""
    masks = st.integers(0, 2**num_qubits - 1)
    strings = draw(st.lists(st.tuples(masks, masks), min_size=1, max_size=3))
    result = []
    for name in draw(st.lists(st.sampled_from(["u", "u", "h", "cz", "cz", "cp", "rotation"]), max_size=max_steps)):
        q, other = draw(st.integers(0, num_qubits - 1)), draw(st.integers(1, max(1, num_qubits - 1)))
        pair = q, (q + other) % num_qubits
        if name == "h":
            result.append(("u", q, *HADAMARD))
        elif name == "u":
            result.append(("u", q, draw(ANGLES), draw(ANGLES), draw(ANGLES)))
        elif name == "rotation":
            result.append(("rotation", *draw(st.sampled_from(strings)), draw(ANGLES)))
        elif num_qubits > 1:
            result.append((name, *pair, draw(ANGLES)) if name == "cp" else (name, *pair))
    return result


def frame_of(circuit, num_qubits, num_ancillas=0):
    """The frame of some steps."""
    frame = PauliFrame(num_qubits, num_ancillas)
    for name, *args in circuit:
        getattr(frame, name)(*args)
    return frame


def pauli_matrix(x, z, num_qubits):
    """The matrix of a string, the first qubit last, as in Qiskit."""
    matrix = np.eye(1)
    for q in range(num_qubits):
        matrix = np.kron(PAULIS[(x >> q & 1) + 2 * (z >> q & 1)], matrix)
    return matrix


def matrix_of(circuit, num_qubits):
    """The unitary of some steps."""
    total = Operator(np.eye(2**num_qubits))
    for name, *args in circuit:
        if name == "rotation":
            x, z, angle = args
            pauli = pauli_matrix(x, z, num_qubits)
            total &= Operator(math.cos(angle / 2) * np.eye(len(pauli)) - 1j * math.sin(angle / 2) * pauli)
        elif name == "u":
            total = total.compose(Operator(UGate(*args[1:])), [args[0]])
        else:
            total = total.compose(Operator(CPhaseGate(args[2]) if name == "cp" else CZGate()), args[:2])
    return total.data


def same(a, b):
    """Whether two matrices are equal up to a global phase."""
    overlap = np.vdot(a, b)
    return abs(abs(overlap) - np.vdot(a, a).real) < 1e-7 and np.allclose(a * overlap / abs(overlap), b, atol=1e-6)


def cx(control, target):
    h = ("u", target, *HADAMARD)
    return [h, ("cz", control, target), h]


def ladder(x, z, angle, target):
    """Steps of a rotation: changes of basis, the parity into one atom, RZ there, and all undone."""
    support = [q for q in range((x | z).bit_length()) if (x | z) >> q & 1]
    enter = [basis_change(q, z >> q & 1, 1) for q in support if x >> q & 1]
    leave = [basis_change(q, z >> q & 1, -1) for q in support if x >> q & 1]
    fold = [step for q in support if q != target for step in cx(q, target)]
    return [*enter, *fold, ("u", target, 0.0, 0.0, angle), *fold[::-1], *leave]


def basis_change(q, is_y, direction):
    """H, or for Y a quarter turn about X, which makes Z of it."""
    return ("u", q, direction * math.pi / 2, -math.pi / 2, math.pi / 2) if is_y else ("u", q, *HADAMARD)


def inverse_of(angles):
    a, b, c, d = u_matrix(*angles)
    return a.conjugate(), c.conjugate(), b.conjugate(), d.conjugate()


@st.composite
def rewritten(draw, circuit, num_qubits):
    """The same unitary in another spelling, with two ancillas: steps exchanged, split, merged or synthesized."""
    circuit = list(circuit)
    for _ in range(draw(st.integers(1, 8))):
        if not circuit:
            break
        k = draw(st.integers(0, len(circuit) - 1))
        name, *args = circuit[k]
        following = circuit[k + 1] if k + 1 < len(circuit) else ("none",)
        kind = draw(st.sampled_from(["exchange", "split", "merge", "ladder"]))
        if kind == "exchange" and len(following) > 1:
            pair = [circuit[k], following]
            if np.allclose(matrix_of(pair, num_qubits + 2), matrix_of(pair[::-1], num_qubits + 2)):
                circuit[k : k + 2] = pair[::-1]
        elif kind == "split" and name == "u" and args[0] < num_qubits:
            part = draw(ANGLES), draw(ANGLES), draw(ANGLES)
            rest = u_angles(matmul(u_matrix(*args[1:]), inverse_of(part)))[:3]
            circuit[k : k + 1] = [("u", args[0], *part), ("u", args[0], *rest)]
        elif kind == "split" and name in ("cp", "rotation"):
            part = draw(ANGLES)
            circuit[k : k + 1] = [(name, *args[:2], part), (name, *args[:2], args[2] - part)]
        elif kind == "merge" and name == "u" and following[:2] == ("u", args[0]):
            merged = u_angles(matmul(u_matrix(*following[2:]), u_matrix(*args[1:])))[:3]
            circuit[k : k + 2] = [("u", args[0], *merged)]
        elif kind == "ladder" and name == "rotation" and args[0] | args[1]:
            last = (args[0] | args[1]).bit_length() - 1
            circuit[k : k + 1] = ladder(*args, draw(st.sampled_from([last, num_qubits, num_qubits + 1])))
    return circuit


@settings(max_examples=300, deadline=None)
@given(st.data(), st.integers(1, 4))
def test_rewritten_circuits_are_equal(data, n):
    circuit = data.draw(steps(n))
    other = data.draw(rewritten(circuit, n))
    frame, again = frame_of(circuit, n), frame_of(other, n, 2)
    for ancilla in (n, n + 1):
        again.check_zero(ancilla)
    assert frame.difference(again) is None
    assert again.difference(frame) is None
    on_zero = matrix_of(other, n + 2)[: 2**n, : 2**n]  # the ancillas are the last qubits
    assert same(matrix_of(circuit, n), on_zero)


@settings(max_examples=300, deadline=None)
@given(st.data(), st.integers(1, 4))
def test_equal_frames_are_equal_unitaries(data, n):
    """Two circuits: one spoilt by a changed angle, a dropped step, a sign or an exchange, and rewritten."""
    circuit = data.draw(steps(n))
    assume(circuit)
    spoilt = list(circuit)
    k = data.draw(st.integers(0, len(circuit) - 1))
    kind = data.draw(st.sampled_from(["angle", "sign", "drop", "exchange"]))
    if kind == "drop":
        del spoilt[k]
    elif kind == "exchange":
        spoilt[k : k + 2] = spoilt[k : k + 2][::-1]
    elif spoilt[k][0] != "cz":
        *rest, angle = spoilt[k]
        spoilt[k] = (*rest, angle + 0.1 if kind == "angle" else -angle)
    other = data.draw(rewritten(spoilt, n))
    equal = same(matrix_of(circuit, n), matrix_of(spoilt, n))
    difference = frame_of(circuit, n).difference(frame_of(other, n, 2))
    if not equal:
        assert difference
    elif spoilt == circuit:
        assert difference is None
