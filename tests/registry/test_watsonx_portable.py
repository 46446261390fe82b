"""A portable Model in watsonx Orchestrate: its name follows from its endpoint or provider, and it is found again by its mark."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from registry.watsonx.server import Server, orchestrate
from registry.watsonx_contract import connected
from registry.watsonx_samples import connection
from world import World, actions, model, statuses

from reconciler.core.model import Model
from reconciler.registry.watsonx.compile import compile_model
from reconciler.testing.stored import stored

NAME = "virtual-model/openai/gpt-oss-120b"


@pytest.fixture
def server() -> Iterator[Server]:
    with orchestrate() as server:
        yield server


@pytest_asyncio.fixture
async def world(server: Server) -> AsyncIterator[World]:
    async with connected(server) as world:
        yield world


def chat(key: str = "support-chat", served: str = "gpt-oss-120b", **fields: Any) -> dict[str, Any]:
    endpoint = {"url": "https://llm.example.com/v1", "model": served, "api_key": "${env:KEY}"}
    return model(key, **{"endpoint": endpoint, "tags": ["support"]} | fields)


async def names(world: World) -> list[str]:
    return [str(one.address).removeprefix("one/") for one in await stored(world)]


async def test_it_becomes_a_model_and_a_connection_for_both_environments(server: Server, world: World) -> None:
    """The name follows from the endpoint, the key stays out of the model, and the connection is created first."""
    report = await world.apply(chat())
    assert list(statuses(report).values()) == ["ok", "ok"], report.outcomes
    assert await names(world) == ["Connection/reconciler-support-chat", f"Model/{NAME}"]
    row = server.state.named(NAME)
    assert row["provider_config"] == {"customHost": "https://llm.example.com/v1"}
    app = server.state.apps["reconciler-support-chat"]
    assert row["connection_id"] == app["connection_id"]
    assert {name: one["credentials"] for name, one in app["environments"].items()} == {
        "draft": {"api_key": "s3cret-key"},
        "live": {"api_key": "s3cret-key"},
    }
    found = {one.address.kind: one for one in await stored(world)}
    assert found["Connection"].parent == found["Model"].address
    assert found["Model"].mark is not None
    assert found["Model"].mark.key == "support-chat"


async def test_the_mark_is_in_tags_that_nobody_sees(server: Server, world: World) -> None:
    """Whose it is stands in tags of its own, and is no part of what is compared."""
    await world.apply(chat())
    tags = server.state.named(NAME)["tags"]
    assert tags[0] == "support"
    assert {"reconciler:owner=us", "reconciler:key=support-chat"} < set(tags)
    assert all(tag.startswith("reconciler:") for tag in tags[1:])
    assert next(one for one in await stored(world) if one.address.kind == "Model").spec["tags"] == ["support"]


async def test_another_endpoint_model_is_a_replace_and_leaves_no_orphan(server: Server, world: World) -> None:
    """A changed name needs consent; with it the new object is there, and the old one is not."""
    await world.apply(chat())
    after = chat(served="gpt-5")
    plan = await world.plan(after)
    assert [change.action for change in plan.changes if change.parent is None] == ["blocked"]
    assert plan.orphans == ()
    report = await world.apply(after, allow_replaces=1)
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    assert await names(world) == ["Connection/reconciler-support-chat", "Model/virtual-model/openai/gpt-5"]
    assert (await world.plan(after)).changes == ()


async def test_a_new_name_without_a_key_takes_its_connection_along(server: Server, world: World) -> None:
    """The name changes and `api_key` goes in one step: the connection goes in the same run, and not without consent."""
    await world.apply(chat())
    open_to_all = chat(endpoint={"url": "https://llm.example.com/v1", "model": "gpt-5"})
    assert await names(world) == ["Connection/reconciler-support-chat", f"Model/{NAME}"]
    await world.apply(open_to_all)
    assert await names(world) == ["Connection/reconciler-support-chat", f"Model/{NAME}"]
    report = await world.apply(open_to_all, allow_replaces=1)
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    assert await names(world) == ["Model/virtual-model/openai/gpt-5"]
    assert await world.settled(open_to_all)


@pytest.mark.parametrize("whose", ["foreign", "unmarked", "ours"])
async def test_a_derived_name_that_somebody_has_keeps_the_old_object(server: Server, world: World, whose: str) -> None:
    """Neither this run nor the next deletes what bears the old name, prune or not."""
    await world.apply(chat())
    other = "virtual-model/openai/gpt-5"
    tags = {
        "foreign": ["reconciler:owner=them", "reconciler:key=theirs"],
        "ours": ["reconciler:owner=us", "reconciler:key=x"],
    }
    row = {"name": other, "display_name": "D", "description": "d", "model_type": "chat", "tags": tags.get(whose, [])}
    server.state.put_model(None, row, server.behaviour)
    renamed = chat(endpoint={"url": "https://llm.example.com/v1", "model": "gpt-5", "api_key": "${env:KEY}"})
    for _ in range(2):
        await world.apply(renamed)
    assert f"Model/{NAME}" in await names(world)
    if whose == "foreign":
        await world.apply(renamed, prune=True, allow_deletes=9)
        assert f"Model/{NAME}" in await names(world)


@pytest.mark.parametrize("done", [True, False])
async def test_a_replace_that_broke_off_is_finished(server: Server, world: World, done: bool) -> None:
    """Whatever was lost, the next runs end with one model of the new name."""
    await world.apply(chat())
    after = chat(served="gpt-5")
    server.behaviour.close_after_nth_write, server.behaviour.close_before_nth_write = (2, 0) if done else (0, 2)
    await world.apply(after, allow_replaces=1)
    for _ in range(2):
        report = await world.apply(after, allow_replaces=1)
    assert set(statuses(report).values()) <= {"ok"}, report.outcomes
    assert await names(world) == ["Connection/reconciler-support-chat", "Model/virtual-model/openai/gpt-5"]


async def test_absent_deletes_by_the_manifests_key(server: Server, world: World) -> None:
    """`state: absent` finds the model by its mark, and takes the connection along."""
    await world.apply(chat())
    gone = {"kind": "Model", "key": "support-chat", "state": "absent"}
    report = await world.apply(gone)
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    assert await names(world) == []
    assert (await world.plan(gone)).changes == ()


async def test_prune_deletes_the_model_and_its_connection(server: Server, world: World) -> None:
    """What is no longer declared goes, and what stands beside it with it; what is somebody else's stays."""
    await world.apply(chat(), chat("other", "other"))
    report = await world.apply(chat("other", "other"), prune=True, allow_deletes=1)
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    assert await names(world) == ["Connection/reconciler-other", "Model/virtual-model/openai/other"]


