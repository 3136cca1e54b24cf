"""QAOA circuits for compilers that keep the order of gates: ZZ gates ordered by a colouring of the edges."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import networkx as nx
import numpy as np
import rustworkx as rx
from qiskit import QuantumCircuit

import qpilot

RECOLOURINGS_PER_EDGE = 100


def edge_coloured(graph: nx.Graph[Any], gammas: Sequence[float], betas: Sequence[float]) -> QuantumCircuit:
    """Return the circuit of `qpilot.qaoa_circuit` with the ZZ gates of each layer ordered by a colouring of the edges.

    The gates of a colour share no qubit. A compiler that keeps the order of the gates then needs two layers of CZ for
    each colour, as one ZZ gate is CX RZ CX; no order needs fewer, if there are as many colours as the largest degree.

    Args:
        graph: As for `qpilot.qaoa_circuit`.
        gammas: Angle of the cut in each layer, in radians.
        betas: Angle of the mixer in each layer, in radians.
    """
    circuit = qpilot.qaoa_circuit(graph, gammas, betas)
    colours = _edge_colours(graph)
    index = {qubit: k for k, qubit in enumerate(circuit.qubits)}

    def colour(item: Any) -> int:
        a, b = sorted(index[qubit] for qubit in item.qubits)
        return colours[a, b]

    layers = itertools.groupby(circuit.data, lambda item: item.operation.name == "rzz")
    circuit.data = [item for is_cost, layer in layers for item in (sorted(layer, key=colour) if is_cost else layer)]
    return circuit


def _edge_colours(graph: nx.Graph[Any]) -> dict[tuple[int, int], int]:
    """Return the colour of each edge, as a sorted pair of qubits; as few colours as the largest degree, if found."""
    index = {node: k for k, node in enumerate(graph.nodes)}
    edges = [(min(index[a], index[b]), max(index[a], index[b])) for a, b in graph.edges]
    made: rx.PyGraph[int, None] = rx.PyGraph(multigraph=False)
    made.add_nodes_from(range(len(index)))
    made.add_edges_from_no_data(edges)
    found = rx.graph_greedy_edge_color(made, strategy=rx.ColoringStrategy.Saturation)
    colours = {edge: found[k] for k, edge in enumerate(edges)}
    degree = max((count for _, count in graph.degree), default=0)
    return _recolour(colours, degree, len(index)) or colours


def _recolour(
    colours: dict[tuple[int, int], int], num_colours: int, num_nodes: int
) -> dict[tuple[int, int], int] | None:
    """Return a colouring of the edges with fewer colours by exchanges along paths of two colours, or None.

    An edge without a colour gets one if the exchange along a path frees it at both ends; else another colour is made
    free at one end, and the edge waits.

    Args:
        colours: A proper colouring.
        num_colours: Colours to use, at least the largest degree.
        num_nodes: Number of nodes.
    """
    rng = np.random.default_rng(0)
    across = np.full((num_nodes, num_colours), -1)  # the neighbour by an edge of each colour
    waiting = [edge for edge, colour in colours.items() if colour >= num_colours]
    for (a, b), colour in colours.items():
        if colour < num_colours:
            across[a, colour], across[b, colour] = b, a
    for _ in range(RECOLOURINGS_PER_EDGE * len(colours)):
        if not waiting:
            break
        a, b = rng.permutation(waiting.pop(int(rng.integers(len(waiting))))).tolist()
        free_a, free_b = (int(rng.choice(np.flatnonzero(across[node] < 0))) for node in (a, b))
        path = _path(across, b, free_a, free_b)
        if path[-1] == a:  # an exchange of these two would only swap what is free; have another colour free at a
            other = int(rng.integers(num_colours))
            _exchange(across, _path(across, a, other, free_a), other, free_a)
            waiting.append((a, b))
        else:
            _exchange(across, path, free_a, free_b)
            across[a, free_a], across[b, free_a] = b, a
    if waiting:
        return None
    return {(a, b): int(np.flatnonzero(across[a] == b)[0]) for a, b in colours}


def _path(across: np.ndarray, node: int, colour: int, other: int) -> list[int]:
    """Return the nodes of the path from a node by edges of two colours in turn."""
    path = [node]
    while (following := int(across[path[-1], colour])) >= 0:
        path.append(following)
        colour, other = other, colour
    return path


def _exchange(across: np.ndarray, path: list[int], colour: int, other: int) -> None:
    across[np.ix_(path, [colour, other])] = across[np.ix_(path, [other, colour])]
