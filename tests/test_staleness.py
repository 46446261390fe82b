"""A plan is applied only to what was reviewed: the check before the first write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
import pytest_asyncio
from registry.memory_server import Server
from world import World, native, statuses

from reconciler.applier.apply import apply
from reconciler.core.errors import PlanFileError, RefusedError
from reconciler.planner import planfile
from reconciler.planner.plan import Plan
from reconciler.planner.planfile_reader import parse

US = {"owner": "us", "key": "x"}


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with World.of() as world:
        world.server().put("Model", "changes", {"display_name": "a"}, US)
        world.server().put("Model", "goes", {}, US)
        world.server().put("Model", "old", {}, US)
        yield world


async def reviewed(world: World) -> Plan:
    """A plan with a create, an update, a rename and a delete."""
    return await world.plan(
        native("Model", "comes"),
        native("Model", "changes", display_name="b"),
        native("Model", "new", previous_keys=["old"]),
        {"kind": "memory/Model", "key": "goes", "state": "absent"},
        allow_deletes=9,
    )


def edit(server: Server, key: str, **data: object) -> None:
    row = server.row("Model", key)
    assert row is not None
    row.data |= data


MOVES: dict[str, Callable[[Server], object]] = {
    "comes: it exists now": lambda server: server.put("Model", "comes", {}),
    "changes: it was changed": lambda server: edit(server, "changes", display_name="c"),
    "changes: it is gone": lambda server: server.rows.clear(),
    "goes: it was changed": lambda server: edit(server, "goes", display_name="c"),
    "old: it was changed": lambda server: edit(server, "old", display_name="c"),
    "new: it exists now": lambda server: server.put("Model", "new", {}),
    "changes: there are 2 of it now": lambda server: server.put("Model", "changes", {"display_name": "a"}, US),
}


async def test_a_plan_that_still_holds_is_applied(world: World) -> None:
    """Nothing moved."""
    report = await world.carry_out(await reviewed(world))
    assert set(statuses(report).values()) == {"ok"}


@pytest.mark.parametrize("line", MOVES)
async def test_a_plan_whose_object_moved_is_refused_before_the_first_write(world: World, line: str) -> None:
    """And says which, and how."""
    plan = await reviewed(world)
    MOVES[line](world.server())
    with pytest.raises(RefusedError, match=line):
        await world.carry_out(plan)
    assert world.server().writes == []


async def test_what_moved_and_is_no_part_of_the_plan_does_not_matter(world: World) -> None:
    """Others may go on with their own; controllers and counters may too."""
    plan = await reviewed(world)
    world.server().put("Model", "else", {})
    edit(world.server(), "changes", status="much busier", visibility="seen by the server")
    assert set(statuses(await world.carry_out(plan)).values()) == {"ok"}


async def test_a_delete_of_what_somebody_else_deleted_is_success(world: World) -> None:
    """Already gone, and everything else goes on. It is nothing that this run did, so it counts as unchanged."""
    plan = await reviewed(world)
    row = world.server().row("Model", "goes")
    assert row is not None
    del world.server().rows[row.id]
    report = await world.carry_out(plan)
    assert statuses(report) == {"Model/changes": "ok", "Model/comes": "ok", "Model/new": "ok"}
    assert (report.summary()["deleted"], report.summary()["unchanged"], report.exit_code) == (0, 1, 0)


@pytest.mark.parametrize("deletes_only", [False, True])
async def test_a_plan_is_applied_once(world: World, deletes_only: bool) -> None:
    """The second time it is refused, even where there would be nothing left to do."""
    plan = await (
        world.plan({"kind": "memory/Model", "key": "goes", "state": "absent"}) if deletes_only else reviewed(world)
    )
    await world.carry_out(plan)
    writes = list(world.server().writes)
    with pytest.raises(RefusedError):
        await world.carry_out(plan)
    assert world.server().writes == writes


async def test_a_saved_plan_does_what_the_plan_would_have_done(world: World) -> None:
    """Manifests are not read again."""
    plan = parse(planfile.dump(await reviewed(world)), "plan.json").plan
    assert set(statuses(await world.carry_out(plan)).values()) == {"ok"}
    assert world.server().keys("Model") == ["changes", "comes", "new"]


@pytest.mark.parametrize(
    "identity", [{"driver": "memory", "location": "memory://elsewhere"}, {"driver": "other", "location": "x"}, None]
)
async def test_a_plan_for_another_place_is_refused(world: World, identity: dict[str, str] | None) -> None:
    """A registry whose URL, workspace or driver differs now, or that is gone from the configuration."""
    plan = await reviewed(world)
    facts = {name: replace(known, identity=identity) for name, known in world.facts.items() if identity is not None}
    with pytest.raises(PlanFileError, match="one: "):
        await apply(plan, world.registries, facts, world.options())
    assert world.server().writes == []


async def test_a_plan_without_writes_is_never_stale(world: World) -> None:
    """There is nothing that it would touch, so nothing is read."""
    plan = await world.plan(
        native("Model", "changes", display_name="a"), native("Model", "goes"), native("Model", "old")
    )
    calls = len(world.server().calls)
    edit(world.server(), "changes", display_name="zzz")
    quiet = replace(plan, changes=())
    assert (await world.carry_out(quiet)).outcomes == ()
    assert len(world.server().calls) == calls
