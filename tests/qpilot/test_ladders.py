"""Ladders of CX become trees that compute the same in logarithmic depth."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit.library import LinearFunction
from qiskit.quantum_info import Operator

import qpilot
from qpilot.ladders import SHORTEST, prefix_sums, shorten_ladders
from qpilot.testing import assert_same_circuit, stabilizer_equal
from tests.strategies import ANGLES


def ladder(path, num_qubits=None):
    circuit = QuantumCircuit(num_qubits or len(path))
    for a, b in pairwise(path):
        circuit.cx(a, b)
    return circuit


@pytest.mark.parametrize("size", range(1, 70))
def test_prefix_sums_add_all_bits_before(size):
    tree = QuantumCircuit(size)
    for control, target in prefix_sums(size):
        tree.cx(control, target)
    if size > 1:
        assert (LinearFunction(tree).linear == np.tril(np.ones((size, size)))).all()
    assert tree.depth() <= max(1, 2 * math.ceil(math.log2(size)))
    assert tree.size() <= 2 * size


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(SHORTEST)), st.booleans(), st.data())
def test_the_circuit_stays_the_same(path, inverse, data):
    """Among other gates, in any order of the qubits, forwards and backwards."""
    circuit = QuantumCircuit(SHORTEST)
    for part in range(3):
        for _ in range(data.draw(st.integers(0, 3))):
            circuit.ry(data.draw(ANGLES), data.draw(st.integers(0, SHORTEST - 1)))
        if part == 1:
            steps = ladder(path)
            circuit.compose(steps.inverse() if inverse else steps, inplace=True)
    shortened = shorten_ladders(circuit)
    assert shortened is not None
    assert Operator(shortened).equiv(Operator(circuit))
    assert shortened.depth(lambda step: step.operation.num_qubits == 2) < SHORTEST - 1


def test_what_is_no_long_ladder_stays():
    fan_out = QuantumCircuit(12)
    for target in range(1, 12):
        fan_out.cx(0, target)
    ring = ladder([*range(10), 0], 10)
    apart = ladder(range(12))
    cut = QuantumCircuit(12)
    for k, step in enumerate(apart.data):
        cut.append(step)
        if k % 5 == 4:
            cut.ry(0.3, k + 1)
    for circuit in (fan_out, ring, cut, ladder(range(SHORTEST - 1)), QuantumCircuit(3)):
        assert shorten_ladders(circuit) is None


@pytest.mark.parametrize("inverse", [False, True])
def test_a_long_ladder_is_compiled_as_a_tree(inverse):
    circuit = QuantumCircuit(40)
    circuit.h(0)
    steps = ladder(range(40))
    circuit.compose(steps.inverse() if inverse else steps, inplace=True)
    program = qpilot.compile(circuit)
    assert program.depth < 39  # the depth of the circuit
    assert "CX ladders as trees" in program.report()
    assert stabilizer_equal(program, circuit)
    qpilot.verify(program, circuit)
    assert_same_circuit(qpilot.compile(ladder(range(10))), ladder(range(10)))


def test_barriers_and_measurements_stay():
    circuit = QuantumCircuit(20, 20)
    circuit.compose(ladder(range(20)), inplace=True)
    circuit.barrier()
    circuit.compose(ladder(range(19, -1, -1)), inplace=True)
    circuit.measure(range(20), range(20))
    program = qpilot.compile(circuit, objective="depth")
    qpilot.verify(program, circuit)
