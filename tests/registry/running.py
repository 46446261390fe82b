"""A server of aiohttp on loopback, in the event loop that is running or in one of a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

from aiohttp import web


@asynccontextmanager
async def listening(http: web.Server[Any], port: int, accept: Callable[[], Any] | None = None) -> AsyncIterator[str]:
    """Serves until it is left; gives the origin. `accept` makes what speaks on a new connection, where that is not `http` alone."""
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(accept or http, "127.0.0.1", port, backlog=1024)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        await http.shutdown(timeout=0.1)
        await listener.wait_closed()


@contextmanager
def in_thread(name: str, serving: Callable[[], AbstractAsyncContextManager[None]]) -> Iterator[None]:
    """`serving` is entered in a thread of that name before this goes on, and left at the end."""
    ready = threading.Event()
    ended: list[Any] = []

    async def run() -> None:
        stop = asyncio.Event()
        async with serving():
            ended.extend((asyncio.get_running_loop(), stop))
            ready.set()
            await stop.wait()

    def main_of_thread() -> None:
        try:
            asyncio.run(run())
        finally:
            ready.set()

    thread = threading.Thread(target=main_of_thread, name=name, daemon=True)
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        if ended:
            loop, stop = ended
            loop.call_soon_threadsafe(stop.set)
        thread.join()
