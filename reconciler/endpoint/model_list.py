"""Ask an endpoint for its list of models (`GET <url>/models`), and find one model in it: its owner and context length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.core.errors import PermanentError, UsageError
from reconciler.core.model import Endpoint, Model
from reconciler.core.secret import Resolver
from reconciler.endpoint.connecting import headers_of
from reconciler.registry.http import Target, open_client

# what endpoints call the length of a model's context: vLLM, OpenRouter, Groq, Mistral, LM Studio and others
_LENGTHS: Final = ("max_model_len", "context_length", "context_window", "max_context_length", "max_tokens")
_LARGEST_LIST: Final = 16 * 1024 * 1024  # bytes; the longest list of models that is public has half a megabyte


async def ask_model_list(model: Model, resolver: Resolver) -> dict[str, Any]:
    """Ask a model's endpoint for its list of models, and return what that says of this one.

    Raises UsageError where there is no endpoint to ask, RegistryError for what it does wrong, SecretError.
    """
    endpoint = model.endpoint
    if endpoint is None:
        raise UsageError(f"{model.key!r} has no endpoint that could be asked", hint="leave out --live")
    if endpoint.format == "custom":
        raise UsageError(
            f"{model.key!r} has an endpoint of a format of its own, which has no list of models",
            hint="leave out --live",
        )
    target = Target(
        registry=model.key,
        url=endpoint.url.rstrip("/"),
        headers=headers_of(endpoint, endpoint.format or "openai", resolver),
        verify=endpoint.tls is None or endpoint.tls.verify is not False,
        certificates=endpoint.tls.ca if endpoint.tls is not None else None,
        timeout=endpoint.timeout or 30.0,
        environ=resolver.environ,
        attempts=2,
        largest_body=_LARGEST_LIST,
        hints={401: "check api_key in its manifest", 404: "the endpoint has no list of models: leave out --live"},
    )
    async with open_client(target) as client:
        reply = await client.call("GET", "/models")
    return _entry(reply.data, model.key, endpoint)


def _entry(data: Any, key: str, endpoint: Endpoint) -> dict[str, Any]:
    """The endpoint's entry of its own model. Raises PermanentError where the answer is no list of models."""
    rows = data.get("data") if isinstance(data, Mapping) else data
    if not isinstance(rows, list):
        raise PermanentError(f"{key}: {_address(endpoint)}/models does not answer with a list of models")
    row = _row(rows, endpoint.model)
    owner = row.get("owned_by") if row is not None else None
    return {
        "url": f"{_address(endpoint)}/models",
        "listed": row is not None if endpoint.model is not None else None,
        "owned_by": owner if isinstance(owner, str) else None,
        "max_tokens": _length(row) if row is not None else None,
    }


def _address(endpoint: Endpoint) -> str:
    """The endpoint's address without its query."""
    return urlsplit(endpoint.url)._replace(query="", fragment="").geturl().rstrip("/")


def _row(rows: Sequence[Any], name: str | None) -> Mapping[str, Any] | None:
    maps = (row for row in rows if isinstance(row, Mapping))
    return next((row for row in maps if name is not None and row.get("id") == name), None)


def _length(row: Mapping[str, Any]) -> int | None:
    numbers = (row.get(name) for name in _LENGTHS)
    return next((one for one in numbers if isinstance(one, int) and not isinstance(one, bool) and one > 0), None)
