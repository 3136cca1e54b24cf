"""SPSA with a policy for code that takes an optimizer: `scipy.optimize.minimize`, or the VQE of qiskit-algorithms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from qiskit.quantum_info import SparsePauliOp
from scipy.optimize import OptimizeResult

from ..arch.errors import DriftError
from .auto import PolicyLike
from .jobs import FunctionEvaluator
from .loop import minimize
from .policies import Floats
from .records import Record
from .spsa import SPSA


def as_minimizer(
    policy: PolicyLike = None, *, optimizer: str | SPSA = "spsa", maxiter: int = 300, seed: int | None = None
) -> Callable[..., OptimizeResult]:
    """Return an optimizer for `scipy.optimize.minimize(method=...)` and for `VQE(optimizer=...)` of qiskit-algorithms.

    The function counts as one group without variances, so a policy that needs them refuses to work, and prime groups
    are no use; `minimize` of this package can do more. The function is called in the order of a job: plus, minus, then
    the references. Derivatives and bounds are not used, constraints refused.

    Args:
        policy: As in `minimize`.
        optimizer: As in `minimize`.
        maxiter: Number of iterations; for SciPy, `options={"maxiter": ...}` overrides it.
        seed: Seed of the directions of SPSA.

    Returns:
        What SciPy calls a custom method: a function of the function to minimize, the start, and options by name.

    >>> from scipy.optimize import minimize
    >>> from qpilot.disq import QISMET
    >>> method = as_minimizer(QISMET(), seed=1)
    >>> result = minimize(lambda x: (x**2).sum(), [1.0, -1.0], method=method, options={"maxiter": 100})
    >>> bool(result.fun < 0.1), result.nit
    (True, 100)
    """

    def minimizer(
        fun: Callable[..., float],
        x0: Any,
        args: tuple[Any, ...] = (),
        *,
        jac: Any = None,
        bounds: Any = None,
        constraints: Sequence[Any] = (),
        callback: Callable[[Floats], object] | None = None,
        **unused: Any,
    ) -> OptimizeResult:
        if constraints:
            raise DriftError("This optimizer takes no constraints.")

        def tell(record: Record) -> bool:
            if callback is None or record.skipped:
                return False
            try:
                callback(record.x.copy())
            except StopIteration:  # SciPy's way to stop
                return True
            return False

        return minimize(
            None,
            SparsePauliOp("Z"),
            x0,
            evaluator=FunctionEvaluator(lambda x: float(np.real(fun(x, *args)))),
            optimizer=optimizer,
            policy=policy,
            maxiter=unused.get("maxiter", maxiter),
            shots=1,
            seed=seed,
            callback=tell,
        )

    return minimizer
