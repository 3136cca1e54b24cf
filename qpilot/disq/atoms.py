"""Programs with ancillas as steps on few registers: every atom holds a parity of them, under a frame.

An ancilla in use is a copy of data, or a parity of them, and no degree of freedom of its own. So a state of all atoms
is one of *registers*, at first one for each data qubit: atom a is V |parity of the registers in its mask, plus e_a>,
where the *frame* V is a fixed gate and the error e_a a bit. What a program does to the registers follows from the rules
of `qpilot.replay`, and so does what errors do: an X under the frame flips e_a, a Z is a Z on each register of the mask.
A gate that cannot be followed like this gives its atom a register of its own, until the atom is released.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..arch.cost import instruction_times_us
from ..arch.errors import DriftError
from ..arch.program import Instruction, Measure, Raman, Release, Rydberg, is_event
from ..formulas import angles_of
from ..template import Template
from .channels import ComplexArray, u_matrices
from .noise import FloatArray

MOST_REGISTERS = 14
"""Most registers that are simulated at a time."""

TOLERANCE = 1e-7
"""Angles closer than this, in radians, are the same."""

GENERIC_POINTS = 3
"""A number that is the same at so many random points is taken for a constant."""

IDENTITY: ComplexArray = np.eye(2, dtype=complex)
HADAMARD: ComplexArray = np.array([[1, 1], [1, -1]], dtype=complex) * complex(math.sqrt(0.5))


@dataclass(frozen=True, slots=True)
class Turn:
    """A gate on an atom that has a register to itself.

    Attributes:
        atom: The atom.
        register: Its register.
        gate: Number of the gate.
        frame: What the atom had been under.
        flipped: Whether the value of the atom is not that of the register.
    """

    atom: int
    register: int
    gate: int
    frame: ComplexArray
    flipped: bool


@dataclass(frozen=True, slots=True)
class Phase:
    """A gate on an atom that shares its registers, or a diagonal one: what it does to them is a phase on its value.

    Attributes:
        atom: The atom.
        mask: Registers whose parity it holds, as bits.
        flipped: Whether its value is the other one of the parity.
        gate: Number of the gate.
        frame: What the atom was under before the gate.
        kind: Whether gate and frame together keep the value, exchange it, or leave the atom under a frame again.
    """

    atom: int
    mask: int
    flipped: bool
    gate: int
    frame: ComplexArray
    kind: Literal["diagonal", "antidiagonal", "turned"]

    def angles(self, gates: ComplexArray) -> FloatArray:
        """Return the phase for some matrices of the gate, shape (k, 2, 2), in radians, shape (k,)."""
        _, phi, lam, _ = np.moveaxis(_angles(gates @ self.frame), -1, 0)
        if self.kind == "antidiagonal":
            return np.asarray(np.pi - phi)
        return np.asarray(lam - np.pi if self.kind == "turned" else phi + lam)


@dataclass(frozen=True, slots=True)
class Multiply:
    """A controlled phase of two atoms that hold parities.

    Attributes:
        atoms: The atoms.
        masks: Registers whose parities they hold, as bits.
        flipped: Whether their values are the others of the parities.
        pair: Number of the pair in the program, if the phase is not that of a CZ.
    """

    atoms: tuple[int, int]
    masks: tuple[int, int]
    flipped: tuple[bool, bool]
    pair: int = -1


@dataclass(frozen=True, slots=True)
class Take:
    """An atom takes the value of another one into its own."""

    atom: int
    other: int


@dataclass(frozen=True, slots=True)
class Grow:
    """An atom gets a register of its own, the highest; before, it held the parity of `mask` under a frame."""

    atom: int
    mask: int
    flipped: bool
    frame: ComplexArray


@dataclass(frozen=True, slots=True)
class Drop:
    """An atom is released; a register that it had to itself is measured, and those above move down."""

    atom: int
    register: int = -1


@dataclass(frozen=True, slots=True)
class Noise:
    """A place where an error may happen.

    Attributes:
        kind: After a gate on one atom or a pair, on an idle atom at a pulse, or in a time of waiting.
        atoms: The atoms.
        masks: Registers whose parities they hold, as bits.
        turned: Whether they are under a frame that exchanges X and Z.
        time_us: Time of waiting.
        axis: Axis about which the gate turned, if its atom is an ancilla or shares its registers.
    """

    kind: Literal["gate", "pair", "idle", "wait"]
    atoms: tuple[int, ...]
    masks: tuple[int, ...]
    turned: tuple[bool, ...]
    time_us: float = 0.0
    axis: Literal["", "X", "Y"] = ""


Step = Turn | Phase | Multiply | Take | Grow | Drop | Noise


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a program does, as steps on registers.

    Attributes:
        num_atoms: Number of atoms.
        num_qubits: Number of data qubits.
        most_registers: Most registers at a time.
        steps: The steps.
        registers: The register of each data atom in the end.
        flipped: Whether its value then is not that of the register.
        atom_of_gate: Atom of each one-qubit gate of the program, in order.
        turns: Whether each of them turns, in place of being diagonal in Z.
        followed: Whether it is a `Turn` of a data atom with a register to itself.
    """

    num_atoms: int
    num_qubits: int
    most_registers: int
    steps: tuple[Step, ...]
    registers: tuple[int, ...]
    flipped: tuple[bool, ...]
    atom_of_gate: NDArray[np.int64]
    turns: NDArray[np.bool_]
    followed: NDArray[np.bool_]

    @property
    def measures_ancillas(self) -> bool:
        """Whether an ancilla is released that has a register to itself."""
        return any(isinstance(step, Drop) and step.register >= 0 for step in self.steps)


