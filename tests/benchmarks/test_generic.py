"""Figures of the benchmark of generic circuits, and a broken-off run goes on."""

import csv
import itertools

import networkx as nx
import pytest
from qiskit import QuantumCircuit, qasm2

import qpilot
from benchmarks import generic
from benchmarks.baselines import all_to_all, heavy_hex_grid
from benchmarks.generators import ghz, ghz_ladder
from benchmarks.results import from_program
from benchmarks.tables import Table
from qpilot.arch import preset


def table(*rows):
    made = Table(*generic.COLUMNS)
    for name, seed, way, depth, fidelity in rows:
        made.add(name, 10, seed, way, 20, 7, depth, 30, 5, 1.5, fidelity, fidelity, 0.5, "3x4")
    return made


@pytest.mark.parametrize(("n", "size"), [(10, 19), (19, 19), (20, 57), (100, 115)])
def test_heavy_hex_grid_is_the_smallest_that_holds_the_qubits(n, size):
    graph = nx.Graph(list(heavy_hex_grid(n).get_edges()))
    assert len(graph) == size
    assert nx.is_connected(graph)
    assert max(degree for _, degree in graph.degree) == 3
    assert not any(graph.degree[a] == graph.degree[b] == 3 for a, b in graph.edges)


def test_shapes_go_from_square_to_one_row():
    found = generic.shapes(100)
    assert found[0] == (10, 10)
    assert found[-2:] == [(2, 50), (1, 100)]
    assert (3, 34) in found
    assert all(a < b for (_, a), (_, b) in itertools.pairwise(found))
    assert (1, 130) not in generic.shapes(130)  # the AOD has 100 columns
    assert generic.shapes(4)[0] == (2, 2)


@pytest.mark.parametrize("family", generic.FAMILIES)
def test_every_family_has_the_size_asked_for(family):
    cases = [*generic.made_cases([family], [8, 9], 2)]
    sizes = [8] if family in generic.EVEN else [8, 9]
    if family.startswith("random-"):
        assert [(case.circuit.num_qubits, case.seed) for case in cases] == [*itertools.product(sizes, range(2))]
        assert cases[0].circuit != cases[1].circuit
    else:
        assert [(case.circuit.num_qubits, case.seed) for case in cases] == [(n, None) for n in sizes]


def test_published_density_of_one_qubit_gates():
    every, published = (generic.FAMILIES[f"random-5{name}"](50, 0).count_ops() for name in ("", "-published"))
    assert every["cz"] == published["cz"] == 250
    assert every["u"] == 500
    assert 350 < published["u"] < 450


def test_level_3_leaves_out_phases_of_the_exact_qft_only():
    exact, approximate = (
        generic.Case(name, None, generic.FAMILIES[name](20, 0)) for name in ("qft", "qft-approximate")
    )
    assert generic.logical_figures(exact)[0] == 20 * 19
    cut = generic.logical_figures(approximate)[0]
    assert all_to_all(exact.circuit).num_2q == all_to_all(approximate.circuit).num_2q == cut < 20 * 19


def test_files_are_found_below_the_folder(tmp_path):
    (tmp_path / "deep").mkdir()
    qasm2.dump(ghz(5), tmp_path / "deep" / "five.qasm")
    (tmp_path / "deep" / "other.txt").write_text("x")
    (case,) = generic.file_cases(tmp_path)
    assert (case.name, case.seed, case.circuit.num_qubits) == ("five", None, 5)


def test_logical_figures_are_of_the_circuit_as_written_and_at_its_best():
    circuit = QuantumCircuit(4)
    circuit.swap(0, 3)
    circuit.cz(1, 2)
    circuit.cz(1, 2)  # level 3 finds that the two cancel, and that a final swap is a name
    assert generic.logical_figures(generic.Case("x", None, circuit)) == (5, 0)


def test_fidelity_is_also_that_of_the_other_published_machine():
    circuit = ghz_ladder(4)
    ours, published = qpilot.compile(circuit), qpilot.compile(circuit, preset("atomique", 2, 2))
    assert ours.instructions == published.instructions
    result = from_program(ours, None)
    assert result.fidelity == ours.metrics.fidelity.total
    assert result.atomique_fidelity == published.metrics.fidelity.total != result.fidelity


