"""Seed 002, LatticeFlow AI GO!, "Text Generation and Prompting": what an OpenAI-compatible endpoint has to do, and what it need not."""

from __future__ import annotations

from typing import Any, Final

import pytest
from cli.project import Project, model
from endpoint.place import Place
from endpoint.server import KEY
from registry.aigo.server import Server
from seeds.conftest import declare

PARAMETERS: Final = {"max_completion_tokens": 64, "temperature": 0.5, "n": 2, "top_p": 0.9}
ADAPTER: Final[dict[str, Any]] = {
    "kind": "latticeflow/Adapter",
    "key": "mine",
    "registry": "aigo",
    "display_name": "Mine",
    "process_input": {"language": "jinja", "source_code": '{"ask": {{ input.messages[0].content | tojson }}}'},
    "process_output": {"language": "jinja", "source_code": '{"said": "{{ body | json_escape }}"}'},
}


@pytest.fixture
def here(project: Project, place: Place, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("LLM_KEY", KEY)
    return project


def behind(place: Place, name: str) -> dict[str, Any]:
    """The three things that the seed asks for: url, model key, api_key."""
    return {"url": place.url, "model": name, "api_key": "${env:LLM_KEY}"}


def result_of(project: Project, *words: str, code: int = 0) -> dict[str, Any]:
    answer = project.run("test", "chat", "--format", "json", *words)
    assert answer.code == code, answer.both
    return answer.json("test")


def test_a_chat_completion_endpoint_exists_below_the_url(here: Project, place: Place) -> None:
    """ "a chat completion endpoint should exist at <url>/chat/completions": the url is the base, and that is where it is asked."""
    here.manifest("chat", endpoint=behind(place, "below"))
    assert result_of(here)["ok"]
    assert {one["path"] for one in place.seen("below")} == {"/v1/chat/completions"}


def test_the_input_follows_openais_format(here: Project, place: Place) -> None:
    """The seed's request: JSON, `messages` with `Hello!` of a user, and the key as a bearer token."""
    here.manifest("chat", endpoint=behind(place, "input"))
    result_of(here)
    first = place.seen("input")[0]
    assert first["headers"]["content-type"].startswith("application/json")
    assert first["headers"]["authorization"] == f"Bearer {KEY}"
    assert first["body"]["messages"] == [{"role": "user", "content": "Hello!"}]


def test_the_parameters_that_are_used(here: Project, place: Place) -> None:
    """`max_completion_tokens`, `temperature`, `n` and `top_p`: declared they arrive, and the test says of each what becomes of it."""
    here.manifest("chat", endpoint=behind(place, "used"), parameters=PARAMETERS)
    assert result_of(here)["capabilities"] == dict.fromkeys(PARAMETERS, "accepted")
    assert place.seen("used")[0]["body"].items() >= PARAMETERS.items()


def test_the_integration_will_still_work_if_not_all_are_supported(here: Project, place: Place) -> None:
    """ "some functionality might be disabled": what is refused is degraded and told with its place, and nothing is failed or blocked."""
    here.manifest("chat", endpoint=behind(place, "refuses-n+refuses-top_p"), parameters=PARAMETERS)
    data = result_of(here)
    assert (data["ok"], data["state"]) == (True, "degraded")
    messages = {check["name"]: check["message"] for check in data["checks"] if check["state"] == "degraded"}
    assert "n refused (manifests/chat.yaml:" in messages["inference"]
    assert "capabilities" in {check["name"] for check in data["checks"]}
    assert here.apply("--test").code == 0
    assert result_of(here, "--strict", code=1)["state"] == "degraded"


def test_streaming_is_no_criterion(here: Project, place: Place) -> None:
    """The criteria do not name it: an endpoint without works, unless streaming is required."""
    here.manifest("chat", endpoint=behind(place, "unstreamed"))
    states = {check["name"]: check["state"] for check in result_of(here)["checks"]}
    assert (states["streaming"], states["inference"]) == ("degraded", "ok")
    assert result_of(here, "--require", "streaming", code=1)


def test_the_output_follows_openais_format(here: Project, place: Place) -> None:
    """`choices[0].message.content` and `usage` are read; an answer of another form is none."""
    here.manifest("chat", endpoint=behind(place, "output"))
    output = result_of(here)["output"]
    assert output["choices"][0]["message"] == {"role": "assistant", "content": "Hello there."}
    assert output["usage"]["total_tokens"] == output["usage"]["prompt_tokens"] + output["usage"]["completion_tokens"]
    here.manifest("chat", endpoint=behind(place, "error-inside"))
    assert "the model is out of order" in here.run("test", "chat").out


def test_url_api_key_and_model_key_are_what_is_provided(project: Project, ai_go: Server) -> None:
    """In AI GO! it is a custom model with the adapter for OpenAI, as the seed has one select it by hand."""
    endpoint = {"url": "https://llm.example.com/v1", "model": "gpt-oss-120b", "api_key": "${env:LLM_KEY}"}
    declare(project, model("chat", display_name="Chat", endpoint=endpoint))
    project.apply()
    config = ai_go.state.models["chat"]["config"]
    assert (config["url"], config["model_key"]) == ("https://llm.example.com/v1/chat/completions", "gpt-oss-120b")
    assert config["connection_type"].startswith("custom")
    adapters = {row["id"]: row["key"] for row in ai_go.state.adapters.values()}
    assert adapters[ai_go.state.models["chat"]["adapter_id"]] == "latticeflow$openai_chat_completion"
    assert KEY not in str(config)


def test_custom_formats_too(here: Project, place: Place) -> None:
    """ "or even custom formats": an adapter makes the endpoint's input and reads its output."""
    here.write(
        "reconciler.yaml",
        "owner: us\nregistries:\n  local: {driver: local, path: registry.db, default: true}\n"
        "  aigo: {driver: latticeflow, url: 'http://127.0.0.1:9', api_key: '${env:UNSET}'}\n",
    )
    endpoint = behind(place, "gpt") | {"url": f"{place.host}/own/", "format": "custom", "adapter": "mine"}
    chat = model("chat", display_name="Own", endpoint=endpoint, registries={"aigo": {}})
    declare(here, ADAPTER, chat)
    assert result_of(here)["output"] == {"said": "answer=HELLO!&model="}


def test_the_connection_can_be_result_of(here: Project, place: Place) -> None:
    """ "Test connection": the first check, which says why there is none."""
    here.manifest("chat", endpoint=behind(place, "connection"))
    assert result_of(here)["checks"][0].items() >= {"name": "connection", "ok": True}.items()
    here.manifest("chat", endpoint={"url": "http://127.0.0.1:9/v1", "model": "m"})
    (check,) = result_of(here, code=1)["checks"]
    assert (check["name"], check["state"]) == ("connection", "failed")
