"""Circuits that measure, reset and decide in mid-circuit, from the front end to the simulated machine."""

import math
from collections import defaultdict

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, generate_preset_pass_manager, qasm3, transpile
from qiskit.circuit import Clbit, Parameter
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.quantum_info import Operator, SparsePauliOp
from qiskit_aer import AerSimulator

import qpilot
from qpilot import FPQA, CircuitError, Fidelity, Lattice, Program, ProgramError, VerificationError, noisy_circuit
from qpilot.arch import Condition, Measure, Raman, Reset, RydbergPulse, check_legal
from qpilot.arch.formats import program_from_json, program_to_json
from qpilot.arch.program import is_event
from qpilot.dynamic import stretches
from qpilot.frontend import read_steps
from qpilot.testing import assert_same_circuit, stabilizer_equal, statevector_fidelity
from qpilot.visualize.gates import gate_times
from qpilot.visualize.motion import trace
from qpilot.visualize.page import html_page
from tests.strategies import dynamic_circuits

DEVICE = qpilot.preset("enola", 2, 3)


# --- a referee that shares no code: exact probabilities, branch by branch ---------------------------------------------


def outcomes(circuit, num_qubits):
    """Return what a circuit leaves: for each record of the classical bits, the state of the first qubits times its
    probability, as a density matrix."""
    n = circuit.num_qubits
    start = np.zeros(2**n, dtype=complex)
    start[0] = 1
    found = defaultdict(lambda: np.zeros((2**num_qubits,) * 2, dtype=complex))
    for state, bits in branches(circuit, circuit.data, {}, start, (0,) * circuit.num_clbits):
        matrix = state.reshape(-1, 2**num_qubits)  # the other qubits are traced out
        found[bits] += matrix.T @ matrix.conj()
    return found


def branches(circuit, steps, inside, state, bits):
    """Return (state, classical bits) for all outcomes; `inside` maps the qubits of a body to those of the circuit."""
    found = [(state, bits)]
    for step in steps:
        qubits = [circuit.find_bit(inside.get(qubit, qubit)).index for qubit in step.qubits]
        clbits = [circuit.find_bit(clbit).index for clbit in step.clbits]
        found = [new for old in found for new in after(circuit, step.operation, qubits, clbits, inside, *old)]
    return found


def after(circuit, operation, qubits, clbits, inside, state, bits):
    if operation.name == "barrier":
        return [(state, bits)]
    if operation.name in ("measure", "reset"):
        ones = np.arange(len(state)) >> qubits[0] & 1
        parts = [(value, np.where(ones == value, state, 0)) for value in (0, 1)]
        parts = [(value, part) for value, part in parts if np.linalg.norm(part) > 1e-9]
        if operation.name == "measure":
            return [(part, (*bits[: clbits[0]], value, *bits[clbits[0] + 1 :])) for value, part in parts]
        return [(part if value == 0 else applied(X, qubits, part), bits) for value, part in parts]
    if operation.name == "if_else":
        tested, value = operation.condition
        tested = [tested] if isinstance(tested, Clbit) else list(tested)
        held = sum(bits[circuit.find_bit(bit).index] << k for k, bit in enumerate(tested))
        blocks = operation.blocks[:1] if held == int(value) else operation.blocks[1:]
        for block in blocks:
            outer = {qubit: circuit.qubits[q] for qubit, q in zip(block.qubits, qubits, strict=True)}
            return branches(circuit, block.data, outer, state, bits)
        return [(state, bits)]
    return [(applied(Operator(operation).data, qubits, state), bits)]


X = np.array([[0, 1], [1, 0]])


def applied(matrix, qubits, state):
    n, size = int(math.log2(len(state))), len(qubits)
    axes = [n - 1 - q for q in reversed(qubits)]
    tensor = np.moveaxis(state.reshape((2,) * n), axes, range(size))
    tensor = (matrix @ tensor.reshape(2**size, -1)).reshape((2,) * n)
    return np.moveaxis(tensor, range(size), axes).reshape(-1)


def assert_same_outcomes(circuit, source):
    expected, found = (outcomes(each, source.num_qubits) for each in (source, circuit))
    for bits in expected.keys() | found.keys():
        np.testing.assert_allclose(found[bits], expected[bits], atol=1e-7)


# --- circuits ---------------------------------------------------------------------------------------------------------


