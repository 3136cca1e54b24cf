"""Bad rotations and evolutions of every kind: one clear sentence, of the right type."""

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.quantum_info import Operator, Pauli, PauliList, SparseObservable, SparsePauliOp
from qiskit.synthesis import MatrixExponential, QDrift

import qpilot
from qpilot.arch import FPQA, Lattice, preset
from qpilot.arch.errors import CircuitError, DeviceError, OptionError

T = Parameter("t")
GOOD = [("XXX", 0.1)]
ONE_GATE = QuantumCircuit(1)
ONE_GATE.h(0)

NO_LIST = "is no list of rotations; give [(label, angle), ...] or a SparsePauliOp."
NO_TERM = "it must be (label, angle) or (letters, qubits, angle)."
NO_ANGLE = "it must be a finite real number."
NO_LETTER = "the letters are I, X, Y and Z."
NO_QUBITS = "it needs different numbers below 1000000, one for each letter."
NOTHING = "There is no qubit in the rotations; give num_qubits."

ROTATIONS = {
    "text": ("XX", NO_LIST),
    "none": (None, NO_LIST),
    "number": (5, NO_LIST),
    "type": (int, NO_LIST),
    "matrix": (Operator(np.eye(4)), NO_LIST),
    "empty list": ([], NOTHING),
    "empty circuit": (QuantumCircuit(2), NOTHING),
    "empty label": ([("", 0.1)], NOTHING),
    "operator without qubits": (SparsePauliOp([""], [1]), NOTHING),
    "one rotation": (("XX", 0.1), "Rotation 0 is 'XX'; " + NO_TERM),
    "dictionary": ({"XX": 0.1}, NO_TERM),
    "bytes": (b"XX", NO_TERM),
    "label a number": ([("XX", 0.1), (5, 0.1)], "Rotation 1 is (5, 0.1); " + NO_TERM),
    "label of bytes": ([(b"XX", 0.1)], NO_TERM),
    "no angle": ([("XX",)], NO_TERM),
    "four parts": ([("XX", [0, 1], 0.1, 0.2)], NO_TERM),
    "long tuple": ([tuple(range(100_000))], NO_TERM),
    "long label in a wrong place": ([("X" * 100_000, 0.1, 0.2, 0.3)], NO_TERM),
    "array": (np.array([["XX", "0.3"]]), NO_TERM),
    "nested array": (np.array([[("XX", 0.3)] * 3] * 3, dtype=object), NO_TERM),
    "circuit": (ONE_GATE, NO_TERM),
    "Pauli": (Pauli("XX"), NO_TERM),
    "PauliList": (PauliList(["XX"]), NO_TERM),
    "observable": (SparseObservable("XXX"), NO_TERM),
    "small letters": ([("xx", 0.1)], "Rotation 0 has the letter 'x' in 'xx'; " + NO_LETTER),
    "digit": ([("ZZ", 0.1), ("X1", 0.1)], "Rotation 1 has the letter '1' in 'X1'; " + NO_LETTER),
    "space": ([("X X", 0.1)], NO_LETTER),
    "line break": ([("X\nX", 0.1)], NO_LETTER),
    "wrong letter far behind": ([("X" * 100_000 + "Q", 0.1)], NO_LETTER),
    "other lengths": ([("XX", 0.1), ("XXX", 0.1)], "have different lengths, 2 to 3; give one letter a qubit."),
    "nan": ([("XX", math.nan)], "Rotation 0 (XX) has the angle nan; " + NO_ANGLE),
    "infinite": ([("XX", -math.inf)], NO_ANGLE),
    "complex": ([("XX", 0.1j)], NO_ANGLE),
    "complex of numpy": ([("XX", np.complex64(1 + 2j))], NO_ANGLE),
    "complex nan": ([("XX", complex(1, math.nan))], NO_ANGLE),
    "text angle": ([("XX", "0.3")], "Rotation 0 (XX) has the angle '0.3'; " + NO_ANGLE),
    "angle true": ([("XX", True)], NO_ANGLE),
    "angle none": ([("XX", None)], NO_ANGLE),
    "angle beyond floats": ([("XX", 10**400)], NO_ANGLE),
    "angle a list": ([("XX", [0.1])], NO_ANGLE),
    "angle an array": ([("XX", np.zeros((9, 9)))], NO_ANGLE),
    "unbound angle": ([("XX", T)], NO_ANGLE),
    "qubit twice": ([("XX", [0, 0], 0.1)], "Rotation 0 (XX) has the qubits [0, 0]; " + NO_QUBITS),
    "negative qubit": ([("XX", [-1, 0], 0.1)], NO_QUBITS),
    "too few qubits": ([("XX", [0], 0.1)], NO_QUBITS),
    "too many qubits": ([("XX", [0, 1, 2], 0.1)], NO_QUBITS),
    "qubits a text": ([("XX", "01", 0.1)], NO_QUBITS),
    "qubits floats": ([("XX", [0.0, 1.0], 0.1)], NO_QUBITS),
    "qubits true and false": ([("XX", [True, False], 0.1)], NO_QUBITS),
    "qubits a number": ([("X", 0, 0.1)], NO_QUBITS),
    "qubits none": ([("X", None, 0.1)], NO_QUBITS),
    "qubits nested": ([("XX", [[0], [1]], 0.1)], NO_QUBITS),
    "qubit of a million": ([("X", [10**6], 0.1)], NO_QUBITS),
    "qubit beyond memory": ([("X", [10**30], 0.1)], NO_QUBITS),
    "unbound operator": (SparsePauliOp(["XX"], np.array([T])), "coefficients that are not numbers; give them values"),
    "complex operator": (SparsePauliOp(["XX"], [1j]), NO_ANGLE),
    "nan operator": (SparsePauliOp(["XX"], [math.nan]), NO_ANGLE),
    "huge operator": (SparsePauliOp(["XX"], [1e308]), NO_ANGLE),
}

