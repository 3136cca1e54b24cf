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
from functools import partial
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


@dataclass(frozen=True, slots=True)
class Task:
    """Something for a worker process to do.

    Attributes:
        name: What it is, in a few words.
        weight: About how long it takes beside others.
        arguments: What the function of the workers is called with.
    """

    name: str
    weight: float
    arguments: tuple[Any, ...]


def run(jobs: Sequence[Job], rows: list[Row], path: Path, settings: Settings, workers: int) -> bool:
    """Measure jobs, and add a row for each to `rows` and to the file.

    Returns:
        Whether all were measured; False after Ctrl-C.

    Raises:
        ImportError: The extra `bench` (pebble) is not installed.
    """
    revision, machine = git_revision(), machine_name(workers)
    tasks = [Task(job.name, job.weight(), (job.case, job.way, settings)) for job in jobs]
    # Small ones first: what is broken is seen soon, and all of a figure but its right end.
    order = sorted(range(len(jobs)), key=lambda place: tasks[place].weight)

    def keep(place: int, future: Future[Any]) -> None:
        job = jobs[order[place]]
        cells = _outcome(future, job.case, settings)
        row = dict.fromkeys(COLUMNS) | dict(zip(KEY, key_of(job.case, job.way), strict=True)) | cells
        row |= {"version": WAYS[job.way].version(), "revision": revision, "python": platform.python_version()}
        row |= {"machine": machine, "date": today()}
        rows.append(row)

    return collect(
        [tasks[place] for place in order],
        measure,
        keep,
        partial(save, rows, path),
        workers,
        limit_s=settings.limit_s,
        begin=(warm_up, [*dict.fromkeys(job.way for job in jobs)]),
    )


def collect(
    tasks: Sequence[Task],
    function: Callable[..., Any],
    keep: Callable[[int, Future[Any]], None],
    save: Callable[[], None],
    workers: int,
    *,
    limit_s: float | None = None,
    begin: tuple[Callable[[Any], None], Any],
) -> bool:
    """Do tasks in worker processes of one core each, with a bar; what is done is saved about once a second.

    Args:
        tasks: What to do, in this order.
        function: What the workers call with the arguments of a task.
        keep: Called with the place of a task and what its worker gave, in the order in which they finish.
        save: Writes down what was kept.
        workers: Number of processes.
        limit_s: Time that a task may take; None for any.
        begin: What each worker calls first, and with what.

    Returns:
        Whether all were done; False after Ctrl-C.

    Raises:
        ImportError: The extra `bench` (pebble) is not installed.
    """
    from pebble import ProcessPool

    os.environ.update(ONE_THREAD)
    with _progress(sum(task.weight for task in tasks), len(tasks)) as tell:
        pool = ProcessPool(
            max_workers=workers, initializer=begin[0], initargs=(begin[1],), context=get_context("spawn")
        )
        saved = 0.0
        try:
            futures: dict[Future[Any], int] = {
                pool.schedule(function, args=task.arguments, timeout=limit_s): place for place, task in enumerate(tasks)
            }
            for future in as_completed(futures):
                place = futures[future]
                keep(place, future)
                if time.monotonic() - saved > SAVE_S:
                    save()
                    saved = time.monotonic()
                tell(tasks[place].weight, tasks[place].name)
        except KeyboardInterrupt:
            return False
        finally:
            save()
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()
    return True


def today() -> str:
    """Return the date, as rows have it."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


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
        return cells | {"status": "refused", "note": sentence(error)}
    except Exception as error:
        return cells | {"status": "failed", "note": sentence(error)}


def _outcome(future: Future[dict[str, Any]], case: Case, settings: Settings) -> dict[str, Any]:
    """Return the cells that a worker sent, or what is known if it was stopped or died."""
    try:
        return future.result()
    except TooLong:
        return {"size": size_of(case), "status": "timeout", "note": f"more than {settings.limit_s:g} s"}
    except Exception as error:
        return {"size": size_of(case), "status": "failed", "note": sentence(error)}


def sentence(error: BaseException) -> str:
    """Return an error in one line that is not too long."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def git_revision() -> str | None:
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


def machine_name(workers: int) -> str:
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
