"""Markdown for the reference pages: headings, tables, text that cannot be taken for markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

GENERATED: Final = "<!-- Generated from the code by tools/reference. Do not edit: `make reference` writes it. -->"
WIDTH: Final = 120


def page(title: str, *blocks: str) -> str:
    """A whole page: its title and its blocks, empty ones left out."""
    return "\n\n".join([GENERATED, f"# {title}", *filter(None, blocks)]) + "\n"


def code(text: object) -> str:
    """Inline code, also where the text holds backticks, safe inside a table."""
    shown = str(text).replace("|", "\\|")
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`"


def cell(text: str) -> str:
    """Text of one table cell: one line, without what would end the cell or begin an HTML tag outside of code."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(
        part.replace("|", "\\|") if part.startswith("`") else part.replace("|", "\\|").replace("<", "&lt;")
        for part in parts
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, or nothing where it has no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines]) if lines else ""


_PIECE: Final = re.compile(r"(?:\[[^\]]*\]\([^)]*\)|`[^`]*`|\S)+")  # a word, where code and links are never broken


def paragraph(text: str) -> str:
    """Prose on lines of at most WIDTH characters."""
    lines: list[str] = []
    line = ""
    for word in _PIECE.findall(" ".join(text.split())):
        if line and len(line) + 1 + len(word) > WIDTH:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    text = text.strip()
    first = text.partition(" ")[0]
    start = text[:1] if "." in first.rstrip(".") else text[:1].upper()  # a file's name stays as it is
    return f"{start}{text[1:]}{'' if text.endswith('.') else '.'}" if text else ""
