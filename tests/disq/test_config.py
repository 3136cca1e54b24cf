"""Trainings described by TOML files: what they give, and one sentence for what is wrong."""

import json

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import Parameter
from qiskit.circuit.library import real_amplitudes
from qiskit.quantum_info import Operator, SparsePauliOp, Statevector

from qpilot.arch import FPQA, Fidelity, Lattice
from qpilot.arch.errors import DriftError
from qpilot.disq import (
    DISQ,
    SPSA,
    Bursts,
    DriftingSampler,
    EnergyMonitor,
    FastEngine,
    FPQAEvaluator,
    GradientClip,
    PauliSubsets,
    Plain,
    PublishedInjection,
    Telegraph,
    Trace,
    molecule,
    tfim,
)  # fmt: skip
from qpilot.disq.config import read_training
from qpilot.disq.noise import Sum
from qpilot.disq.policies import Chain

HAMILTONIAN = '{kind = "tfim", num_qubits = 3}'
ANSATZ = '{kind = "real_amplitudes", reps = 1}'
BASE = f"""
maxiter = 5
hamiltonian = {HAMILTONIAN}
ansatz = {ANSATZ}
policy = [{{kind = "DISQ", references = 1, subsets = {{prime_fraction = 0.5}}}}, "GradientClip"]
[machine]
noise = ["Telegraph", {{kind = "Bursts", depth = 0.4}}]
"""


@pytest.fixture
def read(tmp_path):
    """Return a function that reads the base description with a replacement."""

    def read_changed(old="", new=""):
        path = tmp_path / "training.toml"
        assert old in BASE
        path.write_text(BASE.replace(old, new, 1) if old else new + BASE)
        return read_training(path)

    return read_changed


def test_everything_is_as_written(read):
    training = read()
    assert training.hamiltonian == tfim(3)
    assert Operator(training.ansatz.assign_parameters([0.3] * 6)) == Operator(
        real_amplitudes(3, reps=1).assign_parameters([0.3] * 6)
    )
    assert training.policy == Chain((DISQ(references=1, subsets=PauliSubsets(0.5)), GradientClip()))
    assert training.process == Telegraph() + Bursts(depth=0.4)
    assert training.optimizer == SPSA()
    assert (training.file.maxiter, training.file.shots, training.file.seed) == (5, 1024, 0)
    assert isinstance(training.evaluator(), FastEngine)


def test_little_is_enough(tmp_path):
    path = tmp_path / "training.toml"
    path.write_text(f"hamiltonian = {HAMILTONIAN}\nansatz = 'real_amplitudes'\n")
    training = read_training(path)
    assert training.policy == Plain()
    assert training.process == Sum(())  # the noise of Static()
    assert training.file.maxiter == 300


def test_empty_lists_are_no_policy_and_no_drift(read):
    empty = BASE[: BASE.index("policy")] + "policy = []\n[machine]\nnoise = []\n"
    training = read(BASE, empty)
    assert training.policy == Plain()
    assert training.process == Sum(())  # the noise of Static()


@pytest.mark.parametrize("text", ['"auto"', '["auto"]', '{kind = "auto"}'])
def test_auto_is_what_measurements_advise(read, text):
    old = BASE[BASE.index("policy") : BASE.index("[machine]")]
    assert read(old, f"policy = {text}\n").policy == EnergyMonitor()
    assert read(old, f'optimizer = "nft"\npolicy = {text}\n').policy == Plain()


def test_policies_act_one_after_the_other(read):
    old = BASE[BASE.index("policy") : BASE.index("[machine]")]
    chain = read(old, 'policy = ["EnergyMonitor", "GradientClip"]\n').policy
    assert chain == EnergyMonitor() | GradientClip()


