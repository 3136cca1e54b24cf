"""What the commands share: checks of output paths before the work, and JSON on stdout."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import typer

from .arch.errors import ProgramError


def check_output(output: Path, source: Path) -> None:
    """Refuse a hopeless output path before the work, not after it."""
    folder = output.parent
    try:
        if output.is_dir():
            reason = "it is a folder; give the name of a file"
        elif not folder.is_dir():
            reason = f"there is no folder {folder}"
        elif not os.access(output if output.exists() else folder, os.W_OK):
            reason = "permission denied"
        elif output.exists() and source.exists() and output.samefile(source):
            reason = "it is the circuit itself; give the program another name"
        else:
            return
    except OSError as error:
        reason = error.strerror or str(error)
    raise ProgramError(f"{output} cannot be written: {reason}.")


def picture_kind(output: Path) -> str:
    """Return the kind of a picture by the name of its file: png, svg or pdf."""
    kind = output.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg", "pdf"):
        raise typer.BadParameter(f"{output} must end in .png, .svg or .pdf.")
    return kind


def print_json(figures: object) -> None:
    """Print figures as JSON, indented."""
    typer.echo(msgspec.json.format(msgspec.json.encode(figures), indent=2).decode())
