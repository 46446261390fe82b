"""The specifications of IBM's ADK as manifests of watsonx Orchestrate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from importing.imports import imported, told

from reconciler.manifest.importing import Import

MODEL = """\
# our model
spec_version: v1
kind: model
name: openai/gpt-4o # the name
display_name: Chat
app_id: openai_creds
provider_config:
  provider: openai
  custom_host: https://llm.example.com/${v1}
  api_key: hunter2
  request_timeout: 5
config:
  temperature: 0.5
tags: [support, third party, "reconciler:owner=x"]
"""


def manifests(made: Import) -> dict[str, Any]:
    """The manifests by kind and key; there must be no error."""
    assert not made.errors, made.errors
    return {f"{one.kind} {one.key}": yaml.safe_load(one.text) for one in made.manifests}


def test_a_model(tmp_path: Path) -> None:
    """The name gets its prefix, the provider follows from it, and a secret is not copied."""
    made = imported(tmp_path, {"m.yaml": MODEL})
    (found,) = manifests(made).values()
    assert found == {
        "kind": "watsonx/Model",
        "key": "virtual-model/openai/gpt-4o",
        "display_name": "Chat",
        "app_id": "openai_creds",
        "provider_config": {
            "custom_host": "https://llm.example.com/$${v1}",
            "api_key": "${env:VIRTUAL_MODEL_OPENAI_GPT_4O_API_KEY}",
            "request_timeout": 5,
        },
        "config": {"temperature": 0.5},
        "tags": ["support"],
    }
    assert "hunter2" not in repr(made)
    assert "# our model" in made.manifests[0].text
    assert made.environment == ("VIRTUAL_MODEL_OPENAI_GPT_4O_API_KEY",)
    assert told(made) == ["m.yaml:10:12 warning literal-secret"]


def test_what_was_exported(tmp_path: Path) -> None:
    """What the server makes up is left out, and what people see where it is the name."""
    text = """\
        id: 1
        name: virtual-model/anthropic/claude
        display_name: virtual-model/anthropic/claude
        description: virtual-model/anthropic/claude
        provider: anthropic
        created_by: somebody
        model_type: chat
        provider_config: {provider: anthropic, api_key: ''}
        spec_version: v1
        kind: model
        """
    (found,) = manifests(imported(tmp_path, {"m.yaml": text})).values()
    assert found == {
        "kind": "watsonx/Model",
        "key": "virtual-model/anthropic/claude",
        "model_type": "chat",
        "provider_config": {"api_key": None},
        "config": {"max_tokens": 4096},
    }


def test_a_policy_and_a_connection(tmp_path: Path) -> None:
    """A policy is of the kind `model`, too; a connection has the API's words in the place of the ADK's."""
    policy = """\
        spec_version: v1
        kind: model
        name: fallback
        policy:
          strategy: {mode: fallback}
          retry: {attempts: 1, on_status_codes: [503]}
          targets:
            - model_name: virtual-model/openai/gpt-4o # first
            - model_name: virtual-model/openai/gpt-5
        """
    connection = """\
        spec_version: v1
        kind: connection
        app_id: openai_creds
        environments:
          draft: {kind: key_value, type: team, server_url: https://a.example.com}
          live: {kind: oauth_auth_client_credentials_flow, type: member}
        """
    made = imported(tmp_path, {"p.yaml": policy, "c.yaml": connection})
    found = manifests(made)
    assert found["watsonx/Policy virtual-policy/fallback"]["policy"]["targets"][1] == {
        "model_name": "virtual-model/openai/gpt-5"
    }
    assert found["watsonx/Connection openai_creds"] == {
        "kind": "watsonx/Connection",
        "key": "openai_creds",
        "environments": {
            "draft": {"security_scheme": "key_value_creds", "preference": "team"},
            "live": {"security_scheme": "oauth2", "auth_type": "oauth2_client_creds", "preference": "member"},
        },
    }
    assert told(made) == ["c.yaml:5:40 warning not-expressible"]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("name: openai/x\nprovider_config: {provider: google}", "m.yaml:4:19 error not-allowed"),
        ("name: openai/x\nprovider_config: {api_key: {private_key: k}}", "m.yaml:4:19 error wrong-type"),
        ("name: openai/x\nprovider_config: {custom_hots: x}", "m.yaml:4:19 error unknown-field"),
        ("name: ../../../x", "m.yaml:3:7 error bad-key"),
        ("name: x", "m.yaml:3:7 error bad-key"),
        ("display_name: x", "m.yaml:1:1 error missing-field"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, lines: str, problem: str) -> None:
    """One error, with the line that it comes from, and nothing is written."""
    made = imported(tmp_path, {"m.yaml": f"spec_version: v1\nkind: model\n{lines}\n"})
    assert told(made) == [problem]


def test_other_specifications_are_left_out(tmp_path: Path) -> None:
    """Agents and tools are none of ours, and no reason to stop."""
    made = imported(tmp_path, {"a.yaml": "spec_version: v1\nkind: native\nname: agent\n"})
    assert told(made) == ["a.yaml:1:1 warning not-a-model"]
    assert made.manifests == ()


def test_a_connection_that_only_an_id_names_stays_as_it_is(tmp_path: Path) -> None:
    """An id means something to one server only: it is left out, told, and the connection is nobody's to change."""
    made = imported(tmp_path, {"m.yaml": "spec_version: v1\nkind: model\nname: openai/x\nconnection_id: abc\n"})
    (found,) = manifests(made).values()
    assert found == {"kind": "watsonx/Model", "key": "virtual-model/openai/x", "ignore": ["/app_id"]}
    assert told(made) == ["m.yaml:4:1 warning not-expressible"]


def test_a_service_account_becomes_a_variable(tmp_path: Path) -> None:
    """A secret that is a map is withheld like one that is text: the variable is to hold its JSON."""
    text = "spec_version: v1\nkind: model\nname: vertex-ai/x\nprovider_config: {vertex_service_account_json: {private_key: k1}}\n"
    made = imported(tmp_path, {"m.yaml": text})
    (found,) = manifests(made).values()
    variable = "VIRTUAL_MODEL_VERTEX_AI_X_VERTEX_SERVICE_ACCOUNT_JSON"
    assert found["provider_config"] == {"vertex_service_account_json": "${env:" + variable + "}"}
    assert "k1" not in repr(made)


def test_one_bad_connection_keeps_no_model_out(tmp_path: Path) -> None:
    """Each file stands for itself."""
    bad = "spec_version: v1\nkind: connection\napp_id: hr\nenvironments: {draft: {kind: carrier_pigeon, type: team}}\n"
    made = imported(tmp_path, {"c.yaml": bad, "m.yaml": "spec_version: v1\nkind: model\nname: openai/x\n"})
    assert told(made) == ["c.yaml:4:30 error not-allowed"]
    assert [one.key for one in made.manifests] == ["virtual-model/openai/x"]
