"""Errors for refused writes: the object was changed meanwhile (404, 409), or the body is invalid (422)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from reconciler.core.errors import PermanentError, StaleObjectError
from reconciler.core.redaction import Redactor
from reconciler.core.resource import Address, Resource
from reconciler.registry.http.payload import secrets_in
from reconciler.registry.http.target import Response
from reconciler.registry.protocol import Write

LONGEST: Final = 500  # characters of what the server says


def quoted_id(current: Resource) -> str:
    """Quote the id of an object for a path. Raises ValueError for an empty one, which would be the path of all of them."""
    if not current.id:
        raise ValueError(f"{current.address} has no id")
    return quote(current.id, safe="")


def path_to(collection: str, address: Address) -> str:
    """The path of an object among those at `collection`, its key quoted whole: one with a slash in it leads nowhere else."""
    return f"{collection}/{quote(address.key, safe='')}"


def raise_for_write(write: Write, response: Response, body: Any) -> None:
    """Raise the error that a response to a write of `body` means; a driver passes those statuses that it expects.

    Raises StaleObjectError where the object moved (404, 409), and PermanentError, with the place of each mistake, where the body was found
    wrong (422, whose `detail` is FastAPI's: a text, or a list of `{loc, msg}`). What the server says is shown without the secrets of `body`.
    """
    address, is_create = write.desired.address, write.current is None
    if response.status == 404:
        raise StaleObjectError(f"{address} was deleted since it was read", hint="nothing was overwritten: plan again")
    if response.status == 409 and is_create:
        raise StaleObjectError(f"{address} exists already", hint="it was made since the plan: plan again")
    if response.status == 409:
        raise StaleObjectError(f"{address} was changed since it was read", hint="nothing was overwritten: plan again")
    if response.status == 422:
        redact = _redactor(response, body)  # the server may repeat what it was sent
        detail = response.data.get("detail") if isinstance(response.data, Mapping) else None
        places = tuple(_places(detail, redact))
        reason = "; ".join(f"{place}: {message}" if place else message for place, message in places)
        if not reason:
            reason = redact(str(detail), LONGEST) if detail else "it does not say why"
        raise PermanentError(f"{address} was refused: {reason[:LONGEST]}", places=places)


def _redactor(response: Response, body: Any) -> Callable[[str, int], str]:
    """Build what hides the secrets of a request, and of its body, which may not have reached the client as such, in an excerpt."""
    own = Redactor(secrets_in(body))
    return lambda text, most: response.redact.excerpt(own(text), most)


def _places(detail: Any, redact: Callable[[str, int], str]) -> Iterator[tuple[str, str]]:
    """Pointer and message of each mistake in FastAPI's `detail`."""
    for entry in detail if isinstance(detail, list) else ():
        if isinstance(entry, Mapping):
            loc = entry.get("loc")
            parts = [str(part) for part in loc if part != "body"] if isinstance(loc, list) else []
            place = "".join(f"/{part}" for part in parts)
            yield redact(place, LONGEST), redact(str(entry.get("msg")), LONGEST)
