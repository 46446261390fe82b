"""Parse JSON text into plain data, and into the line and column of each value.

The stock decoder does the work; its hooks notice what it would let pass (a key given twice, NaN, a lone
surrogate). Only then is the text scanned a second time, by a scanner of our own that keeps every position.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from reconciler.core import pointer as pointers
from reconciler.core.document import odd_characters
from reconciler.core.document.places import Spot
from reconciler.core.document.values import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_VALUES,
    Document,
    LoadedDocuments,
    Span,
    given_twice,
    position,
    too_deep,
    too_many,
)
from reconciler.core.errors import Problem
from reconciler.core.late_pattern import late_pattern
from reconciler.core.telling import without_value

# A string that is never closed is one token too, to its end: so the scan stays linear on broken text.
_TOKEN: Final = late_pattern(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]|[^\s\[\]{},:"]+', re.DOTALL)
_BREAK: Final = re.compile(r"\r\n?|\n")
_SURROGATE: Final = late_pattern(r"\\u[dD][89a-fA-F]")
_LONGEST: Final = 2_000  # code points of a pointer: a key may be as long as its file
_CONSTANTS: Final = frozenset({"NaN", "Infinity", "-Infinity"})


class _SuspiciousError(Exception):
    """Raised by a hook: the text holds something to be looked at with places."""


def load_json(text: str, shown: str) -> LoadedDocuments:
    """The one document of a JSON file, or none where it is null. Rules: those of `scan` below, and `syntax`."""
    deep = _depth_problem(text, shown)
    if deep is not None:
        return LoadedDocuments((), (deep,))
    try:
        value = _STRICT.decode(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
        text.encode()
    except (_SuspiciousError, UnicodeEncodeError):
        return LoadedDocuments((), _problems(text, shown))
    except json.JSONDecodeError as error:
        return LoadedDocuments((), (_syntax(error, text, shown),))
    if value is None:
        return LoadedDocuments((), ())
    line, column = position(text, len(text) - len(text.lstrip()))
    if text.count(",") + text.count("[") + text.count("{") >= MAX_VALUES and _count(value) > MAX_VALUES:
        return LoadedDocuments((), (too_many(shown, line, column),))
    return LoadedDocuments((Document(value, 0, line),), ())


def scan_json(text: str) -> list[Spot]:
    """The spot of the file's document; nothing where the text is not JSON."""
    try:
        if _depth_problem(text, "") is not None or _LENIENT.decode(text) is None:
            return []
    except json.JSONDecodeError:
        return []
    return [_Scan(text, "").root()]


def _problems(text: str, shown: str) -> tuple[Problem, ...]:
    try:
        _LENIENT.decode(text)
    except json.JSONDecodeError as error:
        return (_syntax(error, text, shown),)
    scan = _Scan(text, shown)
    scan.root()
    return tuple(scan.problems)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _SuspiciousError
    return members


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _SuspiciousError
    try:
        return int(text)
    except ValueError:  # PYTHONINTMAXSTRDIGITS may be as low as 640
        raise _SuspiciousError from None


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _SuspiciousError
    return value


def _constant(_: str) -> NoReturn:
    raise _SuspiciousError


_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_int, parse_float=_float, parse_constant=_constant
)
_same: Callable[[str], str] = str  # leaves a number as its text
_LENIENT: Final = json.JSONDecoder(parse_int=_same, parse_float=_same, parse_constant=_same)


