"""The circuits to measure with are what they claim to be."""

import itertools
import math

import numpy as np
import pytest
from qiskit.quantum_info import Operator, Statevector

from benchmarks import generators


def outcome(circuit):
    """The bits, qubit 0 first, that a circuit yields with certainty before it is measured, and its measured bits."""
    measured = [
        (circuit.find_bit(item.qubits[0]).index, circuit.find_bit(item.clbits[0]).index)
        for item in circuit.data
        if item.name == "measure"
    ]
    ((label, probability),) = (
        Statevector(circuit.remove_final_measurements(inplace=False)).probabilities_dict(decimals=9).items()
    )
    assert probability == 1
    return [int(bit) for bit in reversed(label)], measured


@pytest.mark.parametrize(("rate", "low", "high"), [(1.0, 1.0, 1.0), (0.8, 0.77, 0.83), (0.0, 0.0, 0.0)])
def test_random_pairs_have_one_qubit_gates_at_the_rate_asked_for(rate, low, high):
    circuit = generators.random_cz(50, 20, seed=3, one_qubit_rate=rate)
    ops = circuit.count_ops()
    assert ops["cz"] == 1000
    assert low <= ops.get("u", 0) / 2000 <= high
    touched = np.bincount(
        [circuit.find_bit(q).index for item in circuit.data for q in item.qubits if item.name == "cz"]
    )
    assert len(touched) == 50
    assert touched.std() == pytest.approx(math.sqrt(40), rel=0.4)  # as of uniform pairs


@pytest.mark.parametrize("make", [generators.ghz, generators.ghz_ladder])
def test_both_ways_make_a_ghz_state(make):
    expected = np.zeros(2**5)
    expected[[0, -1]] = math.sqrt(0.5)
    assert Statevector(make(5)).equiv(Statevector(expected))


def test_links_of_a_ladder_are_neighbours():
    circuit = generators.ghz_ladder(6)
    pairs = [tuple(circuit.find_bit(q).index for q in item.qubits) for item in circuit.data[1:]]
    assert pairs == [(q, q + 1) for q in range(5)]


@pytest.mark.parametrize("n", [2, 3, 7])
def test_w_state_has_one_excitation_spread_evenly(n):
    expected = np.zeros(2**n)
    expected[2 ** np.arange(n)] = 1 / math.sqrt(n)
    circuit = generators.w_state(n)
    assert Statevector(circuit).equiv(Statevector(expected))
    assert circuit.num_nonlocal_gates() == 2 * (n - 1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [2, 8, 12])
def test_hidden_shift_is_found(n, seed):
    circuit = generators.hidden_shift(n, seed)
    shifted = [circuit.find_bit(item.qubits[0]).index for item in circuit.data if item.name == "x"]
    bits, measured = outcome(circuit)
    assert np.flatnonzero(bits).tolist() == sorted(set(shifted))
    assert measured == [(q, q) for q in range(n)]
    assert circuit.count_ops().get("ccz", 0) == 2 * (n // 8)


def test_hidden_string_of_bernstein_vazirani_is_found():
    circuit = generators.bernstein_vazirani(7, seed=2)
    controls = {circuit.find_bit(item.qubits[0]).index for item in circuit.data if item.name == "cx"}
    circuit.h(6)  # the target is left in |->
    bits, measured = outcome(circuit)
    assert set(np.flatnonzero(bits[:6])) == controls
    assert 0 < len(controls) < 6
    assert measured == [(q, q) for q in range(6)]


def test_qft_is_the_fourier_transform_of_reversed_bits():
    n = 4
    circuit = generators.qft(n)
    for q in range(n // 2):
        circuit.swap(q, n - 1 - q)
    powers = np.outer(np.arange(2**n), np.arange(2**n))
    assert Operator(circuit).equiv(np.exp(2j * math.pi * powers / 2**n) / math.sqrt(2**n))


def test_approximate_qft_leaves_out_small_angles_only():
    angles = [item.params[0] for item in generators.qft(8).data if item.name == "cp"]
    kept = [item.params[0] for item in generators.qft(8, math.pi / 8).data if item.name == "cp"]
    assert kept == [angle for angle in angles if angle >= math.pi / 8]
    assert len(kept) == 7 + 6 + 5


def test_adder_adds():
    bits = 2
    permutation = np.abs(Operator(generators.ripple_carry_adder(bits)).data).argmax(axis=0)
    for carry, a, b in itertools.product(range(2), range(4), range(4)):
        total = a + b + carry

        def state(b, high, carry=carry, a=a):
            digits = [(b >> k & 1, a >> k & 1) for k in range(bits)]
            return sum(bit << q for q, bit in enumerate([carry, *itertools.chain(*digits), high]))

        assert permutation[state(b, 0)] == state(total % 4, total // 4)


@pytest.mark.parametrize(
    ("entanglement", "pairs"),
    [("linear", [(q, q + 1) for q in range(4)]), ("full", [*itertools.combinations(range(5), 2)])],
)
def test_two_local_layers_join_the_pairs_asked_for(entanglement, pairs):
    circuit = generators.two_local(5, entanglement, 3, seed=1)
    found = [tuple(circuit.find_bit(q).index for q in item.qubits) for item in circuit.data if item.name == "cx"]
    assert found == 3 * pairs
    assert circuit.count_ops()["ry"] == 4 * 5
    assert not circuit.parameters
    assert circuit == generators.two_local(5, entanglement, 3, seed=1) != generators.two_local(5, entanglement, 3)


def test_random_pairs_repeat_at_the_rate_asked_for():
    circuit = generators.random_cz(50, 20, seed=3, one_qubit_rate=0.76, repeat_rate=0.41)
    ends = [tuple(sorted(circuit.find_bit(q).index for q in item.qubits)) for item in circuit.data]
    pairs = [pair for pair in ends if len(pair) == 2]
    assert len(pairs) == 1000
    repeats = sum(a == b for a, b in itertools.pairwise(pairs)) / 999
    assert 0.37 <= repeats <= 0.45
    assert not any(a == b for a, b in itertools.pairwise(ends) if len(a) == 2)  # a one-qubit gate stands between
    assert 0.73 <= circuit.count_ops()["u"] / 2000 <= 0.80
