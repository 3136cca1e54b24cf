"""The instances and baselines of quantum simulation are what they claim to be, and a broken-off run goes on."""

import csv
import itertools
import math

import numpy as np
import pytest
import scipy.linalg
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator, Pauli, SparsePauliOp

import qpilot
from benchmarks import pauli_synthesis, quantum_simulation
from benchmarks.baselines import all_to_all, two_qubit_depth
from benchmarks.generators import fermi_hubbard_paulis, heisenberg_paulis, random_paulis
from benchmarks.pauli_synthesis import SYNTHESES
from benchmarks.tables import Table

MIXED = [("IIII", 0.4), ("XIZY", 0.3), ("YYIX", -1.2), ("IZII", 0.7), ("XIZY", 2.0), ("ZZXI", 0.1), ("IXYZ", -0.9)]
CLASHING = [("XXI", 0.3), ("IZY", 0.8), ("YIZ", -0.5)]


def unitary(rotations):
    """The product of rotations, the first acting first; character i acts on qubit i."""
    product = np.eye(2 ** len(rotations[0][0]))
    for label, angle in rotations:
        product = scipy.linalg.expm(-0.5j * angle * Pauli(label[::-1]).to_matrix()) @ product
    return Operator(product)


def hamiltonian(rotations, time):
    """The sum of the strings whose step of this length was given."""
    terms = [(label[::-1], angle / (2 * time)) for label, angle in rotations]
    return SparsePauliOp.from_list(terms).to_matrix()


def synthesis(name):
    if name == "tket":
        pytest.importorskip("pytket")
    return SYNTHESES[name]


def test_random_strings_have_the_density_asked_for_and_depend_on_the_seed():
    labels = random_paulis(50, 200, 0.3, seed=1)
    assert {len(label) for label in labels} == {50}
    text = "".join(labels)
    assert 1 - text.count("I") / len(text) == pytest.approx(0.3, abs=0.02)
    assert all(text.count(letter) / len(text) == pytest.approx(0.1, abs=0.015) for letter in "XYZ")
    assert labels == random_paulis(50, 200, 0.3, seed=1) != random_paulis(50, 200, 0.3, seed=2)


def test_heisenberg_step_is_that_of_the_lattice():
    bonds = [(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5)]
    terms = [(2 * letter, bond, 1.5) for letter in "XYZ" for bond in bonds]
    expected = SparsePauliOp.from_sparse_list(terms, num_qubits=6).to_matrix()
    assert np.allclose(hamiltonian(heisenberg_paulis(2, 3, coupling=1.5, time=0.2), 0.2), expected)


def test_fermi_hubbard_step_is_that_of_the_ladder_operators():
    sites, t, u = 4, 0.7, 3.0
    lower = []
    for mode in range(2 * sites):
        factors = [np.diag([1, -1])] * mode + [np.array([[0, 1], [0, 0]])] + [np.eye(2)] * (2 * sites - mode - 1)
        operator = np.eye(1)
        for factor in factors:
            operator = np.kron(factor, operator)  # qubit 0 is the last factor
        lower.append(operator)
    number = [a.T @ a for a in lower]
    expected = np.zeros_like(lower[0])
    for (a, b), spin in itertools.product([(0, 1), (2, 3), (0, 2), (1, 3)], (0, sites)):
        hop = lower[a + spin].T @ lower[b + spin]
        expected = expected - t * (hop + hop.T)
    for site in range(sites):
        expected = expected + u * number[site] @ number[site + sites]
    constant = np.trace(expected) / len(expected)
    found = hamiltonian(fermi_hubbard_paulis(2, 2, t, u, time=0.3), 0.3)
    assert np.allclose(found, expected - constant * np.eye(len(expected)))


@pytest.mark.parametrize("name", SYNTHESES)
@pytest.mark.parametrize("rotations", [MIXED, CLASHING, [("II", 0.5)], [("IXI", 0.5)]])
def test_baselines_equal_the_product_of_the_rotations(name, rotations):
    assert unitary(rotations).equiv(synthesis(name)(rotations))


