"""Collects the instructions of a program: numbers ancillas, merges one-qubit layers, drops moves that go nowhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..arch.device import FPQA
from ..arch.program import CircuitInfo, Instruction, Measure, Move, Program, Raman, Release, Rydberg
from .blocks import Angles, GateBlock
from .front import Front

HADAMARD: Angles = (math.pi / 2, 0.0, math.pi)


class ProgramBuilder:
    """Appends instructions one by one.

    One-qubit gates wait until the next pulse, so that all of them run in as few Raman layers as possible. Phases on
    data qubits commute with every pulse and wait for the next gate of their qubit.
    """

    def __init__(self, device: FPQA, sites: Sequence[tuple[int, int]], aod: int = 0) -> None:
        self.device = device
        self.sites = tuple(sites)
        self._aod = aod
        self._ancillas: dict[tuple[int, int], int] = {}
        self._instructions: list[Instruction] = []
        self._lines: tuple[tuple[float, ...], tuple[float, ...]] | None = None
        self._layers: list[dict[int, Angles]] = []
        self._depth_of: dict[int, int] = {}  # atom: number of waiting layers it is in
        self._floor = 0  # first waiting layer that gates after the last barrier may use
        self._fence_of: dict[tuple[int, int], int] = {}
        self._passed: set[int] = set()
        self._phase: dict[int, float] = {}

    def ancilla(self, row_line: int, col_line: int) -> int:
        """Return the atom at a crossing of the AOD; it is loaded when first asked for."""
        crossing = (row_line, col_line)
        if crossing not in self._ancillas:
            self._ancillas[crossing] = len(self.sites) + len(self._ancillas)
        return self._ancillas[crossing]

    def gate(self, atom: int, angles: Angles) -> None:
        """Append a one-qubit gate."""
        theta, phi, lam = angles
        lam += self._phase.pop(atom, 0.0)
        layer = max(self._depth_of.get(atom, 0), self._floor)
        if layer == len(self._layers):
            self._layers.append({})
        self._layers[layer][atom] = (theta, phi, lam)
        self._depth_of[atom] = layer + 1

    def phase(self, atom: int, angle: float) -> None:
        """Append a phase gate, which may wait for the next gate of its atom."""
        self._phase[atom] = self._phase.get(atom, 0.0) + angle

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
                self._floor = len(self._layers)
            angles = block.openings[qubit][segment]
            if angles is not None:
                self.gate(qubit, angles)

    def close(self, block: GateBlock) -> None:
        """Append the phases that end a block."""
        for qubit, angle in enumerate(block.closings):
            self.phase(qubit, angle)

    def run_one_qubit_gates(self, block: GateBlock) -> None:
        """Append a block without CZ gates."""
        self.begin(block)
        self.open_segments(block, Front(block).advance(range(block.num_qubits)))
        self.close(block)

    def flush_phases(self) -> None:
        """Run the phases that are still waiting."""
        for atom, angle in sorted(self._phase.items()):
            if abs(math.remainder(angle, 2 * math.pi)) > 1e-12:
                self._phase[atom] = 0.0
                self.gate(atom, (0.0, 0.0, angle))
        self._phase.clear()
        self._flush()

    def pulse(self, rows_um: Sequence[float], cols_um: Sequence[float], pairs: Iterable[tuple[int, int]]) -> None:
        """Move the lines, run the waiting one-qubit gates, and fire the Rydberg laser on these pairs."""
        self._flush()
        lines = (tuple(rows_um), tuple(cols_um))
        if lines != self._lines:
            self._instructions.append(Move(self._aod, *lines))
            self._lines = lines
        self._instructions.append(Rydberg(tuple(sorted((min(pair), max(pair)) for pair in pairs))))

    def release(self, atoms: Iterable[int]) -> None:
        """Declare that ancillas are back in |0>."""
        atoms = tuple(sorted(atoms))
        if atoms:
            self._flush()
            self._instructions.append(Release(atoms))

    def measure(self, measures: Iterable[tuple[int, int]]) -> None:
        """Measure data qubits into classical bits, given as (qubit, classical bit)."""
        measures = tuple(measures)
        if measures:
            self.flush_phases()
            self._instructions.append(Measure(tuple(q for q, _ in measures), tuple(c for _, c in measures)))

    def build(self, circuit: CircuitInfo) -> Program:
        """Return the program."""
        self.flush_phases()
        ancillas = tuple((self._aod, row, col) for row, col in self._ancillas)
        return Program(circuit, self.device, self.sites, ancillas, tuple(self._instructions))

    def _flush(self) -> None:
        for layer in self._layers:
            atoms = tuple(sorted(layer))
            self._instructions.append(Raman(atoms, tuple(layer[atom] for atom in atoms)))
        self._layers.clear()
        self._depth_of.clear()
        self._floor = 0
