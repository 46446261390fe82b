"""IBM's own client as the judge: it reads, updates and deletes what we wrote, and what it wrote needs nothing more from us."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from ibm import Ibm
from registry.watsonx.rules import OPTIONS, SECRETS
from registry.watsonx.server import Server, orchestrate
from registry.watsonx_contract import connected
from registry.watsonx_samples import CREDS, native, option
from world import World, actions, model, statuses

from reconciler.manifest.native import NativeKind, check_native
from reconciler.registry.watsonx.kinds import KINDS
from reconciler.registry.watsonx.options import CANONICAL

NAME = "virtual-model/openai/gpt-4o"
POLICY = native(
    "Policy",
    "virtual-policy/fallback",
    policy={"strategy": {"mode": "fallback"}, "retry": {"attempts": 1}, "targets": [{"model_name": NAME}]},
)


@pytest.fixture
def server() -> Iterator[Server]:
    with orchestrate() as server:
        yield server


@pytest_asyncio.fixture
async def world(server: Server) -> AsyncIterator[World]:
    """Connections are where IBM's client looks for them."""
    async with connected(server, connections_url=server.apps_url) as world:
        yield world


@pytest.fixture
def ibm(server: Server, tmp_path: Path) -> Ibm:
    return Ibm(server.origin, server.token, tmp_path)


def chat(**fields: Any) -> dict[str, Any]:
    options = {name: option(name) for name in OPTIONS if name not in SECRETS} | {"api_key": "${env:KEY}"}
    return native("Model", NAME, **{"provider_config": options, "app_id": "creds", "tags": ["support"]} | fields)


def test_our_names_of_options_are_its_own(ibm: Ibm) -> None:
    """Each option's names are those of the client's class, the three that are bound twice included."""
    (theirs,) = ibm(("options", "names", []))
    del theirs["provider"]
    assert {name: CANONICAL[name] for name in theirs} == theirs
    assert set(CANONICAL) == set(theirs) | set(theirs.values())


def test_what_it_cannot_read_is_no_valid_manifest(ibm: Ibm) -> None:
    """A value that the client refuses, text where it wants a map or a number among the texts of `metadata`, is an error of `validate`."""
    values = [42, 1.5, True, "text", ["a"], [1], {"a": "b"}, {"a": 42}, {"a": None}, {"a": {"b": "c"}}, [{"a": 1}]]
    asked = [[name, value] for name in CANONICAL for value in values]
    (refused,) = ibm(("options", "refused", asked))
    kind = NativeKind.of("watsonx", KINDS["Model"])
    document = {"kind": kind.name, "key": NAME}
    taken = [
        (name, value)
        for (name, value), no in zip(asked, refused, strict=True)
        if no and not check_native(kind, {**document, "provider_config": {name: value}})[1]
    ]
    assert not taken
    assert dict(zip(map(str, asked), refused, strict=True))[str(["metadata", {"a": 42}])]


@pytest.mark.parametrize("spelling", ["camel", "snake"])
async def test_it_reads_what_we_wrote(server: Server, world: World, ibm: Ibm, spelling: Any) -> None:
    """Every option, the policy and the connection, in the client's own terms."""
    server.behaviour.spelling = spelling
    report = await world.apply(CREDS, chat(), POLICY)
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    listed, named, policies, apps, connection = ibm(
        ("models", "list", []),
        ("models", "get_draft_by_name", [NAME]),
        ("policies", "list", []),
        ("connections", "list", []),
        ("connections", "get_draft_by_app_id", ["creds"]),
    )
    assert listed == named
    (found,) = listed
    assert found["name"] == found["display_name"] == NAME
    assert found["provider_config"]["provider"] == "openai"
    assert {CANONICAL[name] for name in found["provider_config"] if name != "provider"} == {
        name for name in OPTIONS if name not in SECRETS or name == "api_key"
    }
    assert found["connection_id"] == connection["connection_id"]
    assert [one["policy"]["targets"] for one in policies] == [[{"model_name": NAME}]]
    assert [(one["app_id"], one["environment"], one["credentials_entered"]) for one in apps] == [
        ("creds", "draft", True),
        ("creds", "live", True),
    ]


async def test_what_it_wrote_needs_nothing_more(server: Server, world: World, ibm: Ibm) -> None:
    """What the client creates as its specification says is adopted, and then the plan is empty."""
    options = {"provider": "anthropic", "custom_host": "https://a.example.com", "request_timeout": 5}
    await world.apply(CREDS)
    number = server.state.apps["creds"]["connection_id"]
    theirs = {
        "name": "virtual-model/anthropic/claude",
        "provider_config": options,
        "config": {"max_tokens": 4096},
        "connection_id": number,
        "spec_version": "v1",
        "kind": "model",
    }
    server.state.models.clear()
    ibm(("models", "create", [theirs]))
    document = native(
        "Model",
        "virtual-model/anthropic/claude",
        app_id="creds",
        provider_config={"custom_host": "https://a.example.com", "request_timeout": 5},
    )
    plan = await world.plan(CREDS, document)
    assert actions(plan) == {"Model/virtual-model/anthropic/claude": "update adopt"}
    assert all(change.fields == () for change in plan.changes)
    await world.carry_out(plan)
    assert (await world.plan(CREDS, document)).changes == ()


async def test_its_update_is_drift_and_ours_comes_back(world: World, ibm: Ibm) -> None:
    """It writes over what we wrote, mark and all, as its own commands do; the next apply says so and sets it right."""
    document = chat(provider_config={"customHost": "https://a.example.com"}, app_id=None)
    await world.apply(document)
    (found,), *_ = ibm(("models", "get_draft_by_name", [NAME]))
    kept = ("name", "display_name", "description", "provider_config", "tags", "model_type")
    body = {name: found[name] for name in kept}
    ibm(("models", "update", [found["id"], body]))
    assert (await world.plan(document)).changes == ()  # as it was, tags included
    body["provider_config"]["custom_host"] = "https://elsewhere.example.com"
    ibm(("models", "update", [found["id"], body]))
    assert actions(await world.plan(document)) == {f"Model/{NAME}": "update drifted"}
    report = await world.apply(document)
    assert set(statuses(report).values()) == {"ok"}
    assert (await world.plan(document)).changes == ()


async def test_it_deletes_what_we_wrote(server: Server, world: World, ibm: Ibm) -> None:
    """A portable Model, too: model and connection are gone, and ours makes them again."""
    endpoint = {"url": "https://llm.example.com/v1", "model": "gpt-4o", "api_key": "${env:KEY}"}
    document = model("support-chat", endpoint=endpoint)
    await world.apply(document)
    (found,), *_ = ibm(("models", "get_draft_by_name", [NAME]))
    ibm(("models", "delete", [found["id"]]), ("connections", "delete", ["reconciler-support-chat"]))
    assert server.state.models == server.state.apps == {}
    plan = await world.plan(document)
    assert {change.action for change in plan.changes} == {"create"}
    report = await world.carry_out(plan)
    assert set(statuses(report).values()) == {"ok"}
    (listed,) = ibm(("models", "list", []))
    assert [one["name"] for one in listed] == [NAME]
