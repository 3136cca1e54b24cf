"""Hamiltonians against brute force, exact diagonalisation and energies from the literature."""

import itertools

import networkx as nx
import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp

from qpilot.arch.errors import DriftError
from qpilot.disq.hamiltonians import ground_energy, maxcut, molecule, molecules, tfim


@pytest.mark.parametrize("num_qubits", [4, 7])
@pytest.mark.parametrize("field", [0.5, 1.0, 1.7])
def test_ising_ring_has_the_energy_of_free_fermions(num_qubits, field):
    # Pfeuty 1970; the ground state of a ring has momenta of half steps.
    momenta = 2 * np.pi * (np.arange(num_qubits) + 0.5) / num_qubits
    exact = -np.sqrt(1 + field**2 - 2 * field * np.cos(momenta)).sum()
    assert ground_energy(tfim(num_qubits, field=field, periodic=True)) == pytest.approx(exact)


def test_critical_open_chain_has_its_known_energy():
    exact = 1 - 1 / np.sin(np.pi / (2 * (2 * 8 + 1)))  # Burkhardt and Guim 1985
    assert ground_energy(tfim(8)) == pytest.approx(exact)


def test_ising_chain_scales_and_has_one_bond_less_than_a_ring():
    assert len(tfim(5)) == 9
    assert len(tfim(5, periodic=True)) == 10
    assert ground_energy(tfim(3, coupling=2.0, field=0.0)) == pytest.approx(-4)
    assert ground_energy(tfim(3, coupling=0.0, field=0.5)) == pytest.approx(-1.5)


def test_lowest_energy_of_a_graph_is_its_largest_cut():
    graph = nx.gnp_random_graph(7, 0.5, seed=3)
    weights = np.random.default_rng(1).uniform(0.2, 2.0, graph.number_of_edges())
    for (one, other), weight in zip(graph.edges, weights, strict=True):
        graph[one][other]["weight"] = float(weight)
    graph = nx.relabel_nodes(graph, {node: f"node {node}" for node in graph})
    graph.add_edge("node 0", "node 0", weight=5.0)
    hamiltonian = maxcut(graph)
    cuts = [
        sum(weight for one, other, weight in graph.edges(data="weight") if sides[one] != sides[other])
        for sides in (dict(zip(graph, bits, strict=True)) for bits in itertools.product((0, 1), repeat=7))
    ]
    assert ground_energy(hamiltonian) == pytest.approx(-max(cuts))
    assert np.sort(np.real(np.diag(hamiltonian.to_matrix()))) == pytest.approx(np.sort(-np.array(cuts)))


@pytest.mark.parametrize("one", molecules(), ids=lambda one: f"{one.molecule} {one.bond_length_angstrom} {one.mapping}")
def test_molecule_has_the_energy_in_its_record(one):
    exact = ground_energy(one.hamiltonian)
    assert exact == pytest.approx(one.ground_energy_hartree, abs=1e-8)
    assert one.full_ci_energy_hartree <= exact + 1e-8 < one.hartree_fock_energy_hartree
    reduced = 2 if one.mapping == "parity" else 0
    assert one.hamiltonian.num_qubits == 2 * one.active_orbitals - reduced


def test_molecules_agree_with_the_literature():
    h2 = molecule("H2", 0.735)
    assert h2.ground_energy_hartree == pytest.approx(-1.137306, abs=1e-6)
    assert h2.hartree_fock_energy_hartree == pytest.approx(-1.116999, abs=1e-6)
    # Numbers of terms on 2, 4 and 6 qubits: Kandala et al., Nature 549, 242 (2017), with the identity.
    sizes = [len(molecule(name, length).terms) for name, length in (("H2", 0.735), ("LiH", 1.595), ("BeH2", 1.326))]
    assert sizes == [5, 100, 165]
    assert molecule("LiH", 1.595).full_ci_energy_hartree == pytest.approx(-7.8824, abs=1e-4)
    assert molecule("BeH2", 1.326).full_ci_energy_hartree == pytest.approx(-15.5952, abs=1e-4)


def test_mappings_have_the_same_hartree_fock_energy():
    one, other = molecule("H2", 0.735), molecule("H2", 0.735, "jordan-wigner")
    diagonals = [np.real(np.diag(m.hamiltonian.to_matrix())) for m in (one, other)]
    for diagonal in diagonals:
        assert np.isclose(diagonal, one.hartree_fock_energy_hartree).any()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: tfim(1), "at least 2 spins"),
        (lambda: tfim(2, periodic=True), "at least 3 spins"),
        (lambda: tfim(3, field=np.nan), "must be finite"),
        (lambda: maxcut(nx.empty_graph(3)), "no edge"),
        (lambda: maxcut(nx.Graph([(0, 1, {"weight": "heavy"})])), "weight 'heavy'"),
        (lambda: molecule("H3", 1.0), "there is H2, LiH, BeH2"),
        (lambda: molecule("H2", 0.7), "bond length of H2 0.7; there is 0.5, 0.735"),
        (lambda: molecule("H2", 0.735, "bravyi"), "no mapping 'bravyi'"),
        (lambda: ground_energy(SparsePauliOp("Z" * 21)), "at most 20"),
    ],
)
def test_what_makes_no_sense_is_refused(make, words):
    with pytest.raises(DriftError, match=words):
        make()
