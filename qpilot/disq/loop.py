"""`minimize` and `resume`: train a circuit on a machine whose noise drifts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from scipy.optimize import OptimizeResult

from ..arch.errors import DriftError
from ..bar import reporter
from ..routing.options import Progress
from .auto import PolicyLike, resolve_policy
from .checkpoint import (
    Checkpoint,
    JobAnswer,
    Journal,
    Settings,
    circuit_from_text,
    circuit_to_text,
    load_checkpoint,
    policy_from,
    policy_settings,
)  # fmt: skip
from .checks import check_integer, check_number
from .drivers import Found, drive_nft, drive_scipy, drive_spsa
from .groups import Groups
from .jobs import EstimatorEvaluator, Evaluator, SamplerEvaluator, check_ansatz
from .policies import Floats
from .records import Record
from .run import Budget, Run
from .spsa import SPSA

OPTIMIZERS = ("spsa", "nft", "cobyla", "powell")
"""Names of the optimizers."""

Transpile = Callable[[list[QuantumCircuit]], list[QuantumCircuit]]


def minimize(
    ansatz: QuantumCircuit | None,
    hamiltonian: SparsePauliOp,
    x0: Any,
    *,
    sampler: Any = None,
    estimator: Any = None,
    evaluator: Evaluator | None = None,
    transpile: Transpile | None = None,
    optimizer: str | SPSA = "spsa",
    policy: PolicyLike = None,
    maxiter: int = 300,
    shots: int = 1024,
    budget_circuits: int | None = None,
    budget_shots: int | None = None,
    budget_s: float | None = None,
    seed: int | None = None,
    callback: Callable[[Record], object] | None = None,
    checkpoint: str | Path | None = None,
    progress: bool | Progress = False,
) -> OptimizeResult:
    """Minimize the energy of a Hamiltonian over the parameters of a circuit, guarded against drift by a policy.

    The new points of an attempt and what the policy runs beside them are one job, group by group, so that they see the
    same noise as far as the machine allows.

    Source: DISQ, arXiv 2308.06634.

    Args:
        ansatz: Circuit with parameters and without measurements; may be None with an `evaluator`.
        hamiltonian: Hamiltonian with real coefficients on the same qubits.
        x0: Parameters at the start, in the order of `ansatz.parameters`.
        sampler: A Qiskit BaseSamplerV2. Give this, an `estimator` or an `evaluator`.
        estimator: A Qiskit BaseEstimatorV2; it knows no variances.
        evaluator: Anything else that runs jobs; see `Evaluator`.
        transpile: What turns circuits into such that the sampler or estimator takes, called once with a list of them;
            for a device the `run` method of a pass manager of Qiskit.
        optimizer: "spsa", its settings as an `SPSA`, "nft", "cobyla" or "powell".
        policy: What to run beside the new points, and when to skip; None takes every step as measured. "auto" is what
            measurements advise, docs/drift_policies.md in the repository: with SPSA `EnergyMonitor()`, which pauses for
            20 s where drift shows; with other optimizers none. A checkpoint holds what it came to.
        maxiter: Number of iterations that are not skipped; with "cobyla" and "powell" the number of energies.
        shots: Shots of each circuit of the new points.
        budget_circuits: No attempt begins that could exceed this number of circuits.
        budget_shots: No attempt begins that could exceed this number of shots.
        budget_s: No attempt begins after this time, in seconds.
        seed: Seed of the directions of SPSA; None for another one each time.
        callback: Called with the record of each attempt; it costs no evaluation. True stops the run.
        checkpoint: File that is written whole after every job, for `resume`; about 2 kB for each attempt. It must not
            exist.
        progress: True draws a bar in a terminal. Or what to call with the fraction done and a few words.

    Returns:
        An OptimizeResult with `x`, `fun` (the energy at `x` as far as it was measured: the mean of the last pair with
        SPSA), `nit`, `nfev` (energies of new points), `success`, `status` (0 if the optimizer came to its end, else 1),
        `message`, `circuits`, `shots`, `skips`, and `history`, a `History`.

    Raises:
        DriftError: The arguments do not fit, a job failed or gave an energy that is no number, or the checkpoint cannot
            be written. The attempts before are in the `history` of any error.
    """
    groups = Groups.of(hamiltonian)
    x = _start(x0, ansatz, groups)
    optimizer = _optimizer(optimizer)
    policy = resolve_policy(policy, optimizer)
    budget = Budget(maxiter, budget_circuits, budget_shots, budget_s)
    check_numbers(budget, shots, seed)
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0])
    runner = _evaluator(ansatz, groups, sampler, estimator, evaluator, transpile)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        raise DriftError(f"{path} exists; resume the run in it, or remove the file.")
    settings = Settings(
        None if ansatz is None or path is None else circuit_to_text(ansatz),
        groups.terms(),
        x.tolist(),
        optimizer,
        int(maxiter),
        int(shots),
        None if budget_circuits is None else int(budget_circuits),
        None if budget_shots is None else int(budget_shots),
        None if budget_s is None else float(budget_s),
        int(seed),
        policy_settings(policy),
    )
    run = Run(runner, groups, policy, shots, budget, Journal(path, settings), callback=callback)
    return _finish(run, settings, progress)


def resume(
    checkpoint: str | Path,
    *,
    sampler: Any = None,
    estimator: Any = None,
    evaluator: Evaluator | None = None,
    transpile: Transpile | None = None,
    policy: PolicyLike = None,
    callback: Callable[[Record], object] | None = None,
    progress: bool | Progress = False,
) -> OptimizeResult:
    """Go on with a run from its checkpoint; the result is that of the run had it never stopped.

    The result is the same bit for bit if the sampler or evaluator gives up its random stream to the checkpoint, and was
    built in the same way as that of the run.

    Args:
        checkpoint: The file that `minimize` wrote; it is written on.
        sampler: As in `minimize`.
        estimator: As in `minimize`.
        evaluator: As in `minimize`.
        transpile: As in `minimize`.
        policy: The policy of the run, if it is not one of ours; the checkpoint holds those, and what "auto" was.
        callback: Called with the record of each further attempt.
        progress: As in `minimize`.

    Returns:
        What `minimize` returns, the attempts before included.

    Raises:
        DriftError: The file is no checkpoint or that of another run, or one of the errors of `minimize`.
    """
    file = load_checkpoint(checkpoint)
    settings = file.run
    groups = Groups.of(SparsePauliOp.from_list(settings.terms))
    ansatz = None if settings.ansatz is None else circuit_from_text(settings.ansatz)
    if policy is None or policy == "auto":  # what "auto" came to is in the file, whatever it is by now
        if settings.policy is None:
            raise DriftError(f"The run in {checkpoint} has a policy of its own kind; give it to resume as policy=.")
        policy = policy_from(settings.policy)
    optimizer = _optimizer(settings.optimizer)
    policy = resolve_policy(policy, optimizer)
    budget = Budget(settings.maxiter, settings.budget_circuits, settings.budget_shots, settings.budget_s)
    check_numbers(budget, settings.shots, settings.seed)
    runner = _evaluator(ansatz, groups, sampler, estimator, evaluator, transpile)
    if file.jobs:
        _restore(runner, file)
    journal = Journal(Path(checkpoint), settings)
    answers: deque[JobAnswer] = deque(file.jobs)
    return _finish(Run(runner, groups, policy, settings.shots, budget, journal, answers, callback), settings, progress)


def _restore(evaluator: Evaluator, file: Checkpoint) -> None:
    """Put an evaluator into the state it had after the last job."""
    try:
        evaluator.restore(file.evaluator)
    except DriftError:
        raise
    except Exception as error:
        words = f"{type(error).__name__}: {error}".rstrip(".")
        raise DriftError(f"The evaluator cannot take up the state in the checkpoint: {words}.") from error


def _finish(run: Run, settings: Settings, progress: bool | Progress) -> OptimizeResult:
    """Drive a run to its end."""
    x0 = np.array(settings.x0)
    optimizer = settings.optimizer
    try:
        with reporter(progress) as run.report:
            if isinstance(optimizer, SPSA):
                found = drive_spsa(run, optimizer, x0, np.random.default_rng(settings.seed))
            elif optimizer == "nft":
                found = drive_nft(run, x0)
            else:
                found = drive_scipy(run, optimizer, x0)
        run.finish()
    except BaseException as error:
        vars(error)["history"] = run.history  # what was done is kept, also when a callback fails or Ctrl-C is pressed
        raise
    return _result(run, found)


def _result(run: Run, found: Found) -> OptimizeResult:
    values: dict[str, Any] = {
        "x": found.x,
        "fun": found.fun,
        "success": found.success,
        "status": 0 if found.success else 1,
        "message": found.message,
        "nit": run.iterations,
        "nfev": run.num_points,
        "circuits": run.circuits,
        "shots": run.num_shots,
        "skips": run.history.skips,
        "history": run.history,
    }
    result = OptimizeResult()
    result.update(values)
    return result


def _start(x0: Any, ansatz: QuantumCircuit | None, groups: Groups) -> Floats:
    """Return the parameters at the start as an array of their own."""
    if ansatz is not None:
        check_ansatz(ansatz, groups)
    try:
        x = np.array(x0, dtype=float)
    except (TypeError, ValueError):
        raise DriftError("x0 must be a list of numbers, one for each parameter.") from None
    if x.ndim != 1 or not x.size:
        raise DriftError(f"x0 has shape {x.shape}; it must be a list of numbers, one for each parameter.")
    if ansatz is not None and len(x) != ansatz.num_parameters:
        raise DriftError(f"x0 has {len(x)} values and the ansatz {ansatz.num_parameters} parameters.")
    if not np.isfinite(x).all():
        raise DriftError(f"x0 holds {x[int(np.argmin(np.isfinite(x)))]} at place {int(np.argmin(np.isfinite(x)))}.")
    return x


def _optimizer(optimizer: object) -> str | SPSA:
    """Return the settings of SPSA, or the name of another optimizer."""
    if isinstance(optimizer, SPSA):
        return optimizer
    name = str(optimizer).lower()
    if name not in OPTIMIZERS:
        raise DriftError(f"optimizer is {optimizer!r}; it must be an SPSA, or one of {', '.join(OPTIMIZERS)}.")
    return SPSA() if name == "spsa" else name


def check_numbers(budget: Budget, shots: int, seed: int | None) -> None:
    """Refuse numbers that are out of range.

    Raises:
        DriftError: One of them is.
    """
    for name, whole in (("maxiter", budget.iterations), ("shots", shots)):
        check_integer(name, whole, 1)
    for name, limit in (("budget_circuits", budget.circuits), ("budget_shots", budget.shots), ("seed", seed)):
        if limit is not None:
            check_integer(name, limit, 0)
    if seed is not None and seed >= 2**63:
        raise DriftError(f"seed is {seed}; it must be below 2^63.")
    if budget.seconds is not None:
        check_number("budget_s", budget.seconds, open_low=True)


def _evaluator(
    ansatz: QuantumCircuit | None,
    groups: Groups,
    sampler: Any,
    estimator: Any,
    evaluator: Evaluator | None,
    transpile: Transpile | None,
) -> Evaluator:
    """Return what runs the jobs."""
    if sum(each is not None for each in (sampler, estimator, evaluator)) != 1:
        raise DriftError("Give one of sampler, estimator and evaluator.")
    if evaluator is not None:
        if evaluator.num_groups != len(groups):
            raise DriftError(f"The evaluator has {evaluator.num_groups} groups and the Hamiltonian {len(groups)}.")
        if transpile is not None:
            raise DriftError("transpile is for a sampler or estimator; an evaluator has circuits of its own.")
        return evaluator
    if ansatz is None:
        raise DriftError("There is no ansatz, which a sampler or estimator needs.")
    if sampler is not None:
        return SamplerEvaluator(ansatz, groups, sampler, transpile)
    return EstimatorEvaluator(ansatz, groups, estimator, transpile)
