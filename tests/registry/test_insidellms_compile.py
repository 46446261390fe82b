"""A portable Model as one of insideLLMs's ten types, and what is refused before anything is written, each at its line."""

from __future__ import annotations

from typing import Any, Final

import pytest
from cli.project import Project
from world import model

from reconciler.core.model import Model
from reconciler.registry.insidellms import DRIVER
from reconciler.registry.insidellms.arguments import ARGUMENTS, GENERATION, TYPES
from reconciler.registry.insidellms.credentials import credentials_in
from reconciler.registry.protocol import Compiled

CONFIG: Final = "owner: us\nregistries:\n  ill: {driver: insidellms, path: runs, default: true}\n"
ENDPOINT: Final = {"url": "https://llm.example.com/v1", "model": "m", "api_key": "${env:KEY}"}


def compiled(**fields: Any) -> Compiled:
    return DRIVER.compile(Model.model_validate(model("chat", **fields)), "chat")


def lost(found: Compiled) -> dict[str, bool]:
    """Where something was lost, and whether that is an error."""
    return {one.pointer: one.fatal for one in found.inexpressible}


@pytest.mark.parametrize(
    ("provider", "kind", "args"),
    [
        ("openai", "openai", {"model_name": "m"}),
        ("openrouter", "openrouter", {"model_name": "m"}),
        ("anthropic", "anthropic", {"model_name": "m"}),
        ("gemini", "gemini", {"model_name": "m"}),
        ("google", "gemini", {"model_name": "m"}),
        ("cohere", "cohere", {"model_name": "m"}),
        ("huggingface", "huggingface", {"model_name": "m"}),
        ("llamacpp", "llamacpp", {"model_path": "m"}),
        ("ollama", "ollama", {"model_name": "m"}),
        ("vllm", "vllm", {"model_name": "m"}),
        ("dummy", "dummy", {}),
    ],
)
def test_a_provider_is_a_type(provider: str, kind: str, args: dict[str, Any]) -> None:
    """Each of the ten types is reached by its provider; the name is the display name, or the key."""
    name = "dummy-v1" if provider == "dummy" else "m"
    found = compiled(endpoint=None, provider={"name": provider, "model": name}, display_name="Chat")
    assert found.model.spec == {"model": {"type": kind, "args": {"name": "Chat", **args}}}
    assert lost(found) == {}
    found = compiled(endpoint=None, provider={"name": provider, "model": name})
    assert found.model.spec["model"]["args"]["name"] == "chat"


def test_an_endpoint_is_an_openai_model() -> None:
    """The generic way to any OpenAI-compatible gateway; the key is named, and never there."""
    found = compiled(endpoint={**ENDPOINT, "headers": {"X-Tenant": "acme"}, "timeout": 30, "tls": {"verify": True}})
    assert found.model.spec["model"] == {
        "type": "openai",
        "args": {
            "name": "chat",
            "model_name": "m",
            "base_url": "https://llm.example.com/v1",
            "api_key_env": "KEY",
            "timeout": 30,
            "default_headers": {"X-Tenant": "acme"},
        },
    }
    assert (lost(found), found.derived) == ({}, ())


def test_anthropics_own_endpoint_is_an_anthropic_model() -> None:
    """Its class takes no address and one variable only."""
    spoken = {"url": "https://api.anthropic.com/v1", "model": "claude", "format": "anthropic"}
    found = compiled(endpoint={**spoken, "api_key": "${env:ANTHROPIC_API_KEY}", "timeout": 9})
    args = {"name": "chat", "model_name": "claude", "timeout": 9}
    assert found.model.spec["model"] == {"type": "anthropic", "args": args}
    assert lost(found) == {}
    elsewhere = {**spoken, "url": "https://gateway.example.com", "api_key": "${env:KEY}", "headers": {"X-T": "a"}}
    assert lost(compiled(endpoint=elsewhere)) == {
        "/endpoint/url": True,
        "/endpoint/api_key": True,
        "/endpoint/headers": True,
    }


