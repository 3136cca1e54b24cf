"""`qpilot disq run`, `resume` and `plot`: what they keep, and that a run that was stopped comes out the same."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qpilot import cli
from qpilot.disq import FastEngine, FPQAEvaluator, SamplerEvaluator, folders

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "drift.toml"
FILES = {"config.toml", "checkpoint.json", "history.json", "history.csv", "result.json", "training.png"}

TRAINING = """
seed = 3
maxiter = 12
shots = 100
hamiltonian = {kind = "file", file = "terms.json"}
ansatz = {kind = "real_amplitudes", reps = 1}
optimizer = {kind = "spsa", calibration_pairs = 4}
policy = [{kind = "DISQ", references = 1, max_retries = 3}, "GradientClip"]
[machine]
noise = ["Telegraph", "CoherentBursts"]
"""


@pytest.fixture
def run(capfd, monkeypatch):
    """Return a function that runs the command line in this process: (exit status, stdout, stderr)."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "dumb")

    def run_main(*arguments):
        with pytest.raises(SystemExit) as exit_:
            cli.main(["disq", *map(str, arguments)])
        return exit_.value.code or 0, *capfd.readouterr()

    return run_main


@pytest.fixture
def config(tmp_path):
    (tmp_path / "terms.json").write_text(json.dumps({"ZZI": -1.0, "IZZ": -1.0, "XII": -0.5, "IIX": -0.7, "III": 2.0}))
    path = tmp_path / "training.toml"
    path.write_text(TRAINING)
    return path


@pytest.fixture
def stop(monkeypatch):
    """Return a function that makes Ctrl-C come in a job of an engine."""

    def stop_in(number, engine=FastEngine):
        whole, left = engine.run, [number]

        def stopped(self, *request):
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            return whole(self, *request)

        monkeypatch.setattr(engine, "run", stopped)

    return stop_in


@pytest.fixture
def no_pictures(monkeypatch):
    """Save the time of pictures."""
    monkeypatch.setattr(folders, "draw", lambda *_: b"")


def outcome(folder):
    """Return what a run came to, times left out."""
    history = json.loads((folder / "history.json").read_text())
    for record in history["records"]:
        del record["wall_s"]
    return (folder / "result.json").read_text(), history


@pytest.mark.parametrize("command", [(), ("run",), ("resume",), ("plot",)])
def test_help_names_the_command_and_gives_an_example(run, command):
    status, out, err = run(*command, "--help")
    assert (status, err) == (0, "")
    assert "For example:" in out
    assert " ".join(("qpilot", "disq", *command)) in out


