import csv
import io
import subprocess
import sys

import numpy as np
import pytest

from qpilot.arch.errors import DriftError
from qpilot.disq import DISQ, ChiSquareMonitor, History, minimize

from .bowl import HAMILTONIAN, NUM_PARAMETERS, Bowl


@pytest.fixture(scope="module", params=[DISQ(), ChiSquareMonitor(), None])
def result(request):
    x0 = np.zeros(NUM_PARAMETERS)
    return minimize(None, HAMILTONIAN, x0, evaluator=Bowl(drift=0.5), policy=request.param, maxiter=10, seed=1)


def test_a_history_is_read_as_it_was_written(result, tmp_path):
    for name in ("history.json", "history.json.gz"):
        result.history.save(tmp_path / name)
        assert History.load(tmp_path / name).to_json() == result.history.to_json()
    record = History.load(tmp_path / "history.json")[-1]
    assert (record.values == result.history[-1].values).all()
    assert record.jobs == result.history[-1].jobs


def test_a_checkpoint_is_a_history_too(tmp_path):
    path = tmp_path / "run.json"
    run = minimize(None, HAMILTONIAN, np.zeros(4), evaluator=Bowl(), policy=DISQ(), maxiter=5, checkpoint=path)
    assert History.load(path).to_json() == run.history.to_json()


def test_the_table_has_a_line_for_each_attempt(result, tmp_path):
    result.history.save(tmp_path / "history.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "history.csv").read_text())))
    assert len(rows) == len(result.history)
    for row, record in zip(rows, result.history, strict=True):
        assert row["action"] == record.action
        assert int(row["total_circuits"]) == record.total_circuits
        assert (row["energy"] == "") == bool(np.isnan(record.energy))
        assert row["energy"] == "" or float(row["energy"]) == record.energy


def test_skips_and_accepted_attempts_are_counted(result):
    history = result.history
    assert history.skips == sum(record.skipped for record in history) == result.skips
    assert len(history.accepted) + history.skips == len(history) == len(history[:])


def test_pandas_gets_every_field(result):
    pandas = pytest.importorskip("pandas")
    table = result.history.to_pandas()
    assert isinstance(table, pandas.DataFrame)
    assert len(table) == len(result.history)
    assert table["x"][0].tolist() == [0.0] * NUM_PARAMETERS


def test_without_pandas_the_error_says_so(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(DriftError, match="pandas, which is not installed"):
        result.history.to_pandas()


def test_a_damaged_history_is_refused(result, tmp_path):
    path = tmp_path / "history.json"
    path.write_bytes(result.history.to_json().replace(b'"values":[', b'"values":["x",', 1))
    with pytest.raises(DriftError, match="is damaged"):
        History.load(path)


def test_importing_qpilot_does_not_import_this_package():
    code = "import sys, qpilot; print('qpilot.disq' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
