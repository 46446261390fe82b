"""The open registry: AI GO! over HTTP, as its own client 3.17 speaks with it.

Every list is whole (there are no pages), objects are found by key and addressed by id, and a write sends the whole object.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import quote

from reconciler.registry.driver import (
    Address,
    Catalogue,
    Client,
    InputError,
    Listing,
    MisreadError,
    Opening,
    PermanentError,
    Removal,
    Resource,
    Secret,
    TestResult,
    Unreadable,
    Write,
    check_whole,
    only,
    open_client,
    quoted_id,
    raise_for_write,
    read_or_unreadable,
    target_of,
)
from reconciler.registry.latticeflow import catalogue, test_run, wire
from reconciler.registry.latticeflow.connections import PROVIDERS
from reconciler.registry.latticeflow.derived import model_of
from reconciler.registry.latticeflow.kinds import KINDS
from reconciler.registry.latticeflow.settings import Settings, place_of
from reconciler.registry.latticeflow.shared import Shared

KEY_HEADER: Final = "X-LatticeFlow-API-Key"
VERSION_HEADER: Final = "X-LatticeFlow-Client-Version"
ELSEWHERE: Final = "it is gone, or `url` in reconciler.yaml (or LF_URL) is wrong: it is the address without /api"
HINTS: Final = {
    401: "check the API key: `api_key` in reconciler.yaml, or LF_API_KEY",
    403: "the API key may not do that",
    404: ELSEWHERE,
    426: "the server wants another version of the client: set `client_version` in reconciler.yaml, for example sdk@3.17.0",
}

Row = Mapping[str, Any]


class Store:
    """A `Registry` that also `RunsTests` and `Catalogues`."""

    def __init__(self, client: Client, registry: str) -> None:
        self._client = client
        self._registry = registry
        self._adapters: dict[str, str] = {}  # id → key
        self._numbers: dict[str, str] = {}  # key → id
        self._secrets = Shared(lambda: self._rows("/secrets", "secrets"))

    # --- reading ------------------------------------------------------------------------------------------------

    async def read(self) -> Listing:
        models, adapters, secrets, integrations, available = await asyncio.gather(
            self._rows("/models", "models"),
            self._rows("/model-adapters", "model_adapters"),
            self._rows("/secrets", "secrets"),
            self._rows("/integrations", "integrations"),
            self._offered(),
        )
        self._adapters, self._numbers = {}, {}
        known = {str(row.get("id")) for row in adapters if isinstance(row, Mapping)}
        if any(number is not None and number not in known for number in map(self._adapter_id_of, models)):
            adapters = await self._rows("/model-adapters", "model_adapters")  # one was made between the two lists
        found: list[Resource | Unreadable | None] = [
            self._understood("Adapter", row, self._adapter) for row in adapters
        ]
        found += [self._understood("Model", row, self._model) for row in models]
        keys = {str(row.get("key")) for row in models if isinstance(row, Mapping)}
        found += [self._understood("Secret", row, lambda one: self._secret(one, keys)) for row in secrets]
        found += [self._understood("Integration", row, self._integration) for row in integrations]
        return Listing.of(found, available)

    async def get(self, address: Address) -> Resource | None:
        if address.kind == "Integration":
            return await self._get_integration(address)
        if address.kind == "Secret":
            rows = [
                row for row in await self._secrets.get() if isinstance(row, Mapping) and row.get("name") == address.key
            ]
            return only(address, rows, lambda row: self._secret(row, set()))
        path, name = ("/models", "models") if address.kind == "Model" else ("/model-adapters", "model_adapters")
        rows = [
            row
            for row in await self._rows(path, name, {"key": address.key})
            if isinstance(row, Mapping) and row.get("key") == address.key  # a server may take the key for a part of one
        ]
        if address.kind == "Adapter":
            return only(address, rows, self._adapter)
        if any(self._unknown_adapter(row) for row in rows):
            await self._learn_adapters()
        return only(address, rows, self._model)

    async def _get_integration(self, address: Address) -> Resource | None:
        reply = await self._client.call("GET", f"/integrations/{quote(address.key, safe='')}", expected=(200, 404))
        if reply.status == 404:
            return None
        return only(address, [_map(reply.data, address)], self._integration)

    async def _rows(self, path: str, name: str, query: Mapping[str, str] | None = None) -> list[Any]:
        reply = await self._client.call("GET", path, query=query)
        rows = reply.data.get(name) if isinstance(reply.data, Mapping) else None
        if not isinstance(rows, list):
            message = f"{self._registry}: GET {path} answered without a list of {name}: this is not AI GO!'s API"
            raise PermanentError(message, hint=ELSEWHERE)
        check_whole(f"{self._registry}: GET {path}", reply.data, rows, ELSEWHERE)
        return rows

    async def _offered(self) -> tuple[Resource, ...]:
        """The adapters that the platform has ready: `lf` creates one as soon as a model names it, and so do we."""
        reply = await self._client.call("GET", "/model-adapter-providers/latticeflow", expected=(200, 404))
        if reply.status == 404:
            return ()
        rows = reply.data.get("model_adapters") if isinstance(reply.data, Mapping) else None
        if not isinstance(rows, list):
            message = (
                f"{self._registry}: the adapters of the provider latticeflow are no list: this is not AI GO!'s API"
            )
            raise PermanentError(message, hint=ELSEWHERE)
        understood = [
            self._understood("Adapter", {**row, "id": "offered"}, lambda one: wire.adapter_of(one, self._registry))
            for row in rows
            if isinstance(row, Mapping)
        ]
        return tuple(Resource(one.address, one.spec) for one in understood if isinstance(one, Resource))

    def _understood(self, kind: str, row: Any, read: Callable[[Row], Resource | None]) -> Resource | Unreadable | None:
        def unreadable(why: str) -> Unreadable:
            return wire.unreadable_of(row, kind, self._registry, why, self._adapters)

        return read_or_unreadable(row, read, unreadable)

    def _model(self, row: Row) -> Resource:
        return wire.model_of(row, self._registry, self._adapters)

    def _adapter(self, row: Row) -> Resource:
        number, key = row.get("id"), row.get("key")
        if isinstance(number, str) and isinstance(
            key, str
        ):  # also where nobody understands it: models name it all the same
            self._adapters[number] = key
            self._numbers[key] = number
        return wire.adapter_of(row, self._registry)

    def _integration(self, row: Row) -> Resource | None:
        return wire.integration_of(row, self._registry)

    def _secret(self, row: Row, models: set[str]) -> Resource:
        key = model_of(str(row.get("name")), models)
        return wire.secret_of(row, self._registry, None if key is None else Address(self._registry, "Model", key))

    def _unknown_adapter(self, row: Row) -> bool:
        number = self._adapter_id_of(row)
        return number is not None and number not in self._adapters

    @staticmethod
    def _adapter_id_of(row: Any) -> str | None:
        """The id of the adapter that a model's connection names, if it does."""
        config = row.get("config") if isinstance(row, Mapping) else None
        number = config.get("adapter_id") if isinstance(config, Mapping) else None
        return number if isinstance(number, str) else None

    async def _learn_adapters(self, key: str | None = None) -> None:
        query = None if key is None else {"key": key}
        for row in await self._rows("/model-adapters", "model_adapters", query):
            self._understood("Adapter", row, self._adapter)

    # --- writing ------------------------------------------------------------------------------------------------

    async def create(self, write: Write) -> Resource | None:
        address, body = write.desired.address, wire.body_of(write)
        if await self._put(address, body):
            return None
        path, sent = await self._addressed(address, body)
        reply = await self._client.call("POST", path, body=sent, expected=(201, 409))
        raise_for_write(write, reply, sent)
        return self._stored(address, reply.data)

    async def update(self, write: Write) -> Resource | None:
        address, body = write.desired.address, wire.body_of(write)
        if await self._put(address, body):
            return None
        path, sent = await self._addressed(address, body)
        if write.current is None:
            raise ValueError(f"an update of {address} without the object as it was read")
        reply = await self._client.call("PUT", f"{path}/{quoted_id(write.current)}", body=sent, expected=(200, 404))
        raise_for_write(write, reply, sent)
        return self._stored(address, reply.data)

    async def delete(self, removal: Removal) -> None:
        address, number = removal.current.address, quoted_id(removal.current)
        if address.kind == "Integration":
            raise PermanentError(f"{address}: {KINDS[address.kind].not_deletable_reason}")
        if address.kind == "Adapter":
            await self._check_unused(address, number)
        path = {"Model": "/models", "Adapter": "/model-adapters", "Secret": "/secrets"}[address.kind]
        await self._client.call("DELETE", f"{path}/{number}", expected=(200, 202, 204, 404))

    async def _check_unused(self, address: Address, number: str) -> None:
        """Whether the server refuses to delete an adapter in use is not documented, so it is asked for its models first."""
        reply = await self._client.call("GET", f"/model-adapters/{number}", expected=(200, 404))
        models = reply.data.get("model_ids") if isinstance(reply.data, Mapping) else None
        if reply.status == 200 and models:
            raise PermanentError(f"{address} is in use by {len(models)} models, so it was not deleted")

    async def _addressed(self, address: Address, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Where an object of a kind is written, and what is sent."""
        if address.kind == "Adapter":
            return "/model-adapters", body
        key = wire.adapter_key(body)
        return "/models", wire.with_adapter_id(body, None if key is None else await self._adapter_id(key, address))

    async def _adapter_id(self, key: str, needed_by: Address) -> str:
        if key not in self._numbers:
            await self._learn_adapters(key)
        if key not in self._numbers:
            raise PermanentError(
                f"{needed_by}: there is no adapter {key!r}", hint="declare a latticeflow/Adapter of that key"
            )
        return self._numbers[key]

    def _stored(self, address: Address, data: Any) -> Resource | None:
        """The reply as an object. None, so that it is read again, where it is not the object that was written."""
        row = _map(data, address)
        read = self._adapter if address.kind == "Adapter" else self._model
        try:
            return read(row) if row.get("key") == address.key else None
        except MisreadError:
            return None

    async def _put(self, address: Address, body: Mapping[str, Any]) -> bool:
        """Creates or overwrites what is written in one way only, and of which the reply tells no more than that it was done. False for the others."""
        if address.kind == "Secret":
            sent = {"secret": {"name": address.key}, "value": body["value"]}
            await self._client.call("POST", "/secrets", body=sent)
            return True
        if address.kind == "Integration":
            sent = {name: value for name, value in body.items() if name != "key"}
            await self._client.call("PUT", f"/integrations/{quote(address.key, safe='')}", body=sent)
            return True
        return False

    # --- capabilities -------------------------------------------------------------------------------------------

    async def test(self, resource: Resource, given: Any) -> TestResult:
        return await test_run.run(self._client, resource, given)

    async def catalogue(self, provider: str) -> Catalogue:
        if provider not in PROVIDERS:
            raise InputError(f"AI GO! knows no provider {provider!r}", hint=f"there is: {', '.join(PROVIDERS)}")
        reply = await self._client.call("GET", f"/model-providers/{provider}")
        return catalogue.offers_of(provider, reply.data)


def _map(data: Any, address: Address) -> Row:
    if not isinstance(data, Mapping):
        raise PermanentError(f"{address}: the answer is no object: this is not AI GO!'s API", hint=ELSEWHERE)
    return data


@asynccontextmanager
async def connect(settings: Settings, opening: Opening) -> AsyncIterator[Store]:
    """Makes no request. Raises ConfigError or SecretError where an address or a key is missing."""
    place = place_of(settings, opening.resolver)
    headers: dict[str, str | Secret] = {KEY_HEADER: place.api_key}
    if settings.client_version is not None:
        headers[VERSION_HEADER] = settings.client_version
    target = target_of(
        settings,
        opening,
        url=f"{place.url}/api",
        headers=headers,
        verify=place.verify,
        timeout=place.timeout,
        addresses=place.addresses,
        hints=HINTS,
    )
    async with open_client(target) as client:
        yield Store(client, opening.name)