def teleportation(theta=0.7, phi=0.3):
    """Qubit 0 to qubit 2, and back to |0> by the inverse of what made it."""
    circuit = QuantumCircuit(3, 3)
    circuit.u(theta, phi, 0.2, 0)
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.cx(0, 1)
    circuit.h(0)
    circuit.measure([0, 1], [0, 1])
    with circuit.if_test((circuit.clbits[1], 1)):
        circuit.x(2)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.z(2)
    circuit.u(-theta, -0.2, -phi, 2)
    circuit.measure(2, 2)
    return circuit


def parity_checks(wrong=(False, True, True)):
    """Three times the parity of qubits 0 and 1 by qubit 2, which is reset; X on qubit 0 wherever it was odd."""
    circuit = QuantumCircuit(QuantumRegister(3, "q"), ClassicalRegister(3, "parity"), ClassicalRegister(2, "data"))
    circuit.h(0)
    circuit.cx(0, 1)
    for k, flip in enumerate(wrong):
        if flip:
            circuit.x(0)
        circuit.cx(0, 2)
        circuit.cx(1, 2)
        circuit.measure(2, k)
        circuit.reset(2)
        with circuit.if_test((circuit.clbits[k], 1)):
            circuit.x(0)
    circuit.measure([0, 1], [3, 4])
    return circuit


def counts(circuit, shots=400):
    return AerSimulator(seed_simulator=5).run(circuit, shots=shots).result().get_counts()


def test_teleportation():
    circuit = teleportation()
    program = qpilot.compile(circuit)
    qpilot.verify(program, circuit)
    events = [op for op in program.instructions if is_event(op)]
    assert events[0] == Measure((0, 1), (0, 1))
    assert [(type(op), op.atoms, op.condition) for op in events[1:3]] == [
        (Raman, (2,), Condition((1,), (True,))),
        (Raman, (2,), Condition((0,), (True,))),
    ]
    assert events[3:] == [Measure((2,), (2,))]
    for found in (program.to_circuit(), noisy_circuit(program, noise=False)):
        assert_same_outcomes(found, circuit)
        assert {record[0] for record in counts(found)} == {record[0] for record in counts(circuit)} == {"0"}
    assert sum(n for record, n in counts(noisy_circuit(program)).items() if record[0] == "1") > 0


def test_parity_checks_with_a_qubit_that_is_used_again():
    circuit = parity_checks()
    program = qpilot.compile(circuit, DEVICE)
    qpilot.verify(program, circuit)
    kinds = [type(op) for op in program.instructions if is_event(op)]
    assert kinds == [Measure, Reset, Raman] * 3 + [Measure]
    assert_same_outcomes(program.to_circuit(), circuit)
    for found in (circuit, program.to_circuit(), noisy_circuit(program, noise=False)):
        assert set(counts(found)) == {"00 110", "11 110"}


def test_the_backend_runs_dynamic_circuits():
    backend = qpilot.FPQABackend(DEVICE)
    for level in range(4):
        carried = transpile(teleportation(), backend, optimization_level=level)
        assert carried.metadata  # the program
        found = backend.run(carried, shots=200, noise=False, seed_simulator=1).result().get_counts()
        assert {record[0] for record in found} == {"0"}
    found = backend.run(parity_checks(), shots=200, noise=False, seed_simulator=1).result().get_counts()
    assert set(found) == {"00 110", "11 110"}
    passes = generate_preset_pass_manager(backend=backend, optimization_level=1)
    assert "if_else" in passes.run(teleportation()).count_ops()


# --- compile and verify -----------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(dynamic_circuits(), st.sampled_from(["auto", "generic"]), st.data())
def test_random_circuits(circuit, router, data):
    program = qpilot.compile(circuit, router=router)
    qpilot.verify(program, circuit)
    assert check_legal(program) == []
    assert program_from_json(program_to_json(program)) == program
    if program.num_atoms <= 7:
        simulated = noisy_circuit(program, noise=False) if data.draw(st.booleans()) else program.to_circuit()
        assert_same_outcomes(simulated, circuit)
    events = [k for k, op in enumerate(program.instructions) if is_event(op)]
    if events:
        place = data.draw(st.sampled_from(events))
        changed = data.draw(st.sampled_from(list(changes(program.instructions[place]))))
        steps = (*program.instructions[:place], *changed, *program.instructions[place + 1 :])
        with pytest.raises(VerificationError):
            qpilot.verify(msgspec.structs.replace(program, instructions=steps), circuit)


