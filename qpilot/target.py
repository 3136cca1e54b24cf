"""What Qiskit's transpiler must know of a machine, and the stages that qpilot adds to it."""

from __future__ import annotations

import hashlib
import io
import math
from typing import Any

from qiskit import QuantumCircuit, qpy
from qiskit.circuit import IfElseOp, Parameter, Reset
from qiskit.circuit.library import CPhaseGate, CZGate, Measure, PauliEvolutionGate, UGate, UnitaryGate
from qiskit.converters import circuit_to_dag, dag_to_circuit
from qiskit.dagcircuit import DAGCircuit
from qiskit.quantum_info import Operator
from qiskit.synthesis import TwoQubitBasisDecomposer
from qiskit.transpiler import InstructionProperties, PassManager, PassManagerConfig, Target, TransformationPass
from qiskit.transpiler.passes import Collect2qBlocks
from qiskit.transpiler.preset_passmanagers import common, generate_preset_pass_manager
from qiskit.transpiler.preset_passmanagers.plugin import PassManagerStagePlugin

from .arch.device import FPQA
from .arch.errors import CircuitError, OptionError
from .arch.formats import program_from_json, program_to_json
from .arch.program import Program
from .compiler import compile as compile_circuit
from .machine import check_options

PLUGIN = "qpilot"
"""Name of our stages in Qiskit's transpiler."""

PROGRAM, SOURCE = "qpilot_program", "qpilot_source"
"""Keys of a circuit's metadata: the program as JSON text, and the digest of the circuit that it is of."""

EFFORTS = (1, 1, 1, 2)
"""Effort of `qpilot.compile` at each optimization level of the transpiler."""


class FPQATarget(Target):
    """What a machine runs: `u`, `measure`, `reset`, `if_else`, and `cz` and `cp` between any two qubits.

    Gates that are diagonal in Z are routed together, so `cp` stays whole, and `rzz` is translated into it: of two such
    gates Qiskit takes either at random, and a seed would not give the same program again. A `PauliEvolutionGate` stays
    whole too, as Pauli strings have a router of their own.

    Args:
        device: The machine.
        options: Arguments of `qpilot.compile`; the transpiler's optimization level sets `effort` where it is missing.

    Raises:
        OptionError: There is no such option, or it has no such value.

    Attributes:
        device: The machine.
        options: Arguments of `qpilot.compile`.
    """

    def __new__(cls, device: FPQA, options: dict[str, Any]) -> FPQATarget:
        """Make an empty target with a qubit for each site."""
        made: FPQATarget = super().__new__(cls, description=device.name, num_qubits=device.slm.num_sites)
        return made

    def __init__(self, device: FPQA, options: dict[str, Any]) -> None:
        check_options(options)
        self.device, self.options = device, options
        qubits = [(qubit,) for qubit in range(device.slm.num_sites)]
        raman = InstructionProperties(device.timing.raman_us * 1e-6, 1 - device.fidelity.raman)
        angles = [Parameter(name) for name in ("theta", "phi", "lam")]
        self.add_instruction(UGate(*angles), dict.fromkeys(qubits, raman))
        for event, time_us, success in (
            (Measure(), device.timing.measure_us, device.fidelity.measure),
            (Reset(), device.timing.reset_us, device.fidelity.reset),
        ):
            self.add_instruction(event, dict.fromkeys(qubits, InstructionProperties(time_us * 1e-6, 1 - success)))
        self.add_instruction(IfElseOp, name="if_else")
        # For any pair, as all pairs of 1000 qubits are too many; without durations, as moves take more time.
        for gate, pulses in ((CZGate(), 1), (CPhaseGate(angles[0]), 1 if device.native == "cphase" else 2)):
            self.add_instruction(gate, {None: InstructionProperties(error=1 - device.fidelity.cz**pulses)})
        self.add_instruction(PauliEvolutionGate, name="PauliEvolution")

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to make it again: the transpiler sends targets to other processes."""
        return FPQATarget, (self.device, self.options)


class TranslationStage(PassManagerStagePlugin):
    """Translates to the gates of an `FPQATarget`: Qiskit's own passes, and a CZ is written as such."""

    def pass_manager(
        self, pass_manager_config: PassManagerConfig, optimization_level: int | None = None
    ) -> PassManager:
        """Return the passes of the stage."""
        stage = common.generate_translation_passmanager(
            pass_manager_config.target,
            basis_gates=pass_manager_config.basis_gates,
            method="translator",
            approximation_degree=pass_manager_config.approximation_degree,
            unitary_synthesis_method=pass_manager_config.unitary_synthesis_method,
            unitary_synthesis_plugin_config=pass_manager_config.unitary_synthesis_plugin_config,
            hls_config=pass_manager_config.hls_config,
            qubits_initially_zero=pass_manager_config.qubits_initially_zero,
        )
        stage.append(WriteCZ())
        return stage


