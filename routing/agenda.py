"""Which Pauli string is touched when: the agenda of the Pauli router.

A string is *open* from its first touch to its second; the rotation happens in between. Strings that are open at the
same time must commute, and a string that keeps its order waits until all strings before it that it does not commute
with are closed. Only one string is touched in a pulse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .blocks import PauliBlock

Bools = NDArray[np.bool_]

WINDOW = 7
"""Strings that are expected to be open together; each string is chosen to commute with as many before it."""

PENDING = -1
OPEN = 0
CLOSED = 1


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


class Agenda:
    """What may be prepared and touched next.

    Args:
        conflicts: Which strings do not commute, shape (strings, strings).
        latencies: Least number of pulses from the first touch of each string to the pulse after its second.
        ordered: Whether strings that do not commute keep their order.
    """

    def __init__(self, conflicts: Bools, latencies: Sequence[int], *, ordered: bool) -> None:
        self.ordered = ordered
        count = len(latencies)
        self._conflicts = conflicts
        self._before = np.triu(conflicts, 1).T if ordered else np.zeros_like(conflicts)  # [k, j]: j closes before k
        self._state = np.full(count, PENDING)
        self._started = np.zeros(count, dtype=bool)
        self._lacking = self._before.sum(axis=1)  # strings to be closed first
        self._unstarted = self._lacking.copy()  # strings to be started first
        self._open_conflicts = np.zeros(count, dtype=np.int64)
        # Pulses from the first touch of a string to the end of the last one that waits for it.
        self._tail = np.array(latencies, dtype=np.int64)
        self._after = np.zeros(count, dtype=np.int64)
        for k in range(count - 1, -1, -1):
            later = self._tail[k + 1 :][self._before[k + 1 :, k]]
            self._after[k] = later.max(initial=0)
            self._tail[k] += self._after[k]
        self._sequence = [] if ordered else spread(conflicts)
        self.order: list[int] = []

    @property
    def done(self) -> bool:
        """Whether all strings are closed."""
        return len(self.order) == len(self._state) and bool((self._state == CLOSED).all())

    def next_to_start(self) -> int | None:
        """Return a string whose cat should be made next, and count it as started; None if there is none."""
        if not self.ordered:
            return self._start(self._sequence.pop(0)) if self._sequence else None
        free = np.flatnonzero(~self._started & (self._unstarted == 0))
        if not len(free):
            return None
        key = self._tail[free] + 1_000_000 * (self._lacking[free] == 0)
        return self._start(int(free[key.argmax()]))

    def _start(self, string: int) -> int:
        self._started[string] = True
        self._unstarted -= self._before[:, string]
        return string

    def may_open(self, string: int) -> bool:
        """Whether a string commutes with all open ones, and those that must come before it are closed."""
        return bool(self._lacking[string] == 0 and self._open_conflicts[string] == 0)

    def choose(self, to_open: Iterable[int], to_close: Iterable[int]) -> int | None:
        """Return the string to touch in a pulse, if any.

        Args:
            to_open: Strings whose cats are ready, before their first touch.
            to_close: Strings that are ready for their second touch.
        """
        opening = [string for string in to_open if self.may_open(string)]
        closing = list(to_close)
        if self.ordered:
            ranked = [(int(self._tail[k]), 0, -k) for k in opening] + [(int(self._after[k]), 1, -k) for k in closing]
            return -max(ranked)[2] if ranked else None
        if closing and (not opening or len(closing) > 1):
            return closing[0]
        waiting = (self._started & (self._state == PENDING)).astype(np.int64)
        return min(opening, key=lambda k: (int(self._conflicts[k] @ waiting), k), default=None)

    def open(self, string: int) -> None:
        """Count a string as open."""
        self._state[string] = OPEN
        self._open_conflicts += self._conflicts[:, string]
        self.order.append(string)

    def close(self, string: int) -> None:
        """Count a string as closed."""
        self._state[string] = CLOSED
        self._open_conflicts -= self._conflicts[:, string]
        self._lacking -= self._before[:, string]


def spread(conflicts: Bools) -> list[int]:
    """Return an order of strings in which neighbours commute, as far as that can be had.

    Each string is the one that commutes with most of the `WINDOW` - 1 before it; among equals, the one that commutes
    with fewest of those left, which is hardest to place. Takes time quadratic in the number of strings.
    """
    count = len(conflicts)
    left = np.ones(count, dtype=bool)
    degree = conflicts.sum(axis=1).astype(np.int64)
    order: list[int] = []
    for _ in range(count):
        recent = conflicts[:, order[1 - WINDOW :]].sum(axis=1) if order else np.zeros(count, dtype=np.int64)
        key = np.where(left, recent * (count + 1) - degree, np.iinfo(np.int64).max)
        chosen = int(key.argmin())
        order.append(chosen)
        left[chosen] = False
        degree -= conflicts[:, chosen]
    return order
