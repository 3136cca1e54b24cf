"""Collects the instructions of a program: numbers ancillas, merges one-qubit gates, drops moves that go nowhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..arch.device import FPQA
from ..arch.program import (
    CircuitInfo,
    Event,
    Instruction,
    Measure,
    Move,
    Program,
    Raman,
    Release,
    RoutedBlock,
    Routing,
    Rydberg,
)
from ..arch.unitary import HADAMARD, Angles, matmul, u_angles, u_matrix
from .blocks import GateBlock, num_pulses
from .front import Front

NEGLIGIBLE = 1e-12
"""Phases of fewer radians are rounding errors."""

MOST_REASONS = 2
"""Of blocks that are summed up, so many reasons are kept."""


@dataclass(slots=True)
class _Tally:
    """What a block has taken so far."""

    kind: str
    router: str
    why: list[str] = field(default_factory=list)
    qubits: set[int] = field(default_factory=set)
    size: int = 0
    depth: int = 0
    num_2q: int = 0


class ProgramBuilder:
    """Appends instructions one by one.

    One-qubit gates wait until a pulse takes one of their atoms; then all of them run in one Raman layer. Gates that
    meet on an atom meanwhile become one. Phases on data qubits commute with every pulse and wait for the next gate of
    their qubit.

    Args:
        device: The machine.
        sites: (row, col) of each data qubit.
        aods: The AODs whose lines are given, by number; those of several are numbered through, as many of each.
    """

    def __init__(self, device: FPQA, sites: Sequence[tuple[int, int]], aods: Sequence[int] = (0,)) -> None:
        self.device = device
        self.sites = tuple(sites)
        self.global_phase = 0.0  # by which the instructions fall short of what was appended
        self._aods = tuple(aods)
        self._ancillas: dict[tuple[int, int], int] = {}
        self._instructions: list[Instruction] = []
        self._lines: dict[int, tuple[tuple[float, ...], tuple[float, ...]]] = {}
        self._waiting: dict[int, Angles] = {}
        self._phase: dict[int, float] = {}
        self._flying: dict[int, int] = {}  # ancillas that have taken the place of data qubits
        self._released: set[int] = set()
        self._fence_of: dict[tuple[int, int], int] = {}
        self._passed: set[int] = set()
        self._tallies = [_Tally("gates", "")]

    def fresh(self) -> ProgramBuilder:
        """Return an empty builder for the same machine and sites."""
        return ProgramBuilder(self.device, self.sites, self._aods)

    def ancilla(self, row_line: int, col_line: int) -> int:
        """Return the atom at a crossing of the AOD; it is loaded when first asked for."""
        crossing = (row_line, col_line)
        if crossing not in self._ancillas:
            self._ancillas[crossing] = len(self.sites) + len(self._ancillas)
        return self._ancillas[crossing]

    @contextmanager
    def block(self, kind: str, router: str, why: str = "") -> Iterator[None]:
        """Count what is appended meanwhile as one block; see `RoutedBlock` for the arguments."""
        outer = self._tallies[-1]
        self._tallies.append(_Tally(kind, router, [why] if why else []))
        try:
            yield
        finally:
            self._tallies.append(_Tally(outer.kind, outer.router))

    def count(self, size: int, qubits: Iterable[int]) -> None:
        """Note how much of the circuit runs in this block: two-qubit gates or strings, and on which qubits."""
        self._tallies[-1].size += size
        self._tallies[-1].qubits.update(qubits)

    def count_gates(self, links: Sequence[tuple[int, int, int, float]]) -> None:
        """Note that these gates run in this block; see `controlled_phases` for the argument."""
        self.count(len(links), (qubit for _, source, target, _ in links for qubit in (source, target)))

    def note(self, why: str) -> None:
        """Note why this block has its router."""
        self._tallies[-1].why.append(why)

    def gate(self, atom: int, angles: Angles) -> None:
        """Append a one-qubit gate on an ancilla or a data qubit, wherever that is."""
        atom = self._flying.get(atom, atom)
        if atom in self._released:
            self._flush()
        theta, phi, lam = angles
        lam += self._phase.pop(atom, 0.0)
        before = self._waiting.pop(atom, None)
        if before is not None:
            theta, phi, lam, alpha = u_angles(matmul(u_matrix(theta, phi, lam), u_matrix(*before)))
            self.global_phase += alpha
        if theta != 0.0 or not _is_negligible(phi + lam):
            self._waiting[atom] = (theta, phi, lam)

    def phase(self, atom: int, angle: float) -> None:
        """Append a phase gate, which may wait for the next gate of its atom."""
        atom = self._flying.get(atom, atom)
        self._phase[atom] = self._phase.get(atom, 0.0) + angle

    def rz(self, atom: int, angle: float) -> None:
        """Append RZ(angle)."""
        self.phase(atom, angle)
        self.global_phase -= angle / 2

    def begin(self, block: GateBlock) -> None:
        """Append the gates that open the first segments of a block."""
        self._fence_of = {member: number for number, fence in enumerate(block.fences) for member in fence}
        self._passed.clear()
        self.open_segments(block, ((qubit, 0) for qubit in range(block.num_qubits)))

    def open_segments(self, block: GateBlock, segments: Iterable[tuple[int, int]]) -> None:
        """Append the gates that open these segments (qubit, index) of a block, behind the barriers they wait for."""
        for qubit, segment in segments:
            fence = self._fence_of.get((qubit, segment))
            if fence is not None and fence not in self._passed:
                self._passed.add(fence)
                self._flush()
            angles = block.openings[qubit][segment]
            if angles is not None:
                self.gate(qubit, angles)

    def close(self, block: GateBlock) -> None:
        """Append the phases that end a block."""
        for qubit, angle in enumerate(block.closings):
            self.phase(qubit, angle)

    def run_one_qubit_gates(self, block: GateBlock) -> None:
        """Append a block without two-qubit gates."""
        self.begin(block)
        self.open_segments(block, Front(block).advance(range(block.num_qubits)))
        self.close(block)

    def flush_phases(self) -> None:
        """Run the phases that are still waiting."""
        for atom, angle in sorted(self._phase.items()):
            if not _is_negligible(angle):
                self._phase[atom] = 0.0
                self.gate(atom, (0.0, 0.0, angle))
        self._phase.clear()
        self._flush()

    def pulse(
        self,
        rows_um: Sequence[float],
        cols_um: Sequence[float],
        pairs: Iterable[tuple[int, int]],
        angle_of: Mapping[tuple[int, int], float] | None = None,
    ) -> None:
        """Move the lines, run the one-qubit gates these pairs wait for, and fire the Rydberg laser on them.

        Args:
            rows_um: Positions of the row lines.
            cols_um: Positions of the column lines.
            pairs: The pairs of atoms.
            angle_of: Controlled phase of each pair, the smaller atom first; a CZ on all if left out.
        """
        pairs = tuple(sorted((min(pair), max(pair)) for pair in pairs))
        if self._released or any(atom in self._waiting for pair in pairs for atom in pair):
            self._flush()
        num_rows, num_cols = (len(lines) // len(self._aods) for lines in (rows_um, cols_um))
        for k, aod in enumerate(self._aods):
            lines = tuple(rows_um[k * num_rows :][:num_rows]), tuple(cols_um[k * num_cols :][:num_cols])
            if lines != self._lines.get(aod):
                self._instructions.append(Move(aod, *lines))
                self._lines[aod] = lines
        self._tallies[-1].depth += bool(pairs)
        self._tallies[-1].num_2q += len(pairs)
        self._instructions.append(Rydberg(pairs, tuple(angle_of[pair] for pair in pairs) if angle_of else ()))

    def cx(
        self,
        rows_um: Sequence[float],
        cols_um: Sequence[float],
        links: Iterable[tuple[int, int]],
        others: Iterable[tuple[int, int]] = (),
    ) -> None:
        """Run CNOTs (control, target) in one pulse, and a CZ on each other pair that is close."""
        links = tuple(links)
        for _, target in links:
            self.gate(target, HADAMARD)
        self.pulse(rows_um, cols_um, (*links, *others))
        for _, target in links:
            self.gate(target, HADAMARD)

    def lift(self, rows_um: Sequence[float], cols_um: Sequence[float], copies: Mapping[int, int]) -> None:
        """Move data qubits into ancillas beside them (qubit: ancilla), in two pulses; their atoms are in |0> then."""
        self.cx(rows_um, cols_um, copies.items())
        self.cx(rows_um, cols_um, [(ancilla, qubit) for qubit, ancilla in copies.items()])
        self._flying.update(copies)

    def land(self, rows_um: Sequence[float], cols_um: Sequence[float], copies: Mapping[int, int]) -> None:
        """Undo `lift`, and release the ancillas."""
        for qubit in copies:
            del self._flying[qubit]
        self.cx(rows_um, cols_um, [(ancilla, qubit) for qubit, ancilla in copies.items()])
        self.cx(rows_um, cols_um, copies.items())
        self.release(copies.values())

    def controlled_phases(
        self,
        rows_um: Sequence[float],
        cols_um: Sequence[float],
        links: Iterable[tuple[int, int, int, float]],
        strays: Sequence[tuple[int, int]] = (),
    ) -> int:
        """Run controlled phases between far qubits at one standing position of the lines.

        One pulse does where the machine can (see `num_pulses`). Otherwise every copy takes in the value of its target,
        is turned by an angle that acts on the parity of the two, and gives the value back, in two pulses;
        x + y - 2 x y is the parity of x and y.

        Args:
            rows_um: Positions of the row lines.
            cols_um: Positions of the column lines.
            links: (ancilla, source, target, angle): the ancilla is a copy of the source and stands beside the target.
            strays: Further pairs (ancilla, target) that are close, on which nothing happens.

        Returns:
            The number of pulses.
        """
        links = tuple(links)
        self.count_gates(links)
        pairs = [*((ancilla, target) for ancilla, _, target, _ in links), *strays]
        if num_pulses(self.device, [angle for *_, angle in links], strays=bool(strays)) == 1:
            self.pulse(rows_um, cols_um, pairs, self._native_angles(links, strays))
            return 1
        for ancilla, *_ in links:
            self.gate(ancilla, HADAMARD)
        self.pulse(rows_um, cols_um, pairs)
        for ancilla, source, target, angle in links:
            self.gate(ancilla, (-angle / 2, -math.pi / 2, math.pi / 2))
            self.phase(source, angle / 2)
            self.phase(target, angle / 2)
            self.global_phase -= angle / 4
        self.pulse(rows_um, cols_um, pairs)
        for ancilla, *_ in links:
            self.gate(ancilla, HADAMARD)
        return 2

    def _native_angles(
        self, links: Sequence[tuple[int, int, int, float]], strays: Sequence[tuple[int, int]]
    ) -> dict[tuple[int, int], float]:
        """The angle of each pair in a single pulse; none where all are CZ."""
        if not strays and all(angle == math.pi for *_, angle in links):
            return {}
        same = None if self.device.rydberg.individual_phases else links[0][3]  # not even rounding errors may differ
        angles = {(target, ancilla): angle if same is None else same for ancilla, _, target, angle in links}
        return angles | {(target, ancilla): 0.0 for ancilla, target in strays}

    def release(self, atoms: Iterable[int]) -> None:
        """Declare that ancillas are in |0> once the gates that wait have run."""
        self._released.update(atoms)

    def measure(self, measures: Iterable[tuple[int, int]]) -> None:
        """Measure data qubits into classical bits, given as (qubit, classical bit)."""
        measures = tuple(measures)
        if measures:
            self.event(Measure(tuple(q for q, _ in measures), tuple(c for _, c in measures)))

    def event(self, op: Event) -> None:
        """Append a measurement, a reset or a layer that has a condition, after all gates so far."""
        self.flush_phases()
        self._instructions.append(op)

    def build(self, circuit: CircuitInfo) -> Program:
        """Return the program."""
        self.flush_phases()
        return self.so_far(circuit)

    def so_far(self, circuit: CircuitInfo) -> Program:
        """Return the program as it is, without the gates that wait."""
        ancillas = tuple(map(self._place_of, self._ancillas))
        routing = Routing("", (), self.blocks())
        return Program(circuit, self.device, self.sites, ancillas, self._with_equal_lines(), routing=routing)

    def _place_of(self, crossing: tuple[int, int]) -> tuple[int, int, int]:
        """The AOD of a crossing, and its row and column there."""
        row, col = crossing
        if len(self._aods) == 1:
            return self._aods[0], row, col
        rows_um, cols_um = self._lines[self._aods[0]]
        return self._aods[row // len(rows_um)], row % len(rows_um), col % len(cols_um)

    def blocks(self) -> tuple[RoutedBlock, ...]:
        """Return what each block has taken, neighbours of one router summed up."""
        merged: list[tuple[_Tally, int]] = []
        for tally in self._tallies:
            if not tally.depth and not tally.size:
                continue
            if merged and (merged[-1][0].kind, merged[-1][0].router) == (tally.kind, tally.router):
                last, count = merged[-1]
                merged[-1] = _sum(last, tally), count + 1
            else:
                merged.append((tally, 1))
        return tuple(
            RoutedBlock(t.kind, t.router, len(t.qubits), t.size, t.depth, t.num_2q, _reasons(t.why), count)
            for t, count in merged
        )

    def _with_equal_lines(self) -> tuple[Instruction, ...]:
        """The instructions with as many lines in every move: those that a move leaves out wait outside the lattice."""
        moves = [op for op in self._instructions if isinstance(op, Move)]
        most_rows = max((len(move.rows_um) for move in moves), default=0)
        most_cols = max((len(move.cols_um) for move in moves), default=0)
        slm = self.device.slm
        return tuple(
            Move(
                op.aod,
                self._extend(op.aod, op.rows_um, most_rows, slm.rows),
                self._extend(op.aod, op.cols_um, most_cols, slm.cols),
            )
            if isinstance(op, Move)
            else op
            for op in self._instructions
        )

    def _extend(self, aod: int, lines_um: tuple[float, ...], count: int, num_sites: int) -> tuple[float, ...]:
        rydberg, slm = self.device.rydberg, self.device.slm
        gap = max(self.device.aods[aod].min_spacing_um, rydberg.min_atom_distance_um)
        first = max(lines_um[-1] + gap, (num_sites - 1) * slm.spacing_um + rydberg.safe_distance_um)
        return lines_um + tuple(first + k * gap for k in range(count - len(lines_um)))

    def _flush(self) -> None:
        if self._waiting:
            atoms = tuple(sorted(self._waiting))
            self._instructions.append(Raman(atoms, tuple(self._waiting[atom] for atom in atoms)))
            self._waiting.clear()
        if self._released:
            self._instructions.append(Release(tuple(sorted(self._released))))
            self._released.clear()


def _sum(a: _Tally, b: _Tally) -> _Tally:
    size, depth, num_2q = a.size + b.size, a.depth + b.depth, a.num_2q + b.num_2q
    return _Tally(a.kind, a.router, a.why + b.why, a.qubits | b.qubits, size, depth, num_2q)


def _reasons(why: list[str]) -> str:
    """Return the first reasons in one line."""
    different = list(dict.fromkeys(why))
    more = f"; and {len(different) - MOST_REASONS} more" if len(different) > MOST_REASONS else ""
    return "; ".join(different[:MOST_REASONS]) + more


def _is_negligible(angle: float) -> bool:
    return abs(math.remainder(angle, 2 * math.pi)) < NEGLIGIBLE
