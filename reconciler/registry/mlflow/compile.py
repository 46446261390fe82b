"""A portable Model as MLflow holds it: an endpoint of the AI Gateway, the model definition that it asks, and the secret of that. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconciler.core.spec import canonical_json
from reconciler.registry.driver import Compiled, Endpoint, Inexpressible, Model, Native
from reconciler.registry.mlflow.derived import derived_name

_FORMATS: Final = {"openai": "openai", "anthropic": "anthropic"}  # which provider speaks a format
_TASKS: Final = ("chat_completion", "embeddings")
_TEXTS: Final = ("display_name", "description")
_DETAILS: Final = ("headers", "tls", "timeout", "adapter")


def compile_model(model: Model, key: str) -> Compiled:
    """The native objects of a portable Model. `key` is the endpoint's name in MLflow."""
    name = derived_name(key)
    spec: dict[str, Any] = {"models": [{"definition": name}]}
    tags, origins = _tags(model)
    if tags:
        spec["tags"] = tags
    lost = list(_lost(model))
    secret: dict[str, Any] = {}
    definition: dict[str, Any] = {"secret": name}
    places: dict[str, str] = {}
    if model.endpoint is not None:
        endpoint = model.endpoint
        provider = _FORMATS.get(endpoint.format or "openai", "openai")
        secret = {"provider": provider, "auth_config": {"api_base": endpoint.url}}
        if endpoint.api_key is not None:
            secret["secret_value"] = {"api_key": endpoint.api_key}
        definition |= {"provider": provider, "model_name": endpoint.model or model.key}
        places = {"": "/endpoint", "/auth_config": "/endpoint/url", "/secret_value": "/endpoint/api_key"}
        places |= {"/secret_value/api_key": "/endpoint/api_key", "/provider": "/endpoint/format"}
        places["/model_name"] = "/endpoint/model"
        lost.extend(_endpoint_lost(endpoint))
    elif model.provider is not None:
        secret = {"provider": model.provider.name}
        definition |= {"provider": model.provider.name, "model_name": model.provider.model}
        places = {"": "/provider", "/provider": "/provider/name", "/model_name": "/provider/model"}
    else:
        lost.append(Inexpressible("/key", "a model has an `endpoint` or a `provider`", fatal=True))
        return Compiled(Native("Endpoint", key, spec, origins), (), tuple(lost))
    derived = (Native("Secret", name, secret, places), Native("ModelDefinition", name, definition, places))
    whole = {"": "", "/models": places[""], **origins}
    return Compiled(Native("Endpoint", key, spec, whole), derived, tuple(lost))


def _tags(model: Model) -> tuple[dict[str, str], dict[str, str]]:
    """The endpoint's tags, which hold what it has no fields for, and where each comes from."""
    tags: dict[str, str] = {}
    origins: dict[str, str] = {}

    def put(name: str, value: str, origin: str) -> None:
        tags[name] = value
        origins["/tags/" + name.replace("~", "~0").replace("/", "~1")] = origin

    for field in _TEXTS:
        if getattr(model, field):
            put(field, getattr(model, field), f"/{field}")
    for tag in model.tags or ():
        put(f"tag.{tag}", "true", "/tags")
    for label, value in (model.labels or {}).items():
        put(f"label.{label}", value, "/labels")
    if model.metadata:
        put("metadata", canonical_json(model.metadata), "/metadata")
    return tags, origins


# --- what MLflow cannot hold --------------------------------------------------------------------------------------


def _lost(model: Model) -> Iterator[Inexpressible]:
    if model.parameters is not None and model.parameters.model_dump(exclude_none=True):
        yield Inexpressible("/parameters", "an endpoint of MLflow's gateway has no parameters of its own")
    if model.limits is not None and model.limits.model_dump(exclude_none=True):
        yield Inexpressible("/limits", "an endpoint of MLflow's gateway has no limits")
    if model.task not in (None, *_TASKS):
        yield Inexpressible("/task", f"MLflow's gateway serves the tasks {', '.join(_TASKS)}", fatal=True)


def _endpoint_lost(endpoint: Endpoint) -> Iterator[Inexpressible]:
    if endpoint.format not in (None, *_FORMATS):
        message = f"MLflow's gateway knows the formats {', '.join(_FORMATS)}"
        yield Inexpressible("/endpoint/format", message, fatal=True)
    for field in _DETAILS:
        value = getattr(endpoint, field)
        if field == "tls" and value is not None and value.ca is None and value.verify is not False:
            continue
        if value:
            message = f"MLflow's gateway has no {field} of an upstream endpoint"
            yield Inexpressible(f"/endpoint/{field}", message, fatal=True)