OPTIONS = {
    "too few qubits": (
        {"num_qubits": 2},
        CircuitError,
        "num_qubits is 2; give at least 3, since the rotations need it.",
    ),
    "no qubits": ({"num_qubits": 0}, CircuitError, "give at least 3"),
    "negative qubits": ({"num_qubits": -1}, CircuitError, "give at least 3"),
    "qubits a fraction": ({"num_qubits": 3.0}, CircuitError, "num_qubits is 3.0"),
    "qubits true": ({"num_qubits": True}, CircuitError, "num_qubits is True"),
    "qubits a text": ({"num_qubits": "3"}, CircuitError, "num_qubits is '3'"),
    "too many qubits": ({"num_qubits": 10**9}, DeviceError, "1000000000 qubits need more than the 41 x 41 sites"),
    "small device": ({"device": preset("enola", 1, 1)}, DeviceError, "The circuit has 3 qubits, but the lattice"),
    "small shape": ({"shape": (1, 2), "device": preset("enola", 3, 3)}, DeviceError, "has 2 sites for 3 qubits"),
    "large shape": ({"shape": (1, 5), "device": FPQA(slm=Lattice(2, 2))}, DeviceError, "does not fit on the 2 x 2"),
    "shape": ({"shape": "big"}, OptionError, "shape is 'big', which is not known; choose 'auto'."),
    "shape none": ({"shape": None}, OptionError, "shape is None; it must be a pair of whole numbers"),
    "strategy": ({"strategy": "round"}, OptionError, "strategy is 'round', which is not known; did you mean 'rounds'?"),
    "placement": ({"placement": "here"}, OptionError, "placement is 'here', which is not known"),
    "few sites": ({"placement": [(0, 0)]}, OptionError, "placement has 1 sites for 3 qubits"),
    "no sites": ({"placement": []}, OptionError, "placement has 0 sites for 3 qubits"),
    "same sites": ({"placement": [(0, 0), (0, 0), (0, 1)]}, OptionError, "puts two qubits at one site"),
    "site outside": ({"placement": [(0, 0), (0, 1), (7, 1)]}, OptionError, "puts qubit 2 at (7, 1), off the 2 x 2"),
    "effort": ({"effort": 0}, OptionError, "effort is 0; it must be a whole number, at least 1."),
    "seed": ({"seed": -1}, OptionError, "seed is -1; it must be a whole number, at least 0."),
}


