"""Of several ways to route, the best by the objective is kept, and what has lost is given up."""

import msgspec
import pytest

from qpilot.arch import FPQA, CircuitInfo, Lattice
from qpilot.routing.builder import ProgramBuilder
from qpilot.routing.contest import Contest
from qpilot.routing.options import cost, no_progress
from tests.strategies import flying_cz

INFO = CircuitInfo("pair", 2)
METRICS = flying_cz().metrics


def pulses(contest, count):
    """A way that fires this many pulses, telling of its progress after each."""

    def route():
        builder = ProgramBuilder(FPQA(Lattice(1, 2)), [(0, 0), (0, 1)])
        watch = contest.watch(builder, no_progress)
        for number in range(count):
            builder.pulse([1.0], [1.0], [(0, builder.ancilla(0, 0))])
            watch((number + 1) / count, "routing")
        return builder.build(INFO), count

    return route


@pytest.mark.parametrize(
    ("objective", "better"),
    [
        ("depth", {"depth": METRICS.depth - 1, "num_2q": 99}),
        ("num_2q", {"num_2q": METRICS.num_2q - 1, "depth": 99}),
        ("duration", {"duration_us": METRICS.duration_us - 1, "depth": 99}),
        ("fidelity", {"fidelity": msgspec.structs.replace(METRICS.fidelity, total=0.99), "depth": 99}),
        ("balanced", {"depth": METRICS.depth - 1, "num_2q": METRICS.num_2q + 3}),
    ],
)
def test_each_objective_has_its_cost(objective, better):
    assert cost(msgspec.structs.replace(METRICS, **better), objective) < cost(METRICS, objective)


def test_pulses_decide_where_no_fidelity_is_left():
    none = msgspec.structs.replace(METRICS, fidelity=msgspec.structs.replace(METRICS.fidelity, total=0.0))
    assert cost(none, "fidelity") < cost(msgspec.structs.replace(none, depth=none.depth + 1), "fidelity")


def test_the_best_is_kept_and_losers_are_given_up():
    contest = Contest(INFO, "depth")
    for name, count in (("first", 30), ("worse", 100), ("better", 20), ("worst", 1000)):
        contest.enter(name, pulses(contest, count))
    program, count = contest.result("balanced")
    assert (program.depth, count) == (20, 20)
    ways = {way.name: way for way in program.routing.tried}
    assert next(iter(ways)) == "better"
    assert program.routing.objective == "balanced"
    assert ways["first"].finished
    assert not ways["worse"].finished
    assert 30 < ways["worse"].depth < 40
    assert 20 < ways["worst"].depth < 30
