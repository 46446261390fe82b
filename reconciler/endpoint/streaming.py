"""The same question, answered piece by piece: server-sent events in the format's shape, up to their end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from reconciler.core.errors import TemporaryError
from reconciler.endpoint.asking import ask, check_data, content_type, data_of, parsed, remark_on_type, text_of
from reconciler.endpoint.connecting import Place
from reconciler.endpoint.dialects import Dialect, Stream
from reconciler.endpoint.listening import DONE, Event, Listener
from reconciler.endpoint.values import DegradedError, FailedError, RefusedError
from reconciler.registry.http import Client, RawResponse, parse, reason_in

# too many requests, or too early: says nothing of streams
_UNDECIDED: Final = (408, 409, 425, 429)
_NOT_IMPLEMENTED: Final = 501


class Streamed(NamedTuple):
    """A stream that came whole: when its first piece came, in seconds, if one did, and what to say of it."""

    first: float | None
    message: str


async def stream(client: Client, place: Place, dialect: Dialect, form: Stream, body: Mapping[str, Any]) -> Streamed:
    """Ask for a stream, and judge what comes by the rule for whole answers.

    Raises DegradedError where the endpoint does not stream, FailedError or RegistryError where what it streams is no whole, sound answer.
    """
    listener = Listener(form.last)
    try:
        answer = await ask(client, place, dialect.path, {**body, "stream": True}, listener)
    except RefusedError as error:
        if _is_refusal(error.status, error.reason):
            raise DegradedError(f"it does not stream: {error}") from error
        raise
    except TemporaryError as error:
        if not listener.events:
            raise
        _judge(listener, form)  # an error among the events says more
        raise FailedError(
            f"the stream began and did not end within {place.target.timeout:g} seconds, or broke off"
        ) from error
    listener.finish()
    if not listener.events:
        raise _no_stream(answer, listener, dialect)
    reading, first = _judge(listener, form)
    if listener.trouble or not answer.whole:
        raise FailedError(f"the stream is given up: {listener.trouble or 'it is too long'}")
    if not (listener.ended or form.ended(reading)):
        raise FailedError(f"the stream ends without {form.end}: the connection was closed too early")
    said = dialect.read(reading)
    told = f"first text after {first * 1000:,.0f} ms" if first is not None else "no text"
    remark = f", {said.remark}" if said.remark else ""
    count = f"{len(listener.events):,} events"
    return Streamed(first, f"{told}, {count}{remark}{remark_on_type(answer.headers, 'text/event-stream')}")


def _is_refusal(status: int, reason: str) -> bool:
    """Tell whether a refusal of a question that was answered whole is a refusal to stream."""
    refused = status < 500 and status not in _UNDECIDED
    return refused or status == _NOT_IMPLEMENTED or "stream" in reason.lower()


def _no_stream(answer: RawResponse, listener: Listener, dialect: Dialect) -> FailedError | DegradedError:
    """Explain an answer without any event: `stream: true` may have been ignored, or refused in an answer of 200."""
    if listener.trouble or not answer.whole:
        return FailedError(f"the stream is given up: {listener.trouble or 'it is too long'}")
    if not listener.stray:
        return FailedError(
            f"the stream ends without a piece of an answer (content type {content_type(answer.headers)})"
        )
    try:
        dialect.read(data_of(answer))
    except FailedError as error:
        said = reason_in(parsed(text_of(answer)))
        return DegradedError(f"it does not stream: {said}") if "stream" in said.lower() else error
    return DegradedError("it does not stream: `stream: true` is ignored, and the answer comes whole")


def _judge(listener: Listener, form: Stream) -> tuple[dict[str, Any], float | None]:
    """The answer that the events make, and when its first piece came. Raises FailedError for an event that is an error, or none of this format."""
    pieces: list[dict[str, Any]] = []
    first: float | None = None
    for event in listener.events:
        if event.data.strip() == DONE and event.name != "error":
            continue
        data = _data(event)
        if form.mark not in data and (reason := reason_in(data)):
            raise FailedError(f"the stream breaks off with an error: {reason}")
        pieces.append(data)
        if first is None and form.piece(data):
            first = event.at
    if listener.stray is not None:
        raise FailedError(f"a line of the stream belongs to no event: {_reason(listener.stray)}")
    if not pieces:
        raise FailedError("the stream holds no piece of an answer")
    return form.assemble(pieces), first


def _data(event: Event) -> dict[str, Any]:
    """The data of one event."""
    if event.name.lower() == "error":
        raise FailedError(f"the stream breaks off with an error: {_reason(event.data) or 'it does not say why'}")
    try:
        data = parse(event.data.encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise FailedError(f"an event is not JSON: {event.data}") from error
    if not isinstance(data, dict):
        raise FailedError(f"an event is no object: {event.data}")
    check_data(data)
    return data


def _reason(text: str) -> str:
    """The server's words in a text that may be JSON."""
    try:
        return reason_in(parse(text.encode("utf-8", "replace"))) or text
    except (ValueError, RecursionError):
        return text
