"""A plan to JSON and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from world import World, model

from reconciler.core.errors import PlanFileError, Problem
from reconciler.core.spec import digest
from reconciler.planner import planfile
from reconciler.planner.plan import Plan
from reconciler.planner.planfile_reader import parse


async def rich_plan(world: World) -> Plan:
    """A plan with every action that the memory driver can be brought to, parents, dependencies and warnings."""
    secret = {"url": "https://x.example.com", "api_key": "${env:KEY}"}
    await world.apply(model("updated"), model("gone"), model("old"), model("kept", endpoint=secret))
    documents = [
        model("updated", description="ünï"),
        model("new", previous_keys=["old"]),
        model("created", labels={"a": "b"}, endpoint=secret, protected=True, ignore=["/description"]),
        model("kept", endpoint=secret),
    ]
    return await world.plan(*documents, prune=True, allow_deletes=9, rotate=("kept",), take_ownership=("them",))


async def test_a_plan_is_the_same_again() -> None:
    """Every field of every change, the consents, the places: what was reviewed is what is applied."""
    async with World.of() as world:
        plan = await rich_plan(world)
        assert {change.action for change in plan.changes} >= {"create", "update", "delete"}
        again = parse(planfile.dump(plan), "p.json").plan
        assert planfile.dump(again) == planfile.dump(plan)
        assert (again.changes, again.consents, again.registries, again.fingerprint) == (
            plan.changes,
            plan.consents,
            plan.registries,
            plan.fingerprint,
        )
        assert again.summary() == plan.summary()


async def test_it_holds_references_and_no_secret() -> None:
    """A plan file is an artefact of a pipeline, for anybody to download."""
    async with World.of() as world:
        text = planfile.dump(await rich_plan(world))
        assert "${env:KEY}" in text
        assert not any(value in text for value in world.environ.values())


async def test_equal_plans_are_equal_files() -> None:
    """Byte for byte."""
    async with World.of() as world:
        plan = await rich_plan(world)
        assert planfile.dump(plan) == planfile.dump(plan)


async def test_every_edit_is_found() -> None:
    """Also one that JSON does not see, such as another number of the same value elsewhere."""
    async with World.of() as world:
        text = planfile.dump(await rich_plan(world))
        data = json.loads(text)
        for name in data:
            cut = {key: value for key, value in data.items() if key != name}
            with pytest.raises(PlanFileError):
                parse(json.dumps(cut), "p.json")
        assert parse(json.dumps(data, indent=None, sort_keys=True), "p.json"), "another layout is no edit"


async def test_a_minor_version_may_hold_more() -> None:
    """1.1 is read, 2.0 is not; the message says what to do."""
    async with World.of() as world:
        data = json.loads(planfile.dump(await rich_plan(world)))
        for version, fine in (("1.9", True), ("2.0", False), ("", False), ("x", False)):
            text = json.dumps({**data, "format_version": version, "digest": None})
            with pytest.raises(PlanFileError) as caught:
                parse(text, "p.json")
            assert ("edited" in caught.value.message) == fine
            assert caught.value.hint


def signed(text: str, change: Callable[[dict[str, Any]], object]) -> str:
    """A plan file that somebody changed who knows how to take the digest."""
    data = json.loads(text)
    del data["digest"]
    change(data)
    return json.dumps(data | {"digest": digest(data)})


def object_of(data: dict[str, Any]) -> dict[str, Any]:
    """What the plan writes for `created`."""
    found: dict[str, Any] = data["saved"]["writes"]["one/Model/created"]["desired"]
    return found


def deepened(data: dict[str, Any], levels: int) -> None:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"x": value}
    object_of(data)["spec"]["metadata"] = value


MADE_UP: dict[str, Callable[[dict[str, Any]], object]] = {
    "a second change of one address": lambda data: data["changes"].append(data["changes"][0]),
    "a rename from what another change is about": lambda data: data["changes"][0].update(
        action="rename", previous_address=data["changes"][1]["address"]
    ),
    "a rename from nowhere": lambda data: data["changes"][0].update(action="rename", previous_address=None),
    "a rename from another registry": lambda data: data["changes"][0].update(
        action="rename", previous_address="two/Model/x"
    ),
    "ignore": lambda data: object_of(data).update(ignore=["x"]),
    "ignore, empty": lambda data: object_of(data).update(ignore=[""]),
    "ignore, a number": lambda data: object_of(data).update(ignore=[1]),
    "secrets": lambda data: object_of(data).update(secrets={"x": "${env:KEY}"}),
    "references": lambda data: object_of(data).update(references={"x": "one/Model/y"}),
    "replaces": lambda data: data["saved"]["writes"]["one/Model/created"].update(replaces=["x"]),
    "path": lambda data: data["changes"][0].update(fields=[{"path": "x", "sensitive": False}]),
    "message": lambda data: data["changes"][0].update(message=["x"]),
    "a problem without a rule": lambda data: data["problems"].append({"file": "x", "line": 1}),
    "deep": lambda data: deepened(data, 200),
    "deeper": lambda data: deepened(data, 900),
}


@pytest.mark.parametrize("change", MADE_UP.values(), ids=MADE_UP)
async def test_a_right_digest_is_no_reason_to_trust(change: Callable[[dict[str, Any]], object]) -> None:
    """Whatever apply would trip over is found before it begins, and told as bad input."""
    async with World.of() as world:
        text = planfile.dump(await rich_plan(world))
        with pytest.raises(PlanFileError, match=r"p\.json"):
            parse(signed(text, change), "p.json")


async def test_what_a_later_minor_version_adds_is_passed_over() -> None:
    """1.x may grow a key anywhere: in the answer, in a change, in a warning, in what only apply reads."""

    def grow(value: Any, inside: str = "") -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                grow(item, name)
            if inside not in ("spec", "secrets", "references", "labels", "origins", "registries", "writes", "one"):
                value["new_in_1_9"] = {"x": 1}
        elif isinstance(value, list):
            for item in value:
                grow(item, inside)

    async with World.of() as world:
        plan = replace(await rich_plan(world), problems=(Problem("a.yaml", 1, 2, "not-expressible", "labels"),))
        text = planfile.dump(plan)
        again = parse(signed(text, lambda data: grow(data) or data.update(format_version="1.9")), "p.json").plan
        assert planfile.dump(again) == planfile.dump(parse(text, "p.json").plan)
        assert again.problems[0][:5] == plan.problems[0][:5]


async def test_a_message_is_kept_once() -> None:
    """In the change, where everybody reads it."""
    async with World.of() as world:
        await world.as_owner("them").apply(model("theirs"))
        plan = await world.plan(model("theirs"))
        messages = [change.message for change in plan.changes]
        text = planfile.dump(plan)
        assert all(messages)
        assert all(text.count(json.dumps(message)) == messages.count(message) for message in messages)
        assert parse(text, "p.json").plan.changes == plan.changes
