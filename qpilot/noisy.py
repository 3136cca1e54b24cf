"""A program as a circuit with the errors of its machine, step by step, for Qiskit Aer."""

from __future__ import annotations

import heapq
import math
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

from qiskit.circuit import Reset
from qiskit.circuit.library import CPhaseGate, CZGate, Measure, UGate

from .arch import program as steps
from .arch.cost import instruction_times_us
from .arch.errors import CircuitError
from .arch.program import Program, check_structure
from .arch.to_qiskit import empty_circuit, tests

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qiskit import QuantumCircuit


def noisy_circuit(program: Program, *, noise: bool = True) -> QuantumCircuit:
    """Return a program as a circuit in which every error that the machine can make follows its cause.

    The numbers are those of `program.device`, the causes those that `program.metrics.fidelity` counts:

    * a pair of a Rydberg pulse is depolarised by the average infidelity 1 - `cz`;
    * an atom of a Raman layer, by 1 - `raman`;
    * a data atom or bright ancilla that a pulse excites without a partner, by 1 - `idle_rydberg`;
    * an atom that holds a state for a time t, while others move or are driven, is dephased: its coherence shrinks by
      exp(-t / T2);
    * an atom is flipped, before it is measured with probability 1 - `measure`, and after it is reset, 1 - `reset`.

    So an error hits a pair with probability 5/4 (1 - `cz`), an atom with 3/2 (1 - F), and one that waits with
    (1 - exp(-t / T2)) / 2. The estimate counts 1 - `cz`, 1 - F and t / T2, also where errors do not change the state.

    The qubits are the data qubits, in the registers of the source circuit, and as many more as ancillas are ever bright
    at once. A released ancilla is reset, so what is wrong with it ends there; on the machine it would spoil its next
    use. What has a condition makes its errors only where it is run.

    Args:
        program: A compiled program.
        noise: Whether the machine makes errors; without, the circuit is what an ideal machine would do.

    Returns:
        A circuit for `qiskit_aer.AerSimulator`, to be run without a noise model.

    Raises:
        ImportError: Qiskit Aer is not installed.
        ProgramError: The program is not well formed.
    """
    check_structure(program)
    constants = program.device.fidelity
    tape = _Tape(program.num_qubits, constants.t2_us if noise else math.inf)
    errors = {name: _depolarising(1 - getattr(constants, name), size) if noise else None for name, size in _CAUSES}
    flips = {name: _flip("X", 1 - getattr(constants, name)) if noise else None for name in ("measure", "reset")}
    for op, time_us in zip(program.instructions, instruction_times_us(program), strict=True):
        if isinstance(op, steps.Raman):
            tape.act(op.atoms, time_us)
            for atom, angles in zip(op.atoms, op.angles, strict=True):
                tape.write(UGate(*angles), [atom], condition=op.condition)
                tape.write(errors["raman"], [atom], condition=op.condition)
        elif isinstance(op, steps.Rydberg) and op.pairs:
            paired = [atom for pair in op.pairs for atom in pair]
            idle = sorted(set(tape.places) - set(paired))
            tape.act(paired, time_us)
            for k, pair in enumerate(op.pairs):
                tape.write(CPhaseGate(op.angles[k]) if op.angles else CZGate(), pair)
                tape.write(errors["cz"], pair)
            for atom in idle:
                tape.write(errors["idle_rydberg"], [atom])
        elif isinstance(op, steps.Release):
            tape.release(op.atoms, reset=noise)
        elif isinstance(op, steps.Measure):
            tape.act(op.atoms, time_us)
            for atom, clbit in zip(op.atoms, op.clbits, strict=True):
                tape.write(flips["measure"], [atom])
                tape.write(Measure(), [atom], [clbit])
        elif isinstance(op, steps.Reset):
            tape.act(op.atoms, time_us)
            for atom in op.atoms:
                tape.write(Reset(), [atom])
                tape.write(flips["reset"], [atom])
        tape.clock_us += time_us
    tape.act(list(tape.places), 0.0)
    circuit = empty_circuit(program.circuit, tape.num_places - program.num_qubits)
    for operation, qubits, clbits, condition in tape.written:
        with ExitStack() as conditions:
            for test in tests(circuit, condition):
                conditions.enter_context(circuit.if_test(test))
            circuit.append(operation, qubits, clbits)
    return circuit


