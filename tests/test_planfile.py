"""A plan to JSON and back."""

from __future__ import annotations

import json

import pytest
from world import World, model

from reconciler import planfile
from reconciler.errors import PlanFileError
from reconciler.plan import Plan


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
        again = planfile.parse(planfile.dump(plan), "p.json")
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
                planfile.parse(json.dumps(cut), "p.json")
        assert planfile.parse(json.dumps(data, indent=None, sort_keys=True), "p.json"), "another layout is no edit"


async def test_a_minor_version_may_hold_more() -> None:
    """1.1 is read, 2.0 is not; the message says what to do."""
    async with World.of() as world:
        data = json.loads(planfile.dump(await rich_plan(world)))
        for version, fine in (("1.9", True), ("2.0", False), ("", False), ("x", False)):
            text = json.dumps({**data, "format_version": version, "digest": None})
            with pytest.raises(PlanFileError) as caught:
                planfile.parse(text, "p.json")
            assert ("edited" in caught.value.message) == fine
            assert caught.value.hint
