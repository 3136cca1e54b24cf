"""Trainings described by a TOML file, as `qpilot disq run` takes them.

    seed = 7
    maxiter = 100
    hamiltonian = {kind = "tfim", num_qubits = 6}
    ansatz = {kind = "real_amplitudes", reps = 2}
    policy = [{kind = "DISQ", references = 1}, "GradientClip"]

    [machine]
    noise = ["Telegraph", {kind = "Bursts", depth = 0.4}]

`kind` says which one of several; what has no settings may be written as its name alone. The settings are those of the
classes and functions of `qpilot.disq`, whose documentation explains them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from operator import or_
from pathlib import Path
from typing import Literal

import msgspec
import networkx as nx
import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from ..arch.errors import DriftError, QPilotError
from ..arch.files import read_bytes
from ..convert import read_device
from ..frontend import read_circuit
from ..template import compile_template
from .auto import resolve_policy
from .backend import GATES_1Q, GATES_2Q, DriftingSampler
from .checkpoint import POLICIES
from .checks import check_integer
from .engine import FastEngine
from .fpqa import FPQAEvaluator
from .groups import Groups
from .hamiltonians import Mapping as FermionMapping
from .hamiltonians import maxcut, molecule, tfim
from .jobs import Evaluator, SamplerEvaluator, check_ansatz
from .loop import OPTIMIZERS, check_numbers
from .noise import Durations, Process, Static, Sum
from .policies import Floats, Policy
from .processes import Bursts, CoherentBursts, OrnsteinUhlenbeck, PublishedInjection, Telegraph
from .run import Budget
from .spsa import SPSA
from .tables import Chosen, Kinds, convert, make, make_all
from .traces import Trace

Find = Callable[[str], Path]
"""Finds a file by the name in a description."""

Entanglement = Literal["full", "linear", "reverse_linear", "pairwise", "circular", "sca"]

USUAL = Durations()

PROCESSES = (Static, Telegraph, OrnsteinUhlenbeck, Bursts, CoherentBursts, PublishedInjection)
"""Processes whose settings can stand in a file; Trace reads a file of its own."""


class Limits(msgspec.Struct, frozen=True):
    """The table `budget` of a file: what a training may use up; None for no limit."""

    circuits: int | None = None
    shots: int | None = None
    seconds: float | None = None


class Machine(msgspec.Struct, frozen=True):
    """The table `machine` of a file.

    Attributes:
        engine: One of fast, aer and fpqa: `FastEngine`, `DriftingSampler` and `FPQAEvaluator`.
        noise: Processes that add up, upon the noise of the device for fpqa, and upon `Static` for the others.
        seed: Seed of noise and shots; that of the training by default.
    """

    engine: Chosen = "fast"
    noise: Chosen | list[Chosen] = []
    seed: int | None = None


class File(msgspec.Struct, frozen=True):
    """A file as it is written.

    Attributes:
        hamiltonian: One of tfim, maxcut, molecule, terms and file.
        ansatz: One of real_amplitudes, efficient_su2, qaoa and qasm.
        machine: The simulated machine.
        x0: Parameters at the start, in the order of `ansatz.parameters`; by default drawn from -pi to pi.
        x0_seed: Seed by which they are drawn; that of the training by default.
        optimizer: As in `minimize`, or settings of SPSA.
        policy: Policies, one after the other; auto is one of them.
        maxiter: As in `minimize`.
        shots: As in `minimize`.
        budget: Limits beside `maxiter`.
        seed: As in `minimize`.
        out: Folder of the run.
    """

    hamiltonian: Chosen
    ansatz: Chosen
    machine: Machine = Machine()
    x0: list[float] | None = None
    x0_seed: int | None = None
    optimizer: Chosen = "spsa"
    policy: Chosen | list[Chosen] = "Plain"
    maxiter: int = 300
    shots: int = 1024
    budget: Limits = Limits()
    seed: int = 0
    out: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """A training that a file describes.

    Attributes:
        hamiltonian: The Hamiltonian.
        ansatz: The circuit, in gates that both engines know.
        x0: Parameters at the start.
        optimizer: Settings of SPSA, or the name of another optimizer.
        policy: The policy.
        process: The noise.
        evaluator: Returns the machine at its start, the same each time.
        file: The other values, as they were written.
        used: Files that were read beside this one.
    """

    hamiltonian: SparsePauliOp
    ansatz: QuantumCircuit
    x0: Floats
    optimizer: str | SPSA
    policy: Policy
    process: Process
    evaluator: Callable[[], Evaluator]
    file: File
    used: tuple[Path, ...]


def read_training(path: str | Path, *, copied: bool = False) -> Training:
    """Read the description of a training.

    Args:
        path: A TOML file.
        copied: Whether it is the copy in the folder of a run, where the files it names stand beside it.

    Raises:
        DriftError: The file is missing or is no such description; the message tells the place.
    """
    path = Path(path)
    used: list[Path] = []

    def find(name: str) -> Path:
        used.append(path.parent / (Path(name).name if copied else name))
        return used[-1]

    try:
        raw = tomllib.loads(read_bytes(path, DriftError).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DriftError(f"{path} is not valid TOML: {str(error).rstrip('.')}.") from None
    try:
        return _training(convert(raw, File, ""), find, used)
    except QPilotError as error:
        raise DriftError(f"{path}: {error}") from None


def _training(file: File, find: Find, used: list[Path]) -> Training:
    check_numbers(Budget(file.maxiter, *msgspec.structs.astuple(file.budget)), file.shots, file.seed)
    hamiltonians: Kinds = {
        "tfim": tfim,
        "maxcut": _maxcut,
        "molecule": _molecule,
        "terms": _terms,
        "file": partial(_terms_of_file, find),
    }
    hamiltonian = make(hamiltonians, file.hamiltonian, "hamiltonian")
    ansaetze: Kinds = {
        "real_amplitudes": partial(_real_amplitudes, hamiltonian),
        "efficient_su2": partial(_efficient_su2, hamiltonian),
        "qaoa": partial(_qaoa, hamiltonian),
        "qasm": partial(_qasm, find),
    }
    ansatz = make(ansaetze, file.ansatz, "ansatz")
    check_ansatz(ansatz, Groups.of(hamiltonian))
    ansatz = _translated(ansatz)
    names: Kinds = {name: partial(_itself, name) for name in OPTIMIZERS}
    optimizer = make({**names, "spsa": SPSA}, file.optimizer, "optimizer")
    policies: Kinds = {"auto": partial(resolve_policy, "auto", optimizer), **POLICIES}
    links = make_all(policies, file.policy, "policy")
    policy = resolve_policy(reduce(or_, links) if links else None, optimizer)
    process, evaluator = _machine(file, find, ansatz, Groups.of(hamiltonian))
    x0 = _start(file, ansatz)
    return Training(hamiltonian, ansatz, x0, optimizer, policy, process, evaluator, file, tuple(used))


def _machine(file: File, find: Find, ansatz: QuantumCircuit, groups: Groups) -> tuple[Process, Callable[[], Evaluator]]:
    """Return the noise, and what makes the machine."""
    processes: Kinds = {kind.__name__: kind for kind in PROCESSES} | {"Trace": partial(_trace, find)}
    parts = make_all(processes, file.machine.noise, "machine.noise")
    process = parts[0] if len(parts) == 1 else Sum(tuple(parts))
    seed = file.seed if file.machine.seed is None else file.machine.seed
    check_integer("machine.seed", seed, 0)
    task = (ansatz, groups, process, seed)
    engines: Kinds = {"fast": partial(_fast, *task), "aer": partial(_aer, *task), "fpqa": partial(_fpqa, find, *task)}
    evaluator = make(engines, file.machine.engine, "machine.engine")
    evaluator()  # refuses now what it cannot run
    return process, evaluator


def _start(file: File, ansatz: QuantumCircuit) -> Floats:
    """Return the parameters at the start."""
    if file.x0 is None:
        check_integer("x0_seed", file.x0_seed or 0, 0)
        rng = np.random.default_rng(file.seed if file.x0_seed is None else file.x0_seed)
        return np.asarray(rng.uniform(-np.pi, np.pi, ansatz.num_parameters))
    if file.x0_seed is not None:
        raise DriftError("there are x0 and x0_seed; give one of them.")
    if len(file.x0) != ansatz.num_parameters:
        raise DriftError(f"x0 has {len(file.x0)} values and the ansatz {ansatz.num_parameters} parameters.")
    return np.array(file.x0)


def _maxcut(edges: list[tuple[int, int]], weights: list[float] | None = None) -> SparsePauliOp:
    if min((min(edge) for edge in edges), default=0) < 0:
        raise DriftError("an edge has a negative node; nodes are numbered from 0.")
    if weights is not None and len(weights) != len(edges):
        raise DriftError(f"there are {len(edges)} edges and {len(weights)} weights.")
    graph: nx.Graph[int] = nx.empty_graph(1 + max((max(edge) for edge in edges), default=0))
    for (one, other), weight in zip(edges, weights or [1.0] * len(edges), strict=True):
        graph.add_edge(one, other, weight=weight)
    return maxcut(graph)


def _molecule(name: str, bond_length_angstrom: float, mapping: FermionMapping = "parity") -> SparsePauliOp:
    return molecule(name, bond_length_angstrom, mapping).hamiltonian


def _terms(terms: dict[str, float]) -> SparsePauliOp:
    from qiskit.exceptions import QiskitError

    if not terms:
        raise DriftError("there are no terms.")
    if len(set(map(len, terms))) > 1:
        raise DriftError(f"the Pauli strings differ in length: {', '.join(list(terms)[:3])}, ...")
    try:
        return SparsePauliOp.from_list(list(terms.items()))
    except QiskitError:
        wrong = next(label for label in terms if not label or set(label) - set("IXYZ"))
        raise DriftError(f"{wrong!r} is no Pauli string; it must consist of I, X, Y and Z.") from None


def _terms_of_file(find: Find, file: str) -> SparsePauliOp:
    try:
        return _terms(msgspec.json.decode(read_bytes(find(file), DriftError), type=dict[str, float]))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DriftError(f"{file} must hold one JSON object, a coefficient for each Pauli string: {error}.") from None


def _real_amplitudes(
    hamiltonian: SparsePauliOp, reps: int = 3, entanglement: Entanglement = "reverse_linear"
) -> QuantumCircuit:
    from qiskit.circuit.library import real_amplitudes

    check_integer("reps", reps, 0)
    return real_amplitudes(hamiltonian.num_qubits, entanglement, reps)


def _efficient_su2(
    hamiltonian: SparsePauliOp, reps: int = 3, entanglement: Entanglement = "reverse_linear"
) -> QuantumCircuit:
    from qiskit.circuit.library import efficient_su2

    check_integer("reps", reps, 0)
    return efficient_su2(hamiltonian.num_qubits, entanglement=entanglement, reps=reps)


def _qaoa(hamiltonian: SparsePauliOp, reps: int = 1) -> QuantumCircuit:
    from qiskit.circuit.library import qaoa_ansatz

    check_integer("reps", reps, 1)
    return qaoa_ansatz(hamiltonian, reps)


def _qasm(find: Find, file: str) -> QuantumCircuit:
    return read_circuit(find(file))


def _trace(find: Find, file: str) -> Trace:
    return Trace.load(find(file))


def _fast(
    ansatz: QuantumCircuit, groups: Groups, process: Process, seed: int, durations: Durations = USUAL
) -> Callable[[], Evaluator]:
    return partial(FastEngine, ansatz, groups, process, seed=seed, durations=durations)


def _aer(
    ansatz: QuantumCircuit, groups: Groups, process: Process, seed: int, durations: Durations = USUAL
) -> Callable[[], Evaluator]:
    def sampled() -> Evaluator:
        sampler = DriftingSampler(process, ansatz.num_qubits, seed=seed, durations=durations)
        return SamplerEvaluator(ansatz, groups, sampler)

    return sampled


def _fpqa(
    find: Find,
    ansatz: QuantumCircuit,
    groups: Groups,
    process: Process,
    seed: int,
    device: str | None = None,
    shot_gap_us: float = 10_000.0,
    job_gap_s: float = 5.0,
) -> Callable[[], Evaluator]:
    template = compile_template(ansatz, None if device is None else read_device(find(device)))
    noise = Static.of_device(template.program.device) + process
    return partial(FPQAEvaluator, template, groups, noise, seed=seed, shot_gap_us=shot_gap_us, job_gap_s=job_gap_s)


def _itself(name: str) -> str:
    return name


def _translated(ansatz: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit in gates that both engines know; those that are known already stay as they are."""
    from qiskit import transpile
    from qiskit.exceptions import QiskitError

    try:
        return transpile(ansatz, basis_gates=[*GATES_1Q, *GATES_2Q], optimization_level=0)
    except QiskitError as error:
        raise DriftError(f"ansatz: Qiskit cannot translate the circuit: {' '.join(str(error).split())}") from None
