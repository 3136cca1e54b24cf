"""Trainings measured in worker processes."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from .. import rows, runs
from ..compare import Row
from .problems import problem
from .table import KEY, LAYOUT, Job, row_key
from .training import measure


def run(todo: Sequence[Job], found: list[Row], path: Path, workers: int) -> bool:
    """Measure trainings, and add their rows to `found` and to the file; return False after Ctrl-C."""
    known = {row_key(row) for row in found}

    def keep(place: int, future: Future[Any]) -> None:
        cells = _outcome(future)
        new = [key for key in todo[place].keys if key not in known]
        found.extend(dict.fromkeys(LAYOUT.columns) | dict(zip(KEY, key, strict=True)) | cells for key in new)

    tasks = [runs.Task(job.name, job.weight(), (job,)) for job in todo]
    save = partial(rows.save, found, path, LAYOUT)
    return runs.collect(tasks, timed, keep, save, workers, begin=(warm_up, [*dict.fromkeys(job.case for job in todo)]))


def warm_up(cases: Sequence[str]) -> None:
    """Make the cases in a worker before the first row; leave Ctrl-C to the parent; be silent about each pause."""
    logging.getLogger("qpilot.disq").setLevel(logging.ERROR)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for case in cases:
        problem(case)


def timed(job: Job) -> dict[str, Any]:
    """Measure a training in a worker; return the cells of its rows."""
    start = time.perf_counter()
    cells = measure(job.case, job.setting, job.policies[0], job.seed, job.iterations)
    return cells | {"wall_s": float(f"{time.perf_counter() - start:.2g}")}


def _outcome(future: Future[Any]) -> dict[str, Any]:
    try:
        cells: dict[str, Any] = future.result()
    except Exception as error:
        return {"note": runs.sentence(error)}
    return cells
