"""Several models tried out at once, within a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from reconciler.core.secret import Resolver
from reconciler.endpoint.tester import tried
from reconciler.endpoint.values import Subject, Tried

AT_ONCE: Final = 4


async def all_tried(
    subjects: Sequence[Subject], resolver: Resolver, *, given: Any = None, probe: bool = True
) -> tuple[Tried, ...]:
    """What became of each, in the order given. At most AT_ONCE are under way at one time."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(subject: Subject) -> Tried:
        async with slots:
            return await tried(subject, resolver, given=given, probe=probe)

    return tuple(await asyncio.gather(*map(one, subjects)))
