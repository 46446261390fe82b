"""One model asked at its endpoint: is it reached, does it answer in its format's shape, also piece by piece, and which parameters does it heed?"""

from __future__ import annotations

import time
from typing import Any, Final

from reconciler.core.errors import InputError, RegistryError, SecretError
from reconciler.core.secret import Resolver
from reconciler.endpoint.asking import post, reach
from reconciler.endpoint.connecting import Place, place_of
from reconciler.endpoint.custom import Custom
from reconciler.endpoint.dialects import DIALECTS, GREETING, Dialect, mapped
from reconciler.endpoint.probing import probed
from reconciler.endpoint.steps import Steps, StoppedError
from reconciler.endpoint.streaming import streamed
from reconciler.endpoint.values import FailedError, Subject, Tried, with_hint
from reconciler.registry.http import Client, Redactor, open_client

PLATFORM: Final = "latticeflow$"  # begins the keys of adapters that come with AI GO!
_UNASKED: Final = "; not asked: it needs an input of its own, --input FILE"
_ANSWER: Final = 60  # characters of an answer in a message


def check_input(subject: Subject, given: Any) -> None:
    """Raises InputError where the model cannot be asked with what is given, or with nothing."""
    if given is None and _needs_input(subject):
        what = "a custom format" if subject.format == "custom" else f"task {subject.task}"
        raise InputError(f"{subject.key}: a model of {what} needs an input of its own", hint="--input FILE, any JSON")
    shaped = _dialect(subject) is not None or subject.adapter is not None
    if given is not None and shaped and not isinstance(given, dict | str):
        hint = 'write {"messages": [{"role": "user", "content": "Hello!"}]}, or "Hello!"'
        raise InputError(f"{subject.key}: its input is an object, or a text", hint=hint)


async def tried(subject: Subject, resolver: Resolver, *, given: Any = None, probe: bool = True) -> Tried:
    """Every check up to the first that fails. `given` is the input, plain JSON data, or None for a greeting.

    A model that can only be asked with an input of its own, and has none, is connected to and asked nothing. With `probe`, it is also found
    out which parameters are heeded, which costs some more requests. Raises nothing for what the endpoint, or a secret, lacks.
    """
    steps = Steps(Redactor(()))
    try:
        place = place_of(subject, resolver, bare=_dialect(subject) is None)
    except SecretError as error:
        steps.failed("credentials", with_hint(error))
        return steps.end()
    except FailedError as error:
        steps.failed("connection", str(error))
        return steps.end()
    steps = Steps(place.redactor)
    try:
        async with open_client(place.target) as client:
            await _Trial(client, place, subject, steps).run(given, probe=probe)
    except StoppedError:
        pass  # what failed is told
    except RegistryError as error:  # the address, a header, the proxy or the certificates cannot be used
        steps.failed("connection", with_hint(error))
    return steps.end()


def _dialect(subject: Subject) -> Dialect | None:
    return DIALECTS.get((subject.format, subject.task))


def _needs_input(subject: Subject) -> bool:
    if _unknown(subject) or _dialect(subject) is not None:
        return False
    return subject.adapter is None or subject.task != "chat_completion"


def _unknown(subject: Subject) -> str:
    """Why the model cannot be asked at all, or nothing."""
    adapter = subject.endpoint.adapter
    if subject.format != "custom":
        known = _dialect(subject) is not None or subject.task == "custom"
        return "" if known else f"the format {subject.format} has no {subject.task}"
    if adapter is None or subject.adapter is not None or adapter == f"{PLATFORM}identity":
        return ""
    where = "comes with AI GO! and is known there only" if adapter.startswith(PLATFORM) else "is declared nowhere"
    return f"the adapter {adapter} {where}: no latticeflow/Adapter of that key is among the manifests"


class _Trial:
    """The steps of one test."""

    def __init__(self, client: Client, place: Place, subject: Subject, steps: Steps) -> None:
        self._client, self._place, self._subject, self._steps = client, place, subject, steps

    async def run(self, given: Any, *, probe: bool) -> None:
        """Raises StoppedError at the first step that fails, RegistryError where nothing can be sent at all."""
        dialect = _dialect(self._subject)
        asked = given is not None or not _needs_input(self._subject)
        await self._steps.run("connection", lambda: self._connect("/models" if dialect is not None else "", asked))
        if reason := _unknown(self._subject):
            self._steps.failed("inference", reason)
        elif dialect is not None:
            await self._known(dialect, given, probe=probe)
        elif asked:
            await Custom(self._client, self._place, self._subject, self._steps).run(given)

    async def _connect(self, path: str, asked: bool) -> tuple[None, str]:
        _, message = await reach(self._client, self._place, path)
        return None, message if asked else message + _UNASKED

    async def _known(self, dialect: Dialect, given: Any, *, probe: bool) -> None:
        steps, base = self._steps, self._base()
        fields, unsent = mapped(self._subject.parameters, dialect)
        asked = dialect.ask(given if isinstance(given, str) else GREETING)
        own = {name: value for name, value in given.items() if name != "stream"} if isinstance(given, dict) else {}
        body = {**base, **asked, **dialect.needed, **fields, **own}
        await steps.run("inference", lambda: self._infer(dialect, body, unsent))
        if dialect.piece is None:
            return
        first = await steps.run("streaming", lambda: streamed(self._client, self._place, dialect, body))
        steps.figures["time_to_first_token_ms"] = round(first * 1000, 1)
        if probe and dialect.probes:
            steps.capabilities = await steps.run("capabilities", lambda: self._probe(dialect, base))

    def _base(self) -> dict[str, Any]:
        model = self._subject.endpoint.model
        return {"model": model} if model is not None else {}

    async def _infer(self, dialect: Dialect, body: dict[str, Any], unsent: list[str]) -> tuple[None, str]:
        began = time.perf_counter()
        data = await post(self._client, self._place, dialect.path, body)
        seconds = time.perf_counter() - began
        said = dialect.read(data)
        self._steps.output = data
        figures = self._steps.figures
        figures["latency_ms"] = round(seconds * 1000, 1)
        message = said.text if len(said.text) <= _ANSWER else f"{said.text[:_ANSWER]}…"
        if said.tokens:
            figures["tokens_per_second"] = round(said.tokens / seconds, 1)
            message += f" ({said.tokens:,} tokens, {figures['tokens_per_second']:,} tokens/s)"
        return None, message + (f"; the format has no {', '.join(unsent)}" if unsent else "")

    async def _probe(self, dialect: Dialect, base: dict[str, Any]) -> tuple[dict[str, str], str]:
        found = await probed(self._client, self._place, dialect, base)
        return found, ", ".join(f"{name}: {verdict}" for name, verdict in found.items())
