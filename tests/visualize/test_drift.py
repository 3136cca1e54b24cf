"""Pictures of trainings show what their histories say."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from qpilot.arch.errors import DriftError
from qpilot.disq import DISQ, SPSA, Blocking, ChiSquareMonitor, GradientClip, History
from qpilot.visualize import circuit_use, comparison, drift_statistic, energy_curve, energy_trace, training_page
from qpilot.visualize.comparison import mean_curve
from qpilot.visualize.drift import circuits_by_use, energies_shown
from tests.disq.bowl import Bowl, train


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def skipping():
    """A training with skips before all groups had run."""
    result = train(Bowl(drift=0.2), policy=DISQ(references=2), maxiter=20)
    assert result.skips > 2
    return result


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def test_every_attempt_is_in_the_trace(skipping):
    ax = energy_trace(skipping, exact=-3.0)
    drawn = lines(ax)
    actions = [record.action for record in skipping.history]
    marked = {"skipped": "skip", "accepted, retries used up": "force"}
    for label, action in marked.items():
        found = [record.iteration for record in skipping.history if record.action == action]
        assert (label in drawn) == bool(found)
        if found:
            assert drawn[label].get_xdata().tolist() == found
    assert len(drawn["energy measured"].get_xdata()) == len(actions) - actions.count("skip")
    assert drawn["ground energy"].get_ydata()[0] == -3.0
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("iteration", "energy (units of H)")
    assert all(np.isfinite(line.get_ydata()).all() for line in drawn.values())


def test_groups_that_have_not_run_count_as_last_measured(skipping):
    records = list(skipping.history)
    shown = energies_shown(records)
    constant = -5.0  # of the bowl
    checked = 0
    for k, record in enumerate(records):
        if np.isnan(record.energy):
            last = next(each for each in [*reversed(records[:k]), *records[k:]] if not np.isnan(each.energy))
            prime = ~np.isnan(record.values[0, 0])
            expected = record.values[..., prime].sum(axis=-1).mean() + last.values[..., ~prime].sum(axis=-1).mean()
            assert shown[k] == pytest.approx(constant + expected)
            checked += 1
        else:
            assert shown[k] == record.energy
    assert checked > 2


def test_only_the_point_itself_counts_without_pairs():
    result = train(Bowl(noise=0.0), optimizer="nft", maxiter=5)
    shown = energies_shown(list(result.history))
    assert shown.tolist() == [record.energies[0, 0] for record in result.history]
    assert energy_curve(result)[1].tolist() == shown.tolist()
    drawn = energy_trace(result).get_xticks()
    assert (drawn == drawn.round()).all()


def test_a_training_without_a_whole_attempt_has_no_energies(skipping):
    only_skips = [record for record in skipping.history if np.isnan(record.energy)]
    with pytest.raises(DriftError, match="No attempt of this training has run all groups"):
        energy_trace(History(only_skips))


def test_statistics_stand_with_their_thresholds(skipping):
    ax = drift_statistic(skipping.history)
    drawn = lines(ax)
    skipped = [record.statistic for record in skipping.history if record.action == "skip"]
    assert drawn["skipped"].get_ydata().tolist() == skipped
    assert max(skipped) < 0 < min(drawn["accepted"].get_ydata())
    assert set(drawn["threshold"].get_ydata()) == {0.0}
    assert ax.get_ylabel() == "gradient rule:\nstatistic"
    mixed = train(Bowl(drift=0.2), policy=DISQ(1) | Blocking(0.0), maxiter=8)
    assert drift_statistic(mixed).get_ylabel() == "drift statistic"


def test_few_large_statistics_leave_room_for_the_others(skipping):
    def scale(statistics):
        tested = skipping.history[0]
        records = [
            replace(tested, statistic=float(each), threshold=1.0, iteration=k) for k, each in enumerate(statistics)
        ]
        return drift_statistic(History(records)).get_yscale()

    assert scale([1, 2, 3, 4]) == "linear"
    assert scale([1, 2, 3, 400]) == "log"
    assert scale([-1, 2, -3, 400]) == "symlog"


def test_a_policy_that_tests_nothing_has_no_statistic():
    with pytest.raises(DriftError, match="tested nothing"):
        drift_statistic(train(Bowl()))


@pytest.mark.parametrize(
    "options",
    [
        {"policy": DISQ(references=2)},
        {"policy": ChiSquareMonitor()},
        {"policy": GradientClip()},
        {"policy": DISQ(references=2), "optimizer": SPSA(resamplings=2)},
        {"policy": DISQ(references=2), "optimizer": "nft"},
    ],
)
def test_circuits_by_use_add_up(options):
    result = train(Bowl(drift=0.2), maxiter=12, **options)
    counts = circuits_by_use(list(result.history))
    assert (
        counts.calibration + sum(map(np.sum, (counts.new_points, counts.references, counts.skipped))) == result.circuits
    )
    done = [not record.skipped for record in result.history]
    assert set(counts.new_points[done]) == {result.history[0].values.size}


def test_stacked_circuits_end_at_the_total(skipping):
    ax = circuit_use(skipping)
    top = max(c.get_paths()[0].vertices[:, 1].max() for c in ax.collections)
    assert top == skipping.circuits
    assert [c.get_label() for c in ax.collections] == ["calibration", "new points", "references", "skipped attempts"]
    assert len({to_hex(c.get_facecolor()[0]) for c in ax.collections}) == 4


def test_a_page_has_what_there_is(skipping):
    axes = training_page(skipping, exact=-3.0, title="a $ sign")
    assert [ax.get_ylabel() for ax in axes] == ["energy (units of H)", "gradient rule:\nstatistic", "circuits run"]
    assert axes[0].get_title() == "a $ sign"
    assert len(training_page(train(Bowl()))) == 2


def test_names_and_legends_are_within_the_figure(skipping):
    curves = {name: [energy_curve(skipping)] for name in ("plain SPSA", "DISQ, gradient rule", "gradient clip")}
    pictures = [training_page(skipping, exact=-3.0), (energy_trace(skipping),), (circuit_use(skipping),)]
    for axes in (*pictures, (comparison(curves, xlabel="iterations", ylabel="energy"),)):
        figure = axes[0].figure
        figure.draw_without_rendering()
        for ax in axes:
            for artist in (ax.xaxis.label, ax.yaxis.label, ax.get_legend()):
                box = artist.get_window_extent()
                assert figure.bbox.contains(*box.min)
                assert figure.bbox.contains(*box.max)


@pytest.mark.parametrize("run", ["run.json", 3, {}, ["x"], None])
def test_what_is_no_training_is_refused(run):
    with pytest.raises(DriftError, match=r"The training is of type .*History\.load reads"):
        energy_trace(run)


def test_a_training_without_attempts_is_refused():
    with pytest.raises(DriftError, match="no attempts yet"):
        training_page(History())


def test_curves_of_parameters_end_at_the_result(skipping):
    def first(points):
        return points[:, 0]

    x, y = energy_curve(skipping, value=first)
    assert x.tolist() == list(range(21))
    assert y[-1] == skipping.x[0]
    begun = [record for record in skipping.history if record.attempt == 0]
    assert y[:-1].tolist() == [record.x[0] for record in begun]
    x, _ = energy_curve(skipping, "circuits", value=first)
    assert x[0] == skipping.history[0].total_circuits - skipping.history[0].circuits
    assert x[-1] == skipping.circuits
    assert len(energy_curve(skipping.history, value=first)[0]) == 20


def test_curves_of_energies_are_those_measured(skipping):
    x, y = energy_curve(skipping, "circuits")
    done = [record for record in skipping.history if not record.skipped]
    assert x.tolist() == [record.total_circuits for record in done]
    assert y.tolist() == [record.energy for record in done]
    with pytest.raises(DriftError, match="against is 'shots'"):
        energy_curve(skipping, "shots")


def test_means_have_standard_errors():
    x = np.arange(3.0)
    _, mean, error = mean_curve("a", [(x, np.array([1.0, 2, 3])), (x, np.array([3.0, 2, 5]))])
    assert mean.tolist() == [2, 2, 4]
    assert error.tolist() == [1, 0, 1]
    assert mean_curve("a", [(x, x)])[2].tolist() == [0, 0, 0]


def test_curves_with_other_x_keep_their_last_value():
    x, mean, _ = mean_curve(
        "a", [(np.array([0.0, 10]), np.array([1.0, 5])), (np.array([2.0, 4, 12]), np.array([3.0, 7, 9]))]
    )
    assert (x[0], x[-1]) == (2, 10)
    assert (mean[0], mean[-1]) == (2.0, 6.0)
    assert mean[np.searchsorted(x, 4.05)] == 4.0


@pytest.mark.parametrize(
    ("curves", "words"),
    [
        ({}, "no curves to compare"),
        ({"a": []}, "no curve of 'a'"),
        ({"a": [(np.array([0.0, 1]), np.zeros(2)), (np.array([2.0, 3]), np.zeros(2))]}, "have no x in common"),
    ],
)
def test_curves_that_cannot_be_compared_are_refused(curves, words):
    with pytest.raises(DriftError, match=words):
        comparison(curves, xlabel="x", ylabel="y")


def test_many_policies_can_be_told_apart():
    x = np.arange(20.0)
    curves = {str(k): [(x, x + k)] for k in range(16)}
    ax = comparison(curves, xlabel="iterations", ylabel="energy", exact=0.0)
    looks = {(line.get_color(), line.get_linestyle()) for line in ax.get_lines() if line.get_label() in curves}
    assert len(looks) == 16
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [*curves, "exact"]


@dataclass
class Given:
    """Holds a history, as an error does."""

    history: History


def test_whatever_holds_a_history_is_a_training(skipping):
    trace = lines(energy_trace(Given(skipping.history)))
    assert (
        trace["energy measured"].get_ydata().tolist()
        == lines(energy_trace(skipping))["energy measured"].get_ydata().tolist()
    )
