"""JSON data to the text that stdout gets: two spaces deep, Unicode readable, nothing unseen raw."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from reconciler.core.problem_json import FORMAT_VERSION
from reconciler.render import escape


def dumps(data: Any) -> str:
    """Always valid JSON: NaN and the infinities, which JSON does not have, become strings. Keys keep their order."""
    try:
        text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False, default=_plain)
    except ValueError:
        text = json.dumps(_finite(data), ensure_ascii=False, indent=2, allow_nan=False, default=_plain)
    return escape.json_text(text)


def inline(value: Any) -> str:
    """A value on one line: text as it is, anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.split())


def answer_json(data: Mapping[str, Any]) -> str:
    """The JSON answer of a command: its data, and the version of the format before it."""
    return dumps({"format_version": FORMAT_VERSION, **data})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON data")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
