"""What is decided for one object: adoption, conflict, drift, protection, absence, ignoring, renaming, replacing, rotation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from registry.memory_server import Behaviour
from world import Document, World, actions, model, native, paths

from reconciler.core.resource import RemoteState
from reconciler.core.secret import Secret
from reconciler.planner.planner import make_plan

US = {"owner": "us", "key": "chat"}
THEM = {"owner": "them", "key": "chat"}
FINGERPRINTS = Secret("a key for fingerprints")
CHAT = native("Model", "chat", display_name="Chat")


def put(world: World, mark: dict[str, Any] | None, key: str = "chat", **data: Any) -> None:
    world.server().put("Model", key, data, mark)


async def decided(world: World, *documents: Document, **how: Any) -> str:
    """What is planned for the one object, as `action reason`; nothing is ''."""
    return " ".join(actions(await world.plan(*documents, **how)).values())


# --- ownership -------------------------------------------------------------------------------------------------


async def test_an_unmarked_object_is_adopted_even_if_nothing_differs(world: World) -> None:
    """The update writes the mark, and whatever differs."""
    put(world, None, display_name="Chat")
    plan = await world.plan(CHAT)
    assert actions(plan) == {"Model/chat": "update adopt"}
    assert paths(plan, "chat") == []
    put(world, None, "b", display_name="Other")
    assert paths(await world.plan(native("Model", "b", display_name="B")), "b") == ["/display_name"]


async def test_another_owners_object_is_a_conflict(world: World) -> None:
    """And the message names the flag that takes it over."""
    put(world, THEM)
    plan = await world.plan(CHAT)
    assert actions(plan) == {"Model/chat": "conflict owner"}
    assert "--take-ownership them" in plan.changes[0].message


@pytest.mark.parametrize(("takes", "expected"), [("them", "update adopt"), ("others", "conflict owner")])
async def test_ownership_is_taken_only_from_the_owner_named(world: World, takes: str, expected: str) -> None:
    """`--take-ownership OWNER` names one owner."""
    put(world, THEM)
    assert await decided(world, CHAT, take_ownership=(takes,)) == expected


async def test_without_an_owner_unmarked_objects_are_written_and_nothing_is_marked(world: World) -> None:
    """Nobody adopts for nobody; what bears a mark belongs to somebody."""
    nobody = world.as_owner(None)
    put(world, None, display_name="Chat")
    assert await decided(nobody, CHAT) == ""
    assert await decided(nobody, native("Model", "chat", display_name="New")) == "update differs"
    put(world, US, "marked")
    plan = await nobody.plan(native("Model", "marked", display_name="x"), take_ownership=("us",))
    assert actions(plan) == {"Model/marked": "conflict owner"}
    assert "--take-ownership" not in plan.changes[0].message


async def test_a_kind_without_room_for_a_mark_is_not_adopted(world: World) -> None:
    """There is nothing to write: it differs, or it does not."""
    world.server().put("Note", "n", {"text": "a"})
    assert await decided(world, native("Note", "n", text="a")) == ""
    assert await decided(world, native("Note", "n", text="b")) == "update differs"


# --- why an update ---------------------------------------------------------------------------------------------


async def test_changed_drifted_and_differs_are_told_apart(world: World) -> None:
    """Remote ≠ applied is drift; remote = applied ≠ manifest is a change; without a mark nobody can tell."""
    await world.apply(CHAT)
    assert await decided(world, native("Model", "chat", display_name="New")) == "update changed"
    row = world.server().row("Model", "chat")
    assert row is not None
    row.data["display_name"] = "by hand"
    assert await decided(world, CHAT) == "update drifted"
    assert await decided(world, native("Model", "chat", display_name="New")) == "update drifted"


async def test_drift_is_told_by_what_was_compared_when_it_was_applied(world: World) -> None:
    """A field that nobody managed then may have moved since: that is no drift."""
    await world.apply(native("Model", "chat", display_name="Chat", description="x", ignore=["/description"]))
    row = world.server().row("Model", "chat")
    assert row is not None
    row.data |= {"description": "by its manager", "visibility": "public", "status": "gone"}
    plan = await world.plan(native("Model", "chat", display_name="New", description="x", ignore=["/description"]))
    assert actions(plan) == {"Model/chat": "update changed"}
    assert paths(plan, "chat") == ["/display_name"]


async def test_a_change_of_the_mark_alone_is_said_to_be_one(world: World) -> None:
    """Protection given or taken, or another manifest's key."""
    await world.apply(CHAT)
    assert await decided(world, CHAT | {"protected": True}) == "update mark"
    assert await decided(world, CHAT | {"protected": False}) == ""
    await world.apply(CHAT | {"protected": True})
    assert await decided(world, CHAT) == ""
    assert await decided(world, CHAT | {"protected": False}) == "update mark"


