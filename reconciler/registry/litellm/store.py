"""The open registry: LiteLLM Proxy 1.106 over HTTP.

Only one list is of the database (`search=%`), and it answers as if it were empty where the database cannot be asked: so every read is
bracketed by one that fails then, and held against what the proxy serves from memory. A write's reply tells nothing that could be compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from reconciler.registry.driver import (
    Address,
    Catalogue,
    Client,
    Listing,
    Opening,
    PermanentError,
    Removal,
    Resource,
    Response,
    StaleObjectError,
    TemporaryError,
    TestResult,
    Unreadable,
    Write,
    bearer,
    checked_url,
    open_client,
    raise_for_write,
    read_or_unreadable,
    reason_in,
    resolved_url,
    target_of,
    understood,
    unreadable_row,
)
from reconciler.registry.litellm import bodies, test_run
from reconciler.registry.litellm.catalogue import offers_of
from reconciler.registry.litellm.requests import Requests
from reconciler.registry.litellm.rows import credential_of_row, id_of, is_stored, model_of_row
from reconciler.registry.litellm.settings import Settings

HINTS: Final = {
    401: "check `token` in reconciler.yaml: it must be the proxy's master key, or the key of a proxy admin",
    403: "the token may not do that: it must be the proxy's master key, or the key of a proxy admin",
    404: "check `url` in reconciler.yaml: it is the proxy's address without /v1",
}
_NOT_SERVED: Final = (
    "it is stored, but this proxy does not serve it: either it does not know the provider in litellm_params.model, or another "
    "proxy on the same database took the write, which this one learns within half a minute"
)
_SERVES_OLD: Final = (
    "it is stored, but this proxy still serves it as it was: either it does not know the provider in litellm_params.model, or another "
    "proxy on the same database took the write, which this one learns within half a minute"
)
_UNSERVED: Final = "it is stored, but the proxy cannot serve it: check the provider in litellm_params.model"
_SHOWN: Final = 300  # characters of what the proxy says
_NOT_LIVE: Final = "saved to the database"  # in the answer to a create of what the proxy then could not serve
_GONE: Final = "not found in db"


class Store:
    """A `Registry`: one proxy. It also `RunsTests` and `Catalogues`."""

    def __init__(self, client: Client, registry: str) -> None:
        self._client = client
        self._requests = Requests(client, registry)
        self._registry = registry
        self._names: dict[str, str] = {}  # of each model the name by which the database finds it
        self._unserved: dict[str, str] = {}  # of each model that the proxy stored and could not serve, what it said

    # --- reading ------------------------------------------------------------------------------------------------

    async def read(self) -> Listing:
        await self._requests.check_database()
        stored, served, credentials = await asyncio.gather(
            self._requests.stored(), self._requests.served(), self._requests.credentials()
        )
        await self._requests.check_database()
        live = {found: row for row in served if (found := id_of(row)) is not None}
        self._names = {found: str(row.get("model_name")) for row in stored if (found := id_of(row)) is not None}
        self._check_not_empty(stored, live)
        models = [*stored, *(row for row in served if not is_stored(row))]
        return Listing.of(
            (
                *(self._model(row, _pending(row, live.get(id_of(row) or ""))) for row in models),
                *(self._credential(row) for row in credentials),
            )
        )

    def _check_not_empty(self, stored: list[Any], live: Mapping[str, Any]) -> None:
        """The list of the database is all or nothing: nothing, while the proxy serves models from it, is an answer that cannot be used."""
        known = [key for key, row in live.items() if is_stored(row)]
        if known and not stored:
            raise TemporaryError(
                f"{self._registry}: the proxy serves {len(known)} models from its database, and lists none of them",
                hint="another proxy may have deleted them within the last half minute: run again, and look into the proxy's log",
            )

    def _model(self, row: Any, pending: str) -> Resource | Unreadable | None:
        def unreadable(why: str) -> Unreadable:
            return unreadable_row(self._registry, "Model", id_of(row), why)

        return read_or_unreadable(row, lambda known: model_of_row(known, self._registry, pending), unreadable)

    def _credential(self, row: Any) -> Resource | Unreadable | None:
        name = row.get("credential_name") if isinstance(row, Mapping) else None

        def unreadable(why: str) -> Unreadable:
            return unreadable_row(self._registry, "Credential", name, why)

        return read_or_unreadable(row, lambda known: credential_of_row(known, self._registry), unreadable)

    async def get(self, address: Address) -> Resource | None:
        found = await (self._find_credential(address) if address.kind == "Credential" else self._find_model(address))
        if found is None:
            await self._requests.check_database()  # a proxy without its database says the same
        return found

    async def _find_credential(self, address: Address) -> Resource | None:
        row = await self._requests.credential(address.key)
        return None if row is None else understood(address, lambda: credential_of_row(row, self._registry))

    async def _find_model(self, address: Address) -> Resource | None:
        served, stored = await asyncio.gather(self._requests.live(address.key), self._stored(address.key))
        if stored is None and served is not None and is_stored(served):
            self._names[address.key] = str(served.get("model_name"))  # perhaps it was called otherwise when last seen
            stored = await self._stored(address.key) or _row_of(await self._requests.stored(), address.key)
        if stored is None and served is not None and not is_stored(served):
            stored = served  # of its config.yaml
        if stored is None:
            return None
        row = stored
        pending = _pending(row, served)
        if pending and address.key in self._unserved:
            pending = f"{_UNSERVED}: {self._unserved[address.key]}"
        return understood(address, lambda: model_of_row(row, self._registry, pending))

    async def _stored(self, key: str) -> Mapping[str, Any] | None:
        """The row of a model in the database, by the name that it had when it was last seen."""
        name = self._names.get(key)
        return None if name is None else _row_of(await self._requests.stored(name), key)

    # --- writing ------------------------------------------------------------------------------------------------

    async def create(self, write: Write) -> Resource | None:
        if write.desired.address.kind == "Credential":
            return await self._create_credential(write)
        address, body = write.desired.address, bodies.created_model(write)
        self._names[address.key] = body["model_name"]
        reply = await self._client.call("POST", "/model/new", body=body, expected=(200, 400, 422, 500))
        self._unserved.pop(address.key, None)
        if reply.status == 500 and _NOT_LIVE in _said(reply):
            self._unserved[address.key] = _said(reply)
            return None
        if reply.status != 200:
            await self._check_absent(address)
            _raise_refusal(write, reply, body)
        return await self._live(address)

    async def _check_absent(self, address: Address) -> None:
        """Raises StaleObjectError where the model is there although its create failed: its id was taken, or the row was stored before that."""
        if await self._find_model(address) is not None:
            raise StaleObjectError(f"{address} exists already", hint="it was made since the plan: plan again")
        await self._requests.check_database()

    async def update(self, write: Write) -> Resource | None:
        if write.desired.address.kind == "Credential":
            return await self._update_credential(write)
        body = bodies.patched_model(write)
        address = write.desired.address
        reply = await self._client.call(
            "PATCH", f"/model/{self._requests.quoted(address.key)}/update", body=body, expected=(200, 400, 404, 422)
        )
        _raise_refusal(write, reply, body)
        self._names[address.key] = body.get("model_name") or self._names.get(address.key, address.key)
        return await self._live(address)

    async def delete(self, removal: Removal) -> None:
        address = removal.current.address
        if removal.current.read_only:
            raise PermanentError(f"{address}: {removal.current.read_only}")
        if address.kind == "Credential":
            path = f"/credentials/{self._requests.quoted(address.key)}"
            reply = await self._client.call("DELETE", path, expected=(200, 404))
            if reply.status == 404:
                await self._requests.check_database()
            return
        reply = await self._client.call("POST", "/model/delete", body={"id": address.key}, expected=(200, 400))
        if reply.status == 400:
            await self._requests.check_database()  # without its database it says 400, too
            if _GONE not in _said(reply):
                raise PermanentError(f"{address} was not deleted: {_said(reply)}")

    async def _create_credential(self, write: Write) -> Resource | None:
        body = bodies.created_credential(write)
        reply = await self._client.call("POST", "/credentials", body=body, expected=(200, 400, 409, 422))
        _raise_refusal(write, reply, body)
        return None

    async def _update_credential(self, write: Write) -> Resource | None:
        body = bodies.patched_credential(write)
        path = f"/credentials/{self._requests.quoted(write.desired.address.key)}"
        reply = await self._client.call("PATCH", path, body=body, expected=(200, 400, 404, 405, 422))
        _raise_refusal(write, reply, body)
        return None

    async def _live(self, address: Address) -> Resource | None:
        """A model as the proxy serves it after a write that it said is stored; None where it does not, and must be looked for."""
        row = await self._requests.live(address.key)
        return None if row is None else understood(address, lambda: model_of_row(row, self._registry))

    # --- trying out ---------------------------------------------------------------------------------------------

    async def test(self, resource: Resource, given: Any) -> TestResult:
        return await test_run.run(self._client, resource, given)

    async def catalogue(self, provider: str) -> Catalogue:
        return offers_of(provider, await self._requests.prices())


def _row_of(rows: list[Any], key: str) -> Mapping[str, Any] | None:
    return next((row for row in rows if id_of(row) == key), None)


def _pending(stored: Any, served: Any) -> str:
    """What keeps the proxy from serving a model as it is stored, in words; nothing where it does."""
    if not is_stored(stored):
        return ""
    if not isinstance(served, Mapping):
        return _NOT_SERVED
    same = all(stored.get(part) == served.get(part) for part in ("model_name", "litellm_params"))
    return "" if same else _SERVES_OLD


def _raise_refusal(write: Write, reply: Response, body: Any) -> None:
    """Raises the error that an answer to a write means, if it is none of success."""
    raise_for_write(write, reply, body)
    if reply.status != 200:
        raise PermanentError(f"{write.desired.address} was refused: {_said(reply)}")


def _said(reply: Response) -> str:
    return reply.redact.excerpt(reason_in(reply.data), _SHOWN)


@asynccontextmanager
async def connect(settings: Settings, opening: Opening) -> AsyncIterator[Store]:
    """Makes no request. Raises ConfigError or SecretError where an address or a token is missing."""
    url = checked_url(resolved_url(settings.url, opening.resolver), "LiteLLM: its url")
    target = target_of(settings, opening, url=url, headers=bearer(settings.token, opening.resolver), hints=HINTS)
    async with open_client(target) as client:
        yield Store(client, opening.name)
