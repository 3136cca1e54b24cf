"""The command line: what it prints and where, what it writes, and its exit status."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qpilot import bar, cli
from qpilot.arch import FPQA, Program, preset
from tests.strategies import flying_cz

ROOT = Path(__file__).parents[2]
CIRCUITS = ROOT / "examples" / "circuits"
BV = CIRCUITS / "bv8.qasm"
PAIR = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; cz q[0],q[1]; h q[0]; u3(0.3,0.2,0.1) q[1]; '


@pytest.fixture
def run(capfd, monkeypatch):
    """Return a function that runs the command line in this process: (exit status, stdout, stderr)."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "dumb")

    def run_main(*arguments):
        with pytest.raises(SystemExit) as exit_:
            cli.main([str(argument) for argument in arguments])
        return exit_.value.code or 0, *capfd.readouterr()

    return run_main


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.json"
    flying_cz().save(path)
    return path


def subprocess_run(*arguments, **options):
    command = [sys.executable, "-W", "error", "-m", "qpilot", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, **options)


@pytest.mark.parametrize(
    "command", [(), ("compile",), ("verify",), ("info",), ("draw",), ("animate",), ("device",), ("convert",)]
)
def test_help_names_the_command_and_gives_an_example(run, command):
    status, out, err = run(*command, "--help")
    assert (status, err) == (0, "")
    assert "For example:" in out
    assert " ".join(("qpilot", *command)) in out


def test_help_says_what_the_figures_mean(run):
    assert "Rydberg pulses" in run("compile", "--help")[1]


def test_version(run):
    status, out, err = run("--version")
    assert (status, err) == (0, "")
    assert out.startswith("qpilot")


def test_device_is_printed_as_json_that_can_be_loaded(run, tmp_path):
    status, out, err = run("device", "--preset", "atomique", "--rows", 4, "--cols", 16)
    assert (status, err) == (0, "")
    path = tmp_path / "device.json"
    path.write_text(out)
    assert FPQA.load(path) == preset("atomique", 4, 16)
    assert run("device", "--preset", "atomique", "--rows", 4, "--cols", 16, "-o", path) == (0, "", "")
    assert FPQA.load(path) == preset("atomique", 4, 16)


