"""The open registry: one MLflow tracking server, its model registry and its AI Gateway, over HTTP.

Nothing tells that somebody wrote: there is no ETag, and tags and aliases move no timestamp. So every write is preceded by a read (`execute`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

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
from reconciler.registry.mlflow.aliases import Aliases
from reconciler.registry.mlflow.calls import HINTS, Calls
from reconciler.registry.mlflow.gateway import PLACES, Gateway
from reconciler.registry.mlflow.headers import headers_of
from reconciler.registry.mlflow.kinds import KINDS
from reconciler.registry.mlflow.models import read_models
from reconciler.registry.mlflow.registered_models import RegisteredModels
from reconciler.registry.mlflow.settings import Settings
from reconciler.registry.mlflow.versions import ModelVersions


class _Part(Protocol):
    """The objects of one kind, or of some: what the store does with them."""

    async def get(self, address: Address) -> Resource | None: ...
    async def create(self, write: Write) -> Resource | None: ...
    async def update(self, write: Write) -> Resource | None: ...
    async def rename(self, write: Write) -> Resource | None: ...
    async def delete(self, removal: Removal) -> None: ...


class Store:
    """A `Registry`, which also `Renames` and `RevealsHidden`."""

    def __init__(self, client: Client, registry: str, *, anonymous: bool) -> None:
        self._calls = Calls(client, registry)
        self._aliases = Aliases(self._calls)
        self._models = RegisteredModels(self._calls, self._aliases, anonymous=anonymous)
        self._gateway = Gateway(self._calls)
        self._parts: Mapping[str, _Part] = {
            "RegisteredModel": self._models,
            "ModelVersion": ModelVersions(self._calls, self._aliases),
            **dict.fromkeys(PLACES, self._gateway),
        }

    async def read(self) -> Listing:
        models, gateway = await asyncio.gather(read_models(self._calls), self._gateway.read())
        self._aliases.forget()
        return Listing.of([*models, *gateway])

    async def get(self, address: Address) -> Resource | None:
        return await self._parts[address.kind].get(address)

    async def hidden(self, named: frozenset[Address]) -> tuple[Unreadable, ...]:
        return await self._models.hidden(sorted(one for one in named if one.kind == "RegisteredModel"))

    async def create(self, write: Write) -> Resource | None:
        address = write.desired.address
        refused = KINDS[address.kind].check_key(address.key)
        if refused is not None:
            raise PermanentError(f"{address}: the name cannot be taken: {refused}")
        return await self._parts[address.kind].create(write)

    async def update(self, write: Write) -> Resource | None:
        return await self._parts[write.desired.address.kind].update(write)

    async def rename(self, write: Write) -> Resource | None:
        return await self._parts[write.desired.address.kind].rename(write)

    async def delete(self, removal: Removal) -> None:
        await self._parts[removal.current.address.kind].delete(removal)


@asynccontextmanager
async def connect(settings: Settings, opening: Opening) -> AsyncIterator[Store]:
    """Makes no request. Raises ConfigError or SecretError where an address or a credential is missing."""
    url = checked_url(resolved_url(settings.url, opening.resolver), "MLflow: its url")
    headers = headers_of(settings, opening.resolver, opening.name)
    async with open_client(target_of(settings, opening, url=url, headers=headers, hints=HINTS)) as client:
        anonymous = settings.username is None and settings.token is None and not settings.headers
        yield Store(client, opening.name, anonymous=anonymous)