def changes(event):
    """Yield what a program may have in place of an event, and should not."""
    yield ()
    if isinstance(event, Measure):
        yield (msgspec.structs.replace(event, clbits=tuple((c + 1) % 3 for c in event.clbits)),)
        yield (Reset(event.atoms),)
        yield (event, Reset(event.atoms[:1]))
    elif isinstance(event, Raman):
        condition = event.condition
        flipped = msgspec.structs.replace(condition, values=(not condition.values[0], *condition.values[1:]))
        other = msgspec.structs.replace(condition, clbits=tuple((c + 1) % 3 for c in condition.clbits))
        (theta, phi, lam), *rest = event.angles
        yield (msgspec.structs.replace(event, condition=flipped),)
        yield (msgspec.structs.replace(event, condition=other),)
        yield (msgspec.structs.replace(event, condition=None),)
        yield (msgspec.structs.replace(event, angles=((theta, phi + 0.01, lam), *rest)),)
        yield (event, event)
    else:
        yield (Measure(event.atoms, (0,) * len(event.atoms)),)


def test_a_gate_in_another_stretch_is_refused():
    circuit = QuantumCircuit(1, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.h(0)
    circuit.measure(0, 1)
    program = qpilot.compile(circuit)
    h, measure, *rest = program.instructions
    with pytest.raises(VerificationError, match="In the stretch from instruction 0 on: The program computes another"):
        qpilot.verify(msgspec.structs.replace(program, instructions=(measure, h, *rest)), circuit)
    with pytest.raises(VerificationError, match=r"Event 1 .* it ends, and the circuit measures .* \(0 into 1\)"):
        qpilot.verify(msgspec.structs.replace(program, instructions=(h, measure, rest[0])), circuit)


@pytest.mark.parametrize("event", [Measure((), ()), Reset(()), Raman((), (), Condition((0,), (True,)))])
def test_an_event_without_atoms_hides_nothing(event):
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.reset(0)
    program = qpilot.compile(circuit)
    wrong = (Raman((0,), ((0.1, 0.0, 0.0),)), event, *program.instructions)
    with pytest.raises(VerificationError, match="Event 0"):
        qpilot.verify(msgspec.structs.replace(program, instructions=wrong), circuit)


def test_a_copy_does_not_live_through_an_event():
    circuit = QuantumCircuit(2, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.h(0)
    circuit.cz(0, 1)
    program = qpilot.compile(circuit)
    qpilot.verify(program, circuit)
    steps = list(program.instructions)
    measure = next(op for op in steps if isinstance(op, Measure))
    steps.remove(measure)
    first = next(k for k, op in enumerate(steps) if isinstance(op, RydbergPulse))
    late = (*steps[: first + 2], measure, *steps[first + 2 :])
    with pytest.raises(VerificationError, match="ancilla atom 2 is left at the end"):
        qpilot.verify(msgspec.structs.replace(program, instructions=late), circuit)


def test_programs_with_events_are_not_taken_for_circuits_without():
    plain = QuantumCircuit(2, 2)
    plain.h(0)
    program = qpilot.compile(plain)
    for extra in (Reset((0,)), Raman((0,), ((0.0, 0.0, 0.0),), Condition((0,), (True,)))):
        changed = msgspec.structs.replace(program, instructions=(*program.instructions, extra))
        with pytest.raises(VerificationError, match="which no circuit of gates and final measurements does"):
            qpilot.verify(changed, plain)


# --- how a circuit is cut ---------------------------------------------------------------------------------------------


def cut_at_events(circuit):
    """Return the number of gates of each stretch, and the events behind it."""
    return [(len(stretch.gates), stretch.events) for stretch in stretches(read_steps(circuit))]


def test_events_on_different_qubits_share_a_place():
    circuit = QuantumCircuit(4, 4)
    for a, b in ((0, 1), (2, 3)):
        circuit.cx(a, b)
        circuit.measure(b, b)
        circuit.reset(b)
        circuit.cx(a, b)
    circuit.measure([1, 3], [0, 2])
    assert cut_at_events(circuit) == [
        (2, [Measure((1, 3), (1, 3)), Reset((1, 3))]),
        (2, [Measure((1, 3), (0, 2))]),
    ]


def test_a_barrier_keeps_events_apart():
    circuit = QuantumCircuit(2, 2)
    circuit.measure(0, 0)
    circuit.x(0)
    circuit.barrier()
    circuit.measure(1, 1)
    circuit.x(1)
    assert cut_at_events(circuit) == [(0, [Measure((0,), (0,))]), (1, [Measure((1,), (1,))]), (1, [])]


def test_reading_and_writing_a_bit_keep_their_order():
    circuit = QuantumCircuit(3, 1)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 0)):
        circuit.x(1)
    circuit.measure(2, 0)
    with circuit.if_test((circuit.clbits[0], 0)):
        circuit.x(0)
    x = ((math.pi, math.pi, 0.0),)
    ((gates, events),) = cut_at_events(circuit)[:1]
    assert gates == 0
    assert [(type(event), event.atoms) for event in events] == [
        (Measure, (0,)), (Raman, (1,)), (Measure, (2,)), (Raman, (0,)),
    ]  # fmt: skip
    np.testing.assert_allclose(np.abs(events[1].angles), np.abs(x))


