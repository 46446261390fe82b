"""What the server answers to a write, and where it is found wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

from reconciler.errors import PermanentError, StaleObjectError
from reconciler.registry.base import Write
from reconciler.registry.http import Redactor, Reply
from reconciler.registry.http.payload import secrets_in
from reconciler.registry.watsonx.wire import MisreadError
from reconciler.state import Address, Resource

LONGEST: Final = 500  # characters of what the server says
_AGAIN: Final = "nothing was overwritten: plan again"

Found = TypeVar("Found")


def understood(address: Address, read: Callable[[], Found]) -> Found:
    """What `read` makes of a row. Raises PermanentError where it cannot be understood."""
    try:
        return read()
    except MisreadError as error:
        raise PermanentError(f"{address} cannot be read: {error}") from error


def number_of(current: Resource) -> str:
    """The id of an object, for a path: an empty one would be the path of all of them."""
    if not current.id:
        raise ValueError(f"{current.address} has no id")
    return quote(current.id, safe="")


def check(write: Write, reply: Reply, sent: Any) -> None:
    """`sent` is the body. Raises StaleObjectError where the object moved, and PermanentError, with the place of each mistake, where the body was found wrong."""
    address, fresh = write.desired.address, write.current is None
    if reply.status == 404:
        raise StaleObjectError(f"{address} was deleted since it was read", hint=_AGAIN)
    if reply.status == 409:
        what = "exists already" if fresh else "was changed since it was read"
        raise StaleObjectError(f"{address} {what}", hint=_AGAIN)
    if reply.status == 422:
        redact = Redactor(secrets_in(sent))  # the server may repeat what it was sent
        detail = reply.data.get("detail") if isinstance(reply.data, Mapping) else None
        entries = [entry for entry in detail if isinstance(entry, Mapping)] if isinstance(detail, list) else []
        places = tuple((_place(entry.get("loc")), redact.excerpt(str(entry.get("msg")), LONGEST)) for entry in entries)
        said = "; ".join(f"{place}: {message}" for place, message in places) or "it does not say why"
        raise PermanentError(f"{address} was refused: {said[:LONGEST]}", places=places)


def _place(loc: Any) -> str:
    parts = [str(part) for part in loc if part != "body"] if isinstance(loc, list) else []
    return "".join(f"/{part}" for part in parts)
