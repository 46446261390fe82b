"""What a server answers to a write: whether the object moved meanwhile, and where the body is found wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from reconciler.core.errors import PermanentError, StaleObjectError
from reconciler.core.redaction import Redactor
from reconciler.core.resource import Resource
from reconciler.registry.base import Write
from reconciler.registry.http.payload import secrets_in
from reconciler.registry.http.target import Reply

LONGEST: Final = 500  # characters of what the server says


def number_of(current: Resource) -> str:
    """The id of an object, for a path. Raises ValueError for an empty one, which would be the path of all of them."""
    if not current.id:
        raise ValueError(f"{current.address} has no id")
    return quote(current.id, safe="")


def check(write: Write, reply: Reply, sent: Any) -> None:
    """Judges the reply to a write of the body `sent`; a driver passes those statuses that it expects.

    Raises StaleObjectError where the object moved (404, 409), and PermanentError, with the place of each mistake, where the body was found
    wrong (422, whose `detail` is FastAPI's: a text, or a list of `{loc, msg}`). What the server says is shown without the secrets of `sent`.
    """
    address, fresh = write.desired.address, write.current is None
    if reply.status == 404:
        raise StaleObjectError(f"{address} was deleted since it was read", hint="nothing was overwritten: plan again")
    if reply.status == 409 and fresh:
        raise StaleObjectError(f"{address} exists already", hint="it was made since the plan: plan again")
    if reply.status == 409:
        raise StaleObjectError(f"{address} was changed since it was read", hint="nothing was overwritten: plan again")
    if reply.status == 422:
        redact = _redactor(reply, sent)  # the server may repeat what it was sent
        detail = reply.data.get("detail") if isinstance(reply.data, Mapping) else None
        places = tuple(_places(detail, redact))
        said = "; ".join(f"{place}: {message}" if place else message for place, message in places)
        if not said:
            said = redact(str(detail), LONGEST) if detail else "it does not say why"
        raise PermanentError(f"{address} was refused: {said[:LONGEST]}", places=places)


def _redactor(reply: Reply, sent: Any) -> Callable[[str, int], str]:
    """Takes out what was sent beside the body too: not every body reaches the client as its secrets."""
    own = Redactor(secrets_in(sent))
    return lambda text, most: reply.redact.excerpt(own(text), most)


def _places(detail: Any, redact: Callable[[str, int], str]) -> Iterator[tuple[str, str]]:
    for entry in detail if isinstance(detail, list) else ():
        if isinstance(entry, Mapping):
            loc = entry.get("loc")
            parts = [str(part) for part in loc if part != "body"] if isinstance(loc, list) else []
            place = "".join(f"/{part}" for part in parts)
            yield redact(place, LONGEST), redact(str(entry.get("msg")), LONGEST)
