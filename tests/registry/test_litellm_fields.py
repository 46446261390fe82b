"""Every field that a litellm/Model declares, on the real proxy: written, left alone, changed and taken away, and each time it converges."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import Wire
from world import World, actions, statuses

from reconciler.core.rules import CannotClear, Node, ServerDefault
from reconciler.registry.litellm.info import ModelInfo
from reconciler.registry.litellm.kinds import KINDS
from reconciler.registry.litellm.masks import is_hidden, masked_in
from reconciler.registry.litellm.params import LitellmParams

KEY = "every-field"
# where the example would have the proxy look for what is not there, or where its second value cannot be made of the first
FIRST: Mapping[str, Any] = {
    "model": "openai/gpt-4o",
    "base_url": "http://127.0.0.1:9/v1",
    "api_base": "http://127.0.0.1:9/v1",
}
SECOND: Mapping[str, Any] = {
    "model": "openai/gpt-4o-mini",
    "custom_llm_provider": "hosted_vllm",
    "budget_duration": "31d",
    "tier": "free",
    "mode": "embedding",
    "reasoning_effort": "high",
    "aws_session_tags": [{"Key": "team", "Value": "sales"}],
    "timeout_by_service_tier": {"flex": 700},
    "stream_timeout_by_service_tier": {"flex": 700},
    "tiered_pricing": [{"range": [0, 2000]}],
}
# a credential that must be there, as the portable Model's is; what is refused; what a setting of the proxy's must allow; what only a router takes
ELSEWHERE = re.compile(
    r"litellm_credential_name|provider_affinity_header|ptu_count|(auto|complexity|adaptive|quality)_router_.*"
)


@pytest_asyncio.fixture
async def world(litellm: LiteLLMServer, tmp_path: Path) -> AsyncIterator[World]:
    (tmp_path / "token").write_text(litellm.token, "utf-8")
    entry = {"driver": "litellm", "url": litellm.url, "token": "${file:token}"}
    async with World.of(root=tmp_path, litellm=entry) as world:
        yield world


def examples(model: type[LitellmParams | ModelInfo]) -> dict[str, Any]:
    """One value for each declared field."""
    fields = {
        name: (info.examples or [None])[0] for name, info in model.model_fields.items() if not ELSEWHERE.fullmatch(name)
    }
    return {name: FIRST.get(name, known(value)) for name, value in fields.items()}


def known(value: Any) -> Any:
    """An example whose references lead to variables of the tests."""
    return "${env:KEY}" if isinstance(value, str) and value.startswith("${") else value


def other(name: str, value: Any) -> Any:
    """Another value of the same type."""
    if name in SECOND:
        return SECOND[name]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, list):
        return [*value, value[0]] if isinstance(value[0], dict) else [f"{value[0]}-too"]
    if isinstance(value, dict):
        return {member: other("", item) for member, item in value.items()}
    return "${env:TOKEN}" if value == "${env:KEY}" else f"{value}-too"


def document(params: Mapping[str, Any], info: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "litellm/Model", "key": KEY, "litellm_params": dict(params), "model_info": dict(info)}


def stays(place: str, name: str) -> bool:
    """Whether the kind says that the field cannot be taken away."""
    node = KINDS["Model"].root.find((place, name))
    assert isinstance(node, Node)
    return node.rule(CannotClear) is not None or node.rule(ServerDefault) is not None


@pytest.mark.asyncio
async def test_every_field_converges_when_written_changed_and_taken_away(world: World, litellm_wire: Wire) -> None:
    """Create, no-op, update, clear in place, clear by a replace that the plan announces: all fields at once, and after each step nothing is left."""
    params, info = examples(LitellmParams), examples(ModelInfo)
    first = document(params, info)
    report = await world.apply(first)
    assert statuses(report) == {f"Model/{KEY}": "ok"}, report.outcomes
    assert actions(await world.plan(first)) == {}
    stored = litellm_wire.models()[KEY]
    plain = {
        name: value for name, value in params.items() if not is_hidden(name) and not list(masked_in({name: value}))
    }
    plain = {name: value for name, value in plain.items() if name not in ("extra_headers", "headers")}
    assert {name: stored["litellm_params"].get(name) for name in plain} == plain

    more = {name: other(name, value) for name, value in params.items()}
    about = {name: other(name, value) for name, value in info.items()}
    second = document(more, about)
    plan = await world.plan(second)
    assert [change.action for change in plan.changes] == ["update"]
    shown = {"/".join(field.path.split("/")[:3]) for change in plan.changes for field in change.fields}
    secret = {f"/litellm_params/{name}" for name, value in params.items() if value == "${env:KEY}"}
    wanted = {f"/litellm_params/{name}" for name in more} | {f"/model_info/{name}" for name in about}
    assert shown | secret == wanted  # the value of a secret is compared with a fingerprint_key only
    report = await world.carry_out(plan)
    assert statuses(report) == {f"Model/{KEY}": "ok"}, report.outcomes
    assert actions(await world.plan(second)) == {}

    kept = document(
        {name: value for name, value in more.items() if stays("litellm_params", name) or name == "model"},
        {name: value for name, value in about.items() if stays("model_info", name)},
    )
    assert kept != second
    plan = await world.plan(kept)
    assert [change.action for change in plan.changes] == ["update"]
    report = await world.carry_out(plan)
    assert statuses(report) == {f"Model/{KEY}": "ok"}, report.outcomes
    assert actions(await world.plan(kept)) == {}

    bare = document({"model": more["model"]}, {})
    plan = await world.plan(bare)
    assert [(change.action, change.reason) for change in plan.changes] == [("blocked", "cannot-clear")]
    report = await world.apply(bare, allow_replaces=1)
    assert statuses(report) == {f"Model/{KEY}": "ok"}, report.outcomes
    assert actions(await world.plan(bare)) == {}
    assert set(litellm_wire.models()[KEY]["litellm_params"]) - set(bare["litellm_params"]) <= FALSE


FALSE = {
    "allow_client_keepalive_override", "merge_reasoning_content_in_choices", "use_in_pass_through", "use_litellm_proxy", "use_xai_oauth",
}  # fmt: skip  # which the proxy adds to every model


@pytest.mark.asyncio
async def test_a_switch_that_no_update_names_stays_on(world: World, litellm_wire: Wire) -> None:
    """An update of any parameter sets five of them back to false unless it names them: so it does."""
    on = {"model": "openai/gpt-4o", "rpm": 1, **dict.fromkeys(sorted(FALSE), True)}
    await world.apply(document(on, {}))
    report = await world.apply(document(on | {"rpm": 2}, {}))
    assert statuses(report) == {f"Model/{KEY}": "ok"}, report.outcomes
    stored = litellm_wire.models()[KEY]["litellm_params"]
    assert {name: stored[name] for name in FALSE} == dict.fromkeys(FALSE, True)
