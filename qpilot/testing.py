"""Referees for tests of programs: simulators that share no code with the compiler or with `qpilot.verify`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arch import Program
from .arch.errors import CircuitError, QPilotError
from .frontend import read_circuit, read_steps
from .verify import verify

_SMALL = 10
_LARGEST = 24
_CLIFFORD_STEP = np.pi / 2


def assert_same_circuit(program: Program, circuit: Any) -> None:
    """Assert that a program is legal and computes a circuit.

    Besides `qpilot.verify`, programs of at most 10 atoms are simulated, unless they measure, reset or decide in
    mid-circuit.

    Args:
        program: The program.
        circuit: The source: anything `qpilot.compile` takes.

    Raises:
        AssertionError: The program is not legal, or computes something else.
    """
    try:
        verify(program, circuit)
    except QPilotError as error:
        raise AssertionError(str(error)) from error
    if program.num_atoms <= _SMALL and not _is_dynamic(read_circuit(circuit)):
        fidelity = statevector_fidelity(program, circuit)
        if fidelity < 1 - 1e-6:
            raise AssertionError(f"The program passes verification, but its simulated fidelity is {fidelity:.6g}.")


def statevector_fidelity(program: Program, circuit: Any, *, seed: int = 0, global_phase: bool = False) -> float:
    """Return the overlap of what a program and a circuit make of the same random product state of the data qubits.

    Ancillas start in |0> and must end there. Different circuits agree on a random product state with probability zero,
    so 1 means that they are equal up to the global phase. Measurements are left out.

    Args:
        program: The program; above 10 atoms it takes qiskit-aer.
        circuit: The source: anything `qpilot.compile` takes.
        seed: Seed of the random state.
        global_phase: Compare the global phase too: return the real part of the overlap, not its squared absolute value.

    Raises:
        CircuitError: The program has more than 24 atoms, or other numbers of qubits than the circuit, or the circuit
            measures, resets or decides in mid-circuit.
    """
    source = read_circuit(circuit)
    _check_source(program, source)
    if program.num_atoms > _LARGEST:
        raise CircuitError(f"The program has {program.num_atoms} atoms; at most {_LARGEST} can be simulated.")
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, size=(source.num_qubits, 3))
    expected = _final_state(_prepared(source, angles))
    actual = _final_state(_prepared(program.to_circuit(), angles))
    # Ancillas are the highest bits, so the amplitudes with all of them in |0> come first.
    overlap = np.vdot(expected, actual[: len(expected)])
    return float(overlap.real if global_phase else abs(overlap) ** 2)


def stabilizer_equal(program: Program, circuit: Any) -> bool:
    """Return whether a Clifford program and a Clifford circuit are equal up to the global phase, at any size.

    Every data qubit starts in a Bell pair with a reference that is left alone, every ancilla in |0>; the circuits are
    equal exactly if the stabilizer states they end in are. Takes stim. Measurements are left out.

    Args:
        program: The program.
        circuit: The source: anything `qpilot.compile` takes.

    Raises:
        CircuitError: A gate is not Clifford, the numbers of qubits differ, or the circuit measures, resets or decides
            in mid-circuit.
    """
    source = read_circuit(circuit)
    _check_source(program, source)
    return _stabilizers(program.to_circuit(), program) == _stabilizers(_in_u_and_cz(source), program)


def _is_dynamic(source: Any) -> bool:
    """Return whether a circuit measures, resets or decides in mid-circuit, be it without effect."""
    return read_steps(source).is_dynamic or any(step.name == "if_else" for step in source.data)


def _check_source(program: Program, source: Any) -> None:
    if _is_dynamic(source):
        raise CircuitError(
            f"The circuit {source.name!r} measures, resets or decides in mid-circuit, so it leaves no single state; "
            "compare counts of Program.to_circuit() with those of the circuit."
        )
    if program.num_qubits != source.num_qubits:
        raise CircuitError(f"The program has {program.num_qubits} qubits, the circuit {source.num_qubits}.")


def _in_u_and_cz(circuit: Any) -> Any:
    from qiskit import transpile

    return transpile(circuit, basis_gates=["u", "cz", "measure"], optimization_level=0)


def _prepared(circuit: Any, angles: NDArray[np.float64]) -> Any:
    """Return the gates of the circuit alone, behind random one-qubit gates on its first qubits.

    A reset can only stand before the first gate of a qubit that starts in |0> anyway, so it is left out as well.
    """
    result = circuit.copy_empty_like()
    for q, triple in enumerate(angles.tolist()):
        result.u(*triple, q)
    for instruction in circuit.data:
        if instruction.operation.name not in ("measure", "barrier", "reset"):
            result.append(instruction)
    # As a matrix, an evolution is exact; as a circuit, it is the product formula of its synthesis.
    return result.decompose("PauliEvolution").decompose("PauliEvolution")


def _final_state(circuit: Any) -> NDArray[np.complex128]:
    if circuit.num_qubits <= _SMALL:
        from qiskit.quantum_info import Statevector

        return np.asarray(Statevector(circuit).data)
    try:
        from qiskit_aer import AerSimulator
    except ImportError:
        raise _missing("qiskit-aer") from None
    circuit = _in_u_and_cz(circuit)
    circuit.save_statevector()
    simulator = AerSimulator(method="statevector", enable_truncation=False)
    return np.asarray(simulator.run(circuit, shots=1).result().get_statevector().data)


def _stabilizers(circuit: Any, program: Program) -> list[Any]:
    """Return the canonical stabilizers of references, data qubits and ancillas after a circuit over u and cz."""
    stim = _stim()
    n = program.num_qubits
    references = range(program.num_atoms, program.num_atoms + n)
    stabilized = stim.Circuit()
    for q, reference in enumerate(references):
        stabilized.append("H", [reference])
        stabilized.append("CX", [reference, q])
    stabilized.append("I", range(program.num_atoms))
    index = {bit: k for k, bit in enumerate(circuit.qubits)}
    for instruction in circuit.data:
        operation, atoms = instruction.operation, [index[bit] for bit in instruction.qubits]
        if operation.name == "u":
            stabilized.append(_clifford_name(operation.params), atoms)
        elif operation.name == "cz" or (operation.name == "cp" and _is_cz(operation.params[0])):
            stabilized.append("CZ", atoms)
    simulator = stim.TableauSimulator()
    simulator.do(stabilized)
    return list(simulator.canonical_stabilizers())


def _is_cz(angle: float) -> bool:
    """Return whether a controlled phase is a CZ; if not, it must be by zero to be Clifford."""
    if abs(math.sin(angle / 2) * math.cos(angle / 2)) > 1e-6:
        raise CircuitError(f"cp({angle}) is not a Clifford gate; stabilizer_equal takes Clifford circuits only.")
    return math.cos(angle) < 0


def _clifford_name(angles: Sequence[float]) -> str:
    """Return stim's name of a gate u(theta, phi, lam) whose angles are multiples of pi/2."""
    theta, phi, lam = (float(angle) / _CLIFFORD_STEP for angle in angles)
    if abs(theta - 2 * round(theta / 2)) < 1e-6:  # only phi + lam counts at theta = 0, only phi - lam at pi
        phi, lam = (phi + lam if round(theta) % 4 == 0 else phi - lam), 0.0
    steps = (round(theta), round(phi), round(lam))
    if max(abs(theta - steps[0]), abs(phi - steps[1]), abs(lam - steps[2])) > 1e-6:
        raise CircuitError(f"u{tuple(angles)} is not a Clifford gate; stabilizer_equal takes Clifford circuits only.")
    return _clifford_names()[_tableau_key(steps[0] % 8, steps[1] % 4, steps[2] % 4)]


@cache
def _tableau_key(theta: int, phi: int, lam: int) -> str:
    """Return the tableau of a gate u, angles in steps of pi/2."""
    from qiskit.circuit.library import UGate

    matrix = UGate(*(step * _CLIFFORD_STEP for step in (theta, phi, lam))).to_matrix()
    return str(_stim().Tableau.from_unitary_matrix(matrix, endian="little"))


@cache
def _clifford_names() -> dict[str, str]:
    """Return stim's names of the 24 one-qubit Clifford gates by their tableaus."""
    stim = _stim()
    gates = [gate for gate in stim.gate_data().values() if gate.is_single_qubit_gate and gate.is_unitary]
    return {str(gate.tableau): gate.name for gate in gates}


def _stim() -> Any:
    try:
        import stim
    except ImportError:
        raise _missing("stim") from None
    return stim


def _missing(package: str) -> ImportError:
    return ImportError(f"This referee takes {package}; install it with: pip install 'qpilot[sim]'.")
