"""One change carried out: read-back, lost replies, replaces that fail, renames that stop half-way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from registry.memory_server import Behaviour, Row, Server
from world import Document, World, actions, native, statuses

from reconciler.applier.apply import apply
from reconciler.applier.report import Outcome, Report
from reconciler.core.errors import LostReplyError, PermanentError, TemporaryError
from reconciler.core.resource import Resource
from reconciler.core.secret import Secret
from reconciler.planner.plan import Plan
from reconciler.registry.protocol import Registry, Write

CHAT = native("Model", "chat", display_name="Chat")


def exactly(document: Document) -> Document:
    return document | {"kind": document["kind"].replace("memory/", "memory-exact/")}


def row(server: Server, key: str = "chat", kind: str = "Model") -> Row:
    found = server.row(kind, key)
    assert found is not None
    return found


def only(report: Report) -> Outcome:
    assert len(report.outcomes) == 1
    return report.outcomes[0]


# --- reading back ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("replies", [True, False], ids=["reply", "read"])
@pytest.mark.parametrize("verb", ["create", "update"])
async def test_a_field_that_the_registry_drops_is_not_stored(world: World, verb: str, replies: bool) -> None:
    """The outcome names it, and the run fails: silence is not success."""
    if verb == "update":
        await world.apply(native("Model", "chat"))
    world.server().become(Behaviour(drops=frozenset({"Model/display_name"}), replies=replies))
    report = await world.apply(CHAT)
    assert only(report).status == "not_stored"
    assert "/display_name" in only(report).message
    assert report.exit_code == 5


async def test_a_field_that_the_registry_changes_is_not_stored(world: World) -> None:
    """What is stored is not what was sent."""
    world.server().become(Behaviour(rewrites={"Model/display_name": str.upper}))
    assert only(await world.apply(CHAT)).status == "not_stored"


async def test_a_value_that_should_go_and_stays_is_not_stored(world: World) -> None:
    """A registry that cannot clear a field and does not say so."""
    await world.apply(CHAT)
    world.server().become(Behaviour(sticks=frozenset({"Model/display_name"})))
    outcome = only(await world.apply(native("Model", "chat")))
    assert outcome.status == "not_stored"
    assert "/display_name" in outcome.message


async def test_what_the_registry_adds_is_its_own(world: World) -> None:
    """Only fields that were sent are judged."""
    world.server().become(Behaviour(extra=True, nulls=True, floats=True))
    assert only(await world.apply(native("Model", "chat", temperature=1, limits={"rate": 3}))).status == "ok"


async def test_an_ignored_field_is_not_judged_in_read_back(world: World) -> None:
    """Whatever becomes of it."""
    world.server().become(Behaviour(drops=frozenset({"Model/display_name"})))
    assert only(await world.apply(CHAT | {"ignore": ["/display_name"]})).status == "ok"


async def test_an_ignored_field_keeps_the_remotes_value_on_update(world: World) -> None:
    """It is sent as it is there."""
    document = CHAT | {"description": "ours", "ignore": ["/description"]}
    await world.apply(document)
    row(world.server()).data["description"] = "theirs"
    await world.apply(document | {"display_name": "New"})
    assert row(world.server()).data["description"] == "theirs"
    assert row(world.server()).data["display_name"] == "New"


async def test_a_registry_that_lags_is_read_again_until_it_shows_the_write(world: World) -> None:
    """With backoff, up to `settle`."""
    world.server().become(Behaviour(replies=False, lag=2))
    assert only(await world.carry_out(await world.plan(CHAT), settle=2)).status == "ok"


async def test_a_registry_that_never_shows_the_write_did_not_store_it(world: World) -> None:
    """After `settle` seconds."""
    world.server().become(Behaviour(replies=False, lag=99))
    outcome = only(await world.carry_out(await world.plan(CHAT), settle=0.1))
    assert outcome.status == "not_stored"
    assert "the object" in outcome.message


async def test_a_delete_that_the_registry_only_says_it_did_is_a_failure(world: World) -> None:
    """An answer alone is no proof."""
    await world.apply(CHAT)
    world.server().become(Behaviour(keeps=frozenset({"chat"})))
    outcome = only(await world.apply({"kind": "memory/Model", "key": "chat", "state": "absent"}))
    assert (outcome.status, outcome.reason) == ("failed", PermanentError.code)


async def test_a_mark_that_is_not_kept_is_not_stored(world: World) -> None:
    """Without it the next run would not know whose the object is."""
    world.server().become(Behaviour(unmarked=True))
    outcome = only(await world.apply(CHAT))
    assert outcome.status == "not_stored"
    assert "mark" in outcome.message


# --- lost replies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
async def test_a_create_whose_reply_was_lost_is_looked_up_and_never_blindly_repeated(world: World, done: bool) -> None:
    """Sent again only where it is not there."""
    plan = await world.plan(CHAT)
    world.server().become(Behaviour(lose_at=1, lose_done=done))
    world.server().calls.clear()
    assert only(await world.carry_out(plan)).status == "ok"
    verbs = [verb for verb, _ in world.server().calls]
    assert verbs == (["list", "create", "get"] if done else ["list", "lost create", "get", "create"])


@pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
async def test_where_names_are_not_unique_a_lost_create_makes_no_duplicate(world: World, done: bool) -> None:
    """Nothing is sent again: where it cannot be told, the run says so, and the next one finishes the work."""
    plan = await world.plan(native("Adapter", "a", code="x"))
    world.server().become(Behaviour(lose_at=1, lose_done=done, lag=1))
    assert only(await world.carry_out(plan)).status == ("ok" if done else "failed")
    world.server().become(Behaviour())
    await world.apply(native("Adapter", "a", code="x"))
    assert world.server().keys("Adapter") == ["a"]


async def test_a_lost_create_that_shows_up_late_is_found(world: World) -> None:
    """The registry lags, so the first look sees nothing; it refuses the second create, and the object is there."""
    plan = await world.plan(CHAT)
    world.server().become(Behaviour(lose_at=1, lag=1))
    assert only(await world.carry_out(plan)).status == "ok"
    assert world.server().keys("Model") == ["chat"]


async def test_somebody_elses_object_is_not_taken_for_a_lost_create(world: World) -> None:
    """What is there now is not what was sent."""
    plan = await world.plan(CHAT)
    world.server().become(
        Behaviour(
            lose_at=1, lose_done=False, meanwhile=lambda server: server.put("Model", "chat", {"display_name": "theirs"})
        )
    )
    outcome = only(await world.carry_out(plan))
    assert (outcome.status, outcome.reason) == ("failed", "stale-object")
    assert row(world.server()).data["display_name"] == "theirs"


async def test_a_second_object_of_the_same_name_is_noticed(world: World) -> None:
    """Where names are not unique, every create is preceded and followed by a look."""
    plan = await world.plan(native("Adapter", "a", code="x"))
    world.server().become(Behaviour(meanwhile=lambda server: server.put("Adapter", "a", {"code": "y"})))
    assert only(await world.carry_out(plan)).status == "failed"
    assert actions(await world.plan(native("Adapter", "a", code="x"))) == {"Adapter/a": "conflict duplicate"}


@pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
async def test_a_lost_update_converges(world: World, exact: World, done: bool) -> None:
    """Done if it is as sent; sent once more if nothing has happened."""
    for place, document in ((world, CHAT), (exact, exactly(CHAT))):
        await place.apply(document)
        plan = await place.plan(document | {"display_name": "New"})
        place.server().become(Behaviour(lose_at=1, lose_done=done))
        assert only(await place.carry_out(plan)).status == "ok"
        assert row(place.server()).data["display_name"] == "New"


@pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
async def test_a_lost_native_rename_converges(exact: World, done: bool) -> None:
    """One object, under the new key."""
    await exact.apply(exactly(CHAT))
    plan = await exact.plan(exactly(CHAT) | {"key": "new", "previous_keys": ["chat"]})
    exact.server().become(Behaviour(lose_at=1, lose_done=done))
    assert only(await exact.carry_out(plan)).status == "ok"
    assert exact.server().keys("Model") == ["new"]


@pytest.mark.parametrize("at", [1, 2, 3], ids=["intent", "create", "delete"])
@pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
async def test_a_rename_by_recreation_survives_a_lost_reply_at_each_step(world: World, at: int, done: bool) -> None:
    """The intent, the new object, the delete of the old one."""
    await world.apply(CHAT)
    plan = await world.plan(CHAT | {"key": "new", "previous_keys": ["chat"]})
    world.server().become(Behaviour(lose_at=at, lose_done=done))
    assert only(await world.carry_out(plan)).status == "ok"
    assert world.server().keys("Model") == ["new"]


async def test_a_lost_delete_does_not_take_what_was_made_since(world: World) -> None:
    """Another object of the same key is another object."""
    await world.apply(CHAT)
    plan = await world.plan({"kind": "memory/Model", "key": "chat", "state": "absent"})

    def again(server: Server) -> None:
        del server.rows[row(server).id]
        server.put("Model", "chat", {"display_name": "Chat"}, {"owner": "us", "key": "chat"})

    world.server().become(Behaviour(lose_at=1, lose_done=False, meanwhile=again))
    outcome = only(await world.carry_out(plan))
    assert (outcome.status, outcome.reason) == ("failed", "stale-object")
    assert world.server().keys("Model") == ["chat"]


RENAME = exactly(CHAT) | {"key": "new", "previous_keys": ["chat"]}


def deleted(server: Server) -> None:
    del server.rows[row(server).id]


def remade(server: Server) -> None:
    deleted(server)
    server.put("Model", "chat", {"display_name": "theirs"})


@pytest.mark.parametrize(("meanwhile", "left"), [(deleted, []), (remade, ["chat"])], ids=["gone", "remade"])
@pytest.mark.parametrize("verb", ["update", "rename"])
async def test_a_lost_write_is_not_sent_again_where_its_object_was_deleted_meanwhile(
    exact: World, verb: str, meanwhile: Callable[[Server], None], left: list[str]
) -> None:
    """Nor where another one has its key by now."""
    await exact.apply(exactly(CHAT))
    plan = await exact.plan(RENAME if verb == "rename" else exactly(CHAT) | {"display_name": "New"})
    exact.server().become(Behaviour(lose_at=1, lose_done=False, meanwhile=meanwhile))
    exact.server().calls.clear()
    outcome = only(await exact.carry_out(plan))
    assert (outcome.status, outcome.reason) == ("failed", "stale-object")
    assert [verb for verb, _ in exact.server().writes] == ["lost update"]
    assert exact.server().keys("Model") == left


async def test_a_lost_rename_that_shows_up_late_is_found(exact: World) -> None:
    """The first look sees neither the old object nor the new one: reads come from two places."""
    await exact.apply(exactly(CHAT))
    plan = await exact.plan(RENAME)
    exact.server().become(Behaviour(lose_at=1, lag=1))
    assert only(await exact.carry_out(plan)).status == "ok"
    assert exact.server().keys("Model") == ["new"]


async def test_a_lost_update_is_not_sent_over_a_change_that_no_revision_tells_of(world: World) -> None:
    """Not every registry has revisions: the object itself is compared."""
    await world.apply(CHAT)
    plan = await world.plan(CHAT | {"description": "New"})

    def theirs(server: Server) -> None:
        row(server).data["display_name"] = "theirs"  # without a new revision

    world.server().become(Behaviour(lose_at=1, lose_done=False, meanwhile=theirs))
    outcome = only(await world.carry_out(plan))
    assert (outcome.status, outcome.reason) == ("failed", "stale-object")
    assert row(world.server()).data["display_name"] == "theirs"


# --- deleting --------------------------------------------------------------------------------------------------


async def test_a_delete_reads_again_and_lets_stand_what_moved(world: World) -> None:
    """Deletes happen at what was observed."""
    await world.apply(CHAT)
    plan = await world.plan({"kind": "memory/Model", "key": "chat", "state": "absent"}, native("Model", "first"))
    world.server().become(Behaviour(meanwhile=lambda server: row(server).data.update(display_name="moved")))
    report = await world.carry_out(plan)
    assert statuses(report) == {"Model/first": "ok", "Model/chat": "failed"}
    assert world.server().keys("Model") == ["chat", "first"]


async def test_what_somebody_deleted_meanwhile_is_unchanged(world: World) -> None:
    """That is success, and not ours."""
    await world.apply(CHAT)
    plan = await world.plan({"kind": "memory/Model", "key": "chat", "state": "absent"}, native("Model", "first"))
    world.server().become(Behaviour(meanwhile=lambda server: server.rows.pop(row(server).id)))
    report = await world.carry_out(plan)
    assert statuses(report) == {"Model/first": "ok"}
    assert (report.summary()["deleted"], report.summary()["unchanged"]) == (0, 1)


async def test_what_another_run_updated_just_so_is_unchanged() -> None:
    """Two applies of one change at once: the second has nothing to do, and says so; another change fails."""
    async with World.of(one={"driver": "memory-exact"}) as world:
        await world.apply(exactly(CHAT))
        new = exactly(CHAT) | {"display_name": "New"}
        for other, status in ((new, {}), (exactly(CHAT) | {"display_name": "Other"}, {"Model/chat": "failed"})):
            plan = await world.plan(new)
            theirs = {"data": {}, "mark": {}}
            async with World.of(one={"driver": "memory-exact"}) as elsewhere:
                await elsewhere.apply(other)
                theirs = {"data": row(elsewhere.server()).data, "mark": row(elsewhere.server()).mark}

            def overtake(server: Server, theirs: dict[str, Any] = theirs) -> None:
                stored = row(server)
                stored.data, stored.mark, stored.revision = theirs["data"], theirs["mark"], stored.revision + 1

            world.server().become(Behaviour(meanwhile=overtake))
            report = await world.carry_out(plan)
            world.server().become(Behaviour())
            assert statuses(report) == status
            assert report.summary()["updated"] == 0
            await world.apply(exactly(CHAT))


@pytest.mark.parametrize("gone", [False, True], ids=["changed", "gone"])
async def test_an_update_reads_again_where_revisions_do_not_tell(world: World, gone: bool) -> None:
    """What moved between the check and the write is not written over."""
    await world.apply(CHAT)
    plan = await world.plan(CHAT | {"display_name": "New"}, native("Model", "aaa"))
    meddle = (
        (lambda server: server.rows.pop(row(server).id))
        if gone
        else (lambda server: row(server).data.update(served="moved"))
    )
    world.server().become(Behaviour(meanwhile=meddle))
    report = await world.carry_out(plan, concurrency=1)
    assert statuses(report) == {"Model/aaa": "ok", "Model/chat": "failed"}
    assert report.outcomes[1].reason == "stale-object"


async def test_where_names_are_not_unique_an_object_that_turns_up_stops_the_create(world: World) -> None:
    """The look before it sees it."""
    plan = await world.plan(native("Adapter", "zzz", code="x"), native("Adapter", "aaa", code="x"))
    world.server().become(Behaviour(meanwhile=lambda server: server.put("Adapter", "zzz", {"code": "y"})))
    report = await world.carry_out(plan, concurrency=1)
    assert statuses(report) == {"Adapter/aaa": "ok", "Adapter/zzz": "failed"}
    assert world.server().keys("Adapter") == ["aaa", "zzz"]


# --- replacing -------------------------------------------------------------------------------------------------

OLD = native("Model", "chat", project="old", display_name="Chat", description="kept elsewhere")
NEW = OLD | {"project": "new"}


async def test_a_replace_deletes_and_creates(world: World) -> None:
    """With consent, and then there is nothing left to do."""
    await world.apply(OLD)
    before = row(world.server()).id
    report = await world.apply(NEW, allow_replaces=1)
    assert (only(report).action, only(report).status) == ("replace", "ok")
    assert row(world.server()).id != before
    assert row(world.server()).data["project"] == "new"
    assert await world.settled(NEW)


async def test_a_replace_keeps_what_is_managed_elsewhere(world: World) -> None:
    """An ignored field has the remote's current value afterwards, too."""
    ignoring = {"ignore": ["/description"]}
    await world.apply(OLD | ignoring)
    row(world.server()).data["description"] = "theirs"
    await world.apply(NEW | ignoring, allow_replaces=1)
    assert row(world.server()).data["description"] == "theirs"


