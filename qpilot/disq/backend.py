"""A sampler and a backend for any Qiskit code, whose noise drifts from circuit to circuit; both run on Qiskit Aer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.primitives import BaseSamplerV2, PrimitiveJob, PrimitiveResult, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.providers import BackendV2, JobStatus, JobV1, Options
from qiskit.result import Result
from qiskit.transpiler import Target

from ..arch.errors import DriftError, plain
from ..outcomes import BoolArray, sampler_result, unpacked
from .channels import ROTATIONS, GateNoise
from .checks import check_integer
from .jobs import restore_stream, stream_state
from .noise import Drift, Durations, FloatArray, MachineNoise, Process

DEFAULT_SHOTS = 1024

MOST_EXACT_QUBITS = 10
"""Density matrices are used up to here, and the method that Aer chooses beyond."""

LOG_STEP = 0.02
"""T1 and errors are rounded to powers of exp(LOG_STEP), 1 % at most, so that noise models can be used again."""

GATES_1Q = ["id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg", "rx", "ry", "rz", "p", "r", "u"]
GATES_2Q = ["cx", "cy", "cz", "cp", "swap", "rxx", "ryy", "rzz", "rzx", "ecr"]
PlacedGate = tuple[str, tuple[int, ...]]
"""Name and qubits of a gate."""

OTHERS = ("measure", "reset", "barrier", "delay")


class DriftingSampler(BaseSamplerV2):
    """A sampler whose noise drifts: each `run` is a job, and each of its circuits takes its time, in the order given.

    Args:
        process: The noise.
        num_qubits: Qubits of the machine; circuits may use fewer.
        seed: Seed of the noise and of the shots.
        durations: How long gates, circuits and gaps between jobs take.

    Raises:
        DriftError: Qiskit Aer is not installed, or the process is none.
    """

    def __init__(self, process: Process, num_qubits: int, *, seed: int, durations: Durations | None = None) -> None:
        self._machine = _Machine(process, num_qubits, seed, durations or Durations())

    def run(self, pubs: Iterable[Any], *, shots: int | None = None) -> PrimitiveJob[PrimitiveResult[SamplerPubResult]]:
        """Run circuits as one job.

        Args:
            pubs: What a sampler takes; each may have shots of its own.
            shots: Shots of those that have none, 1024 by default.

        Returns:
            A job, whose result holds the bits of each classical register.

        Raises:
            DriftError: A circuit is too large or holds a gate that the machine does not know.
        """
        coerced = [SamplerPub.coerce(pub, DEFAULT_SHOTS if shots is None else shots) for pub in pubs]
        bound = [np.asarray(pub.parameter_values.bind_all(pub.circuit), dtype=object) for pub in coerced]
        circuits = [circuit for block in bound for circuit in block.ravel()]
        counts = [pub.shots for pub, block in zip(coerced, bound, strict=True) for _ in range(block.size)]
        # The noise is drawn here, so that jobs keep their order though they run in threads.
        tasks = self._machine.next_job(circuits, counts)
        job: PrimitiveJob[PrimitiveResult[SamplerPubResult]] = PrimitiveJob(_sample, self._machine, tasks, coerced)
        job._submit()
        return job

    def wait(self, seconds: float) -> None:
        """Let time go by without a job."""
        self._machine.drift.wait(seconds)

    def state(self) -> dict[str, Any]:
        """Return what the future depends on, as JSON values."""
        return self._machine.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state returned by `state` of a sampler with the same process."""
        self._machine.restore(state)


