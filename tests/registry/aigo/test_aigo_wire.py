"""What `lf` cannot show of the emulator: that it is strict, and that it misbehaves when it is told to."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from programs import HANGS
from registry.aigo.behaviour import MASK, NOVELTY, Behaviour
from registry.aigo.samples import adapter
from registry.aigo.server import KEY_HEADER, VERSION_HEADER, Server, aigo
from registry.aigo.state import State

Data = dict[str, Any]


class Answer(NamedTuple):
    status: int
    body: Any
    headers: dict[str, str]


class Client:
    """One connection, kept as long as the server keeps it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=HANGS)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        raw = None if body is None else json.dumps(body)
        sent = {KEY_HEADER: self.server.key, VERSION_HEADER: "test@1"}
        sent |= ({} if raw is None else {"Content-Type": "application/json"}) | headers
        self.connection.request(method, path, raw, sent)
        reply = self.connection.getresponse()
        text, kind = reply.read(), reply.headers.get_content_type()
        return Answer(reply.status, json.loads(text) if kind == "application/json" else text, dict(reply.headers))


@pytest.fixture
def server() -> Iterator[Server]:
    with aigo(seeded=True) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    client = Client(server)
    yield client
    client.connection.close()


def model(server: Server, key: str = "chat", **fields: Any) -> Data:
    """A request body."""
    config = {"connection_type": "custom_connection", "adapter_id": identity(server), "url": "https://llm.example.com"}
    return {"key": key, "display_name": "Chat", "task": "chat_completion", "config": config} | fields


def config(server: Server, **fields: Any) -> Data:
    return model(server)["config"] | fields


def identity(server: Server) -> str:
    return str(server.state.adapters["latticeflow$identity"]["id"])


def test_the_codes_are_those_of_the_api(server: Server, client: Client) -> None:
    """Creating is 201, all else that works is 200, and refusals say why in `message`."""
    created = client("POST", "/api/models", model(server))
    assert created.status == 201
    assert created.body == server.state.models["chat"]
    assert created.body["usage"] == {"prompt_tokens": 0, "completion_tokens": 0}
    assert created.body["adapter_id"] == identity(server)
    path = f"/api/models/{created.body['id']}"
    assert client("POST", "/api/models", model(server)).status == 409
    assert client("PUT", path, model(server, "renamed")).status == 200
    assert client("GET", path).body["key"] == "renamed"
    other = client("POST", "/api/models", model(server, "other")).body
    assert client("PUT", path, model(server, "other")).status == 409
    assert [row["id"] for row in client("GET", "/api/models?key=other").body["models"]] == [other["id"]]
    assert client("GET", "/api/models?key=oth").body == {"models": []}
    assert client("DELETE", path).status == 200
    assert [client(method, path).status for method in ("GET", "DELETE")] == [404, 404]
    assert client("PUT", path, model(server)).status == 404
    for path in (
        "/api/nothing",
        "/models",
        "/api",
        "/api/",
        "/api/ai-apps/1/models",
        "/api/models/a/b/c",
        "/api/secrets//",
    ):
        answer = client("GET", path)
        assert (answer.status, list(answer.body)) == (404, ["message"]), path
    assert client("PATCH", "/api/models", model(server)).status == 405


def test_adapters_know_their_models(server: Server, client: Client) -> None:
    """An adapter answers which models use it, and cannot be deleted while one does."""
    own = client("POST", "/api/model-adapters", adapter()).body
    assert own["model_ids"] == []
    used = client("POST", "/api/models", model(server, config=config(server, adapter_id=own["id"]))).body
    path = f"/api/model-adapters/{own['id']}"
    assert client("GET", path).body["model_ids"] == [used["id"]]
    assert client("GET", "/api/model-adapters?key=chat-in-and-out").body["model_adapters"] == [
        own | {"model_ids": [used["id"]]}
    ]
    assert client("DELETE", path).status == 400
    assert client("PUT", path, adapter(display_name="Other")).body["display_name"] == "Other"
    assert client("DELETE", f"/api/models/{used['id']}").status == 200
    assert client("DELETE", path).status == 200
    assert client("DELETE", path).status == 404


