"""The picture of a pulse shows the atoms where the instructions put them."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection

from qpilot.arch import FPQA, CircuitInfo, Lattice, Move, Program, Raman, Release, RydbergPulse, check_legal
from qpilot.arch.errors import ProgramError
from qpilot.visualize import draw, frame_at

mpl.use("Agg")
HADAMARD = (np.pi / 2, 0.0, np.pi)


@pytest.fixture
def program():
    """Two qubits on a row of three sites; ancilla 2 copies qubit 0 and meets qubit 1, ancilla 3 stays dark."""
    instructions = (
        Move(0, (1.5,), (0.0, 7.5)),
        RydbergPulse(()),
        Raman((2,), (HADAMARD,)),
        RydbergPulse(((0, 2),)),
        Move(0, (1.5,), (15.0, 22.5)),
        RydbergPulse(((2, 1),)),
        Move(0, (1.5,), (0.0, 7.5)),
        RydbergPulse(((0, 2),)),
        Release((2,)),
    )
    device = FPQA(slm=Lattice(1, 3))
    return Program(CircuitInfo("pair", 2), device, ((0, 0), (0, 1)), ((0, 0, 0), (0, 0, 1)), instructions)


@pytest.fixture
def ax(program):
    yield draw(program, 1)
    plt.close("all")


def collection(ax, label):
    (found,) = [c for c in ax.collections if c.get_label() == label]
    return found


def test_fixture_is_legal(program):
    assert check_legal(program) == []


@pytest.mark.parametrize(
    ("pulse", "pairs", "columns"), [(0, ((0, 2),), (0, 7.5)), (1, ((2, 1),), (15, 22.5)), (2, ((0, 2),), (0, 7.5))]
)
def test_frame_holds_the_positions_of_the_last_move(program, pulse, pairs, columns):
    frame = frame_at(program, pulse)
    assert frame.pairs == pairs
    assert frame.positions_um.tolist() == [[0, 0], [15, 0], [columns[0], 1.5], [columns[1], 1.5]]
    assert frame.bright.tolist() == [True, True, True, False]
    assert frame.lines_um == {0: ((1.5,), columns)}


def test_draws_one_link_for_each_pair_between_its_atoms(ax):
    links = collection(ax, "Rydberg pair")
    assert isinstance(links, LineCollection)
    assert [segment.tolist() for segment in links.get_segments()] == [[[15, 1.5], [15, 0]]]


def test_draws_every_atom_where_it_stands(ax):
    assert collection(ax, "data atom").get_offsets().tolist() == [[0, 0], [15, 0]]
    assert collection(ax, "bright ancilla").get_offsets().tolist() == [[15, 1.5]]
    assert collection(ax, "dark ancilla").get_offsets().tolist() == [[22.5, 1.5]]


def test_draws_sites_lines_and_labels(ax):
    by_name = {line.get_gid() or line.get_label(): line for line in ax.lines}
    assert by_name["lattice site"].get_xdata().tolist() == [0, 15, 30]
    assert [line.get_ydata()[0] for line in ax.lines if line.get_gid() == "aod-0-row"] == [1.5]
    assert [line.get_xdata()[0] for line in ax.lines if line.get_gid() == "aod-0-col"] == [15, 22.5]
    assert [text.get_text() for text in ax.texts] == ["0", "1"]


def test_says_what_it_shows_in_which_units(ax):
    assert ax.get_title() == "pair: pulse 1, depth 3"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (um)", "y (um)")
    assert ax.get_aspect() == 1


def test_draws_on_given_axes_and_saves(program, tmp_path):
    figure, ax = plt.subplots()
    assert draw(program, ax=ax) is ax
    figure.savefig(tmp_path / "pulse.png")
    assert (tmp_path / "pulse.png").stat().st_size > 1000
    plt.close(figure)


@pytest.mark.parametrize("pulse", [-1, 3])
def test_refuses_a_pulse_that_does_not_exist(program, pulse):
    with pytest.raises(ProgramError, match=rf"no Rydberg pulse {pulse}: it has 3, numbered from 0"):
        draw(program, pulse)


def test_refuses_a_program_without_pulses():
    empty = Program(CircuitInfo("empty", 0), FPQA(slm=Lattice(1, 1)), (), (), ())
    with pytest.raises(ProgramError, match="it has none"):
        draw(empty)
