"""A machine as a backend of Qiskit: circuits are compiled by qpilot, and simulated with the errors of the machine."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, JobStatus, JobV1, Options
from qiskit.result import Result

from .arch.device import FPQA
from .arch.errors import CircuitError, OptionError
from .arch.program import Program
from .batches import compile_alike
from .noisy import noisy_circuit, simulate, simulator
from .target import PLUGIN, PROGRAM, FPQATarget, program_of

DEFAULT_SHOTS = 1024


class FPQABackend(BackendV2):
    """A neutral-atom machine, simulated: for `transpile`, `backend.run` and Qiskit's primitives.

    A circuit that was transpiled for the machine carries its program, and `run` simulates that one; any other circuit
    is compiled first. Every error is an instruction of its own, where the schedule causes it; see
    `qpilot.noisy_circuit`.

    Args:
        device: The machine; every site is a qubit.
        noise: Whether the machine makes errors.
        **options: Arguments of `qpilot.compile`, such as `effort` or `objective`.

    Raises:
        OptionError: There is no such option, or it has no such value.

    Attributes:
        device: The machine.

    >>> from qiskit import QuantumCircuit
    >>> import qpilot
    >>> backend = qpilot.FPQABackend(qpilot.preset("enola", 2, 2), noise=False)
    >>> bell = QuantumCircuit(2)
    >>> _ = bell.h(0), bell.cx(0, 1), bell.measure_all()
    >>> counts = backend.run(bell, shots=100, seed_simulator=1).result().get_counts()
    >>> sorted(counts), sum(counts.values())
    (['00', '11'], 100)
    """

    def __init__(self, device: FPQA, *, noise: bool = True, **options: Any) -> None:
        super().__init__(name=device.name, description="A neutral-atom machine, compiled for by qpilot and simulated.")
        self.device = device
        self._target = FPQATarget(device, options)
        self.set_options(noise=noise)

    def __repr__(self) -> str:
        """Return the name of the machine and its size."""
        return f"<FPQABackend {self.name!r}: {self.num_qubits} qubits>"

    @property
    def target(self) -> FPQATarget:
        """What the machine runs."""
        return self._target

    @property
    def max_circuits(self) -> None:
        """A job has no limit."""
        return

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=DEFAULT_SHOTS, memory=False, seed_simulator=None, noise=True)

    def get_translation_stage_plugin(self) -> str:
        """Return the name of the stage that translates circuits for this backend."""
        return PLUGIN

    def get_scheduling_stage_plugin(self) -> str:
        """Return the name of the stage that compiles circuits for this backend."""
        return PLUGIN

    def program(self, circuit: QuantumCircuit) -> Program:
        """Return the program that `run` simulates for a circuit by itself.

        Raises:
            QPilotError: The circuit cannot be compiled for the machine.
        """
        return self._programs([circuit])[0]

    def _programs(self, circuits: Sequence[QuantumCircuit]) -> list[Program]:
        wrong = next((circuit for circuit in circuits if not isinstance(circuit, QuantumCircuit)), None)
        if wrong is not None:
            raise CircuitError(f"A backend runs circuits, not {type(wrong).__name__}.")
        carried = [program_of(circuit, self.device) for circuit in circuits]
        others = [circuit for circuit, program in zip(circuits, carried, strict=True) if program is None]
        compiled = iter(compile_alike(others, self.device, self.target.options))
        return [program or next(compiled) for program in carried]

    def run(self, run_input: QuantumCircuit | Sequence[QuantumCircuit], **options: Any) -> JobV1:
        """Compile and simulate circuits, as one job.

        Circuits that differ in angles alone, such as those of a parameter sweep, are routed once for all.

        Args:
            run_input: A circuit or several, without free parameters.
            **options: `shots`, 1024 by default; `memory`, whether the result lists every shot; `seed_simulator`; and
                `noise`, whether the machine makes errors.

        Returns:
            A job that is under way; its `result()` is an ordinary `qiskit.result.Result`, or raises what went wrong.

        Raises:
            OptionError: There is no such option.
            ImportError: Qiskit Aer is not installed.
        """
        known = dict(self.options)
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise OptionError(f"FPQABackend.run has no option {unknown[0]!r}; it has {', '.join(known)}.")
        chosen = known | {name: value for name, value in options.items() if value is not None}  # primitives pass None
        circuits = [run_input] if isinstance(run_input, QuantumCircuit) else list(run_input)
        aer = simulator()
        job = _Job(self, str(uuid.uuid4()))
        job.start(lambda: self._simulate(job.job_id(), circuits, chosen, aer))
        return job

    def _simulate(self, job_id: str, circuits: Sequence[QuantumCircuit], options: dict[str, Any], aer: Any) -> Result:
        runs = []
        for circuit, program in zip(circuits, self._programs(circuits), strict=True):
            runs.append(noisy_circuit(program, noise=options["noise"]))
            runs[-1].metadata = {key: value for key, value in circuit.metadata.items() if key != PROGRAM}
        names = ("shots", "memory", "seed_simulator")
        result = simulate(aer, runs, **{name: options[name] for name in names})
        result.backend_name, result.job_id = self.name, job_id
        return result


class _Job(JobV1):
    """A job in a thread of its own."""

    def start(self, work: Any) -> None:
        executor = ThreadPoolExecutor(1)
        self._future: Future[Result] = executor.submit(work)
        executor.shutdown(wait=False)

    def submit(self) -> None:
        """Do nothing: the job runs from the start."""

    def result(self) -> Result:
        """Wait for the result, or raise what went wrong."""
        return self._future.result()

    def status(self) -> JobStatus:
        """Return whether the job runs, is done, or has failed."""
        if self._future.cancelled():
            return JobStatus.CANCELLED
        if not self._future.done():
            return JobStatus.RUNNING
        return JobStatus.DONE if self._future.exception() is None else JobStatus.ERROR

    def cancel(self) -> bool:
        """Cancel the job if it has not begun."""
        return self._future.cancel()