def test_the_key_is_asked_for(server: Server, client: Client) -> None:
    """A wrong key and another header are 401; the request is recorded all the same."""
    assert client("GET", "/api/models", **{KEY_HEADER: "wrong"}).status == 401
    assert client("GET", "/api/models", **{KEY_HEADER: "", "Authorization": f"Bearer {server.key}"}).status == 401
    assert [(one.method, one.path, one.body) for one in server.requests] == [("GET", "/api/models", None)] * 2
    assert server.headers[0][VERSION_HEADER] == "test@1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "gpt-4.1"},
        {"key": "a/b"},
        {"key": "nobody$a"},
        {"key": "k" * 251},
        {"key": "a\n"},
        {"display_name": ""},
        {"description": None},
        {"rate_limit": "60"},
        {"rate_limit": 60.5},
        {"rate_limit": 60.0},
        {"rate_limit": True},
        {"max_concurrent_requests": 0},
        {"task": "completion"},
        {"id": "x"},
        {"adapter_id": "x"},
        {"usage": {}},
        {"config": {}},
        {"config": {"connection_type": "telepathy"}},
        {"config": {"connection_type": "placeholder", "url": "x"}},
        {"config": {"connection_type": "dify", "url": "x"}},
        {"config": {"connection_type": "provider_connection", "provider_id": "mistral", "model_key": "x"}},
    ],
    ids=str,
)
def test_what_is_wrong_with_a_model_is_refused(server: Server, client: Client, wrong: Data) -> None:
    """Nothing is coerced: what a real server might not take is 400, and nothing is stored."""
    answer = client("POST", "/api/models", model(server) | wrong)
    assert (answer.status, list(answer.body)) == (400, ["message"])
    assert server.state.models == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"adapter": {"key": "x"}},
        {"adapter_id": "nobody"},
        {"api_key": None},
        {"api_key": {"name": "no spaces"}},
        {"api_key": {"name": "A", "value": "b"}},
        {"api_key": 5},
        {"custom_headers": {"X-A": None}},
        {"custom_headers": {"X-A": "é"}},
        {"custom_headers": {"X-A": ["b"]}},
        {"tls_context": {"verify": False}},
        {"tls_context": {"validation_context": {"trust_chain_verification": "no"}}},
    ],
    ids=str,
)
def test_what_is_wrong_with_a_connection_is_refused(server: Server, client: Client, wrong: Data) -> None:
    """The same inside a config; and a refusal quotes no value, for it could be a secret."""
    answer = client("POST", "/api/models", model(server, config=config(server, **wrong)))
    assert answer.status == 400
    assert server.state.models == {}
    assert "no spaces" not in answer.body["message"]


def test_other_bodies_are_checked_too(server: Server, client: Client) -> None:
    """Adapters, secrets and integrations are as strict; no body, a list or another content type is 400."""
    for path, body in (
        ("/api/model-adapters", adapter("a.b")),
        ("/api/model-adapters", adapter(process_input={"language": "python", "source_code": ""})),
        ("/api/model-adapters", adapter(task="chat_completion")),
        ("/api/secrets", {"name": "A", "value": "b"}),
        ("/api/secrets", {"secret": {"name": "A.B"}, "value": "b"}),
        ("/api/models", None),
        ("/api/models", []),
    ):
        assert client("POST", path, body).status == 400, (path, body)
    assert client("PUT", "/api/integrations/anthropic", {"api_key": "k", "org_id": "o"}).status == 400
    assert client("PUT", "/api/integrations/mistral", {"api_key": "k"}).status == 404
    assert client("GET", "/api/models?page=2").status == 400
    assert client("POST", "/api/models", model(server), **{"Content-Type": "text/plain"}).status == 400


def test_secrets_and_integrations_never_tell(server: Server, client: Client) -> None:
    """A secret's value and an API key go in, and only names come out."""
    assert client("POST", "/api/secrets", {"secret": {"name": "A"}, "value": "s3cret"}).status == 200
    assert client("POST", "/api/secrets", {"secret": {"name": "A"}, "value": "n3wer"}).status == 200
    assert [row["name"] for row in client("GET", "/api/secrets").body["secrets"]] == ["A"]
    assert server.state.secrets["A"]["value"] == "n3wer"
    put = client("PUT", "/api/integrations/openai", {"api_key": "k3y", "org_id": "o"})
    assert put.body == {"id": "openai", "config": {"api_key": MASK, "org_id": "o"}}
    assert client("GET", "/api/integrations/openai/test").body["success"] is True
    assert client("GET", "/api/integrations/gemini/test").body["success"] is False
    provider = client("GET", "/api/model-providers/openai").body
    assert (provider["has_credentials"], provider["models_unreachable"]) == (True, False)
    assert client("GET", "/api/model-providers/together").body["models_unreachable"] is True
    assert client("POST", "/api/models", provider["models"][0]).status == 201
    assert client("DELETE", "/api/secrets/A").status == 200
    assert client("DELETE", "/api/secrets/A").status == 404