async def test_a_replace_whose_new_object_would_be_refused_is_not_begun(world: World) -> None:
    """What is managed elsewhere may be beyond the registry's own limits: then nothing is deleted."""
    ignoring = {"ignore": ["/description"]}
    await world.apply(OLD | ignoring)
    before = row(world.server())
    before.data["description"] = "longer than what the registry takes"
    outcome = only(await world.apply(NEW | ignoring, allow_replaces=1))
    assert outcome.status == "failed"
    assert "was not replaced" in outcome.message
    assert row(world.server()).id == before.id


async def test_a_replace_whose_create_fails_puts_the_old_object_back(world: World) -> None:
    """As it was, with its mark."""
    await world.apply(OLD)
    before = row(world.server())
    plan = await world.plan(NEW, allow_replaces=1)
    world.server().become(Behaviour(refuses={"chat": 1}))
    outcome = only(await world.carry_out(plan))
    assert (outcome.status, outcome.reason) == ("failed", "put-back")
    after = row(world.server())
    assert (after.data["project"], after.data["display_name"], after.mark) == ("old", "Chat", before.mark)
    assert actions(await world.plan(NEW, allow_replaces=1)) == {"Model/chat": "replace immutable"}


@pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
async def test_putting_back_survives_a_lost_reply(world: World, done: bool) -> None:
    """There is one old object again."""
    await world.apply(OLD)
    plan = await world.plan(NEW, allow_replaces=1)
    world.server().become(Behaviour(refuses={"chat": 1}, lose_at=3, lose_done=done))
    assert only(await world.carry_out(plan)).reason == "put-back"
    assert row(world.server()).data["project"] == "old"


