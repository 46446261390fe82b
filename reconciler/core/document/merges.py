"""A merge that nobody resolved: git's conflict markers in a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from reconciler.core.document.values import LoadedDocuments, lf_only
from reconciler.core.errors import Problem

MARK: Final = "<" * 7
_MIDDLE: Final = "=" * 7
_END: Final = ">" * 7
_SYNTAX: Final = "syntax"
_WAY_OUT: Final = "keep what is right of both sides, and take out the lines of the markers"


class _Conflict(NamedTuple):
    """The lines of a conflict's three markers, from 1, and the length of the first."""

    begin: int
    middle: int
    end: int
    length: int


def with_merges(loaded: LoadedDocuments, text: str, shown: str) -> LoadedDocuments:
    """What was read of a text, with a problem for each conflict that is left in it.

    What else is wrong with its syntax follows from the first of them. Also what YAML takes for text, as between brackets,
    is a problem: both sides would be sent.
    """
    found = tuple(_conflicts(lf_only(text.removeprefix("\ufeff")).split("\n")))
    if not found:
        return loaded
    told = tuple(_unresolved(one, shown) for one in found)
    others = (one for one in loaded.problems if one.rule != _SYNTAX or one.line < found[0].begin)
    return loaded._replace(problems=tuple(sorted((*told, *others))))


def _conflicts(lines: list[str]) -> Iterator[_Conflict]:
    begin = middle = length = 0
    for number, line in enumerate(lines, 1):
        if _is(line, MARK):
            begin, middle, length = number, 0, len(line)
        elif begin and line == _MIDDLE:
            middle = number
        elif middle and _is(line, _END):
            yield _Conflict(begin, middle, number, length)
            begin = middle = 0


def _is(line: str, marker: str) -> bool:
    return line == marker or line.startswith(f"{marker} ")


def _unresolved(found: _Conflict, shown: str) -> Problem:
    begin, middle, end, length = found
    message = f"an unresolved merge: its sides stand between the markers on lines {begin}, {middle} and {end}"
    return Problem(shown, begin, 1, _SYNTAX, message, begin, length + 1, suggestion=_WAY_OUT)
