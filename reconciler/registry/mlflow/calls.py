"""Requests to MLflow: what its answers to reads and writes mean.

One error shape for all: `{"error_code", "message"}`. A name that is taken is 400, as is whatever the database refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.driver import (
    Address,
    Client,
    PermanentError,
    Response,
    StaleObjectError,
    reason_in,
)

HINTS: Final = {
    401: "check `username` and `password`, or `token`, in reconciler.yaml",
    403: "the user may not do that",
    404: "check `url` in reconciler.yaml: it is the tracking server's address, without /api",
    501: "the server runs with its AI Gateway turned off",
}
_TAKEN: Final = ("RESOURCE_ALREADY_EXISTS",)
_CONSTRAINTS: Final = ("UNIQUE constraint failed", "UniqueViolation", "Duplicate entry")
_PROMPT: Final = "taken by a prompt"
_GONE: Final = "RESOURCE_DOES_NOT_EXIST"
LONGEST: Final = 500  # characters of what the server says

Body = Mapping[str, Any]


class Calls:
    """Requests of one open registry."""

    def __init__(self, client: Client, registry: str) -> None:
        self.client = client
        self.registry = registry

    async def read(self, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """What a list, or an object that must be there, answers. Raises PermanentError where it is no map."""
        reply = await self.client.call("GET", path, query=query)
        return self._map(reply, path)

    async def find(self, path: str, query: Mapping[str, str]) -> Mapping[str, Any] | None:
        """One object, or None where there is none."""
        reply = await self.client.call("GET", path, query=query, expected=(200, 404))
        if reply.status == 404:
            if not isinstance(reply.data, Mapping) or reply.data.get("error_code") != _GONE:
                raise PermanentError(f"{self.registry}: GET {path} is not known to the server", hint=HINTS[404])
            return None
        return self._map(reply, path)

    async def is_forbidden(self, path: str, query: Mapping[str, str]) -> bool:
        """True where the server says so, which it does in plain text."""
        reply = await self.client.exchange("GET", path, query=query, expected=(200, 403, 404), repeatable=True)
        return reply.status == 403

    async def write(self, method: str, path: str, body: Body, of: Address) -> Mapping[str, Any]:
        """What a write of the object `of` answers.

        Raises StaleObjectError where the object, or another that it needs, is gone, or its name is taken by now; PermanentError where the server refuses.
        """
        reply = await self.client.call(method, path, body=dict(body), expected=(200, 400, 404))
        if reply.status != 200:
            raise self._refusal(reply, path, of)
        return self._map(reply, path)

    async def change(self, method: str, path: str, body: Body, of: Address) -> None:
        """A write that does the same when it is done twice: it is sent again where its reply was lost."""
        reply = await self.client.call(method, path, body=dict(body), expected=(200, 400, 404), repeatable=True)
        if reply.status != 200:
            raise self._refusal(reply, path, of)

    async def remove(self, path: str, body: Body, of: Address) -> None:
        """A delete; what is gone already is as it should be."""
        reply = await self.client.call("DELETE", path, body=dict(body), expected=(200, 400, 404))
        if reply.status == 400:
            raise self._refusal(reply, path, of)
        if reply.status == 404 and not isinstance(reply.data, Mapping):
            raise PermanentError(f"{self.registry}: DELETE {path} is not known to the server", hint=HINTS[404])

    def _refusal(self, reply: Response, path: str, of: Address) -> PermanentError:
        code = reply.data.get("error_code") if isinstance(reply.data, Mapping) else None
        said = reason_in(reply.data)
        if reply.status == 404 and code != _GONE:
            return PermanentError(f"{self.registry}: {path} is not known to the server", hint=HINTS[404])
        if _PROMPT in said:
            message = f"{of} cannot be created: a prompt has this name, and MLflow keeps prompts among its models"
            return PermanentError(message, hint="choose another key")
        if code in _TAKEN or any(word in said for word in _CONSTRAINTS):
            return StaleObjectError(f"{of} exists already", hint="it was made since the plan: plan again")
        shown = reply.redact.excerpt(said, LONGEST) or "it does not say why"
        if reply.status == 404:
            return StaleObjectError(f"{of}: {shown}", hint="nothing was overwritten: plan again")
        return PermanentError(f"{of} was refused: {shown}")

    def _map(self, reply: Response, path: str) -> Mapping[str, Any]:
        if not isinstance(reply.data, Mapping):
            message = f"{self.registry}: {path} answered no object: this is not MLflow's API"
            raise PermanentError(message, hint=HINTS[404])
        return reply.data


def rows_in(answer: Mapping[str, Any], name: str, registry: str) -> list[Any]:
    """The rows of a list; none where the member is absent, as MLflow writes an empty one. Raises PermanentError."""
    rows = answer.get(name) or []
    if not isinstance(rows, list):
        raise PermanentError(f"{registry}: `{name}` is no list: this is not MLflow's API", hint=HINTS[404])
    return rows