async def test_a_manifest_of_another_key_takes_the_object_over(world: World) -> None:
    """The address is identity; the mark keeps the manifest's key."""
    await world.apply(
        model("chat", provider={"name": "p", "model": "m"}, endpoint=None), native("Provider", "p", url="https://p")
    )
    other = model("support", provider={"name": "p", "model": "m"}, endpoint=None, registries={"one": {"key": "chat"}})
    assert await decided(world, other, native("Provider", "p", url="https://p")) == "update mark"


# --- unreadable and duplicate ----------------------------------------------------------------------------------


async def test_an_unreadable_object_is_a_conflict_where_it_is_desired(world: World) -> None:
    """Wanted, unwanted or renamed from: nobody knows what it is."""
    put(world, US)
    world.server().become(Behaviour(broken=frozenset({"chat"})))
    assert await decided(world, CHAT) == "conflict unreadable"
    assert await decided(world, {"kind": "memory/Model", "key": "chat", "state": "absent"}) == "conflict unreadable"
    assert await decided(world, native("Model", "new", previous_keys=["chat"])) == "conflict unreadable"
    assert await decided(world, native("Model", "other")) == "create new"


async def test_a_row_without_a_key_forbids_creates_and_deletes_and_lets_the_rest_go_on(world: World) -> None:
    """It may be anything: what is to be created, or what refers to what is to be deleted."""
    put(world, US, "a", display_name="old")
    put(world, US, "b")
    put(world, US, "c", project="old")
    put(world, US, "d")
    world.server().become(Behaviour(nameless=True))
    plan = await world.plan(
        native("Model", "a", display_name="new"),
        {"kind": "memory/Model", "key": "b", "state": "absent"},
        native("Model", "c", project="new"),
        native("Model", "e", previous_keys=["d"]),
        native("Model", "f"),
        allow_replaces=9,
    )
    assert actions(plan) == {
        "Model/a": "update changed",
        "Model/b": "blocked unreadable",
        "Model/c": "blocked unreadable",
        "Model/e": "blocked unreadable",
        "Model/f": "blocked unreadable",
    }


@pytest.mark.parametrize("state", ["present", "absent"])
async def test_two_objects_of_our_key_are_a_conflict(world: World, state: str) -> None:
    """Nothing is touched."""
    for _ in range(2):
        world.server().put("Adapter", "a", {"code": "x"}, US)
    assert await decided(world, native("Adapter", "a", code="y", state=state)) == "conflict duplicate"


async def test_two_objects_of_an_old_key_are_a_conflict(world: World) -> None:
    """Nobody knows which of them is renamed."""
    for _ in range(2):
        world.server().put("Adapter", "a", {"code": "x"}, US)
    assert await decided(world, native("Adapter", "b", code="x", previous_keys=["a"])) == "conflict duplicate"


# --- absent ----------------------------------------------------------------------------------------------------

ABSENT: Document = {"kind": "memory/Model", "key": "chat", "state": "absent"}


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        (US, "delete absent"),
        (None, "delete absent"),
        (THEM, "conflict owner"),
        (US | {"protected": True}, "blocked protected"),
    ],
)
async def test_absent_deletes_marked_or_not_but_nobody_elses_and_nothing_protected(
    world: World, mark: dict[str, Any] | None, expected: str
) -> None:
    """`state: absent` names the key, so it needs no mark."""
    put(world, mark)
    assert await decided(world, ABSENT) == expected


async def test_what_is_absent_already_is_unchanged(world: World) -> None:
    """There is nothing to do."""
    plan = await world.plan(ABSENT)
    assert plan.changes == ()
    assert plan.unchanged == 1


async def test_a_kind_that_cannot_be_deleted_is_not(world: World) -> None:
    """Neither deleted, replaced nor renamed by re-creation."""
    world.server().put("Workspace", "w", {}, US)
    assert await decided(world, {"kind": "memory/Workspace", "key": "w", "state": "absent"}) == "blocked not-deletable"
    assert await decided(world, native("Workspace", "v", previous_keys=["w"])) == "blocked not-deletable"


