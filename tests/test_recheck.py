"""Apply judges a plan again: whatever a plan file says, what is protected, another owner's or not in it stays as it is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, Final

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from registry.memory_server import Server
from world import World, native

from reconciler.core.errors import PlanFileError, RefusedError
from reconciler.core.spec import digest
from reconciler.planner.diff import observed
from reconciler.planner.guards import Limits
from reconciler.planner.plan import Plan
from reconciler.planner.planfile import dump
from reconciler.planner.planfile_reader import parse

Data = dict[str, Any]
Edit = Callable[[Data, World], object]


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with World.of() as world:
        fill(world.server())
        yield world


def fill(server: Server) -> None:
    """Objects of every owner, one of them protected, one that others use."""
    plain = {"display_name": "a", "project": "p"}
    server.put("Model", "ours", plain, {"owner": "us", "key": "ours"})
    server.put("Model", "safe", plain, {"owner": "us", "key": "safe", "protected": True})
    server.put("Model", "theirs", plain, {"owner": "them", "key": "theirs"})
    server.put("Model", "nobodys", plain)
    server.put("Provider", "used", {"url": "https://p/"}, {"owner": "us", "key": "used"})
    server.put("Model", "user", {"provider": "used"}, {"owner": "us", "key": "user"})


async def reviewed(world: World) -> Data:
    """A harmless plan as its file has it: one create and one update."""
    plan = await world.plan(
        native("Model", "comes", display_name="c"),
        native("Model", "ours", display_name="b", project="p"),
        native("Model", "user", provider="used"),
        native("Provider", "used", url="https://p"),
    )
    assert {change.action for change in plan.writes} <= {"create", "update"}
    data: Data = json.loads(dump(plan))
    return data


def signed(data: Data) -> Plan:
    """The plan of an edited file whose digest was taken again: there is no key in it."""
    data = {name: value for name, value in data.items() if name not in ("digest", "seal")}
    return parse(json.dumps(data | {"digest": digest(data)}), "plan.json").plan


def entry(data: Data, key: str) -> Data:
    found: Data = next(change for change in data["changes"] if change["address"].endswith(f"/{key}"))
    return found


async def observed_by(world: World, kind: str, key: str) -> str:
    resources = (await world.remote()).listings["one"].resources
    found = next(one for one in resources if (one.address.kind, one.address.key) == (kind, key))
    return observed(found, world.facts["one"].kinds[kind])


async def with_delete(data: Data, world: World, kind: str, key: str, reason: str, **more: Any) -> Data:
    """A delete slipped into the file, in every detail as the planner would have written it."""
    address = f"one/{kind}/{key}"
    change = {
        "address": address,
        "action": "delete",
        "reason": reason,
        "fields": [],
        "observed": await observed_by(world, kind, key),
        "depends_on": [],
        "parent": None,
        "previous_address": None,
        "source": None,
        **more,
    }
    data["changes"] = [change for change in data["changes"] if change["address"] != address] + [change]
    data["saved"]["writes"][address] = {"replaces": []}
    return data


async def refused(world: World, data: Data, match: str | None = None) -> None:
    """Applying the edited file is refused, and the registry is as it was."""
    before = rows(world.server())
    with pytest.raises((RefusedError, PlanFileError), match=match):
        await world.carry_out(signed(data))
    assert rows(world.server()) == before


def rows(server: Server) -> list[tuple[str, str, str, str]]:
    return sorted(
        (row.kind, row.key, json.dumps(row.data, sort_keys=True), json.dumps(row.mark)) for row in server.rows.values()
    )


# --- deletes that nobody planned ------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["removed", "absent", "renamed", "because"])
@pytest.mark.parametrize(
    ("kind", "key", "allowed"),
    [
        ("Model", "safe", ()),
        ("Model", "theirs", ()),
        ("Provider", "used", ()),
        (
            "Model",
            "nobodys",
            ("absent",),
        ),  # as `state: absent` deletes what is nobody's; the manifests are not there to ask
        ("Model", "ours", ("absent", "removed")),
    ],
)
async def test_a_delete_slipped_in(world: World, kind: str, key: str, allowed: tuple[str, ...], reason: str) -> None:
    """What is protected, another owner's, or in use is never deleted, whatever reason the file gives."""
    data = await with_delete(await reviewed(world), world, kind, key, reason)
    data["saved"]["consents"]["prune"] = True
    if reason not in allowed:
        await refused(world, data)


