"""Text for people: colour, safety, and how wide a text is on a screen."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from reconciler.render import escape

ELLIPSIS: Final = "…"
_ODD: Final = re.compile("[\u0300-\U0010ffff]")  # the code points that may be wider or narrower than one column
_CODES: Final = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


@dataclass(frozen=True, slots=True)
class Style:
    """How to render. `width` is in columns. With `strict`, warnings count as errors."""

    color: bool
    width: int = 100
    strict: bool = False

    def paint(self, text: str, *styles: str) -> str:
        """`text`, which must be safe already, in those styles; plain without colour. Raises KeyError for a style."""
        codes = ";".join(_CODES[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m" if self.color and text and codes else text

    def safe(self, text: str) -> str:
        """`text` on one line, without anything that a terminal obeys or that cannot be seen."""
        return escape.printable(text)


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


def cut(text: str, width: int) -> str:
    """`text` in at most `width` columns, with an ellipsis where something is missing."""
    if text_width(text) <= width:
        return text
    used = 0
    for place, char in enumerate(text):
        used += char_width(char)
        if used > width - 1:
            return text[:place] + ELLIPSIS
    return text


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 file`, `2 files`, `10,000 entries`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
