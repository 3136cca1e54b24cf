"""Animations show every frame where the program is at that time, and files hold what was rendered."""

import logging
import shutil

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from qpilot.arch import FPQA, CircuitInfo, Lattice, Program
from qpilot.arch.errors import OptionError, ProgramError
from qpilot.visualize import animate, animation
from qpilot.visualize.animation import schedule
from qpilot.visualize.film import advance, make_film
from qpilot.visualize.motion import positions_um, trace
from qpilot.visualize.video import encoder_for

EVERY = range(12)


def offsets(film, name):
    return np.asarray(getattr(film.scene, name).get_offsets())


def test_real_timing_keeps_moves_in_proportion(qaoa):
    motion = trace(qaoa)
    frames = schedule(motion, range(len(qaoa.instructions)), 50, "real")
    spent = np.diff(motion.times_us)
    shown = np.bincount(frames.steps, minlength=len(spent))
    moves = [k for k, op in enumerate(qaoa.instructions) if type(op).__name__ == "Move" and spent[k] > 0]
    ratio = shown[moves] / spent[moves]
    assert np.allclose(ratio, ratio.mean(), rtol=0.05)
    assert all(shown[k] for k, op in enumerate(qaoa.instructions) if getattr(op, "pairs", ()))


def test_frames_cover_the_program_in_order(program):
    motion = trace(program)
    for timing in ("real", "equal"):
        frames = schedule(motion, range(len(program.instructions)), 20, timing)
        assert (np.diff(frames.steps) >= 0).all()
        assert (np.diff(frames.times_us) >= 0).all()
        assert frames.times_us[0] == 0
        assert frames.times_us[-1] == motion.times_us[-1]


def test_equal_timing_gives_each_instruction_the_same(pair):
    frames = schedule(trace(pair), EVERY, 20, "equal")
    assert set(np.bincount(frames.steps)[:-1]) == {12}


def test_artists_are_where_the_atoms_are(program):
    motion = trace(program)
    frames = schedule(motion, range(len(program.instructions)), 20, "real")
    film = make_film(motion, "real", Figure())
    for k in range(0, len(frames.steps), 7):
        advance(film, frames, k)
        wanted = positions_um(motion, frames.times_us[k])[program.num_qubits :]
        wanted = wanted[~np.isnan(wanted[:, 0])]
        found = np.concatenate([offsets(film, "bright"), offsets(film, "dark")])
        assert np.array_equal(np.sort(found, axis=0), np.sort(wanted, axis=0))
        pairs = getattr(program.instructions[frames.steps[k]], "pairs", ())
        assert len(offsets(film, "rings")) == len(pairs)
        assert (film.scene.flash.get_alpha() > 0) == bool(pairs)


def test_nothing_of_a_frame_is_clipped(program):
    film = make_film(trace(program), "real", Figure())
    box, size = film.figure.get_tightbbox(), film.figure.get_size_inches()
    assert min(box.x0, box.y0) >= -0.01
    assert (box.max <= size + 0.01).all()


def test_strip_says_instruction_depth_and_time(pair):
    motion = trace(pair)
    frames = schedule(motion, EVERY, 20, "real")
    film = make_film(motion, "real", Figure())
    k = int(np.flatnonzero(frames.steps == 6)[0])
    advance(film, frames, k)
    assert film.says[0].get_text() == "pulse 1: 1 pair"
    assert film.says[1].get_text() == f"depth 2 of 3, {motion.times_us[6]:.1f} us"
    assert film.bar.get_width() == motion.times_us[6]
    assert [name.get_text() for name in film.names if name.get_visible()] == ["0"]


def test_moves_of_two_aods_are_seen_together(two_aods):
    motion = trace(two_aods)
    frames = schedule(motion, range(7), 50, "real")
    film = make_film(motion, "real", Figure())
    end = motion.moves[0].ends_us[-1]
    k = int(np.searchsorted(frames.times_us, end / 2))
    advance(film, frames, k)
    (x0, _), (x1, _) = offsets(film, "bright")
    assert 0 < x0 < 7.5
    assert 0 < x1 < 30


