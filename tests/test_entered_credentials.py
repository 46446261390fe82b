"""Credentials that somebody entered in a registry, in an address or a text: no plan, no drift and no file shows them."""

from __future__ import annotations

import json

import pytest
from world import World, native

from reconciler.planner import planfile
from reconciler.planner.drift import drift_of
from reconciler.planner.plan import Plan

US = {"owner": "us", "key": "chat"}
ENTERED = (
    "https://user:entered-secret@llm.example.com/v1",
    "https://llm.example.com/v1?api_key=entered-secret",
    "sk-entered-secret-0123456789abcdef",
)


def texts(plan: Plan) -> str:
    """All that a plan shows, and all that is kept of it."""
    return repr(plan) + json.dumps(planfile.dump(plan))


@pytest.mark.parametrize("entered", ENTERED)
@pytest.mark.parametrize("field", ["display_name", "metadata"])
async def test_a_plan_and_its_drift_show_the_field_without_the_credential(entered: str, field: str) -> None:
    """The field differs, is shown as differing, and what stood there is masked."""
    stored = {"display_name": entered} if field == "display_name" else {"metadata": {"where": [entered]}}
    wanted = {"display_name": "New"} if field == "display_name" else {"metadata": {"where": ["new"]}}
    async with World.of() as world:
        world.server().put("Model", "chat", stored, US)
        plan = await world.plan(native("Model", "chat", **wanted))
        [change] = plan.changes
        assert (change.action, [found.path.split("/")[1] for found in change.fields]) == ("update", [field])
        for shown in (plan, drift_of(plan)):
            assert "entered-secret" not in texts(shown)
        await world.carry_out(plan)
        assert (await world.plan(native("Model", "chat", **wanted))).changes == ()
