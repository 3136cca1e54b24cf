"""A picture shows the atoms where the instructions put them, and what the instruction does."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from qpilot.arch import FPQA, CircuitInfo, Lattice, Move, Program, check_legal
from qpilot.arch.errors import ProgramError
from qpilot.visualize import draw
from qpilot.visualize.labels import Label, place_labels
from qpilot.visualize.motion import lines_at_step, place_atoms, trace


def collection(ax, label):
    (found,) = [c for c in ax.collections if c.get_label() == label]
    return found


def offsets(ax, label):
    return np.asarray(collection(ax, label).get_offsets()).tolist()


def lines(ax, label):
    """Return y of the rows and x of the columns."""
    segments = np.array(collection(ax, label).get_segments()).reshape(-1, 2, 2)
    rows = segments[:, 0, 1] == segments[:, 1, 1]
    return segments[rows, 0, 1].tolist(), segments[~rows, 0, 0].tolist()


def numbers(ax):
    """Return the number beside each numbered atom."""
    return {int(t.get_gid().split("-")[1]): t.get_text() for t in ax.texts if t.get_gid()}


def test_fixtures_are_legal(pair, two_aods):
    assert check_legal(pair) == check_legal(two_aods) == []


def test_atoms_and_pairs_of_a_pulse(pair):
    ax = draw(pair, 6)
    assert offsets(ax, "data atom") == [[0, 0], [15, 0]]
    assert offsets(ax, "bright ancilla") == [[15, 1.5]]
    assert offsets(ax, "dark ancilla") == [[22.5, 1.5]]
    assert offsets(ax, "lattice site") == [[0, 0], [15, 0], [30, 0]]
    assert offsets(ax, "Rydberg pair") == [[15, 0.75]]
    assert offsets(ax, "one-qubit gate") == []


def test_rings_are_around_both_atoms(pair):
    ax = draw(pair, 6)
    (x0, _), (x1, _) = ax.transData.transform([(0, 0), (1.5, 0)])
    distance = (x1 - x0) * 72 / ax.figure.dpi
    diameters = [np.sqrt(collection(ax, name).get_sizes()[0]) for name in ("Rydberg pair", "data atom")]
    assert diameters[0] >= distance + diameters[1]


def test_lines_at_a_pulse_are_active_where_they_hold_a_paired_ancilla(pair):
    ax = draw(pair, 6)
    assert lines(ax, "AOD line, active") == ([1.5], [15])
    assert lines(ax, "AOD line, parked") == ([], [22.5])


def test_lines_of_a_move_are_active_where_they_move(pair):
    ax = draw(pair, 7)
    assert lines(ax, "AOD line, active") == ([], [0])
    assert lines(ax, "AOD line, parked") == ([1.5], [22.5])
    assert offsets(ax, "bright ancilla") == [[0, 1.5]]
    assert offsets(ax, "Rydberg pair") == []


def test_lines_of_moves_that_run_together_are_both_active(two_aods):
    ax = draw(two_aods, 4)
    assert lines(ax, "line of AOD 0, active") == ([], [7.5])
    assert lines(ax, "line of AOD 1, active") == ([], [30])
    assert lines(ax, "line of AOD 1, parked") == ([13.5], [])


def test_gates_of_a_raman_layer(pair):
    ax = draw(pair, 4)
    assert offsets(ax, "one-qubit gate") == [[0, 1.5]]
    assert lines(ax, "AOD line, active") == ([1.5], [0])


def test_numbers_are_those_of_the_qubits(pair):
    assert numbers(draw(pair, 6)) == {0: "0", 1: "1", 2: "0"}
    assert numbers(draw(pair, 11)) == {0: "0", 1: "1"}


def test_shapes_differ_as_well_as_colours(pair):
    ax = draw(pair, 6)
    paths = [collection(ax, f"{kind}").get_paths()[0] for kind in ("data atom", "bright ancilla", "dark ancilla")]
    bounds = [path.vertices[np.abs(path.vertices[:, 1]).argmax()].round(3).tolist() for path in paths]
    assert len({len(path.vertices) for path in paths}) > 1
    assert bounds[1] != bounds[2]


def test_says_what_it_shows_in_which_units(pair):
    ax = draw(pair, 6)
    assert ax.get_title() == "pair, instruction 6\npulse 1: 1 pair"
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_aspect()) == ("x (um)", "y (um)", 1)
    (bar,) = [artist for artist in ax.artists if isinstance(artist, AnchoredSizeBar)]
    assert bar.txt_label.get_text() == "15 um"
    assert bar.size_bar.get_children()[0].get_width() == 15


def test_shows_the_fullest_pulse_by_default(qaoa):
    most = max(len(op.pairs) for op in qaoa.instructions if hasattr(op, "pairs"))
    assert len(offsets(draw(qaoa), "Rydberg pair")) == most


def test_every_placed_atom_is_drawn_once(program):
    motion = trace(program)
    for step in range(2, len(program.instructions), len(program.instructions) // 3):
        ax = draw(program, step)
        drawn = [at for kind in ("data atom", "bright ancilla", "dark ancilla") for at in offsets(ax, kind)]
        wanted = place_atoms(motion, lines_at_step(motion, step))
        assert sorted(drawn) == sorted(wanted[~np.isnan(wanted[:, 0])].tolist())
        plt.close("all")


@pytest.mark.parametrize(("rows", "cols"), [(1, 4), (10, 10), (25, 40)])
def test_numbers_thin_out_and_never_overlap(rows, cols):
    sites = tuple((r, c) for r in range(rows) for c in range(cols))
    program = Program(CircuitInfo("grid", len(sites)), FPQA(slm=Lattice(rows, cols)), sites, (), (Move(0, (), ()),))
    ax = draw(program, 0)
    boxes = [text.get_window_extent() for text in ax.texts]
    assert (len(boxes) == len(sites)) == (len(sites) <= 100)
    assert len(boxes) >= 30 or len(boxes) == len(sites)
    corners = np.array([box.extents for box in boxes])
    for k, (x0, y0, x1, y1) in enumerate(corners):
        others = np.delete(corners, k, axis=0)
        hit = (others[:, 0] < x1) & (x0 < others[:, 2]) & (others[:, 1] < y1) & (y0 < others[:, 3])
        assert not hit.any(), ax.texts[k]


@pytest.mark.parametrize("inches", [None, (3.4, 4.5), (10.0, 5.6)])
def test_nothing_is_clipped_and_the_legend_is_outside(program, inches):
    ax = draw(program, ax=inches and plt.subplots(figsize=inches, layout="compressed")[1])
    figure = ax.figure
    figure.draw_without_rendering()
    for artist in (ax.title, ax.get_legend(), ax.xaxis.label, ax.yaxis.label, *ax.artists):
        box = artist.get_window_extent()
        assert figure.bbox.contains(*box.min), artist
        assert figure.bbox.contains(*box.max), artist
        assert not ax.bbox.overlaps(box), artist


def test_a_large_machine_is_not_clipped_either():
    sites = tuple((r, c) for r in range(10) for c in range(10))
    program = Program(CircuitInfo("grid", len(sites)), FPQA(slm=Lattice(10, 10)), sites, (), (Move(0, (), ()),))
    figure = draw(program, 0).figure
    figure.draw_without_rendering()
    assert figure.get_tightbbox().x0 >= 0
    assert figure.get_tightbbox().x1 <= figure.get_figwidth()


def test_draws_on_given_axes_and_saves(pair, tmp_path):
    figure, ax = plt.subplots(figsize=(3.4, 3.4), layout="constrained")
    assert draw(pair, ax=ax) is ax
    assert not ax.bbox.overlaps(ax.get_legend().get_window_extent())
    figure.savefig(tmp_path / "pulse.png")
    assert (tmp_path / "pulse.png").stat().st_size > 1000


def test_a_name_is_text_and_not_a_formula():
    info = CircuitInfo("$\\frac{" + "x" * 50, 1)
    program = Program(info, FPQA(slm=Lattice(1, 1)), ((0, 0),), (), (Move(0, (), ()),))
    ax = draw(program)
    ax.figure.draw_without_rendering()
    assert ax.get_title().splitlines()[0] == "$\\frac{" + "x" * 30 + "..., instruction 0"


@pytest.mark.parametrize("step", [-1, 12])
def test_refuses_an_instruction_that_does_not_exist(pair, step):
    with pytest.raises(ProgramError, match=rf"no instruction {step}: it has 12, numbered from 0"):
        draw(pair, step)


def test_refuses_a_program_without_instructions():
    with pytest.raises(ProgramError, match="it has none"):
        draw(Program(CircuitInfo("empty", 0), FPQA(slm=Lattice(1, 1)), (), (), ()))


def test_labels_that_matter_most_come_first():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [100.0, 0.0]])
    labels = [Label(point, "12345", 1.0, True) for point in points]
    chosen = place_labels(labels, points, 1.0, 8.0)
    assert [k for k, _ in chosen] == [0, 1, 2]
    assert len({side for _, side in chosen[:2]}) == 2
    crowd = [Label(points[0], "12345", 1.0, True)] * 9
    assert [k for k, _ in place_labels(crowd, points[:1], 1.0, 8.0)] == [0, 1, 2, 3]
