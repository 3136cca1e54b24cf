"""The front end: every way to give a circuit, every gate Qiskit knows, and everything that is refused, by name."""

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, QuantumRegister, qasm2
from qiskit.circuit import Clbit, Gate, Instruction, Qubit
from qiskit.circuit.classical import expr
from qiskit.circuit.library import (
    ECRGate,
    GlobalPhaseGate,
    MCXGate,
    PauliEvolutionGate,
    PermutationGate,
    QFTGate,
    StatePreparation,
    XXMinusYYGate,
    get_standard_gate_name_mapping,
)
from qiskit.quantum_info import Clifford, Operator, SparsePauliOp, Statevector, random_unitary

from qpilot import reader, translation
from qpilot.arch.errors import CircuitError
from qpilot.frontend import lower, read_circuit
from tests.strategies import ANGLES, block_circuit, circuits

EXAMPLES = Path(__file__).parents[2] / "examples" / "circuits"
QASM2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
QASM3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


def rebuild(lowered):
    return block_circuit(lowered.block, global_phase=lowered.form.global_phase)


def assert_preserved(circuit):
    for keep_barriers in (True, False):
        found = Operator(rebuild(lower(circuit, keep_barriers=keep_barriers)))
        expected = Operator(circuit.remove_final_measurements(inplace=False) if circuit.clbits else circuit)
        np.testing.assert_allclose(found.data, expected.data, atol=1e-7)


def of_gate(gate, spare=0):
    circuit = QuantumCircuit(gate.num_qubits + spare)
    circuit.append(gate, range(gate.num_qubits))
    return circuit


def own_gate(name, inside):
    gate = Gate(name, inside.num_qubits, [])
    gate.definition = inside
    return gate


# --- reading ---------------------------------------------------------------------------------------------------------


def test_circuit_is_returned_as_it_is():
    circuit = QuantumCircuit(1)
    assert read_circuit(circuit) is circuit


@pytest.mark.parametrize("text", [QASM2 + "qreg q[2];\nh q[0];", QASM3 + "qubit[2] q;\nh q[0];"])
def test_text_and_file_are_the_same_circuit(text, tmp_path):
    path = tmp_path / "two words.qasm"
    path.write_text(text)
    compressed = tmp_path / "small.qasm.gz"
    compressed.write_bytes(gzip.compress(text.encode()))
    circuits = [read_circuit(source) for source in (text, text.replace("\n", " "), path, str(path), compressed)]
    assert [circuit.name for circuit in circuits] == ["circuit", "circuit", "two words", "two words", "small"]
    assert all(circuit == circuits[0] and circuit.num_qubits == 2 for circuit in circuits)


def test_header_may_follow_comments_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "bom.qasm"
    path.write_bytes(b"\xef\xbb\xbf// one\n// OPENQASM 3.0;\n" + QASM2.encode() + b"qreg q[1];")
    assert read_circuit(path).num_qubits == 1
    assert read_circuit("/* a */ /* b\n */ OPENQASM 3; qubit q;").num_qubits == 1


def test_header_search_ends_on_hostile_comments():
    with pytest.raises(CircuitError, match="header"):  # in quadratic time it would take minutes
        read_circuit("/**/" * 50_000 + ";")


def test_included_files_are_found_beside_the_circuit(tmp_path):
    (tmp_path / "mine.inc").write_text("qreg mine[3];\n")
    (tmp_path / "circuit.qasm").write_text('OPENQASM 2.0; include "mine.inc"; CX mine[0], mine[2];')
    assert read_circuit(tmp_path / "circuit.qasm").num_qubits == 3


