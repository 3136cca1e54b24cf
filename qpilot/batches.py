"""Circuits that differ in angles alone, such as those of a parameter sweep: they are routed once for all."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from .arch.device import FPQA
from .arch.program import Program
from .compiler import compile as compile_circuit
from .template import compile_template


def compile_alike(circuits: Sequence[QuantumCircuit], device: FPQA, options: dict[str, Any]) -> list[Program]:
    """Compile circuits; those that are equal but for angles share one schedule.

    Args:
        circuits: Circuits without free parameters.
        device: The machine.
        options: Arguments of `qpilot.compile`.

    Returns:
        A program for each circuit.

    Raises:
        QPilotError: A circuit cannot be compiled for the device.
    """
    programs: list[Program | None] = [None] * len(circuits)
    alike: dict[Hashable, list[int]] = {}
    for number, circuit in enumerate(circuits):
        alike.setdefault(_structure(circuit), []).append(number)
    for members in alike.values():
        found = _compile_members([circuits[number] for number in members], device, options)
        for number, program in zip(members, found, strict=True):
            info = msgspec.structs.replace(program.circuit, name=circuits[number].name)
            programs[number] = msgspec.structs.replace(program, circuit=info)
    return [program for program in programs if program is not None]


def _compile_members(circuits: Sequence[QuantumCircuit], device: FPQA, options: dict[str, Any]) -> list[Program]:
    """Compile circuits of one structure."""
    if len(circuits) > 1:
        angles = np.array([_angles(circuit) for circuit in circuits])
        changing = np.flatnonzero((angles != angles[0]).any(axis=0))
        if len(changing):
            template = compile_template(_opened(circuits[0], changing), device, **options)
            return [template.bind(point) for point in angles[:, changing]]
    return [compile_circuit(circuits[0], device, **options)] * len(circuits)


def _structure(circuit: QuantumCircuit) -> Hashable:
    """Return what a circuit is apart from name and angles; with other than standard gates it is like no other."""
    if circuit.parameters:
        return id(circuit)
    steps: list[Hashable] = []
    for step in circuit.data:
        if not step.is_standard_gate() and step.operation.name not in ("measure", "barrier"):
            return id(circuit)
        places = [circuit.find_bit(bit).index for bit in (*step.qubits, *step.clbits)]
        steps.append((step.operation.name, step.operation.num_clbits, *places))
    registers = tuple((register.name, register.size) for register in (*circuit.qregs, *circuit.cregs))
    return circuit.num_qubits, circuit.num_clbits, circuit.global_phase, registers, tuple(steps)


def _angles(circuit: QuantumCircuit) -> list[float]:
    return [float(angle) for step in circuit.data for angle in step.params]


def _opened(circuit: QuantumCircuit, changing: NDArray[np.int64]) -> QuantumCircuit:
    """Return a circuit with parameters in place of some of its angles, counted through, in their order."""
    free = dict(zip(changing.tolist(), ParameterVector("angle", len(changing)), strict=True))
    opened = circuit.copy_empty_like()
    number = 0
    for step in circuit.data:
        gate = step.operation
        places = range(number, number + len(step.params))
        if any(place in free for place in places):
            gate = gate.to_mutable()
            gate.params = [free.get(place, angle) for place, angle in zip(places, step.params, strict=True)]
        opened.append(gate, step.qubits, step.clbits)
        number += len(step.params)
    return opened
