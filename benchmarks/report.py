"""Tables of a run in Markdown, made from its rows alone, and the section of a README that shows them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qpilot.arch.errors import ProgramError
from qpilot.arch.files import read_bytes, write_bytes

from .compare import (
    FREE,
    GRIDS,
    KEPT,
    MOVING,
    OURS,
    PAPER,
    STATUSES,
    SUITES,
    SYNTHESES,
    Case,
    Group,
    Loss,
    Row,
    best,
    by_case,
    geometric_mean,
    growth_exponent,
    is_fixed,
    is_real,
    largest_size,
    losses,
    means,
    natural_key,
    ratios,
    way_key,
)
from .markdown import number, page, picture, table

START, END = "<!-- results: made by python -m benchmarks --readme -->", "<!-- end of results -->"
WORDS = {"refused": "refused", "timeout": "time out", "failed": "failed"}
"""What stands in a cell without a figure; a way that was not measured has an empty cell."""


@dataclass(frozen=True, slots=True)
class Family:
    """A line of the ratio table: circuits of a suite, and baselines with this prefix before the name of their grid."""

    name: str
    suite: str
    prefix: str = ""
    variant: str | None = None
    published: float | None = None


FAMILIES = (
    Family("random circuits", "random", published=1.4),
    Family("quantum simulation, CX chains, kept order", "paulis", "chain-", KEPT, 27.7),
    Family("quantum simulation, CX chains, free order", "paulis", "chain-", FREE),
    Family("quantum simulation, CX trees, kept order", "paulis", "tree-", KEPT),
    Family("quantum simulation, CX trees, free order", "paulis", "tree-", FREE),
    Family("QAOA", "qaoa", published=6.3),
)
"""The published ratios are those of arXiv 2311.16190 at 100 qubits."""

COMPARISONS = (  # name, way, column
    ("paper strategy, mixed layers", PAPER, "mixed_depth"),
    ("paper strategy, depth", PAPER, "depth"),
    ("qpilot, depth", "qpilot", "depth"),
    ("qpilot-depth, depth", "qpilot-depth", "depth"),
)
SHARED = (
    ("depth", "depth"),
    ("num_2q", "2Q gates"),
    ("enola_duration_us", "duration (`enola`)"),
    ("atomique_duration_us", "duration (`atomique`)"),
    ("compile_s", "compile time"),
)
"""Columns, and their names, in which other compilers are compared with qpilot."""

NEAR = 1.25
"""Factor within which a ratio comes near a published one."""

OTHERS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("fixed atoms", is_fixed),
    ("compilers that move data atoms", lambda way: way in MOVING),
)
"""Whose depth is compared apart."""

WORST = 10
"""How many of the worst cases of a kind are listed."""


def tables(rows: Sequence[Row]) -> str:
    """Return for each suite the depth and gates of every way, and the costs of qpilot beside the best baselines."""
    found = means(by_case(rows))
    parts = []
    for suite in _in_order({group[0] for group in found}):
        groups = {group: ways for group, ways in found.items() if group[0] == suite}
        parts += [f"### {suite}", _depth_table(groups), "Costs of qpilot and of the baselines of least depth:"]
        parts.append(_cost_table(groups))
    return page(parts)


def ratio_table(rows: Sequence[Row]) -> str:
    """Return how many times qpilot and the paper strategy have less depth than fixed atoms, beside published ratios."""
    cases = by_case(rows)
    size = largest_size(cases)
    lines, sentences = [], []
    for family in FAMILIES:
        part = _part(cases, family, size)
        found = [_all_grids(_grid_ratios(part, family, comparison)) for comparison in COMPARISONS]
        found.append(geometric_mean(_best_ratios(part, family)))
        lines.append([family.name, number(family.published), *map(number, found)])
        if family.published is not None and found[0] is not None:
            sentences.append(f"* {_nearness(family.name, found[0], family.published)}")
    parts = [
        f"Depth of circuits routed on fixed atoms divided by depth here, {size} qubits: geometric means over circuits, "
        "seeds and grids, of the circuits that both have compiled. Mixed layers count one-qubit layers too, as the "
        "literature does; depth counts two-qubit layers only. Quantum simulation is of random strings. The last column "
        "is of depth beside the best fixed-atom way of each circuit, swap networks included.",
        table(["family", "published", *(name for name, _, _ in COMPARISONS), "qpilot, best fixed way"], lines),
        "\n".join(sentences),
    ]
    return page(parts)


def grid_table(rows: Sequence[Row]) -> str:
    """Return the ratios of `ratio_table` for each grid, with the number of circuits."""
    cases = by_case(rows)
    size = largest_size(cases)
    lines = []
    for family in FAMILIES:
        part = _part(cases, family, size)
        for comparison in COMPARISONS:
            found = _grid_ratios(part, family, comparison)
            if any(found):
                figures = [*map(geometric_mean, found), _all_grids(found), max(map(len, found))]
                lines.append([family.name, comparison[0], *map(number, figures)])
    return table(["family", "ratio", *GRIDS, "all", "circuits"], lines)


def moving_table(rows: Sequence[Row]) -> str:
    """Return depth, gates, durations and compile time of compilers that move data atoms, as multiples of qpilot's."""
    cases = by_case(rows)
    lines = []
    for way in MOVING:
        for suite in _in_order({case[0] for case in cases} - {"widths", "scaling"}):
            part = {case: ways for case, ways in cases.items() if case[0] == suite}
            found = [ratios(part, column, way, "qpilot") for column, _ in SHARED]
            if any(found):
                lines.append([way, suite, number(max(map(len, found))), *map(number, map(geometric_mean, found))])
    heading = (
        "Compilers of mqt.qmap that move data atoms, divided by qpilot with its default options: geometric means over "
        "circuits of all sizes. Above 1 qpilot needs less. Their depth can be the logical one, as no ancilla is made "
        "or recycled; they pay in moves."
    )
    return page([heading, table(["way", "suite", "circuits", *(name for _, name in SHARED)], lines)]) if lines else ""


