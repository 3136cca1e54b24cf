"""Processes that compile for the command line, and that end with it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _Workers(ProcessPoolExecutor):
    """A pool of processes that can be killed while work waits.

    Up to Python 3.12.0 a pool that breaks stumbles over cancelled futures, so what callers cancel are copies.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Hand a call to the pool."""
        copy: Future[T] = Future()

        def hand_on(future: Future[T]) -> None:
            error = future.exception()
            if not copy.set_running_or_notify_cancel():
                return
            if error is not None:
                copy.set_exception(error)
            else:
                copy.set_result(future.result())

        super().submit(fn, *args, **kwargs).add_done_callback(hand_on)
        return copy


@contextmanager
def worker_pool(jobs: int) -> Iterator[Executor | None]:
    """Give a pool of processes that ends with the block, at once after Ctrl-C; None for one job."""
    if jobs == 1:
        yield None
        return
    # New interpreters: a process that draws a bar from a thread is not safely forked. They die of Ctrl-C in silence.
    with _Workers(jobs, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_DFL)) as pool:
        try:
            yield pool
        except BaseException:
            for process in active_children():
                process.terminate()
            raise
