"""Trainings under drift: which policy gets how far, at equal iterations and at equal circuits, and what it detects.

Every row of OUT/rows.csv is one training of a case under a kind of drift, with a policy and a seed; OUT/report.md and
OUT/*.png are made of all rows. A run that was broken off goes on where it was when the same command is given again.
benchmarks/disq/README.md says what is measured.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import qpilot
from qpilot.arch.errors import QPilotError
from qpilot.arch.files import write_bytes

from .. import rows, runs
from ..command import add_run_options, positive, report_same, require_extra, stale_keys
from ..compare import Row
from ..rows import RowsError
from . import report
from .policies import POLICIES
from .problems import PROBLEMS
from .settings import SETTINGS
from .table import KEY, LAYOUT, NOT_REPEATED, jobs, row_key
from .work import run

RESULTS, QUICK = Path("results-disq"), Path("results-disq-quick")
ITERATIONS, QUICK_ITERATIONS = 150, 50
SEEDS, QUICK_SEEDS = 10, 3
QUICK_CASES = ("tfim-6", "H2")
QUICK_SETTINGS = ("static", "spikes", "coherent", "published-apart")


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the options of the command line."""
    made = argparse.ArgumentParser(prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, known, what in (
        ("cases", PROBLEMS, "what is trained"),
        ("settings", SETTINGS, "kinds of drift"),
        ("policies", POLICIES, "policies"),
    ):
        made.add_argument(f"--{name}", nargs="+", choices=known, metavar="NAME", help=f"{what}: {', '.join(known)}")
    made.add_argument("--seeds", type=positive, metavar="N", help=f"default {SEEDS}, with --quick {QUICK_SEEDS}")
    made.add_argument(
        "--iterations",
        type=positive,
        metavar="N",
        help=f"accepted iterations of a training (default {ITERATIONS}, quick {QUICK_ITERATIONS})",
    )
    made.add_argument(
        "--quick", action="store_true", help="few cases, kinds of drift, seeds and iterations: under three minutes"
    )
    add_run_options(made, RESULTS, QUICK)
    made.add_argument(
        "--again", nargs="*", choices=POLICIES, metavar="NAME", help="measure these policies anew; none: all of them"
    )
    return made


def main(arguments: Sequence[str] | None = None, prog: str = "python -m benchmarks.disq") -> int:
    """Measure, and write the report; return 0, 1 if a training failed or a comparison did, 130 after Ctrl-C."""
    command = parser(prog)
    options = command.parse_args(arguments)
    require_extra(command)
    try:
        return _measure_and_report(options, options.out or (QUICK if options.quick else RESULTS))
    except QPilotError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _measure_and_report(options: argparse.Namespace, out: Path) -> int:
    out.mkdir(parents=True, exist_ok=True)
    path = out / "rows.csv"
    found = rows.load(path, LAYOUT)
    iterations = options.iterations or (QUICK_ITERATIONS if options.quick else ITERATIONS)
    todo = [
        *jobs(
            options.cases or (QUICK_CASES if options.quick else [*PROBLEMS]),
            options.settings or (QUICK_SETTINGS if options.quick else None),
            options.policies or [*POLICIES],
            options.seeds or (QUICK_SEEDS if options.quick else SEEDS),
            iterations,
        )
    ]
    broken = [row_key(row) for row in found if row["note"]]
    stale = stale_keys({key for job in todo for key in job.keys}, broken, options.again, KEY.index("policy"))
    found = [row for row in found if row_key(row) not in stale]
    known = {row_key(row) for row in found}
    todo = [job for job in todo if not known.issuperset(job.keys)]
    if found:
        print(f"{len(found)} rows are in {path}; {len(todo)} trainings are left to measure.", file=sys.stderr)
    workers = min(options.jobs, len(todo))
    _keep_settings(out / "settings.json", iterations, workers, has_rows=bool(found))
    if todo and not run(todo, found, path, workers):
        print(f"Stopped. {len(found)} rows are in {path}; the same command goes on.", file=sys.stderr)
        return 130
    measured = rows.load(path, LAYOUT)
    pictures = report.write(measured, out)
    print(report.summary(measured))
    print(f"\nThe report is {out / 'report.md'}, with {len(pictures)} figures; all rows are in {path}.")
    failed = [row for row in measured if row["note"]]
    for row in failed:
        print(f"{' '.join(map(str, row_key(row)))}: {row['note']}", file=sys.stderr)
    return 1 if failed or not _same(measured, options.same_as) else 0


def _keep_settings(path: Path, iterations: int, workers: int, *, has_rows: bool) -> None:
    """Write with what the rows of a folder are measured, and add this run; refuse another number of iterations."""
    kept = json.loads(path.read_text(encoding="utf-8")) if has_rows and path.exists() else {}
    if kept.get("iterations", iterations) != iterations:
        raise RowsError(
            f"The rows in {path.parent} are of {kept['iterations']} iterations; give --iterations "
            f"{kept['iterations']}, or another folder with --out."
        )
    made = kept.get("made", [])
    if workers:
        versions = f"qpilot {qpilot.__version__} {runs.git_revision()}, Python {platform.python_version()}"
        made = [*dict.fromkeys([*made, f"{runs.today()}: {versions}, {runs.machine_name(workers)}"])]
    text = json.dumps({"iterations": iterations, "made": made}, indent=2) + "\n"
    write_bytes(path, text.encode(), RowsError)


def _same(measured: list[Row], other: Path | None) -> bool:
    if other is None:
        return True
    found = rows.load(other / "rows.csv", LAYOUT)
    lines = rows.differences(measured, found, KEY, [name for name in LAYOUT.columns if name not in NOT_REPEATED])
    return report_same(measured, found, other, lines)


if __name__ == "__main__":
    sys.exit(main())
