"""Facts of a model in an object of watsonx Orchestrate, for `info` and `list`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.driver import ModelFacts
from reconciler.registry.watsonx.names import MODEL

_TASKS: Final = {
    "chat": "chat_completion",
    "chat_vision": "chat_completion",
    "completion": "completion",
    "embedding": "embeddings",
}
_ANSWERS: Final = ("max_completion_tokens", "max_tokens")


def describe(kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts:
    """A virtual model, whose name says its provider and what that calls it."""
    if kind != "Model":
        return ModelFacts(name=spec.get("display_name"))
    provider, _, model = key.removeprefix(MODEL).partition("/")
    options, config = spec.get("provider_config") or {}, spec.get("config") or {}
    limits = (config.get(name) for name in _ANSWERS)
    return ModelFacts(
        name=spec.get("display_name"),
        provider=provider or None,
        model=model or None,
        task=_TASKS.get(spec.get("model_type") or "chat", "custom"),
        format="openai",
        url=options.get("customHost") or options.get("custom_host"),
        max_answer_tokens=next((one for one in limits if isinstance(one, int) and not isinstance(one, bool)), None),
        tags=spec.get("tags"),
    )
