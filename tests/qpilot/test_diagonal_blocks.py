"""Diagonal blocks in circuits, compiled: legal, right to the global phase, on every kind of device."""

import contextlib
import math
from unittest import mock

import msgspec
import networkx as nx
import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

import qpilot
from qpilot.arch import AOD, FPQA, Lattice, Move, Rydberg
from qpilot.routing import dense, diagonal, gates, sweep
from qpilot.testing import assert_same_circuit, stabilizer_equal, statevector_fidelity
from tests.sparse_simulator import TooLargeError, final_state, product_state, random_states
from tests.strategies import NATIVES

SPECIAL_ANGLES = (0.0, math.pi / 4, math.pi / 2, math.pi, -math.pi, 2 * math.pi)
MOST_ATOMS = 15
"""Programs of more atoms are simulated as sparse states, since most ancillas are copies at any time."""


@contextlib.contextmanager
def diagonal_router(fewest=None):
    """Record the plans that are routed; with `fewest`, blocks of that many gates are taken, after a short search."""
    plans = []
    route = diagonal.route_diagonal

    def record(plan, *args):
        plans.append(plan)
        return route(plan, *args)

    def take_all(gates, device):
        return len(gates) >= fewest

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(diagonal, "route_diagonal", record))
        if fewest is not None:
            stack.enter_context(mock.patch.object(diagonal, "ROUNDS", ((2, 2), (1, 2))))
            stack.enter_context(mock.patch.object(diagonal, "MOST_STARTS", 2))
            stack.enter_context(mock.patch.object(sweep, "TRIES_PER_ROUND", 200))
            for module in (diagonal, dense):
                stack.enter_context(mock.patch.object(module, "is_dense", take_all))
            stack.enter_context(mock.patch.object(gates, "_compare", return_value=(True, "")))
        yield plans


def assert_right(program, circuit):
    """Assert that a program has the state of its circuit, phase included."""
    if program.num_atoms <= MOST_ATOMS:
        assert statevector_fidelity(program, circuit, global_phase=True) == pytest.approx(1, abs=1e-6)
        return
    states = random_states(circuit.num_qubits)
    unitary = circuit.remove_final_measurements(inplace=False)
    expected = Statevector(product_state(states)).evolve(unitary).data
    with contextlib.suppress(TooLargeError):  # a few in a thousand, which `compile` has replayed
        assert abs(final_state(program, states) - expected).max() < 1e-6


# --- random circuits -------------------------------------------------------------------------------------------------


def random_angle(rng):
    return float(rng.choice(SPECIAL_ANGLES) if rng.random() < 0.3 else rng.uniform(-7, 7))