def test_file_name_that_is_no_text_still_gives_a_name(tmp_path):
    path = tmp_path / "q\udcff.qasm"
    path.write_text(QASM2 + "qreg q[1];")
    assert lower(read_circuit(path)).info.name == "q?"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, "An object of type int is not a circuit"),
        (None, "An object of type NoneType"),
        ([QuantumCircuit(1)], "An object of type list"),
        (b"OPENQASM 2.0;", "An object of type bytes"),
        ("", "is empty"),
        (" \n", "is empty"),
        ("no-such-file.qasm", "There is no file no-such-file.qasm"),
        ("qubit q; h q;", "has no OpenQASM header"),
        ("OPENQASM 1.0; qreg q[1];", "OpenQASM 1.0, which is not known"),
        ("OPENQASM 4; qubit q;", "OpenQASM 4, which is not known"),
        (QASM2 + "qreg q[2];\nfoo q[0];", "not valid OpenQASM 2: line 4, column 1: 'foo' is not defined"),
        (QASM2 + "qreg q[2]; cx q[0], q[5];", "line 3, column 23: index 5 is out-of-range"),
        (QASM2 + "qreg q[2]", "line 3, column 1: unexpected end-of-file"),
        (QASM2 + "qreg q[1]; rx(1/0) q[0];", "cannot divide by zero"),
        (QASM2 + 'include "none.inc";', "unable to find 'none.inc'"),
        (QASM2 + "qreg q[99999999999999999999];", "line 3: the number 99999999999999999999 is too large"),
        (QASM2 + "qreg q[1]; rx(12345678901234567890123) q[0];", "line 3: the number .* is too large"),
        (QASM3 + "qubit[1_000_000_000] q;", "line 3: the number 1_000_000_000 is too large"),
        (QASM3 + "h $9999999999;", "too large"),
        (QASM3 + "qubit[2] q;\nfoo q[0];", "not valid OpenQASM 3: line 4, column 1: gate 'foo' is not defined"),
        (QASM3 + "qubit[2] q;\ncx q[0], q[0];", "line 4, column 1: duplicate"),
        (QASM3 + "qubit[2] q;\ncx q[0], q[5];", "line 4, column 10: index out of range"),
        (QASM3 + "qubit[2] q", "line 3, column 11: unexpected '<EOF>'"),
        (QASM3 + "qubit q; rx(0.1,) ) q;", r"line 3, column 19: unexpected '\)'"),
        (QASM3 + "qubit q; 'abc", "line 3, column 10: token recognition error"),
        (QASM3 + "int a = 3;", "line 3, column 1: declarations of type 'int'"),
        (QASM3 + "qubit q; rx(" + "(" * 400 + "1" + ")" * 400 + ") q;", "nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(source, message, capfd):
    with pytest.raises(CircuitError, match=message) as error:
        read_circuit(source)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b"\x80", "OPENQASM 2.0;".encode("utf-16")])
def test_files_that_are_no_text_are_refused(content, tmp_path):
    path = tmp_path / "file.qasm"
    path.write_bytes(content)
    with pytest.raises(CircuitError, match=r"file\.qasm"):
        read_circuit(path)


def test_folder_is_refused(tmp_path):
    with pytest.raises(CircuitError, match="cannot be read"):
        read_circuit(tmp_path)


# --- lowering --------------------------------------------------------------------------------------------------------

EXTRA_GATES = (
    MCXGate(4), MCXGate(3, ctrl_state=2), PermutationGate([2, 0, 1]), QFTGate(3), XXMinusYYGate(0.3, 0.4),
    StatePreparation([0.6, 0, 0, 0.8j]),
    ECRGate().control(1, ctrl_state=0), GlobalPhaseGate(0.4), GlobalPhaseGate(0.4).control(2),
)  # fmt: skip


@pytest.mark.parametrize(
    "name", sorted(set(get_standard_gate_name_mapping()) - {"measure", "reset", "delay", "global_phase"})
)
def test_standard_gates_keep_their_unitary(name):
    gate = get_standard_gate_name_mapping()[name]
    bound = gate.base_class(*(0.3 + k for k in range(len(gate.params))))
    assert_preserved(of_gate(bound))


@pytest.mark.parametrize("gate", EXTRA_GATES, ids=lambda gate: gate.name)
def test_library_gates_keep_their_unitary(gate):
    assert_preserved(of_gate(gate, spare=1))


def test_evolution_is_what_qiskit_defines_it_to_be():
    gate = PauliEvolutionGate(SparsePauliOp(["XXZ", "ZZX", "IYI"]), 0.3)
    found = Operator(rebuild(lower(of_gate(gate))))
    np.testing.assert_allclose(found.data, Operator(gate.definition).data, atol=1e-9)


