"""Request bodies of the vendors' own APIs, as their documentation shows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from importing.imports import imported, told

WATSONX = {
    "name": "virtual-model/azure-openai/gpt-4o",
    "display_name": "Chat",
    "provider_config": {
        "api_key": "Dummy",
        "azureEntraClientSecret": "s3cr3t",
        "requestTimeout": 5,
        "forwardHeaders": ["X-Tenant"],
        "vertexServiceAccountJson": {"private_key": "s3cr3t"},
        "metadata": {},
    },
    "config": {"max_tokens": 5, "response_format": {"type": "text", "json_schema": {}}},
    "description": "A ${model}.",
    "tags": ["support"],
    "model_type": "chat",
    "connection_id": "0b3c",
}
NEMO = {
    "name": "llama-3.1-8b",
    "workspace": "team",
    "project": "cx",
    "description": "Chats.",
    "api_endpoint": {"url": "https://llm.example.com/v1", "model_id": "m", "api_key": "s3cr3t"},
    "backend_format": None,
    "custom_fields": {"cost": 1},
    "model_providers": ["team/p"],
    "created_at": "2026-01-01T00:00:00",
    "id": "model-1",
}


def manifest(folder: Path, body: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The one manifest, and what was told; there must be no error, and no secret anywhere."""
    made = imported(folder, {"body.json": json.dumps(body)})
    assert not made.errors, made.errors
    (one,) = made.manifests
    assert "s3cr3t" not in one.text + repr(made)
    return yaml.safe_load(one.text), [line.rpartition(" ")[2] for line in told(made)]


def test_a_model_of_watsonx(tmp_path: Path) -> None:
    """`POST /models`: each field under the API's own name, no secret, and the connection as it is."""
    found, rules = manifest(tmp_path, WATSONX)
    assert found == {
        "kind": "watsonx/Model",
        "key": "virtual-model/azure-openai/gpt-4o",
        "display_name": "Chat",
        "provider_config": {
            "api_key": None,
            "azureEntraClientSecret": "${env:VIRTUAL_MODEL_AZURE_OPENAI_GPT_4O_AZUREENTRACLIENTSECRET}",
            "requestTimeout": 5,
            "forwardHeaders": ["X-Tenant"],
            "vertexServiceAccountJson": "${env:VIRTUAL_MODEL_AZURE_OPENAI_GPT_4O_VERTEXSERVICEACCOUNTJSON}",
            "metadata": {},
        },
        "config": WATSONX["config"],
        "description": "A $${model}.",
        "tags": ["support"],
        "model_type": "chat",
        "ignore": ["/app_id"],
    }
    assert sorted(rules) == ["literal-secret", "literal-secret", "not-expressible"]


def test_a_policy_of_watsonx(tmp_path: Path) -> None:
    """`POST /model_policy`."""
    policy = {"strategy": {"mode": "fallback"}, "targets": [{"model_name": "virtual-model/openai/a"}]}
    found, _ = manifest(tmp_path, {"name": "p", "display_name": "P", "description": "d", "policy": policy})
    assert (found["kind"], found["key"], found["policy"]) == ("watsonx/Policy", "virtual-policy/p", policy)


def test_a_model_of_nemo(tmp_path: Path) -> None:
    """`POST .../models`, or what it answered: the workspace is the registry's, and a key goes nowhere."""
    found, rules = manifest(tmp_path, NEMO)
    assert found == {
        "kind": "nemo/Model",
        "key": "llama-3.1-8b",
        "project": "cx",
        "description": "Chats.",
        "api_endpoint": {"url": "https://llm.example.com/v1", "model_id": "m"},
        "custom_fields": {"cost": 1},
        "model_providers": ["team/p"],
    }
    assert sorted(rules) == ["literal-secret", "not-expressible"]


def test_a_provider_of_nemo(tmp_path: Path) -> None:
    """`POST .../providers`."""
    found, _ = manifest(tmp_path, {"name": "gateway", "host_url": "https://llm.example.com/v1", "status": "READY"})
    assert found == {"kind": "nemo/Provider", "key": "gateway", "host_url": "https://llm.example.com/v1"}
