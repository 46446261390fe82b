"""`reconciler info`."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import click

from reconciler.cli.answers import answer_json
from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import find_workspace, style
from reconciler.cli.streams import answer
from reconciler.core.errors import InputError, PermanentError, UsageError
from reconciler.core.model import Endpoint, Model
from reconciler.core.secret import Resolver, Secret
from reconciler.core.spec import is_reference
from reconciler.manifest.load import Manifest
from reconciler.project.workspace import Loaded
from reconciler.render.terminal import Style

# what endpoints call the length of a model's context: vLLM, OpenRouter, Groq, Mistral, LM Studio and others
_LENGTHS: Final = ("max_model_len", "context_length", "context_window", "max_context_length", "max_tokens")
_ANTHROPIC_VERSION: Final = "2023-06-01"
_TITLES: Final = {
    "name": "Name",
    "provider": "Provider",
    "model_id": "Model",
    "supports_streaming": "Streaming",
    "supports_chat": "Chat",
    "max_tokens": "Max tokens",
}
_LARGEST_LIST: Final = 16 * 1024 * 1024  # bytes; the longest list of models that is public has half a megabyte


@click.command(cls=Command, name="info")
@click.argument("key")
@click.option("--live", is_flag=True, help="Ask the model's endpoint too: GET <url>/models.")
@format_option("text", "json")
@click.pass_obj
def command(options: GlobalOptions, key: str, live: bool, output_format: str) -> int:
    """Tell what a model is: its name, its provider, and what it can do. KEY is a manifest's key or an address.

    From the manifest; `max_tokens` is its longest answer there, and with --live the length of the model's context where its endpoint tells.
    What cannot be known is null.
    """
    here = find_workspace(options)
    manifest, model = _declared(here.load(), key)
    data = facts_of(model)
    if live:
        found = asyncio.run(_ask(model, here.resolver))
        data = {**data, "max_tokens": found["max_tokens"] or data["max_tokens"], "live": found}
    else:
        data["live"] = None
    source = {"file": manifest.source.file, "line": manifest.source.line}
    if output_format == "json":
        answer_json({"key": model.key, **data, "source": source})
    else:
        answer(info_text({"key": model.key, **data, "source": source}, style(options)))
    return 0


def _declared(loaded: Loaded, key: str) -> tuple[Manifest, Model]:
    """The one Model that a key or an address names. Raises InputError for none, ManifestError where it may be one that is wrong, UsageError for several."""
    sources = {item.resource.source for item in loaded.desired.resources if str(item.address) == key}
    models = [(one, one.model) for one in loaded.manifests.manifests if one.model is not None]
    found = [(one, model) for one, model in models if one.source in sources and sources]
    found = found or [(one, model) for one, model in models if model.key == key]
    if len(found) > 1:
        places = ", ".join(f"{one.source.file}:{one.source.line}" for one, _ in found)
        raise UsageError(f"{key!r} is declared {len(found)} times: {places}", hint="one key is one manifest")
    if found:
        return found[0]
    if any(one.key == key or one.source in sources for one in loaded.manifests.manifests):
        message = f"{key!r} is declared in a registry's own terms, which say nothing of what it can do"
        raise InputError(message, hint="`reconciler get` shows what the registry holds")
    loaded.checked()
    raise InputError(f"no manifest declares a Model {key!r}", hint="`reconciler plan` shows what is declared")


def facts_of(model: Model) -> dict[str, Any]:
    """What a manifest says of a model, as insideLLMs's `info()` names it. None is what nobody can know from it."""
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
    """The answer for people. What cannot be known is a dash."""
    source = data["source"]
    rows = [(title, _word(data[name])) for name, title in _TITLES.items()]
    if data["live"] is not None:
        live = data["live"]
        rows += [("Endpoint", live["url"]), ("Listed", _word(live["listed"])), ("Owned by", _word(live["owned_by"]))]
    rows.append(("Declared", f"{source['file']}:{source['line']}"))
    lines = [f"  {title + ':':<12}{style.safe(value)}" for title, value in rows]
    return "\n".join([style.paint(style.safe(data["key"]), "bold"), *lines])


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


# --- the endpoint -----------------------------------------------------------------------------------------------


async def _ask(model: Model, resolver: Resolver) -> dict[str, Any]:
    """What the model's endpoint says of it. Raises UsageError where there is none to ask, RegistryError for what it does wrong."""
    endpoint = model.endpoint
    if endpoint is None:
        raise UsageError(f"{model.key!r} has no endpoint that could be asked", hint="leave out --live")
    if endpoint.format == "custom":
        raise UsageError(
            f"{model.key!r} has an endpoint of a format of its own, which has no list of models",
            hint="leave out --live",
        )
    http = importlib.import_module("reconciler.registry.http")  # 200 ms, for those who ask
    target = http.Target(
        registry=model.key,
        url=endpoint.url.rstrip("/"),
        headers=_headers(endpoint, resolver),
        verify=endpoint.tls is None or endpoint.tls.verify is not False,
        certificates=endpoint.tls.ca if endpoint.tls is not None else None,
        timeout=endpoint.timeout or 30.0,
        environ=resolver.environ,
        attempts=2,
        largest_body=_LARGEST_LIST,
        hints={401: "check api_key in its manifest", 404: "the endpoint has no list of models: leave out --live"},
    )
    async with http.open_client(target) as client:
        reply = await client.call("GET", "/models")
    return _told(reply.data, model.key, endpoint)


def _headers(endpoint: Endpoint, resolver: Resolver) -> dict[str, str | Secret]:
    """What goes with the request, secrets resolved. Raises SecretError."""
    headers: dict[str, str | Secret] = {
        name: resolver.resolve(value) if is_reference(value) else value
        for name, value in (endpoint.headers or {}).items()
    }
    if endpoint.format == "anthropic":
        headers.setdefault("anthropic-version", _ANTHROPIC_VERSION)
    if endpoint.api_key is not None:
        secret = resolver.resolve(endpoint.api_key)
        if endpoint.format == "anthropic":
            headers["x-api-key"] = secret
        else:
            headers["Authorization"] = secret.derived("Bearer {}".format)
    return headers


def _told(data: Any, key: str, endpoint: Endpoint) -> dict[str, Any]:
    rows = data.get("data") if isinstance(data, Mapping) else data
    if not isinstance(rows, list):
        raise PermanentError(f"{key}: {_place(endpoint)}/models does not answer with a list of models")
    row = _row(rows, endpoint.model)
    owner = row.get("owned_by") if row is not None else None
    return {
        "url": f"{_place(endpoint)}/models",
        "listed": row is not None if endpoint.model is not None else None,
        "owned_by": owner if isinstance(owner, str) else None,
        "max_tokens": _length(row) if row is not None else None,
    }


def _place(endpoint: Endpoint) -> str:
    """The endpoint's address without its query."""
    return urlsplit(endpoint.url)._replace(query="", fragment="").geturl().rstrip("/")


def _row(rows: Sequence[Any], name: str | None) -> Mapping[str, Any] | None:
    maps = (row for row in rows if isinstance(row, Mapping))
    return next((row for row in maps if name is not None and row.get("id") == name), None)


def _length(row: Mapping[str, Any]) -> int | None:
    numbers = (row.get(name) for name in _LENGTHS)
    return next((one for one in numbers if isinstance(one, int) and not isinstance(one, bool) and one > 0), None)
