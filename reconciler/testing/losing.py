"""A registry that loses the reply to its first update or rename, and in which somebody deletes the object just then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from reconciler.core.errors import LostReplyError
from reconciler.core.resource import Resource
from reconciler.registry.protocol import Registry, Removal, Write
from reconciler.testing.stored import registry_of
from reconciler.testing.world import World


@dataclass
class LosingAndDeleting:
    """The reply is lost after the write was `done`, or before; `sent` counts the writes that reached the registry or would have."""

    inner: Any
    done: bool
    sent: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def create(self, write: Write) -> Resource | None:
        self.sent += 1
        made: Resource | None = await self.inner.create(write)
        return made

    async def update(self, write: Write) -> Resource | None:
        return await self._sent(write, self.inner.update)

    async def rename(self, write: Write) -> Resource | None:
        return await self._sent(write, self.inner.rename)

    async def _sent(self, write: Write, send: Callable[[Write], Awaitable[Resource | None]]) -> Resource | None:
        self.sent += 1
        if self.sent > 1:
            return await send(write)
        if self.done:
            await send(write)
        for address in (write.desired.address, None if write.current is None else write.current.address):
            there = None if address is None else await self.inner.get(address)
            if there is not None:
                await self.inner.delete(Removal(there))
        raise LostReplyError("the connection was reset")


def losing_and_deleting(world: World, *, done: bool) -> tuple[World, LosingAndDeleting]:
    """The same world with its one registry behaving like that."""
    place = LosingAndDeleting(registry_of(world), done)
    return replace(world, registries={name: cast(Registry, place) for name in world.registries}), place
