"""Pauli frames against matrices: equal frames mean equal unitaries, and rewritten circuits are equal."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
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
from qpilot.pauli_words import image, label, sign, split
from tests.strategies import AT_0, AT_1, HADAMARD, block_circuit, circuits, flying_cz, pair_program, without_each

CLIFFORD_ANGLES = [0.0, math.pi / 2, math.pi, -math.pi / 2]
ANGLES = st.sampled_from([*CLIFFORD_ANGLES, math.pi / 4, -math.pi / 4, 0.3, -1.1, 2.9, 5.0])
PAULIS = [np.eye(2), np.array([[0, 1], [1, 0]]), np.diag([1, -1]), np.array([[0, -1j], [1j, 0]])]


# --- circuits as lists of steps: a method of PauliFrame and its arguments --------------------------------------------


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


# --- ancillas --------------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(steps(4, max_steps=20))
def test_what_a_frame_says_of_ancillas_is_exact(circuit):
    """Two data qubits and two ancillas: check_zero refuses exactly where an ancilla is not in |0>."""
    n, total = 2, 4
    frame, done = PauliFrame(n, total - n), []
    for name, *args in circuit:
        if name != "cp":
            try:
                getattr(frame, name)(*args)
            except VerificationError:
                continue  # a refused gate leaves the frame as it was
            done.append((name, *args))
    isometry = matrix_of(done, total)[:, : 2**n]
    for ancilla in range(n, total):
        at_one = [k for k in range(2**total) if k >> ancilla & 1]
        if np.allclose(isometry[at_one], 0.0, atol=1e-6):
            frame.check_zero(ancilla)
        else:
            with pytest.raises(VerificationError, match=f"ancilla atom {ancilla} is read"):
                frame.check_zero(ancilla)
    # V = C W on |0>, so P C = C (C^-1 P C) for every string P whose image is one of the data.
    clifford = isometry @ word_matrix(frame.word, n).conj().T
    for k in range(1, 4**total):
        x, z = k % 2**total, k >> total
        found = image(frame._x_images, frame._z_images, (x, z))
        if found[0] < 2**n:
            data = found[0], found[1] % 2**n
            expected = clifford @ (sign(found) * pauli_matrix(*data, n))
            assert np.allclose(pauli_matrix(x, z, total) @ clifford, expected, atol=1e-6)


def word_matrix(word, num_qubits):
    """The unitary of the elements of a word."""
    total = np.eye(2**num_qubits)
    for element in word:
        turns = sum(c * pauli_matrix(*axis, num_qubits) for axis, c in zip(element.axes, element.v, strict=True))
        total = (element.w * np.eye(2**num_qubits) - 1j * turns) @ total
    return total


CAT = [("u", 3, *HADAMARD), ("u", 4, *HADAMARD), *cx(3, 5), *cx(4, 5)]
"""Ancillas 3, 4 and 5 in the even superposition of all strings of even parity."""
UNCAT = [*cx(4, 5), *cx(3, 5), ("u", 4, *HADAMARD), ("u", 3, *HADAMARD)]


def cat_rotation(x, z, angle):
    """Steps of a rotation of three qubits: each is copied, in its basis, into its part of a cat state."""
    enter = [basis_change(q, z >> q & 1, 1) for q in range(3) if x >> q & 1]
    leave = [basis_change(q, z >> q & 1, -1) for q in range(3) if x >> q & 1]
    copy = [*enter, *cx(0, 3), *cx(1, 4), *cx(2, 5), *leave]
    return [*CAT, *copy, *UNCAT, ("u", 5, 0.0, 0.0, angle), *CAT, *copy, *UNCAT]


@pytest.mark.parametrize(("x", "z"), [(0b000, 0b111), (0b111, 0b000), (0b101, 0b011), (0b011, 0b111)])
@pytest.mark.parametrize("angle", [0.3, math.pi / 2, -math.pi / 4])
def test_a_rotation_by_a_cat_state(x, z, angle):
    before = [("u", 0, 0.3, 0.2, 0.1), ("cz", 0, 1), ("u", 1, 1.3, 0.0, 0.0)]
    program = frame_of([*before, *cat_rotation(x, z, angle)], 3, 3)
    for ancilla in (3, 4, 5):
        program.check_zero(ancilla)
    source = frame_of([*before, ("rotation", x, z, angle)], 3)
    assert source.difference(program) is None
    assert source.difference(frame_of([*before, *cat_rotation(x, z, -angle)], 3, 3))
    steps = [*before, *cat_rotation(x, z, angle)]
    assert same(matrix_of([*before, ("rotation", x, z, angle)], 3), matrix_of(steps, 6)[:8, :8])


def test_a_rotation_while_entangled_is_refused():
    """One part of a cat state says nothing about the data."""
    with pytest.raises(VerificationError, match="atom 3 sees a rotation that is none of the data qubits alone"):
        frame_of([*CAT, *cx(0, 3), ("u", 3, 0.0, 0.0, 0.3)], 3, 3)
    with pytest.raises(VerificationError, match="atom 4 sees a rotation that is none of the data"):
        frame_of([("u", 4, 0.1, 0.2, 0.3)], 3, 3)


def test_a_rotation_of_a_dark_ancilla_is_a_phase():
    frame = frame_of([("u", 1, 0.0, 0.0, 0.3), ("u", 1, math.pi, 0.4, 0.0), ("u", 1, *HADAMARD)], 1, 1)
    assert frame.word == []


@pytest.mark.parametrize(
    ("circuit", "atom", "message"),
    [
        (cat_rotation(0, 0b111, 0.3)[:-1], 3, "ancilla atom 3 is read in another state than |0>"),
        ([*CAT, *cx(0, 3), *UNCAT], 5, "ancilla atom 5 is read while it still holds the value of data qubits 0"),
        ([*cx(0, 3), *cx(2, 3)], 3, "ancilla atom 3 is read while it still holds the value of data qubits 0, 2"),
        ([*cx(0, 3), ("u", 3, *HADAMARD)], 3, "ancilla atom 3 is read while it still holds the value of data qubits 0"),
        ([("cz", 0, 3), ("u", 3, math.pi, 0.0, math.pi)], 3, "ancilla atom 3 is read in another state than |0>"),
    ],
)
def test_ancillas_that_are_not_returned(circuit, atom, message):
    frame = frame_of(circuit, 3, 3)
    with pytest.raises(VerificationError) as error:
        frame.check_zero(atom)
    assert str(error.value) == message + "."


def test_an_ancilla_that_is_left_entangled_is_a_difference():
    found = PauliFrame(1).difference(frame_of([("u", 1, *HADAMARD), ("cz", 0, 1)], 1, 1))
    assert found == "data qubit 0 is left depending on an ancilla that is not in |0>"


# --- what a difference says ------------------------------------------------------------------------------------------

STRINGS = [("rotation", 0b001, 0b110, 0.3), ("rotation", 0b100, 0b001, -0.2)]  # X0 Z1 Z2, and Z0 X2: they commute


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (STRINGS[::-1], None),
        (STRINGS[:1], "the circuit rotates about Z0 X2 by -0.2 more than the program"),
        (STRINGS[1:], "the circuit rotates about X0 Z1 Z2 by 0.3 more than the program"),
        ([*STRINGS, ("rotation", 2, 2, 0.1)], "the program rotates about Y1 by 0.1 more than the circuit"),
        ([("rotation", 1, 6, 0.4), STRINGS[1]], "the circuit rotates about X0 Z1 Z2 by -0.1 more than the program"),
        ([*STRINGS, ("cz", 0, 1)], "X of qubit 0 should come from X0, not X0 Z1"),
        ([*STRINGS, ("u", 2, math.pi, 0.0, math.pi)], "Z of qubit 2 should come from Z2, not -Z2"),
        ([*STRINGS, ("u", 1, 0.1, 0.2, 0.3)], "the program turns about Z1, X1, Y1 at once, and the circuit does not"),
    ],
)
def test_a_difference_names_what_is_left(program, message):
    found = frame_of(STRINGS, 3).difference(frame_of(program, 3))
    assert found == message


def test_anticommuting_rotations_keep_their_order():
    a, b = ("rotation", 0b011, 0b010, 0.3), ("rotation", 0b010, 0b111, 0.2)
    assert not np.allclose(matrix_of([a, b], 3), matrix_of([b, a], 3))
    assert frame_of([a, b], 3).difference(frame_of([b, a], 3))


def test_a_tolerance():
    a, b = frame_of([("rotation", 1, 0, 0.3)], 1), frame_of([("rotation", 1, 0, 0.3001)], 1)
    assert a.difference(b)
    assert a.difference(b, tolerance=1e-3) is None


def test_small_differences_add_up():
    a, b = frame_of([], 8), frame_of([("rotation", 1 << q, 0, 5e-7) for q in range(8)], 8)
    assert a.difference(frame_of([("rotation", 1, 0, 5e-7)], 8)) is None
    assert a.difference(b)


def test_commuting_strings_in_another_order():
    rng = np.random.default_rng(0)
    strings = [("rotation", 0, int.from_bytes(rng.bytes(12)), float(angle)) for angle in rng.uniform(-3, 3, 200)]
    frame = frame_of(strings, 96)
    assert frame.difference(frame_of([strings[k] for k in rng.permutation(200)], 96)) is None
    assert frame.difference(frame_of(strings[1:], 96))


def test_a_rotation_of_a_clifford_is_found_whatever_stands_on_either_side():
    """U = A C B with C a Clifford: a Z rotation between two of the 24."""
    for a, b in itertools.product(itertools.product(CLIFFORD_ANGLES, repeat=3), [(0.5, 0.0, 0.0), (0.0, 0.0, 0.5)]):
        q = _quaternion(matmul(u_matrix(*a), u_matrix(*b)))
        _, rest = split(q, 1e-9)
        assert sum(c != 0.0 for c in rest[1:]) == 1
        assert abs(2 * math.atan2(max(map(abs, rest[1:])), abs(rest[0])) - 0.5) < 1e-9


def _quaternion(matrix):
    theta, phi, lam, _ = u_angles(matrix)
    half, total, change = theta / 2, (phi + lam) / 2, (phi - lam) / 2
    return (
        math.cos(half) * math.cos(total),
        -math.sin(half) * math.sin(change),
        math.sin(half) * math.cos(change),
        math.cos(half) * math.sin(total),
    )


# --- programs --------------------------------------------------------------------------------------------------------


def source_frame(circuit):
    """The frame of a circuit of u, p, cz and cp."""
    frame = PauliFrame(circuit.num_qubits)
    for step in circuit.data:
        qubits = [circuit.find_bit(q).index for q in step.qubits]
        if step.operation.name == "p":
            frame.u(*qubits, 0.0, 0.0, *step.operation.params)
        else:
            getattr(frame, step.operation.name)(*qubits, *step.operation.params)
    return frame


@settings(max_examples=60, deadline=None)
@given(circuits(max_qubits=5, max_gates=15, measured=True), st.sampled_from(["auto", "generic"]), st.data())
def test_compiled_programs(circuit, router, data):
    """Compiled programs equal their source; without one instruction, they are refused or equal all the same."""
    angles = [abs(angle) for step in circuit.data for angle in step.operation.params]
    assume(not any(1e-9 < angle < 1e-5 for angle in angles))  # where one side may drop what the other keeps
    program = qpilot.compile(circuit, router=router)  # this verifies by parities
    found, measures = replay_frame(program)
    # As in `qpilot.verify`, a program may spell diagonal gates as the source does, or as they are gathered.
    forms = [lower(circuit, keep_barriers=False, gathered=gathered) for gathered in (True, False)]
    sources = [source_frame(block_circuit(form.block)) for form in forms]
    assert None in [source.difference(found) for source in sources]
    assert sorted(measures) == sorted(forms[0].measures)
    spoilt = [mutated for _, mutated in without_each(program)]
    if not spoilt:
        return
    mutated = data.draw(st.sampled_from(spoilt))
    try:
        differences = [source.difference(replay_frame(mutated)[0]) for source in sources]
    except VerificationError:
        return
    if None in differences and mutated.num_atoms <= 8:
        atoms = mutated.to_circuit()
        for measured in (atoms, circuit):
            measured.remove_final_measurements()
        size = 2**circuit.num_qubits
        assert same(Operator(circuit).data, Operator(atoms).data[:size, :size])


CREATE = (AT_0, Raman((2,), (HADAMARD,)), Pulse(((0, 2),)), Raman((2,), (HADAMARD,)))


@pytest.mark.parametrize(
    ("instructions", "message"),
    [
        (CREATE, "Instruction 3: ancilla atom 2 is left at the end while it still holds the value of data qubits 0"),
        ((*CREATE, Release((2,))), "Instruction 4: ancilla atom 2 is released while it still holds the value of"),
        (CREATE[:2], "Instruction 1: ancilla atom 2 is left at the end in another state than |0>"),
        ((AT_0, Raman((2,), ((0.7, 0.0, 0.0),))), "Instruction 1: atom 2 sees a rotation that is none of the data"),
        ((Measure((0,), (0,)), Raman((0,), (HADAMARD,))), "Instruction 1: atom 0 is driven after the measurement of"),
        (
            (AT_0, Measure((0,), (0,)), Pulse(((2, 0),))),
            "Instruction 2: atom 0 is in a pair after the measurement",
        ),
        ((Measure((0,), (0,)), Measure((0,), (1,))), "Instruction 1: data qubit 0 is measured a second time"),
    ],
)
def test_spoilt_programs(instructions, message):
    with pytest.raises(VerificationError) as error:
        replay_frame(pair_program(*instructions))
    assert str(error.value).startswith(message)
    assert str(error.value).endswith(".")


def test_every_instruction_of_a_flying_cz_is_needed():
    steps = [("cz", 0, 1), ("u", 0, *HADAMARD), ("u", 1, 0.3, 0.2, 0.1)]
    source = frame_of(steps, 2)
    found, measures = replay_frame(flying_cz())
    assert source.difference(found) is None
    assert measures == ((0, 1), (1, 0))
    for k, spoilt in without_each(flying_cz()):
        kind = type(flying_cz().instructions[k]).__name__
        try:
            found, measures = replay_frame(spoilt)
        except VerificationError:
            continue
        if kind == "Measure":
            assert measures == ()
        else:
            assert (source.difference(found) is None) == (kind in ("Move", "Release"))


def test_an_identity_that_canonical_forms_do_not_know():
    """CZ X CZ X = Z on the ancilla."""
    x = Raman((0,), ((math.pi, 0.0, math.pi),))
    program = pair_program(AT_0, Raman((2,), (HADAMARD,)), Pulse(((0, 2),)), x, Pulse(((0, 2),)), x, *CREATE[1:2])
    with pytest.raises(VerificationError, match="ancilla atom 2 is left at the end in another state"):
        replay_frame(program)  # the ancilla is in |1>
    flipped = pair_program(*program.instructions, Raman((2,), ((math.pi, 0.0, math.pi),)), AT_1)
    assert frame_of([], 2).difference(replay_frame(flipped)[0]) is None


def test_labels():
    assert label((0b1001, 0b11000)) == "X0 Y3 Z4"
    assert label((0, 0)) == "1"