def test_measurements_that_nothing_follows_wait_for_the_end():
    circuit = QuantumCircuit(3, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.cx(1, 2)
    reader = read_steps(circuit)
    assert (reader.is_dynamic, reader.measures) == (False, [(0, 0)])
    circuit.measure(1, 0)  # into the same bit, so the order stays
    assert read_steps(circuit).measures == [(0, 0), (1, 0)]
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(2)
    reader = read_steps(circuit)
    assert (reader.is_dynamic, reader.measures) == (True, [])


def test_else_and_conditions_that_cannot_hold():
    circuit = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(2, "c"))
    circuit.measure(0, 0)
    with circuit.if_test((circuit.cregs[0], 5)) as otherwise:
        circuit.x(0)
    with otherwise:
        circuit.h(0)
    with circuit.if_test((circuit.cregs[0], 2)) as otherwise:
        circuit.s(0)
    with otherwise:
        circuit.s(0)
    program = qpilot.compile(circuit)
    assert [type(op) for op in program.instructions] == [Measure, Raman]
    assert program.instructions[1].condition is None


def test_a_condition_on_several_bits_without_a_register():
    circuit = QuantumCircuit(1, 3)
    circuit.h(0)
    circuit.measure(0, 2)
    program = qpilot.compile(circuit)
    tested = Raman((0,), ((math.pi, 0.0, math.pi),), Condition((2, 0), (True, False)))
    program = msgspec.structs.replace(program, instructions=(*program.instructions, tested, Measure((0,), (1,))))
    for found in (program.to_circuit(), noisy_circuit(program, noise=False)):
        assert set(counts(found)) == {"000", "100"}


def test_a_gate_that_is_not_run_makes_no_errors():
    perfect = {"cz": 1.0, "idle_rydberg": 1.0, "t2_us": 1e300}
    device = FPQA(Lattice(1, 2), fidelity=Fidelity(raman=0.7, **perfect))
    for value, expected in ((1, {"00"}), (0, {"00", "10"})):
        circuit = QuantumCircuit(2, 2)
        circuit.measure(0, 0)
        with circuit.if_test((circuit.clbits[0], value)):
            circuit.x(1)
        circuit.measure(1, 1)
        program = qpilot.compile(circuit, device)
        assert program.metrics.num_1q == 1  # as if it were run
        assert set(counts(noisy_circuit(program))) == expected


def test_strings_and_diagonal_blocks_between_events():
    circuit = QuantumCircuit(4, 1)
    circuit.h(range(4))
    circuit.append(PauliEvolutionGate(SparsePauliOp(["XYZI", "ZZZZ"], [0.3, 0.4])), range(4))
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.h(0)
    for a in range(4):
        for b in range(a):
            circuit.cp(0.3, a, b)
    program = qpilot.compile(circuit)
    qpilot.verify(program, circuit)
    assert {block.kind for block in program.routing.blocks} >= {"strings"}
    assert_same_outcomes(noisy_circuit(program, noise=False), circuit.decompose("PauliEvolution"))


def test_templates_have_events():
    angle = Parameter("angle")
    circuit = QuantumCircuit(2, 1)
    circuit.rx(angle, 0)
    circuit.cx(0, 1)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.ry(angle, 1)
        circuit.rx(2 * angle, 1)
    with otherwise:
        circuit.rz(angle, 1)
    circuit.cx(1, 0)
    template = qpilot.compile_template(circuit)
    for value in (0.4, -1.3, 0.0, math.pi):
        bound = circuit.assign_parameters([value])
        program = template.bind([value])
        qpilot.verify(program, bound)
        assert_same_outcomes(program.to_circuit(), bound)


A, B = Parameter("a"), Parameter("b")
free_angles = st.sampled_from([A, B, -A, A - B, 2 * B, math.pi - A, 0.7, math.pi / 2])
values = st.sampled_from([0.0, math.pi / 2, math.pi, -math.pi, 1.1, -2.3])


