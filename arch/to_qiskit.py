"""A program as a Qiskit circuit, so that any simulator can run it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from .program import CircuitInfo, Condition, Measure, Program, Raman, Reset, Rydberg, check_structure

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import ClassicalRegister, Clbit


def program_to_circuit(program: Program) -> QuantumCircuit:
    """Return the program as a circuit of u, cz, cp, measure, reset and if_test; see `Program.to_circuit`.

    Circuit qubit i is atom i: first the data qubits, in the registers of the source circuit (or one register named
    "q"), then the ancillas, in an `AncillaRegister` named "ancilla". A name that is taken gets a number.

    Raises:
        ProgramError: The program is not well formed.
    """
    check_structure(program)
    circuit = empty_circuit(program.circuit, len(program.ancillas))
    for op in program.instructions:
        if isinstance(op, Raman):
            with ExitStack() as conditions:
                for test in tests(circuit, op.condition):
                    conditions.enter_context(circuit.if_test(test))
                for atom, angles in zip(op.atoms, op.angles, strict=True):
                    circuit.u(*angles, atom)
        elif isinstance(op, Rydberg):
            for k, (a, b) in enumerate(op.pairs):
                if op.angles:
                    circuit.cp(op.angles[k], a, b)
                else:
                    circuit.cz(a, b)
        elif isinstance(op, Measure) and op.atoms:
            circuit.measure(op.atoms, op.clbits)
        elif isinstance(op, Reset) and op.atoms:
            circuit.reset(op.atoms)
    return circuit


def tests(circuit: QuantumCircuit, condition: Condition | None) -> list[tuple[Clbit | ClassicalRegister, int]]:
    """Return what `if_test` takes for a condition: the value of a register or of a bit; or of several bits, in turn."""
    if condition is None:
        return []
    bits = [circuit.clbits[c] for c in condition.clbits]
    values = [int(value) for value in condition.values]
    register = next((register for register in circuit.cregs if list(register) == bits), None)
    if register is not None and len(bits) > 1:
        return [(register, sum(value << k for k, value in enumerate(values)))]
    return list(zip(bits, values, strict=True))


def empty_circuit(info: CircuitInfo, num_ancillas: int) -> QuantumCircuit:
    """Return a circuit with the bits of a source circuit, and with ancillas; bits without registers stay so."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import AncillaRegister, ClassicalRegister, Clbit, QuantumRegister, Qubit

    circuit = QuantumCircuit(name=info.name, global_phase=info.global_phase)
    taken = {name for name, _ in info.qregs + info.cregs}
    for kind, bit, default, registers, size in (
        (QuantumRegister, Qubit, "q", info.qregs, info.num_qubits),
        (ClassicalRegister, Clbit, "c", info.cregs, info.num_clbits),
    ):
        if not registers and size:
            registers = ((_free_name(default, taken), size),)
        for name, count in registers:
            circuit.add_register(kind(count, name))
        circuit.add_bits([bit() for _ in range(size - sum(count for _, count in registers))])
    if num_ancillas:
        circuit.add_register(AncillaRegister(num_ancillas, _free_name("ancilla", taken)))
    return circuit


def _free_name(wanted: str, taken: set[str]) -> str:
    """Return a name that is not taken, and take it."""
    name, number = wanted, 0
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    return name
