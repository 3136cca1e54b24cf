"""The machine as a backend: what Qiskit's tools make of it, and that nothing stale is ever run."""

import io
import pickle
import subprocess
import sys

import networkx as nx
import numpy as np
import pytest
from qiskit import QuantumCircuit, qpy, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.library import PauliEvolutionGate, QFTGate
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.providers import JobStatus
from qiskit.quantum_info import Operator, SparsePauliOp
from qiskit.transpiler import PassManager, generate_preset_pass_manager
from qiskit.transpiler.passes import Collect2qBlocks
from qiskit.transpiler.preset_passmanagers.plugin import list_stage_plugins

import qpilot
from qpilot.arch.errors import CircuitError, DeviceError, OptionError
from qpilot.benchmarks.qiskit_library import library_circuits
from qpilot.target import FewerCZ, program_of

DEVICE = qpilot.preset("enola", 2, 3)


@pytest.fixture(scope="module")
def backend():
    return qpilot.FPQABackend(DEVICE)


def ghz(num_qubits=3):
    circuit = QuantumCircuit(num_qubits, name="ghz")
    circuit.h(0)
    for qubit in range(1, num_qubits):
        circuit.cx(0, qubit)
    circuit.measure_all()
    return circuit


def counts(backend, circuit, **options):
    return backend.run(circuit, **({"shots": 300, "seed_simulator": 5} | options)).result().get_counts()


def test_the_backend_tells_what_the_machine_runs(backend):
    assert repr(backend) == "<FPQABackend 'enola-2x3': 6 qubits>"
    assert set(backend.operation_names) == {"u", "cz", "cp", "measure", "reset", "if_else", "PauliEvolution"}
    assert backend.target["u"][2,].duration == pytest.approx(DEVICE.timing.raman_us * 1e-6)
    assert backend.target["u"][2,].error == pytest.approx(1 - DEVICE.fidelity.raman)
    assert backend.target["cz"][None].error == pytest.approx(1 - DEVICE.fidelity.cz)
    assert backend.target["cp"][None].error == pytest.approx(1 - DEVICE.fidelity.cz**2)
    slow = DEVICE.replace(timing=qpilot.Timing(measure_us=500.0), fidelity=qpilot.Fidelity(measure=0.998, reset=0.97))
    target = qpilot.FPQABackend(slow).target
    assert target["measure"][5,].duration == pytest.approx(500e-6)
    assert target["measure"][5,].error == pytest.approx(0.002)
    assert (target["reset"][0,].duration, target["reset"][0,].error) == (0, pytest.approx(0.03))
    assert backend.coupling_map is None
    copy = pickle.loads(pickle.dumps(qpilot.FPQABackend(DEVICE, effort=2).target))
    assert (copy.device, copy.options, set(copy.operation_names)) == (DEVICE, {"effort": 2}, {*backend.operation_names})


@pytest.mark.parametrize("stage", ["translation", "scheduling"])
def test_the_stages_are_installed(stage):
    assert "qpilot" in list_stage_plugins(stage)


@pytest.mark.parametrize("level", range(4))
def test_a_transpiled_circuit_carries_its_program(backend, level):
    ready = transpile(ghz(), backend, optimization_level=level)
    program = program_of(ready)
    assert set(ready.count_ops()) <= {"u", "cz", "measure", "barrier"}
    qpilot.verify(program, ready)
    assert backend.program(ready) == program
    assert counts(backend, ready, noise=False).keys() == {"000", "111"}
    assert "qpilot_program" not in backend.run(ready, shots=1).result().results[0].header["metadata"]


@pytest.mark.parametrize(("options", "message"), [({"speed": 3}, "no option 'speed'"), ({"effort": 0}, "effort is 0")])
def test_options_are_checked_at_once(options, message):
    with pytest.raises(OptionError, match=message):
        qpilot.FPQABackend(DEVICE, **options)
    with pytest.raises(OptionError, match=message):
        qpilot.pass_manager(DEVICE, **options)


