"""What fits in one stage: the pairwise test against its definition, and lines against all distances, atom by atom."""

import math
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qpilot.arch import Rydberg
from qpilot.routing.lines import Axis, site_offsets_um
from qpilot.routing.stage import Layout, Use, compatible, pick, place_stage

EPS = 1e-6


@st.composite
def layouts(draw, max_side=4):
    """(layout, Rydberg): small lattices, some sites empty, and geometries from roomy to where nothing can park."""
    rows, cols = draw(st.integers(1, max_side)), draw(st.integers(1, max_side))
    assume(rows * cols > 1)
    least, safe = draw(st.sampled_from([(1.0, 6.25), (2.0, 6.25), (1.0, 3.0)]))
    rydberg = Rydberg(2.5, safe, least)
    spacing = safe * draw(st.sampled_from([1.3, 1.7, 2.0, 2.4, 3.5]))
    assume(spacing >= safe + least / math.sqrt(2) + EPS)
    gap = draw(st.sampled_from([least, 1.5 * least]))
    offsets = site_offsets_um(rydberg, spacing, gap)
    axes = []
    for count in (rows, cols):
        lines = st.one_of(st.integers(1, count), st.sampled_from([count, min(2, len(offsets)) * count]))
        axes.append(Axis(count, draw(lines), spacing, gap, safe, offsets))
    every = list(product(range(rows), range(cols)))
    sites = np.array(draw(st.permutations(every))[: draw(st.integers(2, len(every)))])
    occupied = np.zeros((rows, cols), dtype=bool)
    occupied[tuple(sites.T)] = True
    return Layout(*axes, sites, occupied, spacing, safe), rydberg


@st.composite
def stages(draw, max_uses=12):
    """(layout, Rydberg, uses, live): some copies are alive; uses are by these, or by copies at any free crossing."""
    layout, rydberg = draw(layouts())
    n = len(layout.sites)
    crossings = list(product(range(layout.rows.num_lines), range(layout.cols.num_lines)))
    crossings = draw(st.permutations(crossings))
    home = dict(zip(draw(st.permutations(range(n))), crossings, strict=False))
    live = dict(list(home.items())[: draw(st.integers(0, 5))])
    uses = []
    for gate in range(draw(st.integers(1, max_uses))):
        source, target = draw(st.permutations(range(n)))[:2]
        others = [c for c in crossings if c not in live.values()]
        if source in live:
            uses.append(Use(gate, source, target, *live[source]))
        elif others:
            uses.append(Use(draw(st.integers(0, gate)), source, target, *draw(st.sampled_from(others))))
    assume(uses)
    return layout, rydberg, uses, live


def may_share(layout, first, second, live):
    """Whether two uses may share a stage, by the definition."""
    if first.gate == second.gate or first.source == second.source or first.target == second.target:
        return False
    holder = {crossing: source for source, crossing in live.items()}
    here, there = layout.sites[first.target].tolist(), layout.sites[second.target].tolist()
    for k, axis in enumerate((layout.rows, layout.cols)):
        (line, site), (other_line, other_site) = sorted([(first[3 + k], here[k]), (second[3 + k], there[k])])
        if site > other_site or (line == other_line and site != other_site):
            return False
        if site == other_site and other_line - line + 1 > axis.stack:  # the lines between stand there too
            return False
    for row, col, place in ((first.row, second.col, (here[0], there[1])), (second.row, first.col, (there[0], here[1]))):
        if holder.get((row, col), first.source) not in (first.source, second.source) and layout.occupied[place]:
            return False
    return True


@settings(max_examples=150, deadline=None)
@given(stages())
def test_compatible_agrees_with_its_definition(case):
    layout, _, uses, live = case
    allowed = compatible(layout, uses, live)
    assert allowed.shape == (len(uses), len(uses))
    assert not allowed.diagonal().any()
    for i, j in combinations(range(len(uses)), 2):
        assert allowed[i, j] == allowed[j, i] == may_share(layout, uses[i], uses[j], live)


def check_distances(layout, rydberg, lines, visits, live):
    """Every distance between every two atoms, dark ones included."""
    rows, cols = lines
    assert (len(rows), len(cols)) == (layout.rows.num_lines, layout.cols.num_lines)
    for axis, places in ((layout.rows, rows), (layout.cols, cols)):
        assert all(b - a >= axis.gap_um - EPS for a, b in pairwise(places))
    data = [(row * layout.spacing_um, col * layout.spacing_um) for row, col in layout.sites.tolist()]
    bright = {*visits, *live}
    for crossing in product(range(len(rows)), range(len(cols))):
        place = rows[crossing[0]], cols[crossing[1]]
        for q, site in enumerate(data):
            apart = math.dist(place, site)
            assert apart >= rydberg.min_atom_distance_um - EPS
            if visits.get(crossing) == q:
                assert apart <= rydberg.interaction_radius_um + EPS
            elif crossing in bright:
                assert apart >= rydberg.safe_distance_um - EPS
    for (i, j), (k, m) in combinations(bright, 2):
        assert math.dist((rows[i], cols[j]), (rows[k], cols[m])) >= rydberg.safe_distance_um - EPS


