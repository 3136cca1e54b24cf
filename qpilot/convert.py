"""Programs and devices as the files of other tools, and devices from them.

A program becomes OpenQASM 3 (`Program.to_qasm`), the files of the viewer NAViz (`Program.to_naviz`) or source text for
bloqade-shuttle (`Program.to_bloqade`). A device becomes an architecture of ZAC (`qpilot.arch.zac`) or a machine of the
Munich Quantum Toolkit (`qpilot.arch.namachine`), and is read from both.

Two formats cannot hold a program, so none is written:

* ZAIR, the JSON of ZAC (arXiv 2411.11784). It places every atom at a trap of an SLM array, as [atom, array, row,
  column]: at the beginning, at each one-qubit gate, and at both ends of each job of an AOD. A pulse acts on atoms
  in such traps; during a job an atom belongs to none. Our ancillas interact while an AOD holds them, from the first
  pulse to the last. Jobs that put them down for each pulse would be another program: on traps that the device does not
  have, with two transfers per atom and pulse. Nor does ZAIR have angles of one-qubit gates, or measurements.
* bloqade-lanes. Its atoms rest at sites of words and move between them along the lanes of fixed buses, and its CZ acts
  on pairs of words that the architecture lists; lines of an AOD at places of choice have no address there.
"""

from __future__ import annotations

import contextlib
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from .arch.device import FPQA, device_from_json
from .arch.errors import DeviceError, ProgramError, plain
from .arch.files import read_bytes, write_bytes
from .arch.formats import program_from_json
from .arch.namachine import device_from_namachine, device_to_namachine
from .arch.program import Program
from .arch.zac import device_from_zac, device_to_zac


class Format(StrEnum):
    """What a file can hold."""

    PROGRAM = "program"
    QASM = "qasm"
    NAVIZ = "naviz"
    BLOQADE = "bloqade"
    ZAIR = "zair"
    DEVICE = "device"
    ZAC = "zac"
    NAMACHINE = "namachine"


_OF_PROGRAMS = (Format.PROGRAM, Format.QASM, Format.NAVIZ, Format.BLOQADE, Format.ZAIR)
_OF_DEVICES = (Format.DEVICE, Format.ZAC, Format.NAMACHINE)

_BY_ENDING = {
    ".qasm": Format.QASM,
    ".naviz": Format.NAVIZ,
    ".py": Format.BLOQADE,
    ".namachine": Format.NAMACHINE,
}

_NOT_SAID = {
    Format.NAVIZ: "releases, measurements and the global phase",
    Format.BLOQADE: "pairs of pulses, times, fidelities and the global phase",
    Format.ZAC: "distances of interaction, the native gate, times of moves, measurements and the error of idle atoms",
    Format.NAMACHINE: "AODs, fidelities, measurements, the native gate, the safe and the least distance",
}
"""What a format loses."""


