"""The search for policies: the yardsticks, the candidates, and the table."""

import numpy as np
import pytest

from benchmarks.disq.problems import problem
from benchmarks.disq.settings import SETTINGS
from benchmarks.drift_policies import KEY, LAYOUT, POLICIES, RESULTS, Job, measure, summary
from qpilot.disq import FastEngine, minimize

ITERATIONS = 10


@pytest.mark.parametrize("policy", ["plain", "energy, references", "sentinel"])
def test_a_training_is_read_off_where_its_circuits_run_out(policy):
    cells = measure(Job("H2", "coherent", policy, 3, ITERATIONS))
    made = problem("H2")
    circuits = 2 * len(made.groups) * (25 + ITERATIONS)
    engine = FastEngine(made.ansatz, made.groups, SETTINGS["coherent"].process, seed=3)
    result = minimize(
        made.ansatz, made.hamiltonian, made.start(3), evaluator=engine, policy=POLICIES[policy], maxiter=1000,
        budget_circuits=circuits, seed=3,
    )  # fmt: skip
    error = 1.0 - made.ratio(engine.energies(result.x[None]), constant=False)[0]
    assert cells["error_circuits"] == pytest.approx(error, rel=1e-4)
    assert (cells["iterations"], cells["skips"]) == (result.nit, result.skips)
    assert cells["shots"] == result.shots
    if policy == "plain":
        assert cells["iterations"] == ITERATIONS
        assert cells["error_shots"] == cells["error_time"] == cells["error_circuits"]
        assert cells["time_s"] == circuits * 0.5 + (1 + ITERATIONS) * 5.0


def test_the_table_compares_with_the_plain_training_of_the_same_seed():
    def row(policy, seed, error):
        cells = dict.fromkeys(RESULTS, 1.0) | {f"error_{name}": error for name in ("circuits", "shots", "time")}
        return dict.fromkeys(LAYOUT.columns) | dict(zip(KEY, ("H2", "static", policy, seed), strict=True)) | cells

    found = [row("plain", 1, 0.5), row("plain", 2, 0.1), row("clip", 1, 0.3), row("clip", 2, 0.1)]
    line = next(line for line in summary(found).splitlines() if line.startswith("| clip"))
    spread = np.std([-0.2, 0.0], ddof=1) / np.sqrt(2)
    ratio = np.sqrt(0.6)
    apart = ratio * np.std(np.log([0.6, 1.0]), ddof=1) / np.sqrt(2)
    assert f"| {-0.1:+.4f} ± {spread:.4f} | {ratio:.2f} ± {apart:.2f} |" in line
