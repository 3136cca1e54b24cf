"""Circuits on atoms that rest are legal, mean what they should, and cost what their gates cost."""

import itertools
import math

import networkx as nx
import numpy as np
import pytest
from qiskit import QuantumCircuit

import qpilot
from benchmarks import baselines, fixed
from benchmarks.baselines import GRIDS, eagle, route, swap_network, swap_network_circuit
from benchmarks.equality import check
from benchmarks.fixed import CheckError, end_times, gates_of, measure, pack, restriction_zones
from benchmarks.generators import ghz_ladder, random_cz, ripple_carry_adder
from qpilot.arch.device import PRESETS


def measured_in_disorder():
    circuit = QuantumCircuit(5, 4)
    circuit.x(4)
    for a, b in [(0, 4), (1, 3), (2, 4), (0, 1), (1, 4)]:
        circuit.cx(a, b)
        circuit.ry(0.3 + a, b)
    circuit.measure([3, 0, 4], [0, 3, 1])
    return circuit


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("make", [lambda: random_cz(7, 3), lambda: ripple_carry_adder(3), measured_in_disorder])
def test_what_qiskit_returns_is_legal_and_equal(grid, make):
    result = route(make(), grid, [0])
    assert result.checked == ("gates, state" if grid == "all-to-all" else "couplings, state")
    assert result.moves == 0
    assert result.atoms >= make().num_qubits


def test_the_best_seed_is_kept_and_no_seeds_are_tried_without_a_choice():
    circuit = random_cz(16, 3)
    single = [route(circuit, "square", [seed]) for seed in range(3)]
    best = route(circuit, "square", range(3))
    assert (best.depth, best.num_2q) == min((result.depth, result.num_2q) for result in single)
    assert len({result.depth for result in single}) > 1
    assert best.detail in [result.detail for result in single]
    assert route(circuit, "all-to-all", range(3)).detail == "16 qubits"


def test_a_layout_without_swaps_is_found():
    result = route(ghz_ladder(50), "heavy-hex", [0])
    assert (result.depth, result.num_2q, result.atoms) == (49, 49, 50)


@pytest.mark.parametrize("ends", [(0, 2), (0, 4)])
def test_a_gate_off_the_grid_is_found(ends):
    circuit = QuantumCircuit(5)
    circuit.cz(*ends)
    coupling = GRIDS["square"](4).coupling
    assert check(circuit, circuit, None, range(5), range(5)) == "gates, state"
    if ends == (0, 2):
        assert check(circuit, circuit, coupling, range(5), range(5)) == "couplings, state"
    else:
        with pytest.raises(CheckError, match="a cz on atoms 0 and 4, which are not coupled"):
            check(circuit, circuit, coupling, range(5), range(5))


def test_another_gate_is_found():
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1)
    with pytest.raises(CheckError, match="a gate cx; only cz and u"):
        check(circuit, circuit, None, range(2), range(2))


def test_another_circuit_is_found():
    circuit = random_cz(4, 2)
    wrong = circuit.copy()
    wrong.u(0, 0, 1e-2, 2)
    with pytest.raises(CheckError, match="does something else"):
        check(circuit, wrong, None, range(4), range(4))
    with pytest.raises(CheckError, match="does something else"):
        check(circuit, circuit, None, range(4), [0, 1, 3, 2])
    phase = circuit.copy()
    phase.global_phase = 1.0
    assert check(circuit, phase, None, range(4), range(4)) == "gates, state"


def test_data_may_move_to_atoms_that_were_free():
    circuit = QuantumCircuit(1)
    circuit.u(0.3, 0.2, 0.1, 0)
    moved = QuantumCircuit(3)
    moved.append(circuit.data[0].operation, [2])
    for control, target in [(2, 0), (0, 2)]:  # a swap with an atom in |0>
        moved.u(math.pi / 2, 0, math.pi, target)
        moved.cz(control, target)
        moved.u(math.pi / 2, 0, math.pi, target)
    assert check(circuit, moved, None, [2], [0]) == "gates, state"
    with pytest.raises(CheckError, match="does something else"):
        check(circuit, moved, None, [2], [2])


def test_bits_read_from_wrong_qubits_are_found():
    circuit = QuantumCircuit(2, 2)
    circuit.measure([0, 1], [0, 1])
    wrong = QuantumCircuit(2, 2)
    wrong.measure([0, 1], [1, 0])
    fewer = QuantumCircuit(2, 2)
    fewer.measure(0, 0)
    assert check(circuit, circuit, None, range(2), range(2)) == "gates, state"
    for other in (wrong, fewer):
        with pytest.raises(CheckError, match="does something else"):
            check(circuit, other, None, range(2), range(2))


