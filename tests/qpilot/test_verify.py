"""Verification: what it accepts is right, and every way to spoil a small program is refused."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit.library import PauliEvolutionGate, UGate
from qiskit.quantum_info import Operator, SparsePauliOp

import qpilot
from qpilot.arch import FPQA, CircuitInfo, Lattice, Measure, Move, Program, Raman, Release
from qpilot.arch import RydbergPulse as Pulse
from qpilot.arch.errors import CircuitError, ProgramError, VerificationError
from qpilot.canonical import CanonicalForm
from qpilot.frontend import lower
from qpilot.replay import replay
from qpilot.testing import assert_same_circuit
from qpilot.verify import check_against, verify
from tests.strategies import (
    AT_0,
    AT_1,
    HADAMARD,
    flying_cz,
    flying_cz_circuit,
    pair_program,
    with_instructions,
    without_each,
)

X, T, RX = (math.pi, 0.0, math.pi), (0.0, 0.0, math.pi / 4), (0.7, -math.pi / 2, math.pi / 2)
H2 = Raman((2,), (HADAMARD,))
CREATE = (AT_0, H2, Pulse(((0, 2),)), H2)
USE = (AT_1, Pulse(((1, 2),)))
RECYCLE = (AT_0, H2, Pulse(((0, 2),)), H2, Release((2,)))


def gate(atom, angles):
    return Raman((atom,), (angles,))


def circuit(*steps, clbits=2):
    """A circuit on two qubits: ("cz",) or (qubit, theta, phi, lam)."""
    result = QuantumCircuit(2, clbits)
    for step in steps:
        if step == "cz":
            result.cz(0, 1)
        else:
            result.u(*step[1:], step[0])
    return result


# --- accepted --------------------------------------------------------------------------------------------------------


def test_create_use_recycle():
    verify(flying_cz(), flying_cz_circuit())


def test_sources_of_any_kind():
    text = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; cz q[0],q[1];'
    verify(pair_program(*CREATE, *USE, *RECYCLE, num_clbits=0), text)
    with pytest.raises(CircuitError):
        verify(flying_cz(), 3)


def test_one_copy_serves_several_gates():
    program = pair_program(*CREATE, *USE, gate(0, T), gate(1, X), USE[1], *RECYCLE)
    verify(program, circuit("cz", (0, *T), (1, *X), "cz"))


def test_strings_may_have_been_routed_gate_by_gate():
    evolution = PauliEvolutionGate(SparsePauliOp(["YYX", "XYX"], [0.3, -0.8]), time=-1.947)
    source = QuantumCircuit(9)  # too many for their matrices to be compared
    source.append(evolution, [1, 2, 0])
    program = qpilot.compile(source, router="generic")
    verify(program, source)
    with pytest.raises(VerificationError, match="another circuit"):
        verify(program, source.power(2))


def test_the_least_controlled_phase():
    """A program runs it in parts, which are smaller."""
    source = QuantumCircuit(2)
    source.cp(1e-8, 0, 1)
    source.h(0)
    assert_same_circuit(qpilot.compile(source), source)


def test_gates_on_a_copy_act_on_its_source():
    """A T gate on the copy is a T gate on qubit 0; an X on it is undone by another."""
    program = pair_program(*CREATE, gate(2, T), gate(2, X), *USE, gate(2, X), *RECYCLE)
    verify(program, circuit((0, *T), "cz", (1, 0.0, 0.0, math.pi)))


def test_any_gate_that_turns_z_to_the_equator_makes_a_copy():
    """u(pi/2, 0.4, 1.1) in place of the Hadamard, and its inverse, with phases that cancel or land on the source."""
    turn, back = gate(2, (math.pi / 2, 0.4, 1.1)), gate(2, (-math.pi / 2, -1.1, -0.4))
    verify(pair_program(AT_0, turn, Pulse(((0, 2),)), back, *USE, AT_0, turn, Pulse(((0, 2),)), back), circuit("cz"))


def test_a_phase_on_a_parity():
    """A phase on an ancilla that holds the parity of two qubits is a ZZ rotation."""
    parity = (AT_0, H2, Pulse(((0, 2),)), AT_1, Pulse(((1, 2),)), H2)
    back = (H2, Pulse(((1, 2),)), AT_0, Pulse(((0, 2),)), H2)
    rotated = CanonicalForm(2)  # x xor y = x + y - 2 x y
    rotated.phase(0, 0.6)
    rotated.phase(1, 0.6)
    rotated.cp(0, 1, -1.2)
    program = pair_program(*parity, gate(2, (0.0, 0.0, 0.6)), *back)
    assert check_against(program, rotated, ()) == pytest.approx(0)


def test_measurements_into_the_same_bit_keep_their_order():
    measured = QuantumCircuit(2, 1)
    measured.measure([0, 1], [0, 0])
    verify(pair_program(Measure((0, 1), (0, 0)), num_clbits=1), measured)
    with pytest.raises(VerificationError, match="Classical bit 0 ends with the outcome of qubit 0; in the circuit, of"):
        verify(pair_program(Measure((1, 0), (0, 0)), num_clbits=1), measured)


def test_the_order_of_other_measurements_is_free():
    measured = QuantumCircuit(2, 2)
    measured.measure([0, 1], [0, 1])
    verify(pair_program(Measure((1,), (1,)), Measure((0,), (0,))), measured)


@given(st.floats(-10, 10))
def test_the_missing_global_phase_is_returned(phase):
    source = circuit("cz", (0, *HADAMARD), (1, 2 * math.pi, 0.0, 0.0))
    source.global_phase = phase
    program = pair_program(*CREATE, *USE, *RECYCLE, gate(0, HADAMARD))
    lowered = lower(source, keep_barriers=False)
    missing = check_against(program, lowered.form, lowered.measures)
    info = msgspec.structs.replace(program.circuit, global_phase=missing)
    exact = msgspec.structs.replace(program, circuit=info).to_circuit()
    np.testing.assert_allclose(Operator(exact).data[:4, :4], Operator(source).data, atol=1e-9)


# --- refused ---------------------------------------------------------------------------------------------------------


def test_every_instruction_is_needed():
    """Only the release may go: the ancilla is in |0> at the end with or without it."""
    for k, mutated in without_each(flying_cz()):
        if isinstance(flying_cz().instructions[k], Release):
            verify(mutated, flying_cz_circuit())
            continue
        with pytest.raises((ProgramError, VerificationError)):
            verify(mutated, flying_cz_circuit())


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((*CREATE, *RECYCLE), "computes another circuit: between qubits 0 and 1"),  # dropped CZ
        ((*CREATE, *USE, USE[1], *RECYCLE), "computes another circuit: between qubits 0 and 1"),  # a CZ too many
        ((*CREATE, *USE), "ancilla atom 2 is left at the end while it still holds the value of data qubits 0"),
        ((*CREATE, *USE, Release((2,))), "ancilla atom 2 is released while it still holds the value of data qubits 0"),
        ((*CREATE, *USE, *RECYCLE[:-2], RECYCLE[-1]), "ancilla atom 2 is released in another state than |0>"),
        ((*CREATE, *USE, *RECYCLE, gate(0, X)), "qubit 0: expected 1 stretches between one-qubit gates, found 2"),
        ((*CREATE, *USE, *RECYCLE, gate(1, T)), "qubit 1: the final phase should be 0, not 0.785398"),
        ((*CREATE, *USE, gate(2, X), *RECYCLE), "ancilla atom 2 is released in another state than |0>"),
        ((*CREATE, gate(2, T), *USE, *RECYCLE), "qubit 0: the final phase should be 0, not 0.785398"),
        (
            (*CREATE, gate(0, X), *USE, *RECYCLE),
            "data qubit 0 sees u(3.14159, 0, 3.14159), which is not diagonal, while ancilla atom 2 holds its value",
        ),
        ((*CREATE, *USE, AT_0, H2, gate(0, X), *RECYCLE[2:]), "which is not diagonal, while ancilla atom 2 holds"),
        (
            (AT_0, gate(2, RX), Pulse(((0, 2),))),
            "Instruction 2: pulse on ancilla atom 2, whose gates so far turn Z by 0.7; only 0, pi/2 and pi",
        ),
        ((AT_0, H2), "ancilla atom 2 is left at the end in another state than |0>"),
        ((Measure((0,), (0,)), gate(0, X)), "Instruction 1: atom 0 is driven after the measurement of it"),
        ((Measure((0,), (0,)), Measure((0,), (1,))), "data qubit 0 is measured a second time"),
        ((AT_0, H2, Measure((0,), (0,)), Pulse(((2, 0),))), "atom 0 is in a pair after the measurement of it"),
        (
            (*CREATE, Measure((0,), (0,)), *USE),
            "atom 2 is in a pair after the measurement of data qubit 0, whose value it holds",
        ),
    ],
)
def test_spoilt_programs(steps, message):
    with pytest.raises(VerificationError) as error:
        verify(pair_program(*steps), circuit("cz"))
    assert message in str(error.value)
    assert str(error.value).endswith(".")


def test_wrong_angle():
    steps = list(flying_cz().instructions)
    steps[-2] = Raman((0, 1), (HADAMARD, (0.3, 0.2, 0.100002)))
    with pytest.raises(VerificationError, match=r"qubit 1, one-qubit gate 1: expected u\(0.3, \*, 0.1\)"):
        verify(with_instructions(flying_cz(), steps), flying_cz_circuit())


def test_wrong_order():
    steps = [gate(1, X), *CREATE, *USE, *RECYCLE]
    with pytest.raises(VerificationError, match="computes another circuit"):
        verify(pair_program(*steps), circuit("cz", (1, *X)))
    with pytest.raises(VerificationError, match="computes another circuit"):
        verify(pair_program(gate(0, X), gate(0, HADAMARD)), circuit((0, *HADAMARD), (0, *X)))


@pytest.mark.parametrize(
    ("measures", "message"),
    [
        (((0, 1), (0, 1)), "The program does not measure qubit 0 into classical bit 1; the circuit does."),
        (((0,), (1,)), "The program does not measure qubit 1 into classical bit 0; the circuit does."),
    ],
)
def test_other_measurements(measures, message):
    steps = [*flying_cz().instructions[:-1], Measure(*measures)]
    with pytest.raises(VerificationError) as error:
        verify(with_instructions(flying_cz(), steps), flying_cz_circuit())
    assert str(error.value) == message


def test_a_measurement_too_many():
    with pytest.raises(VerificationError, match="measures qubit 1 into classical bit 0; the circuit does not"):
        verify(pair_program(Measure((1,), (0,))), circuit())


def test_other_sizes():
    with pytest.raises(VerificationError, match="The program has 2 qubits, the circuit 3"):
        verify(pair_program(), QuantumCircuit(3, 2))
    with pytest.raises(VerificationError, match="The program has 2 classical bits, the circuit 1"):
        verify(pair_program(), QuantumCircuit(2, 1))


def test_illegal_programs_are_refused_unless_only_the_meaning_counts():
    steps = list(flying_cz().instructions)
    illegal = with_instructions(flying_cz(), [Move(0, (3.0,), (3.0,)), *steps[1:]])
    with pytest.raises(ProgramError, match="The program is not legal: instruction 2 breaks rule 3: pair"):
        verify(illegal, flying_cz_circuit())
    verify(illegal, flying_cz_circuit(), legality=False)


def test_two_ancillas_in_the_x_basis():
    program = many_atoms(1, 2, [gate(1, HADAMARD), gate(2, HADAMARD), Pulse(((1, 2),))])
    with pytest.raises(VerificationError, match="CZ between ancilla atoms 1 and 2, neither of which is in the Z basis"):
        replay(program)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([gate(2, HADAMARD)], "a controlled phase of 0.3 on ancilla atom 2, which is not in the Z basis."),
        (
            [gate(2, HADAMARD), Pulse(((0, 2),)), Pulse(((1, 2),)), gate(2, HADAMARD)],
            "on ancilla atom 2, which holds a parity of 2 data qubits; only one can be followed.",
        ),
        ([gate(2, RX)], "pulse on ancilla atom 2, whose gates so far turn Z by 0.7"),
    ],
)
def test_controlled_phases_that_are_not_followed(steps, message):
    with pytest.raises(VerificationError) as error:
        replay(many_atoms(2, 1, [*steps, Pulse(((1, 2),), (0.3,))]))
    assert message in str(error.value)


def test_a_wrong_controlled_phase():
    program = many_atoms(2, 1, [*CREATE[1:], Pulse(((1, 2),), (0.3,)), *RECYCLE[1:]])
    source = QuantumCircuit(2)
    source.cp(0.3, 0, 1)
    verify(program, source, legality=False)
    source.cp(0.01, 0, 1)
    with pytest.raises(VerificationError, match=r"expected a controlled phase of 0\.31, found 0\.3"):
        verify(program, source, legality=False)


def test_parities_of_three_qubits_are_not_rotated():
    fold = [gate(3, HADAMARD), Pulse(((0, 3),)), Pulse(((1, 3),)), Pulse(((2, 3),)), gate(3, HADAMARD)]
    program = many_atoms(3, 1, [*fold, gate(3, T)])
    with pytest.raises(VerificationError, match=r"ancilla atom 3 rotates the parity of 3 data qubits by 0\.785398"):
        replay(program)


# --- replay against matrices -----------------------------------------------------------------------------------------


def many_atoms(num_qubits, num_ancillas, steps):
    """A program whose atoms have no sensible places: replay looks at the gates alone."""
    info = CircuitInfo("x", num_qubits)
    device = FPQA(slm=Lattice(1, max(1, num_qubits)))
    sites, crossings = ((0, q) for q in range(num_qubits)), ((0, 0, k) for k in range(num_ancillas))
    return Program(info, device, tuple(sites), tuple(crossings), tuple(steps))


def circuit_of_form(form):
    """Return the circuit of a canonical form, controlled phases of any angle included."""
    result = QuantumCircuit(len(form.segments), global_phase=form.global_phase)
    opened = [-1] * len(form.segments)

    def advance(segment):
        for k in range(opened[segment.qubit] + 1, segment.index + 1):
            opening = form.segments[segment.qubit][k]
            result.u(opening.theta, 0.0, opening.lam, segment.qubit)
            opened[segment.qubit] = k

    for (first, second), angle in form.links.items():
        advance(first)
        advance(second)
        result.cp(angle, first.qubit, second.qubit)
    for segments in form.segments:
        advance(segments[-1])
        result.p(segments[-1].phase, segments[-1].qubit)
    return result


ON_ANCILLAS = [
    HADAMARD, X, T, (0.0, 0.3, 0.2), (math.pi, 0.1, 0.4), (math.pi / 2, 0.0, 0.0), (math.pi / 2, 0.5, 0.9),
    (-math.pi / 2, 0.2, math.pi), (1.5 * math.pi, 1.0, -1.0), (2 * math.pi, 0.0, 0.0),
]  # fmt: skip
ON_DATA = [RX, HADAMARD, T, (2 * math.pi, 0.1, 0.2), (0.0, 3.0, 0.1)]
TURNS = [HADAMARD, (math.pi / 2, 0.0, 0.0), (math.pi / 2, 0.5, 0.9)]
ON_COPIES = [T, X, (0.0, 0.0, math.pi)]
PHASES = [(), (math.pi,), (-math.pi,), (0.7,), (-1.2,), (8.0,), (0.0,)]
N, ANCILLAS = 3, 2


def inverse(step):
    if isinstance(step, Pulse):
        return step
    return gate(step.atoms[0], tuple(float(a) for a in UGate(*step.angles[0]).inverse().params))


def conjugated_program(rng):
    """Make copies in odd ways, use them, undo the copies: the ancillas come home unless the use spoils it."""

    def some(low, high, step):
        return [step() for _ in range(rng.integers(low, high))]

    def pulse(angles=((),)):
        ancilla = int(rng.integers(N, N + ANCILLAS))
        other = int(rng.choice([a for a in range(N + ANCILLAS) if a != ancilla]))
        return Pulse(((other, ancilla),), angles[rng.integers(len(angles))])

    def drive(atoms, angles):
        return gate(int(rng.choice(atoms)), angles[rng.integers(len(angles))])

    def copy():
        ((source, ancilla),) = pulse().pairs
        turn = gate(ancilla, TURNS[rng.integers(len(TURNS))])
        odd = [drive([ancilla], ON_ANCILLAS)] if rng.random() < 0.2 else []
        return [turn, Pulse(((source, ancilla),)), *odd, inverse(turn)]

    data, ancillas = range(N), range(N, N + ANCILLAS)
    copies = [step for steps in some(1, 5, copy) for step in steps]
    uses = some(1, 6, lambda: pulse(PHASES)) + some(0, 3, lambda: drive(ancillas, ON_COPIES))
    uses += some(0, 2, lambda: drive(data, [T]))
    rng.shuffle(uses)
    before, after = (some(0, 4, lambda: drive(data, ON_DATA)) for _ in "ab")
    return many_atoms(N, ANCILLAS, [*before, *copies, *uses, *map(inverse, reversed(copies)), *after])


@pytest.mark.parametrize("seed", range(4))
def test_what_replay_finds_is_what_the_program_does(seed):
    """Soundness: whenever replay succeeds, its form is the unitary, and the ancillas are back in |0>."""
    rng = np.random.default_rng(seed)
    entangling = 0
    for _ in range(90):
        program = conjugated_program(rng)
        try:
            form = replay(program).form
        except VerificationError:
            continue
        matrix = Operator(program.to_circuit()).data[: 2**N, : 2**N]
        np.testing.assert_allclose(matrix, Operator(circuit_of_form(form)).data, atol=1e-6)
        entangling += bool(form.links)
    assert entangling >= 10


def test_replay_of_60000_operations():
    n = 100
    h = Raman(tuple(range(n, 2 * n)), (HADAMARD,) * n)
    home, away = Pulse(tuple((q, n + q) for q in range(n))), Pulse(tuple(((q + 1) % n, n + q) for q in range(n)))
    driven = Raman(tuple(range(n)), (RX,) * n)
    program = many_atoms(n, n, [h, home, h, away, h, home, h, driven] * 75)
    assert len(replay(program).form.links) == 75 * n


def test_replay_of_nothing():
    found = replay(many_atoms(0, 0, []))
    assert found.measures == ()
    assert found.form.difference(CanonicalForm(0)) is None
