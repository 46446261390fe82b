"""The open registry: watsonx Orchestrate over HTTP.

Lists are whole (there are no pages). Objects are found by name, which need not be unique, and addressed by id. A POST answers nothing useful, so what was
made is looked up by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from reconciler.registry.driver import (
    Address,
    Listing,
    MisreadError,
    Opening,
    PermanentError,
    Removal,
    Resource,
    Secret,
    SecretError,
    Target,
    Unreadable,
    Write,
    bearer,
    checked_url,
    only,
    open_client,
    quoted_id,
    raise_for_write,
    read_or_unreadable,
    resolved_url,
    target_of,
    understood,
)
from reconciler.registry.watsonx import apps, wire
from reconciler.registry.watsonx.lists import APPS_ELSEWHERE, ELSEWHERE, Place
from reconciler.registry.watsonx.names import model_of
from reconciler.registry.watsonx.settings import Settings

HINTS: Final = {
    401: "check the token: `token` in reconciler.yaml; tokens live for about an hour",
    403: "the token may not do that",
    404: ELSEWHERE,
}
APPS: Final = "/connections/applications"
DETAILS: Final = {"include_details": "true"}
_PATHS: Final = {"Model": "/models", "Policy": "/model_policy"}
_ENVELOPES: Final = {"Model": ("models",), "Policy": ("model_policies", "policies"), "Connection": ("applications",)}
_WRITTEN: Final = (200, 201, 202, 204)

Row = Mapping[str, Any]


class Store:
    """A `Registry`. `place` is where models and policies are, `connections` where those are: it may be the same."""

    def __init__(self, registry: str, place: Place, connections: Place) -> None:
        self._registry = registry
        self._place = place
        self._connections = connections
        self._apps: dict[str, str] = {}  # id → app_id
        self._served: dict[str, tuple[str, ...]] = {}  # id of a model → what the server says in its tags
        self._models: dict[str, str] = {}  # the key in a mark → the model's name

    # --- reading ------------------------------------------------------------------------------------------------

    async def read(self) -> Listing:
        models = await self._rows("Model")  # first: whether a 404 to the others is believed depends on it
        policies, connections = await asyncio.gather(self._rows("Policy"), self._rows("Connection"))
        self._apps = apps.ids_of(connections)
        if any(self._unknown_app(row) for row in models):
            connections = await self._rows("Connection")  # one was made between the two lists
            self._apps = apps.ids_of(connections)
        found: list[Resource | Unreadable | None] = [self._understood("Model", row, self._model) for row in models]
        found += [self._understood("Policy", row, self._policy) for row in policies]
        marked = [one for one in found if isinstance(one, Resource) and one.mark is not None]
        self._models = {one.mark.key: one.address.key for one in marked if one.mark is not None}
        found += self._understood_apps(connections)
        return Listing.of(found)

    async def get(self, address: Address) -> Resource | None:
        if address.kind == "Connection":
            return await self._get_connection(address)
        rows = await self._rows(address.kind, {"name": address.key})
        # a server may not know that filter, or take the name for a part of one
        named = [row for row in rows if isinstance(row, Mapping) and row.get("name") == address.key]
        if any(self._unknown_app(row) for row in named):
            self._apps = apps.ids_of(await self._rows("Connection"))
        read = self._model if address.kind == "Model" else self._policy
        return only(address, named, read)

    async def _get_connection(self, address: Address) -> Resource | None:
        data = await self._connections.answer(APPS, {"app_id": address.key})
        number = data.get("connection_id") if isinstance(data, Mapping) and apps.app_id(data) == address.key else None
        if number is None:
            return None
        rows = await self._rows("Connection", DETAILS | {"connectionIds": str(number)})
        mine = [row for row in rows if apps.app_id(row) == address.key]
        return understood(address, lambda: self._connection(address.key, [*mine, {"connection_id": number}]))

    async def _rows(self, kind: str, query: Mapping[str, str] | None = None) -> list[Any]:
        if kind == "Connection":
            return await self._connections.rows(APPS, _ENVELOPES[kind], query or DETAILS)
        return await self._place.rows(_PATHS[kind], _ENVELOPES[kind], query)

    def _understood(self, kind: str, row: Any, read: Callable[[Row], Resource]) -> Resource | Unreadable | None:
        def unreadable(why: str) -> Unreadable:
            return wire.unreadable_of(kind, row, self._registry, why, self._apps)

        return read_or_unreadable(row, read, unreadable)

    def _understood_apps(self, rows: list[Any]) -> list[Resource | Unreadable]:
        """The connections: each is told in as many rows as it has environments."""
        grouped: dict[str, list[Row]] = {}
        for row in rows:
            name = apps.app_id(row)
            if name is None:
                why = f"a Connection of {self._registry}: it has no app_id"
                return [
                    Unreadable(why, "Connection"),
                    *self._understood_apps([one for one in rows if apps.app_id(one)]),
                ]
            grouped.setdefault(name, []).append(row)
        return [self._one_app(name, parts) for name, parts in grouped.items()]

    def _one_app(self, name: str, parts: list[Row]) -> Resource | Unreadable:
        try:
            return self._connection(name, parts)
        except MisreadError as error:
            return Unreadable(f"{self._registry}/Connection/{name}: {error}", "Connection", name)

    def _model(self, row: Row) -> Resource:
        self._served[str(row.get("id"))] = wire.served_tags(row)
        return wire.model_of(row, self._registry, self._apps)

    def _policy(self, row: Row) -> Resource:
        return wire.policy_of(row, self._registry)

    def _connection(self, name: str, rows: list[Row]) -> Resource:
        key = model_of(name)
        parent = None if key is None else Address(self._registry, "Model", self._models.get(key, key))
        return apps.connection_of(name, rows, self._registry, parent)

    def _unknown_app(self, row: Any) -> bool:
        number = row.get("connection_id") if isinstance(row, Mapping) else None
        return isinstance(number, str) and number != "" and number not in self._apps

    # --- writing ------------------------------------------------------------------------------------------------

    async def create(self, write: Write) -> Resource | None:
        address = write.desired.address
        if address.kind == "Connection":
            await self._create_app(write)
            return None
        body = await self._body(write)
        reply = await self._place.client.call("POST", _PATHS[address.kind], body=body, expected=(*_WRITTEN, 409, 422))
        raise_for_write(write, reply, body)
        return None

    async def update(self, write: Write) -> Resource | None:
        address = write.desired.address
        if address.kind == "Connection":
            await self._configure(write)
            return None
        if write.current is None:
            raise ValueError(f"an update of {address} without the object as it was read")
        path = f"{_PATHS[address.kind]}/{quoted_id(write.current)}"
        body = await self._body(write)
        reply = await self._place.client.call("PUT", path, body=body, expected=(*_WRITTEN, 404, 409, 422))
        raise_for_write(write, reply, body)
        return None

    async def delete(self, removal: Removal) -> None:
        address = removal.current.address
        if address.kind == "Connection":
            path, client = f"{APPS}/{quote(address.key, safe='')}", self._connections.client
        else:
            path, client = f"{_PATHS[address.kind]}/{quoted_id(removal.current)}", self._place.client
        await client.call("DELETE", path, expected=(*_WRITTEN, 404))

    async def _body(self, write: Write) -> dict[str, Any]:
        if write.desired.address.kind == "Policy":
            return wire.policy_body(write)
        app = write.desired.spec.get("app_id")
        connection = None if app is None else await self._connection_id(app, write.desired.address)
        kept = self._served.get(write.current.id or "", ()) if write.current is not None else ()
        return wire.model_body(write, kept, connection)

    async def _connection_id(self, app: str, needed_by: Address) -> str:
        data = await self._connections.answer(APPS, {"app_id": app})
        number = data.get("connection_id") if isinstance(data, Mapping) and apps.app_id(data) == app else None
        if not isinstance(number, str) or not number:
            message = f"{needed_by}: there is no connection {app!r}"
            raise PermanentError(message, hint="declare a watsonx/Connection of that key")
        self._apps[number] = app
        return number

    async def _create_app(self, write: Write) -> None:
        address = write.desired.address
        body = {"app_id": address.key}
        reply = await self._connections.client.call("POST", APPS, body=body, expected=(*_WRITTEN, 409, 422))
        found = await self._get_connection(address) if reply.status == 409 else None
        if found is None or found.spec["environments"]:  # else it is what an interrupted run left
            raise_for_write(write, reply, body)
        await self._configure(write)

    async def _configure(self, write: Write) -> None:
        address = write.desired.address
        for step in apps.steps_of(write):
            path = f"{APPS}/{quote(address.key, safe='')}{step.path}"
            reply = await self._connections.client.call(
                step.method, path, body=step.body, expected=(*_WRITTEN, 404, 409, 422)
            )
            raise_for_write(write, reply, step.body)


# --- opening -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def connect(settings: Settings, opening: Opening) -> AsyncIterator[Store]:
    """Makes no request. Raises ConfigError or SecretError where an address or a token is missing."""
    headers = bearer(settings.token, opening.resolver)

    def target(url: str) -> Target:
        found = target_of(settings, opening, url=url, headers=headers, hints=HINTS)
        return replace(found, renew=lambda: _renewed(settings, opening))

    def address(url: str, field: str) -> str:
        return checked_url(resolved_url(url, opening.resolver), f"watsonx: its {field}", setting=f"/{field}")

    url = address(settings.url, "url")
    elsewhere = url if settings.connections_url is None else address(settings.connections_url, "connections_url")
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(open_client(target(url)))
        place = Place(client, opening.name, ("/models/list", "/model_policy", "/models"), ELSEWHERE)
        connections = place
        if elsewhere != url:
            client = await stack.enter_async_context(open_client(target(elsewhere)))
            connections = Place(client, opening.name, (), APPS_ELSEWHERE)
        yield Store(opening.name, place, connections)


def _renewed(settings: Settings, opening: Opening) -> dict[str, str | Secret]:
    """The credential as it is now. Raises PermanentError where there is none any more."""
    try:
        return bearer(settings.token, opening.resolver)
    except SecretError as error:
        raise PermanentError(f"{opening.name}: the token was refused, and {error.message}", hint=error.hint) from error