async def test_where_putting_back_fails_too_the_report_prints_the_old_object(world: World) -> None:
    """It is the only place where it still is, beside the backup."""
    await world.apply(OLD)
    plan = await world.plan(NEW, allow_replaces=1)
    world.server().become(Behaviour(refuses={"chat": 2}))
    outcome = only(await world.carry_out(plan))
    assert (outcome.status, outcome.reason) == ("failed", "lost")
    assert '"project": "old"' in outcome.message
    assert world.server().keys("Model") == []


async def test_a_secret_that_nobody_knows_is_not_put_back_and_that_is_said(world: World) -> None:
    """The old value was never ours to read, and no placeholder is ever sent in its place."""
    world.server().put(
        "Provider",
        "p",
        {"url": "https://p/", "region": "eu", "password": {"secret": "theirs"}},
        {"owner": "us", "key": "p"},
    )
    plan = await world.plan(native("Provider", "p", url="https://p", region="us"), allow_replaces=1)
    world.server().become(Behaviour(refuses={"p": 1}))
    outcome = only(await world.carry_out(plan))
    assert outcome.reason == "put-back"
    assert "without /password" in outcome.message
    assert "password" not in row(world.server(), "p", "Provider").data


async def test_where_somebody_took_the_place_the_old_object_is_printed_and_theirs_stays(world: World) -> None:
    """Between the delete and the create another object of that key was made."""
    await world.apply(OLD)
    plan = await world.plan(NEW, allow_replaces=1)
    world.server().become(
        Behaviour(meanwhile=lambda server: server.put("Model", "chat", {"display_name": "theirs"}), meanwhile_at=2)
    )
    outcome = only(await world.carry_out(plan))
    assert (outcome.status, outcome.reason) == ("failed", "unclear")
    assert '"project": "old"' in outcome.message
    assert row(world.server()).data["display_name"] == "theirs"


