"""Two registries that turn out to be one place: nothing is pruned from either, and the plan says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from registry import memory
from world import Document, World, model

from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Listing, Mark, RemoteState, Resource, Unreadable
from reconciler.planner.planner import make_plan
from reconciler.planner.same_place import TwoPlaces
from reconciler.registry.catalog import built_in

LONG_ID = "5a1c0f6e-7a51-4c2c-9d6e-2f8f0a3b9c11"
OTHER_ID = LONG_ID[::-1]


def listing(registry: str, *ids: str, owner: str = "us", **more: Any) -> Listing:
    """Objects a, b, c … of these ids."""
    return Listing(
        tuple(
            Resource(Address(registry, "Model", key), {}, Mark(owner, key), id=identity, **more)
            for key, identity in zip("abc", ids, strict=False)
        )
    )


def kinds(*, unique_ids: bool) -> dict[str, Kind]:
    return {"Model": replace(memory.DRIVER.kinds["Model"], unique_ids=unique_ids)}


@pytest.mark.parametrize(
    ("here", "there", "unique_ids", "expected"),
    [
        (listing("one", LONG_ID), listing("two", LONG_ID), True, True),
        (listing("one", LONG_ID), listing("two", OTHER_ID), True, False),
        (listing("one", LONG_ID), listing("two"), True, False),  # one place would show it under both names
        (listing("one", LONG_ID), Listing((), (Unreadable("a row"),)), True, True),  # that row may be it
        (listing("one", "7"), listing("two", "7"), True, True),  # a counter says nothing, and nothing else differs
        (listing("one", "7"), listing("two", "7", updated_at="later"), True, False),
        (listing("one", "a-long-key"), listing("two", "a-long-key"), False, True),
        (listing("one", "a-long-key", uid="1"), listing("two", "a-long-key", uid="2"), False, False),
        (listing("one", "a-long-key", uid="1"), listing("two", "a-long-key", uid="1"), False, True),
        (listing("one", "a-long-key"), listing("two", "a-long-key", revision="2"), False, False),
        # one that moved between the two reads, and one that two servers made at the same moment
        (listing("one", "x", "y", "z"), listing("two", "x", "y", "other"), False, True),
        (listing("one", "x", "y", "z"), listing("two", "x", "other", "another"), False, False),
    ],
)
def test_an_object_is_in_one_place_unless_something_tells_the_places_apart(
    here: Listing, there: Listing, unique_ids: bool, expected: bool
) -> None:
    assert TwoPlaces(here, there, kinds(unique_ids=unique_ids)).may_be_one(Address("one", "Model", "a")) is expected


def test_built_in_kinds_say_whether_their_ids_are_unique_in_the_world() -> None:
    """A UUID that the server makes is; a key, a name, a number or a file is not."""
    found = {
        f"{driver.name}/{kind.name}"
        for driver in built_in().values()
        for kind in driver.kinds.values()
        if not kind.unique_ids
    }
    assert found == {
        *("insidellms/Model", "latticeflow/Integration", "latticeflow/Secret", "litellm/Credential"),
        *("litellm/Model", "local/Model", "mlflow/ModelVersion", "mlflow/RegisteredModel"),
    }


async def guards_of(world: World, *documents: Document, two: Listing, one: Listing | None = None) -> list[str]:
    """The guards of a plan that prunes `two`, where the documents go to `one`."""
    desired = world.desired(*documents)
    listings = {"two": two} if one is None else {"one": one, "two": two}
    remote = RemoteState(listings, {name: world.facts[name] for name in listings})
    policy = replace(world.policy(desired, prune=True, allow_deletes=9), beside=RemoteState({}, world.facts))
    plan = make_plan(replace(desired, documents=1), remote, policy)
    assert all(guard.override is None for guard in plan.guards)
    return [f"{guard.name}: {guard.message.split(',')[0]}" for guard in plan.guards]


async def test_nothing_is_pruned_from_a_place_of_two_names() -> None:
    """No flag lifts that: what the first name declares looks undeclared under the second. What nobody declares may go from both."""
    async with World.of("us", one={}, two={}) as world:
        only_one = model("a", registries={"one": {}})
        found = await guards_of(world, only_one, one=listing("one", LONG_ID), two=listing("two", LONG_ID))
        assert found == ["same-place: one and two hold the same objects"]
        assert await guards_of(world, only_one, one=listing("one", LONG_ID), two=listing("two", OTHER_ID)) == []
        assert await guards_of(world, one=listing("one", LONG_ID), two=listing("two", LONG_ID)) == []


async def test_what_is_declared_for_a_registry_that_was_not_read_is_not_pruned() -> None:
    """It may be the same place."""
    async with World.of("us", one={}, two={}) as world:
        only_one = model("a", registries={"one": {}})
        assert await guards_of(world, only_one, two=listing("two", LONG_ID)) == ["same-place: two/Model/a"]


async def test_an_object_is_known_by_its_mark_and_by_its_former_keys() -> None:
    """The key in a registry may be another one."""
    async with World.of("us", one={}, two={}) as world:
        stored = Resource(Address("two", "Model", "native"), {}, Mark("us", "a"), id=LONG_ID)
        for document in (model("a", registries={"one": {}}), model("b", previous_keys=["a"], registries={"one": {}})):
            assert await guards_of(world, document, two=Listing((stored,))) == ["same-place: two/Model/native"]


async def test_registries_of_other_drivers_are_other_places() -> None:
    async with World.of("us", one={"driver": "memory-exact"}, two={}) as world:
        only_one = model("a", registries={"one": {}})
        assert await guards_of(world, only_one, one=listing("one", LONG_ID), two=listing("two", LONG_ID)) == []


async def test_what_another_environment_declares_is_never_pruned(world: World) -> None:
    """Neither with a mark of ours nor by `owns`."""
    world.server().put("Model", "a", {}, {"owner": "us", "key": "a"})
    world.server().put("Model", "b", {}, {"owner": "us", "key": "b"})
    desired = replace(world.desired(), documents=1)
    policy = world.policy(desired, prune=True, allow_deletes=9)
    policy = replace(policy, declared_elsewhere=frozenset({Address("one", "Model", "a")}))
    plan = make_plan(desired, await world.remote(), policy)
    assert [change.address.key for change in plan.changes] == ["b"]
    unreadable = replace(policy, unreadable_environments=("prod",))
    assert [guard.name for guard in make_plan(desired, await world.remote(), unreadable).guards] == [
        "unreadable-environment"
    ]
