"""Seed 000, LatticeFlow AI GO!, "Models": what a model is, and what `lf` does with one."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
import yaml
from cli.project import Project
from cli.project import model as portable
from endpoint.place import Place
from endpoint.server import KEY
from lf import Lf
from registry.aigo.server import Server
from seeds.conftest import OPENAI_KEY, applied, declare

MODEL_YAML: Final = """\
key: my-model
display_name: My model
config:
  url: https://llm.example.com/v1/chat/completions
  model_key: gpt-oss-120b
  adapter: {key: latticeflow$openai_chat_completion}
"""
BEFORE: Final = '{"ask": {{ input.messages[0].content | tojson }}}'
INTEGRATION: Final = {"kind": "latticeflow/Integration", "key": "openai", "api_key": "${env:OPENAI_API_KEY}"}
AFTER: Final = '{"said": "{{ body | json_escape }}"}'
ADAPTER: Final[dict[str, Any]] = {
    "kind": "latticeflow/Adapter",
    "key": "mine",
    "display_name": "Mine",
    "process_input": {"language": "jinja", "source_code": BEFORE},
    "process_output": {"language": "jinja", "source_code": AFTER},
}


def model(key: str, **fields: Any) -> dict[str, Any]:
    """A model behind an endpoint, with the name that AI GO! asks for."""
    return portable(key, **{"display_name": key} | fields)


def hosted(key: str, **fields: Any) -> dict[str, Any]:
    """A provider's model."""
    return model(key, endpoint=None, provider={"name": "openai", "model": "gpt-5-nano"}, **fields)


# --- Models -------------------------------------------------------------------------------------------------------


def test_a_model_corresponds_to_an_inference_endpoint(project: Project, ai_go: Server, lf: Lf) -> None:
    """ "served either by an external model provider or by an engine in your own infrastructure": `lf` sees both."""
    declare(project, model("own"), hosted("external"), INTEGRATION)
    assert applied(project) == {"own": "create", "external": "create"}
    listed = {row["key"]: row["config"] for row in lf("models", "-j").json()}
    assert listed.keys() == {"own", "external"}
    assert listed["own"]["url"] == "https://llm.example.com/v1/chat/completions"
    assert listed["external"]["model_key"] == "gpt-5-nano"


