"""The reason that a server gives for a refusal, found in whatever form its framework writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.http.payload import parse

# the most specific first: where `message` stands beside `error`, the latter is often only the name of the status
_NAMES: Final = (
    *("message", "detail", "error", "errors", "msg", "error_message", "errorMessage", "error_description"),
    *("reason", "description", "title", "fault", "faultstring"),
)
_MOST_ENTRIES: Final = 10  # of a list of mistakes
_DEEPEST: Final = 8
_STATEMENT: Final = (
    "[SQL: "  # SQLAlchemy's errors go on with the statement and its parameters, which are nobody's business
)


def reason_in(data: Any) -> str:
    """The words of an error's parsed body, or nothing: OpenAI's `{"error": {"message"}}`, FastAPI's `{"detail": ...}` and their like."""
    return _reason(data, 0) if isinstance(data, Mapping | list) else ""


def reason_of(headers: Mapping[str, str], body: bytes) -> str:
    """The words of an error's body, whole: they are not cut here, so that secrets can be masked first."""
    try:
        return reason_in(parse(body.removeprefix(b"\xef\xbb\xbf")))
    except (ValueError, RecursionError):
        plain = headers.get("content-type", "text/plain").startswith("text/plain")
        return body.decode("utf-8", "replace") if plain else ""


def _reason(data: Any, depth: int) -> str:
    if isinstance(data, str):
        return data.partition(_STATEMENT)[0].strip()
    if depth >= _DEEPEST:
        return ""
    if isinstance(data, list):
        return "; ".join(filter(None, (_entry(entry, depth + 1) for entry in data[:_MOST_ENTRIES])))
    if not isinstance(data, Mapping):
        return ""
    said = next(filter(None, (_reason(data.get(name), depth + 1) for name in _NAMES)), "")
    if said or depth == 0 or not data:
        return said
    return _dumped(data)  # in no known form, and all that the server says


def _entry(entry: Any, depth: int) -> str:
    """One of several mistakes, with its place where it has one (FastAPI's `loc`)."""
    if not isinstance(entry, Mapping):
        return entry if isinstance(entry, str) else _dumped(entry)
    place = entry.get("loc")
    said = _reason(entry, depth)
    return f"{'.'.join(map(str, place))}: {said}" if isinstance(place, list) else said


def _dumped(data: Any) -> str:
    try:
        return json.dumps(data, ensure_ascii=False)
    except RecursionError:
        return ""
