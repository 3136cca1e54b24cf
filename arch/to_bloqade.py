"""A program as source text for bloqade-shuttle, which speaks of AOD lines, global CZ pulses and local gates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import count

from .errors import ProgramError
from .program import Measure, Move, Program, Raman, Release, Reset, Rydberg, check_structure

_Point = tuple[float, float]

_HEAD = """
from bloqade.geometry.dialects import grid
from bloqade.shuttle import action, gate, init, measure, schedule, spec
from bloqade.shuttle.prelude import move, tweezer
"""

_FUNCTIONS = """

@tweezer
def take_up(at: grid.Grid):
    action.set_loc(at)
    action.turn_on(action.ALL, action.ALL)


@tweezer
def fly(start: grid.Grid, end: grid.Grid):
    action.set_loc(start)
    action.move(end)


@move
def main():
"""


def program_to_bloqade(program: Program) -> str:
    """Return a program as a module for bloqade-shuttle; see `Program.to_bloqade`.

    Raises:
        ProgramError: The program is not well formed, or says what bloqade-shuttle cannot.
    """
    check_structure(program)
    moves = _moves_of_one_aod(program)
    _check_steps(program)
    slm = program.device.slm
    cols_um, rows_um = ([slm.spacing_um * k for k in range(number)] for number in (slm.cols, slm.rows))
    traps = {"data": _grid(cols_um, rows_um)} | ({"ancillas": _lines(moves[0])} if moves else {})
    names = "{" + ", ".join(f'"{name}"' for name in traps) + "}"
    static = ", ".join(f'"{name}": {where.replace("grid.", "grid.Grid.", 1)}' for name, where in traps.items())
    title = " ".join(program.circuit.name.split())
    head = [
        f"# {title} for {' '.join(program.device.name.split())}, written by qpilot for bloqade-shuttle",
        _HEAD.strip("\n"),
        "",
        f"traps = {{{static}}}",
        f'layout = spec.Layout(static_traps=traps, fillable={names}, has_cz={{"data"}}, has_local={names})',
        "arch = spec.ArchSpec(layout=layout)",
        _FUNCTIONS.rstrip("\n"),
    ]
    body = [f"    {line}" for line in _statements(program, moves)]
    return "\n".join((*head, *body)) + "\n"


def _moves_of_one_aod(program: Program) -> list[Move]:
    moves = [op for op in program.instructions if isinstance(op, Move)]
    aods = {op.aod for op in moves}
    if len(aods) > 1:
        raise ProgramError(
            f"bloqade-shuttle moves the lines of one AOD, and the program moves those of {len(aods)}; compile it for a "
            "device with one."
        )
    return moves


def _check_steps(program: Program) -> None:
    for step, op in enumerate(program.instructions):
        if isinstance(op, Reset) or (isinstance(op, Raman) and op.condition):
            raise ProgramError(
                f"Instruction {step} is a {'reset' if isinstance(op, Reset) else 'layer that has a condition'}, which "
                "this export to bloqade-shuttle does not write."
            )
        other = [angle for angle in op.angles if angle != math.pi] if isinstance(op, Rydberg) else []
        if other:
            raise ProgramError(
                f"bloqade-shuttle pulses are CZ gates, and instruction {step} has a controlled phase by {other[0]:g}; "
                "compile for a device with native 'cz'."
            )


def _statements(program: Program, moves: list[Move]) -> Iterator[str]:
    """Yield the statements of the kernel."""
    spacing_um = program.device.slm.spacing_um
    at = moves[0] if moves else None
    places = {q: (spacing_um * col, spacing_um * row) for q, (row, col) in enumerate(program.sites)}
    places |= _crossings(program, at)
    yield 'data = spec.get_static_trap(zone_id="data")'
    if moves:
        tones = f"{list(range(len(moves[0].cols_um)))}, {list(range(len(moves[0].rows_um)))}"
        yield f"first = schedule.device_fn(take_up, {tones})"
        yield f"then = schedule.device_fn(fly, {tones})"
    yield f"init.fill([{', '.join(_grids(places.values()))}])"
    if at is not None:
        yield f"first({_lines(at)})"
    below_um, above_um = _reach(program, moves)
    pulses, bits = count(1), set[int]()
    for op in program.instructions:
        if isinstance(op, Move) and at is not None:
            if op != at:
                yield f"then({_lines(at)}, {_lines(op)})"
            at = op
            places |= _crossings(program, op)
        elif isinstance(op, Raman):
            yield from _local_gates(op, places)
        elif isinstance(op, Rydberg):
            yield f"# pulse {next(pulses)}: {', '.join(map(str, op.pairs))}" if op.pairs else "# a pulse without pairs"
            yield f"gate.top_hat_cz(data, upper_buffer={above_um}, lower_buffer={below_um})"
        elif isinstance(op, Release):
            yield f"# ancillas {', '.join(map(str, op.atoms))} are in |0>"
        elif isinstance(op, Measure):
            for atom, bit in zip(op.atoms, op.clbits, strict=True):
                bits.add(bit)
                x_um, y_um = places[atom]
                yield f"(bit_{bit},) = measure.measure(({_grid([x_um], [y_um])},))"
    yield f"return ({''.join(f'bit_{bit}, ' for bit in sorted(bits)).rstrip()})" if bits else "return None"


def _crossings(program: Program, lines: Move | None) -> dict[int, _Point]:
    """Return (x, y) of each ancilla, in um, by atom."""
    n = program.num_qubits
    if lines is None:
        return {}
    try:
        return {
            n + k: (lines.cols_um[col], lines.rows_um[row])
            for k, (aod, row, col) in enumerate(program.ancillas)
            if aod == lines.aod
        }
    except IndexError:
        raise ProgramError("An ancilla is at a line that its AOD does not have.") from None


def _reach(program: Program, moves: list[Move]) -> tuple[float, float]:
    """Return how far the Rydberg laser must reach below and above the sites for every ancilla to be in it."""
    slm = program.device.slm
    rows_um = [y_um for op in moves for y_um in op.rows_um]
    below_um = max(0.0, -min(rows_um, default=0.0))
    above_um = max(0.0, max(rows_um, default=0.0) - slm.spacing_um * (slm.rows - 1))
    return float(below_um + slm.spacing_um), float(above_um + slm.spacing_um)


def _local_gates(op: Raman, places: dict[int, _Point]) -> Iterator[str]:
    """Yield the gates of a Raman layer: U(theta, phi, lam) is an RZ, then a turn about an axis of the equator."""
    alike: dict[tuple[float, float, float], list[_Point]] = {}
    for atom, angles in zip(op.atoms, op.angles, strict=True):
        if atom not in places:
            raise ProgramError(f"Atom {atom} is driven, and no move places its AOD.")
        alike.setdefault(angles, []).append(places[atom])
    for (theta, phi, lam), points in alike.items():
        for where in _grids(points):
            if phi + lam:
                yield f"gate.local_rz({float(phi + lam)}, {where})"
            if theta:
                yield f"gate.local_r({float(phi + math.pi / 2)}, {float(theta)}, {where})"


def _grids(points: Iterable[_Point]) -> list[str]:
    """Return grids that hold these points and no others: rows with equal columns are taken together."""
    rows: dict[float, list[float]] = {}
    for x_um, y_um in sorted(points):
        rows.setdefault(y_um, []).append(x_um)
    alike: dict[tuple[float, ...], list[float]] = {}
    for y_um, cols in sorted(rows.items()):
        alike.setdefault(tuple(cols), []).append(y_um)
    return [_grid(cols, ys_um) for cols, ys_um in alike.items()]


def _lines(op: Move) -> str:
    return _grid(op.cols_um, op.rows_um)


def _grid(cols_um: Iterable[float], rows_um: Iterable[float]) -> str:
    return f"grid.from_positions({[float(x) for x in cols_um]}, {[float(y) for y in rows_um]})"
