"""Servers on loopback that behave as badly as a test wants, and count what arrives: connections, and requests in full."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.core.secret import Secret
from reconciler.registry.http import Client, Target, open_client

CREDENTIAL: Final = "sk-Zx81qLmW"
BEARER: Final = f"Bearer {CREDENTIAL}"


@dataclass(frozen=True)
class Seen:
    """One request as it arrived. Names of `headers` are in lower case; `connection` counts from 1."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def data(self) -> Any:
        return json.loads(self.body)


Behaviour = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """One server, and what arrived there. `most` is how many requests it worked on at one time."""

    behave: Behaviour
    port: int = 0
    scheme: str = "http"
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    working: int = 0
    most: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that happens here; the test's own time limit ends what never does."""
        while not holds():  # noqa: ASYNC110  # what is counted here changes in many places
            await asyncio.sleep(0.01)

    async def drop(self) -> None:
        """Close every connection."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def count(self, method: str) -> int:
        return sum(seen.method == method for seen in self.seen)


def reply(status: int = 200, body: bytes | Any = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """A whole reply. A body that is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json", "Content-Length": str(len(raw)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode("latin-1") + raw


def always(raw: bytes) -> Behaviour:
    """Answer every request with these bytes."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return behave


def in_turn(*raws: bytes) -> Behaviour:
    """Answer the first request with the first bytes and so on, and all further ones with the last."""
    left = list(raws)

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return behave


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with RST."""
    writer.transport.abort()


async def receive(reader: asyncio.StreamReader, connection: int) -> Seen | None:
    """The next request of a connection, or None at its end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(method, path, headers, body, connection)


@asynccontextmanager
async def serve(behave: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server whose connections live until `behave` closes them."""
    server = Server(scheme="http" if tls is None else "https", behave=behave)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        server.tasks.add(task)
        task.add_done_callback(server.tasks.discard)
        server.connections += 1
        server.open += 1
        connection = server.connections
        try:
            while not writer.is_closing() and (seen := await receive(reader, connection)) is not None:
                server.seen.append(seen)
                server.working += 1
                server.most = max(server.most, server.working)
                try:
                    await server.behave(seen, writer)
                    await writer.drain()
                finally:
                    server.working -= 1
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client had enough, or the test
        finally:
            server.open -= 1
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await server.drop()


def target(url: str, **how: Any) -> Target:
    """A target with a credential, and without patience."""
    chosen: dict[str, Any] = {
        "registry": "aigo",
        "headers": {"Authorization": Secret(BEARER)},
        "environ": {},
        "backoff": 0.01,
        "attempts": 3,
        "timeout": 20.0,
    }
    return Target(url=url, **{**chosen, **how})


@asynccontextmanager
async def connected(behave: Behaviour, **how: Any) -> AsyncIterator[tuple[Client, Server]]:
    """A server and a client for it."""
    async with serve(behave) as server, open_client(target(server.url, **how)) as client:
        yield client, server
