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


def test_a_killed_worker_loses_only_the_circuit_in_hand(client):
    circuits = [TEXT, "nonsense;", Trap("die"), TEXT, *mixed()]
    results = compile_many(circuits, client.get_executor())
    assert [type(result) for result in results[:4]] == [Program, Failure, Failure, Program]
    assert isinstance(results[2].error, distributed.KilledWorker)
    assert shown(results[4:]) == shown(compile_many(circuits, None)[4:])
