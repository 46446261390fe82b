"""`reconciler info`: what a manifest says of a model, and what its endpoint does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cli.project import TERMINAL, Project, model

from reconciler.core.document.dump import dump_yaml
from reconciler.project.model_facts import facts_json
from reconciler.registry.capabilities import DescribesModels, ModelFacts
from reconciler.registry.catalog import load_driver, names

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
    pages: list[dict[str, Any]] = field(default_factory=list)  # in the place of `body`, one after the other


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            page = made.pages[len(made.asked) - 1] if made.pages else None
            body = made.body if page is None else json.dumps(page).encode()
            self.send_response(made.status)
            for name, value in {"Content-Length": str(len(body)), **made.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

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
        "  Local:      no",
        "  Streaming:  yes",
        "  Chat:       yes",
        "  Context:    -",
        "  Max answer: 128,000",
        "  Declared:   manifests/chat.yaml:1",
    ]


def test_which_model_is_meant(project: Project) -> None:
    """By its key or an address, even one with another key; none, several, a native one or a broken one are told apart."""
    project.manifest("chat", registries={"local": {"key": "talk"}})
    assert info(project, "local/Model/talk")["key"] == "chat"
    answer = project.run("info", "nobody")
    assert (answer.code, "no manifest declares 'nobody'" in answer.err) == (1, True)
    project.write("manifests/again.yaml", "kind: Model\nkey: chat\nprovider: {name: a, model: b}\n")
    answer = project.run("info", "chat")
    assert answer.code == 64
    assert "manifests/again.yaml:1, manifests/chat.yaml:1" in answer.err
    project.write("manifests/broken.yaml", "kind: Model\nkey: broken\nendpoint: 7\n")
    answer = project.run("info", "broken", "--format", "json")
    assert (answer.code, answer.json("error")["error"]["code"]) == (1, "manifests")


REGISTRIES = """\
registries:
  local: {driver: local, path: registry.db, default: true}
  lf: {driver: latticeflow, url: 'https://x.example.com'}
  nm: {driver: nemo, url: 'https://x.example.com'}
  wx: {driver: watsonx, url: 'https://x.example.com/api/v1'}
  il: {driver: insidellms, path: runs}
