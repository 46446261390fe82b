"""apply as a whole: what is refused before the first write, what goes on after a failure, and what is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from registry.memory_server import Behaviour, Server
from world import Document, World, actions, model, native, statuses

from reconciler.applier.apply import apply
from reconciler.applier.options import Options
from reconciler.applier.report import BugError, Outcome
from reconciler.core import pointer as pointers
from reconciler.core.errors import PermanentError, RefusedError, RegistryError, SecretError, TemporaryError
from reconciler.core.resource import Address, Resource
from reconciler.core.secret import Resolver, Secret
from reconciler.core.spec import PRESENT
from reconciler.planner.plan import Plan
from reconciler.registry.protocol import Registry, Write

US = {"owner": "us", "key": "x"}
WITH_KEY = {"url": "https://llm.example.com", "model": "m", "api_key": "${env:KEY}"}


def absent(kind: str, key: str) -> Document:
    return {"kind": f"memory/{kind}", "key": key, "state": "absent"}


# --- refused before the first write ----------------------------------------------------------------------------


async def test_a_tripped_guard_means_that_nothing_at_all_is_written(world: World) -> None:
    """Not even the creates; the error names the flag and the number."""
    for number in range(6):
        world.server().put("Model", f"m{number}", {}, US)
    plan = await world.plan(native("Model", "new"), prune=True)
    with pytest.raises(RefusedError) as caught:
        await world.carry_out(plan)
    assert "--allow-deletes 6" in str(caught.value.hint)
    assert world.server().writes == []


async def test_a_guard_that_nothing_lifts_names_no_flag(world: World) -> None:
    """A hint that does not help is worse than none."""
    world.server().put("Model", "m", {}, US)
    with pytest.raises(RefusedError) as caught:
        await world.apply(prune=True, allow_deletes=9)
    assert caught.value.hint is None


async def test_an_incomplete_read_writes_nothing(world: World) -> None:
    """Half a list would make the other half look deleted: that is an error, at plan and at apply."""
    world.server().put("Model", "m", {}, US)
    plan = await world.plan(native("Model", "new"), prune=True)
    world.server().become(Behaviour(incomplete=True))
    with pytest.raises(RegistryError, match="one could not be read"):
        await world.plan(native("Model", "new"), prune=True)
    with pytest.raises(RegistryError, match="one could not be read"):
        await world.carry_out(plan)
    assert world.server().writes == []


async def test_every_secret_without_a_value_is_named_before_the_first_write(world: World) -> None:
    """All at once, each with its place, and nothing is written."""
    plan = await world.plan(
        model("a", endpoint=WITH_KEY), native("Secret", "b", value="${env:TOKEN}"), native("Model", "c")
    )
    world.environ.clear()
    with pytest.raises(SecretError) as caught:
        await world.carry_out(plan)
    text = str(caught.value)
    assert "reconciler-a-api-key /value" in text
    assert "KEY is not set" in text
    assert "one/Secret/b /value" in text
    assert world.server().writes == []


async def test_a_run_without_changes_needs_no_secret(world: World) -> None:
    """A no-op needs none."""
    await world.apply(model("chat", endpoint=WITH_KEY))
    world.environ.clear()
    assert (await world.apply(model("chat", endpoint=WITH_KEY))).outcomes == ()


async def test_a_secret_that_is_managed_elsewhere_is_needed_only_to_create(world: World) -> None:
    """An ignored one is sent on create, and on update what is stored stays."""
    document = native("Provider", "p", url="https://p", password="${env:KEY}", ignore=["/password"])
    await world.apply(document)
    world.environ.clear()
    assert statuses(await world.apply(document | {"url": "https://q"})) == {"Provider/p": "ok"}
    row = world.server().row("Provider", "p")
    assert row is not None
    assert row.data["password"] == {"secret": "s3cret-key"}


async def test_a_backup_that_cannot_be_written_means_that_nothing_is_removed(world: World) -> None:
    """apply refuses before the first write."""
    world.server().put("Model", "m", {}, US)

    def full(resources: tuple[Resource, ...]) -> str:
        raise RefusedError("the disk is full")

    with pytest.raises(RefusedError, match="disk is full"):
        await world.apply(absent("Model", "m"), native("Model", "n"), backup=full)
    assert world.server().writes == []


async def test_the_backup_holds_what_is_deleted_replaced_or_renamed_and_nothing_else(world: World) -> None:
    """As it was before the first write."""
    for key in ("goes", "old", "kept", "changes"):
        world.server().put("Model", key, {"project": "old"}, {"owner": "us", "key": key})
    seen: list[Resource] = []

    def keep(resources: tuple[Resource, ...]) -> str:
        assert world.server().writes == []
        seen.extend(resources)
        return "there"

    report = await world.apply(
        absent("Model", "goes"),
        native("Model", "new", project="old", previous_keys=["old"]),
        native("Model", "changes", project="new"),
        native("Model", "kept", project="old", display_name="new"),
        native("Model", "brand-new"),
        backup=keep,
        allow_deletes=9,
        allow_replaces=1,
    )
    assert sorted(resource.address.key for resource in seen) == ["changes", "goes", "old"]
    assert report.backup == "there"


async def test_without_anything_to_remove_there_is_no_backup(world: World) -> None:
    """Creating and updating is no loss."""
    report = await world.apply(native("Model", "m"), backup=lambda resources: pytest.fail("a backup of nothing"))
    assert report.backup is None


# --- the order of things ---------------------------------------------------------------------------------------


async def test_what_is_needed_is_written_first_and_deletes_come_last(world: World) -> None:
    """The server would refuse any other order."""
    await world.apply(model("old", endpoint=WITH_KEY))
    world.server().calls.clear()
    report = await world.apply(model("new", endpoint=WITH_KEY), prune=True)
    assert set(statuses(report).values()) == {"ok"}
    assert world.server().writes == [
        ("create", "Secret/reconciler-new-api-key"),
        ("create", "Provider/reconciler-new"),
        ("create", "Model/new"),
        ("delete", "Model/old"),
        ("delete", "Provider/reconciler-old"),
        ("delete", "Secret/reconciler-old-api-key"),
    ]


async def test_a_reference_is_moved_before_what_it_named_is_deleted(world: World) -> None:
    """Update, then delete."""
    await world.apply(native("Provider", "p", url="https://p"), native("Model", "chat", provider="p"))
    report = await world.apply(
        native("Provider", "q", url="https://q"), native("Model", "chat", provider="q"), prune=True
    )
    assert set(statuses(report).values()) == {"ok"}
    assert world.server().keys("Provider") == ["q"]


async def test_a_rename_by_recreation_deletes_the_old_object_only_when_nothing_names_it(world: World) -> None:
    """The new one is created first, then what refers to it follows, and deletes come last."""
    await world.apply(native("Provider", "p", url="https://p"), native("Model", "chat", provider="p"))
    world.server().calls.clear()
    report = await world.apply(
        native("Provider", "q", url="https://p", previous_keys=["p"]), native("Model", "chat", provider="q")
    )
    assert set(statuses(report).values()) == {"ok"}
    assert [call for call in world.server().writes if call[0] != "update" or call[1] == "chat"] == [
        ("create", "Provider/q"),
        ("update", "chat"),
        ("delete", "Provider/p"),
    ]


# --- partial failure -------------------------------------------------------------------------------------------


async def test_independent_changes_go_on_and_dependent_ones_are_skipped(world: World) -> None:
    """And running again finishes the work."""
    documents = [model("a", endpoint=WITH_KEY), model("b", endpoint=WITH_KEY)]
    world.server().become(Behaviour(refuses={"reconciler-a": 1}))
    report = await world.apply(*documents)
    assert statuses(report) == {
        "Secret/reconciler-a-api-key": "ok",
        "Provider/reconciler-a": "failed",
        "Model/a": "skipped",
        "Secret/reconciler-b-api-key": "ok",
        "Provider/reconciler-b": "ok",
        "Model/b": "ok",
    }
    assert report.exit_code == 5
    assert set(statuses(await world.apply(*documents)).values()) == {"ok"}
    assert await world.settled(*documents)


async def test_a_delete_is_skipped_where_the_update_that_frees_it_failed(world: World) -> None:
    """Else it would leave something dangling."""
    await world.apply(native("Provider", "p", url="https://p"), native("Model", "chat", provider="p"))
    documents = [native("Model", "chat", provider=None)]
    plan = await world.plan(*documents, prune=True)
    world.server().become(Behaviour(fail_at=3))  # list, get, update
    report = await world.carry_out(plan)
    assert statuses(report) == {"Model/chat": "failed", "Provider/p": "skipped"}
    assert world.server().keys("Provider") == ["p"]


async def test_conflicts_and_blocked_changes_are_reported_and_left(world: World) -> None:
    """Everything else is done, and the exit code says that something was left."""
    world.server().put("Model", "theirs", {}, {"owner": "them", "key": "x"})
    report = await world.apply(native("Model", "theirs"), native("Model", "mine"))
    assert statuses(report) == {"Model/mine": "ok", "Model/theirs": "conflict"}
    assert report.exit_code == 4


async def test_each_outcome_is_told_once_as_it_happens(world: World) -> None:
    """Skipped ones and renames too."""
    await world.apply(native("Model", "old"))
    told: list[Outcome] = []
    world.server().become(Behaviour(refuses={"reconciler-a": 1}))
    plan = await world.plan(model("a", endpoint=WITH_KEY), native("Model", "new", previous_keys=["old"]))
    report = await world.carry_out(plan, on_outcome=told.append)
    assert sorted(outcome.address for outcome in told) == sorted(outcome.address for outcome in report.outcomes)
    assert {outcome.address: outcome.status for outcome in told} == {
        outcome.address: outcome.status for outcome in report.outcomes
    }


async def test_the_outcomes_are_in_the_order_of_the_plan(world: World) -> None:
    """However they ended."""
    documents = [model(key, endpoint=WITH_KEY) for key in "abc"]
    plan = await world.plan(*documents)
    report = await world.carry_out(plan)
    assert [outcome.address for outcome in report.outcomes] == [change.address for change in plan.changes]


@pytest.mark.parametrize("error", [TemporaryError, PermanentError])
async def test_a_failure_is_an_outcome_with_its_stable_word(world: World, error: type[RegistryError]) -> None:
    """Temporary and permanent are told apart."""
    plan = await world.plan(native("Model", "m"))
    world.server().become(Behaviour(fail_at=2, error=error))
    outcome = (await world.carry_out(plan)).outcomes[0]
    assert (outcome.status, outcome.reason) == ("failed", error.code)


# --- interrupting ----------------------------------------------------------------------------------------------


async def test_an_interrupted_run_finishes_what_is_under_way_and_skips_the_rest(world: World) -> None:
    """And reports what was done; running again finishes the work."""
    stop = asyncio.Event()
    documents = [native("Model", key) for key in "abcd"]
    plan = await world.plan(*documents)
    report = await world.carry_out(
        plan, stop=stop, concurrency=1, on_outcome=lambda outcome: stop.set() if outcome.address.key == "b" else None
    )
    assert statuses(report) == {"Model/a": "ok", "Model/b": "ok", "Model/c": "skipped", "Model/d": "skipped"}
    assert report.exit_code == 130
    assert world.server().keys("Model") == ["a", "b"]
    await world.apply(*documents)
    assert await world.settled(*documents)


async def test_an_interrupted_rename_is_finished_by_the_next_run(world: World) -> None:
    """Between the new object and the delete of the old one both are there, and the old one says what it is becoming."""
    await world.apply(native("Model", "old"), native("Model", "x"))
    stop = asyncio.Event()
    after = [native("Model", "new", previous_keys=["old"]), native("Model", "x", display_name="y")]
    plan = await world.plan(*after)
    report = await world.carry_out(plan, stop=stop, concurrency=1, on_outcome=lambda outcome: stop.set())
    assert statuses(report) == {"Model/new": "skipped", "Model/x": "ok"}
    assert world.server().keys("Model") == ["new", "old", "x"]
    assert actions(await world.plan(*after)) == {"Model/old": "delete renamed"}
    await world.apply(*after)
    assert world.server().keys("Model") == ["new", "x"]
    assert await world.settled(*after)


# --- secrets ---------------------------------------------------------------------------------------------------


async def test_a_secret_reaches_the_registry_and_nothing_else(world: World) -> None:
    """The value is stored, and is in no outcome."""
    report = await world.apply(model("chat", endpoint=WITH_KEY))
    row = world.server().row("Secret", "reconciler-chat-api-key")
    assert row is not None
    assert row.data == {"value": {"secret": "s3cret-key"}}
    assert "s3cret" not in repr(report)
    assert "s3cret" not in json.dumps([row.mark for row in world.server().rows.values()])


async def test_a_rotation_that_was_asked_for_writes_the_new_value_once(world: World) -> None:
    """`--rotate` is for the run that it is given to."""
    document = model("chat", endpoint=WITH_KEY)
    await world.apply(document)
    world.environ["KEY"] = "another"
    assert statuses(await world.apply(document, rotate=("chat",))) == {"Secret/reconciler-chat-api-key": "ok"}
    row = world.server().row("Secret", "reconciler-chat-api-key")
    assert row is not None
    assert row.data == {"value": {"secret": "another"}}
    assert await world.settled(document)


async def test_a_rotation_that_is_found_only_at_apply_is_reported_and_not_recorded(world: World) -> None:
    """The plan did not say so: the next one does."""
    world = replace(world, fingerprint_key=Secret("a key for fingerprints"))
    document = native("Provider", "p", url="https://p", password="${env:KEY}")
    await world.apply(document)
    changed = document | {"timeout": 5}
    value = world.environ.pop("KEY")
    plan = await world.plan(changed)
    world.environ["KEY"] = value + "-new"
    report = await world.carry_out(plan)
    assert [note.split(":")[0] for note in report.notes] == ["rotation_pending"]
    assert actions(await world.plan(changed)) == {"Provider/p": "update rotate"}


async def test_a_value_that_did_not_change_is_no_pending_rotation(world: World) -> None:
    """Absent when planning and present when applying is no news."""
    world = replace(world, fingerprint_key=Secret("a key for fingerprints"))
    document = native("Provider", "p", url="https://p", password="${env:KEY}")
    await world.apply(document)
    value = world.environ.pop("KEY")
    plan = await world.plan(document | {"timeout": 5})
    world.environ["KEY"] = value
    assert (await world.carry_out(plan)).notes == ()
    assert await world.settled(document | {"timeout": 5})


async def test_a_fingerprint_stays_with_its_address(tmp_path: Any) -> None:
    """Where no value is known it survives an update, and not a rename, which the next plan with a value makes good."""
    async with World.of(root=tmp_path, disk={"driver": "local", "path": "a.db"}) as world:
        world.fingerprint_key = Secret("a key for fingerprints")
        document = model("chat", endpoint=WITH_KEY)
        await world.apply(document)
        value = world.environ.pop("KEY")
        await world.apply(document | {"tags": ["a"]})
        renamed = document | {"key": "new", "previous_keys": ["chat"], "tags": ["a"]}
        world.environ["KEY"] = value
        assert await world.settled(document | {"tags": ["a"]})
        del world.environ["KEY"]
        await world.apply(renamed)
        world.environ["KEY"] = value
        assert actions(await world.plan(renamed)) == {"Model/new": "update fingerprint"}
        await world.apply(renamed)
        assert await world.settled(renamed)


async def test_no_fingerprints_are_kept_without_a_key(world: World) -> None:
    """A hash without a key would be a hint."""
    await world.apply(native("Provider", "p", url="https://p", password="${env:KEY}"))
    row = world.server().row("Provider", "p")
    assert row is not None
    assert row.mark is not None
    assert "fingerprints" not in row.mark


async def test_a_registry_that_keeps_references_needs_no_value_unless_it_is_to_be_fingerprinted(tmp_path: Any) -> None:
    """The local registry stores the reference's text, never the value; a fingerprint needs the value once."""
    async with World.of(root=tmp_path, disk={"driver": "local", "path": "a.db"}) as world:
        document = model("chat", endpoint=WITH_KEY)
        world.environ.clear()
        assert statuses(await world.apply(document)) == {"Model/chat": "ok"}
        printed = replace(world, fingerprint_key=Secret("a key for fingerprints"))
        with pytest.raises(SecretError):
            await printed.apply(document | {"key": "other"}, complete=False)
        printed.environ["KEY"] = "value"
        await printed.apply(document | {"key": "other"}, complete=False)
        printed.environ.clear()
        assert statuses(await printed.apply(document | {"key": "other", "tags": ["a"]}, complete=False)) == {
            "Model/other": "ok"
        }
        printed.environ["KEY"] = "value"
        assert await printed.settled(document | {"key": "other", "tags": ["a"]}, complete=False)
        printed.environ["KEY"] = "another"
        assert not await printed.settled(document | {"key": "other", "tags": ["a"]}, complete=False)