# --- protection ------------------------------------------------------------------------------------------------


async def test_a_protected_object_is_updated_but_not_replaced(world: World) -> None:
    """The manifest's word counts at once, and the stored one outlives the manifest."""
    put(world, US | {"protected": True}, project="old", display_name="a")
    assert await decided(world, native("Model", "chat", project="old", display_name="b")) == "update changed"
    assert await decided(world, native("Model", "chat", project="new"), allow_replaces=1) == "blocked protected"
    put(world, US, "b", project="old")
    assert (
        await decided(world, native("Model", "b", project="new", protected=True), allow_replaces=1)
        == "blocked protected"
    )


async def test_a_protected_object_is_renamed_natively_but_not_by_recreation(world: World, exact: World) -> None:
    """The one keeps it, the other deletes it."""
    for place in (world, exact):
        put(place, US | {"protected": True})
    assert await decided(world, native("Model", "new", previous_keys=["chat"])) == "blocked protected"
    assert await decided(exact, native("memory-exact/Model", "new", previous_keys=["chat"])) == "rename renamed"


async def test_lifting_a_protection_takes_one_run_of_its_own(world: World) -> None:
    """Even where the same manifest wants a replace: what can change in place does, the rest waits."""
    put(world, US | {"protected": True}, project="old", display_name="a")
    plan = await world.plan(native("Model", "chat", project="new", display_name="b", protected=False), allow_replaces=1)
    assert actions(plan) == {"Model/chat": "update mark"}
    assert paths(plan, "chat") == ["/display_name"]


# --- ignoring --------------------------------------------------------------------------------------------------


async def test_an_ignored_field_is_sent_on_create_and_never_compared(world: World) -> None:
    """Whoever manages it elsewhere may change it."""
    document = native("Model", "chat", description="first", ignore=["/description"])
    assert paths(await world.plan(document), "chat") == ["/description"]
    put(world, US, description="theirs")
    assert await decided(world, document) == ""


# --- renaming --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "expected"), [(US, "rename renamed"), (None, "rename renamed"), (THEM, "conflict owner")]
)
async def test_an_old_key_is_renamed_if_it_is_ours_or_nobodys(
    world: World, mark: dict[str, Any] | None, expected: str
) -> None:
    """Old exists and new does not."""
    put(world, mark)
    assert await decided(world, native("Model", "new", previous_keys=["chat"])) == expected


async def test_a_rename_says_what_changes_with_it(exact: World) -> None:
    """The fields that differ are in the plan."""
    put(exact, US, display_name="old")
    plan = await exact.plan(native("memory-exact/Model", "new", previous_keys=["chat"], display_name="new"))
    assert (str(plan.changes[0].previous), paths(plan, "new")) == ("one/Model/chat", ["/display_name"])


async def test_a_native_rename_cannot_also_replace(exact: World) -> None:
    """First the one, then the other."""
    put(exact, US, project="old")
    assert (
        await decided(exact, native("memory-exact/Model", "new", previous_keys=["chat"], project="new"))
        == "blocked immutable"
    )


async def test_a_rename_by_recreation_may_change_what_is_immutable(world: World) -> None:
    """It is a new object anyway."""
    put(world, US, project="old")
    assert await decided(world, native("Model", "new", previous_keys=["chat"], project="new")) == "rename renamed"


@pytest.mark.parametrize(
    ("mark", "expected"),
    [({"owner": "us", "key": "new"}, "delete renamed"), (US, ""), (None, ""), ({"owner": "them", "key": "new"}, "")],
)
async def test_of_two_keys_the_old_one_goes_only_if_its_rename_was_unfinished(
    world: World, mark: dict[str, Any] | None, expected: str
) -> None:
    """Only an object of ours that says it is becoming the new one; anything else is reported and left."""
    put(world, mark)
    put(world, {"owner": "us", "key": "new"}, "new")
    plan = await world.plan(native("Model", "new", previous_keys=["chat"]))
    assert " ".join(actions(plan).values()) == expected
    assert [problem.rule for problem in plan.problems] == ([] if expected else ["previous-key-left"])


async def test_of_several_old_keys_one_is_renamed_and_the_others_are_reported(world: World) -> None:
    """The first that exists, in the manifest's order."""
    put(world, US, "b")
    put(world, US, "c")
    plan = await world.plan(native("Model", "new", previous_keys=["a", "b", "c"]))
    assert [str(change.previous) for change in plan.changes] == ["one/Model/b"]
    assert [problem.rule for problem in plan.problems] == ["previous-key-left"]


