"""Many circuits: results in order whatever the executor, failures beside them, and little lost by an interrupt."""

import os
import pickle
import signal
import sys
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import ClassVar

import pytest
from qiskit import QuantumCircuit

import qpilot
from qpilot import CircuitError, Failure, Interrupted, OptionError, Program, RoutingError, bar, compile_many, many
from qpilot.arch.formats import program_to_json

CIRCUITS = Path(__file__).parents[2] / "examples" / "circuits"
TEXT = "OPENQASM 3.0; include 'stdgates.inc'; qubit[2] q; cz q[0], q[1];"


class OddError(Exception):
    """An error that can be pickled but not read again."""

    def __init__(self, one, two):
        super().__init__(one)


class Panic(BaseException):
    """Like the error of a library in Rust that panics."""


RELEASED = threading.Event()


class Trap(QuantumCircuit):
    """A circuit that does something when it is compiled; "die at PATH" kills its worker once, and leaves a file."""

    errors: ClassVar = {
        "bug": IndexError("oops"),
        "odd": OddError(1, 2),
        "panic": Panic("rust"),
        "stop": KeyboardInterrupt(),
    }

    def __init__(self, kind):
        super().__init__(1, name=kind)
        self.home = os.getpid()

    @property
    def parameters(self):
        if self.name in self.errors:
            raise self.errors[self.name]
        if self.name == "wait":
            RELEASED.wait(60)
        kind, _, mark = self.name.partition(" at ")
        if kind == "die" and os.getpid() != self.home and not (mark and Path(mark).exists()):
            if mark:
                Path(mark).touch()
            os._exit(1)
        return super().parameters


def ghz(num_qubits):
    circuit = QuantumCircuit(num_qubits, name=f"ghz{num_qubits}")
    circuit.h(0)
    for target in range(1, num_qubits):
        circuit.cx(0, target)
    return circuit


def mixed():
    """Circuits of every kind that compile takes, and failures between them."""
    loop = QuantumCircuit(1, name="loop")
    loop.h(0)
    with loop.for_loop(range(2)):
        loop.h(0)
    return [
        ghz(5),
        loop,
        CIRCUITS / "bv8.qasm",
        str(CIRCUITS / "qft6.qasm"),
        "nonsense;",
        TEXT,
        7,
        CIRCUITS / "no.qasm",
    ]


class Here(Executor):
    """The least an executor can be: it tells no size, and does at once or when told what it is given."""

    def __init__(self, batch=1, worker=None):
        self.batch, self.worker, self.waiting, self.most = batch, worker, [], 0

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.waiting.append((future, fn, args))
        self.most = max(self.most, len(self.waiting))
        if len(self.waiting) >= self.batch:
            self.finish(self.batch)
        return future

    def finish(self, count):
        for future, fn, args in [self.waiting.pop(0) for _ in range(count)]:
            outcome, worker = fn(*args)
            future.set_result((outcome, self.worker() if self.worker else worker))


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        yield pool


def shown(results):
    """Return what can be compared of results: errors are not equal to their copies."""
    return [result if isinstance(result, Program) else str(result) for result in results]


def test_programs_are_the_same_with_any_executor(processes):
    expected = compile_many(mixed(), seed=3)
    assert [type(result) for result in expected] == [
        Program,
        Failure,
        Program,
        Program,
        Failure,
        Program,
        Failure,
        Failure,
    ]
    assert expected[2] == qpilot.compile(CIRCUITS / "bv8.qasm", seed=3)
    assert shown(compile_many(mixed(), processes, seed=3)) == shown(expected)
    assert shown(compile_many(mixed(), Here(), seed=3)) == shown(expected)
    with ThreadPoolExecutor(3) as threads:
        assert shown(compile_many(mixed(), threads, seed=3)) == shown(expected)


def test_a_failure_says_which_circuit_and_why(processes):
    for executor in (None, processes):
        failure = compile_many(mixed(), executor)[1]
        assert (failure.index, failure.name) == (1, "loop")
        assert isinstance(failure.error, CircuitError)
        assert str(failure).startswith("circuit 1 (loop): CircuitError: Instruction 1 (for_loop) ")
        assert failure.error.__traceback__ is None
        assert failure.error.__context__ is None