# --- several registries ----------------------------------------------------------------------------------------


async def test_one_manifest_serves_two_registries_and_one_failing_does_not_stop_the_other() -> None:
    """Independent changes go on."""
    async with World.of(one={}, two={"driver": "memory-exact"}) as world:
        document = model("chat", endpoint=WITH_KEY)
        plan = await world.plan(document)
        world.server("one").become(Behaviour(refuses={"reconciler-chat": 1}))
        report = await world.carry_out(plan)
        done = {str(outcome.address): outcome.status for outcome in report.outcomes}
        assert done["one/Model/chat"] == "skipped"
        assert done["two/Model/chat"] == "ok"
        await world.apply(document)
        assert await world.settled(document)


async def test_a_local_and_a_remote_registry_hold_the_same_model(tmp_path: Any) -> None:
    """The portable object in the one, native ones in the other."""
    async with World.of(
        root=tmp_path, disk={"driver": "local", "path": "a.db"}, memory={}, other={"driver": "local", "path": "b.db"}
    ) as world:
        document = model("chat", endpoint=WITH_KEY, tags=["a"])
        assert set(statuses(await world.apply(document)).values()) == {"ok"}
        assert await world.settled(document)
        changed = document | {"tags": ["b"]}
        assert len((await world.apply(changed)).outcomes) == 3
        assert await world.settled(changed)


