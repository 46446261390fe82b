"""A declared model as `info` shows it: the data of its JSON answer, and its text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.core.model import Model
from reconciler.core.resource import Source
from reconciler.render.table import place_text
from reconciler.render.terminal import Style

_TITLES: Final = {
    "name": "Name",
    "provider": "Provider",
    "model_id": "Model",
    "supports_streaming": "Streaming",
    "supports_chat": "Chat",
    "max_tokens": "Max tokens",
}


def info_data(model: Model, source: Source, live: Mapping[str, Any] | None) -> dict[str, Any]:
    """The `info` answer. `live` is what the model's endpoint says, which knows the length of the context better."""
    facts = _facts(model)
    max_tokens = (live or {}).get("max_tokens") or facts["max_tokens"]
    location = {"file": source.file, "line": source.line}
    return {"key": model.key, **facts, "max_tokens": max_tokens, "live": live, "source": location}


def _facts(model: Model) -> dict[str, Any]:
    """The facts of a model that its manifest tells, in the field's usual names. None where the manifest cannot tell."""
    task, endpoint, provider = model.task or "chat_completion", model.endpoint, model.provider
    talks = {"chat_completion": True, "completion": True, "custom": None}.get(task, False)
    chats = {"chat_completion": True, "custom": None}.get(task, False)
    if endpoint is not None and endpoint.format == "custom":
        talks, chats = (None if talks else talks), (None if chats else chats)
    return {
        "name": model.display_name or model.key,
        "provider": provider.name if provider is not None else (endpoint.format or "openai") if endpoint else None,
        "model_id": provider.model if provider is not None else endpoint.model if endpoint is not None else None,
        "supports_streaming": talks,
        "supports_chat": chats,
        "max_tokens": model.parameters.max_completion_tokens if model.parameters is not None else None,
    }


def info_text(data: Mapping[str, Any], style: Style) -> str:
    """The `info` answer as text. A dash is what cannot be known."""
    rows = [(title, _word(data[name])) for name, title in _TITLES.items()]
    if data["live"] is not None:
        live = data["live"]
        rows += [("Endpoint", live["url"]), ("Listed", _word(live["listed"])), ("Owned by", _word(live["owned_by"]))]
    rows.append(("Declared", place_text(data["source"])))
    lines = [f"  {title + ':':<12}{style.safe(value)}" for title, value in rows]
    return "\n".join([style.paint(style.safe(data["key"]), "bold"), *lines])


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
