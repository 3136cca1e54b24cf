"""Templates: programs bound to values are legal, compute the bound circuit, and keep the schedule."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import PauliEvolutionGate, efficient_su2, real_amplitudes
from qiskit.quantum_info import SparsePauliOp

import qpilot
from qpilot.arch import Move, Raman
from qpilot.arch.errors import CircuitError, OptionError, VerificationError
from qpilot.arch.traced import Traced
from qpilot.arch.unitary import matmul, u_angles, u_matrix
from qpilot.formulas import formulas_of
from qpilot.parameters import affine, number
from qpilot.template import compile_template
from qpilot.testing import assert_same_circuit, statevector_fidelity

A, B, C = Parameter("a"), Parameter("b"), Parameter("c")
EXPRESSIONS = (A, B, C, 2 * A + B, -A, A / 2 - 0.3, B + math.pi / 2, A * B, A.sin(), 3.0 * C - B)
SPECIAL = (0.0, math.pi / 2, math.pi, -math.pi / 2, -math.pi)

expressions = st.sampled_from(EXPRESSIONS)
angles = st.one_of(expressions, st.sampled_from((math.pi / 2, math.pi, 0.7)))
values = st.lists(st.one_of(st.sampled_from(SPECIAL), st.floats(-3, 3)), min_size=3, max_size=3)


@st.composite
def parametrised(draw, max_gates=14, strings=False):
    """Random circuits of gates with and without parameters."""
    n = draw(st.integers(2, 4))
    circuit = QuantumCircuit(n, global_phase=draw(angles))
    kinds = ["h", "x", "cx", "cz", "rx", "ry", "rz", "p", "u", "rzz", "rxx", "cp", "crx", "evolution", "barrier"]
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=max_gates)):
        qubits = draw(st.permutations(range(n)))
        if kind in ("h", "x"):
            getattr(circuit, kind)(qubits[0])
        elif kind in ("cx", "cz"):
            getattr(circuit, kind)(*qubits[:2])
        elif kind in ("rx", "ry", "rz", "p"):
            getattr(circuit, kind)(draw(angles), qubits[0])
        elif kind == "u":
            circuit.u(draw(angles), draw(angles), draw(angles), qubits[0])
        elif kind == "barrier":
            circuit.barrier()
        elif kind == "evolution":
            size = min(n, 3 if strings else 2)
            label = st.text("XYZ", min_size=size, max_size=size)
            operator = SparsePauliOp([draw(label), draw(label)], [0.3, -0.8])
            circuit.append(PauliEvolutionGate(operator, time=draw(expressions)), qubits[:size])
        else:
            getattr(circuit, kind)(draw(angles), *qubits[:2])
    circuit.rx(draw(expressions), 0)  # at least one parameter
    return circuit


def point_for(circuit, three):
    """Values for the parameters that a circuit has, of those of a, b and c."""
    names = {parameter.name for parameter in circuit.parameters}
    return {name: value for name, value in zip("abc", three, strict=True) if name in names}


def check(circuit, three, **options):
    """Bind a template at a point, and prove that the program is legal and computes the bound circuit."""
    template = compile_template(circuit, **options)
    point = point_for(circuit, three)
    program = template.bind(point)
    bound = circuit.assign_parameters(point)
    assert_same_circuit(program, bound)
    if program.num_atoms <= 10:
        assert statevector_fidelity(program, bound, global_phase=True) > 1 - 1e-9
    return template, program


@settings(max_examples=12, deadline=None)
@given(parametrised(), values, st.sampled_from(["auto", "generic"]), st.sampled_from(["balanced", "depth", "num_2q"]))
def test_bound_programs_compute_the_bound_circuit(circuit, three, router, objective):
    check(circuit, three, router=router, objective=objective)


@settings(max_examples=8, deadline=None)
@given(parametrised(max_gates=5, strings=True), values, st.sampled_from(["rounds", "paper"]))
def test_evolutions_under_strings_keep_their_times_free(circuit, three, strategy):
    check(circuit, three, strategy=strategy)


@pytest.mark.parametrize("a", [1.0, -1.3])
def test_an_evolution_about_one_string_twice_may_turn_either_way(a):
    """At some points the program turns the other way between its CZ gates than the circuit bound there."""
    circuit = QuantumCircuit(2)
    circuit.rx(A, 0)
    circuit.ry(A, 0)
    circuit.append(PauliEvolutionGate(SparsePauliOp(["XX", "XX"], [0.3, -0.8]), time=A), [0, 1])
    circuit.rx(A, 0)
    check(circuit, (a, 0.0, 0.0))


def test_tiny_rotations_are_not_in_the_way_of_others():
    """At this b, b + pi and sin(b) differ by 8e-8: what is left of a rotation commutes with no string."""
    circuit = QuantumCircuit(9)
    circuit.rzz(B, 0, 1)
    circuit.rzz(B.sin(), 2, 0)
    circuit.swap(0, 2)
    circuit.append(PauliEvolutionGate(SparsePauliOp("XXX"), time=1.2 * B), [2, 3, 4])
    device = qpilot.FPQA.for_qubits(9).replace(native="cphase")
    program = compile_template(circuit, device, strategy="paper").bind([-3.1337079985767446])
    qpilot.verify(program, circuit.assign_parameters([-3.1337079985767446]))
    with pytest.raises(VerificationError, match="another circuit"):
        qpilot.verify(program, circuit.assign_parameters([-3.13371]))


def sign_of_a_turn():
    """The last gate on qubit 1 turns by -a, and what is before it meets it only after Hadamard gates have cancelled."""
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1)
    circuit.rz(math.pi, 1)
    circuit.cx(0, 1)
    circuit.u(-A, math.pi, B + 2 * A, 1)
    return circuit


def gate_that_the_pair_leaves():
    circuit = QuantumCircuit(2)
    circuit.u(B, -A, math.pi, 0)
    circuit.cz(0, 1)
    circuit.h(0)
    circuit.cx(1, 0)
    circuit.rx(A, 0)
    return circuit


def expressions_that_are_equal_for_positive_values():
    circuit = QuantumCircuit(2)
    circuit.rx(A.abs() - A, 0)
    circuit.rzz(A.abs(), 0, 1)
    circuit.rzz(-A, 0, 1)
    circuit.rx(A.sign() * B, 1)
    circuit.ry(A.sin().arcsin(), 1)
    circuit.ry(-A, 1)
    return circuit


@pytest.mark.parametrize(("num_qubits", "end"), [(9, 0.0), (2, 0.7)], ids=["by frames", "by matrices"])
def test_special_angles_may_turn_gates_into_cz(num_qubits, end):
    """At these angles the circuit has CZ gates where the program has gathered others to one gate."""
    circuit = QuantumCircuit(num_qubits)
    circuit.rzz(A, 0, 1)
    circuit.u(B, B + 2 * A, -A, 1)
    circuit.cx(0, 1)
    circuit.rz(B + math.pi / 2, 1)
    circuit.cx(0, 1)
    circuit.ry(end, 1)
    program = compile_template(circuit, objective="num_2q").bind([-math.pi / 2, -0.7])
    qpilot.verify(program, circuit.assign_parameters([-math.pi / 2, -0.7]))
    with pytest.raises(VerificationError, match="another circuit"):
        qpilot.verify(program, circuit.assign_parameters([-math.pi / 2, -0.71]))


@pytest.mark.parametrize(
    "make", [sign_of_a_turn, gate_that_the_pair_leaves, expressions_that_are_equal_for_positive_values]
)
def test_nothing_is_decided_where_the_template_was_compiled(make):
    """What vanishes at the values of the compilation, but not at others, stays in the program."""
    circuit = make()
    template = compile_template(circuit)
    for three in itertools.product((-2.6, -1.0, 0.0, 0.3, 2.0), repeat=2):
        point = point_for(circuit, (*three, 0.0))
        program, bound = template.bind(point), circuit.assign_parameters(point)
        assert_same_circuit(program, bound)
        assert statevector_fidelity(program, bound, global_phase=True) > 1 - 1e-9


@pytest.mark.parametrize("native", [("cz", False), ("cphase", False), ("cphase", True)])
def test_controlled_phases_of_the_machine_take_parameters(native):
    rydberg = qpilot.Rydberg(individual_phases=native[1])
    device = qpilot.FPQA.for_qubits(4).replace(native=native[0], rydberg=rydberg)
    circuit = QuantumCircuit(4)
    circuit.h(range(4))
    for a, b in ((0, 1), (1, 2), (2, 3), (3, 0)):
        circuit.rzz(2 * A, a, b)
    circuit.rx(B, range(4))
    for three in ((0.4, 1.1, 0.0), (0.0, math.pi, 0.0), (-math.pi / 2, 0.0, 0.0)):
        _, program = check(circuit, three, device=device)
        assert program.metrics.native == native[0]


@pytest.mark.parametrize("ansatz", [real_amplitudes(4, reps=2), efficient_su2(3, reps=1)], ids=["real", "su2"])
def test_the_schedule_is_that_of_the_bound_circuit(ansatz):
    template = compile_template(ansatz)
    for seed in (1, 2):
        point = np.random.default_rng(seed).uniform(-3, 3, ansatz.num_parameters)
        alone, bound = qpilot.compile(ansatz.assign_parameters(point)), template.bind(point)
        assert bound.ancillas == alone.ancillas
        assert bound.metrics.depth_with_1q == alone.metrics.depth_with_1q
        assert [type(op) for op in bound.instructions] == [type(op) for op in alone.instructions]
        assert moves(bound) == moves(alone)
        assert bound.metrics.duration_us == alone.metrics.duration_us == template.program.metrics.duration_us


def moves(program):
    """The steps of a program that have no angles of one-qubit gates."""
    return [op for op in program.instructions if not isinstance(op, Raman)]


def test_binding_changes_angles_alone():
    theta = ParameterVector("theta", 11)
    circuit = QuantumCircuit(3)
    for k, parameter in enumerate(theta):
        circuit.ry(parameter, k % 3)
        circuit.cx(k % 3, (k + 1) % 3)
    template = compile_template(circuit)
    assert [p.name for p in template.parameters] == [f"theta[{k}]" for k in range(11)]
    one, other = template.bind(np.arange(11.0)), template.bind({p: float(k) for k, p in enumerate(theta)})
    assert one == other
    assert moves(one) == moves(template.program)
    for mine, theirs in zip(one.instructions, template.program.instructions, strict=True):
        assert isinstance(mine, Move) or mine.__struct_fields__ == theirs.__struct_fields__
        if isinstance(mine, Raman):
            assert mine.atoms == theirs.atoms
    assert one != template.program


def test_a_bound_program_is_an_ordinary_file(tmp_path):
    program = compile_template(real_amplitudes(3, reps=1)).bind(np.linspace(0.1, 1.0, 6))
    program.save(tmp_path / "bound.json")
    assert qpilot.Program.load(tmp_path / "bound.json") == program
    assert all(type(angle) is float for op in program.instructions if isinstance(op, Raman) for angle in op.angles[0])


def test_gates_of_one_axis_add_up_to_sums_of_parameters():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.ry(A, 0)
    circuit.h(0)
    circuit.cz(0, 1)
    circuit.h(0)
    circuit.rz(2 * A + B, 0)
    circuit.h(0)
    template = compile_template(circuit)
    assert not template.formulas.levels
    assert check(circuit, (0.0, 0.0, 0.0))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(angles, angles, angles), min_size=1, max_size=5), values, st.integers(0, 4))
def test_products_of_gates_are_followed(gates, three, split):
    """The traced angles of a product, some of it split off on the way, are those of the product elsewhere too."""
    matrix, phase = u_matrix(0.0, 0.0, 0.0), 0.0
    expected = np.eye(2)
    point = dict(zip((A, B, C), three, strict=True))
    for k, triple in enumerate(gates):
        matrix = matmul(u_matrix(*map(number, triple)), matrix)
        if k == split:
            *some, alpha = u_angles(matrix)
            matrix, phase = u_matrix(*some), phase + alpha
        numbers = [float(x.bind({p: point[p] for p in x.parameters})) if hasattr(x, "bind") else x for x in triple]
        expected = np.array(u_matrix(*numbers)).reshape(2, 2) @ expected
    *found, alpha = u_angles(matrix)
    theta, phi, lam, alpha = (elsewhere(x, three) for x in (*found, alpha + phase))
    np.testing.assert_allclose(
        np.exp(1j * alpha) * np.array(u_matrix(theta, phi, lam)).reshape(2, 2), expected, atol=1e-7
    )


def elsewhere(x, three):
    """Value of a traced number at another point."""
    return float(formulas_of([x], (A, B, C)).values(np.array([three]), (A, B, C))[0, 0]) if isinstance(x, Traced) else x


def test_angles_as_sums_of_parameters():
    assert affine(2 * A + B - 0.5) == (-0.5, {A: 2.0, B: 1.0})
    assert affine(A * B) is None
    assert isinstance(number(A - A + B), Traced)
    assert not isinstance(number(A - A + 0.25), Traced)
    assert number(A - A + 0.25) == 0.25


def test_a_circuit_without_parameters_has_one_program():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    assert compile_template(circuit).bind([]) == qpilot.compile(circuit)


UNBOUND = {
    "circuit": (real_amplitudes(1, reps=1), r"unbound parameters \(θ\[0\], θ\[1\]\).*assign_parameters.*compile_templ"),
    "qasm3 input": ("OPENQASM 3.0; include 'stdgates.inc'; input float a; qubit q; rx(a) q;", r"parameters \(a\)"),
}


@pytest.mark.parametrize(("circuit", "message"), UNBOUND.values(), ids=UNBOUND)
def test_compile_and_verify_take_values_only(circuit, message):
    with pytest.raises(CircuitError, match=message):
        qpilot.compile(circuit)
    with pytest.raises(CircuitError, match=message):
        qpilot.verify(compile_template(circuit).program, circuit)


BAD_VALUES = {
    "too few": ([0.1], r"Values have shape \(1,\); the template has 2 parameters"),
    "missing": ({"a": 0.1}, "needs a value of b; its parameters are a, b"),
    "unknown": ({"a": 0.1, "b": 0.2, "d": 0.3}, "has no parameter d"),
    "infinite": ([0.1, math.inf], "Parameter b is not finite"),
    "no number": ([0.1, "two"], "no real number"),
    "outside": ([-0.1, 0.2], r"The angle .*log.* is no finite real number at a = -0.1"),
}


@pytest.mark.parametrize(("given_values", "message"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_bad_values_are_refused(given_values, message):
    circuit = QuantumCircuit(1)
    circuit.rx(A + B, 0)
    circuit.rz(A.log(), 0)
    with pytest.raises(CircuitError, match=message):
        compile_template(circuit).bind(given_values)


def test_bad_circuits_and_options_are_refused():
    circuit = QuantumCircuit(1)
    circuit.rx(1j * A, 0)
    with pytest.raises(CircuitError, match="parameter that is not a finite number"):
        compile_template(circuit)
    with pytest.raises(OptionError, match="router"):
        compile_template(real_amplitudes(2, reps=1), router="best")


def test_blocks_that_the_diagonal_router_takes_whole():
    """Angles of one parameter, weighted by the edges of a graph that is no chain."""
    circuit = QuantumCircuit(8)
    circuit.h(range(8))
    edges = [(k, (k + 1) % 8) for k in range(8)] + [(k, k + 4) for k in range(4)]
    for weight, (a, b) in enumerate(edges, start=1):
        circuit.rzz(weight * A / 10, a, b)
    circuit.rx(2 * B, range(8))
    template, _ = check(circuit, (0.7, -0.4, 0.0))
    assert "diagonal" in {block.router for block in template.program.routing.blocks}
    assert not template.formulas.levels
    qpilot.verify(template.bind([0.0, math.pi]), circuit.assign_parameters([0.0, math.pi]))


def test_strings_in_cats_of_ancillas():
    rng = np.random.default_rng(5)
    labels = ["".join(letters) for letters in rng.choice(list("XYZ"), (12, 6))]
    circuit = QuantumCircuit(6)
    circuit.append(PauliEvolutionGate(SparsePauliOp(labels, rng.uniform(0.1, 1.0, 12)), time=A + B), range(6))
    template, _ = check(circuit, (0.4, -1.2, 0.0))
    assert template.program.routing.tried[0].name == "strings in cats"
    assert template.bind([0.0, 0.0]).depth == template.program.depth
