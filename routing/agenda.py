"""When the cat of each Pauli string is made, and when it touches the data: the agenda of the Pauli router.

A string is *open* from its first touch to its second; the rotation happens in between. Strings that are open at the
same time must commute, and a string that keeps its order waits until all strings before it that it does not commute
with are closed. Only one string touches the data in a pulse, and only so many cats fit on the AOD: this is a job shop,
and an agenda is made by playing it through, several times with other priorities; the shortest is kept.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arch.bits import bits
from .blocks import PauliBlock

Bools = NDArray[np.bool_]

TRIES = 400
TRIES_FOR = 100
"""A free agenda of up to `TRIES_FOR` strings is made `TRIES` times, longer ones less often, in proportion."""

ORDERED = 0.04
"""Share of these tries where the order is kept: it is the longest chain of strings that counts then."""

FRESH = 0.05
"""Share of the tries with priorities of their own; the others change those of the best one a little."""

CHANGED = 0.01
"""Share of the priorities that are changed."""

SLACK = 3
"""Strings that are closed this many pulses after a new cat is ready do not count as in its way; measured on 0 to 10."""

MOST_CANDIDATES = 256
"""Only this many strings, the first of those that are left, are weighed for the next cat."""


class Moment(NamedTuple):
    """What happens before and at one pulse.

    Attributes:
        turns: Strings of one letter whose rotation runs before the pulse.
        starts: (string, bay) of each cat whose making starts with the pulse.
        touch: The string that touches the data, if any. All other cats go on where they are not waiting for a touch.
    """

    turns: tuple[int, ...]
    starts: tuple[tuple[int, int], ...]
    touch: int | None


class Agenda(NamedTuple):
    """All pulses of a block of strings.

    Attributes:
        moments: What happens at each pulse; one that only has turns may come without a pulse.
        order: The strings in the order in which they are opened.
    """

    moments: tuple[Moment, ...]
    order: tuple[int, ...]


def anticommuting(block: PauliBlock) -> Bools:
    """Return which strings do not commute, shape (strings, strings)."""
    shape = (len(block.strings), block.num_qubits)
    x, z = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    for number, string in enumerate(block.strings):
        for qubit, letter in string.letters:
            x[number, qubit] = letter != "Z"
            z[number, qubit] = letter != "X"
    crossings = x @ z.T
    odd: Bools = (crossings + crossings.T) % 2 > 0.5
    return odd


def make_agenda(
    conflicts: Bools, steps: Sequence[int], bays: int, *, ordered: bool, effort: int = 1, seed: int = 0
) -> Agenda:
    """Return a short agenda.

    Args:
        conflicts: Which strings do not commute, shape (strings, strings).
        steps: Pulses that each cat takes to be made or taken apart; 0 for strings of one letter, which need none.
        bays: How many cats fit on the AOD.
        ordered: Whether strings that do not commute keep their order.
        effort: Agendas are made this many times as often.
        seed: Seed of the priorities.
    """
    rng = np.random.default_rng(seed)
    shop = _Shop(conflicts, steps, bays, ordered)
    tries = max(1, round((ORDERED if ordered else 1.0) * TRIES * effort * min(1.0, TRIES_FOR / max(1, len(steps)))))
    kept = _Priorities(np.zeros(len(steps)), 1.0, close_first=False)
    best = _Game(shop, kept).play()
    for number in range(1, tries):
        if len(best.moments) <= shop.least:
            break
        trial = kept.changed(rng, 1.0 if number < FRESH * tries else CHANGED)
        agenda = _Game(shop, trial).play()
        if len(agenda.moments) <= len(best.moments):
            best, kept = agenda, trial
    if not ordered:  # what keeps the order is allowed too
        kept_order = make_agenda(conflicts, steps, bays, ordered=True, effort=effort, seed=seed)
        best = min(best, kept_order, key=lambda agenda: len(agenda.moments))
    return best


class _Priorities(NamedTuple):
    """What distinguishes the tries.

    Attributes:
        handicap: Of each string, when cats are started; the lowest starts first.
        patience: What a later opening counts for, against the length of what waits for it.
        close_first: Whether second touches go before first ones.
    """

    handicap: NDArray[np.float64]
    patience: float
    close_first: bool

    def changed(self, rng: np.random.Generator, share: float) -> _Priorities:
        """Return other priorities, of which this share is drawn anew."""
        handicap = np.where(rng.random(self.handicap.shape) < share, rng.random(self.handicap.shape), self.handicap)
        patience = float(rng.uniform(0.5, 3.0)) if rng.random() < share else self.patience
        close_first = bool(rng.random() < 0.5) if rng.random() < share else self.close_first
        return _Priorities(handicap, patience, close_first)


class _Shop:
    """Strings and what they wait for; sets of strings are the bits of integers."""

    def __init__(self, conflicts: Bools, steps: Sequence[int], bays: int, ordered: bool) -> None:
        count = len(steps)
        self.steps, self.bays, self.ordered = list(steps), bays, ordered
        self.conflicts = _masks(conflicts)
        before = np.tril(conflicts, -1) if ordered else np.zeros_like(conflicts)  # [k, j]: j closes before k opens
        self.before = _masks(before)
        self.latency = [2 * length + 2 if length else 0 for length in steps]
        # Pulses from the first touch of a string to the end of the last one that waits for it, and without itself.
        tail = np.array(self.latency, dtype=np.int64)
        after = np.zeros(count, dtype=np.int64)
        for k in range(count - 1, -1, -1):
            after[k] = tail[k + 1 :][before[k + 1 :, k]].max(initial=0)
            tail[k] += after[k]
        self.tail, self.after = tail.tolist(), after.tolist()
        self.usual = int(np.mean(steps)) if count else 0  # pulses to make a cat
        first_and_last = 2 * min((length for length in steps if length), default=0)
        self.least = max([int(tail.max(initial=0)), 2 * int(np.count_nonzero(steps))]) + first_and_last


class _Game:
    """One agenda in the making, at pulse `now`."""

    def __init__(self, shop: _Shop, priorities: _Priorities) -> None:
        count = len(shop.steps)
        self.shop = shop
        self.handicap: list[float] = priorities.handicap.tolist()
        self.patience, self.close_first = priorities.patience, priorities.close_first
        self.now = 0
        self.unstarted = [k for k in range(count) if shop.steps[k]]
        self.singles = [k for k in range(count) if not shop.steps[k]]  # strings of one letter that are left
        self.under_way = self.open = self.closed = 0
        self.opens_at = [0] * count  # when each started string is expected to open
        self.ready: set[int] = set()  # before the first touch
        self.rotated: set[int] = set()  # before the second touch
        self.flights: list[tuple[int, int, int, int]] = []  # (pulse, stage, string, bay): what comes to its next stage
        self.free_bays = list(range(shop.bays))
        self.bay_of = [-1] * count
        self.order: list[int] = []

    def play(self) -> Agenda:
        moments = []
        while self.unstarted or self.singles or self.ready or self.rotated or self.flights:
            self._land()
            turns, starts = self._start()
            touch = self._choose()
            if touch is not None:
                self._touch(touch)
            if turns or starts or touch is not None or self.flights:
                moments.append(Moment(tuple(turns), tuple(starts), touch))
            self.now += 1
        return Agenda(tuple(moments), tuple(self.order))

    def _land(self) -> None:
        """Let cats come to their next stage that do so by now."""
        while self.flights and self.flights[0][0] <= self.now:
            _, stage, string, bay = heapq.heappop(self.flights)
            if stage == 0:
                self.ready.add(string)
            elif stage == 1:
                self.rotated.add(string)
            else:
                self.free_bays.append(bay)

    def _start(self) -> tuple[list[int], list[tuple[int, int]]]:
        """Run strings of one letter whose turn it is, and start cats in free bays."""
        turns, starts = [], []
        for string in list(self.singles):
            if self._may_open(string):
                self.singles.remove(string)
                self.order.append(string)
                self.closed |= 1 << string
                turns.append(string)
        self.free_bays.sort(reverse=True)
        while self.free_bays:
            chosen = self._next_to_start()
            if chosen is None:
                break
            bay = self.free_bays.pop()
            self.unstarted.remove(chosen)
            self.under_way |= 1 << chosen
            self.bay_of[chosen] = bay
            self.opens_at[chosen] = self._expected(chosen)
            heapq.heappush(self.flights, (self.now + self.shop.steps[chosen], 0, chosen, bay))
            starts.append((chosen, bay))
        return turns, starts

    def _next_to_start(self) -> int | None:
        shop = self.shop
        waiting = self.unstarted[:MOST_CANDIDATES]
        if not shop.ordered:
            # The string in conflict with fewest that will be in its way; among equals, with most of the others, since
            # that is hard to place.
            rest = sum(1 << k for k in waiting)
            in_way = self.under_way & ~self._closed_by(self.now + shop.usual + SLACK)
            return min(
                waiting,
                key=lambda k: (
                    (shop.conflicts[k] & in_way).bit_count()
                    - 0.02 * (shop.conflicts[k] & rest).bit_count()
                    + self.handicap[k]
                ),
                default=None,
            )
        settled = self.under_way | self.closed
        known = [k for k in waiting if not shop.before[k] & ~settled]
        return min(
            known,
            key=lambda k: self.patience * self._expected(k) - shop.tail[k] + 8 * self.handicap[k],
            default=None,
        )

    def _closed_by(self, pulse: int) -> int:
        """The open strings that can be closed by a pulse."""
        return sum(1 << k for k in bits(self.open) if self.opens_at[k] + self.shop.latency[k] <= pulse)

    def _expected(self, string: int) -> int:
        """The pulse at which a string can open, as far as that is known."""
        soonest = self.now + self.shop.steps[string]
        for other in bits(self.shop.before[string] & self.under_way):
            soonest = max(soonest, self.opens_at[other] + self.shop.latency[other])
        return soonest

    def _may_open(self, string: int) -> bool:
        return not (self.shop.conflicts[string] & self.open or self.shop.before[string] & ~self.closed)

    def _choose(self) -> int | None:
        """Return the string that touches the data."""
        opening = [k for k in self.ready if self._may_open(k)]
        if self.shop.ordered:
            ranked = [(self.shop.tail[k], 0, -k) for k in opening]
            ranked += [(self.shop.after[k], 1, -k) for k in self.rotated]
            return -max(ranked)[2] if ranked else None
        if self.rotated and (self.close_first or not opening or len(self.rotated) > 3):
            return min(self.rotated)
        pending = sum(1 << k for k in self.ready)
        return min(opening, key=lambda k: ((self.shop.conflicts[k] & pending).bit_count(), k), default=None)

    def _touch(self, string: int) -> None:
        length = self.shop.steps[string]
        if string in self.ready:
            self.ready.remove(string)
            self.open |= 1 << string
            self.opens_at[string] = self.now
            self.order.append(string)
            heapq.heappush(self.flights, (self.now + 2 * length + 1, 1, string, self.bay_of[string]))
        else:
            self.rotated.remove(string)
            self.open &= ~(1 << string)
            self.closed |= 1 << string
            self.under_way &= ~(1 << string)
            heapq.heappush(self.flights, (self.now + length + 1, 2, string, self.bay_of[string]))


def _masks(table: Bools) -> list[int]:
    """Return each row of a table as the bits of an integer."""
    return [int.from_bytes(np.packbits(row, bitorder="little").tobytes(), "little") for row in table]
