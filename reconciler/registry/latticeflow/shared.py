"""One list read for all who ask for it at about the same time.

AI GO! finds a secret only by listing them all. Many changes at once would each list them; here whoever asks gets the next list
that is begun after the question, so that nobody sees a list that is older than his own write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Shared(Generic[Answer]):
    """`read` is called by one at a time. Valid in one event loop."""

    def __init__(self, read: Callable[[], Awaitable[Answer]]) -> None:
        self._read = read
        self._reading = asyncio.Lock()
        self._begun = 0
        self._latest: tuple[int, Answer] | None = None

    async def get(self) -> Answer:
        """What `read` gives, begun not before this call. Raises what `read` raises."""
        wanted = self._begun + 1
        async with self._reading:
            if self._latest is not None and self._latest[0] >= wanted:
                return self._latest[1]
            self._begun += 1
            number = self._begun
            answer = await self._read()
            self._latest = (number, answer)
            return answer
