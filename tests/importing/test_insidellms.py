"""Run configs and harnesses of insideLLMs as manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from importing.imports import imported, told

RUN = """\
# our gateway
model:
  type: openai
  args:
    name: Support chat
    model_name: gpt-oss-120b # the model
    base_url: https://llm.example.com/v1
    api_key_env: SUPPORT_LLM_KEY
    default_headers: {X-Tenant: "acme ${x}"}
    timeout: 30
    max_retries: 2
probe: {type: logic}
dataset: {format: jsonl, path: nowhere.jsonl}
generation: {temperature: 0.2, max_tokens: 64, logprobs: true}
"""


def manifest(folder: Path, text: str) -> dict[str, Any]:
    """The one manifest; there must be no error."""
    made = imported(folder, {"run.yaml": text})
    assert not made.errors, made.errors
    (one,) = made.manifests
    found: dict[str, Any] = yaml.safe_load(one.text)
    return found


def model(kind: str, args: str, more: str = "probe: {type: logic}") -> str:
    return f"model: {{type: {kind}, args: {{{args}}}}}\n{more}\n"


def test_a_run_config(tmp_path: Path) -> None:
    """An endpoint with its key by name, the parameters of its requests; what is a run's own is left out, and told."""
    made = imported(tmp_path, {"run.yaml": RUN})
    (one,) = made.manifests
    assert one.path == "models/Support-chat.yaml"
    assert one.text.startswith("# our gateway\nkind: Model\n")
    assert yaml.safe_load(one.text) == {
        "kind": "Model",
        "key": "Support-chat",
        "display_name": "Support chat",
        "endpoint": {
            "url": "https://llm.example.com/v1",
            "model": "gpt-oss-120b",
            "api_key": "${env:SUPPORT_LLM_KEY}",
            "headers": {"X-Tenant": "acme $${x}"},
            "timeout": 30,
        },
        "parameters": {"temperature": 0.2, "max_completion_tokens": 64},
    }
    assert made.environment == ("SUPPORT_LLM_KEY",)
    assert told(made) == [
        "run.yaml:11:5 warning not-expressible",  # max_retries
        "run.yaml:12:1 warning not-a-model",
        "run.yaml:13:1 warning not-a-model",
        "run.yaml:14:48 warning not-expressible",  # logprobs
    ]


def test_a_harness(tmp_path: Path) -> None:
    """Each model is one manifest, with the parameters that all share; two of one name are kept apart."""
    text = """\
        models:
          # local
          - type: ollama
            args: {model_name: some-model, base_url: http://127.0.0.1:11434, timeout: 600}
          - {type: anthropic, args: {model_name: some-model, temperature: 1}}
        probes: [{type: logic, args: {}}]
        generation: {temperature: 0.0, seed: 42, max_tokens: 512}
        """
    made = imported(tmp_path, {"harness.yaml": text})
    assert not made.errors
    found = {one.path: yaml.safe_load(one.text) for one in made.manifests}
    assert found == {
        "models/some-model.yaml": {
            "kind": "Model",
            "key": "some-model",
            "endpoint": {"url": "http://127.0.0.1:11434/v1", "model": "some-model", "timeout": 600},
            "parameters": {"temperature": 0.0, "seed": 42, "max_completion_tokens": 512},
        },
        "models/some-model-2.yaml": {
            "kind": "Model",
            "key": "some-model-2",
            "provider": {"name": "anthropic", "model": "some-model"},
            "parameters": {"temperature": 1, "seed": 42, "max_completion_tokens": 512},
        },
    }
    assert "# local\nkind: Model" in made.manifests[0].text + made.manifests[1].text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (model("openai", "model_name: m, temperature: 0.7"), {"provider": {"name": "openai", "model": "m"}, "parameters": {"temperature": 0.7}}),
        (model("openai", "name: gpt-3.5-turbo"), {"provider": {"name": "openai", "model": "gpt-3.5-turbo"}}),
        (
            model("openai", "model_name: m, api_key_env: OTHER"),
            {"endpoint": {"url": "https://api.openai.com/v1", "model": "m", "api_key": "${env:OTHER}"}},
        ),
        (model("vllm", "model_name: m, base_url: http://v:8000/"), {"endpoint": {"url": "http://v:8000/v1", "model": "m"}}),
        (
            model("openrouter", "model_name: a/b, base_url: https://o.example.com/v1"),
            {"endpoint": {"url": "https://o.example.com/v1", "model": "a/b", "api_key": "${env:OPENROUTER_API_KEY}"}},
        ),
        (model("anthropic", "model_name: c", "generation: {stop_sequences: [x]}"), {"provider": {"name": "anthropic", "model": "c"}, "parameters": {"stop": ["x"]}}),
        (model("llamacpp", "model_path: models/l.gguf"), {"provider": {"name": "llamacpp", "model": "models/l.gguf"}}),
    ],
)  # fmt: skip
def test_each_type(tmp_path: Path, text: str, expected: dict[str, Any]) -> None:
    """A provider where its usual address is meant, else an endpoint."""
    found = manifest(tmp_path, text)
    assert found.pop("kind") == "Model"
    found.pop("key")
    found.pop("display_name", None)
    assert found == expected


def test_what_is_neither_provider_nor_endpoint_is_insidellms_own(tmp_path: Path) -> None:
    """The dummy, as it stands in the file."""
    found = manifest(tmp_path, model("dummy", "name: d, echo: false", "run_kwargs: {max_tokens: 3}"))
    assert found == {
        "kind": "insidellms/Model",
        "key": "d",
        "model": {"type": "dummy", "args": {"name": "d", "echo": False}},
        "generation": {"max_completion_tokens": 3},
    }


def test_a_literal_key_is_not_copied(tmp_path: Path) -> None:
    """Neither an endpoint's nor a provider's."""
    made = imported(
        tmp_path, {"a.yaml": model("openai", "model_name: m, base_url: https://x.example.com, api_key: s3cr3t")}
    )
    assert "api_key: ${env:M_API_KEY}" in made.manifests[0].text
    other = imported(tmp_path, {"b.yaml": model("cohere", "model_name: m, api_key: s3cr3t")})
    assert told(other) == ["b.yaml:1:45 warning literal-secret", "b.yaml:2:1 warning not-a-model"]
    assert "s3cr3t" not in repr((made, other)) + "".join(one.text for one in (*made.manifests, *other.manifests))


def test_a_type_of_a_plugin_is_told_at_its_place(tmp_path: Path) -> None:
    """One that this version does not know, and no other model goes with it."""
    text = "models:\n  - {type: my_model, args: {}}\n  - {type: openai, args: {model_name: m}}\nprobes: []\n"
    made = imported(tmp_path, {"h.yaml": text})
    assert [one.key for one in made.manifests] == ["m"]
    assert [one for one in told(made) if "error" in one] == ["h.yaml:2:5 error not-allowed"]
