"""What is trained: Hamiltonians with an ansatz and starts, each a problem with a known ground energy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import SparsePauliOp

from qpilot.disq import Groups, ground_energy, maxcut, molecule, tfim

LAYERS_QAOA = 2
GRAPH_NODES, GRAPH_SEED = 6, 1

FEW = ("static", "spikes", "coherent")
"""Kinds of drift of the cases that take longest."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A Hamiltonian, and a circuit whose parameters are trained on it.

    Attributes:
        words: What it is, in a few words.
        hamiltonian: The Hamiltonian.
        ansatz: The circuit.
        groups: The groups of the Hamiltonian.
        ground: Its lowest energy.
        centre_rad: The middle of the starts, the same for all parameters.
        width_rad: Trainings start from parameters drawn evenly up to this distance from the middle.
        cost: About how long a training takes, beside those of the other problems.
        settings: Kinds of drift that it is usually measured under; none for all.
    """

    words: str
    hamiltonian: SparsePauliOp
    ansatz: QuantumCircuit
    groups: Groups
    ground: float
    centre_rad: float
    width_rad: float
    cost: float
    settings: tuple[str, ...]

    def start(self, seed: int) -> NDArray[np.float64]:
        """Return the parameters that the training with this seed starts from."""
        rng = np.random.default_rng([seed, self.ansatz.num_parameters])
        return np.asarray(self.centre_rad + rng.uniform(-self.width_rad, self.width_rad, self.ansatz.num_parameters))

    def ratio(self, energy: NDArray[np.float64] | float, *, constant: bool) -> NDArray[np.float64]:
        """Return energies as a part of the ground energy: the "fidelity" of the literature.

        Args:
            energy: Energies.
            constant: Whether the identity term counts on both sides.
        """
        offset = 0.0 if constant else self.groups.constant
        return np.asarray((np.asarray(energy) - offset) / (self.ground - offset))


def _layers(words: str, hamiltonian: SparsePauliOp, cost: float, settings: tuple[str, ...] = ()) -> Problem:
    """Return a problem with two layers of ry about a chain of cx."""
    ansatz = real_amplitudes(hamiltonian.num_qubits, reps=1, entanglement="linear")
    return _problem(f"{words}; ry, a chain of cx, ry", hamiltonian, ansatz, 0.0, 0.5, cost, settings)


def _ising(num_qubits: int, cost: float, settings: tuple[str, ...] = ()) -> Problem:
    words = "transverse-field Ising chain at equal coupling and field"
    return _layers(words, tfim(num_qubits), cost, settings)


def _molecule(name: str, bond_length_angstrom: float, cost: float, settings: tuple[str, ...] = ()) -> Problem:
    words = f"{name} at {bond_length_angstrom} angstrom in an active space, parity mapping"
    return _layers(words, molecule(name, bond_length_angstrom).hamiltonian, cost, settings)


def _qaoa() -> Problem:
    """Return the largest cut of a random 3-regular graph, trained with alternating layers."""
    drawn = nx.random_regular_graph(3, GRAPH_NODES, seed=GRAPH_SEED)
    graph = nx.Graph()
    graph.add_nodes_from(range(GRAPH_NODES))  # nodes in the order of the qubits
    graph.add_edges_from(sorted(tuple(sorted(edge)) for edge in drawn.edges))
    angles = ParameterVector("t", 2 * LAYERS_QAOA)
    ansatz = QuantumCircuit(GRAPH_NODES)
    ansatz.h(range(GRAPH_NODES))
    for layer in range(LAYERS_QAOA):
        for one, other in graph.edges:
            ansatz.rzz(angles[2 * layer], one, other)
        ansatz.rx(angles[2 * layer + 1], range(GRAPH_NODES))
    words = f"largest cut of a 3-regular graph of {GRAPH_NODES} nodes; QAOA of {LAYERS_QAOA} layers"
    return _problem(words, maxcut(graph), ansatz, 0.5, 0.3, 2.0, FEW)


def _problem(
    words: str,
    hamiltonian: SparsePauliOp,
    ansatz: QuantumCircuit,
    centre_rad: float,
    width_rad: float,
    cost: float,
    settings: tuple[str, ...],
) -> Problem:
    groups, ground = Groups.of(hamiltonian), ground_energy(hamiltonian)
    return Problem(words, hamiltonian, ansatz, groups, ground, centre_rad, width_rad, cost, settings)


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "tfim-6": partial(_ising, 6, 1.0),
    "H2": partial(_molecule, "H2", 0.735, 0.6),
    "LiH": partial(_molecule, "LiH", 1.595, 1.2),
    "maxcut-6": _qaoa,
    "BeH2": partial(_molecule, "BeH2", 1.326, 2.0, FEW),
    "tfim-8": partial(_ising, 8, 3.5, FEW),
}
"""What makes each problem, by its name."""


@cache
def problem(name: str) -> Problem:
    """Return a problem by its name."""
    return PROBLEMS[name]()