def where_qpilot_loses(rows: Sequence[Row]) -> str:
    """Return where qpilot, in its best way, has more depth, less estimated fidelity or a longer compile time."""
    found = means(by_case(rows))
    ideal, _ = losses(found, "depth", _is_ours, lambda way: way in SYNTHESES)
    less, compared = losses(found, "enola_fidelity", _is_ours, is_real, more_is_better=True)
    slower, timed = _slower(found)
    counts = Counter(loss.group[0] for loss in less)
    by_suite = [[suite, number(compared[suite]), number(counts[suite])] for suite in _in_order(compared)]
    parts = []
    for name, is_other in OTHERS:
        deeper, _ = losses(found, "depth", _is_ours, is_other)
        parts += [f"More depth than {name} (the best way of each, means over seeds):", _loss_table(deeper, "depth")]
    parts += [
        "Less estimated fidelity (constants `enola`; the best way of each by fidelity, geometric means over seeds). "
        "Circuits of which all fidelities are too small for a float are left out.",
        table(["suite", "circuits", "less"], by_suite),
        f"The {WORST} worst:",
        _loss_table(_worst(less), "fidelity"),
        f"Longer compile time than the zoned compiler of mqt.qmap: {number(len(slower))} of {number(timed.total())} "
        f"circuits and sizes, qpilot with its default options. The {WORST} worst:",
        _loss_table(_worst(slower), "compile s"),
        "Ideals, which need every two qubits to be neighbours: more depth than a synthesis of Pauli strings on such a "
        "machine.",
        _loss_table(ideal, "depth"),
    ]
    return page(parts)


def compile_time_table(rows: Sequence[Row]) -> str:
    """Return compile times of mqt.qmap's zoned compiler as multiples of those of qpilot, and how qpilot's grow."""
    cases = by_case(rows)
    lines = []
    for suite, size in sorted({(case[0], case[2]) for case in cases}, key=lambda key: (*_suite_key(key[0]), key[1])):
        part = {case: ways for case, ways in cases.items() if (case[0], case[2]) == (suite, size)}
        found = ratios(part, "compile_s", "zoned", "qpilot")
        if found:
            figures = (geometric_mean(found), min(found), max(found))
            lines.append([suite, number(size), number(len(found)), *map(number, figures)])
    parts = [
        "Compile time of the zoned compiler of mqt.qmap divided by that of qpilot, checks of qpilot included:",
        table(["suite", "qubits", "circuits", "geometric mean", "least", "greatest"], lines),
    ]
    scaling = {group: ways for group, ways in means(cases).items() if group[0] == "scaling"}
    grown = [(group, row) for group, ways in scaling.items() if (row := ways.get("qpilot")) and row["status"] == "ok"]
    if grown:
        times = [[number(group[2]), number(row["size"]), number(row["compile_s"])] for group, row in grown]
        parts += ["Growth of the compile time of qpilot:", table(["qubits", "gates", "seconds"], times)]
    sizes = [group[2] for group, _ in grown]
    if len(set(sizes)) > 1:
        exponent = growth_exponent(sizes, [row["compile_s"] for _, row in grown])
        parts.append(f"It grows as n^{exponent:.2f} with the number n of qubits; the gates are a multiple of n.")
    return page(parts)