def test_the_program_survives_a_file(backend):
    data = io.BytesIO()
    ready = transpile(ghz(), backend)
    qpy.dump(ready, data)
    data.seek(0)
    (loaded,) = qpy.load(data)
    assert program_of(loaded) == program_of(ready) is not None


def test_a_circuit_that_was_changed_is_compiled_anew(backend):
    ready = transpile(ghz().remove_final_measurements(inplace=False), backend)
    ready.x(0)
    ready.measure_all()
    assert program_of(ready) is None
    assert counts(backend, ready, noise=False).keys() == {"001", "110"}


def test_a_damaged_program_is_refused(backend):
    ready = transpile(ghz(), backend)
    ready.metadata["qpilot_program"] = ready.metadata["qpilot_program"].replace('"theta"', '"x"')[:-3]
    with pytest.raises(qpilot.ProgramError, match="metadata of circuit 'ghz'"):
        backend.run(ready).result()


def test_gates_diagonal_in_z_and_evolutions_stay_whole(backend):
    qaoa = qpilot.qaoa_circuit(nx.cycle_graph(6), [0.3], [0.4])
    strings = QuantumCircuit(6)
    for label in ("XXYYZZ", "ZIZIZI"):
        strings.append(PauliEvolutionGate(SparsePauliOp(label), 0.3), range(6))
    fourier = QuantumCircuit(6)
    fourier.append(QFTGate(6), range(6))
    for level in (1, 3):
        for source, kept in ((qaoa, "cp"), (strings, "PauliEvolution"), (fourier, "cp")):
            ready = transpile(source, backend, optimization_level=level)
            assert kept in ready.count_ops(), (level, kept)
            assert backend.program(ready).depth <= qpilot.compile(source, DEVICE).depth, (level, kept)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_optimization_takes_no_more_cz_and_changes_nothing(level):
    backend = qpilot.FPQABackend(qpilot.preset("enola", 2, 4))
    plain = generate_preset_pass_manager(0, backend=backend, seed_transpiler=1)
    better = generate_preset_pass_manager(level, backend=backend, seed_transpiler=1)
    for manager in (plain, better):
        manager.scheduling = PassManager([] if manager is plain else [Collect2qBlocks(), FewerCZ()])
    for source in [*library_circuits()][level::4]:
        source.remove_final_measurements()
        before, after = plain.run(source), better.run(source)
        assert num_cz(after) <= num_cz(before), source.name
        if "PauliEvolution" not in after.count_ops():
            assert Operator.from_circuit(after).equiv(before), source.name


def num_cz(circuit):
    """Return how many CZ gates the gates between two qubits are."""
    count = 0
    for step in circuit.data:
        if step.operation.name == "cp":
            count += 1 if np.isclose(np.cos(step.params[0]), -1) else 2
        count += step.operation.name == "cz"
    return count


@pytest.mark.slow
def test_a_seed_gives_the_same_program_in_another_process():
    code = (
        "import qpilot; from qiskit import transpile; from qiskit.circuit.library import quantum_volume;"
        "backend = qpilot.FPQABackend(qpilot.preset('enola', 2, 3)); circuit = quantum_volume(6, 6, seed=1);"
        "[circuit.rzz(0.3 + k, k, k + 1) for k in range(5)];"
        "made = [transpile(circuit, backend, optimization_level=k, seed_transpiler=1) for k in (1, 2, 3)];"
        "print([one.metadata for one in made])"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(3)]
    assert b"qpilot_program" in runs[0]
    assert runs[0] == runs[1] == runs[2]


def test_gates_of_one_pair_are_three_cz_at_most(backend):
    heisenberg = QuantumCircuit(2)
    heisenberg.rxx(0.3, 0, 1)
    heisenberg.ryy(0.4, 0, 1)
    heisenberg.rzz(0.5, 0, 1)
    ready = transpile(heisenberg, backend, optimization_level=1)
    assert num_cz(ready) == 3
    assert Operator(ready) == Operator(heisenberg)
    free = QuantumCircuit(2)
    free.rzz(Parameter("a"), 0, 1)
    free.rxx(Parameter("b"), 0, 1)
    assert transpile(free, backend, optimization_level=2).num_parameters == 2


