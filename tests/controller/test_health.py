"""/metrics, /healthz and /readyz: what is wrong is said, and nobody can hold the server up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from reconciler.controller.health import CONNECTIONS, HealthServer
from reconciler.core.errors import InputError


@dataclass
class Served:
    """A server whose checks say what a test wants."""

    alive: dict[str, str] = field(default_factory=dict)
    ready: dict[str, str] = field(default_factory=dict)
    port: int = 0

    async def ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        await writer.drain()
        answer = await reader.read()
        writer.close()
        return answer

    async def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        answer = (await self.ask(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())).decode()
        head, _, body = answer.partition("\r\n\r\n")
        return int(head.split()[1]), body


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    one = Served({"queue": "", "lease-rounds": ""}, {"copies": "", "lease": ""})
    server = HealthServer(lambda: one.alive, lambda: one.ready, lambda: b"reconciler_bugs_total 0.0\n")
    async with server.serving("127.0.0.1", 0) as one.port:
        yield one


async def test_each_place_answers(served: Served) -> None:
    """200 while nothing is wrong, and what was looked at."""
    assert await served.get("/healthz") == (200, "[+]queue ok\n[+]lease-rounds ok\n")
    assert await served.get("/readyz?verbose") == (200, "[+]copies ok\n[+]lease ok\n")
    assert await served.get("/metrics") == (200, "reconciler_bugs_total 0.0\n")
    assert await served.get("/metrics", "HEAD") == (200, "")


async def test_what_is_wrong_is_said(served: Served) -> None:
    """503, and each check by its name: not ready is not dead."""
    served.ready["lease"] = "this replica holds no lease"
    assert await served.get("/readyz") == (503, "[+]copies ok\n[-]lease this replica holds no lease\n")
    assert (await served.get("/healthz"))[0] == 200
    served.alive["queue"] = "a registry is due since 90 s"
    assert (await served.get("/healthz"))[0] == 503


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/", "GET", 404), ("/metrics/", "GET", 404), ("/../etc/passwd", "GET", 404), ("/healthz", "POST", 405)],
)
async def test_there_is_nothing_else(served: Served, path: str, method: str, status: int) -> None:
    """Other places and other methods are refused."""
    assert (await served.get(path, method))[0] == status


@pytest.mark.parametrize("request_head", [b"\r\n\r\n", b"GET\r\n\r\n", b"\xff\xfe /healthz\r\n\r\n", b"x" * 20_000])
async def test_nonsense_costs_one_connection(served: Served, request_head: bytes) -> None:
    """What is no request is refused or cut, and the next one is answered."""
    try:
        answer = await served.ask(request_head)
    except ConnectionError:
        answer = b""
    assert not answer.startswith(b"HTTP/1.1 200")
    assert (await served.get("/healthz"))[0] == 200


async def test_who_says_nothing_holds_nobody_up(served: Served) -> None:
    """Connections that are opened and left are bounded, and end; those of others are answered meanwhile."""
    silent = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(CONNECTIONS - 1)]
    assert (await served.get("/healthz"))[0] == 200
    for _, writer in silent:
        writer.close()


async def test_a_port_that_is_taken_is_told(served: Served) -> None:
    """The address, why, and the option."""
    second = HealthServer(dict, dict, bytes)
    with pytest.raises(InputError, match=f"127.0.0.1:{served.port}") as error:
        async with second.serving("127.0.0.1", served.port):
            pass
    assert error.value.hint is not None
    assert "--listen" in error.value.hint