@given(circuits(max_qubits=4, max_gates=15, measured=True), st.data())
@settings(max_examples=60, deadline=None)
def test_lowering_keeps_the_unitary(circuit, data):
    n = circuit.num_qubits
    gates = QuantumCircuit(n, circuit.num_clbits)
    for _ in range(data.draw(st.integers(0, 4))):
        kind = data.draw(st.sampled_from(["unitary", "iswap", "ecr", "barrier", "id", "delay", "control", "cp"]))
        a, b = (*data.draw(st.permutations(range(n))), 0)[:2]
        if kind in ("iswap", "ecr", "cp", "control", "unitary") and n == 1:
            gates.unitary(random_unitary(2, seed=data.draw(st.integers(0, 99))), 0)
        elif kind == "unitary":
            gates.unitary(random_unitary(4, seed=data.draw(st.integers(0, 99))), (a, b))
        elif kind == "barrier":
            gates.barrier(data.draw(st.lists(st.integers(0, n - 1), min_size=1, unique=True)))
        elif kind == "delay":
            gates.delay(10, a)
        elif kind == "control":
            gates.append(own_gate("own", QuantumCircuit(1, global_phase=0.2)).control(1, ctrl_state=0), (a, b))
        else:
            getattr(gates, kind)(*([data.draw(ANGLES)] if kind == "cp" else []), *((a,) if kind == "id" else (a, b)))
    both = gates.compose(circuit)
    lowered = lower(both)
    ends = {both.find_bit(step.qubits[0]).index: step for step in both.data if step.name == "measure"}
    assert [q for q, _ in lowered.measures] == list(ends)
    unmeasured = both.copy_empty_like()
    for step in both.data:
        if step.name not in ("measure", "delay"):
            unmeasured.append(step)
    np.testing.assert_allclose(Operator(rebuild(lowered)).data, Operator(unmeasured).data, atol=1e-7)


@pytest.mark.parametrize("angle", [1e17, -1e17, 1e300])
def test_huge_angles_are_taken_at_their_word(angle):
    circuit = QuantumCircuit(1)
    circuit.u(0.3, angle, angle, 0)
    circuit.u(angle, 0.1, 0.2, 0)
    assert_preserved(circuit)


def test_cliffords_and_modified_operations_are_synthesized():
    circuit = QuantumCircuit(2)
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    circuit.append(Clifford(bell), [0, 1])
    circuit.append(ECRGate().inverse(annotated=True), [0, 1])
    assert_preserved(circuit)


def test_own_gates_mean_what_they_say_whatever_their_name():
    text = (
        QASM2 + "gate iswap a, b { cx a, b; } gate twice a, b { iswap a, b; iswap b, a; } qreg q[2]; iswap q[0], q[1];"
    )
    circuit = read_circuit(text + "twice q[0], q[1];")
    expected = QuantumCircuit(2)
    for a in (0, 0, 1):
        expected.cx(a, 1 - a)
    np.testing.assert_allclose(Operator(rebuild(lower(circuit))).data, Operator(expected).data, atol=1e-9)


def test_text_may_define_standard_names_itself():
    circuit = read_circuit("OPENQASM 2.0; gate h a { U(pi, 0, pi) a; } qreg q[1]; h q[0];")
    np.testing.assert_allclose(Operator(rebuild(lower(circuit))).data, [[0, 1], [1, 0]], atol=1e-9)


def test_own_gate_that_is_a_standard_gate_is_translated_as_well_as_that():
    circuit = QuantumCircuit(2)
    circuit.ecr(0, 1)
    assert len(lower(read_circuit(qasm2.dumps(circuit))).block.gates) == 1


def test_translated_circuit_is_not_translated_again(monkeypatch):
    monkeypatch.setattr(translation, "run_passes", None)
    circuit = QuantumCircuit(2, 2)
    circuit.u(0.1, 0.2, 0.3, 0)
    circuit.cz(0, 1)
    circuit.barrier()
    circuit.measure([0, 1], [1, 0])
    assert lower(circuit).measures == ((0, 1), (1, 0))


