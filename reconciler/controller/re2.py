"""Translate regular expressions of the JSON Schemas into RE2, the dialect of the API server, which has no look-around.

A look-ahead at the beginning of a pattern or behind its first character, and a look-behind at its end, become patterns of
their own, which must or must not match. What stands elsewhere cannot be said in RE2 and is left out: what the pattern
takes is still taken, and the rest is for the controller.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from reconciler.core.schema.types import END

_LOOK_AROUND: Final = re.compile(r"\(\?(?:<?[=!])")
_BEGINS: Final = re.compile(r"\^?\(\?([=!])")
_LAST: Final = re.compile(r"\(\?<!((?:[^()\\]|\\.)+)\)\$$")
# one character, of which there is one reading
_SECOND: Final = re.compile(r"\^(\[(?:[^\]\\]|\\.)+\]|[A-Za-z0-9])(\(\?!)")
_LETTERS: Final = r"\p{L}\p{N}_"  # Python's \w; RE2's own is ASCII alone


class Patterns(NamedTuple):
    """Patterns that must all match, and patterns of which none may. Not `complete` where they take more than the original."""

    required: tuple[str, ...]
    forbidden: tuple[str, ...]
    complete: bool


def translate(pattern: str) -> Patterns:
    """The pattern in RE2's terms."""
    rest = _words(pattern.replace(END, "$"))  # without (?m), RE2's `$` is the very end of the text
    required: list[str] = []
    forbidden: list[str] = []
    while (ahead := _BEGINS.match(rest)) is not None and rest.startswith("^"):
        end = _closing(rest, 1)
        (required if ahead[1] == "=" else forbidden).append(f"^(?:{rest[ahead.end() : end]})")
        rest = "^" + rest[end + 1 :]
    second = _SECOND.match(rest)
    if second is not None:
        end = _closing(rest, second.start(2))
        forbidden.append(f"^{second[1]}(?:{rest[second.end() : end]})")
        rest = f"^{second[1]}{rest[end + 1 :]}"
    behind = _LAST.search(rest)
    if behind is not None:
        forbidden.append(f"(?:{behind[1]})$")
        rest = rest[: behind.start()] + "$"
    if rest != "^":
        required.append(rest)
    said = tuple(part for part in forbidden if not _LOOK_AROUND.search(part))
    complete = len(said) == len(forbidden) and not any(map(_LOOK_AROUND.search, required))
    return Patterns(tuple(map(_without_look_around, required)), said, complete)


def _words(pattern: str) -> str:
    """The pattern with `\\w` as Python means it."""
    made, in_class, index = [], False, 0
    while index < len(pattern):
        piece = pattern[index : index + (2 if pattern[index] == "\\" else 1)]
        in_class = (in_class and piece != "]") or (not in_class and piece == "[")
        made.append((_LETTERS if in_class else f"[{_LETTERS}]") if piece == r"\w" else piece)
        index += len(piece)
    return "".join(made)


def _without_look_around(pattern: str) -> str:
    """The pattern without its look-arounds: it takes at least as much."""
    while (found := _LOOK_AROUND.search(pattern)) is not None:
        pattern = pattern[: found.start()] + pattern[_closing(pattern, found.start()) + 1 :]
    return pattern


def _closing(text: str, opening: int) -> int:
    """The index of the parenthesis that closes the one at `opening`."""
    depth = 0
    in_class = False
    index = opening
    while index < len(text):
        letter = text[index]
        if letter == "\\":
            index += 1
        elif in_class:
            in_class = letter != "]"
        elif letter == "[":
            in_class = True
        elif letter in "()":
            depth += 1 if letter == "(" else -1
            if depth == 0:
                return index
        index += 1
    raise ValueError(f"unbalanced pattern: {text}")
