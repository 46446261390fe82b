"""Facts of a model in an object of NeMo, for `info` and `list`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.driver import ModelFacts

_FORMATS: Final = {"OPENAI_CHAT": "openai", "ANTHROPIC_MESSAGES": "anthropic"}


def describe(kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts:
    """A model entity with its endpoint and checkpoint; of a provider, where it is."""
    if kind == "Provider":
        return ModelFacts(provider=key, url=spec.get("host_url"))
    if kind != "Model":
        return ModelFacts()
    endpoint, checkpoint = spec.get("api_endpoint") or {}, spec.get("spec") or {}
    custom = spec.get("custom_fields") or {}  # where a portable Model's own words are kept
    form = _FORMATS.get(spec.get("backend_format") or "OPENAI_CHAT", "custom")
    providers = spec.get("model_providers") or ()
    return ModelFacts(
        name=title if isinstance(title := custom.get("display_name"), str) else None,
        provider=providers[0] if providers else form if endpoint else None,
        model=endpoint.get("model_id"),
        task="embeddings" if checkpoint.get("is_embedding_model") else "chat_completion",
        format=form,
        url=endpoint.get("url"),
        context_length=checkpoint.get("context_size"),
        tags=custom.get("tags"),
        labels=custom.get("labels"),
    )
