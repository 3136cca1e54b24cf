"""From circuits to what is measured of them: bases, bits of shots, and results as Qiskit's samplers give them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.primitives import PrimitiveResult, SamplerPubResult
from qiskit.primitives.containers import BitArray, DataBin
from qiskit.primitives.containers.sampler_pub import SamplerPub

BoolArray = NDArray[np.bool_]


def basis_of(labels: Iterable[str]) -> str:
    """Return the basis that measures each of some Pauli strings that commute qubit by qubit; Z where none asks for one.

    >>> basis_of(["IXZ", "YIZ"])
    'YXZ'
    """
    columns = zip(*labels, strict=True)
    return "".join(next((letter for letter in column if letter != "I"), "Z") for column in columns)


def measured(circuit: QuantumCircuit, basis: str) -> QuantumCircuit:
    """Return a circuit followed by the measurement of all qubits in a basis, into register "meas"."""
    circuit = circuit.copy()
    for qubit, letter in enumerate(reversed(basis)):
        if letter == "Y":
            circuit.sdg(qubit)
        if letter in "XY":
            circuit.h(qubit)
    circuit.measure_all()
    return circuit


def unpacked(memory: Sequence[str], num_bits: int) -> BoolArray:
    """Return hexadecimal outcomes as bits, shape (shots, bits), column 0 for bit 0."""
    size = max(1, -(-num_bits // 8))
    data = b"".join(int(word, 16).to_bytes(size, "little") for word in memory)
    packed = np.frombuffer(data, dtype=np.uint8).reshape(len(memory), size)
    return np.unpackbits(packed, axis=1, bitorder="little")[:, :num_bits].astype(np.bool_)


def sampler_result(pubs: Sequence[SamplerPub], outcomes: Iterable[BoolArray]) -> PrimitiveResult[SamplerPubResult]:
    """Return what a sampler returns, given the bits of each circuit, shape (shots, bits), pub by pub."""
    outcomes = iter(outcomes)
    results = []
    for pub in pubs:
        size = int(np.prod(pub.shape, dtype=int))
        bits = np.array(list(itertools.islice(outcomes, size)), dtype=np.bool_)
        bits = bits.reshape(*pub.shape, pub.shots, pub.circuit.num_clbits)
        registers = {}
        for register in pub.circuit.cregs:
            columns = [pub.circuit.find_bit(bit).index for bit in register]
            registers[register.name] = BitArray.from_bool_array(bits[..., columns], order="little")
        metadata = {"shots": pub.shots, "circuit_metadata": pub.circuit.metadata}
        results.append(SamplerPubResult(DataBin(**registers, shape=pub.shape), metadata))
    return PrimitiveResult(results, metadata={"version": 2})
