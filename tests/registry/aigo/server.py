"""An emulator of the LatticeFlow AI GO! API 3.17 on loopback, which the vendor's own client `lf` takes for the real one.

with aigo() as server:
    server.url, server.key                         where it is, and the API key that it wants
    server.state.models["support-chat"]            what it holds (state.py)
    server.behaviour.raw_keys = "mask"             how it behaves from now on (behaviour.py)
    server.requests, server.writes                 what it was asked

As a program, for benchmarks and by hand: serve.py.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from aiohttp import web
from registry.aigo.behaviour import Behaviour
from registry.aigo.calls import Call, RefusedError, Reply
from registry.aigo.routes import EMPTY, QUERIES, ROUTES, tries
from registry.aigo.state import State
from registry.running import in_thread, listening

KEY: Final = "aigo-key-of-the-tests"
KEY_HEADER: Final = "X-LatticeFlow-API-Key"
VERSION_HEADER: Final = "X-LatticeFlow-Client-Version"
PAGE: Final = "<!doctype html><title>Log in</title><form method=post><input name=password></form>"


class Received(NamedTuple):
    """One request as it arrived. `path` with its query; `body` as JSON, as text if it is none, None if empty; `at` in monotonic seconds."""

    method: str
    path: str
    body: Any
    at: float


class Cut(NamedTuple):
    """The connection is closed instead of a reply."""


@dataclass
class Server:
    """A running emulator. All but `url` and `key` may be changed at any time; `requests` and `headers` go together."""

    key: str = KEY
    state: State = field(default_factory=State)
    behaviour: Behaviour = field(default_factory=Behaviour)
    requests: list[Received] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    connections: int = 0  # TCP connections accepted
    peak: int = 0  # the most requests that were under way at one time
    url: str = ""
    records: bool = True
    _under_way: int = 0
    _gets: int = 0

    @property
    def writes(self) -> list[Received]:
        """The requests that would change something, refused ones too."""
        return [one for one in self.requests if _writes(one.method, _parts(one.path.partition("?")[0]) or ())]

    def forget(self) -> None:
        """Requests and connections are counted anew."""
        self.requests, self.headers, self.connections, self.peak = [], [], 0, 0

    # --- one request -----------------------------------------------------------------------------------------

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        at = time.monotonic()
        body = _body(await request.read())
        if self.records:
            self.requests.append(Received(request.method, request.raw_path, body, at))
            self.headers.append(request.headers)
        self._under_way += 1
        self.peak = max(self.peak, self._under_way)
        try:
            if self.behaviour.latency:
                await asyncio.sleep(self.behaviour.latency)
            outcome = self._outcome(request, body)
        finally:
            self._under_way -= 1
        if isinstance(outcome, Cut):
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        return outcome

    def _outcome(self, request: web.BaseRequest, body: Any) -> web.StreamResponse | Cut:
        parts = _parts(request.rel_url.raw_path)
        if not _writes(request.method, parts or ()):
            return self._trouble(request) or self._reply(request, parts, body)
        self.behaviour.interferes(self.state)
        closes = self.behaviour.closes()
        if closes == "before":
            return Cut()
        reply = self._trouble(request) or self._reply(request, parts, body)
        return Cut() if closes == "after" else reply

    def _trouble(self, request: web.BaseRequest) -> web.Response | None:
        """The answer of a server that is not well, whatever it was asked."""
        fault = self.behaviour.fails()
        if fault is not None:
            return _json(fault[0], {"message": "Not now."}, {"Retry-After": fault[1]} if fault[1] else None)
        if self.behaviour.fail_every and request.method == "GET":
            self._gets += 1
            if self._gets % self.behaviour.fail_every == 0:
                return _json(503, {"message": "Not now."})
        if self.behaviour.html:
            return web.Response(text=PAGE, content_type="text/html")
        if self.behaviour.version_mismatch:
            client = request.headers.get(VERSION_HEADER, "unknown")
            return _json(426, {"api_version": "99.0.0", "client_version": client})
        return None

    def _reply(self, request: web.BaseRequest, parts: tuple[str, ...] | None, body: Any) -> web.Response:
        try:
            if request.headers.get(KEY_HEADER) != self.key:
                raise RefusedError(401, "The API key is missing or wrong.")
            if parts is None:
                raise RefusedError(404, "There is nothing here: the API is below /api.")
            status, answer = self._operate(request, parts, body)
        except RefusedError as error:
            status, answer = error.status, {"message": str(error)}
        return _json(status, answer)

    def _operate(self, request: web.BaseRequest, parts: tuple[str, ...], body: Any) -> Reply:
        method, form = request.method, (parts[0], "*", *parts[2:]) if len(parts) > 1 else parts
        operations = ROUTES.get(form)
        if operations is None:
            raise RefusedError(404, f"There is no path /api/{'/'.join(parts)}.")
        if method not in operations:
            raise RefusedError(405, f"{method} is not for /api/{'/'.join(parts)}.")
        query = request.query
        strange = sorted(query.keys() - QUERIES.get((method, *form), frozenset()))
        if form[0] not in EMPTY and (strange or len(query) != len(set(query))):
            raise RefusedError(400, f"The query is wrong: {', '.join(strange) or 'repeated'}.")
        if body is not None and request.content_type != "application/json":
            raise RefusedError(400, f"The body has to be application/json, and is {request.content_type}.")
        if method == "GET" and len(parts) == 1 and self.behaviour.list_status:
            wanted = self.behaviour.list_status
            status = wanted if isinstance(wanted, int) else wanted.get(parts[0], 0)
            if status:
                return Reply(status, {"message": "This list cannot be had."})
        item = parts[1] if len(parts) > 1 else ""
        return operations[method](Call(self.state, self.behaviour, item, query, body))


def _writes(method: str, parts: tuple[str, ...]) -> bool:
    return method in ("POST", "PUT", "DELETE", "PATCH") and not tries(parts)


def _parts(path: str) -> tuple[str, ...] | None:
    """The parts of a path below /api, decoded; None elsewhere. An escaped slash stays in its part."""
    root, api, *parts = path.split("/") if path.count("/") > 1 else ("", "", "")
    return tuple(map(unquote, parts)) if (root, api) == ("", "api") and all(parts) else None


def _body(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")


def _json(status: int, body: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    raw = json.dumps(body, separators=(",", ":")).encode()
    return web.Response(status=status, body=raw, headers=headers, content_type="application/json")


# --- running it ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(server: Server, port: int = 0) -> AsyncIterator[None]:
    """Serves on loopback, in this event loop."""
    http = web.Server(server.answer, access_log=None)

    def accept() -> asyncio.BaseProtocol:
        server.connections += 1
        return http()

    async with listening(http, port, accept) as server.url:
        yield


@contextmanager
def aigo(behaviour: Behaviour | None = None, *, seeded: bool = False, key: str = KEY) -> Iterator[Server]:
    """A server in a thread of its own. `seeded`: the built-in adapters are stored from the start."""
    server = Server(key, State(seeded=seeded), behaviour or Behaviour())
    with in_thread("aigo", lambda: serving(server)):
        yield server


async def _serve(server: Server, port: int) -> None:
    async with serving(server, port):
        print(server.url, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serves until it is interrupted; prints the URL on the first line."""
    parser = argparse.ArgumentParser(description="An emulator of the LatticeFlow AI GO! API on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="before each answer")
    parser.add_argument("--key", default=KEY, help="the API key that it wants")
    parser.add_argument("--seeded", action="store_true", help="the built-in adapters are stored from the start")
    options = parser.parse_args()
    state, behaviour = State(seeded=options.seeded), Behaviour(latency=options.latency)
    server = Server(options.key, state, behaviour, records=False)
    try:
        asyncio.run(_serve(server, options.port))
    except KeyboardInterrupt:
        return
