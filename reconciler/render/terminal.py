"""Text for people: colour, safety, and numbers in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.render import escape

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
    """The style of an output, `width` columns wide. With `strict`, warnings count as errors.

    Without `cuts`, as in a pipe, no line is broken and no value cut for the width's sake. With `full`, nothing is left out.
    """

    color: bool
    width: int = 100
    strict: bool = False
    full: bool = False
    cuts: bool = True

    def paint(self, text: str, *styles: str) -> str:
        """`text`, which must be safe already, in those styles; plain without colour. Raises KeyError for a style."""
        codes = ";".join(_CODES[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m" if self.color and text and codes else text

    def safe(self, text: str) -> str:
        """`text` on one line, without anything that a terminal obeys or that cannot be seen."""
        return escape.printable(text)


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`, `10,000 files`."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"