async def test_a_rename_that_would_leave_something_dangling_is_blocked(world: World) -> None:
    """Somebody's model names the provider by its old key."""
    world.server().put("Provider", "old", {"url": "https://p/"}, US)
    put(world, THEM, provider="old")
    assert (
        await decided(world, native("Provider", "new", url="https://p", previous_keys=["old"])) == "blocked referenced"
    )


# --- rotation --------------------------------------------------------------------------------------------------

PROVIDER = native("Provider", "p", url="https://p", password="${env:KEY}")


async def test_a_new_value_is_an_update_with_reason_rotate(world: World) -> None:
    """With a fingerprint key; the plan shows the field and neither value."""
    world = replace(world, fingerprint_key=FINGERPRINTS)
    await world.apply(PROVIDER)
    assert await decided(world, PROVIDER) == ""
    world.environ["KEY"] = "another"
    plan = await world.plan(PROVIDER)
    assert actions(plan) == {"Provider/p": "update rotate"}
    assert [(found.path, found.sensitive) for found in plan.changes[0].fields] == [("/password", True)]


async def test_without_a_fingerprint_key_rotation_is_asked_for(world: World) -> None:
    """`--rotate KEY`, by key or by address, and nothing else rotates."""
    await world.apply(PROVIDER)
    world.environ["KEY"] = "another"
    assert await decided(world, PROVIDER) == ""
    assert await decided(world, PROVIDER, rotate=("p",)) == "update rotate"
    assert await decided(world, PROVIDER, rotate=("one/Provider/p",)) == "update rotate"
    assert await decided(world, PROVIDER, rotate=("q",)) == ""


async def test_rotating_a_model_rotates_what_stands_beside_it(world: World) -> None:
    """The secret is the model's, wherever the registry keeps it."""
    document = model("chat", endpoint={"url": "https://llm.example.com", "api_key": "${env:KEY}"})
    await world.apply(document)
    for wanted in ("chat", "one/Model/chat", "one/Secret/reconciler-chat-api-key"):
        asked = await world.plan(document, rotate=(wanted,))
        assert actions(asked) == {"Secret/reconciler-chat-api-key": "update rotate"}, wanted


async def test_planning_needs_no_secret_and_says_what_it_cannot_judge(world: World) -> None:
    """Where the value is absent, whether it is new is unknown: a warning, and no change."""
    world = replace(world, fingerprint_key=FINGERPRINTS)
    await world.apply(PROVIDER)
    del world.environ["KEY"]
    plan = await world.plan(PROVIDER)
    assert plan.changes == ()
    assert [problem.rule for problem in plan.problems] == ["rotation-unknown"]


async def test_a_new_fingerprint_key_writes_every_secret_once(world: World) -> None:
    """Nobody knows which value is stored, so a fingerprint that was not written with it would lie."""
    await world.apply(PROVIDER)
    world = replace(world, fingerprint_key=FINGERPRINTS)
    assert await decided(world, PROVIDER) == "update fingerprint"
    await world.apply(PROVIDER)
    assert await decided(world, PROVIDER) == ""


async def test_another_key_tells_nothing_of_a_value(world: World) -> None:
    """A laptop with another key, or a renewed one: the plan says so, rotates nothing, and CI's next plan is as before."""
    first = replace(world, fingerprint_key=FINGERPRINTS)
    await first.apply(PROVIDER)
    second = replace(world, fingerprint_key=Secret("another key for fingerprints"))
    plan = await second.plan(PROVIDER)
    assert actions(plan) == {}
    assert [problem.rule for problem in plan.problems] == ["rotation-unknown"]
    await second.apply(PROVIDER | {"timeout": 7})
    assert await decided(first, PROVIDER | {"timeout": 7}) == ""
    first.environ["KEY"] = "a new value"
    assert await decided(first, PROVIDER | {"timeout": 7}) == "update rotate"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_a_line_end_is_no_part_of_a_value_or_a_key(world: World, end: str) -> None:
    """`echo`, files and Windows add one; two of them are part of the value."""
    world = replace(world, fingerprint_key=FINGERPRINTS)
    await world.apply(PROVIDER)
    world.environ["KEY"] += end
    world = replace(world, fingerprint_key=Secret(FINGERPRINTS.reveal() + end))
    assert await decided(world, PROVIDER) == ""
    world.environ["KEY"] += end
    assert await decided(world, PROVIDER) == "update rotate"