async def test_a_prune_without_consent_to_prune(world: World) -> None:
    """The consent is in the file, and must be."""
    await refused(world, await with_delete(await reviewed(world), world, "Model", "ours", "removed"), "without --prune")


async def test_guards_count_what_the_file_deletes(world: World) -> None:
    """Also where the file says that no guard tripped, and that each is derived from something."""
    for number in range(7):
        world.server().put("Model", f"m{number}", {}, {"owner": "us", "key": f"m{number}"})
    data = await reviewed(world)
    for number in range(7):
        await with_delete(data, world, "Model", f"m{number}", "absent", parent="one/Model/user")
    data["guards"] = []
    await refused(world, data, "7 models")


async def test_the_limits_are_those_of_who_applies(world: World) -> None:
    """A plan made under other guards is held against those of the configuration."""
    plan = await world.plan({"kind": "memory/Model", "key": "ours", "state": "absent"})
    strict = replace(world, limits=Limits(max_deletes=0))
    with pytest.raises(RefusedError, match="max_deletes"):
        await strict.carry_out(parse(dump(plan), "p").plan)
    assert world.server().row("Model", "ours") is not None


async def test_guards_taken_out_of_a_plan_value(world: World) -> None:
    """In Python a plan can be rebuilt: the guards are counted again."""
    for number in range(7):
        world.server().put("Model", f"m{number}", {}, {"owner": "us", "key": f"m{number}"})
    plan = replace(await world.plan(native("Model", "comes"), prune=True), guards=())
    with pytest.raises(RefusedError, match="would delete"):
        await world.carry_out(plan)


# --- writes that are not what is shown ------------------------------------------------------------------------


def saved_spec(data: Data, key: str) -> Data:
    found: Data = data["saved"]["writes"][f"one/Model/{key}"]["desired"]["spec"]
    return found


