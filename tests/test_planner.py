"""make_plan as a whole: what is pruned, what is held back, what the guards count, and that it is a pure function."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from registry import memory
from registry.memory_server import Behaviour
from world import Document, World, actions, model, native, paths

from reconciler.core.errors import RefusedError
from reconciler.core.resource import Address, Listing, RemoteState, Unreadable
from reconciler.core.rules import NeedsConsent
from reconciler.core.spec import canonical_json, canonical_list, digest, digest_of
from reconciler.planner.guards import Limits
from reconciler.planner.plan import Consents, Plan
from reconciler.planner.plan_json import plan_to_json
from reconciler.planner.planner import Policy, fingerprint_of, make_plan

OURS = {"owner": "us", "key": "x"}
THEIRS = {"owner": "them", "key": "x"}
PROVIDER = native("Provider", "p", url="https://p.example.com")


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with World.of() as world:
        yield world


def notes(count: int) -> list[Document]:
    """Models of the plainest sort."""
    return [native("Model", f"m{number:02}") for number in range(count)]


def guards(plan: Plan) -> list[str]:
    return [guard.name for guard in plan.guards]


# --- a pure function -------------------------------------------------------------------------------------------


async def test_equal_inputs_give_equal_plans_byte_for_byte(world: World) -> None:
    """The order in which manifests and rows come changes nothing, not even the fingerprint."""
    world.server().put("Model", "gone", {}, OURS)
    world.server().put("Model", "chat", {"display_name": "old"}, OURS)
    world.server().put("Provider", "p", {"url": "https://old"}, None)
    desired = world.desired(PROVIDER, native("Model", "chat", provider="p"), model("new"), native("Note", "n"))
    remote = await world.remote()
    expected = canonical_json(plan_to_json(make_plan(desired, remote)))
    for seed in range(5):
        chance = random.Random(seed)
        items, rows = list(desired.resources), list(remote.listings["one"].resources)
        chance.shuffle(items)
        chance.shuffle(rows)
        again = make_plan(
            replace(desired, resources=tuple(items)), RemoteState({"one": Listing(tuple(rows))}, remote.registries)
        )
        assert canonical_json(plan_to_json(again)) == expected


async def test_rows_of_one_key_have_one_fingerprint_in_any_order(world: World) -> None:
    """Nor does it matter how near two keys are: a sign may sort before the quote that ends the shorter one."""
    for key in ("a", "a", "a!", "a-b", 'a"', "a\\"):
        world.server().put("Note", key, {"text": f"text {len(world.server().rows)}"}, OURS)
    remote = await world.remote()
    rows = list(remote.listings["one"].resources)
    desired = world.desired(native("Model", "chat"))
    prints = set()
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        prints.add(make_plan(desired, RemoteState({"one": Listing(tuple(rows))}, remote.registries)).fingerprint)
    assert len(prints) == 1


@given(
    st.lists(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), st.lists, max_leaves=5))
)
def test_a_list_in_pieces_has_the_canonical_text_and_digest_of_the_whole(items: list[Any]) -> None:
    pieces = list(canonical_list(map(canonical_json, items)))
    assert "".join(pieces) == canonical_json(items)
    assert digest_of(pieces) == digest(items)


@pytest.mark.parametrize(
    "other",
    [
        {"documents": [native("Model", "chat", display_name="b")]},
        {"documents": [native("Model", "chat", display_name="a", protected=True)]},
        {"documents": [native("Model", "chat", display_name="a", ignore=["/tags"])]},
        {"consents": {"prune": True}},
        {"consents": {"rotate": ("x",)}},
        {"rows": [("chat", {"display_name": "z"})]},
        {"behaviour": Behaviour(nameless=True)},
        {"environment": "prod"},
        {"limits": Limits(1, 1)},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_the_fingerprint_is_of_everything_that_was_looked_at(world: World, other: dict[str, Any]) -> None:
    """Another manifest, row, consent, guard or environment is another plan."""

    async def fingerprint(
        documents: Any = (native("Model", "chat", display_name="a"),), rows: Any = (), **how: Any
    ) -> str:
        world.server().become(how.pop("behaviour", Behaviour()))
        for key, data in rows:
            world.server().put("Model", key, data)
        desired = world.desired(*documents)
        policy = world.policy(desired, **how.pop("consents", {}))
        remote, asked = await world.remote(), replace(policy, **how)
        made = make_plan(desired, remote, asked).fingerprint
        assert made == fingerprint_of(desired, remote, asked, frozenset())  # whatever was found to be the same
        return made

    before = await fingerprint()
    assert await fingerprint() == before
    assert await fingerprint(**other) != before


async def test_registries_that_were_not_read_are_not_planned() -> None:
    """`--registry` reads only those it names: what is meant for the others is no part of the plan."""
    async with World.of(one={}, two={}) as world:
        desired = world.desired(model("chat"))
        remote = await world.remote()
        only = RemoteState({"two": remote.listings["two"]}, {"two": remote.registries["two"]})
        assert {change.address.registry for change in make_plan(desired, only).changes} == {"two"}


async def test_each_registry_is_planned_on_its_own() -> None:
    """The same key in two registries is two objects."""
    async with World.of(one={}, two={}) as world:
        await world.apply(native("Model", "chat", registry="one"), complete=False)
        plan = await world.plan(native("Model", "chat", registry="one"), native("Model", "chat", registry="two"))
        assert [(str(change.address), change.action) for change in plan.changes] == [("two/Model/chat", "create")]
        assert plan.unchanged == 1


# --- pruning ---------------------------------------------------------------------------------------------------


async def test_what_is_ours_and_no_longer_declared_is_an_orphan_and_with_prune_a_delete(world: World) -> None:
    """Without --prune such objects are listed and stay."""
    world.server().put("Model", "gone", {}, OURS)
    assert (await world.plan(PROVIDER)).orphans == (Address("one", "Model", "gone"),)
    assert "Model/gone" not in actions(await world.plan(PROVIDER))
    plan = await world.plan(PROVIDER, prune=True)
    assert actions(plan)["Model/gone"] == "delete removed"
    assert plan.orphans == ()


async def test_prune_deletes_nothing_unmarked_and_nothing_foreign(world: World) -> None:
    """Only what bears our mark."""
    world.server().put("Model", "unmarked", {})
    world.server().put("Model", "theirs", {}, THEIRS)
    plan = await world.plan(PROVIDER, prune=True)
    assert set(actions(plan)) == {"Provider/p"}
    assert plan.orphans == ()


async def test_an_object_is_pruned_where_its_registries_no_longer_name_the_registry() -> None:
    """Not the key is looked at, but the address."""
    async with World.of(one={}, two={}) as world:
        await world.apply(model("chat"))
        plan = await world.plan(model("chat", registries={"one": {}}), prune=True, allow_deletes=9)
        gone = {str(change.address) for change in plan.changes if change.action == "delete"}
        assert gone == {"two/Model/chat", "two/Provider/reconciler-chat"}


async def test_a_kind_without_room_for_a_mark_is_pruned_only_where_owns_says_so(world: World) -> None:
    """And --prune says what it leaves."""
    world.server().put("Note", "support-old", {})
    plan = await world.plan(PROVIDER, prune=True)
    assert "Note/support-old" not in actions(plan)
    assert [problem.rule for problem in plan.problems] == ["never-pruned"]
    async with World.of(one={"owns": ["support-*"]}) as owning:
        owning.server().put("Note", "support-old", {})
        owning.server().put("Note", "sales-old", {})
        owning.server().put("Model", "support-unmarked", {})
        plan = await owning.plan(PROVIDER, prune=True)
        assert set(actions(plan)) == {"Provider/p", "Note/support-old"}


async def test_a_part_of_the_manifests_prunes_nothing_and_knows_no_orphans(world: World) -> None:
    """With PATH or --select nobody can say what is gone."""
    world.server().put("Model", "gone", {}, OURS)
    plan = await world.plan(PROVIDER, complete=False, prune=True)
    assert guards(plan) == ["partial"]
    assert set(actions(plan)) == {"Provider/p"}
    assert plan.orphans == ()


async def test_no_document_at_all_prunes_nothing(world: World) -> None:
    """An empty folder is a mistake, and no flag makes it right."""
    world.server().put("Model", "gone", {}, OURS)
    plan = await world.plan(prune=True, allow_deletes=99)
    assert guards(plan) == ["no-documents"]
    assert plan.changes == ()


async def test_a_silent_source_prunes_nothing(world: World) -> None:
    """What stood in it may still be meant, and no flag makes that right; without --prune it is no matter."""
    world.server().put("Model", "gone", {}, OURS)
    desired = replace(world.desired(PROVIDER), silent_sources=("shared: empty",))
    consents = Consents(prune=True, allow_deletes=99)
    plan = make_plan(desired, await world.remote(), Policy(consents=consents))
    assert guards(plan) == ["empty-source"]
    assert set(actions(plan)) == {"Provider/p"}
    assert [address.key for address in plan.orphans] == ["gone"]
    assert guards(make_plan(desired, await world.remote())) == []


async def test_without_an_owner_prune_is_refused(world: World) -> None:
    """Nothing is known to be ours."""
    world.server().put("Model", "gone", {}, OURS)
    nobody = world.as_owner(None)
    plan = await nobody.plan(PROVIDER, prune=True)
    assert guards(plan) == ["no-owner"]
    assert set(actions(plan)) == {"Provider/p"}


async def test_two_objects_of_one_key_are_not_pruned_but_a_conflict(world: World) -> None:
    """A registry that allows duplicates and holds two of ours: nothing is touched."""
    for _ in range(2):
        world.server().put("Adapter", "a", {"code": "x"}, OURS)
    assert (await world.plan(PROVIDER)).orphans == (Address("one", "Adapter", "a"),)
    assert actions(await world.plan(PROVIDER, prune=True))["Adapter/a"] == "conflict duplicate"


async def test_what_was_once_called_so_is_not_pruned(world: World) -> None:
    """An old key beside the new one is reported and left, unless it is an unfinished rename."""
    world.server().put("Model", "old", {}, OURS)
    world.server().put("Model", "chat", {}, {"owner": "us", "key": "chat"})
    plan = await world.plan(native("Model", "chat", previous_keys=["old"]), prune=True)
    assert plan.changes == ()
    assert [problem.rule for problem in plan.problems] == ["previous-key-left"]


# --- derived resources -----------------------------------------------------------------------------------------

WITH_KEY = {"url": "https://llm.example.com", "model": "m", "api_key": "${env:KEY}"}


async def test_a_model_is_created_after_what_stands_beside_it(world: World) -> None:
    """Its secret, then its provider, then the model; each names its parent, and none of them counts as a model."""
    plan = await world.plan(model("chat", endpoint=WITH_KEY))
    assert list(actions(plan)) == ["Secret/reconciler-chat-api-key", "Provider/reconciler-chat", "Model/chat"]
    assert [change.parent for change in plan.changes] == [
        Address("one", "Model", "chat"),
        Address("one", "Model", "chat"),
        None,
    ]


@pytest.mark.parametrize("way", ["absent", "prune"])
async def test_what_stands_beside_a_model_goes_with_it_and_after_it(world: World, way: str) -> None:
    """Also where there is no room for a mark: it is ours by name."""
    await world.apply(model("chat", endpoint=WITH_KEY))
    documents = [{"kind": "Model", "key": "chat", "state": "absent"}] if way == "absent" else [PROVIDER]
    plan = await world.plan(*documents, prune=way == "prune")
    deletes = [name for name, what in actions(plan).items() if what.startswith("delete")]
    assert deletes == ["Model/chat", "Provider/reconciler-chat", "Secret/reconciler-chat-api-key"]
    assert plan.guards == ()


async def test_what_stands_beside_a_protected_model_stays_too(world: World) -> None:
    """It follows the protection of its model."""
    await world.apply(model("chat", endpoint=WITH_KEY, protected=True))
    plan = await world.plan(PROVIDER, prune=True)
    assert {name: what.split()[0] for name, what in actions(plan).items() if name != "Provider/p"} == {
        "Model/chat": "blocked",
        "Provider/reconciler-chat": "blocked",
    }


@pytest.mark.parametrize("lifted", [True, False])
@pytest.mark.parametrize("state", ["present", "absent"])
async def test_what_stands_beside_a_model_is_protected_as_long_as_that_is(
    world: World, state: str, *, lifted: bool
) -> None:
    """Its own mark says that it is protected: it was written with that, and no manifest speaks of it alone."""
    world.server().put("Model", "chat", {}, {"owner": "us", "key": "chat", "protected": not lifted})
    world.server().put("Provider", "reconciler-chat", {"url": "https://p/"}, OURS | {"key": "chat", "protected": True})
    document = native("Model", "chat", protected=False) if state == "present" else native("Model", "chat", state=state)
    plan = await world.plan(document, prune=state == "present")
    wanted = "blocked protected" if not lifted else "delete removed" if state == "present" else "delete absent"
    assert actions(plan).get("Provider/reconciler-chat", "blocked protected") == wanted


async def test_what_stands_beside_a_model_that_stays_stays_though_it_is_not_protected_itself(world: World) -> None:
    """Whatever refers to it."""
    world.server().put("Model", "chat", {}, OURS | {"protected": True})
    world.server().put("Provider", "reconciler-chat", {"url": "https://p/"}, OURS)
    plan = await world.plan(PROVIDER, prune=True)
    assert actions(plan)["Provider/reconciler-chat"] == "blocked dependency"


@pytest.mark.parametrize("at", range(2, 14))
@pytest.mark.parametrize("way", ["absent", "rename"])
async def test_what_stood_beside_a_model_that_went_in_a_run_that_failed_goes_in_the_next(
    world: World, way: str, at: int
) -> None:
    """Running again finishes the work, without --prune too, and leaves no secret behind."""
    await world.apply(model("chat", endpoint=WITH_KEY))
    after = (
        {"kind": "Model", "key": "chat", "state": "absent"}
        if way == "absent"
        else model("new", endpoint=WITH_KEY, previous_keys=["chat"])
    )
    plan = await world.plan(after)
    world.server().become(Behaviour(fail_at=at))
    await world.carry_out(plan)
    world.server().become(Behaviour())
    await world.apply(after)
    assert {row.key for row in world.server().rows.values() if "chat" in row.key} == set()
    assert await world.settled(after)


async def test_a_secret_that_the_model_needs_no_longer_goes_with_prune_after_the_update(world: World) -> None:
    """Nothing undeclared goes without --prune."""
    await world.apply(model("chat", endpoint=WITH_KEY))
    after = model("chat", endpoint={"url": "https://llm.example.com", "model": "m"})
    assert set(actions(await world.plan(after))) == {"Provider/reconciler-chat"}


async def test_nothing_is_made_beside_a_model_that_is_not_ours(world: World) -> None:
    """Another owner's model is a conflict, and so its secret is left alone, which has no room for a mark."""
    world.server().put("Model", "chat", {"provider": None}, THEIRS)
    world.server().put("Secret", "reconciler-chat-api-key", {"value": {"secret": "theirs"}})
    plan = await world.plan(model("chat", endpoint=WITH_KEY), rotate=("chat",))
    assert {name: what.split()[0] for name, what in actions(plan).items()} == {
        "Model/chat": "conflict",
        "Provider/reconciler-chat": "blocked",
        "Secret/reconciler-chat-api-key": "blocked",
    }


