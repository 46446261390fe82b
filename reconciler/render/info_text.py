"""The answer of `info` as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.render.terminal import Style

_TITLES: Final = {
    "name": "Name",
    "provider": "Provider",
    "model_id": "Model",
    "local": "Local",
    "supports_streaming": "Streaming",
    "supports_chat": "Chat",
    "context_length": "Context",
    "max_answer_tokens": "Max answer",
}


def info_text(data: Mapping[str, Any], style: Style) -> str:
    """A line for each fact. What cannot be known is a dash."""
    source = data["source"]
    rows = [(title, _word(data[name])) for name, title in _TITLES.items()]
    if data["live"] is not None:
        live = data["live"]
        near = f" (near: {', '.join(live['near'])})" if live["near"] else ""
        rows += [("Endpoint", live["url"]), ("Listed", _word(live["listed"]) + near)]
        rows.append(("Owned by", _word(live["owned_by"])))
    rows.append(("Declared", f"{source['file']}:{source['line']}"))
    lines = [f"  {title + ':':<12}{style.safe(value)}" for title, value in rows]
    return "\n".join([style.paint(style.safe(data["key"]), "bold"), *lines])


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