async def test_a_leftover_connection_goes_with_absent(server: Server, world: World) -> None:
    """A run that deleted the model and died before it deleted the connection is finished by the next one."""
    await world.apply(chat())
    server.state.models.clear()
    report = await world.apply({"kind": "Model", "key": "support-chat", "state": "absent"})
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    assert server.state.apps == {}


async def test_a_name_of_its_own(server: Server, world: World) -> None:
    """`registries.<name>.key` says what it is called there."""
    own = "virtual-model/openai/support"
    after = chat(registries={"one": {"key": own}})
    await world.apply(after)
    assert server.state.named(own)["connection_id"] == server.state.apps["reconciler-support-chat"]["connection_id"]
    assert (await world.plan(after)).changes == ()


async def test_a_new_key_keeps_the_object(server: Server, world: World) -> None:
    """The manifest's key is in the mark alone: with a new one the model stays, and its old connection is told as an orphan."""
    await world.apply(chat())
    number = server.state.named(NAME)["id"]
    after = chat("helpdesk", previous_keys=["support-chat"])
    report = await world.apply(after)
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    row = server.state.named(NAME)
    assert row["id"] == number
    assert "reconciler:key=helpdesk" in row["tags"]
    assert row["connection_id"] == server.state.apps["reconciler-helpdesk"]["connection_id"]
    report = await world.apply(after, prune=True, allow_deletes=1)
    assert await names(world) == ["Connection/reconciler-helpdesk", f"Model/{NAME}"]