# --- references ------------------------------------------------------------------------------------------------


async def test_a_delete_that_would_leave_a_dangling_reference_is_blocked(world: World) -> None:
    """Somebody's model still uses the provider."""
    world.server().put("Provider", "p", {"url": "https://p/"}, OURS)
    world.server().put("Model", "theirs", {"provider": "p"}, THEIRS)
    plan = await world.plan(native("Provider", "q", url="https://q"), prune=True)
    assert actions(plan)["Provider/p"] == "blocked referenced"


async def test_what_refers_and_what_is_referred_to_go_together_in_the_right_order(world: World) -> None:
    """First the model, then its provider, then its secret."""
    world.server().put("Secret", "s", {})
    world.server().put("Provider", "p", {"url": "https://p/", "secret": "s"}, OURS)
    world.server().put("Model", "chat", {"provider": "p"}, OURS)
    gone = [
        {"kind": f"memory/{kind}", "key": key, "state": "absent"}
        for kind, key in (("Secret", "s"), ("Provider", "p"), ("Model", "chat"))
    ]
    assert list(actions(await world.plan(*gone))) == ["Model/chat", "Provider/p", "Secret/s"]


async def test_a_blocked_delete_keeps_what_it_refers_to(world: World) -> None:
    """The model is protected, so its provider stays, so its secret stays."""
    world.server().put("Secret", "s", {})
    world.server().put("Provider", "p", {"url": "https://p/", "secret": "s"}, OURS)
    world.server().put("Model", "chat", {"provider": "p"}, OURS | {"protected": True})
    gone = [
        {"kind": f"memory/{kind}", "key": key, "state": "absent"}
        for kind, key in (("Secret", "s"), ("Provider", "p"), ("Model", "chat"))
    ]
    assert actions(await world.plan(*gone)) == {
        "Model/chat": "blocked protected",
        "Provider/p": "blocked referenced",
        "Secret/s": "blocked referenced",
    }


