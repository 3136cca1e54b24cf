"""Circuits in parts: gates and product formulas side by side, and rotations that add up."""

import contextlib
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.quantum_info import SparseObservable, SparsePauliOp, Statevector
from qiskit.synthesis import LieTrotter, SuzukiTrotter

import qpilot
from qpilot.arch import AOD, FPQA, CircuitInfo, Lattice
from qpilot.arch.errors import VerificationError
from qpilot.parts import Merged, as_gates, cut, expand, frame_of, merge
from qpilot.paulis import read_paulis
from qpilot.routing.blocks import PauliBlock
from qpilot.routing.generic import POLICIES
from qpilot.testing import statevector_fidelity
from tests.sparse_simulator import TooLargeError, final_state, product_state, random_states, rotated
from tests.strategies import block_circuit, devices, pauli_terms

DEVICES = [None, FPQA(slm=Lattice(2, 3), aods=(AOD(3, 3),)), FPQA(slm=Lattice(2, 3), aods=(AOD(1, 1),))]
ANGLES = st.sampled_from([0.3, -1.1, math.pi / 2, math.pi, 2.0, 7.0])
SYNTHESES = [
    lambda: LieTrotter(),
    lambda: LieTrotter(reps=3),
    lambda: LieTrotter(preserve_order=False),
    lambda: SuzukiTrotter(order=2),
    lambda: SuzukiTrotter(order=2, reps=2),
    lambda: SuzukiTrotter(order=4),
]
GATES = {"h": (1, 0), "x": (1, 0), "s": (1, 0), "rx": (1, 1), "ry": (1, 1), "rz": (1, 1), "cx": (2, 0), "cz": (2, 0)}
GATES |= {"cp": (2, 1), "rzz": (2, 1), "swap": (2, 0)}


@st.composite
def operators(draw, num_qubits):
    """Operators of one and of many terms; at times a list of operators whose terms commute, as Qiskit groups them."""

    def operator():
        labels = draw(st.lists(st.text("IXYZ", min_size=num_qubits, max_size=num_qubits), min_size=1, max_size=4))
        return SparsePauliOp(labels, [draw(st.sampled_from([0.5, -0.3, 1.0, 0.0])) for _ in labels])

    found = operator()
    return found.group_commuting() if draw(st.booleans()) else found


@st.composite
def mixed_circuits(draw):
    """Gates, barriers and evolutions on some of the qubits in any order; measurements in the end."""
    n = draw(st.integers(3, 5))
    circuit = QuantumCircuit(n, n, global_phase=draw(st.sampled_from([0.0, 1.0])))
    kinds = [*GATES, "barrier", "layer", "layer", *["evolution"] * 8]
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=10)):
        qubits = draw(st.permutations(range(n)))
        if kind == "barrier":
            circuit.barrier(qubits[: draw(st.integers(1, n))])
        elif kind == "layer":  # of QAOA
            for pair in itertools.combinations(range(n), 2):
                circuit.rzz(draw(ANGLES), *pair)
            circuit.rx(draw(ANGLES), range(n))
        elif kind == "evolution":
            size = draw(st.integers(1, n))
            gate = PauliEvolutionGate(draw(operators(size)), draw(ANGLES), synthesis=draw(st.sampled_from(SYNTHESES))())
            circuit.append(gate, qubits[:size])
        else:
            size, angles = GATES[kind]
            getattr(circuit, kind)(*(draw(ANGLES) for _ in range(angles)), *qubits[:size])
    if draw(st.booleans()):
        for clbit, q in enumerate(draw(st.lists(st.integers(0, n - 1), unique=True))):
            circuit.measure(q, clbit)
    return circuit


def gates_of(circuit):
    """The circuit without measurements, its evolutions as Qiskit's product formulas."""
    result = circuit.copy_empty_like()
    for step in circuit.data:
        if step.operation.name not in ("measure", "barrier"):
            result.append(step)
    return result.decompose("PauliEvolution").decompose("PauliEvolution")


def evolution(terms, qubits, *, time=1.0, num_qubits=4, synthesis=None):
    """A circuit of one evolution under terms (label, coefficient)."""
    circuit = QuantumCircuit(num_qubits)
    circuit.append(PauliEvolutionGate(SparsePauliOp.from_list(terms), time, synthesis=synthesis), qubits)
    return circuit


def letters(label):
    """A label as letters of a rotation."""
    return tuple((q, letter) for q, letter in enumerate(label[::-1]) if letter != "I")


def strings(*terms):
    return read_paulis(list(terms))[0]


