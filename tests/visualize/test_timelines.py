"""Timelines and paths agree with the program and with its metrics."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from qiskit import QuantumCircuit

import qpilot
from qpilot.arch import FPQA, CircuitInfo, Fidelity, Lattice, Program, RydbergPulse, Timing, preset
from qpilot.arch.errors import OptionError, ProgramError
from qpilot.visualize import timeline, trajectory
from qpilot.visualize.losses import fidelity_losses
from qpilot.visualize.motion import lines_um, trace
from qpilot.visualize.timelines import activity
from qpilot.visualize.trajectories import paths

CAUSES = ("two_qubit", "one_qubit", "idle_excitation", "decoherence", "measurement")


def test_losses_end_at_the_metrics(program):
    losses = fidelity_losses(trace(program))
    for cause in CAUSES:
        curve = getattr(losses, cause)
        assert len(curve) == len(program.instructions) + 1
        assert curve[0] == 0
        assert (np.diff(curve) >= -1e-12).all()
        assert 10 ** -curve[-1] == pytest.approx(getattr(program.metrics.fidelity, cause), rel=1e-9)


def test_losses_of_other_constants_and_empty_pulses(pair):
    atomique = qpilot.compile("examples/circuits/bv8.qasm", preset("atomique", rows=3, cols=3))
    for program in (pair, atomique):
        losses = fidelity_losses(trace(program))
        total = sum(getattr(losses, cause)[-1] for cause in CAUSES)
        assert 10**-total == pytest.approx(program.metrics.fidelity.total, rel=1e-9)


def test_measurements_and_resets_are_drawn_with_what_they_lose():
    circuit = QuantumCircuit(3, 2)
    circuit.cz(0, 1)
    circuit.measure(0, 0)
    circuit.reset(0)
    circuit.cz(0, 2)
    circuit.measure([0, 2], [0, 1])
    program = qpilot.compile(circuit, FPQA(slm=Lattice(1, 3)))
    device = program.device.replace(
        timing=Timing(measure_us=500.0, reset_us=20.0), fidelity=Fidelity(measure=0.99, reset=0.97, t2_us=1e4)
    )
    slow = qpilot.compile(circuit, device)
    losses, metrics = fidelity_losses(trace(slow)), slow.metrics
    for cause in CAUSES:
        assert 10 ** -getattr(losses, cause)[-1] == pytest.approx(getattr(metrics.fidelity, cause), rel=1e-9)
    shares = activity(trace(slow), np.arange(slow.num_atoms), 1000, range(len(slow.instructions)))["measured, reset"]
    length = [1020, 0, 500]  # microseconds of each qubit
    assert shares.mean(axis=1)[:3] * metrics.duration_us == pytest.approx(length, abs=3e-3 * metrics.duration_us)
    entries = [[text.get_text() for text in ax.get_legend().get_texts()] for ax in timeline(slow)]
    assert "measured, reset" in entries[0]
    assert "measurement and reset" in entries[1]
    assert "measurement and reset" not in [text.get_text() for text in timeline(program)[1].get_legend().get_texts()]


def test_a_pulse_that_always_fails_loses_everything(pair):
    device = FPQA(slm=Lattice(1, 3), fidelity=type(pair.device.fidelity)(cz=1e-320))
    program = Program(pair.circuit, device, pair.sites, pair.ancillas, pair.instructions)
    assert fidelity_losses(trace(program)).two_qubit[-1] > 900
    assert timeline(program)[1].get_legend().get_title().get_text() == "fidelity at the end: 10^-960.0"


def test_losses_are_drawn_until_nothing_is_left(pair):
    device = FPQA(slm=Lattice(1, 3), fidelity=type(pair.device.fidelity)(t2_us=100.0))
    program = Program(pair.circuit, device, pair.sites, pair.ancillas, pair.instructions)
    assert program.metrics.fidelity.total == 0
    lower = timeline(program)[1]
    assert lower.get_legend().get_title().get_text() == "fidelity at the end: 0"
    drawn = np.concatenate([c.get_paths()[0].vertices for c in lower.collections])
    assert 0 < drawn[:, 0].max() < trace(program).times_us[-1]
    assert np.isfinite(drawn).all()


def test_every_atom_does_what_the_program_says(pair):
    motion = trace(pair)
    columns = 4000
    shares = activity(motion, np.arange(pair.num_atoms), columns, range(len(pair.instructions)))
    at = (motion.times_us / motion.times_us[-1] * columns).astype(int)
    middle = (at[5] + at[6]) // 2  # of the first move
    assert shares["moving"][:, middle].tolist() == [0, 0, 1, 0]
    assert shares["moving, dark"][:, middle].tolist() == [0, 0, 0, 1]
    assert shares["holds a state"][:, middle].tolist() == [1, 1, 1, 0]
    middle = (at[7] + at[8]) // 2  # of the second
    assert shares["moving, dark"][:, middle].tolist() == [0, 0, 0, 0]
    assert shares["Rydberg pulse"][:, at[6]].tolist() == [0, 1, 1, 0]
    assert shares["one-qubit gate"][:, at[2]].tolist() == [0, 0, 1, 0]


def test_atoms_of_a_row_share_it(pair):
    motion = trace(pair)
    shares = activity(motion, np.array([0, 0, 1, 1]), 4000, range(len(pair.instructions)))
    at = int(motion.times_us[6] / motion.times_us[-1] * 4000)
    assert shares["Rydberg pulse"][:, at].tolist() == [0.5, 0.5]


def test_a_part_shows_what_the_whole_shows_there(program):
    motion, rows = trace(program), np.arange(program.num_atoms)
    first, end = len(program.instructions) // 3, len(program.instructions) // 2
    from_us, until_us = motion.times_us[[first, end]]
    whole = activity(motion, rows, 40_000, range(len(program.instructions)))
    part = activity(motion, rows, 500, range(first, end))
    middles_us = from_us + (np.arange(500) + 0.5) / 500 * (until_us - from_us)
    at = (middles_us / motion.times_us[-1] * 40_000).astype(int)
    for kind in ("moving", "moving, dark", "holds a state"):
        assert (part[kind] == whole[kind][:, at]).mean() > 0.99, kind  # they round at the ends of moves
    upper, lower = timeline(program, steps=(first, end))
    assert upper.get_xlim() == pytest.approx((from_us, until_us))
    total = sum(getattr(fidelity_losses(motion), cause)[end] for cause in CAUSES)
    assert lower.get_ylim()[1] == pytest.approx(1.05 * total)
    assert trajectory(program, steps=(first, end))[0].get_xlim() == pytest.approx((from_us, until_us))


@pytest.mark.parametrize("show", [timeline, trajectory])
def test_steps_that_are_not_there_are_refused(pair, show):
    with pytest.raises(OptionError, match=r"steps is \(3, 13\); it must be .* <= 12"):
        show(pair, steps=(3, 13))


def test_rows_are_named_and_limited(pair):
    upper, lower = timeline(pair)
    assert [label.get_text() for label in upper.get_yticklabels()] == ["q0", "q1", "a0", "a1"]
    assert upper.images[0].get_array().shape[0] == 4
    assert lower.get_xlabel() == "time (us)"
    sites = tuple((r, c) for r in range(30) for c in range(30))
    many = Program(CircuitInfo("many", 900), FPQA(slm=Lattice(30, 30)), sites, (), (RydbergPulse(((0, 1),)),))
    upper, _ = timeline(many)
    assert upper.images[0].get_array().shape[0] == 60
    assert upper.get_yticklabels()[0].get_text() == "q0 - 14"


def test_names_and_legends_are_within_the_figure(program):
    for axes in (timeline(program), trajectory(program)):
        figure = axes[0].figure
        figure.draw_without_rendering()
        for ax in axes:
            for artist in (ax.xaxis.label, ax.yaxis.label, ax.get_legend()):
                if artist is not None:
                    box = artist.get_window_extent()
                    assert figure.bbox.contains(*box.min)
                    assert figure.bbox.contains(*box.max)


def test_paths_follow_the_motion(program):
    motion = trace(program)
    for aod, moves in enumerate(motion.moves):
        if not len(moves.steps):
            continue
        times, rows = paths(motion, moves, moves.rows_um)
        for k in range(len(moves.steps)):
            for point in (3, 8, 12):
                if times[k, -1] > times[k, 0]:
                    assert np.allclose(rows[k, :, point], lines_um(motion, times[k, point])[aod][0])


def test_lines_are_dotted_while_dark(pair):
    columns, rows = trajectory(pair)
    assert columns.get_ylabel() == "x of columns (um)"
    assert rows.get_ylabel() == "y of rows (um)"
    collections = [c for c in columns.collections if isinstance(c, LineCollection)]
    pulses, bright, dark = collections
    assert len(pulses.get_segments()) == pair.depth
    assert len(bright.get_segments()) == 2  # after the placing of column 0 it turns bright, and stays so for two moves
    assert len(dark.get_segments()) == 4
    assert dark.get_linestyle() != bright.get_linestyle()


def test_each_aod_has_its_axes(two_aods):
    labels = [ax.get_ylabel() for ax in trajectory(two_aods)]
    assert labels == [f"{what} of AOD {aod} (um)" for aod in (0, 1) for what in ("x of columns", "y of rows")]


def test_a_program_without_moves_has_no_paths():
    still = Program(CircuitInfo("still", 0), FPQA(slm=Lattice(1, 1)), (), (), ())
    with pytest.raises(ProgramError, match="no moves"):
        trajectory(still)
    with pytest.raises(ProgramError, match="no atoms"):
        timeline(still)
