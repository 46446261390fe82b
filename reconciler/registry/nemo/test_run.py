"""A model tested: through the platform's inference gateway where it serves the model's provider, else at the provider's endpoint."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import quote

from reconciler.core.spec import too_deep
from reconciler.registry.driver import (
    Check,
    Client,
    InputError,
    RegistryError,
    Resource,
    Response,
    Secret,
    TestResult,
    reason_in,
)

GREETING: Final = {"messages": [{"role": "user", "content": "Hello!"}]}
PATIENCE: Final = 60.0  # seconds for one answer
_PATHS: Final = {"OPENAI_CHAT": "/chat/completions", "ANTHROPIC_MESSAGES": "/messages"}
_SHOWN: Final = 300  # characters of a message
_TOKENS: Final = 64  # the most of an answer, where the format asks for a number


class Places(Protocol):
    """The part of the open registry that a test needs."""

    # the stored provider of that name, or None
    async def provider(self, name: str) -> Mapping[str, Any] | None: ...

    # the value of a secret, or None where it may not be read
    async def secret(self, name: str) -> Secret | None: ...

    # a client for an address outside the platform
    def outside(self, url: str, headers: Mapping[str, str | Secret]) -> AbstractAsyncContextManager[Client]: ...


class _Way(NamedTuple):
    """Way to the model: a client, the path before the format's own, and what the step is called."""

    client: Client
    path: str
    name: str


async def run(places: Places, client: Client, gateway: str, resource: Resource, given: Any) -> TestResult:
    """Every step up to the first that fails. `gateway` is its path for the workspace. Raises InputError for what is no model."""
    if resource.address.kind != "Model":
        raise InputError(f"{resource.address}: only models can be tested")
    spec = resource.spec
    endpoint = spec.get("api_endpoint") or {}
    checks: list[Check] = []
    async with _way(places, client, gateway, spec, checks) as way:
        if way is None:
            return TestResult(tuple(checks))
        form = str(spec.get("backend_format") or "OPENAI_CHAT")
        body = {"model": endpoint.get("model_id") or resource.address.key}
        body |= {"max_tokens": _TOKENS} if form == "ANTHROPIC_MESSAGES" else {}
        body |= given if isinstance(given, Mapping) else GREETING
        reply = await _step(way, checks, lambda: _asked(way, _PATHS[form], body))
    return TestResult(tuple(checks), reply.redact.data(reply.data) if reply is not None else None)


@asynccontextmanager
async def _way(
    places: Places, client: Client, gateway: str, spec: Mapping[str, Any], checks: list[Check]
) -> AsyncIterator[_Way | None]:
    """The gateway, if it is there and serves the model's provider; else the provider's endpoint, or the model's own."""
    name = next((one for one in spec.get("model_providers") or () if "/" not in one), None)
    if name is not None:
        place = f"{gateway}/provider/{quote(name, safe='')}"
        ready = await client.call("GET", f"{place}/ready", expected=(200, 404, 503))
        if ready.status == 200:
            checks.append(Check("gateway", ok=True, message=f"it serves the provider {name}", duration=0.0))
            yield _Way(client, f"{place}/-", "inference through the gateway")
            return
    provider = await places.provider(name) if name is not None else None
    url = (provider or {}).get("host_url") or (spec.get("api_endpoint") or {}).get("url")
    if not isinstance(url, str) or not url:
        message = "the gateway does not serve it, and neither a provider nor an api_endpoint says where it is"
        checks.append(Check("endpoint", ok=False, message=message, duration=0.0))
        yield None
        return
    headers = await _headers(places, provider or {}, checks)
    async with places.outside(url.rstrip("/"), headers) as outside:
        yield _Way(outside, "", "inference at the endpoint")


async def _headers(places: Places, provider: Mapping[str, Any], checks: list[Check]) -> dict[str, str | Secret]:
    """Headers that the provider sends, its key among them."""
    headers: dict[str, str | Secret] = {
        **(provider.get("default_extra_headers") or {}),
        **(provider.get("required_extra_headers") or {}),
    }
    named = provider.get("api_key_secret_name")
    if not isinstance(named, str) or "/" in named:
        return headers
    key = await places.secret(named)
    if key is None:
        message = f"the secret {named} may not be read, so the endpoint is asked without a key"
        checks.append(Check("credentials", ok=True, message=message, duration=0.0))
        return headers
    form = provider.get("auth_header_format") or "Authorization: Bearer {{ auth_secret }}"
    name, _, value = str(form).partition(":")
    before, _, after = value.strip().partition("{{")
    headers[name.strip()] = key.derived(lambda value: before + value + after.partition("}}")[2])
    return headers


async def _asked(way: _Way, path: str, body: Mapping[str, Any]) -> Response:
    return await way.client.call("POST", way.path + path, body=dict(body), timeout=PATIENCE)


async def _step(way: _Way, checks: list[Check], ask: Callable[[], Awaitable[Response]]) -> Response | None:
    """The answer, or None where the step failed."""
    started = time.perf_counter()
    try:
        reply = await ask()
    except RegistryError as error:
        checks.append(Check(way.name, ok=False, message=error.message, duration=time.perf_counter() - started))
        return None
    sound = isinstance(reply.data, dict) and not too_deep(reply.data)
    failed = not sound or bool(reply.data.get("error"))
    reason = ((reason_in(reply.data) if sound else "") or "the answer is no object") if failed else ""
    message = reply.redact.excerpt(reason, _SHOWN)
    checks.append(Check(way.name, ok=not failed, message=message, duration=time.perf_counter() - started))
    return None if failed else reply
