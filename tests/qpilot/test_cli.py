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

from qpilot import cli
from qpilot.arch import FPQA, Program, preset
from tests.strategies import flying_cz

ROOT = Path(__file__).parents[2]
BV = ROOT / "examples" / "circuits" / "bv8.qasm"
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


@pytest.mark.parametrize("command", [(), ("compile",), ("verify",), ("info",), ("device",)])
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


def test_progress_is_drawn_on_a_terminal_only(monkeypatch):
    with cli._progress() as report:
        assert report is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with cli._progress() as report:
        report(0.5, "routing")


def test_progress_goes_to_stderr():
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "qpilot", "compile", str(BV), "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=follower, text=True) as process:
        os.close(follower)
        out, _ = process.communicate(timeout=120)
    shown = os.read(leader, 100_000)
    os.close(leader)
    assert process.returncode == 0
    assert json.loads(out)["depth"] > 0
    assert shown


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