async def test_a_reference_that_the_same_run_takes_away_holds_nothing(world: World) -> None:
    """The update comes first, the delete after it."""
    world.server().put("Provider", "p", {"url": "https://p/"}, OURS)
    world.server().put("Model", "chat", {"provider": "p"}, OURS)
    plan = await world.plan(native("Model", "chat"), prune=True)
    assert list(actions(plan).items()) == [("Model/chat", "update changed"), ("Provider/p", "delete removed")]
    delete = plan.changes[-1]
    assert (delete.action, delete.depends_on) == ("delete", (Address("one", "Model", "chat"),))


async def test_an_ignored_reference_still_holds(world: World) -> None:
    """What is managed elsewhere stays as it is, and so does what it names."""
    world.server().put("Provider", "p", {"url": "https://p/"}, OURS)
    world.server().put("Model", "chat", {"provider": "p"}, OURS)
    plan = await world.plan(native("Model", "chat", display_name="new", ignore=["/provider"]), prune=True)
    assert actions(plan)["Provider/p"] == "blocked referenced"


async def test_an_update_that_will_not_happen_takes_no_reference_away(world: World) -> None:
    """The model's update is blocked for want of an adapter, so its provider stays."""
    world.server().put("Provider", "p", {"url": "https://p/"}, OURS)
    world.server().put("Model", "chat", {"provider": "p"}, OURS)
    world.server().become(Behaviour(nameless=True))
    plan = await world.plan(
        native("Model", "chat", adapter="new"),
        native("Adapter", "new", code="x"),
        {"kind": "memory/Provider", "key": "p", "state": "absent"},
    )
    assert actions(plan) == {
        "Adapter/new": "blocked unreadable",
        "Model/chat": "blocked dependency",
        "Provider/p": "blocked unreadable",
    }


