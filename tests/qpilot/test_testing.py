"""The referees: each accepts what is right, finds what is wrong, and knows nothing of the other."""

import builtins
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit

from qpilot import testing
from qpilot.arch import FPQA, CircuitInfo, Lattice, Move, Program, Raman
from qpilot.arch import RydbergPulse as Pulse
from qpilot.arch.errors import CircuitError, VerificationError
from qpilot.testing import assert_same_circuit, stabilizer_equal, statevector_fidelity
from qpilot.verify import verify
from tests.strategies import HADAMARD, circuits, flying_cz, flying_cz_circuit, with_instructions, without_each


def chain(n, last=HADAMARD):
    """CZ between each data qubit and the next by n - 1 ancillas at once, in one row; then a gate on the last qubit."""
    crossings = tuple((0, 0, k) for k in range(n - 1))
    ancillas = tuple(range(n, 2 * n - 1))
    home, away = (tuple(15.0 * (k + shift) + 1.0 for k in range(n - 1)) for shift in (0, 1))
    h = Raman(ancillas, (HADAMARD,) * (n - 1))
    copy = (h, Pulse(tuple((k, n + k) for k in range(n - 1))), h)
    use = Pulse(tuple((k + 1, n + k) for k in range(n - 1)))
    steps = (
        Move(0, (1.0,), home), *copy, Move(0, (1.0,), away), use, Move(0, (1.0,), home), *copy,
        Raman((n - 1,), (last,)),
    )  # fmt: skip
    info = CircuitInfo("chain", n)
    return Program(info, FPQA(slm=Lattice(1, n)), tuple((0, q) for q in range(n)), crossings, steps)


def chain_circuit(n):
    circuit = QuantumCircuit(n)
    for q in range(n - 1):
        circuit.cz(q, q + 1)
    circuit.h(n - 1)
    return circuit


def test_a_correct_program_passes():
    assert_same_circuit(flying_cz(), flying_cz_circuit())
    assert statevector_fidelity(flying_cz(), flying_cz_circuit(), global_phase=True) == pytest.approx(1)


@pytest.mark.parametrize("n", [2, 5, 9])
def test_a_chain_of_ancillas(n):
    """The largest has 17 atoms, so that Aer simulates it."""
    assert_same_circuit(chain(n), chain_circuit(n))
    assert statevector_fidelity(chain(n), chain_circuit(n), global_phase=True) == pytest.approx(1)
    assert stabilizer_equal(chain(n), chain_circuit(n))


@pytest.mark.parametrize("n", [5, 7])
def test_a_wrong_gate_is_found(n):
    wrong = chain(n, last=(math.pi / 2, 0.0, 0.0))
    with pytest.raises(AssertionError, match="computes another circuit"):
        assert_same_circuit(wrong, chain_circuit(n))
    assert statevector_fidelity(wrong, chain_circuit(n)) < 0.999
    assert not stabilizer_equal(wrong, chain_circuit(n))


def test_a_large_clifford_program():
    assert stabilizer_equal(chain(150), chain_circuit(150))
    assert not stabilizer_equal(chain(150, last=(math.pi, 0.0, math.pi)), chain_circuit(150))


def test_referees_agree_with_verification_on_every_mutation():
    """An instruction that verification calls needed changes the state; illegal moves alone do not."""
    circuit = flying_cz_circuit().copy_empty_like()
    circuit.cz(0, 1)
    circuit.h(0)
    circuit.h(1)
    steps = list(flying_cz().instructions[:-1])
    steps[-1] = Raman((0, 1), (HADAMARD, HADAMARD))
    program = with_instructions(flying_cz(), steps)
    for _, mutated in without_each(program):
        try:
            verify(mutated, circuit, legality=False)
        except VerificationError:
            right = False
        else:
            right = True
        assert (statevector_fidelity(mutated, circuit) > 1 - 1e-9) == right
        assert stabilizer_equal(mutated, circuit) == right


def test_the_global_phase_is_compared_on_demand():
    circuit = flying_cz_circuit()
    circuit.global_phase = math.pi / 2
    assert statevector_fidelity(flying_cz(), circuit) == pytest.approx(1)
    assert statevector_fidelity(flying_cz(), circuit, global_phase=True) == pytest.approx(0)
    info = msgspec.structs.replace(flying_cz().circuit, global_phase=math.pi / 2)
    phased = msgspec.structs.replace(flying_cz(), circuit=info)
    assert statevector_fidelity(phased, circuit, global_phase=True) == pytest.approx(1)


def test_measurements_barriers_and_first_resets_are_left_out():
    circuit = QuantumCircuit(2, 2)
    circuit.reset(0)
    circuit.compose(flying_cz_circuit().remove_final_measurements(inplace=False), inplace=True)
    circuit.barrier()
    circuit.measure([0, 1], [1, 0])
    assert_same_circuit(flying_cz(), circuit)


