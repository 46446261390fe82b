"""What people do with models of a real LiteLLM Proxy beside applying them: ask one, ask what a provider offers, and reach it by another of its processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import Wire
from registry.test_litellm_traps import at, model
from world import World, actions, statuses

from reconciler.core.errors import InputError
from reconciler.core.resource import Address


@pytest_asyncio.fixture
async def world(litellm: LiteLLMServer, tmp_path: Path) -> AsyncIterator[World]:
    """An empty proxy."""
    async with at(litellm, tmp_path) as world:
        yield world


async def answer_of(world: World, key: str) -> Any:
    registry: Any = world.registries["litellm"]
    return await registry.test(await registry.get(Address("litellm", "Model", key)), None)


async def test_a_model_is_asked_through_the_proxy(world: World) -> None:
    """By the name that its users give, which is not its key."""
    await world.apply(model("chat-1", fields={"model_name": "chat"}))
    result = await answer_of(world, "chat-1")
    assert [(check.name, check.ok) for check in result.checks] == [("inference", True)]
    assert result.output["choices"][0]["message"]["content"] == "pong"


async def test_a_model_that_nobody_serves_fails_its_test(world: World) -> None:
    """With what the proxy says, and without the key."""
    await world.apply(model("down", mock_response=None, api_base="http://127.0.0.1:9/v1", api_key="${env:KEY}"))
    [check] = (await answer_of(world, "down")).checks
    assert not check.ok
    assert "Connection error" in check.message
    assert world.environ["KEY"] not in check.message


async def test_a_provider_s_models_come_from_the_proxy_s_own_price_list(world: World) -> None:
    """As portable Models; a provider that it does not have is told, with those that it has."""
    registry: Any = world.registries["litellm"]
    offered = await registry.catalogue("openai")
    mini = next(offer for offer in offered.offers if offer.model == "gpt-4o-mini")
    assert mini.spec["provider"] == {"name": "openai", "model": "gpt-4o-mini"}
    assert mini.spec["task"] == "chat_completion"
    assert mini.spec["limits"]["context_length"] == 128_000
    with pytest.raises(InputError, match="opnai") as refused:
        await registry.catalogue("opnai")
    assert "openai" in str(refused.value.hint)


async def test_what_another_process_of_the_proxy_took_is_neither_new_nor_gone(
    world: World, litellm: LiteLLMServer, litellm_wire: Wire, tmp_path: Path
) -> None:
    """Processes on one database learn of each other's writes within half a minute: until then the plan says so, and writes nothing."""
    other = litellm.second(tmp_path / "other")
    other.start()
    try:
        (tmp_path / "there").mkdir()
        async with at(other, tmp_path / "there") as there:
            report = await world.apply(model("late"))
            assert set(statuses(report).values()) == {"ok"}
            plan = await there.plan(model("late"))
            assert actions(plan) == {}
            assert [problem.rule for problem in plan.problems] in ([], ["not-in-force"])
            assert all("half a minute" in problem.message for problem in plan.problems)
            assert set(statuses(await there.apply(model("late"))).values()) <= {"ok"}
    finally:
        other.stop()
    assert list(litellm_wire.models()) == ["late"]
