"""Pieces of Markdown: tables, numbers, pictures, and pages of them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path


def page(parts: Iterable[str]) -> str:
    """Return paragraphs, lists and tables as one text, without empty ones, with lines of up to 120 characters."""
    lines = [_wrapped(line) for line in "\n\n".join(filter(None, parts)).split("\n")]
    return "\n".join(lines)


def table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown without its empty columns, or the word "None." if it has no lines."""
    if not lines:
        return "None."
    shown = [k for k in range(len(headings)) if any(line[k] for line in lines)]
    cells = [[headings[k] for k in shown], ["---"] * len(shown), *([line[k] for k in shown] for line in lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def number(value: float | None) -> str:
    """Return a number with three digits, commas between thousands; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, int) or abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def picture(link: str) -> str:
    """Return a picture with its name as text."""
    return f"![{Path(link).stem.replace('-', ' ').replace('_', ' ')}]({link})"


def _wrapped(line: str) -> str:
    if line.startswith(("|", "#", "!")):
        return line
    indent = "  " if line.startswith("* ") else ""
    return textwrap.fill(line, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