async def test_a_registry_that_cannot_be_read_stops_the_run_before_the_first_write() -> None:
    """Completely or not at all, and the error names it."""
    async with World.of(one={}, two={}) as world:
        plan = await world.plan(native("Model", "a", registry="one"), native("Model", "b", registry="two"))
        world.server("two").become(Behaviour(fail_at=1))
        with pytest.raises(RegistryError, match="two could not be read"):
            await world.carry_out(plan)
        assert world.server("one").writes == []


async def test_two_owners_share_a_registry_and_leave_each_other_alone() -> None:
    """Each prunes its own."""
    async with World.of() as world:
        them = world.as_owner("them")
        await world.apply(native("Model", "ours"))
        await them.apply(native("Model", "theirs"))
        await world.apply(native("Model", "new"), prune=True)
        assert world.server().keys("Model") == ["new", "theirs"]
        await world.apply(native("Model", "theirs"), native("Model", "new"), take_ownership=("them",))
        assert await world.settled(native("Model", "theirs"), native("Model", "new"))
        assert actions(await them.plan(native("Model", "theirs"))) == {"Model/theirs": "conflict owner"}


async def test_a_write_between_read_and_write_is_not_written_over(exact: World) -> None:
    """Where the registry compares revisions, the other writer wins and we say so."""
    document = {"kind": "memory-exact/Model", "key": "chat"}
    await exact.apply(document)

    def meddle(server: Server) -> None:
        row = server.row("Model", "chat")
        assert row is not None
        row.data["display_name"] = "theirs"
        row.revision += 1

    plan = await exact.plan(document | {"display_name": "ours"})
    exact.server().become(Behaviour(meanwhile=meddle))
    outcome = (await exact.carry_out(plan)).outcomes[0]
    assert (outcome.status, outcome.reason) == ("failed", "stale-object")
    row = exact.server().row("Model", "chat")
    assert row is not None
    assert row.data["display_name"] == "theirs"
    assert plan.changes[0].address == Address("one", "Model", "chat")


