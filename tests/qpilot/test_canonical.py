import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator

from qpilot.canonical import CanonicalForm
from tests.strategies import ANGLES, block_circuit

TRIPLES = st.tuples(ANGLES, ANGLES, ANGLES)


@st.composite
def words(draw, max_qubits=4, max_length=24, barriers=False):
    """Number of qubits, and a list of gates: (qubit, angles), (qubit, qubit) or, for a barrier, a list of qubits."""
    n = draw(st.integers(1, max_qubits))
    qubit = st.integers(0, n - 1)
    kinds = [st.tuples(qubit, TRIPLES)]
    if n > 1:
        kinds.append(st.tuples(qubit, qubit).filter(lambda pair: pair[0] != pair[1]))
    if barriers:
        kinds.append(st.lists(qubit, min_size=1, unique=True))
    return n, draw(st.lists(st.one_of(kinds), max_size=max_length))


def form_of(n, gates):
    form = CanonicalForm(n)
    for gate in gates:
        if isinstance(gate, list):
            form.barrier(gate)
        elif isinstance(gate[1], tuple):
            form.u(gate[0], *gate[1])
        else:
            form.cp(*gate)
    return form


def circuit_of(n, gates):
    circuit = QuantumCircuit(n)
    for gate in gates:
        if isinstance(gate, list):
            continue
        if isinstance(gate[1], tuple):
            circuit.u(*gate[1], gate[0])
        else:
            circuit.cz(*gate)
    return circuit


def rebuilt(form):
    return block_circuit(form.to_block(), global_phase=form.global_phase)


@given(words(barriers=True))
def test_the_block_is_the_circuit(word):
    np.testing.assert_allclose(Operator(rebuilt(form_of(*word))).data, Operator(circuit_of(*word)).data, atol=1e-6)


@given(words(), st.randoms(use_true_random=False))
def test_order_of_commuting_gates_does_not_matter(word, random):
    n, gates = word
    form, other = form_of(n, gates), form_of(n, shuffled(gates, random))
    assert form.difference(other) is None
    assert other.difference(form) is None
    assert math.cos(form.global_phase - other.global_phase) == pytest.approx(1)


def shuffled(gates, random):
    """Swap neighbouring gates that commute, many times."""
    gates = list(gates)
    for _ in range(8 * len(gates)):
        k = random.randrange(max(1, len(gates) - 1))
        if len(gates) > 1 and commute(gates[k], gates[k + 1]):
            gates[k], gates[k + 1] = gates[k + 1], gates[k]
    return gates


def commute(first, second):
    shared = qubits_of(first) & qubits_of(second)
    return not shared or (is_diagonal(first) and is_diagonal(second))


def qubits_of(gate):
    return {gate[0]} if isinstance(gate[1], tuple) else set(gate)


def is_diagonal(gate):
    return not isinstance(gate[1], tuple) or gate[1][0] % (2 * math.pi) == 0


@given(words(max_length=12), words(max_length=6))
def test_what_is_undone_leaves_no_trace(word, detour):
    """A stretch and its inverse in the middle of a circuit cancel."""
    n, gates = word
    middle = [gate for gate in detour[1] if max(qubits_of(gate)) < n]
    back = [(g[0], (-g[1][0], -g[1][2], -g[1][1])) if isinstance(g[1], tuple) else g for g in reversed(middle)]
    half = len(gates) // 2
    form = form_of(n, gates)
    longer = form_of(n, gates[:half] + middle + back + gates[half:])
    assert form.difference(longer) is None


@pytest.mark.parametrize(("near", "same", "other"), [(0.0, (1.3, -0.9), (1.3, 0.1)), (math.pi, (1.3, 1.1), (1.3, 0.1))])
def test_phases_pass_through_turns_that_are_next_to_nothing(near, same, other):
    """What is left of such a turn after roundings says nothing of the phases beside it, but of both together."""

    def form(theta, phases):
        return form_of(2, [(0, (0.7, 0.0, 0.0)), (0, 1), (0, (theta, *phases)), (0, 1), (0, (0.4, 0.0, 0.0))])

    expected = form(abs(near - 3e-8), (0.3, 0.1))
    assert expected.difference(form(abs(near - 6e-8), same)) is None
    assert expected.difference(form(abs(near - 6e-8), other)) is not None


@given(words(), st.data())
def test_a_changed_gate_is_found(word, data):
    """Whatever differs as a unitary, up to the phase, has a difference; a difference alone proves nothing."""
    n, gates = word
    assume(gates)
    k = data.draw(st.integers(0, len(gates) - 1))
    changed = [[], [(gates[k][0], (0.7, 0.4, 0.1))], [(gates[k][0], (0.0, 0.0, 1e-3))]]
    other = gates[:k] + data.draw(st.sampled_from(changed)) + gates[k + 1 :]
    mine, theirs = Operator(circuit_of(n, gates)).data, Operator(circuit_of(n, other)).data
    same = abs(np.vdot(mine, theirs)) / 2**n > 1 - 1e-12
    difference = form_of(n, gates).difference(form_of(n, other), tolerance=1e-5)
    assert same or difference is not None


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([(0, (1.0, 0, 0))], [(0, (1.1, 0, 0))], "qubit 0, one-qubit gate 0: expected u(1, *, 0), found u(1.1, *, 0)"),
        ([(0, (1.0, 0, 0))], [], "qubit 0, one-qubit gate 0: expected u(1, *, 0), found u(0, *, 0)"),
        ([(0, 1), (0, (1.0, 0, 0))], [(0, 1)], "qubit 0: expected 2 stretches between one-qubit gates, found 1"),
        ([(0, (0, 0, 0.5))], [], "qubit 0: the final phase should be 0.5, not 0"),
        (
            [(0, 1)], [],
            "between qubits 0 and 1, after 0 and 0 one-qubit gates on them: "
            "expected a controlled phase of 3.14159, found 0",
        ),
    ],
)  # fmt: skip
def test_differences_are_named(first, second, message):
    assert form_of(2, first).difference(form_of(2, second)) == message


def test_forms_of_other_sizes_are_not_compared():
    with pytest.raises(ValueError, match="argument 2"):
        CanonicalForm(1).difference(CanonicalForm(2))


def test_barriers_keep_gates_apart():
    form = CanonicalForm(2)
    form.cp(0, 1)
    form.barrier([0, 1])
    form.cp(0, 1)
    block = form.to_block()
    assert len(block.gates) == 2
    assert block.fences == (((0, 1), (1, 1)),)
    assert block.openings == ((None, None), (None, None))
