"""Lines of an AOD: where they may stand, against the definitions and a line-by-line search."""

import math
from itertools import pairwise, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qpilot.arch import Rydberg
from qpilot.arch.errors import RoutingError
from qpilot.routing.lines import OUTSIDE_GAPS, Axis, site_offsets_um

EPS = 1e-6


@st.composite
def geometries(draw):
    """(Rydberg, spacing, gap) with sites at least the safe distance apart; not all of them leave room for ancillas."""
    radius = draw(st.floats(1.0, 5.0))
    least = radius * draw(st.floats(0.05, 0.95))
    safe = radius * draw(st.floats(1.05, 3.0))
    spacing = safe * draw(st.one_of(st.just(2.0), st.floats(1.0, 4.0)))
    gap = max(least, min(spacing, draw(st.one_of(st.just(least), st.floats(least, 4 * radius)))))
    return Rydberg(radius, safe, least), spacing, gap


@st.composite
def axes(draw, max_sites=5):
    """Axes of random geometries, with their offsets: some lines for each site, or fewer lines than sites."""
    rydberg, spacing, gap = draw(geometries())
    assume(spacing >= rydberg.safe_distance_um + rydberg.min_atom_distance_um / math.sqrt(2) + EPS)
    offsets = site_offsets_um(rydberg, spacing, gap)
    sites = draw(st.integers(1, max_sites))
    few, per_site = st.integers(1, sites), st.integers(1, min(3, len(offsets)))
    lines = draw(st.one_of(few, per_site.map(lambda count: count * sites)))
    return Axis(sites, lines, spacing, gap, rydberg.safe_distance_um, offsets), rydberg, offsets


@st.composite
def orders(draw, axis):
    """Lines at sites and lines to park: mostly in order, so that there often is room."""
    at, parked = {}, {}
    site = gap = 0
    for line in range(axis.num_lines):
        kind = draw(st.sampled_from(["idle", "at", "parked"]))
        if kind == "at":
            site = min(max(site + draw(st.integers(-1 if draw(st.integers(0, 9)) == 0 else 0, 2)), 0), 99)
            if site < axis.num_sites:
                at[line] = site
        elif kind == "parked" and axis.can_park:
            gap = max(gap, site) + draw(st.integers(0, 1))
            parked[line] = min(gap, axis.num_sites + OUTSIDE_GAPS)
    return at, parked


# --- offsets beside a site -------------------------------------------------------------------------------------------


@given(geometries())
def test_ancillas_beside_a_site_are_at_legal_distances(geometry):
    """Any row offset with any column offset: near its own atom, safe from other atoms and from ancillas beside them."""
    rydberg, spacing, gap = geometry
    missing = rydberg.safe_distance_um + rydberg.min_atom_distance_um / math.sqrt(2) - spacing
    assume(abs(missing) > EPS)
    if missing > 0:
        with pytest.raises(RoutingError, match=r"at least [\d.]+ um\.$"):
            site_offsets_um(rydberg, spacing, gap)
        return
    offsets = site_offsets_um(rydberg, spacing, gap)
    assert all(b - a >= gap - EPS for a, b in pairwise([*offsets, spacing + offsets[0]]))  # up to the next site
    places = list(product(offsets[:: max(1, len(offsets) - 1)], repeat=2))  # the corners
    for dx, dy in product(offsets, repeat=2):
        assert rydberg.min_atom_distance_um - EPS <= math.hypot(dx, dy) <= rydberg.interaction_radius_um + EPS
    for right, down in product((-1, 0, 1), repeat=2):
        if (right, down) == (0, 0):
            continue
        for dx, dy in places:
            others = [(0.0, 0.0), *places]  # the next atom, and an ancilla beside it
            for ex, ey in others:
                apart = math.hypot(right * spacing + ex - dx, down * spacing + ey - dy)
                assert apart >= rydberg.safe_distance_um - EPS


def test_lines_at_neighbouring_sites_keep_the_spacing_of_lines():
    """Here that is larger than the safe distance of atoms."""
    rydberg = Rydberg(interaction_radius_um=3.75, safe_distance_um=4.42, min_atom_distance_um=2.82)
    for spacing, num_offsets in ((10.158, 2), (9.9, 1)):
        offsets = site_offsets_um(rydberg, spacing, 5.036)
        axis = Axis(5, 5 * num_offsets, spacing, 5.036, rydberg.safe_distance_um, offsets)
        assert len(offsets) == num_offsets
        assert min(b - a for a, b in pairwise(axis.home_um())) >= 5.036 - EPS


def test_the_default_geometry():
    """Four lines at a site, so far apart that crossings keep the least atom distance, as the design says."""
    offsets = site_offsets_um(Rydberg(), 15.0, 1.0)
    assert len(offsets) == 4
    assert offsets == tuple(sorted(-x for x in offsets))


def test_sites_too_close():
    with pytest.raises(RoutingError, match=r"sites are 6\.5 um apart.* = 6\.25 of the next.* at least 6\.96 um\.$"):
        site_offsets_um(Rydberg(), 6.5, 1.0)


