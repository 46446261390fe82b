"""Where to compute: in the event loop itself, or in a thread beside it, so that thousands of objects hold up nothing else.

A command has nothing else to do. A controller renews its lease meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

T = TypeVar("T")


class Aside(Protocol):
    """Where to compute."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """What `work` returns."""
        ...


@dataclass(frozen=True, slots=True)
class OneThread:
    """A thread beside that of the event loop, for one piece of work at a time: several would only wait for each other."""

    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, work: Callable[[], T]) -> T:
        async with self._turn:
            return await asyncio.to_thread(work)


async def at_once(work: Callable[[], T]) -> T:
    """Compute in the event loop itself."""
    return work()