class DriftingBackend(BackendV2):
    """A backend whose noise drifts: each `run` is a job, and each of its circuits takes its time, in the order given.

    Args:
        process: The noise.
        num_qubits: Qubits of the machine, every pair of which can interact.
        seed: Seed of the noise and of the shots.
        durations: How long gates, circuits and gaps between jobs take.

    Raises:
        DriftError: Qiskit Aer is not installed, or the process is none.
    """

    def __init__(self, process: Process, num_qubits: int, *, seed: int, durations: Durations | None = None) -> None:
        super().__init__(name="drifting", description="A simulator whose noise drifts.")
        self._machine = _Machine(process, num_qubits, seed, durations or Durations())
        self._target = _target(num_qubits)

    @property
    def target(self) -> Target:
        """The gates, on all qubits."""
        return self._target

    @property
    def max_circuits(self) -> None:
        """A job has no limit."""
        return

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=DEFAULT_SHOTS, memory=False)

    def run(self, run_input: QuantumCircuit | Sequence[QuantumCircuit], **options: Any) -> JobV1:
        """Run circuits as one job.

        Args:
            run_input: A circuit or several, without free parameters.
            options: `shots`, 1024 by default, and `memory`, whether the result lists every shot.

        Raises:
            DriftError: A circuit is too large or holds a gate that the machine does not know, or an option is unknown.
        """
        options = {name: value for name, value in options.items() if value is not None}  # as Qiskit's primitives pass
        unknown = sorted(set(options) - {"shots", "memory"})
        if unknown:
            raise DriftError(f"The drifting backend has no option {unknown[0]!r}; the options are shots and memory.")
        shots = options.get("shots", self.options.shots)
        circuits = [run_input] if isinstance(run_input, QuantumCircuit) else list(run_input)
        tasks = self._machine.next_job(circuits, [shots] * len(circuits))
        outcomes = self._machine.simulate(tasks)
        name = f"{self.name}-{self._machine.drift.job}"
        return _Finished(self, _result(name, outcomes, tasks, options.get("memory", self.options.memory)))

    def wait(self, seconds: float) -> None:
        """Let time go by without a job."""
        self._machine.drift.wait(seconds)

    def state(self) -> dict[str, Any]:
        """Return what the future depends on, as JSON values."""
        return self._machine.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state returned by `state` of a backend with the same process."""
        self._machine.restore(state)


@dataclass(frozen=True, slots=True)
class _Task:
    """A circuit with the noise at its time; the energy factor acts on its bits afterwards."""

    circuit: QuantumCircuit
    shots: int
    noise: MachineNoise
    seed: int


class _Machine:
    """What the sampler and the backend share: the drift, and Aer."""

    def __init__(self, process: Process, num_qubits: int, seed: int, durations: Durations) -> None:
        try:
            from qiskit_aer import AerSimulator
        except ImportError:
            raise DriftError("Drifting samplers and backends need Qiskit Aer: pip install 'qpilot[sim]'.") from None
        check_integer("seed", seed, 0)
        noise_rng, self._seed_rng = np.random.default_rng(seed).spawn(2)
        self.drift = Drift(process, num_qubits, durations, noise_rng)
        method = "density_matrix" if num_qubits <= MOST_EXACT_QUBITS else "automatic"
        self._aer = AerSimulator(method=method)

    def next_job(self, circuits: Sequence[QuantumCircuit], shots: Sequence[int]) -> list[_Task]:
        """Check the circuits of a job and let its time go by."""
        for circuit in circuits:
            _check(circuit, self.drift.num_qubits)
        noise = self.drift.next_job(len(circuits))
        seeds = self._seed_rng.integers(2**31, size=len(circuits)).tolist()
        tasks = []
        for index, (circuit, count) in enumerate(zip(circuits, shots, strict=True)):
            now = noise.rows(slice(index, index + 1))
            tasks.append(_Task(_turned(circuit, now.angle_offset_rad[0]), count, now, seeds[index]))
        return tasks

    def simulate(self, tasks: Sequence[_Task]) -> list[BoolArray]:
        """Return the bits of each task, shape (shots, classical bits), column 0 for bit 0."""
        return [self._bits(task) for task in tasks]

    def _bits(self, task: _Task) -> BoolArray:
        model = noise_model(task.noise, self.drift.durations, _gates(task.circuit))
        run = self._aer.run(task.circuit, shots=task.shots, noise_model=model, seed_simulator=task.seed, memory=True)
        result = run.result()
        if not result.success:
            raise DriftError(
                f"Qiskit Aer could not run circuit {task.circuit.name!r}: {str(result.status).rstrip('.')}."
            )
        bits = unpacked(result.results[0].data.memory, task.circuit.num_clbits)
        # Depolarising all qubits at once makes the outcome of a shot random, with the weight that the energy loses.
        rng = np.random.default_rng(task.seed)
        lost = np.flatnonzero(rng.random(task.shots) >= task.noise.energy_factor[0])
        measured = _measured(task.circuit)
        bits[lost[:, None], measured] = rng.random((len(lost), len(measured))) < 0.5
        return bits

    def state(self) -> dict[str, Any]:
        return {"drift": self.drift.state(), "seeds": stream_state(self._seed_rng)}

    def restore(self, state: Mapping[str, Any]) -> None:
        try:
            restore_stream(self._seed_rng, state["seeds"])
            drift = state["drift"]
        except (KeyError, TypeError, ValueError) as error:
            raise DriftError(f"The state is not one of this machine: {plain(error)}.") from None
        self.drift.restore(drift)


def noise_model(noise: MachineNoise, durations: Durations, gates: Iterable[PlacedGate]) -> Any:
    """Return the Aer noise model of a machine for some gates, with T1 and errors rounded to 1 %.

    Rotations that turn too far and the factor of the energy are no part of it. Models are kept for equal arguments:
    Aer takes long to make one, and to run with one that holds more gates than the circuit.

    Args:
        noise: The machine at one moment.
        durations: The times of the gates.
        gates: Names of gates with their qubits, in the order of the gate.
    """
    rounded = tuple(
        tuple(_rounded(values[0]).tolist())
        for values in (noise.t1_us, noise.error_1q, noise.error_2q, noise.readout_error)
    )
    return _model(rounded, durations, tuple(sorted(set(gates))))


def _rounded(values: FloatArray) -> FloatArray:
    """Return positive numbers rounded to powers of exp(LOG_STEP); 0 and infinity stay."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(np.rint(np.log(values) / LOG_STEP) * LOG_STEP))


