"""Depth, gates, moves, duration, fidelity and compile time of circuits of all kinds, for qpilot and for everyone else.

Every row of OUT/rows.csv is one circuit, compiled one way; OUT/report.md and OUT/*.png are made of all rows. A run that
was broken off goes on where it was when the same command is given again. benchmarks/README.md says what is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from qpilot.arch.errors import QPilotError
from qpilot.arch.files import write_bytes

from . import cases, figures, report, rows, runs
from .command import add_run_options, positive, report_same, require_extra, stale_keys
from .compare import SUITES, Row
from .rows import RowsError
from .ways import EXTRA, WAYS, Settings

RESULTS = Path("results")
QUICK = Path("results-quick")
HERE = Path(__file__).parent
FIRST = ("ratios", "density", "durations")
"""Figures that the README of the project shows; that of the benchmarks shows all."""

LIMIT_S, QUICK_LIMIT_S = 300.0, 60.0
QUICK_CIRCUITS = {"random-10", "random-10-repeat", "3-regular", "er-0.3", "p=0.3", "heisenberg", "ghz-ladder", "qft"}
QUICK_SIZES = {"scaling": [20, 50, 100]}


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the options of the command line."""
    made = argparse.ArgumentParser(prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--suite",
        nargs="+",
        choices=(*SUITES, "all"),
        default=["all"],
        metavar="SUITE",
        help=f"what to measure: {', '.join(SUITES)} or all (default)",
    )
    made.add_argument("--qubits", type=_qubits, nargs="+", metavar="N", help="sizes (default: those of each suite)")
    made.add_argument("--seeds", type=positive, default=2, metavar="N", help="random circuits of a kind (default 2)")
    made.add_argument("--circuits", nargs="+", metavar="NAME", help="only these circuits, such as random-10 qft")
    made.add_argument(
        "--ways", nargs="+", choices=WAYS, metavar="WAY", help=f"only these ways to compile: {', '.join(WAYS)}"
    )
    made.add_argument(
        "--data", type=Path, metavar="DIR", help="also circuits, graphs and Pauli strings in the files of this folder"
    )
    made.add_argument(
        "--quick", action="store_true", help="few circuits of 20 qubits, one seed of each: a few minutes on two cores"
    )
    add_run_options(made, RESULTS, QUICK)
    made.add_argument(
        "--sabre-seeds",
        type=positive,
        metavar="N",
        help="seeds of SABRE, of which the best counts (default 3, quick 1)",
    )
    made.add_argument(
        "--limit", type=positive, metavar="SECONDS", help=f"for one row (default {LIMIT_S:g}, quick {QUICK_LIMIT_S:g})"
    )
    made.add_argument(
        "--again",
        nargs="*",
        choices=WAYS,
        metavar="WAY",
        help="measure what is asked for anew, of these ways; none: of all ways",
    )
    made.add_argument("--readme", action="store_true", help="write the results into the README files of the checkout")
    return made