# --- compile ---------------------------------------------------------------------------------------------------------


@settings(max_examples=120, deadline=None)
@given(mixed_circuits(), st.sampled_from(DEVICES))
def test_mixed_circuits(circuit, device):
    program = qpilot.compile(circuit, device)
    qpilot.verify(program, circuit)
    states = random_states(circuit.num_qubits)
    expected = Statevector(product_state(states)).evolve(gates_of(circuit)).data
    assert abs(final_state(program, states) - expected).max() < 1e-6


@settings(max_examples=100, deadline=None)
@given(mixed_circuits(), st.sampled_from(list(POLICIES)), st.data())
def test_mixed_circuits_on_any_device_for_any_objective(circuit, objective, data):
    device = data.draw(devices(min_sites=circuit.num_qubits))
    program = qpilot.compile(circuit, device, objective=objective)
    assert qpilot.check_legal(program) == []
    qpilot.verify(program, circuit)
    states = random_states(circuit.num_qubits)
    expected = Statevector(product_state(states)).evolve(gates_of(circuit)).data
    with contextlib.suppress(TooLargeError):  # few, which are verified
        assert abs(final_state(program, states) - expected).max() < 1e-6
    blocks = program.routing.blocks
    assert sum(block.depth for block in blocks) == program.depth
    assert sum(block.num_2q for block in blocks) == program.metrics.num_2q
    assert len(program.report().splitlines()) <= len(blocks) + len(program.routing.tried) + 6


def test_a_mixed_circuit_by_the_other_referee():
    circuit = QuantumCircuit(4, 2, global_phase=0.4)
    circuit.h(range(4))
    circuit.append(PauliEvolutionGate(SparsePauliOp(["XYZ", "ZZI", "III"], [0.3, 0.2, 0.7]), 0.8), [3, 0, 2])
    circuit.barrier()
    circuit.cp(0.3, 0, 1)
    circuit.rx(0.2, 3)
    circuit.append(PauliEvolutionGate(SparsePauliOp("YXZZ"), 0.5, synthesis=SuzukiTrotter(order=2)), [1, 3, 0, 2])
    circuit.rzz(1.1, 2, 3)
    circuit.measure([0, 3], [1, 0])
    program = qpilot.compile(circuit)
    assert program.num_atoms <= 20
    assert statevector_fidelity(program, circuit, global_phase=True) == pytest.approx(1)
    assert [op.clbits for op in program.instructions[-1:]] == [(1, 0)]
    assert qpilot.compile(circuit) == program


def test_a_circuit_of_an_evolution_equals_its_list_of_rotations():
    terms = [("XXYZ", 0.3), ("ZZII", 0.2), ("IYYX", -0.4)]
    as_circuit = qpilot.compile(evolution([(label, angle / 2) for label, angle in terms], range(4)))
    as_list = qpilot.compile_paulis(terms)
    assert as_circuit.instructions == as_list.instructions
    assert as_circuit.circuit.global_phase == as_list.circuit.global_phase


TERMS = [("XYZ", 0.3), ("ZZX", 0.2), ("IXX", 0.5)]
CHANGED = {
    "angle": evolution([("XYZ", 0.3), ("ZZX", 0.2001), ("IXX", 0.5)], [2, 0, 3]),
    "sign": evolution([("XYZ", -0.3), ("ZZX", 0.2), ("IXX", 0.5)], [2, 0, 3]),
    "letter": evolution([("XYZ", 0.3), ("ZZY", 0.2), ("IXX", 0.5)], [2, 0, 3]),
    "letter less": evolution([("XYI", 0.3), ("ZZX", 0.2), ("IXX", 0.5)], [2, 0, 3]),
    "term less": evolution([("XYZ", 0.3), ("ZZX", 0.2)], [2, 0, 3]),
    "order": evolution([("IXX", 0.5), ("XYZ", 0.3), ("ZZX", 0.2)], [2, 0, 3]),
    "time": evolution(TERMS, [2, 0, 3], time=1.01),
    "qubits": evolution(TERMS, [2, 1, 3]),
    "order of qubits": evolution(TERMS, [0, 2, 3]),
    "synthesis": evolution(TERMS, [2, 0, 3], synthesis=SuzukiTrotter(order=2)),
    "repetitions": evolution(TERMS, [2, 0, 3], synthesis=LieTrotter(reps=2)),
}


