"""`compile_paulis`: programs equal to their rotations, global phase and all, on devices of many kinds."""

import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.quantum_info import SparsePauliOp

import qpilot
from qpilot import paulis
from qpilot.arch import AOD, FPQA, Lattice, Program, Release, Rydberg, check_legal, preset
from qpilot.arch.errors import RoutingError, VerificationError
from qpilot.arch.formats import program_to_json
from qpilot.parts import merge
from qpilot.paulis import read_paulis
from qpilot.testing import stabilizer_equal
from tests.sparse_simulator import TooLargeError, departure, final_state, product_state, random_states, rotated
from tests.strategies import devices, pauli_terms, with_instructions, without_each

ROOT = Path(__file__).parents[2]

DEVICES = {
    "default": None,
    "one bay": FPQA(slm=Lattice(3, 3), aods=(AOD(3, 3),)),
    "some bays": FPQA(slm=Lattice(3, 3), aods=(AOD(7, 7),)),
    "rows of bays": FPQA(slm=Lattice(2, 4), aods=(AOD(2, 100),)),
    "two AODs": FPQA(slm=Lattice(4, 2), aods=(AOD(1, 1), AOD(8, 4))),
    "one row": FPQA(slm=Lattice(1, 8), aods=(AOD(4, 30),)),
    "too few lines": FPQA(slm=Lattice(3, 3), aods=(AOD(2, 2),)),
    "one line": FPQA(slm=Lattice(3, 3), aods=(AOD(1, 1),)),
    "lines too far apart": FPQA(slm=Lattice(3, 3), aods=(AOD(9, 9, 3.0),)),
    "only neighbours in reach": FPQA(slm=Lattice(3, 3), aods=(AOD(9, 9, 2.0),)),
    "wide": FPQA(slm=Lattice(3, 3, 40.0)),
    "narrow": FPQA(slm=Lattice(3, 3, 8.8)),
    "long reach": FPQA(slm=Lattice(3, 3, 25.0), rydberg=Rydberg(4.0, 9.0, 1.2)),
    "enola": preset("enola", 3, 3),
    "atomique": preset("atomique", 5, 5),
}
REFUSING_FALLBACK = ("too few lines", "one line", "lines too far apart")


def evolutions(terms, num_qubits):
    """The circuit of rotations, each a gate."""
    circuit = QuantumCircuit(num_qubits)
    for label, angle in terms:
        circuit.append(PauliEvolutionGate(SparsePauliOp(label), angle / 2), range(num_qubits))
    return circuit


def ladders(terms, num_qubits):
    """The circuit of rotations from gates on one and two qubits."""
    circuit = QuantumCircuit(num_qubits)
    for label, angle in terms:
        to_z = QuantumCircuit(num_qubits)
        support = [q for q, letter in enumerate(label[::-1]) if letter != "I"]
        for q in support:
            if label[-1 - q] == "X":
                to_z.h(q)
            elif label[-1 - q] == "Y":
                to_z.sx(q)
        for a, b in itertools.pairwise(support):
            to_z.cx(a, b)
        circuit.compose(to_z, inplace=True)
        if support:
            circuit.rz(angle, support[-1])
        circuit.compose(to_z.inverse(), inplace=True)
    return circuit


def order_of_route(monkeypatch):
    """Return a list that takes the strings of each block in the order in which they are run."""
    order = []
    real = paulis.route_paulis

    def spy(block, *args):
        found = real(block, *args)
        order.extend(block.strings[k] for k in found)
        return found

    monkeypatch.setattr(paulis, "route_paulis", spy)
    return order


# --- (a) order kept --------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(pauli_terms(max_qubits=8, max_strings=7), st.sampled_from(list(DEVICES)), st.integers(0, 3))
def test_programs_equal_their_rotations(terms, name, seed):
    """Compilation checks legality and replays; the simulator here knows nothing of either."""
    program = qpilot.compile_paulis(terms, DEVICES[name], seed=seed)
    assert not program.circuit.reordered
    try:
        assert departure(program, read_paulis(terms)[0]) < 1e-7
    except TooLargeError:
        reject()  # seven long cats at a time, which hypothesis hardly ever finds


@settings(max_examples=60, deadline=None)
@given(pauli_terms(max_qubits=6, max_strings=5), devices(min_sites=6), st.booleans())
def test_random_devices(terms, device, preserve_order):
    try:
        program = qpilot.compile_paulis(terms, device, preserve_order=preserve_order, verify=False)
    except RoutingError:
        return  # no ancilla fits beside a site
    assert check_legal(program) == []
    if preserve_order:
        assert departure(program, read_paulis(terms)[0]) < 1e-7


