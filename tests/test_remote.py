"""Reading registries: a row that nothing could compare is told as what it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest
from pydantic import BaseModel
from registry.memory_server import Behaviour
from world import World, actions, native, statuses

from reconciler.core.errors import PermanentError
from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Listing, RegistryFacts, Resource, Unreadable
from reconciler.core.spec import MAX_DEPTH
from reconciler.registry.protocol import Registry
from reconciler.registry.reading import checked, read_all


def deep(levels: int) -> dict[str, Any]:
    """An object with that many maps inside each other."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"x": value}
    return value


class Thing(BaseModel):
    """Anything below `x`."""

    x: Any = None


FACTS = RegistryFacts("one", {"Thing": Kind(Thing)})


def stored(key: str, spec: dict[str, Any]) -> Resource:
    return Resource(Address("one", "Thing", key), spec)


@dataclass
class Listed:
    """A registry that holds these."""

    listing: Listing

    async def read(self) -> Listing:
        return self.listing


async def test_a_row_that_goes_too_deep_is_unreadable_and_the_rest_is_read() -> None:
    """However deep: comparing it would end in a RecursionError."""
    rows = (stored("fine", deep(MAX_DEPTH)), stored("a", deep(MAX_DEPTH + 1)), stored("b", deep(20_000)))
    place = Listed(Listing(rows, (Unreadable("garbage"),)))
    read = await read_all({"one": cast(Registry, place)}, {"one": FACTS})
    listing = read.listings["one"]
    assert listing.resources == rows[:1]
    assert [(row.kind, row.key) for row in listing.unreadable] == [(None, None), ("Thing", "a"), ("Thing", "b")]
    assert str(MAX_DEPTH) in listing.unreadable[1].message


def test_one_object_that_goes_too_deep_is_an_error() -> None:
    """A permanent one, of the registry."""
    fine = stored("fine", deep(MAX_DEPTH))
    assert checked(fine, FACTS) is fine
    assert checked(None, FACTS) is None
    with pytest.raises(PermanentError, match="one/Thing/a cannot be read"):
        checked(stored("a", deep(600)), FACTS)


async def test_a_desired_key_among_them_is_a_conflict(world: World) -> None:
    """Nothing is written over what nobody can read, and other changes go on."""
    world.server().put("Model", "chat", {"metadata": deep(150)}, {"owner": "us", "key": "chat"})
    documents = (native("Model", "chat", display_name="new"), native("Model", "other"))
    assert actions(await world.plan(*documents)) == {
        "Model/chat": "conflict unreadable",
        "Model/other": "create new",
    }
    assert statuses(await world.apply(*documents)) == {"Model/chat": "conflict", "Model/other": "ok"}


@pytest.mark.parametrize("replies", [True, False], ids=["reply", "read"])
async def test_what_became_too_deep_since_fails_and_the_rest_goes_on(world: World, replies: bool) -> None:
    """Whether the reply to a write holds it, or what is read after it."""
    from_registry = {"Model/metadata": lambda value: deep(150)}
    plan = await world.plan(native("Model", "chat", metadata={"a": 1}), native("Model", "other"))
    world.server().become(Behaviour(rewrites=from_registry, replies=replies))
    report = await world.carry_out(plan)
    assert statuses(report) == {"Model/chat": "failed", "Model/other": "ok"}
    assert report.outcomes[0].reason == PermanentError.code
