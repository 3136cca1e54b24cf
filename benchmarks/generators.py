"""Circuits to measure with, by family and size; equal arguments give equal circuits."""

from __future__ import annotations

import math

import numpy as np
from qiskit import QuantumCircuit


def random_cz(num_qubits: int, gates_per_qubit: int, seed: int = 0, *, one_qubit_rate: float = 0.8) -> QuantumCircuit:
    """Return `gates_per_qubit * num_qubits` CZ gates on random pairs, with one-qubit gates between.

    The density of one-qubit gates is that of the random circuits of arXiv 2311.16190 and 2311.15123.

    Args:
        num_qubits: Number of qubits, at least 2.
        gates_per_qubit: CZ gates divided by qubits.
        seed: Seed of the random numbers.
        one_qubit_rate: Probability that an end of a CZ sees a random `u` gate next.
    """
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(num_qubits, name=f"random_q{num_qubits}_g{gates_per_qubit}")
    for _ in range(gates_per_qubit * num_qubits):
        pair = rng.choice(num_qubits, size=2, replace=False).tolist()
        circuit.cz(*pair)
        for qubit in pair:
            if rng.random() < one_qubit_rate:
                circuit.u(*rng.uniform(-math.pi, math.pi, size=3).tolist(), qubit)
    return circuit


def ghz(num_qubits: int) -> QuantumCircuit:
    """Return the preparation of a GHZ state by a fan-out from qubit 0."""
    circuit = QuantumCircuit(num_qubits, name=f"ghz_q{num_qubits}")
    circuit.h(0)
    for qubit in range(1, num_qubits):
        circuit.cx(0, qubit)
    return circuit


def qft(num_qubits: int) -> QuantumCircuit:
    """Return the quantum Fourier transform without the final reversal of the qubits."""
    circuit = QuantumCircuit(num_qubits, name=f"qft_q{num_qubits}")
    for target in reversed(range(num_qubits)):
        circuit.h(target)
        for control in reversed(range(target)):
            circuit.cp(math.pi / 2 ** (target - control), control, target)
    return circuit


def bernstein_vazirani(num_qubits: int, seed: int = 0) -> QuantumCircuit:
    """Return the search for a random hidden string of `num_qubits - 1` bits, measured."""
    hidden = np.random.default_rng(seed).integers(2, size=num_qubits - 1)
    target = num_qubits - 1
    circuit = QuantumCircuit(num_qubits, target, name=f"bv_q{num_qubits}")
    circuit.x(target)
    circuit.h(range(num_qubits))
    for qubit in np.flatnonzero(hidden).tolist():
        circuit.cx(qubit, target)
    circuit.h(range(target))
    circuit.measure(range(target), range(target))
    return circuit


def ripple_carry_adder(num_bits: int) -> QuantumCircuit:
    """Return b := a + b on two numbers of `num_bits` bits, with one carry in and one carry out.

    The qubits are the carry in, then b and a bit by bit from the lowest, then the carry out: 2 num_bits + 2 in all.

    References:
        Cuccaro, Draper, Kutin, Moulton, arXiv quant-ph/0410184.
    """
    circuit = QuantumCircuit(2 * num_bits + 2, name=f"adder_b{num_bits}")
    steps = [(2 * bit, 2 * bit + 1, 2 * bit + 2) for bit in range(num_bits)]  # carry, bit of b, bit of a
    for carry, b, a in steps:
        circuit.cx(a, b)
        circuit.cx(a, carry)
        circuit.ccx(carry, b, a)
    circuit.cx(2 * num_bits, 2 * num_bits + 1)
    for carry, b, a in reversed(steps):
        circuit.ccx(carry, b, a)
        circuit.cx(a, carry)
        circuit.cx(carry, b)
    return circuit
