"""The evolution of many states of 4^n expectation values at once: gates fused into blocks on two qubits."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from .channels import GateNoise, Operation, kron
from .noise import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Gates on one or two qubits that act as one matrix.

    Attributes:
        qubits: The qubits, the more significant in the index of the matrix first.
        parts: The gates, in the order of time.
    """

    qubits: tuple[int, ...]
    parts: list[Operation] = field(default_factory=list)

    def matrices(self, points: FloatArray, noise: GateNoise) -> FloatArray:
        """Return the matrix of the block for each point, noise included, shape (k, 4^q, 4^q) for q qubits."""
        factors: list[FloatArray] = []
        singles: dict[int, list[FloatArray]] = {qubit: [] for qubit in self.qubits}
        for part in self.parts:
            matrix = part.transfer(points, noise)
            if len(part.qubits) == 1:
                (qubit,) = part.qubits
                singles[qubit].append(noise.after_1q[:, qubit] @ matrix)
                continue
            matrix = noise.after_2q(*part.qubits) @ matrix
            if part.qubits != self.qubits:
                matrix = _swapped(matrix)
            if any(singles.values()):
                first, second = (_product(singles[qubit]) for qubit in self.qubits)
                matrix = matrix @ kron(first, second)
                singles = {qubit: [] for qubit in self.qubits}
            factors.append(matrix)
        return _product(factors or singles[self.qubits[0]])


def _product(factors: list[FloatArray]) -> FloatArray:
    """Return the product of matrices in the order of time, those on one qubit if there are none."""
    return reduce(lambda before, after: after @ before, factors) if factors else np.eye(4)[None]


def _swapped(matrices: FloatArray) -> FloatArray:
    """Return matrices on two qubits with the qubits exchanged."""
    return matrices.reshape(-1, 4, 4, 4, 4).transpose(0, 2, 1, 4, 3).reshape(-1, 16, 16)


def fuse(gates: list[Operation], num_qubits: int) -> tuple[list[Block], list[Block]]:
    """Return gates as blocks on two qubits, and for each qubit the block of the gates that come last on it.

    Gates on one qubit go into the next block on two qubits, and blocks that follow each other on the same pair are one.
    """
    blocks: list[Block] = []
    waiting = [Block((qubit,)) for qubit in range(num_qubits)]
    last: dict[int, Block] = {}
    for gate in gates:
        if len(gate.qubits) == 1:
            waiting[gate.qubits[0]].parts.append(gate)
            continue
        first, second = gate.qubits
        block = last.get(first)
        if block is None or block is not last.get(second):
            block = Block(gate.qubits)
            blocks.append(block)
        for qubit in gate.qubits:
            block.parts.extend(waiting[qubit].parts)
            waiting[qubit] = Block((qubit,))
            last[qubit] = block
        block.parts.append(gate)
    return blocks, waiting


def evolve(blocks: list[Block], points: FloatArray, noise: GateNoise, num_qubits: int) -> FloatArray:
    """Return the states after the blocks, from all qubits in |0>.

    Args:
        blocks: Blocks on two qubits, in the order of time.
        points: Parameters, shape (k, parameters).
        noise: What follows the gates, for k moments.
        num_qubits: Number of qubits.

    Returns:
        Expectation values, shape (k, 4, ..., 4); axis 1 belongs to the most significant qubit.
    """
    states = np.zeros((len(points), *(4,) * num_qubits))
    states[(slice(None), *[slice(None, None, 3)] * num_qubits)] = 1.0  # in |0>, I and Z have value 1
    order = list(range(num_qubits - 1, -1, -1))
    for block in blocks:
        matrices = block.matrices(points, noise)
        place, other = (order.index(qubit) for qubit in block.qubits)
        if abs(place - other) > 1:
            states = np.ascontiguousarray(np.moveaxis(states, 1 + other, 1 + place))
            order.insert(place, order.pop(other))
            place, other = (order.index(qubit) for qubit in block.qubits)
        if place > other:
            matrices = _swapped(matrices)
        states = _apply(states, matrices, min(place, other))
    wanted = [1 + order.index(qubit) for qubit in range(num_qubits - 1, -1, -1)]
    return np.ascontiguousarray(states.transpose(0, *wanted))


def _apply(states: FloatArray, matrices: FloatArray, place: int) -> FloatArray:
    """Apply matrices on two neighbouring axes, the first of them number `place` after the axis of the requests."""
    left, right = 4**place, 4 ** (states.ndim - 3 - place)
    if right == 1:  # as one large product per request, and not as 4^place small ones
        product = states.reshape(-1, left, 16) @ matrices.transpose(0, 2, 1)
    else:
        product = matrices[:, None] @ states.reshape(-1, left, 16, right)
    return np.asarray(product.reshape(states.shape))


def contract(states: FloatArray, rows: FloatArray) -> FloatArray:
    """Apply a matrix with two rows to each qubit: expectation values become a distribution of outcomes.

    Args:
        states: Shape (k, 4, ..., 4); axis 1 belongs to the most significant qubit.
        rows: Shape (k, n, 2, 4), by number of the qubit.

    Returns:
        Shape (k, 2^n).
    """
    size = states.shape[0]
    result: FloatArray = states.reshape(size, 4, -1)
    # Each step takes the first axis away and puts the outcome last, so that after n steps all stand in order again.
    for qubit in range(rows.shape[1] - 1, -1, -1):
        turned = result.transpose(0, 2, 1) @ rows[:, qubit].transpose(0, 2, 1)
        result = turned.reshape(size, 4, -1) if qubit else turned.reshape(size, -1)
    return np.asarray(result)
