"""Facts of a model in a run config of insideLLMs, for `info` and `list`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.driver import ModelFacts

_NAMES: Final = ("model_name", "model_path")
_ANSWERS: Final = ("max_completion_tokens", "max_tokens", "max_new_tokens")


def describe(spec: Mapping[str, Any]) -> ModelFacts:
    """A model of one of insideLLMs's types, which are its providers."""
    model = spec.get("model") or {}
    args, generation = model.get("args") or {}, spec.get("generation") or {}
    return ModelFacts(
        name=args.get("name"),
        provider=model.get("type"),
        model=next((args[name] for name in _NAMES if args.get(name)), None),
        task="chat_completion",
        format="openai",
        url=args.get("base_url"),
        max_answer_tokens=next((generation[name] for name in _ANSWERS if generation.get(name)), None),
        context_length=args.get("n_ctx"),
    )
