"""Credentials that somebody entered in a registry, in an address or a text: no plan, no drift and no file shows them."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import World, native

from reconciler.core.secret_names import is_secret_form, refuses_credentials
from reconciler.core.telling import masked, without_credentials
from reconciler.core.url import public_url
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


TEXTS: Final = st.sampled_from(
    [
        "plain",
        "",
        "https://user:pw@host/x",
        "https://host/?api_key=abc",
        "sk-abcdefghijklmnop12345",
        "a sk-ant-0123456789abcdef",
    ]
)
NAMES: Final = TEXTS | st.text(max_size=3)
DATA: Final = st.recursive(
    TEXTS | st.text(max_size=5) | st.integers() | st.floats() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=12,
)


def entered(value: Any) -> Any:
    """What is shown, said as plainly as can be."""
    if isinstance(value, dict):
        return {masked(name): entered(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [entered(item) for item in value]
    if not isinstance(value, str):
        return value
    if refuses_credentials(value):
        return public_url(value)
    return "***" if is_secret_form(value) else value


@given(DATA)
def test_what_is_shown_is_masked_everywhere_and_what_was_given_stays(value: Any) -> None:
    """Whatever stands beside a credential, at any depth: it goes from what is shown, and from nothing else."""
    before = copy.deepcopy(value)
    shown = without_credentials(value)
    assert repr(shown) == repr(entered(value))
    assert repr(value) == repr(before)
