"""The programs of QMAP's compilers are read, checked and costed as they should be."""

import dataclasses
import math

import networkx as nx
import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import quantum_volume
from qiskit.quantum_info import Operator

import qpilot
from benchmarks import qmap, qmap_hybrid
from benchmarks.edge_colouring import edge_coloured
from benchmarks.generators import bernstein_vazirani, ghz, qft, random_cz
from benchmarks.peers import check_equal, gate_counts, translate

ZONE = ((-5.0, 20.0), (100.0, 100.0))
PROGRAM = """\
atom (0.000, 0.000) atom0
atom (3.000, 0.000) atom1
atom (6.000, 0.000) atom2
@+ u 1.57080 0.00000 3.14159 atom0
@+ rz 0.30000 [
    atom1
    atom2
]
@+ load [
    atom0
    atom1
]
@+ move [
    (0.000, 25.000) atom0
    (2.000, 25.000) atom1
]
@+ store [
    atom0
    atom1
]
@+ cz zone_cz0
@+ u 1.57080 0.00000 3.14159 atom0
@+ load atom2
@+ move (6.000, 9.000) atom2
@+ move (8.000, 40.000) atom2
@+ store atom2
@+ rz -0.10000 atom1
@+ cz zone_cz0
"""

SMALL = (ghz(6), qft(5), bernstein_vazirani(8), quantum_volume(6, 6, seed=0))  # Qiskit leaves out swaps of the last


def follow(*steps, start=((0, 0), (3, 0))):
    return qmap.follow(np.array(start, dtype=float), [qmap.Step(*step) for step in steps], ZONE)


def without_times(result):
    return dataclasses.replace(result, compile_s=0)


def test_program_is_read_and_followed():
    start, steps = qmap.parse(PROGRAM)
    assert start.tolist() == [[0, 0], [3, 0], [6, 0]]
    assert steps[1] == qmap.Step("rz", (1, 2), angles=(0.3,))
    assert steps[3] == qmap.Step("move", (0, 1), ((0, 25), (2, 25)))
    assert steps[-2].angles == (-0.1,)
    motion = qmap.follow(start, steps, ZONE)
    assert motion.pulses == [[(0, 1)], [(0, 1)]]
    assert motion.num_idle == 1  # atom 2 at the second pulse
    assert motion.distances_um == [25, 9, 31]
    assert motion.num_carries == 2
    assert motion.num_stops == 0


def test_costs_of_a_program_by_hand():
    start, steps = qmap.parse(PROGRAM)
    motion = qmap.follow(start, steps, ZONE)
    layers = qmap._one_qubit_layers(steps)
    assert layers == 2
    costs = qmap._costs(qmap._to_circuit(3, steps, motion.pulses), steps, motion, layers)
    moving_us = sum(math.sqrt(distance / 0.00275) for distance in (25, 9, 31))
    gates_us = 2 * 0.36 + 2 * 0.625
    duration_us = moving_us + 4 * 15 + gates_us
    enola, atomique = costs["enola"], costs["atomique"]
    assert enola.duration_us == pytest.approx(duration_us)
    assert atomique.duration_us == pytest.approx(2 * 300 + 4 * 15 + 2 * 0.38 + 2 * 0.625)
    assert (enola.two_qubit, enola.one_qubit) == pytest.approx((0.995**2, 0.9997**5))
    assert (enola.idle, enola.transfer) == pytest.approx((0.9975, 0.999**6))
    idle_us = [duration_us - 0.72 - 1.25, duration_us - 0.72 - 1.25, duration_us - 0.625]
    assert enola.decoherence == pytest.approx(math.prod(1 - t / 1.5e6 for t in idle_us))


@pytest.mark.parametrize("line", ["@+ warp atom0", "@+ move (1.0, 2.0) nothing", "@+ u atom0", "cz zone_cz0"])
def test_unknown_lines_are_refused(line):
    with pytest.raises(ValueError, match="no instruction known"):
        qmap.parse(f"atom (0.000, 0.000) atom0\n{line}")


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([("load", (0, 1)), ("move", (0, 1), ((5, 1), (4, 1)))], "crosses or splits"),
        ([("load", (0, 1)), ("move", (0, 1), ((0, 1), (3, 2)))], "crosses or splits"),
        ([("load", (0, 1)), ("move", (0, 1), ((1, 1), (1, 1)))], "crosses or splits"),
        ([("load", (0,)), ("load", (0,))], "the AOD holds"),
        ([("move", (0,), ((5, 5),))], "does not hold"),
        ([("load", (0,))], "at the end"),
        ([("load", (0,)), ("move", (0,), ((3, 0),)), ("store", (0,))], "two atoms in one place"),
    ],
)
def test_rules_of_motion(steps, problem):
    with pytest.raises(ValueError, match=problem):
        follow(*steps)