async def test_a_secret_that_the_manifest_dropped_is_removed(world: World) -> None:
    """Where the registry tells that it is there."""
    world.server().put(
        "Provider", "p", {"url": "https://p/", "password": {"secret": "theirs"}}, {"owner": "us", "key": "p"}
    )
    assert only(await world.apply(native("Provider", "p", url="https://p"))).status == "ok"
    assert "password" not in row(world.server(), "p", "Provider").data


async def test_a_replace_of_what_moved_is_refused(world: World) -> None:
    """It is read again just before."""
    await world.apply(OLD)
    plan = await world.plan(NEW, native("Model", "aaa"), allow_replaces=1)
    world.server().become(Behaviour(meanwhile=lambda server: row(server).data.update(display_name="moved")))
    report = await world.carry_out(plan, concurrency=1)
    assert statuses(report) == {"Model/aaa": "ok", "Model/chat": "failed"}
    assert row(world.server()).data["project"] == "old"


async def test_a_replace_of_what_is_gone_creates_it(world: World) -> None:
    """There is nothing to delete any more."""
    await world.apply(OLD)
    plan = await world.plan(NEW, native("Model", "aaa"), allow_replaces=1)
    world.server().become(Behaviour(meanwhile=lambda server: server.rows.pop(row(server).id)))
    report = await world.carry_out(plan, concurrency=1)
    assert set(statuses(report).values()) == {"ok"}
    assert row(world.server()).data["project"] == "new"


