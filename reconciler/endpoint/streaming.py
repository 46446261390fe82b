"""The same question, answered piece by piece: server-sent events, in the format's shape, to their last one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reconciler.core.errors import LostReplyError
from reconciler.endpoint.asking import check_data, check_type
from reconciler.endpoint.connecting import Place
from reconciler.endpoint.dialects import Dialect
from reconciler.endpoint.listening import Event, Listener
from reconciler.endpoint.values import FailedError
from reconciler.registry.http import Client, parse


async def streamed(client: Client, place: Place, dialect: Dialect, body: Mapping[str, Any]) -> tuple[float, str]:
    """The seconds until the first piece of text. Raises RegistryError or FailedError where no whole stream comes."""
    listener = Listener(dialect.last)
    content = json.dumps({**body, "stream": True}, allow_nan=False).encode("ascii")
    try:
        answer = await client.exchange("POST", dialect.path, query=place.query, content=content, sink=listener)
    except LostReplyError as error:
        if not listener.events:
            raise
        _read(listener.events, dialect)  # an error among them says more
        message = f"the stream began and did not end within {place.target.timeout:g} seconds, or broke off"
        raise FailedError(message) from error
    check_type(answer.headers, "text/event-stream", "text/event-stream: `stream: true` is ignored")
    listener.finish()
    first = _read(listener.events, dialect)
    if listener.trouble or not answer.whole:
        raise FailedError(f"the stream is given up: {listener.trouble or 'it is too long'}")
    if not listener.ended:
        raise FailedError(f"the stream ends without {dialect.end}")
    if first is None:
        raise FailedError("the stream holds no piece of an answer")
    return first, f"first text after {first * 1000:,.0f} ms, {len(listener.events):,} events"


def _read(events: list[Event], dialect: Dialect) -> float | None:
    """When the first piece of text came, or None. Raises FailedError for an event that is no JSON object, or an error."""
    first: float | None = None
    for event in events:
        if event.data == "[DONE]":
            continue
        try:
            data = parse(event.data.encode())
        except (ValueError, RecursionError) as error:
            raise FailedError(f"an event is not JSON: {event.data[:80]}") from error
        if not isinstance(data, dict):
            raise FailedError(f"an event is no object: {event.data[:80]}")
        check_data(data)
        if first is None and dialect.piece is not None and dialect.piece(data) is not None:
            first = event.at
    return first
