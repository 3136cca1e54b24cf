"""The harness: cases are what their names say, a run goes on where it was, and equal seeds give equal rows."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import cases, rows, runs
from benchmarks.__main__ import main
from benchmarks.cases import Case, circuit_of, file_cases, graph_of, made_cases, rotations_of, size_of
from benchmarks.compare import SUITES
from benchmarks.record import RESULT_COLUMNS
from benchmarks.ways import WAYS, Settings

ROOT = Path(__file__).parents[2]
SMALL = ["--suite", "random", "--circuits", "random-2", "--qubits", "4", "6", "--seeds", "2", "--jobs", "1"]
FEW = ["--ways", "qpilot", "square", "logical", "--sabre-seeds", "1"]


@pytest.mark.parametrize("suite", SUITES)
def test_the_cases_of_a_suite_differ_and_have_ways(suite):
    found = [*made_cases(suite, [10, 20], 2)]
    assert len(set(found)) == len(found) > 1
    assert {case.suite for case in found} == {suite}
    assert {case.circuit for case in found} == set(cases.CIRCUITS[suite])
    for case in found:
        names = [way for way in WAYS if WAYS[way].takes(case)]
        assert "qpilot" in names
        assert len(names) > 1


@pytest.mark.parametrize(
    ("case", "size"),
    [
        (Case("random", "random-5", 8, 1), 40),
        (Case("random", "random-5-repeat", 8, 1), 40),
        (Case("qaoa", "3-regular", 8, 1), 12),
        (Case("paulis", "p=0.3", 8, 1, "free"), 100),
        (Case("paulis", "heisenberg", 6, None, "kept"), 3 * 7),
        (Case("algorithms", "qft", 8), 2 * 28),
        (Case("algorithms", "adder", 10), 8 * (2 + 6) + 1),
        (Case("widths", "er-0.3", 9, 0, "3x3"), None),
    ],
)
def test_a_case_makes_what_its_name_says(case, size):
    if case.kind == "paulis":
        found = rotations_of(case)
        assert {len(label) for label, _ in found} == {case.qubits}
    else:
        found = circuit_of(case)
        assert found.num_qubits == case.qubits
    assert size is None or size_of(case) == size


def test_seeds_give_other_circuits_and_equal_ones_the_same():
    first, second = (Case("random", "random-2-repeat", 10, seed) for seed in (0, 1))
    assert circuit_of(first) != circuit_of(second)
    circuit_of.cache_clear()
    assert circuit_of(first) == circuit_of(Case("random", "random-2-repeat", 10, 0))


def test_graphs_that_do_not_exist_are_left_out():
    found = {(case.circuit, case.qubits) for case in made_cases("qaoa", [5, 6, 10], 1)}
    assert ("3-regular", 5) not in found  # odd
    assert ("6-regular", 6) not in found  # too few nodes
    assert ("6-regular", 10) in found


def test_widths_go_from_near_square_to_one_row():
    variants = [case.variant for case in made_cases("widths", [100], 1) if case.circuit == "3-regular"]
    assert variants == ["10x10", "7x15", "5x20", "4x25", "3x34", "2x50", "1x100"]


def test_files_are_cases_by_their_names(tmp_path):
    (tmp_path / "qaoa_er_q6.txt").write_text("[(0, 1), (3, 2)]")
    (tmp_path / "pauli_x.txt").write_text("['XXI', 'IZY']")
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "bell.qasm").write_text("OPENQASM 3.0; include 'stdgates.inc'; qubit[2] q; cx q[0], q[1];")
    found = {(case.circuit, case.variant): case for case in file_cases(tmp_path)}
    assert {key: (case.kind, case.qubits) for key, case in found.items()} == {
        ("qaoa_er_q6", None): ("qaoa", 6),
        ("pauli_x", "kept"): ("paulis", 3),
        ("pauli_x", "free"): ("paulis", 3),
        ("bell", None): ("gates", 2),
    }
    assert graph_of(found["qaoa_er_q6", None]).number_of_edges() == 2
    assert [label for label, _ in rotations_of(found["pauli_x", "free"])] == ["XXI", "IZY"]
    assert circuit_of(found["bell", None]).num_nonlocal_gates() == 1


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """A small run, made in one go."""
    out = tmp_path_factory.mktemp("complete")
    assert main([*SMALL, *FEW, "--out", str(out)]) == 0
    return out


def test_every_row_is_whole(complete):
    found = rows.load(complete / "rows.csv")
    assert len(found) == 2 * 2 * 3
    assert [row["way"] for row in found[:3]] == ["qpilot", "logical", "square"]
    for row in found:
        assert row["status"] == "ok"
        assert 0 < row["depth"] <= row["mixed_depth"]
        assert 0 < row["enola_fidelity"] <= row["enola_two_qubit"] < 1
        assert row["compile_s"] > 0
        assert row["revision"]
        assert row["machine"].endswith("1 at once")
        package = "qpilot" if row["way"] == "qpilot" else "qiskit"
        assert row["version"].startswith(f"{package} ")


def test_report_and_figures_are_made(complete):
    text = (complete / "report.md").read_text()
    pictures = [path.name for path in complete.glob("*.png")]
    assert pictures
    assert all(name in text for name in pictures)


def test_a_run_that_lost_rows_measures_these_only(complete, tmp_path, capfd):
    found = rows.load(complete / "rows.csv")
    rows.save(found[:5], tmp_path / "rows.csv")
    (tmp_path / "settings.json").write_bytes((complete / "settings.json").read_bytes())
    assert main([*SMALL, *FEW, "--out", str(tmp_path), "--same-as", str(complete)]) == 0
    printed = capfd.readouterr()
    assert "5 rows are in" in printed.err
    assert "7 are left" in printed.err
    assert "12 rows here" in printed.out
    assert "the same, times aside" in printed.out
    assert rows.load(tmp_path / "rows.csv")[:5] == found[:5]  # times and dates too


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(complete, tmp_path):
    command = [sys.executable, "-m", "benchmarks", *SMALL, *FEW, "--out", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "rows.csv").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in errors
    assert "Traceback" not in errors
    assert 0 < len(rows.load(tmp_path / "rows.csv")) < 12
    finished = subprocess.run([*command, "--same-as", str(complete)], cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert "the same, times aside" in finished.stdout


def test_another_seed_is_told_from_the_same(complete, tmp_path, capfd):
    found = rows.load(complete / "rows.csv")
    found[3] = found[3] | {"depth": found[3]["depth"] + 1, "compile_s": 99.0, "date": "today"}
    rows.save(found[:-1], tmp_path / "rows.csv")
    assert main([*SMALL, *FEW, "--out", str(complete), "--same-as", str(tmp_path)]) == 1
    printed = capfd.readouterr().out
    assert "2 differences" in printed
    assert "depth" in printed
    assert "only in the first" in printed
    assert "compile_s" not in printed


def test_again_measures_the_rows_of_one_way_anew(complete, tmp_path, capfd):
    found = rows.load(complete / "rows.csv")
    marked = [row | {"note": "old"} for row in found]
    rows.save(marked, tmp_path / "rows.csv")
    (tmp_path / "settings.json").write_bytes((complete / "settings.json").read_bytes())
    assert main([*SMALL, *FEW, "--qubits", "4", "--out", str(tmp_path), "--again", "logical"]) == 0
    after = rows.load(tmp_path / "rows.csv")
    assert len(after) == 12
    assert {(row["way"], row["qubits"]) for row in after if row["note"] is None} == {("logical", 4)}


def test_what_failed_is_measured_again(complete, tmp_path, capfd):
    found = rows.load(complete / "rows.csv")
    found[2] = found[2] | dict.fromkeys(RESULT_COLUMNS) | {"status": "failed", "note": "broken"}
    rows.save(found, tmp_path / "rows.csv")
    assert main([*SMALL, *FEW, "--out", str(tmp_path), "--same-as", str(complete)]) == 0
    assert "1 are left" in capfd.readouterr().err


def test_what_failed_elsewhere_is_kept(complete, tmp_path):
    found = rows.load(complete / "rows.csv")
    failed = next(k for k, row in enumerate(found) if row["qubits"] != 4 and row["way"] == "logical")
    found[failed] = found[failed] | dict.fromkeys(RESULT_COLUMNS) | {"status": "failed", "note": "broken"}
    rows.save(found, tmp_path / "rows.csv")
    assert main([*SMALL, *FEW, "--qubits", "4", "--out", str(tmp_path)]) == 0
    assert len(rows.load(tmp_path / "rows.csv")) == len(found)


def test_what_takes_too_long_is_a_row_that_says_so(tmp_path):
    slow = ["--suite", "algorithms", "--circuits", "qft", "--qubits", "40", "--ways", "qpilot-depth", "logical"]
    assert main([*slow, "--limit", "1", "--out", str(tmp_path)]) == 0
    stopped, done = rows.load(tmp_path / "rows.csv")
    assert (stopped["status"], stopped["note"], stopped["depth"]) == ("timeout", "more than 1 s", None)
    assert done["status"] == "ok"


def test_what_raises_is_a_row_with_the_reason():
    case = Case("random", "random-2", 6, 0)
    cells = runs.measure(Case("widths", "random-2", 6, 0, "1x2"), "qpilot", Settings(1, 60))
    assert cells["status"] == "refused"
    assert "Error: " in cells["note"]
    assert runs.measure(case, "no way", Settings(1, 60))["status"] == "failed"


def test_a_peer_that_is_missing_is_left_out_with_its_install_line(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(type(WAYS["zoned"]), "version", lambda way: None if way.package == "mqt.qmap" else "x 1")
    assert main([*SMALL, "--ways", "logical", "zoned", "--out", str(tmp_path)]) == 0
    assert "zoned is left out: pip install 'qpilot[peers]' brings mqt.qmap." in capfd.readouterr().err
    assert {row["way"] for row in rows.load(tmp_path / "rows.csv")} == {"logical"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--suite", "quantum"], "invalid choice: 'quantum'"),
        (["--qubits", "3"], "give 4 or more"),
        (["--seeds", "0"], "above 0"),
        (["--ways", "teleport"], "invalid choice: 'teleport'"),
        (["--data", "nowhere"], "is not a folder"),
    ],
)
def test_wrong_usage_exits_with_2(arguments, words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert words in capsys.readouterr().err


def test_refusals_are_one_sentence(complete, tmp_path, capsys):
    assert main([*SMALL, "--circuits", "shor", "--out", str(tmp_path)]) == 1
    assert "no suite of this run has a circuit 'shor'" in capsys.readouterr().err.lower()
    assert main([*SMALL, *FEW, "--out", str(complete), "--sabre-seeds", "2"]) == 1
    assert "other settings" in capsys.readouterr().err
    assert main([*SMALL, *FEW, "--out", str(complete), "--same-as", str(tmp_path / "none")]) == 1
    assert "no rows in" in capsys.readouterr().err
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    assert main([*SMALL, *FEW, "--out", str(tmp_path)]) == 1
    assert "other columns" in capsys.readouterr().err


def test_the_command_line_passes_options_on():
    finished = subprocess.run(
        [sys.executable, "-c", "from qpilot.cli import main; main()", "bench", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0
    assert "usage: qpilot bench" in finished.stdout
    assert "--sabre-seeds" in finished.stdout


def test_figures_change_on_purpose_only(tmp_path):
    accepted = ROOT / "tests" / "benchmarks" / "accepted.csv"
    (tmp_path / "accepted").mkdir()
    (tmp_path / "accepted" / "rows.csv").write_bytes(accepted.read_bytes())
    small = ["--quick", "--qubits", "8", "--ways", "qpilot", "paper", "--out", str(tmp_path / "now")]
    assert main([*small, "--same-as", str(tmp_path / "accepted")]) == 0, (
        "CONTRIBUTING.md says how to accept new figures"
    )