@lru_cache(maxsize=256)
def _model(rounded: tuple[tuple[float, ...], ...], durations: Durations, gates: tuple[PlacedGate, ...]) -> Any:
    from qiskit_aer.noise import NoiseModel, ReadoutError

    t1_us, error_1q, error_2q, readout = (np.array([values]) for values in rounded)
    zeros, ones = np.zeros_like(t1_us), np.ones(1)
    machine = MachineNoise(t1_us, error_1q, error_2q, readout, zeros, ones, ones).legal()
    channels = GateNoise.of(machine, durations)
    model = NoiseModel()
    for qubit, wrong in enumerate(machine.readout_error[0].tolist()):
        model.add_readout_error(ReadoutError([[1 - wrong, wrong], [wrong, 1 - wrong]]), [qubit])
    names: dict[tuple[int, ...], list[str]] = {}
    for name, qubits in gates:
        names.setdefault(qubits, []).append(name)
    for qubits, there in names.items():
        # Qiskit's first qubit is the less significant one.
        matrix = channels.after_1q[0, qubits[0]] if len(qubits) == 1 else channels.after_2q(*reversed(qubits))[0]
        model.add_quantum_error(_error(matrix.tobytes(), len(matrix)), there, list(qubits))
    return model


@lru_cache(maxsize=4096)
def _error(matrix: bytes, size: int) -> Any:
    """Return the Aer error of a Pauli transfer matrix."""
    from qiskit.quantum_info import PTM, Kraus
    from qiskit_aer.noise import QuantumError

    return QuantumError(Kraus(PTM(np.frombuffer(matrix).reshape(size, size))))


