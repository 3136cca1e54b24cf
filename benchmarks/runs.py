"""Rows of a table measured one after another and kept in a file, so that a run may be broken off and taken up again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import Progress

import qpilot

from .tables import Table


class Job(Protocol):
    """One row to measure."""

    @property
    def head(self) -> tuple[object, ...]:
        """The first cells of the row, which no other row has."""

    @property
    def weight(self) -> float:
        """About how long this job takes beside the others."""

    def cells(self) -> tuple[object, ...]:
        """Measure, and return the other cells of the row."""


def open_table(parser: argparse.ArgumentParser, columns: Iterable[str], csv: Path | None) -> Table:
    """Print the headings, and the rows that an earlier run left in the file; refuse a file with other columns."""
    table = Table(*columns)
    table.start()
    if csv and csv.exists():
        try:
            table.load_csv(csv)
        except ValueError as error:
            parser.error(str(error))
    return table


def print_means(columns: Iterable[str], rows: Sequence[tuple[object, ...]], measured: Table) -> None:
    """Print a table of means, unless each is of a single row of what was measured."""
    if len(rows) < len(measured.rows):
        print()
        table = Table(*columns)
        table.start()
        for row in rows:
            table.add(*row)


def measure(jobs: Iterable[Job], table: Table, csv: Path | None) -> int:
    """Add a row for each job the table has no row of, and save the table after each.

    A job that qpilot refuses is told on standard error, and the others go on.

    Returns:
        How many jobs were refused.
    """
    new = [*jobs]
    if new:
        known = {row[: len(new[0].head)] for row in table.rows}
        new = [job for job in new if job.head not in known]
    refused = 0
    silent = not sys.stderr.isatty()
    with Progress(
        console=Console(stderr=True),
        disable=silent,
        redirect_stdout=sys.stdout.isatty(),
        speed_estimate_period=3600,  # seconds; a job may take minutes
    ) as progress:
        bar = progress.add_task("", total=sum(job.weight for job in new))
        for job in new:
            named = zip(table.columns, job.head, strict=False)
            name = ", ".join(f"{column} {cell}" for column, cell in named if cell is not None)
            progress.update(bar, description=name)
            try:
                table.add(*job.head, *job.cells())
            except qpilot.QPilotError as error:
                refused += 1
                print(f"{name}: {error}", file=sys.stderr)
            if csv:
                table.save_csv(csv)
            progress.advance(bar, job.weight)
    return refused
