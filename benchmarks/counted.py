"""The tests' emulator of AI GO! in a process of its own, which says what it was asked. Run by lf.py, with tests/ on the path.

The first line that it prints is its URL. Each line that it reads is an order: `empty` takes all models away, `count` prints what was
asked since the last time, as JSON: `{"requests": {"POST": 500}, "connections": 8, "peak": 8}`. It ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter

from registry.aigo.behaviour import Behaviour
from registry.aigo.server import Server, serving
from registry.aigo.state import State


async def main(key: str, latency: float, secret: str) -> None:
    """Serves until its input ends. `latency` is in seconds; `secret` is the name of one that it holds, with the built-in adapters."""
    server = Server(key, State(seeded=True), Behaviour(latency=latency))
    server.state.put_secret(secret, "sk-of-the-benchmark")
    async with serving(server):
        print(server.url, flush=True)
        while order := (await asyncio.to_thread(sys.stdin.readline)).strip():
            if order == "empty":
                server.state.models.clear()
                print(flush=True)
            elif order == "count":
                requests = Counter(one.method for one in server.requests)
                print(
                    json.dumps({"requests": requests, "connections": server.connections, "peak": server.peak}),
                    flush=True,
                )
                server.forget()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), sys.argv[3]))
