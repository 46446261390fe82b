"""Drift: what was changed behind our back is told, whatever rule forbids to change it; what only waits for apply is counted."""

from __future__ import annotations

from typing import Any

import pytest
from world import World, native

from reconciler.planner.diff import FieldChange
from reconciler.planner.drift import drift_of
from reconciler.planner.plan import Plan

CHAT = native("Model", "chat", display_name="Chat", project="p", finetuning="x")


async def drift(world: World, document: dict[str, Any]) -> Plan:
    return drift_of(await world.plan(document))


@pytest.mark.parametrize("field", ["display_name", "project", "finetuning"])
async def test_a_change_in_the_console_is_drift_whatever_its_rule(world: World, field: str) -> None:
    """A plain field, one that cannot change in place, and one that cannot be cleared: from what we declared to what was found."""
    await world.apply(CHAT)
    row = world.server().row("Model", "chat")
    assert row is not None
    row.data[field] = "console"
    found = await drift(world, CHAT)
    assert [(change.reason, change.fields) for change in found.changes] == [
        ("drifted", (FieldChange(f"/{field}", CHAT[field], "console"),))
    ]
    assert found.summary()["pending"] == 0


@pytest.mark.parametrize("field", ["display_name", "project"])
async def test_a_manifest_that_waits_for_apply_is_counted(world: World, field: str) -> None:
    """It is no drift: nobody touched the registry."""
    await world.apply(CHAT)
    found = await drift(world, CHAT | {field: "new"})
    assert found.changes == () or {change.action for change in found.changes} == {"blocked"}
    assert found.summary()["pending"] + len(found.changes) == 1
    assert found.summary()["unchanged"] == 0


async def test_an_object_that_was_never_ours_differs(world: World) -> None:
    """Without a mark nothing tells which side changed."""
    world.server().put("Model", "chat", {"display_name": "Theirs"})
    found = await drift(world, CHAT)
    assert [change.reason for change in found.changes] == ["differs"]


async def test_an_object_that_is_gone_is_missing(world: World) -> None:
    """Whether it was deleted or never created."""
    assert [change.reason for change in (await drift(world, CHAT)).changes] == ["missing"]
