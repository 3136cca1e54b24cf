"""`compile`: every program is legal and right, whatever the circuit, device and options; errors say what to do."""

import math
import os
import subprocess
import sys
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit

import qpilot
from qpilot import compiler
from qpilot.arch import AOD, FPQA, Lattice, Measure, Move, Program, Raman, Release, Rydberg
from qpilot.arch import RydbergPulse as Pulse
from qpilot.arch.errors import DeviceError, OptionError, RoutingError
from qpilot.arch.formats import program_to_json
from qpilot.compiler import CompileOptions
from qpilot.frontend import lower
from qpilot.testing import assert_same_circuit, stabilizer_equal, statevector_fidelity
from tests.strategies import circuits, devices

STRATEGIES = ("rounds", "paper")
OBJECTIVES = ("balanced", "depth", "num_2q", "duration", "fidelity")


@st.composite
def options(draw, num_qubits, slm):
    """Arguments of `compile`: a placement of each kind, and a shape where it says something."""
    chosen = {
        "strategy": draw(st.sampled_from(STRATEGIES)),
        "objective": draw(st.sampled_from(OBJECTIVES)),
        "seed": draw(st.integers(0, 5)),
        "effort": draw(st.sampled_from([1, 1, 1, 2])),
        "placement": draw(st.sampled_from(["auto", "identity", "sites"])),
    }
    if chosen["placement"] == "sites":
        sites = draw(st.permutations([(r, c) for r in range(slm.rows) for c in range(slm.cols)]))
        chosen["placement"] = sites[:num_qubits]
    elif draw(st.booleans()):
        cols = draw(st.integers(math.ceil(num_qubits / slm.rows), slm.cols))
        chosen["shape"] = draw(st.integers(math.ceil(num_qubits / cols), slm.rows)), cols
    return chosen


@st.composite
def cases(draw, max_qubits=12, max_gates=25):
    """(circuit, device, options)."""
    circuit = draw(circuits(max_qubits, max_gates, measured=True, barriers=True))
    device = draw(devices(min_sites=circuit.num_qubits))
    return circuit, device, draw(options(circuit.num_qubits, device.slm))


def random_cz(num_qubits, num_gates, seed=0, barrier_every=None):
    """CZ and Hadamard gates on random qubits."""
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(num_qubits)
    for k in range(num_gates):
        circuit.cz(*rng.choice(num_qubits, size=2, replace=False).tolist())
        circuit.h(int(rng.integers(num_qubits)))
        if barrier_every and k % barrier_every == 0:
            circuit.barrier()
    return circuit


def clifford(num_qubits, num_gates, seed):
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(num_qubits)
    for name in rng.choice(["h", "s", "sx", "x", "cz", "cx", "swap"], num_gates):
        size = 2 if name in ("cz", "cx", "swap") else 1
        getattr(circuit, name)(*rng.choice(num_qubits, size=size, replace=False).tolist())
    return circuit


# --- every program is legal and right --------------------------------------------------------------------------------


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cases())
def test_programs_are_legal_and_right_and_repeatable(case):
    circuit, device, chosen = case
    before = circuit.copy()
    program = qpilot.compile(circuit, device, **chosen)
    assert circuit == before
    assert qpilot.check_legal(program) == []
    assert_same_circuit(program, circuit)
    assert program.device == device
    assert (program.num_qubits, program.circuit.num_clbits) == (circuit.num_qubits, circuit.num_clbits)
    assert program_to_json(qpilot.compile(circuit, device, **chosen)) == program_to_json(program)
    if not isinstance(chosen["placement"], str):
        assert program.sites == tuple(chosen["placement"])
    elif "shape" in chosen:
        rows, cols = chosen["shape"]
        assert all(row < rows and col < cols for row, col in program.sites)


@settings(max_examples=25, deadline=None)
@given(case=cases(max_gates=8))
def test_saved_and_loaded(tmp_path_factory, case):
    circuit, device, chosen = case
    path = tmp_path_factory.mktemp("programs") / "program.json.gz"
    program = qpilot.compile(circuit, device, **chosen)
    program.save(path)
    assert Program.load(path) == program


