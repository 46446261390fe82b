"""Requests through the gateway of MLflow, answered by a model that we declared: secret, definition and endpoint, or one portable Model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx2
from loopback import serving
from registry.mlflow.judge import Judge
from registry.mlflow.server import WORKSPACE
from registry.mlflow.world import connected, served
from world import ENVIRON, World, model, statuses


class Upstream(BaseHTTPRequestHandler):
    """An OpenAI-compatible model, which says back what it was asked, and keeps who asked."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str, dict[str, Any]]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, self.headers.get("Authorization", ""), body))
        words = body["messages"][-1]["content"]
        choice = {"index": 0, "message": {"role": "assistant", "content": words[::-1]}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice]}
        data = json.dumps({**answer, "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def upstream() -> Iterator[tuple[str, list[tuple[str, str, dict[str, Any]]]]]:
    """Its base URL, and what it is asked."""
    asked: list[tuple[str, str, dict[str, Any]]] = []
    with serving(type("Handler", (Upstream,), {"asked": asked})) as port:
        yield f"http://127.0.0.1:{port}/v1", asked


def ask(judge: Judge, endpoint: str) -> httpx2.Response:
    """A completion through the gateway."""
    body = {"model": endpoint, "messages": [{"role": "user", "content": "olleh"}]}
    url = f"{judge.url}/gateway/mlflow/v1/chat/completions"
    headers = {WORKSPACE: judge.workspace or ""}
    return httpx2.post(url, json=body, headers=headers, trust_env=False, timeout=60)


async def answered(world: World, judge: Judge, endpoint: str, asked: list[Any], *documents: Any) -> None:
    assert set(statuses(await world.apply(*documents)).values()) == {"ok"}
    reply = await asyncio.to_thread(ask, judge, endpoint)
    assert reply.status_code == 200, reply.text
    assert reply.json()["choices"][0]["message"]["content"] == "hello"
    path, who, body = asked[-1]
    assert (path, who, body["model"]) == ("/v1/chat/completions", f"Bearer {ENVIRON['KEY']}", "gpt")


async def test_an_endpoint_that_we_declared_answers(mlflow_judge: Judge) -> None:
    """The upstream is asked for the declared model with the declared key; an endpoint that nobody declared is 404."""
    async with connected(mlflow_judge.url, mlflow_judge.workspace) as world:
        with upstream() as (base, asked):
            secret, definition, endpoint = served("direct")
            await answered(
                world,
                mlflow_judge,
                "direct",
                asked,
                {**secret, "auth_config": {"api_base": base}},
                definition,
                endpoint,
            )
            assert (await asyncio.to_thread(ask, mlflow_judge, "nobody-declared")).status_code == 404


async def test_a_portable_model_answers(mlflow_judge: Judge) -> None:
    async with connected(mlflow_judge.url, mlflow_judge.workspace) as world:
        with upstream() as (base, asked):
            chat = model("portable", endpoint={"url": base, "model": "gpt", "api_key": "${env:KEY}"})
            await answered(world, mlflow_judge, "portable", asked, chat)


async def test_a_fallback_answers_where_the_first_does_not(mlflow_judge: Judge) -> None:
    """The first model's upstream refuses every connection: the declared fallback is asked."""
    async with connected(mlflow_judge.url, mlflow_judge.workspace) as world:
        with upstream() as (base, asked):
            dead, alive = served("dead"), served("alive")
            models = [{"definition": "dead"}, {"definition": "alive", "linkage": "FALLBACK", "fallback_order": 1}]
            fallback = {"strategy": "SEQUENTIAL", "max_attempts": 2}
            await answered(
                world,
                mlflow_judge,
                "both",
                asked,
                {**dead[0], "auth_config": {"api_base": "http://127.0.0.1:9/v1"}},
                {**alive[0], "auth_config": {"api_base": base}},
                dead[1],
                alive[1],
                {"kind": "mlflow/Endpoint", "key": "both", "models": models, "fallback_config": fallback},
            )
