"""Where the lines of an AOD may stand: beside the sites, parked between them, or anywhere out of the way.

Along one axis (rows or columns) the lattice has sites at 0, spacing, 2 spacing, ... Lines keep their order and their
spacing. A line *at* site t stands at one of a few offsets from it, so that an ancilla whose row and column are both at
its target is within the interaction radius and not too close. A *parked* line stands at the safe distance from every
site, so that all its ancillas are out of reach of all data atoms. Any other line is *idle*: it holds no ancilla that
needs this axis for its safety, and stands wherever there is room.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping

from ..arch.device import Rydberg
from ..arch.errors import RoutingError


def site_offsets_um(rydberg: Rydberg, spacing_um: float, gap_um: float) -> tuple[float, ...]:
    """Return where lines may stand beside a site, increasing: any row offset with any column offset makes a legal pair.

    Raises:
        RoutingError: The sites are so close that an ancilla beside one is within the safe distance of the next.
    """
    nearest, farthest = rydberg.min_atom_distance_um / math.sqrt(2), rydberg.interaction_radius_um / math.sqrt(2)
    room = spacing_um - rydberg.safe_distance_um
    # Two ancillas at neighbouring sites, one on either inner side, on lines that keep their own spacing too.
    inner, outer = max(nearest, gap_um / 2), min(farthest, room / 2, (spacing_um - gap_um) / 2)
    if outer >= inner:
        per_side = int((outer - inner) / gap_um + 1e-9) + 1
        first = inner + (outer - inner - (per_side - 1) * gap_um) / 2
        side = [first + k * gap_um for k in range(per_side)]
        return tuple([-offset for offset in reversed(side)] + side)
    outer = min(farthest, room)  # all ancillas on the same side of their sites
    if outer >= nearest:
        return ((nearest + outer) / 2,)
    raise RoutingError(
        f"The sites are {spacing_um:g} um apart: an ancilla beside one would be within safe_distance_um = "
        f"{rydberg.safe_distance_um:g} of the next; the routers need at least "
        f"{rydberg.safe_distance_um + nearest:.3g} um."
    )


OUTSIDE_GAPS = 3
"""Lines may park this many lattice spacings outside the lattice on either side."""


class Axis:
    """One axis of the lattice, and a table of the positions at which its lines may stand.

    Each site is home to `per_site` lines; line k belongs to site k // per_site. Where there are fewer lines than sites,
    a line has no fixed home; otherwise their number is a multiple of the number of sites.

    Attributes:
        num_sites: Rows or columns of the lattice.
        num_lines: Lines along this axis.
        per_site: Lines that belong to each site.
        standing_um: Where a line stands beside its site if it is alone there.
        can_park: Whether a line fits between two sites at the safe distance from both.
        stack: How many lines may stand at one site.

    Args:
        lane: 0 or 1 for the lines of one of two AODs that share the lattice: each keeps to its half of the way from one
            site to the next, so that their lines never meet. None where an AOD has the lattice for itself.
    """

    def __init__(
        self,
        num_sites: int,
        num_lines: int,
        spacing_um: float,
        gap_um: float,
        safe_um: float,
        offsets_um: tuple[float, ...],
        lane: int | None = None,
    ) -> None:
        if lane is not None:
            offsets_um = tuple(x for x in offsets_um if (x < 0) == (lane == 1))
        self.num_sites, self.num_lines, self.stack = num_sites, num_lines, len(offsets_um)
        self.per_site = per_site = max(1, num_lines // num_sites)
        self.standing_um = offsets_um[len(offsets_um) // 2]
        self.can_park = num_sites == 1 or spacing_um >= 2 * safe_um
        self.spacing_um, self.gap_um = spacing_um, gap_um
        end = (num_sites - 1) * spacing_um
        width = OUTSIDE_GAPS * spacing_um + num_lines * gap_um
        outside = [safe_um + k * gap_um / 2 for k in range(int(2 * width / gap_um) + 1)]
        table = [(-x, True) for x in reversed(outside)]  # position, whether it is a parking place
        self._at: list[int] = []  # first entry of each site
        for site in range(num_sites):
            base = site * spacing_um
            self._at.append(len(table))
            table += [(base + offset, False) for offset in offsets_um]
            if site + 1 < num_sites:
                self._add_between(table, base, spacing_um, gap_um, safe_um, offsets_um)
        table += [(end + x, True) for x in outside]
        if lane is not None:
            low, high = (lane * spacing_um + side for side in (gap_um, spacing_um - gap_um))
            first_of = [table[entry] for entry in self._at]
            table = [place for place in table if low - 1e-9 <= 2 * (place[0] % spacing_um) <= high + 1e-9]
            self._at = [table.index(place) for place in first_of]
        self.table_um = [x for x, _ in table]
        back = gap_um if lane == 0 else 1e-9  # its parking places end before the middle
        self._middle = {
            gap: min(bisect_left(self.table_um, (gap - 0.5) * spacing_um - back), len(table) - 1)
            for gap in range(-OUTSIDE_GAPS, num_sites + OUTSIDE_GAPS + 1)
        }
        middle = max(0, self.stack - per_site) // 2
        self._home = [self._at[line // per_site] + middle + line % per_site for line in range(num_lines)]
        self._index(gap_um, [parking for _, parking in table])

    def _add_between(
        self,
        table: list[tuple[float, bool]],
        base: float,
        spacing_um: float,
        gap_um: float,
        safe_um: float,
        offsets_um: tuple[float, ...],
    ) -> None:
        """Fill the table from one site to the next: idle places, parking places, idle places."""
        low, high = offsets_um[-1] + gap_um, spacing_um + min(offsets_um[0], -abs(offsets_um[0])) - gap_um
        steps = int((spacing_um / 2 - safe_um) / (gap_um / 2) + 1e-9) if self.can_park else -1
        middle = spacing_um / 2
        parking = [middle + k * gap_um / 2 for k in range(-steps, steps + 1)] if self.can_park else []
        first, last = (parking[0], parking[-1]) if parking else (math.inf, math.inf)
        count = max(0, int((min(first - gap_um, high) - low) / gap_um + 1e-9) + 1)
        table += [(base + low + k * gap_um, False) for k in range(count)]
        table += [(base + x, True) for x in parking]
        count = max(0, int((high - (last + gap_um)) / gap_um + 1e-9) + 1) if parking else 0
        table += [(base + high - k * gap_um, False) for k in range(count - 1, -1, -1)]

    def _index(self, gap_um: float, parking: list[bool]) -> None:
        size, eps = len(parking), 1e-9
        self._before = [bisect_right(self.table_um, x - gap_um + eps) - 1 for x in self.table_um] + [size - 1]
        self._after = [bisect_left(self.table_um, x + gap_um - eps) for x in self.table_um] + [0]
        self._park_before, self._park_after = [-1] * size, [size] * size
        last = -1
        for k in range(size):
            last = k if parking[k] else last
            self._park_before[k] = last
        last = size
        for k in range(size - 1, -1, -1):
            last = k if parking[k] else last
            self._park_after[k] = last

    def home_um(self) -> list[float]:
        """Return positions with every line at its own site."""
        return [self.table_um[entry] for entry in self._home]

    def place(self, at: Mapping[int, int], parked: Mapping[int, int]) -> list[float] | None:
        """Return positions for all lines, or None if order or room do not allow it. Linear in the number of lines.

        Args:
            at: The site at which each of these lines must stand.
            parked: Lines that must park, each with the gap it prefers; gap g is before site g.
        """
        latest = self._latest(at, parked)
        if latest is None:
            return None
        table, after, park_after, first_at = self.table_um, self._after, self._park_after, self._at
        positions = []
        low = 0
        for line, entry in enumerate(self._wishes(at, parked)):
            bound = latest[line]
            if entry < low:
                entry = low
            if line in parked:
                entry = park_after[entry if entry < bound else bound]
            elif line in at and entry < first_at[at[line]]:
                entry = first_at[at[line]]
            if entry > bound:
                entry = bound
            positions.append(table[entry])
            low = after[entry]
        return positions

    def gaps_for(self, at: Mapping[int, int], lines: Collection[int], share: int = 1) -> dict[int, int]:
        """Choose a gap for as many of these lines as possible, in order, the one after the home site if it can be.

        Args:
            at: The lines that stand at sites, and their sites.
            lines: Lines to park, none of them in `at`.
            share: How many lines may have the same gap.

        Returns:
            The gap of each line that got one.
        """
        chosen: dict[int, int] = {}
        low = -OUTSIDE_GAPS * share  # places are counted in shares of a gap
        anchors = sorted(at.items())
        anchors.append((self.num_lines, self.num_sites + OUTSIDE_GAPS))
        waiting = sorted(lines)
        start = 0
        for line, site in anchors:
            end = bisect_left(waiting, line, start)
            last = site * share + share - 1
            fitting = min(end - start, last - low + 1)
            for k in range(start, start + fitting):
                wish = (waiting[k] // self.per_site + 1) * share
                place = min(max(low, wish), last - (start + fitting - 1 - k))
                chosen[waiting[k]] = place // share
                low = place + 1
            start = end
            low = max(low, last + 1)
        return chosen

    def _latest(self, at: Mapping[int, int], parked: Mapping[int, int]) -> list[int] | None:
        """The last entry at which each line may stand so that those after it still fit."""
        latest = [0] * self.num_lines
        before, park_before, first_at, stack = self._before, self._park_before, self._at, self.stack
        bound = len(self.table_um) - 1
        for line in range(self.num_lines - 1, -1, -1):
            if line in at:
                first = first_at[at[line]]
                if bound < first:
                    return None
                if bound >= first + stack:
                    bound = first + stack - 1
            elif line in parked:
                bound = park_before[bound] if bound >= 0 else -1
            if bound < 0:
                return None
            latest[line] = bound
            bound = before[bound]
        return latest

    def _wishes(self, at: Mapping[int, int], parked: Mapping[int, int]) -> list[int]:
        """The entry each line would best have: close to the site on both sides, in the middle of its gap."""
        wishes = self._home.copy()
        for lines, site in _groups(at):
            first = self._at[site] + max(0, self.stack - len(lines)) // 2
            for k, line in enumerate(lines):
                wishes[line] = first + k
        for lines, gap in _groups(parked):
            first = self._middle[gap] - len(lines) + 1
            for k, line in enumerate(lines):
                wishes[line] = max(0, first + 2 * k)
        before = self._before
        room = len(self.table_um) - 1  # idle lines make way for those that have a place to be
        for line in range(self.num_lines - 1, -1, -1):
            wish = wishes[line]
            if wish > room and line not in at and line not in parked:
                wishes[line] = wish = room if room > 0 else 0
            room = before[wish]
        return wishes


def _groups(places: Mapping[int, int]) -> Iterator[tuple[list[int], int]]:
    """Yield the lines that have the same place, in order, with it; places rise with lines."""
    lines: list[int] = []
    before = None
    for line in sorted(places):
        if places[line] != before and before is not None:
            yield lines, before
            lines = []
        lines.append(line)
        before = places[line]
    if before is not None:
        yield lines, before
