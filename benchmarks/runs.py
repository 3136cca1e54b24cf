"""Rows measured in worker processes, kept as soon as they are known, so that a run may be broken off and taken up."""

from __future__ import annotations

import datetime
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures import TimeoutError as TooLong
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import qpilot

from .cases import Case, rotations_of, size_of
from .compare import Row
from .record import to_cells
from .rows import COLUMNS, KEY, key_of, save
from .ways import WAYS, Settings

ONE_THREAD = {"RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "QISKIT_PARALLEL": "FALSE"}
"""Every worker has one core, so that the times of all ways are of one core, whatever runs beside them."""

SAVE_S = 1.0
"""Rows are saved at most so often, and at the end."""

TELL_S = 60.0
"""Where nobody sees a progress bar, a line is written this often."""


@dataclass(frozen=True, slots=True)
class Job:
    """One row to measure."""

    case: Case
    way: str

    @property
    def name(self) -> str:
        """The job in words."""
        return " ".join(str(part) for part in key_of(self.case, self.way) if part is not None)

    def weight(self) -> float:
        """Return about how long this job takes beside others: gates or letters, times the cost of the way."""
        case = self.case
        work = sum(len(label) - label.count("I") for label, _ in rotations_of(case)) if case.kind == "paulis" else 0
        return WAYS[self.way].cost * (10 + (work or size_of(case)))


def run(jobs: Sequence[Job], rows: list[Row], path: Path, settings: Settings, workers: int) -> bool:
    """Measure jobs, and add a row for each to `rows` and to the file.

    Returns:
        Whether all were measured; False after Ctrl-C.

    Raises:
        ImportError: The extra `bench` (pebble) is not installed.
    """
    from pebble import ProcessPool

    os.environ.update(ONE_THREAD)
    revision, machine = _revision(), _machine(workers)
    weights = {job: job.weight() for job in jobs}
    # Small ones first: what is broken is seen soon, and all of a figure but its right end.
    todo = sorted(jobs, key=lambda job: weights[job])
    with _progress(sum(weights.values()), len(jobs)) as tell:
        ways = [*dict.fromkeys(job.way for job in jobs)]
        pool = ProcessPool(max_workers=workers, initializer=warm_up, initargs=(ways,), context=get_context("spawn"))
        saved = 0.0
        try:
            futures: dict[Future[dict[str, Any]], Job] = {
                pool.schedule(measure, args=(job.case, job.way, settings), timeout=settings.limit_s): job
                for job in todo
            }
            for future in as_completed(futures):
                job = futures[future]
                cells = _outcome(future, job.case, settings)
                row = dict.fromkeys(COLUMNS) | dict(zip(KEY, key_of(job.case, job.way), strict=True)) | cells
                row |= {"version": WAYS[job.way].version(), "revision": revision, "python": platform.python_version()}
                row |= {"machine": machine, "date": datetime.datetime.now(datetime.UTC).date().isoformat()}
                rows.append(row)
                if time.monotonic() - saved > SAVE_S:
                    save(rows, path)
                    saved = time.monotonic()
                tell(weights[job], job.name)
        except KeyboardInterrupt:
            return False
        finally:
            save(rows, path)
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()
    return True


def warm_up(ways: Sequence[str]) -> None:
    """Load in a worker what is loaded at first use, which is part of no time; leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for case in (Case("qaoa", "er-0.5", 4, 0), Case("paulis", "p=0.5", 4, 0, "kept")):
        for way in ways:
            if WAYS[way].takes(case):
                with suppress(Exception):  # its first row will say so
                    WAYS[way].run(case, Settings(sabre_seeds=1, limit_s=60))


def measure(case: Case, way: str, settings: Settings) -> dict[str, Any]:
    """Compile a case one way; return the cells of its row between `KEY` and `PROVENANCE`."""
    cells: dict[str, Any] = {"size": size_of(case)}
    try:
        return cells | {"status": "ok"} | to_cells(WAYS[way].run(case, settings))
    except qpilot.QPilotError as error:
        return cells | {"status": "refused", "note": _sentence(error)}
    except Exception as error:
        return cells | {"status": "failed", "note": _sentence(error)}


def _outcome(future: Future[dict[str, Any]], case: Case, settings: Settings) -> dict[str, Any]:
    """Return the cells that a worker sent, or what is known if it was stopped or died."""
    try:
        return future.result()
    except TooLong:
        return {"size": size_of(case), "status": "timeout", "note": f"more than {settings.limit_s:g} s"}
    except Exception as error:
        return {"size": size_of(case), "status": "failed", "note": _sentence(error)}


def _sentence(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _revision() -> str | None:
    """Return the git revision of a checkout, with a plus sign if Python files were changed since."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        found = subprocess.run([*git, "rev-parse", "--short=9", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no", ":/*.py"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip() + ("+" if changed.stdout.strip() else "")


def _machine(workers: int) -> str:
    """Return the processor, and how many rows were measured at once."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{name}, {os.cpu_count()} cores, {workers} at once"


@contextmanager
def _progress(total: float, count: int) -> Iterator[Callable[[float, str], None]]:
    """Give a function to call with the weight and name of each job that is done; show a bar, or a line now and then."""
    done, weight, start = 0, 0.0, time.monotonic()
    last = start
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        redirect_stdout=False,
    ) as bar:
        task = bar.add_task("starting", total=count, left="?")

        def tell(amount: float, name: str) -> None:
            nonlocal done, weight, last
            done, weight, now = done + 1, weight + amount, time.monotonic()
            left = _duration((now - start) * (total - weight) / weight)
            bar.update(task, completed=done, description=name, left=left)
            if bar.disable and now - last > TELL_S:
                last = now
                print(f"{done} of {count} rows after {_duration(now - start)}, about {left} left", file=sys.stderr)

        yield tell


def _duration(seconds: float) -> str:
    return str(datetime.timedelta(seconds=round(seconds)))
