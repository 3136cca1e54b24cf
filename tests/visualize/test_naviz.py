"""NAViz accepts what is written for it, and it says what the program does."""

import re
from itertools import pairwise

import numpy as np
import pytest

from qpilot.arch import FPQA, CircuitInfo, Lattice, Move, Program, RydbergPulse
from qpilot.arch.errors import ProgramError
from qpilot.arch.unitary import u_matrix
from qpilot.visualize import to_naviz
from qpilot.visualize.motion import positions_um, trace


def read(files):
    """Return the three texts."""
    return [file.read_text(encoding="utf-8") for file in files]


def played(text):
    """Return the first place of each atom, and (time, command, arguments) of everything that happens."""
    atoms = {name: (float(x), float(y)) for x, y, name in re.findall(r"^atom \((\S+), (\S+)\) (\w+)$", text, re.M)}
    events = []
    for time, command, group, single in re.findall(r"^@(\S+) (\w+) (?:\[\n(.*?)\n\]|(\w+))$", text, re.M | re.S):
        events.append((float(time), command, [line.strip() for line in (group or single).split("\n")]))
    return atoms, events


def refusal(texts, tmp_path):
    """Return how far NAViz gets: the error of a text that it does not accept, else None."""
    naviz = pytest.importorskip("mqt.naviz", reason="mqt.naviz is not installed")
    try:
        # It reads all three texts and makes the animation of them before it looks for a graphics card.
        naviz.export_video(texts[0], str(tmp_path / "video.mp4"), (64, 64), 1, texts[1], texts[2])
    except BaseException as error:
        if type(error).__name__ == "PanicException" and re.search("wgpu|adapter|device|ffmpeg", str(error)):
            return None
        if type(error).__name__ in ("ParseError", "VideoExportError"):
            return str(error) if type(error).__name__ == "ParseError" else None
        raise
    return None


def test_naviz_accepts_programs_of_every_router(program, tmp_path):
    assert refusal(read(to_naviz(program, tmp_path / "program.naviz")), tmp_path) is None


@pytest.mark.parametrize(
    ("which", "old", "new", "message"),
    [
        (0, "@0 load [", "@0 load [[", "parse input"),
        (0, "@0 load", "@0 lift", "convert input"),
        (1, "max_speed", "speed", "convert machine"),
        (2, "radius", "radios", "convert"),
    ],
)
def test_naviz_would_refuse_a_wrong_text(pair, tmp_path, which, old, new, message):
    texts = read(to_naviz(pair, tmp_path / "pair.naviz"))
    assert old in texts[which]
    texts[which] = texts[which].replace(old, new)
    assert message in (refusal(texts, tmp_path) or "")


def test_atoms_end_each_move_where_the_program_says(program, tmp_path):
    at, events = played(read(to_naviz(program, tmp_path / "p.naviz"))[0])
    motion = trace(program)
    names = [f"q{q}" for q in range(program.num_qubits)] + [f"a{k}" for k in range(len(program.ancillas))]
    pulses = [t for t, op in zip(motion.times_us, program.instructions, strict=False) if isinstance(op, RydbergPulse)]
    seen = 0
    for time, command, arguments in events:
        if command == "move":
            for x, y, name in (re.fullmatch(r"\((\S+), (\S+)\) (\w+)", a).groups() for a in arguments):
                at[name] = float(x), float(y)
        elif command == "cz":
            assert time == pytest.approx(pulses[seen], abs=1e-6)
            assert arguments == ["zone_cz"]
            assert np.allclose([at[name] for name in names], positions_um(motion, pulses[seen]), atol=1e-5)
            seen += 1
    assert seen == len(pulses) == program.depth


def test_gates_are_rz_ry_rz_of_the_same_angles(program, tmp_path):
    _, events = played(read(to_naviz(program, tmp_path / "p.naviz"))[0])
    done = {}
    for _, command, arguments in events:
        for angle, name in (a.split() for a in arguments if command in ("ry", "rz")):
            half = float(angle) / 2
            rz = np.diag([np.exp(-1j * half), np.exp(1j * half)])
            ry = np.array([[np.cos(half), -np.sin(half)], [np.sin(half), np.cos(half)]])
            done[name] = (ry if command == "ry" else rz) @ done.get(name, np.eye(2))
    for atom in range(program.num_atoms):
        n = program.num_qubits
        wanted = np.eye(2)
        for op in program.instructions:
            if type(op).__name__ == "Raman" and atom in op.atoms:
                wanted = np.array(u_matrix(*op.angles[op.atoms.index(atom)])).reshape(2, 2) @ wanted
        found = done.get(f"q{atom}" if atom < n else f"a{atom - n}", np.eye(2))
        assert abs(np.trace(found.conj().T @ wanted)) == pytest.approx(2, abs=1e-4)


def test_every_move_of_naviz_ends_in_time(qaoa, tmp_path):
    files = to_naviz(qaoa, tmp_path / "p.naviz")
    speed = float(re.search(r"max_speed: (\S+)", files[1].read_text()).group(1))
    at, events = played(files[0].read_text())
    shares = []
    for (time, command, arguments), (after, *_) in pairwise(events):
        if command == "move":
            for x, y, name in (re.fullmatch(r"\((\S+), (\S+)\) (\w+)", a).groups() for a in arguments):
                way = np.hypot(*np.subtract((float(x), float(y)), at[name]))
                shares.append(1.5 * way / speed / (after - time))
                at[name] = float(x), float(y)
    assert 0.99 < max(shares) <= 1 + 1e-5


def test_moves_that_run_together_start_together(two_aods, tmp_path):
    _, events = played(to_naviz(two_aods, tmp_path / "two.naviz")[0].read_text())
    moves = [(time, arguments) for time, command, arguments in events if command == "move"]
    assert [arguments for _, arguments in moves] == [["(7.5, 1.5) a0"], ["(30, 13.5) a1"]]
    assert moves[0][0] == moves[1][0]


def test_names_cannot_break_the_files(tmp_path):
    device = FPQA(slm=Lattice(1, 1), name='evil"\nname {')
    program = Program(CircuitInfo("x", 1), device, ((0, 0),), (), (Move(0, (), ()),))
    files = to_naviz(program, tmp_path / "2 dots.and-ünicode.naviz")
    texts = read(files)
    assert re.search(r"^#target (?!\d)\w+$", texts[0], re.M | re.A)
    assert texts[0].splitlines()[0].removeprefix("#target ") == files[1].stem
    assert texts[1].splitlines()[0] == 'name: "evil  name {"'
    assert refusal(texts, tmp_path) is None


def test_refuses_another_ending(pair, tmp_path):
    with pytest.raises(ProgramError, match=r"must end in \.naviz"):
        to_naviz(pair, tmp_path / "pair.txt")
