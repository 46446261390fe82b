"""Facts of a model in an object of MLflow, for `info`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.registry.driver import ModelFacts


def describe(kind: str, spec: Mapping[str, Any]) -> ModelFacts:
    """Of a model definition, whose model it is; of a secret, where its provider is."""
    if kind == "ModelDefinition":
        return ModelFacts(provider=spec.get("provider"), model=spec.get("model_name"))
    if kind == "Secret":
        return ModelFacts(provider=spec.get("provider"), url=(spec.get("auth_config") or {}).get("api_base"))
    if kind == "Endpoint":
        tags = spec.get("tags") or {}
        return ModelFacts(name=tags.get("display_name"))
    return ModelFacts()
