"""Circuits that differ in angles alone share a schedule, and each program computes its own circuit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import QFTGate, efficient_su2
from qiskit.primitives import BackendSamplerV2

import qpilot
from qpilot.arch import Move, RydbergPulse
from qpilot.arch.errors import CircuitError
from qpilot.batches import compile_alike

DEVICE = qpilot.preset("enola", 2, 3)


def schedule(program):
    return [
        (op.rows_um, op.cols_um) if isinstance(op, Move) else op.pairs
        for op in program.instructions
        if isinstance(op, (Move, RydbergPulse))
    ]


def test_a_sweep_is_routed_once(monkeypatch):
    monkeypatch.setattr("qpilot.batches.compile_circuit", None)
    ansatz = efficient_su2(3, reps=1)
    points = np.random.default_rng(1).uniform(-4, 4, (3, ansatz.num_parameters))
    circuits = [ansatz.assign_parameters(point) for point in points]
    assert [program.circuit.name for program in compile_alike(circuits, DEVICE, {})] == [c.name for c in circuits]


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31), special=st.sampled_from([0.0, np.pi / 2, np.pi, -0.3]))
def test_programs_of_a_sweep_share_a_schedule(seed, special):
    ansatz = efficient_su2(3, reps=1)
    points = np.random.default_rng(seed).uniform(-4, 4, (3, ansatz.num_parameters))
    points[2, ::2] = special
    circuits = [ansatz.assign_parameters(point) for point in points]
    programs = compile_alike(circuits, DEVICE, {})
    for program, circuit in zip(programs, circuits, strict=True):
        qpilot.verify(program, circuit)
        assert schedule(program) == schedule(programs[0])


def test_others_are_compiled_by_themselves_and_stay_in_order():
    rx, ry = (QuantumCircuit(2, name="same") for _ in range(2))
    rx.rx(0.3, 0)
    ry.ry(0.3, 0)
    measured = rx.copy()
    measured.measure_all()
    fourier = QuantumCircuit(2, name="same")
    fourier.append(QFTGate(2), [0, 1])
    turned = rx.copy()
    turned.data[0] = turned.data[0].replace(params=[0.4])
    circuits = [rx, ry, measured, fourier, fourier.copy(), turned, rx.copy()]
    programs = compile_alike(circuits, DEVICE, {})
    for program, circuit in zip(programs, circuits, strict=True):
        qpilot.verify(program, circuit)
    assert schedule(programs[0]) == schedule(programs[6])
    assert compile_alike([], DEVICE, {}) == []


def test_free_parameters_are_refused():
    free = QuantumCircuit(1)
    free.rx(Parameter("a"), 0)
    with pytest.raises(CircuitError, match="parameters"):
        compile_alike([free, free.assign_parameters([0.2])], DEVICE, {})


def test_a_sweep_on_the_backend_is_right():
    angle = Parameter("angle")
    circuit = QuantumCircuit(2)
    circuit.rx(angle, 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    values = np.linspace(0, np.pi, 5)
    sampler = BackendSamplerV2(backend=qpilot.FPQABackend(DEVICE, noise=False), options={"seed_simulator": 3})
    bits = sampler.run([(circuit, values)], shots=2000).result()[0].data.meas
    found = [bits.get_counts(k).get("11", 0) / 2000 for k in range(5)]
    assert found == pytest.approx(np.sin(values / 2) ** 2, abs=0.04)