@pytest.mark.parametrize("name", CHANGED)
@pytest.mark.parametrize("device", [None, FPQA(slm=Lattice(2, 2), aods=(AOD(1, 1),))], ids=["cats", "gates"])
def test_a_changed_evolution_is_refused(name, device):
    circuit = evolution(TERMS, [2, 0, 3])
    program = qpilot.compile(circuit, device)
    qpilot.verify(program, circuit)
    with pytest.raises(VerificationError, match=r"^The program computes another circuit: .*[^.]\.$"):
        qpilot.verify(program, CHANGED[name])


def test_changed_gates_and_measurements_are_refused():
    def circuit(angle=0.3, bits=(0, 1), clbits=2):
        result = QuantumCircuit(4, clbits)
        result.cp(angle, 0, 3)
        result.compose(evolution(TERMS, [2, 0, 3]), inplace=True)
        result.measure([1, 2], bits)
        return result

    program = qpilot.compile(circuit())
    qpilot.verify(program, circuit())
    with pytest.raises(VerificationError, match="computes another circuit"):
        qpilot.verify(program, circuit(angle=0.31))
    with pytest.raises(VerificationError, match="The program does not measure qubit 1 into classical bit 1"):
        qpilot.verify(program, circuit(bits=(1, 0)))
    with pytest.raises(VerificationError, match="The program has 2 classical bits, the circuit 3"):
        qpilot.verify(program, circuit(clbits=3))
    with pytest.raises(VerificationError, match="The program has 4 qubits, the circuit 5"):
        qpilot.verify(program, QuantumCircuit(5, 2).compose(circuit(), range(4), range(2)))


def test_observables_with_projectors_go_as_gates():
    """Alone or in a list beside Pauli strings; as Qiskit defines them."""
    for operator in (
        SparseObservable("XYZ"),
        SparseObservable("0+r"),
        [SparsePauliOp("XXX"), SparseObservable("0ZZ")],
    ):
        circuit = QuantumCircuit(3)
        circuit.append(PauliEvolutionGate(operator, 0.4), [1, 2, 0])
        assert cut(circuit, None) is None
        program = qpilot.compile(circuit)
        assert statevector_fidelity(program, circuit, global_phase=True) == pytest.approx(1)


def test_evolutions_of_pairs_are_gates():
    assert cut(evolution([("IXXI", 0.3), ("ZIIZ", 0.1), ("IIIY", 1.0)], range(4)), None) is None
    assert cut(evolution([("IXXI", 0.3), ("ZIZZ", 0.1)], range(4)), None)
    assert cut(QuantumCircuit(3), None) is None


def test_parts_of_a_circuit():
    circuit = QuantumCircuit(4, 1, name="parts", global_phase=0.25)
    circuit.h(0)
    circuit.compose(evolution([("IXXX", 0.5), ("IIII", 0.2)], range(4)), inplace=True)
    circuit.compose(evolution([("ZZZZ", 0.1)], range(4)), inplace=True)
    circuit.cx(0, 1)
    circuit.compose(evolution([("YYYI", 0.0)], range(4)), inplace=True)
    circuit.measure(2, 0)
    source = cut(circuit, None)
    kinds = [type(part).__name__ for part in source.parts]
    assert kinds == ["Gates", "PauliBlock", "Gates"]
    block = source.parts[1]
    assert block == PauliBlock(4, ((letters("IXXX"), 1.0), (letters("ZZZZ"), 0.2)))
    assert source.global_phase == pytest.approx(0.25 - 0.2)
    assert source.measures == ((2, 0),)
    assert source.info.name == "parts"


def test_product_formulas():
    a, b, c = ("XYZ", 0.3), ("ZZX", 0.2), ("IXX", 0.5)

    def found(synthesis):
        (step,) = evolution(TERMS, [2, 0, 3], time=2.0, synthesis=synthesis).data
        return [(dict(string.letters), string.angle) for string in expand(step, [2, 0, 3])]

    def rotation(term, share):
        label, coefficient = term
        at = {place: letter for place, letter in zip([3, 0, 2], label, strict=True) if letter != "I"}
        return at, pytest.approx(2 * 2.0 * coefficient * share)

    assert found(LieTrotter()) == [rotation(term, 1) for term in (a, b, c)]
    assert found(LieTrotter(reps=2)) == [rotation(term, 1 / 2) for term in (a, b, c, a, b, c)]
    second_order = [(a, 1 / 2), (b, 1 / 2), (c, 1), (b, 1 / 2), (a, 1 / 2)]
    assert found(SuzukiTrotter(order=2)) == [rotation(term, share) for term, share in second_order]