@pytest.mark.parametrize("name", SYNTHESES)
def test_baselines_of_free_order_equal_the_product_in_some_order(name):
    circuit = Operator(synthesis(name)(CLASHING, preserve_order=False))
    assert any(unitary(order).equiv(circuit) for order in itertools.permutations(CLASHING))


@pytest.mark.parametrize("method", [pauli_synthesis.NAIVE, pauli_synthesis.GREEDY])
def test_both_ways_of_rustiq_are_right(method, monkeypatch):
    monkeypatch.setattr(pauli_synthesis, "NAIVE", method)
    monkeypatch.setattr(pauli_synthesis, "GREEDY", method)
    assert unitary(MIXED).equiv(pauli_synthesis.rustiq(MIXED))


@pytest.mark.parametrize("weight", range(1, 10))
def test_tree_has_logarithmic_depth(weight):
    circuit = pauli_synthesis.tree([("XYZXYZXYZ"[:weight] + "I", 0.3)])
    assert two_qubit_depth(circuit) == 2 * math.ceil(math.log2(weight))
    assert circuit.num_nonlocal_gates() == 2 * (weight - 1)


def test_all_to_all_has_no_routing():
    circuit = QuantumCircuit(5)
    circuit.cx(0, 4)
    circuit.cx(1, 3)
    circuit.cx(4, 2)
    found = all_to_all(circuit)
    assert (found.depth, found.num_2q, found.grid) == (2, 3, "all-to-all")


def test_lattices_use_all_qubits():
    cases = [*quantum_simulation.lattice_cases([7, 10, 12])]
    assert [(case.name, case.num_qubits) for case in cases] == [
        *(("heisenberg", 7), ("heisenberg", 10), ("fermi-hubbard", 10)),
        *(("heisenberg", 12), ("fermi-hubbard", 12)),
    ]
    for case in cases:
        acted = {qubit for label, _ in case.rotations for qubit, letter in enumerate(label) if letter != "I"}
        assert acted == set(range(case.num_qubits))


def test_files_are_read_as_labels(tmp_path):
    (tmp_path / "molecule_H2.txt").write_text("['IIII', 'XXYY']")
    (tmp_path / "pauli_q3_p0.5.txt").write_text("['XIZ']")
    (tmp_path / "qaoa_q3.txt").write_text("[(0, 1)]")
    h2, pauli = quantum_simulation.file_cases(tmp_path)
    assert (h2.name, h2.num_qubits, h2.rotations) == ("molecule_H2", 4, (("IIII", math.pi / 4), ("XXYY", math.pi / 4)))
    assert (pauli.name, pauli.num_qubits) == ("pauli_q3_p0.5", 3)


def test_sabre_takes_the_first_instances_only():
    cases = [*quantum_simulation.random_cases([4], [0.5], 3)]
    todo = [*quantum_simulation.jobs(cases, ["paper", "tree"], sabre=2)]
    assert sum(job.strategy == "paper" for job in todo) == 3
    assert [job.case.seed for job in todo if job.strategy == "tree sabre"] == [0, 0, 1, 1]


@pytest.fixture
def compiler(monkeypatch):
    """Stands for qpilot.compile_paulis: returns one small program and lists what it was asked."""
    circuit = QuantumCircuit(2)
    circuit.rzz(0.3, 0, 1)
    program = qpilot.compile(circuit)
    calls = []

    def compile_paulis(paulis, **options):
        calls.append((len(paulis[0][0]), options))
        if len(paulis) == 15:
            raise qpilot.RoutingError("There is no room.")
        return program

    monkeypatch.setattr(qpilot, "compile_paulis", compile_paulis)
    return calls


def read(path):
    with path.open(newline="") as file:
        return [*csv.DictReader(file)]