def provenance(rows: Sequence[Row]) -> str:
    """Return what was measured, with what, where and when."""
    counts = Counter(row["status"] for row in rows)
    seeds = sorted({row["seed"] for row in rows if row["seed"] is not None})
    lines = [
        ["rows", ", ".join(f"{number(counts[status])} {WORDS.get(status, status)}" for status in STATUSES)],
        [
            "compile time",
            f"{sum(row['compile_s'] or 0.0 for row in rows) / 3600:,.2f} hours in all, of rows that are ok",
        ],
        ["suites", ", ".join(_in_order({row["suite"] for row in rows}))],
        ["qubits", ", ".join(number(size) for size in sorted({row["qubits"] for row in rows}))],
        ["seeds", ", ".join(map(str, seeds))],
        ["ways", ", ".join(sorted({row["way"] for row in rows}, key=way_key))],
    ]
    for name, column in (
        ("checks", "checked"),
        ("versions", "version"),
        ("revisions", "revision"),
        ("Python", "python"),
        ("machines", "machine"),
    ):
        lines.append([name, "; ".join(sorted({str(row[column]) for row in rows if row[column]}))])
    dates = sorted(str(row["date"]) for row in rows if row["date"])
    lines.append(["dates", " to ".join(dict.fromkeys([*dates[:1], *dates[-1:]]))])
    return table(["what", "value"], lines)


def write(rows: Sequence[Row], out: Path, figures: Iterable[Path]) -> Path:
    """Write OUT/report.md, with all tables and the figures.

    Args:
        rows: Rows of the table of results.
        out: The folder, which exists.
        figures: Pictures to show, linked relatively to the folder.

    Returns:
        The file.

    Raises:
        ProgramError: The folder is missing or not writable.
    """
    links = [Path(os.path.relpath(figure, out)).as_posix() for figure in figures]
    parts = [
        "# Results",
        "Made by `python -m benchmarks` from rows.csv, which has every figure. benchmarks/README.md says what is "
        "measured and how.",
        "## Depth beside fixed atoms and published ratios",
        ratio_table(rows),
        "The same for each grid, with the number of circuits:",
        grid_table(rows),
        "## Other compilers that move atoms",
        moving_table(rows),
        "## Where qpilot loses",
        where_qpilot_loses(rows),
        "## All circuits",
        "Cells: depth, 2Q gates, means over seeds. Bold: least depth of the ways that need no couplings of all qubits. "
        "Empty: not measured, or not for all seeds.",
        tables(rows),
        "## Compile time",
        compile_time_table(rows),
        "## Figures",
        *map(picture, links),
        "## Provenance",
        provenance(rows),
    ]
    path = out / "report.md"
    write_bytes(path, f"{page(parts)}\n".encode(), ProgramError)
    return path


def summary(rows: Sequence[Row], figures: Iterable[str]) -> str:
    """Return a short section of results: ratios, a row for each circuit of the largest size, figures, and losses.

    Args:
        rows: Rows of the table of results.
        figures: Pictures to show, as links from the file that takes the section.
    """
    cases = by_case(rows)
    found = means(cases)
    size = largest_size(cases)
    groups = {group: ways for group, ways in found.items() if group[2] == size and group[0] in SUITES[:4]}
    versions = sorted({str(row["version"]) for row in rows if row["version"]})
    hours = sum(row["compile_s"] or 0.0 for row in rows) / 3600
    parts = [
        ratio_table(rows),
        f"Depth, 2Q gates of {size} qubits, means over seeds; duration, fidelity (constants `enola`, `atomique`) "
        "and compile time are those of qpilot with its default options. *Fixed* and *moving* are the baselines of "
        "least depth.",
        _short_table(groups),
        *map(picture, figures),
        moving_table(rows),
        _losses(found),
        f"{number(len(rows))} rows, {hours:,.1f} hours of compile time, with {', '.join(versions)}.",
    ]
    return page(parts)