@settings(max_examples=50, deadline=None)
@given(circuits(max_qubits=4, max_gates=12, barriers=True), st.sampled_from(STRATEGIES), st.sampled_from(OBJECTIVES))
def test_small_programs_have_the_state_of_their_circuits_and_its_phase(circuit, strategy, objective):
    """With one line for each axis, or one for each row and column, few atoms are needed."""
    n = circuit.num_qubits
    lines = AOD(1, 1) if strategy == "paper" else AOD(1, n)
    device = FPQA(Lattice(1, n), aods=(lines,))
    program = qpilot.compile(circuit, device, strategy=strategy, objective=objective)
    assert program.num_atoms <= 8
    assert statevector_fidelity(program, circuit, global_phase=True) == pytest.approx(1)


@pytest.mark.parametrize(("n", "strategy", "objective"), [
    (50, "rounds", "balanced"), (50, "rounds", "depth"), (50, "paper", "balanced"), (100, "rounds", "balanced"),
])  # fmt: skip
def test_large_clifford_programs(n, strategy, objective):
    circuit = clifford(n, 4 * n, seed=n)
    program = qpilot.compile(circuit, strategy=strategy, objective=objective)
    assert stabilizer_equal(program, circuit)
    assert program.depth < program.metrics.num_2q


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("circuit", [
    QuantumCircuit(1), QuantumCircuit(1, 1), QuantumCircuit(7), QuantumCircuit(3, global_phase=1.0),
])  # fmt: skip
def test_circuits_without_gates(circuit, strategy):
    program = qpilot.compile(circuit, strategy=strategy)
    assert program.instructions == ()
    assert program.depth == 0
    assert statevector_fidelity(program, circuit, global_phase=True) == pytest.approx(1)


def test_a_circuit_of_measurements_alone():
    circuit = QuantumCircuit(3, 2)
    circuit.measure([2, 0], [0, 1])
    program = qpilot.compile(circuit)
    assert program.instructions == (Measure((2, 0), (0, 1)),)


def test_a_circuit_of_one_qubit_gates_alone():
    circuit = QuantumCircuit(3)
    circuit.h([0, 1, 2])
    circuit.t(1)
    program = qpilot.compile(circuit)
    assert all(isinstance(step, Raman) for step in program.instructions)
    assert statevector_fidelity(program, circuit, global_phase=True) == pytest.approx(1)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_qubits_without_gates_stay_alone(strategy):
    circuit = QuantumCircuit(9)
    circuit.cz(0, 8)
    program = qpilot.compile(circuit, strategy=strategy)
    pulses = [step for step in program.instructions if isinstance(step, Pulse)]
    assert {atom for step in pulses for pair in step.pairs for atom in pair} == {0, 8, 9}
    assert (program.depth, program.metrics.num_2q) == (3, 3)


def test_verification_changes_nothing():
    circuit = random_cz(6, 20)
    assert program_to_json(qpilot.compile(circuit, verify=False)) == program_to_json(qpilot.compile(circuit))


def test_the_global_phase_is_right_without_verification_too():
    circuit = QuantumCircuit(1)
    circuit.ry(3, 0)
    circuit.barrier()
    circuit.ry(3, 0)
    program = qpilot.compile(circuit, verify=False)
    assert statevector_fidelity(program, circuit, global_phase=True) == pytest.approx(1)


def test_equal_programs_in_every_process():
    """Nothing depends on the order of hashes, which differs between processes."""
    code = (
        "import sys, qpilot; from qpilot.arch.formats import program_to_json as json; from qiskit import qasm3\n"
        "from tests.qpilot.test_compiler import random_cz\n"
        "c = random_cz(12, 60, barrier_every=9)\n"
        "for o in ('balanced', 'depth'): sys.stdout.buffer.write(json(qpilot.compile(c, objective=o)))"
    )
    # Qiskit leaves a deprecated import to its readers of OpenQASM 3; warnings are not the point here.
    runs = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
        )
        for seed in ("1", "2")
    ]
    first, second = (run.communicate(timeout=60)[0] for run in runs)
    assert first == second
    assert first.startswith(b'{"format"')


# --- bugs that were found by the fuzzer ------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_segment_opened_at_a_barrier_waits_for_the_home_pulse(strategy, objective):
    circuit = QuantumCircuit(2)
    circuit.cz(0, 1)
    circuit.barrier()
    circuit.h(1)
    circuit.cz(0, 1)
    program = qpilot.compile(circuit, placement="identity", strategy=strategy, objective=objective)
    assert_same_circuit(program, circuit)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("min_spacing_um", [0.1, 0.5, 1.0, 3.0, 14.0])
