"""LiteLLM Proxy's config.yaml as manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from importing.imports import imported, texts, told

CONFIG = """\
# Our proxy.
model_list:
  # The model that support uses.
  - model_name: gpt-4o # as the teams know it
    litellm_params:
      model: azure/gpt-4o
      api_base: os.environ/AZURE_BASE # the region's
      api_key: os.environ/AZURE_KEY
      extra_headers: {Authorization: Bearer abc-123, X-Team: "a ${b}"}
      rpm: 10
      seed: null
    model_info:
      id: support-gpt
      input_cost_per_token: 0.000001
      mode: chat
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, api_key: sk-written-down, litellm_credential_name: main}
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, mock_response: hello}
  - model_name: "openai/*"
    litellm_params: {model: "openai/*"}
    model_info: {id: a/b, created_at: 2026-01-01}
credential_list:
  # Whose bill it is.
  - credential_name: main
    credential_values: {api_key: os.environ/MAIN_KEY, api_base: "https://llm.example.com/v1"}
    credential_info: {description: ours}
litellm_settings: {drop_params: true}
include: [other.yaml]
"""


def manifests(folder: Path, text: str = CONFIG) -> dict[str, Any]:
    return {path: yaml.safe_load(one) for path, one in texts(imported(folder, {"config.yaml": text})).items()}


def test_a_deployment_keeps_its_id_its_comments_and_what_the_proxy_looks_up(tmp_path: Path) -> None:
    """A secret is a reference; a price stands where the proxy keeps it; what only looks like a reference is none."""
    made = imported(tmp_path, {"config.yaml": CONFIG})
    text = texts(made)["models/support-gpt.yaml"]
    assert yaml.safe_load(text) == {
        "kind": "litellm/Model",
        "key": "support-gpt",
        "model_name": "gpt-4o",
        "litellm_params": {
            "model": "azure/gpt-4o",
            "api_base": "os.environ/AZURE_BASE",
            "api_key": "${env:AZURE_KEY}",
            "extra_headers": {"Authorization": "${env:SUPPORT_GPT_EXTRA_HEADERS_AUTHORIZATION}", "X-Team": "a $${b}"},
            "rpm": 10,
            "input_cost_per_token": 0.000001,
        },
        "model_info": {"mode": "chat"},
    }
    for comment in ("# Our proxy.", "# The model that support uses.", "# as the teams know it", "# the region's"):
        assert comment in text
    assert made.environment == (
        "AZURE_KEY", "GPT_4O_API_KEY", "MAIN_KEY", "SUPPORT_GPT_EXTRA_HEADERS_AUTHORIZATION",
    )  # fmt: skip


def test_deployments_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    """Without an id the key is made of the name; a wildcard is one model."""
    found = manifests(tmp_path)
    assert {path: one["model_name"] for path, one in found.items() if "model_name" in one} == {
        "models/support-gpt.yaml": "gpt-4o",
        "models/gpt-4o.yaml": "gpt-4o",
        "models/gpt-4o-2.yaml": "gpt-4o",
        "models/openai.yaml": "openai/*",
    }


def test_a_credential(tmp_path: Path) -> None:
    assert manifests(tmp_path)["credentials/main.yaml"] == {
        "kind": "litellm/Credential",
        "key": "main",
        "credential_values": {"api_key": "${env:MAIN_KEY}", "api_base": "https://llm.example.com/v1"},
        "credential_info": {"description": "ours"},
    }


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    """Each with its place; a literal secret is nowhere in what is written or said."""
    made = imported(tmp_path, {"config.yaml": CONFIG})
    assert told(made) == [
        "config.yaml:9:38 warning literal-secret",
        "config.yaml:17:53 warning literal-secret",
        "config.yaml:22:18 warning not-expressible",  # an id with a slash
        "config.yaml:22:27 warning not-expressible",
        "config.yaml:28:1 warning not-a-model",
        "config.yaml:29:1 warning not-a-model",
    ]
    for text in (*(one.text for one in made.manifests), *(problem.message for problem in made.problems)):
        assert "written-down" not in text
        assert "abc-123" not in text


def test_an_entry_that_is_no_model_is_told_and_the_others_are_written(tmp_path: Path) -> None:
    text = "model_list: [x, {model_name: a}, {litellm_params: {model: m}}, {model_name: b, litellm_params: {model: openai/m}}]\n"
    made = imported(tmp_path, {"config.yaml": text})
    assert [one.key for one in made.manifests] == ["b"]
    assert [problem.rule for problem in made.errors] == ["wrong-type", "missing-field", "missing-field"]