async def test_lifting_a_protection_leaves_alone_what_a_replace_will_change(world: World) -> None:
    """One apply lifts it, the next one replaces."""
    await world.apply(OLD | {"protected": True})
    after = NEW | {"protected": False, "display_name": "New"}
    assert only(await world.apply(after, allow_replaces=1)).status == "ok"
    assert (row(world.server()).data["project"], row(world.server()).data["display_name"]) == ("old", "New")
    assert actions(await world.plan(after, allow_replaces=1)) == {"Model/chat": "replace immutable"}
    await world.apply(after, allow_replaces=1)
    assert await world.settled(after)


# --- renaming by re-creation -----------------------------------------------------------------------------------

RENAMED = CHAT | {"key": "new", "previous_keys": ["chat"]}


@pytest.mark.parametrize("mark", [{"owner": "us", "key": "chat"}, None], ids=["ours", "unmarked"])
@pytest.mark.parametrize("at", [3, 4, 5, 6, 7, 8])
async def test_a_rename_that_dies_at_any_call_is_finished_by_the_next_run(
    world: World, at: int, mark: dict[str, Any] | None
) -> None:
    """Never are both gone, and in the end there is one, under the new key."""
    world.server().put("Model", "chat", {"display_name": "Chat"}, mark)
    plan = await world.plan(RENAMED)
    world.server().become(Behaviour(fail_at=at, replies=False))
    report = await world.carry_out(plan)
    assert only(report).status in ("failed", "ok")
    assert world.server().keys("Model") != []
    world.server().become(Behaviour())
    await world.apply(RENAMED)
    assert world.server().keys("Model") == ["new"]
    assert await world.settled(RENAMED)


async def test_a_rename_whose_new_object_is_not_stored_keeps_the_old_one(world: World) -> None:
    """It is deleted only when the new one is right."""
    await world.apply(CHAT)
    plan = await world.plan(RENAMED)
    world.server().become(Behaviour(drops=frozenset({"Model/display_name"})))
    assert only(await world.carry_out(plan)).status == "not_stored"
    assert "chat" in world.server().keys("Model")


