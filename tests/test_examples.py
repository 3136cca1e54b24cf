"""What the documents show works: the notebook runs, and the example of the program format is a legal program."""

import ast
import json
import re
import runpy
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from qiskit import QuantumCircuit

import qpilot
from qpilot.arch.formats import json_schema, program_from_json

ROOT = Path(__file__).parents[1]
FORMAT_PAGE = ROOT / "docs" / "format.md"
NOTEBOOKS = sorted(path.name for path in (ROOT / "examples").glob("*.ipynb"))


@pytest.fixture
def run_notebook(tmp_path, monkeypatch):
    """Return a function that runs a notebook and returns its variables.

    Cells are plain Python, so they run here in order, in one namespace, without a Jupyter server.
    """
    monkeypatch.chdir(tmp_path)
    mpl.use("Agg")

    def run(name):
        cells = json.loads((ROOT / "examples" / name).read_text())["cells"]
        namespace = {}
        for cell in cells:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), name, "exec"), namespace)
        return namespace

    yield run
    plt.close("all")


def test_quickstart_runs(run_notebook):
    run_notebook("quickstart.ipynb")


def test_atoms_are_shown_in_five_ways(run_notebook, tmp_path):
    found = run_notebook("atoms.ipynb")
    assert found["program"].num_qubits == 16
    assert {"maxcut.gif", "maxcut.html", "maxcut.naviz"} <= {path.name for path in tmp_path.iterdir()}


def test_maxcut_finds_the_optimum(run_notebook):
    found = run_notebook("maxcut.ipynb")
    assert found["cuts"][found["best"]] == pytest.approx(found["optimum"])
    assert found["shots"] @ found["cuts"][found["splits"]] / 1000 == pytest.approx(-found["found"].fun, abs=0.15)


def test_heisenberg_comes_closer_to_the_exact_curve_with_more_steps(run_notebook):
    found = run_notebook("heisenberg.ipynb")
    errors = [found["errors"][steps] for steps in (6, 12, 24)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert errors[2] < 0.02
    assert np.ptp(found["exact"]) > 0.5


def test_policies_help_against_spikes_and_cost_what_the_text_says(run_notebook):
    found = run_notebook("drift.ipynb")
    results = found["results"]
    errors = {name: found["error"](np.stack([each.x for each in runs])).mean() for name, runs in results.items()}
    circuits = {name: np.mean([each.circuits for each in runs]) for name, runs in results.items()}
    assert max(errors["auto"], errors["gradient clip"]) < 0.7 * errors["plain SPSA"]
    assert errors["DISQ, one reference"] < 0.9 * errors["plain SPSA"]
    assert circuits["gradient clip"] == circuits["plain SPSA"] < circuits["auto"] < 1.5 * circuits["plain SPSA"]
    assert circuits["DISQ, one reference"] > 3 * circuits["plain SPSA"]
    assert found["result"].fun < 0.8 * found["exact"]
    assert found["short"].nit == 20
    assert found["error"](found["trained"].x[None])[0] < 0.15


def test_a_machine_of_ones_own(run_notebook):
    found = run_notebook("device.ipynb")
    assert found["with_phases"].depth < found["programs"]["ours"].depth
    assert found["programs"]["ours"].metrics.fidelity.total > found["programs"]["enola"].metrics.fidelity.total


def test_the_backend_shows_what_errors_cost(run_notebook):
    found = run_notebook("backend.ipynb")
    assert set(found["perfect"]) == {"00000", "11111"}
    assert 0.7 < found["right"] < 1
    assert np.abs(found["found"].evs - np.cos(found["angles"])).max() < 0.3
    assert found["found"].evs.shape == (9,)


def test_a_benchmark_is_measured(run_notebook):
    found = run_notebook("benchmark.ipynb")
    assert found["depths"][1] < found["depths"][2] < found["depths"][4]
    assert len(found["rows"]) > 10


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_kept_without_outputs(name):
    cells = json.loads((ROOT / "examples" / name).read_text())["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_format_example_is_a_cz_and_two_measurements():
    (example,) = re.findall(r"```json\n(.*?)```", FORMAT_PAGE.read_text(), flags=re.DOTALL)
    program = program_from_json(example.encode())
    circuit = QuantumCircuit(2, 2)
    circuit.cz(0, 1)
    circuit.measure([0, 1], [0, 1])
    qpilot.verify(program, circuit)


def test_format_page_names_every_key():
    text = FORMAT_PAGE.read_text()
    missing = [key for key in schema_keys(json_schema()) if not re.search(rf"\b{key}\b", text)]
    assert missing == []


def schema_keys(schema):
    """Yield the names of all properties in a JSON Schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for value in schema.values():
            yield from schema_keys(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from schema_keys(value)


def test_readme_python_is_python():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        ast.parse(block)


def test_training_on_a_compiled_program():
    example = runpy.run_path(str(ROOT / "examples" / "train_on_fpqa.py"))
    template = qpilot.compile_template(example["ising_ansatz"](3, 1))
    for drift in example["DRIFTS"].values():
        for policy in example["POLICIES"].values():
            energy, circuits = example["train"](template, policy, drift, 1, 2, lambda *_: None)
            assert -4.0 < energy < 0.0
            assert circuits >= 8
