"""Files of other tools: what is written, what is read, what is refused; and the command that does it."""

import gzip
import json
import re

import pytest
from qiskit import qasm3

from qpilot import cli, preset
from qpilot.arch import AOD, FPQA, Program
from qpilot.arch.errors import DeviceError, ProgramError
from qpilot.arch.namachine import device_to_namachine
from qpilot.arch.zac import device_from_zac, device_to_zac
from qpilot.convert import Format, read_device, read_file, write_file
from tests.strategies import flying_cz

DEVICE = preset("enola", 2, 3)


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.json"
    flying_cz().save(path)
    return path


@pytest.fixture
def device(tmp_path):
    path = tmp_path / "device.json"
    DEVICE.save(path)
    return path


@pytest.fixture
def convert(capsys):
    """Return a function that runs the command: (exit status, stdout, stderr)."""

    def run(*arguments):
        with pytest.raises(SystemExit) as exit_:
            cli.main(["convert", *map(str, arguments)])
        return exit_.value.code or 0, *capsys.readouterr()

    return run


def test_a_program_becomes_qasm_by_the_ending(convert, program, tmp_path):
    path = tmp_path / "program.qasm"
    assert convert(program, path) == (0, f"Wrote {path}.\n", "")
    assert path.read_text() == flying_cz().to_qasm()
    assert qasm3.load(path).num_qubits == 3
    packed = tmp_path / "program.qasm.gz"
    assert convert(program, packed)[0] == 0
    assert gzip.decompress(packed.read_bytes()) == path.read_bytes()


def test_a_program_becomes_bloqade_and_naviz(convert, program, tmp_path):
    status, out, err = convert(program, tmp_path / "program.py")
    assert (status, err) == (0, "")
    assert "lost: pairs of pulses" in out
    assert (tmp_path / "program.py").read_text() == flying_cz().to_bloqade()
    status, out, err = convert(program, tmp_path / "program.naviz")
    assert (status, err) == (0, "")
    written = re.match(r"Wrote (.*?); lost: releases", out)[1].split(", ")
    assert {path.rpartition(".")[2] for path in written} == {"naviz", "namachine", "nastyle"}


def test_a_program_is_copied_and_packed(convert, program, tmp_path):
    path = tmp_path / "packed.json.gz"
    assert convert(program, path) == (0, f"Wrote {path}.\n", "")
    assert Program.load(path) == flying_cz() == read_file(path)


def test_a_program_has_no_zair(convert, program, tmp_path):
    path = tmp_path / "zair.json"
    status, out, err = convert(program, path, "--to", "zair")
    assert (status, out) == (1, "")
    assert err.startswith(
        f"error: {path} cannot be written: ZAIR gives every atom a trap of an SLM array at each pulse"
    )
    assert err.count("\n") == 1
    assert not path.exists()


def test_a_device_goes_to_zac_and_back(convert, device, tmp_path):
    path, back = tmp_path / "zac.json", tmp_path / "back.json"
    status, out, err = convert(device, path, "--to", "zac")
    assert (status, err) == (0, "")
    assert out.startswith(f"Wrote {path}; lost: distances of interaction")
    assert path.read_bytes() == device_to_zac(DEVICE)
    assert convert(path, back) == (0, f"Wrote {back}.\n", "")
    assert FPQA.load(back) == DEVICE


def test_a_device_goes_to_mqt_and_back(convert, device, tmp_path):
    path, back = tmp_path / "m.namachine", tmp_path / "back.json"
    status, out, err = convert(device, path)
    assert (status, err) == (0, "")
    assert out.startswith(f"Wrote {path}; lost: AODs, fidelities")
    assert path.read_text() == device_to_namachine(DEVICE)
    assert convert(path, back)[0] == 0
    found = FPQA.load(back)
    assert (found.slm, found.rydberg, found.name, found.aods) == (DEVICE.slm, DEVICE.rydberg, DEVICE.name, (AOD(),))
    assert found.timing.acceleration_um_per_us2 == pytest.approx(DEVICE.timing.acceleration_um_per_us2)


def test_between_tools_without_a_file_of_ours(convert, device, tmp_path):
    middle, path = tmp_path / "m.namachine", tmp_path / "zac.json"
    assert convert(device, middle)[0] == 0
    assert convert(middle, path, "--to", "zac")[0] == 0
    assert device_from_zac(path.read_bytes()).slm == DEVICE.slm


