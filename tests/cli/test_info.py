"""`reconciler info`: what a manifest says of a model, and what its endpoint does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cli.project import TERMINAL, Project

LISTED = {
    "object": "list",
    "data": [
        "no map",
        {"id": "other", "owned_by": "x", "max_model_len": 1},
        {"id": "m", "object": "model", "owned_by": "vllm", "max_model_len": 131072},
    ],
}


@dataclass
class Place:
    """An endpoint on loopback: what it answers, and what it was asked (path and headers, their names in lower case)."""

    url: str = ""
    status: int = 200
    body: bytes = json.dumps(LISTED).encode()
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(made.status)
            for name, value in {"Content-Length": str(len(made.body)), **made.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(made.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def info(project: Project, *words: str) -> dict[str, Any]:
    return project.ok("info", *words, "--format", "json").json("info")


FACTS = ("name", "provider", "model_id", "supports_streaming", "supports_chat", "max_tokens")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("chat", "openai", "m", True, True, None)),
        ({"display_name": "Chat", "task": "completion"}, ("Chat", "openai", "m", True, False, None)),
        ({"task": "embeddings"}, ("chat", "openai", "m", False, False, None)),
        ({"task": "custom"}, ("chat", "openai", "m", None, None, None)),
        ({"endpoint": {"url": "https://x.example.com"}}, ("chat", "openai", None, True, True, None)),
        (
            {"endpoint": {"url": "https://x.example.com", "format": "custom"}},
            ("chat", "custom", None, None, None, None),
        ),
        (
            {"endpoint": None, "provider": {"name": "anthropic", "model": "claude"}},
            ("chat", "anthropic", "claude", True, True, None),
        ),
        ({"parameters": {"max_completion_tokens": 9}}, ("chat", "openai", "m", True, True, 9)),
    ],
)
def test_what_a_manifest_says(project: Project, fields: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """The facts of the seed, and null for what nobody can know; no registry is asked."""
    project.manifest("chat", **fields)
    data = info(project, "chat")
    assert tuple(data[name] for name in FACTS) == expected
    assert (data["format_version"], data["live"]) == ("1.0", None)
    assert data["source"] == {"file": "manifests/chat.yaml", "line": 1}
    assert not (project.root / "registry.db").exists()


def test_text_for_people(project: Project) -> None:
    """A line for each fact; nothing that a terminal obeys."""
    project.manifest("chat", display_name="Ch\x1b[2Jat\u202e", parameters={"max_completion_tokens": 128000})
    assert project.ok("info", "chat").out.splitlines() == [
        "chat",
        "  Name:       Ch\\x1b[2Jat\\u202e",
        "  Provider:   openai",
        "  Model:      m",
        "  Streaming:  yes",
        "  Chat:       yes",
        "  Max tokens: 128,000",
        "  Declared:   manifests/chat.yaml:1",
    ]


def test_which_model_is_meant(project: Project) -> None:
    """By its key or an address, even one with another key; none, several, a native one or a broken one are told apart."""
    project.manifest("chat", registries={"local": {"key": "talk"}})
    assert info(project, "local/Model/talk")["key"] == "chat"
    answer = project.run("info", "nobody")
    assert (answer.code, "no manifest declares a Model 'nobody'" in answer.err) == (1, True)
    project.write("manifests/again.yaml", "kind: Model\nkey: chat\nprovider: {name: a, model: b}\n")
    answer = project.run("info", "chat")
    assert answer.code == 64
    assert "manifests/again.yaml:1, manifests/chat.yaml:1" in answer.err
    project.write("manifests/broken.yaml", "kind: Model\nkey: broken\nendpoint: 7\n")
    answer = project.run("info", "broken", "--format", "json")
    assert (answer.code, answer.json("error")["error"]["code"]) == (1, "manifests")


def test_a_native_document_says_nothing_of_it(project: Project) -> None:
    """What a registry's own terms mean is the registry's business."""
    project.write("reconciler.yaml", "registries:\n  lf: {driver: latticeflow, url: 'https://x.example.com'}\n")
    text = "kind: latticeflow/Model\nkey: one\ndisplay_name: One\nconfig: {connection_type: placeholder}\n"
    project.write("manifests/one.yaml", text)
    answer = project.run("info", "one")
    assert (answer.code, "a registry's own terms" in answer.err) == (1, True)


# --- live ---------------------------------------------------------------------------------------------------------


def test_the_endpoint_is_asked(project: Project, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """GET <url>/models, with the key and the headers of the manifest; the length of the context comes from there."""
    monkeypatch.setenv("KEY", "sk-Zx81qLmW")
    headers = {"X-Tenant": "acme", "X-Token": "${env:KEY}"}
    project.manifest(
        "chat",
        endpoint={"url": place.url, "model": "m", "api_key": "${env:KEY}", "headers": headers},
        parameters={"max_completion_tokens": 9},
    )
    data = info(project, "chat", "--live")
    assert data["max_tokens"] == 131072
    assert data["live"] == {
        "url": f"{place.url}/models",
        "listed": True,
        "owned_by": "vllm",
        "max_tokens": 131072,
    }
    ((path, sent),) = place.asked
    assert (path, sent["authorization"], sent["x-tenant"]) == ("/v1/models", "Bearer sk-Zx81qLmW", "acme")
    assert sent["x-token"] == "sk-Zx81qLmW"
    text = project.ok("info", "chat", "--live").out
    assert "  Listed:     yes\n  Owned by:   vllm\n" in text
    assert not any("Zx81qLmW" in answer.both for answer in project.runs)


def test_anthropics_headers(project: Project, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its key goes into x-api-key, beside the version of its API."""
    monkeypatch.setenv("KEY", "sk-Zx81qLmW")
    endpoint = {"url": place.url, "model": "m", "format": "anthropic", "api_key": "${env:KEY}"}
    project.manifest("chat", endpoint=endpoint)
    assert info(project, "chat", "--live")["live"]["listed"] is True
    ((_, sent),) = place.asked
    assert (sent["x-api-key"], sent["anthropic-version"]) == ("sk-Zx81qLmW", "2023-06-01")
    assert "authorization" not in sent


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"data": []}, (False, None, None)),
        ([{"id": "m", "context_length": 8192}], (True, None, 8192)),
        ({"data": [{"id": "m", "owned_by": 7, "context_window": True, "max_tokens": -1}]}, (True, None, None)),
        ({"data": [{"id": "m", "owned_by": "\x1b[2J", "max_model_len": "8192"}]}, (True, "\x1b[2J", None)),
    ],
)
def test_what_endpoints_answer(project: Project, place: Place, body: Any, expected: tuple[Any, ...]) -> None:
    """Lists with and without an envelope; what is no number is no length, and nothing of it reaches a terminal."""
    place.body = json.dumps(body).encode()
    project.manifest("chat", endpoint={"url": place.url, "model": "m"})
    live = info(project, "chat", "--live")["live"]
    assert (live["listed"], live["owned_by"], live["max_tokens"]) == expected
    assert not TERMINAL & set(project.ok("info", "chat", "--live").out)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, b'{"error": "no"}', "check api_key"),
        (404, b"", "leave out --live"),
        (200, b"<html>", ""),
        (200, b"{}", "does not answer with a list of models"),
        (200, b'{"data": {}}', "does not answer with a list of models"),
        (302, b"", ""),
    ],
)
def test_what_endpoints_do_wrong(project: Project, place: Place, status: int, body: bytes, said: str) -> None:
    """Exit 1, in words; a redirect is not followed, so that the key goes nowhere else."""
    place.status, place.body, place.headers = status, body, {"Location": f"{place.url}/elsewhere"}
    project.manifest("chat", endpoint={"url": place.url, "model": "m"})
    answer = project.run("info", "chat", "--live", "--format", "json")
    assert answer.code == 1
    assert said in answer.both
    assert answer.json("error")["error"]["code"].startswith("registry")
    assert {path for path, _ in place.asked} == {"/v1/models"}


def test_nobody_to_ask(project: Project) -> None:
    """A provider's model and a format of its own have no list; a key without a value is said; a closed port too."""
    project.manifest("hosted", endpoint=None, provider={"name": "openai", "model": "m"})
    project.manifest("custom", endpoint={"url": "http://127.0.0.1:1", "format": "custom"})
    for key in ("hosted", "custom"):
        answer = project.run("info", key, "--live")
        assert (answer.code, "leave out --live" in answer.err) == (64, True)
    project.manifest("chat", endpoint={"url": "http://127.0.0.1:1", "model": "m", "api_key": "${env:NOT_THERE}"})
    answer = project.run("info", "chat", "--live")
    assert (answer.code, "NOT_THERE is not set" in answer.err) == (1, True)
    project.manifest("shut", endpoint={"url": "http://127.0.0.1:1", "model": "m"})
    assert project.run("info", "shut", "--live").code == 1