def test_means_are_over_seeds():
    rows = [("random-2", 0, "depth", 10, 0.25), ("random-2", 1, "depth", 20, 1.0), ("qft", None, "depth", 3, 0.5)]
    two, one = (dict(zip(generic.MEAN_COLUMNS, row, strict=True)) for row in generic.means(table(*rows)))
    assert (two["circuit"], two["seeds"], two["depth"], two["min"], two["max"]) == ("random-2", 2, 15, 10, 20)
    assert (two["CZ gates"], two["logical depth"], two["2Q gates"]) == (20, 7, 30)
    assert two["fidelity"] == pytest.approx(0.5)
    assert (one["circuit"], one["seeds"], one["depth"]) == ("qft", 1, 3)


def test_circuits_deeper_than_sabre_are_those_where_every_way_is():
    rows = [
        *(("random-2", seed, "sabre", 10, None) for seed in range(2)),
        *(("random-2", 0, "depth", 11, 0.5), ("random-2", 0, "balanced", 10, 0.5)),  # a tie is not deeper
        *(("random-2", 1, "depth", 12, 0.5), ("random-2", 1, "balanced", 13, 0.5), ("random-2", 1, "paper", 9, 0.5)),
        *(("qft", None, "sabre", 1, None), ("qft", None, "paper", 2, 0.5)),  # no way of qpilot's own
        ("bv", None, "depth", 5, 0.5),
    ]
    assert generic.deeper(table(*rows)) == ["random-2, 10 qubits, seed 1: depth 12 (depth), SABRE 10"]


def test_best_shape_has_the_least_depth_of_all():
    circuit = generic.FAMILIES["random-2"](9, 0)
    best = generic.best_shape(circuit)
    depths = [qpilot.compile(circuit, shape=shape, **generic.OURS["effort-3"]).depth for shape in generic.shapes(9)]
    assert best.depth == min(depths) < max(depths)


def read(path):
    with path.open(newline="") as file:
        return [*csv.DictReader(file)]


def test_table_is_saved_and_a_second_run_measures_only_what_is_missing(tmp_path, capsys, monkeypatch):
    path, picture = tmp_path / "new" / "table.csv", tmp_path / "depth.png"
    options = ["--families", "ghz-ladder", "random-2", "--sizes", "4", "--seeds", "2", "--csv", str(path)]
    assert generic.main([*options, "--ways", "--sabre", "1"]) == 0
    first = read(path)
    assert [(row["circuit"], row["seed"], row["way"], row["moves"]) for row in first] == [
        ("ghz-ladder", "", "sabre", ""),
        ("random-2", "0", "sabre", ""),
        ("random-2", "1", "sabre", ""),
    ]
    assert first[0]["depth"] == "3"
    assert "Deeper" not in capsys.readouterr().out  # than what?

    def no_more(*_):
        raise AssertionError("SABRE is run again.")

    monkeypatch.setattr(generic, "best_sabre", no_more)
    assert generic.main([*options, "--ways", "balanced", "--png", str(picture)]) == 0
    again = read(path)
    assert again[:3] == first
    assert [row["way"] for row in again[3:]] == ["balanced"] * 3
    assert picture.read_bytes().startswith(b"\x89PNG")
    told = capsys.readouterr().out
    assert "Deeper than SABRE:\n    ghz-ladder, 4 qubits: depth " in told
    assert "way     seeds" in told  # the means


def test_a_refused_circuit_is_told_and_the_others_are_measured(tmp_path, capsys):
    path = tmp_path / "table.csv"
    for name, gate in (("a", "reset q[0]; cx q[0],q[1]; reset q[0];"), ("b", "cx q[0],q[1];")):
        (tmp_path / f"{name}.qasm").write_text(f'OPENQASM 2.0; include "qelib1.inc"; qreg q[4]; {gate}')
    options = ["--data", str(tmp_path), "--families", "--ways", "balanced", "--csv", str(path)]
    assert generic.main(options) == 1
    assert "circuit a, qubits 4, way balanced: " in capsys.readouterr().err
    assert [row["circuit"] for row in read(path)] == ["b"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sizes", "3"], "'3' is no number of qubits"),
        (["--families", "magic"], "invalid choice: 'magic'"),
        (["--ways", "magic"], "invalid choice: 'magic'"),
        (["--data", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_wrong_options_are_told(options, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        generic.main(options)
    assert message in capsys.readouterr().err
