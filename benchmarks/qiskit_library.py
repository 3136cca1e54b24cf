"""More than a hundred circuits of Qiskit's library, small enough to simulate: equal calls give equal circuits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import library as lib
from qiskit.quantum_info import SparsePauliOp, random_unitary

LARGEST = 8
"""Most qubits of a circuit."""

_STANDARD = (
    "ccx ccz ch cp crx cry crz cs csdg csx cswap cu cx cy cz dcx ecr iswap rccx rcccx rxx ryy rzx rzz swap sx t u "
    "xx_minus_yy xx_plus_yy"
)


def library_circuits() -> Iterator[QuantumCircuit]:
    """Yield the circuits, each on |+> states turned a little, so that phases show, and measured as a whole."""
    rng = np.random.default_rng(11)
    for name, made in (*_gates(rng), *_families()):
        inner = made if isinstance(made, QuantumCircuit) else _circuit_of(made)
        inner = inner.assign_parameters(rng.uniform(-math.pi, math.pi, inner.num_parameters))
        if inner.num_qubits > LARGEST:
            raise ValueError(f"{name} has {inner.num_qubits} qubits, more than {LARGEST}.")
        circuit = QuantumCircuit(inner.num_qubits, name=name)
        for angle, qubit in zip(rng.uniform(0.2, 1.4, inner.num_qubits), circuit.qubits, strict=True):
            circuit.ry(angle, qubit)
        circuit.compose(inner, inplace=True)
        for angle, qubit in zip(rng.uniform(0.2, 1.4, inner.num_qubits), circuit.qubits, strict=True):
            circuit.ry(angle, qubit)
        circuit.measure_all()
        yield circuit


def _circuit_of(gate: Any) -> QuantumCircuit:
    circuit = QuantumCircuit(gate.num_qubits)
    circuit.append(gate, circuit.qubits)
    return circuit


def _gates(rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Yield the standard gates."""
    gates = lib.get_standard_gate_name_mapping()
    for name in _STANDARD.split():
        gate = gates[name].to_mutable()
        gate.params = rng.uniform(-math.pi, math.pi, len(gate.params)).tolist()
        yield name, gate


def _families() -> Iterator[tuple[str, Any]]:
    """Yield what the library builds, family by family."""
    yield from _parametrised()
    yield from _arithmetic()
    yield from _general()
    yield from _algorithms()


def _parametrised() -> Iterator[tuple[str, Any]]:
    sizes: tuple[Callable[[int], QuantumCircuit], ...] = (
        lambda n: lib.real_amplitudes(n, reps=2),
        lambda n: lib.real_amplitudes(n, "full", reps=1),
        lambda n: lib.efficient_su2(n, reps=1),
        lambda n: lib.excitation_preserving(n, reps=1),
        lambda n: lib.excitation_preserving(n, mode="fsim", reps=1),
        lambda n: lib.pauli_two_design(n, reps=2, seed=3),
        lambda n: lib.n_local(n, ["ry", "rz"], "crx", "circular", reps=1),
        lambda n: lib.z_feature_map(n),
        lambda n: lib.zz_feature_map(n, reps=1),
        lambda n: lib.pauli_feature_map(n, reps=1, paulis=["Z", "YY", "ZXZ"]),
    )
    for k, make in enumerate(sizes):
        for n in (3, 5):
            circuit = make(n)
            yield f"{circuit.name}-{k}-{n}", circuit
    chain = SparsePauliOp.from_sparse_list([("ZZ", [q, q + 1], 1.0) for q in range(3)] + [("X", [2], 0.5)], 4)
    yield "qaoa_ansatz", lib.qaoa_ansatz(chain, reps=2)
    yield "hamiltonian_variational_ansatz", lib.hamiltonian_variational_ansatz(chain, reps=2)
    yield "evolved_operator_ansatz", lib.evolved_operator_ansatz([chain], reps=2)