def in_place(circuit):
    """Return a circuit as a program without moves: CZ between atoms that are far apart, which only referees accept."""
    steps = []
    for instruction in testing._in_u_and_cz(circuit).data:
        atoms = tuple(circuit.find_bit(bit).index for bit in instruction.qubits)
        if instruction.operation.name == "cz":
            steps.append(Pulse((atoms,)))
        else:
            steps.append(Raman(atoms, (tuple(map(float, instruction.operation.params)),)))
    info = CircuitInfo("x", circuit.num_qubits)
    return Program(info, FPQA(slm=Lattice(1, 5)), tuple((0, q) for q in range(circuit.num_qubits)), (), tuple(steps))


@settings(max_examples=40, deadline=None)
@given(circuits(max_qubits=4, max_gates=8), st.integers(0, 3))
def test_random_circuits(circuit, seed):
    program = in_place(circuit)
    assert statevector_fidelity(program, circuit, seed=seed) == pytest.approx(1)
    verify(program, testing._in_u_and_cz(circuit), legality=False)


@settings(max_examples=30, deadline=None)
@given(circuits(max_qubits=4, max_gates=8, clifford=True), circuits(max_qubits=4, max_gates=8, clifford=True))
def test_both_referees_agree_on_clifford_circuits(first, second):
    assert stabilizer_equal(in_place(first), first)
    if first.num_qubits == second.num_qubits:
        equal = statevector_fidelity(in_place(first), second) > 1 - 1e-9
        assert stabilizer_equal(in_place(first), second) == equal


@pytest.mark.parametrize(
    "angles", [(0.0, 0.3, -0.3), (math.pi, 0.2, 0.2), (2 * math.pi, 0.1, math.pi / 2 - 0.1), (-math.pi, 1.0, 1.0)]
)
def test_clifford_gates_in_unusual_angles(angles):
    circuit = QuantumCircuit(1)
    circuit.u(*angles, 0)
    assert stabilizer_equal(in_place(circuit), circuit)


@pytest.mark.parametrize("angles", [(0.3, 0.0, 0.0), (0.0, 0.3, 0.0), (math.pi, 0.3, 0.0), (math.pi / 2, 0.3, -0.3)])
def test_other_gates_are_refused_by_the_stabilizer_referee(angles):
    circuit = QuantumCircuit(1)
    circuit.u(*angles, 0)
    with pytest.raises(CircuitError, match="is not a Clifford gate"):
        stabilizer_equal(in_place(circuit), circuit)


@pytest.mark.parametrize(("angle", "right"), [(math.pi, True), (-math.pi, True), (3 * math.pi, True), (0.0, False)])
def test_controlled_phases_that_are_clifford(angle, right):
    cz = QuantumCircuit(2)
    cz.cz(0, 1)
    program = in_place(cz)
    assert stabilizer_equal(with_instructions(program, [Pulse(((0, 1),), (angle,))]), cz) == right


def test_other_controlled_phases_are_refused_by_the_stabilizer_referee():
    program = with_instructions(in_place(QuantumCircuit(2)), [Pulse(((0, 1),), (math.pi / 2,))])
    with pytest.raises(CircuitError, match=r"cp\(1\.57\d*\) is not a Clifford gate"):
        stabilizer_equal(program, QuantumCircuit(2))


def test_sizes():
    with pytest.raises(CircuitError, match="The program has 2 qubits, the circuit 3"):
        statevector_fidelity(flying_cz(), QuantumCircuit(3))
    with pytest.raises(CircuitError, match="The program has 2 qubits, the circuit 3"):
        stabilizer_equal(flying_cz(), QuantumCircuit(3))
    with pytest.raises(CircuitError, match="has 25 atoms; at most 24 can be simulated"):
        statevector_fidelity(chain(13), chain_circuit(13))
    with pytest.raises(AssertionError, match="The program has 2 qubits, the circuit 3"):
        assert_same_circuit(flying_cz(), QuantumCircuit(3, 2))


def test_a_fidelity_below_one_fails_even_if_verification_passes(monkeypatch):
    monkeypatch.setattr(testing, "statevector_fidelity", lambda *_: 0.5)
    with pytest.raises(AssertionError, match=r"passes verification, but its simulated fidelity is 0\.5"):
        assert_same_circuit(flying_cz(), flying_cz_circuit())


@pytest.mark.parametrize(
    ("package", "referee"), [("qiskit_aer", statevector_fidelity), ("stim", stabilizer_equal)], ids=["aer", "stim"]
)
def test_a_missing_package_names_the_extra(monkeypatch, package, referee):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.startswith(package):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ImportError, match=r"pip install 'qpilot\[sim\]'"):
        referee(chain(7), chain_circuit(7))