def test_lines_may_be_closer_than_atoms(strategy, min_spacing_um):
    circuit = QuantumCircuit(6)
    for pair in [(4, 0), (3, 2), (0, 5), (1, 4), (3, 2), (2, 0), (2, 3), (1, 3), (4, 5), (5, 0), (1, 4), (4, 2)]:
        circuit.cz(*pair)
    device = FPQA(FPQA.for_qubits(6).slm, aods=(AOD(min_spacing_um=min_spacing_um),))
    assert_same_circuit(qpilot.compile(circuit, device, placement="identity", strategy=strategy), circuit)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_lines_farther_apart_than_sites(strategy):
    """No two lines can stand at neighbouring sites, so they cannot all be at home at once."""
    circuit = QuantumCircuit(4)
    circuit.cz(0, 2)
    circuit.cz(1, 3)
    device = FPQA(Lattice(2, 2), aods=(AOD(min_spacing_um=20.0),))
    assert_same_circuit(qpilot.compile(circuit, device, placement="identity", strategy=strategy), circuit)


# --- barriers --------------------------------------------------------------------------------------------------------


def logical_steps(program):
    """Yield (instruction, gate) for the CZ gates of the circuit, as ("cz", q, r), and gates as ("u", q, theta).

    A copy is driven by one gate before it takes the value of its source, and by one after.
    """
    n = program.num_qubits
    turned, source = set(), {}
    for index, step in enumerate(program.instructions):
        if isinstance(step, Raman):
            for atom, (theta, _, _) in zip(step.atoms, step.angles, strict=True):
                if atom >= n:
                    turned ^= {atom}
                elif theta:
                    yield index, ("u", atom, round(theta, 9))
        elif isinstance(step, Pulse):
            for qubit, copy in step.pairs:
                if copy in turned and copy in source:
                    assert source.pop(copy) == qubit
                elif copy in turned:
                    source[copy] = qubit
                elif source[copy] != qubit:
                    yield index, ("cz", *sorted((qubit, source[copy])))


def half(circuit, rng, qubits):
    """Append CZ gates and one-qubit gates on these qubits."""
    for _ in range(12):
        a, b = rng.choice(qubits, size=2, replace=False).tolist()
        circuit.cz(a, b)
        circuit.h(int(rng.choice(qubits)))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("seed", range(3))
def test_a_full_barrier_keeps_two_qubit_gates_apart(strategy, objective, seed):
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(8)
    half(circuit, rng, range(0, 8, 2))
    circuit.barrier()
    half(circuit, rng, range(1, 8, 2))
    with mock.patch.object(compiler, "TRY_BOTH", 0):  # CZ . H . CZ is not taken as one gate
        program = qpilot.compile(circuit, router="generic", strategy=strategy, objective=objective, seed=seed)
    found = [gate for _, gate in logical_steps(program) if gate[0] == "cz"]
    sides = [a % 2 for _, a, _ in found]
    assert sides == sorted(sides)
    assert set(sides) == {0, 1}
    assert len(found) == len(lower(circuit, gathered=False).block.gates)  # equal gates cancel on either side


def test_barriers_keep_one_qubit_gates_from_merging():
    circuit = QuantumCircuit(1)
    circuit.ry(0.1, 0)
    circuit.barrier()
    circuit.ry(0.2, 0)
    program = qpilot.compile(circuit)
    assert [gate for _, gate in logical_steps(program)] == [("u", 0, pytest.approx(0.1)), ("u", 0, pytest.approx(0.2))]


def test_a_full_barrier_keeps_one_qubit_gates_apart():
    """The gate on qubit 1 comes after both on qubit 0."""
    circuit = QuantumCircuit(2)
    circuit.ry(0.1, 0)
    circuit.barrier(0)
    circuit.ry(0.2, 0)
    circuit.barrier()
    circuit.ry(0.3, 1)
    index = {gate[2]: index for index, gate in logical_steps(qpilot.compile(circuit))}
    assert index[0.1] < index[0.2] < index[0.3]


# --- placements and shapes -------------------------------------------------------------------------------------------


def test_identity_placement_is_row_by_row():
    program = qpilot.compile(random_cz(5, 6), FPQA(Lattice(4, 6)), placement="identity")
    assert program.sites == ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1))
    wide = qpilot.compile(random_cz(5, 6), placement="identity", shape=(1, 5))
    assert wide.sites == tuple((0, q) for q in range(5))
    assert (wide.device.slm.rows, wide.device.slm.cols) == (1, 5)