def test_a_completion_is_a_vllm_model() -> None:
    """Its base is the address without /v1; what its class has no argument for is an error."""
    found = compiled(task="completion", endpoint={"url": "http://gpu:8000/v1/", "model": "m"})
    args = {"name": "chat", "model_name": "m", "base_url": "http://gpu:8000"}
    assert found.model.spec["model"] == {"type": "vllm", "args": args}
    assert lost(found) == {}
    wrong = {"url": "http://gpu:8000/api", "model": "m", "api_key": "${env:KEY}", "headers": {"X-T": "a"}, "timeout": 3}
    assert set(lost(compiled(task="completion", endpoint=wrong)).values()) == {True}
    assert len(lost(compiled(task="completion", endpoint=wrong))) == 4


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"description": "x", "tags": ["a"], "labels": {"a": "b"}, "metadata": {"a": 1}}, False),
        ({"limits": {"requests_per_minute": 60}}, False),
        ({"parameters": {"top_k": 4}}, False),
        ({"endpoint": {"url": "https://x.example.com", "model": "m"}}, False),
        ({"endpoint": {**ENDPOINT, "model": None}}, True),
        ({"endpoint": {**ENDPOINT, "format": "custom"}}, True),
        ({"endpoint": {**ENDPOINT, "adapter": "a"}}, True),
        ({"endpoint": {**ENDPOINT, "tls": {"verify": False}}}, True),
        ({"endpoint": {**ENDPOINT, "tls": {"ca": "PEM"}}}, True),
        ({"endpoint": {**ENDPOINT, "api_key": "${file:key}"}}, True),
        ({"endpoint": {**ENDPOINT, "headers": {"X-Token": "${env:TOKEN}"}}}, True),
        ({"endpoint": ENDPOINT, "task": "embeddings"}, True),
        ({"endpoint": ENDPOINT, "task": "custom"}, True),
        ({"endpoint": None, "provider": {"name": "openai", "model": "m"}, "task": "completion"}, True),
        ({"endpoint": None, "provider": {"name": "azure", "model": "m"}}, True),
        ({"endpoint": None, "provider": {"name": "dummy", "model": "m"}}, True),
    ],
)
def test_what_cannot_be_held_is_said(fields: dict[str, Any], expected: bool) -> None:
    """What a run does without is a warning; what would make it another model is an error."""
    found = lost(compiled(**{"endpoint": ENDPOINT, **fields}))
    assert found
    assert set(found.values()) == {expected}


def test_parameters_are_generation_under_each_types_own_names() -> None:
    """What a type's SDK would refuse is said, and not sent."""
    every = {
        "temperature": 0.2,
        "top_p": 0.9,
        "top_k": 4,
        "n": 1,
        "max_completion_tokens": 9,
        "stop": "a",
        "seed": 7,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "reasoning_effort": "low",
    }
    for kind in TYPES:
        name = "dummy-v1" if kind == "dummy" else "m"
        found = compiled(endpoint=None, provider={"name": kind, "model": name}, parameters=every)
        generation = found.model.spec["generation"]
        assert set(generation) == set(GENERATION[kind].values())
        assert {place.rpartition("/")[2] for place in lost(found)} == every.keys() - GENERATION[kind].keys()
        assert generation.get("stop_sequences", ["a"]) == ["a"]
    openai = compiled(parameters=every, endpoint=ENDPOINT).model.spec["generation"]
    assert openai == {name: value for name, value in every.items() if name != "top_k"}


def test_nothing_takes_a_key() -> None:
    """No type has an argument for the key itself."""
    assert not any("api_key" in arguments for arguments in ARGUMENTS.values())


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"api_key": "x", "api_key_env": "X", "max_tokens": 3, "eos_token": "</s>"}, ["/api_key"]),
        ({"extra_headers": {"Authorization": "x", "X-Tenant": "a"}}, ["/extra_headers/Authorization"]),
        ([{"hf_token": "x"}, {"password": ""}, {"client-secret": "x"}], ["/0/hf_token", "/2/client-secret"]),
        ({"tokenizer": "gpt2", "stop": ["secret"], "author": "x"}, []),
    ],
)
def test_credentials_are_found_by_their_names(value: Any, found: list[str]) -> None:
    """Not every word with `token` in it is one."""
    assert list(credentials_in(value)) == found


