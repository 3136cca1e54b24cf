"""Ladders of CX gates in logarithmic depth.

The ladder CX(q0, q1), CX(q1, q2), ... adds to each qubit all those before it. These are prefix sums, which a tree
computes as well: first over pairs, pairs of pairs and so on, then back down to what was left out. That takes less than
2 log2(n) layers and less than twice as many gates, on the same qubits and without ancillas.

References:
    Brent and Kung, "A regular layout for parallel adders", IEEE Trans. Comput. C-31, 260 (1982).
"""

from __future__ import annotations

from collections.abc import Iterator

from qiskit import QuantumCircuit
from qiskit.circuit.library import LinearFunction
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import CollectLinearFunctions

SHORTEST = 8
"""Qubits of a ladder from which on a tree has clearly fewer layers."""


def shorten_ladders(circuit: QuantumCircuit) -> QuantumCircuit | None:
    """Return an equal circuit with long ladders of CX, and their inverses, as trees; None if there are none."""
    if circuit.count_ops().get("cx", 0) < SHORTEST - 1:
        return None
    collected = PassManager([CollectLinearFunctions(min_block_size=SHORTEST - 1)]).run(circuit)
    result = circuit.copy_empty_like()
    found = False
    for step in collected.data:
        gates = step.operation.original_circuit if isinstance(step.operation, LinearFunction) else None
        if gates is None:
            result.append(step)
            continue
        tree = _tree_for(gates, step.operation)
        found |= tree is not None
        result.compose(tree or gates, step.qubits, inplace=True)
    return result if found else None


def _tree_for(gates: QuantumCircuit, function: LinearFunction) -> QuantumCircuit | None:
    """Return a tree that computes the same, if these gates are a ladder or the inverse of one."""
    index = {qubit: q for q, qubit in enumerate(gates.qubits)}
    after = {index[a]: index[b] for name, (a, b) in ((step.name, step.qubits) for step in gates.data) if name == "cx"}
    starts = after.keys() - set(after.values())
    if len(gates.data) != len(after) or len(starts) != 1 or len(after) + 1 < max(SHORTEST, gates.num_qubits):
        return None
    path = [*starts]
    while path[-1] in after:
        path.append(after[path[-1]])
    if len(path) != len(after) + 1:
        return None
    tree = QuantumCircuit(gates.num_qubits)
    for control, target in prefix_sums(len(path)):
        tree.cx(path[control], path[target])
    for candidate in (tree, tree.inverse()):
        if (LinearFunction(candidate).linear == function.linear).all():
            return candidate
    return None


def prefix_sums(size: int) -> Iterator[tuple[int, int]]:
    """Yield the (control, target) of CX gates that add to each of so many bits all those before it."""
    step = 1
    while step < size:
        for target in range(2 * step - 1, size, 2 * step):
            yield target - step, target
        step *= 2
    while step > 1:
        step //= 2
        for target in range(3 * step - 1, size, 2 * step):
            yield target - step, target
