"""A portable Model as watsonx Orchestrate holds it: a virtual model, and the connection with its endpoint's key. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconciler.registry.driver import Compiled, Endpoint, Inexpressible, Model, Native
from reconciler.registry.watsonx.kinds import ENVIRONMENTS
from reconciler.registry.watsonx.names import MODEL, connection_name, model_name

# which provider speaks a format, and what a task is called
PROVIDERS: Final = {"openai": "openai", "anthropic": "anthropic"}
_TYPES: Final = {"chat_completion": "chat", "completion": "completion", "embeddings": "embedding"}
_NOWHERE: Final = ("labels", "metadata", "limits")
_MILLISECONDS: Final = 1000
_ORIGINS: Final = {
    "/display_name": "/display_name",
    "/description": "/description",
    "/tags": "/tags",
    "/config": "/parameters",
    "/model_type": "/task",
    "/provider_config": "/endpoint",
    "/provider_config/customHost": "/endpoint/url",
    "/provider_config/requestTimeout": "/endpoint/timeout",
    "/provider_config/serverCert": "/endpoint/tls/ca",
    "/app_id": "/endpoint/api_key",
}


def compile_model(model: Model, key: str) -> Compiled:
    """The native objects of a portable Model. `key` is its name in the registry, where that begins as one does; else its name is derived."""
    task = model.task or "chat_completion"
    spec: dict[str, Any] = {
        "display_name": model.display_name,
        "description": model.description,
        "tags": model.tags or None,
        "model_type": _TYPES.get(task),
        "config": model.parameters.model_dump(exclude_none=True) or None if model.parameters is not None else None,
    }
    lost = list(_lost(model, task))
    derived: tuple[Native, ...] = ()
    provider, called = "", model.key
    if model.endpoint is not None:
        endpoint = model.endpoint
        provider, called = PROVIDERS.get(endpoint.format or "openai", "openai"), endpoint.model or model.key
        spec["provider_config"] = _reached(endpoint)
        if endpoint.api_key is not None:
            spec["app_id"] = connection_name(model.key)
            derived = (_connection(model.key, endpoint.api_key),)
        lost.extend(_endpoint_lost(endpoint))
    elif model.provider is not None:
        provider, called = model.provider.name, model.provider.model
    name = key if key.startswith(MODEL) else model_name(provider, called)
    if not key.startswith(MODEL) and model.endpoint is not None and model.endpoint.model is None:
        lost.append(
            Inexpressible("/endpoint", "a virtual model is called as its endpoint calls it: say `model`", fatal=True)
        )
    kept = {field: value for field, value in spec.items() if value is not None}
    return Compiled(Native("Model", name, kept, dict(_ORIGINS)), derived, tuple(lost))


def _reached(endpoint: Endpoint) -> dict[str, Any]:
    """The provider's options."""
    options: dict[str, Any] = {"customHost": endpoint.url}
    if endpoint.timeout is not None:
        options["requestTimeout"] = round(endpoint.timeout * _MILLISECONDS)
    if endpoint.tls is not None and endpoint.tls.ca is not None:
        options["serverCert"] = endpoint.tls.ca
    return options


def _connection(key: str, secret: str) -> Native:
    """The connection that holds the key, for both environments."""
    origins = {"": "/endpoint/api_key"}
    origins |= {f"/environments/{name}/credentials/api_key": "/endpoint/api_key" for name in ENVIRONMENTS}
    environments = {name: {"credentials": {"api_key": secret}} for name in ENVIRONMENTS}
    return Native("Connection", connection_name(key), {"environments": environments}, origins)


# --- what watsonx Orchestrate cannot hold -----------------------------------------------------------------------


def _lost(model: Model, task: str) -> Iterator[Inexpressible]:
    for name in _NOWHERE:
        if getattr(model, name):
            yield Inexpressible(f"/{name}", f"watsonx Orchestrate has no {name}")
    if task not in _TYPES:
        yield Inexpressible("/task", f"watsonx Orchestrate knows the tasks {', '.join(_TYPES)}", fatal=True)


def _endpoint_lost(endpoint: Endpoint) -> Iterator[Inexpressible]:
    if endpoint.format not in (None, *PROVIDERS):
        message = f"watsonx Orchestrate knows the formats {', '.join(PROVIDERS)}"
        yield Inexpressible("/endpoint/format", message, fatal=True)
    if endpoint.adapter is not None:
        message = "watsonx Orchestrate has no adapters of input and output"
        yield Inexpressible("/endpoint/adapter", message, fatal=True)
    if endpoint.headers:
        message = "watsonx Orchestrate sends no headers of its own to an endpoint"
        yield Inexpressible("/endpoint/headers", message, fatal=True)
    if endpoint.tls is not None and endpoint.tls.verify is False:
        message = "watsonx Orchestrate always checks an endpoint's certificate"
        yield Inexpressible("/endpoint/tls/verify", message, fatal=True)