def make_plan(template: Template) -> Plan:
    """Return what the programs of a template do, as steps on registers.

    Raises:
        DriftError: More registers are needed at a time than can be simulated, or an ancilla is released in another
            state than |0>.
    """
    return _Tracker(template).run()


@dataclass(frozen=True, slots=True, eq=False)
class Angles:
    """The angles of all gates of a program, those that depend on parameters as outputs of the template.

    Attributes:
        gates: Angles of the one-qubit gates in the order of the program, shape (gates, 3).
        pairs: Phases of the pairs in the order of the program, shape (pairs,).
        gate_slots: Gate, angle and output for each angle that depends on parameters, shape (slots, 3).
        pair_slots: Pair and output for each phase that does, shape (slots, 2).
    """

    gates: FloatArray
    pairs: FloatArray
    gate_slots: NDArray[np.int64]
    pair_slots: NDArray[np.int64]

    @classmethod
    def of(cls, template: Template) -> Angles:
        """Return the angles of a template."""
        gates: list[tuple[float, ...]] = []
        pairs: list[float] = []
        gate_slots, pair_slots = [], []
        slots = {slot.instruction: slot for slot in template.slots}
        for index, op in enumerate(template.program.instructions):
            slot = slots.get(index)
            if isinstance(op, Raman):
                for gate, numbers in zip(slot.gates, slot.outputs, strict=True) if slot else ():
                    gate_slots += [(len(gates) + gate, k, output) for k, output in enumerate(numbers) if output >= 0]
                gates += op.angles
            elif isinstance(op, Rydberg):
                for pair, (output,) in zip(slot.gates, slot.outputs, strict=True) if slot else ():
                    pair_slots.append((len(pairs) + pair, output))
                pairs += op.angles or [math.pi] * len(op.pairs)
        return cls(
            np.array(gates, dtype=float).reshape(-1, 3),
            np.array(pairs, dtype=float),
            np.array(gate_slots, dtype=np.int64).reshape(-1, 3),
            np.array(pair_slots, dtype=np.int64).reshape(-1, 2),
        )

    def at(self, outputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the angles of gates and pairs, shapes (k, gates, 3) and (k, pairs), for outputs at k points."""
        gates = np.tile(self.gates, (len(outputs), 1, 1))
        pairs = np.tile(self.pairs, (len(outputs), 1))
        gates[:, self.gate_slots[:, 0], self.gate_slots[:, 1]] = outputs[:, self.gate_slots[:, 2]]
        pairs[:, self.pair_slots[:, 0]] = outputs[:, self.pair_slots[:, 1]]
        return gates, pairs


class _Tracker:
    """Follows a program, atom by atom."""

    def __init__(self, template: Template) -> None:
        self.program = template.program
        points = np.random.default_rng(0).uniform(-3.0, 3.0, (GENERIC_POINTS, len(template.parameters)))
        angles, self.phases = Angles.of(template).at(template.outputs(points))
        self.gates = u_matrices(*angles.transpose(1, 0, 2).reshape(-1, 3).T).reshape(-1, GENERIC_POINTS, 2, 2)
        num_data, num_atoms = self.program.num_qubits, self.program.num_atoms
        self.masks = [1 << q if q < num_data else 0 for q in range(num_atoms)]
        self.flipped = [False] * num_atoms
        self.frames = [IDENTITY] * num_atoms
        self.turned_at = [-1] * num_atoms  # step at which the frame was put on; -1: there is none
        self.bright = [q < num_data for q in range(num_atoms)]
        self.waited_us = [0.0] * num_atoms
        self.num_registers = self.most = num_data
        if num_data > MOST_REGISTERS:
            raise _too_large()
        self.measured = False
        self.steps: list[Step] = []
        self.atom_of_gate: list[int] = []
        self.turns: list[bool] = []
        self.followed: list[bool] = []

    def _check_event(self, op: Instruction) -> None:
        """Refuse what makes the circuit more than a unitary: here programs are run on states, without outcomes."""
        if (is_event(op) and not isinstance(op, Measure)) or (self.measured and isinstance(op, (Raman, Rydberg))):
            raise DriftError(
                "The circuit measures, resets or decides in mid-circuit, which trainings cannot do; "
                "give one of gates and final measurements."
            )
        self.measured |= isinstance(op, Measure)

    def run(self) -> Plan:
        """Return the steps."""
        program, gate, pair = self.program, 0, 0
        for op, time_us in zip(program.instructions, instruction_times_us(program), strict=True):
            self._check_event(op)
            busy: set[int] = set()
            if isinstance(op, Raman):
                busy = set(op.atoms)
                for atom in op.atoms:
                    self._raman(atom, gate)
                    gate += 1
            elif isinstance(op, Rydberg) and op.pairs:
                busy = {atom for both in op.pairs for atom in both}
                for a, b in op.pairs:
                    self._pair(a, b, pair)
                    pair += 1
                for a, b in op.pairs:
                    self._noise("pair", a, b)
                for atom in range(program.num_atoms):
                    if self.bright[atom] and atom not in busy:
                        self._noise("idle", atom)
            elif isinstance(op, Release):
                for atom in op.atoms:
                    self._release(atom)
            for atom in range(program.num_atoms):
                if self.bright[atom] and atom not in busy:
                    self.waited_us[atom] += time_us
        for atom in range(program.num_qubits):
            self._wait(atom)
        return Plan(
            program.num_atoms,
            program.num_qubits,
            self.most,
            tuple(self.steps),
            *self._final(),
            np.array(self.atom_of_gate, dtype=np.int64),
            np.array(self.turns, dtype=np.bool_),
            np.array(self.followed, dtype=np.bool_),
        )

    def _final(self) -> tuple[tuple[int, ...], tuple[bool, ...]]:
        data = range(self.program.num_qubits)
        if not all(self._is_alone(q) and self.turned_at[q] < 0 for q in data) or self.num_registers > len(data):
            raise DriftError("The program leaves an ancilla in another state than |0>; it cannot be simulated.")
        return tuple(self.masks[q].bit_length() - 1 for q in data), tuple(self.flipped[q] for q in data)

    def _is_alone(self, atom: int) -> bool:
        """Return whether an atom has one register, and has it to itself."""
        mask = self.masks[atom]
        return mask.bit_count() == 1 and not any(m & mask for other, m in enumerate(self.masks) if other != atom)

    def _raman(self, atom: int, gate: int) -> None:
        """Follow a gate on one atom."""
        self._wait(atom)
        self.bright[atom] = True
        frame, mask, flipped = self.frames[atom], self.masks[atom], self.flipped[atom]
        theta, phi, *_ = np.moveaxis(_angles(self.gates[gate] @ frame), -1, 0)
        alone = self._is_alone(atom)
        if (theta < TOLERANCE).all():
            self.steps.append(Phase(atom, mask, flipped, gate, frame, "diagonal"))
            self._set_frame(atom, None)
        elif alone:
            self.steps.append(Turn(atom, mask.bit_length() - 1, gate, frame, flipped))
            self.flipped[atom] = False
            self._set_frame(atom, None)
        elif (np.pi - theta < TOLERANCE).all():
            self.steps.append(Phase(atom, mask, flipped, gate, frame, "antidiagonal"))
            self.flipped[atom] = not flipped
            self._set_frame(atom, None)
        elif (abs(theta - np.pi / 2) < TOLERANCE).all() and (abs(np.exp(1j * (phi - phi[0])) - 1) < TOLERANCE).all():
            self.steps.append(Phase(atom, mask, flipped, gate, frame, "turned"))
            self._set_frame(atom, np.array([1.0, np.exp(1j * phi[0])])[:, None] * HADAMARD)
        else:
            self._grow(atom)
            self.steps.append(Turn(atom, self.num_registers - 1, gate, IDENTITY, False))
        own_theta, own_phi, *_ = _angles(self.gates[gate])[0]
        self.atom_of_gate.append(atom)
        self.turns.append(own_theta >= TOLERANCE)
        self.followed.append(alone and atom < self.program.num_qubits and isinstance(self.steps[-1], Turn))
        exactly = self.followed[-1] or not self.turns[-1]
        about_x = abs(math.sin(own_phi)) > abs(math.cos(own_phi))
        self._noise("gate", atom, axis="" if exactly else "X" if about_x else "Y")

    def _set_frame(self, atom: int, frame: ComplexArray | None) -> None:
        self.frames[atom] = IDENTITY if frame is None else frame
        self.turned_at[atom] = -1 if frame is None else len(self.steps)

    def _pair(self, a: int, b: int, pair: int) -> None:
        """Follow a CZ or controlled phase."""
        is_cz = bool((abs(np.exp(1j * self.phases[:, pair]) + 1) < TOLERANCE).all())
        turned = sorted((atom for atom in (a, b) if self.turned_at[atom] >= 0), key=lambda atom: self.turned_at[atom])
        for atom in turned[: len(turned) - is_cz]:  # a CZ takes one turned atom as it is
            self._grow(atom)
        if turned and is_cz:
            atom = turned[-1]
            other = b if atom == a else a
            self.steps.append(Take(atom, other))
            self.masks[atom] ^= self.masks[other]
            self.flipped[atom] ^= self.flipped[other]
            return
        masks, flipped = (self.masks[a], self.masks[b]), (self.flipped[a], self.flipped[b])
        self.steps.append(Multiply((a, b), masks, flipped, -1 if is_cz else pair))

    def _grow(self, atom: int) -> None:
        """Give an atom a register of its own."""
        if self.num_registers == MOST_REGISTERS:
            raise _too_large()
        self.steps.append(Grow(atom, self.masks[atom], self.flipped[atom], self.frames[atom]))
        self.masks[atom], self.flipped[atom] = 1 << self.num_registers, False
        self._set_frame(atom, None)
        self.num_registers += 1
        self.most = max(self.most, self.num_registers)

    def _release(self, atom: int) -> None:
        register = -1
        if self._is_alone(atom) and atom >= self.program.num_qubits:
            register = self.masks[atom].bit_length() - 1
            low = (1 << register) - 1
            self.masks = [mask & low | (mask & ~low) >> 1 for mask in self.masks]
            self.masks[atom] = 0
            self.num_registers -= 1
        elif self.masks[atom] or self.turned_at[atom] >= 0:
            raise DriftError(f"Ancilla atom {atom} is released in another state than |0>; it cannot be simulated.")
        self.steps.append(Drop(atom, register))
        self.flipped[atom], self.bright[atom], self.waited_us[atom] = False, False, 0.0
        self._set_frame(atom, None)

    def _wait(self, atom: int) -> None:
        if self.waited_us[atom]:
            self._noise("wait", atom, time_us=self.waited_us[atom])
            self.waited_us[atom] = 0.0

    def _noise(
        self,
        kind: Literal["gate", "pair", "idle", "wait"],
        *atoms: int,
        time_us: float = 0.0,
        axis: Literal["", "X", "Y"] = "",
    ) -> None:
        masks = tuple(self.masks[atom] for atom in atoms)
        turned = tuple(self.turned_at[atom] >= 0 for atom in atoms)
        self.steps.append(Noise(kind, atoms, masks, turned, time_us, axis))


def _too_large() -> DriftError:
    return DriftError(
        f"The program takes more than {MOST_REGISTERS} simulated qubits at a time, cat states of ancillas counted; use "
        "fewer data qubits, or router='generic'."
    )


def _angles(matrices: ComplexArray) -> FloatArray:
    """Return (theta, phi, lam, alpha) of matrices on a last axis; see `qpilot.arch.unitary.u_angles`."""
    return angles_of(matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 0], matrices[..., 1, 1])