EDITS: Final[dict[str, Edit]] = {
    "another value than is shown": lambda data, world: saved_spec(data, "ours").update(display_name="z"),
    "a field more than is shown": lambda data, world: saved_spec(data, "ours").update(description="z"),
    "a field that no kind declares": lambda data, world: saved_spec(data, "ours").update(x_new="z"),
    "a field of a create that is not shown": lambda data, world: saved_spec(data, "comes").update(description="z"),
    "an update as a replace": lambda data, world: entry(data, "ours").update(action="replace"),
    "an update of what cannot change in place": lambda data, world: (
        saved_spec(data, "ours").update(project="q"),
        entry(data, "ours")["fields"].append({"path": "/project", "before": "p", "after": "q", "sensitive": False}),
    ),
    "a create over what is there": lambda data, world: entry(data, "ours").update(action="create", observed=None),
    "a secret in a field for everybody": lambda data, world: (
        saved_spec(data, "comes").update(description="${env:TOKEN}"),
        data["saved"]["writes"]["one/Model/comes"]["desired"].update(secrets={"/description": "${env:TOKEN}"}),
        entry(data, "comes")["fields"].append({"path": "/description", "sensitive": True}),
    ),
    "a rename of what is another's": lambda data, world: (
        entry(data, "comes").update(action="rename", reason="renamed", previous_address="one/Model/theirs"),
        data["saved"]["writes"]["one/Model/comes"]["desired"].update(previous=["one/Model/theirs"]),
    ),
    "a rename of what is protected": lambda data, world: (
        entry(data, "comes").update(action="rename", reason="renamed", previous_address="one/Model/safe"),
        data["saved"]["writes"]["one/Model/comes"]["desired"].update(previous=["one/Model/safe"]),
    ),
    "another place": lambda data, world: data["saved"]["registries"]["one"].update(location="memory://elsewhere"),
    "another owner": lambda data, world: data["saved"]["registries"]["one"].update(owner="them"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
async def test_a_write_that_was_edited(world: World, edit: Edit) -> None:
    """What is shown is what is written, by the action that it takes, or nothing is."""
    data = await reviewed(world)
    edit(data, world)
    old = entry(data, "comes").get("previous_address")
    if old:
        entry(data, "comes")["observed"] = await observed_by(world, "Model", old.rpartition("/")[2])
    await refused(world, data)


@pytest.mark.parametrize("key", ["theirs", "safe"])
async def test_what_is_not_ours_is_not_updated_nor_replaced(world: World, key: str) -> None:
    """An update of another owner's object, and a replace of a protected one, made up in every detail."""
    other = world if key == "safe" else world.as_owner("them")
    plan = await other.plan(
        native("Model", key, display_name="z", project="q" if key == "safe" else "p"), allow_replaces=1
    )
    data = json.loads(dump(plan))
    data["saved"]["registries"] = json.loads(dump(await world.plan()))["saved"]["registries"]
    change = entry(data, key)
    if key == "safe":
        assert change["action"] == "blocked"
        change.update(
            action="replace",
            reason="immutable",
            observed=await observed_by(world, "Model", "safe"),
            fields=[
                {"path": "/display_name", "before": "a", "after": "z", "sensitive": False},
                {"path": "/project", "before": "p", "after": "q", "sensitive": False},
            ],
        )
        desired = json.loads(dump(await world.plan(native("Model", "new", display_name="z", project="q"))))
        data["saved"]["writes"][change["address"]] = desired["saved"]["writes"]["one/Model/new"] | {
            "replaces": ["/project"]
        }
    await refused(world, data)


async def test_a_replace_without_consent(world: World) -> None:
    """Consent has a number, and the file's own number counts."""
    plan = await world.plan(native("Model", "ours", display_name="a", project="q"), allow_replaces=1)
    data = json.loads(dump(plan))
    data["saved"]["consents"]["allow_replaces"] = None
    await refused(world, data, "--allow-replaces 1")


async def test_the_order_follows_from_what_is_stored(world: World) -> None:
    """A delete whose dependencies were cut out of the file still comes after what frees it."""
    plan = await world.plan(
        native("Model", "user"), {"kind": "memory/Provider", "key": "used", "state": "absent"}, allow_deletes=9
    )
    data = json.loads(dump(plan))
    for change in data["changes"]:
        change["depends_on"] = []
    data["changes"].reverse()
    await world.carry_out(signed(data))
    assert [call[0] for call in world.server().writes] == ["update", "delete"]


# --- the property ---------------------------------------------------------------------------------------------

KEYS: Final = ("ours", "safe", "theirs", "nobodys", "used", "user", "comes")
VALUES: Final = st.one_of(st.none(), st.booleans(), st.integers(0, 9), st.sampled_from(["", "x", "us", "them", *KEYS]))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in plain data, maps and lists among them."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(leaf for name, item in items for leaf in leaves(item, (*path, name)))]


def put(value: Any, path: tuple[Any, ...], new: Any) -> None:
    for name in path[:-1]:
        value = value[name]
    value[path[-1]] = new


@settings(max_examples=80, deadline=None)
@given(data=st.data())
async def test_no_edit_reaches_what_is_not_in_the_plan(data: st.DataObject) -> None:
    """Whatever is edited, digest and all: the protected, another owner's and whatever the plan does not name stay as they are.

    And whatever became of the first apply, a second one of the same plan writes nothing.
    """
    async with World.of() as world:
        fill(world.server())
        plan = await reviewed(world)
        for key in data.draw(st.sets(st.sampled_from(["safe", "theirs", "nobodys", "used"]), max_size=2)):
            kind = "Provider" if key == "used" else "Model"
            await with_delete(plan, world, kind, key, data.draw(st.sampled_from(["removed", "absent", "renamed"])))
        for _ in range(data.draw(st.integers(0, 4))):
            path = data.draw(st.sampled_from(leaves(plan)[1:]))
            if path[:2] != ("saved", "consents"):
                put(plan, path, data.draw(VALUES))
        before = {(kind, key): (kept, mark) for kind, key, kept, mark in rows(world.server())}
        named = json.dumps(plan)
        for attempt in (1, 2):
            written = len(world.server().writes)
            try:
                await world.carry_out(signed(plan))
            except (RefusedError, PlanFileError):
                assert len(world.server().writes) == written
            else:
                assert attempt == 1 or len(world.server().writes) == written
        after = {(kind, key): (kept, mark) for kind, key, kept, mark in rows(world.server())}
        for (kind, key), there in before.items():
            if key in ("safe", "theirs", "used") or f"/{kind}/{key}" not in named:
                assert after.get((kind, key)) == there