def test_starts_are_drawn_or_given(read):
    drawn = [read(new=f"seed = {seed}\n").x0 for seed in (1, 1, 2)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert np.array_equal(read(new="seed = 1\nx0_seed = 2\n").x0, drawn[2])
    assert np.abs(drawn[0]).max() <= np.pi
    assert read(new="x0 = [1, 2, 3, 4, 5, 6.5]\n").x0.tolist() == [1, 2, 3, 4, 5, 6.5]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{kind = "terms", terms = {ZZI = -1.0, XII = 0.5}}', SparsePauliOp(["ZZI", "XII"], [-1.0, 0.5])),
        (
            '{kind = "maxcut", edges = [[0, 1], [1, 2]], weights = [1, 2]}',
            SparsePauliOp(["IZZ", "ZZI", "III"], [0.5, 1, -1.5]),
        ),
        (
            '{kind = "molecule", name = "H2", bond_length_angstrom = 0.735, mapping = "jordan-wigner"}',
            molecule("H2", 0.735, "jordan-wigner").hamiltonian,
        ),
    ],
)
def test_hamiltonians_by_name(read, text, expected):
    assert read(HAMILTONIAN, text).hamiltonian.equiv(expected)


def test_files_stand_beside_the_description(read, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "h.json").write_text(json.dumps({"ZZ": -1.0, "XI": 0.5}))
    circuit = QuantumCircuit(2)
    for qubit, name in enumerate("ab"):
        circuit.ry(Parameter(name), qubit)
    circuit.cx(0, 1)
    (tmp_path / "in" / "ansatz.qasm").write_text(qasm3.dumps(circuit))
    (tmp_path / "in" / "noise.csv").write_text("time_s,t1_us\n0,90\n600,40\n")
    path = tmp_path / "training.toml"
    path.write_text(
        'hamiltonian = {kind = "file", file = "in/h.json"}\nansatz = {kind = "qasm", file = "in/ansatz.qasm"}\n'
        '[machine]\nnoise = {kind = "Trace", file = "in/noise.csv"}\n'
    )
    training = read_training(path)
    assert training.hamiltonian == SparsePauliOp(["ZZ", "XI"], [-1.0, 0.5])
    assert [each.name for each in training.ansatz.parameters] == ["a", "b"]
    assert isinstance(training.process, Trace)
    assert [each.name for each in training.used] == ["h.json", "ansatz.qasm", "noise.csv"]
    with pytest.raises(DriftError, match=r"hamiltonian: There is no file .*h\.json"):
        read_training(path, copied=True)  # then they would have to stand in the same folder


@pytest.mark.parametrize("ansatz", ['"qaoa"', '{kind = "qaoa", reps = 2}', '{kind = "efficient_su2", reps = 1}'])
@pytest.mark.parametrize("engine", ["fast", "aer"])
def test_both_engines_run_every_ansatz(read, ansatz, engine):
    edges = '{kind = "maxcut", edges = [[0, 1], [1, 2], [0, 2]]}'
    base = BASE.replace(HAMILTONIAN, edges).replace(ANSATZ, ansatz).replace("noise", f'engine = "{engine}"\nnoise')
    training = read(BASE, base)
    count = training.ansatz.num_parameters
    means, _ = training.evaluator().run(np.full((2, count), 0.3), np.array([0, 0]), np.array([10, 10]))
    assert np.isfinite(means).all()


def test_aer_is_a_sampler_that_drifts(read):
    evaluator = read("noise", 'engine = "aer"\nnoise').evaluator()
    assert isinstance(evaluator._sampler, DriftingSampler)


def test_a_compiled_program_runs_on_its_device(read, tmp_path):
    device = FPQA(slm=Lattice(2, 2), fidelity=Fidelity(cz=0.9))
    device.save(tmp_path / "device.json")
    engine = 'engine = {kind = "fpqa", device = "device.json", shot_gap_us = 500.0}\nnoise'
    training = read("noise", engine)
    assert training.used == (tmp_path / "device.json",)
    evaluator = training.evaluator()
    assert isinstance(evaluator, FPQAEvaluator)
    point = np.full((1, 6), 0.3)
    state = Statevector(training.ansatz.assign_parameters(point[0]))
    assert evaluator.energies(point)[0] == pytest.approx(state.expectation_value(training.hamiltonian).real)
    points, groups, shots = np.repeat(point, 2, axis=0), np.array([0, 1]), np.array([1000, 1000])
    noisy, _ = evaluator.run(points, groups, shots)
    assert np.isfinite(noisy).all()
    assert noisy.tolist() == training.evaluator().run(points, groups, shots)[0].tolist()  # a fresh one each time