async def test_a_new_object_holds_what_it_refers_to(world: World) -> None:
    """A delete would leave the new model dangling."""
    world.server().put("Provider", "p", {"url": "https://p/"}, OURS)
    desired = world.desired(
        native("Model", "chat", provider="p"), {"kind": "memory/Provider", "key": "p", "state": "absent"}
    )
    assert actions(make_plan(desired, await world.remote()))["Provider/p"] == "blocked referenced"


async def test_what_needs_a_blocked_object_is_blocked_all_the_way_up(world: World) -> None:
    """A model needs its provider, which needs a secret that cannot be made."""
    world.server().become(Behaviour(nameless=True))
    plan = await world.plan(model("chat", endpoint=WITH_KEY))
    assert {what.split()[0] for what in actions(plan).values()} == {"blocked"}


# --- replaces --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("allowed", "action"), [(None, "blocked"), (1, "blocked"), (2, "replace"), (3, "replace")])
async def test_a_replace_needs_consent_to_its_number_and_the_rest_goes_on(
    world: World, allowed: int | None, action: str
) -> None:
    """Two replaces: without --allow-replaces 2 neither is done, and everything else is."""
    for key in ("a", "b"):
        world.server().put("Model", key, {"project": "old"}, {"owner": "us", "key": key})
    plan = await world.plan(*(native("Model", key, project="new") for key in "abc"), allow_replaces=allowed)
    assert {name: what.split()[0] for name, what in actions(plan).items()} == {
        "Model/a": action,
        "Model/b": action,
        "Model/c": "create",
    }
    if action == "blocked":
        assert "--allow-replaces 2" in plan.left[0].message