def test_a_region_far_larger_than_the_circuit_scatters_nothing():
    program = qpilot.compile(random_cz(5, 6), shape=(2000, 3000))
    assert program.device.slm.num_sites == 6_000_000
    assert program.sites == qpilot.compile(random_cz(5, 6), shape=(5, 5)).sites


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_explicit_placement_is_respected(strategy):
    sites = [(3, 1), (0, 4), (2, 2), (3, 5)]
    circuit = random_cz(4, 10)
    program = qpilot.compile(circuit, FPQA(Lattice(4, 6)), placement=sites, strategy=strategy)
    assert program.sites == tuple(sites)
    assert_same_circuit(program, circuit)


def test_more_effort_is_never_worse():
    circuit = random_cz(10, 40)
    for objective, cost in (("depth", lambda m: m.depth), ("balanced", lambda m: m.depth + 0.25 * m.num_2q)):
        costs = [cost(qpilot.compile(circuit, effort=effort, objective=objective).metrics) for effort in (1, 3)]
        assert costs[1] <= costs[0]


def test_the_default_strategy_beats_the_published_one():
    circuit = random_cz(30, 90)
    rounds, paper = (qpilot.compile(circuit, strategy=strategy).depth for strategy in STRATEGIES)
    assert rounds < 0.7 * paper


# --- unusual devices -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lines", [(1, 1), (1, 2), (2, 1), (2, 3), (3, 100)])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_few_lines(lines, strategy):
    circuit = random_cz(9, 20)
    device = FPQA(Lattice(3, 3), aods=(AOD(*lines),))
    program = qpilot.compile(circuit, device, strategy=strategy)
    assert_same_circuit(program, circuit)
    for step in program.instructions:
        if isinstance(step, Move):
            assert (len(step.rows_um), len(step.cols_um)) <= lines


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("spacing_um", [7.0, 9.0, 12.4])
@pytest.mark.parametrize("shape", [(1, 8), (3, 3), (8, 1)])
def test_where_no_copy_can_park_between_sites(spacing_um, objective, shape):
    circuit = random_cz(8, 30)
    device = FPQA(Lattice(*shape, spacing_um))
    assert_same_circuit(qpilot.compile(circuit, device, objective=objective), circuit)


def test_a_second_aod_changes_nothing():
    circuit = random_cz(6, 15)
    one = FPQA(Lattice(2, 3))
    two = one.replace(aods=(*one.aods, AOD(2, 2)))
    assert qpilot.compile(circuit, two).instructions == qpilot.compile(circuit, one).instructions


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_sites_too_close_for_ancillas(strategy):
    with pytest.raises(RoutingError, match=r"^The sites are 6\.5 um apart.*at least 6\.96 um\.$"):
        qpilot.compile(random_cz(4, 5), FPQA(Lattice(2, 2, 6.5)), strategy=strategy)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_geometry_is_compiled_or_refused(data):
    """Distances at the limits: what cannot be routed is refused in one sentence; nothing illegal comes out."""
    circuit = data.draw(circuits(max_qubits=9, max_gates=15))
    radius, n = data.draw(st.floats(1, 5)), circuit.num_qubits
    least, safe = radius * data.draw(st.floats(0.05, 0.98)), radius * data.draw(st.floats(1.02, 3))
    cols = data.draw(st.integers(1, n))
    spacing = safe * data.draw(st.sampled_from([1.0, 1.1, 1.5, 1.99, 2.0, 2.01, 3.0]))
    aod = AOD(data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20)), spacing * data.draw(st.floats(0.02, 1.5)))
    device = FPQA(Lattice(math.ceil(n / cols), cols, spacing), (aod,), Rydberg(radius, safe, least))
    try:
        program = qpilot.compile(circuit, device, objective=data.draw(st.sampled_from(OBJECTIVES)))
    except RoutingError as error:
        assume("; the routers need at least" in str(error))  # anything else would be news
        return
    assert qpilot.check_legal(program) == []