@settings(max_examples=15)
@given(dynamic_circuits(angles=free_angles), st.sampled_from(["auto", "generic"]), values, values)
def test_templates_stay_right_where_gates_vanish(circuit, router, a, b):
    circuit.rx(A, 0)
    template = qpilot.compile_template(circuit, router=router)
    point = {parameter: {"a": a, "b": b}[parameter.name] for parameter in circuit.parameters}
    program, bound = template.bind(point), circuit.assign_parameters(point)
    qpilot.verify(program, bound)
    if program.num_atoms <= 7:
        assert_same_outcomes(program.to_circuit(), bound)


def test_trainings_refuse_dynamic_circuits():
    from qpilot.disq.atoms import _Tracker

    circuit = QuantumCircuit(1, 1)
    circuit.rx(Parameter("angle"), 0)
    circuit.reset(0)
    with pytest.raises(qpilot.DriftError, match="measures, resets or decides in mid-circuit"):
        _Tracker(qpilot.compile_template(circuit)).run()


def test_openqasm():
    text = """OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c;
    h q[0]; c[0] = measure q[0]; reset q[0]; if (c[0]) { x q[1]; } else { h q[1]; } if (c == 3) { x q[0]; }"""
    program = qpilot.compile(text)
    qpilot.verify(program, text)
    assert [type(op) for op in program.instructions if is_event(op)] == [Measure, Reset, Raman, Raman]
    with pytest.raises(CircuitError, match="is no gate: of classical control, only if_test"):
        qpilot.compile('OPENQASM 3.0; include "stdgates.inc"; qubit q; bit c; while (c) { x q; }')


def test_a_condition_without_effect_is_no_gate_for_referees():
    circuit = QuantumCircuit(2, 1)
    circuit.h(0)
    circuit.measure(1, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.rx(0.0, 0)
    assert_same_circuit(qpilot.compile(circuit), circuit)
    with pytest.raises(CircuitError, match="decides in mid-circuit"):
        statevector_fidelity(qpilot.compile(circuit), circuit)


def test_referees_that_follow_states_refuse():
    circuit = parity_checks()
    program = qpilot.compile(circuit)
    assert_same_circuit(program, circuit)
    for referee in (statevector_fidelity, stabilizer_equal):
        with pytest.raises(CircuitError, match="measures, resets or decides in mid-circuit, so it leaves no single"):
            referee(program, circuit)
    steps = tuple(op for op in program.instructions if not isinstance(op, Reset))
    with pytest.raises(AssertionError, match="Event 1 of the program differs: it does u"):
        assert_same_circuit(msgspec.structs.replace(program, instructions=steps), circuit)


def test_exports():
    circuit = teleportation()
    program = qpilot.compile(circuit, DEVICE)
    read = qasm3.loads(program.to_qasm())
    kept = QuantumCircuit(read.num_qubits, read.num_clbits)
    assert "if_else" in read.count_ops()
    assert_same_outcomes(kept.compose(read, clbits=range(3)), circuit)
    assert "reset" in qasm3.loads(qpilot.compile(parity_checks(), DEVICE).to_qasm()).count_ops()
    with pytest.raises(ProgramError, match="is a layer that has a condition, which this export"):
        program.to_bloqade()


def test_viewers_say_what_happens(tmp_path):
    circuit = parity_checks()
    program = qpilot.compile(circuit, DEVICE)
    page = html_page(program, circuit=circuit)
    for sentence in ("Raman layer: 1 atom, if c0 = 1", "reset: 1 qubit", "measurement: 2 qubits", "if_else q0"):
        assert f'"{sentence}"' in page
    kinds = {"measure": Measure, "reset": Reset}
    found = [gate for gate in gate_times(trace(program), circuit) if gate.text.split()[0] in kinds]
    assert len(found) == 3 * 2 + 2
    for gate in found:
        name, qubit = gate.text.split()
        op = program.instructions[gate.first]
        assert type(op) is kinds[name]
        assert int(qubit[1:]) in op.atoms
    assert [gate.first for gate in found] == sorted(gate.first for gate in found)
    program.to_naviz(tmp_path / "program.naviz")


def test_a_saved_program_is_the_same(tmp_path):
    program = qpilot.compile(teleportation())
    program.save(tmp_path / "program.json")
    assert Program.load(tmp_path / "program.json") == program
    plain = program_to_json(qpilot.compile(QuantumCircuit(1)))
    assert b"condition" not in plain