def test_an_endpoint_is_a_url_that_returns_the_models_prediction(
    project: Project, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "a URL you can send data to": the request is the seed's, model and messages, and the answer is shown."""
    monkeypatch.setenv("LLM_KEY", KEY)
    asked = {"model": "unicorns", "messages": [{"role": "user", "content": "Write a bedtime story."}]}
    project.write("story.json", json.dumps(asked))
    project.manifest("chat", endpoint={"url": place.url, "model": "unicorns", "api_key": "${env:LLM_KEY}"})
    data = project.ok("test", "chat", "--input", "story.json", "--format", "json").json("test")
    assert data["output"]["object"] == "chat.completion"
    assert data["output"]["choices"][0]["message"]["content"] == "Hello there."
    first = place.seen("unicorns")[0]
    assert (first["method"], first["path"]) == ("POST", "/v1/chat/completions")
    assert first["body"].items() >= asked.items()


def test_the_endpoint_url_is_what_must_be_provided(project: Project) -> None:
    """ "providing the endpoint URL that serves the model": without, the manifest is no valid one."""
    project.manifest("chat", endpoint={"model": "m"})
    answer = project.run("validate")
    assert answer.code == 1
    assert "'url' is missing" in answer.out


def test_an_adapter_is_selected_or_defined(project: Project, ai_go: Server) -> None:
    """ "selecting or defining a model adapter": one that comes with AI GO!, and one of our own."""
    endpoint = {"url": "https://llm.example.com/ask", "model": "m", "format": "custom"}
    declare(
        project,
        ADAPTER,
        model("selected", endpoint=endpoint | {"adapter": "latticeflow$openai_chat_completion"}),
        model("defined", endpoint=endpoint | {"adapter": "mine"}),
    )
    assert applied(project) == {"selected": "create", "defined": "create"}
    keys = {row["id"]: row["key"] for row in ai_go.state.adapters.values()}
    adapters = {key: keys[row["adapter_id"]] for key, row in ai_go.state.models.items()}
    assert adapters == {"selected": "latticeflow$openai_chat_completion", "defined": "mine"}


def test_authentication_and_certificates_are_optional(
    project: Project, ai_go: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "optionally, configuring the authentication method and the SSL/TLS certificates": neither is asked for, both are stored."""
    project.write("ca.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    secured = {
        "url": "https://llm.example.com/v1",
        "model": "m",
        "api_key": "${env:LLM_KEY}",
        "tls": {"ca": "${file:../ca.pem}"},
    }
    declare(project, model("open"), model("secured", endpoint=secured))
    project.apply()
    stored = project.stored()
    assert stored["aigo/Model/secured"]["config"].keys() - stored["aigo/Model/open"]["config"].keys() >= {"api_key"}
    assert KEY not in json.dumps(stored)
    assert not project.plan()


# --- Usage --------------------------------------------------------------------------------------------------------


def test_create_the_model_as_defined_in_model_yaml(project: Project, ai_go: Server, lf: Lf) -> None:
    """ "This will persist the model": the file for `lf`, imported and applied, is what `lf` would have made of it."""
    project.write("model.yaml", MODEL_YAML)
    project.ok("import", "model.yaml", "-o", "manifests")
    assert applied(project) == {"my-model": "create"}
    lf.write("model.yaml", yaml.safe_load(MODEL_YAML))
    assert "Skipping the update of model with key 'my-model'" in lf("add", "model", "-f", "model.yaml").both


def test_a_new_key_creates_and_a_known_key_updates_if_data_has_changed(project: Project, ai_go: Server) -> None:
    """The two bullets: no model of the key is there, one is there and differs, one is there and is the same."""
    declare(project, model("my-model"))
    assert applied(project) == {"my-model": "create"}
    ai_go.forget()
    assert applied(project) == {}
    assert not ai_go.writes
    declare(project, model("my-model", display_name="New name"))
    assert applied(project) == {"my-model": "update"}


def test_one_file_or_all_files_of_a_directory(project: Project, ai_go: Server) -> None:
    """`add -f model.yaml` and `add -f 'models/*.yaml'`: PATH is a file, or a glob in quotes."""
    for key in ("a", "b"):
        project.manifest(key, display_name=key)
    assert "aigo/Model/a" in (planned := project.plan("manifests/a.yaml"))
    assert "aigo/Model/b" not in planned
    project.apply("manifests/*.yaml")
    assert ai_go.state.models.keys() == {"a", "b"}


def test_list_all_models_and_delete_the_model_by_key(project: Project, ai_go: Server, lf: Lf) -> None:
    """`lf models` and `lf model delete`: the list has the same models, and the one that is named goes, and no other."""
    declare(project, model("a"), model("my-model"))
    project.apply()
    listed = project.ok("list", "--kind", "Model", "--format", "json").json("list")["resources"]
    assert {row["key"] for row in lf("models", "-j").json()} == {row["key"] for row in listed} == {"a", "my-model"}
    project.ok("delete", "my-model", "--yes")
    assert ai_go.state.models.keys() == {"a"}


def test_export_the_model_by_key(project: Project, ai_go: Server) -> None:
    """To stdout as JSON, or into a YAML file; applied again, either changes nothing."""
    project.manifest("my-model", display_name="Mine")
    project.apply()
    exported = json.loads(project.ok("export", "my-model", "--format", "json").out)
    assert exported.pop("format_version") == "1.0"
    project.ok("export", "my-model", "-o", "model.yaml")
    assert yaml.safe_load((project.root / "model.yaml").read_text("utf-8")) == exported
    assert exported["key"] == "my-model"
    project.remove("my-model")
    project.write("manifests/exported.json", json.dumps(exported))
    assert set(project.plan().values()) <= {"update adopt"}


# --- Testing ------------------------------------------------------------------------------------------------------


@pytest.fixture
def behind_an_adapter(project: Project, ai_go: Server) -> Server:
    """A model with an adapter of its own, stored, whose endpoint says `Hi.`"""
    config = {"url": "https://llm.example.com/own", "adapter": {"key": "mine"}, "model_key": "m"}
    declare(
        project, ADAPTER, {"kind": "latticeflow/Model", "key": "my-model", "display_name": "My model", "config": config}
    )
    project.apply()
    ai_go.behaviour.inference_output = "Hi."
    return ai_go


def test_check_connection_and_run_test_inference(project: Project, behind_an_adapter: Server) -> None:
    """ "Test with a dummy input": a check for each, and the answer."""
    data = project.ok("test", "my-model", "--format", "json").json("test")
    assert data["ok"]
    assert {"check-connection", "run-inference"} <= {check["name"] for check in data["checks"]}
    assert data["output"] == {"said": "Hi."}


def test_check_the_transformation_using_the_adapter(project: Project, behind_an_adapter: Server) -> None:
    """ "check the model I/O transformation": templates, transformed input, the endpoint's answer, transformed output."""
    steps = project.ok("test", "my-model", "--format", "json").json("test")["steps"]
    assert steps == [
        {"name": "transform-input", "text": '{"ask": "Hello!"}', "template": BEFORE},
        {"name": "run-inference", "text": "Hi.", "status": 200},
        {"name": "transform-output", "text": '{"said": "Hi."}', "template": AFTER},
    ]
    assert 'transform-input:\n  {"ask": "Hello!"}' in project.ok("test", "my-model", "-v").out


def test_custom_json_input_with_any_structure(project: Project, behind_an_adapter: Server) -> None:
    """ "to test the integration": `--input input.json` is what the adapter gets."""
    project.write("input.json", '{"messages": [{"role": "user", "content": "Custom?"}], "more": {"a": [1, null]}}')
    data = project.ok("test", "my-model", "--input", "input.json", "--format", "json").json("test")
    assert data["steps"][0]["text"] == '{"ask": "Custom?"}'


# --- Models from Model Providers ----------------------------------------------------------------------------------


def test_provider_and_model_are_all_that_it_takes(project: Project, ai_go: Server, lf: Lf) -> None:
    """`-p openai/gpt-5-nano`, where the credentials are there: added at once, and `lf` knows it by the key `openai$gpt-5-nano`."""
    ai_go.state.integrations["openai"] = {"api_key": OPENAI_KEY}
    written = project.ok("models", "openai", "--add", "gpt-5-nano").out.split()
    assert len(written) == 1
    assert applied(project) == {"openai$gpt-5-nano": "create"}
    assert [row["key"] for row in lf("models", "-j").json()] == ["openai$gpt-5-nano"]


def test_the_first_time_the_provider_is_used_its_credentials_are_asked_for(project: Project, ai_go: Server) -> None:
    """ "the user will be prompted to provide the required api_key": the manifest of an Integration comes with it, a reference in it."""
    written = project.ok("models", "openai", "--add", "gpt-5-nano").out.split()
    assert len(written) == 2
    assert applied(project) == {"openai$gpt-5-nano": "create"}
    assert ai_go.state.integrations["openai"] == {"api_key": OPENAI_KEY}
    assert not any(OPENAI_KEY in one.both for one in project.runs)


def test_the_model_is_selected_from_all_of_the_provider(project: Project, ai_go: Server) -> None:
    """ "Select the model to integrate": the providers, and the catalogue of one, through AI GO!."""
    providers = project.ok("models", "--format", "json").json()["providers"]
    assert "openai" in {row["name"] for row in providers}
    rows = project.ok("models", "openai", "--format", "json").json("models")["models"]
    assert "gpt-5-nano" in {row["model"] for row in rows}


def test_credentials_of_providers_are_managed(project: Project, ai_go: Server) -> None:
    """ "Settings > Integrations": a `latticeflow/Integration` sets them, rotates them, and nobody is told the key."""
    declare(project, INTEGRATION)
    project.apply()
    assert ai_go.state.integrations["openai"] == {"api_key": OPENAI_KEY}
    project.apply("--rotate", "openai")
    assert not any(OPENAI_KEY in one.both for one in project.runs)
