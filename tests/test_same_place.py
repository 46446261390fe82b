"""Two registries that turn out to be one place: nothing is pruned from either, and the plan says why."""

from __future__ import annotations

from dataclasses import replace

from world import World

from reconciler.core.resource import Address, Listing, Mark, RemoteState, Resource
from reconciler.planner.planner import make_plan
from reconciler.planner.same_place import same_places

LONG_ID = "5a1c0f6e-7a51-4c2c-9d6e-2f8f0a3b9c11"


def listing(registry: str, identity: str, key: str = "a", owner: str = "us") -> Listing:
    return Listing((Resource(Address(registry, "Model", key), {}, Mark(owner, key), id=identity),))


async def test_registries_that_hold_the_same_object_are_one_place() -> None:
    """Told by kind, native id and mark; short ids are counters, and say nothing."""
    async with World.of("us", one={}, two={}) as world:
        facts = {"one": world.facts["one"], "two": world.facts["two"]}

        def shared(first: Listing, second: Listing) -> list[tuple[str, str]]:
            return list(same_places(RemoteState({"one": first, "two": second}, facts)))

        assert shared(listing("one", LONG_ID), listing("two", LONG_ID)) == [("one", "two")]
        assert shared(listing("one", LONG_ID), listing("two", LONG_ID, owner="them")) == []
        assert shared(listing("one", LONG_ID), listing("two", LONG_ID[::-1])) == []
        assert shared(listing("one", "7"), listing("two", "7")) == []
        other = replace(facts["two"], identity={"driver": "another", "location": "x"})
        remote = RemoteState({"one": listing("one", LONG_ID), "two": listing("two", LONG_ID)}, facts | {"two": other})
        assert list(same_places(remote)) == []


async def test_nothing_is_pruned_from_a_place_of_two_names() -> None:
    """No flag lifts that: what the first name declares looks undeclared under the second."""
    async with World.of("us", one={}, two={}) as world:
        desired = world.desired()
        remote = RemoteState({"one": listing("one", LONG_ID), "two": listing("two", LONG_ID)}, world.facts)
        plan = make_plan(replace(desired, documents=1), remote, world.policy(desired, prune=True, allow_deletes=9))
        assert [(guard.name, guard.override) for guard in plan.guards] == [("same-place", None)]


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