async def test_a_rename_does_not_delete_an_old_object_that_somebody_touched(world: World) -> None:
    """Between the two halves it became somebody's business."""
    await world.apply(CHAT, native("Model", "zzz"))
    plan = await world.plan(RENAMED, native("Model", "zzz", display_name="z"))

    def meddle(outcome: Outcome) -> None:
        if outcome.address.key == "zzz":
            row(world.server()).data["display_name"] = "touched"

    report = await world.carry_out(plan, concurrency=1, on_outcome=meddle)
    assert statuses(report) == {"Model/new": "failed", "Model/zzz": "ok"}
    assert "chat" in world.server().keys("Model")


async def test_an_old_object_that_somebody_deleted_meanwhile_is_gone_already(world: World) -> None:
    """The second half of the rename has nothing to do."""
    await world.apply(CHAT)
    plan = await world.plan(RENAMED, native("Model", "zzz"))

    def meddle(outcome: Outcome) -> None:
        del world.server().rows[row(world.server()).id]

    report = await world.carry_out(
        plan, concurrency=1, on_outcome=lambda outcome: meddle(outcome) if outcome.address.key == "zzz" else None
    )
    assert set(statuses(report).values()) == {"ok"}


async def test_a_rename_deletes_the_old_object_after_what_is_deleted_with_a_reference_to_it(world: World) -> None:
    """The server would refuse any other order."""
    await world.apply(native("Provider", "p", url="https://p"), native("Model", "chat", provider="p"))
    report = await world.apply(native("Provider", "q", url="https://p", previous_keys=["p"]), prune=True)
    assert statuses(report) == {"Provider/q": "ok", "Model/chat": "ok"}
    assert world.server().keys("Provider") == ["q"]


async def test_a_rename_by_recreation_takes_over_what_is_managed_elsewhere(world: World) -> None:
    """The ignored field moves with the object."""
    await world.apply(CHAT | {"description": "ours", "ignore": ["/description"]})
    row(world.server()).data["description"] = "theirs"
    await world.apply(RENAMED | {"description": "ours", "ignore": ["/description"]})
    assert row(world.server(), "new").data["description"] == "theirs"


async def test_a_rename_by_recreation_sends_secrets_anew(world: World) -> None:
    """Also one that is managed elsewhere: nobody can read the old one."""
    from_ = native(
        "Provider",
        "p",
        url="https://p",
        password="${env:KEY}",
        headers={"X-Token": "${env:TOKEN}"},
        ignore=["/password", "/headers"],
    )
    await world.apply(from_)
    report = await world.apply(from_ | {"key": "q", "previous_keys": ["p"]})
    assert only(report).status == "ok", report.outcomes
    assert row(world.server(), "q", "Provider").data["password"] == {"secret": "s3cret-key"}
    assert row(world.server(), "q", "Provider").data["headers"] == {"X-Token": {"secret": "s3cret-token"}}


async def test_a_rename_with_fingerprints_settles(world: World) -> None:
    """The new object's fingerprints are those of its own address."""
    world.fingerprint_key = Secret("a key for fingerprints")
    document = native("Provider", "p", url="https://p", password="${env:KEY}")
    await world.apply(document)
    report = await world.apply(document | {"key": "q", "previous_keys": ["p"]})
    assert report.notes == ()
    assert await world.settled(document | {"key": "q", "previous_keys": ["p"]})


async def test_a_failing_call_says_what_failed(world: World) -> None:
    """The outcome bears the registry's words."""
    plan = await world.plan(CHAT)
    world.server().become(Behaviour(fail_at=2, error=TemporaryError))
    assert only(await world.carry_out(plan)).message == "create Model/chat failed"


# --- what is managed elsewhere ---------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["create", "update"])
async def test_an_ignored_field_is_not_judged_after_a_lost_reply_either(world: World, verb: str) -> None:
    """Somebody else's value in it does not make the object somebody else's."""
    document = CHAT | {"description": "ours", "ignore": ["/description"]}
    if verb == "update":
        await world.apply(document)
    plan = await world.plan(document | {"display_name": "New"})
    world.server().become(Behaviour(lose_at=1, rewrites={"Model/description": lambda value: "theirs"}))
    assert only(await world.carry_out(plan)).status == "ok"
    assert row(world.server()).data["description"] == "theirs"
    assert [verb for verb, _ in world.server().writes].count(verb) == 1