def _check(circuit: QuantumCircuit, num_qubits: int) -> None:
    if circuit.num_qubits > num_qubits:
        raise DriftError(
            f"Circuit {circuit.name!r} has {circuit.num_qubits} qubits and the machine {num_qubits}; transpile to "
            "fewer, or make the machine larger."
        )
    known = {*GATES_1Q, *GATES_2Q, *OTHERS}
    for name in circuit.count_ops():
        if name not in known:
            raise DriftError(
                f"Circuit {circuit.name!r} holds {name!r}; transpile it to {' '.join(GATES_1Q + GATES_2Q)}."
            )
    if circuit.parameters:
        raise DriftError(
            f"Circuit {circuit.name!r} has free parameters, such as {circuit.parameters[0].name}; bind them."
        )


def _turned(circuit: QuantumCircuit, offsets_rad: FloatArray) -> QuantumCircuit:
    """Return the circuit with rotations that turn too far."""
    if not offsets_rad.any():
        return circuit
    turned = circuit.copy_empty_like()
    for instruction in circuit.data:
        gate = instruction.operation
        if gate.name in ROTATIONS:
            qubit = circuit.find_bit(instruction.qubits[0]).index
            gate = gate.to_mutable()
            gate.params = [float(gate.params[0]) + float(offsets_rad[qubit]), *gate.params[1:]]
        turned.append(gate, instruction.qubits, instruction.clbits)
    return turned


def _gates(circuit: QuantumCircuit) -> set[PlacedGate]:
    """Return the gates of a circuit that are followed by noise."""
    return {
        (instruction.operation.name, tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits))
        for instruction in circuit.data
        if instruction.operation.name not in OTHERS
    }


def _measured(circuit: QuantumCircuit) -> list[int]:
    """Return the classical bits that hold outcomes."""
    measurements = (item for item in circuit.data if item.operation.name == "measure")
    return sorted({circuit.find_bit(bit).index for item in measurements for bit in item.clbits})


def _sample(machine: _Machine, tasks: list[_Task], pubs: list[SamplerPub]) -> PrimitiveResult[SamplerPubResult]:
    """Return what a sampler returns."""
    return sampler_result(pubs, machine.simulate(tasks))


def _result(job_id: str, outcomes: Sequence[BoolArray], tasks: Sequence[_Task], memory: bool) -> Result:
    """Return what a backend returns."""
    experiments = []
    for bits, task in zip(outcomes, tasks, strict=True):
        packed = np.packbits(bits, axis=1, bitorder="little")
        words = [hex(int.from_bytes(row.tobytes(), "little")) for row in packed]
        names, counts = np.unique(words, return_counts=True)
        data: dict[str, Any] = {"counts": dict(zip(names.tolist(), counts.tolist(), strict=True))}
        header = {
            "name": task.circuit.name,
            "memory_slots": task.circuit.num_clbits,
            "n_qubits": task.circuit.num_qubits,
            "creg_sizes": [[register.name, register.size] for register in task.circuit.cregs],
            "qreg_sizes": [[register.name, register.size] for register in task.circuit.qregs],
            "metadata": task.circuit.metadata,
        }
        experiments.append(
            {
                "shots": task.shots,
                "success": True,
                "data": data | ({"memory": words} if memory else {}),
                "header": header,
            }
        )
    now = datetime.now(UTC).isoformat()
    return Result.from_dict(
        {"backend_name": "drifting", "job_id": job_id, "success": True, "results": experiments, "date": now}
    )


class _Finished(JobV1):
    """A job that is done when it is made."""

    def __init__(self, backend: DriftingBackend, result: Result) -> None:
        super().__init__(backend, result.job_id)
        self._result = result

    def submit(self) -> None:
        pass

    def result(self) -> Result:
        return self._result

    def status(self) -> JobStatus:
        return JobStatus.DONE


def _target(num_qubits: int) -> Target:
    gates = get_standard_gate_name_mapping()
    target = Target(num_qubits=num_qubits)
    for name in (*GATES_1Q, *GATES_2Q, "measure", "reset"):
        if num_qubits > 1 or name not in GATES_2Q:
            target.add_instruction(gates[name], name=name)
    return target