def test_barriers_are_kept_unless_asked_or_at_the_end():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.barrier()
    circuit.h(0)
    assert len(lower(circuit).block.fences) == 1
    assert lower(circuit, keep_barriers=False).block.openings == ((None,), (None,))
    circuit.measure_all()
    assert len(lower(circuit).block.fences) == 1


def test_resets_before_the_first_gate_are_dropped():
    circuit = QuantumCircuit(2)
    circuit.reset(0)
    circuit.barrier()
    circuit.reset(0)
    circuit.initialize([0.6, 0, 0, 0.8])
    assert Statevector(rebuild(lower(circuit))).equiv(Statevector([0.6, 0, 0, 0.8]))


def test_what_does_nothing_may_follow_a_measurement():
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    circuit.barrier()
    circuit.delay(5, 0)
    circuit.id(0)
    circuit.h(1)
    assert lower(circuit).measures == ((0, 0),)


def test_names_sizes_and_registers_are_kept():
    circuit = QuantumCircuit(QuantumRegister(2, "a"), QuantumRegister(1, "b"), name="mine", global_phase=0.5)
    circuit.add_bits([Clbit()])
    info = lower(circuit).info
    assert (info.name, info.num_qubits, info.num_clbits, info.global_phase) == ("mine", 3, 1, 0.0)
    assert (info.qregs, info.cregs) == ((("a", 2), ("b", 1)), ())
    assert lower(circuit).form.global_phase == 0.5


def test_registers_that_share_or_leave_out_bits_are_not_kept():
    bits = [Qubit(), Qubit()]
    assert lower(QuantumCircuit(bits, QuantumRegister(bits=bits[:1], name="a"))).info.qregs == ()
    shared = QuantumCircuit(QuantumRegister(bits=bits, name="a"), QuantumRegister(bits=bits[:1], name="b"))
    assert lower(shared).info.qregs == ()


# --- refusals --------------------------------------------------------------------------------------------------------


def conditional(body, test=lambda circuit: (circuit.clbits[0], 1)):
    """An if_test whose body a function fills."""
    circuit = QuantumCircuit(2, 2)
    circuit.measure(0, 0)
    with circuit.if_test(test(circuit)):
        body(circuit)
    return circuit


def conditional_twice(circuit):
    with circuit.if_test((circuit.clbits[1], 1)):
        circuit.x(1)


def loop(kind):
    circuit = QuantumCircuit(1, 1)
    with circuit.while_loop((circuit.clbits[0], 1)) if kind == "while" else circuit.for_loop(range(3)):
        circuit.x(0)
    return circuit


def stored():
    circuit = QuantumCircuit(1)
    circuit.add_var("flag", False)
    return circuit


def boxed():
    circuit = QuantumCircuit(1)
    with circuit.box():
        circuit.x(0)
    return circuit


def nested(depth):
    gate = own_gate("g0", of_gate(ECRGate()))
    for k in range(1, depth):
        gate = own_gate(f"g{k}", of_gate(gate))
    return of_gate(gate)


class Broken(Gate):
    def __init__(self):
        super().__init__("broken", 1, [])

    def _define(self):
        raise ValueError("two\nlines")


def with_angle(angle, name="rx"):
    circuit = QuantumCircuit(1)
    getattr(circuit, name)(angle, *([0, 0] if name == "u" else []), 0)
    return circuit


