"""What stands between a driver and the server that it speaks to, and does what a schedule says at each HTTP exchange.

A call of a driver may take many exchanges: here a run is killed, a reply lost or a list cut off between any two of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

from campaign.gate import Chaos
from campaign.schedule import Fault
from campaign.virtual_time import waiting
from world import ENVIRON, World

from reconciler.core.secret import Resolver
from reconciler.registry.connecting import open_registry
from reconciler.registry.http import client
from reconciler.registry.http.pool import NoResponse, Pool, RawResponse
from reconciler.registry.http.target import Call, Target
from reconciler.registry.protocol import Opening

READS: Final = ("GET", "HEAD")
ERRORS: Final = (500, 503)  # the first may have been done, the second was not
LOST: Final = NoResponse(sent=True, reason="the connection was closed before the reply")
Reply = RawResponse | NoResponse


def never(_: Call) -> bool:
    return False


@dataclass
class ExchangeChaos(Chaos):
    """Faults at each exchange. `doubles` tells whether a second delivery of a request makes a second object by itself."""

    doubles: Callable[[Call], bool] = never
    frozen: float = 0.0
    replies: dict[str, RawResponse] = field(default_factory=dict)  # to reads, by their addresses

    async def exchange(self, pool: Pool, call: Call) -> Reply:
        fault = self.due(writes=call.method not in READS, lists=call.method in READS)
        what = self.stormy(fault)
        if what == "too-many-requests":
            return RawResponse(429, {"retry-after": "1"}, b"{}")
        if what:
            return RawResponse(ERRORS[fault.amount % 2], {}, b"{}")
        await self.around(fault)
        if fault.what == "lost-before":
            self.struck.append(fault)
            return LOST
        if fault.what == "stale-reads":
            self.struck.append(fault)
            self.frozen = asyncio.get_running_loop().time() + fault.amount / 20
        if call.method in READS:
            return self._cut(fault, await self._read(pool, call))
        return await self._write(fault, pool, call)

    async def _read(self, pool: Pool, call: Call) -> Reply:
        known = self.replies.get(call.url)
        if known is not None and asyncio.get_running_loop().time() < self.frozen:
            return known
        reply = await sent(pool, call)
        if isinstance(reply, RawResponse):
            self.replies[call.url] = reply
        return reply

    def _cut(self, fault: Fault, reply: Reply) -> Reply:
        if fault.what == "killed-after":
            self.die(fault)
        if fault.what != "half-a-page" or not isinstance(reply, RawResponse):
            return reply
        self.struck.append(fault)
        return reply._replace(body=reply.body[: len(reply.body) // 2])

    async def _write(self, fault: Fault, pool: Pool, call: Call) -> Reply:
        reply = await sent(pool, call)
        if fault.what == "delivered-twice" and not self.doubles(call):
            self.struck.append(fault)
            await sent(pool, call)
        if fault.what == "killed-after":
            self.die(fault)
        if fault.what == "lost-after":
            self.struck.append(fault)
            return LOST
        return reply


async def sent(pool: Pool, call: Call) -> Reply:
    """An exchange that reaches the server; meanwhile virtual time waits for it."""
    with waiting():
        return await pool.exchange(call)


@dataclass
class Line:
    """All exchanges of one connection to a registry; they go through `chaos` while there is one."""

    chaos: ExchangeChaos | None = None

    async def exchange(self, pool: Pool, call: Call) -> Reply:
        return await (sent(pool, call) if self.chaos is None else self.chaos.exchange(pool, call))


class _Watched:
    """A pool of connections whose exchanges go through a line."""

    def __init__(self, pool: Pool, line: Line) -> None:
        self._pool = pool
        self._line = line
        self.update_headers = pool.update_headers

    async def exchange(self, call: Call) -> Reply:
        return await self._line.exchange(self._pool, call)


@asynccontextmanager
async def watched(world: World, line: Line) -> AsyncIterator[dict[str, Any]]:
    """The registries of a world once more, on connections of their own that go through `line`."""
    real = client.open_pool

    @asynccontextmanager
    async def open_pool(target: Target) -> AsyncIterator[Any]:
        async with real(target) as pool:
            yield _Watched(pool, line)

    ((name, entry),) = world.entries.items()
    async with AsyncExitStack() as stack:
        with patch.object(client, "open_pool", open_pool):
            opening = open_registry(entry, Opening(name, Resolver(world.root, ENVIRON)))
            registry = await stack.enter_async_context(opening)
        yield {name: registry}
