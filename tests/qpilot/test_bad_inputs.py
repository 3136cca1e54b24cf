"""Bad input of every kind through the command line: one sentence, the right status, no traceback, no debris."""

import gzip
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from qpilot import cli
from qpilot.arch import preset
from qpilot.arch.formats import program_to_json
from tests.strategies import flying_cz

ROOT = Path(__file__).parents[2]
QASM2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
QASM3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
GOOD = QASM2 + "qreg q[2];\ncreg c[2];\nh q[0];\ncx q[0], q[1];\nmeasure q -> c;\n"

CIRCUITS = {
    "empty": "",
    "blank": " \n\t\n",
    "prose": "Dear compiler, please entangle these two qubits.",
    "python": "from qiskit import QuantumCircuit\n",
    "json": '{"gates": []}',
    "binary": bytes(range(256)),
    "nul bytes": b"\x00" * 100,
    "utf-16": GOOD.encode("utf-16"),
    "latin-1": (GOOD + "// caf\xe9").encode("latin-1"),
    "version 7": "OPENQASM 7.0;\nqubit q;",
    "version 2.7": "OPENQASM 2.7;\nqreg q[1];",
    "header only": "OPENQASM 2.0;",
    "no qubits": QASM2 + "creg c[3];",
    "truncated": GOOD[:-12],
    "undefined gate": QASM2 + "qreg q[1];\nhadamard q[0];",
    "undefined register": QASM2 + "h r[0];",
    "index too large": QASM2 + "qreg q[2];\nh q[2];",
    "same qubit twice": QASM2 + "qreg q[2];\ncx q[0], q[0];",
    "too many angles": QASM2 + "qreg q[1];\nrx(1, 2) q[0];",
    "division by zero": QASM2 + "qreg q[1];\nrx(1/0) q[0];",
    "infinite angle": QASM2 + "qreg q[1];\nrx(1e999) q[0];",
    "huge register": QASM2 + "qreg q[1000000000];\nh q[0];",
    "number beyond 64 bits": QASM2 + "qreg q[18446744073709551616];",
    "opaque gate": QASM2 + "opaque magic a;\nqreg q[1];\nmagic q[0];",
    "missing include": 'OPENQASM 2.0;\ninclude "nowhere.inc";\nqreg q[1];',
    "non-ascii gate": QASM2 + "qreg q[1];\n\u00fc q[0];",
    "condition": QASM2 + "qreg q[2];\ncreg c[1];\nmeasure q[0] -> c[0];\nif (c == 1) cx q[0], q[1];",
    "gates without end": QASM2
    + "gate g0 a { rx(1e999) a; } "
    + "".join(f"gate g{k} a {{ g{k - 1} a; g{k - 1} a; }} " for k in range(1, 50))
    + "qreg q[1]; g49 q[0];",
    "qasm3 loop": QASM3 + "qubit[2] q;\nfor int i in [0:1] { h q[i]; }",
    "qasm3 while": QASM3 + "qubit q;\nbit b;\nwhile (b) { x q; }",
    "qasm3 input": QASM3 + "input float angle_in;\nqubit q;\nrx(angle_in) q;",
    "qasm3 subroutine": QASM3 + "def f(qubit a) { h a; }\nqubit q;\nf(q);",
    "qasm3 lexer": QASM3 + "qubit q;\n'unclosed",
    "qasm3 syntax": QASM3 + "qubit[2] q\nh q[0];",
    "qasm3 deep": QASM3 + "qubit q;\nrx(" + "(" * 2000 + "1" + ")" * 2000 + ") q;",
    "qasm3 physical": QASM3 + "h $99999999999;",
}

DEVICE = json.loads(msgspec.json.encode(preset("enola", 2, 2)))
PROGRAM = json.loads(program_to_json(flying_cz()))


def changed(document, *path_and_value):
    """Return JSON text of a copy of the document in which the value at a path is another."""
    *path, last, value = path_and_value
    copy = json.loads(json.dumps(document))
    inner = copy
    for key in path:
        inner = inner[key]
    inner[last] = value
    return json.dumps(copy)


