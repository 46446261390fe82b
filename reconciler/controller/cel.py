"""Pieces of CEL expressions, as the rules of a CustomResourceDefinition and of an admission policy write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

_WORDS: Final = frozenset(
    "true false null in as break const continue else for function if import let loop package namespace return var "
    "void while".split()
)


def cel_name(name: str) -> str:
    """A member's name as CEL writes it behind a dot."""
    if name in _WORDS:
        return f"__{name}__"
    escaped = name.replace("__", "__underscores__")
    for letter, word in (("-", "__dash__"), (".", "__dot__"), ("/", "__slash__")):
        escaped = escaped.replace(letter, word)
    return escaped


def place(root: str, path: Sequence[str]) -> str:
    """The expression of a member below `root`."""
    return ".".join((root, *map(cel_name, path)))


def present(root: str, path: Sequence[str]) -> str:
    """The expression that is true where all members on a path are there. Null counts as absent."""
    return " && ".join(f"has({place(root, path[:end])})" for end in range(1, len(path) + 1))


def quoted(text: str) -> str:
    """A string literal, written as in JSON, whose escapes CEL reads alike."""
    return json.dumps(text, ensure_ascii=False)


def one_of(values: Sequence[str]) -> str:
    """A list literal."""
    return f"[{', '.join(map(quoted, values))}]"