def test_info_prints_the_summary_or_only_json(run, program):
    assert run("info", program) == (0, f"{flying_cz()}\n", "")
    status, out, err = run("info", program, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["depth"] == 3


def test_verify_accepts_the_circuit_and_refuses_another(run, program, tmp_path):
    right, wrong = tmp_path / "right.qasm", tmp_path / "wrong.qasm"
    right.write_text(PAIR + "measure q[0]->c[1]; measure q[1]->c[0];")
    wrong.write_text(PAIR + "measure q -> c;")
    status, out, err = run("verify", program, right)
    assert (status, err) == (0, "")
    assert out.endswith(f"computes {right}.\n")
    status, out, err = run("verify", program, wrong)
    assert (status, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_compile_prints_the_summary(run):
    status, out, err = run("compile", BV)
    assert (status, err) == (0, "")
    assert "bv8" in out


def test_compile_prints_only_json(run):
    status, out, err = run("compile", BV, "--json")
    assert (status, err) == (0, "")
    metrics = json.loads(out)
    assert metrics["depth"] > 0
    assert metrics["num_2q"] >= 4


@pytest.mark.parametrize(
    "options",
    ["", "--shape 1x8", "--preset atomique", "--preset atomique --shape 2x4", "--router generic --strategy paper",
     "--effort 2 --seed 7 --no-verify"],
)  # fmt: skip
def test_compiled_programs_are_saved_and_verify(run, tmp_path, options):
    path = tmp_path / "program.json.gz"
    status, out, err = run("compile", BV, "-o", path, *options.split())
    assert (status, err) == (0, "")
    assert out.startswith(f"Wrote {path}: depth ")
    loaded = Program.load(path)
    assert loaded.circuit.name == "bv8"
    assert ("atomique" in loaded.device.name) == ("atomique" in options)
    if "--shape" in options:
        rows, cols = map(int, options.split()[-1].split("x"))
        assert (loaded.device.slm.rows, loaded.device.slm.cols) == (rows, cols)
    assert run("verify", path, BV)[0] == 0


def test_the_native_gate_is_shown(run, tmp_path):
    shown = json.loads(run("device")[1])
    assert (shown["native"], shown["rydberg"]["individual_phases"]) == ("cz", False)
    shown["native"], shown["rydberg"]["individual_phases"] = "cphase", True
    path = tmp_path / "device.json"
    path.write_text(json.dumps(shown))
    assert json.loads(run("compile", BV, "--device", path, "--json")[1])["native"] == "cphase"
    assert "(native cphase)" in run("compile", BV, "--device", path)[1]
    path.write_text(json.dumps(shown | {"native": "cz"}))
    status, _, err = run("compile", BV, "--device", path)
    assert (status, err.count("\n")) == (1, 1)
    assert "Rydberg.individual_phases is true, but FPQA.native is 'cz'" in err


def test_compile_takes_a_device(run, tmp_path):
    device, path = tmp_path / "device.json", tmp_path / "program.json"
    preset("enola", 3, 5).replace(name="mine").save(device)
    assert run("compile", BV, "--device", device, "-o", path)[0] == 0
    assert Program.load(path).device.name == "mine"


def test_equal_seeds_give_equal_bytes(run, tmp_path):
    for name in ("a.json", "b.json"):
        assert run("compile", BV, "--seed", 3, "-o", tmp_path / name)[0] == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_many_files_are_saved_in_a_folder_and_reported_in_order(run, tmp_path):
    folder = tmp_path / "programs"
    files = [CIRCUITS / name for name in ("qft6.qasm", "bv8.qasm", "ghz12.qasm")]
    status, out, err = run("compile", *files, "--jobs", 2, "-o", folder)
    assert (status, err) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == [f"Wrote {folder / file.stem}.json" for file in files]
    assert run("compile", BV, "-o", tmp_path / "alone.json")[0] == 0
    assert (folder / "bv8.json").read_bytes() == (tmp_path / "alone.json").read_bytes()
    assert run("compile", *files[1:])[1].startswith("bv8: depth ")


def test_a_file_that_fails_stops_no_other(run, tmp_path):
    bad = tmp_path / "bad.qasm"
    bad.write_text(PAIR + "measure q[0] -> c[0]; if (c == 1) cz q[0],q[1];")
    (tmp_path / "ghz12.json").mkdir()
    files = [CIRCUITS / "qft6.qasm", bad, BV]
    for jobs in (1, 2):
        status, out, err = run("compile", *files, "-o", tmp_path, "--jobs", jobs)
        assert status == 1
        assert out.count("Wrote") == out.count("\n") == 2
        assert err.startswith(f"error: {bad}: Instruction ")
        assert err.count("\n") == 1
        assert sorted(path.name for path in tmp_path.glob("*.json")) == ["bv8.json", "ghz12.json", "qft6.json"]
    status, out, err = run("compile", *files, "--json")
    assert status == 1
    first, second, third = json.loads(out)
    assert first["metrics"]["depth"] > 0
    assert (second.keys(), third["file"]) == ({"file", "error"}, str(BV))


def test_outputs_of_many_files_are_checked_before_the_work(run, tmp_path):
    copy = tmp_path / "bv8.json"
    copy.write_bytes(BV.read_bytes())
    for files, folder, reason in (
        ([BV, copy], tmp_path / "new", "different names"),
        ([BV, CIRCUITS / "qft6.qasm"], copy, "cannot be made"),
        ([BV, CIRCUITS / "qft6.qasm"], tmp_path / "a" / "b", "cannot be made"),
        ([CIRCUITS / "qft6.qasm", copy], tmp_path, "it is the file that is read"),
    ):
        status, out, err = run("compile", *files, "-o", folder)
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert reason in err
    assert list(tmp_path.iterdir()) == [copy]
    assert copy.read_bytes() == BV.read_bytes()


def test_an_interrupt_keeps_the_files_that_are_done(tmp_path):
    circuits = tmp_path / "circuits"
    circuits.mkdir()
    for number in range(40):
        (circuits / f"{number:02}.qasm").write_bytes((CIRCUITS / "qft6.qasm").read_bytes())
    folder = tmp_path / "programs"
    command = [sys.executable, "-m", "qpilot", "compile", *sorted(circuits.iterdir()), "--jobs", "2", "-o", folder]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not (folder.is_dir() and any(folder.glob("*.json"))) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    saved = sorted(path.name for path in folder.iterdir())
    assert [f"Wrote {folder / name}:" for name in saved] == [line.split(" depth")[0] for line in out.splitlines()]
    assert 0 < len(saved) < 40
    assert {Program.load(folder / name).num_qubits for name in saved} == {6}


def test_progress_is_drawn_on_a_terminal_only(monkeypatch, capsys):
    monkeypatch.setattr(bar, "DELAY_S", 0.0)
    with bar.progress_bar() as report:
        report(0.5, "routing")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with bar.progress_bar() as report:
        report(0.5, "routing")
    assert "routing" in capsys.readouterr().err


def test_progress_goes_to_stderr():
    leader, follower = pty.openpty()
    code = f"from qpilot import bar, cli; bar.DELAY_S = 0; cli.main(['compile', {str(BV)!r}, '--json'])"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=follower, text=True) as process:
        os.close(follower)
        out, _ = process.communicate(timeout=120)
    drawn = os.read(leader, 100_000)
    os.close(leader)
    assert process.returncode == 0
    assert json.loads(out)["depth"] > 0
    assert drawn


def test_interrupt_ends_with_130_and_no_traceback():
    code = (
        "import sys, time, types, qpilot.cli as cli\n"
        "def wait(*args, **kwargs):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "sys.modules['qpilot.compiler'] = types.SimpleNamespace(compile=wait)\n"
        f"cli.main(['compile', {str(BV)!r}])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_module_and_function_are_the_same_program():
    done = subprocess_run("device", "--rows", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["slm"]["rows"] == 2


def test_output_survives_an_ascii_terminal(program):
    done = subprocess_run("info", program, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")


def test_closed_pipe_is_no_error(program):
    done = subprocess.run(
        f"{sys.executable} -m qpilot device | true", shell=True, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


@pytest.mark.parametrize(("name", "start"), [("x.png", b"\x89PNG"), ("x.svg", b"<?xml"), ("x.pdf", b"%PDF")])
def test_draw_writes_a_picture(run, program, tmp_path, name, start):
    assert run("draw", program, "--step", 0, "-o", tmp_path / name) == (0, "", "")
    assert (tmp_path / name).read_bytes().startswith(start)


def test_animate_writes_a_film_or_a_page(run, program, tmp_path):
    assert run("animate", program, "-o", tmp_path / "x.gif", "--steps", "0:3", "--dpi", 40)[0] == 0
    assert (tmp_path / "x.gif").read_bytes().startswith(b"GIF89a")
    assert run("animate", program, "-o", tmp_path / "x.html") == (0, "", "")
    assert "<canvas" in (tmp_path / "x.html").read_text()


def test_compile_writes_a_page_with_the_gates(run, tmp_path):
    source = tmp_path / "pair.qasm"
    source.write_text(PAIR)
    assert run("compile", source, "--html", tmp_path / "pair.html")[0] == 0
    assert "cz q0 q1" in (tmp_path / "pair.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("draw", "-o", "x.bmp"), 2, "must end in .png"),
        (("animate", "-o", "x.avi"), 2, "must end in .html, .gif or .mp4"),
        (("draw", "-o", "x.png", "--step", "99"), 1, "no instruction 99"),
        (("animate", "-o", "x.gif", "--steps", "3"), 2, "0:40"),
        (("animate", "-o", "none/x.html"), 1, "x.html cannot be written"),
    ],
)
def test_pictures_that_cannot_be_made(run, program, tmp_path, monkeypatch, arguments, status, words):
    monkeypatch.chdir(tmp_path)
    command, *options = arguments
    found, out, err = run(command, program, *options)
    assert (found, out) == (status, "")
    assert words in " ".join(err.replace("\u2502", " ").split())
    assert not [*tmp_path.glob("x.*")]
