import gzip
import json
from pathlib import Path

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings

import qpilot.arch.formats
from qpilot.arch import Program
from qpilot.arch.errors import ProgramError
from qpilot.arch.formats import json_schema, program_from_json, program_to_json
from tests.strategies import flying_cz, legal_programs

GOLDEN = Path(__file__).parents[1] / "data" / "flying_cz.json"
SCHEMA = Path(qpilot.arch.formats.__file__).parent / "program.schema.json"


@settings(max_examples=50, deadline=None)  # the first check of the rules loads scipy
@given(legal_programs())
def test_round_trip(program):
    data = program_to_json(program)
    again = program_from_json(data)
    assert again == program
    assert program_to_json(again) == data
    assert again.metrics == program.metrics


@settings(max_examples=20)
@given(legal_programs())
def test_saved_programs_follow_the_schema(program):
    jsonschema.validate(json.loads(program_to_json(program)), json_schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize("name", ["program.json", "program.json.gz"])
def test_files(tmp_path, name):
    program, path = flying_cz(), tmp_path / name
    program.save(path)
    first = path.read_bytes()
    assert Program.load(path) == program
    Program.load(path).save(path)
    assert path.read_bytes() == first
    assert (first[:2] == b"\x1f\x8b") == name.endswith(".gz")


def test_the_compile_time_is_not_written():
    program = flying_cz()
    assert program_to_json(msgspec.structs.replace(program, compile_s=1.5)) == program_to_json(program)


def test_golden_file():
    """The format is an interface: a file written by version 1 stays readable, and programs stay written like it."""
    assert Program.load(GOLDEN) == flying_cz()
    assert program_to_json(flying_cz()) + b"\n" == GOLDEN.read_bytes()


def test_a_file_from_before_measurements_had_figures(tmp_path):
    text = GOLDEN.read_text()
    for keys in (',"measure_us":0.0,"reset_us":0.0', ',"measure":1.0,"reset":1.0', ',"measurement":1.0'):
        assert keys in text
        text = text.replace(keys, "")
    old = tmp_path / "old.json"
    old.write_text(text)
    assert Program.load(old) == flying_cz()


def test_the_committed_schema_is_the_one_of_the_code():
    """Write it anew with json_schema() if this fails on purpose."""
    assert json.loads(SCHEMA.read_text()) == json_schema()
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_what_a_file_leaves_out_is_a_cz():
    """Files from before there were controlled phases name no native gate, and pulses of CZ name no angles."""
    data = json.loads(GOLDEN.read_text())
    del data["device"]["native"], data["device"]["rydberg"]["individual_phases"], data["metrics"]["native"]
    assert program_from_json(json.dumps(data).encode()) == flying_cz()
    assert b'"angles":[]' not in GOLDEN.read_bytes()


def edited(**changes):
    """Return the golden file with some keys changed, or left out where the new value is None."""
    data = json.loads(GOLDEN.read_text()) | changes
    return json.dumps({key: value for key, value in data.items() if value is not None})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a qpilot program: Input data was truncated."),
        ("{", "is not a qpilot program: Input data was truncated."),
        ("[]", "is not a qpilot program: Expected 'object', got 'array'."),
        ("{}", "is not a qpilot program: its format is None, not 'qpilot-program'."),
        (edited(format="qasm"), "its format is 'qasm', not 'qpilot-program'"),
        (edited(version=2), "has format version 2; this release of qpilot reads version 1."),
        (edited(version=True), "has format version True"),
        (edited(version=None), "has format version None"),
        (edited(extra=1), "Object contains unknown field 'extra'"),
        (edited(sites=None), "missing required field 'sites'"),
        (edited(sites=[[0, 0, 0], [0, 1, 0]]), "Expected 'array' of length 2"),
        (edited(sites=[[0, "0"], [0, 1]]), "Expected 'int', got 'str' - at 'sites[0][1]'"),
        (edited(sites=[[0, 0]]), "The program has 1 sites for 2 qubits"),
        (edited(sites=[[0, 0], [0, 10**30]]), "is at site"),
        (edited(sites=[[0, 0], [0, 2]]), "the rules of its device 2 times; the first: the header breaks rule 2"),
        (edited(instructions=[{"op": "fly"}]), "Invalid value 'fly' - at 'instructions[0].op'"),
        (edited(instructions=[{"op": "rydberg", "pairs": [[0]]}]), "Expected 'array' of length 2"),
        (edited(instructions=[{"op": "rydberg", "pairs": [[0, 7]]}]), "Instruction 0 (rydberg): there is no atom 7"),
        (edited(instructions=[{"op": "rydberg", "pairs": [], "x": 1}]), "unknown field 'x'"),
        (
            edited(instructions=[{"op": "rydberg", "pairs": [[0, 2]], "angles": [0.1, 0.2]}]),
            "Instruction 0 (rydberg): 1 pairs but 2 angles",
        ),
        (edited(instructions=[{"op": "rydberg", "pairs": [[0, 2]], "angles": ["0.1"]}]), "Expected 'float', got 'str'"),
        (edited(instructions=[{"op": "raman", "atoms": [0], "angles": [[0, 0, None]]}]), "got 'null'"),
        (edited(instructions=[{"op": "measure", "atoms": [0], "clbits": [5]}]), "there is no classical bit 5"),
        (edited(device={"slm": {"rows": 0, "cols": 1}}), "Lattice.rows is 0"),
        (edited(metrics={"depth": 1}), "missing required field"),
        (GOLDEN.read_text()[:-40], "is not a qpilot program: Input data was truncated"),
        ('{"format": ' + "[" * 100_000, "is not a qpilot program"),
    ],
)
def test_damaged_files_are_refused_in_one_sentence(tmp_path, text, message):
    path = tmp_path / "program.json"
    path.write_text(text)
    with pytest.raises(ProgramError) as error:
        Program.load(path)
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_not_a_number_is_refused():
    with pytest.raises(ProgramError, match="malformed"):
        program_from_json(GOLDEN.read_bytes().replace(b"[0.3,0.2,0.1]", b"[NaN,0.2,0.1]"))


def test_text_that_is_not_unicode_is_refused():
    with pytest.raises(ProgramError, match="not a"):
        program_from_json(GOLDEN.read_bytes().replace(b'"pair"', b'"\xff"'))


@pytest.mark.parametrize("content", [b"{}", gzip.compress(GOLDEN.read_bytes(), mtime=0)[:-20]], ids=["no gzip", "cut"])
def test_damaged_gzip_is_refused(tmp_path, content):
    path = tmp_path / "program.json.gz"
    path.write_bytes(content)
    with pytest.raises(ProgramError, match="is not a whole gzip file"):
        Program.load(path)


def test_metrics_in_a_file_are_not_believed():
    data = json.loads(GOLDEN.read_text())
    data["metrics"]["depth"] = 0
    assert program_from_json(json.dumps(data).encode()).depth == flying_cz().depth


def test_a_failed_save_leaves_the_file(tmp_path):
    with pytest.raises(ProgramError, match="cannot be written"):
        flying_cz().save(tmp_path / "none" / "program.json")
    assert list(tmp_path.iterdir()) == []


def test_programs_never_change():
    program = flying_cz()
    with pytest.raises(AttributeError):
        program.sites = ()
    assert program.metrics is program.metrics
    assert repr(program) == "<Program 'pair': 2 qubits on 'pair', 1 ancillas, 13 instructions>"
