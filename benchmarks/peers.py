"""Circuits for compilers of CZ and one-qubit gates, and whether what these return is equal to what they were given."""

from __future__ import annotations

from collections import Counter

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import random_statevector

MOST_QUBITS_FOR_STATE = 14

PHASE_TOLERANCE = 1e-8
"""Of 1 - |tr(A* B)| / d; peers write angles with as few as five decimals."""

DIAGONAL_TOLERANCE = 2e-6


def translate(circuit: QuantumCircuit) -> tuple[QuantumCircuit, QuantumCircuit]:
    """Return the circuit without measurements and barriers, and this as CZ and `u` gates by Qiskit at level 3."""
    bare = circuit.remove_final_measurements(inplace=False)
    bare.data = [item for item in bare.data if item.operation.name != "barrier"]
    translated = transpile(bare, basis_gates=["cz", "u"], optimization_level=3, seed_transpiler=0)
    return bare, translated


def without_layout(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the gates alone: MQT looks up the qubits of a layout, which are not those of the circuit."""
    return QuantumCircuit(circuit.num_qubits).compose(circuit)


def check_equal(routed: QuantumCircuit, translated: QuantumCircuit, bare: QuantumCircuit) -> list[str]:
    """Check that a routed circuit does what was asked for.

    Two circuits of CZ and one-qubit gates are equal up to the order of commuting gates where every qubit sees the same
    sets of partners, and products of one-qubit gates between them ("replay"). With few qubits, the routed circuit and
    that as written are also run from one random state, which only circuits that are equal up to a phase take to the
    same ("state").

    Args:
        routed: What the program does.
        translated: What the compiler was given.
        bare: The circuit as written.

    Returns:
        Names of the checks made.

    Raises:
        ValueError: A check fails.
    """
    for qubit, (found, asked) in enumerate(zip(_histories(routed), _histories(translated), strict=True)):
        if len(found) != len(asked) or not all(map(_same, found, asked)):
            raise ValueError(
                f"The program of the peer is not the circuit it was given: qubit {qubit} sees other gates."
            )
    if routed.num_qubits > MOST_QUBITS_FOR_STATE:
        return ["replay"]
    state = random_statevector(2**routed.num_qubits, seed=0)
    expected = state.evolve(bare).data.reshape([2] * routed.num_qubits)
    if translated.layout is not None:  # Qiskit left out swaps and says where the qubits are at the end
        last = routed.num_qubits - 1
        where = enumerate(translated.layout.final_index_layout())
        axes = [(last - qubit, last - final) for qubit, final in where]
        expected = np.moveaxis(expected, *zip(*axes, strict=True))
    overlap = abs(np.vdot(state.evolve(routed).data, expected.ravel()))
    if 1 - overlap > PHASE_TOLERANCE * (routed.size() + 1):
        raise ValueError(f"The program of the peer is not the circuit as written: the states overlap by {overlap:.6f}.")
    return ["replay", "state"]


def _histories(circuit: QuantumCircuit) -> list[list[Counter[int] | np.ndarray]]:
    """Return, for each qubit, the partners of CZ gates and the products of one-qubit gates, in turn.

    Diagonal gates commute with CZ: each joins the next gate that is not diagonal, or stands alone as the last entry.
    """
    seen: list[list[Counter[int] | np.ndarray]] = [[] for _ in circuit.qubits]
    diagonal = [np.eye(2, dtype=complex) for _ in circuit.qubits]
    index = {qubit: k for k, qubit in enumerate(circuit.qubits)}
    for item in circuit.data:
        qubits = [index[qubit] for qubit in item.qubits]
        if len(qubits) == 2:
            for qubit, partner in (qubits, qubits[::-1]):
                if not seen[qubit] or not isinstance(seen[qubit][-1], Counter):
                    seen[qubit].append(Counter())
                seen[qubit][-1][partner] += 1
            continue
        (qubit,) = qubits
        product = item.operation.to_matrix() @ diagonal[qubit]
        if abs(product[0, 1]) < DIAGONAL_TOLERANCE:
            diagonal[qubit] = product
            continue
        diagonal[qubit] = np.eye(2, dtype=complex)
        history = seen[qubit]
        if history and not isinstance(history[-1], Counter):
            history[-1] = product @ history[-1]
        else:
            history.append(product)
    return [[*history, last] for history, last in zip(seen, diagonal, strict=True)]


def _same(a: Counter[int] | np.ndarray, b: Counter[int] | np.ndarray) -> bool:
    if isinstance(a, Counter) or isinstance(b, Counter):
        return a is b or (isinstance(a, Counter) and isinstance(b, Counter) and a == b)
    return bool(1 - abs(np.vdot(a, b)) / 2 < PHASE_TOLERANCE)


def gate_counts(circuit: QuantumCircuit) -> tuple[np.ndarray, np.ndarray]:
    """Return the one-qubit gates and the two-qubit gates of each qubit."""
    counts = np.zeros((2, circuit.num_qubits), dtype=np.int64)
    index = {qubit: k for k, qubit in enumerate(circuit.qubits)}
    for item in circuit.data:
        counts[len(item.qubits) - 1, [index[qubit] for qubit in item.qubits]] += 1
    return counts[0], counts[1]
