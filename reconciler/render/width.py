"""The width of a text on a screen, in columns, and texts padded or cut to a width."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from reconciler.core.late_pattern import late_pattern

ELLIPSIS: Final = "…"
_ODD: Final = late_pattern("[\u0300-\U0010ffff]")  # the code points that may be wider or narrower than one column

_UNIT: Final = re.compile(r"\\(?:u[0-9a-f]{4}|U[0-9a-f]{8}|x[0-9a-f]{2}|.)|.", re.DOTALL)


def char_width(char: str) -> int:
    """Columns of one code point: 2 for wide East Asian ones, 0 for combining ones."""
    if unicodedata.east_asian_width(char) in "WF":
        return 2
    return 0 if unicodedata.category(char) in ("Mn", "Me") else 1


def text_width(text: str) -> int:
    """Columns of a safe text."""
    return len(text) if text.isascii() else len(text) + sum(char_width(char) - 1 for char in _ODD.findall(text))


def pad(text: str, width: int) -> str:
    """`text` with spaces up to `width` columns."""
    return text + " " * (width - text_width(text))


def units(text: str) -> Iterator[str]:
    """The parts of a safe text that are never cut: a code point, or an escape such as `\\n` or `\\u202e`."""
    return (found[0] for found in _UNIT.finditer(text))


def cut(text: str, width: int) -> str:
    """`text` in at most `width` columns, with an ellipsis where something is missing. No escape is cut."""
    if text_width(text) <= width:
        return text
    used = place = 0
    for unit in units(text):
        used += text_width(unit)
        if used > width - 1:
            return text[:place] + ELLIPSIS
        place += len(unit)
    return text


def wrap(text: str, width: int) -> list[str]:
    """A safe text in lines of at most `width` columns, broken at spaces, and inside a word only where it is wider than that."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and text_width(lines[-1]) + 1 + text_width(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
        lines[-1:] = _pieces(lines[-1], width)
    return lines


def _pieces(line: str, width: int) -> list[str]:
    """A line in pieces of at most `width` columns; no escape is broken."""
    if text_width(line) <= width:
        return [line]
    pieces, used = [""], 0
    for unit in units(line):
        columns = text_width(unit)
        if used + columns > width and pieces[-1]:
            pieces.append("")
            used = 0
        pieces[-1] += unit
        used += columns
    return pieces
