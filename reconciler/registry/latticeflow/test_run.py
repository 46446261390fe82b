"""A model tested by AI GO!: is it reachable, and what becomes of an input on its way there and back."""

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
    Redactor,
    RegistryError,
    Resource,
    Response,
    Secret,
    Step,
    TestResult,
    reason_in,
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
_TEMPLATES: Final = {"transform-input": "process_input", "transform-output": "process_output"}
# headers that hold no credential, and whose values are words of every answer
_PLAIN_HEADERS: Final = (
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
)


class _FailedError(Exception):
    """A step that ended badly. Its text says how; `answer` is what came, if anything did."""

    def __init__(self, message: str, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.answer = answer or {}


class _NotOfferedError(Exception):
    """A check that this server does not have."""


async def run(client: Client, resource: Resource, given: Any) -> TestResult:
    """Every step up to the first that fails. Raises InputError where the model's task needs an input of its own."""
    if resource.address.kind == "Integration":
        path = f"/integrations/{quote(resource.address.key, safe='')}"
        return TestResult((await _Run(client, path).credentials(),))
    if resource.address.kind != "Model":
        raise InputError(f"{resource.address}: only models and integrations can be tested")
    task = resource.spec.get("task")
    if given is None and task != "chat_completion":
        raise InputError(f"{resource.address}: a model of task {task} needs an input", hint="--input FILE, any JSON")
    test = _Run(client, f"/models/{quote(resource.id or '', safe='')}")
    return await test.model(resource.spec["config"], DEFAULT_INPUT if given is None else given)


class _Run:
    """The steps of one test, and how they ended. Everything is kept as it came, and freed from credentials at the end: they are known only then."""

    def __init__(self, client: Client, path: str) -> None:
        self._client = client
        self._path = path
        self._checks: list[Check] = []
        self._texts: list[Step] = []
        self._templates: dict[str, str] = {}
        self._sent: list[str] = []  # the values of headers that the endpoint was sent

    async def model(self, config: Mapping[str, Any], given: Any) -> TestResult:
        """Connection, then input → endpoint → output. What the last step answers is parsed where it is JSON."""
        check = "check-connection" if config.get("connection_type") in (CUSTOM, HOSTED) else STATUS
        if await self._step(check, None) is None and self._checks:
            return self._end(None)
        self._templates = await self._templates_of(config)
        sent = await self._step("transform-input", {"input": json.dumps(given, ensure_ascii=False)})
        if sent is None:
            return self._end(None)
        answer = await self._step("run-inference", {"input": sent.get("input")})
        if answer is None:
            return self._end(None)
        result = await self._step("transform-output", _unlogged(answer))
        return self._end(result.get("output") if result is not None else None)

    async def credentials(self) -> Check:
        """The one check of an integration."""
        started = time.perf_counter()
        reply = await self._client.call("GET", f"{self._path}/test", timeout=PATIENCE)
        answer = reply.data if isinstance(reply.data, Mapping) else {}
        message = Redactor(()).excerpt(_text(answer.get("message")), _SHOWN)
        return Check("credentials", answer.get("success") is True, message, time.perf_counter() - started)

    def _end(self, output: Any) -> TestResult:
        redact = Redactor(Secret(value) for value in self._sent)
        checks = tuple(check._replace(message=redact.excerpt(check.message, _SHOWN)) for check in self._checks)
        steps = tuple(
            step._replace(text=redact(step.text), template=redact(step.template) if step.template else step.template)
            for step in self._texts
        )
        return TestResult(checks, _parsed(redact(output) if isinstance(output, str) else output), steps)

    async def _templates_of(self, config: Mapping[str, Any]) -> dict[str, str]:
        """The source of the model's adapter by step; nothing where it has none, or where it cannot be read: they are only shown."""
        adapter = config.get("adapter")
        key = adapter.get("key") if isinstance(adapter, Mapping) else None
        if not isinstance(key, str):
            return {}
        try:
            reply = await self._client.call("GET", "/model-adapters", query={"key": key})
        except RegistryError:
            return {}
        rows = reply.data.get("model_adapters") if isinstance(reply.data, Mapping) else None
        row = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], Mapping) else {}
        sources = {
            step: row[name].get("source_code")
            for step, name in _TEMPLATES.items()
            if isinstance(row.get(name), Mapping)
        }
        return {step: source for step, source in sources.items() if isinstance(source, str)}

    async def _step(self, name: str, body: Any) -> Mapping[str, Any] | None:
        """The answer of one step, or None where it failed."""
        started = time.perf_counter()
        answer: Mapping[str, Any]
        try:
            answer = await self._answer(name, body)
            ok, message = True, _said(name, answer)
        except _FailedError as failed:
            answer, ok, message = failed.answer, False, str(failed)
        except _NotOfferedError:
            return None
        self._checks.append(Check(name, ok, message, time.perf_counter() - started))
        self._sent.extend(_credentials(answer))
        self._keep(name, answer)
        return answer if ok else None

    def _keep(self, name: str, answer: Mapping[str, Any]) -> None:
        """Keep the output of a step; of a template that failed, the part that it had made."""
        gave = {"transform-input": "input", "run-inference": "output", "transform-output": "output"}.get(name)
        if gave is None:
            return
        made = next((answer[one] for one in (gave, "transformed") if isinstance(answer.get(one), str)), "")
        status = answer.get("status_code")
        template = self._templates.get(name)
        if made or template is not None or status is not None:
            self._texts.append(Step(name, made, template, status if isinstance(status, int) else None))

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
            raise _FailedError(reason_in(answer) or f"HTTP {reply.status}", answer)
        if answer.get("success") is False:
            raise _FailedError(_text(answer.get("message")) or "no success", answer)
        status = answer.get("status_code")
        if isinstance(status, int) and status >= 400:
            raise _FailedError(f"the endpoint answered {status}: {_text(answer.get('output'))}", answer)
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


def _credentials(answer: Mapping[str, Any]) -> list[str]:
    """The values of headers that the endpoint was sent and may quote."""
    sent = answer.get("request_headers")
    headers = sent.items() if isinstance(sent, Mapping) else ()
    return [
        value
        for name, value in headers
        if isinstance(value, str) and len(value) >= _SHORTEST and str(name).lower() not in _PLAIN_HEADERS
    ]


def _said(name: str, answer: Mapping[str, Any]) -> str:
    if name == "run-inference":
        return f"the endpoint answered {answer.get('status_code')}"
    return _text(answer.get("message"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _parsed(output: Any) -> Any:
    """The data in the output of a template; the text itself where it is no JSON."""
    if not isinstance(output, str):
        return output
    try:
        return json.loads(output)
    except (ValueError, RecursionError):
        return output