async def test_an_ignored_field_is_not_judged_after_a_lost_intent_or_a_lost_put_back(world: World) -> None:
    """The two writes that are not of the manifest's object itself."""
    ignoring = {"description": "ours", "ignore": ["/description"]}
    theirs = {"Model/description": lambda value: "theirs"}
    await world.apply(CHAT | ignoring)
    plan = await world.plan(CHAT | ignoring | {"key": "new", "previous_keys": ["chat"]})
    world.server().become(Behaviour(lose_at=1, rewrites=theirs))
    assert only(await world.carry_out(plan)).status == "ok"
    world.server().become(Behaviour())
    await world.apply(OLD | ignoring | {"key": "old"}, complete=False)
    plan = await world.plan(NEW | ignoring | {"key": "old"}, complete=False, allow_replaces=1)
    world.server().become(Behaviour(refuses={"old": 1}, lose_at=3, rewrites=theirs))
    assert only(await world.carry_out(plan)).reason == "put-back"


@pytest.mark.parametrize("ignore", [["/metadata/l/0", "/metadata/l/1"], ["/metadata/l/2", "/metadata/l/0"]])
async def test_two_ignored_items_of_one_list_converge(world: World, ignore: list[str]) -> None:
    """What somebody else puts there stays, and there is nothing left to do."""
    document = CHAT | {"metadata": {"l": ["a", "b", "c"]}, "ignore": ignore}
    await world.apply(document)
    stored = row(world.server()).data["metadata"]["l"]
    for pointer in ignore:
        stored[int(pointer[-1])] = "theirs"
    kept = list(stored)
    assert await world.settled(document)
    assert only(await world.apply(document | {"display_name": "New"})).status == "ok"
    assert row(world.server()).data["metadata"]["l"] == kept
    assert await world.settled(document | {"display_name": "New"})


async def test_ignored_items_that_the_registry_does_not_have_are_not_sent_and_no_other_goes_with_them(
    world: World,
) -> None:
    """A list that somebody made shorter stays as short."""
    document = CHAT | {"metadata": {"l": ["a", "b", "c"]}, "ignore": ["/metadata/l/1", "/metadata/l/2"]}
    await world.apply(document)
    del row(world.server()).data["metadata"]["l"][1:]
    assert only(await world.apply(document | {"display_name": "New"})).status == "ok"
    assert row(world.server()).data["metadata"]["l"] == ["a"]
    assert await world.settled(document | {"display_name": "New"})


# --- two runs at once ------------------------------------------------------------------------------------------

PROVIDER = native("Provider", "p", url="https://p", password="${env:KEY}")
NOTE = native("Note", "n", text="hello")
SECRET = native("Secret", "s", value="${env:KEY}")


async def overtaken(world: World, document: Document, **differing: Any) -> Report:
    """The outcome of a create that comes second: another run of the same manifest, or of one that differs, made the object just before."""
    async with World.of() as other:
        await other.apply(document | differing)
        (made,) = other.server().rows.values()
    plan = await world.plan(document)
    world.server().become(
        Behaviour(
            meanwhile=lambda server: server.put(
                made.kind, made.key, made.data, None if made.mark is None else {**made.mark}
            )
        )
    )
    return await world.carry_out(plan)


@pytest.mark.parametrize("document", [CHAT, PROVIDER, NOTE], ids=["marked", "marked-with-a-secret", "unmarked"])
async def test_a_create_that_comes_second_is_unchanged_where_the_same_is_there(
    world: World, document: Document
) -> None:
    """Two pipelines that apply one directory at once both succeed, there is one object, and one of them created it."""
    report = await overtaken(world, document)
    assert (report.outcomes, report.exit_code) == ((), 0)
    assert (report.summary()["created"], report.summary()["unchanged"]) == (0, 1)
    assert len(world.server().rows) == 1
    assert await world.settled(document)


@pytest.mark.parametrize(
    ("document", "differing"),
    [(CHAT, {"display_name": "Other"}), (CHAT, {"protected": True}), (NOTE, {"text": "other"}), (SECRET, {})],
    ids=["marked", "another-mark", "unmarked", "unmarked-with-a-secret"],
)
async def test_a_create_that_comes_second_fails_where_something_else_is_there(
    world: World, document: Document, differing: dict[str, Any]
) -> None:
    """Or where nobody can tell: a secret that nobody sees, under nobody's mark, may be of another value."""
    outcome = only(await overtaken(world, document, **differing))
    assert (outcome.status, outcome.reason) == ("failed", "stale-object")
    assert "exists already, and is not what was to be created" in outcome.message
    assert "plan again" in outcome.message
    assert len(world.server().rows) == 1