@pytest.mark.parametrize(
    ("kind", "error"),
    [("bug", IndexError("oops")), ("odd", qpilot.QPilotError("OddError: 1")), ("panic", Panic("rust"))],
)
def test_an_unexpected_error_is_a_failure_with_its_origin(processes, kind, error):
    first, failure, last = compile_many([TEXT, Trap(kind), TEXT], processes)
    assert isinstance(first, Program)
    assert first == last
    assert (type(failure.error), failure.error.args) == (type(error), error.args)
    assert "in parameters" in failure.error.__notes__[0]
    assert isinstance(compile_many([Trap(kind)])[0], Failure)


def test_errors_and_failures_survive_pickling():
    kinds = [qpilot.QPilotError, *qpilot.QPilotError.__subclasses__()]
    assert RoutingError in kinds
    for kind in kinds:
        failure = pickle.loads(pickle.dumps(Failure(3, "name", kind("One sentence."))))
        assert (failure.index, failure.name, type(failure.error), str(failure.error)) == (
            3,
            "name",
            kind,
            "One sentence.",
        )
    stop = pickle.loads(pickle.dumps(Interrupted(compile_many([TEXT, "nonsense;"]))))
    assert [type(result) for result in stop.results] == [Program, Failure]


def test_a_program_survives_pickling():
    program = qpilot.compile(ghz(30))
    data = pickle.dumps(program)
    again = pickle.loads(data)
    assert again == program
    assert again.compile_s == program.compile_s
    assert again.metrics == program.metrics
    assert len(data) < len(program_to_json(program))


@pytest.mark.parametrize("executor", [None, Here()])
def test_empty_and_generators(executor):
    assert compile_many([], executor) == []
    assert compile_many(iter(()), executor) == []
    assert [result.num_qubits for result in compile_many((ghz(n) for n in range(2, 7)), executor)] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("executor", [None, Here()])
def test_an_error_of_the_iterable_is_the_last_failure(executor):
    def circuits():
        yield TEXT
        raise ValueError("disk gone")

    program, failure = compile_many(circuits(), executor)
    assert isinstance(program, Program)
    assert str(failure) == "circuit 1 (unknown): ValueError: disk gone"


@pytest.mark.parametrize(
    ("options", "words"),
    [({"efort": 2}, "'efort'"), ({"effort": 0}, "effort is 0"), ({"router": "luck"}, "router is 'luck'"),
     ({"device": "enola"}, "device is 'enola'"), ({"executor": 4}, "executor is 4"), ({"progress": 3}, "progress is 3"),
     ({"executor": ThreadPoolExecutor}, "executor is <class"), ({"circuit": TEXT}, "'circuit'")],
)  # fmt: skip
def test_wrong_options_are_refused_before_any_work(options, words):
    def circuits():
        pytest.fail("work has begun")
        yield

    with pytest.raises(OptionError) as error:
        compile_many(circuits(), **options)
    assert words in str(error.value)
    assert str(error.value).count(". ") == 0


@pytest.mark.parametrize("circuits", [TEXT, CIRCUITS / "bv8.qasm", ghz(3), 5, None])
def test_one_circuit_is_no_list(circuits):
    with pytest.raises(CircuitError, match="a single circuit goes to compile"):
        compile_many(circuits)


def test_circuits_are_handed_over_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(many, "LEAST_WINDOW", 4)
    taken, done = [], []

    def circuits():
        for number in range(40):
            taken.append(number)
            assert len(taken) - len(done) <= 5
            yield TEXT

    results = compile_many(circuits(), Here(batch=4), on_result=lambda index, _: done.append(index))
    assert len(results) == 40
    assert sorted(done) == taken


def test_the_window_grows_with_the_workers_seen(monkeypatch):
    monkeypatch.setattr(many, "LEAST_WINDOW", 2)
    monkeypatch.setattr(many, "MOST_WINDOW", 16)
    monkeypatch.setattr(many, "TICK_S", 0)
    workers = iter(range(1000))
    executor = Here(batch=1000, worker=lambda: next(workers))
    told, lengths = [], []

    def progress(fraction, words):
        if (words, len(executor.waiting)) in told:  # nothing more is handed over, and nothing got done
            lengths.append(len(executor.waiting))
            executor.finish(lengths[-1])
        told.append((words, len(executor.waiting)))

    assert len(compile_many([TEXT] * 50, executor, progress)) == 50
    assert lengths[:4] == [2, 4, 12, 16]


