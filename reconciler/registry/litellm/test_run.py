"""A model tested through the proxy, by the name that its users ask for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from reconciler.core.spec import too_deep
from reconciler.registry.driver import (
    Check,
    Client,
    InputError,
    RegistryError,
    Resource,
    Response,
    TestResult,
    reason_in,
)

PATIENCE: Final = 60.0  # seconds for one answer
_SHOWN: Final = 300  # characters of a message
_GREETING: Final = {"messages": [{"role": "user", "content": "Hello!"}]}
_ASKED: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "chat": ("/v1/chat/completions", _GREETING),
    "completion": ("/v1/completions", {"prompt": "Hello!"}),
    "embedding": ("/v1/embeddings", {"input": ["Hello!"]}),
    "rerank": ("/v1/rerank", {"query": "Hello!", "documents": ["Hello!", "Goodbye!"]}),
}


async def run(client: Client, resource: Resource, given: Any) -> TestResult:
    """One request for the model. Raises InputError for what is no model, and for a task of which no default request is known.

    It is one: after a failure the proxy leaves a deployment alone for some seconds, and would refuse the next request for that.
    """
    if resource.address.kind != "Model":
        raise InputError(f"{resource.address}: only models can be tested")
    spec = resource.spec
    mode = (spec.get("model_info") or {}).get("mode") or "chat"
    path, body = _ASKED.get(mode, _ASKED["chat"])
    if mode not in _ASKED and not isinstance(given, Mapping):
        raise InputError(
            f"{resource.address}: what to ask a model of mode {mode} is not known", hint="give it with --input"
        )
    asked = {**(given if isinstance(given, Mapping) else body), "model": spec.get("model_name") or resource.address.key}
    started = time.perf_counter()
    try:
        reply = await client.call("POST", path, body=asked, timeout=PATIENCE)
    except RegistryError as error:
        return TestResult(
            (Check("inference", ok=False, message=error.message, duration=time.perf_counter() - started),)
        )
    duration = time.perf_counter() - started
    message = _wrong(reply)
    check = Check("inference", ok=not message, message=message, duration=duration)
    return TestResult((check,), None if message else reply.redact.data(reply.data))


def _wrong(reply: Response) -> str:
    """What is wrong with an answer, or nothing."""
    if not isinstance(reply.data, Mapping) or too_deep(reply.data):
        return "the answer is no object"
    return (
        reply.redact.excerpt(reason_in(reply.data) or "the answer is an error", _SHOWN)
        if reply.data.get("error")
        else ""
    )
