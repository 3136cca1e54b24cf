"""The rows of a run: one for each case and way, kept in a CSV file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
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


class RowsError(QPilotError, ValueError):
    """A file of rows cannot be read or written."""


def key_of(case: Case, way: str) -> tuple[Any, ...]:
    """Return the cells of `KEY`."""
    return case.suite, case.circuit, case.qubits, case.seed, case.variant, way


def row_key(row: Row) -> tuple[Any, ...]:
    """Return the cells of `KEY` of a row."""
    return tuple(row[name] for name in KEY)


def load(path: Path) -> list[Row]:
    """Return the rows of a file; none if there is no file.

    Raises:
        RowsError: The file was not written by `save`, or by another version of it.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise RowsError(f"{path} has other columns than this version writes; give another folder with --out.")
        try:
            return [{name: _value(name, cell) for name, cell in row.items()} for row in reader]
        except (ValueError, TypeError) as error:
            raise RowsError(f"{path} cannot be read: {error}.") from error


def save(rows: Iterable[Row], path: Path) -> None:
    """Write rows in the order of suites, circuits, sizes and ways; the file appears whole or not at all."""

    def place(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return case_key((row["suite"], row["circuit"], row["qubits"], row["variant"], row["seed"])), way_key(row["way"])

    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=place))
    write_bytes(path, text.getvalue().encode(), RowsError)


def differences(rows: Iterable[Row], others: Iterable[Row]) -> list[str]:
    """Return a line for each row that two runs do not have alike; times, provenance and rounding may differ."""
    same = [name for name in COLUMNS if name not in (*TIMES, *PROVENANCE)]
    ours, theirs = ({row_key(row): row for row in found} for found in (rows, others))
    lines = []
    for key in ours.keys() | theirs.keys():
        name = ", ".join(str(part) for part in key if part is not None)
        if key not in ours or key not in theirs:
            lines.append(f"{name}: only in the {'first' if key in ours else 'second'}")
        else:
            unlike = [column for column in same if not _alike(ours[key][column], theirs[key][column])]
            lines += [f"{name}: {column} {ours[key][column]} and {theirs[key][column]}" for column in unlike]
    return sorted(lines)


def _alike(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9)  # processors round in ways of their own
    return bool(a == b)


def _value(name: str, cell: str) -> Any:
    if cell == "":
        return None
    if name in WORDS:
        return cell
    return int(cell) if name in WHOLE else float(cell)