# --- merging ---------------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(pauli_terms(max_qubits=5, max_strings=12))
def test_merged_rotations_are_equal(terms):
    given_, _ = read_paulis(terms)
    merged = merge(given_)
    state = product_state(random_states(len(terms[0][0])))
    phase = [((), -2 * merged.global_phase)]
    assert abs(rotated(state, given_) - rotated(state, [*merged.strings, *phase])).max() < 1e-6
    assert len(merged.strings) <= len(given_)
    assert all(string.letters and string.angle for string in merged.strings)
    assert all(a.letters != b.letters for a, b in itertools.pairwise(merged.strings))
    assert merge(merged.strings) == Merged(merged.strings, 0.0)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ([("XX", 0.1), ("XX", 0.2)], [("XX", 0.3)]),
        ([("XX", 0.1), ("ZZ", 1.0), ("XX", 0.2)], [("XX", 0.3), ("ZZ", 1.0)]),
        ([("XX", 0.1), ("ZI", 1.0), ("XX", 0.2)], [("XX", 0.1), ("ZI", 1.0), ("XX", 0.2)]),
        ([("XX", 0.1), ("ZZ", 1.0), ("ZI", 1.0), ("XX", 0.2)], [("XX", 0.1), ("ZZ", 1.0), ("ZI", 1.0), ("XX", 0.2)]),
        ([("XX", 0.1), ("XX", -0.1)], []),
        ([("XX", 0.1), ("II", 0.4), ("XX", -0.1)], []),
        ([("XX", 0.1), ("IZ", 0.4), ("XX", -0.1)], [("XX", 0.1), ("IZ", 0.4), ("XX", -0.1)]),
        ([("XX", 0.1), ("IZ", 0.0), ("XX", 0.1)], [("XX", 0.2)]),
        ([("XX", 0.1), ("IZ", 0.4), ("IZ", -0.4), ("XX", 0.1)], [("XX", 0.2)]),
        ([("X", 1), ("Z", 1), ("X", 2), ("X", -2), ("Z", -1), ("X", 3)], [("X", 4)]),
        ([("XX", 1.5), ("XX", 2 * math.pi - 1.5)], []),
        ([("XX", math.pi), ("XX", math.pi / 2)], [("XX", 3 * math.pi / 2)]),
        ([("XX", 5.0), ("XX", 5.0)], [("XX", 10.0 - 4 * math.pi)]),
        ([("XX", 0.0), ("ZZ", 4 * math.pi), ("XI", -2 * math.pi)], []),
        ([("XX", 1e308), ("XX", 1e308)], None),
    ],
)
def test_merging(terms, expected):
    """Equal neighbours add up, also across strings that commute; never across others."""
    found = merge(strings(*terms))
    if expected is None:  # so large that only the kind of the result is known
        assert all(math.isfinite(string.angle) for string in found.strings)
        return
    assert [string.letters for string in found.strings] == [letters(label) for label, _ in expected]
    assert [string.angle for string in found.strings] == pytest.approx([angle for _, angle in expected])


@pytest.mark.parametrize(
    ("terms", "phase"),
    [([("II", 0.4)], -0.2), ([("XX", 2 * math.pi)], math.pi), ([("XX", 4 * math.pi)], 0.0), ([("XX", 0.3)], 0.0)],
)
def test_the_phase_of_merging(terms, phase):
    assert math.remainder(merge(strings(*terms)).global_phase - phase, 2 * math.pi) == pytest.approx(0, abs=1e-9)


def test_merging_costs_no_pulse():
    once = qpilot.compile_paulis([("XXYY", 0.6), ("ZZZZ", 0.1)])
    assert qpilot.compile_paulis([("XXYY", 0.2), ("ZZZZ", 0.1), ("XXYY", 0.4)]).depth == once.depth


# --- strings as gates ------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(pauli_terms(max_qubits=5, max_strings=5))
def test_strings_as_gates(terms):
    """Equal as matrices, phase and all, and as frames."""
    merged = merge(read_paulis(terms)[0])
    paulis = PauliBlock(len(terms[0][0]), merged.strings)
    gates = as_gates(paulis, FPQA.for_qubits(1))
    state = product_state(random_states(paulis.num_qubits))
    found = Statevector(state).evolve(block_circuit(gates.block, global_phase=gates.global_phase)).data
    assert abs(found - rotated(state, merged.strings)).max() < 1e-6
    info = CircuitInfo("strings", paulis.num_qubits)
    assert frame_of(info.num_qubits, [paulis]).difference(frame_of(info.num_qubits, [gates])) is None
