"""The motion of a program agrees with its instructions, its times with the cost model, the sources with the replay."""

import networkx as nx
import numpy as np
import pytest

import qpilot
from qpilot.arch import AOD, FPQA, CircuitInfo, Lattice, Measure, Move, Program, Raman, Release, RydbergPulse
from qpilot.arch.errors import ProgramError
from qpilot.benchmarks.generators import heisenberg_paulis, qft, random_cz, ripple_carry_adder
from qpilot.replay import _apply, _Machine
from qpilot.visualize.motion import (
    FOLD,
    GATE,
    IDLE,
    OWN,
    UNKNOWN,
    bright_at,
    lines_at_step,
    pairs_at,
    place_atoms,
    positions_um,
    qubits_at,
    trace,
)

HADAMARD = (np.pi / 2, 0.0, np.pi)


@pytest.fixture
def program():
    """Two qubits; ancilla 2 (AOD 0) copies qubit 0 and meets qubit 1; the move of AOD 1 takes a quarter of the way."""
    instructions = (
        Move(0, (1.5,), (0.0,)),
        Move(1, (30.0,), (0.0,)),
        Raman((2,), (HADAMARD,)),
        RydbergPulse(((0, 2),)),
        Raman((2,), (HADAMARD,)),
        Move(0, (1.5,), (16.0,)),
        Move(1, (30.0,), (4.0,)),
        RydbergPulse(((2, 1),)),
        RydbergPulse(()),
        Move(0, (1.5,), (0.0,)),
        Raman((2,), (HADAMARD,)),
        RydbergPulse(((0, 2),)),
        Raman((2,), (HADAMARD,)),
        Release((2,)),
        Measure((0, 1), (0, 1)),
    )
    device = FPQA(slm=Lattice(3, 3), aods=(AOD(), AOD()))
    return Program(CircuitInfo("pair", 2, 2), device, ((0, 0), (0, 1)), ((0, 0, 0), (1, 0, 0)), instructions)


def test_times_are_those_of_the_cost_model(program):
    of = trace(program)
    assert of.times_us[-1] == pytest.approx(program.metrics.duration_us)
    assert len(of.times_us) == len(program.instructions) + 1 == len(of.sentences) + 1


def test_moves_in_a_row_run_together_each_for_its_own_time(program):
    first, second = trace(program).moves
    assert first.starts_us[1] == second.starts_us[1]
    long, short = (moves.ends_us[1] - moves.starts_us[1] for moves in (first, second))
    assert (long, short) == pytest.approx((np.sqrt(16 / 0.00275), np.sqrt(4 / 0.00275)))


@pytest.mark.parametrize(("share", "way"), [(0.0, 0.0), (0.25, 0.15625), (0.5, 0.5), (0.9, 0.972), (1.0, 1.0)])
def test_a_move_follows_the_profile_of_constant_jerk(program, share, way):
    of = trace(program)
    moves = of.moves[0]
    time = moves.starts_us[1] + share * (moves.ends_us[1] - moves.starts_us[1])
    assert positions_um(of, time)[2] == pytest.approx((16 * way, 1.5))
    assert place_atoms(of, lines_at_step(of, 5, share))[2] == pytest.approx((16 * way, 1.5))


def test_with_equal_steps_moves_come_one_after_the_other(program):
    of = trace(program)
    assert place_atoms(of, lines_at_step(of, 5, 0.5))[3] == pytest.approx((0, 30))
    assert place_atoms(of, lines_at_step(of, 6, 1.0))[2:] == pytest.approx(np.array([(16, 1.5), (4, 30)]))


def test_an_ancilla_has_no_place_before_its_aod_is_placed(program):
    of = trace(program)
    assert np.isnan(place_atoms(of, lines_at_step(of, 0))).tolist() == [[False] * 2] * 3 + [[True] * 2]
    assert np.isnan(place_atoms(of, lines_at_step(of, -1)))[2:].all()
    assert np.isnan(positions_um(of, -1.0))[2:].all()


