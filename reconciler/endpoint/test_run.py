"""One model tested at its endpoint: is it reached, does it answer in its format's shape, also piece by piece, and which parameters does it heed?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from reconciler.core.errors import InputError, LostReplyError, RegistryError, SecretError
from reconciler.core.secret import Resolver
from reconciler.endpoint.asking import ask, data_of, remark_on_type
from reconciler.endpoint.connecting import Place, place_of
from reconciler.endpoint.custom import Custom
from reconciler.endpoint.dialects import DIALECTS, GREETING, Dialect, Stream, mapped
from reconciler.endpoint.listing import PATH, ModelList, list_models
from reconciler.endpoint.narrowing import Refusal, ask_narrowed
from reconciler.endpoint.probing import probe_parameters
from reconciler.endpoint.readings import Reading
from reconciler.endpoint.steps import Steps, StoppedError
from reconciler.endpoint.streaming import stream
from reconciler.endpoint.values import FailedError, Subject, with_hint
from reconciler.registry.capabilities import TestResult
from reconciler.registry.http import Client, Redactor, open_client

_UNASKED: Final = "; not asked: it needs an input of its own, --input FILE"
_ANSWER: Final = 60  # characters of an answer in a message
_REASON: Final = 80  # characters of a server's words about one parameter
_CONNECTED: Final = 10.0  # seconds to wait for an answer that need not come
_NOBODY: Final = "reconciler-asks-for-a-model-that-is-not-there"
_NAMED: Final = 3  # models of a list in a message


def check_input(subject: Subject, given: Any) -> None:
    """Raises InputError where the model cannot be asked with what is given, or with nothing."""
    if given is None and _needs_input(subject):
        what = "a custom format" if subject.format == "custom" else f"task {subject.task}"
        raise InputError(f"{subject.key}: a model of {what} needs an input of its own", hint="--input FILE, any JSON")
    shaped = _dialect(subject) is not None or subject.adapter is not None
    if given is not None and shaped and not isinstance(given, dict | str):
        hint = 'write {"messages": [{"role": "user", "content": "Hello!"}]}, or "Hello!"'
        raise InputError(f"{subject.key}: its input is an object, or a text", hint=hint)


async def run_test(subject: Subject, resolver: Resolver, *, given: Any = None, probe: bool = True) -> TestResult:
    """Test one model: every check up to the first without which the others are meaningless. `given` is the input, plain JSON data, or None for a greeting.

    A model that can only be asked with an input of its own, and has none, is connected to and asked nothing. With `probe`, it is also found
    out which parameters are heeded, which costs some more requests. Raises nothing for what the endpoint, or a secret, lacks.
    """
    steps = Steps(Redactor(()))
    try:
        place = place_of(subject, resolver, bare=_dialect(subject) is None)
    except SecretError as error:
        steps.fail("credentials", with_hint(error))
        return steps.end()
    except FailedError as error:
        steps.fail("connection", str(error))
        return steps.end()
    steps = Steps(place.redactor)
    try:
        async with open_client(place.target) as client:
            await _Run(client, place, subject, steps).run(given, probe=probe)
    except StoppedError:
        pass  # what failed is told
    except RegistryError as error:  # the address, a header, the proxy or the certificates cannot be used
        steps.fail("connection", with_hint(error))
    return steps.end()


def streams(subject: Subject) -> bool:
    """Tell whether the model's task can be streamed."""
    dialect = _dialect(subject)
    return dialect.stream is not None if dialect is not None else subject.task not in ("embeddings", "rerank")


def _dialect(subject: Subject) -> Dialect | None:
    return DIALECTS.get((subject.format, subject.task))


def _needs_input(subject: Subject) -> bool:
    if _unknown(subject) or _dialect(subject) is not None:
        return False
    return subject.adapter is None or subject.task != "chat_completion"


def _unknown(subject: Subject) -> str:
    """The reason for which the model cannot be asked at all, or nothing."""
    if subject.format != "custom":
        known = _dialect(subject) is not None or subject.task == "custom"
        return "" if known else f"the format {subject.format} has no {subject.task}"
    return subject.adapter_missing