def with_coefficient(value):
    """An evolution whose operator was changed afterwards, past the checks of Qiskit."""
    gate = PauliEvolutionGate(SparsePauliOp(["XXX", "ZZI"], [0.3, 0.2]), 1.0)
    gate.operator.coeffs[0] = value
    return gate


EVOLUTIONS = {
    "unbound time": (
        PauliEvolutionGate(SparsePauliOp("XXX"), T),
        "The circuit has unbound parameters (t); give them values with circuit.assign_parameters, or compile",
    ),
    "nan time": (PauliEvolutionGate(SparsePauliOp("XXX"), math.nan), "has a parameter that is not a finite number."),
    "complex coefficient": (with_coefficient(1j), "has no product formula: Encountered complex value 1j"),
    "nan coefficient": (with_coefficient(math.nan), "The evolution PauliEvolution has the angle nan; " + NO_ANGLE),
    "exact": (
        PauliEvolutionGate(SparsePauliOp(["XXX", "ZZI"]), 0.3, synthesis=MatrixExponential()),
        "has the synthesis MatrixExponential, which is no fixed product formula; use LieTrotter or SuzukiTrotter, or",
    ),
    "exact on pairs": (
        PauliEvolutionGate(SparsePauliOp(["IXX", "ZZI"]), 0.3, synthesis=MatrixExponential()),
        "Instruction 0 (PauliEvolution) cannot be translated to u and cz: 'MatrixExponential' object has no",
    ),
    "random": (
        PauliEvolutionGate(SparsePauliOp(["XXX", "ZZI"]), 0.3, synthesis=QDrift(seed=1)),
        "has the synthesis QDrift, which is no fixed product formula",
    ),
}


def refused(kind, message, call):
    """Assert that a call is refused by one sentence that contains the message."""
    with pytest.raises(kind) as error:
        call()
    text = str(error.value)
    assert message in text
    assert type(error.value) is kind
    assert "\n" not in text
    assert text[-1] in ".?"
    assert 20 < len(text) < 300


@pytest.mark.parametrize(("given", "message"), ROTATIONS.values(), ids=ROTATIONS)
def test_bad_rotations(given, message):
    refused(CircuitError, message, lambda: qpilot.compile_paulis(given))


@pytest.mark.parametrize(("options", "kind", "message"), OPTIONS.values(), ids=OPTIONS)
def test_bad_options(options, kind, message):
    refused(kind, message, lambda: qpilot.compile_paulis(GOOD, **options))


def test_an_unknown_option():
    with pytest.raises(TypeError, match="unexpected keyword argument 'router'"):
        qpilot.compile_paulis(GOOD, router="auto")


@pytest.mark.parametrize(("gate", "message"), EVOLUTIONS.values(), ids=EVOLUTIONS)
def test_bad_evolutions(gate, message):
    circuit = QuantumCircuit(3)
    circuit.append(gate, range(3))
    refused(CircuitError, message, lambda: qpilot.compile(circuit))
    program = qpilot.compile_paulis(GOOD)
    refused(CircuitError, message, lambda: qpilot.verify(program, circuit))


def test_the_remedy_for_an_exact_evolution_works():
    circuit = QuantumCircuit(3)
    circuit.append(EVOLUTIONS["exact"][0], range(3))
    program = qpilot.compile(circuit.decompose())
    qpilot.verify(program, circuit.decompose())


def test_numbers_of_other_kinds_are_taken():
    """Rounding errors in imaginary parts too, as sums of operators leave them."""
    program = qpilot.compile_paulis([("XXX", 0.5), ("ZZI", 1.0)])
    assert qpilot.compile_paulis([("XXX", np.float32(0.5)), ("ZZI", 1)]) == program
    assert qpilot.compile_paulis(SparsePauliOp(["XXX", "ZZI"], [0.25 + 1e-17j, 0.5])) == program
    bound = SparsePauliOp(["XXX", "ZZI"], np.array([T, 2 * T])).assign_parameters([0.25])
    assert qpilot.compile_paulis(bound) == program
