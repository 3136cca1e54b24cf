"""Program format, version 1: JSON as described by `program.schema.json`, which is made from the types here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from .device import FPQA
from .errors import DeviceError, ProgramError, plain
from .files import read_bytes, write_bytes
from .program import CircuitInfo, Instruction, Metrics, Program, Routing, check_structure
from .rules import check_legal


class ProgramFile(msgspec.Struct, forbid_unknown_fields=True):
    """A program file, key by key."""

    format: Literal["qpilot-program"]
    version: Literal[1]
    circuit: CircuitInfo
    device: FPQA
    sites: tuple[tuple[int, int], ...]
    ancillas: tuple[tuple[int, int, int], ...]
    instructions: tuple[Instruction, ...]
    metrics: Metrics | None = None
    routing: Routing | msgspec.UnsetType = msgspec.UNSET


class _Head(msgspec.Struct):
    """What tells a program file from another file."""

    format: Any = None
    version: Any = None


def program_to_json(program: Program) -> bytes:
    """Return the program in format version 1; equal compilations give equal bytes."""
    file = ProgramFile(
        "qpilot-program",
        1,
        program.circuit,
        program.device,
        program.sites,
        program.ancillas,
        program.instructions,
        msgspec.structs.replace(program.metrics, compile_s=None),
        program.routing or msgspec.UNSET,
    )
    return msgspec.json.encode(file)


def program_from_json(data: bytes, source: str = "The text") -> Program:
    """Read a program from JSON and check its form, then the rules of its device.

    The metrics in the file are not believed: `Program.metrics` computes them anew.

    Args:
        data: JSON text.
        source: What to call the text in an error.

    Raises:
        ProgramError: The text is not a legal program in this format.
    """
    try:
        head = msgspec.json.decode(data, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProgramError(f"{source} is not a qpilot program: {plain(error)}.") from None
    if head.format != "qpilot-program":
        raise ProgramError(f"{source} is not a qpilot program: its format is {head.format!r}, not 'qpilot-program'.")
    if head.version != 1 or isinstance(head.version, bool):
        raise ProgramError(f"{source} has format version {head.version!r}; this release of qpilot reads version 1.")
    try:
        file = msgspec.json.decode(data, type=ProgramFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, DeviceError) as error:
        raise ProgramError(f"{source} is not a valid program: {plain(error)}.") from None
    routing = file.routing or None
    program = Program(file.circuit, file.device, file.sites, file.ancillas, file.instructions, routing=routing)
    try:
        check_structure(program)
    except ProgramError as error:
        raise ProgramError(f"{source} is not a valid program: {error}") from None
    violations = check_legal(program)
    if violations:
        count = f"{len(violations)} times" if len(violations) > 1 else "once"
        raise ProgramError(f"{source} breaks the rules of its device {count}; the first: {violations[0]}")
    return program


def save_program(program: Program, path: str | Path) -> None:
    """Write a program to a file; see `Program.save`."""
    write_bytes(path, program_to_json(program) + b"\n", ProgramError)


def load_program(path: str | Path) -> Program:
    """Read a program from a file; see `Program.load`."""
    return program_from_json(read_bytes(path, ProgramError), str(path))


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a program file, the one shipped as `arch/program.schema.json`."""
    schema: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(ProgramFile)))  # no tuples
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "qpilot program, version 1"} | schema
