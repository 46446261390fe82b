"""Whose an object is: the truth table of `ownership`, row by row."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Mark, RegistryFacts, Resource
from reconciler.planner.ownership import Ownership, ownership_of, prunable

OURS, UNMARKED, FOREIGN = Ownership.OURS, Ownership.UNMARKED, Ownership.FOREIGN


class Thing(BaseModel):
    """Nothing but a key."""


KINDS = {"Model": Kind(Thing, name="Model"), "Note": Kind(Thing, name="Note", markable=False)}


def thing(owner: str | None, kind: str = "Model", key: str = "support-chat") -> Resource:
    return Resource(Address("one", kind, key), {}, Mark(owner, key) if owner is not None else None)


def facts(owner: str | None, *owns: str) -> RegistryFacts:
    return RegistryFacts("one", KINDS, owner, owns)


@pytest.mark.parametrize(
    ("we", "mark", "whose"),
    [
        ("us", "us", OURS),
        ("us", None, UNMARKED),
        ("us", "them", FOREIGN),
        (None, "us", FOREIGN),
        (None, None, UNMARKED),
        (None, "them", FOREIGN),
    ],
)
def test_the_mark_says_whose_it_is(we: str | None, mark: str | None, whose: Ownership) -> None:
    """Ours by our mark alone; without an owner nothing that bears a mark is ours."""
    assert ownership_of(thing(mark), facts(we)) is whose


def test_an_environment_is_another_owner() -> None:
    """`us/prod` is not `us`: environments that share a registry leave each other alone."""
    assert ownership_of(thing("us"), facts("us/prod")) is FOREIGN
    assert ownership_of(thing("us/prod"), facts("us")) is FOREIGN


@pytest.mark.parametrize(
    ("takes", "whose"),
    [
        (("them",), UNMARKED),
        (("others",), FOREIGN),
        (("others", "them"), UNMARKED),
        ((), FOREIGN),
        (("the*",), FOREIGN),
    ],
)
def test_ownership_is_taken_from_the_owner_that_is_named_and_no_other(takes: tuple[str, ...], whose: Ownership) -> None:
    """`--take-ownership OWNER` is a name, not a pattern."""
    assert ownership_of(thing("them"), facts("us"), takes) is whose


def test_nobody_can_take_ownership_without_being_somebody() -> None:
    """Without `owner` there is no mark to set."""
    assert ownership_of(thing("them"), facts(None), ("them",)) is FOREIGN


@pytest.mark.parametrize(
    ("key", "owns", "whose"),
    [
        ("support-chat", ("support-*",), OURS),
        ("sales-chat", ("support-*",), UNMARKED),
        ("sales-chat", ("support-*", "sales-*"), OURS),
        ("Support-chat", ("support-*",), UNMARKED),
        ("support-chat", (), UNMARKED),
    ],
)
def test_a_kind_without_room_for_a_mark_is_ours_where_the_configuration_says_so(
    key: str, owns: tuple[str, ...], whose: Ownership
) -> None:
    """`owns` are globs over keys, and case counts."""
    assert ownership_of(thing(None, "Note", key), facts("us", *owns)) is whose


def test_owns_is_for_kinds_without_room_for_a_mark() -> None:
    """Where there is room for a mark and none is set, somebody else made it: it may be adopted and is never pruned."""
    assert ownership_of(thing(None), facts("us", "support-*")) is UNMARKED
    assert not prunable(thing(None), facts("us", "support-*"))


@pytest.mark.parametrize(("mark", "may"), [("us", True), (None, False), ("them", False)])
def test_only_what_is_ours_is_ever_pruned(mark: str | None, may: bool) -> None:
    """Neither unmarked nor foreign objects are."""
    assert prunable(thing(mark), facts("us")) is may


def test_without_an_owner_nothing_marked_is_pruned() -> None:
    """What bears a mark belongs to somebody who is not us."""
    assert not prunable(thing("us"), facts(None, "*"))
    assert prunable(thing(None, "Note"), facts(None, "support-*"))
