"""The circuits that asv follows, and figures of a revision that cannot compile one of them."""

import json
import math
import re
from pathlib import Path

import pytest

import qpilot
from benchmarks.generators import ghz
from benchmarks.speed import compiling

ROOT = Path(__file__).parents[2]


def test_configuration_names_the_folder():
    text = "\n".join(line for line in (ROOT / "asv.conf.json").read_text().splitlines() if "//" not in line)
    assert ROOT / json.loads(text)["benchmark_dir"] == Path(compiling.__file__).parent


@pytest.mark.parametrize("name", compiling.CASES)
def test_circuits_have_the_size_of_their_name(name, monkeypatch):
    sizes = []
    monkeypatch.setattr(qpilot, "compile", lambda circuit: sizes.append(circuit.num_qubits))
    monkeypatch.setattr(qpilot, "compile_paulis", lambda rotations: sizes.append(len(rotations[0][0])))
    compiling.CASES[name]()()
    assert sizes == [int(re.search(r"(\d+) qubits", name)[1])]


def test_a_revision_that_cannot_compile_a_circuit_has_the_figures_of_the_others(monkeypatch, capsys):
    def missing():
        raise AttributeError("no such function")

    monkeypatch.setattr(compiling, "CASES", {"ghz": lambda: lambda: qpilot.compile(ghz(3)), "missing": missing})
    figures = compiling.Programs().setup_cache()
    program = qpilot.compile(ghz(3))
    assert figures["ghz"] == (program.depth, program.metrics.num_2q)
    assert all(map(math.isnan, figures["missing"]))
    assert "missing: no such function" in capsys.readouterr().err
