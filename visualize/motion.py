"""Where every atom is at any time, which ancillas are bright and whose qubit they carry: what all pictures read.

Within a move, lines follow the profile of constant jerk of Bluvstein et al., Nature 604, 451 (2022): after the share
s of its duration a line has gone the share 3 s^2 - 2 s^3 of its way, so it starts and stops at rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arch.cost import instruction_times_us
from ..arch.errors import OptionError, ProgramError
from ..arch.program import (
    Condition,
    Instruction,
    Measure,
    Move,
    Program,
    Raman,
    Release,
    Reset,
    Rydberg,
    check_structure,
)

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

_MOST_BITS = 4
"""Classical bits of a condition that a sentence names."""

UNKNOWN = -1
"""In place of a qubit: none, or none that can be told."""

GATE, OWN, FOLD, IDLE = 0, 1, 2, 3
"""What a pair does: a gate between its atoms; an ancilla meets the data atom of its own qubit; a parity is passed on to
an ancilla; or nothing, since the next CZ of the same atoms undoes it or the phase is zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """The moves of one AOD, the placing one first; its lines go from the positions of one entry to those of the next.

    Attributes:
        steps: Instruction of each move.
        starts_us, ends_us: When each move starts and ends.
        rows_um, cols_um: y of each row and x of each column after each move, shape (moves, lines).
    """

    steps: Ints
    starts_us: Floats
    ends_us: Floats
    rows_um: Floats
    cols_um: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """The times that ancillas are bright: one entry for each, from a first Raman gate to a release.

    Attributes:
        atoms: The ancilla.
        first: Instruction that makes it bright.
        last: Instruction that makes it dark; the number of instructions where it stays bright.
        qubits: The qubit it belongs to: that of the first data atom it is paired with. UNKNOWN if it meets none.
        since: Instruction of that pair; the number of instructions if it meets none.
    """

    atoms: Ints
    first: Ints
    last: Ints
    qubits: Ints
    since: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A program as pictures need it. Memory grows with the moves, pairs and Raman gates, not with steps times atoms.

    Attributes:
        program: The program.
        times_us: Instruction k runs from `times_us[k]` to `times_us[k + 1]`. Of moves that run together each has only
            what it adds, as in `instruction_times_us`; `moves` has when each really runs.
        moves: The moves of each AOD.
        spans: When ancillas are bright, and whose they are.
        pair_steps: Instruction of each pair, in order.
        pairs: The atoms of each pair, shape (pairs, 2).
        pair_qubits: The qubits these atoms belong to, or UNKNOWN.
        pair_kinds: GATE, OWN, FOLD or IDLE.
        sentences: What each instruction does, in a few words.
    """

    program: Program
    times_us: Floats
    moves: tuple[Moves, ...]
    spans: Spans
    pair_steps: Ints
    pairs: Ints
    pair_qubits: Ints
    pair_kinds: Ints
    sentences: tuple[str, ...]


Lines: TypeAlias = list[tuple[Floats, Floats]]
"""For each AOD, y of its rows and x of its columns; both empty before its first move."""


def trace(program: Program) -> Trace:
    """Follow a program from start to end, in time linear in its size.

    Raises:
        ProgramError: The program is not well formed, or an AOD changes its number of lines.
    """
    check_structure(program)
    times_us = np.array([0.0, *accumulate(instruction_times_us(program))])
    moves = _follow_moves(program, times_us)
    spans, pair_steps, pairs, qubits, kinds = _follow_ancillas(program)
    sentences = _sentences(program, moves)
    return Trace(program, times_us, moves, spans, pair_steps, pairs, qubits, kinds, sentences)


def check_steps(program: Program, steps: tuple[int, int] | None) -> range:
    """Return the instructions to show: all of them, or those from the first to before the end.

    Raises:
        OptionError: There are no such instructions.
        ProgramError: The program has none at all.
    """
    total = len(program.instructions)
    if not total:
        raise ProgramError(f"Program {program.circuit.name!r} has no instructions to show.")
    first, end = (0, total) if steps is None else steps
    if not 0 <= first < end <= total:
        raise OptionError(f"steps is {steps!r}; it must be (first, end) with 0 <= first < end <= {total}.")
    return range(first, end)


def window_us(trace: Trace, steps: range) -> tuple[float, float]:
    """Return start and end of the time axis; where nothing takes time it is 1 us long."""
    start_us, end_us = float(trace.times_us[steps.start]), float(trace.times_us[steps.stop])
    return start_us, end_us if end_us > start_us else start_us + 1.0


def lines_um(trace: Trace, time_us: float) -> Lines:
    """Return the lines of each AOD at a time; where several moves touch at that time, after all of them."""
    started = [int(np.searchsorted(moves.starts_us, time_us, side="right")) - 1 for moves in trace.moves]
    return [_lines(moves, k, time_us) for moves, k in zip(trace.moves, started, strict=True)]


def lines_at_step(trace: Trace, step: int, share: float = 1.0) -> Lines:
    """Return the lines of each AOD while one instruction runs and all others stand still, for equal steps.

    Args:
        trace: What `trace` returned.
        step: Number of the instruction.
        share: Elapsed share of its duration.
    """
    lines = []
    for moves in trace.moves:
        k = int(np.searchsorted(moves.steps, step, side="right")) - 1
        moving = k >= 0 and moves.steps[k] == step
        start, end = (moves.starts_us[k], moves.ends_us[k]) if moving else (0.0, 0.0)
        lines.append(_lines(moves, k, start + share * (end - start) if moving else math.inf))
    return lines


def positions_um(trace: Trace, time_us: float) -> Floats:
    """Return (x, y) of every atom at a time, shape (num_atoms, 2); NaN for an ancilla that is not placed yet."""
    return place_atoms(trace, lines_um(trace, time_us))


def place_atoms(trace: Trace, lines: Lines) -> Floats:
    """Return (x, y) of every atom for given lines, shape (num_atoms, 2); NaN for an ancilla without a crossing."""
    program = trace.program
    positions = np.full((program.num_atoms, 2), np.nan)
    sites = np.array(program.sites, dtype=np.int64).reshape(-1, 2)
    positions[: program.num_qubits] = sites[:, ::-1] * program.device.slm.spacing_um
    crossings = np.array(program.ancillas, dtype=np.int64).reshape(-1, 3)
    for aod, (rows, cols) in enumerate(lines):
        held = (crossings[:, 0] == aod) & (crossings[:, 1] < len(rows)) & (crossings[:, 2] < len(cols))
        places = np.stack([cols[crossings[held, 2]], rows[crossings[held, 1]]], axis=1)
        positions[program.num_qubits + np.flatnonzero(held)] = places
    return positions


def extent_um(trace: Trace, lines: Lines | None = None) -> tuple[Floats, Floats]:
    """Return the lowest and the highest (x, y) of the lattice and of some lines; by default of the whole program."""
    slm = trace.program.device.slm
    of_program = [(moves.rows_um.ravel(), moves.cols_um.ravel()) for moves in trace.moves]
    rows, cols = zip(*(of_program if lines is None else lines), strict=True)
    corner = np.array([slm.cols - 1, slm.rows - 1]) * slm.spacing_um
    x, y = (np.concatenate([[0.0, corner[k]], *um]) for k, um in enumerate((cols, rows)))
    return np.array([x.min(), y.min()]), np.array([x.max(), y.max()])


def bright_at(trace: Trace, step: int) -> NDArray[np.bool_]:
    """Return which atoms are bright once an instruction is done; data atoms always are."""
    spans, bright = trace.spans, np.arange(trace.program.num_atoms) < trace.program.num_qubits
    bright[spans.atoms[(spans.first <= step) & (step < spans.last)]] = True
    return bright


def qubits_at(trace: Trace, step: int) -> Ints:
    """Return the qubit each atom belongs to once an instruction is done; UNKNOWN for dark and undecided ancillas."""
    spans, n = trace.spans, trace.program.num_qubits
    qubits = np.full(trace.program.num_atoms, UNKNOWN)
    qubits[:n] = np.arange(n)
    held = (spans.since <= step) & (step < spans.last)
    qubits[spans.atoms[held]] = spans.qubits[held]
    return qubits


def pairs_at(trace: Trace, step: int) -> slice:
    """Return which entries of `pairs`, `pair_qubits` and `pair_kinds` belong to an instruction."""
    first, last = np.searchsorted(trace.pair_steps, [step, step + 1])
    return slice(int(first), int(last))


def _lines(moves: Moves, k: int, time_us: float) -> tuple[Floats, Floats]:
    """Return the lines of an AOD at a time that move k, the last one to start, has reached."""
    if k < 0:
        return np.empty(0), np.empty(0)
    start, end, before = moves.starts_us[k], moves.ends_us[k], max(k - 1, 0)
    s = min(1.0, (time_us - start) / (end - start)) if end > start else 1.0
    share = 3 * s**2 - 2 * s**3
    rows, cols = (p[before] + share * (p[k] - p[before]) for p in (moves.rows_um, moves.cols_um))
    return rows, cols


def _follow_moves(program: Program, times_us: Floats) -> tuple[Moves, ...]:
    found: list[list[tuple[int, float, Move]]] = [[] for _ in program.device.aods]
    together: set[int] = set()  # AODs whose moves run at the same time
    start = 0.0
    for step, op in enumerate(program.instructions):
        if not isinstance(op, Move):
            together.clear()
            continue
        if not together or op.aod in together:
            together = set()
            start = float(times_us[step])
        together.add(op.aod)
        found[op.aod].append((step, start, op))
    return tuple(_moves(program, aod, of_aod) for aod, of_aod in enumerate(found))


def _moves(program: Program, aod: int, found: list[tuple[int, float, Move]]) -> Moves:
    if len({(len(op.rows_um), len(op.cols_um)) for _, _, op in found}) > 1:
        raise ProgramError(f"AOD {aod} changes its number of lines, so its moves cannot be drawn; see check_legal.")
    rows = np.array([op.rows_um for _, _, op in found]).reshape(len(found), -1 if found else 0)
    cols = np.array([op.cols_um for _, _, op in found]).reshape(len(found), -1 if found else 0)
    starts = np.array([start for _, start, _ in found])
    lines = np.concatenate([rows, cols], axis=1)
    ways = np.abs(np.diff(lines, axis=0, prepend=lines[:1])).max(axis=1, initial=0.0)
    durations = [program.device.timing.move_duration_us(way) for way in ways.tolist()]
    return Moves(np.array([step for step, _, _ in found], dtype=np.int64), starts, starts + durations, rows, cols)


def _follow_ancillas(program: Program) -> tuple[Spans, Ints, Ints, Ints, Ints]:
    """Return the bright spans, and of each pair its instruction, atoms, qubits and kind."""
    n, end = program.num_qubits, len(program.instructions)
    span_of = np.full(program.num_atoms, UNKNOWN)  # the open span of a bright ancilla
    owner = np.where(np.arange(program.num_atoms) < n, np.arange(program.num_atoms), UNKNOWN)
    turned = np.zeros(program.num_atoms, dtype=bool)  # ancillas between two Hadamards: these take in a parity
    spans: list[list[int]] = []  # atom, first, last, qubit, since
    found: list[_Pulse] = []
    driven = np.full(program.num_atoms, UNKNOWN)  # the last Raman layer with more than a phase for each atom
    for step, op in enumerate(program.instructions):
        if isinstance(op, Raman):
            atoms = np.array(op.atoms, dtype=np.int64)
            for atom in atoms[(atoms >= n) & (span_of[atoms] < 0)].tolist():
                span_of[atom] = len(spans)
                spans.append([atom, step, end, UNKNOWN, end])
            angles = np.array(op.angles).reshape(-1, 3)
            hadamard = np.isclose(angles, (math.pi / 2, 0.0, math.pi)).all(axis=1)
            turned[atoms[hadamard]] ^= atoms[hadamard] >= n
            driven[atoms[angles[:, 0] != 0]] = step
        elif isinstance(op, Rydberg) and op.pairs:
            pairs = np.array(op.pairs, dtype=np.int64)
            new = (owner[pairs] < 0) & (pairs[:, ::-1] < n)  # met its first data atom
            owner[pairs[new]] = pairs[:, ::-1][new]
            for atom in pairs[new].tolist():
                if span_of[atom] >= 0:
                    spans[span_of[atom]][3:] = int(owner[atom]), step
            phases = np.array(op.angles or [math.pi] * len(pairs))
            found.append(
                _Pulse(
                    step,
                    pairs,
                    owner[pairs],
                    turned[pairs[:, 0]] | turned[pairs[:, 1]],
                    driven[pairs].max(axis=1),
                    phases,
                )
            )
        elif isinstance(op, Release):
            for atom in op.atoms:
                if span_of[atom] >= 0:
                    spans[span_of[atom]][2] = step
            released = list(op.atoms)
            span_of[released] = owner[released] = UNKNOWN
            turned[released] = False
    columns = np.array(spans, dtype=np.int64).reshape(-1, 5).T
    return (Spans(*columns), *_join_pulses(found))


class _Pulse(NamedTuple):
    """The pairs of one pulse: atoms, their qubits, whether one is turned, when one was last driven, and the phase."""

    step: int
    pairs: Ints
    qubits: Ints
    turned: NDArray[np.bool_]
    driven: Ints
    phases: Floats


def _join_pulses(pulses: list[_Pulse]) -> tuple[Ints, Ints, Ints, Ints]:
    if not pulses:
        return np.empty(0, np.int64), np.empty((0, 2), np.int64), np.empty((0, 2), np.int64), np.empty(0, np.int64)
    steps = np.repeat([pulse.step for pulse in pulses], [len(pulse.pairs) for pulse in pulses])
    pairs = np.concatenate([pulse.pairs for pulse in pulses])
    qubits = np.concatenate([pulse.qubits for pulse in pulses])
    turned = np.concatenate([pulse.turned for pulse in pulses])
    driven = np.concatenate([pulse.driven for pulse in pulses])
    phases = np.concatenate([pulse.phases for pulse in pulses])
    kinds = np.where((qubits < 0).any(axis=1) | turned, FOLD, GATE)
    kinds[(qubits[:, 0] == qubits[:, 1]) & (qubits[:, 0] >= 0)] = OWN
    kinds[phases == 0] = IDLE
    _mark_idle(kinds, steps, pairs, driven, phases)
    return steps, pairs, qubits, kinds


def _mark_idle(kinds: Ints, steps: Ints, pairs: Ints, driven: Ints, phases: Floats) -> None:
    """Mark gates that come twice between the same atoms, with nothing but phases in between."""
    gates = np.flatnonzero((kinds == GATE) & (phases == math.pi))
    low, high = np.sort(pairs[gates], axis=1).T
    order = gates[np.lexsort((steps[gates], high, low))]
    first, second = order[:-1], order[1:]
    same = (np.sort(pairs[first], axis=1) == np.sort(pairs[second], axis=1)).all(axis=1)
    undone = same & (driven[second] < steps[first])
    for k in np.flatnonzero(undone):
        if kinds[order[k]] == GATE:
            kinds[order[k : k + 2]] = IDLE


def _sentences(program: Program, moves: tuple[Moves, ...]) -> tuple[str, ...]:
    next_move = [0] * len(moves)
    texts, pulse = [], 0
    for op in program.instructions:
        if isinstance(op, Move):
            texts.append(_describe_move(op.aod, moves[op.aod], next_move[op.aod]))
            next_move[op.aod] += 1
        elif isinstance(op, Rydberg) and op.pairs:
            texts.append(f"pulse {pulse}: {_count(len(op.pairs), 'pair')}{' with phases' if op.angles else ''}")
            pulse += 1
        else:
            texts.append(_describe(op))
    return tuple(texts)


def _describe_move(aod: int, moves: Moves, k: int) -> str:
    if k == 0:
        return f"placing of AOD {aod}: {moves.rows_um.shape[1]} x {moves.cols_um.shape[1]} lines"
    way = max(np.abs(lines[k] - lines[k - 1]).max(initial=0.0) for lines in (moves.rows_um, moves.cols_um))
    return f"move of AOD {aod}: {way:.1f} um, {moves.ends_us[k] - moves.starts_us[k]:.0f} us"


def _describe(op: Instruction) -> str:
    if isinstance(op, Raman):
        return f"Raman layer: {_count(len(op.atoms), 'atom')}{_describe_condition(op.condition)}"
    if isinstance(op, Release):
        return f"release: {_count(len(op.atoms), 'ancilla')}"
    if isinstance(op, Measure):
        return f"measurement: {_count(len(op.atoms), 'qubit')}"
    if isinstance(op, Reset):
        return f"reset: {_count(len(op.atoms), 'qubit')}"
    return "pulse without pairs"


def _describe_condition(condition: Condition | None) -> str:
    if condition is None:
        return ""
    if len(condition.clbits) > _MOST_BITS:
        return f", if {len(condition.clbits)} classical bits are right"
    tests = zip(condition.clbits, condition.values, strict=True)
    return f", if {' and '.join(f'c{clbit} = {int(value)}' for clbit, value in tests)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