async def test_replaces_do_not_count_as_deletes(world: World) -> None:
    """They come back."""
    for document in notes(8):
        world.server().put("Model", document["key"], {"project": "old"}, {"owner": "us", "key": document["key"]})
    plan = await world.plan(*(document | {"project": "new"} for document in notes(8)), allow_replaces=8)
    assert plan.guards == ()
    assert plan.summary()["replace"] == 8


# --- guards ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gone", "kept", "found"), [(5, 20, []), (5, 19, ["max-delete-percent"]), (6, 94, ["max-deletes"]), (1, 0, [])]
)
@pytest.mark.parametrize("way", ["prune", "absent"])
async def test_the_guards_count_models_whatever_the_cause(
    world: World, gone: int, kept: int, found: list[str], way: str
) -> None:
    """By prune or by `state: absent`, of what we owned before the run."""
    for number in range(gone + kept):
        world.server().put("Model", f"m{number:02}", {}, {"owner": "us", "key": f"m{number:02}"})
    documents = [*notes(gone + kept)[gone:], PROVIDER]
    if way == "absent":
        documents += [document | {"state": "absent"} for document in notes(gone)]
    plan = await world.plan(*documents, prune=way == "prune")
    assert guards(plan) == found
    assert guards(await world.plan(*documents, prune=way == "prune", allow_deletes=gone)) == []


