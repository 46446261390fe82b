"""A portable Model as one of insideLLMs's ten types, by provider and format. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.core.model import Provider
from reconciler.core.spec import REFERENCE
from reconciler.registry.driver import Compiled, Endpoint, Inexpressible, Model, Native, is_reference
from reconciler.registry.insidellms.arguments import GENERATION, NO_TYPES, TYPES, Types

NO_KEY: Final = (
    "NO_API_KEY"  # without a name of its own, insideLLMs would send OPENAI_API_KEY to whatever endpoint it is
)

_ALIASES: Final = {"google": "gemini", "llama.cpp": "llamacpp", "llama-cpp": "llamacpp", "hugging-face": "huggingface"}
_COMPLETES: Final = ("dummy", "huggingface", "llamacpp", "ollama", "vllm")
_ANTHROPIC: Final = ("https://api.anthropic.com", "https://api.anthropic.com/v1")
_ANTHROPIC_KEY: Final = "${env:ANTHROPIC_API_KEY}"
_MODEL_ARGUMENTS: Final = ("model_name", "model_path", "model", "model_id")
_DUMMY: Final = "dummy-v1"
_NOWHERE: Final = ("description", "tags", "labels", "metadata", "limits")

Lost = list[Inexpressible]
Arguments = dict[str, Any]


def compile_model(model: Model, key: str, types: Types = NO_TYPES) -> Compiled:
    """The run config of a portable Model. `key` is its key in the folder, and what reports call it unless it has a display name.

    `types` are those of plugins that the registry declares.
    """
    lost: Lost = [Inexpressible(f"/{name}", f"insideLLMs has no {name}") for name in _NOWHERE if getattr(model, name)]
    origins = {"": "", "/model/args/name": "/display_name" if model.display_name else "/key"}
    spec: dict[str, Any] = {}
    if model.endpoint is not None:
        kind, args = _endpoint(model.endpoint, model.task or "chat_completion", lost)
        origins |= _endpoint_origins()
    elif model.provider is not None:
        kind, args = _provider(model.provider, types, lost)
        origins |= {"/model": "/provider", "/model/type": "/provider/name"}
        origins |= {f"/model/args/{name}": "/provider/model" for name in _MODEL_ARGUMENTS}
    else:
        return Compiled(Native("Model", key, spec, origins), inexpressible=tuple(lost))
    lost.extend(_task(model, kind))
    named = {} if kind in types and "name" not in types[kind] else {"name": model.display_name or key}
    spec["model"] = {"type": kind, "args": {**named, **args}}
    generation = dict(_generation(model, kind, lost, origins))
    if generation:
        spec["generation"] = generation
    return Compiled(Native("Model", key, spec, origins), inexpressible=tuple(lost))


# --- a provider's model -----------------------------------------------------------------------------------------


def _provider(provider: Provider, types: Types, lost: Lost) -> tuple[str, Arguments]:
    if provider.name in types:
        return provider.name, _declared(provider, types[provider.name], lost)
    kind = _ALIASES.get(provider.name, provider.name)
    if kind not in TYPES:
        message = f"insideLLMs knows the providers {', '.join(TYPES)}: for any other, say how its `endpoint` is reached"
        lost.append(Inexpressible("/provider/name", message, fatal=True))
        return "openai", {"model_name": provider.model}
    if kind == "dummy":
        if provider.model != _DUMMY:
            lost.append(Inexpressible("/provider/model", f"the only model of the dummy is {_DUMMY}", fatal=True))
        return kind, {}
    return kind, {"model_path" if kind == "llamacpp" else "model_name": provider.model}


def _declared(provider: Provider, arguments: Mapping[str, str], lost: Lost) -> Arguments:
    """The arguments of a plugin's type, which may have a model's name among them, or be one model."""
    name = next((name for name in _MODEL_ARGUMENTS if name in arguments), None)
    if name is None and provider.model != provider.name:
        message = f"the type {provider.name!r} declares none of the arguments {', '.join(_MODEL_ARGUMENTS)}: write its own name here"
        lost.append(Inexpressible("/provider/model", message, fatal=True))
    return {} if name is None else {name: provider.model}


# --- a model behind a URL ---------------------------------------------------------------------------------------


def _endpoint(endpoint: Endpoint, task: str, lost: Lost) -> tuple[str, Arguments]:
    lost.extend(_endpoint_lost(endpoint))
    if endpoint.format == "anthropic":
        return "anthropic", _anthropic(endpoint, lost)
    if task == "completion":
        return "vllm", _completions(endpoint, lost)
    return "openai", _chat(endpoint, lost)


def _endpoint_lost(endpoint: Endpoint) -> Iterator[Inexpressible]:
    if endpoint.format == "custom":
        yield Inexpressible("/endpoint/format", "insideLLMs knows the formats openai and anthropic", fatal=True)
    if endpoint.adapter is not None:
        yield Inexpressible("/endpoint/adapter", "insideLLMs has no adapters of input and output", fatal=True)
    if endpoint.model is None:
        yield Inexpressible("/endpoint", "insideLLMs names a model in each request: give endpoint.model", fatal=True)
    if endpoint.tls is not None and (endpoint.tls.ca is not None or endpoint.tls.verify is False):
        yield Inexpressible("/endpoint/tls", "insideLLMs has no TLS settings", fatal=True)
    if any(is_reference(value) for value in (endpoint.headers or {}).values()):
        message = "insideLLMs reads headers from its files as they stand, so they can hold no secret: use api_key"
        yield Inexpressible("/endpoint/headers", message, fatal=True)


def _chat(endpoint: Endpoint, lost: Lost) -> Arguments:
    plain = {name: value for name, value in (endpoint.headers or {}).items() if not is_reference(value)}
    args = {
        "model_name": endpoint.model,
        "base_url": endpoint.url,
        "api_key_env": _variable(endpoint.api_key, lost),
        "timeout": endpoint.timeout,
        "default_headers": plain or None,
    }
    return {name: value for name, value in args.items() if value is not None}


def _variable(api_key: str | None, lost: Lost) -> str:
    """The environment variable of the key."""
    if api_key is None:
        message = f"insideLLMs sends a key to every endpoint: set {NO_KEY}, to any word, where it runs"
        lost.append(Inexpressible("/endpoint", message))
        return NO_KEY
    match = REFERENCE.fullmatch(api_key)
    if match is None or match[1] != "env":
        message = "insideLLMs takes keys from environment variables only: write ${env:NAME}"
        lost.append(Inexpressible("/endpoint/api_key", message, fatal=True))
        return NO_KEY
    return match[2]


def _completions(endpoint: Endpoint, lost: Lost) -> Arguments:
    """Text completion is what the type `vllm` asks for: below `/v1`, without a key of one's own, headers or timeout."""
    parts = urlsplit(endpoint.url)
    if not parts.path.rstrip("/").endswith("/v1") or parts.query:
        message = "insideLLMs completes text at addresses that end in /v1 only"
        lost.append(Inexpressible("/endpoint/url", message, fatal=True))
    for name in ("api_key", "headers", "timeout"):
        if getattr(endpoint, name):
            message = f"insideLLMs has no {name} for an endpoint that completes text"
            lost.append(Inexpressible(f"/endpoint/{name}", message, fatal=True))
    base = endpoint.url.rstrip("/").removesuffix("/v1")
    return {"model_name": endpoint.model, "base_url": base} if endpoint.model is not None else {"base_url": base}