def test_gif_holds_every_frame_for_its_time(pair, tmp_path):
    seen = []
    path = tmp_path / "pair.gif"
    animate(pair, path, steps=(2, 8), fps=15, dpi=50, progress=lambda *news: seen.append(news))
    frames = schedule(trace(pair), range(2, 8), 15, "real")
    with Image.open(path) as image:
        assert image.n_frames == len(frames.steps) == len(seen)
        assert image.info["loop"] == 0
        total_ms = 0
        for k in range(image.n_frames):
            image.seek(k)
            total_ms += image.info["duration"]
        assert total_ms == pytest.approx(1000 * len(frames.steps) / 15, abs=10)
    assert seen[-1] == (1.0, "frames")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pair.gif"]


def test_gif_gives_back_the_pixels(tmp_path):
    pictures = []
    for x in (0, 5, 5, 9):
        pixels = np.full((20, 30, 4), 255, np.uint8)
        pixels[3:9, x : x + 4] = (0, 0x72, 0xB2, 255)
        pictures.append(pixels)
    path = tmp_path / "bar.gif"
    with encoder_for(path)(30, 20, 10) as gif:
        for pixels in pictures:
            gif.add(pixels)
        path.write_bytes(gif.finish())
    with Image.open(path) as image:
        for k, pixels in enumerate(pictures):
            image.seek(k)
            assert np.abs(np.asarray(image.convert("RGB")).astype(int) - pixels[:, :, :3]).max() <= 8


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_mp4_is_a_video(pair, tmp_path):
    path = tmp_path / "pair.mp4"
    animate(pair, path, steps=(5, 8), dpi=60, timing="equal")
    data = path.read_bytes()
    assert data[4:8] == b"ftyp"
    assert b"avc1" in data
    assert [p.name for p in tmp_path.iterdir()] == ["pair.mp4"]


def test_without_ffmpeg_the_error_says_so(pair, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OptionError, match=r"needs the program ffmpeg.*choose \.gif"):
        animate(pair, tmp_path / "pair.mp4")


def test_a_failure_of_ffmpeg_is_an_error_and_leaves_no_file(pair, tmp_path, monkeypatch):
    fake = tmp_path / "ffmpeg"
    fake.write_text("#!/bin/sh\necho no codec >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(ProgramError, match="ffmpeg cannot make the video: no codec"):
        animate(pair, tmp_path / "pair.mp4", dpi=30)
    assert not (tmp_path / "pair.mp4").exists()


def test_without_a_path_it_plays(pair):
    played = animate(pair, timing="equal", steps=(5, 7), fps=4)
    assert played is not None
    assert "<img" in played.to_jshtml(default_mode="once")


def test_long_renders_are_announced(pair, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(animation, "_LONG_S", 0.0)
    with caplog.at_level(logging.WARNING):
        animate(pair, tmp_path / "pair.gif", dpi=40)
    assert "frames of" in caplog.text
    assert "MB" in caplog.text


def test_too_long_renders_are_refused(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(animation, "MAX_PIXELS", 10_000_000)
    with pytest.raises(OptionError, match=r"\d+ frames of .* choose fewer steps, a lower fps or a lower dpi"):
        animate(pair, tmp_path / "pair.gif")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_found_before_the_render(pair, tmp_path):
    seen = []
    with pytest.raises(ProgramError, match="there is no such folder"):
        animate(pair, tmp_path / "none" / "pair.gif", progress=lambda *news: seen.append(news))
    assert seen == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fps": 0}, "fps is 0"),
        ({"fps": 24.5}, "whole number from 1 to 50"),
        ({"dpi": 5000}, "dpi is 5000"),
        ({"timing": "fast"}, "'real' or 'equal'"),
        ({"steps": (3, 3)}, "0 <= first < end <= 12"),
        ({"steps": (0, 13)}, "0 <= first < end <= 12"),
        ({"path": "pair.avi"}, r"must end in \.gif or \.mp4"),
    ],
)
def test_refuses_options_that_make_no_sense(pair, options, message):
    with pytest.raises(OptionError, match=message):
        animate(pair, **options)


def test_refuses_a_program_without_instructions():
    with pytest.raises(ProgramError, match="no instructions to show"):
        animate(Program(CircuitInfo("empty", 0), FPQA(slm=Lattice(1, 1)), (), (), ()))
