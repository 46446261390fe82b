"""The facts of a model, as insideLLMs's `info()` names them: of a portable Model, and of any native object.

Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.core.model import Model
from reconciler.core.providers import traits_of
from reconciler.core.spec import is_reference
from reconciler.registry.capabilities import DescribesModels, ModelFacts
from reconciler.registry.protocol import Driver

_UNKNOWN: Final = {None: None, "custom": None}  # a task of its own may do anything


def portable_facts(model: Model) -> ModelFacts:
    """Facts of a portable Model."""
    return _facts(model.model_dump(by_alias=True, exclude_none=True))


def native_facts(key: str, kind: str, spec: Mapping[str, Any], driver: Driver) -> ModelFacts:
    """Facts of an object of one of the driver's kinds, declared or stored, as its driver reads it.

    Where the driver cannot, no more than a name.
    """
    if driver.kinds[kind].portable:
        return _facts(spec)
    if isinstance(driver, DescribesModels):
        return driver.describe(kind, key, spec)
    name = spec.get("display_name")
    return ModelFacts(name=name if isinstance(name, str) else None)


def _facts(spec: Mapping[str, Any]) -> ModelFacts:
    """Facts in the fields of a portable Model."""
    endpoint, provider, limits = (spec.get(name) or {} for name in ("endpoint", "provider", "limits"))
    form = (endpoint.get("format") or "openai") if endpoint else None
    return ModelFacts(
        name=spec.get("display_name"),
        provider=provider.get("name") or form,
        model=provider.get("model") or endpoint.get("model"),
        task=spec.get("task") or "chat_completion",
        format=form or "openai",
        url=endpoint.get("url"),
        max_answer_tokens=(spec.get("parameters") or {}).get("max_completion_tokens"),
        context_length=limits.get("context_length"),
        tags=spec.get("tags"),
        labels=spec.get("labels"),
    )


def facts_json(key: str, facts: ModelFacts) -> dict[str, Any]:
    """The facts as the `info` answer has them. None is what the document cannot tell.

    `max_tokens` is the length of the context where it is declared, else of the longest answer.
    """
    talks = {**_UNKNOWN, "chat_completion": True, "completion": True}.get(facts.task, False)
    chats = {**_UNKNOWN, "chat_completion": True}.get(facts.task, False)
    if facts.format == "custom":
        talks, chats = talks and None, chats and None
    return {
        "name": facts.name or key,
        "provider": facts.provider,
        "model_id": facts.model,
        "local": is_local(facts.provider, facts.url),
        "supports_streaming": talks,
        "supports_chat": chats,
        "max_tokens": facts.context_length or facts.max_answer_tokens,
        "context_length": facts.context_length,
        "max_answer_tokens": facts.max_answer_tokens,
    }


def is_local(provider: str | None, url: str | None) -> bool | None:
    """Tell whether a model runs on the machine that asks it: by its address where it has one, else by its provider.

    None where neither tells.
    """
    if url is not None:
        return None if is_reference(url) or "${" in url else _is_loopback(url)
    traits = traits_of(provider) if provider is not None else None
    return traits.local if traits is not None else None


def _is_loopback(url: str) -> bool | None:
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return None
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False if host else None
    return address.is_loopback or address.is_unspecified


def with_live(facts: Mapping[str, Any], context_length: int | None) -> dict[str, Any]:
    """The facts with the context length of the endpoint, if it has one."""
    if context_length is None:
        return dict(facts)
    return {**facts, "max_tokens": context_length, "context_length": context_length}
