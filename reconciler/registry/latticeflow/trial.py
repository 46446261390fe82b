"""A model tried out by AI GO!: is it reachable, and what becomes of an input on its way there and back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from reconciler.registry.driver import (
    Check,
    Client,
    InputError,
    PermanentError,
    RegistryError,
    Resource,
    Response,
    Secret,
    Tested,
)
from reconciler.registry.latticeflow.connections import CUSTOM, HOSTED

DEFAULT_INPUT: Final = {"messages": [{"role": "user", "content": "Hello!"}]}
PATIENCE: Final = 60.0  # seconds for one step, as in AI GO!'s own client
POLL: Final = 0.5  # seconds between two questions whether a check has ended
STATUS: Final = "check-status"  # of what AI GO! does not connect to itself
# what may be asked again until it has ended; a step that runs the model never is, since each time is paid for
_PENDING: Final = {"check-connection": (202,), STATUS: (202, 404)}
_SHOWN: Final = 300  # characters of a message
_SHORTEST: Final = 6  # characters of what may be a credential; a shorter word is `close` or `gzip`


class _FailedError(Exception):
    """A step that ended badly. Its text says how."""


class _NotOfferedError(Exception):
    """A check that this server does not have."""


async def run(client: Client, resource: Resource, given: Any) -> Tested:
    """Every step up to the first that fails. Raises InputError where the model's task needs an input of its own."""
    if resource.address.kind == "Integration":
        return Tested((await _Trial(client, f"/integrations/{quote(resource.address.key, safe='')}").credentials(),))
    if resource.address.kind != "Model":
        raise InputError(f"{resource.address}: only models and integrations can be tested")
    task = resource.spec.get("task")
    if given is None and task != "chat_completion":
        raise InputError(f"{resource.address}: a model of task {task} needs an input", hint="--input FILE, any JSON")
    trial = _Trial(client, f"/models/{quote(resource.id or '', safe='')}")
    return await trial.model(resource.spec["config"], DEFAULT_INPUT if given is None else given)


class _Trial:
    """The steps of one test, and how they ended."""

    def __init__(self, client: Client, path: str) -> None:
        self._client = client
        self._path = path
        self._checks: list[Check] = []

    async def model(self, config: Mapping[str, Any], given: Any) -> Tested:
        """Connection, then input → endpoint → output. What the last step answers is parsed where it is JSON."""
        check = "check-connection" if config.get("connection_type") in (CUSTOM, HOSTED) else STATUS
        if await self._step(check, None) is None and self._checks:
            return Tested(tuple(self._checks))
        sent = await self._step("transform-input", {"input": json.dumps(given, ensure_ascii=False)})
        if sent is None:
            return Tested(tuple(self._checks))
        answer = await self._step("run-inference", {"input": sent.get("input")})
        if answer is None:
            return Tested(tuple(self._checks))
        result = await self._step("transform-output", _unlogged(answer))
        output = result.get("output") if result is not None else None
        return Tested(tuple(self._checks), _parsed(_without(output, answer)))

    async def credentials(self) -> Check:
        started = time.perf_counter()
        reply = await self._client.call("GET", f"{self._path}/test", timeout=PATIENCE)
        answer = reply.data if isinstance(reply.data, Mapping) else {}
        message = _short(answer.get("message"))
        return Check("credentials", answer.get("success") is True, message, time.perf_counter() - started)

    async def _step(self, name: str, body: Any) -> Mapping[str, Any] | None:
        """The answer of one step, or None where it failed."""
        started = time.perf_counter()
        answer: Mapping[str, Any] | None = None
        try:
            answer = await self._answer(name, body)
            ok, message = True, _said(name, answer)
        except _FailedError as failed:
            ok, message = False, str(failed)
        except _NotOfferedError:
            return None
        self._checks.append(Check(name, ok, message, time.perf_counter() - started))
        return answer if ok else None

    async def _answer(self, name: str, body: Any) -> Mapping[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while True:
            reply = await self._ask(name, body)
            if reply.status == 404:
                raise _NotOfferedError
            if reply.status != 202:
                break
            if time.monotonic() > deadline:
                raise _FailedError(f"still pending after {PATIENCE:.0f} s")
            await asyncio.sleep(POLL)
        answer = reply.data
        if not isinstance(answer, Mapping):
            raise _FailedError("the answer is no object")
        if reply.status != 200:
            raise _FailedError(_short(answer.get("message")) or f"HTTP {reply.status}")
        if answer.get("success") is False:
            raise _FailedError(_short(answer.get("message")) or "no success")
        status = answer.get("status_code")
        if isinstance(status, int) and status >= 400:
            raise _FailedError(f"the endpoint answered {status}: {_short(_without(answer.get('output'), answer))}")
        return answer

    async def _ask(self, name: str, body: Any) -> Response:
        """Raises _FailedError for what goes wrong on the way, except where the object itself is gone."""
        try:
            expected = (200, 400, 422, *_PENDING.get(name, ()))
            return await self._client.call(
                "POST", f"{self._path}/{name}", body=body, expected=expected, timeout=PATIENCE
            )
        except PermanentError:
            raise
        except RegistryError as error:
            raise _FailedError(error.message) from error


def _unlogged(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of the endpoint as it is sent on: its headers, in which a credential may be, stay out of the log."""
    headers = {
        name: {header: Secret(value) if isinstance(value, str) else value for header, value in answer[name].items()}
        for name in ("request_headers", "response_headers")
        if isinstance(answer.get(name), Mapping)
    }
    return {**answer, **headers}


def _without(text: Any, answer: Mapping[str, Any]) -> Any:
    """What the endpoint said without the credentials that it was sent, in case it quotes them."""
    sent = answer.get("request_headers")
    values = [value for value in sent.values() if isinstance(value, str)] if isinstance(sent, Mapping) else []
    words = {word for value in values for word in (value, value.rpartition(" ")[2]) if len(word) >= _SHORTEST}
    for word in sorted(words, key=len, reverse=True) if isinstance(text, str) else ():
        text = text.replace(word, "***")
    return text


def _said(name: str, answer: Mapping[str, Any]) -> str:
    if name == "run-inference":
        return f"the endpoint answered {answer.get('status_code')}"
    return _short(answer.get("message"))


def _short(text: Any) -> str:
    if not isinstance(text, str):
        return ""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _parsed(output: Any) -> Any:
    """What a template gave, as the data that it is the text of, if it is."""
    if not isinstance(output, str):
        return output
    try:
        return json.loads(output)
    except (ValueError, RecursionError):
        return output