class SchedulingStage(PassManagerStagePlugin):
    """Compiles the circuit for the device of an `FPQATarget`, and lets it carry the program."""

    def pass_manager(
        self, pass_manager_config: PassManagerConfig, optimization_level: int | None = None
    ) -> PassManager:
        """Return the passes of the stage.

        Raises:
            OptionError: The target is not one of qpilot.
        """
        target = pass_manager_config.target
        if not isinstance(target, FPQATarget):
            raise OptionError("The scheduling stage 'qpilot' needs the target of an FPQABackend; transpile for one.")
        options = {"effort": EFFORTS[optimization_level or 0], "seed": pass_manager_config.seed_transpiler or 0}
        light = [Collect2qBlocks(), FewerCZ()] if optimization_level else []
        return PassManager([*light, CompileForFPQA(target.device, options | target.options)])


class WriteCZ(TransformationPass):
    """Writes a controlled phase of pi as a CZ."""

    def run(self, dag: DAGCircuit) -> DAGCircuit:
        """Return the circuit with its CZ gates."""
        for node in dag.named_nodes("cp"):
            if not node.is_parameterized() and abs(math.remainder(node.params[0] - math.pi, 2 * math.pi)) < 1e-12:
                dag.substitute_node(node, CZGate(), inplace=True)
        return dag


class FewerCZ(TransformationPass):
    """Writes gates between two qubits, one after the other, as CZ gates where these are fewer.

    The transpiler counts gates, and takes three `cp` for any gate of two qubits; but each of them is two CZ, and three
    CZ would do. What is diagonal in Z takes no fewer that way, and stays. It reads what `Collect2qBlocks` found.
    """

    def run(self, dag: DAGCircuit) -> DAGCircuit:
        """Return the circuit with no more CZ gates between any two qubits than needed."""
        decomposer = TwoQubitBasisDecomposer(CZGate(), euler_basis="U")
        for block in self.property_set["block_list"]:
            if any(node.op.name not in _GATES or node.is_parameterized() for node in block):
                continue
            found = sum(_num_cz(node.op) for node in block)
            if found < 2:
                continue
            qubits = sorted({qubit for node in block for qubit in node.qargs}, key=lambda q: dag.find_bit(q).index)
            places = {qubit: place for place, qubit in enumerate(qubits)}
            inner = QuantumCircuit(len(qubits))
            for node in block:
                inner.append(node.op, [places[qubit] for qubit in node.qargs])
            matrix = Operator(inner)
            if decomposer.num_basis_gates(matrix) < found:
                whole = dag.replace_block_with_op(block, UnitaryGate(matrix), places)
                dag.substitute_node_with_dag(whole, circuit_to_dag(decomposer(matrix)))
        return dag


_GATES = ("u", "cz", "cp")


def _num_cz(gate: Any) -> int:
    """Return how many CZ gates a gate of the target is."""
    if gate.name == "u":
        return 0
    phase = math.pi if gate.name == "cz" else gate.params[0]
    return 1 if abs(math.remainder(phase - math.pi, 2 * math.pi)) < 1e-9 else 2


