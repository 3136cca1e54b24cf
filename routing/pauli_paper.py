"""The published way to run rotations about Pauli strings: one by one, each from copies of one root qubit.

For exp(-i angle/2 P) the data are turned so that each letter of P is Z. Then the parity of the support is folded into
one of its qubits, the *root* r, by CX(q -> r) = H(r) CZ(q, r) H(r) for every other qubit q: with H on r, ancillas take
copies of r (fan-out) and fly to the other qubits; a CZ with a copy is a CZ with r. The copies are given back (fan-in),
and after H the root holds the parity; RZ(angle) on it is the rotation. The same again takes the parity out.

The copies hold crossings (k, k) of the AOD. So one stage serves a *chain*: qubits whose rows and columns both rise, or
stay the same as long as there is room for another line at that row or column of sites. Chains are found by dynamic
programming, the longest first. More copies take more pulses to make and need fewer stages; their number is the one with
the fewest pulses. In every pulse of the fan-out the root makes one copy, and copies at the ends of a row of neighbours
make the next ones; the fan-in is the same backwards.

References:
    Q-Pilot, arXiv 2311.16190, section on quantum simulation. This is a reconstruction: how the lines stand, qubits of
    one chain in the same row or column, and the choice of the root and of the number of copies are ours.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..arch.unitary import HADAMARD
from .blocks import PauliBlock, PauliString
from .builder import ProgramBuilder
from .lines import site_offsets_um
from .options import RouteOptions
from .pauli import FROM_Z, TO_Z, rotate_one_qubit
from .stage import Layout

Site = tuple[int, int]
"""(row, col) of a data qubit."""


class FanPulse(NamedTuple):
    """One pulse of a fan-out.

    Attributes:
        seed: The copy that the root makes, if any.
        links: Pairs (copy, new copy) of neighbours.
    """

    seed: int | None
    links: tuple[tuple[int, int], ...]


class Cover(NamedTuple):
    """How a string is run.

    Attributes:
        root: Site of the root.
        chains: Sites of the other qubits, by stage.
        fan_out: Pulses that make a copy for every place of the longest chain.
    """

    root: Site
    chains: tuple[tuple[Site, ...], ...]
    fan_out: tuple[FanPulse, ...]

    @property
    def pulses(self) -> int:
        """Number of pulses of the string: two foldings, each with a fan-out and a fan-in."""
        return 4 * len(self.fan_out) + 2 * len(self.chains)


def route_paulis_one_by_one(
    block: PauliBlock, layout: Layout, builder: ProgramBuilder, options: RouteOptions, most_lines: tuple[int, int]
) -> list[int]:
    """Append the rotations of a block to a program, in the order given; all ancillas are dark before and after.

    Args:
        block: The rotations; none about the identity.
        layout: Sites of the qubits.
        builder: Takes the instructions.
        options: Whom to tell of progress.
        most_lines: How many rows and columns the AOD can have.

    Returns:
        The order in which the strings were run: as given.

    Raises:
        RoutingError: The sites are too close together for an ancilla beside one.
    """
    router = _Router(layout, builder, most_lines)
    for number, string in enumerate(block.strings):
        if len(string.letters) == 1:
            rotate_one_qubit(builder, string)
        else:
            router.run(string)
        options.progress((number + 1) / len(block.strings), "routing")
    return list(range(len(block.strings)))


# --- which qubits in which stage -------------------------------------------------------------------------------------


def cover(support: Iterable[Site], stack: int, most_copies: int, *, linked: bool = True) -> Cover:
    """Choose a root, the number of copies and the stages, for few pulses.

    Args:
        support: Sites of the qubits, at least two.
        stack: How many lines may stand at one row or column of sites.
        most_copies: Greatest number of copies.
        linked: Whether neighbouring copies can interact.
    """
    sites = sorted(support)
    most = min(most_copies, len(longest_chain(sites, stack)), len(sites) - 1)
    by_pulses = {}  # a fan-out of each length, with all the copies that it can make
    for copies in range(1, most + 1):
        plan = fan_out(copies, linked=linked)
        by_pulses[len(plan)] = copies
    bounds = sorted((4 * pulses + 2 * math.ceil((len(sites) - 1) / n), n) for pulses, n in by_pulses.items())
    best: Cover | None = None
    for bound, copies in bounds:
        if best is not None and bound >= best.pulses:
            break
        found = _cover_with(sites, stack, copies, linked)
        if best is None or found.pulses < best.pulses:
            best = found
    assert best is not None, "one copy is always possible"
    return best


def _cover_with(sites: Sequence[Site], stack: int, copies: int, linked: bool) -> Cover:
    """Cover sites by chains of at most so many; the root is taken from the last chain, the shortest."""
    left, chains = list(sites), []
    while left:
        chain = longest_chain(left, stack)[:copies]
        chains.append(chain)
        served = set(chain)
        left = [site for site in left if site not in served]
    root, *rest = chains.pop()
    if rest:
        chains.append(tuple(rest))
    return Cover(root, tuple(chains), fan_out(max(map(len, chains)), linked=linked))


class _End(NamedTuple):
    """The last site of a chain, with the chain before it."""

    length: int
    site: Site
    before: _End | None


def longest_chain(sites: Sequence[Site], stack: int) -> tuple[Site, ...]:
    """Return a longest chain of sites whose rows and columns never fall, with at most `stack` in a row or in a column.

    Dynamic programming over the sites, with the length of the last run in one row or column as the state; linear in
    the number of sites, times `stack` and the number of columns between them.

    Args:
        sites: Distinct, sorted by row and then by column.
        stack: Greatest run of sites in one row, and in one column.
    """
    num_cols = 1 + max(col for _, col in sites)
    best_in: list[_End | None] = [None] * num_cols  # that end in this column, in an earlier row
    upward: list[list[_End | None]] = [[None] * stack for _ in range(num_cols)]  # the same, by the run in the column
    for _, row in itertools.groupby(sites, key=lambda site: site[0]):
        earlier: _End | None = None  # the best that ends in an earlier row and column
        along: list[_End | None] = [None] * stack  # the best that end in this row, by the run in it
        seen, found = 0, []
        for site in row:
            col = site[1]
            earlier, seen = _longest(earlier, *best_in[seen:col]), col
            fresh = _End(earlier.length + 1 if earlier else 1, site, earlier)
            in_row, in_col = ([_longer(end, site) for end in runs[:-1]] for runs in (along, upward[col]))
            for runs, first, later in ((along, in_col, in_row), (upward[col], in_row, in_col)):
                runs[0] = _longest(runs[0], fresh, *first)  # a run of one: whatever came before lies in another line
                runs[1:] = [_longest(old, new) for old, new in zip(runs[1:], later, strict=True)]
            found.append((col, _longest(fresh, *in_row, *in_col)))
        for col, end in found:
            best_in[col] = _longest(best_in[col], end)
    last, chain = _longest(*best_in), []
    while last:
        chain.append(last.site)
        last = last.before
    return tuple(reversed(chain))


def _longest(*ends: _End | None) -> _End | None:
    """Return the first of the longest chains."""
    return max(ends, key=lambda end: end.length if end else 0)


def _longer(end: _End | None, site: Site) -> _End | None:
    return _End(end.length + 1, site, end) if end else None


# --- how copies are made ---------------------------------------------------------------------------------------------


def fan_out(copies: int, *, linked: bool = True) -> tuple[FanPulse, ...]:
    """Return pulses that make copies 0 to `copies` - 1 of a root.

    A copy that the root made s pulses before the end has grown to a row of 2 s neighbours, so p pulses make up to
    1 + p (p - 1) copies; if neighbours cannot interact, p.
    """

    def grown(pulses_left: int) -> int:
        return max(1, 2 * pulses_left) if linked else 1

    total = 0
    while sum(grown(left) for left in range(total)) < copies:
        total += 1
    seeds: list[int | None] = [None] * total
    links: list[list[tuple[int, int]]] = [[] for _ in range(total)]
    first = 0
    for pulse in range(total):
        size = min(copies - first, grown(total - pulse - 1))
        if size == 0:
            break
        low = high = seeds[pulse] = first + (size - 1) // 2
        for later in links[pulse + 1 :]:
            from_one = low == high
            if high + 1 < first + size:
                later.append((high, high + 1))
                high += 1
            if low > first and not from_one:
                later.append((low, low - 1))
                low -= 1
        first += size
    return tuple(FanPulse(seed, tuple(pairs)) for seed, pairs in zip(seeds, links, strict=True))


# --- pulses ----------------------------------------------------------------------------------------------------------


class _Router:
    """Where the lines stand, and the instructions of one string after another."""

    def __init__(self, layout: Layout, builder: ProgramBuilder, most_lines: tuple[int, int]) -> None:
        self.builder, self.spacing_um, self.gap_um = builder, layout.spacing_um, layout.rows.gap_um
        self.sites: list[Site] = [(row, col) for row, col in layout.sites.tolist()]
        self.qubit_at = {site: qubit for qubit, site in enumerate(self.sites)}
        rydberg = builder.device.rydberg
        self.offsets_um = site_offsets_um(rydberg, layout.spacing_um, self.gap_um)
        self.far_um = max(layout.safe_um, self.gap_um)
        margin_um = self.far_um + max(map(abs, self.offsets_um))
        ends_um = [(size - 1) * layout.spacing_um for size in layout.occupied.shape]
        self.edges_um = [(-margin_um, end_um + margin_um) for end_um in ends_um]
        self.linked = math.sqrt(2) * self.gap_um <= rydberg.interaction_radius_um
        self.most_copies = min(most_lines)

    def run(self, string: PauliString) -> None:
        """Append a rotation about a string of two letters or more."""
        builder = self.builder
        support = [self.sites[qubit] for qubit, _ in string.letters]
        plan = cover(support, len(self.offsets_um), self.most_copies, linked=self.linked)
        root = self.qubit_at[plan.root]
        turned = [(qubit, letter) for qubit, letter in string.letters if letter != "Z"]
        for qubit, letter in turned:
            builder.gate(qubit, TO_Z[letter])
        self._fold(plan, root)
        builder.rz(root, string.angle)
        self._fold(plan, root)
        for qubit, letter in turned:
            builder.gate(qubit, FROM_Z[letter])

    def _fold(self, plan: Cover, root: int) -> None:
        """Add the parity of the other qubits to the root."""
        copies = max(map(len, plan.chains))
        self.builder.gate(root, HADAMARD)
        for pulse in plan.fan_out:
            self._fan(pulse, root, plan.root, copies)
        for chain in plan.chains:
            targets = (self.qubit_at[site] for site in chain)
            self.builder.pulse(*self._lines(chain, copies), ((self._atom(k), q) for k, q in enumerate(targets)))
        for pulse in reversed(plan.fan_out):
            self.builder.release(self._fan(pulse, root, plan.root, copies))
        self.builder.gate(root, HADAMARD)

    def _fan(self, pulse: FanPulse, root: int, site: Site, copies: int) -> list[int]:
        """Run a pulse of the fan-out, or of the fan-in; return the ancillas that it copies to, or clears."""
        pairs = [(self._atom(copy), self._atom(new)) for copy, new in pulse.links]
        if pulse.seed is not None:
            pairs.append((root, self._atom(pulse.seed)))
        beside = [] if pulse.seed is None else [site]
        close = {max(link) for link in pulse.links}
        self.builder.cx(*self._lines(beside, copies, pulse.seed or 0, close), pairs)
        return [new for _, new in pairs]

    def _atom(self, copy: int) -> int:
        return self.builder.ancilla(copy, copy)

    def _lines(
        self, beside: Sequence[Site], copies: int, first: int = 0, close: Iterable[int] = ()
    ) -> tuple[list[float], list[float]]:
        """Positions of the row lines and of the column lines.

        Args:
            beside: Sites of copies `first`, `first` + 1, and so on; all others wait outside the lattice.
            copies: Number of copies.
            first: The first copy that stands at a site.
            close: Copies that interact with the one before.
        """
        close, last = set(close), first + len(beside)
        steps_um = [self.gap_um if copy in close else self.far_um for copy in range(copies)]  # from the copy before
        lines: tuple[list[float], list[float]] = [], []
        for axis, (low_um, high_um) in enumerate(self.edges_um):
            if first:
                before = itertools.accumulate(steps_um[first - 1 : 0 : -1], lambda at, step: at - step, initial=low_um)
                lines[axis].extend(reversed(list(before)))
            for site, run in itertools.groupby(place[axis] for place in beside):
                count = len(list(run))
                skipped = (len(self.offsets_um) - count) // 2
                lines[axis].extend(site * self.spacing_um + x for x in self.offsets_um[skipped : skipped + count])
            if last < copies:
                lines[axis].extend(itertools.accumulate(steps_um[last + 1 :], initial=high_um))
        return lines
