"""The order of a plan."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.resource import Address
from reconciler.planner.order import in_order
from reconciler.planner.plan import Change


def change(key: str, *needs: str, action: str = "create") -> Change:
    return Change(
        Address("one", "Thing", key), action, "new", depends_on=tuple(Address("one", "Thing", need) for need in needs)
    )


def keys(*changes: Change) -> str:
    return "".join(found.address.key for found in in_order(changes))


def test_without_dependencies_the_order_is_that_of_addresses() -> None:
    """Whatever order the changes come in."""
    assert keys(change("c"), change("a"), change("b")) == "abc"


def test_what_is_needed_comes_first() -> None:
    """A secret before its provider before its model."""
    assert keys(change("a", "b"), change("b", "c"), change("c"), change("d")) == "cbad"


def test_deletes_come_last_and_the_other_way_round() -> None:
    """What refers to something is deleted before it."""
    assert keys(change("a", "b", action="delete"), change("b", action="delete"), change("z", action="update")) == "zba"


def test_what_needs_something_outside_the_plan_waits_for_nothing() -> None:
    """It is there already."""
    assert keys(change("a", "elsewhere"), change("b")) == "ab"


def test_a_circle_is_broken_at_its_first_address() -> None:
    """What refers to each other can be written in no right order, so in a stable one; what follows the circle still follows."""
    assert keys(change("b", "a"), change("a", "b"), change("c", "b")) == "abc"


def test_deletes_come_after_a_circle_of_writes_too() -> None:
    """Nothing moves a delete before a write."""
    assert keys(change("b", "a"), change("a", "b"), change("0", action="delete")) == "ab0"


GRAPHS = st.lists(
    st.tuples(st.integers(0, 7), st.sets(st.integers(0, 7), max_size=3), st.booleans()),
    unique_by=lambda node: node[0],
    max_size=8,
)


@given(GRAPHS, st.randoms())
def test_the_order_depends_on_the_changes_and_not_on_how_they_came(
    graph: list[tuple[int, set[int], bool]], chance: random.Random
) -> None:
    """Every change once, each after what it needs unless a circle forbids it, deletes last, and always the same."""
    changes = [
        change(str(number), *map(str, sorted(needs)), action="delete" if gone else "create")
        for number, needs, gone in graph
    ]
    ordered = in_order(changes)
    shuffled = list(changes)
    chance.shuffle(shuffled)
    assert in_order(shuffled) == ordered
    assert sorted(found.address for found in ordered) == sorted(found.address for found in changes)
    assert [found.action == "delete" for found in ordered] == sorted(found.action == "delete" for found in ordered)
    acyclic = [(number, {need for need in needs if need < number}, gone) for number, needs, gone in graph]
    place = {}
    for index, found in enumerate(
        in_order([change(str(n), *map(str, sorted(needs)), action="create") for n, needs, _ in acyclic])
    ):
        place[found.address.key] = index
        assert all(place.get(need.key, -1) < index for need in found.depends_on)