# --- options and progress --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"strategy": "round"}, "strategy is 'round', which is not known; did you mean 'rounds'?"),
        ({"strategy": "zigzag"}, "strategy is 'zigzag', which is not known; choose 'rounds' or 'paper'."),
        ({"objective": "dept"}, "objective is 'dept', which is not known; did you mean 'depth'?"),
        ({"router": "generics"}, "router is 'generics', which is not known; did you mean 'generic'?"),
        ({"placement": "identify"}, "placement is 'identify', which is not known; did you mean 'identity'?"),
        ({"shape": "auto!"}, "shape is 'auto!', which is not known; did you mean 'auto'?"),
        ({"shape": (2,)}, "shape is (2,); it must be a pair of whole numbers (rows, cols), at least 1."),
        ({"shape": (0, 4)}, "shape is (0, 4); it must be a pair of whole numbers (rows, cols), at least 1."),
        ({"shape": (2, 2.5)}, "shape is (2, 2.5); it must be a pair of whole numbers (rows, cols), at least 1."),
        ({"shape": None}, "shape is None; it must be a pair of whole numbers (rows, cols), at least 1."),
        ({"effort": 0}, "effort is 0; it must be a whole number, at least 1."),
        ({"effort": True}, "effort is True; it must be a whole number, at least 1."),
        ({"effort": 1.5}, "effort is 1.5; it must be a whole number, at least 1."),
        ({"seed": -1}, "seed is -1; it must be a whole number, at least 0."),
        ({"placement": [(0, 0)]}, "placement has 1 sites for 4 qubits; it needs one for each."),
        ({"placement": [(0, 0), (0, 1), (1, 0), (0, 1)]}, "placement puts two qubits at one site."),
        (
            {"placement": [(0, 0), (0, 1), (1, 0), (2, 1)]},
            "placement puts qubit 3 at (2, 1), off the 2 x 2 lattice.",
        ),
        (
            {"placement": [(0, 0), (0, 1), (1, 0), (-1, 1)]},
            "placement of qubit 3 is (-1, 1); it must be a pair of whole numbers (rows, cols), at least 0.",
        ),
    ],
)  # fmt: skip
def test_option_errors(given, message):
    with pytest.raises(OptionError) as error:
        qpilot.compile(random_cz(4, 3), **given)
    assert str(error.value) == message


@pytest.mark.parametrize("placement", [
    [0, 1, 2, 3], ["ab"] * 4, [(0, 0), (0, 1), (1, 0), None],
    None, 3,
])  # fmt: skip
def test_placements_of_the_wrong_type(placement):
    with pytest.raises(OptionError, match=r"^placement .*\.$"):
        qpilot.compile(random_cz(4, 3), placement=placement)


@pytest.mark.parametrize(
    ("device", "given", "message"),
    [
        (FPQA(Lattice(2, 2)), {}, "The circuit has 5 qubits, but the lattice of device 'fpqa' has 2 x 2 = 4 sites"),
        (FPQA(Lattice(3, 3)), {"shape": (4, 2)}, "The shape 4 x 2 does not fit on the 3 x 3 lattice of device 'fpqa'."),
        (FPQA(Lattice(3, 3)), {"shape": (2, 2)}, "The shape 2 x 2 has 4 sites for 5 qubits; give a larger one."),
        (None, {"shape": (1, 4)}, "has 1 x 4 = 4 sites"),
    ],
)
def test_devices_too_small(device, given, message):
    with pytest.raises(DeviceError) as error:
        qpilot.compile(random_cz(5, 3), device, **given)
    assert message in str(error.value)


def test_options_as_a_value():
    assert CompileOptions() == CompileOptions(seed=0)
    with pytest.raises(OptionError):
        CompileOptions(effort=0)


@pytest.mark.parametrize("chosen", [{}, {"strategy": "paper"}, {"effort": 3}, {"verify": False}])
@pytest.mark.parametrize("num_gates", [0, 30])
def test_progress(chosen, num_gates):
    told = []
    qpilot.compile(random_cz(10, num_gates), progress=lambda fraction, phase: told.append((fraction, phase)), **chosen)
    fractions = [fraction for fraction, _ in told]
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert all(a <= b for a, b in pairwise(fractions))
    assert all(phase and isinstance(phase, str) for _, phase in told)


def test_ancillas_are_released_once_they_are_dark():
    """At the end no ancilla is bright."""
    program = qpilot.compile(random_cz(8, 20))
    bright = set()
    for step in program.instructions:
        if isinstance(step, Raman):
            bright |= {atom for atom in step.atoms if atom >= program.num_qubits}
        elif isinstance(step, Release):
            bright -= set(step.atoms)
    assert not bright