def _anthropic(endpoint: Endpoint, lost: Lost) -> Arguments:
    if endpoint.url.rstrip("/") not in _ANTHROPIC:
        message = f"insideLLMs speaks Anthropic's format with {_ANTHROPIC[0]} only"
        lost.append(Inexpressible("/endpoint/url", message, fatal=True))
    if endpoint.api_key not in (None, _ANTHROPIC_KEY):
        message = f"insideLLMs takes Anthropic's key from ANTHROPIC_API_KEY only: write {_ANTHROPIC_KEY}"
        lost.append(Inexpressible("/endpoint/api_key", message, fatal=True))
    if any(not is_reference(value) for value in (endpoint.headers or {}).values()):
        lost.append(Inexpressible("/endpoint/headers", "insideLLMs sends Anthropic no headers", fatal=True))
    args = {"model_name": endpoint.model, "timeout": endpoint.timeout}
    return {name: value for name, value in args.items() if value is not None}


def _endpoint_origins() -> dict[str, str]:
    args = {"model_name": "model", "base_url": "url", "api_key_env": "api_key", "timeout": "timeout"}
    origins = {f"/model/args/{name}": f"/endpoint/{field}" for name, field in args.items()}
    return {
        "/model": "/endpoint",
        "/model/type": "/endpoint/format",
        "/model/args/default_headers": "/endpoint/headers",
        **origins,
    }


# --- what both have ---------------------------------------------------------------------------------------------


def _task(model: Model, kind: str) -> Iterator[Inexpressible]:
    if model.task in (None, "chat_completion") or (model.task == "completion" and kind in _COMPLETES):
        return
    what = f"models of type {kind} chat" if model.task == "completion" else "insideLLMs chats and completes text"
    yield Inexpressible("/task", f"{what}, and nothing else", fatal=True)


def _generation(model: Model, kind: str, lost: Lost, origins: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """What `generation` says for the portable parameters; `lost` and `origins` are added to."""
    if model.parameters is None:
        return
    origins["/generation"] = "/parameters"
    names = GENERATION.get(kind, GENERATION["dummy"])  # what a plugin's type heeds is its own
    for parameter, value in model.parameters.model_dump(exclude_none=True).items():
        name = names.get(parameter)
        if name is None:
            message = f"insideLLMs cannot hand {parameter} on to a model of type {kind}"
            lost.append(Inexpressible(f"/parameters/{parameter}", message))
            continue
        origins[f"/generation/{name}"] = f"/parameters/{parameter}"
        yield name, [value] if name == "stop_sequences" and isinstance(value, str) else value