_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What goes wrong with a file that is no JSON object."""


class _Head(msgspec.Struct):
    """What tells the kinds of JSON files apart."""

    format: Any = None
    slm: Any = None
    entanglement_zones: Any = None


def read_file(path: str | Path) -> Program | FPQA:
    """Read a program or a device, whatever tool wrote it.

    Args:
        path: A program or device of qpilot, an architecture of ZAC, or a machine of MQT whose name ends in .namachine;
            decompressed where the name ends in .gz.

    Raises:
        QPilotError: The file is missing or none of these (ProgramError), a program that is damaged or illegal
            (ProgramError), or a device that is no FPQA (DeviceError).
    """
    path = Path(path)
    data = read_bytes(path, ProgramError)
    ending = _ending(path)
    if ending == ".namachine":
        return _from_namachine(data, path)
    if ending == ".qasm":
        raise ProgramError(f"{path} is a circuit; 'qpilot compile {path} -o program.json' makes a program of it.")
    try:
        head = msgspec.json.decode(data, type=_Head)
    except _NO_JSON as error:
        raise ProgramError(f"{path} is neither a program nor a device: {plain(error)}.") from None
    if head.format is not None:
        return program_from_json(data, str(path))
    if head.entanglement_zones is not None:
        return device_from_zac(data, str(path))
    if head.slm is not None:
        return device_from_json(data, str(path))
    raise ProgramError(f"{path} is neither a program nor a device: it has no key format, slm or entanglement_zones.")


def read_device(path: str | Path) -> FPQA:
    """Read a device, whatever tool wrote it.

    Args:
        path: A device of qpilot, an architecture of ZAC, or a machine of MQT whose name ends in .namachine;
            decompressed where the name ends in .gz.

    Raises:
        DeviceError: The file is missing, none of these, or a device that is no FPQA.
    """
    path = Path(path)
    data = read_bytes(path, DeviceError)
    if _ending(path) == ".namachine":
        return _from_namachine(data, path)
    with contextlib.suppress(*_NO_JSON):
        if msgspec.json.decode(data, type=_Head).entanglement_zones is not None:
            return device_from_zac(data, str(path))
    return device_from_json(data, str(path))  # which says what is wrong with others


def _from_namachine(data: bytes, path: Path) -> FPQA:
    try:
        return device_from_namachine(data.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError:
        raise DeviceError(f"{path} is not a machine of MQT: it is not text in UTF-8.") from None


def write_file(content: Program | FPQA, path: str | Path, to: Format | None = None) -> str:
    """Write a program or a device as the file of a tool.

    Args:
        content: What to write.
        path: Where.
        to: The format; by default the one that the name ends in: .qasm, .naviz, .py (bloqade-shuttle) or .json
            (qpilot) for a program, .namachine or .json (qpilot) for a device.

    Returns:
        One sentence: which files were written, and what they do not say.

    Raises:
        QPilotError: The format is not known, or cannot express the content (ProgramError, DeviceError), or the folder
            is not writable.
    """
    path = Path(path)
    noun, formats = ("program", _OF_PROGRAMS) if isinstance(content, Program) else ("device", _OF_DEVICES)
    kind = to or _format_of(path, formats[0])
    if kind not in formats:
        known = ", ".join(other for other in formats if other != Format.ZAIR)
        raise ProgramError(f"{path} cannot be written: a {noun} cannot become {kind}; choose {known}.")
    files = _write_program(content, path, kind) if isinstance(content, Program) else _write_device(content, path, kind)
    lost = f"; lost: {_NOT_SAID[kind]}" if kind in _NOT_SAID else ""
    return f"Wrote {', '.join(map(str, files))}{lost}."


def _format_of(path: Path, own: Format) -> Format:
    """Return the format that a name ends in; JSON is our own."""
    ending = _ending(path)
    if ending == ".json":
        return own
    if ending not in _BY_ENDING:
        raise ProgramError(f"{path} must end in .json, {', '.join(_BY_ENDING)}, or its format must be given.")
    return _BY_ENDING[ending]


def _write_program(program: Program, path: Path, kind: Format) -> tuple[Path, ...]:
    if kind == Format.ZAIR:
        raise ProgramError(
            f"{path} cannot be written: ZAIR gives every atom a trap of an SLM array at each pulse, and the flying "
            "ancillas of a program have none while an AOD holds them; it also has no angles and no measurements."
        )
    if kind == Format.NAVIZ:
        return program.to_naviz(path)
    if kind == Format.PROGRAM:
        program.save(path)
    else:
        text = program.to_qasm() if kind == Format.QASM else program.to_bloqade()
        write_bytes(path, text.encode(), ProgramError)
    return (path,)


def _write_device(device: FPQA, path: Path, kind: Format) -> tuple[Path, ...]:
    if kind == Format.DEVICE:
        device.save(path)
    else:
        data = device_to_zac(device) if kind == Format.ZAC else device_to_namachine(device).encode()
        write_bytes(path, data, DeviceError)
    return (path,)


def _ending(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()
