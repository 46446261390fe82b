"""Syntax errors of libyaml and PyYAML in plain words."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from reconciler.core.document.values import position
from reconciler.core.errors import Problem

_UNFINISHED: Final = "did not find expected <document start>"
_TAB: Final = "found a tab where indentation is expected; use spaces"
# Part of what the parser says, and how we say it; {start} is the line on which the broken thing begins.
_WORDS: Final = (
    ("tab character", _TAB),
    (
        "mapping values are not allowed",
        "':' is not expected here; check the indentation, or put text that holds ': ' in quotes",
    ),
    ("block sequence entries are not allowed", "a list item is not expected here; put it on a line of its own"),
    ("mapping keys are not allowed", "a key is not expected here; check the indentation"),
    ("did not find expected key", "expected a key; check the indentation, and the quotes of the line before"),
    ("did not find expected '-' indicator", "expected '-' and a list item; check the indentation"),
    ("could not find expected ':'", "expected ':' after the key on line {start}"),
    ("did not find expected ',' or ']'", "expected ',' or ']' in the list that begins on line {start}"),
    ("did not find expected ',' or '}'", "expected ',' or '}}' in the map that begins on line {start}"),
    ("did not find expected node content", "expected a value"),
    (_UNFINISHED, "the document ended above this; check the indentation, or begin another with '---'"),
    ("found unexpected end of stream", "the text that begins here is never closed"),
    ("found unexpected document indicator", "the quoted text that begins on line {start} is never closed"),
    ("found unknown escape character", "unknown escape; write the backslash twice, or use single quotes"),
    (
        "invalid Unicode character escape code",
        "this escape is no character; those beyond U+FFFF are written \\UXXXXXXXX",
    ),
    ("did not find expected hexdecimal number", "expected hexadecimal digits after the backslash"),
    ("found undefined tag handle", "the tag begins with a handle that no %TAG line defines"),
    ("found incompatible YAML document", "this version of YAML is not supported; 1.2 is"),
    ("did not find expected alphabetic or numeric character", "expected a name of letters, digits, '-' and '_'"),
)
_DOCUMENT_MARK: Final = re.compile(r"^(?:---|\.\.\.)(?=\s|\Z)", re.MULTILINE)
_BEGINNING: Final = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
# All but YAML's c-printable: https://yaml.org/spec/1.2.2/#51-character-set
_NOT_PRINTABLE: Final = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def problem_of(error: yaml.YAMLError, text: str, shown: str) -> Problem:
    """The problem that stopped the parser."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(shown, 1, 1, "syntax", str(error), 1, 1)
    mark: Any = error.problem_mark or error.context_mark
    start: Any = error.context_mark or mark
    what = error.problem or ""
    if "unexpected end of stream" in what:  # the end of the file is not where the quote is missing
        mark = start
    line, column = mark.line + 1, mark.column + 1
    return Problem(shown, line, column, "syntax", _message(what, error.context or "", start, mark, text), line, column)


def is_unfinished(error: yaml.YAMLError) -> bool:
    """True where more follows a document that the parser took for complete: so it was not."""
    return isinstance(error, yaml.MarkedYAMLError) and _UNFINISHED in (error.problem or "")


def is_too_deep(error: yaml.YAMLError) -> bool:
    """True where the scanner refused a bracket because too many are open: libyaml from 0.2.6 on, at 1,000."""
    return isinstance(error, yaml.MarkedYAMLError) and "maximum nesting depth" in (error.problem or "")


def character_problem(text: str, shown: str) -> tuple[Problem, ...]:
    """The first character that YAML forbids, if there is one."""
    found = _NOT_PRINTABLE.search(text)
    if found is None:
        return ()
    line, column = position(text, found.start())
    code = ord(found[0])
    if 0xD800 <= code < 0xE000:
        message = f"U+{code:04X} is a lone surrogate, half of a character"
        return (Problem(shown, line, column, "not-unicode", message, line, column + 1),)
    message = f"the character U+{code:04X} cannot stand in YAML; write it as an escape in double quotes"
    return (Problem(shown, line, column, "syntax", message, line, column + 1),)


def resumption(error: yaml.YAMLError, text: str, begun: int) -> int | None:
    """The offset at which the next document begins behind a syntax error.

    None where there is none, or reading on makes no sense.

    `begun` is the offset at which the parser began. A `---` at the beginning of a line is the end of all that came
    before, whatever was left open. What a %TAG line says is lost on the way, and so is all hope to read on.
    """
    mark: Any = error.problem_mark or error.context_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if mark is None or "%TAG" in text:
        return None
    place = mark.index
    if mark.column == 0 and text[place : place + 1] == "%":  # a directive: it belongs to the document that follows
        found = _BEGINNING.search(text, place)
        place = found.end() if found else len(text)
    found = _BEGINNING.search(text, max(place, begun + 1))
    return None if found is None else found.start()


def blank(text: str, end: int) -> str:
    """`text` with nothing before `end` but line breaks and spaces: the lines, columns and offsets of the rest stay the same."""
    lines = text.count("\n", 0, end) + text.count("\r", 0, end) - text.count("\r\n", 0, end)
    return " " * (end - lines) + "\n" * lines + text[end:]


def document_span(text: str, offset: int) -> tuple[int, int]:
    """The offsets between which the document lies that holds `offset`: from behind one `---` to the next."""
    start, end = 0, len(text)
    begin = text.rfind("\n---", 0, offset)
    if begin >= 0:
        start = begin + 1
    found = _BEGINNING.search(text, max(offset, start + 1))
    return start, end if found is None else found.start()


def before_document(text: str, offset: int) -> str:
    """`text` up to the beginning of the document in which `offset` lies."""
    end = 0
    for found in _DOCUMENT_MARK.finditer(text, 0, offset):
        end = found.start()
    return text[:end]


def first_forbidden(text: str) -> int:
    """The offset of the first forbidden character; the end of `text` if there is none."""
    found = _NOT_PRINTABLE.search(text)
    return len(text) if found is None else found.start()


def _message(what: str, context: str, start: Any, mark: Any, text: str) -> str:
    sign = text[mark.index : mark.index + 1]
    if "cannot start any token" in what:
        return _TAB if sign == "\t" else f"a value cannot begin with {sign!r}; put it in quotes"
    if "undefined alias" in what:
        return "this alias names no anchor above it; put it in quotes if it is text"
    if "duplicate anchor" in what or "duplicate anchor" in context:
        return f"the anchor is defined twice; the first is on line {start.line + 1}"
    for part, words in _WORDS:
        if part in what:
            return words.format(start=start.line + 1)
    return f"{what} ({context})" if context else what
