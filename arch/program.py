"""The program: what the machine does, step by step. Routers write it, everything else reads it.

Atoms are numbered: data qubit q is atom q and rests at `sites[q]`; ancilla k is atom `num_qubits + k` and sits at
the crossing `ancillas[k] = (aod, row, col)` of one AOD for the whole program.
"""

from __future__ import annotations

import math
from functools import cached_property
from importlib import import_module
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeGuard

import msgspec

from .device import FPQA, Native
from .errors import ProgramError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_LARGEST = 10**9  # of sites and lines, and um of line positions: far beyond any device, and safe to calculate with


class _Instruction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag=str.lower):
    """One step of a program."""


class Move(_Instruction, frozen=True):
    """Move the lines of one AOD to absolute positions; its first move places it.

    Attributes:
        aod: Index of the AOD in `device.aods`.
        rows_um: y of each row line, increasing.
        cols_um: x of each column line, increasing.
    """

    aod: int
    rows_um: tuple[float, ...]
    cols_um: tuple[float, ...]


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What classical bits must hold for a step to be done.

    Attributes:
        clbits: The bits, each once.
        values: The value of each of them, all at once.
    """

    clbits: tuple[int, ...]
    values: tuple[bool, ...]


class Raman(_Instruction, frozen=True, omit_defaults=True):
    """One-qubit gates, all at once: atom `atoms[i]` sees Qiskit's `UGate(*angles[i])`.

    Attributes:
        atoms: The atoms that are driven, each once.
        angles: (theta, phi, lam) for each of them, in radians.
        condition: On what outcomes the layer is run, on data atoms only; None: always.
    """

    atoms: tuple[int, ...]
    angles: tuple[tuple[float, float, float], ...]
    condition: Condition | None = None


class Rydberg(_Instruction, frozen=True, omit_defaults=True):
    """The global pulse: a CZ or controlled phase on each pair of atoms within the interaction radius.

    Attributes:
        pairs: Exactly these pairs.
        angles: The controlled phase of each pair, in radians; none at all where every pair sees a CZ.
    """

    pairs: tuple[tuple[int, int], ...]
    angles: tuple[float, ...] = ()


class Release(_Instruction, frozen=True):
    """Declare that these ancillas are back in |0>, and dark."""

    atoms: tuple[int, ...]


class Measure(_Instruction, frozen=True):
    """Measure `atoms[i]` in the Z basis into classical bit `clbits[i]`; data atoms only, at any time."""

    atoms: tuple[int, ...]
    clbits: tuple[int, ...]


class Reset(_Instruction, frozen=True):
    """Bring these data atoms to |0>, whatever state they are in."""

    atoms: tuple[int, ...]


Instruction = Move | Raman | Rydberg | Release | Measure | Reset

Event = Measure | Reset | Raman
"""A step that is no gate of fixed effect: a measurement, a reset, or a Raman layer that has a condition."""


def is_event(op: Instruction) -> TypeGuard[Event]:
    """Return whether an instruction is an `Event`."""
    return isinstance(op, (Measure, Reset)) or (isinstance(op, Raman) and op.condition is not None)


class CircuitInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a program keeps of the circuit it came from.

    Attributes:
        qregs: (name, size) of each quantum register, in order; empty where the qubits have no names.
        cregs: (name, size) of each classical register, in order.
        reordered: Whether Pauli strings that do not commute were run in another order, as the caller allowed.
    """

    name: str
    num_qubits: int
    num_clbits: int = 0
    global_phase: float = 0.0
    qregs: tuple[tuple[str, int], ...] = ()
    cregs: tuple[tuple[str, int], ...] = ()
    reordered: bool = False


class FidelityEstimate(msgspec.Struct, frozen=True):
    """Estimated success probability of a program, and its factors by cause.

    `total` charges idle excitation to data atoms and bright ancillas; `total_all_atoms` charges dark ancillas as well.
    See `qpilot.arch.cost.compute_metrics`.
    """

    total: float
    two_qubit: float
    one_qubit: float
    idle_excitation: float
    decoherence: float
    transfer: float
    total_all_atoms: float
    measurement: float = 1.0


