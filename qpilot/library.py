"""Circuits for common problems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit

from .arch.errors import CircuitError

if TYPE_CHECKING:
    import networkx as nx


def qaoa_circuit(graph: nx.Graph[Any], gammas: Sequence[float], betas: Sequence[float]) -> QuantumCircuit:
    """Return the QAOA circuit for MaxCut on a graph, without measurements.

    The cut is C = sum of w_ij (1 - Z_i Z_j) / 2 over the edges. The circuit puts all qubits in |+> and then, for each
    layer, runs exp(-i gamma C), which is RZZ(-gamma w_ij) for each edge, and exp(-i beta X) on each qubit, which is
    RX(2 beta). The global phase is exact.

    Args:
        graph: An undirected networkx graph. Its nodes, in the order of the graph, are qubits 0, 1, ...; the edge
            attribute `weight` is w_ij, 1 where there is none.
        gammas: Angle of the cut in each layer, in radians.
        betas: Angle of the mixer in each layer, in radians.

    Raises:
        CircuitError: The graph has no nodes, a self-loop, directed or parallel edges or a weight that is not a finite
            number, or the angles are not finite numbers, as many of the one kind as of the other.

    References:
        Farhi, Goldstone, Gutmann, arXiv 1411.4028.
    """
    edges = _weighted_edges(graph)
    gammas, betas = (_angles(name, values) for name, values in (("gammas", gammas), ("betas", betas)))
    if len(gammas) != len(betas):
        raise CircuitError(f"There are {len(gammas)} gammas and {len(betas)} betas; give one of each for every layer.")
    total = sum(weight for *_, weight in edges)
    circuit = QuantumCircuit(len(graph), name="qaoa", global_phase=-sum(gammas) * total / 2)
    circuit.h(range(len(graph)))
    for gamma, beta in zip(gammas, betas, strict=True):
        for a, b, weight in edges:
            circuit.rzz(-gamma * weight, a, b)
        circuit.rx(2 * beta, range(len(graph)))
    return circuit


def _weighted_edges(graph: nx.Graph[Any]) -> list[tuple[int, int, float]]:
    """Return (qubit, qubit, weight) of each edge."""
    if not hasattr(graph, "edges") or not hasattr(graph, "nodes"):
        raise CircuitError(f"An object of type {type(graph).__name__} is not a graph; give a networkx.Graph.")
    if graph.is_directed() or graph.is_multigraph():
        raise CircuitError("The graph has directed or parallel edges; give a networkx.Graph.")
    if not graph.nodes:
        raise CircuitError("The graph has no nodes; give one with at least one.")
    index = {node: q for q, node in enumerate(graph.nodes)}
    edges = []
    for a, b, weight in graph.edges(data="weight", default=1):
        if a == b:
            raise CircuitError(f"The graph has an edge from node {a!r} to itself; remove it: it is in no cut.")
        if not _is_number(weight):
            raise CircuitError(f"The edge between {a!r} and {b!r} has weight {weight!r}, which is not a finite number.")
        edges.append((index[a], index[b], float(weight)))
    return edges


def _angles(name: str, values: Sequence[float]) -> list[float]:
    try:
        angles = list(values)
    except TypeError:
        raise CircuitError(f"{name} is {values!r}; it must be a list of angles, one for each layer.") from None
    for value in angles:
        if not _is_number(value):
            raise CircuitError(f"{name} holds {value!r}, which is not a finite number.")
    return [float(value) for value in angles]


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, Real) and math.isfinite(value)
