"""Programs for NAViz, the viewer of the Munich Quantum Toolkit.

NAViz reads three texts: what happens (.naviz), the machine (.namachine) and how things look (.nastyle). What it cannot
say is lost, or shown otherwise:

* A zone of CZ gates covers the whole machine, and NAViz marks every two atoms within the interaction radius, so it
  also marks a dark ancilla that happens to stand so close. A controlled phase looks like a CZ.
* A gate u(theta, phi, lam) is an RZ, an RY and an RZ, a third of its time each. The global phase is lost.
* NAViz gives each move the time its distance needs at one greatest speed. This speed is chosen so that every move ends
  in time; the longest ones take as long as they do here, shorter ones wait at their end.
* Releases, measurements, resets and conditions leave no trace: a layer is shown as if it were always run.

Reference:
    https://mqt.readthedocs.io/projects/naviz
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ..arch.errors import ProgramError
from ..arch.files import write_bytes
from ..arch.program import Move, Program, Raman, Rydberg
from .motion import Trace, extent_um, lines_at_step, place_atoms, trace
from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

_Config: TypeAlias = Mapping[str, Any]  # of texts, numbers and further settings

_ZONE = "zone_cz"
_FONT_FAMILY = "CMU Sans Serif"  # the one that NAViz has
_SPEED_SLACK = 1 + 1e-6  # NAViz counts time in single precision


def to_naviz(program: Program, path: str | Path) -> tuple[Path, Path, Path]:
    """Write a program as the three files that the viewer MQT NAViz plays.

    Args:
        program: A compiled program.
        path: Where the instructions go, ending in .naviz. The style and the machine are written beside them; the name
            of the machine is made an identifier, as NAViz wants it.

    Returns:
        The paths of the instructions, the machine and the style.

    Raises:
        ProgramError: The program is not well formed, the name does not end in .naviz, or the folder is not writable.
    """
    path = Path(path)
    if path.suffix != ".naviz":
        raise ProgramError(f"{path} must end in .naviz, by which NAViz knows its input.")
    name = re.sub(r"\W", "_", f"m_{path.stem}", flags=re.ASCII)  # an identifier, which must not start with a digit
    motion = trace(program)
    texts = {
        path: _instructions(motion, name),
        path.with_name(f"{name}.namachine"): _block(_machine(motion)),
        path.with_suffix(".nastyle"): _block(_style(program)),
    }
    for file, lines in texts.items():
        write_bytes(file, "".join(f"{line}\n" for line in lines).encode(), ProgramError)
    instructions, machine, style = texts
    return instructions, machine, style


def _instructions(motion: Trace, machine: str) -> Iterator[str]:
    """Yield the lines of the .naviz file: atoms at their first places, then every step at its own time."""
    program = motion.program
    names = [f"q{q}" for q in range(program.num_qubits)] + [f"a{k}" for k in range(len(program.ancillas))]
    yield f"#target {machine}"
    at_um = place_atoms(motion, [(moves.rows_um[:1].ravel(), moves.cols_um[:1].ravel()) for moves in motion.moves])
    placed = np.flatnonzero(~np.isnan(at_um[:, 0]))
    yield from (f"atom {_point(at_um[atom])} {names[atom]}" for atom in placed)
    yield from _group(0.0, "load", (names[atom] for atom in placed[placed >= program.num_qubits]))
    starts_us = motion.times_us[:-1].copy()
    for moves in motion.moves:
        starts_us[moves.steps] = moves.starts_us
    for step, op in enumerate(program.instructions):
        if isinstance(op, Move):
            to_um = place_atoms(motion, lines_at_step(motion, step))
            moved = np.flatnonzero((to_um != at_um).any(axis=1) & ~np.isnan(to_um[:, 0]))
            yield from _group(starts_us[step], "move", (f"{_point(to_um[atom])} {names[atom]}" for atom in moved))
            at_um[moved] = to_um[moved]
        elif isinstance(op, Rydberg) and op.pairs:
            yield f"@{_number(starts_us[step])} cz {_ZONE}"
        elif isinstance(op, Raman):
            third_us = program.device.timing.raman_us / 3
            for part, (gate, k) in enumerate((("rz", 2), ("ry", 0), ("rz", 1))):  # of (theta, phi, lam)
                turns = (
                    f"{_number(angles[k])} {names[atom]}"
                    for atom, angles in zip(op.atoms, op.angles, strict=True)
                    if angles[k]
                )
                yield from _group(starts_us[step] + part * third_us, gate, turns)


def _group(time_us: float, command: str, arguments: Iterable[str]) -> Iterator[str]:
    lines = list(arguments)
    if lines:
        yield "\n".join((f"@{_number(time_us)} {command} [", *(f"\t{line}" for line in lines), "]"))


def _number(value: float) -> str:
    """Write a decimal; NAViz reads no exponents."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _point(xy_um: np.ndarray) -> str:
    return f"({_number(xy_um[0])}, {_number(xy_um[1])})"


