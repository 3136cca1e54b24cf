"""Circuits of Pauli rotations as others make them, on qubits that can all meet.

A rotation is (label, angle), for exp(-i angle / 2 P); character i of the label acts on qubit i. Each function returns
one circuit, equal to the product of the rotations up to a global phase: in the order given, or in the order that suits
the method. No method compares its own order with the one given, which is sometimes the better.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from qiskit import QuantumCircuit, qasm2
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.quantum_info import SparsePauliOp
from qiskit.synthesis import LieTrotter, synth_pauli_network_rustiq

from .baselines import compile_fixed, two_qubit_depth

Rotation = tuple[str, float]

NAIVE, GREEDY = 0, 1
"""Ways of Rustiq to undo its Clifford gates; the third, isometry, leaves out gates in Qiskit 2.6."""
DEPTH_WEIGHTS = (0.3, 0.9)
"""The default of TKET, and one with which strings of mixed letters need less depth."""


def chain(rotations: Sequence[Rotation], *, preserve_order: bool = True) -> QuantumCircuit:
    """Return Qiskit's evolution synthesis: a chain of CX up and down for each string.

    Where the order is free, Qiskit colours the strings so that those of one colour share no qubit.
    """
    gate, formula = _evolution(rotations, preserve_order)
    return formula.synthesize(gate)


def tree(rotations: Sequence[Rotation], *, preserve_order: bool = True) -> QuantumCircuit:
    """Return a balanced tree of CX up and down for each string, in 2 ceil(log2 weight) layers; orders as in `chain`."""
    circuit = QuantumCircuit(_num_qubits(rotations))
    for letters, qubits, angle in _terms(rotations, preserve_order):
        half = QuantumCircuit(circuit.num_qubits)
        for letter, qubit in zip(letters, qubits, strict=True):
            if letter == "X":
                half.h(qubit)
            elif letter == "Y":
                half.sx(qubit)
        waiting = list(qubits)
        while len(waiting) > 1:
            pairs = [*zip(waiting[::2], waiting[1::2], strict=False)]
            for pair in pairs:
                half.cx(*pair)
            waiting = [target for _, target in pairs] + waiting[2 * len(pairs) :]
        circuit.compose(half, inplace=True)
        circuit.rz(angle, waiting[0])
        circuit.compose(half.inverse(), inplace=True)
    return circuit


def rustiq(rotations: Sequence[Rotation], *, preserve_order: bool = True) -> QuantumCircuit:
    """Return what Qiskit's Rustiq plugin makes for depth; its Clifford gates undone in the way of less depth.

    References:
        Goubault de Brugiere, Martiel, arXiv 2404.03280.
    """
    terms = _terms(rotations, preserve_order=True)
    if not terms:  # Rustiq aborts
        return QuantumCircuit(_num_qubits(rotations))
    return _shallowest(
        synth_pauli_network_rustiq(
            num_qubits=_num_qubits(rotations),
            pauli_network=terms,
            optimize_count=False,
            preserve_order=preserve_order,
            upto_phase=True,
            resynth_clifford_method=method,
        )
        for method in (NAIVE, GREEDY)
    )


def tket(rotations: Sequence[Rotation], *, preserve_order: bool = True) -> QuantumCircuit:
    """Return what TKET's GreedyPauliSimp makes, or where the order is free, its greedy synthesis of a set of terms.

    Raises:
        ImportError: The extra `peers` (pytket) is not installed.

    References:
        Schmitz et al., arXiv 2103.08602.
    """
    return _shallowest(_tket(rotations, preserve_order, depth_weight) for depth_weight in DEPTH_WEIGHTS)


def _tket(rotations: Sequence[Rotation], preserve_order: bool, depth_weight: float) -> QuantumCircuit:
    from pytket.circuit import Circuit, OpType, PauliExpBox, TermSequenceBox
    from pytket.passes import AutoRebase, DecomposeBoxes, GreedyPauliSimp
    from pytket.pauli import Pauli
    from pytket.qasm.qasm import circuit_to_qasm_str
    from pytket.transform import PauliSynthStrat

    # Angles are in half-turns; the greedy set of terms refuses the identity.
    gadgets = [
        ([getattr(Pauli, letter) for letter in label], angle / math.pi)
        for label, angle in rotations
        if label.strip("I")
    ]
    qubits = [*range(_num_qubits(rotations))]
    circuit = Circuit(len(qubits))
    if preserve_order:
        for letters, half_turns in gadgets:
            circuit.add_gate(PauliExpBox(letters, half_turns), qubits)
        GreedyPauliSimp(depth_weight=depth_weight, seed=0).apply(circuit)
    elif gadgets:
        box = TermSequenceBox(gadgets, synthesis_strategy=PauliSynthStrat.Greedy, depth_weight=depth_weight)
        circuit.add_gate(box, qubits)
        DecomposeBoxes().apply(circuit)
    AutoRebase({OpType.CX, OpType.U3}).apply(circuit)
    circuit.replace_implicit_wire_swaps()  # QASM cannot say that qubits end elsewhere; Qiskit makes it implicit again
    return qasm2.loads(circuit_to_qasm_str(circuit), custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)


SYNTHESES: dict[str, Callable[..., QuantumCircuit]] = {"chain": chain, "tree": tree, "rustiq": rustiq, "tket": tket}


def _num_qubits(rotations: Sequence[Rotation]) -> int:
    return len(rotations[0][0])


def _evolution(rotations: Sequence[Rotation], preserve_order: bool) -> tuple[PauliEvolutionGate, LieTrotter]:
    operator = SparsePauliOp.from_list([(label[::-1], angle / 2) for label, angle in rotations])
    return PauliEvolutionGate(operator), LieTrotter(preserve_order=preserve_order)


def _terms(rotations: Sequence[Rotation], preserve_order: bool) -> list[tuple[str, list[int], float]]:
    """Return letters, qubits and angle of each rotation that is not trivial."""
    gate, formula = _evolution(rotations, preserve_order)
    return [term for term in formula.expand(gate) if term[0]]


def _shallowest(circuits: Iterable[QuantumCircuit]) -> QuantumCircuit:
    return min(circuits, key=lambda circuit: two_qubit_depth(*compile_fixed(circuit, None, [0])))