def test_the_example_runs(run, tmp_path):
    folder = tmp_path / "run"
    status, out, err = run("run", EXAMPLE, "-o", folder)
    assert (status, err) == (0, "")
    cost, *_, energies, wrote = out.splitlines()
    assert cost.startswith("Cost: 2 groups, 2 of them prime; 100 circuits to calibrate, 8 for each iteration")
    assert "ground energy -7.29623, relative error" in energies
    assert wrote == f"Wrote result.json, history.json, history.csv, training.png in {folder}."
    assert {path.name for path in folder.iterdir()} == FILES
    result = json.loads((folder / "result.json").read_text())
    assert result["relative_error"] < 0.15
    assert result["iterations"] == 150
    assert (folder / "config.toml").read_text() == EXAMPLE.read_text()
    assert (folder / "training.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize(
    ("name", "engine", "number"),
    [
        ("fast", FastEngine, 0),
        ("fast", FastEngine, 1),
        ("fast", FastEngine, 13),
        ("aer", SamplerEvaluator, 3),
        ("fpqa", FPQAEvaluator, 3),
    ],
)
def test_a_run_that_was_stopped_comes_out_the_same(run, config, tmp_path, stop, monkeypatch, name, engine, number):
    short = TRAINING if name == "fast" else TRAINING.replace("maxiter = 12", "maxiter = 3")
    config.write_text(short.replace("[machine]", f'[machine]\nengine = "{name}"'))
    assert run("run", config, "-o", tmp_path / "whole")[0] == 0
    folder, whole_run = tmp_path / "stopped", engine.run
    stop(number, engine)
    status, out, err = run("run", config, "-o", folder)
    monkeypatch.setattr(engine, "run", whole_run)
    assert status == 130
    assert err == f"Stopped; 'qpilot disq resume {folder}' goes on.\n"
    assert "Wrote" not in out
    config.unlink()
    (tmp_path / "terms.json").unlink()  # the run has copies
    status, _, err = run("resume", folder)
    assert (status, err) == (0, "")
    assert outcome(folder) == outcome(tmp_path / "whole")
    before = outcome(folder)
    assert run("resume", folder)[0] == 0  # it is over: nothing changes
    assert outcome(folder) == before


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.slow
def test_ctrl_c_in_a_terminal_leaves_a_run_to_go_on_with(run, tmp_path):
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "qpilot", "disq", "run", str(EXAMPLE), "-o", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (folder / "checkpoint.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.count("\n") == 1
    assert "disq resume" in err
    assert not (folder / "result.json").exists()
    run("run", EXAMPLE, "-o", tmp_path / "whole")
    assert run("resume", folder)[0] == 0
    assert outcome(folder) == outcome(tmp_path / "whole")


@pytest.mark.usefixtures("no_pictures")
def test_json_is_all_there_is_on_stdout(run, config, tmp_path):
    status, out, err = run("run", config, "-o", tmp_path / "run", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == json.loads((tmp_path / "run" / "result.json").read_text())


@pytest.mark.usefixtures("no_pictures")
def test_the_folder_is_named_in_the_description_or_after_it(run, config, monkeypatch, tmp_path):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert run("run", config)[0] == 0
    config.write_text('out = "other"\n' + TRAINING.replace('"DISQ"', '"QISMET"').replace("references = 1, ", ""))
    assert run("run", config)[0] == 0
    assert {path.name for path in (tmp_path / "work").iterdir()} == {"training", "other"}


@pytest.mark.usefixtures("no_pictures")
def test_a_folder_that_exists_is_refused(run, config, tmp_path):
    folder = tmp_path / "run"
    assert run("run", config, "-o", folder)[0] == 0
    before = outcome(folder)
    status, out, err = run("run", config, "-o", folder)
    assert (status, out) == (1, "")
    assert err == f"error: {folder} exists; go on with the run in it by 'qpilot disq resume', or name another folder.\n"
    assert outcome(folder) == before


@pytest.mark.usefixtures("no_pictures")
def test_nothing_is_made_where_something_is_wrong(run, config, tmp_path):
    config.write_text(TRAINING.replace("maxiter", "maxitr"))
    status, out, err = run("run", config, "-o", tmp_path / "run")
    assert (status, out) == (1, "")
    assert err == f"error: {config}: there is no key maxitr; did you mean 'maxiter'?\n"
    config.write_text(TRAINING.replace("[machine]", "[machine]\nseed = -1"))
    assert "seed is -1" in run("run", config, "-o", tmp_path / "run")[2]
    assert not (tmp_path / "run").exists()
    assert "cannot be made" in run("run", EXAMPLE, "-o", tmp_path / "none" / "run")[2]


def test_a_budget_for_nothing_is_over_at_once(run, config, tmp_path):
    config.write_text("budget = {circuits = 3}\n" + TRAINING)
    status, out, err = run("run", config, "-o", tmp_path / "run")
    assert (status, err) == (0, "")
    assert "The budget of 3 circuits is used up." in out
    assert out.endswith(f"Wrote result.json, history.json, history.csv in {tmp_path / 'run'}.\n")
    assert json.loads((tmp_path / "run" / "result.json").read_text())["energy_measured"] is None
    assert run("resume", tmp_path / "run")[0] == 0


def test_two_files_of_one_name_are_refused(run, config, tmp_path):
    (tmp_path / "terms.json").rename(tmp_path / "result.json")
    config.write_text(TRAINING.replace("terms.json", "result.json"))
    status, _, err = run("run", config, "-o", tmp_path / "run")
    assert status == 1
    assert "Two files in" in err
    assert "would be called result.json" in err


def test_a_run_is_drawn_also_before_it_is_over(run, config, tmp_path, stop):
    folder = tmp_path / "run"
    stop(6)
    assert run("run", config, "-o", folder)[0] == 130
    assert run("plot", folder) == (0, "", "")
    assert (folder / "training.png").read_bytes().startswith(b"\x89PNG")
    assert run("plot", folder, "-o", tmp_path / "training.pdf") == (0, "", "")
    assert (tmp_path / "training.pdf").read_bytes().startswith(b"%PDF")
    assert run("plot", folder, "-o", tmp_path / "training.txt")[0] == 2
    assert "no folder" in run("plot", folder, "-o", tmp_path / "none" / "training.pdf")[2]


@pytest.mark.parametrize("command", ["resume", "plot"])
def test_what_is_no_run_is_refused(run, tmp_path, command):
    status, out, err = run(command, tmp_path)
    assert (status, out) == (1, "")
    assert err == f"error: {tmp_path} is no folder of a run: it has no config.toml.\n"


def test_a_run_without_an_attempt_cannot_be_drawn(run, config, tmp_path, stop):
    stop(0)
    run("run", config, "-o", tmp_path / "run")
    assert "There is no file" in run("plot", tmp_path / "run")[2]