def test_unknown_secrets_are_refused_on_demand(server: Server, client: Client) -> None:
    """References are checked, in headers too, only where `checks_secrets` says so."""
    body = model(server, config=config(server, api_key={"name": "A"}, custom_headers={"X-B": {"name": "B"}}))
    server.behaviour.checks_secrets = True
    server.state.put_secret("A", "s3cret")
    refused = client("POST", "/api/models", body)
    assert (refused.status, refused.body) == (400, {"message": "There is no secret B."})
    server.behaviour.checks_secrets = False
    assert client("POST", "/api/models", body).status == 201


def test_raw_secrets_are_hidden_and_headers_are_not(server: Server, client: Client) -> None:
    """Raw secret strings are masked or left out; references and the values of headers are answered."""
    tls = {"validation_context": {"trusted_ca": "Q0E="}}
    headers = {"X-A": "value", "X-B": {"name": "B"}}
    own = config(server, api_key="k3y", tls_context=tls, custom_headers=headers)
    azure = {"connection_type": "azure_foundry", "project_endpoint": "https://x", "agent_name": "a"}
    azure |= {"tenant_id": "t", "client_id": {"name": "C"}, "client_secret": "s"}
    client("POST", "/api/models", model(server, config=own))
    client("POST", "/api/models", model(server, "azure", config=azure))
    server.behaviour.raw_keys = "mask"
    one, two = (row["config"] for row in client("GET", "/api/models").body["models"])
    assert (one["api_key"], one["tls_context"]["validation_context"]["trusted_ca"]) == (MASK, MASK)
    assert one["custom_headers"] == headers
    assert (two["tenant_id"], two["client_id"], two["client_secret"]) == (MASK, {"name": "C"}, MASK)
    server.behaviour.raw_keys = "omit"
    one, two = (row["config"] for row in client("GET", "/api/models").body["models"])
    assert "api_key" not in one
    assert two.keys() == {"connection_type", "project_endpoint", "agent_name", "client_id"}
    assert server.state.models["chat"]["config"] == own


def test_answers_can_be_dressed(server: Server, client: Client) -> None:
    """Nulls, floats, unknown fields and types: in the answer, never in what is stored."""
    server.state.put_model(model(server, rate_limit=60))
    before = json.dumps(server.state.models)
    server.behaviour = Behaviour(fill_nulls=True, ints_as_floats=True, unknown_fields=True)
    [row] = client("GET", "/api/models").body["models"]
    assert (row["description"], row["config"]["api_key"]) == (None, None)
    assert isinstance(row["rate_limit"], float)
    assert row.items() >= NOVELTY.items()
    assert row["config"].items() >= NOVELTY.items()
    server.behaviour = Behaviour(
        broken_adapters={"latticeflow$identity"}, drop_adapters={"latticeflow$openai_responses"}
    )
    server.behaviour.unknown_type("chat")
    assert client("GET", "/api/models").body["models"][0]["config"]["connection_type"] == "telepathy"
    adapters = client("GET", "/api/model-adapters").body["model_adapters"]
    assert [one["process_input"]["language"] for one in adapters] == ["cobol", "jinja"]
    assert json.dumps(server.state.models) == before


def test_a_put_can_have_its_own_ideas(server: Server, client: Client) -> None:
    """What nobody knows of PUT is to be had both ways."""
    row = server.state.put_model(model(server, config=config(server, api_key="k3y"), description=" text "))
    path = f"/api/models/{row['id']}"
    server.behaviour = Behaviour(keeps_keys=True, fixed_key=True, fixed_type=True, trims=True, drops={"rate_limit"})
    assert client("PUT", path, model(server, "other")).status == 400
    assert client("PUT", path, model(server, config={"connection_type": "placeholder"})).status == 400
    answer = client("PUT", path, model(server, description=" text ", rate_limit=5)).body
    assert (answer["config"]["api_key"], answer["description"]) == ("k3y", "text")
    assert "rate_limit" not in answer
    server.behaviour = Behaviour()
    assert "api_key" not in client("PUT", path, model(server)).body["config"]
    assert client("PUT", path, model(server, "other", config={"connection_type": "placeholder"})).status == 200
    assert list(server.state.models) == ["other"]


