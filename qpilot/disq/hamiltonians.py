"""Hamiltonians to train on: the transverse-field Ising chain, small molecules, and cuts of graphs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeVar

import msgspec
import networkx as nx
import numpy as np
from qiskit.quantum_info import SparsePauliOp

from ..arch.errors import DriftError

Mapping = Literal["parity", "jordan-wigner"]

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

MOST_EXACT_QUBITS = 20
"""Largest Hamiltonian that `ground_energy` diagonalises."""

DENSE_QUBITS = 6
"""Hamiltonians up to here are diagonalised as full matrices: the iteration for larger ones needs room."""


def tfim(num_qubits: int, coupling: float = 1.0, field: float = 1.0, *, periodic: bool = False) -> SparsePauliOp:
    """Return the transverse-field Ising chain, -coupling * sum Z_i Z_(i+1) - field * sum X_i.

    Args:
        num_qubits: Spins, at least 2.
        coupling: Energy of a bond; positive for a ferromagnet.
        field: Energy of a spin in the field.
        periodic: Whether a bond closes the chain to a ring.

    Raises:
        DriftError: There are fewer than 2 spins, or fewer than 3 for a ring, or an energy is not finite.

    >>> tfim(2, field=0.5)
    SparsePauliOp(['ZZ', 'IX', 'XI'],
                  coeffs=[-1. +0.j, -0.5+0.j, -0.5+0.j])
    """
    least = 3 if periodic else 2
    if num_qubits < least:
        raise DriftError(f"An Ising {'ring' if periodic else 'chain'} has at least {least} spins, not {num_qubits}.")
    if not (math.isfinite(coupling) and math.isfinite(field)):
        raise DriftError(f"Coupling {coupling} and field {field} of an Ising chain must be finite.")
    bonds = num_qubits if periodic else num_qubits - 1
    terms: list[tuple[str, list[int], float]] = [("ZZ", [i, (i + 1) % num_qubits], -coupling) for i in range(bonds)]
    terms += [("X", [i], -field) for i in range(num_qubits)]
    return SparsePauliOp.from_sparse_list(terms, num_qubits)


def maxcut(graph: nx.Graph[Any]) -> SparsePauliOp:
    """Return the Hamiltonian whose lowest energy is minus the weight of the largest cut of a graph.

    Each edge gives weight * (Z Z - 1) / 2: minus its weight where the outcomes of its ends differ.

    Args:
        graph: Its nodes are the qubits, in their order; edges may have a weight, 1 by default.

    Raises:
        DriftError: The graph has no edge between two nodes, or a weight that is not a finite number.
    """
    place = {node: index for index, node in enumerate(graph.nodes)}
    terms: list[tuple[str, list[int], float]] = []
    edges: Iterable[tuple[Any, Any, Any]] = graph.edges(data="weight", default=1.0)
    for one, other, weight in edges:
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not math.isfinite(weight):
            raise DriftError(f"The edge from {one!r} to {other!r} has weight {weight!r}; it must be a finite number.")
        if one != other:  # a loop is never cut
            terms.append(("ZZ", [place[one], place[other]], weight / 2))
    if not terms:
        raise DriftError("The graph has no edge between two nodes: there is nothing to cut.")
    terms.append(("", [], -math.fsum(weight for *_, weight in terms)))
    return SparsePauliOp.from_sparse_list(terms, len(place)).simplify()


class Molecule(msgspec.Struct, frozen=True):
    """A molecule in the active space of a small basis, as shipped with qpilot.

    Energies are in hartree and include the repulsion of the nuclei.

    Attributes:
        molecule: Its name: H2, LiH or BeH2.
        bond_length_angstrom: The distance of neighbours; all are linear.
        mapping: How orbitals became qubits: "jordan-wigner", or "parity" with two qubits less.
        active_electrons: Electrons in the active space.
        active_orbitals: Orbitals in the active space, each for two electrons.
        ground_energy_hartree: Lowest energy of the Hamiltonian, whose state has the active electrons.
        hartree_fock_energy_hartree: Energy without correlation.
        full_ci_energy_hartree: Lowest energy in the whole basis, STO-3G.
        terms: Coefficient of each Pauli string, the identity included.
    """

    molecule: str
    bond_length_angstrom: float
    mapping: Mapping
    active_electrons: int
    active_orbitals: int
    ground_energy_hartree: float
    hartree_fock_energy_hartree: float
    full_ci_energy_hartree: float
    terms: dict[str, float]

    @property
    def hamiltonian(self) -> SparsePauliOp:
        """The Hamiltonian in hartree."""
        return SparsePauliOp.from_list(list(self.terms.items()))


class _MoleculeFile(msgspec.Struct):
    made_by: str
    hamiltonians: tuple[Molecule, ...]


@cache
def molecules() -> tuple[Molecule, ...]:
    """Return all molecules shipped with qpilot; tools/molecules.py in the repository made them."""
    data = (files(__package__) / "data" / "molecules.json").read_bytes()
    return msgspec.json.decode(data, type=_MoleculeFile).hamiltonians


def molecule(name: str, bond_length_angstrom: float, mapping: Mapping = "parity") -> Molecule:
    """Return a molecule shipped with qpilot.

    Args:
        name: H2, LiH or BeH2.
        bond_length_angstrom: One of those in the file, such as 0.735 for H2, 1.595 for LiH and 1.326 for BeH2.
        mapping: "parity", on 2, 4 and 6 qubits, or "jordan-wigner", on 4, 6 and 8.

    Raises:
        DriftError: There is no such molecule, bond length or mapping.

    >>> h2 = molecule("H2", 0.735)
    >>> h2.hamiltonian.num_qubits, round(h2.ground_energy_hartree, 3)
    (2, -1.137)
    """
    known: dict[str, dict[float, dict[Mapping, Molecule]]] = {}
    for one in molecules():
        known.setdefault(one.molecule, {}).setdefault(one.bond_length_angstrom, {})[one.mapping] = one
    lengths = _pick(known, name, "molecule")
    return _pick(_pick(lengths, bond_length_angstrom, f"bond length of {name}"), mapping, "mapping")


def _pick(choices: dict[_Key, _Value], key: _Key, what: str) -> _Value:
    if key not in choices:
        raise DriftError(f"There is no {what} {key!r}; there is {', '.join(map(str, choices))}.")
    return choices[key]


def ground_energy(hamiltonian: SparsePauliOp) -> float:
    """Return the lowest eigenvalue of a Hamiltonian, exactly.

    Args:
        hamiltonian: On up to 20 qubits, with real coefficients.

    Raises:
        DriftError: It has more qubits.

    >>> round(ground_energy(tfim(2)), 6)
    -2.236068
    """
    from scipy.sparse.linalg import eigsh

    if hamiltonian.num_qubits > MOST_EXACT_QUBITS:
        raise DriftError(
            f"The Hamiltonian has {hamiltonian.num_qubits} qubits; exact energies take at most {MOST_EXACT_QUBITS}."
        )
    matrix = hamiltonian.to_matrix(sparse=True)
    if hamiltonian.num_qubits <= DENSE_QUBITS:
        return float(np.linalg.eigvalsh(matrix.toarray())[0])
    # A fixed start makes the result the same each time; one of equal entries may miss the ground state by symmetry.
    start = np.random.default_rng(0).standard_normal(matrix.shape[0])
    return float(eigsh(matrix, k=1, which="SA", v0=start, return_eigenvectors=False)[0])
