"""The text of one YAML scalar in canonical form: quotes only where some reader of YAML needs them."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from reconciler.core.document.dump import double_quoted, dump_yaml, inline, inline_key
from reconciler.core.document.yaml_older import is_alike, meaning
from reconciler.core.document.yaml_scalars import NotJsonError, plain

_HEADER: Final = re.compile(r"[|>][-+]?(?P<digit>[1-9])?[-+]?")
_FLOW: Final = re.compile(r"[,\[\]{}]")


class Block(NamedTuple):
    """A block scalar: its header and its lines without indentation, and the offset behind the last of them.

    One that `keeps` takes the blank lines behind it for its own.
    """

    lines: tuple[str, ...]
    end: int
    keeps: bool


def text_scalar(value: str, *, flow: bool) -> str:
    """Text on one line: plain where every reader takes it for that text, else in quotes. `flow` means in brackets."""
    return _in_brackets(inline(value), value, flow=flow)


def key_text(value: str, *, flow: bool) -> str:
    """A key, which is text whatever it looks like, on one line."""
    return _in_brackets(inline_key(value), value, flow=flow)


def _in_brackets(text: str, value: str, *, flow: bool) -> str:
    return double_quoted(value) if flow and text == value and _FLOW.search(value) else text


def plain_scalar(text: str, *, flow: bool) -> str:
    """A scalar that was written without quotes: text, or a number, a boolean or a null as YAML 1.1 reads it too."""
    try:
        value = plain(text)
    except NotJsonError:  # such a number is no value, so it is a key without one (`{1e999}`), and these are text
        value = text
    if isinstance(value, str):
        return text_scalar(value, flow=flow)
    if value is None:
        return "" if not text and not flow else "null"
    if isinstance(value, bool) or not is_alike(text, meaning(text)):
        return dump_yaml(value).rstrip("\n")
    return text


def several_lines(source: str) -> tuple[str, ...]:
    """A plain or quoted scalar that goes over several lines: what is written stays, without its indentation."""
    first, *others = source.split("\n")
    lines = [_trimmed(first), *(_trimmed(line.lstrip(" \t")) for line in others[:-1]), others[-1].lstrip(" \t")]
    return tuple(lines)


def _trimmed(line: str) -> str:
    """A line without the blanks at its end, which mean nothing unless a backslash escapes the first of them."""
    bare = line.rstrip(" \t")
    escaped = len(bare) < len(line) and (len(bare) - len(bare.rstrip("\\"))) % 2 == 1
    return line[: len(bare) + 1] if escaped else bare


def block_scalar(text: str, start: int, limit: int, column: int) -> Block:
    """The block scalar whose header begins at `start`, in a map or list at `column`, and that ends before `limit`.

    In a text whose last line has no end, the one that reaches there must not get one: it strips what follows it.
    """
    header = _HEADER.match(text, start)
    body = text.find("\n", start) + 1
    if header is None or not body:
        return Block((text[start:limit],), limit, keeps=False)
    *lines, rest = text[body:limit].split("\n")  # the rest is the indentation of what comes next, or an open last line
    is_open = limit == len(text) and bool(rest)
    lines += [rest] if is_open else []
    indent = _indentation(lines, header["digit"], column)
    taken = next((at for at, line in enumerate(lines) if line.strip(" ") and _leading(line) < indent), len(lines))
    keeps = "+" in header[0] and not is_open
    while not keeps and taken and len(lines[taken - 1]) <= indent and not lines[taken - 1].strip(" "):
        taken -= 1
    content = [line[indent:] for line in lines[:taken]]
    chomp = "-" if "-" in header[0] or (is_open and taken == len(lines)) else "+" if keeps else ""
    digit = "2" if _needs_digit(content) else ""
    end = min(body + sum(len(line) + 1 for line in lines[:taken]), len(text))
    return Block((f"{header[0][0]}{digit}{chomp}", *content), end, keeps)


def _indentation(lines: list[str], digit: str | None, column: int) -> int:
    """The columns that a block scalar is indented by: as its header says, or as the lines down to the first with text."""
    if digit:
        return max(column, 0) + int(digit)
    text = next((at for at, line in enumerate(lines, start=1) if line.strip(" ")), len(lines))
    return max(column + 1, *map(_leading, lines[:text]), 0)


def _needs_digit(content: list[str]) -> bool:
    """True where the first line that is not blank, or a blank one before it, begins with a space of its own."""
    for line in content:
        if line.startswith(" "):
            return True
        if line:
            return False
    return False


def _leading(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