def add_layer(circuit, rng):
    """Append diagonal gates, plain CZ or all kinds, some of them on the same pair; and now and then a barrier."""
    n = circuit.num_qubits
    kinds = ["cz"] if rng.random() < 0.3 else ["cz", "cp", "cp", "rzz", "rzz", "crz", "cx-rz-cx", "p", "rz", "barrier"]
    for kind in rng.choice(kinds, size=int(rng.integers(1, 2 + rng.choice([n, n, 2 * n, n * (n - 1) // 2])))):
        a, b = rng.choice(n, size=2, replace=False).tolist()
        if kind == "cx-rz-cx":
            circuit.cx(a, b)
            circuit.rz(random_angle(rng), b)
            circuit.cx(a, b)
        elif kind == "barrier":
            if rng.random() < 0.3:
                circuit.barrier(*rng.choice(n, size=int(rng.integers(1, n + 1)), replace=False).tolist())
        elif kind in ("p", "rz"):
            getattr(circuit, kind)(random_angle(rng), a)
        else:
            getattr(circuit, kind)(*([] if kind == "cz" else [random_angle(rng)]), a, b)


def add_others(circuit, rng):
    """Append some gates that are not diagonal."""
    n = circuit.num_qubits
    for _ in range(int(rng.integers(0, n))):
        a, b = rng.choice(n, size=2, replace=False).tolist()
        getattr(circuit, str(rng.choice(["cx", "swap", "ch"])))(a, b)
        circuit.u(*(random_angle(rng) for _ in range(3)), a)


def random_circuit(rng):
    """Layers of diagonal gates, with mixers or other gates before, between and after."""
    n = int(rng.integers(2, 13))
    circuit = QuantumCircuit(n, n, global_phase=random_angle(rng))
    if rng.random() < 0.5:
        circuit.h(range(n))
    else:
        add_others(circuit, rng)
    for _ in range(int(rng.integers(1, 3))):
        add_layer(circuit, rng)
        if rng.random() < 0.6:
            circuit.rx(random_angle(rng), range(n))
        else:
            add_others(circuit, rng)
    if rng.random() < 0.3:
        circuit.measure(range(n), range(n))
    return circuit


def random_device(rng, num_qubits):
    """A device of any native gate with about as many lines as one or two copies need, some too few or far apart."""
    cols = int(rng.integers(1, num_qubits + 1))
    rows = math.ceil(num_qubits / cols) + int(rng.integers(0, 2))
    rydberg = Rydberg() if rng.random() < 0.5 else Rydberg(2.0, float(rng.uniform(2.2, 6.0)), 0.8)
    spacing = (rydberg.safe_distance_um + rydberg.min_atom_distance_um) * float(rng.choice([1.0, 1.4, 2.1, 3.0]))
    lines = (max(1, count * int(rng.integers(1, 3)) + int(rng.choice([-1, 0, 0, 0, 1]))) for count in (rows, cols))
    gap = spacing * float(rng.uniform(0.1, 1.1)) if rng.random() < 0.3 else 1.0
    native, individual = NATIVES[rng.integers(len(NATIVES))]
    return FPQA(
        slm=Lattice(rows, cols, spacing),
        aods=(AOD(*lines, gap),),
        rydberg=msgspec.structs.replace(rydberg, individual_phases=individual),
        native=native,
        name=f"fuzz-{rows}x{cols}",
    )


@pytest.mark.parametrize("batch", range(10))
def test_random_diagonal_blocks_are_legal_and_right(batch):
    """500 circuits, in each of which every diagonal block is routed as a whole where the device allows it."""
    used = 0
    for number in range(50):
        rng = np.random.default_rng((batch, number))
        circuit = random_circuit(rng)
        device = random_device(rng, circuit.num_qubits) if rng.random() < 0.9 else None
        placement = str(rng.choice(["auto", "identity"]))
        strategy = str(rng.choice(["rounds", "paper"], p=[0.8, 0.2]))
        with diagonal_router(fewest=int(rng.integers(1, 5))) as plans:
            try:
                program = qpilot.compile(circuit, device, placement=placement, strategy=strategy, seed=number)
            except qpilot.RoutingError:
                assert device is not None
                continue
        assert_right(program, circuit)
        used += bool(plans)
    assert used >= 15  # some devices have too few lines, some circuits no block


def test_gates_that_recycling_makes_ready_are_not_lost():
    """The copies of the gates before a block are recycled first, which may open segments with gates of their own."""
    circuit = QuantumCircuit(9)
    circuit.cz(1, 8)
    circuit.barrier(0, 4, 2, 7, 3, 8, 1, 5)
    circuit.cx(2, 6)
    circuit.cz(5, 3)
    circuit.rzz(1.7, 3, 2)
    circuit.crz(-2.7, 7, 1)
    circuit.rzz(2.4, 7, 6)
    for fewest in (1, 3):
        for cols in (1, 3, 4, 7, 9):
            with diagonal_router(fewest):
                program = qpilot.compile(circuit, shape=(math.ceil(9 / cols), cols), placement="identity")
            assert_right(program, circuit)


# --- QAOA and other circuits, as the compiler takes them -------------------------------------------------------------


def weighted(graph, seed=0):
    rng = np.random.default_rng(seed)
    for *_, data in graph.edges(data=True):
        data["weight"] = float(rng.choice([0.5, 1.0, -2.0]))
    return graph


@pytest.mark.parametrize("strategy", ["rounds", "paper"])
@pytest.mark.parametrize("layers", [1, 3])
def test_cost_layers_of_qaoa_are_routed_as_blocks(strategy, layers):
    graph = weighted(nx.random_regular_graph(6, 14, seed=1))
    circuit = qpilot.qaoa_circuit(graph, [0.4, 0.7, 0.1][:layers], [0.3, 0.2, 0.9][:layers])
    with diagonal_router() as plans:
        program = qpilot.compile(circuit, strategy=strategy)
    assert len(plans) == layers
    assert all(sum(map(len, plan.gates)) == graph.number_of_edges() for plan in plans)
    assert_same_circuit(program, circuit)
    if strategy == "paper":
        assert all(plan.grid.copies == (1, 1) for plan in plans)


def test_only_the_auto_router_takes_blocks():
    circuit = qpilot.qaoa_circuit(nx.complete_graph(8), [0.4], [0.3])
    with diagonal_router() as plans:
        assert_same_circuit(qpilot.compile(circuit, router="generic"), circuit)
    assert not plans


def test_a_star_is_left_to_the_generic_router():
    circuit = qpilot.qaoa_circuit(nx.star_graph(12), [0.4], [0.3])
    with diagonal_router() as plans:
        assert_same_circuit(qpilot.compile(circuit), circuit)
    assert not plans


def test_a_block_pays():
    circuit = qpilot.qaoa_circuit(nx.gnp_random_graph(24, 0.4, seed=0), [0.4], [0.3])
    assert qpilot.compile(circuit).depth < 0.7 * qpilot.compile(circuit, router="generic").depth


def test_a_program_of_two_copies_has_the_state_of_its_circuit():
    """Small enough to simulate: a complete graph on 2 x 3 sites, with 12 lines of copies of 6 qubits."""
    circuit = qpilot.qaoa_circuit(weighted(nx.complete_graph(6)), [0.4], [0.3])
    device = FPQA(slm=Lattice(2, 3), aods=(AOD(2, 6),))
    with diagonal_router(fewest=1) as plans:
        program = qpilot.compile(circuit, device)
    assert plans[0].grid.copies == (1, 2)
    assert program.num_atoms > 12
    assert statevector_fidelity(program, circuit, global_phase=True) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("lines", "copies"),
    [((4, 4), {(1, 1)}), ((8, 4), {(2, 1)}), ((4, 8), {(1, 2)}), ((8, 8), {(2, 2)}), ((7, 7), {(1, 1)})],
)
def test_copies_are_as_many_as_the_lines_allow(lines, copies):
    circuit = qpilot.qaoa_circuit(nx.complete_graph(16), [0.4], [0.3])
    device = FPQA(slm=Lattice(4, 4), aods=(AOD(*lines),))
    with diagonal_router(fewest=8) as plans:
        program = qpilot.compile(circuit, device)
    assert {plan.grid.copies for plan in plans} == copies
    moves = [op for op in program.instructions if isinstance(op, Move)]
    assert all(len(op.rows_um) <= lines[0] and len(op.cols_um) <= lines[1] for op in moves)
    assert_same_circuit(program, circuit)


@pytest.mark.parametrize("lines", [(3, 4), (4, 3), (1, 1), (2, 100)])
def test_too_few_lines_fall_back(lines):
    circuit = qpilot.qaoa_circuit(nx.complete_graph(16), [0.4], [0.3])
    device = FPQA(slm=Lattice(4, 4), aods=(AOD(*lines),))
    with diagonal_router() as plans:
        program = qpilot.compile(circuit, device)
    assert not plans
    assert_same_circuit(program, circuit)


@pytest.mark.parametrize("gap", [1.0, 5.9, 6.5, 7.4, 8.0, 10.0, 14.0, 15.0])
def test_lines_keep_the_spacing_of_the_aod(gap):
    """Where lines must be farther apart than the safe distance, they are so between and outside the sites, too."""
    circuit = qpilot.qaoa_circuit(nx.random_regular_graph(3, 12, seed=0), [0.4], [0.3])
    device = FPQA(slm=Lattice(3, 4), aods=(AOD(100, 100, gap),))
    with diagonal_router(fewest=1) as plans:
        program = qpilot.compile(circuit, device)
    assert plans
    assert_same_circuit(program, circuit)


@pytest.mark.parametrize("spacing", [7.3, 8.0, 12.0, 12.6, 14.0, 20.0])
def test_sites_may_be_too_close_for_parking(spacing):
    circuit = qpilot.qaoa_circuit(nx.random_regular_graph(3, 12, seed=0), [0.4], [0.3])
    with diagonal_router(fewest=1) as plans:
        program = qpilot.compile(circuit, FPQA(slm=Lattice(3, 4, spacing)))
    assert plans
    assert_same_circuit(program, circuit)


def test_blocks_among_other_gates_keep_the_number_of_lines():
    """The generic router has several lines for each site, the diagonal one as many as its copies need."""
    rng = np.random.default_rng(0)
    circuit = QuantumCircuit(16)
    for _ in range(3):
        add_others(circuit, rng)
        for a, b in nx.random_regular_graph(5, 16, seed=1).edges:
            circuit.rzz(0.1 * (a + b), a, b)
        circuit.h(range(0, 16, 2))
    with diagonal_router() as plans:
        program = qpilot.compile(circuit)
    assert plans
    moves = [op for op in program.instructions if isinstance(op, Move)]
    assert len({(len(op.rows_um), len(op.cols_um)) for op in moves}) == 1
    assert_same_circuit(program, circuit)


def test_a_qft_is_right():
    from qiskit.synthesis.qft import synth_qft_full

    circuit = synth_qft_full(9)
    with diagonal_router(fewest=2) as plans:
        program = qpilot.compile(circuit)
    assert plans
    assert_same_circuit(program, circuit)


def test_equal_seeds_give_equal_programs():
    from qpilot.arch.formats import program_to_json

    circuit = qpilot.qaoa_circuit(nx.random_regular_graph(3, 8, seed=0), [0.4], [0.3])
    texts = {program_to_json(msgspec.structs.replace(qpilot.compile(circuit, seed=3), compile_s=0.0)) for _ in range(2)}
    assert len(texts) == 1


def test_a_hundred_qubits_with_clifford_angles_against_the_stabilizer_referee():
    """RZZ by a multiple of pi/2 is a CZ or a Z on each qubit, so these blocks are taken for their density."""
    pytest.importorskip("stim")
    rng = np.random.default_rng(1)
    circuit = QuantumCircuit(100)
    circuit.h(range(100))
    for _ in range(2):
        for a, b in nx.random_regular_graph(6, 100, seed=1).edges:
            if rng.random() < 0.3:
                circuit.cz(a, b)
            else:
                circuit.rzz(int(rng.choice([-3, -1, 1, 2, 3])) * math.pi / 2, a, b)
        circuit.s(rng.choice(100, size=30, replace=False).tolist())
        circuit.rx(math.pi / 2, range(100))
    with diagonal_router() as plans:
        program = qpilot.compile(circuit)
    assert len(plans) == 2
    assert stabilizer_equal(program, circuit)


def test_effort_tries_wider_regions_that_fit():
    circuit = qpilot.qaoa_circuit(nx.random_regular_graph(3, 30, seed=1), [0.4], [0.3])
    square, wide = (qpilot.compile(circuit, effort=effort) for effort in (1, 2))
    assert wide.depth < square.depth
    assert wide.device.slm.cols > square.device.slm.cols
    device = FPQA(Lattice(8, 10))
    on_device = qpilot.compile(circuit, device, effort=3)
    assert on_device.device == device
    assert max(col for _, col in on_device.sites) < 10
    assert qpilot.compile(circuit, shape=(5, 6), effort=2).device.slm == Lattice(5, 6)
