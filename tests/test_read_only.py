"""Objects that nobody can write through the registry, and objects that are stored and not in force: what is planned, written and exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from world import Document, World, actions, model, native

from reconciler.core.resource import Address, Listing, RemoteState, Resource
from reconciler.manifest.declarable import Undeclarable, declare
from reconciler.planner.planner import make_plan

WHY = "it stands in the server's own file"
LATE = "stored, but not served"
CHAT = native("Model", "chat", display_name="Chat")


async def seen(world: World, **fields: Any) -> RemoteState:
    """What the registry holds, each object with those fields."""
    remote = await world.remote()
    listings = {
        name: found._replace(resources=tuple(replace(one, **fields) for one in found.resources))
        for name, found in remote.listings.items()
    }
    return remote._replace(listings=listings)


@pytest.mark.parametrize("mark", [None, {"owner": "us", "key": "chat"}], ids=["unmarked", "ours"])
@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ((CHAT,), {"Model/chat": "conflict read-only"}),
        ((native("Model", "chat", display_name="Other"),), {"Model/chat": "conflict read-only"}),
        ((native("Model", "chat", state="absent"),), {"Model/chat": "conflict read-only"}),
        ((native("Model", "new", display_name="New", previous_keys=["chat"]),), {"Model/new": "blocked read-only"}),
    ],
    ids=["declared", "changed", "absent", "renamed"],
)
async def test_nothing_is_planned_for_what_is_read_only(
    world: World, documents: tuple[Document, ...], expected: dict[str, str], mark: dict[str, Any] | None
) -> None:
    """Whoever's it is and whatever is asked: the plan says why, and there is no write."""
    world.server().put("Model", "chat", {"display_name": "Chat"}, mark)
    state = world.desired(*documents)
    plan = make_plan(state, await seen(world, read_only=WHY), world.policy(state, take_ownership=("us",)))
    assert actions(plan) == expected
    assert WHY in plan.changes[0].message
    assert plan.writes == ()


async def test_what_is_read_only_is_never_pruned(world: World) -> None:
    """Even where it bears our mark, as one that was copied into the server's file does."""
    world.server().put("Model", "chat", {"display_name": "Chat"}, {"owner": "us", "key": "chat"})
    state = world.desired(native("Model", "b", display_name="B"))
    plan = make_plan(state, await seen(world, read_only=WHY), world.policy(state, prune=True, allow_deletes=9))
    assert [str(one.address) for one in plan.writes if one.action == "delete"] == []


async def test_what_is_read_only_is_not_exported(world: World, tmp_path: Path) -> None:
    """A manifest of it could never be applied."""
    world.server().put("Model", "chat", {"display_name": "Chat"}, None)
    remote = await seen(world, read_only=WHY)
    (found,) = remote.resources()
    declared = declare(found, world.entries[found.address.registry], tmp_path, ".")
    assert isinstance(declared, Undeclarable)
    assert declared.reason == WHY


async def test_a_plan_tells_what_is_not_in_force(world: World) -> None:
    """An object that is as declared and not served is unchanged, and a warning says so."""
    await world.apply(CHAT)
    state = world.desired(CHAT)
    plan = make_plan(state, await seen(world, pending=LATE), world.policy(state))
    assert plan.changes == ()
    assert [(one.rule, LATE in one.message) for one in plan.problems] == [("not-in-force", True)]


class Late:
    """A registry whose objects are in force only after so many reads of one."""

    def __init__(self, registry: Any, reads: int) -> None:
        self._registry, self._reads = registry, reads

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    async def create(self, write: Any) -> None:
        await self._registry.create(write)

    async def get(self, address: Address) -> Resource | None:
        found: Resource | None = await self._registry.get(address)
        self._reads -= 1
        return replace(found, pending=LATE) if found is not None and self._reads >= 0 else found

    async def read(self) -> Listing:
        found: Listing = await self._registry.read()
        return found


@pytest.mark.parametrize(("reads", "status", "reason"), [(2, "ok", "new"), (9999, "not_stored", "not-in-force")])
async def test_a_write_waits_until_it_is_in_force(world: World, reads: int, status: str, reason: str) -> None:
    """Up to `settle`; then the outcome says that it is stored, and what it waits for."""
    late = replace(world, registries={name: Late(one, reads) for name, one in world.registries.items()})
    report = await late.apply(CHAT)
    (outcome,) = report.outcomes
    assert (outcome.status, outcome.reason) == (status, reason)
    assert (outcome.message == LATE) == (status != "ok")


async def test_a_portable_model_is_refused_in_the_same_way(world: World) -> None:
    """A conflict of the model, and nothing for what would stand beside it."""
    world.server().put("Model", "chat", {"display_name": "Chat"}, None)
    state = world.desired(model("chat"))
    plan = make_plan(state, await seen(world, read_only=WHY), world.policy(state))
    assert plan.writes == ()