class CompileForFPQA(TransformationPass):
    """Compiles a circuit with qpilot; the circuit stays as it is, and carries the program in its metadata.

    The program is also the entry "qpilot_program" of the property set. A circuit with free parameters carries none.

    Args:
        device: The machine.
        options: Arguments of `qpilot.compile`.
    """

    def __init__(self, device: FPQA, options: dict[str, Any]) -> None:
        super().__init__()
        self.device, self.options = device, options

    def run(self, dag: DAGCircuit) -> DAGCircuit:
        """Return the circuit with its program.

        Raises:
            QPilotError: The circuit cannot be compiled for the device.
        """
        circuit = dag_to_circuit(dag)
        if circuit.parameters:
            return dag
        program = compile_circuit(circuit, self.device, **self.options)
        self.property_set[PROGRAM] = program
        dag.metadata = (dag.metadata or {}) | {PROGRAM: program_to_json(program).decode(), SOURCE: digest(circuit)}
        return dag


def program_of(circuit: QuantumCircuit, device: FPQA | None = None) -> Program | None:
    """Return the program that a circuit carries from the transpiler; None if it has none, or was changed since.

    Args:
        circuit: The circuit.
        device: The machine that the program must be for; by default any will do.

    Raises:
        ProgramError: The program in its metadata is damaged.
    """
    text = (circuit.metadata or {}).get(PROGRAM)
    if text is None or circuit.metadata.get(SOURCE) != digest(circuit):
        return None
    program = program_from_json(text.encode(), f"The metadata of circuit {circuit.name!r}")
    return program if device is None or program.device == device else None


def digest(circuit: QuantumCircuit) -> str:
    """Return a number that tells circuits that do the same steps from others, whatever their names and metadata."""
    bare = circuit.copy()
    bare.name, bare.metadata = "", {}
    data = io.BytesIO()
    qpy.dump(bare, data)
    return hashlib.sha256(data.getvalue()).hexdigest()


def pass_manager(device: FPQA, *, optimization_level: int = 2, seed: int = 0, **options: Any) -> FPQAPassManager:
    """Return a pass manager of Qiskit that lowers circuits to programs.

    Qiskit's passes come first, at their optimization level; gates diagonal in Z and evolutions under Pauli strings stay
    whole.

    Args:
        device: The machine.
        optimization_level: Of Qiskit, 0 to 3; level 3 also compiles with effort 2, unless `effort` is given.
        seed: Seed of Qiskit's passes and of the compiler.
        **options: Other arguments of `qpilot.compile`.

    Returns:
        A pass manager whose `run` returns the `Program` of a circuit, or a list of them for many.

    Raises:
        OptionError: There is no such optimization level, or no such option.

    >>> import qpilot
    >>> bell = QuantumCircuit(2)
    >>> _ = bell.h(0), bell.cx(0, 1)
    >>> qpilot.pass_manager(qpilot.preset("enola", 2, 2)).run(bell).depth
    3
    """
    if optimization_level not in range(4):
        raise OptionError(f"optimization_level is {optimization_level!r}; it must be 0, 1, 2 or 3.")
    target = FPQATarget(device, options)
    stages = generate_preset_pass_manager(
        optimization_level,
        target=target,
        seed_transpiler=seed,
        translation_method=PLUGIN,
        scheduling_method=PLUGIN,
    )
    return FPQAPassManager(stages.to_flow_controller())


class FPQAPassManager(PassManager):
    """Lowers circuits to programs; see `pass_manager`."""

    def _passmanager_backend(self, passmanager_ir: DAGCircuit, in_program: QuantumCircuit, **kwargs: Any) -> Any:
        if self.property_set[PROGRAM] is None:
            raise CircuitError(f"Circuit {in_program.name!r} has free parameters; give them values first.")
        return self.property_set[PROGRAM]
