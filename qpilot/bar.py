"""The progress bar of long work, on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any

from .routing.options import Progress, no_progress

DELAY_S = 2.0
"""Work that takes less time than this shows no bar."""


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Give a callback that draws a bar with the time left; it draws nothing where nobody looks on.

    A bar is drawn in a terminal, and in a notebook that has ipywidgets.
    """
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if not (sys.stderr.isatty() or (console.is_jupyter and find_spec("ipywidgets"))):
        yield no_progress
        return
    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left:"), TimeRemainingColumn()
    )  # fmt: skip
    # The time left is judged by the last hour, since one step may take minutes.
    bar = Bar(*columns, console=console, transient=True, speed_estimate_period=3600.0)
    task = bar.add_task("reading", total=None)
    start, shown = time.monotonic(), False
    with ExitStack() as stack:

        def report(fraction: float, phase: str) -> None:
            nonlocal shown
            # Nothing done yet may also mean that the size of the work is not known: the bar pulses.
            bar.update(task, completed=fraction, description=phase, total=1.0 if fraction else None)
            if not shown and time.monotonic() - start >= DELAY_S:
                stack.enter_context(bar)
                shown = True

        yield report


@contextmanager
def reporter(progress: bool | Progress) -> Iterator[Progress]:
    """Give what an option `progress` asks for: a bar for True, nothing for False, or the function itself."""
    if progress is True:
        with progress_bar() as report:
            yield report
    else:
        yield progress or no_progress