# --- a bug in the middle ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Buggy:
    """A registry whose driver has a bug: a create that is `wrong` ends in a TypeError, and every other one takes a moment longer."""

    inner: Registry
    wrong: Callable[[Write], bool]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def create(self, write: Write) -> Resource | None:
        if self.wrong(write):
            raise TypeError("s3cret-key is of the wrong type")
        await asyncio.sleep(0.01)
        return await self.inner.create(write)


def of_bad(write: Write) -> bool:
    return write.desired.address.key == "bad"


async def broken(world: World, plan: Plan, wrong: Callable[[Write], bool] = of_bad, **how: Any) -> BugError:
    """What apply raises where the driver cannot create what is `wrong`."""
    registries = {name: cast(Registry, Buggy(place, wrong)) for name, place in world.registries.items()}
    with pytest.raises(BugError) as caught:
        await apply(plan, registries, world.facts, world.options(**how))
    return caught.value


async def test_a_bug_lets_end_what_is_under_way_begins_nothing_new_and_is_told_with_the_report(world: World) -> None:
    """Nobody loses the account of what was done, and a write is never cancelled half-way."""
    world.server().put("Model", "gone", {}, US)
    documents = [native("Model", key) for key in ("aaa", "bad", "later")]
    plan = await world.plan(*documents, absent("Model", "gone"))
    told: list[Outcome] = []
    error = await broken(world, plan, concurrency=2, on_outcome=told.append)
    assert isinstance(error.__cause__, TypeError)
    assert {outcome.address.key: (outcome.status, outcome.reason) for outcome in error.report.outcomes} == {
        "aaa": ("ok", "new"),
        "bad": ("failed", "bug"),
        "later": ("skipped", "bug"),
        "gone": ("skipped", "bug"),
    }
    assert len(told) == 4
    assert not error.report.interrupted
    assert error.report.exit_code == 5
    assert error.report.backup == "removed"
    assert "s3cret" not in repr(error.report), "nobody knows what is in a bug's own words"
    assert world.server().keys("Model") == ["aaa", "gone"]
    await world.apply(*documents, absent("Model", "gone"))
    assert await world.settled(*documents)