DEVICES = {
    "empty": "",
    "not json": "rows = 3",
    "truncated": json.dumps(DEVICE)[:-20],
    "a list": "[]",
    "null": "null",
    "no lattice": "{}",
    "deep": "[" * 50_000,
    "deep objects": '{"slm":' * 5000,
    "binary": b"\xff\xfe\x00",
    "unknown key": changed(DEVICE, "slm", "colour", "red"),
    "rows zero": changed(DEVICE, "slm", "rows", 0),
    "rows true": changed(DEVICE, "slm", "rows", True),
    "rows text": changed(DEVICE, "slm", "rows", "2"),
    "rows huge": changed(DEVICE, "slm", "rows", 10**30),
    "spacing nan": changed(DEVICE, "slm", "spacing_um", math.nan),
    "spacing infinite": changed(DEVICE, "slm", "spacing_um", math.inf),
    "spacing below safe": changed(DEVICE, "slm", "spacing_um", 3.0),
    "no aods": changed(DEVICE, "aods", []),
    "radius below least": changed(DEVICE, "rydberg", "interaction_radius_um", 0.5),
    "fidelity above one": changed(DEVICE, "fidelity", "cz", 1.5),
    "negative time": changed(DEVICE, "timing", "raman_us", -1),
    "too small": json.dumps({"slm": {"rows": 1, "cols": 1}}),
    "one of ten thousand": "{" + ",".join(f'"k{k}": 1' for k in range(10_000)) + "}",
}

PROGRAMS = {
    "empty": "",
    "a device": json.dumps(DEVICE),
    "a circuit": GOOD,
    "truncated": json.dumps(PROGRAM)[:400],
    "binary": b"\x80\x81",
    "deep": '{"format":' * 50_000,
    "other format": changed(PROGRAM, "format", "qobj"),
    "version 2": changed(PROGRAM, "version", 2),
    "version true": changed(PROGRAM, "version", True),
    "unknown key": changed(PROGRAM, "author", "me"),
    "missing sites": changed(PROGRAM, "sites", []),
    "same site": changed(PROGRAM, "sites", [[0, 0], [0, 0]]),
    "site off the lattice": changed(PROGRAM, "sites", 0, [7, 7]),
    "site beyond 64 bits": changed(PROGRAM, "sites", 0, [0, 10**40]),
    "negative qubits": changed(PROGRAM, "circuit", "num_qubits", -1),
    "qubits without sites": changed(PROGRAM, "circuit", "num_qubits", 10**12),
    "no such aod": changed(PROGRAM, "ancillas", 0, [3, 0, 0]),
    "no ancillas": changed(PROGRAM, "ancillas", []),
    "unknown instruction": changed(PROGRAM, "instructions", 0, {"op": "teleport"}),
    "instruction a number": changed(PROGRAM, "instructions", 0, 5),
    "move nan": changed(PROGRAM, "instructions", 0, {"op": "move", "aod": 0, "rows_um": [math.nan], "cols_um": [1.0]}),
    "lines out of order": changed(
        PROGRAM, "instructions", 0, {"op": "move", "aod": 0, "rows_um": [2.0, 1.0], "cols_um": [1.0]}
    ),
    "pair with itself": changed(PROGRAM, "instructions", 2, {"op": "rydberg", "pairs": [[0, 0]]}),
    "pair too far apart": changed(PROGRAM, "instructions", 2, {"op": "rydberg", "pairs": [[0, 1]]}),
    "atom too large": changed(PROGRAM, "instructions", 1, {"op": "raman", "atoms": [9], "angles": [[0, 0, 0]]}),
    "angle too few": changed(PROGRAM, "instructions", 1, {"op": "raman", "atoms": [2], "angles": []}),
    "release of data": changed(PROGRAM, "instructions", 1, {"op": "release", "atoms": [0]}),
    "classical bit too large": changed(PROGRAM, "instructions", -1, {"op": "measure", "atoms": [0], "clbits": [5]}),
    "bad device inside": changed(PROGRAM, "device", "slm", "rows", 0),
}

USAGE = {
    "no file": "compile",
    "unknown command": "transpile good.qasm",
    "unknown option": "compile good.qasm --fast",
    "unknown router": "compile good.qasm --router sabre",
    "unknown strategy": "compile good.qasm --strategy luck",
    "unknown preset": "compile good.qasm --preset perfect",
    "shape a word": "compile good.qasm --shape square",
    "shape zero": "compile good.qasm --shape 0x4",
    "shape negative": "compile good.qasm --shape=-1x4",
    "shape of three": "compile good.qasm --shape 2x2x2",
    "effort zero": "compile good.qasm --effort 0",
    "effort a word": "compile good.qasm --effort max",
    "seed negative": "compile good.qasm --seed=-1",
    "seed a fraction": "compile good.qasm --seed 1.5",
    "device and preset": "compile good.qasm --device device.json --preset enola",
    "preset without shape": "compile good.qasm good.qasm --preset enola",
    "jobs zero": "compile good.qasm good.qasm --jobs 0",
    "output without name": "compile good.qasm -o",
    "verify one file": "verify program.json",
    "rows zero": "device --rows 0",
    "cols huge": "device --cols 1000000",
}