@pytest.mark.parametrize("name", DEVICES)
def test_dense_strings_on_each_device(name):
    """Four long strings: through several bays, one bay or gates, as the device allows."""
    terms = [("XYZXYZ", 0.3), ("ZZZZZZ", -1.2), ("XIYXXY", 2.0), ("YYXXZI", 7.0)]
    program = qpilot.compile_paulis(terms, DEVICES[name])
    assert departure(program, read_paulis(terms)[0]) < 1e-9
    if name in REFUSING_FALLBACK:
        with pytest.raises(RoutingError):
            paulis.route_paulis(*_arguments(terms, DEVICES[name]))


def _arguments(terms, device):
    strings, n = read_paulis(terms)
    machine = paulis.Machine(device)
    sites = paulis.row_major(n, device.slm.cols)
    layout = machine.layout(sites, (device.slm.rows, device.slm.cols), 2)
    block = paulis.PauliBlock(n, tuple(strings))
    return block, layout, paulis.ProgramBuilder(device, sites), paulis.RouteOptions(), machine.most_lines


@pytest.mark.parametrize(
    "options",
    [
        {"shape": (1, 5)},
        {"shape": (5, 1)},
        {"placement": [(2, 2), (0, 0), (1, 2), (2, 0), (0, 1)]},
        {"placement": "identity", "shape": (2, 4)},
        {"effort": 3},
        {"strategy": "paper"},
        {"num_qubits": 7},
        {"seed": 5},
    ],
    ids=str,
)
def test_options(options):
    terms = [("XXXXX", 0.3), ("ZZIZZ", 0.2), ("IYYYI", 1.1), ("XIZIY", -0.4)]
    device = preset("enola", 5, 5) if "placement" in options else None
    program = qpilot.compile_paulis(terms, device, **options)
    assert program.num_qubits == options.get("num_qubits", 5)
    assert departure(program, read_paulis(terms)[0]) < 1e-9
    if isinstance(options.get("placement"), list):
        assert list(program.sites) == options["placement"]


def test_forms_of_input_are_equal():
    terms = [("XXIZ", 0.3), ("IZZI", -0.1), ("XXIZ", 0.5)]
    as_places = [("ZXX", [0, 2, 3], 0.3), ("ZIZ", (2, 3, 1), -0.1), ("XXIZ", range(3, -1, -1), 0.5)]
    operator = SparsePauliOp.from_list([(label, angle / 2) for label, angle in terms])
    program = qpilot.compile_paulis(terms)
    assert qpilot.compile_paulis(as_places) == program
    assert qpilot.compile_paulis(operator) == program
    assert qpilot.compile_paulis(iter(terms)) == program
    assert qpilot.compile_paulis([list(term) for term in terms]) == program


def test_nothing_to_do():
    program = qpilot.compile_paulis([], num_qubits=3)
    assert (program.num_qubits, program.instructions) == (3, ())
    program = qpilot.compile_paulis([("II", 0.3), ("XX", 0.0), ("ZZ", 2 * math.pi)])
    assert program.instructions == ()
    assert program.circuit.global_phase == pytest.approx(math.pi - 0.15)
    assert departure(program, read_paulis([("II", 0.3), ("ZZ", 2 * math.pi)])[0]) < 1e-9


def test_every_spoilt_program_is_found():
    """Without one instruction, a program is refused or equal, as the simulator says: both referees agree."""
    terms = [("XYZ", 0.3), ("ZZI", 0.2), ("IXX", -0.7)]
    program, circuit = qpilot.compile_paulis(terms), evolutions(terms, 3)
    qpilot.verify(program, circuit)
    states = random_states(3)
    expected = rotated(product_state(states), read_paulis(terms)[0])
    refused = 0
    for _, spoilt in without_each(program):
        try:
            equal = abs(np.vdot(expected, final_state(spoilt, states))) > 1 - 1e-9
        except AssertionError:  # an ancilla is not in |0>
            equal = False
        try:
            qpilot.verify(spoilt, circuit, legality=False)
        except VerificationError:
            refused += 1
        else:
            assert equal
    assert refused > len(program.instructions) / 3
    without_releases = [op for op in program.instructions if not isinstance(op, Release)]
    assert departure(with_instructions(program, without_releases), read_paulis(terms)[0]) < 1e-9


@pytest.mark.parametrize("name", ["default", "one bay", "too few lines"])
def test_another_angle_letter_or_order_is_refused(name):
    terms = [("XYZX", 0.3), ("ZZIX", 0.2), ("IXXY", -0.7)]
    program = qpilot.compile_paulis(terms, DEVICES[name])
    qpilot.verify(program, evolutions(terms, 4))
    for k, (label, angle) in enumerate(terms):
        changed = [(label, angle + 1e-3), (label, -angle), (label[:3] + "I", angle), ("Y" + label[1:], angle)]
        for other in changed:
            with pytest.raises(VerificationError, match="computes another circuit"):
                qpilot.verify(program, evolutions([*terms[:k], other, *terms[k + 1 :]], 4))
    with pytest.raises(VerificationError, match="computes another circuit"):
        qpilot.verify(program, evolutions([terms[2], terms[0], terms[1]], 4))
    qpilot.verify(program, evolutions([terms[1], terms[0], terms[2]], 4))  # all but the first and the last commute


