"""A NeMo server whose models controller runs: every 5 s it looks at what providers serve, and writes that into models.

| trap of the server | test |
|---|---|
| writes `api_endpoint`, `backend_format`, `model_providers` into declared models | test_the_controller_is_met |
| what is declared, too, stays declared | test_the_controller_is_met |
| makes models of its own | test_the_controller_is_met |
| links models to providers; the server takes them back with the provider | test_the_controller_is_met |
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

import pytest
import pytest_asyncio
from loopback import serving
from registry.nemo.judge import Judge, judging
from registry.nemo.server import NemoServer, create_workspace
from registry.nemo_contract import connected
from registry.nemo_samples import native
from world import World, actions, statuses

from reconciler.testing.stored import stored

MODELS = ("mine", "declared", "nobodys")


class _Endpoint(BaseHTTPRequestHandler):
    """Serves MODELS, in OpenAI's words, and counts who `asked`: the controller does so once a round, before it writes."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[int] = 0

    def do_GET(self) -> None:
        _Endpoint.asked += 1
        data = json.dumps({"object": "list", "data": [{"id": one, "object": "model"} for one in MODELS]}).encode()
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serving(_Endpoint) as port:
        yield f"http://127.0.0.1:{port}/v1"


@pytest.fixture(scope="module")
def controlled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """A server with the controller, as its judge."""
    with (
        NemoServer.private(tmp_path_factory.mktemp("nemo"), controllers=["models"]) as server,
        judging(server.url) as judge,
    ):
        yield judge


@pytest.fixture
def place(controlled: Judge) -> str:
    return create_workspace(controlled.url)


@pytest_asyncio.fixture
async def world(controlled: Judge, place: str) -> AsyncIterator[World]:
    async with connected(controlled.url, place, owns=["p*"]) as world:
        yield world


async def until(holds: Callable[[], Any]) -> None:
    """Waits for the controller; the test's own time limit ends what never comes."""
    while not await asyncio.to_thread(holds):  # noqa: ASYNC110  # it happens in another process
        await asyncio.sleep(0.5)


async def a_round() -> None:
    """Waits until the controller has gone through a whole round that began after this call, and is at its rest after the next question."""
    before = _Endpoint.asked
    await until(lambda: _Endpoint.asked >= before + 2)


def linked(judge: Judge, place: str, *models: str) -> bool:
    found = judge.list("Model", place)
    return all(f"{place}/p1" in (found.get(one, {}).get("model_providers") or ()) for one in models)


async def test_the_controller_is_met(world: World, controlled: Judge, place: str, endpoint: str) -> None:
    """One workspace, from the first apply to the last: what the controller writes is seen, left alone, and lets go."""
    documents = [
        native("Provider", "p1", host_url=endpoint),
        native("Model", "mine", description="d", custom_fields={"a": 1}),
        native(
            "Model",
            "declared",
            api_endpoint={"url": "https://llm.example.com/v1", "model_id": "m"},
            backend_format="ANTHROPIC_MESSAGES",
            model_providers=["p1"],
        ),
    ]
    assert set(statuses(await world.apply(*documents)).values()) == {"ok"}
    await until(lambda: linked(controlled, place, *MODELS))
    await a_round()
    # a round of it that began before a model was there makes that model, and writes over ours: the next apply heals that
    assert set(statuses(await world.apply(*documents)).values()) <= {"ok"}
    await a_round()

    # what it wrote into a declared model is no drift, and what is declared there stays, with no second update
    mine, declared = (controlled.get("Model", place, name) for name in ("mine", "declared"))
    assert mine is not None
    assert declared is not None
    assert mine["backend_format"] == "OPENAI_CHAT"
    assert declared["api_endpoint"]["url"] == "https://llm.example.com/v1"
    assert actions(await world.plan(*documents)) == {}
    documents[1] = {**documents[1], "description": "e"}
    documents[2] = {**documents[2], "api_endpoint": {"url": "https://other.example.com/", "model_id": "m"}}
    assert set(statuses(await world.apply(*documents)).values()) == {"ok"}
    before = controlled.written(place)
    await a_round()
    assert actions(await world.plan(*documents)) == {}
    assert controlled.written(place, "Model") == {
        name: row for name, row in before.items() if name.startswith("Model/")
    }

    # what it made is nobody's: not ours to prune, and no orphan
    plan = await world.plan(*documents, prune=True)
    assert (actions(plan), plan.orphans) == ({}, ())
    nobodys = next(one for one in await stored(world) if one.address.key == "nobodys")
    assert nobodys.mark is None

    # the provider goes, though two models that do not name it in a manifest are linked; one that does keeps it
    gone = {"kind": "nemo/Provider", "key": "p1", "state": "absent"}
    assert actions(await world.plan(gone, documents[1], complete=False)) == {"Provider/p1": "blocked referenced"}
    report = await world.apply(gone, {"kind": "nemo/Model", "key": "declared", "state": "absent"}, documents[1])
    assert statuses(report) == {"Provider/p1": "ok", "Model/declared": "ok"}
    assert controlled.list("Provider", place) == {}
    assert not linked(controlled, place, "mine")