def simulator() -> Any:
    """Return the simulator that runs these circuits.

    Raises:
        ImportError: Qiskit Aer is not installed.
    """
    return _aer().AerSimulator()


def simulate(aer: Any, circuits: Sequence[QuantumCircuit], **options: Any) -> Any:
    """Return the `qiskit.result.Result` of circuits on a `simulator`; `options` are those of its `run`.

    Raises:
        CircuitError: A circuit is too large for it.
    """
    result = aer.run(circuits, **options).result()
    if not result.success:
        raise CircuitError(f"Qiskit Aer could not run the job: {str(result.status).rstrip('.')}.")
    return result


_CAUSES = (("cz", 2), ("raman", 1), ("idle_rydberg", 1))


@dataclass(slots=True)
class _Tape:
    """Operations on the qubits that are in use: data atoms keep their numbers, bright ancillas take what is free.

    Attributes:
        num_qubits: Number of data atoms.
        t2_us: Coherence time.
        places: Qubit of each atom in use.
        num_places: Qubits that were ever needed.
        free: Qubits beyond those of the data atoms that are not in use.
        rests_us: Since when each atom in use has had nothing to do.
        clock_us: The time.
        written: Operations with their qubits, the classical bits they write, and the conditions they have.
    """

    num_qubits: int
    t2_us: float
    places: dict[int, int] = field(init=False)
    num_places: int = field(init=False)
    free: list[int] = field(default_factory=list)
    rests_us: dict[int, float] = field(init=False)
    clock_us: float = 0.0
    written: list[tuple[Any, list[int], Sequence[int], steps.Condition | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.places = {atom: atom for atom in range(self.num_qubits)}
        self.rests_us = dict.fromkeys(self.places, 0.0)
        self.num_places = self.num_qubits

    def act(self, atoms: Iterable[int], time_us: float) -> None:
        """Let atoms suffer what their waiting brought, and be busy for a time; ancillas turn bright by it."""
        for atom in atoms:
            if atom not in self.places:
                if not self.free:
                    heapq.heappush(self.free, self.num_places)
                    self.num_places += 1
                self.places[atom] = heapq.heappop(self.free)
            waited_us = self.clock_us - self.rests_us.get(atom, self.clock_us)
            if waited_us > 0:
                self.write(_dephasing(waited_us / self.t2_us), [atom])
            self.rests_us[atom] = self.clock_us + time_us

    def release(self, atoms: Iterable[int], *, reset: bool) -> None:
        """Take the qubits of ancillas back; without errors they are in |0>, and shots can share one simulation."""
        for atom in atoms:
            if atom in self.places:
                self.act([atom], 0.0)
                if reset:
                    self.write(Reset(), [atom])
                heapq.heappush(self.free, self.places.pop(atom))
                del self.rests_us[atom]

    def write(
        self,
        operation: Any,
        atoms: Iterable[int],
        clbits: Sequence[int] = (),
        condition: steps.Condition | None = None,
    ) -> None:
        """Append an operation; None is none."""
        if operation is not None:
            self.written.append((operation, [self.places[atom] for atom in atoms], clbits, condition))


@lru_cache(maxsize=1024)
def _depolarising(infidelity: float, num_qubits: int) -> Any:
    """Return depolarising noise of an average infidelity; None for 0."""
    if infidelity <= 0:
        return None
    nothing, *wrong = ("".join(letters) for letters in product("IXYZ", repeat=num_qubits))
    # Beyond 1 the channel would be none; such a gate leaves nothing.
    probability = min((1 + 0.5**num_qubits) * infidelity, 1 - 0.25**num_qubits)
    shares = [(label, probability / len(wrong)) for label in wrong]
    return _aer().noise.pauli_error([*shares, (nothing, 1 - probability)])


def _dephasing(share: float) -> Any:
    """Return the dephasing of an atom that has waited for a share of T2; None where it is nothing."""
    return _flip("Z", -math.expm1(-share) / 2)


@lru_cache(maxsize=4096)
def _flip(pauli: str, probability: float) -> Any:
    """Return the error that is a Pauli with some probability; None for 0."""
    if probability <= 0:
        return None
    return _aer().noise.pauli_error([(pauli, probability), ("I", 1 - probability)])


def _aer() -> Any:
    try:
        import qiskit_aer
    except ImportError:
        raise ImportError("Simulation takes Qiskit Aer; install it with: pip install 'qpilot[aer]'.") from None
    return qiskit_aer
