"""Invisible characters and lookalikes where YAML gives a meaning to spaces, colons, dashes and quotes.

Web pages, chats and word processors put them there. Inside text they are text like any other; what is looked for here
is where they were meant as part of the notation. Each is named at its place, with the way out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from reconciler.core.document.values import position
from reconciler.core.errors import Problem
from reconciler.core.late_pattern import late_pattern

INVISIBLE: Final = "invisible-character"
LOOKALIKE: Final = "lookalike-character"

_SPACES: Final = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_NOTHING: Final = "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_COLONS: Final = "\uff1a\ufe55\ufe13"
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2022\u2212\u30fb\uff0d\ufe63"
_DOUBLE: Final = "\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02"
_SINGLE: Final = "\u2018\u2019\u201a\u201b\uff07"
_QUOTES: Final = _DOUBLE + _SINGLE
_UNSEEN: Final = _SPACES + _NOTHING
_MEANT: Final = {
    **dict.fromkeys(_SPACES, " "), **dict.fromkeys(_NOTHING, ""), **dict.fromkeys(_COLONS, ": "),
    **dict.fromkeys(_DASHES, "- "), **dict.fromkeys(_DOUBLE, '"'), **dict.fromkeys(_SINGLE, "'"),
}  # fmt: skip
_ANY: Final = re.compile(f"[{''.join(_MEANT)}]")
_RUN: Final = late_pattern(f"[{_UNSEEN}]+|[{_COLONS}{_DASHES}{_QUOTES}]")
# What stands before the first key or value of a line: spaces, dashes, and what was meant as such.
_LEAD: Final = late_pattern(f"(?:[ \\t{_UNSEEN}]|[-{_DASHES}](?=[ \\t{_UNSEEN}]))*")
_KEY: Final = late_pattern(
    f"""(?:"[^"]{{0,250}}"|'[^']{{0,250}}'|[^\\s:#{{}}\\[\\],&*|>]{{1,250}})[ {_UNSEEN}]{{0,20}}[:{_COLONS}][ {_UNSEEN}]*"""
)
_FLOW: Final = late_pattern(f"[{{\\[,:{_COLONS}][ {_UNSEEN}]+|[{_COLONS}]|[{_QUOTES}]")
_BEHIND: Final = late_pattern(f"(?<![{_UNSEEN}])[{_UNSEEN}]++(?=[ \\t]*+(?:$|#))|\ufeff", re.MULTILINE)
_ANY_QUOTE: Final = late_pattern(f"[{_QUOTES}]")
_NAME: Final = late_pattern(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_MOST: Final = 5  # characters that are named for one document that cannot be read


class Odd(NamedTuple):
    """A run of odd characters of one kind: its offsets in the text."""

    start: int
    end: int


def holds_odd(text: str) -> bool:
    """True where a text holds any of the characters looked for here: in most it does not, and nothing else is done."""
    return not text.isascii() and _ANY.search(text) is not None


def in_notation(text: str, start: int, end: int) -> Iterator[Odd]:
    """The odd characters in places of the notation, line by line between two offsets, as far as one line can tell."""
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        if _ANY.search(text, start, stop) is not None:
            yield from _in_line(text, start, stop)
        start = stop + 1


def suspects(text: str, start: int, end: int) -> list[Odd]:
    """Find the odd characters between two offsets that may stop a parser: in order, without overlaps.

    Besides those in the notation these are unseen ones at the end of a line or in front of a comment, and byte order
    marks, wherever files were joined.
    """
    behind = (Odd(*found.span()) for found in _BEHIND.finditer(text, start, end))
    found: list[Odd] = []
    for odd in sorted((*in_notation(text, start, end), *behind)):
        if not found or odd.start >= found[-1].end:
            found.append(odd)
    return found


def _in_line(text: str, start: int, stop: int) -> Iterator[Odd]:
    lead = _LEAD.match(text, start, stop)
    at = lead.end() if lead is not None else start
    yield from _runs(text, start, at)
    key = _KEY.match(text, at, stop)
    if key is not None:
        yield from (
            run for run in _runs(text, at, key.end()) if text[run.start] not in _DASHES + _QUOTES or run.start == at
        )
        at = key.end()
    value = text[at : at + 1]
    if value and value in _QUOTES:
        yield from (Odd(found.start(), found.end()) for found in _ANY_QUOTE.finditer(text, at, stop))
    elif value and value in "{[":
        for found in _FLOW.finditer(text, at, stop):
            yield from _runs(text, found.start(), found.end())


def _runs(text: str, start: int, stop: int) -> Iterator[Odd]:
    return (Odd(found.start(), found.end()) for found in _RUN.finditer(text, start, stop))


def mended(text: str, odds: Sequence[Odd], start: int, end: int) -> Iterator[str]:
    """The text between two offsets, each odd character replaced by what was probably meant: nothing, a space, a line end."""
    for nothing in ("", " ", "\n"):
        parts, last = [], start
        for odd in odds:
            meant = (_MEANT[sign] or nothing for sign in text[odd.start : odd.end])
            parts += [text[last : odd.start], *meant]
            last = odd.end
        yield "".join([*parts, text[last:end]])


def problems(text: str, shown: str, odds: Iterable[Odd]) -> list[Problem]:
    """The errors of these characters, up to a number."""
    return [problem(shown, position(text, odd.start), text, odd) for odd, _ in zip(odds, range(_MOST), strict=False)]


def problem(
    shown: str, place: tuple[int, int], text: str, odd: Odd, severity: str = "error", pointer: str = ""
) -> Problem:
    """The problem of an odd character at its place (line and column)."""
    sign, (line, column) = text[odd.start], place
    end = column + odd.end - odd.start
    return Problem(shown, line, column, rule(sign), message(sign), line, end, severity, pointer)


def rule(sign: str) -> str:
    """The rule that an odd character breaks."""
    return INVISIBLE if sign in _UNSEEN else LOOKALIKE


def message(sign: str) -> str:
    """The name of an odd character and what to write instead; "" for any other character."""
    if sign not in _MEANT:
        return ""
    name = f"U+{ord(sign):04X} ({'byte order mark' if sign == chr(0xFEFF) else unicodedata.name(sign).lower()})"
    if sign in _SPACES:
        return f"{name} looks like a space and is none; write a plain space"
    if sign in _NOTHING:
        return f"{name} stands here unseen; delete it"
    if sign in _QUOTES:
        straight = '"' if sign in _DOUBLE else "'"
        return f"{name} looks like a quote and is none; write a straight {straight}"
    return f"{name} is not {_MEANT[sign].strip()!r}; write that, and a space behind it"


def in_plain_scalar(text: str, start: int, end: int, *, is_key: bool) -> tuple[list[Odd], list[Odd]]:
    """The odd characters of a plain scalar that are errors, and those that are only doubtful.

    In a key nothing unseen is meant. Where a scalar begins its line, a dash or a colon in front of something unseen was
    meant as notation. What is unseen at either end, and quotes around all of it, are doubtful: they are part of the
    text.
    """
    runs = list(_runs(text, start, end))
    unseen = [run for run in runs if text[run.start] in _UNSEEN]
    if is_key:
        ascii_else = _ANY.sub("", text[start:end]).isascii()  # joiners are letters of some scripts
        return [run for run in unseen if ascii_else or text[run.start] in _SPACES + "\ufeff"], _quoted(text, start, end)
    line = text.rfind("\n", 0, start) + 1
    notation = list(in_notation(text, line, end)) if _begins(text, line, start) else []
    wrong = [odd for odd in notation if odd.start > start and text[odd.start] in _UNSEEN]
    if wrong:
        return wrong, []
    like = [odd for odd in notation if odd.start >= start and _is_like_notation(text, odd.start)]
    ends = [
        run
        for run in unseen
        if run.start == start or run.end == end or text[run.end] == "#" or text[run.start] == "\ufeff"
    ]
    return [], [*like, *ends, *_quoted(text, start, end)]


def _is_like_notation(text: str, at: int) -> bool:
    """True for a dash, or for a colon behind a name that one would give to a field."""
    return text[at] in _DASHES or (text[at] in _COLONS and _NAME.search(text, max(0, at - 100), at) is not None)


def _begins(text: str, line: int, start: int) -> bool:
    return not text[line:start].strip(" -?\t")


def _quoted(text: str, start: int, end: int) -> list[Odd]:
    """The quotes around a scalar, or the one in front of it that is never closed."""
    if end - start < 2 or text[start] not in _QUOTES:
        return []
    inside = [found.start() for found in _ANY_QUOTE.finditer(text, start + 1, end)]
    if not inside:
        return [Odd(start, start + 1)]
    return [Odd(start, start + 1), Odd(end - 1, end)] if inside == [end - 1] else []
