"""Many circuits on a Dask cluster, which replaces a worker that dies."""

import pytest

from qpilot import Failure, Program, compile_many
from tests.qpilot.test_many import TEXT, Trap, mixed, shown

distributed = pytest.importorskip("distributed", reason="needs Dask: pip install 'qpilot[dask]'")


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_programs_are_the_same_on_a_cluster(client):
    assert shown(compile_many(mixed(), client.get_executor(), seed=3)) == shown(compile_many(mixed(), seed=3))


def test_a_killed_worker_loses_at_most_the_circuit_in_hand(client, monkeypatch):
    monkeypatch.setattr(client.cluster.scheduler, "allowed_failures", 0)  # one death is one too many
    executor = client.get_executor()
    (failure,) = compile_many([Trap("die")], executor)
    assert (failure.name, type(failure.error)) == ("die", distributed.KilledWorker)
    monkeypatch.undo()
    assert shown(compile_many(mixed(), executor)) == shown(compile_many(mixed()))


def test_dask_compiles_again_what_a_dead_worker_held(client, tmp_path):
    mark = tmp_path / "died"
    results = compile_many([TEXT, Trap(f"die at {mark}"), "nonsense;", *mixed()], client.get_executor())
    assert mark.exists()
    assert [type(result) for result in results[:3]] == [Program, Program, Failure]
