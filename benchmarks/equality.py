"""Checks that a compiled circuit keeps to the machine and does what the circuit it was made of does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector
from qiskit.transpiler import CouplingMap

from .fixed import CheckError, gates_of

MAX_QUBITS = 10
"""Circuits of more qubits are not simulated."""
MAX_ATOMS = 14
"""Nor are those that use more atoms."""
TOLERANCE = 1e-6


def check(
    circuit: QuantumCircuit,
    compiled: QuantumCircuit,
    coupling: CouplingMap | None,
    initial: Sequence[int],
    final: Sequence[int],
) -> str:
    """Return how a compiled circuit was checked.

    Its gates are cz and u, and each cz is on a coupling. Small circuits are simulated as well, from one random state of
    all qubits: circuits that differ agree on it with probability zero. Where there are measurements, the probabilities
    of their outcomes are compared.

    Args:
        circuit: What was to be compiled.
        compiled: Its qubits are the atoms.
        coupling: Which atoms can interact; None if all can.
        initial: The atom that holds each qubit of the circuit at the start; other atoms are in |0>.
        final: The atom that holds each qubit at the end.

    Raises:
        CheckError: It fails a check.
    """
    gates = gates_of(compiled)
    checked = "gates"
    if coupling is not None:
        checked = "couplings"
        allowed = {frozenset(edge) for edge in coupling.get_edges()}
        for a, b in gates:
            if a != b and frozenset((a, b)) not in allowed:
                raise CheckError(f"The compiled circuit has a cz on atoms {a} and {b}, which are not coupled.")
    atoms = sorted({*initial, *final, *(atom for gate in gates for atom in gate)})
    if circuit.num_qubits > MAX_QUBITS or len(atoms) > MAX_ATOMS:
        return checked
    if not _agree(circuit, compiled, atoms, initial, final):
        raise CheckError("The compiled circuit does something else than the circuit it was made of.")
    return f"{checked}, state"


def _agree(
    circuit: QuantumCircuit,
    compiled: QuantumCircuit,
    atoms: Sequence[int],
    initial: Sequence[int],
    final: Sequence[int],
) -> bool:
    """Return whether the circuits make the same of one random state, or of its measured bits, up to a global phase."""
    n, place = circuit.num_qubits, {atom: k for k, atom in enumerate(atoms)}
    rng = np.random.default_rng(0)
    state = rng.normal(size=(2,) * n) + 1j * rng.normal(size=(2,) * n)
    state /= np.linalg.norm(state)
    others = (0,) * (len(atoms) - n)
    spread = np.zeros((2,) * len(atoms), dtype=complex)
    spread[(slice(None),) * n + others] = state
    spread = np.moveaxis(spread, range(len(atoms)), _places_first(initial, place))
    wanted = _run(circuit, range(n), state)
    found = _run(compiled, atoms, spread)
    bits, bits_found = _measured(circuit), _measured(compiled)
    if bits:
        if bits.keys() != bits_found.keys():
            return False
        odds = _probabilities(wanted, [bits[bit] for bit in sorted(bits)])
        odds_found = _probabilities(found, [place[bits_found[bit]] for bit in sorted(bits)])
        return bool(np.allclose(odds, odds_found, atol=TOLERANCE))
    kept = np.moveaxis(found, _places_first(final, place), range(len(atoms)))[(slice(None),) * n + others]
    return bool(abs(np.vdot(wanted, kept)) > 1 - TOLERANCE)


def _places_first(held: Sequence[int], place: dict[int, int]) -> list[int]:
    """Return the places of the atoms that hold data, by qubit, and then those of the others."""
    first = [place[atom] for atom in held]
    return first + [k for k in place.values() if k not in first]


def _run(circuit: QuantumCircuit, qubits: Sequence[int], state: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return what the gates of a circuit, which act on these qubits only, make of a state with an axis for each."""
    index = {circuit.qubits[q]: k for k, q in enumerate(qubits)}
    gates = QuantumCircuit(len(qubits))
    for item in circuit.data:
        if item.operation.name not in ("barrier", "measure"):
            gates.append(item.operation, [index[qubit] for qubit in item.qubits])
    vector = Statevector(state.transpose().ravel()).evolve(gates).data  # qubit 0 is the last axis in Qiskit
    return np.asarray(vector, dtype=np.complex128).reshape(state.shape).transpose()


def _measured(circuit: QuantumCircuit) -> dict[int, int]:
    """Return the qubit that is read into each classical bit."""
    return {
        circuit.find_bit(item.clbits[0]).index: circuit.find_bit(item.qubits[0]).index
        for item in circuit.data
        if item.operation.name == "measure"
    }


def _probabilities(state: NDArray[np.complex128], axes: Sequence[int]) -> NDArray[np.float64]:
    """Return the probability of each outcome of measuring these axes, with an axis for each, in this order."""
    others = tuple(k for k in range(state.ndim) if k not in axes)
    sums: NDArray[np.float64] = (np.abs(state) ** 2).sum(axis=others)
    return sums.transpose(np.argsort(np.argsort(axes)))