# --- (b) order free --------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(pauli_terms(max_qubits=6, max_strings=8), st.sampled_from(list(DEVICES)))
def test_free_order_is_a_permutation(terms, name):
    merged = merge(read_paulis(terms)[0])
    with pytest.MonkeyPatch.context() as patch:
        order = order_of_route(patch)
        program = qpilot.compile_paulis(terms, DEVICES[name], preserve_order=False)
    given = list(merged.strings)  # the order kept by what is routed one by one or as gates
    assert sorted(order or given) == sorted(given)
    phase = paulis.PauliString((), -2 * merged.global_phase)
    assert min(departure(program, [*order, phase]), departure(program, [*given, phase])) < 1e-7
    assert program.circuit.reordered
    assert program.metrics.reordered


@pytest.mark.parametrize("seed", range(6))
def test_free_order_is_some_product_formula(seed):
    """By brute force: one permutation of four strings, and for strings that clash not always the one given."""
    rng = np.random.default_rng(seed)
    terms = [("".join(rng.choice(list("XYZ"), 4)), float(rng.uniform(0.3, 2))) for _ in range(4)]
    program = qpilot.compile_paulis(terms, preserve_order=False)
    best = min(departure(program, order) for order in itertools.permutations(read_paulis(terms)[0]))
    assert best < 1e-9


def test_a_reordered_program_survives_a_file(tmp_path):
    terms = [("XXX", 0.1), ("ZZZ", 0.2), ("XXI", 0.3), ("IZZ", 0.4)]
    for preserve_order in (True, False):
        program = qpilot.compile_paulis(terms, preserve_order=preserve_order)
        path = tmp_path / f"{preserve_order}.json"
        program.save(path)
        loaded = Program.load(path)
        assert loaded == program
        assert loaded.metrics.reordered is loaded.circuit.reordered is not preserve_order
        assert ("order          free" in str(loaded)) is not preserve_order
        assert msgspec.json.decode(path.read_bytes())["circuit"]["reordered"] is not preserve_order


# --- (c) large Clifford lists ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("density", "lines"),
    [(0.1, 100), pytest.param(0.3, 12, marks=pytest.mark.slow), pytest.param(0.6, 100, marks=pytest.mark.slow)],
)
def test_a_hundred_qubits(density, lines):
    rng = np.random.default_rng(7)
    p = [1 - density, *[density / 3] * 3]
    terms = [("".join(rng.choice(list("IXYZ"), 100, p=p)), math.pi / 2 * int(rng.integers(1, 4))) for _ in range(60)]
    program = qpilot.compile_paulis(terms, FPQA(slm=Lattice(10, 10), aods=(AOD(lines, lines),)))
    assert stabilizer_equal(program, ladders(terms, 100))
    if density == 0.1:
        assert not stabilizer_equal(program, ladders(terms[1:], 100))


# --- (e) equal inputs, equal programs --------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(pauli_terms(), st.booleans(), st.integers(0, 9))
def test_equal_inputs_and_seed_give_equal_bytes(terms, preserve_order, seed):
    first, second = (
        program_to_json(qpilot.compile_paulis(terms, preserve_order=preserve_order, seed=seed)) for _ in range(2)
    )
    assert first == second


def test_equal_bytes_in_another_process():
    """Sets of strings have another order in each process."""
    code = (
        "import qpilot, sys; from qpilot.arch.formats import program_to_json as dump\n"
        "terms = [('XYZIXYZ', 0.3), ('ZZIZZXX', 0.2), ('IIXXYYI', 0.5), ('XIIIIIZ', 1.0), ('YYYYYYY', 0.1)]\n"
        "print(*(dump(qpilot.compile_paulis(terms, preserve_order=kept)) for kept in (True, False)))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(number)},
            capture_output=True,
            check=True,
            timeout=120,
        ).stdout
        for number in (1, 2)
    }
    assert len(outputs) == 1
    assert len(outputs.pop()) > 1000


# --- verification against circuits of gates --------------------------------------------------------------------------


@pytest.mark.parametrize("circuit_of", [evolutions, ladders])
def test_verification_against_gates_on_pairs(circuit_of):
    terms = [("XX", 0.3), ("ZZ", 0.2)]
    qpilot.verify(qpilot.compile_paulis(terms), circuit_of(terms, 2))