async def test_a_hosted_model_uses_a_connection_of_ours(server: Server, world: World) -> None:
    """A provider's model has no key of its own: an override names the connection."""
    hosted = model(
        "nano",
        endpoint=None,
        provider={"name": "openai", "model": "gpt-5-nano"},
        registries={"one": {"app_id": "creds"}},
    )
    report = await world.apply(connection("creds"), hosted)
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    row = server.state.named("virtual-model/openai/gpt-5-nano")
    assert row["connection_id"] == server.state.apps["creds"]["connection_id"]
    assert (await world.plan(connection("creds"), hosted)).changes == ()


async def test_a_rotated_key_is_written_when_asked_for(server: Server, world: World) -> None:
    """Nothing tells that a key in a connection is an old one; `--rotate` writes it, in both environments."""
    await world.apply(chat())
    world.environ["KEY"] = "s3cret-new"
    assert actions(await world.plan(chat())) == {}
    report = await world.apply(chat(), rotate=("support-chat",))
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    environments = server.state.apps["reconciler-support-chat"]["environments"]
    assert [one["credentials"]["api_key"] for one in environments.values()] == ["s3cret-new", "s3cret-new"]


# --- compiling ---------------------------------------------------------------------------------------------------


def compiled(**fields: Any) -> Any:
    document = chat(**fields) | {"kind": "Model"}
    return compile_model(Model.model_validate(document), "support-chat")


def test_what_it_becomes() -> None:
    """Every portable field that can be held, in the registry's terms."""
    endpoint = {
        "url": "https://a.example.com",
        "model": "m/x",
        "format": "anthropic",
        "timeout": 1.5,
        "tls": {"ca": "PEM"},
    }
    found = compiled(
        endpoint=endpoint,
        display_name="Chat",
        description="Answers.",
        task="completion",
        parameters={"temperature": 0, "max_completion_tokens": 5, "stop": "x"},
    )
    assert found.model.key == "virtual-model/anthropic/m/x"
    assert found.model.spec == {
        "display_name": "Chat",
        "description": "Answers.",
        "tags": ["support"],
        "model_type": "completion",
        "config": {"temperature": 0, "max_completion_tokens": 5, "stop": "x"},
        "provider_config": {"customHost": "https://a.example.com", "requestTimeout": 1500, "serverCert": "PEM"},
    }
    assert found.derived == ()
    assert found.inexpressible == ()


@pytest.mark.parametrize(
    ("fields", "pointer", "fatal"),
    [
        ({"labels": {"a": "b"}}, "/labels", False),
        ({"metadata": {"a": 1}}, "/metadata", False),
        ({"limits": {"max_concurrency": 1}}, "/limits", False),
        ({"task": "rerank"}, "/task", True),
        ({"task": "custom"}, "/task", True),
        ({"endpoint": {"url": "https://a.example.com", "model": "m", "format": "custom"}}, "/endpoint/format", True),
        ({"endpoint": {"url": "https://a.example.com", "model": "m", "adapter": "a"}}, "/endpoint/adapter", True),
        (
            {"endpoint": {"url": "https://a.example.com", "model": "m", "headers": {"A": "b"}}},
            "/endpoint/headers",
            True,
        ),
        (
            {"endpoint": {"url": "https://a.example.com", "model": "m", "tls": {"verify": False}}},
            "/endpoint/tls/verify",
            True,
        ),
        ({"endpoint": {"url": "https://a.example.com"}}, "/endpoint", True),
    ],
)
def test_what_it_cannot_hold(fields: dict[str, Any], pointer: str, fatal: bool) -> None:
    """What the registry cannot hold is said, and is an error where leaving it out would change what the model does."""
    (lost,) = compiled(**fields).inexpressible
    assert (lost.pointer, lost.fatal) == (pointer, fatal)