async def test_a_rename_by_recreation_counts_as_a_delete_and_a_native_one_does_not(world: World) -> None:
    """One deletes, the other does not."""
    renames = [native("Model", f"new{number}", previous_keys=[f"m{number:02}"]) for number in range(6)]
    for document in notes(6):
        world.server().put("Model", document["key"], {}, {"owner": "us", "key": document["key"]})
    assert guards(await world.plan(*renames)) == ["max-deletes", "max-delete-percent"]
    async with World.of(one={"driver": "memory-exact"}) as exact:
        for document in notes(6):
            exact.server().put("Model", document["key"], {}, {"owner": "us", "key": document["key"]})
        plan = await exact.plan(*(document | {"kind": "memory-exact/Model"} for document in renames))
        assert guards(plan) == []
        assert plan.summary()["rename"] == 6


async def test_derived_and_other_resources_do_not_count(world: World) -> None:
    """The guards are about models."""
    for number in range(9):
        world.server().put("Provider", f"p{number}", {"url": "https://p/"}, OURS)
    assert guards(await world.plan(native("Model", "chat"), prune=True)) == []


async def test_the_percentage_is_of_models_alone(world: World) -> None:
    """Twenty providers do not make two of five models a small share."""
    for number in range(20):
        world.server().put("Provider", f"p{number}", {"url": "https://p/"}, OURS)
    for document in notes(5):
        world.server().put("Model", document["key"], {}, {"owner": "us", "key": document["key"]})
    gone = [document | {"state": "absent"} for document in notes(2)]
    assert guards(await world.plan(*gone)) == ["max-delete-percent"]


async def test_what_the_user_asked_to_delete_by_name_does_not_count(world: World) -> None:
    """`delete KEY` names it."""
    for document in notes(9):
        world.server().put("Model", document["key"], {}, {"owner": "us", "key": document["key"]})
    gone = [document | {"state": "absent"} for document in notes(9)]
    named = frozenset(Address("one", "Model", document["key"]) for document in gone)
    assert guards(await world.plan(*gone, named=named)) == []


async def test_blocked_deletes_do_not_count(world: World) -> None:
    """They delete nothing."""
    for document in notes(9):
        world.server().put("Model", document["key"], {}, {"owner": "us", "key": document["key"], "protected": True})
    plan = await world.plan(PROVIDER, prune=True)
    assert guards(plan) == []
    assert plan.summary()["blocked"] == 9


async def test_the_guards_of_one_registry_do_not_add_to_anothers() -> None:
    """Five deletes in each of two registries are five in each."""
    async with World.of(one={}, two={}) as world:
        for name in ("one", "two"):
            for number in range(30):
                world.server(name).put("Model", f"m{number:02}", {}, {"owner": "us", "key": f"m{number:02}"})
        kept = [native("Model", f"m{number:02}", registry=name) for name in ("one", "two") for number in range(5, 30)]
        assert guards(await world.plan(*kept, prune=True)) == []
        assert guards(await world.plan(*kept, prune=True, allow_deletes=9)) == ["allow-deletes"]


# --- two documents ---------------------------------------------------------------------------------------------


async def test_two_documents_cannot_both_have_been_one_object(world: World) -> None:
    """Nobody knows which of them it becomes, so neither is touched."""
    world.server().put("Model", "old", {}, OURS)
    one, two = (
        world.desired(native("Model", key, previous_keys=["old"])) for key in ("a", "b")
    )  # together they do not even compile
    both = replace(one, resources=(*one.resources, *two.resources), declared=one.declared | two.declared)
    assert actions(make_plan(both, await world.remote())) == {
        "Model/a": "conflict renamed-twice",
        "Model/b": "conflict renamed-twice",
    }


async def test_a_plan_says_just_what_differs(world: World) -> None:
    """Only the field that was changed, by its pointer."""
    await world.apply(
        native("Model", "chat", display_name="a", limits={"rate": 1, "burst": 2}, metadata={"x": {"y": 1}})
    )
    after = native("Model", "chat", display_name="a", limits={"rate": 2, "burst": 2}, metadata={"x": {"y": 2}})
    assert paths(await world.plan(after), "chat") == ["/limits/rate", "/metadata/x/y"]


# --- values with consequences ----------------------------------------------------------------------------------


class Risky(memory.Limits):
    """Limits, one of which has consequences."""

    rate: Annotated[int | None, NeedsConsent(0, "allow_trust_remote_code", "nobody is held back")] = None


class Careful(memory.Model):
    """A model of which two values have consequences."""

    finetuning: Annotated[str | None, NeedsConsent("code", "allow_trust_remote_code", "its code runs")] = None
    limits: Risky | None = None