async def test_a_bug_in_the_middle_of_a_replace_loses_no_object(world: World) -> None:
    """The old one is put back, as after any other failure, and the traceback says so."""
    await world.apply(native("Model", "m", project="old"))
    plan = await world.plan(native("Model", "m", project="new"), allow_replaces=1)
    error = await broken(world, plan, lambda write: write.desired.spec["project"] == "new")
    assert statuses(error.report) == {"Model/m": "failed"}
    assert isinstance(error.__cause__, TypeError)
    assert "so the old one was put back" in error.__cause__.__notes__[0]
    row = world.server().row("Model", "m")
    assert row is not None
    assert row.data["project"] == "old"


async def test_what_depends_on_a_bug_is_skipped(world: World) -> None:
    """As after any other failure."""
    plan = await world.plan(native("Provider", "bad", url="https://p"), native("Model", "m", provider="bad"))
    error = await broken(world, plan)
    assert statuses(error.report) == {"Provider/bad": "failed", "Model/m": "skipped"}


async def test_who_listens_badly_does_not_cancel_the_writes_of_the_others(world: World) -> None:
    """A listener's error is a bug like any other: told when what is under way has ended."""

    def listen(outcome: Outcome) -> None:
        raise LookupError(outcome.address.key)

    plan = await world.plan(native("Model", "a"), native("Model", "b"), native("Model", "c"))
    with pytest.raises(BugError) as caught:
        await world.carry_out(plan, on_outcome=listen, concurrency=1)
    assert statuses(caught.value.report) == {"Model/a": "ok", "Model/b": "skipped", "Model/c": "skipped"}
    assert isinstance(caught.value.__cause__, LookupError)


