"""Renames: what is held back on one side holds the other side too, and no run makes deletable what it refused.

The fault that this looks for: the new name is another owner's, unmarked, or another object of ours, and the old object
is deleted as an "unfinished rename" that nobody began.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from registry.memory_server import Behaviour
from world import Document, World, actions, native

from reconciler.core.errors import PermanentError, RegistryError, TemporaryError
from reconciler.planner.plan import Plan

OURS: Final = "us"
SETTINGS: Final = settings(max_examples=80)  # all else, and what a busy machine may do, is the profile's


def mark(owner: str, key: str, **more: Any) -> dict[str, Any]:
    return {"owner": owner, "key": key, **more}


# whose the object of the new name is: nobody's, another owner's, ours under another key, ours under this key
NEWCOMERS: Final = {
    "unmarked": None,
    "foreign": mark("them", "new"),
    "ours-other": mark(OURS, "other"),
    "ours": mark(OURS, "new"),
    "protected": mark("them", "new", protected=True),
}
OLD: Final = {"ours": mark(OURS, "old"), "unmarked": None, "foreign": mark("them", "old")}
RENAMED: Final = native("Model", "new", previous_keys=["old"], display_name="New")


def deleted(plan: Plan) -> set[str]:
    return {
        change.address.key for change in plan.changes if change.action == "delete" and change.address.kind == "Model"
    }


@SETTINGS
@given(
    new=st.sampled_from(sorted(NEWCOMERS)),
    old=st.sampled_from(sorted(OLD)),
    secret=st.booleans(),
    prune=st.booleans(),
    state=st.sampled_from(["present", "absent"]),
)
def test_nothing_is_deleted_for_a_rename_that_nobody_began(
    new: str, old: str, secret: bool, prune: bool, state: str
) -> None:
    """Neither in this run nor in the next, whoever has the new name; only `state: absent` and a finished rename delete."""

    async def check() -> None:
        async with World.of(OURS, one={}) as world:
            world.server().put("Model", "old", {"display_name": "Old"}, OLD[old])
            world.server().put("Model", "new", {"display_name": "Theirs"}, NEWCOMERS[new])
            if secret:
                world.server().put("Secret", "reconciler-old-api-key", {}, None)
            document: Document = RENAMED if state == "present" else RENAMED | {"state": "absent"}
            named = {"new", *(["old"] if old == "ours" else [])} if state == "absent" else set()
            first = await world.plan(document, prune=prune, allow_deletes=9)
            assert deleted(first) <= named, actions(first)
            await world.carry_out(first)
            second = await world.plan(document, prune=prune, allow_deletes=9)
            assert deleted(second) == set(), actions(second)

    asyncio.run(check())


@SETTINGS
@given(call=st.integers(2, 9), error=st.sampled_from([TemporaryError, PermanentError]))
def test_a_rename_that_was_begun_is_finished_by_the_next_run(call: int, error: type[RegistryError]) -> None:
    """Whichever call was the last one that the registry answered, the next run leaves one object, of the new name."""

    async def check() -> None:
        async with World.of(OURS, one={}) as world:
            await world.apply(native("Model", "old", display_name="Old"))
            plan = await world.plan(RENAMED)
            world.server().become(Behaviour(fail_at=call, error=error))
            with contextlib.suppress(RegistryError):
                await world.carry_out(plan)
            world.server().become(Behaviour())
            await world.apply(RENAMED, allow_deletes=9)
            assert world.server().keys("Model") == ["new"]
            assert await world.settled(RENAMED)

    asyncio.run(check())


def test_a_rename_that_is_called_off_is_forgotten() -> None:
    """The old manifest again: its object says no longer that it becomes another one."""

    async def check() -> None:
        async with World.of(OURS, one={}) as world:
            old = native("Model", "old", display_name="Old")
            world.server().put("Model", "old", {"display_name": "Old"}, mark(OURS, "old", becomes="new"))
            assert actions(await world.plan(old)) == {"Model/old": "update mark"}
            await world.apply(old)
            row = world.server().row("Model", "old")
            assert row is not None
            assert "becomes" not in (row.mark or {})
            assert await world.settled(old)

    asyncio.run(check())


def test_a_key_that_was_changed_alone_is_told_as_a_rename_that_nobody_declared() -> None:
    """With and without --prune, at the new manifest. Another content, or two that are alike, say nothing."""

    async def check() -> None:
        async with World.of() as world:
            await world.apply(native("Model", "old", display_name="One"), native("Model", "left", display_name="Two"))
            new = native("Model", "new", display_name="One")
            for prune in (False, True):
                plan = await world.plan(new, prune=prune)
                (told,) = [one for one in plan.problems if one.rule == "perhaps-renamed"]
                assert "`previous_keys: [old]`" in told.message
            for others in (
                [native("Model", "new", display_name="Three")],
                [new, native("Model", "x", display_name="One")],
            ):
                plan = await world.plan(*others)
                assert not [one for one in plan.problems if one.rule == "perhaps-renamed"]

    asyncio.run(check())