"""
NATIVE = [
    (
        "kind: latticeflow/Model\ndisplay_name: One\nconfig: {connection_type: provider_connection, provider_id: openai, model_key: gpt-5-nano}\n",
        ("One", "openai", "gpt-5-nano", False, True, True, None),
    ),
    (
        "kind: latticeflow/Model\ndisplay_name: One\ntask: embeddings\nconfig:\n  url: http://localhost:8000/v1\n  model_key: m\n",
        ("One", "custom", "m", True, False, False, None),
    ),
    (
        "kind: latticeflow/Model\ndisplay_name: One\nconfig: {connection_type: placeholder}\n",
        ("One", "placeholder", None, None, None, None, None),
    ),
    (
        "kind: nemo/Model\nbackend_format: ANTHROPIC_MESSAGES\napi_endpoint: {url: 'https://x.example.com', model_id: m}\n",
        ("one", "anthropic", "m", False, True, True, None),
    ),
    ("kind: nemo/Provider\nhost_url: 'http://127.0.0.1:8000'\n", ("one", "one", None, True, None, None, None)),
    (
        "kind: watsonx/Model\nKEY: virtual-model/anthropic/claude\ndisplay_name: One\nconfig: {max_tokens: 9}\n",
        ("One", "anthropic", "claude", False, True, True, 9),
    ),
    (
        "kind: insidellms/Model\nmodel: {type: llamacpp, args: {model_path: m.gguf, n_ctx: 4096}}\n",
        ("one", "llamacpp", "m.gguf", True, True, True, 4096),
    ),
    (
        "kind: insidellms/Model\nmodel: {type: vllm, args: {model_name: m, base_url: 'http://[::1]:8000'}}\n",
        ("one", "vllm", "m", True, True, True, None),
    ),
]


@pytest.mark.parametrize(("text", "expected"), NATIVE, ids=[text.split("\n")[0] for text, _ in NATIVE])
def test_a_native_document_is_told_as_its_driver_reads_it(
    project: Project, text: str, expected: tuple[Any, ...]
) -> None:
    """The same facts, in the same words; nobody is asked, and --live says that it cannot be."""
    project.write("reconciler.yaml", REGISTRIES)
    key = text.partition("KEY: ")[2].partition("\n")[0] or "one"
    project.write("manifests/one.yaml", f"key: {key}\n" + text.replace(f"KEY: {key}\n", ""))
    data = info(project, key)
    names = ("name", "provider", "model_id", "local", "supports_streaming", "supports_chat", "max_tokens")
    assert tuple(data[name] for name in names) == expected
    assert data["kind"] == text.partition("kind: ")[2].partition("\n")[0]
    answer = project.run("info", key, "--live")
    assert (answer.code, "leave out --live" in answer.err) == (64, True)


def test_every_native_kind_of_every_driver_is_told(project: Project) -> None:
    """Whatever is in it, least of all what is not: a driver reads its own rows, never a form that it expects."""
    for name in names():
        driver = load_driver(name)
        for kind in driver.kinds:
            assert isinstance(driver, DescribesModels) or name == "local"
            for spec in ({}, {"config": None, "spec": None, "model": None, "api_endpoint": None}):
                facts = driver.describe(kind, "key", spec) if isinstance(driver, DescribesModels) else ModelFacts()
                assert facts_json("key", facts)["name"] == "key"


@pytest.mark.parametrize(
    ("fields", "local"),
    [
        ({"provider": {"name": "ollama", "model": "m"}}, True),
        ({"provider": {"name": "llamacpp", "model": "m"}}, True),
        ({"provider": {"name": "vLLM", "model": "m"}}, True),
        ({"provider": {"name": "huggingface", "model": "m"}}, True),
        ({"provider": {"name": "openai", "model": "m"}}, False),
        ({"provider": {"name": "nobody-knows", "model": "m"}}, None),
        ({"endpoint": {"url": "http://localhost:8000/v1"}}, True),
        ({"endpoint": {"url": "http://LOCALHOST.:8000/v1"}}, True),
        ({"endpoint": {"url": "http://127.0.0.2/v1"}}, True),
        ({"endpoint": {"url": "http://[::1]:8000/v1"}}, True),
        ({"endpoint": {"url": "https://llm.example.com/v1"}}, False),
        ({"endpoint": {"url": "http://localhost.example.com/v1"}}, False),
        ({"endpoint": {"url": "http://10.0.0.1/v1"}}, False),
    ],
)
def test_whether_a_model_is_local(project: Project, fields: dict[str, Any], local: bool | None) -> None:
    """By its address, else by its provider; null where neither tells."""
    project.manifest("chat", **{"endpoint": None, **fields})
    assert info(project, "chat")["local"] is local


def test_a_declared_context_is_the_length(project: Project) -> None:
    """`limits.context_length` is `max_tokens`, whatever the longest answer; both are told by their own names, too."""
    project.manifest("chat", limits={"context_length": 8192}, parameters={"max_completion_tokens": 9})
    data = info(project, "chat")
    assert (data["max_tokens"], data["context_length"], data["max_answer_tokens"]) == (8192, 8192, 9)


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
        "near": [],
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
        ({"data": [{"id": "m", "max_tokens": 64000, "max_input_tokens": 200000}]}, (True, None, 200000)),
        ({"data": [{"id": "m", "max_tokens": 64000, "max_output_tokens": 64000}]}, (True, None, None)),
        ({"data": [{"id": "m", "meta": {"n_ctx": 256, "n_ctx_train": 512}}]}, (True, None, 256)),
        ({"data": [{"id": "x", "aliases": ["m"], "owned_by": "llamacpp"}]}, (True, "llamacpp", None)),
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


@pytest.mark.parametrize("form", ["openai", "anthropic"])
def test_a_list_is_read_to_its_end(project: Project, place: Place, form: str) -> None:
    """Page by page, up to the one that holds the model; a list that does not turn its page, or never ends, is given up."""
    place.pages = [{"data": [{"id": f"x{n}"}], "has_more": n < 3, "last_id": f"x{n}"} for n in range(3)]
    place.pages.append({"data": [{"id": "m", "context_length": 7}], "has_more": True, "last_id": "m"})
    project.manifest("chat", endpoint={"url": place.url, "model": "m", "format": form})
    live = info(project, "chat", "--live")["live"]
    assert (live["listed"], live["max_tokens"], len(place.asked)) == (True, 7, 4)
    name = "after_id" if form == "anthropic" else "after"
    assert [parse_qs(urlsplit(path).query).get(name) for path, _ in place.asked] == [None, ["x0"], ["x1"], ["x2"]]


def test_a_list_that_does_not_end_says_nothing_of_what_is_not_in_it(project: Project, place: Place) -> None:
    """Neither listed nor not; and one that gives the same page again has ended."""
    place.pages = [{"data": [{"id": f"x{n}"}], "has_more": True} for n in range(80)]
    project.manifest("chat", endpoint={"url": place.url, "model": "m"})
    assert (info(project, "chat", "--live")["live"]["listed"], len(place.asked)) == (None, 50)
    place.asked.clear()
    place.pages = [{"data": [{"id": "x"}], "has_more": True, "last_id": "x"}] * 9
    assert (info(project, "chat", "--live")["live"]["listed"], len(place.asked)) == (False, 2)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("m", ["m:latest", "org/m"]),
        ("gpt-4o", ["gpt-4o-mini"]),
        ("llama-3.1-8b", ["meta/llama-3.1-8b@main"]),
        ("nothing-like-it", []),
    ],
)
def test_a_name_is_another_than_one_like_it(project: Project, place: Place, name: str, near: list[str]) -> None:
    """`m` is not `m:latest`: what is probably meant is told."""
    listed = ["m:latest", "org/m", "gpt-4o-mini", "meta/llama-3.1-8b@main"]
    place.body = json.dumps({"data": [{"id": one} for one in listed]}).encode()
    project.manifest("chat", endpoint={"url": place.url, "model": name})
    live = info(project, "chat", "--live")["live"]
    assert (live["listed"], live["near"]) == (False, near)
    told = f" (near: {', '.join(near)})" if near else ""
    assert f"Listed:     no{told}\n" in project.ok("info", "chat", "--live").out


def test_an_address_is_asked_for_only_where_it_tells_documents_apart(project: Project) -> None:
    """Two documents of one address are a mistake, which no address helps; two of one key in two registries are none."""
    project.manifest("chat")
    project.write("manifests/two.yaml", (project.root / "manifests/chat.yaml").read_text())
    answer = project.run("info", "chat")
    assert (answer.code, "is declared 2 times" in answer.err) == (64, True), answer.both
    assert "give the address" not in answer.err
    assert "hint: `reconciler validate`" in answer.err
    project.write(
        "reconciler.yaml",
        "owner: us\nregistries:\n  one: {driver: local, path: 1.db}\n  two: {driver: local, path: 2.db}\n",
    )
    project.manifest("chat", registries={"one": {}})
    project.write("manifests/two.yaml", dump_yaml(model("chat", registries={"two": {}})))
    assert "hint: give the address" in project.run("info", "chat").err


@pytest.mark.parametrize("key", ["a", "local/Model/a"])
@pytest.mark.parametrize("command", [["info"], ["info", "--live"], ["test"]])
def test_two_documents_of_one_address_are_never_taken_for_one(project: Project, key: str, command: list[str]) -> None:
    """Neither is told of, and no key of either is sent, where nothing says which is meant: both places are named."""
    for name in ("one", "two"):
        project.write(f"manifests/{name}.yaml", dump_yaml(model("a")))
    answer = project.run(*command, key)
    assert answer.code == 64
    assert f"{key!r} is declared 2 times: manifests/one.yaml:1, manifests/two.yaml:1" in answer.err
    assert answer.out == ""


def test_two_keys_that_become_one_address_are_found_by_the_address(project: Project) -> None:
    """By its key alone, each document is still the one of that key."""
    project.write("manifests/one.yaml", dump_yaml(model("a")))
    project.write("manifests/two.yaml", dump_yaml(model("b", registries={"local": {"key": "a"}})))
    answer = project.run("info", "local/Model/a")
    assert answer.code == 64
    assert "manifests/one.yaml:1, manifests/two.yaml:1" in answer.err
    assert "manifests/two.yaml:1" in project.ok("info", "b").out