def test_no_atom_rests_at_a_crossing_of_lines_that_take_up_others():
    corners = ((0, 0), (3, 3), (3, 0))
    with pytest.raises(ValueError, match="crossing of lines"):
        follow(("load", (0, 1)), start=corners)
    follow(("load", (0, 1, 2)), ("store", (0, 1, 2)), start=corners)


@pytest.mark.parametrize("distance", [2.6, 6.2])
def test_atoms_at_a_pulse_are_in_reach_or_safe(distance):
    with pytest.raises(ValueError, match="nearly in reach"):
        follow(("cz", ()), start=((0, 30), (distance, 30)))


def test_atoms_at_a_pulse_are_in_one_pair_and_storage_is_dark():
    with pytest.raises(ValueError, match="two pairs"):
        follow(("cz", ()), start=((0, 30), (2, 30), (1, 31.5)))
    assert follow(("cz", ()), start=((0, 30), (2, 30), (0, 3), (2, 3))).pulses == [[(0, 1)]]
    assert follow(("cz", ()), start=((0, 0), (2, 0))).pulses == []


def test_machine_has_the_published_zone_and_room_for_all_pairs():
    def pair_sites(num_qubits):
        slm = qmap.architecture(num_qubits)["entanglement_zones"][0]["slms"][0]
        return slm["r"] * slm["c"]

    assert pair_sites(100) == pair_sites(252) == 140
    assert pair_sites(1000) * qmap.FILLING >= 500


def test_order_of_commuting_gates_is_free_and_no_other():
    asked, same, other = (QuantumCircuit(3) for _ in range(3))
    for circuit, pairs in ((asked, [(0, 1), (1, 2)]), (same, [(1, 2), (1, 0)]), (other, [(0, 1), (0, 2)])):
        for pair in pairs:
            circuit.cz(*pair)
        circuit.h(0)
    assert check_equal(same, asked, asked) == ["replay", "state"]
    with pytest.raises(ValueError, match="qubit 0 sees other gates"):
        check_equal(other, asked, asked)
    turned = same.copy()
    turned.rz(0.01, 2)
    with pytest.raises(ValueError, match="qubit 2"):
        check_equal(turned, asked, asked)
    with pytest.raises(ValueError, match="not the circuit as written"):
        check_equal(same, asked, turned)


def test_diagonal_gates_may_cross_cz():
    asked, found = QuantumCircuit(3), QuantumCircuit(3)
    asked.cz(0, 1)
    asked.u(0, 0.3, 0.1, 0)
    asked.cz(0, 2)
    asked.h(0)
    found.cz(0, 2)
    found.cz(0, 1)
    found.rz(0.4, 0)
    found.h(0)
    assert check_equal(found, asked, asked) == ["replay", "state"]


def test_translation_that_leaves_out_swaps_is_equal_all_the_same():
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.swap(1, 2)
    circuit.ry(0.4, 2)
    circuit.swap(0, 1)
    circuit.measure_all()
    bare, translated = translate(circuit)
    assert translated.num_nonlocal_gates() == 1
    assert check_equal(translated, translated, bare) == ["replay", "state"]


def test_gate_counts_by_qubit():
    one, two = gate_counts(ghz(3))
    assert one.tolist() == [1, 0, 0]
    assert two.tolist() == [2, 1, 1]


@pytest.mark.parametrize(
    "circuit",
    [ghz(6), qft(5), bernstein_vazirani(8), random_cz(9, 2), quantum_volume(6, 6, seed=0)],
    ids=lambda c: c.name,
)
def test_zoned_programs_are_legal_and_equal_to_the_circuit(circuit):
    pytest.importorskip("mqt.qmap")
    result = qmap.zoned(circuit)
    _, translated = translate(circuit)
    assert result.checked == "rules, replay, state"
    assert result.num_2q == translated.num_nonlocal_gates()
    assert result.depth >= translated.depth(lambda item: len(item.qubits) == 2)
    assert result.mixed_depth > result.depth
    assert result.moves > 0
    assert result.enola.idle == 1  # the compiler leaves no atom alone in the zone
    assert 0 < result.enola.fidelity < result.enola.transfer < 1
    assert without_times(qmap.zoned(circuit)) == without_times(result)


@pytest.mark.parametrize("degree", [3, 4, 6])
def test_regular_graphs_have_as_many_colours_as_their_degree(degree):
    graph = nx.random_regular_graph(degree, 40, seed=degree)
    circuit = edge_coloured(graph, [0.4], [0.3])
    assert circuit.depth(lambda item: item.operation.name == "rzz") == degree
    _, translated = translate(circuit)
    assert translated.depth(lambda item: len(item.qubits) == 2) == 2 * degree