REFUSED = {
    "no qubits": (QuantumCircuit(name="void"), "The circuit 'void' has no qubits"),
    "pair in if": (conditional(lambda c: c.cx(0, 1)), r"Instruction 1 \(if_else\) has a gate on two or more qubits"),
    "measurement in if": (conditional(lambda c: c.measure(1, 1)), r"Instruction 1 \(if_else\) has a measurement, a"),
    "reset in if": (conditional(lambda c: (c.x(1), c.reset(1))), r"\(if_else\) has a measurement, a reset"),
    "if in if": (conditional(conditional_twice), r"\(if_else\) has a measurement, a reset or another if_test"),
    "opaque in if": (
        conditional(lambda c: c.append(Gate("odd", 1, []), [1])),
        r"Instruction 1 \(if_else\) has a body that cannot be compiled: Instruction 0 \(odd\) is opaque",
    ),
    "expression": (
        conditional(lambda c: c.x(1), lambda c: expr.logic_not(c.clbits[0])),
        r"\(if_else\) has an expression as its condition; compare a bit or a register",
    ),
    "qasm2 if": (
        QASM2 + "qreg q[2]; creg c[1]; if (c == 1) cx q[0], q[1];",
        r"Instruction 0 \(if_else\) has a gate on two",
    ),
    "while": (loop("while"), r"\(while_loop\) is no gate"),
    "for": (loop("for"), r"\(for_loop\) is no gate"),
    "store": (stored(), r"\(store\) is no gate"),
    "box": (boxed(), r"\(box\) is no gate"),
    "opaque": (QASM2 + "opaque magic a; qreg q[1]; magic q[0];", r"Instruction 0 \(magic\) is opaque"),
    "opaque inside": (of_gate(own_gate("outer", of_gate(Gate("inner", 1, [])))), r"\(outer, in it inner\) is opaque"),
    "opaque known name": (of_gate(Gate("ecr", 2, [])), r"\(ecr\) is opaque"),
    "opaque instruction": (of_gate(Instruction("odd", 1, 0, [])), r"\(odd\) is opaque"),
    "broken": (of_gate(Broken()), r"Instruction 0 \(broken\) has no usable definition: two lines"),
    "too deep": (nested(3000), "too deeply"),
    "nan": (with_angle(math.nan), r"Instruction 0 \(rx\) has a parameter that is not a finite number"),
    "inf": (with_angle(math.inf, "u"), r"Instruction 0 \(u\) has a parameter"),
    "qasm inf": (QASM2 + "qreg q[1]; rx(1e999) q[0];", r"\(rx\) has a parameter"),
    "nan evolution": (of_gate(PauliEvolutionGate(SparsePauliOp(["X"]), math.nan)), "not a finite number"),
}


@pytest.mark.parametrize(("circuit", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_compiled_is_refused_by_name(circuit, message):
    with pytest.raises(CircuitError, match=message) as error:
        lower(read_circuit(circuit))
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")


def test_circuits_that_grow_without_end_are_refused(monkeypatch):
    monkeypatch.setattr(reader, "MAX_GATES", 1000)
    doubling = "".join(f"gate g{k} a, b {{ g{k - 1} a, b; g{k - 1} b, a; }} " for k in range(1, 60))
    with pytest.raises(CircuitError, match="more than 1,000 gates"):
        lower(read_circuit(QASM2 + f"gate g0 a, b {{ cx a, b; }} {doubling} qreg q[2]; g59 q[0], q[1];"))


# --- examples --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.qasm")), ids=lambda path: path.stem)
def test_example_circuits_are_read_and_lowered(path):
    lowered = lower(read_circuit(path))
    assert lowered.info.name == path.stem
    assert lowered.block.gates
    assert lowered.measures


@pytest.mark.parametrize(
    ("name", "outcomes"),
    [("bv8", {"1011001": 1}), ("adder_n10", {"10011": 1}), ("ghz12", {"0" * 12: 0.5, "1" * 12: 0.5})],
)
def test_example_circuits_give_the_outcome_in_their_header(name, outcomes):
    lowered = lower(read_circuit(EXAMPLES / f"{name}.qasm"))
    qubits = [q for q, _ in sorted(lowered.measures, key=lambda measure: measure[1])]
    found = Statevector(rebuild(lowered)).probabilities_dict(qubits, decimals=9)
    assert {key: value for key, value in found.items() if value} == pytest.approx(outcomes)


def test_qaoa_example_cuts_as_much_as_its_header_says():
    lowered = lower(read_circuit(EXAMPLES / "qaoa_ring10.qasm"))
    outcomes = Statevector(rebuild(lowered)).probabilities_dict()
    cut = sum(p * sum(a != b for a, b in zip(key, key[1:] + key[0], strict=True)) for key, p in outcomes.items())
    assert cut == pytest.approx(25 / 3, abs=1e-4)
