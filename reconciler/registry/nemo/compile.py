"""A portable Model as NeMo holds it: a model entity, the provider that serves it, and the secret with its endpoint's key. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconciler.registry.driver import Compiled, Endpoint, Inexpressible, Model, Native, is_reference
from reconciler.registry.nemo.derived import provider_name, secret_name

_FORMATS: Final = {"openai": "OPENAI_CHAT", "anthropic": "ANTHROPIC_MESSAGES"}
_IN_CUSTOM_FIELDS: Final = ("display_name", "tags", "labels", "metadata")
_ORIGINS: Final = {
    "": "",
    "/description": "/description",
    "/custom_fields": "/metadata",
    "/custom_fields/display_name": "/display_name",
    "/custom_fields/tags": "/tags",
    "/custom_fields/labels": "/labels",
    "/custom_fields/metadata": "/metadata",
    "/prompt": "/parameters",
    "/prompt/inference_params": "/parameters",
    "/backend_format": "/endpoint/format",
    "/api_endpoint": "/endpoint",
    "/api_endpoint/url": "/endpoint/url",
    "/api_endpoint/model_id": "/endpoint/model",
}


def compile_model(model: Model, key: str) -> Compiled:
    """The native objects of a portable Model. `key` is the model's in NeMo."""
    spec: dict[str, Any] = {"description": model.description}
    custom = {name: value for name in _IN_CUSTOM_FIELDS if (value := getattr(model, name))}
    if custom:
        spec["custom_fields"] = custom
    if model.parameters is not None:
        parameters = model.parameters.model_dump(exclude_none=True)
        if isinstance(parameters.get("stop"), str):
            parameters["stop"] = [parameters["stop"]]
        spec["prompt"] = {"inference_params": parameters}
    derived: tuple[Native, ...] = ()
    lost = list(_lost(model))
    if model.endpoint is not None:
        derived = tuple(_beside(model.endpoint, key))
        spec["backend_format"] = _FORMATS.get(model.endpoint.format or "openai")
        spec["api_endpoint"] = _served({"url": model.endpoint.url, "model_id": model.endpoint.model})
        spec["model_providers"] = [provider_name(key)]
        lost.extend(_endpoint_lost(model.endpoint))
    elif model.provider is not None:
        spec["model_providers"] = [model.provider.name]
        spec["api_endpoint"] = {"model_id": model.provider.model}
    origins = dict(_ORIGINS)
    if model.provider is not None:
        origins |= {"/model_providers": "/provider/name", "/model_providers/0": "/provider/name"}
        origins |= {"/api_endpoint": "/provider", "/api_endpoint/model_id": "/provider/model"}
    kept = {name: value for name, value in spec.items() if value is not None}
    return Compiled(Native("Model", key, kept, origins), derived, tuple(lost))


def _beside(endpoint: Endpoint, key: str) -> Iterator[Native]:
    """The secret and the provider, in the order in which they must exist."""
    provider: dict[str, Any] = {"host_url": endpoint.url}
    if endpoint.api_key is not None:
        place = "/endpoint/api_key"
        yield Native("Secret", secret_name(key), {"value": endpoint.api_key}, {"": place, "/value": place})
        provider["api_key_secret_name"] = secret_name(key)
    if endpoint.model is not None:
        provider["enabled_models"] = [endpoint.model]
    plain = {name: value for name, value in (endpoint.headers or {}).items() if not is_reference(value)}
    if plain:
        provider["required_extra_headers"] = plain
    if endpoint.format == "anthropic" and endpoint.api_key is not None:
        provider["auth_header_format"] = "x-api-key: {{ auth_secret }}"
    origins = {"": "/endpoint", "/host_url": "/endpoint/url", "/required_extra_headers": "/endpoint/headers"}
    yield Native("Provider", provider_name(key), provider, origins)


def _served(endpoint: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in endpoint.items() if value is not None}


# --- what NeMo cannot hold --------------------------------------------------------------------------------------


def _lost(model: Model) -> Iterator[Inexpressible]:
    limits = model.limits
    if limits is not None and (limits.requests_per_minute, limits.max_concurrency) != (None, None):
        yield Inexpressible("/limits", "NeMo has no limits of requests")
    if limits is not None and limits.context_length is not None:
        message = "NeMo knows the length of a context only of a checkpoint, in `spec` of a nemo/Model"
        yield Inexpressible("/limits/context_length", message)
    if model.task not in (None, "chat_completion"):
        yield Inexpressible("/task", "NeMo serves chat completions only", fatal=True)


def _endpoint_lost(endpoint: Endpoint) -> Iterator[Inexpressible]:
    if endpoint.format == "custom":
        yield Inexpressible("/endpoint/format", f"NeMo knows the formats {', '.join(_FORMATS)}", fatal=True)
    if endpoint.adapter is not None:
        yield Inexpressible("/endpoint/adapter", "NeMo has no adapters of input and output", fatal=True)
    if endpoint.timeout is not None:
        yield Inexpressible("/endpoint/timeout", "NeMo has no timeout for an endpoint", fatal=True)
    if endpoint.tls is not None and (endpoint.tls.ca is not None or endpoint.tls.verify is False):
        yield Inexpressible("/endpoint/tls", "NeMo has no TLS settings for an endpoint", fatal=True)
    for name, value in (endpoint.headers or {}).items():
        if is_reference(value):
            message = f"NeMo shows headers to everybody, so it cannot hold the secret in {name}: use api_key"
            yield Inexpressible("/endpoint/headers", message, fatal=True)
