"""`test` of a NeMo model: through the platform's gateway where it serves the provider, else at the provider's endpoint."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

import httpx2
import pytest
from loopback import serving
from programs import HANGS
from registry.nemo.server import declare_ready
from registry.server_process import Running
from world import World, statuses

from reconciler.core.resource import Address

KEY = "sk-the-key-of-the-endpoint"


class Endpoint(BaseHTTPRequestHandler):
    """An OpenAI-compatible endpoint that tells what it was asked, in `asked`."""

    asked: ClassVar[list[tuple[str, str | None, Any]]]
    status = 200

    def do_GET(self) -> None:
        self.answer(200, {"object": "list", "data": []})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, self.headers.get("Authorization"), body))
        self.answer(self.status, {"choices": [{"message": {"role": "assistant", "content": "Hi."}}]})

    def answer(self, status: int, what: Any) -> None:
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[tuple[str, type[Endpoint]]]:
    class Mine(Endpoint):
        asked: ClassVar[list[tuple[str, str | None, Any]]] = []

    with serving(Mine) as port:
        yield f"http://127.0.0.1:{port}", Mine


def model(url: str) -> dict[str, Any]:
    return {
        "kind": "Model",
        "key": "chat",
        "endpoint": {"url": f"{url}/v1", "model": "gpt-x", "api_key": "${env:KEY}"},
    }


async def run_test(server: Running, workspace: str, url: str, *, ready: bool = False) -> Any:
    """The model applied, its provider declared ready where that is asked for, and the model tested."""
    entry = {"driver": "nemo", "url": server.url, "workspace": workspace, "default": True}
    async with World.of(nemo=entry) as world:
        world.environ["KEY"] = KEY
        report = await world.apply(model(url))
        assert set(statuses(report).values()) == {"ok"}, report.outcomes
        if ready:
            await asyncio.to_thread(declare_ready, server.url, workspace, "reconciler-chat")
            place = f"{server.url}/apis/inference-gateway/v2/workspaces/{workspace}/provider/reconciler-chat/ready"
            await asyncio.to_thread(until_ready, place)
        registry: Any = world.registries["nemo"]
        return await registry.test(await registry.get(Address("nemo", "Model", "chat")), None)


def until_ready(place: str) -> None:
    deadline = time.monotonic() + HANGS
    while httpx2.get(place).status_code != 200:
        assert time.monotonic() < deadline, "the gateway does not serve the provider"
        time.sleep(0.5)


async def test_the_endpoint_is_asked_directly_where_the_gateway_does_not_serve_it(
    nemo_server: Running, workspace: str, endpoint: tuple[str, type[Endpoint]]
) -> None:
    """With the key from the secret that the provider names; neither the key nor anything like it is in what is told."""
    url, seen = endpoint
    tested = await run_test(nemo_server, workspace, url)
    assert [(check.name, check.ok) for check in tested.checks] == [("inference at the endpoint", True)]
    assert tested.output["choices"][0]["message"]["content"] == "Hi."
    ((path, authorization, body),) = seen.asked
    assert (path, authorization, body["model"]) == ("/v1/chat/completions", f"Bearer {KEY}", "gpt-x")
    assert KEY not in repr(tested)


async def test_the_gateway_is_asked_where_it_serves_the_provider(
    nemo_server: Running, workspace: str, endpoint: tuple[str, type[Endpoint]]
) -> None:
    """Then the platform itself sends the key."""
    url, seen = endpoint
    tested = await run_test(nemo_server, workspace, url, ready=True)
    assert [(check.name, check.ok) for check in tested.checks] == [
        ("gateway", True),
        ("inference through the gateway", True),
    ]
    assert seen.asked[-1][:2] == ("/v1/chat/completions", f"Bearer {KEY}")


async def test_an_endpoint_that_fails_is_a_failed_check(
    nemo_server: Running, workspace: str, endpoint: tuple[str, type[Endpoint]]
) -> None:
    """Its answer is told, the run goes on to its end."""
    url, seen = endpoint
    seen.status = 401
    tested = await run_test(nemo_server, workspace, url)
    assert [(check.name, check.ok) for check in tested.checks] == [("inference at the endpoint", False)]
    assert "401" in tested.checks[0].message
    seen.status = 200
