"""The interactive page: one HTML file that plays a program in any browser, with no network."""

from __future__ import annotations

import base64
import json
import math
import zlib
from html import escape
from importlib import resources
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arch.errors import ProgramError
from ..arch.files import write_bytes
from ..arch.program import Measure, Move, Program, Raman, Release, Reset, Rydberg
from .gates import gate_times, logical_pairs
from .motion import Trace, trace

NOTEBOOK_BYTES = 3_000_000
"""Longest page that a notebook shows."""

TOO_LARGE = 'The page that plays it is large; qpilot.visualize.to_html(program, "program.html") writes it to a file.'

_OPS = (Move, Raman, Rydberg, Release, Measure, Reset)
_SCRIPTS = ("model.js", "canvas.js", "lists.js", "player.js")


def to_html(program: Program, path: str | Path, *, circuit: Any = None) -> None:
    """Write a page that plays a program: one self-contained file, which opens in any browser and loads nothing else.

    Args:
        program: A compiled program.
        path: Where to write the page.
        circuit: The Qiskit circuit that was compiled, whose gates are then listed beside the schedule; without it the
            list shows which qubits the pulses join.

    Raises:
        ProgramError: The program is not well formed, an AOD changes its number of lines, the circuit has another
            number of qubits, or the folder is missing or not writable.
    """
    write_bytes(path, html_page(program, circuit=circuit).encode(), ProgramError)


def html_page(program: Program, *, circuit: Any = None) -> str:
    """Return the page that `to_html` writes, as text.

    Raises:
        ProgramError: The program is not well formed, an AOD changes its number of lines, or the circuit has another
            number of qubits.
    """
    if circuit is not None and circuit.num_qubits != program.num_qubits:
        raise ProgramError(
            f"The circuit has {circuit.num_qubits} qubits and the program {program.num_qubits}; "
            "give to_html the circuit that was compiled."
        )
    # No character of the data can end the script element: "<" is written as an escape of JSON.
    data = json.dumps(_page_data(trace(program), circuit), separators=(",", ":")).replace("<", "\\u003c")
    folder = resources.files(__package__) / "player"
    parts = {
        "STYLE": (folder / "player.css").read_text("utf-8"),
        "SCRIPT": "\n".join((folder / name).read_text("utf-8") for name in _SCRIPTS),
        "DATA": data,
    }
    head, *rest = (folder / "player.html").read_text("utf-8").split("{{")
    pieces = (piece.split("}}", 1) for piece in rest)
    return head + "".join(parts[name] + text for name, text in pieces)


def notebook_html(program: Program) -> str:
    """Return the summary of a program, and its page in a frame, for a notebook.

    A page of more than `NOTEBOOK_BYTES` is left out, as the notebook would hold it; so would a viewer that runs no
    scripts or drops frames, such as that of a code host, which then shows the summary alone.
    """
    parts = [f"<pre>{escape(str(program))}</pre>"]
    page = html_page(program)
    if len(page) <= NOTEBOOK_BYTES:
        style = "width: 100%; height: 520px; border: 1px solid #8888; border-radius: 6px"
        title = f"atoms of {program.circuit.name} in motion"
        parts.append(
            f'<iframe sandbox="allow-scripts" title="{escape(title)}" style="{style}" srcdoc="{escape(page)}"></iframe>'
        )
    else:
        parts.append(f"<p>{escape(TOO_LARGE)}</p>")
    return "\n".join(parts)


