"""Files of calibration data: what is read from them, and what is refused, with the line."""

import gzip
import json

import numpy as np
import pytest

from qpilot.arch.errors import DriftError
from qpilot.disq.noise import Drift, Durations, Static
from qpilot.disq.processes import Telegraph
from qpilot.disq.traces import Trace

TEXT = """time_s, t1_us, t1_us_1, error_2q, energy_factor, angle_offset_rad_0

100, 90, 50, 0.01, 1, 0
102, 70, 30, 0.02, 0.5, -0.4
106, 70, 10, 0.02, 0.5, -0.4
"""


def test_values_are_interpolated_from_the_first_row_on_and_then_stay():
    process = Static(readout_error=0.05) + Trace.parse(TEXT)
    drift = Drift(process, 2, Durations(circuit_s=1.0), np.random.default_rng(0))
    noise = drift.next_job(9)
    assert noise.t1_us[:, 0] == pytest.approx([90, 80, 70, 70, 70, 70, 70, 70, 70])
    assert noise.t1_us[:, 1] == pytest.approx([50, 40, 30, 25, 20, 15, 10, 10, 10])
    assert noise.error_2q[:, 1] == pytest.approx([0.01, 0.015] + [0.02] * 7)
    assert noise.energy_factor[:3] == pytest.approx([1, 0.75, 0.5])
    assert noise.angle_offset_rad[2] == pytest.approx([-0.4, 0])
    assert noise.readout_error == pytest.approx(0.05)
    assert noise.error_1q == pytest.approx(Static().error_1q)


def test_processes_after_a_trace_change_it():
    process = Trace.parse("time_s,t1_us\n0,80\n") + Telegraph(bad_factor=0.5, good_s=1.0, bad_s=1.0)
    noise = Drift(process, 3, Durations(circuit_s=1.0), np.random.default_rng(0)).next_job(50)
    assert set(np.unique(noise.t1_us)) == {40.0, 80.0}


def test_csv_and_json_say_the_same(tmp_path):
    plain, packed, rows = tmp_path / "trace.csv", tmp_path / "trace.csv.gz", tmp_path / "trace.json"
    plain.write_text(TEXT, encoding="utf-8-sig")
    packed.write_bytes(gzip.compress(TEXT.encode()))
    header, *lines = [[cell.strip() for cell in line.split(",")] for line in TEXT.splitlines() if line]
    rows.write_text(json.dumps([dict(zip(header, map(float, line), strict=True)) for line in lines]))
    traces = [Trace.load(path) for path in (plain, packed, rows)]
    assert traces[0].times_s.tolist() == [0, 2, 6]
    for trace in traces[1:]:
        assert trace.columns.keys() == traces[0].columns.keys()
        assert all(np.array_equal(trace.columns[name], traces[0].columns[name]) for name in trace.columns)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no rows"),
        ("time_s,t1_us\n", "has no rows"),
        ("t1_us\n4\n", "no column time_s"),
        ("time_s\n4\n", "no column but time_s"),
        ("time_s,t1_ms\n0,1\n", "unknown column 't1_ms'; did you mean 't1_us'"),
        ("time_s,energy_factor_0\n0,1\n", "unknown column 'energy_factor_0'"),
        ("time_s,qqqqqq\n0,1\n", "unknown column 'qqqqqq'; there are t1_us"),
        ("time_s,t1_us,t1_us\n0,1,2\n", "line 1: column 't1_us' stands there twice"),
        ("time_s,t1_us\n0,1\n\n1,2,3\n", "line 4 has 3 values"),
        ("time_s,t1_us\n0,1\n1,high\n", "line 3: t1_us is 'high'; it must be a finite number"),
        ("time_s,t1_us\n0,1\n1,\n", "line 3: t1_us is ''"),
        ("time_s,t1_us\n0,nan\n", "line 2: t1_us is 'nan'"),
        ("time_s,t1_us_2\n0,0\n", "line 2: t1_us_2 is 0; it must be above 0"),
        ("time_s,error_2q_11\n0,0.8\n", "line 2: error_2q_11 is 0.8; it must be from 0 to 0.75"),
        ("time_s,t1_us\n0,1\n0,1\n", "line 3: time_s must rise"),
    ],
)
def test_a_bad_csv_file_is_refused_in_one_sentence_with_the_line(tmp_path, text, words):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(DriftError, match=words) as caught:
        Trace.load(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message[-1] in ".?"
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "is not a list of rows in JSON"),
        ('{"time_s": [0]}', "is not a list of rows in JSON"),
        ("[]", "has no rows"),
        ('[{"time_s": 0, "t1_us": 5}, {"time_s": 1}]', "row 2: 't1_us' is not in every row"),
        ('[{"time_s": 0, "t1_us": true}]', "row 1: t1_us is True"),
        ('[{"time_s": 0, "t1_us": [5]}]', "row 1: t1_us is"),
    ],
)
def test_a_bad_json_file_is_refused_in_one_sentence_with_the_row(tmp_path, text, words):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(DriftError, match=words):
        Trace.load(path)


def test_a_missing_file_and_one_of_other_bytes_are_refused(tmp_path):
    with pytest.raises(DriftError, match="There is no file"):
        Trace.load(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DriftError, match="not text in UTF-8"):
        Trace.load(tmp_path / "bytes.csv")


def test_a_column_of_a_qubit_that_is_not_there_is_refused():
    with pytest.raises(DriftError, match="column t1_us_1, and the machine has qubits 0 to 0"):
        Drift(Trace.parse(TEXT), 1, Durations(), np.random.default_rng(0))
