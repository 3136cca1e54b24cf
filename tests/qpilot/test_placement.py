"""Placement: sites of the qubits, against the definition of what can share a stage."""

from collections import Counter

import numpy as np
import pytest

import qpilot
import qpilot.compiler
from benchmarks.generators import random_cz
from qpilot.frontend import lower
from qpilot.placement import FLIGHT_WEIGHT, _conflict_table, _flight_table, _near_sites, _rivals, find_sites, row_major

SHAPES = [(1, 12), (3, 4), (4, 5), (12, 1)]


def _block(num_qubits=12, gates_per_qubit=4, seed=0):
    return lower(random_cz(num_qubits, gates_per_qubit, seed=seed, one_qubit_rate=1.0)).block


def _ends(block):
    return np.array([(gate.a, gate.b) for gate in block.gates], dtype=np.int32)


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
def test_the_table_of_conflicts_holds_what_a_move_to_any_site_costs(shape):
    rng = np.random.default_rng(3)
    rows, cols = shape
    rivals = _rivals(_ends(_block()), 12)
    site_of = rng.permutation(rows * cols).astype(np.int32)
    table = _conflict_table(rivals, site_of // cols, site_of % cols, (12, rows, cols))
    sites = [divmod(site, cols) for site in site_of.tolist()]
    before = _conflicts(rivals, sites)
    for q in range(12):
        for site in range(rows * cols):
            moved = [*sites[:q], divmod(site, cols), *sites[q + 1 :]]
            growth = table[q, site] - table[q, site_of[q]]
            assert growth == pytest.approx(_conflicts(rivals, moved) - before)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_table_of_flights_grows_with_their_fourth_powers(shape):
    rows, cols = shape
    ends = _ends(_block())
    site_of = np.random.default_rng(3).permutation(rows * cols).astype(np.int32)
    table = _flight_table(ends, site_of // cols, site_of % cols, (12, rows, cols))
    for q in range(12):
        partners = [divmod(int(site_of[a + b - q]), cols) for a, b in ends.tolist() if q in (a, b)]
        for site in range(rows * cols):
            ways = sum((site // cols - row) ** 4 + (site % cols - col) ** 4 for row, col in partners)
            assert table[q, site] == pytest.approx(FLIGHT_WEIGHT * ways / max(rows, cols) ** 4)


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
    rivals = _rivals(_ends(block), 36)
    start = _near_sites(block, 3, 12, np.random.default_rng(0))[:36]
    found = _conflicts(rivals, find_sites(block, 3, 12))
    assert found < 0.8 * _conflicts(rivals, [divmod(site, 12) for site in start.tolist()])


def test_gates_far_apart_in_time_do_not_compete():
    block = _block(12, 40)
    assert len(_rivals(_ends(block), 12).weight) <= 4 * 24 * len(block.gates)


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


def test_flights_are_shorter_than_those_of_rows_of_qubits():
    circuit = random_cz(49, 3, one_qubit_rate=1.0)
    found, plain = (qpilot.compile(circuit, placement=placement, shape=(7, 7)) for placement in ("auto", "identity"))
    per_pulse = [program.metrics.duration_us / program.depth for program in (found, plain)]
    assert per_pulse[0] < 0.95 * per_pulse[1]


# --- effort ----------------------------------------------------------------------------------------------------------


def _shapes_routed(monkeypatch, **options):
    """The shapes of the placements that are routed, in order, and the program."""
    shapes, place = [], qpilot.compiler._place

    def spy(*args):
        placed = place(*args)
        shapes.append(placed.shape)
        return placed

    monkeypatch.setattr(qpilot.compiler, "_place", spy)
    monkeypatch.setattr(qpilot.compiler, "TRY_BOTH", 0)  # one way only
    circuit = random_cz(20, 2, one_qubit_rate=1.0)
    program = qpilot.compile(circuit, router="generic", objective="depth", **options)
    return shapes, program


@pytest.mark.parametrize(("effort", "tries"), [(1, 1), (2, 4), (3, 16)])
def test_effort_tries_four_times_as_many_placements_each(monkeypatch, effort, tries):
    shapes, _ = _shapes_routed(monkeypatch, effort=effort)
    assert len(shapes) == tries


def test_all_shapes_come_first_then_the_best(monkeypatch):
    shapes, program = _shapes_routed(monkeypatch, effort=3)
    assert len(set(shapes)) == len(set(shapes[:3])) == 3
    best = program.device.slm.rows, program.device.slm.cols
    assert shapes[-1] == best == Counter(shapes).most_common()[0][0]


@pytest.mark.parametrize("placement", ["identity", row_major(20, 5)])
def test_given_sites_are_routed_once(monkeypatch, placement):
    shapes, _ = _shapes_routed(monkeypatch, effort=3, placement=placement, shape=(4, 5))
    assert shapes == [(4, 5)]