async def test_a_signal_that_comes_during_the_last_write_interrupts_nothing(world: World) -> None:
    """Everything was done, and that is what the report says."""
    stop = asyncio.Event()
    plan = await world.plan(native("Model", "a"), native("Model", "b"))
    report = await world.carry_out(
        plan, stop=stop, concurrency=1, on_outcome=lambda outcome: stop.set() if outcome.address.key == "b" else None
    )
    assert stop.is_set()
    assert (report.interrupted, report.exit_code) == (False, 0)


def test_nothing_is_applied_without_a_way_to_undo_it(tmp_path: Path) -> None:
    """Where a backup goes is asked of everybody: "none" is no default."""
    with pytest.raises(TypeError, match="backup"):
        Options(resolver=Resolver(tmp_path))  # type: ignore[call-arg]


# --- a registry that merges --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Merging:
    """A registry whose update takes what is new and leaves the rest: a secret that is not sent stays."""

    inner: Registry

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def update(self, write: Write) -> Resource | None:
        spec = write.desired.spec
        for place in ("/password", "/headers/X-Token"):
            if pointers.get(spec, place) is not pointers.MISSING and place not in write.secrets:
                spec = pointers.put(spec, place, PRESENT)
        return await self.inner.update(replace(write, desired=replace(write.desired, spec=spec)))


