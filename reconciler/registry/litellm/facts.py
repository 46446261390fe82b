"""Facts of a model in an object of LiteLLM Proxy, for `info` and `list`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.driver import ModelFacts

_TASKS: Final = {"chat": "chat_completion", "completion": "completion", "embedding": "embeddings", "rerank": "rerank"}


def describe(kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts:
    """A deployment: the name by which requests ask for it, the provider, and what that calls it."""
    if kind != "Model":
        return ModelFacts(name=key)
    params, info = spec.get("litellm_params") or {}, spec.get("model_info") or {}
    provider, _, model = str(params.get("model") or "").partition("/")
    answer = (params.get("max_completion_tokens"), params.get("max_tokens"), info.get("max_output_tokens"))
    return ModelFacts(
        name=info.get("display_name") or spec.get("model_name"),
        provider=params.get("custom_llm_provider") or (provider if model else None),
        model=model or provider or None,
        task=_TASKS.get(info.get("mode") or "chat", "custom"),
        format="anthropic" if provider == "anthropic" else "openai",
        url=params.get("api_base") or params.get("base_url"),
        max_answer_tokens=next((one for one in answer if isinstance(one, int)), None),
        context_length=info.get("max_input_tokens"),
        tags=info.get("tags"),
        labels=info.get("labels"),
    )
