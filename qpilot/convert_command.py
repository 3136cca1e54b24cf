"""The command `qpilot convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .cli_output import check_output
from .convert import Format, read_file, write_file


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Program or device of qpilot, JSON of ZAC, or .namachine of MQT.")
    ],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="Program: .qasm, .naviz, .py or .json; device: .namachine or .json.")
    ],
    to: Annotated[
        Format | None, typer.Option(help="Format of OUT; default: by its ending, .json being that of qpilot.")
    ] = None,
) -> None:
    """Write a program or a device as the file of another tool, or read the device of one.

    Programs become OpenQASM 3 on physical qubits (.qasm), files of the viewer NAViz (.naviz) or source text for
    bloqade-shuttle (.py). Devices become architectures of ZAC (--to zac) or machines of MQT (.namachine), and are read
    from both. What is lost is said; what cannot be expressed is refused, such as all programs by ZAIR.

    For example:

      qpilot convert program.json program.qasm

      qpilot convert device.json architecture.json --to zac

      qpilot convert machine.namachine device.json
    """
    check_output(output, source)
    typer.echo(write_file(read_file(source), output, to))
