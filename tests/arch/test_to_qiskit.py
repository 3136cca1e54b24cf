import math

import msgspec
import pytest
from hypothesis import given, settings
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

from qpilot.arch import CircuitInfo, Measure, Program
from qpilot.arch import RydbergPulse as Pulse
from qpilot.arch.errors import ProgramError
from tests.strategies import PAIR_DEVICE, flying_cz, legal_programs, pair_program


def test_gates_and_bits():
    circuit = flying_cz().to_circuit()
    assert isinstance(circuit, QuantumCircuit)
    assert circuit.name == "pair"
    assert circuit.count_ops() == {"u": 6, "cz": 3, "measure": 2}
    assert [register.name for register in circuit.qregs] == ["q", "ancilla"]
    assert circuit.ancillas == circuit.qubits[2:]
    measured = [(circuit.find_bit(m.qubits[0])[0], circuit.find_bit(m.clbits[0])[0]) for m in circuit.data[-2:]]
    assert measured == [(0, 1), (1, 0)]


@settings(max_examples=50)
@given(legal_programs())
def test_sizes_and_registers_follow_the_source(program):
    circuit, info = program.to_circuit(), program.circuit
    assert (circuit.num_qubits, circuit.num_clbits) == (program.num_atoms, info.num_clbits)
    assert circuit.name == info.name
    assert math.cos(circuit.global_phase - info.global_phase) == pytest.approx(1)
    for mine, theirs in ((info.qregs, circuit.qregs), (info.cregs, circuit.cregs)):
        assert [(r.name, r.size) for r in theirs[: len(mine)]] == list(mine)
    pulses = [op for op in program.instructions if isinstance(op, Pulse)]
    assert circuit.count_ops().get("cz", 0) == sum(len(op.pairs) for op in pulses if not op.angles)
    assert [step.params[0] for step in circuit.data if step.name == "cp"] == [a for op in pulses for a in op.angles]
    assert circuit.count_ops().get("cz", 0) + circuit.count_ops().get("cp", 0) == program.metrics.num_2q
    counts = circuit.count_ops()
    assert counts.get("reset", 0) == counts.get("if_else", 0)
    assert counts.get("u", 0) + counts.get("if_else", 0) == program.metrics.num_1q


def named(qregs=(), cregs=()):
    info = CircuitInfo("x", 2, 2, 0.0, qregs, cregs)
    return Program(info, PAIR_DEVICE, ((0, 0), (0, 1)), ((0, 0, 0),), ()).to_circuit()


def test_names_do_not_clash():
    circuit = named((("ancilla", 2),), (("ancilla_1", 2),))
    assert [r.name for r in circuit.qregs + circuit.cregs] == ["ancilla", "ancilla_2", "ancilla_1"]
    circuit = named((), (("q", 2),))
    assert [r.name for r in circuit.qregs + circuit.cregs] == ["q_1", "ancilla", "q"]


def test_bits_without_a_register():
    circuit = named((("a", 1),), (("b", 1),))
    assert circuit.find_bit(circuit.qubits[0]).registers == [(circuit.qregs[0], 0)]
    assert circuit.find_bit(circuit.qubits[1]).registers == []
    assert circuit.find_bit(circuit.clbits[1]).registers == []
    assert circuit.find_bit(circuit.qubits[2]).registers[0][0].name == "ancilla"


def test_it_runs_on_aer():
    steps = (*flying_cz().instructions[:-2], Measure((0, 1), (1, 0)))
    program = msgspec.structs.replace(flying_cz(), instructions=steps)
    counts = AerSimulator(seed_simulator=1).run(program.to_circuit(), shots=100).result().get_counts()
    assert counts == {"00": 100}


def test_malformed_programs_are_refused():
    with pytest.raises(ProgramError, match="no classical bit 1"):
        pair_program(Measure((0,), (1,)), num_clbits=1).to_circuit()
