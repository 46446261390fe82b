"""A proxy on loopback before an API server, without TLS on our side: it counts requests, answers 429, and holds connections up.

Each request has a connection of its own to the API server, so that a connection that is held up is one watch.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

BUSY = (
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nRetry-After: 2\r\nContent-Length: 83\r\n\r\n"
    b'{"kind":"Status","apiVersion":"v1","status":"Failure","code":429,"message":"storm"}'
)


@dataclass
class Proxy:
    """`counts` are the requests by sort: list, watch, other, refused."""

    port: int
    folder: Path
    counts: Counter[str] = field(default_factory=Counter)
    refusing: bool = False
    address: str = ""
    _open: set[Exchange] = field(default_factory=set)

    def hold(self) -> None:
        """From now on nothing more goes through the connections that are there, and none of them is closed."""
        for one in self._open:
            one.held = True

    def drop(self) -> None:
        """Close all connections that are there."""
        for one in self._open:
            one.client.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if _is_length(line)), 0)
                body = await reader.readexactly(size)
                self.counts[_sort(head)] += 1
                if self.refusing:
                    self.counts["refused"] += 1
                    writer.write(BUSY)
                    continue
                await self._exchange(head, body, writer)
                break
        writer.close()

    async def _exchange(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        pki = self.folder / "pki"
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        try:
            upstream, sink = await asyncio.open_connection("127.0.0.1", self.port, ssl=context)
        except OSError:
            return
        one = Exchange(writer)
        self._open.add(one)
        try:
            first, _, rest = head.partition(b"\r\n")
            kept = [line for line in rest.split(b"\r\n") if not line.lower().startswith((b"connection:", b"host:"))]
            named = f"Host: 127.0.0.1:{self.port}".encode()
            sink.write(b"\r\n".join([first, named, b"Connection: close", *kept]) + body)
            while chunk := await upstream.read(65536):
                if one.held:
                    await asyncio.sleep(3600)
                writer.write(chunk)
                await writer.drain()
        finally:
            self._open.discard(one)
            sink.close()


@dataclass(eq=False)
class Exchange:
    """A request under way."""

    client: asyncio.StreamWriter
    held: bool = False


def _is_length(line: bytes) -> bool:
    return line.lower().startswith(b"content-length:")


def _sort(head: bytes) -> str:
    method, target = head.split(b" ", 2)[:2]
    url = urlsplit(target.decode())
    if "watch=" in url.query:
        return "watch"
    listed = method == b"GET" and url.path.endswith("/models") and "continue=" not in url.query
    return "list" if listed else "other"


@asynccontextmanager
async def proxied(port: int, folder: Path) -> AsyncIterator[Proxy]:
    """A proxy to the API server on a port of loopback, whose certificates are in a folder."""
    proxy = Proxy(port, folder)
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
        proxy.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield proxy
        proxy.drop()


async def until(holds: object, limit: float) -> float | None:
    """The seconds until a function says yes; None where it does not in so many."""
    began = time.monotonic()
    assert callable(holds)
    while not holds():
        if time.monotonic() - began > limit:
            return None
        await asyncio.sleep(0.02)
    return time.monotonic() - began
