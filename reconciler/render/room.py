"""The room that a comment has: GitHub refuses more than 65,536 characters, GitLab more than 1,000,000.

Room is counted in bytes of UTF-8. Nobody says whether a platform counts bytes, UTF-16 units or code points, and in bytes
a text is never shorter than in the others. What is kept free is for a line that a pipeline adds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler.render.width import ELLIPSIS

LIMIT: Final = 65_536  # GitHub's
BUDGET: Final = 60_000


def size(text: str) -> int:
    """The bytes of a text, at least."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def size_of(lines: Iterable[str]) -> int:
    """The bytes of lines, each with its end."""
    return sum(size(line) + 1 for line in lines)


def fitting(lines: Iterable[str], room: int) -> list[str]:
    """The first of the lines, as many as have room. No more of them are made than that."""
    kept = []
    for line in lines:
        room -= size(line) + 1
        if room < 0:
            break
        kept.append(line)
    return kept


def short(text: str, most: int) -> str:
    """A text of at most `most` code points, not escaped yet, with an ellipsis where something is missing."""
    return text if len(text) <= most else text[: most - 1] + ELLIPSIS