def neighbours(grid, num_qubits):
    coupling = GRIDS[grid](num_qubits).coupling
    assert coupling.is_symmetric
    return [len(set(coupling.neighbors(atom))) for atom in range(coupling.size())]


@pytest.mark.parametrize(
    ("grid", "inside"), [("square", 4), ("triangle", 6), ("long-range-2", 12), ("long-range-3", 28)]
)
def test_grids_have_the_neighbours_of_their_name(grid, inside):
    counts = neighbours(grid, 49)
    assert len(counts) == 49
    assert max(counts) == counts[24] == inside


@pytest.mark.parametrize(("num_qubits", "size"), [(5, 127), (127, 127), (128, 193), (200, 291)])
def test_heavy_hex_is_the_device_of_127_qubits_or_the_next(num_qubits, size):
    grid = GRIDS["heavy-hex"](num_qubits)
    counts = neighbours("heavy-hex", num_qubits)
    assert len(counts) == size
    assert grid.size == f"{size} qubits"
    assert max(counts) == 3
    assert grid.coupling.is_connected()


def test_eagle_is_the_published_lattice():
    edges = {frozenset(edge) for edge in eagle().get_edges()}
    assert len(edges) == 144
    across = [(0, 14), (14, 18), (12, 17), (17, 30), (20, 33), (33, 39), (36, 51), (96, 109), (109, 114), (112, 126)]
    along = [(0, 1), (12, 13), (18, 19), (113, 114), (125, 126)]
    assert edges.issuperset(map(frozenset, across + along))
    assert frozenset((13, 14)) not in edges


def test_zones_hold_the_atoms_within_half_the_length():
    sites = np.array([*np.ndindex(3, 4)])
    zones = restriction_zones([(0, 1), (5, 5), (4, 6), (0, 5), (0, 3)], sites)
    assert zones == {
        (0, 1): [0, 1],
        (4, 6): [0, 2, 4, 5, 6, 7, 8, 10],
        (0, 5): [0, 5],
        (0, 3): [0, 1, 2, 3, 4, 5, 6, 7],
    }


def blocks(one, other, zones):
    return bool(set(zones[one]) & set(other) or set(zones[other]) & set(one))


@pytest.fixture(scope="module")
def long_gates():
    """Gates between atoms up to 3 apart, with one-qubit gates between, on 36 atoms."""
    grid = GRIDS["long-range-3"](36)
    edges = sorted(grid.coupling.get_edges())
    rng = np.random.default_rng(1)
    gates = [edges[k] for k in rng.integers(len(edges), size=300)]
    atoms = rng.integers(36, size=300).tolist()
    gates = [gate for pair, atom in zip(gates, atoms, strict=True) for gate in (pair, (atom, atom))]
    return gates, restriction_zones(gates, grid.sites)


def test_gates_near_a_long_one_wait(long_gates):
    gates, zones = long_gates
    order = pack(gates, zones)
    one_us, two_us = 0.625, 0.36
    ends = end_times(order, zones, one_us, two_us)
    pairs = [(gate, end) for gate, end in zip(order, ends, strict=True) if gate[0] != gate[1]]
    for (one, end), (other, later) in itertools.combinations(pairs, 2):
        if blocks(one, other, zones):
            assert abs(end - later) > two_us - 1e-9
    assert ends.max() > end_times(gates, {}, one_us, two_us).max()


def test_packing_keeps_the_order_on_each_atom_and_is_shorter_than_serving_in_order(long_gates):
    gates, zones = long_gates
    order = pack(gates, zones)
    for atom in range(36):
        assert [g for g in order if atom in g] == [g for g in gates if atom in g]
    assert end_times(order, zones, 0, 1).max() < end_times(gates, zones, 0, 1).max()


def test_long_gates_of_a_circuit_wait_and_short_ones_do_not():
    circuit = QuantumCircuit(9)
    circuit.cz(0, 2)
    circuit.cz(1, 4)  # atom 1 is between 0 and 2
    circuit.cz(6, 7)
    sites = np.array([*np.ndindex(3, 3)])
    common = {"compile_s": 0.0, "checked": "", "detail": "3x3"}
    result = measure(circuit, sites, range(9), range(9), **common)
    assert (result.depth, result.mixed_depth, result.detail) == (2, 2, "3x3, depth 1 without zones")
    assert result.enola.duration_us == pytest.approx(2 * 0.36)
    assert measure(circuit, None, range(9), range(9), **common).depth == 1


