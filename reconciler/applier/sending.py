"""Send the four writes of a registry, each inside what the caller enters around a write."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from reconciler.core.resource import Resource
from reconciler.registry.capabilities import Renames
from reconciler.registry.protocol import Registry, Removal, Write


@dataclass(frozen=True, slots=True)
class Sender:
    """The one way by which writes reach a registry. Entering `writing` raises RegistryError where none may be sent."""

    registry: Registry
    writing: Callable[[], AbstractAsyncContextManager[None]]

    async def create(self, write: Write) -> Resource | None:
        async with self.writing():
            return await self.registry.create(write)

    async def update(self, write: Write) -> Resource | None:
        async with self.writing():
            return await self.registry.update(write)

    async def delete(self, removal: Removal) -> None:
        async with self.writing():
            await self.registry.delete(removal)

    async def rename(self, write: Write) -> Resource | None:
        """Raises TypeError where the registry cannot rename: `renames` tells."""
        if not isinstance(self.registry, Renames):
            raise TypeError("this registry does not rename")
        async with self.writing():
            return await self.registry.rename(write)

    @property
    def renames(self) -> bool:
        return isinstance(self.registry, Renames)