def _page_data(of: Trace, circuit: Any) -> dict[str, Any]:
    program = of.program
    arrays = _arrays(of)
    if circuit is None:
        texts = None
        arrays["listed"] = logical_pairs(of).astype(np.int32)
    else:
        gates = gate_times(of, circuit)
        texts = [gate.text for gate in gates]
        arrays["gateFirst"] = np.array([gate.first for gate in gates], dtype=np.int32)
        arrays["gateLast"] = np.array([gate.last for gate in gates], dtype=np.int32)
        arrays["gateMatched"] = np.array([gate.matched for gate in gates], dtype=np.uint8)
    packed = zlib.compress(b"".join(array.tobytes() for array in arrays.values()))
    slm = program.device.slm
    return {
        "name": program.circuit.name,
        "device": program.device.name,
        "numQubits": program.num_qubits,
        "numAtoms": program.num_atoms,
        "lattice": [slm.rows, slm.cols, slm.spacing_um],
        "numAods": len(program.device.aods),
        "sentences": of.sentences,
        "gates": texts,
        "arrays": [[name, array.dtype.name, array.size] for name, array in arrays.items()],
        "data": base64.b64encode(packed).decode(),
    }


def _arrays(of: Trace) -> dict[str, NDArray[Any]]:
    """Return what the page calculates with, little-endian and flat."""
    program, spans, steps = of.program, of.spans, len(of.sentences)
    arrays: dict[str, NDArray[Any]]
    acted = [op.atoms if isinstance(op, (Raman, Release, Measure, Reset)) else () for op in program.instructions]
    conditional = [isinstance(op, Raman) and op.condition is not None for op in program.instructions]
    driven = [len(op.atoms) if isinstance(op, Raman) else 0 for op in program.instructions]
    arrays = {
        "timesUs": of.times_us,
        "ops": np.array([_OPS.index(type(op)) for op in program.instructions], dtype=np.uint8),
        "sites": np.array(program.sites, dtype=np.int32),
        "ancillas": np.array(program.ancillas, dtype=np.int32),
        "spanAtoms": spans.atoms,
        "spanFirst": spans.first,
        "spanLast": spans.last,
        "spanQubits": spans.qubits,
        "spanSince": spans.since,
        "pairOffset": np.searchsorted(of.pair_steps, np.arange(steps + 1)),
        "pairs": of.pairs,
        "pairQubits": of.pair_qubits,
        "pairKinds": of.pair_kinds.astype(np.uint8),
        "pairPhases": _phases(program).astype(np.float32),
        "atomOffset": np.array([0, *accumulate(map(len, acted))], dtype=np.int32),
        "atoms": np.array([atom for atoms in acted for atom in atoms], dtype=np.int32),
        "angleOffset": np.array([0, *accumulate(driven)], dtype=np.int32),
        "conditional": np.array(conditional, dtype=np.uint8),
        "angles": _angles(program).astype(np.float32),
    }
    for aod, moves in enumerate(of.moves):
        arrays |= {f"moves{aod}": moves.steps, f"starts{aod}": moves.starts_us, f"ends{aod}": moves.ends_us}
        for name, lines in (("rows", moves.rows_um), ("cols", moves.cols_um)):
            arrays[f"{name}{aod}"] = _deltas_nm(lines)
            arrays[f"{name}Shape{aod}"] = np.array(lines.shape, dtype=np.int32)
    little = {np.dtype(np.int64): "<i4", np.dtype(np.float64): "<f8"}
    return {name: array.astype(little.get(array.dtype, array.dtype)).ravel() for name, array in arrays.items()}


def _deltas_nm(lines_um: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return line positions in nm as differences from move to move: most are zero, so they pack well."""
    positions = np.rint(lines_um * 1000).astype(np.int32)
    return np.diff(positions, axis=0, prepend=np.zeros_like(positions[:1]))


def _phases(program: Program) -> NDArray[np.float64]:
    pulses = (op for op in program.instructions if isinstance(op, Rydberg))
    return np.array([phase for op in pulses for phase in op.angles or [math.pi] * len(op.pairs)])


def _angles(program: Program) -> NDArray[np.float64]:
    """Return the angles of the one-qubit gates, in order."""
    layers = (op for op in program.instructions if isinstance(op, Raman))
    return np.array([triple for op in layers for triple in op.angles]).reshape(-1, 3)