def test_progress_may_be_a_function(processes):
    for executor in (None, processes):
        told = []
        compile_many([ghz(4), "nonsense;", ghz(3)], executor, lambda *step, told=told: told.append(step))
        fractions = [fraction for fraction, _ in told]
        assert fractions == sorted(fractions)
        assert told[-1] == (1.0, "3 of 3 circuits, 1 failed")
        assert min(fractions) < 1


def test_progress_of_a_generator_is_told_at_its_end():
    told = []
    compile_many((text for text in [TEXT, TEXT]), None, lambda *step: told.append(step))
    assert {fraction for fraction, _ in told[:-1]} == {0.0}
    assert told[-1] == (1.0, "2 circuits")


def test_the_bar_waits_for_long_work_and_for_a_terminal(monkeypatch, capsys):
    compile_many([TEXT])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    compile_many([TEXT])
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(bar, "DELAY_S", 0.0)
    compile_many([TEXT], progress=False)
    assert capsys.readouterr().err == ""
    compile_many([TEXT, "nonsense;"])
    assert "1 failed" in capsys.readouterr().err


def test_a_dead_worker_loses_only_what_was_in_hand():
    done = {}
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        circuits = [ghz(3), ghz(4), Trap("die"), *[TEXT] * 3]
        results = compile_many(circuits, pool, on_result=done.__setitem__)
        assert shown(results[:2]) == shown(compile_many(circuits[:2]))
        for index, result in enumerate(results[2:], 2):
            assert result.index == index
            assert isinstance(result.error, BrokenProcessPool)
        assert [done[index] for index in range(6)] == results
        assert isinstance(compile_many([TEXT], pool)[0].error, BrokenProcessPool)
    assert isinstance(compile_many([TEXT], pool)[0].error, RuntimeError)


def test_what_cannot_be_sent_is_a_failure(processes):
    circuit = ghz(3)
    circuit.metadata = {"lock": threading.Lock()}
    results = compile_many([TEXT, circuit, TEXT], processes)
    assert [type(result) for result in results] == [Program, Failure, Program]
    assert "pickle" in str(results[1])


def test_ctrl_c_without_executor_keeps_what_is_done():
    with pytest.raises(Interrupted) as stop:
        compile_many([ghz(3), "nonsense;", Trap("stop"), TEXT])
    first, second, third = stop.value.results
    assert first == qpilot.compile(ghz(3))
    assert isinstance(second.error, CircuitError)
    assert (third.index, third.name, type(third.error)) == (2, "stop", KeyboardInterrupt)
    assert "stopped after 1 programs" in str(stop.value)


def test_ctrl_c_keeps_what_the_executor_has_done_by_then():
    def press(index, result):
        seen.append(index)
        if index == 0:
            signal.raise_signal(signal.SIGINT)

    seen = []
    executor = Here(batch=3)
    with pytest.raises(Interrupted) as stop:
        compile_many([ghz(3), ghz(4), ghz(5), ghz(6)], executor, on_result=press)
    assert stop.value.results == [qpilot.compile(ghz(n)) for n in (3, 4, 5)]
    assert sorted(set(seen)) == [0, 1, 2]


def test_ctrl_c_takes_back_what_has_not_begun():
    class Threads(ThreadPoolExecutor):
        def submit(self, *args):
            futures.append(super().submit(*args))
            return futures[-1]

    def press(index, result):
        signal.raise_signal(signal.SIGINT)

    futures = []
    RELEASED.clear()
    with Threads(1) as threads:
        try:
            with pytest.raises(Interrupted) as stop:
                compile_many([ghz(3), Trap("wait"), *[TEXT] * 5], threads, on_result=press)
        finally:
            RELEASED.set()
    first, *others = stop.value.results
    assert first == qpilot.compile(ghz(3))
    assert all(isinstance(failure.error, KeyboardInterrupt) for failure in others)
    assert all(future.cancelled() for future in futures[2:])
    assert len(futures) == 1 + len(others)


def test_an_error_of_on_result_is_the_callers():
    def fail(index, result):
        raise OSError("disk full")

    for executor in (None, Here()):
        with pytest.raises(OSError, match="disk full"):
            compile_many([TEXT, TEXT], executor, on_result=fail)


@pytest.mark.parametrize("executor", [None, Here()])
def test_a_wrong_progress_function_is_no_failed_circuit(executor):
    with pytest.raises(TypeError):
        compile_many([TEXT], executor, lambda fraction: None)