def test_table_is_saved_and_a_second_run_measures_only_what_is_missing(compiler, tmp_path, capsys):
    path, picture = tmp_path / "new" / "table.csv", tmp_path / "depth.png"
    options = ["--sizes", "4", "--densities", "0.4", "--csv", str(path), "--strategies", "rounds", "paper", "tree"]
    assert quantum_simulation.main([*options, "--seeds", "1"]) == 0
    first = read(path)
    assert [(row["instance"], row["order"], row["strategy"]) for row in first[:5]] == [
        *(("random p=0.4", "kept", way) for way in ("rounds", "paper", "tree")),
        *(("random p=0.4", "free", way) for way in ("rounds", "tree")),
    ]
    assert [row["depth"] for row in first[:2]] == ["4", "4"]
    assert (4, {"preserve_order": False, "strategy": "rounds"}) in compiler
    compiler.clear()
    assert quantum_simulation.main([*options, "--seeds", "2", "--sabre", "--png", str(picture)]) == 0
    again = read(path)
    assert again[: len(first)] == first
    assert len(compiler) == 2 + 3  # two that warm up, and three ways of the new instance
    new = [(row["instance"], row["seed"], row["strategy"]) for row in again[len(first) :]]
    assert new.count(("random p=0.4", "0", "tree sabre")) == 2
    assert not any(seed == "1" and strategy == "tree sabre" for _, seed, strategy in new)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "order  strategy     seeds" in capsys.readouterr().out  # the means


def test_a_refused_instance_is_told_and_the_others_are_measured(compiler, tmp_path, capsys):
    path = tmp_path / "table.csv"
    (tmp_path / "molecule_H2.txt").write_text(str(["XXII"] * 15))
    options = ["--data", str(tmp_path), "--sizes", "4", "--densities", "--csv", str(path), "--strategies", "rounds"]
    assert quantum_simulation.main(options) == 1
    told = "instance molecule_H2, qubits 4, strings 15, order kept, strategy rounds: There is no room.\n"
    assert told in capsys.readouterr().err
    assert [row["instance"] for row in read(path)] == [*["heisenberg"] * 2, *["fermi-hubbard"] * 2]


def test_without_pytket_its_rows_are_left_out(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert quantum_simulation.main(["--sizes", "3", "--densities", "--strategies", "tket", "tree"]) == 0
    out, err = capsys.readouterr()
    assert "tket" not in out
    assert err == "tket is left out; pip install 'qpilot[peers]' installs it.\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sizes", "1"], "'1' is no number of qubits"),
        (["--densities", "1.2"], "'1.2' is no probability"),
        (["--strategies", "magic"], "invalid choice: 'magic'"),
        (["--data", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_wrong_options_are_told(options, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        quantum_simulation.main(options)
    assert message in capsys.readouterr().err


def test_means_are_over_seeds():
    table = Table(*quantum_simulation.COLUMNS)
    for seed, (depth, fidelity) in enumerate([(10, 0.25), (20, 1.0)]):
        table.add("random p=0.1", 10, 100, seed, "kept", "rounds", depth, 5, 3, 1.5, fidelity, fidelity, 0.1, "3x4")
    ((*kind, depth, least, most, _, _, _, fidelity, _, _, lattice),) = quantum_simulation.means(table)
    assert kind == ["random p=0.1", 10, 100, "kept", "rounds", 2]
    assert (depth, least, most, lattice) == (15, 10, 20, "3x4")
    assert fidelity == pytest.approx(0.5)


def test_a_table_reads_back_what_it_wrote(tmp_path):
    path = tmp_path / "table.csv"
    table = Table("name", "count", "share", "rest")
    table.add("a b", 3, 1e-20, None)
    table.save_csv(path)
    other = Table(*table.columns)
    other.load_csv(path)
    assert other.rows == table.rows
    with pytest.raises(ValueError, match="has other columns than this table"):
        Table("name", "count").load_csv(path)