class _Run:
    """The steps of one test."""

    def __init__(self, client: Client, place: Place, subject: Subject, steps: Steps) -> None:
        self._client, self._place, self._subject, self._steps = client, place, subject, steps
        self._lists_models = False

    async def run(self, given: Any, *, probe: bool) -> None:
        """Raises StoppedError at the first step that fails, RegistryError where nothing can be sent at all."""
        dialect = _dialect(self._subject)
        asked = given is not None or not _needs_input(self._subject)
        await self._steps.run("connection", lambda: self._connect(PATH if dialect is not None else "", asked))
        if reason := _unknown(self._subject):
            self._steps.fail("inference", reason)
        elif dialect is not None:
            await self._known(dialect, given, probe=probe)
        elif asked:
            await Custom(self._client, self._place, self._subject, self._steps).run(given)

    async def _connect(self, path: str, asked: bool) -> tuple[None, str]:
        """Check the connection, whatever a GET is answered with. Raises RegistryError where there is none."""
        patience = min(self._place.target.timeout, _CONNECTED)
        try:
            answer = await self._client.exchange(
                "GET", path, query=self._place.query, expected=range(100, 600), timeout=patience
            )
            message = f"connected; a GET was answered with {answer.status}"
            self._lists_models = answer.status == HTTPStatus.OK and answer.whole
        except LostReplyError:  # it was sent, so there is a connection
            message = "connected; a GET got no whole answer"
        return None, message if asked else message + _UNASKED

    async def _known(self, dialect: Dialect, given: Any, *, probe: bool) -> None:
        """The steps of a format that we know. Streaming may fail and parameters are tried out all the same."""
        steps, base = self._steps, self._base()
        asked = dialect.ask(given if isinstance(given, str) else GREETING)
        own = {name: value for name, value in given.items() if name != "stream"} if isinstance(given, dict) else {}
        question = {**base, **asked, **dialect.needed}
        taken, refused = await steps.run("inference", lambda: self._infer(dialect, question, own))
        if refused:
            steps.degrade("inference", ", ".join(map(self._told, refused)))
        body = {**question, **taken, **own}
        if probe and (unlisted := await self._unlisted(dialect, question)):
            steps.degrade("inference", unlisted)
        if (form := dialect.stream) is not None:
            await steps.attempt("streaming", lambda: self._stream(dialect, form, body))
        if probe and dialect.probes:
            steps.capabilities = await steps.run("capabilities", lambda: self._probe(dialect, base))

    def _base(self) -> dict[str, Any]:
        model = self._subject.endpoint.model
        return {"model": model} if model is not None else {}

    def _told(self, refusal: Refusal) -> str:
        place = self._subject.locate(f"/parameters/{refusal.name}")
        reason = f": {self._steps.excerpt(refusal.reason, _REASON)}" if refusal.reason else ""
        return f"{refusal.name} refused{f' ({place})' if place else ''}{reason}"

    async def _infer(
        self, dialect: Dialect, question: Mapping[str, Any], own: Mapping[str, Any]
    ) -> tuple[tuple[dict[str, Any], list[Refusal]], str]:
        """The parameters that were taken, and those that were refused."""
        _, unsent = mapped(self._subject.parameters, dialect)
        declared = {
            name: sent
            for name, value in self._subject.parameters.items()
            if (sent := mapped({name: value}, dialect)[0]) and not sent.keys() & own.keys()
        }
        message, taken, refused = await ask_narrowed(
            lambda parameters: self._ask(dialect, {**question, **parameters, **own}), declared
        )
        message += f"; the format has no {', '.join(unsent)}" if unsent else ""
        return (taken, refused), message

    async def _ask(self, dialect: Dialect, body: Mapping[str, Any]) -> str:
        """One whole answer, read; what there is to say of it."""
        began = time.perf_counter()
        answer = await ask(self._client, self._place, dialect.path, body)
        seconds = time.perf_counter() - began
        data = data_of(answer)
        reading = dialect.read(data)
        self._steps.output = data
        return self._summary(reading, seconds) + remark_on_type(answer.headers, "json")

    def _summary(self, reading: Reading, seconds: float) -> str:
        figures = self._steps.figures
        figures["latency_ms"] = round(seconds * 1000, 1)
        notes = [reading.remark] if reading.remark else []
        if reading.tokens:
            figures["tokens_per_second"] = round(reading.tokens / seconds, 1)
            notes += [f"{reading.tokens:,} tokens", f"{figures['tokens_per_second']:,} tokens/s"]
        text = self._steps.excerpt(reading.text, _ANSWER)
        return f"{text} ({', '.join(notes)})".lstrip() if notes else text

    async def _stream(self, dialect: Dialect, form: Stream, body: Mapping[str, Any]) -> tuple[None, str]:
        streamed = await stream(self._client, self._place, dialect, form, body)
        if streamed.first is not None:
            self._steps.figures["time_to_first_token_ms"] = round(streamed.first * 1000, 1)
        return None, streamed.message

    async def _unlisted(self, dialect: Dialect, question: Mapping[str, Any]) -> str:
        """Remark on an endpoint that does not list the model and answers to any name, or nothing.

        A list alone proves nothing: aliases and deployments are seldom in it.
        """
        name = self._subject.endpoint.model
        models = await self._models(name)
        if name is None or models is None or not models.names or models.row(name) is not None:
            return ""
        try:
            dialect.read(data_of(await ask(self._client, self._place, dialect.path, {**question, "model": _NOBODY})))
        except (FailedError, RegistryError):
            return ""
        listed = ", ".join((models.near(name) or models.names)[:_NAMED])
        return f"the endpoint does not list the model {name}, and answers to any name (it lists {listed})"

    async def _models(self, name: str | None) -> ModelList | None:
        if not self._lists_models:
            return None
        try:
            models = await list_models(self._client, self._place, name)
        except RegistryError:
            return None
        return models if models.complete else None

    async def _probe(self, dialect: Dialect, base: dict[str, Any]) -> tuple[dict[str, str], str]:
        found = await probe_parameters(self._client, self._place, dialect, base)
        return found, ", ".join(f"{name}: {verdict}" for name, verdict in found.items())
