"""OpenQASM 3 of a program: Qiskit reads the circuit, and the annotations hold the schedule."""

import json
import re

import msgspec
import networkx as nx
import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import ClassicalRegister, Clbit, QuantumRegister

import qpilot
from qpilot.arch import FPQA, CircuitInfo, Lattice, Measure, Move, Program, Raman, Release, RydbergPulse
from qpilot.arch.errors import ProgramError
from qpilot.arch.formats import program_to_json
from qpilot.frontend import read_circuit
from tests.strategies import flying_cz, pair_program


def flat(circuit):
    """Return what a circuit does, bit by bit, without its barriers."""
    return [
        (
            gate.operation.name,
            tuple(gate.operation.params),
            tuple(circuit.find_bit(q).index for q in gate.qubits),
            tuple(circuit.find_bit(c).index for c in gate.clbits),
        )
        for gate in circuit.data
        if gate.operation.name != "barrier"
    ]


def rebuilt(text):
    """Return the program that a text tells, read as an outsider would: line by line."""
    told, instructions, bits = {}, [], []
    for line in text.splitlines():
        if match := re.fullmatch(r"@qpilot\.(\w+) ?(.*)", line):
            name, value = match[1], json.loads(match[2] or "null")
            if name in ("device", "sites", "ancillas"):
                told[name] = value
            else:
                instructions.append({"op": name} | (value if name == "move" else {"told": value}))
        elif match := re.fullmatch(r"U\((.*)\) \$(\d+);", line):
            instructions[-1].setdefault("gates", []).append((int(match[2]), [float(a) for a in match[1].split(",")]))
        elif match := re.fullmatch(r"(?:cz|cp\((.*)\)) \$(\d+), \$(\d+);", line):
            instructions[-1].setdefault("gates", []).append(((int(match[2]), int(match[3])), match[1]))
        elif match := re.fullmatch(r"(\S+) = measure \$(\d+);", line):
            instructions[-1].setdefault("gates", []).append((int(match[2]), bits.index(match[1])))
        elif match := re.fullmatch(r"bit(?:\[(\d+)\])? (\w+);", line):
            bits += [f"{match[2]}[{k}]" for k in range(int(match[1]))] if match[1] else [match[2]]
    steps = []
    for op in instructions:
        first, second = zip(*op.get("gates", ()), strict=True) if op.get("gates") else ((), ())
        if op["op"] == "move":
            steps.append(Move(op["aod"], tuple(op["rows_um"]), tuple(op["cols_um"])))
        elif op["op"] == "release":
            steps.append(Release(tuple(op["told"])))
        elif op["op"] == "raman":
            steps.append(Raman(first, tuple(map(tuple, second))))
        elif op["op"] == "rydberg":
            steps.append(RydbergPulse(first, tuple(float(angle) for angle in second if angle is not None)))
        else:
            steps.append(Measure(first, second))
    return told | {"instructions": json.loads(msgspec.json.encode(steps))}


def phases():
    """Two AODs, a pulse with angles, and a pulse without pairs."""
    circuit = QuantumCircuit(4, 4)
    circuit.h(range(4))
    for pair, angle in {(0, 1): 0.3, (1, 2): 1e-7, (0, 3): -2.5}.items():
        circuit.cp(angle, *pair)
    circuit.measure(range(4), [3, 1, 0, 2])
    return qpilot.compile(circuit, FPQA(slm=Lattice(2, 2), native="cphase"))


PROGRAMS = {
    "flying": flying_cz,
    "gates": lambda: qpilot.compile("examples/circuits/bv8.qasm"),
    "qaoa": lambda: qpilot.compile(qpilot.qaoa_circuit(nx.random_regular_graph(3, 8, seed=1), [0.4], [0.3])),
    "paulis": lambda: qpilot.compile_paulis([("XXIZ", 0.3), ("ZYZI", 0.1)]),
    "phases": phases,
}


@pytest.fixture(params=PROGRAMS)
def program(request):
    return PROGRAMS[request.param]()


def test_qiskit_and_qpilot_read_the_same_circuit(program):
    text = program.to_qasm()
    wanted = program.to_circuit()
    for found in (qasm3.loads(text), read_circuit(text)):
        assert (found.num_qubits, found.num_clbits) == (wanted.num_qubits, wanted.num_clbits)
        assert flat(found) == flat(wanted)
        assert found.global_phase == wanted.global_phase
        assert [(r.name, r.size) for r in found.cregs] == [(r.name, r.size) for r in wanted.cregs]
        assert found.count_ops().get("barrier", 0) >= program.depth


def test_the_annotations_hold_the_whole_schedule(program):
    file = json.loads(program_to_json(program))
    assert rebuilt(program.to_qasm()) == {key: file[key] for key in ("device", "sites", "ancillas", "instructions")}


def test_pulses_and_layers_are_numbered(program):
    text = program.to_qasm()
    assert [int(n) for n in re.findall(r"@qpilot\.rydberg (\d+)$", text, re.M)] == list(range(1, program.depth + 1))
    layers = sum(isinstance(op, Raman) for op in program.instructions)
    assert [int(n) for n in re.findall(r"@qpilot\.raman (\d+)$", text, re.M)] == list(range(1, layers + 1))


def test_names_of_registers_and_loose_bits_are_made_legal():
    circuit = QuantumCircuit(QuantumRegister(2, "q"), global_phase=0.5)
    circuit.add_register(ClassicalRegister(0, "nothing"))
    for name in ("x", "a b", "a_b", "Ω"):
        circuit.add_register(ClassicalRegister(1, name))
    circuit.add_bits([Clbit(), Clbit()])
    circuit.cz(0, 1)
    for q, c in ((0, 4), (1, 2), (0, 5), (1, 0)):
        circuit.measure(q, c)
    found = qasm3.loads(_program_of(circuit).to_qasm())
    assert flat(found) == flat(circuit)
    assert [r.name for r in found.cregs] == ["x_", "a_b", "a_b_1", "c_"]


def _program_of(circuit):
    """Return a program that measures as a circuit does, with its pair brought together by hand."""
    info = CircuitInfo("names", 2, 6, circuit.global_phase, (("q", 2),), tuple((r.name, r.size) for r in circuit.cregs))
    steps = (RydbergPulse(((0, 1),)), Measure((0, 1, 0, 1), (4, 2, 5, 0)))
    return Program(info, FPQA(slm=Lattice(1, 2)), ((0, 0), (0, 1)), (), steps)


def test_a_program_of_nothing_is_a_text():
    empty = Program(CircuitInfo("a\nbarrier $0;", 0), FPQA(slm=Lattice(1, 1)), (), (), ())
    assert qasm3.loads(empty.to_qasm()).num_qubits == 0


def test_numbers_of_numpy_are_numbers():
    angles = tuple(np.array([0.1, -0.2, 0.3]))
    program = pair_program(Raman((0,), (angles,)), global_phase=np.float64(0.5))
    assert "U(0.1, -0.2, 0.3) $0;" in program.to_qasm()
    assert "gphase(0.5);" in program.to_qasm()
    assert "gate.local_r(1.3707963267948966, 0.1, grid" in program.to_bloqade()


def test_a_damaged_program_is_refused():
    with pytest.raises(ProgramError, match="no atom 7"):
        Program(CircuitInfo("x", 1), FPQA(slm=Lattice(1, 1)), ((0, 0),), (), (Release((7,)),)).to_qasm()