REFUSED = {
    "no such circuit": "compile nowhere.qasm",
    "circuit a folder": "compile folder",
    "no such device": "compile good.qasm --device nowhere.json",
    "device a circuit": "compile good.qasm --device good.qasm",
    "device a folder": "compile good.qasm --device folder",
    "shape too small": "compile good.qasm --shape 1x1",
    "shape too large": "compile good.qasm --shape 99999x99999",
    "no such output folder": "compile good.qasm -o missing/out.json",
    "output a folder": "compile good.qasm -o folder",
    "output the circuit": "compile good.qasm -o good.qasm",
    "output below a file": "compile good.qasm -o good.qasm/out.json",
    "output a full disk": "compile good.qasm -o /dev/full",
    "output name too long": f"compile good.qasm -o {'x' * 300}.json",
    "device to a missing folder": "device -o missing/device.json",
    "device to a folder": "device -o folder",
    "no such program": "info nowhere.json",
    "program a folder": "info folder",
    "verify no such program": "verify nowhere.json good.qasm",
    "verify no such circuit": "verify program.json nowhere.qasm",
    "verify swapped": "verify good.qasm program.json",
    "verify other circuit": "verify program.json good.qasm",
    "cut gzip": "info cut.json.gz",
    "no gzip": "info plain.json.gz",
    "empty gzip": "compile empty.qasm.gz",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Make a folder with good and bad files the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "dumb")
    Path("good.qasm").write_text(GOOD)
    Path("device.json").write_text(json.dumps(DEVICE))
    Path("program.json").write_text(json.dumps(PROGRAM))
    Path("folder").mkdir()
    Path("cut.json.gz").write_bytes(gzip.compress(json.dumps(PROGRAM).encode())[:100])
    Path("plain.json.gz").write_text(json.dumps(PROGRAM))
    Path("empty.qasm.gz").write_bytes(gzip.compress(b""))
    return tmp_path


@pytest.fixture
def refuse(folder, capfd):
    """Return a function that runs a command line and checks the manner in which it is refused."""

    def run_main(status, *arguments):
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        with pytest.raises(SystemExit) as exit_:
            cli.main(arguments)
        out, err = capfd.readouterr()
        assert exit_.value.code == status, err
        assert out == ""
        assert "Traceback" not in err
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
        if status == 1:
            assert_one_sentence(err)
        return err

    return run_main


def assert_one_sentence(err):
    assert err.startswith("error: ")
    assert err.endswith(".\n")
    assert err.count("\n") == 1
    assert "<class" not in err
    assert len(err) > len("error: .\n") + 15
    assert len(err) < 1000


def write(name, content):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("content", CIRCUITS.values(), ids=CIRCUITS)
def test_bad_circuit(refuse, content):
    write("bad.qasm", content)
    refuse(1, "compile", "bad.qasm", "-o", "out.json")


@pytest.mark.parametrize("content", DEVICES.values(), ids=DEVICES)
def test_bad_device(refuse, content):
    write("bad.json", content)
    refuse(1, "compile", "good.qasm", "--device", "bad.json", "-o", "out.json")


@pytest.mark.parametrize("content", PROGRAMS.values(), ids=PROGRAMS)
def test_bad_program(refuse, content):
    write("bad.json", content)
    message = refuse(1, "info", "bad.json", "--json")
    assert "bad.json" in message
    assert refuse(1, "verify", "bad.json", "good.qasm") == message


@pytest.mark.parametrize("command", USAGE.values(), ids=USAGE)
def test_wrong_usage(refuse, command):
    assert "Error" in refuse(2, *command.split())


@pytest.mark.parametrize("command", REFUSED.values(), ids=REFUSED)
def test_refused_files(refuse, command):
    refuse(1, *command.split())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_output_in_a_folder_that_is_not_writable(refuse, folder):
    (folder / "folder").chmod(0o500)
    refuse(1, "compile", "good.qasm", "-o", "folder/out.json")


def test_empty_arguments(refuse):
    refuse(1, "compile", "")
    refuse(1, "compile", "good.qasm", "-o", "")
    refuse(1, "info", "")


def test_file_name_with_a_line_break_gives_one_line(refuse):
    write("two\nlines.qasm", "nothing")
    refuse(1, "compile", "two\nlines.qasm")


@pytest.mark.parametrize(
    ("command", "status"),
    [("compile bad.qasm", 1), ("compile good.qasm --router sabre", 2), ("info bad.qasm", 1), ("verify good.qasm", 2)],
)
def test_bad_input_to_a_real_process(folder, command, status):
    write("bad.qasm", CIRCUITS["qasm3 lexer"])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "qpilot", *command.split()],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    if status == 1:
        assert_one_sentence(done.stderr)