def test_without_zones_layers_are_those_of_qiskit():
    circuit = random_cz(12, 4)
    circuit.barrier(0, 1)
    circuit.measure_all()
    gates = gates_of(circuit)
    pairs = [gate for gate in gates if gate[0] != gate[1]]
    circuit.remove_final_measurements()
    assert end_times(gates, {}, 1, 1).max() == circuit.depth()
    assert end_times(gates, {}, 0, 1).max() == baselines.two_qubit_depth(circuit) == end_times(pairs, {}, 1, 1).max()


@pytest.mark.parametrize("model", PRESETS)
def test_cost_is_that_of_the_gates(model):
    timing, constants = PRESETS[model]
    one, two = timing.raman_us, timing.rydberg_us
    circuit = QuantumCircuit(5)
    circuit.u(1, 2, 3, 0)
    circuit.cz(0, 1)  # atom 1 is free at first, and holds data at the end
    circuit.u(1, 2, 3, 1)
    circuit.cz(1, 2)  # data passes through atom 2
    circuit.u(1, 2, 3, 1)
    result = measure(circuit, None, [0, 3], [1, 3], compile_s=2.5, checked="gates", detail="")
    cost = getattr(result, model)
    assert (result.depth, result.mixed_depth, result.num_2q, result.num_1q, result.atoms) == (2, 5, 2, 3, 4)
    assert cost.duration_us == pytest.approx(3 * one + 2 * two)
    assert cost.decoherence == pytest.approx(1 - (3 * one + 2 * two) / constants.t2_us)  # atom 3; no other ever waits
    assert (cost.two_qubit, cost.one_qubit) == pytest.approx((constants.cz**2, constants.raman**3))
    assert (cost.idle, cost.transfer) == (1, 1)
    product = cost.two_qubit * cost.one_qubit * cost.decoherence
    assert cost.fidelity == pytest.approx(product)


def test_an_atom_that_data_stays_on_idles_to_the_end():
    circuit = QuantumCircuit(2)
    circuit.u(1, 2, 3, 0)
    for _ in range(4):
        circuit.u(1, 2, 3, 1)
    gates = gates_of(circuit)
    ends = end_times(gates, {}, 1.0, 1.0)
    assert fixed._idle_us(gates, ends, [0, 1], [0, 1], 1.0, 1.0).tolist() == [3, 0]
    assert fixed._idle_us(gates, ends, [0, 1], [1], 1.0, 1.0).tolist() == [0, 0]
    assert fixed._idle_us([], np.array([]), [0, 1], [0, 1], 1.0, 1.0).tolist() == [0, 0]


GRAPHS = {
    "complete": nx.complete_graph(6),
    "dense": nx.gnp_random_graph(7, 0.6, seed=1),
    "cycle": nx.cycle_graph(5),
    "no edges": nx.empty_graph(3),
    "one node": nx.empty_graph(1),
    "weights": nx.Graph([("b", "a", {"weight": 0.5}), ("a", "d", {"weight": -2}), ("c", "b"), ("d", "b"), ("e", "f")]),
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize(("gammas", "betas"), [([0.4], [0.7]), ([0.4, 1.1, -0.2], [0.7, 0.1, 0.9])])
def test_swap_network_is_the_circuit_on_a_line(name, gammas, betas):
    result = swap_network(GRAPHS[name], gammas, betas)
    assert result.checked == "couplings, state"
    assert result.atoms == len(GRAPHS[name])


def test_swap_network_meets_every_two_once():
    n = 12
    result = swap_network(nx.complete_graph(n), [0.4], [0.7])
    last_layer = n // 2 - 1  # layer n - 1 acts on odd links
    assert result.depth == 3 * n - 1
    assert result.num_2q == 3 * n * (n - 1) // 2 - last_layer
    assert result.checked == "couplings"


def test_swaps_that_no_edge_needs_are_left_out():
    circuit, places = swap_network_circuit(nx.Graph([(0, 1), (2, 3), (4, 5)]), [0.4], [0.7])
    assert circuit.num_nonlocal_gates() == 6
    assert places == [*range(6)]
    complete, places = swap_network_circuit(nx.complete_graph(4), [0.4], [0.7])
    assert sorted(places) == [*range(4)]
    assert complete.num_nonlocal_gates() == 3 * 6 - 1


def test_swap_network_is_refused_where_the_circuit_is():
    with pytest.raises(qpilot.CircuitError, match="1 gammas and 2 betas"):
        swap_network(nx.complete_graph(3), [0.1], [0.2, 0.3])
