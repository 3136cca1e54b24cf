"""Rows of measurements put side by side: means over seeds, ratios on the same circuits, the best of several ways."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .record import MODELS, RESULT_COLUMNS

Row = dict[str, Any]
"""A row of the table of results: cells by column, None where a cell is empty."""

Group = tuple[str, str, int, str | None]
"""What circuits of different seeds share: suite, circuit, qubits, variant."""

Case = tuple[str, str, int, str | None, int | None]
"""One circuit: suite, circuit, qubits, variant, seed."""

OURS = ("qpilot", "qpilot-depth", "qpilot-generic")
"""qpilot on the machine it has by default."""

OTHER_MACHINES = ("qpilot-two-aods", "qpilot-phases")
"""qpilot on machines that can do more."""

PAPER = "paper"
MOVING = ("zoned", "zoned-coloured", "hybrid")
"""Other compilers that move atoms."""

SYNTHESES = ("chain", "tree", "rustiq", "tket")
IDEAL = ("logical", *SYNTHESES)
"""Ways that need every two qubits to be neighbours, which no machine with fixed atoms offers."""

GRIDS = ("square", "triangle", "heavy-hex", "long-range-2", "long-range-3")
ORDER = (*OURS, *OTHER_MACHINES, PAPER, "logical", *GRIDS, "swap-network", *MOVING, *SYNTHESES)
"""Order of the ways in tables; others follow by name."""

SUITES = ("random", "qaoa", "paulis", "algorithms", "widths", "scaling")
KEPT, FREE = "kept", "free"
STATUSES = ("ok", "refused", "timeout", "failed")
"""What may become of a row, from good to bad."""

_PROBABILITIES = frozenset(
    f"{model}_{part}"
    for model in MODELS
    for part in ("fidelity", "two_qubit", "one_qubit", "idle", "decoherence", "transfer")
)
_FIGURES = ("size", *(column for column in RESULT_COLUMNS if column not in ("checked", "detail")))


def is_fixed(way: str) -> bool:
    """Return whether a way holds all atoms at their places."""
    return way not in (*OURS, *OTHER_MACHINES, PAPER, *MOVING, *IDEAL)


def is_real(way: str) -> bool:
    """Return whether a way is another one than qpilot, and needs no couplings that no machine has."""
    return way == PAPER or way in MOVING or is_fixed(way)


@dataclass(frozen=True, slots=True)
class Loss:
    """A group of circuits where another way has the better figure: both ways, and both figures."""

    group: Group
    ours: str
    mine: float
    other: str
    theirs: float

    @property
    def factor(self) -> float:
        """The greater figure divided by the less."""
        least, most = sorted((self.mine, self.theirs))
        return most / least if least else math.inf


def by_case(rows: Iterable[Row]) -> dict[Case, dict[str, Row]]:
    """Return the rows by circuit and way, in an order that does not depend on that of the rows.

    Pauli strings that may change places may also keep theirs: where another compiler than qpilot has no result of its
    own for free order, it has that of kept order.
    """
    found: dict[Case, dict[str, Row]] = {}
    for row in rows:
        case = (row["suite"], row["circuit"], row["qubits"], row["variant"], row["seed"])
        found.setdefault(case, {})[row["way"]] = row
    for (suite, circuit, qubits, variant, seed), ways in found.items():
        if variant == FREE:
            kept = found.get((suite, circuit, qubits, KEPT, seed), {})
            for way, row in kept.items():
                if not way.startswith("qpilot") and way != PAPER:
                    ways.setdefault(way, row)
    return {case: found[case] for case in sorted(found, key=case_key)}


def means(cases: Mapping[Case, Mapping[str, Row]]) -> dict[Group, dict[str, Row]]:
    """Return one row for all seeds of a group and way: means, of probabilities geometric ones.

    A way has no row where a seed that another way has was not measured, and the worst status of its seeds where one is
    not "ok".
    """
    groups: dict[Group, list[Mapping[str, Row]]] = {}
    for case, ways in cases.items():
        groups.setdefault(case[:4], []).append(ways)
    result: dict[Group, dict[str, Row]] = {}
    for group, seeds in groups.items():
        names = sorted({way for ways in seeds for way in ways}, key=way_key)
        complete = [way for way in names if all(way in ways for ways in seeds)]
        result[group] = {way: _mean_row([ways[way] for ways in seeds]) for way in complete}
    return result


def ratios(cases: Mapping[Case, Mapping[str, Row]], column: str, baseline: str, ours: str) -> list[float]:
    """Return baseline / ours of a column, for each circuit of which both have a figure above 0."""
    found = []
    for ways in cases.values():
        above, below = (ways.get(way, {}).get(column) for way in (baseline, ours))
        if above and below:
            found.append(above / below)
    return found


def best(ways: Mapping[str, Row], among: Callable[[str], bool]) -> str | None:
    """Return the way of least depth, then fewest two-qubit gates; None if none has a result."""
    done = [way for way, row in ways.items() if among(way) and row["status"] == "ok"]
    return min(done, key=lambda way: (ways[way]["depth"], ways[way]["num_2q"], way_key(way)), default=None)


def losses(
    found: Mapping[Group, Mapping[str, Row]],
    column: str,
    ours: Callable[[str], bool],
    others: Callable[[str], bool],
    *,
    more_is_better: bool = False,
) -> tuple[list[Loss], Counter[str]]:
    """Return where the best of the others has a better figure than the best of ours.

    Args:
        found: Rows by group and way.
        column: Where the figure stands.
        ours: Which ways are ours.
        others: Which ways they are compared with.
        more_is_better: Whether the greater figure is the better one. Groups in which all are 0 do not count.

    Returns:
        The losses, in the order of the groups, and the number of groups compared by suite.
    """
    lost, compared = [], Counter[str]()
    sign = -1 if more_is_better else 1
    for group, ways in found.items():
        figures = {way: row[column] for way, row in ways.items() if row["status"] == "ok" and row[column] is not None}

        def place(way: str, figures: Mapping[str, float] = figures) -> tuple[Any, ...]:
            return sign * figures[way], way_key(way)

        mine = min(filter(ours, figures), key=place, default=None)
        other = min(filter(others, figures), key=place, default=None)
        if mine is None or other is None or (more_is_better and not figures[mine] and not figures[other]):
            continue
        compared[group[0]] += 1
        if sign * figures[other] < sign * figures[mine]:
            lost.append(Loss(group, mine, figures[mine], other, figures[other]))
    return lost, compared


def geometric_mean(values: Collection[float]) -> float | None:
    """Return the geometric mean; 0 if a value is (a fidelity may be too small for a float), None without values."""
    if not values:
        return None
    return statistics.geometric_mean(values) if all(values) else 0.0


def growth_exponent(sizes: Iterable[float], seconds: Iterable[float]) -> float:
    """Return p of the least-squares fit seconds = c * size^p.

    Raises:
        ValueError: There are fewer than two sizes.
    """
    points = [(math.log(size), math.log(time)) for size, time in zip(sizes, seconds, strict=True)]
    if len({x for x, _ in points}) < 2:
        raise ValueError("An exponent takes two sizes.")
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def largest_size(cases: Iterable[Case], suites: Collection[str] = SUITES[:4], usual: int = 100) -> int:
    """Return the usual number of qubits if these suites have it, else the largest they have, 0 if none."""
    sizes = {case[2] for case in cases if case[0] in suites}
    return usual if usual in sizes else max(sizes, default=0)


def way_key(way: str) -> tuple[int, tuple[tuple[int, str], ...]]:
    """Return the place of a way among others."""
    return (ORDER.index(way) if way in ORDER else len(ORDER)), natural_key(way)


def natural_key(text: str | None) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts numbers in a text by value: random-2 before random-10."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text or ""))


def case_key(case: Case) -> tuple[Any, ...]:
    """Return the place of a circuit among others."""
    suite, circuit, qubits, variant, seed = case
    place = SUITES.index(suite) if suite in SUITES else len(SUITES)
    order = (variant == FREE, natural_key(variant))
    return place, suite, natural_key(circuit), qubits, order, -1 if seed is None else seed


def _mean_row(rows: list[Row]) -> Row:
    status = max((row["status"] for row in rows), key=STATUSES.index)
    mean: Row = {"status": status}
    if status == "ok":
        mean |= dict(_mean_cells(rows))
    return mean


def _mean_cells(rows: list[Row]) -> Iterator[tuple[str, float | None]]:
    for column in _FIGURES:
        values = [row[column] for row in rows if row.get(column) is not None]
        if len(values) < len(rows):
            yield column, None
        elif column in _PROBABILITIES:
            yield column, geometric_mean(values)
        else:
            yield column, values[0] if len(values) == 1 else statistics.fmean(values)
