"""Instances of quantum simulation, and circuits that others make of them, are what they claim to be."""

import itertools
import math

import numpy as np
import pytest
import scipy.linalg
from qiskit.quantum_info import Operator, Pauli, SparsePauliOp

from benchmarks import pauli_synthesis
from benchmarks.baselines import two_qubit_depth
from benchmarks.generators import fermi_hubbard_paulis, heisenberg_paulis, random_paulis
from benchmarks.pauli_synthesis import SYNTHESES

MIXED = [("IIII", 0.4), ("XIZY", 0.3), ("YYIX", -1.2), ("IZII", 0.7), ("XIZY", 2.0), ("ZZXI", 0.1), ("IXYZ", -0.9)]
CLASHING = [("XXI", 0.3), ("IZY", 0.8), ("YIZ", -0.5)]


def unitary(rotations):
    """The product of rotations, the first acting first; character i acts on qubit i."""
    product = np.eye(2 ** len(rotations[0][0]))
    for label, angle in rotations:
        product = scipy.linalg.expm(-0.5j * angle * Pauli(label[::-1]).to_matrix()) @ product
    return Operator(product)


def hamiltonian(rotations, time):
    """The sum of the strings whose step of this length was given."""
    terms = [(label[::-1], angle / (2 * time)) for label, angle in rotations]
    return SparsePauliOp.from_list(terms).to_matrix()


def synthesis(name):
    if name == "tket":
        pytest.importorskip("pytket")
    return SYNTHESES[name]


def test_random_strings_have_the_density_asked_for_and_depend_on_the_seed():
    labels = random_paulis(50, 200, 0.3, seed=1)
    assert {len(label) for label in labels} == {50}
    text = "".join(labels)
    assert 1 - text.count("I") / len(text) == pytest.approx(0.3, abs=0.02)
    assert all(text.count(letter) / len(text) == pytest.approx(0.1, abs=0.015) for letter in "XYZ")
    assert labels == random_paulis(50, 200, 0.3, seed=1) != random_paulis(50, 200, 0.3, seed=2)


def test_heisenberg_step_is_that_of_the_lattice():
    bonds = [(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5)]
    terms = [(2 * letter, bond, 1.5) for letter in "XYZ" for bond in bonds]
    expected = SparsePauliOp.from_sparse_list(terms, num_qubits=6).to_matrix()
    assert np.allclose(hamiltonian(heisenberg_paulis(2, 3, coupling=1.5, time=0.2), 0.2), expected)


def test_fermi_hubbard_step_is_that_of_the_ladder_operators():
    sites, t, u = 4, 0.7, 3.0
    lower = []
    for mode in range(2 * sites):
        factors = [np.diag([1, -1])] * mode + [np.array([[0, 1], [0, 0]])] + [np.eye(2)] * (2 * sites - mode - 1)
        operator = np.eye(1)
        for factor in factors:
            operator = np.kron(factor, operator)  # qubit 0 is the last factor
        lower.append(operator)
    number = [a.T @ a for a in lower]
    expected = np.zeros_like(lower[0])
    for (a, b), spin in itertools.product([(0, 1), (2, 3), (0, 2), (1, 3)], (0, sites)):
        hop = lower[a + spin].T @ lower[b + spin]
        expected = expected - t * (hop + hop.T)
    for site in range(sites):
        expected = expected + u * number[site] @ number[site + sites]
    constant = np.trace(expected) / len(expected)
    found = hamiltonian(fermi_hubbard_paulis(2, 2, t, u, time=0.3), 0.3)
    assert np.allclose(found, expected - constant * np.eye(len(expected)))


@pytest.mark.parametrize("name", SYNTHESES)
@pytest.mark.parametrize("rotations", [MIXED, CLASHING, [("II", 0.5)], [("IXI", 0.5)]])
def test_baselines_equal_the_product_of_the_rotations(name, rotations):
    assert unitary(rotations).equiv(synthesis(name)(rotations))


@pytest.mark.parametrize("name", SYNTHESES)
def test_baselines_of_free_order_equal_the_product_in_some_order(name):
    circuit = Operator(synthesis(name)(CLASHING, preserve_order=False))
    assert any(unitary(order).equiv(circuit) for order in itertools.permutations(CLASHING))


@pytest.mark.parametrize("method", [pauli_synthesis.NAIVE, pauli_synthesis.GREEDY])
def test_both_ways_of_rustiq_are_right(method, monkeypatch):
    monkeypatch.setattr(pauli_synthesis, "NAIVE", method)
    monkeypatch.setattr(pauli_synthesis, "GREEDY", method)
    assert unitary(MIXED).equiv(pauli_synthesis.rustiq(MIXED))


@pytest.mark.parametrize("weight", range(1, 10))
def test_tree_has_logarithmic_depth(weight):
    circuit = pauli_synthesis.tree([("XYZXYZXYZ"[:weight] + "I", 0.3)])
    assert two_qubit_depth(circuit) == 2 * math.ceil(math.log2(weight))
    assert circuit.num_nonlocal_gates() == 2 * (weight - 1)