def _depth_problem(text: str, shown: str) -> Problem | None:
    """The bracket that opens one level too many. It is looked for before the decoder, which recurses."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return None
    depth = 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return too_deep(shown, *position(text, token.start()))
        elif sign in "]}":
            depth -= 1
    return None


def _count(value: Any) -> int:
    total, waiting = 0, [value]
    while waiting:
        value = waiting.pop()
        total += 1
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return total


@dataclass(slots=True)
class _Open:
    """An open map or list, whose end has not come yet. `key` is the key token that waits for its value."""

    spot: Spot
    is_map: bool
    name: str  # under which its parent holds it
    key: tuple[str, Span] | None = None


class _Scan:
    """Text that the decoder took, to spots and problems.

    Rules: `duplicate-key`, `not-json` (NaN, infinities, integers too long), `not-unicode`.
    """

    def __init__(self, text: str, shown: str) -> None:
        self.problems: list[Problem] = []
        self._text = text
        self._shown = shown
        self._starts = [0, *(found.end() for found in _BREAK.finditer(text))]
        self._open: list[_Open] = []
        self._root = Spot(Span(1, 1, 1, 1))

    def root(self) -> Spot:
        """The spot of the whole. Past MAX_VALUES tokens of values nothing more is noted."""
        for number, token in enumerate(_TOKEN.finditer(self._text)):
            if number > 3 * MAX_VALUES:  # a value is at most three tokens: its key and two brackets
                self.problems.append(too_many(self._shown, self._root.place.line, self._root.place.column))
                break
            sign = token[0]
            if sign in "]}":
                self._close(token.end())
            elif self._awaits_key():
                self._key(sign, self._place(token))
            else:
                self._value(sign, self._place(token))
        return self._root

    def _awaits_key(self) -> bool:
        return bool(self._open) and self._open[-1].is_map and self._open[-1].key is None

    def _value(self, sign: str, place: Span) -> None:
        spot = Spot(place)
        name = self._attach(spot)
        if sign in "[{":
            self._open.append(_Open(spot, sign == "{", name))
        elif sign.startswith('"'):
            self._read(sign, place, name)
        elif message := _number_problem(sign):
            self._problem(place, "not-json", message, name)

    def _attach(self, spot: Spot) -> str:
        """Puts the spot into what is open. Returns its name there."""
        if not self._open:
            self._root = spot
            return ""
        parent = self._open[-1]
        if parent.key is None:
            name = str(len(parent.spot.members))
            parent.spot.members[name] = (spot.place, spot)
        else:
            name, place = parent.key
            parent.spot.members.setdefault(name, (place, spot))
            parent.key = None
        return name

    def _key(self, sign: str, place: Span) -> None:
        parent, name = self._open[-1], self._read(sign, place, None)
        if name in parent.spot.members:
            first = parent.spot.members[name][0].line
            self._problem(place, "duplicate-key", given_twice(name, first), name)
        parent.key = (name, place)

    def _read(self, sign: str, place: Span, name: str | None) -> str:
        """The text of a string: the value under `name` in the open map, or itself a key there."""
        value: str = json.loads(sign)
        if _SURROGATE.search(sign) or not sign.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                half = f"\\u{ord(value[error.start]):04x}"
                self._problem(place, "not-unicode", f"{half} is a lone surrogate, half of a character", name)
        return value

    def _close(self, offset: int) -> None:
        spot = self._open.pop().spot
        line, column = self._position(offset)
        # The members' places do not change, and the parent holds the spot itself: only a list's item repeats it.
        spot.place = Span(spot.place.line, spot.place.column, line, column)
        if self._open and not self._open[-1].is_map:
            self._open[-1].spot.members[str(len(self._open[-1].spot.members) - 1)] = (spot.place, spot)

    def _place(self, token: re.Match[str]) -> Span:
        return Span(*self._position(token.start()), *self._position(token.end()))

    def _position(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def _problem(self, place: Span, rule: str, message: str, name: str | None) -> None:
        """A problem of the member `name` of what is open, or, without a name, of that itself."""
        parts = [item.name for item in self._open[1:]]
        if name is not None and self._open:
            parts.append(name)
        pointer = pointers.join(map(without_value, parts)) if sum(map(len, parts)) <= _LONGEST else ""
        ends = (place.end_line, place.end_column)
        problem = Problem(self._shown, place.line, place.column, rule, message, *ends, pointer=pointer)
        self.problems.append(problem)


def _number_problem(sign: str) -> str:
    if sign in _CONSTANTS:
        return f"{sign} is not JSON"
    if sign in ("true", "false", "null"):
        return ""
    if sign.lstrip("-").isdecimal():
        return f"an integer of more than {MAX_DIGITS:,} digits" if not _fits(sign) else ""
    return "a number too large for JSON" if math.isinf(float(sign)) else ""


def _fits(sign: str) -> bool:
    try:
        _int(sign)
    except _SuspiciousError:
        return False
    return True


_WORDS: Final = {
    "Expecting property name enclosed in double quotes": "expected a key in double quotes",
    "Expecting ',' delimiter": "expected ',' or the end of what is open",
    "Expecting ':' delimiter": "expected ':' after the key",
    "Expecting value": "expected a value",
    "Extra data": "one JSON file holds one value; found more after it",
    "Unterminated string starting at": "the text that begins here is never closed",
    "Invalid control character at": "a line break, tab or control character inside text; write it as an escape",
    "Unexpected UTF-8 BOM (decode using utf-8-sig)": "a second byte order mark",
}


def _syntax(error: json.JSONDecodeError, text: str, shown: str) -> Problem:
    rule, message = "syntax", _WORDS.get(error.msg, error.msg[:1].lower() + error.msg[1:])
    offset = error.pos
    rest = text[offset : offset + 2]
    if not text.strip():
        message = "the file is empty; JSON needs a value"
    elif rest and (odd := odd_characters.message(rest[0])):
        rule, message = odd_characters.rule(rest[0]), odd
    elif rest in ("//", "/*") or rest.startswith("#"):
        message = "JSON has no comments"
    elif rest.startswith("'"):
        message = "JSON wants double quotes"
    elif "trailing comma" in error.msg or (rest[:1] in tuple("]}") and _after_comma(text, error.pos)):
        message = "a comma before the end of a map or list is not JSON"
        if not rest.startswith(","):  # older Pythons point behind it
            offset = text.rindex(",", 0, offset)
    line, column = position(text, offset)
    return Problem(shown, line, column, rule, message, line, column)


def _after_comma(text: str, offset: int) -> bool:
    return text[:offset].rstrip().endswith(",")
