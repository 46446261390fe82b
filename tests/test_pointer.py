"""JSON pointers over plain data."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.pointer import MISSING, get, join, put, remove, remove_all, split

DATA: dict[str, Any] = {"a": {"b/c": 1, "~": 2, "": 3}, "list": [{"x": 1}, [5]], "null": None}


@given(st.lists(st.text()))
def test_parts_survive_being_joined(parts: list[str]) -> None:
    """`/` and `~` in keys included."""
    assert split(join(parts)) == tuple(parts)


def test_what_does_not_begin_with_a_slash_is_no_pointer() -> None:
    """It is refused and not guessed at."""
    with pytest.raises(ValueError, match="does not begin"):
        split("description")


@pytest.mark.parametrize(
    ("pointer", "value"),
    [("", DATA), ("/a/b~1c", 1), ("/a/~0", 2), ("/a/", 3), ("/list/0/x", 1), ("/list/1/0", 5), ("/null", None), ("/list/2", MISSING), ("/list/-1", MISSING),
     ("/list/x", MISSING), ("/a/nothing", MISSING), ("/null/x", MISSING)],
)  # fmt: skip
def test_get(pointer: str, value: Any) -> None:
    """What stands there, or MISSING, which is not null."""
    assert get(DATA, pointer) is value or get(DATA, pointer) == value
    assert not MISSING
    assert repr(MISSING) == "MISSING"


def test_put_and_remove_leave_their_argument_as_it_was() -> None:
    """They return what changed."""
    before = {"a": {"b": 1}, "l": [1, {"x": 2}, 3]}
    assert put(before, "/a/c/d", 5) == {"a": {"b": 1, "c": {"d": 5}}, "l": [1, {"x": 2}, 3]}
    assert put(before, "/l/1/x", 5)["l"] == [1, {"x": 5}, 3]
    assert put(before, "", 5) == 5
    assert remove(before, "/a/b") == {"a": {}, "l": [1, {"x": 2}, 3]}
    assert remove(before, "/l/0")["l"] == [{"x": 2}, 3]
    assert remove(before, "/l/1/x")["l"] == [1, {}, 3]
    assert remove(before, "/nothing/here") is before
    assert remove(before, "") is before
    assert before == {"a": {"b": 1}, "l": [1, {"x": 2}, 3]}


def test_what_goes_from_a_list_moves_nothing_else_that_goes() -> None:
    """All pointers mean the value as it was, in whatever order they come, and however often."""
    before: dict[str, Any] = {"l": [0, 1, {"x": 2, "y": 3}, *range(3, 12)], "m": {"a": 1, "b": 2}}
    gone = ["/l/10", "/l/2/x", "/l/9", "/l/1", "/m/a", "/l/99", "/l/x", "/m/b/c", "/l/1", "/l/01", ""]
    after = {"l": [0, {"y": 3}, *range(3, 9), 11], "m": {"b": 2}}
    assert remove_all(before, gone) == remove_all(before, reversed(gone)) == after
    assert remove_all(before, ["/l/2", "/l/2/x"])["l"] == [0, 1, *range(3, 12)]
    assert remove_all(before, ["/nothing", "/l/99"]) is before
    assert remove_all("text", ["/0"]) == "text"


@given(st.lists(st.integers(), max_size=30), st.sets(st.integers(0, 40)))
def test_any_items_of_a_list_can_go_at_once(items: list[int], gone: set[int]) -> None:
    """Exactly those, and no others."""
    left = [item for place, item in enumerate(items) if place not in gone]
    assert remove_all({"l": items}, [f"/l/{place}" for place in gone]) == {"l": left}


def test_a_list_takes_nothing_where_it_has_no_place() -> None:
    """Neither behind its end nor under a name: a list keeps its length."""
    for pointer in ("/l/2", "/l/x", "/l/-1", "/l/x/y"):
        assert put({"l": [1, 2]}, pointer, 5) == {"l": [1, 2]}