@pytest.mark.parametrize(
    ("source", "target", "options", "message"),
    [
        ("program.json", "x.namachine", (), "a program cannot become namachine; choose program, qasm, naviz, bloqade."),
        ("device.json", "x.qasm", (), "a device cannot become qasm; choose device, zac, namachine."),
        ("device.json", "x.json", ("--to", "zair"), "a device cannot become zair"),
        ("device.json", "x.txt", (), "must end in .json, .qasm, .naviz, .py, .namachine, or its format must be given"),
        ("program.json", "program.json", (), "it is the file that is read"),
        ("program.json", "no/x.qasm", (), "there is no folder"),
        ("absent.json", "x.qasm", (), "There is no file"),
        ("program.json", "x.txt", ("--to", "naviz"), "must end in .naviz"),
        ("circuit.qasm", "x.json", (), "is a circuit; 'qpilot compile"),
        ("list.json", "x.json", (), "is neither a program nor a device: Expected 'object', got 'array'"),
        ("other.json", "x.json", (), "it has no key format, slm or entanglement_zones"),
        ("odd.json", "x.qasm", (), "its format is 'zip', not 'qpilot-program'"),
        ("latin.namachine", "x.json", (), "it is not text in UTF-8"),
        ("empty.namachine", "x.json", (), "is not a machine of MQT: it has no movement"),
        ("zoned.json", "x.json", (), "is no FPQA: it has 0 entanglement zones"),
        ("wrong.json", "x.json", (), "is not a valid device"),
    ],
)
def test_refusals_are_one_sentence(convert, program, device, tmp_path, source, target, options, message):
    for name, data in {
        "circuit.qasm": b"OPENQASM 3.0;",
        "list.json": b"[]",
        "other.json": b"{}",
        "odd.json": b'{"format": "zip"}',
        "latin.namachine": b"\xff",
        "empty.namachine": b"",
        "zoned.json": b'{"entanglement_zones": [], "aods": []}',
        "wrong.json": b'{"slm": 3}',
    }.items():
        (tmp_path / name).write_bytes(data)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    status, out, err = convert(tmp_path / source, tmp_path / target, *options)
    assert (status, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_unknown_format_is_wrong_usage(convert, program, tmp_path):
    assert convert(program, tmp_path / "x.json", "--to", "pdf")[0] == 2
    assert convert(program)[0] == 2


def test_the_functions_return_and_raise_what_the_command_shows(program, tmp_path):
    assert read_file(program) == flying_cz()
    assert write_file(DEVICE, tmp_path / "a.json", Format.ZAC).startswith("Wrote ")
    assert read_file(tmp_path / "a.json") == DEVICE
    assert json.loads((tmp_path / "a.json").read_text())["name"] == DEVICE.name
    with pytest.raises(ProgramError, match="ZAIR"):
        write_file(flying_cz(), tmp_path / "b.json", Format.ZAIR)
    (tmp_path / "c.json").write_bytes(device_to_zac(DEVICE).replace(b'"aods": [', b'"rest": ['))
    with pytest.raises(DeviceError, match="missing required field 'aods'"):
        read_file(tmp_path / "c.json")


def test_machines_of_other_tools_are_devices_to_compile_for(tmp_path, capsys):
    circuit, machine = tmp_path / "bell.qasm", tmp_path / "m.namachine"
    circuit.write_text('OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; h q[0]; cx q[0], q[1];')
    machine.write_text(device_to_namachine(DEVICE))
    (tmp_path / "zac.json").write_bytes(device_to_zac(DEVICE))
    for path in (machine, tmp_path / "zac.json"):
        with pytest.raises(SystemExit) as exit_:
            cli.main(["compile", str(circuit), "--device", str(path), "-o", str(tmp_path / "p.json")])
        assert not exit_.value.code
        program = Program.load(tmp_path / "p.json")
        assert program.device == read_device(path)
        assert program.device.slm == DEVICE.slm
    with pytest.raises(DeviceError, match=r"none\.json"):
        read_device(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("machine")
    with pytest.raises(DeviceError, match=r"text\.json"):
        read_device(tmp_path / "text.json")
