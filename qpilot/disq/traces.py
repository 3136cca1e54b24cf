"""Recorded calibration data, replayed as noise."""

from __future__ import annotations

import csv
import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ..arch.errors import DriftError, plain
from ..arch.files import read_bytes
from . import noise
from .noise import FloatArray, MachineNoise, Memoryless, Process

BOUNDS = {
    "t1_us": (0.0, math.inf),
    "error_1q": (0.0, 0.5),
    "error_2q": (0.0, 0.75),
    "readout_error": (0.0, 0.5),
    "angle_offset_rad": (-math.inf, math.inf),
    "energy_factor": (0.0, 1.0),
}
"""What a trace may hold, and the least and largest values."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace(Process):
    r"""Recorded values of a machine; they take the place of those of the parts of a sum that stand before.

    A run begins at the first row. Between rows the values are interpolated, and after the last row they stay.

    The columns of a file are `time_s`, rising, and any of

    * `t1_us`: relaxation time,
    * `error_1q`, `error_2q`: average infidelity of gates on one and on two qubits,
    * `readout_error`: probability to read the wrong bit,
    * `angle_offset_rad`: what rotations turn too far,
    * `energy_factor`: factor of every expectation value,

    for all qubits, or for one, whose number is added to the name, such as `t1_us_0` (all but `energy_factor`). A CSV
    file has the names in its first line; a JSON file is a list of objects, one for each row, with the names as keys.

    Attributes:
        times_s: Times of the rows, shape (rows,), from 0.
        columns: The values by name of the column, shape (rows,) each.

    >>> trace = Trace.parse("time_s,t1_us_0,error_2q\n0,90,0.01\n600,40,0.02\n")
    >>> trace.times_s.tolist(), trace.columns["t1_us_0"].tolist()
    ([0.0, 600.0], [90.0, 40.0])
    """

    times_s: FloatArray
    columns: dict[str, FloatArray]

    @classmethod
    def load(cls, path: str | Path) -> Trace:
        """Read a file, JSON if its name ends in .json or .json.gz, and else CSV.

        Raises:
            DriftError: The file cannot be read or is no trace; the message tells the line or row.
        """
        data = read_bytes(path, DriftError)
        if ".json" in Path(path).suffixes[-2:]:
            return _trace(_json_rows(data, str(path)), str(path))
        try:
            return cls.parse(data.decode("utf-8-sig"), str(path))
        except UnicodeDecodeError:
            raise DriftError(f"{path} is not text in UTF-8.") from None

    @classmethod
    def parse(cls, text: str, source: str = "The trace") -> Trace:
        """Read the text of a CSV file.

        Args:
            text: The text.
            source: What to call it in an error.

        Raises:
            DriftError: It is no trace; the message tells the line.
        """
        return _trace(_csv_rows(text, source), source)

    def start(self, num_qubits: int, rng: np.random.Generator) -> noise.Path:
        """Return a path that begins at time 0 s.

        Raises:
            DriftError: A column belongs to a qubit that the machine does not have.
        """
        for name in self.columns:
            qubit = _split(name)[1]
            if qubit is not None and qubit >= num_qubits:
                raise DriftError(f"The trace has a column {name}, and the machine has qubits 0 to {num_qubits - 1}.")
        return Memoryless(self._set)

    def _set(self, noise: MachineNoise, times_s: FloatArray, job: int) -> MachineNoise:
        changed: dict[str, FloatArray] = {}
        # Columns of all qubits come first, so that those of one qubit count beside them.
        for name in sorted(self.columns, key=lambda name: _split(name)[1] is not None):
            quantity, qubit = _split(name)
            values = np.interp(times_s, self.times_s, self.columns[name])
            array = changed.setdefault(quantity, np.array(getattr(noise, quantity)))
            if qubit is not None:
                array[:, qubit] = values
            else:
                array[:] = values if array.ndim == 1 else values[:, None]
        return replace(noise, **changed)


def _split(name: str) -> tuple[str, int | None]:
    """Return the quantity of a column and its qubit, None for all."""
    found = re.fullmatch(r"(\w+?)_(\d+)", name)
    if found and found[1] in BOUNDS and found[1] != "energy_factor":
        return found[1], int(found[2])
    return name, None


Row = tuple[str, dict[str, Any]]
"""Where a row stands, in words, and its values."""


def _csv_rows(text: str, source: str) -> list[Row]:
    reader = csv.reader(text.splitlines(), skipinitialspace=True)
    header: list[str] = []
    rows: list[Row] = []
    for cells in reader:
        if not any(cells):
            continue
        where = f"{source}, line {reader.line_num}"
        cells = [cell.strip() for cell in cells]
        if not header:
            header = cells
            twice = next((name for name in header if header.count(name) > 1), None)
            if twice is not None:
                raise DriftError(f"{where}: column {twice!r} stands there twice.")
        elif len(cells) != len(header):
            raise DriftError(f"{where} has {len(cells)} values, and the first line names {len(header)} columns.")
        else:
            rows.append((where, dict(zip(header, cells, strict=True))))
    return rows


def _json_rows(data: bytes, source: str) -> list[Row]:
    try:
        records = msgspec.json.decode(data, type=list[dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DriftError(f"{source} is not a list of rows in JSON: {plain(error)}.") from None
    return [(f"{source}, row {index}", record) for index, record in enumerate(records, 1)]


def _trace(rows: list[Row], source: str) -> Trace:
    """Check rows and return them as columns."""
    if not rows:
        raise DriftError(f"{source} has no rows.")
    names = list(rows[0][1])
    _check_names(names, source)
    table = []
    for where, values in rows:
        if values.keys() != rows[0][1].keys():
            odd = sorted(values.keys() ^ rows[0][1].keys())[0]
            raise DriftError(f"{where}: {odd!r} is not in every row.")
        table.append([_number(values[name], name, where) for name in names])
        if len(table) > 1 and table[-1][names.index("time_s")] <= table[-2][names.index("time_s")]:
            raise DriftError(f"{where}: time_s must rise from row to row.")
    columns = dict(zip(names, np.array(table).T, strict=True))
    times_s = columns.pop("time_s")
    return Trace(times_s - times_s[0], columns)


def _check_names(names: Iterable[str], source: str) -> None:
    names = list(names)
    if "time_s" not in names:
        raise DriftError(f"{source} has no column time_s.")
    if len(names) == 1:
        raise DriftError(f"{source} has no column but time_s; it may have {', '.join(BOUNDS)}.")
    for name in names:
        if name != "time_s" and _split(name)[0] not in BOUNDS:
            near = difflib.get_close_matches(name, BOUNDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(BOUNDS)}."
            raise DriftError(f"{source} has an unknown column {name!r}; {hint}")


def _number(value: Any, name: str, where: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise DriftError(f"{where}: {name} is {value!r}; it must be a finite number.")
    least, most = BOUNDS.get(_split(name)[0], (-math.inf, math.inf))
    if not least <= number <= most or (name.startswith("t1_us") and number == 0.0):
        wanted = "above 0" if math.isinf(most) else f"from {least:g} to {most:g}"
        raise DriftError(f"{where}: {name} is {number:g}; it must be {wanted}.")
    return number
