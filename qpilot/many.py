"""`compile_many`: many circuits on any pool of workers, and what became of each."""

from __future__ import annotations

import inspect
import operator
import os
import pickle
import socket
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, field, fields
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from qiskit import QuantumCircuit

from .arch.device import FPQA
from .arch.errors import CircuitError, OptionError, QPilotError
from .arch.program import Program
from .bar import reporter
from .compiler import compile as compile_one
from .frontend import circuit_name
from .machine import CompileOptions
from .routing.options import Progress, no_progress

LEAST_WINDOW, MOST_WINDOW = 32, 4096
"""Circuits in the hands of an executor at a time, least and most; in between, two for each worker seen so far."""

TICK_S = 0.5
"""How often progress is told while no circuit gets done."""


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """A circuit that was not compiled.

    Attributes:
        index: Its place among the circuits, from 0.
        name: Its name; that of a file without its ending.
        error: What `compile` raised, or what the executor says of a worker that died.
    """

    index: int
    name: str
    error: BaseException

    def __str__(self) -> str:
        """Return the circuit and the error in one line."""
        words = f"circuit {self.index} ({self.name}): {type(self.error).__name__}: {self.error}"
        return " ".join(words.split()).rstrip(": ")


Result = Program | Failure

Worker = tuple[str, int, int]
"""Host, process and thread that compiled a circuit."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C stopped `compile_many`; what was done is in `results`.

    Attributes:
        results: A Program or Failure for each circuit up to the last one begun, in order. What was still in hand is a
            Failure whose error is a KeyboardInterrupt.
    """

    def __init__(self, results: list[Result]) -> None:
        super().__init__(results)
        self.results = results

    def __str__(self) -> str:
        """Say where the results are."""
        done = sum(isinstance(result, Program) for result in self.results)
        return f"stopped after {done} programs, which are in the 'results' of this exception (sys.last_value.results)."


def compile_many(
    circuits: Iterable[QuantumCircuit | str | Path],
    executor: Executor | None = None,
    progress: bool | Progress = True,
    *,
    on_result: Callable[[int, Result], object] | None = None,
    **options: Any,
) -> list[Result]:
    """Compile many circuits, with the workers of an executor if one is given.

    The programs are the same with any executor. A circuit that fails stops no other: its place in the list holds a
    `Failure`. So does that of a circuit whose worker died; an executor that does not replace its workers, such as a
    process pool, then also gives up the circuits that wait. Ctrl-C raises `Interrupted`, which holds what was done.

    Circuits are handed to the executor a few at a time, so `circuits` may be a generator of any length.

    Args:
        circuits: What `compile` takes, each. Workers read paths themselves, so they need the same files.
        executor: Any `concurrent.futures.Executor`, such as ProcessPoolExecutor() or `client.get_executor()` of Dask;
            it is not shut down. Without one, the circuits are compiled here, one after the other.
        progress: True draws a bar with the time left, in a terminal or notebook, if the work takes more than two
            seconds. Or what to call now and then with the fraction done (0 while the number of circuits is not known)
            and a few words.
        on_result: Called here with the index and the Program or Failure of a circuit as soon as it is done, in any
            order: to save programs while the work goes on.
        options: Options of `compile`, the same for every circuit.

    Returns:
        A Program or Failure for each circuit, in order. An error of the iterable itself is the last Failure.

    Raises:
        CircuitError: `circuits` is a single circuit, or no iterable.
        OptionError: An option is not known or has an unknown value; or `executor` is no executor.
        Interrupted: Ctrl-C was pressed.

    >>> import qpilot
    >>> results = qpilot.compile_many(["OPENQASM 3.0; qubit q; U(0.5, 0, 0) q;", "OPENQASM 3.0; qubit q; U(0.5) q;"])
    >>> [type(result).__name__ for result in results]
    ['Program', 'Failure']
    """
    _check(circuits, executor, progress, options)
    with reporter(progress) as report:
        run = _Run(options, operator.length_hint(circuits), on_result, report)
        report(0.0, run.words())
        try:
            if executor is None:
                _run_here(run, circuits)
            else:
                _run_on(executor, run, circuits)
        except KeyboardInterrupt:
            raise Interrupted(run.in_order()) from None
        report(1.0, run.words())
    return run.in_order()


def _check(circuits: object, executor: object, progress: object, options: dict[str, Any]) -> None:
    """Refuse wrong arguments before any work."""
    if isinstance(circuits, (QuantumCircuit, str, Path)) or not isinstance(circuits, Iterable):
        raise CircuitError(
            f"compile_many takes a list of circuits and not one object of type {type(circuits).__name__}; "
            "a single circuit goes to compile."
        )
    if executor is not None and not isinstance(executor, Executor):
        raise OptionError(
            f"executor is {executor!r}; it must be an instance of concurrent.futures.Executor, such as "
            "ProcessPoolExecutor() or, with Dask, client.get_executor()."
        )
    if not isinstance(progress, bool) and not callable(progress):
        raise OptionError(f"progress is {progress!r}; it must be True, False or a function of a fraction and words.")
    known = [name for name in inspect.signature(compile_one).parameters if name not in ("circuit", "progress")]
    unknown = next((name for name in options if name not in known), None)
    if unknown is not None:
        raise OptionError(f"compile_many has no option {unknown!r}; the options are {', '.join(known)}.")
    device = options.get("device")
    if device is not None and not isinstance(device, FPQA):
        raise OptionError(f"device is {device!r}; it must be an FPQA, such as FPQA.load(path), or None.")
    names = {option.name for option in fields(CompileOptions)}
    CompileOptions(**{name: value for name, value in options.items() if name in names})


