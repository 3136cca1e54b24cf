"""Plain tables: aligned text for a terminal, CSV for a file."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qpilot.arch.errors import ProgramError
from qpilot.arch.files import write_bytes

RESULTS = Path("results")
"""Where tables and figures go that are given no file."""


def add_outputs(parser: argparse.ArgumentParser, stem: str, csv_help: str) -> None:
    """Add the options --csv and --png of a benchmark to a command line, each with an optional FILE."""
    for kind, text in (("csv", csv_help), ("png", "draw the depths")):
        default = RESULTS / f"{stem}.{kind}"
        parser.add_argument(
            f"--{kind}", type=Path, nargs="?", const=default, metavar="FILE", help=f"{text} (to {default} without FILE)"
        )


def prepare(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse a --data that is no folder, and make the folders of --csv and --png."""
    if options.data and not options.data.is_dir():
        parser.error(f"{options.data} is not a folder")
    for path in filter(None, (options.csv, options.png)):
        path.parent.mkdir(parents=True, exist_ok=True)


class Table:
    """A table that prints each row as soon as it is known, in columns wide enough for their headings."""

    def __init__(self, *columns: str, first_width: int = 24) -> None:
        self.columns = columns
        self.rows: list[tuple[Any, ...]] = []
        self._widths = [first_width, *(max(len(name), 8) for name in columns[1:])]

    def start(self) -> None:
        """Print the headings."""
        print(self._line(self.columns))
        print("  ".join("-" * width for width in self._widths), flush=True)

    def add(self, *cells: object) -> None:
        """Keep and print one row; None is an empty cell."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for {len(self.columns)} columns.")
        self.rows.append(cells)
        print(self._line([_text(cell) for cell in cells]), flush=True)

    def save_csv(self, path: str | Path) -> None:
        """Write the headings and all rows, with full precision; the file appears whole or not at all."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.columns, *self.rows])
        write_bytes(path, text.getvalue().encode(), ProgramError)

    def load_csv(self, path: str | Path) -> None:
        """Add the rows of a file written by `save_csv`.

        Raises:
            ValueError: The file has other columns than this table.
        """
        with Path(path).open(newline="", encoding="utf-8") as file:
            columns, *rows = [*csv.reader(file)] or [[]]
        if columns != [*self.columns]:
            raise ValueError(f"{path} has other columns than this table; give another file.")
        for row in rows:
            self.add(*map(_value, row))

    def _line(self, cells: Sequence[str]) -> str:
        first, *others = zip(cells, self._widths, strict=True)
        return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 100 else f"{cell:.0f}"
    return str(cell)


def _value(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None
