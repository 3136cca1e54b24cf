"""OUT/report.md: sentences, tables and figures of the study, made of its rows alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from qpilot.arch.errors import ProgramError
from qpilot.arch.files import write_bytes
from qpilot.disq import PauliSubsets

from ..compare import Row
from ..markdown import number, page, picture, table
from .claims import plus_minus, published_gains, winners
from .figures import draw_all
from .policies import PLAIN, POLICIES
from .problems import PROBLEMS, problem
from .settings import SETTINGS
from .stats import (
    ERROR,
    METRICS,
    Cell,
    Gain,
    Mean,
    Trainings,
    cases_of,
    mean,
    over,
    policies_of,
    settings_of,
    trainings,
)
from .table import YARDSTICKS


def write(rows: Sequence[Row], out: Path) -> list[Path]:
    """Write OUT/report.md and the figures.

    Args:
        rows: All rows.
        out: The folder, which exists; settings.json in it tells how the rows were made.

    Returns:
        The figures.

    Raises:
        ProgramError: The folder is not writable.
    """
    found = trainings(rows)
    pictures = draw_all(found, out)
    made = json.loads((out / "settings.json").read_text(encoding="utf-8"))
    parts = [
        "# Training under drift",
        "Made by `python -m benchmarks.disq` from rows.csv, which has every training. benchmarks/disq/README.md says "
        "what is measured and how.",
        "## What was published, and what is found here",
        published_gains(found),
        "## What wins at equal circuits",
        winners(found),
        "## Gains over a plain training",
        *_gain_tables(found),
        "## Detection",
        _detection_table(found),
        "## What it costs",
        _cost_table(found),
        "## Figures",
        *(picture(path.name) for path in pictures),
        "## Every case",
        *_case_tables(found),
        "## What was measured",
        _settings_table(found),
        _problems_table(found),
        _policies_table(found),
        _provenance(rows, made),
    ]
    write_bytes(out / "report.md", f"{page(parts)}\n".encode(), ProgramError)
    return pictures


def summary(rows: Sequence[Row]) -> str:
    """Return the sentences and the table of errors at equal circuits, for a terminal or a README."""
    found = trainings(rows)
    return page([published_gains(found), "What wins at equal circuits:", winners(found), *_gain_tables(found)[:2]])


def _gain_tables(found: Trainings) -> list[str]:
    """Return for each metric and yardstick a heading and a table of policies by kinds of drift."""
    parts = []
    settings = settings_of(found)
    counts = {setting: sum(cell.setting == setting for cell in found) for setting in settings}
    headings = ["policy", *(f"{setting} ({counts[setting]})" for setting in settings)]
    for metric in METRICS:
        for yardstick in reversed(YARDSTICKS):
            lines = [
                [
                    policy,
                    *(_gain_cell(over(found, setting, policy, PLAIN, metric, yardstick)) for setting in settings),
                ]
                for policy in policies_of(found)
                if policy != PLAIN
            ]
            what = (
                "Error of a plain training by that of a policy"
                if metric is ERROR
                else f"{metric.name} by that of a plain training"
            )
            parts.append(
                f"{what[0].upper()}{what[1:]}, at equal {yardstick}: geometric means over cases, whose number is in "
                "brackets, with standard errors. Above 1 the policy is better; bold: clearly so."
            )
            parts.append(table(headings, lines))
    return parts


def _gain_cell(one: Gain | None) -> str:
    if one is None:
        return ""
    text = plus_minus(Mean(one.times, one.times * one.error))
    return f"**{text}**" if one.log > 0 and one.is_clear else text


def _case_tables(found: Trainings) -> list[str]:
    """Return for each case and yardstick the errors of every policy, and their differences from a plain training."""
    parts = []
    for case in cases_of(found):
        settings = [cell.setting for cell in found if cell.case == case]
        parts.append(f"### {case}")
        for yardstick in reversed(YARDSTICKS):
            parts.append(
                f"Error at equal {yardstick}, mean over seeds ± standard error; in brackets the difference from the "
                "plain training with the same seed."
            )
            lines = [
                [
                    policy,
                    *(_error_cell(found[Cell(case, setting)], policy, f"error_{yardstick}") for setting in settings),
                ]
                for policy in policies_of(found)
            ]
            parts.append(table(["policy", *settings], lines))
    return parts


def _error_cell(policies: dict[str, list[Row]], policy: str, column: str) -> str:
    if policy not in policies:
        return ""
    errors = [row[column] for row in policies[policy]]
    text = plus_minus(mean(errors))
    if policy == PLAIN:
        return text
    differences = [error - row[column] for error, row in zip(errors, policies[PLAIN], strict=True)]
    return f"{text} ({plus_minus(mean(differences))})"


def _detection_table(found: Trainings) -> str:
    """Return how verdicts compare with the truth, for each policy that makes any, pooled over cases and seeds."""
    lines = []
    for setting in settings_of(found):
        for policy in policies_of(found):
            rows = [
                row
                for cell, policies in found.items()
                if cell.setting == setting
                for row in policies.get(policy, [])
                if row["references"] is not None
            ]
            if rows:
                lines.append([setting, policy, *_detection_cells(rows)])
    heading = (
        "An attempt is flagged if the policy says drift. Prevalence: attempts in which the machine was not in its "
        "usual state. Precision: flagged attempts that were among these. Recall: those of these that were flagged. "
        "References: their circuits for each of the latter. Events: how often the machine left its usual state, from "
        "one attempt to the next. Detected: those in which an attempt was flagged. Sums over cases and seeds. A policy "
        "whose precision is the prevalence knows nothing."
    )
    names = [
        "setting",
        "policy",
        "prevalence",
        "flagged",
        "precision",
        "recall",
        "references",
        "events",
        "detected",
    ]
    return page([heading, table(names, lines)])


def _detection_cells(rows: Sequence[Row]) -> list[str]:
    def total(name: str) -> int:
        return sum(row[name] for row in rows)

    attempts = total("attempts")
    flagged = total("hits") + total("false_alarms")
    pairs = (
        (total("drifting"), attempts),
        (flagged, attempts),
        (total("hits"), flagged),
        (total("hits"), total("drifting")),
    )
    cells = [number(part / whole) if whole else "" for part, whole in pairs]
    events, hits = total("events"), total("hits")
    return [
        *cells,
        number(total("references") / hits) if hits else "",
        number(events),
        number(total("detected") / events) if events else "",
    ]


def _cost_table(found: Trainings) -> str:
    """Return circuits beside those of a plain training, skipped attempts, and iterations at equal circuits."""
    heading = (
        "Circuits of all iterations by those of a plain training; the part of attempts that were skipped; the part of "
        "the iterations that were over when the circuits of a plain training had run out. Means over cases and seeds."
    )
    columns: tuple[tuple[str, Callable[[Row, Row], float]], ...] = (
        ("circuits", lambda row, plain: row["circuits"] / plain["circuits"]),
        ("skipped", lambda row, plain: row["skips"] / row["attempts"]),
        ("iterations", lambda row, plain: row["stopped_at"] / plain["stopped_at"]),
    )
    lines = []
    for policy in policies_of(found):
        cells = [policy]
        for setting in settings_of(found):
            pairs = [
                pair
                for cell, policies in found.items()
                if cell.setting == setting and policy in policies
                for pair in zip(policies[policy], policies[PLAIN], strict=True)
            ]
            values = [number(mean([of(*pair) for pair in pairs]).value) for _, of in columns] if pairs else []
            cells.append(" / ".join(values))
        lines.append(cells)
    return page([heading, table([f"policy ({' / '.join(name for name, _ in columns)})", *settings_of(found)], lines)])


def _settings_table(found: Trainings) -> str:
    lines = [
        [setting, SETTINGS[setting].words, _code(SETTINGS[setting].process)]
        for setting in settings_of(found)
        if setting in SETTINGS
    ]
    return table(["setting", "what drifts", "process"], lines)


def _problems_table(found: Trainings) -> str:
    lines = []
    for case in cases_of(found):
        if case in PROBLEMS:
            made = problem(case)
            prime = PauliSubsets().num_prime(made.groups)
            figures = (made.ansatz.num_qubits, made.ansatz.num_parameters, len(made.groups), prime)
            energies = (f"{made.ground:.4f}", f"{made.groups.constant:.4f}")
            lines.append([case, made.words, *map(number, figures), *energies])
    return table(["case", "what", "qubits", "parameters", "groups", "prime groups", "ground energy", "constant"], lines)


def _policies_table(found: Trainings) -> str:
    return table(
        ["policy", "made by"],
        [[policy, _code(POLICIES[policy])] for policy in policies_of(found) if policy in POLICIES],
    )


def _code(made: object) -> str:
    text = repr(made)
    return f"`{text}`" if len(text) < 160 else f"`{type(made).__name__}(...)`"


def _provenance(rows: Sequence[Row], made: dict[str, list[str]]) -> str:
    seeds = sorted({row["seed"] for row in rows})
    failed = sum(bool(row["note"]) for row in rows)
    lines = [
        ["trainings", f"{number(len(rows))}, {number(failed)} of them failed"],
        ["seeds", ", ".join(map(str, seeds))],
        ["time", f"{sum(row['wall_s'] or 0.0 for row in rows) / 3600:.2f} hours of workers"],
        ["made", "; ".join(made["made"])],
    ]
    return table(["what", "value"], lines)