async def test_where_there_is_no_room_for_fingerprints_nothing_rotates_by_itself(world: World) -> None:
    """Else it would rotate for ever."""
    world = replace(world, fingerprint_key=FINGERPRINTS)
    secret = native("Secret", "s", value="${env:KEY}")
    await world.apply(secret)
    world.environ["KEY"] = "another"
    assert await decided(world, secret) == ""
    nobody = world.as_owner(None)
    await nobody.apply(PROVIDER)
    assert await decided(nobody, PROVIDER) == ""


async def test_a_rename_alone_rotates_nothing(exact: World) -> None:
    """A fingerprint is of one address, and the value is still known to be the same under the new one."""
    exact = replace(exact, fingerprint_key=FINGERPRINTS)
    document = PROVIDER | {"kind": "memory-exact/Provider"}
    await exact.apply(document)
    renamed = document | {"key": "q", "previous_keys": ["p"]}
    plan = await exact.plan(renamed)
    assert paths(plan, "q") == []
    report = await exact.carry_out(plan)
    assert report.notes == ()
    assert await decided(exact, renamed) == ""


# --- secrets that nobody sees ----------------------------------------------------------------------------------

SECRET = native("Secret", "s", value="${env:KEY}")


async def test_a_secret_that_nobody_sees_is_told_with_what_writes_it(world: World) -> None:
    """A warning, and no change; where it is written in this very run there is nothing to tell."""
    await world.apply(SECRET)
    plan = await world.plan(SECRET)
    assert plan.changes == ()
    (problem,) = plan.problems
    assert (problem.rule, problem.severity) == ("secret-unseen", "warning")
    assert "one/Secret/s: the registry shows no /value" in problem.message
    assert "--rotate s writes it" in problem.message
    plan = await world.plan(SECRET, rotate=("s",))
    assert (actions(plan), plan.problems) == ({"Secret/s": "update rotate"}, ())


WITH_KEY = model("chat", endpoint={"url": "https://llm.example.com", "api_key": "${env:KEY}"})


async def test_a_secret_that_a_run_left_behind_is_written_again(world: World) -> None:
    """Its model is still to be created, so nobody knows whose value it is; once the model is there, it is as good as any."""
    world.server().put("Secret", "reconciler-chat-api-key", {"value": {"secret": "of a year ago"}})
    assert actions(await world.plan(WITH_KEY))["Secret/reconciler-chat-api-key"] == "update rotate"
    await world.apply(WITH_KEY)
    row = world.server().row("Secret", "reconciler-chat-api-key")
    assert row is not None
    assert row.data["value"] == {"secret": world.environ["KEY"]}
    assert await decided(world, WITH_KEY) == ""


async def test_a_secret_of_a_model_that_cannot_be_read_is_not_written_again(world: World) -> None:
    """The model is there."""
    await world.apply(WITH_KEY)
    world.server().become(Behaviour(broken=frozenset({"chat"})))
    assert await decided(world, WITH_KEY) == "conflict unreadable"


# --- what would go with it -------------------------------------------------------------------------------------


async def test_what_the_registry_would_delete_with_it_keeps_an_object(world: World) -> None:
    """Nobody planned for that: neither a delete nor a replace, whatever was allowed; an update is all right."""
    await world.apply(native("Model", "chat", project="cx"))
    remote = await world.remote()
    carrying = [replace(one, cascade_deletes=("2 deployments",)) for one in remote.listings["one"].resources]
    remote = RemoteState({"one": remote.listings["one"]._replace(resources=tuple(carrying))}, remote.registries)

    def planned(document: Document) -> tuple[str, str]:
        desired = world.desired(document)
        (change,) = make_plan(desired, remote, world.policy(desired, allow_replaces=1, allow_deletes=1)).changes
        return f"{change.action} {change.reason}", change.message

    what, why = planned(native("Model", "chat", state="absent"))
    assert (what, "2 deployments: delete that first" in why) == ("blocked referenced", True)
    what, why = planned(native("Model", "chat", project="ml"))
    assert (what, "/project can only change by deleting it" in why) == ("blocked referenced", True)
    assert "2 deployments" in why
    what, why = planned(native("Model", "new", previous_keys=["chat"], project="cx"))
    assert (what, "2 deployments" in why) == ("blocked referenced", True)
    assert planned(native("Model", "chat", project="cx", display_name="x"))[0] == "update changed"
