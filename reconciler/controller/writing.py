"""Let a write to a registry begin only while this replica may write there, and end it with that right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from reconciler.controller.ports import Fence
from reconciler.core.errors import LostReplyError, TemporaryError


@dataclass(frozen=True, slots=True)
class FencedWriting:
    """What is entered around each write. `before` is awaited first: a backup that must be there."""

    fence: Fence
    before: Callable[[], Awaitable[None]]

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[None]:
        self._refuse_late()
        await self.before()
        left = self._refuse_late()
        limit = asyncio.timeout(left)
        try:
            with self.fence.sending():
                async with limit:
                    yield
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise LostReplyError("this replica's right to write ended before the registry answered") from error

    def _refuse_late(self) -> float:
        """The seconds that are left. Raises TemporaryError where there are none."""
        left = self.fence.remaining()
        if left <= 0:
            raise TemporaryError("this replica may not write to it any more: another one goes on")
        return left
