"""Facts of a model in an object of MLflow, for `info` and `list`. Pure."""

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
        words, labels = _named(tags, "tag."), _named(tags, "label.")
        return ModelFacts(name=tags.get("display_name"), tags=list(words), labels=labels)
    return ModelFacts()


def _named(tags: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The tags whose names begin so, without that: how a Model's own tags and labels are kept."""
    return {name.removeprefix(prefix): value for name, value in tags.items() if name.startswith(prefix)}
