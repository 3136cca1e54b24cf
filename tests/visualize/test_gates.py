"""Gates of a circuit are found again in the pulses of its program."""

from dataclasses import replace

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import UnitaryGate

import qpilot
from qpilot.arch import Program, Raman, Rydberg
from qpilot.visualize.gates import gate_times, logical_pairs
from qpilot.visualize.motion import pairs_at, trace


def times_of(circuit, **options):
    program = qpilot.compile(circuit, **options)
    of = trace(program)
    return of, gate_times(of, circuit)


def chain():
    circuit = QuantumCircuit(3, 1)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.barrier()
    circuit.u(0.1, 0.2, 0.3, 1)
    circuit.cx(1, 2)
    circuit.cx(0, 1)
    circuit.measure(2, 0)
    return circuit


def test_matches_gates_in_order():
    of, gates = times_of(chain())
    assert [gate.text for gate in gates] == [
        "h q0",
        "cx q0 q1",
        "u(0.1, 0.2, 0.3) q1",
        "cx q1 q2",
        "cx q0 q1",
        "measure q2",
    ]
    h, first, u, second, third, measure = gates
    assert all(gate.matched for gate in gates)
    assert h.last < first.first <= first.last < u.first <= u.last < second.first <= second.last < third.first
    assert measure.first == len(of.program.instructions) - 1


def test_every_matched_step_does_the_gate():
    of, gates = times_of(chain())
    for gate, qubits in zip(gates, ([0], [0, 1], [1], [1, 2], [0, 1]), strict=False):
        for step in (gate.first, gate.last):
            if len(qubits) == 1:
                assert qubits[0] in of.program.instructions[step].atoms
            else:
                assert qubits in [sorted(pair) for pair in of.pair_qubits[pairs_at(of, step)].tolist()]
    assert len(logical_pairs(of)) == 3


def test_a_gate_that_cannot_be_found_is_done_before_the_next_one():
    circuit = QuantumCircuit(2)
    circuit.rz(0.3, 0)  # becomes a phase of the gates behind it, or of none
    circuit.cx(0, 1)
    of = trace(qpilot.compile(circuit))
    rz, cx = gate_times(replace(of, program=without_raman(of.program)), circuit)
    assert not rz.matched
    assert rz.first == rz.last == cx.first


def without_raman(program):
    """Return the program with Raman layers that drive nothing, so that no one-qubit gate can be found."""
    ops = (Raman((), ()) if isinstance(op, Raman) else op for op in program.instructions)
    return Program(program.circuit, program.device, program.sites, program.ancillas, tuple(ops))


def test_takes_gates_of_three_qubits_apart():
    circuit = QuantumCircuit(3)
    circuit.ccx(0, 1, 2)
    _, (toffoli,) = times_of(circuit)
    assert toffoli.matched
    assert toffoli.first < toffoli.last


def test_shortens_long_parameters():
    circuit = QuantumCircuit(1)
    circuit.append(UnitaryGate([[1, 0], [0, 1]]), [0])
    _, (gate,) = times_of(circuit)
    assert len(gate.text) < 60
    assert "\n" not in gate.text


def test_an_empty_circuit_has_no_gates():
    assert times_of(QuantumCircuit(2))[1] == []


@pytest.mark.parametrize("native", ["cz", "cphase"])
def test_each_zz_rotation_takes_its_own_pulses(native):
    circuit = QuantumCircuit(4)
    for a, b in [(0, 1), (1, 2), (2, 3), (0, 3)]:
        circuit.rzz(0.3, a, b)
    device = qpilot.FPQA.for_qubits(4).replace(native=native, rydberg=Rydberg(individual_phases=native == "cphase"))
    _, gates = times_of(circuit, device=device)
    assert all(gate.matched for gate in gates)