def main(arguments: Sequence[str] | None = None, prog: str = "python -m benchmarks") -> int:
    """Measure, and write the report; return 0, 1 if qpilot or a comparison failed, 130 after Ctrl-C."""
    command = parser(prog)
    options = command.parse_args(arguments)
    require_extra(command)
    if options.data and not options.data.is_dir():
        command.error(f"{options.data} is not a folder")
    if options.readme and not (HERE.parent / "README.md").is_file():
        command.error("--readme works in a checkout only")
    out = options.out or (QUICK if options.quick else RESULTS)
    settings = Settings(
        sabre_seeds=options.sabre_seeds or (1 if options.quick else 3),
        limit_s=float(options.limit or (QUICK_LIMIT_S if options.quick else LIMIT_S)),
    )
    try:
        return _measure_and_report(options, out, settings)
    except QPilotError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _measure_and_report(options: argparse.Namespace, out: Path, settings: Settings) -> int:
    out.mkdir(parents=True, exist_ok=True)
    path = out / "rows.csv"
    found = rows.load(path)
    _keep_settings(out / "settings.json", settings, has_rows=bool(found))
    jobs = [*_jobs(options)]
    wanted = {rows.key_of(job.case, job.way) for job in jobs}
    failed = [rows.row_key(row) for row in found if row["status"] == "failed"]
    stale = stale_keys(wanted, failed, options.again, rows.KEY.index("way"))
    found = [row for row in found if rows.row_key(row) not in stale]
    known = {rows.row_key(row) for row in found}
    jobs = [job for job in jobs if rows.key_of(job.case, job.way) not in known]
    if found:
        print(f"{len(found)} rows are in {path}; {len(jobs)} are left to measure.", file=sys.stderr)
    complete = runs.run(jobs, found, path, settings, min(options.jobs, len(jobs))) if jobs else True
    if not complete:
        print(f"Stopped. {len(found)} rows are in {path}; the same command goes on.", file=sys.stderr)
        return 130
    measured = rows.load(path)
    pictures = figures.draw_all(measured, out)
    report.write(measured, out, pictures)
    print(report.ratio_table(measured))
    print(f"\nThe report is {out / 'report.md'}, with {len(pictures)} figures; all rows are in {path}.")
    if options.readme:
        first = [picture for picture in pictures if picture.stem in FIRST]
        for readme, shown in ((HERE.parent / "README.md", first), (HERE / "README.md", pictures)):
            links = [Path(os.path.relpath(picture, readme.parent)).as_posix() for picture in shown]
            report.replace_section(readme, report.summary(measured, links))
    refused = [
        row for row in measured if row["version"].startswith("qpilot ") and row["status"] in ("refused", "failed")
    ]
    for row in refused:
        print(f"{' '.join(map(str, rows.row_key(row)))}: {row['note']}", file=sys.stderr)
    return 1 if refused or not _same(measured, options.same_as) else 0


def _jobs(options: argparse.Namespace) -> Iterator[runs.Job]:
    """Yield what the options ask for; say once of each package that is missing how to install it."""
    ways = dict.fromkeys(options.ways or WAYS)
    for way in [*ways]:
        if WAYS[way].version() is None:
            del ways[way]
            print(f"{way} is left out: pip install 'qpilot[{EXTRA}]' brings {WAYS[way].package}.", file=sys.stderr)
    found = [*_cases(options)]
    if options.circuits:
        unknown = set(options.circuits) - {case.circuit for case in found}
        if unknown:
            raise RowsError(f"No suite of this run has a circuit {min(unknown)!r} of these sizes.")
        found = [case for case in found if case.circuit in options.circuits]
    return (runs.Job(case, way) for case in found for way in ways if WAYS[way].takes(case))


def _cases(options: argparse.Namespace) -> Iterator[cases.Case]:
    suites = SUITES if "all" in options.suite else [*dict.fromkeys(options.suite)]
    for suite in suites:
        if not options.quick:
            yield from cases.made_cases(suite, options.qubits, options.seeds)
            continue
        sizes = options.qubits or QUICK_SIZES.get(suite, [20])
        found = cases.made_cases(suite, sizes, 1)
        yield from (case for case in found if case.circuit in (options.circuits or QUICK_CIRCUITS))
    if options.data:
        found = cases.file_cases(options.data)
        yield from (case for case in found if not options.qubits or case.qubits in options.qubits)


def _keep_settings(path: Path, settings: Settings, *, has_rows: bool) -> None:
    """Write the settings of a new folder; refuse others than those its rows were measured with."""
    text = json.dumps({"sabre_seeds": settings.sabre_seeds, "limit_s": settings.limit_s}, indent=2) + "\n"
    if has_rows and path.exists() and path.read_text(encoding="utf-8") != text:
        raise RowsError(
            f"The rows in {path.parent} were measured with other settings ({path.name}); give the same --sabre-seeds "
            "and --limit, or another folder with --out."
        )
    write_bytes(path, text.encode(), RowsError)


def _same(measured: list[Row], other: Path | None) -> bool:
    if other is None:
        return True
    found = rows.load(other / "rows.csv")
    return report_same(measured, found, other, rows.differences(measured, found))


def _qubits(text: str) -> int:
    if not text.isdecimal() or int(text) < 4:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of qubits; give 4 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