def test_tells_bright_from_dark_and_whose_the_ancilla_is(program):
    of = trace(program)
    bright = [bool(bright_at(of, step)[2]) for step in range(-1, len(program.instructions))]
    assert bright == [False] * 3 + [True] * 11 + [False] * 2
    qubits = [int(qubits_at(of, step)[2]) for step in range(-1, len(program.instructions))]
    assert qubits == [UNKNOWN] * 4 + [0] * 10 + [UNKNOWN] * 2
    assert bright_at(of, 0).tolist() == [True, True, False, False]


def test_tells_what_each_pair_does(program):
    of = trace(program)
    assert of.pair_kinds.tolist() == [OWN, GATE, OWN]
    assert of.pair_qubits.tolist() == [[0, 0], [0, 1], [0, 0]]
    assert of.pairs[pairs_at(of, 7)].tolist() == [[2, 1]]
    assert pairs_at(of, 8) == slice(2, 2)


def test_says_what_each_instruction_does(program):
    assert trace(program).sentences[:9] == (
        "placing of AOD 0: 1 x 1 lines",
        "placing of AOD 1: 1 x 1 lines",
        "Raman layer: 1 atom",
        "pulse 0: 1 pair",
        "Raman layer: 1 atom",
        "move of AOD 0: 16.0 um, 76 us",
        "move of AOD 1: 4.0 um, 38 us",
        "pulse 1: 1 pair",
        "pulse without pairs",
    )
    assert trace(program).sentences[-2:] == ("release: 1 ancilla", "measurement: 2 qubits")


def test_every_edge_of_a_qaoa_layer_takes_two_pairs_and_the_rest_has_no_effect():
    graph = nx.random_regular_graph(3, 20, seed=1)
    of = trace(qpilot.compile(qpilot.qaoa_circuit(graph, [0.3], [0.4])))
    acting = np.isin(of.pair_kinds, (GATE, FOLD))
    found = sorted(tuple(sorted(pair)) for pair in of.pair_qubits[acting].tolist())
    assert found == sorted(2 * [tuple(sorted(edge)) for edge in graph.edges])
    assert IDLE in of.pair_kinds


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(lambda: qpilot.compile(random_cz(12, 3)), id="random"),
        pytest.param(lambda: qpilot.compile(random_cz(12, 3), strategy="paper"), id="paper"),
        pytest.param(lambda: qpilot.compile(qft(8)), id="qft"),
        pytest.param(lambda: qpilot.compile(ripple_carry_adder(4)), id="flying qubits"),
        pytest.param(lambda: qpilot.compile_paulis(heisenberg_paulis(2, 3)), id="paulis"),
    ],
)
def test_an_ancilla_that_holds_one_qubit_belongs_to_it(program):
    program = program()
    of, machine, held = trace(program), _Machine(program.num_qubits, len(program.ancillas)), 0
    for step, op in enumerate(program.instructions):
        _apply(op, machine)
        qubits, bright = qubits_at(of, step), bright_at(of, step)
        for atom in range(program.num_qubits, program.num_atoms):
            if machine.masks[atom].bit_count() == 1:
                held += 1
                assert bright[atom]
                assert qubits[atom] == machine.masks[atom].bit_length() - 1
    assert held


def test_an_empty_program_has_a_motion():
    of = trace(Program(CircuitInfo("empty", 0), FPQA(slm=Lattice(1, 1)), (), (), ()))
    assert positions_um(of, 0.0).shape == (0, 2)
    assert of.times_us.tolist() == [0.0]


def test_refuses_an_aod_that_changes_its_number_of_lines(program):
    moves = (Move(0, (0.0,), (0.0,)), Move(0, (0.0, 2.0), (0.0,)))
    wrong = Program(program.circuit, program.device, program.sites, program.ancillas, moves)
    with pytest.raises(ProgramError, match="AOD 0 changes its number of lines"):
        trace(wrong)