def merging(world: World, *, merges: bool) -> World:
    """The same world, where updates merge."""
    entry = world.entries["one"]
    kinds = dict(entry.facts.kinds) | {"Provider": replace(entry.facts.kinds["Provider"], partial_update=merges)}
    return replace(
        world,
        entries={"one": replace(entry, facts=replace(entry.facts, kinds=kinds))},
        registries={"one": cast(Registry, Merging(world.registries["one"]))},
    )


SECRETIVE = native(
    "Provider", "p", url="https://p", password="${env:KEY}", headers={"X-Token": "${env:TOKEN}", "X-Tenant": "a"}
)


async def test_an_update_that_merges_needs_no_secret_that_did_not_change(world: World) -> None:
    """What is not sent stays; an update that replaces the whole object would take it away, and needs every value."""
    await world.apply(SECRETIVE)
    place, other = merging(world, merges=True), SECRETIVE | {"timeout": 7}
    place.environ.clear()
    with pytest.raises(SecretError, match="KEY is not set"):
        await merging(world, merges=False).apply(other)
    assert set(statuses(await place.apply(other)).values()) == {"ok"}
    row = world.server().row("Provider", "p")
    assert row is not None
    assert (row.data["timeout"], row.data["password"]) == (7, {"secret": "s3cret-key"})
    assert row.data["headers"] == {"X-Token": {"secret": "s3cret-token"}, "X-Tenant": "a"}


async def test_an_update_needs_the_secrets_of_what_it_sends_whole(world: World) -> None:
    """A registry merges so many levels and no more: the secrets beside what changed below them are asked for before anything is written."""
    await world.apply(SECRETIVE)
    place = merging(world, merges=True)
    place.environ.clear()
    before = world.server().row("Provider", "p")
    with pytest.raises(SecretError, match="TOKEN is not set") as error:
        await place.apply(SECRETIVE | {"headers": {"X-Token": "${env:TOKEN}", "X-Tenant": "b"}})
    assert "KEY" not in str(error.value)
    assert world.server().row("Provider", "p") == before


async def test_an_update_that_merges_needs_the_secret_that_changed(world: World) -> None:
    """One that is written, and those of a new object."""
    place = merging(world, merges=True)
    place.environ.clear()
    with pytest.raises(SecretError) as caught:
        await place.apply(SECRETIVE)
    assert "KEY is not set" in str(caught.value)
    assert "TOKEN is not set" in str(caught.value)
    place.environ.update(KEY="s3cret-key", TOKEN="s3cret-token")
    await place.apply(SECRETIVE)
    place.environ.clear()
    with pytest.raises(SecretError) as caught:
        await place.apply(SECRETIVE, rotate=("p",))
    assert "KEY is not set" in str(caught.value)
    place.environ.update(KEY="s3cret-new")
    without = {name: value for name, value in SECRETIVE.items() if name != "password"}
    await place.apply(without | {"headers": {"X-Tenant": "a"}})
    assert set(
        statuses(await place.apply(without | {"headers": {"X-Tenant": "a"}, "password": "${env:KEY}"})).values()
    ) == {"ok"}
    row = world.server().row("Provider", "p")
    assert row is not None
    assert row.data["password"] == {"secret": "s3cret-new"}