class Metrics(msgspec.Struct, frozen=True):
    """What a program costs.

    Attributes:
        depth: Rydberg pulses with at least one pair.
        num_2q: Pairs summed over the pulses, those with a controlled phase of zero included.
        num_1q: One-qubit gates.
        num_moves: Moves, the placing ones left out.
        duration_us: Time from the first move to the last instruction.
        fidelity: Estimated success probability, by cause.
        depth_with_1q: Rydberg pulses and Raman layers together, the metric of arXiv 2311.16190.
        num_ancillas: Ancilla atoms the program uses.
        compile_s: Time the compilation took; None where it is not known, as in a saved file.
        native: Native gate of the device: "cz" or "cphase".
        reordered: Whether Pauli strings that do not commute were run in another order.
    """

    depth: int
    num_2q: int
    num_1q: int
    num_moves: int
    duration_us: float
    fidelity: FidelityEstimate
    depth_with_1q: int
    num_ancillas: int
    compile_s: float | None = None
    native: Native = "cz"
    reordered: bool = False


class RoutedBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A stretch of a circuit, and the router that took it.

    Attributes:
        kind: "gates", "diagonal" (gates that all commute) or "strings" (rotations about Pauli strings).
        router: "rounds" or "paper" for gates, "diagonal" for diagonal blocks, "cats" or "one by one" for strings.
        num_qubits: Qubits that the stretch acts on.
        size: Number of two-qubit gates of the circuit, or of strings.
        depth: Rydberg pulses spent.
        num_2q: Two-qubit gates spent.
        why: Why this router, in a few words; empty if there was no choice.
        count: Number of neighbouring blocks that are summed up here.
    """

    kind: str
    router: str
    num_qubits: int
    size: int
    depth: int
    num_2q: int
    why: str = ""
    count: int = 1


class TriedWay(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A way to route the whole circuit that was tried.

    Attributes:
        name: What was done with the blocks.
        depth: Rydberg pulses.
        num_2q: Two-qubit gates.
        finished: Whether it was routed to the end; else it was given up when it had cost more than a better way.
    """

    name: str
    depth: int
    num_2q: int
    finished: bool = True