def replace_section(path: Path, text: str) -> None:
    """Put a text between the two markers of a Markdown file.

    Raises:
        ProgramError: The file has not each marker once, in order, or cannot be read or written.
    """
    content = read_bytes(path, ProgramError).decode()
    if content.count(START) != 1 or content.count(END) != 1 or content.index(START) > content.index(END):
        raise ProgramError(f"{path} needs the line {START} and after it the line {END}, each once.")
    before, after = content.split(START)[0], content.split(END)[1]
    write_bytes(path, f"{before}{START}\n\n{text.strip()}\n\n{END}{after}".encode(), ProgramError)


def _depth_table(groups: Mapping[Group, Mapping[str, Row]]) -> str:
    names = sorted({way for ways in groups.values() for way in ways}, key=way_key)
    lines = []
    for group, ways in groups.items():
        done = [row["depth"] for way, row in ways.items() if row["status"] == "ok" and _is_machine(way)]
        least = min(done, default=None)
        lines.append([*_head(group)[1:], *(_depth_cell(ways.get(way), least, _is_machine(way)) for way in names)])
    return table(["circuit", "qubits", "variant", *names], lines)


def _is_machine(way: str) -> bool:
    return is_real(way) or way.startswith("qpilot")


def _depth_cell(row: Row | None, least: float | None = None, real: bool = False) -> str:
    if row is None:
        return ""
    if row["status"] != "ok":
        return WORDS[row["status"]]
    depth = number(row["depth"])
    return f"{f'**{depth}**' if real and row['depth'] == least else depth}, {number(row['num_2q'])}"


def _cost_table(groups: Mapping[Group, Mapping[str, Row]]) -> str:
    headings = ["ms", "fidelity", "compile s"]
    lines = []
    for group, ways in groups.items():
        line = _head(group)[1:]
        for way in ("qpilot", best(ways, is_fixed), best(ways, lambda way: way in MOVING)):
            line += [way or "", *_costs(ways.get(way or ""))]
        lines.append(line)
    names = ["way", *headings, "fixed", *headings, "moving", *headings]
    return table(["circuit", "qubits", "variant", *names], lines) + "\n\nFidelity: constants `enola`, `atomique`."


def _costs(row: Row | None) -> list[str]:
    if row is None or row["status"] != "ok":
        return ["", "", ""]
    fidelities = f"{number(row['enola_fidelity'])}, {number(row['atomique_fidelity'])}"
    return [number(row["enola_duration_us"] / 1000), fidelities, number(row["compile_s"])]


def _short_table(groups: Mapping[Group, Mapping[str, Row]]) -> str:
    names = ("logical", "qpilot", "qpilot-depth", PAPER)
    lines = []
    for group, ways in groups.items():
        baselines = (best(ways, is_fixed), best(ways, lambda way: way in MOVING))
        cells = [f"{_depth_cell(ways[way])} ({way})" if way else "" for way in baselines]
        ms, fidelities, seconds = _costs(ways.get("qpilot"))
        line = [group[1], group[3] or "", *(_depth_cell(ways.get(way)) for way in names)]
        lines.append([*line, *cells, ms, fidelities, seconds])
    return table(["circuit", "variant", *names, "fixed", "moving", "ms", "fidelity", "compile s"], lines)


