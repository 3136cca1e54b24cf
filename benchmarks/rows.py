"""The rows of a run: one for each case and way, kept in a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from qpilot.arch.errors import QPilotError
from qpilot.arch.files import write_bytes

from .cases import CIRCUITS, PUBLISHED, SUITES, Case
from .record import RESULT_COLUMNS, TIMES

Row = dict[str, Any]

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


def save(rows: Iterable[Row], path: Path, ways: Iterable[str]) -> None:
    """Write rows in the order of suites, circuits, sizes and ways; the file appears whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(in_order(rows, ways))
    write_bytes(path, text.getvalue().encode(), RowsError)


def in_order(rows: Iterable[Row], ways: Iterable[str]) -> list[Row]:
    """Return rows by suite, circuit, qubits, seed, variant and way; each in the order of its list, others behind."""
    suites = _ranks((*SUITES, PUBLISHED))
    circuits = _ranks(name for names in CIRCUITS.values() for name in names)
    ranks = _ranks(ways)

    def place(row: Row) -> tuple[Any, ...]:
        suite, circuit, qubits, seed, variant, way = (row[name] for name in KEY)
        return (
            suites.get(suite, len(suites)), circuits.get(circuit, len(circuits)), circuit, qubits,
            -1 if seed is None else seed, _natural(variant), ranks.get(way, len(ranks)), way,
        )  # fmt: skip

    return sorted(rows, key=place)


def differences(rows: Iterable[Row], others: Iterable[Row]) -> list[str]:
    """Return a line for each row that two runs do not have alike; times and provenance may differ."""
    same = [name for name in COLUMNS if name not in (*TIMES, *PROVENANCE)]
    ours, theirs = ({tuple(row[name] for name in KEY): row for row in found} for found in (rows, others))
    lines = []
    for key in ours.keys() | theirs.keys():
        name = ", ".join(str(part) for part in key if part is not None)
        if key not in ours or key not in theirs:
            lines.append(f"{name}: only in the {'first' if key in ours else 'second'}")
        else:
            unlike = [column for column in same if ours[key][column] != theirs[key][column]]
            lines += [f"{name}: {column} {ours[key][column]} and {theirs[key][column]}" for column in unlike]
    return sorted(lines)


def _ranks(names: Iterable[str]) -> Mapping[str, int]:
    return {name: rank for rank, name in enumerate(dict.fromkeys(names))}


def _natural(variant: str | None) -> tuple[int, str]:
    """Sort lattices by columns, "kept" before "free"."""
    if variant is None:
        return -1, ""
    columns = variant.partition("x")[2]
    return (int(columns) if columns.isdecimal() else variant == "free"), variant


def _value(name: str, cell: str) -> Any:
    if cell == "":
        return None
    if name in WORDS:
        return cell
    return int(cell) if name in WHOLE else float(cell)