def test_nested_lists_are_read(read):
    text = 'noise = {kind = "PublishedInjection", windows = [[3, 2, 0.5]]}'
    assert read("noise =", text + "\n#").process == PublishedInjection(windows=((3, 2, 0.5),))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("maxiter", "maxitr", "there is no key maxitr; did you mean 'maxiter'?"),
        ("maxiter", "qqq", "there is no key qqq; known are ansatz, budget, hamiltonian, machine, maxiter, "),
        ("maxiter = 5", "maxiter = '5'", "maxiter: expected int, got str."),
        ("maxiter = 5", "maxiter = 0", "maxiter is 0; it must be an integer of at least 1."),
        ("maxiter = 5", "shots = 0", "shots is 0; it must be"),
        ("maxiter = 5", "seed = -1", "seed is -1; it must be"),
        ("maxiter = 5", "x0_seed = -1", "x0_seed is -1; it must be"),
        ("maxiter = 5", "budget = {circuits = -1}", "budget_circuits is -1; it must be"),
        ("maxiter = 5", "budget = {circuit = 1}", "there is no key budget.circuit; did you mean 'circuits'?"),
        ("maxiter = 5", "x0 = [1, 2]", "x0 has 2 values and the ansatz 6 parameters."),
        ("maxiter = 5", "x0 = [1]\nx0_seed = 2", "there are x0 and x0_seed; give one of them."),
        ("maxiter = 5", "maxiter =", "is not valid TOML: Invalid value (at line 2, column 10)."),
        ("hamiltonian", "hamiltonan", "there is no key hamiltonan; did you mean 'hamiltonian'?"),
        (f"hamiltonian = {HAMILTONIAN}", "", "object missing required field hamiltonian."),
        (HAMILTONIAN, "7", "hamiltonian: expected str | object, got int."),
        ('"tfim"', '"TFM"', "hamiltonian is of kind 'TFM'; did you mean 'tfim'?"),
        ("num_qubits = 3", "num_qubit = 3", "there is no key hamiltonian.num_qubit; did you mean 'num_qubits'?"),
        ("num_qubits = 3", "num_qubits = 1", "hamiltonian: An Ising chain has at least 2 spins, not 1."),
        (", num_qubits = 3", "", "hamiltonian: object missing required field num_qubits."),
        (HAMILTONIAN, '{kind = "terms", terms = {ZZQ = 1}}', "hamiltonian: 'ZZQ' is no Pauli string"),
        (HAMILTONIAN, '{kind = "terms", terms = {}}', "hamiltonian: there are no terms."),
        (HAMILTONIAN, '{kind = "terms", terms = {ZZ = 1, X = 1}}', "the Pauli strings differ in length: ZZ, X"),
        (HAMILTONIAN, '{kind = "terms", terms = {III = 1}}', "no term but the identity"),
        (HAMILTONIAN, '{kind = "maxcut", edges = [[0, 1]], weights = []}', "there are 1 edges and 0 weights."),
        (HAMILTONIAN, '{kind = "maxcut", edges = []}', "hamiltonian: The graph has no edge"),
        (HAMILTONIAN, '{kind = "maxcut", edges = [[0, -1]]}', "hamiltonian: an edge has a negative node"),
        (HAMILTONIAN, '{kind = "maxcut", edges = [[0, "a"]]}', "hamiltonian.edges[0][1]: expected int, got str."),
        (HAMILTONIAN, '{kind = "molecule", name = "H2", bond_length_angstrom = 9}', "There is no bond length of H2 9"),
        (HAMILTONIAN, '{kind = "file", file = "none.json"}', "hamiltonian: There is no file"),
        (HAMILTONIAN, '{kind = "file", file = "training.toml"}', "training.toml must hold one JSON object"),
        (ANSATZ, '{kind = "qasm", file = "none.qasm"}', "ansatz: There is no file"),
        (ANSATZ, '{kind = "real_amplitudes", reps = -1}', "ansatz: reps is -1; it must be"),
        (ANSATZ, '{kind = "qaoa", reps = 0}', "ansatz: reps is 0; it must be"),
        (ANSATZ, '{kind = "real_amplitudes", entanglement = "ful"}', "ansatz.entanglement is 'ful'; did you mean"),
        ("references = 1", "reference = 1", "there is no key policy[0].reference; did you mean 'references'?"),
        ("references = 1", 'references = "x"', "policy[0].references: expected int, got str."),
        ("references = 1", "references = 0", "policy[0]: references is 0; it must be"),
        ("references = 1", 'rule = "gradent"', "policy[0].rule is 'gradent'; did you mean 'gradient'?"),
        ("prime_fraction", "fraction", "there is no key policy[0].subsets.fraction; did you mean 'prime_fraction'?"),
        ("prime_fraction = 0.5", "prime_fraction = 5", "policy[0]: prime_fraction is 5.0; it must be"),
        ('"GradientClip"', '"gradientclip"', "policy[1] is of kind 'gradientclip'; did you mean 'GradientClip'?"),
        ('"GradientClip"', "{factor = 3}", "policy[1] has no kind; it must be one of auto, Plain, DISQ, "),
        ('"GradientClip"', "3", "policy[1]: expected str | object, got int."),
        ('"Telegraph"', '"Telegraf"', "machine.noise[0] is of kind 'Telegraf'; did you mean 'Telegraph'?"),
        ("depth = 0.4", "depth = 4", "machine.noise[1]: Bursts.depth is 4.0; it must be"),
        ("noise =", 'engine = "slow"\nnoise =', "machine.engine is of kind 'slow'; known are aer, fast, fpqa."),
        ("noise =", "engine = {kind = 'aer', durations = {circuit_us = 1}}\nnoise =", "durations.circuit_us; did"),
        ("noise =", "engine = {kind = 'fast', durations = {circuit_s = -1}}\nnoise =", "Durations.circuit_s is -1.0;"),
        ("noise =", "engine = {kind = 'fpqa', device = 'x.json'}\nnoise =", "machine.engine: There is no file"),
        ("noise =", "engine = {kind = 'fpqa', shot_gap_us = -1}\nnoise =", "shot_gap_us is -1.0; it must be"),
        ("noise =", "seed = -1\nnoise =", "machine.seed is -1; it must be"),
        ("maxiter = 5", 'optimizer = "adam"', "optimizer is of kind 'adam'; known are cobyla, nft, powell, spsa."),
        ("maxiter = 5", 'optimizer = {kind = "nft", c = 1}', "there is no key optimizer.c; known are none."),
        ("maxiter = 5", 'optimizer = {kind = "spsa", c = 0}', "optimizer: c is 0.0; it must be"),
        ("maxiter = 5", 'optimizer = "nft"', "GradientClip works on pairs of points, which nft does not measure"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(read, tmp_path, old, new, words):
    with pytest.raises(DriftError) as caught:
        read(old, new)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "training.toml"))
    assert words in message
    assert "\n" not in message


def test_an_ansatz_without_parameters_is_refused(read, tmp_path):
    (tmp_path / "fixed.qasm").write_text('OPENQASM 3.0; include "stdgates.inc"; qubit[3] q; h q[0];')
    with pytest.raises(DriftError, match="The ansatz has no parameters"):
        read(ANSATZ, '{kind = "qasm", file = "fixed.qasm"}')
