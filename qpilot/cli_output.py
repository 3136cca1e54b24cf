"""What the commands share: checks of output paths before the work, and JSON on stdout."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import typer

from .arch.errors import ProgramError

PICTURES = ".png, .svg or .pdf"
"""Endings of pictures."""


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
            reason = "it is the file that is read; give another name"
        else:
            return
    except OSError as error:
        reason = error.strerror or str(error)
    raise ProgramError(f"{output} cannot be written: {reason}.")


def file_kind(output: Path, endings: str) -> str:
    """Return the kind of a file by its name, refusing others.

    Args:
        output: Where it will be written.
        endings: What the name may end in, as a list for the message.
    """
    if output.suffix.lower() not in re.findall(r"\.\w+", endings):
        raise typer.BadParameter(f"{output} must end in {endings}.")
    return output.suffix.lower().removeprefix(".")


def print_json(figures: object) -> None:
    """Print figures as JSON, indented."""
    typer.echo(msgspec.json.format(msgspec.json.encode(figures), indent=2).decode())
