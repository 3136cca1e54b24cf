"""The study of training under drift: rows that repeat, resume and can be cut, and sentences that follow the numbers."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import rows
from benchmarks.disq import claims, report, stats
from benchmarks.disq.__main__ import main
from benchmarks.disq.figures import draw_all
from benchmarks.disq.policies import PLAIN, POLICIES, is_judge, resolved
from benchmarks.disq.problems import PROBLEMS, problem
from benchmarks.disq.settings import SETTINGS, repeated_injection, synthetic_trace
from benchmarks.disq.table import KEY, LAYOUT, NOT_REPEATED, jobs
from benchmarks.disq.training import Machine, cut, detection, measure, train
from qpilot.disq import Bursts, FastEngine, PublishedInjection, Static, ground_energy

SMALL = ["--cases", "H2", "--settings", "spikes", "--policies", "plain", "qismet", "disq-1", "--seeds", "2"]
SMALL += ["--iterations", "6", "--jobs", "1"]
SAME = [name for name in LAYOUT.columns if name not in NOT_REPEATED]


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """A small study, made in one go."""
    out = tmp_path_factory.mktemp("study")
    assert main([*SMALL, "--out", str(out)]) == 0
    return out


def test_every_row_is_whole(complete):
    found = rows.load(complete / "rows.csv", LAYOUT)
    assert [tuple(row[name] for name in KEY) for row in found] == [
        ("H2", "spikes", policy, seed) for policy in ("plain", "qismet", "disq-1") for seed in (0, 1)
    ]
    for row in found:
        assert row["note"] is None
        assert row["attempts"] == 6 + row["skips"]
        assert row["error_iterations"] > 0
        assert row["ratio_circuits"] < 1
        assert (row["references"] is None) == (row["policy"] == "plain")
    assert found[0]["circuits"] == 100 + 6 * 4
    assert found[0]["error_circuits"] == found[0]["error_iterations"]


def test_a_study_that_lost_rows_measures_these_only_and_gets_them_again(complete, tmp_path, capfd):
    found = rows.load(complete / "rows.csv", LAYOUT)
    rows.save(found[:4], tmp_path / "rows.csv", LAYOUT)
    (tmp_path / "settings.json").write_bytes((complete / "settings.json").read_bytes())
    assert main([*SMALL, "--out", str(tmp_path), "--same-as", str(complete)]) == 0
    printed = capfd.readouterr()
    assert "4 rows are in" in printed.err
    assert "2 trainings are left" in printed.err
    assert "the same, times aside" in printed.out
    assert rows.load(tmp_path / "rows.csv", LAYOUT)[:4] == found[:4]
    text = (tmp_path / "report.md").read_text()
    assert all(path.name in text for path in tmp_path.glob("*.png"))


def test_what_failed_is_measured_again_and_what_failed_elsewhere_is_kept(complete, tmp_path, capfd):
    found = rows.load(complete / "rows.csv", LAYOUT)
    broken = [row | {"note": "broken"} if row["seed"] == 0 and row["policy"] == "plain" else row for row in found]
    rows.save(
        [row | {"note": "elsewhere"} if row["seed"] == 1 else row for row in broken], tmp_path / "rows.csv", LAYOUT
    )
    assert main([*SMALL, "--seeds", "1", "--out", str(tmp_path)]) == 1  # some have failed still
    assert "1 trainings are left" in capfd.readouterr().err
    after = rows.load(tmp_path / "rows.csv", LAYOUT)
    assert len(after) == len(found)
    assert {row["seed"] for row in after if row["note"]} == {1}


def test_other_iterations_in_the_same_folder_are_refused(complete, capsys):
    assert main([*SMALL[:-4], "--iterations", "7", "--out", str(complete)]) == 1
    assert "are of 6 iterations" in capsys.readouterr().err


@pytest.mark.parametrize("setting", ["spikes", "published-apart"])
@pytest.mark.parametrize("policy", ["disq-3", "blocking", "median-clip"])
def test_a_training_cut_at_a_number_of_circuits_is_one_with_that_budget(setting, policy):
    made, drift = problem("H2"), SETTINGS[setting]
    whole = train(made, drift, POLICIES[policy], 3, 12)
    for budget in (99, 103, 150, 171):
        budgeted = train(made, drift, POLICIES[policy], 3, 12, budget_circuits=budget).result
        if budgeted.circuits == 0:  # not even the calibration was done
            continue
        end = cut(whole.result, whole.watched.circuits, budget)
        assert end.x.tolist() == budgeted.x.tolist()
        assert end.iterations == budgeted.nit
        assert end.energy == budgeted.fun or (math.isnan(end.energy) and math.isnan(budgeted.fun))
    everything = cut(whole.result, whole.watched.circuits, 10**6)
    assert everything.x.tolist() == whole.result.x.tolist()


def test_a_measurement_repeats():
    first, second = (measure("H2", "coherent", "chi-square", 5, 5) for _ in range(2))
    assert first == second
    assert measure("H2", "coherent", "chi-square", 6, 5) != first


def test_policies_that_come_to_the_same_are_measured_once():
    h2, ising = problem("H2").groups, problem("tfim-6").groups
    assert resolved(POLICIES["qismet"], ising) == resolved(POLICIES["disq-1"], ising)
    assert resolved(POLICIES["qismet"], h2) != resolved(POLICIES["disq-1"], h2)
    assert resolved(POLICIES["disq-3-all"], h2) == POLICIES["disq-3-all"]
    todo = [*jobs(["tfim-6", "H2"], ["spikes"], ["plain", "qismet", "disq-1"], 1, 5)]
    assert [(job.case, job.policies) for job in todo] == [
        ("tfim-6", ("plain",)),
        ("tfim-6", ("qismet", "disq-1")),
        *(("H2", (policy,)) for policy in ("plain", "qismet", "disq-1")),
    ]


def test_who_judges_is_known():
    judges = {name for name, policy in POLICIES.items() if is_judge(policy)}
    assert {"qismet", "disq-1", "chi-square", "monitor", "auto"} <= judges
    assert not {"plain", "blocking", "kalman", "clip", "median", "median-clip"} & judges


@pytest.mark.parametrize("name", PROBLEMS)
def test_problems_are_measured_in_parts_of_their_ground_energy(name):
    made = problem(name)
    assert made.ground == pytest.approx(ground_energy(made.hamiltonian))
    assert made.ratio(made.ground, constant=True) == pytest.approx(1)
    assert made.ratio(made.ground, constant=False) == pytest.approx(1)
    assert made.ratio(made.groups.constant, constant=False) == pytest.approx(0)
    assert made.start(1).tolist() == made.start(1).tolist() != made.start(2).tolist()
    assert len(made.start(1)) == made.ansatz.num_parameters
    assert set(made.settings) <= set(SETTINGS)


def test_the_published_windows_come_again_and_the_trace_fits_any_machine():
    assert repeated_injection().windows[:2] == PublishedInjection().windows
    assert {(count, factor) for _, count, factor in repeated_injection().windows} == {(7, 0.725), (20, 0.8)}
    for num_qubits in (2, 8):
        synthetic_trace().start(num_qubits, np.random.default_rng(0))


def test_points_that_run_apart_are_jobs_of_their_own_after_the_calibration():
    made = problem("H2")
    process = PublishedInjection(windows=((1, 1, 0.0), (4, 1, 0.0)))
    machine = Machine(FastEngine(made.ansatz, made.groups, process, seed=1), apart=True)
    points = np.repeat(np.array([[0.1] * 4, [0.2] * 4]), 2, axis=0)[[0, 2, 1, 3]]  # group by group
    groups, shots = np.array([0, 0, 1, 1]), np.full(4, 10_000)
    first, _ = machine.run(points, groups, shots)
    means, _ = machine.run(points, groups, shots)  # jobs 1 and 2: the first point is all noise
    assert abs(means[2]) < 0.05  # of group 1, which has no constant
    assert abs(means[0] + made.groups.constant) < 0.05  # the constant is lost with group 0
    assert means[[1, 3]] == pytest.approx(first[[1, 3]], abs=0.05)
    machine.run(points, groups, shots)
    assert machine.drifting == [False, True, True]


def test_detection_counts_events_and_flags():
    truth = [False, True, True, False, True, True, True, False]
    actions = ["skip", "skip", "accept", "accept", "accept", "accept", "force", "warn"]
    history = [SimpleNamespace(jobs=(k,), action=action) for k, action in enumerate(actions)]
    trained = SimpleNamespace(
        result=SimpleNamespace(history=history),
        machine=SimpleNamespace(drifting=truth),
        watched=SimpleNamespace(references=[3] * 8),
    )
    assert detection(trained) == {
        "drifting": 5, "hits": 2, "false_alarms": 2, "events": 2, "detected": 2, "references": 24
    }  # fmt: skip


@pytest.mark.parametrize(("process", "drifts"), [(Static(), False), (Bursts(1e3, 1e6, 0.5), True)])
def test_the_machine_knows_whether_it_drifts(process, drifts):
    made = problem("H2")
    machine = Machine(FastEngine(made.ansatz, made.groups, process, seed=1), apart=False)
    machine.run(np.zeros((1, 4)), np.zeros(1, dtype=int), np.ones(1, dtype=int))
    assert machine.drifting == [drifts]


def invented(policy, error, case="tfim-6", setting="spikes", scatter=0.01, seeds=6, **cells):
    """Return rows of a policy with this error, a little different for each seed."""
    made = []
    for seed in range(seeds):
        one = error * (1 + scatter * (-1) ** seed)
        row = dict.fromkeys(LAYOUT.columns) | {"case": case, "setting": setting, "policy": policy, "seed": seed}
        row |= {"error_iterations": one, "error_circuits": 2 * one if policy.startswith("disq") else one}
        row |= {"ratio_iterations": 0.9, "ratio_circuits": 0.9, "noisy_iterations": 0.8, "noisy_circuits": 0.8}
        row |= {"stopped_at": 9, "circuits": 100, "attempts": 10, "skips": 1, "curve": "0.5 0.4 0.3", "wall_s": 1.0}
        made.append(row | cells)
    return made


def test_gains_are_ratios_of_means_with_the_error_of_pairs():
    found = stats.trainings([*invented(PLAIN, 0.4), *invented("clip", 0.2)])
    one = stats.over(found, "spikes", "clip", PLAIN, stats.ERROR, "circuits")
    assert one.times == pytest.approx(2)
    assert one.error == pytest.approx(0, abs=1e-9)  # pairs scatter alike
    assert one.is_clear
    other = stats.log_ratio(np.array([[1.0, 3.0], [2.0, 2.0]]), np.array([1.0, -1.0]))
    assert other.times == pytest.approx(1)
    assert other.error == pytest.approx(math.log(3) / 2)
    assert stats.log_ratio(np.array([[1.0, -1.0]]), np.array([1.0])) is None
    both = stats.together([stats.Gain(0.0, 0.3), stats.Gain(0.4, 0.4)])
    assert (both.log, both.error, both.cells) == (pytest.approx(0.2), pytest.approx(0.25), 2)
    assert stats.together([both, None]) is None


def test_a_policy_that_lacks_a_seed_or_a_case_is_no_mean():
    some = [*invented(PLAIN, 0.4), *invented("clip", 0.2), *invented("median", 0.1)[:-1]]
    found = stats.trainings([*some, *invented(PLAIN, 0.1, case="H2"), *invented("median", 0.1, case="H2")])
    assert stats.policies_of(found) == ["plain", "clip", "median"]
    assert "median" not in found["tfim-6", "spikes"]
    assert stats.over(found, "spikes", "clip", PLAIN, stats.ERROR, "circuits") is None
    failed = invented("kalman", 0.1, note="DriftError: no")
    assert "kalman" not in stats.policies_of(stats.trainings([*some, *failed]))


def lines_of(found):
    """Return the sentences about published gains, one for each line."""
    return claims.published_gains(stats.trainings(found)).replace("\n  ", " ").splitlines()


def test_published_gains_follow_the_numbers():
    table = [*invented(PLAIN, 0.4), *invented("kalman", 0.3), *invented("clip", 0.1), *invented("disq-3", 0.2)]
    lines = [line for line in lines_of(table) if line.startswith("* at equal iterations")]
    reached = [line for line in lines if line.startswith("* at equal iterations, by the error, under")]
    assert len(reached) == 2
    assert "under spikes (disq-3: 2 ±" in reached[0]
    assert "under spikes (disq-3 over kalman: 1.5 ±" in reached[1]
    assert any("nowhere by the error, at most under spikes (disq-3 over clip: 0.5 ±" in line for line in lines)
    assert any("by the error, in 1 of 1: tfim-6 under spikes (disq-3: 2 ±" in line for line in lines)
    assert "In no single case." in lines_of(table)
    # At equal circuits the invented error of DISQ is twice that, so the gain is gone.
    assert any("circuits, nowhere by the error, at most under spikes (disq-3: 1 ±" in line for line in lines_of(table))


@pytest.mark.parametrize(("error", "scatter"), [(0.39, 0.01), (0.2, 0.99)])
def test_a_gain_that_is_small_or_unclear_is_not_reached(error, scatter):
    table = [*invented(PLAIN, 0.4), *invented("disq-3", error, scatter=scatter)]
    assert any("equal iterations, nowhere by the error" in line for line in lines_of(table))


def test_a_mean_below_zero_has_no_ratio_and_that_is_said():
    table = [*invented(PLAIN, 1.4), *invented("disq-3", 0.2)]
    assert any("no ratio" in line and "fidelity without the constant under spikes" in line for line in lines_of(table))


@pytest.mark.parametrize(("hits", "words"), [(10, "reached in 1 of 1"), (6, "reached in 0 of 1"), (0, "No such case")])
def test_the_gain_of_subsetting_follows_the_numbers(hits, words):
    counts = {"detected": 5, "false_alarms": 1, "drifting": 9, "events": 10}
    table = [
        *invented(PLAIN, 0.4),
        *invented("disq-3", 0.4, references=100, hits=hits, **counts),
        *invented("disq-3-all", 0.4, references=250, hits=10, **counts),
    ]
    assert words in claims.detection_gains(stats.trainings(table))


def test_what_wins_at_equal_circuits_follows_the_numbers():
    table = [*invented(PLAIN, 0.4), *invented("clip", 0.1), *invented("median", 0.2), *invented("disq-3", 0.3)]
    text = claims.winners(stats.trainings(table)).replace("\n  ", " ")
    assert "spikes (1 case): clip has the least error, 4 ±" in text
    assert "also clearly better than a plain training: median;" in text
    assert "clearly worse: disq-3." in text
    nothing = claims.winners(stats.trainings([*invented(PLAIN, 0.4), *invented("clip", 0.5)]))
    assert "nothing is clearly better" in nothing


def test_a_report_holds_every_table_and_equal_rows_give_equal_figures(tmp_path):
    counts = {"hits": 5, "false_alarms": 1, "drifting": 9, "events": 10, "detected": 4, "references": 80}
    table = [*invented(PLAIN, 0.4), *invented("disq-3", 0.2, **counts), *invented("of-ones-own", 0.3)]
    (tmp_path / "settings.json").write_text('{"iterations": 9, "made": ["today"]}')
    names = [path.name for path in report.write(table, tmp_path)]
    text = (tmp_path / "report.md").read_text()
    assert names == ["gains.png", "curves.png", "detection.png"]
    assert "| disq-3 | 0.2 ±" in text
    assert "| spikes | disq-3 | 0.9 | 0.6 | 0.833 | 0.556 | 16 | 60 | 0.4 |" in text
    assert "of-ones-own" in text
    again = tmp_path / "again"
    again.mkdir()
    for path in draw_all(stats.trainings(reversed(table)), again):
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()