@dataclass(slots=True)
class _Run:
    """One call of `compile_many`: what was asked for, and the results so far.

    Attributes:
        total: Number of circuits; 0 where it is not known.
        failed: Number of failures among the results.
    """

    options: dict[str, Any]
    total: int
    on_result: Callable[[int, Result], object] | None
    report: Progress
    results: dict[int, Result] = field(default_factory=dict)
    failed: int = 0

    def record(self, index: int, name: str, outcome: Program | BaseException) -> None:
        result = outcome if isinstance(outcome, Program) else Failure(index, name, outcome)
        self.results[index] = result
        self.failed += isinstance(result, Failure)
        if self.on_result is not None:
            self.on_result(index, result)

    def lose(self, index: int, name: str) -> None:
        """Record that an interrupt came before a circuit was done."""
        self.results.setdefault(index, Failure(index, name, KeyboardInterrupt("interrupted before it was done.")))

    def in_order(self) -> list[Result]:
        return [self.results[index] for index in sorted(self.results)]

    def fraction(self, part: float = 0.0) -> float:
        """Return the fraction that is done, a part of one more circuit included."""
        return min(1.0, (len(self.results) + part) / self.total) if self.total else 0.0

    def words(self) -> str:
        of = f" of {self.total}" if self.total else ""
        return f"{len(self.results)}{of} circuits" + (f", {self.failed} failed" if self.failed else "")


def _numbered(run: _Run, circuits: Iterable[Any]) -> Iterator[tuple[int, str, Any]]:
    """Yield index, name and circuit of each; record an error of the iterable itself in place of a circuit."""
    index = 0
    try:
        for circuit in circuits:
            yield index, circuit_name(circuit), circuit
            index += 1
    except Exception as error:
        run.record(index, "unknown", _portable(error))


def _run_here(run: _Run, circuits: Iterable[Any]) -> None:
    for index, name, circuit in _numbered(run, circuits):
        try:
            outcome = _attempt(circuit, run.options, lambda part, _: run.report(run.fraction(part), run.words()))
            run.record(index, name, outcome)
        except KeyboardInterrupt:
            run.lose(index, name)
            raise


def _run_on(executor: Executor, run: _Run, circuits: Iterable[Any]) -> None:
    """Keep as many circuits in the hands of an executor as it can use, and record what comes back."""
    waiting = _numbered(run, circuits)
    pending: dict[Future[Any], tuple[int, str]] = {}
    done: SimpleQueue[Future[Any]] = SimpleQueue()
    # An executor does not tell its size, but answers tell who works: the window grows until every worker has a spare.
    workers: set[Worker] = set()
    more = True
    try:
        while more or pending:
            room = more and len(pending) < min(max(LEAST_WINDOW, 2 * len(workers)), MOST_WINDOW)
            if room:
                more = _submit(executor, run, waiting, pending, done)
            try:
                future = done.get(block=not room, timeout=TICK_S)
            except Empty:
                run.report(run.fraction(), run.words())
                continue
            outcome, worker = _outcome(future)
            if worker is not None:
                workers.add(worker)
            run.record(*pending[future], outcome)
            del pending[future]
            run.report(run.fraction(), run.words())
    except KeyboardInterrupt:
        for future, (index, name) in pending.items():
            if not future.done():
                run.lose(index, name)
            elif index not in run.results:
                run.record(index, name, _outcome(future)[0])
        raise
    finally:
        for future in pending:
            future.cancel()


def _submit(
    executor: Executor,
    run: _Run,
    waiting: Iterator[tuple[int, str, Any]],
    pending: dict[Future[Any], tuple[int, str]],
    done: SimpleQueue[Future[Any]],
) -> bool:
    """Hand one more circuit to the executor; return whether there was one."""
    for index, name, circuit in waiting:
        try:
            future = executor.submit(_work, circuit, run.options)
        except Exception as error:  # the executor is closed or broken, or cannot send this circuit
            run.record(index, name, error)
        else:
            pending[future] = index, name
            future.add_done_callback(done.put)
        return True
    return False


def _outcome(future: Future[Any]) -> tuple[Program | BaseException, Worker | None]:
    """Return what became of a circuit, and which worker says so, where one does."""
    try:
        error = future.exception()
    except CancelledError as cancelled:
        error = cancelled
    if error is not None:
        return error.with_traceback(None), None
    outcome: tuple[Program | BaseException, Worker] = future.result()
    return outcome


def _work(circuit: Any, options: dict[str, Any]) -> tuple[Program | BaseException, Worker]:
    """Compile a circuit in a worker."""
    return _attempt(circuit, options), (socket.gethostname(), os.getpid(), threading.get_ident())


def _attempt(circuit: Any, options: dict[str, Any], progress: Progress = no_progress) -> Program | BaseException:
    """Return the program of a circuit, or the error in a form that can be sent and takes no memory."""
    try:
        return compile_one(circuit, progress=progress, **options)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # also what libraries in Rust raise when they panic
        return _portable(error)


def _portable(error: BaseException) -> BaseException:
    """Return an error that can be sent and holds on to nothing; where it came from is a note of those not ours."""
    note = "" if isinstance(error, QPilotError) else "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))  # a process pool breaks when it cannot read what comes back
    except Exception:
        error = QPilotError(f"{type(error).__name__}: {error}")
    if note:
        error.add_note(note)
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
