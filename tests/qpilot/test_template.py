"""Templates: programs bound to values are legal, compute the bound circuit, and keep the schedule."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import PauliEvolutionGate, efficient_su2, real_amplitudes
from qiskit.quantum_info import SparsePauliOp

import qpilot
from qpilot.arch import Move, Raman
from qpilot.arch.errors import CircuitError, OptionError
from qpilot.arch.traced import Traced
from qpilot.arch.unitary import matmul, u_angles, u_matrix
from qpilot.parameters import affine, number
from qpilot.template import compile_template
from qpilot.testing import assert_same_circuit, statevector_fidelity

A, B, C = Parameter("a"), Parameter("b"), Parameter("c")
EXPRESSIONS = (A, B, C, 2 * A + B, -A, A / 2 - 0.3, B + math.pi / 2, A * B, A.sin(), 3.0 * C - B)
SPECIAL = (0.0, math.pi / 2, math.pi, -math.pi / 2, -math.pi)

expressions = st.sampled_from(EXPRESSIONS)
angles = st.one_of(expressions, st.sampled_from((math.pi / 2, math.pi, 0.7)))
values = st.lists(st.one_of(st.sampled_from(SPECIAL), st.floats(-3, 3)), min_size=3, max_size=3)


@st.composite
def parametrised(draw, max_gates=14, strings=False):
    """Random circuits of gates with and without parameters."""
    n = draw(st.integers(2, 4))
    circuit = QuantumCircuit(n, global_phase=draw(angles))
    kinds = ["h", "x", "cx", "cz", "rx", "ry", "rz", "p", "u", "rzz", "rxx", "cp", "crx", "evolution", "barrier"]
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=max_gates)):
        qubits = draw(st.permutations(range(n)))
        if kind in ("h", "x"):
            getattr(circuit, kind)(qubits[0])
        elif kind in ("cx", "cz"):
            getattr(circuit, kind)(*qubits[:2])
        elif kind in ("rx", "ry", "rz", "p"):
            getattr(circuit, kind)(draw(angles), qubits[0])
        elif kind == "u":
            circuit.u(draw(angles), draw(angles), draw(angles), qubits[0])
        elif kind == "barrier":
            circuit.barrier()
        elif kind == "evolution":
            size = min(n, 3 if strings else 2)
            label = st.text("XYZ", min_size=size, max_size=size)
            operator = SparsePauliOp([draw(label), draw(label)], [0.3, -0.8])
            circuit.append(PauliEvolutionGate(operator, time=draw(expressions)), qubits[:size])
        else:
            getattr(circuit, kind)(draw(angles), *qubits[:2])
    circuit.rx(draw(expressions), 0)  # at least one parameter
    return circuit


def point_for(circuit, three):
    """Values for the parameters that a circuit has, of those of a, b and c."""
    return {name: value for name, value in zip("abc", three, strict=True) if name in {p.name for p in circuit.parameters}}


def check(circuit, three, **options):
    """Bind a template at a point, and prove that the program is legal and computes the bound circuit."""
    template = compile_template(circuit, **options)
    point = point_for(circuit, three)
    program = template.bind(point)
    bound = circuit.assign_parameters(point)
    assert_same_circuit(program, bound)
    if program.num_atoms <= 10:
        assert statevector_fidelity(program, bound, global_phase=True) > 1 - 1e-9
    return template, program


@settings(max_examples=25, deadline=None)
@given(parametrised(), values, st.sampled_from(["auto", "generic"]), st.sampled_from(["balanced", "depth", "num_2q"]))
def test_bound_programs_compute_the_bound_circuit(circuit, three, router, objective):
    check(circuit, three, router=router, objective=objective)


@settings(max_examples=15, deadline=None)
@given(parametrised(max_gates=5, strings=True), values, st.sampled_from(["rounds", "paper"]))
def test_evolutions_under_strings_keep_their_times_free(circuit, three, strategy):
    check(circuit, three, strategy=strategy)
