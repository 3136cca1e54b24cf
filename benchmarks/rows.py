"""The rows of a run: one for each case and way, kept in a CSV file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qpilot.arch.errors import QPilotError
from qpilot.arch.files import write_bytes

from .cases import Case
from .compare import Row, case_key, way_key
from .record import RESULT_COLUMNS, TIMES

KEY = ("suite", "circuit", "qubits", "seed", "variant", "way")
PROVENANCE = ("version", "revision", "python", "machine", "date")
COLUMNS = (*KEY, "size", "status", *RESULT_COLUMNS, "note", *PROVENANCE)
WORDS = {"suite", "circuit", "variant", "way", "status", "checked", "detail", "note", *PROVENANCE}
WHOLE = {"qubits", "seed", "size", "depth", "mixed_depth", "num_2q", "num_1q", "moves", "atoms"}


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file of rows looks like.

    Attributes:
        columns: Its columns.
        words: Those that hold words.
        whole: Those that hold whole numbers; the others hold any numbers.
        place: What rows are put in order by.
    """

    columns: tuple[str, ...]
    words: frozenset[str]
    whole: frozenset[str]
    place: Callable[[Row], Any]


class RowsError(QPilotError, ValueError):
    """A file of rows cannot be read or written."""


def key_of(case: Case, way: str) -> tuple[Any, ...]:
    """Return the cells of `KEY`."""
    return case.suite, case.circuit, case.qubits, case.seed, case.variant, way


def row_key(row: Row) -> tuple[Any, ...]:
    """Return the cells of `KEY` of a row."""
    return tuple(row[name] for name in KEY)


def _place(row: Row) -> tuple[Any, ...]:
    return case_key((row["suite"], row["circuit"], row["qubits"], row["variant"], row["seed"])), way_key(row["way"])


LAYOUT = Layout(COLUMNS, frozenset(WORDS), frozenset(WHOLE), _place)
"""Rows in the order of suites, circuits, sizes and ways."""


def load(path: Path, layout: Layout = LAYOUT) -> list[Row]:
    """Return the rows of a file; none if there is no file.

    Raises:
        RowsError: The file was not written by `save`, or by another version of it.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != layout.columns:
            raise RowsError(f"{path} has other columns than this version writes; give another folder with --out.")
        try:
            return [{name: _value(name, cell, layout) for name, cell in row.items()} for row in reader]
        except (ValueError, TypeError) as error:
            raise RowsError(f"{path} cannot be read: {error}.") from error


def save(rows: Iterable[Row], path: Path, layout: Layout = LAYOUT) -> None:
    """Write rows in the order of the layout; the file appears whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, layout.columns, lineterminator="\n")
    writer.writeheader()
    ordered = sorted(rows, key=layout.place)
    writer.writerows(ordered)
    write_bytes(path, text.getvalue().encode(), RowsError)


COMPARED = tuple(name for name in COLUMNS if name not in (*TIMES, *PROVENANCE))
"""Columns that two runs with the same seeds have alike."""


def differences(
    rows: Iterable[Row], others: Iterable[Row], key: Sequence[str] = KEY, compared: Sequence[str] = COMPARED
) -> list[str]:
    """Return a line for each row that two runs do not have alike; rounding may differ.

    Args:
        rows: Rows of one run.
        others: Rows of the other run.
        key: Columns that tell rows apart.
        compared: Columns that must be alike.
    """
    ours, theirs = ({tuple(row[name] for name in key): row for row in found} for found in (rows, others))
    lines = []
    for one in ours.keys() | theirs.keys():
        name = ", ".join(str(part) for part in one if part is not None)
        if one not in ours or one not in theirs:
            lines.append(f"{name}: only in the {'first' if one in ours else 'second'}")
        else:
            unlike = [column for column in compared if not _alike(ours[one][column], theirs[one][column])]
            lines += [f"{name}: {column} {ours[one][column]} and {theirs[one][column]}" for column in unlike]
    return sorted(lines)


def _alike(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9)  # processors round in ways of their own
    return bool(a == b)


def _value(name: str, cell: str, layout: Layout) -> Any:
    if cell == "":
        return None
    if name in layout.words:
        return cell
    return int(cell) if name in layout.whole else float(cell)