class Routing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a program came about: which router took which block, and what else was tried.

    Attributes:
        objective: By what the best way was chosen.
        tried: The ways to route the circuit; the first is the one of this program.
        blocks: Stretches of the circuit, in order, neighbours of one router summed up.
    """

    objective: str
    tried: tuple[TriedWay, ...]
    blocks: tuple[RoutedBlock, ...]


class Program(msgspec.Struct, frozen=True, dict=True, eq=False):
    """A compiled program. It never changes; programs are equal if they do the same, however they came about.

    Attributes:
        circuit: Names and sizes kept from the source circuit.
        device: The machine the program is for.
        sites: (row, col) of each data qubit.
        ancillas: (aod, row line, column line) of each ancilla.
        instructions: The steps, in order.
        compile_s: Time the compilation took; None where it is not known.
        routing: Which router took which block, and why; None where it is not known.
    """

    circuit: CircuitInfo
    device: FPQA
    sites: tuple[tuple[int, int], ...]
    ancillas: tuple[tuple[int, int, int], ...]
    instructions: tuple[Instruction, ...]
    compile_s: float | None = None
    routing: Routing | None = None

    def __eq__(self, other: object) -> bool:
        """Return whether the other is the same program, however it was compiled."""
        return self._key() == other._key() if isinstance(other, Program) else NotImplemented

    def __hash__(self) -> int:
        """Return a hash that equal programs share."""
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return self.circuit, self.device, self.sites, self.ancillas, self.instructions

    @property
    def num_qubits(self) -> int:
        """Number of data qubits."""
        return self.circuit.num_qubits

    @property
    def num_atoms(self) -> int:
        """Number of data atoms and ancillas."""
        return self.circuit.num_qubits + len(self.ancillas)

    @property
    def depth(self) -> int:
        """Number of Rydberg pulses with at least one pair."""
        return self.metrics.depth

    @cached_property
    def metrics(self) -> Metrics:
        """Depth, gate counts, moves, duration and estimated fidelity.

        Raises:
            ProgramError: The program is not well formed.
        """
        from .cost import compute_metrics

        return compute_metrics(self)

    def report(self) -> str:
        """Return a text that says which router took which block of the circuit, and why."""
        from .report import report_routing

        return report_routing(self)

    def save(self, path: str | Path) -> None:
        """Write the program as JSON (format version 1), compressed where the name ends in .gz.

        The file appears whole or not at all. Equal compilations give equal bytes: the compile time is not written.

        Raises:
            ProgramError: The folder is missing or not writable.
        """
        from .formats import save_program

        save_program(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Program:
        """Read a program and check it: first its form, then the rules of its device.

        Raises:
            ProgramError: The file is missing, damaged, of another format or version, or describes an illegal program.
        """
        from .formats import load_program

        return load_program(path)

    def to_circuit(self) -> QuantumCircuit:
        """Return the program as a circuit of u, cz and cp gates on the data qubits and a register of ancillas.

        Moves leave no trace; a release becomes nothing, since the ancilla is |0> by then. A layer with a condition is
        an `if_test`, and one in another where the condition is on several bits that are no register. The data qubits
        and classical bits keep the registers of the source circuit, so the result runs wherever the source did.
        """
        from .to_qiskit import program_to_circuit

        return program_to_circuit(self)

    def to_qasm(self) -> str:
        """Return the program as OpenQASM 3 on physical qubits, which says all that the program says.

        Atom k is $k. Each Raman layer, Rydberg pulse, measurement and reset stands behind a barrier of all atoms.
        Annotations of the barrier tell what happens there, as JSON with the keys of the program format: `@qpilot.move`,
        `@qpilot.release`, then `@qpilot.raman` or `@qpilot.rydberg` with its number, counted from 1, `@qpilot.measure`
        or `@qpilot.reset`; those of the first also give `@qpilot.device`, `@qpilot.sites` and `@qpilot.ancillas`. A
        Rydberg pulse without pairs has no number. The gates of a layer that has a condition are in an `if` for each of
        its bits. Readers that know no annotations see the circuit of `to_circuit`.

        A program measures into the classical registers of the source; a name that OpenQASM 3 does not allow is changed.

        Raises:
            ProgramError: The program is not well formed.
        """
        from .to_qasm import program_to_qasm

        return program_to_qasm(self)

    def to_bloqade(self) -> str:
        """Return the program as Python source for bloqade-shuttle, the language of QuEra for AOD lines and pulses.

        The text defines a machine, `arch`, and a kernel, `main`, which returns what was measured in the order of the
        classical bits. Lengths are in um, angles in radians. bloqade-shuttle can say all but this:

        * Atoms begin in fixed traps: the ancillas are taken up where their AOD is placed first.
        * A pulse acts on all pairs that are close; which ones is a comment. It is a CZ: no phases by other angles.
        * One-qubit gates of a Raman layer, and measurements, stand one after the other.
        * One AOD moves; times, fidelities and the global phase are lost.
        * Resets and layers that have a condition are not written.

        Raises:
            ProgramError: The program is not well formed, or has what is not written.

        References:
            https://queracomputing.github.io/bloqade-shuttle
        """
        from .to_bloqade import program_to_bloqade

        return program_to_bloqade(self)

    def to_naviz(self, path: str | Path) -> tuple[Path, Path, Path]:
        """Write the program for MQT NAViz, an independent viewer: instructions, machine and style.

        Raises:
            ProgramError: The program is not well formed, or the folder is missing or not writable.
        """
        written: tuple[Path, Path, Path] = _viewers().to_naviz(self, path)
        return written

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the summary, and a page that plays the program unless it is very large."""
        html: str = _viewers().notebook_html(self)
        return html

    def _repr_png_(self) -> bytes | None:
        """Return what is shown where pages cannot be, such as in print: a picture of one pulse; none of large ones."""
        picture: bytes | None = _viewers().picture(self, dpi=100) if self.num_qubits <= MOST_PICTURED else None
        return picture

    def __str__(self) -> str:
        """Return the summary that `print(program)` shows."""
        from .report import summarize

        return summarize(self)

    def __repr__(self) -> str:
        """Return one line that names the circuit, the device and the size."""
        return (
            f"<Program {self.circuit.name!r}: {self.num_qubits} qubits on {self.device.name!r}, "
            f"{len(self.ancillas)} ancillas, {len(self.instructions)} instructions>"
        )


MOST_PICTURED = 100
"""Most qubits of a program that a notebook draws beside the page, which takes time."""


def _viewers() -> ModuleType:
    """Return `qpilot.visualize`, a layer above this one: loaded by name, and only when somebody looks."""
    return import_module("qpilot.visualize")


