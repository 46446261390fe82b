"""What a request costs over each HTTP client that we could speak through: docs/decisions/http-client.md quotes it.

    python benchmarks/http_clients.py [REQUESTS]

Every client asks the same server on loopback for a small JSON body, 32 requests at a time over kept connections, in a process of its
own; the figure is the CPU time of that process for one request, the least of five rounds. `to import` is the CPU time of importing
it. The peers live in a virtual environment under .cache; the table goes to stdout as Markdown.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from measuring import ENVIRONMENT, busy, compile_ours, say, virtual_environment

ROUNDS: Final = 5
CONNECTIONS: Final = 32
PACKAGES: Final = ("aiohttp==3.14.5", "httpx==0.28.1", "httpx-aiohttp[httpx2]==0.2.0", "httpx2==2.16.2")
BODY: Final = json.dumps({"id": "0a1b2c", "key": "support-chat", "display_name": "Support chat", "tags": ["a", "b"]})
REPLY: Final = (
    f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}".encode()
)

# What is measured: its name, what is imported for it, and whether it runs in our own environment.
CLIENTS: Final = {
    "aiohttp alone": ("aiohttp", False),
    "reconciler.registry.http (httpx2 on its own transport over aiohttp)": ("reconciler.registry.http", True),
    "httpx2 on aiohttp (httpx-aiohttp's extra)": ("httpx_aiohttp.httpx2", False),
    "httpx on aiohttp (httpx-aiohttp)": ("httpx_aiohttp", False),
    "httpx2 alone": ("httpx2", False),
    "httpx alone": ("httpx", False),
}

Ask = Callable[[], Awaitable[Any]]


@asynccontextmanager
async def opened(name: str, url: str) -> AsyncIterator[Ask]:
    """A function that sends one request over the client and parses the reply."""
    module: Any = importlib.import_module(CLIENTS[name][0])
    if name == "aiohttp alone":
        connector = module.TCPConnector(limit=CONNECTIONS)
        async with module.ClientSession(connector=connector, cookie_jar=module.DummyCookieJar()) as session:

            async def ask() -> Any:
                async with session.get(f"{url}/models") as response:
                    return await response.json()

            yield ask
    elif module.__name__ == "reconciler.registry.http":
        target = module.Target(registry="bench", url=url, headers={}, concurrency=CONNECTIONS, environ={})
        async with module.open_client(target) as client:
            yield lambda: client.call("GET", "/models")
    else:
        values: Any = importlib.import_module("httpx2" if "httpx2" in name else "httpx")
        limits = values.Limits(max_connections=CONNECTIONS)
        transport = module.AiohttpTransport(limits=limits) if "aiohttp" in name else None
        async with values.AsyncClient(base_url=url, limits=limits, transport=transport, trust_env=False) as client:

            async def ask() -> Any:
                return (await client.get("/models")).json()

            yield ask


async def measure(name: str, url: str, requests: int) -> float:
    """The CPU seconds of one request, after as many that only warm up."""
    left = iter(range(requests))

    async def work(ask: Ask) -> None:
        for _ in left:
            await ask()

    async with opened(name, url) as ask:
        await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
        began = time.process_time()
        await asyncio.gather(*(work(ask) for _ in range(CONNECTIONS)))
        return (time.process_time() - began) / requests


async def serve() -> None:
    """Answers every request alike, until its input ends. Prints its address first."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(REPLY)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.to_thread(sys.stdin.read)


def _output(python: Path, *arguments: object) -> float:
    command = [python, *map(str, arguments)]
    return float(subprocess.run(command, check=True, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True).stdout)


def main(requests: int) -> None:
    """Measures every client, round by round, and prints the table."""
    ours, peers = compile_ours(), virtual_environment("http", PACKAGES)
    server = subprocess.Popen(
        [sys.executable, __file__, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        url = server.stdout.readline().strip()
        costs: dict[str, list[tuple[float, float]]] = {name: [] for name in CLIENTS}
        for number in range(ROUNDS):
            say(f"round {number + 1} of {ROUNDS}: {busy()}")
            for name, (module, is_ours) in CLIENTS.items():
                python = (ours if is_ours else peers) / "python"
                imported = f"import time; import {module}; print(time.process_time())"
                costs[name].append((_output(python, __file__, name, url, requests), _output(python, "-c", imported)))
    finally:
        server.stdin.close()
        server.wait()
    print("| client | CPU for one request | to import |\n|---|---|---|")
    for name, rounds in costs.items():
        request, imported_in = (min(figures) for figures in zip(*rounds, strict=True))
        print(f"| {name} | {request * 1000:.2f} ms | {imported_in:.2f} s |")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            asyncio.run(serve())
        case [client, url, number]:
            print(asyncio.run(measure(client, url, int(number))))
        case rest:
            main(int(rest[0]) if rest else 5000)
