"""Plain tables: aligned text for a terminal, CSV for a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qpilot.arch.errors import ProgramError
from qpilot.arch.files import write_bytes


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

    def _line(self, cells: Sequence[str]) -> str:
        first, *others = zip(cells, self._widths, strict=True)
        return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 100 else f"{cell:.0f}"
    return str(cell)
