"""What a provider offers, by the price list of the running proxy, as portable Models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.registry.driver import Catalogue, CatalogueEntry, InputError

_TASKS: Final = {
    "chat": "chat_completion",
    "responses": "chat_completion",
    "completion": "completion",
    "embedding": "embeddings",
    "rerank": "rerank",
}
_ALIASES: Final = {"bedrock_converse": "bedrock", "text-completion-openai": "openai"}
_FAMILY: Final = re.compile(r"(vertex_ai)-.*")  # vertex_ai-language-models and its like are one provider
_NOT_IN_KEYS: Final = re.compile(r"[^A-Za-z0-9._-]+")


def offers_of(provider: str, prices: Mapping[str, Any]) -> Catalogue:
    """The catalogue of a provider from the price list. Raises InputError, with the known ones, where it has no such provider."""
    known = {found for entry in prices.values() if (found := _provider(entry)) is not None}
    if provider not in known:
        raise InputError(
            f"LiteLLM's price list has no provider {provider!r}", hint=f"it has {', '.join(sorted(known))}"
        )
    offers = sorted(_offers(provider, prices), key=lambda offer: offer.model)
    return Catalogue(provider, tuple(offers), "")


def _offers(provider: str, prices: Mapping[str, Any]) -> Iterator[CatalogueEntry]:
    seen: set[str] = set()
    for name, entry in prices.items():
        model = name.removeprefix(f"{provider}/")
        task = _TASKS.get(str(entry.get("mode"))) if isinstance(entry, Mapping) else None
        if _provider(entry) != provider or task is None or model in seen:
            continue
        seen.add(model)
        window = entry.get("max_input_tokens")
        limits = {"context_length": window} if isinstance(window, int) and window > 0 else None
        spec = {"task": task, "provider": {"name": provider, "model": model}, "limits": limits}
        key = _NOT_IN_KEYS.sub("-", model).strip("-._") or "model"
        yield CatalogueEntry(model, key, model, {field: value for field, value in spec.items() if value is not None})


def _provider(entry: Any) -> str | None:
    """The provider of an entry, as `litellm_params.model` begins with it."""
    name = entry.get("litellm_provider") if isinstance(entry, Mapping) else None
    if not isinstance(name, str) or " " in name:  # the first entry explains the others
        return None
    return _FAMILY.sub(r"\1", _ALIASES.get(name, name))
