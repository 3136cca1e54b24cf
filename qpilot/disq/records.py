"""What a run did, attempt by attempt, and how that is written down."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..arch.errors import DriftError, plain
from ..arch.files import read_bytes, write_bytes
from .policies import RETRIES, STAYS, Action

Floats = NDArray[np.float64]

T = TypeVar("T")

FORMAT, VERSION = "qpilot-disq", 1
"""Name and version of the files of this package."""


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One attempt. The axes s, k and g are directions, points of the set (plus and minus) and groups.

    Attributes:
        iteration: Number of the iteration, from 0.
        attempt: How often the iteration was tried before.
        jobs: Numbers of its jobs, from 0 at the start of the run.
        x: Parameters before the attempt.
        directions: Directions of SPSA, shape (s, parameters).
        perturbation: Distance c_k of the points from x, per coordinate.
        energies: Energies of the points, shape (s, k); NaN where the attempt ended before all groups had run.
        values: Mean of each group at each point, shape (s, k, g); NaN for groups that have not run.
        variances: Variances of these means; NaN where they are not known.
        old: Stored means of references that the policy compared.
        new: Their means in this attempt.
        differences: Differences of energy that the step was taken by, shape (s,).
        energy_ahead: Energy after the step, if it was measured.
        action: What became of the attempt.
        statistic: What the policy tested, if anything.
        threshold: What it was compared with.
        reason: A few words of the policy.
        circuits: Circuits of the attempt.
        shots: Shots of the attempt.
        total_circuits: Circuits of the run up to here, the calibration included.
        total_shots: Shots of the run up to here, the calibration included.
        wall_s: Time that the attempt took, in seconds.
    """

    iteration: int
    attempt: int
    jobs: tuple[int, ...]
    x: Floats
    directions: Floats
    perturbation: float
    energies: Floats
    values: Floats
    variances: Floats
    old: Floats
    new: Floats
    differences: Floats
    energy_ahead: float | None
    action: Action
    statistic: float | None
    threshold: float | None
    reason: str
    circuits: int
    shots: int
    total_circuits: int
    total_shots: int
    wall_s: float

    @property
    def energy(self) -> float:
        """Mean energy of the points; NaN where not all groups have run."""
        return float(self.energies.mean())

    @property
    def skipped(self) -> bool:
        """Whether the iteration had to be tried again."""
        return self.action in RETRIES


COLUMNS = (
    "iteration", "attempt", "action", "energy", "statistic", "threshold", "reason", "circuits", "shots",
    "total_circuits", "total_shots", "wall_s",
)  # fmt: skip
"""Columns of the CSV form."""


@dataclass(slots=True, eq=False)
class History:
    """All attempts of a run, in order.

    Attributes:
        records: One for each attempt.
    """

    records: list[Record] = field(default_factory=list)

    def __len__(self) -> int:
        """Return the number of attempts."""
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        """Iterate over the attempts."""
        return iter(self.records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        """Return an attempt, or a list of them."""
        return self.records[index]

    @property
    def skips(self) -> int:
        """Number of attempts after which the iteration had to be tried again."""
        return sum(record.skipped for record in self.records)

    @property
    def accepted(self) -> list[Record]:
        """The attempts whose steps were taken."""
        return [record for record in self.records if record.action not in STAYS]

    def to_json(self) -> bytes:
        """Return the history as JSON; numbers that are not known are null."""
        file = {"format": FORMAT, "version": VERSION, "records": self.records}
        return msgspec.json.encode(file, enc_hook=as_list)

    def to_csv(self) -> str:
        """Return a table with one line for each attempt, without the arrays."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows([_cell(getattr(record, name)) for name in COLUMNS] for record in self.records)
        return text.getvalue()

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame` with one row for each attempt.

        Raises:
            DriftError: pandas is not installed.
        """
        try:
            import pandas as pd  # type: ignore[import-untyped, unused-ignore]
        except ImportError:
            raise DriftError("to_pandas needs pandas, which is not installed; to_csv does without it.") from None
        names = [*COLUMNS, *(each.name for each in fields(Record) if each.name not in COLUMNS)]
        return pd.DataFrame({name: [getattr(record, name) for record in self.records] for name in names})

    def save(self, path: str | Path) -> None:
        """Write the history as CSV if the name ends in .csv or .csv.gz, else as JSON.

        Raises:
            DriftError: The file cannot be written.
        """
        is_csv = re.search(r"\.csv(\.gz)?$", str(path))
        write_bytes(path, self.to_csv().encode() if is_csv else self.to_json() + b"\n", DriftError)

    @classmethod
    def load(cls, path: str | Path) -> History:
        """Read the history from a JSON file that `save` wrote, or from a checkpoint.

        Raises:
            DriftError: The file is missing, damaged or no such file.
        """
        return cls(list(decode_file(path, _HistoryFile).records))


class _HistoryFile(msgspec.Struct):
    """The part of a file that holds the history."""

    format: Literal["qpilot-disq"]
    version: Literal[1]
    records: tuple[Record, ...]


def decode_file(path: str | Path, kind: type[T]) -> T:
    """Read a JSON file of this package.

    Raises:
        DriftError: The file is missing, damaged or no such file.
    """
    try:
        return msgspec.json.decode(read_bytes(path, DriftError), type=kind, dec_hook=_as_array)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DriftError(f"{path} is no file of qpilot.disq, or is damaged: {plain(error)}.") from None


def as_list(value: Any) -> Any:
    """Return an array or number of numpy as JSON values; the hook of msgspec."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise NotImplementedError(type(value).__name__)


def _as_array(kind: Any, value: Any) -> Any:
    """Return an array from lists of numbers, in which None stands for NaN."""
    try:
        return np.array(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"an array is damaged ({error})") from None


def _cell(value: Any) -> Any:
    return "" if value is None or value != value else value
