"""Translate regular expressions of the JSON Schemas into RE2, the dialect of the API server, which has no look-around.

A look-ahead at the beginning of a pattern or behind its first character, and a look-behind at its end, become patterns of their own, which must or must
not match. What stands elsewhere cannot be said in RE2: the pattern is then left to the controller.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from reconciler.core.schema.types import END

_LOOK_AROUND: Final = re.compile(r"\(\?(?:<?[=!])")
_BEGINS: Final = re.compile(r"\^?\(\?([=!])")
_LAST: Final = re.compile(r"\(\?<!((?:[^()\\]|\\.)+)\)\$$")
_SECOND: Final = re.compile(
    r"\^(\[(?:[^\]\\]|\\.)+\]|[A-Za-z0-9])(\(\?!)"
)  # one character, of which there is one reading


class Patterns(NamedTuple):
    """Patterns that must all match, and patterns of which none may."""

    required: tuple[str, ...]
    forbidden: tuple[str, ...]


def translate(pattern: str) -> Patterns | None:
    """The pattern in RE2's terms, or None where RE2 cannot say it."""
    rest = pattern.replace(END, "$")  # without (?m), RE2's `$` is the very end of the text
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
    if any(_LOOK_AROUND.search(part) for part in (rest, *required, *forbidden)):
        return None
    return Patterns((*required, *([rest] if rest != "^" else [])), tuple(forbidden))


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