def careful(world: World, *, allowed: bool = False) -> World:
    """The same world, where some values need consent."""
    entry = world.entries["one"]
    kinds = dict(entry.facts.kinds) | {"Model": replace(entry.facts.kinds["Model"], model=Careful)}
    limits = Limits(allowed=frozenset({"allow_trust_remote_code"} if allowed else ()))
    return replace(world, entries={"one": replace(entry, facts=replace(entry.facts, kinds=kinds))}, limits=limits)


RISKY = native("Model", "m", finetuning="code")


@pytest.mark.parametrize(
    ("stored", "document", "consents", "told"),
    [
        (None, RISKY, {}, "/finetuning: its code runs"),
        (None, native("Model", "m", limits={"rate": 0}), {}, "/limits/rate: nobody is held back"),
        (native("Model", "m"), RISKY, {}, "/finetuning: its code runs"),
        (native("Model", "m", limits={"rate": 5}), native("Model", "m", limits={"rate": 0}), {}, "/limits/rate"),
        (native("Model", "m", project="a"), RISKY | {"project": "b"}, {"allow_replaces": 1}, "/finetuning"),
        (None, native("Model", "m", finetuning="lora", limits={"rate": 1}), {}, None),
        (RISKY, RISKY, {}, None),
        (RISKY, RISKY | {"display_name": "New"}, {}, None),
        (RISKY, native("Model", "m", finetuning="lora"), {}, None),
        (native("Model", "m", project="a"), RISKY | {"project": "b"}, {}, None),
    ],
    ids=[
        "create",
        "create-below",
        "update",
        "update-below",
        "replace",
        "another-value",
        "unchanged",
        "set-already",
        "taken-away",
        "blocked",
    ],
)
async def test_a_value_with_consequences_needs_consent_where_it_is_written(
    world: World, stored: Document | None, document: Document, consents: dict[str, Any], told: str | None
) -> None:
    """Whatever writes it; not where it was set already, nor where nothing is written. Nothing at all is written without."""
    if stored is not None:
        await careful(world, allowed=True).apply(stored)
    plan = await careful(world).plan(document, native("Model", "beside"), **consents)
    assert guards(plan) == ([] if told is None else ["allow-trust-remote-code"])
    lifted = careful(world, allowed=True)
    allowed = await lifted.plan(document, native("Model", "beside"), **consents)
    assert guards(allowed) == []
    for one in (plan, allowed):  # it is told all the same
        warned = [(found.rule, found.severity) for found in one.problems]
        assert warned == ([] if told is None else [("trust-remote-code", "warning")])
    if told is not None:
        assert plan.guards[0].override is None
        assert f"one/Model/m sets {told}" in plan.guards[0].message
        world.server().calls.clear()
        with pytest.raises(
            RefusedError, match=r"`guards: .allow_trust_remote_code: true.` in reconciler.yaml"
        ) as caught:
            await careful(world).carry_out(plan)
        assert caught.value.hint is None, "no flag helps"
        assert world.server().writes == []
        await lifted.apply(document, native("Model", "beside"), **consents)
        assert await careful(world).settled(document, native("Model", "beside")), "once it is set, nobody asks again"


async def test_what_is_allowed_is_part_of_what_a_plan_was_made_from(world: World) -> None:
    """A plan with a consent is another plan."""
    plans = [await careful(world, allowed=allowed).plan(RISKY) for allowed in (True, False)]
    assert plans[0].fingerprint != plans[1].fingerprint


# --- rows that cannot be read ----------------------------------------------------------------------------------


async def test_what_an_unreadable_row_names_is_kept(world: World) -> None:
    """Nobody understands it, but it says what it uses."""
    world.server().put("Provider", "p", {"url": "https://p/"}, OURS)
    world.server().put("Provider", "q", {"url": "https://q/"}, OURS)
    remote = await world.remote()
    row = Unreadable("what is this", "Model", "strange", (Address("one", "Provider", "p"),))
    holding = RemoteState({"one": remote.listings["one"]._replace(unreadable=(row,))}, remote.registries)
    for documents, consents, reason in (
        ([PROVIDER | {"state": "absent"}, native("Provider", "q", state="absent")], {}, "absent"),
        ([native("Note", "n")], {"prune": True}, "removed"),
    ):
        desired = world.desired(*documents)
        plan = make_plan(desired, holding, world.policy(desired, **consents))
        found = {name: what for name, what in actions(plan).items() if name.startswith("Provider")}
        assert found == {"Provider/p": "blocked referenced", "Provider/q": f"delete {reason}"}
        message = next(change.message for change in plan.changes if change.address.key == "p")
        assert message == "one/Model/strange still refers to one/Provider/p"


