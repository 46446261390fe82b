"""The values that reading a document gives, and the limits it keeps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from reconciler.core.errors import Problem
from reconciler.core.telling import without_value

MAX_BYTES: Final = 8 * 1024 * 1024  # a larger file is refused by its size, unread
MAX_DEPTH: Final = 100  # levels of maps and lists inside each other
MAX_VALUES: Final = 100_000  # values in one document, aliases expanded; keys do not count
MAX_DIGITS: Final = 4_000  # of an integer; Python itself refuses to print more than 4,300

_LONGEST_SHOWN: Final = 80
_BREAK: Final = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Document:
    """One document that can be used: `value` is plain JSON data.

    `index` is its position in the file, from 0, counting only documents that are not empty. `line` is the line, from
    1, on which its content begins.
    """

    value: Any
    index: int
    line: int


class Span(NamedTuple):
    """The line and column of a value, from 1, in code points, and those of its exclusive end."""

    line: int
    column: int
    end_line: int
    end_column: int


class LoadedDocuments(NamedTuple):
    """The documents of one file.

    `problems` are those of syntax, in the order of the text; `warnings` spoil no document.
    """

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of the code point at `offset`; lines end where editors end them."""
    line, start = 1, 0
    for found in _BREAK.finditer(text, 0, offset):
        line, start = line + 1, found.end()
    return line, offset - start + 1


def lines_of(text: str) -> list[str]:
    """The lines of a text as places count them: unlike `str.splitlines`, only where editors end them."""
    return _BREAK.split(text)


def lf_only(text: str) -> str:
    """`text` with LF for every line end, so that a file means the same however git checked it out."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def shortened(text: str) -> str:
    """`text` as a message may quote it."""
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


def given_twice(key: str, first: int) -> str:
    """The message of a duplicate key, whose first is on line `first`."""
    return f"the key {shortened(without_value(key))!r} is given twice; the first is on line {first}"


def too_deep(shown: str, line: int, column: int) -> Problem:
    return Problem(shown, line, column, "too-deep", f"nested deeper than {MAX_DEPTH} levels", line, column)


def too_many(shown: str, line: int, column: int) -> Problem:
    message = f"more than {MAX_VALUES:,} values in one document, aliases expanded"
    return Problem(shown, line, column, "too-many-values", message, line, column)