def test_the_nth_request_fails(server: Server, client: Client) -> None:
    """Counted from when it was said, and only once."""
    client("GET", "/api/models")
    server.behaviour.fail_nth = {2: (429, "7"), 3: 500}
    answers = [client("GET", "/api/models") for _ in range(4)]
    assert [one.status for one in answers] == [200, 429, 500, 200]
    assert answers[1].headers["Retry-After"] == "7"
    server.behaviour.fail_every = 2
    assert [client("GET", "/api/secrets").status for _ in range(4)] == [200, 503, 200, 503]
    server.behaviour.list_status = {"models": 404}
    server.behaviour.fail_every = 0
    assert [client("GET", f"/api/{name}").status for name in ("models", "model-adapters")] == [404, 200]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_reply_is_lost(server: Server, client: Client, when: str) -> None:
    """The connection ends without a reply to the nth write, which is done or is not; reads and tests are no writes."""
    setattr(server.behaviour, f"close_{when}_nth_write", 2)
    first = client("POST", "/api/models", model(server, "one")).body
    client("POST", f"/api/models/{first['id']}/check-connection")
    with pytest.raises(http.client.RemoteDisconnected):
        client("POST", "/api/models", model(server, "two"))
    assert list(server.state.models) == (["one", "two"] if when == "after" else ["one"])
    assert client("POST", "/api/models", model(server, "three")).status == 201
    assert [one.body["key"] for one in server.writes] == ["one", "two", "three"]
    assert (len(server.requests), server.connections) == (4, 2)


def test_reads_lag(server: Server, client: Client) -> None:
    """So many reads after a write still see what was before."""
    server.behaviour.lag = 2
    created = client("POST", "/api/models", model(server)).body
    counts = [len(client("GET", "/api/models").body["models"]) for _ in range(3)]
    assert counts == [0, 0, 1]
    client("DELETE", f"/api/models/{created['id']}")
    path = f"/api/models/{created['id']}"
    assert [client("GET", path).status for _ in range(3)] == [200, 200, 404]


def test_another_client_gets_in_first(server: Server, client: Client) -> None:
    """Just before the write that was named, once."""

    def other(state: State) -> None:
        state.put_model(model(server))

    server.behaviour.meanwhile, server.behaviour.meanwhile_at = other, 2
    client("POST", "/api/secrets", {"secret": {"name": "A"}, "value": "b"})
    assert server.state.models == {}
    assert client("POST", "/api/models", model(server)).status == 409


def test_it_can_be_slow_and_counts_who_waits(server: Server, client: Client) -> None:
    """Latency comes before each answer."""
    server.behaviour.latency = 0.05
    began = time.monotonic()
    client("GET", "/api/models")
    assert time.monotonic() - began >= 0.05
    assert began <= server.requests[0].at <= time.monotonic()
    assert server.peak == 1


def test_a_page_and_a_version(server: Server, client: Client) -> None:
    """A log-in proxy answers 200 and HTML; a server that wants another client answers 426."""
    server.behaviour.html = True
    page = client("GET", "/api/models")
    assert (page.status, page.headers["Content-Type"].partition(";")[0]) == (200, "text/html")
    server.behaviour = Behaviour(version_mismatch=True)
    assert client("GET", "/api/models")[:2] == (426, {"api_version": "99.0.0", "client_version": "test@1"})


def test_a_model_is_tried_out(server: Server, client: Client) -> None:
    """Templates are really rendered; what cannot be is 422; a status may take its time."""
    own = server.state.put_adapter(
        adapter(process_output={"language": "jinja", "source_code": "{{ status_code }} {{ body | fromjson | length }}"})
    )
    row = server.state.put_model(model(server, config=config(server, adapter_id=own["id"], model_key="big")))
    path = f"/api/models/{row['id']}"
    server.behaviour.pending = 1
    assert [client("POST", f"{path}/check-status").status for _ in range(2)] == [202, 200]
    given = client("POST", f"{path}/transform-input", {"input": '{"messages": ["é<"]}'})
    assert json.loads(given.body["input"]) == {"model": "big", "messages": ["é<"]}
    for wrong in ("{", "[]", "{}"):
        assert client("POST", f"{path}/transform-input", {"input": wrong}).status == 422
    server.behaviour.inference_output, server.behaviour.inference_status = "[1, 2, 3]", 206
    answer = client("POST", f"{path}/run-inference", given.body)
    assert (answer.status, answer.body["status_code"]) == (200, 206)
    assert client("POST", f"{path}/transform-output", answer.body).body == {"output": "206 3"}
    assert client("POST", "/api/models/nobody/run-inference", given.body).status == 404
    assert server.writes == []
