"""Placement: sites of the qubits, against the definition of what can share a stage."""

import numpy as np
import pytest

import qpilot
from benchmarks.generators import random_cz
from qpilot.frontend import lower
from qpilot.placement import _cost_table, _near_sites, _rivals, find_sites, row_major

SHAPES = [(1, 12), (3, 4), (4, 5), (12, 1)]


def _block(num_qubits=12, gates_per_qubit=4, seed=0):
    return lower(random_cz(num_qubits, gates_per_qubit, seed=seed, one_qubit_rate=1.0)).block


def _can_share(gate, other, sites):
    """Whether, along both axes, the order of targets is not against that of sources, for some choice of sources."""
    (a, b), ends = gate, other
    return any(all((sites[a][k] - sites[c][k]) * (sites[b][k] - sites[d][k]) >= 0 for k in (0, 1))
               for c, d in (ends, ends[::-1]))  # fmt: skip


def _conflicts(rivals, sites):
    """Weight of the pairs of gates that cannot share a stage."""
    pairs = zip(*(column.tolist() for column in rivals), strict=True)
    return sum(w for a, b, c, d, w in pairs if not _can_share((a, b), (c, d), sites)) / 4


@pytest.mark.parametrize("shape", SHAPES)
def test_the_table_holds_what_a_move_to_any_site_costs(shape):
    rng = np.random.default_rng(3)
    rows, cols = shape
    rivals = _rivals(_block())
    site_of = rng.permutation(rows * cols).astype(np.int32)
    table = _cost_table(rivals, site_of // cols, site_of % cols, (12, rows, cols))
    sites = [divmod(site, cols) for site in site_of.tolist()]
    before = _conflicts(rivals, sites)
    for q in range(12):
        for site in range(rows * cols):
            moved = [*sites[:q], divmod(site, cols), *sites[q + 1 :]]
            growth = table[q, site] - table[q, site_of[q]]
            assert growth == pytest.approx(_conflicts(rivals, moved) - before)


@pytest.mark.parametrize("shape", SHAPES)
def test_qubits_rest_at_different_sites_of_the_region(shape):
    sites = find_sites(_block(), *shape)
    assert len(sites) == len(set(sites)) == 12
    assert all(0 <= row < shape[0] and 0 <= col < shape[1] for row, col in sites)


def test_equal_seeds_give_equal_sites():
    first, again, other = (find_sites(_block(), 4, 4, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_the_search_leaves_fewer_conflicts_than_its_start():
    block = _block(36, 4)
    rivals = _rivals(block)
    start = _near_sites(block, 3, 12, np.random.default_rng(0))[:36]
    found = _conflicts(rivals, find_sites(block, 3, 12))
    assert found < 0.8 * _conflicts(rivals, [divmod(site, 12) for site in start.tolist()])


def test_gates_far_apart_in_time_do_not_compete():
    block = _block(12, 40)
    assert len(_rivals(block).weight) <= 4 * 24 * len(block.gates)


def test_without_competing_gates_any_sites_do():
    for pairs in ([], [(0, 1)], [(0, 1), (1, 2)]):
        circuit = random_cz(3, 0)
        for a, b in pairs:
            circuit.cz(a, b)
        assert len(set(find_sites(lower(circuit).block, 2, 2))) == 3


def test_found_sites_need_fewer_pulses_than_rows_of_qubits():
    circuit = random_cz(40, 4, one_qubit_rate=1.0)
    found, plain = (
        qpilot.compile(circuit, objective="depth", placement=placement, shape=(2, 20))
        for placement in ("auto", row_major(40, 20))
    )
    assert found.depth < 0.8 * plain.depth
