"""Facts of a model in an object of AI GO!, for `info` and `list`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.driver import ModelFacts
from reconciler.registry.latticeflow.compile import OPENAI_CHAT
from reconciler.registry.latticeflow.connections import CUSTOM, HOSTED

_URLS: Final = ("url", "deploy_url", "project_endpoint")
_NAMES: Final = ("model_key", "assistant_id", "agent_name", "agent_id", "harness_arn")


def describe(kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts:
    """A model with its connection; of an integration, the provider that it is for. A connection without a known adapter speaks a form of its own."""
    if kind == "Integration":
        return ModelFacts(provider=key)
    if kind != "Model":
        return ModelFacts(name=spec.get("display_name"))
    config = spec.get("config") or {}
    connection = config.get("connection_type", CUSTOM)
    adapter = (config.get("adapter") or {}).get("key")
    form = "openai" if connection == HOSTED or adapter == OPENAI_CHAT else "custom"
    provider = config.get("provider_id") if connection == HOSTED else form if connection == CUSTOM else connection
    return ModelFacts(
        name=spec.get("display_name"),
        provider=provider,
        model=next((config[name] for name in _NAMES if config.get(name)), None),
        task=spec.get("task") or "chat_completion",
        format=form,
        url=next((config[name] for name in _URLS if config.get(name)), None),
    )