async def second_and_blind(world: World, reads: int) -> Outcome | None:
    """The outcome of a create that comes second, at a registry of which so many reads do not show the first one yet."""
    async with World.of() as other:
        await other.apply(CHAT)
        (made,) = other.server().rows.values()

    def created(server: Server) -> None:
        server.lag(reads)
        server.put("Model", "chat", made.data, None if made.mark is None else {**made.mark})

    plan = await world.plan(CHAT)
    world.server().become(Behaviour(meanwhile=created))
    report = await world.carry_out(plan, settle=0.5)
    return report.outcomes[0] if report.outcomes else None


async def test_a_create_that_comes_second_waits_for_a_registry_that_lags(world: World) -> None:
    """It is told that the key is taken, and is shown nothing: then it looks again before it judges."""
    assert await second_and_blind(world, 2) is None
    assert await world.settled(CHAT)


async def test_a_create_that_comes_second_and_is_shown_nothing_says_so(world: World) -> None:
    """Not that something else is there, which nobody saw."""
    outcome = await second_and_blind(world, 99)
    assert outcome is not None
    assert (outcome.status, outcome.reason) == ("failed", "stale-object")
    assert "exists already, as the registry says, though it shows none" in outcome.message


async def test_a_create_that_comes_second_fails_where_nobody_marks_and_there_is_a_secret(world: World) -> None:
    """Without an owner nothing says whose secret is stored."""
    nobody = world.as_owner(None)
    plan = await nobody.plan(PROVIDER)
    theirs = {"url": "https://p/", "password": {"secret": "theirs"}}
    world.server().become(Behaviour(meanwhile=lambda server: server.put("Provider", "p", theirs)))
    assert only(await nobody.carry_out(plan)).reason == "stale-object"
    assert row(world.server(), "p", "Provider").data["password"] == {"secret": "theirs"}


async def test_what_writes_over_is_looked_for_first(world: World) -> None:
    """A registry whose create is also its update would take what somebody made since for ours."""
    entry = world.entries["one"]
    kinds = dict(entry.facts.kinds) | {"Model": replace(entry.facts.kinds["Model"], upserts=True)}
    upserting = replace(world, entries={"one": replace(entry, facts=replace(entry.facts, kinds=kinds))})
    plan = await upserting.plan(CHAT, native("Model", "aaa"))
    world.server().become(Behaviour(meanwhile=lambda server: server.put("Model", "chat", {"display_name": "theirs"})))
    world.server().calls.clear()
    report = await upserting.carry_out(plan, concurrency=1)
    assert statuses(report) == {"Model/aaa": "ok", "Model/chat": "failed"}
    assert report.outcomes[1].reason == "stale-object"
    assert ("create", "Model/chat") not in world.server().calls


# --- replies that are lost again and again ---------------------------------------------------------------------


@dataclass
class Losing:
    """A registry that loses the first so many replies to writes, each before it was done."""

    inner: Registry
    losses: int
    sent: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def create(self, write: Write) -> Resource | None:
        return await self._sent(write, self.inner.create)

    async def update(self, write: Write) -> Resource | None:
        return await self._sent(write, self.inner.update)

    async def _sent(self, write: Write, send: Callable[[Write], Any]) -> Resource | None:
        self.sent += 1
        if self.sent <= self.losses:
            raise LostReplyError("the connection was reset")
        found: Resource | None = await send(write)
        return found


async def losing(world: World, plan: Plan, losses: int) -> tuple[Outcome, Losing, list[str]]:
    """The outcome of the one change of a plan, the registry, and what was asked of the server after the first listing."""
    place = Losing(world.registries["one"], losses)
    world.server().calls.clear()
    report = await apply(plan, {"one": cast(Registry, place)}, world.facts, world.options())
    return only(report), place, [verb for verb, _ in world.server().calls][1:]


@pytest.mark.parametrize("verb", ["create", "update"])
@pytest.mark.parametrize("losses", [1, 2, 3])
async def test_a_reply_that_is_lost_again_is_looked_for_again(world: World, verb: str, losses: int) -> None:
    """Up to three times, and each time there is a look before it is sent again."""
    if verb == "update":
        await world.apply(native("Model", "chat"))
    outcome, place, calls = await losing(world, await world.plan(CHAT), losses)
    assert outcome.status == "ok"
    assert place.sent == losses + 1
    looks = losses + (verb == "update")  # an update looks before its first try, too
    assert calls[: looks + 1] == [*["get"] * looks, verb]
    assert world.server().keys("Model") == ["chat"]


async def test_a_reply_that_is_always_lost_is_a_failure(world: World) -> None:
    """What was never answered is not tried for ever, and the word says that it may have been done."""
    outcome, place, _ = await losing(world, await world.plan(CHAT), 99)
    assert (outcome.status, outcome.reason) == ("failed", LostReplyError.code)
    assert place.sent == 4
