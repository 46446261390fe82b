"""A portable Model as AI GO! holds it: a model, and a secret for its key and for each secret header. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from reconciler.core.model import Tls
from reconciler.registry.driver import Compiled, Endpoint, Inexpressible, Model, Native, is_reference
from reconciler.registry.latticeflow.connections import CUSTOM, HOSTED, IDENTITY
from reconciler.registry.latticeflow.derived import API_KEY, header_field, secret_name
from reconciler.registry.latticeflow.kinds import TASKS

OPENAI_CHAT: Final = "latticeflow$openai_chat_completion"
# where a format and a task are served below the endpoint's base
_PATHS: Final = {
    ("openai", "chat_completion"): "/chat/completions",
    ("openai", "embeddings"): "/embeddings",
    ("anthropic", "chat_completion"): "/messages",
}
_NOWHERE: Final = ("tags", "labels", "metadata", "parameters")
_ORIGINS: Final = {
    "/display_name": "/display_name",
    "/description": "/description",
    "/task": "/task",
    "/rate_limit": "/limits/requests_per_minute",
    "/max_concurrent_requests": "/limits/max_concurrency",
}


def compile_model(model: Model, key: str) -> Compiled:
    """The native objects of a portable Model. `key` is the model's in AI GO!."""
    task = model.task or "chat_completion"
    limits = model.limits
    spec: dict[str, Any] = {
        "display_name": model.display_name,
        "description": model.description,
        "rate_limit": limits.requests_per_minute if limits is not None else None,
        "max_concurrent_requests": limits.max_concurrency if limits is not None else None,
        "task": task if task in TASKS else None,  # told below, once
    }
    origins = dict(_ORIGINS)
    derived: tuple[Native, ...] = ()
    lost = [*_nowhere(model), *_task(task)]
    if model.endpoint is not None:
        secrets = _Secrets(key, model.endpoint)
        spec["config"] = _connection(model.endpoint, task, secrets)
        derived = secrets.natives()
        lost.extend(_endpoint_lost(model.endpoint, task))
        origins |= _endpoint_origins(model.endpoint)
    elif model.provider is not None:
        spec["config"] = {
            "connection_type": HOSTED,
            "provider_id": model.provider.name,
            "model_key": model.provider.model,
        }
        origins |= {
            "/config": "/provider",
            "/config/provider_id": "/provider/name",
            "/config/model_key": "/provider/model",
        }
    kept = {name: value for name, value in spec.items() if value is not None}
    return Compiled(Native("Model", key, kept, origins), derived, tuple(lost))


class _Secrets:
    """The secrets of one endpoint: what stands in the model for each, and the objects that hold them."""

    def __init__(self, key: str, endpoint: Endpoint) -> None:
        headers = {name: value for name, value in (endpoint.headers or {}).items() if is_reference(value)}
        fields = {header_field(name, headers): (value, f"/endpoint/headers/{name}") for name, value in headers.items()}
        self._headers = {name: secret_name(key, header_field(name, headers)) for name in headers}
        if endpoint.api_key is not None:
            fields[API_KEY] = (endpoint.api_key, "/endpoint/api_key")
        self._natives = tuple(
            Native("Secret", secret_name(key, field), {"value": value}, {"": origin, "/value": origin})
            for field, (value, origin) in sorted(fields.items())
        )
        self.api_key = {"name": secret_name(key, API_KEY)} if endpoint.api_key is not None else None

    def natives(self) -> tuple[Native, ...]:
        return self._natives

    def header(self, name: str, value: str) -> Any:
        return {"name": self._headers[name]} if name in self._headers else value


def _connection(endpoint: Endpoint, task: str, secrets: _Secrets) -> dict[str, Any]:
    """The `custom_connection` of an endpoint."""
    config: dict[str, Any] = {
        "connection_type": CUSTOM,
        "adapter": {"key": endpoint.adapter or _adapter(endpoint.format or "openai", task)},
        "url": _url(endpoint, task),
        "api_key": secrets.api_key,
        "model_key": endpoint.model,
        "tls_context": _tls(endpoint.tls) if endpoint.tls is not None else None,
        "custom_headers": {name: secrets.header(name, value) for name, value in (endpoint.headers or {}).items()}
        or None,
    }
    return {name: value for name, value in config.items() if value is not None}


def _url(endpoint: Endpoint, task: str) -> str:
    """Where requests go: below the base, in front of its query; the base itself for a task or format of one's own."""
    path = _PATHS.get((endpoint.format or "openai", task))
    if path is None:
        return endpoint.url
    parts = urlsplit(endpoint.url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))


def _adapter(form: str, task: str) -> str:
    """The adapter that AI GO! has for a format and a task."""
    return OPENAI_CHAT if (form, task) == ("openai", "chat_completion") else IDENTITY


def _tls(tls: Tls) -> dict[str, Any] | None:
    """The TLS context. `trusted_ca` is the PEM text in base64."""
    context: dict[str, Any] = {}
    if tls.ca is not None:
        context["trusted_ca"] = base64.b64encode(tls.ca.encode()).decode()
    if tls.verify is not None:
        context["trust_chain_verification"] = "verify_trust_chain" if tls.verify else "accept_untrusted"
    return {"validation_context": context} if context else None


# --- what AI GO! cannot hold ------------------------------------------------------------------------------------


def _nowhere(model: Model) -> Iterator[Inexpressible]:
    for name in _NOWHERE:
        if getattr(model, name):
            yield Inexpressible(f"/{name}", f"AI GO! has no {name}")
    if model.limits is not None and model.limits.context_length is not None:
        yield Inexpressible("/limits/context_length", "AI GO! does not know the length of a model's context")


def _task(task: str) -> Iterator[Inexpressible]:
    if task not in TASKS:
        yield Inexpressible("/task", f"AI GO! knows the tasks {', '.join(TASKS)}", fatal=True)


def _endpoint_lost(endpoint: Endpoint, task: str) -> Iterator[Inexpressible]:
    if endpoint.timeout is not None:
        yield Inexpressible("/endpoint/timeout", "AI GO! has no timeout for an endpoint", fatal=True)
    if endpoint.format == "anthropic":
        if task == "embeddings":
            yield Inexpressible("/endpoint/format", "the format anthropic has no embeddings", fatal=True)
        elif endpoint.adapter is None:
            message = "AI GO! has no adapter of its own for the format anthropic: name one with `adapter`"
            yield Inexpressible("/endpoint/format", message, fatal=True)


def _endpoint_origins(endpoint: Endpoint) -> dict[str, str]:
    origins = {
        "/config": "/endpoint",
        "/config/url": "/endpoint/url",
        "/config/api_key": "/endpoint/api_key",
        "/config/model_key": "/endpoint/model",
        "/config/adapter": "/endpoint/adapter",
        "/config/adapter/key": "/endpoint/adapter",
        "/config/custom_headers": "/endpoint/headers",
    }
    if endpoint.tls is not None:
        origins |= {"/config/tls_context": "/endpoint/tls"}
        origins |= {"/config/tls_context/validation_context/trusted_ca": "/endpoint/tls/ca"}
    return origins
