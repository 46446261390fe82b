"""The open registry: one MLflow tracking server, its model registry and its AI Gateway, over HTTP.

Nothing tells that somebody wrote: there is no ETag, and tags and aliases move no timestamp. So every write is preceded by a read (`execute`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reconciler.registry.driver import (
    Address,
    Client,
    Listing,
    Opening,
    PermanentError,
    Removal,
    Resource,
    Unreadable,
    Write,
    checked_url,
    open_client,
    resolved_url,
    target_of,
)
from reconciler.registry.mlflow.calls import HINTS, Calls
from reconciler.registry.mlflow.gateway import Gateway
from reconciler.registry.mlflow.headers import headers_of
from reconciler.registry.mlflow.kinds import KINDS
from reconciler.registry.mlflow.models import Models
from reconciler.registry.mlflow.settings import Settings


class Store:
    """A `Registry`, which also `Renames` and `RevealsHidden`."""

    def __init__(self, client: Client, registry: str, *, anonymous: bool) -> None:
        calls = Calls(client, registry)
        self._models = Models(calls, anonymous=anonymous)
        self._gateway = Gateway(calls)

    async def read(self) -> Listing:
        models, gateway = await asyncio.gather(self._models.read(), self._gateway.read())
        return Listing.of([*models, *gateway])

    async def get(self, address: Address) -> Resource | None:
        if address.kind == "RegisteredModel":
            return await self._models.get_model(address)
        if address.kind == "ModelVersion":
            return await self._models.get_version(address)
        return await self._gateway.get(address)

    async def hidden(self, named: frozenset[Address]) -> tuple[Unreadable, ...]:
        return await self._models.hidden(sorted(one for one in named if one.kind == "RegisteredModel"))

    async def create(self, write: Write) -> Resource | None:
        address = write.desired.address
        refused = KINDS[address.kind].check_key(address.key)
        if refused is not None:
            raise PermanentError(f"{address}: the name cannot be taken: {refused}")
        if address.kind == "RegisteredModel":
            return await self._models.create_model(write)
        if address.kind == "ModelVersion":
            return await self._models.create_version(write)
        return await self._gateway.create(write)

    async def update(self, write: Write) -> Resource | None:
        kind = write.desired.address.kind
        if kind == "RegisteredModel":
            return await self._models.update_model(write)
        if kind == "ModelVersion":
            return await self._models.update_version(write)
        return await self._gateway.update(write)

    async def rename(self, write: Write) -> Resource | None:
        kind = write.desired.address.kind
        if kind == "RegisteredModel":
            return await self._models.rename_model(write)
        if kind == "ModelVersion":
            return await self._models.rename_version(write)
        return await self._gateway.rename(write)

    async def delete(self, removal: Removal) -> None:
        kind = removal.current.address.kind
        if kind == "RegisteredModel":
            await self._models.delete_model(removal.current)
        elif kind == "ModelVersion":
            await self._models.delete_version(removal.current)
        else:
            await self._gateway.delete(removal.current, recreates=removal.recreates)


@asynccontextmanager
async def connect(settings: Settings, opening: Opening) -> AsyncIterator[Store]:
    """Makes no request. Raises ConfigError or SecretError where an address or a credential is missing."""
    url = checked_url(resolved_url(settings.url, opening.resolver), "MLflow: its url")
    headers = headers_of(settings, opening.resolver, opening.name)
    async with open_client(target_of(settings, opening, url=url, headers=headers, hints=HINTS)) as client:
        anonymous = settings.username is None and settings.token is None and not settings.headers
        yield Store(client, opening.name, anonymous=anonymous)