def test_free_parameters_wait_for_values(backend):
    angle = Parameter("angle")
    circuit = QuantumCircuit(2)
    circuit.ry(angle, 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    ready = transpile(circuit, backend)
    assert program_of(ready) is None
    assert counts(backend, ready.assign_parameters([np.pi]), noise=False) == {"11": 300}
    with pytest.raises(CircuitError, match="parameters"):
        backend.run(ready).result()


def test_seeds_reproduce_and_noise_can_be_left_out(backend):
    ready = transpile(ghz(5), backend)
    assert counts(backend, ready) == counts(backend, ready)
    assert counts(backend, ready) != counts(backend, ready, seed_simulator=6)
    assert len(counts(backend, ready)) > 2
    assert len(counts(qpilot.FPQABackend(DEVICE, noise=False), ready)) == 2
    assert counts(backend, ghz(5)) == counts(backend, ready)  # the same program, compiled by the backend


def test_results_are_ordinary(backend):
    job = backend.run([ghz(2), ghz(3)], shots=50, memory=True)
    result = job.result()
    assert job.status() is JobStatus.DONE
    assert (result.backend_name, result.job_id) == ("enola-2x3", job.job_id())
    assert len(result.get_memory(1)) == 50
    assert [sum(each.values()) for each in result.get_counts()] == [50, 50]
    assert result.results[1].header["name"] == "ghz"


def test_the_primitives_of_qiskit_run(backend):
    ready = generate_preset_pass_manager(1, backend=backend).run(ghz())
    bits = BackendSamplerV2(backend=backend).run([ready], shots=200).result()[0].data.meas
    assert sum(bits.get_counts().values()) == 200
    state = generate_preset_pass_manager(1, backend=backend).run(ghz().remove_final_measurements(inplace=False))
    values = BackendEstimatorV2(backend=backend).run([(state, ["ZZI", "XXX"])]).result()[0].data.evs
    assert 0.8 < min(values) < max(values) <= 1


def test_what_cannot_run_is_told_by_the_job_or_at_once(backend):
    job = backend.run(ghz(7))
    with pytest.raises(DeviceError, match="7 qubits"):
        job.result()
    assert job.status() is JobStatus.ERROR
    with pytest.raises(OptionError, match="no option 'shot'; it has shots, memory, seed_simulator, noise"):
        backend.run(ghz(), shot=3)
    with pytest.raises(CircuitError, match="runs circuits, not int"):
        backend.run([3]).result()


def test_aer_is_named_where_it_is_missing(backend, monkeypatch):
    monkeypatch.setitem(sys.modules, "qiskit_aer", None)
    with pytest.raises(ImportError, match=r"pip install 'qpilot\[aer\]'"):
        backend.run(ghz())


def test_a_pass_manager_lowers_circuits_to_programs():
    manager = qpilot.pass_manager(DEVICE, optimization_level=1, effort=1)
    one, two = manager.run([ghz(2), ghz(3)])
    qpilot.verify(one, ghz(2))
    assert (one.device, two.num_qubits) == (DEVICE, 3)
    assert manager.run(ghz(3)) == two
    with pytest.raises(OptionError, match="optimization_level is 4"):
        qpilot.pass_manager(DEVICE, optimization_level=4)
    free = QuantumCircuit(1)
    free.rx(Parameter("a"), 0)
    with pytest.raises(CircuitError, match="parameters"):
        manager.run(free)


def test_the_stage_needs_our_target():
    with pytest.raises(OptionError, match="FPQABackend"):
        generate_preset_pass_manager(1, basis_gates=["u", "cz"], scheduling_method="qpilot")