@settings(max_examples=250, deadline=None)
@given(stages(), st.randoms(use_true_random=False))
def test_lines_of_a_stage_keep_all_distances(case, random):
    layout, rydberg, uses, live = case
    weights = np.array([random.uniform(0.1, 2) for _ in uses])
    chosen = [uses[k] for k in pick(weights, compatible(layout, uses, live))]
    crossings = {use.crossing for use in chosen}
    copies = list({*live.values(), *crossings})
    if len(crossings) < len(chosen) or any(live.get(u.source, u.crossing) != u.crossing for u in chosen):
        return
    visits = {use.crossing: use.target for use in chosen}
    lines = place_stage(layout, visits, copies)
    if lines is None:
        return
    check_distances(layout, rydberg, lines, visits, copies)
    later = place_stage(layout, visits, [*copies, *(c for c in [(0, 0)] if c not in copies)], before=lines)
    if later is not None:
        check_distances(layout, rydberg, later, visits, [*copies, (0, 0)])


@given(layouts(), st.data())
def test_one_use_alone_always_fits(case, data):
    layout, rydberg = case
    target = data.draw(st.integers(0, len(layout.sites) - 1))
    crossing = tuple(data.draw(st.integers(0, axis.num_lines - 1)) for axis in (layout.rows, layout.cols))
    lines = place_stage(layout, {crossing: target}, [crossing])
    check_distances(layout, rydberg, lines, {crossing: target}, [crossing])


def roomy(rows, cols, per_site=1):
    """A full lattice of the default geometry with one line for each row and column."""
    offsets = site_offsets_um(Rydberg(), 15.0, 1.0)
    axes = (Axis(count, per_site * count, 15.0, 1.0, 6.25, offsets) for count in (rows, cols))
    sites = np.array(list(product(range(rows), range(cols))))
    return Layout(*axes, sites, np.ones((rows, cols), dtype=bool), 15.0, 6.25)


def test_lines_that_still_do_are_kept():
    layout = roomy(3, 3)
    lines = place_stage(layout, {(0, 0): 4}, [(0, 0)])
    assert place_stage(layout, {(0, 0): 4}, [(0, 0)], before=lines) is lines


def test_every_copy_at_home_or_parked():
    """All copies of a 4 x 4 lattice visit their own atoms; or one visits another atom while all others park."""
    layout = roomy(4, 4)
    crossings = list(product(range(4), repeat=2))
    visits = {crossing: q for q, crossing in enumerate(crossings)}
    check_distances(layout, Rydberg(), place_stage(layout, visits, crossings), visits, crossings)
    lines = place_stage(layout, {(0, 0): 10}, crossings[:5])
    check_distances(layout, Rydberg(), lines, {(0, 0): 10}, crossings[:5])


def test_a_third_copy_is_not_carried_to_an_atom():
    layout = roomy(2, 2)
    visits = {(0, 0): 0, (1, 1): 3}
    assert place_stage(layout, visits, [*visits, (0, 1)]) is None
    uses = [Use(0, 3, 0, 0, 0), Use(1, 0, 3, 1, 1)]
    assert compatible(layout, uses, {})[0, 1]
    assert not compatible(layout, uses, {2: (0, 1)})[0, 1]


def test_crossings_of_a_source():
    """Of the two lines of a site, the later serves copies that move to higher rows, the earlier to lower ones."""
    layout = roomy(3, 3, per_site=2)
    assert layout.crossings_of(4) == [(2, 2), (2, 3), (3, 2), (3, 3)]
    assert layout.crossings_of(4, 8) == [(3, 3)]
    assert layout.crossings_of(4, 0) == [(2, 2)]
    assert layout.crossings_of(4, 3) == [(2, 2), (3, 2)]


@given(st.integers(0, 8), st.randoms(use_true_random=False), st.floats(0, 1))
def test_pick_returns_a_maximal_allowed_set(size, random, density):
    allowed = np.zeros((size, size), dtype=bool)
    for i, j in combinations(range(size), 2):
        allowed[i, j] = allowed[j, i] = random.random() < density
    weights = np.array([random.choice([0.5, 1.0, 2.0]) for _ in range(size)])
    chosen = pick(weights, allowed)
    assert len(set(chosen)) == len(chosen)
    assert all(allowed[i, j] for i, j in combinations(chosen, 2))
    assert not any(all(allowed[k, j] for j in chosen) for k in set(range(size)) - set(chosen))


def test_pick_takes_the_heaviest_where_only_one_fits():
    assert pick(np.array([1.0, 3.0, 2.0]), np.zeros((3, 3), dtype=bool)) == [1]
    assert pick(np.array([1.0, 1.0, 1.5]), np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool)) == [0, 1]


@pytest.mark.parametrize("seed", range(3))
def test_pick_is_close_to_the_heaviest_set(seed):
    rng = np.random.default_rng(seed)
    found = best = 0.0
    for _ in range(40):
        size = 8
        upper = np.triu(rng.random((size, size)) < 0.5, 1)
        allowed, weights = upper | upper.T, rng.uniform(0.5, 2, size)
        found += weights[pick(weights, allowed)].sum()
        best += max(
            weights[list(some)].sum()
            for count in range(1, size + 1)
            for some in combinations(range(size), count)
            if all(allowed[i, j] for i, j in combinations(some, 2))
        )
    assert found > 0.95 * best