# --- the line -----------------------------------------------------------------------------------------------------


def test_arguments_are_checked_at_their_lines(project: Project) -> None:
    """What insideLLMs's own `validate` lets pass: unknown arguments, those of another type, missing ones, keys written down."""
    project.write("reconciler.yaml", CONFIG)
    project.write(
        "manifests/a.yaml",
        """\
kind: insidellms/Model
key: one
model:
  type: openai
  args:
    temperature: 0.7
    response: 42
    api_key: sk-Zx81qLmW
    api_key_env: sk-Zx81qLmW
    timeout: soon
---
kind: insidellms/Model
key: two
model: {type: vllm, args: {base_url: "http://localhost:8000"}}
---
kind: insidellms/Model
key: three
model: {type: opnai}
---
kind: insidellms/Model
key: four
model: {type: llamacpp, args: {model_path: a, anything: 1, n_ctx: 1.5}}
""",
    )
    answer = project.run("validate", "--format", "json")
    found = {(one["line"], one["rule"], one["suggestion"]) for one in answer.json("validate")["problems"]}
    assert found == {
        (6, "unknown-field", "generation.temperature"),
        (7, "unknown-field", "response_prefix"),
        (8, "unknown-field", "api_key_env"),
        (9, "bad-variable", None),
        (10, "wrong-type", None),
        (14, "missing-field", None),
        (18, "not-allowed", "openai"),
        (22, "wrong-type", None),
    }
    assert "Zx81qLmW" not in answer.both


def test_credentials_are_refused_at_their_lines(project: Project) -> None:
    """Wherever a run config could hold one, since insideLLMs copies it into the artifacts of each run."""
    project.write("reconciler.yaml", CONFIG)
    project.write(
        "manifests/a.yaml",
        """\
kind: insidellms/Model
key: one
model:
  type: openai
  args: {default_headers: {X-Api-Key: sk-Zx81qLmW}}
  pipeline: {middlewares: [{type: cache, args: {password: sk-Zx81qLmW}}]}
generation: {extra_headers: {Authorization: Bearer sk-Zx81qLmW}}
dataset: {format: hf, name: a, token: sk-Zx81qLmW}
""",
    )
    answer = project.run("validate", "--format", "json")
    problems = answer.json("validate")["problems"]
    found = {(one["line"], one["rule"]) for one in problems if one["severity"] == "error"}
    assert found == {(5, "registry-limit"), (6, "registry-limit"), (7, "registry-limit"), (8, "registry-limit")}
    assert "Zx81qLmW" not in answer.both


def test_an_override_has_the_types_own_arguments(project: Project) -> None:
    """Merged over what the portable Model became, and checked with it, at the override's line."""
    project.write("reconciler.yaml", CONFIG)
    text = """\
kind: Model
key: chat
provider: {name: ollama, model: llama3.2}
registries:
  ill:
    model:
      args:
        base_url: http://gpu:11434
        organization: org-1
"""
    project.write("manifests/chat.yaml", text)
    answer = project.run("validate", "--format", "json")
    assert [(one["line"], one["rule"]) for one in answer.json("validate")["problems"]] == [(9, "unknown-field")]
    project.write("manifests/chat.yaml", text.replace("        organization: org-1\n", ""))
    project.apply()
    args = project.stored()["ill/Model/chat"]["model"]["args"]
    assert args == {"name": "chat", "model_name": "llama3.2", "base_url": "http://gpu:11434"}


@pytest.mark.parametrize("key", ["harness", "Harness", "a b", ".hidden", "a/b", "x" * 251])
def test_a_key_that_cannot_be_a_file_is_refused(key: str) -> None:
    """Among them the harness's own name, in any case."""
    assert DRIVER.kinds["Model"].check_key(key) is not None
    assert DRIVER.kinds["Model"].check_key("Gpt-4.1_mini") is None
