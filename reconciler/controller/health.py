"""/metrics, /healthz and /readyz over HTTP, by the loop's own server: where the loop is stuck, nothing answers, which is an answer too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Final, NamedTuple

from reconciler.controller.metrics import CONTENT_TYPE
from reconciler.core.errors import InputError

Checks = Callable[[], Mapping[str, str]]  # what was looked at, and what is wrong with it; "" where nothing is

SECONDS: Final = 5.0  # for one request
CONNECTIONS: Final = 64
_LARGEST: Final = 8192  # bytes of a request's head
_PLAIN: Final = "text/plain; charset=utf-8"


class _Answer(NamedTuple):
    status: HTTPStatus
    content_type: str
    body: bytes


class HealthServer:
    """Answers GET and HEAD, one request a connection."""

    def __init__(self, alive: Checks, ready: Checks, metrics: Callable[[], bytes]) -> None:
        self._places: dict[str, Callable[[], _Answer]] = {
            "/healthz": lambda: _checked(alive()),
            "/readyz": lambda: _checked(ready()),
            "/metrics": lambda: _Answer(HTTPStatus.OK, CONTENT_TYPE, metrics()),
        }
        self._open = 0

    @asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve while this is open. Gives the port, which the system chooses for 0. Raises InputError where it is taken."""
        try:
            server = await asyncio.start_server(self._serve, host or None, port, limit=_LARGEST)
        except OSError as error:
            raise InputError(
                f"nothing can be served at {host}:{port}: {error.strerror or error}",
                hint="--listen takes another address, for example --listen 127.0.0.1:0",
            ) from error
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= CONNECTIONS:
                with suppress(
                    OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
                ):
                    async with asyncio.timeout(SECONDS):
                        head = await reader.readuntil(b"\r\n\r\n")
                        writer.write(self._answered(head))
                        await writer.drain()
        finally:
            self._open -= 1
            writer.close()

    def _answered(self, head: bytes) -> bytes:
        """The whole answer to a request's head."""
        method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        found = self._places.get(path)
        if found is None:
            answer = _Answer(HTTPStatus.NOT_FOUND, _PLAIN, b"there are /metrics, /healthz and /readyz\n")
        elif method not in ("GET", "HEAD"):
            answer = _Answer(HTTPStatus.METHOD_NOT_ALLOWED, _PLAIN, b"GET it\n")
        else:
            answer = found()
        lines = [
            f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            "Connection: close",
        ]
        body = b"" if method == "HEAD" else answer.body
        return "\r\n".join([*lines, "", ""]).encode() + body


def _checked(found: Mapping[str, str]) -> _Answer:
    """200 where nothing is wrong, else 503; a line for each check, as Kubernetes' own."""
    lines = [f"[{'-' if wrong else '+'}]{name} {wrong or 'ok'}" for name, wrong in found.items()]
    status = HTTPStatus.SERVICE_UNAVAILABLE if any(found.values()) else HTTPStatus.OK
    return _Answer(status, _PLAIN, "".join(f"{line}\n" for line in lines).encode())
