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
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from ..arch.errors import ProgramError
from ..arch.files import write_bytes
from ..arch.namachine import TOP_OVER_AVERAGE, ZONE, Settings, lines_of, machine_settings, number, point, quoted
from ..arch.program import Move, Program, Raman, Rydberg
from .motion import Trace, extent_um, lines_at_step, place_atoms, trace
from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

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
        path.with_name(f"{name}.namachine"): lines_of(_machine(motion)),
        path.with_suffix(".nastyle"): lines_of(_style(program)),
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
    yield from (f"atom {point(at_um[atom])} {names[atom]}" for atom in placed)
    yield from _group(0.0, "load", (names[atom] for atom in placed[placed >= program.num_qubits]))
    starts_us = motion.times_us[:-1].copy()
    for moves in motion.moves:
        starts_us[moves.steps] = moves.starts_us
    for step, op in enumerate(program.instructions):
        if isinstance(op, Move):
            to_um = place_atoms(motion, lines_at_step(motion, step))
            moved = np.flatnonzero((to_um != at_um).any(axis=1) & ~np.isnan(to_um[:, 0]))
            yield from _group(starts_us[step], "move", (f"{point(to_um[atom])} {names[atom]}" for atom in moved))
            at_um[moved] = to_um[moved]
        elif isinstance(op, Rydberg) and op.pairs:
            yield f"@{number(starts_us[step])} cz {ZONE}"
        elif isinstance(op, Raman):
            third_us = program.device.timing.raman_us / 3
            for part, (gate, k) in enumerate((("rz", 2), ("ry", 0), ("rz", 1))):  # of (theta, phi, lam)
                turns = (
                    f"{number(angles[k])} {names[atom]}"
                    for atom, angles in zip(op.atoms, op.angles, strict=True)
                    if angles[k]
                )
                yield from _group(starts_us[step] + part * third_us, gate, turns)


def _group(time_us: float, command: str, arguments: Iterable[str]) -> Iterator[str]:
    lines = list(arguments)
    if lines:
        yield "\n".join((f"@{number(time_us)} {command} [", *(f"\t{line}" for line in lines), "]"))


def _machine(motion: Trace) -> Settings:
    device = motion.program.device
    low_um, high_um = extent_um(motion)
    margin_um = device.slm.spacing_um
    zone_um = low_um - margin_um, high_um + margin_um
    # No atom of a program changes its trap, so loading takes no time.
    return machine_settings(device, max_speed=_top_speed(motion), transfer_us=0.0, zone_um=zone_um)


def _top_speed(motion: Trace) -> float:
    """Return the least top speed, in um/us, at which every move of NAViz ends no later than ours.

    NAViz moves at constant jerk, and takes the way of the atom, not of its lines.
    """
    fastest = 0.0
    for moves in motion.moves:
        times_us = moves.ends_us - moves.starts_us
        lines = (moves.rows_um, moves.cols_um)
        ways_um = np.hypot(*(np.abs(np.diff(p, axis=0, prepend=p[:1])).max(axis=1, initial=0.0) for p in lines))
        moving = times_us > 0
        fastest = max(fastest, float((ways_um[moving] / times_us[moving]).max(initial=0.0)))
    return TOP_OVER_AVERAGE * fastest * _SPEED_SLACK or 1.0


def _style(program: Program) -> Settings:
    """Return how things look; lengths in the machine are um, those of sidebar and time are points."""
    um = program.device.rydberg.interaction_radius_um
    spacing_um = program.device.slm.spacing_um
    small, large = _font(spacing_um / 6), _font(spacing_um / 4)
    plain = {"dash": {"length": 0, "duty": "100%"}}
    return {
        "name": quoted("qpilot"),
        "atom": {
            "trapped": {"color": BLUE},
            "shuttling": {"color": VERMILION},
            "legend": {"name": {"^q(.*)$": quoted("$1")}, "font": _font(um)},
            "radius": number(um / 2),
            "margin": number(um / 10),
        },
        "zone": {
            "config ^.*$": {"color": PURPLE, "line": {"thickness": number(um / 5), **plain}, "name": quoted("")},
            "legend": {"display": "false", "title": quoted("Zones")},
        },
        "operation": {
            "config": {
                "ry": {"color": SKY, "name": quoted("RY"), "radius": "150%"},
                "rz": {"color": GREEN, "name": quoted("RZ"), "radius": "130%"},
                "cz": {"color": ORANGE, "name": quoted("CZ"), "radius": "180%"},
            },
            "legend": {"display": "true", "title": quoted("Gates")},
        },
        "machine": {
            "trap": {
                "color": GREY,
                "radius": number(um / 2),
                "line_width": number(um / 10),
                "name": quoted("data atom (SLM)"),
            },
            "shuttle": {
                "color": GREEN,
                "line": {"thickness": number(um / 10), **plain},
                "name": quoted("ancilla (AOD)"),
            },
            "legend": {"display": "true", "title": quoted("Atoms")},
        },
        "coordinate": {
            "tick": {
                "x": number(spacing_um),
                "y": number(spacing_um),
                "color": "#dddddd",
                "line": {"thickness": number(um / 20), **plain},
                "display": "true",
            },
            "number": {
                "x": {"distance": number(2 * spacing_um), "position": "bottom"},
                "y": {"distance": number(2 * spacing_um), "position": "left"},
                "display": "true",
                "font": small,
            },
            "axis": {"x": quoted("x (um)"), "y": quoted("y (um)"), "display": "true", "font": large},
            "margin": number(spacing_um / 2),
        },
        "sidebar": {
            "font": _font(32),
            "margin": 8,
            "padding": {"color": 16, "heading": 52, "entry": 45},
            "color_radius": 16,
        },
        "time": {"display": "true", "prefix": quoted("Time: "), "precision": 1, "font": _font(12)},
        "viewport": {"margin": 4, "color": "#ffffff"},
    }


def _font(size: float) -> Settings:
    return {"family": quoted(_FONT_FAMILY), "size": number(size), "color": BLACK}
