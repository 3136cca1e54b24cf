"""Qubits that fly: ancillas take the place of their atoms, which wait in |0>.

A copy and its qubit become one by a CNOT from the copy onto the qubit's own atom; taking off is two pulses, and landing
two more. In between the qubit runs each of its gates in one pulse with one two-qubit gate, and need not go home between
one-qubit gates. That suits circuits in which one gate waits for another, such as adders: elsewhere many copies serve at
once, and ancillas that are always bright are in their way.
"""

from __future__ import annotations

from .blocks import GateBlock
from .front import Front
from .stage import Crossing, Layout

NARROW = 4
"""A block is narrow if it has fewer gates than this for each layer of its longest chain."""


def is_narrow(block: GateBlock) -> bool:
    """Whether it may pay that qubits fly: all gates are CZ, and few could run at the same time."""
    if not block.gates or not all(gate.is_cz for gate in block.gates):
        return False
    return len(block.gates) < NARROW * max(Front(block).criticality)


def choose_flying(block: GateBlock, layout: Layout, most: int) -> dict[int, Crossing]:
    """Return qubits, at most so many, that fly, and their crossings.

    No two of them may have a gate in common; those with most gates per partner are chosen first. All gates must be CZ:
    others may take two pulses, between which an ancilla is turned.
    """
    if not most or not all(gate.is_cz for gate in block.gates):
        return {}
    partners: list[list[int]] = [[] for _ in range(block.num_qubits)]
    for gate in block.gates:
        partners[gate.a].append(gate.b)
        partners[gate.b].append(gate.a)
    chosen: dict[int, Crossing] = {}
    willing = [q for q in range(block.num_qubits) if partners[q]]
    for qubit in sorted(willing, key=lambda q: (len(set(partners[q])) / len(partners[q]), q)):
        if len(chosen) < most and not chosen.keys() & partners[qubit]:
            crossings = layout.crossings_of(qubit)  # neighbours take different lines
            chosen[qubit] = crossings[sum(layout.sites[qubit].tolist()) % 2 * (len(crossings) - 1)]
    return chosen