def _losses(found: Mapping[Group, Mapping[str, Row]]) -> str:
    """Return the losses of all sizes, those of depth in a line for each suite."""
    less, compared = losses(found, "enola_fidelity", _is_ours, is_real, more_is_better=True)
    slower, timed = _slower(found)
    lines = []
    for name, is_other in OTHERS:
        deeper, _ = losses(found, "depth", _is_ours, is_other)
        for suite in _in_order({loss.group[0] for loss in deeper}):
            places: dict[str, list[str]] = {}
            for loss in deeper:
                _, circuit, qubits, variant = loss.group
                if loss.group[0] == suite:
                    places.setdefault(f"{circuit} {variant or ''}".strip(), []).append(number(qubits))
            named = "; ".join(f"{circuit} on {', '.join(sizes)}" for circuit, sizes in places.items())
            lines.append(f"* More depth than {name}, {suite}: {named} qubits.")
    counts = Counter(loss.group[0] for loss in less)
    if less:
        parts = [f"{suite} {counts[suite]} of {compared[suite]}" for suite in _in_order(compared)]
        lines.append(f"* Less estimated fidelity than the best baseline (`enola`): {', '.join(parts)}.")
    if slower:
        lines.append(f"* Longer compile time than the zoned compiler: {len(slower)} of {timed.total()}.")
    if not lines:
        return "It loses nowhere in these rows."
    return "\n".join(["Where qpilot loses, in its best way, over all sizes:", "", *lines])


def _loss_table(lost: Iterable[Loss], figure: str) -> str:
    lines = [[*_head(loss.group), loss.ours, number(loss.mine), loss.other, number(loss.theirs)] for loss in lost]
    return table(["suite", "circuit", "qubits", "variant", "qpilot", figure, "baseline", figure], lines)


def _slower(found: Mapping[Group, Mapping[str, Row]]) -> tuple[list[Loss], Counter[str]]:
    """Return the losses of compile time, and the number of groups compared by suite."""
    return losses(found, "compile_s", lambda way: way == "qpilot", lambda way: way == "zoned")


def _worst(lost: Iterable[Loss]) -> list[Loss]:
    return sorted(lost, key=lambda loss: -loss.factor)[:WORST]


def _is_ours(way: str) -> bool:
    return way in OURS


def _part(cases: Mapping[Case, Mapping[str, Row]], family: Family, size: int) -> dict[Case, Mapping[str, Row]]:
    """Return the cases of a line of the ratio table, of Pauli strings the random ones."""
    return {
        case: ways
        for case, ways in cases.items()
        if (case[0], case[2], case[3]) == (family.suite, size, family.variant)
        and (family.suite != "paulis" or case[1].startswith("p="))
    }


def _grid_ratios(
    part: Mapping[Case, Mapping[str, Row]], family: Family, comparison: tuple[str, str, str]
) -> list[list[float]]:
    """Return for each grid the ratios of all circuits; none for the paper strategy in free order, which it has not."""
    _, way, column = comparison
    if way == PAPER and family.variant == FREE:
        return [[] for _ in GRIDS]
    return [ratios(part, column, family.prefix + grid, way) for grid in GRIDS]


def _best_ratios(part: Mapping[Case, Mapping[str, Row]], family: Family) -> list[float]:
    """Return the least depth on fixed atoms divided by that of qpilot, circuit by circuit."""
    found = []
    for ways in part.values():
        other = best(ways, lambda way: is_fixed(way) and way.startswith(family.prefix))
        if other and (depth := ways.get("qpilot", {}).get("depth")):
            found.append(ways[other]["depth"] / depth)
    return found


def _all_grids(found: Iterable[Sequence[float]]) -> float | None:
    """Return the geometric mean over grids of the means of each, so that a grid of few circuits counts in full."""
    return geometric_mean([mean for values in found if (mean := geometric_mean(values)) is not None])


def _nearness(name: str, ratio: float, published: float) -> str:
    start = (
        f"{name[0].upper()}{name[1:]}: the ratio of the reconstructed paper strategy, in mixed layers, {number(ratio)},"
    )
    if 1 / NEAR <= ratio / published <= NEAR:
        return f"{start} comes near the published {number(published)}."
    factor, where = (ratio / published, "above") if ratio > published else (published / ratio, "below")
    return f"{start} is {number(factor)} times {where} the published {number(published)}."


def _head(group: Group) -> list[str]:
    suite, circuit, qubits, variant = group
    return [suite, circuit, number(qubits), variant or ""]


def _in_order(suites: Iterable[str]) -> list[str]:
    return sorted(suites, key=_suite_key)


def _suite_key(suite: str) -> tuple[int, tuple[tuple[int, str], ...]]:
    return (SUITES.index(suite) if suite in SUITES else len(SUITES)), natural_key(suite)