def _arithmetic() -> Iterator[tuple[str, Any]]:
    for n in (1, 2):
        yield f"half_adder-{n}", lib.HalfAdderGate(n)
        yield f"full_adder-{n}", lib.FullAdderGate(n)
        yield f"modular_adder-{n + 1}", lib.ModularAdderGate(n + 1)
        yield f"multiplier-{n}", lib.MultiplierGate(n)
        yield f"inner_product-{n + 1}", lib.InnerProductGate(n + 1)
    yield "integer_comparator", lib.IntegerComparatorGate(3, 5)
    yield "quadratic_form", lib.QuadraticFormGate(3, [[1, 0], [1, -1]], [1, 0], 1)
    yield "linear_pauli_rotations", lib.LinearPauliRotationsGate(3, 0.4, 0.2)
    yield "polynomial_pauli_rotations", lib.PolynomialPauliRotationsGate(3, [0.1, 0.3, 0.2])
    yield "piecewise_linear", lib.PiecewiseLinearPauliRotationsGate(2, [0, 2], [0.3, -0.2], [0.1, 0.6])
    yield "linear_amplitude_function", lib.LinearAmplitudeFunctionGate(2, [1.0], [0.1], (0, 1), (0, 1))
    yield "exact_reciprocal", lib.ExactReciprocalGate(3, 0.4)


def _general() -> Iterator[tuple[str, Any]]:
    rng = np.random.default_rng(5)
    for n in (2, 3):
        yield f"diagonal-{n}", lib.DiagonalGate(np.exp(1j * rng.uniform(0, 6, 2**n)).tolist())
        yield f"ucrz-{n}", lib.UCRZGate(rng.uniform(0, 3, 2**n).tolist())
        yield f"ucry-{n}", lib.UCRYGate(rng.uniform(0, 3, 2**n).tolist())
        yield f"unitary-{n}", lib.UnitaryGate(random_unitary(2**n, seed=n))
        yield f"state_preparation-{n}", _circuit_of(lib.StatePreparation([1 / math.sqrt(2**n)] * 2**n))
        yield f"mcx-{n + 1}", lib.MCXGate(n + 1)
        yield f"mcphase-{n}", lib.MCPhaseGate(0.7, n)
        yield f"mcmt-{n}", lib.MCMTGate(lib.RYGate(0.7), n, 2)
        yield f"or-{n}", lib.OrGate(n)
        yield f"and-{n}", lib.AndGate(n)
        yield f"uniform_superposition-{n}", lib.UniformSuperpositionGate(2**n - 1)
        yield f"linear_function-{n}", lib.LinearFunction(np.triu(np.ones((n, n), dtype=bool)))
        yield f"permutation-{n + 1}", lib.PermutationGate([*range(1, n + 1), 0])
        yield f"ms-{n}", lib.MSGate(n, 0.8)
    yield "uc", lib.UCGate([random_unitary(2, seed=k).data for k in range(4)])
    yield "isometry", lib.Isometry(random_unitary(4, seed=9).data[:, :2], 0, 0)
    yield "hamiltonian", lib.HamiltonianGate(np.diag([1.0, 0.5, -1.0, 2.0]), 0.4)
    yield "pauli", lib.PauliGate("XYZ")
    yield "bitwise_xor", lib.BitwiseXorGate(3, 5)


def _algorithms() -> Iterator[tuple[str, Any]]:
    for n in (3, 5):
        yield f"qft-{n}", lib.QFTGate(n)
        yield f"quantum_volume-{n}", lib.quantum_volume(n, 2, seed=n)
        yield f"iqp-{n}", lib.random_iqp(n, seed=n)
        yield f"hidden_linear_function-{n}", lib.hidden_linear_function(1 - np.eye(n, dtype=int))
        yield f"graph_state-{n}", lib.GraphStateGate((1 - np.eye(n)).tolist())
    yield "phase_estimation", lib.phase_estimation(3, _circuit_of(lib.RZGate(0.9)))
    yield "grover_operator", lib.grover_operator(_circuit_of(lib.CCZGate()))
    yield "fourier_checking", lib.fourier_checking([1, -1, -1, 1], [1, 1, -1, -1])
    yield "unitary_overlap", lib.unitary_overlap(_bound(4), _bound(5))
    evolution = SparsePauliOp(["ZZII", "XYYX", "IIXX"], [0.4, 0.3, 0.7])
    yield "pauli_evolution", lib.PauliEvolutionGate(evolution, 0.6)
    yield "pauli_evolution-commuting", lib.PauliEvolutionGate(SparsePauliOp(["XXXX", "ZZZZ"], [0.4, 0.3]), 0.6)


def _bound(seed: int) -> QuantumCircuit:
    circuit = lib.efficient_su2(3, reps=1)
    return circuit.assign_parameters(np.random.default_rng(seed).uniform(-3, 3, circuit.num_parameters))
