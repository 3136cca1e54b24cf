"""What the command lines of the studies share."""

from __future__ import annotations

import argparse
import importlib.util
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from .rows import RowsError


def add_run_options(made: argparse.ArgumentParser, results: Path, quick: Path) -> None:
    """Add the options that say where rows go, how many are measured at once, and what they are compared with."""
    made.add_argument("--out", type=Path, metavar="DIR", help=f"default {results}, with --quick {quick}")
    made.add_argument(
        "--jobs", type=positive, default=os.cpu_count() or 1, metavar="N", help="rows at once (default: all cores)"
    )
    made.add_argument(
        "--same-as", type=Path, metavar="DIR", help="compare with the rows of another run; exit with 1 if they differ"
    )


def require_extra(command: argparse.ArgumentParser) -> None:
    """Exit with the line that installs what is missing."""
    if importlib.util.find_spec("pebble") is None:
        command.error("benchmarks need the extra 'bench': pip install 'qpilot[bench]'")


def positive(text: str) -> int:
    """Return a whole number above 0; the type of an option."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def stale_keys(wanted: Collection[Any], failed: Iterable[Any], again: Sequence[str] | None, place: int) -> set[Any]:
    """Return which of the rows that are asked for are to be measured anew: what failed, as it may be mended by now.

    Args:
        wanted: Keys of the rows that are asked for; others stay as they are.
        failed: Keys of the rows that failed.
        again: The option --again: None, or names; no names are all of them.
        place: Where a key holds the name.
    """
    named = {key for key in wanted if again is not None and (not again or key[place] in again)}
    return named | set(wanted).intersection(failed)


def report_same(measured: Sequence[Any], others: Sequence[Any], folder: Path, lines: Sequence[str]) -> bool:
    """Print how two runs differ, given a line for each difference; return whether they do not.

    Raises:
        RowsError: The other run has no rows.
    """
    if not others:
        raise RowsError(f"There are no rows in {folder}; give the --out of another run.")
    print(f"{len(measured)} rows here, {len(others)} in {folder}: ", end="")
    print("the same, times aside." if not lines else f"{len(lines)} differences:", *lines[:20], sep="\n    ")
    return not lines