@pytest.mark.parametrize(
    ("graph", "colours"),
    [(nx.complete_graph(4), 3), (nx.complete_graph(5), 5), (nx.star_graph(4), 4)],
    ids=["K4", "K5", "star"],
)
def test_coloured_circuit_is_the_same_circuit(graph, colours):
    angles = [0.4, 0.7], [0.3, 0.2]
    coloured, plain = edge_coloured(graph, *angles), qpilot.qaoa_circuit(graph, *angles)
    assert coloured.count_ops() == plain.count_ops()
    assert Operator(coloured) == Operator(plain)
    one_layer = edge_coloured(graph, [0.4], [0.3])
    assert one_layer.depth(lambda item: item.operation.name == "rzz") == colours


def test_graph_without_edges_needs_no_colours():
    assert edge_coloured(nx.empty_graph(2), [0.4], [0.3]) == qpilot.qaoa_circuit(nx.empty_graph(2), [0.4], [0.3])


@pytest.mark.parametrize(
    "circuit",
    [ghz(6), qft(5), bernstein_vazirani(8), random_cz(9, 3), quantum_volume(6, 6, seed=0)],
    ids=lambda c: c.name,
)
def test_hybrid_programs_are_legal_and_equal_to_the_circuit(circuit):
    pytest.importorskip("mqt.qmap")
    result = qmap_hybrid.hybrid(circuit)
    _, translated = translate(circuit)
    assert result.checked == "rules, replay, state"
    assert result.num_2q >= translated.num_nonlocal_gates()
    assert result.depth >= translated.depth(lambda item: len(item.qubits) == 2)
    assert without_times(qmap_hybrid.hybrid(circuit)) == without_times(result)


MARKS = "".join(f"U({(k + 1) / 4},0.5,0.25) q[{k}];\n" for k in range(3))


def test_swaps_and_bridges_between_sites_are_followed():
    program = "swap q[0], q[1];\ncz q[0], q[2];\nmove q[2], q[5];\nbridge q[1], q[0], q[5];\nrx(-pi/2) q[5];\n"
    routed, num_2q = qmap_hybrid.replay(qmap_hybrid.parse(MARKS + program), 3)
    expected = QuantumCircuit(3)
    expected.cz(1, 2)
    expected.cz(0, 2)
    expected.rx(-math.pi / 2, 2)
    assert num_2q == 3 + 1 + 4
    assert check_equal(routed, expected, expected) == ["replay", "state"]


PASS_BY = """\
aod_activate (0, 6, 6; 1, 0, 0) q[2];
aod_move (0, 6, 5.5; 1, 0, 0.5) q[2], q[2];
aod_move (0, 5.5, 0.5; 1, 0.5, 3.5) q[2], anc[3];
cz q[0], anc[3];
aod_move (0, 0.5, 6; 1, 3.5, 0) anc[3], q[2];
aod_deactivate (0, 6, 6; 1, 0, 0) q[2];
h q[1];
"""


def test_cost_of_passing_by():
    run = qmap_hybrid.follow(qmap_hybrid.parse(MARKS + PASS_BY), 3, 3)
    assert (run.depth, run.mixed_depth, run.num_2q, run.num_1q, run.moves) == (1, 1, 1, 1, 2)
    moving_us = sum(math.sqrt(distance / 0.00275) for distance in (0.5, 5, 5.5))
    assert run.costs["enola"].duration_us == pytest.approx(moving_us + 30 + 0.36)
    assert run.costs["atomique"].duration_us == pytest.approx(600 + 30 + 0.38)
    assert run.costs["enola"].transfer == pytest.approx(0.999**2)


def test_pairs_in_reach_of_each_other_are_in_different_layers():
    marks = "".join(f"U(0.1,0.5,0.25) q[{k}];\n" for k in range(12))
    near, far = ("cz q[0], q[1];\ncz q[2], q[3];\n", "cz q[0], q[1];\ncz q[10], q[11];\n")
    assert [qmap_hybrid.follow(qmap_hybrid.parse(marks + text), 12, 12).depth for text in (near, far)] == [2, 1]


TAKE_TWO = "aod_activate (0, 0, 0; 0, 3, 3; 1, 0, 0) q[0], q[1];\n"


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("cz q[0], q[3];", "not in reach"),
        ("cz q[0], q[7];", "without an atom"),
        ("aod_move (0, 0, 1) q[0], anc[0];", "does not hold"),
        ("aod_activate (0, 0, 0; 1, 0, 0) q[0];", "at the end"),
        (TAKE_TWO + "aod_move (0, 0, 6; 0, 3, 4) q[0], anc[2], q[1], anc[1];", "crosses"),
        (TAKE_TWO + "aod_move (0, 0, 3) q[0], q[1];", "to one place"),
    ],
)
def test_rules_of_the_hybrid_machine(program, problem):
    marks = "".join(f"U(0.1,0.5,0.25) q[{k}];\n" for k in range(4))
    with pytest.raises(ValueError, match=problem):
        qmap_hybrid.follow(qmap_hybrid.parse(marks + program), 4, 10)


def test_unknown_lines_of_the_hybrid_mapper_are_refused():
    with pytest.raises(ValueError, match="not known"):
        qmap_hybrid.parse("if (c == 1) x q;")
