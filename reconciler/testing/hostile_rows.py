"""Rows that nobody expects: what a newer, an older or a broken server may answer in the place of an object that we know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from reconciler.core import pointer as pointers

Row = dict[str, Any]
Alter = Callable[[Row], Row]


def _nested(levels: int) -> Any:
    value: Any = "deep"
    for level in range(levels):
        value = {"in": value} if level % 2 else [value]
    return value


WORDS: Final = (
    "",
    "brand_new_value",
    "x" * 5_000,
    "${env:HOME}",
    "${var:nobody}",
    "${file:nowhere.txt}",
    "$${x}",
    "https://user:word@llm.example.com/v1",
    "not a url",
    "- a\n  b: [",
    "no\u00a0break\ufeff",
    "2026-11-28",
    "0777",
    "null",
    "virtual-model/nobody",
    "(present)",
)
PLAIN: Final = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
)
VALUES: Final = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc/~$ ", max_size=4), inner, max_size=3),
    max_leaves=5,
) | st.sampled_from([_nested(30), _nested(99), _nested(150)])


class Edit(NamedTuple):
    """One change of a row: the place `number` of it has another value or, with `adds`, the map there has one more member."""

    number: int
    value: Any
    adds: bool

    def made(self, row: Row, kept: tuple[str, ...]) -> Row:
        places = [place for place in _places(row) if pointers.split(place)[0] not in kept] or [""]
        place = places[self.number % len(places)]
        if self.adds:
            holder = pointers.join(pointers.split(place)[:-1])
            place = f"{holder}/brand_new" if isinstance(pointers.get(row, holder), dict) else place
        changed: Row = pointers.put(row, place, self.value)
        return changed


def edits() -> st.SearchStrategy[list[Edit]]:
    """One to three changes; some of them are fields that no version of ours knows."""
    adds, values = st.booleans(), VALUES
    return st.lists(st.builds(Edit, st.integers(0, 200), values, adds), min_size=1, max_size=3)


def altered(changes: list[Edit], kept: tuple[str, ...]) -> Alter:
    """A function that makes the changes to a row, but not to its members `kept`."""

    def alter(row: Row) -> Row:
        for change in changes:
            row = change.made(row, kept)
        return row

    return alter


def _places(value: Any, prefix: tuple[str, ...] = ()) -> Iterator[str]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in members:
        yield pointers.join((*prefix, str(name)))
        yield from _places(item, (*prefix, str(name)))
