"""How wide a text is on a screen, and texts of a given width."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

ELLIPSIS: Final = "…"
_ODD: Final = re.compile("[\u0300-\U0010ffff]")  # the code points that may be wider or narrower than one column


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