# --- places for lines ------------------------------------------------------------------------------------------------


def check_places(axis, rydberg, offsets, positions, at, parked):
    assert len(positions) == axis.num_lines
    assert all(b - a >= axis.gap_um - EPS for a, b in pairwise(positions))
    sites = [site * axis.spacing_um for site in range(axis.num_sites)]
    for line, site in at.items():
        assert min(abs(positions[line] - sites[site] - offset) for offset in offsets) < EPS
    for line in parked:
        assert min(abs(positions[line] - x) for x in sites) >= rydberg.safe_distance_um - EPS
    for x in positions:  # no dark ancilla is on an atom, wherever the other axis stands
        assert min(abs(x - y) for y in sites) >= min(map(abs, offsets)) - EPS


def leftmost(axis, rydberg, offsets, at, parked):
    """Whether the lines fit, by putting each as far to the left as the table allows."""
    sites = [site * axis.spacing_um for site in range(axis.num_sites)]
    low = -math.inf
    for line in range(axis.num_lines):
        allowed = [x for x in axis.table_um if x >= low - 1e-9]
        if line in at:
            allowed = [x for x in allowed if any(abs(x - sites[at[line]] - offset) < 1e-9 for offset in offsets)]
        elif line in parked:
            safe = rydberg.safe_distance_um - 1e-9
            allowed = [x for x in allowed if all(abs(x - y) >= safe for y in sites)]
        if not allowed:
            return False
        low = allowed[0] + axis.gap_um
    return True


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_lines_stand_where_they_should_whenever_they_fit(data):
    axis, rydberg, offsets = data.draw(axes())
    at, parked = data.draw(orders(axis))
    positions = axis.place(at, parked)
    assert (positions is not None) == leftmost(axis, rydberg, offsets, at, parked)
    if positions is not None:
        check_places(axis, rydberg, offsets, positions, at, parked)


@given(axes())
def test_lines_at_home(case):
    axis, rydberg, offsets = case
    lines = {line: line // axis.per_site for line in range(axis.num_lines)}
    check_places(axis, rydberg, offsets, axis.home_um(), lines, {})


@given(axes())
def test_as_many_lines_at_a_site_as_there_are_offsets(case):
    axis, *_ = case
    lines = range(axis.num_lines)
    assert (axis.place(dict.fromkeys(lines, 0), {}) is not None) == (axis.num_lines <= axis.stack)


def test_lines_stay_near_where_they_are_wanted():
    """With room enough, a line stands at an inner offset of its site, and a parked one in the middle of its gap."""
    axis = Axis(4, 4, 15.0, 1.0, 6.25, site_offsets_um(Rydberg(), 15.0, 1.0))
    rows = axis.place({0: 0, 3: 3}, {1: 1, 2: 2})
    assert rows[1:3] == pytest.approx([7.5, 22.5])
    assert abs(rows[0]) < 1.0 > abs(rows[3] - 45.0)


def test_order_and_room():
    axis = Axis(3, 3, 15.0, 1.0, 6.25, site_offsets_um(Rydberg(), 15.0, 1.0))
    assert axis.place({0: 1, 1: 0}, {}) is None
    assert axis.place({0: 1, 2: 1}, {1: 1}) is None
    assert axis.place({0: 1, 2: 1}, {}) is not None


# --- gaps to park in -------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_gaps_are_in_order_and_not_crowded(data):
    axis, *_ = data.draw(axes())
    share = data.draw(st.integers(1, 3))
    at, lines = {}, []
    site = 0
    for line in range(axis.num_lines):
        kind = data.draw(st.sampled_from(["idle", "at", "park", "park"]))
        if kind == "at":
            site = min(site + data.draw(st.integers(0, 2)), axis.num_sites - 1)
            at[line] = site
        elif kind == "park":
            lines.append(line)
    gaps = axis.gaps_for(at, lines, share)
    assert gaps.keys() <= set(lines)
    assert all(list(gaps.values()).count(gap) <= share for gap in gaps.values())
    places = [2 * gaps[line] if line in gaps else 2 * at[line] + 1 for line in sorted(gaps | at)]  # gap, site, gap, ...
    assert places == sorted(places)
    assert len(gaps) == most_gaps(axis, at, lines, share)


def most_gaps(axis, at, lines, share):
    """Number of lines that can have a gap: those between two anchors share the gaps between these."""
    fences = [(-1, -OUTSIDE_GAPS - 1), *sorted(at.items()), (axis.num_lines, axis.num_sites + OUTSIDE_GAPS)]
    total = 0
    for (before, low), (line, high) in pairwise(fences):
        total += min(sum(before < other < line for other in lines), share * (high - low))
    return total


def test_lines_park_behind_their_own_sites():
    axis = Axis(4, 4, 15.0, 1.0, 6.25, site_offsets_um(Rydberg(), 15.0, 1.0))
    assert axis.gaps_for({}, range(4)) == {0: 1, 1: 2, 2: 3, 3: 4}
    assert axis.gaps_for({3: 0}, range(3)) == {0: -2, 1: -1, 2: 0}