async def test_what_stands_beside_an_orphan_is_no_orphan_of_its_own() -> None:
    """Where `owns` says what is ours, it goes by the model's key; where the model is gone, it is one by itself."""
    async with World.of(one={"owns": ["chat"]}) as world:
        secret = {"value": {"secret": "x"}}
        for key in ("chat", "theirs"):
            world.server().put("Secret", f"reconciler-{key}-api-key", secret)
        plan = await world.plan(PROVIDER)
        assert [str(orphan) for orphan in plan.orphans] == ["one/Secret/reconciler-chat-api-key"]
        assert actions(await world.plan(PROVIDER, prune=True))["Secret/reconciler-chat-api-key"] == "delete removed"
        world.server().put("Model", "chat", {}, {"owner": "us", "key": "chat"})
        assert [str(orphan) for orphan in (await world.plan(PROVIDER)).orphans] == ["one/Model/chat"]
        world.server().put("Model", "theirs", {}, {"owner": "them", "key": "theirs"})
        assert [str(orphan) for orphan in (await world.plan(PROVIDER)).orphans] == ["one/Model/chat"]


# --- what has no room for a mark, and is another owner's all the same ------------------------------------------------------


async def test_what_stands_beside_anothers_model_is_not_written_over() -> None:
    """Two owners, one key: the second's secret would become the first's. It is a conflict, and nothing is written."""
    async with World.of("them") as theirs:
        chat = {"kind": "Model", "key": "chat", "endpoint": {"url": "https://a.example.com", "api_key": "${env:KEY}"}}
        await theirs.apply(chat)
        ours = theirs.as_owner("us")
        native = {"kind": "memory/Secret", "key": "reconciler-chat-api-key", "value": "${env:KEY}"}
        plan = await ours.plan(native, rotate=("reconciler-chat-api-key",))
        assert actions(plan) == {"Secret/reconciler-chat-api-key": "conflict owner"}
        assert "belongs to them" in plan.changes[0].message
        taken = await ours.plan(native, rotate=("reconciler-chat-api-key",), take_ownership=("them",))
        assert actions(taken) == {"Secret/reconciler-chat-api-key": "update rotate"}


async def test_what_another_owner_uses_is_not_replaced_either() -> None:
    """A replace deletes it: the consent to that is none to take what is theirs, and neither is an old key."""
    async with World.of() as world:
        world.server().put("Provider", "p", {"url": "https://p.example.com/", "region": "eu"})
        world.server().put("Model", "theirs", {"provider": "p"}, THEIRS)
        remote = await world.remote()
        facts = remote.registries["one"]
        bare = replace(facts, kinds={**facts.kinds, "Provider": replace(facts.kinds["Provider"], markable=False)})
        desired = world.desired(PROVIDER | {"region": "us"})
        for takes, expected in (((), "conflict owner"), (("them",), "replace immutable")):
            policy = world.policy(desired, allow_replaces=1, take_ownership=takes)
            plan = make_plan(desired, RemoteState(remote.listings, {"one": bare}), policy)
            assert actions(plan) == {"Provider/p": expected}


async def test_what_stands_beside_anothers_model_is_not_renamed() -> None:
    """The old key names their secret: the delete that ends the rename would take it from them."""
    async with World.of() as world:
        old = "reconciler-chat-api-key"
        world.server().put("Secret", old, {"value": {"secret": "x"}})
        world.server().put("Model", "chat", {}, THEIRS)
        mine = native("Secret", "mine", value="${env:KEY}", previous_keys=[old])
        for takes, expected in (((), "conflict owner"), (("them",), "rename renamed")):
            plan = await world.plan(mine, take_ownership=takes)
            assert actions(plan) == {"Secret/mine": expected}
        assert (await world.apply(mine)).exit_code == 4
        assert (old in str(await world.remote()), "mine" in str(await world.remote())) == (True, False)


async def test_an_old_key_that_is_absent_leaves_what_stands_beside_anothers_model() -> None:
    """`owns` says that the key is ours; their model beside it says more."""
    async with World.of(one={"owns": ["*"]}) as world:
        gone = native("Secret", "mine", state="absent", previous_keys=["reconciler-chat-api-key"])
        world.server().put("Secret", "reconciler-chat-api-key", {"value": {"secret": "x"}})
        assert actions(await world.plan(gone)) == {"Secret/reconciler-chat-api-key": "delete absent"}
        world.server().put("Model", "chat", {}, THEIRS)
        assert actions(await world.plan(gone)) == {}