def _block(config: _Config, indent: str = "") -> Iterator[str]:
    """Yield the lines of a block of settings, and of those within it."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key} {{"
            yield from _block(value, indent + "\t")
            yield f"{indent}}}"
        else:
            yield f"{indent}{key}: {value}"


def _machine(motion: Trace) -> _Config:
    program = motion.program
    slm, timing = program.device.slm, program.device.timing
    low_um, high_um = extent_um(motion)
    margin_um = slm.spacing_um
    traps: dict[str, _Config] = {
        f"trap trap{row * slm.cols + col}": {"position": _point(slm.spacing_um * np.array([col, row]))}
        for row in range(slm.rows)
        for col in range(slm.cols)
    }
    return {
        "name": _text(program.device.name),
        "movement": {"max_speed": _number(_top_speed(motion))},
        "time": {
            "load": 0,
            "store": 0,
            "ry": _number(timing.raman_us / 3),
            "rz": _number(timing.raman_us / 3),
            "cz": _number(timing.rydberg_us),
            "unit": _text("us"),
        },
        "distance": {"interaction": _number(program.device.rydberg.interaction_radius_um), "unit": _text("um")},
        f"zone {_ZONE}": {"from": _point(low_um - margin_um), "to": _point(high_um + margin_um)},
        **traps,
    }


def _top_speed(motion: Trace) -> float:
    """Return the least top speed, in um/us, at which every move of NAViz ends no later than ours.

    With constant jerk the top speed is 3/2 of the average, and NAViz takes the way of the atom, not of its lines.
    """
    fastest = 0.0
    for moves in motion.moves:
        times_us = moves.ends_us - moves.starts_us
        lines = (moves.rows_um, moves.cols_um)
        ways_um = np.hypot(*(np.abs(np.diff(p, axis=0, prepend=p[:1])).max(axis=1, initial=0.0) for p in lines))
        moving = times_us > 0
        fastest = max(fastest, float((ways_um[moving] / times_us[moving]).max(initial=0.0)))
    return 1.5 * fastest * _SPEED_SLACK or 1.0


def _style(program: Program) -> _Config:
    """Return how things look; lengths in the machine are um, those of sidebar and time are points."""
    um = program.device.rydberg.interaction_radius_um
    spacing_um = program.device.slm.spacing_um
    small, large = _font(spacing_um / 6), _font(spacing_um / 4)
    plain = {"dash": {"length": 0, "duty": "100%"}}
    return {
        "name": _text("qpilot"),
        "atom": {
            "trapped": {"color": BLUE},
            "shuttling": {"color": VERMILION},
            "legend": {"name": {"^q(.*)$": _text("$1")}, "font": _font(um)},
            "radius": _number(um / 2),
            "margin": _number(um / 10),
        },
        "zone": {
            "config ^.*$": {"color": PURPLE, "line": {"thickness": _number(um / 5), **plain}, "name": _text("")},
            "legend": {"display": "false", "title": _text("Zones")},
        },
        "operation": {
            "config": {
                "ry": {"color": SKY, "name": _text("RY"), "radius": "150%"},
                "rz": {"color": GREEN, "name": _text("RZ"), "radius": "130%"},
                "cz": {"color": ORANGE, "name": _text("CZ"), "radius": "180%"},
            },
            "legend": {"display": "true", "title": _text("Gates")},
        },
        "machine": {
            "trap": {
                "color": GREY,
                "radius": _number(um / 2),
                "line_width": _number(um / 10),
                "name": _text("data atom (SLM)"),
            },
            "shuttle": {
                "color": GREEN,
                "line": {"thickness": _number(um / 10), **plain},
                "name": _text("ancilla (AOD)"),
            },
            "legend": {"display": "true", "title": _text("Atoms")},
        },
        "coordinate": {
            "tick": {
                "x": _number(spacing_um),
                "y": _number(spacing_um),
                "color": "#dddddd",
                "line": {"thickness": _number(um / 20), **plain},
                "display": "true",
            },
            "number": {
                "x": {"distance": _number(2 * spacing_um), "position": "bottom"},
                "y": {"distance": _number(2 * spacing_um), "position": "left"},
                "display": "true",
                "font": small,
            },
            "axis": {"x": _text("x (um)"), "y": _text("y (um)"), "display": "true", "font": large},
            "margin": _number(spacing_um / 2),
        },
        "sidebar": {
            "font": _font(32),
            "margin": 8,
            "padding": {"color": 16, "heading": 52, "entry": 45},
            "color_radius": 16,
        },
        "time": {"display": "true", "prefix": _text("Time: "), "precision": 1, "font": _font(12)},
        "viewport": {"margin": 4, "color": "#ffffff"},
    }


def _font(size: float) -> _Config:
    return {"family": _text(_FONT_FAMILY), "size": _number(size), "color": BLACK}


def _text(text: str) -> str:
    """Quote a string; NAViz knows no escapes, so quotes and line breaks cannot be part of it."""
    return '"' + re.sub(r'["\\\x00-\x1f\x7f]', " ", text) + '"'