def check_structure(program: Program) -> None:
    """Check that every index and length of a program makes sense, so that later code may rely on it.

    Raises:
        ProgramError: The first fault, with the number of the instruction.
    """
    n, info = program.num_atoms, program.circuit
    if min(info.num_qubits, info.num_clbits) < 0:
        raise ProgramError("The circuit of the program has a negative number of qubits or classical bits.")
    for name, registers, size in (("qregs", info.qregs, info.num_qubits), ("cregs", info.cregs, info.num_clbits)):
        if any(count < 0 for _, count in registers) or (registers and sum(count for _, count in registers) > size):
            raise ProgramError(f"circuit.{name} names more bits than the {size} there are.")
    names = [name for name, _ in info.qregs + info.cregs]
    if len(set(names)) < len(names):
        raise ProgramError(f"Two registers of the circuit have the same name, among {', '.join(names)}.")
    if not math.isfinite(info.global_phase):
        raise ProgramError(f"circuit.global_phase is {info.global_phase}; it must be finite.")
    if len(program.sites) != info.num_qubits:
        raise ProgramError(f"The program has {len(program.sites)} sites for {info.num_qubits} qubits; give one each.")
    wrong = next((site for site in program.sites if max(map(abs, site)) > _LARGEST), None)
    if wrong is not None:
        raise ProgramError(f"A data qubit is at site {wrong}, which no device has.")
    num_aods = len(program.device.aods)
    for k, (aod, row, col) in enumerate(program.ancillas):
        if not (0 <= aod < num_aods and 0 <= row <= _LARGEST and 0 <= col <= _LARGEST):
            raise ProgramError(f"Ancilla {k} is at crossing {(aod, row, col)}, which the device does not have.")
    for index, op in enumerate(program.instructions):
        fault = _fault(op, n, info.num_qubits, info.num_clbits, num_aods)
        if fault:
            raise ProgramError(f"Instruction {index} ({type(op).__name__.lower()}): {fault}.")


def _fault(op: Instruction, num_atoms: int, num_qubits: int, num_clbits: int, num_aods: int) -> str | None:
    if isinstance(op, Move):
        if not 0 <= op.aod < num_aods:
            return f"there is no AOD {op.aod}"
        far = next((um for um in op.rows_um + op.cols_um if not abs(um) <= _LARGEST), None)  # or not a number
        return None if far is None else f"{far} um is no place for a line"
    atoms = [atom for pair in op.pairs for atom in pair] if isinstance(op, Rydberg) else list(op.atoms)
    if atoms and not (min(atoms) >= 0 and max(atoms) < num_atoms):
        wrong = next(atom for atom in atoms if not 0 <= atom < num_atoms)
        return f"there is no atom {wrong}; the atoms are 0 to {num_atoms - 1}"
    if isinstance(op, Rydberg):
        own = next((a for a, b in op.pairs if a == b), None)
        if own is not None:
            return f"atom {own} is paired with itself"
        if op.angles and len(op.angles) != len(op.pairs):
            return f"{len(op.pairs)} pairs but {len(op.angles)} angles"
        return None if math.isfinite(sum(op.angles)) else "an angle is not finite"
    if isinstance(op, Raman):
        if len(op.angles) != len(atoms):
            return f"{len(atoms)} atoms but {len(op.angles)} triples of angles"
        if not math.isfinite(sum(chain.from_iterable(op.angles))):
            return "an angle is not finite"
        return _fault_of_condition(op.condition, atoms, num_qubits, num_clbits) if op.condition else None
    if isinstance(op, Release) and atoms and min(atoms) < num_qubits:
        return f"atom {min(atoms)} is a data qubit; only ancillas are released"
    if isinstance(op, (Measure, Reset)) and atoms and max(atoms) >= num_qubits:
        verb = "measured" if isinstance(op, Measure) else "reset"
        return f"atom {max(atoms)} is an ancilla; only data qubits are {verb}"
    if isinstance(op, Measure):
        if len(op.clbits) != len(atoms):
            return f"{len(atoms)} atoms but {len(op.clbits)} classical bits"
        return _missing_clbit(op.clbits, num_clbits)
    return None


def _fault_of_condition(condition: Condition, atoms: list[int], num_qubits: int, num_clbits: int) -> str | None:
    if atoms and max(atoms) >= num_qubits:
        return f"atom {max(atoms)} is an ancilla; only data qubits are driven under a condition"
    if not condition.clbits or len(condition.clbits) != len(condition.values):
        return f"the condition has {len(condition.clbits)} classical bits and {len(condition.values)} values"
    if len(set(condition.clbits)) < len(condition.clbits):
        return "the condition names a classical bit twice"
    return _missing_clbit(condition.clbits, num_clbits)


def _missing_clbit(clbits: tuple[int, ...], num_clbits: int) -> str | None:
    missing = next((bit for bit in clbits if not 0 <= bit < num_clbits), None)
    return None if missing is None else f"there is no classical bit {missing}; the program has {num_clbits}"
