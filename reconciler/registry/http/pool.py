"""Connection pool that sends each request once: httpx2 over an aiohttp session, without the parts of either that send, keep or follow on their own.

httpx2's client is left out: it keeps cookies, logs addresses and builds the request that would follow a redirect. aiohttp's session
sends a request of its own accord once more when a pooled connection breaks; here, one attempt gets one connection.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import aiohttp
import httpx2
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace

from reconciler.core.errors import PermanentError
from reconciler.registry import deadline
from reconciler.registry.http.address import base_of, headers_of
from reconciler.registry.http.payload import read
from reconciler.registry.http.proxies import proxy_for
from reconciler.registry.http.target import Call, Target
from reconciler.registry.http.transport import AiohttpTransport

KEEP_ALIVE_SECONDS: Final = 4.0  # less than the 5 of uvicorn: a connection is not dropped under a request
CONNECT_SECONDS: Final = 10.0
MESSAGE_BYTES: Final = 64 * 1024  # as much of an unexpected response as may hold a message

# In words of our own: theirs hold what the other side sent, and their arguments the headers that we sent.
_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiohttp.ClientProxyConnectionError, "no connection to the proxy"),
    (aiohttp.ClientConnectorDNSError, "unknown host"),
    (aiohttp.ClientConnectorError, "no connection"),
    (aiohttp.ServerTimeoutError, "no connection in time"),
    (aiohttp.ServerDisconnectedError, "the connection was closed before the reply"),
    (aiohttp.ClientPayloadError, "the reply broke off"),
    (aiohttp.ClientResponseError, "the reply is malformed, or its headers are too long"),
    (HttpProcessingError, "the reply is malformed"),
    (zlib.error, "the reply is packed badly"),
    (aiohttp.ClientError, "the connection broke before the reply"),
    (UnicodeError, "a name in the address or in the reply cannot be read"),
    (OSError, "the connection broke"),
)


class RawResponse(NamedTuple):
    """Response as it came. Names of `headers` are in lower case. `whole` is false where the body was longer than is read."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True


class NoResponse(NamedTuple):
    """A failed exchange: no response, or not all of one. `sent` is false only where the request surely never left.

    `stale` is true where a connection of the pool was closed before a byte of the response: most likely while it was idle.
    """

    sent: bool
    reason: str
    tls: bool = False  # the other side's certificate was refused, or no encryption agreed upon
    trusted: bool = True  # false where it was the certificate
    stale: bool = False


@dataclass(slots=True)
class _Attempt:
    """Progress of one attempt."""

    connected: bool = False
    reused: bool = False
    status: int = 0
    headers: Mapping[str, str] | None = None


_ATTEMPT: Final[ContextVar[_Attempt]] = ContextVar("attempt")


class _Connector(aiohttp.TCPConnector):
    """Connector that notes when an attempt got its connection, and gives it no second one."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's own signature
    ) -> Connection:
        attempt = _ATTEMPT.get()
        if attempt.connected:
            raise aiohttp.ClientConnectionError("not sent again")
        connection = await super().connect(req, traces, timeout)
        attempt.connected = True
        return connection


def _socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket whose connection breaks where what it sent is not acknowledged in time: see `deadline.unacknowledged_for`."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    seconds = deadline.unacknowledged()
    if seconds is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, int(seconds * 1000)))
    return made


async def _note_reuse(*_: object) -> None:
    """Note that the connection of this attempt comes from the pool."""
    _ATTEMPT.get().reused = True


class Pool:
    """Connections to one registry, and the headers that go with every request."""

    def __init__(self, transport: AiohttpTransport, headers: httpx2.Headers, largest_body: int) -> None:
        self._transport = transport
        self._headers = headers
        self._largest = largest_body

    def update_headers(self, headers: Mapping[str, str]) -> None:
        """Send these headers with every request from now on, beside those for the proxy."""
        self._headers.update(headers)

    async def exchange(self, call: Call) -> RawResponse | NoResponse:
        """Send a request, once. Raises nothing but what cancels it; foreign errors, which hold headers, stay here."""
        attempt = _Attempt()
        token = _ATTEMPT.set(attempt)
        try:
            async with asyncio.timeout(call.timeout):
                return await self._exchange(call, attempt)
        except (aiohttp.ClientError, HttpProcessingError, zlib.error, UnicodeError, OSError) as error:
            if attempt.headers is not None and attempt.status not in call.expected:
                return RawResponse(attempt.status, attempt.headers, b"", whole=False)  # the status says enough
            closed = isinstance(error, aiohttp.ClientConnectionError | ConnectionError)
            failed = _no_response(error, call, connected=attempt.connected)
            return failed._replace(stale=closed and attempt.reused and not attempt.status)
        finally:
            _ATTEMPT.reset(token)

    async def _exchange(self, call: Call, attempt: _Attempt) -> RawResponse:
        bare = call.content is None or "content-type" in self._headers
        headers = self._headers if bare else [*self._headers.raw, (b"Content-Type", b"application/json")]
        request = httpx2.Request(
            call.method,
            call.url,
            headers=headers,
            content=call.content,
            extensions={"timeout": {"connect": min(call.timeout, CONNECT_SECONDS)}},
        )
        response = await self._transport.handle_async_request(request)
        try:
            status = attempt.status = response.status_code
            received = attempt.headers = _lower(response.headers.raw)
            expected = status in call.expected
            most = self._largest if expected else min(self._largest, MESSAGE_BYTES)
            packed = received.get("content-encoding", "").lower() in ("gzip", "x-gzip")
            sink = call.sink if expected else None
            body = await read(response.stream, most, packed=packed, sink=sink)  # type: ignore[arg-type]  # it is the asynchronous one
        finally:
            await response.aclose()
        return RawResponse(status, received, body.data, body.whole)


@asynccontextmanager
async def open_pool(target: Target) -> AsyncIterator[Pool]:
    """Open a pool for a target. Raises PermanentError where the address, a header, the proxy or the CA bundle cannot be used.

    Nothing is sent yet.
    """
    base = base_of(target)
    proxy = proxy_for(base, target.environ)
    secure = base.scheme == "https" or (proxy is not None and proxy.url.startswith("https:"))
    context = _trust(target) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    headers = headers_of(target)
    outer: dict[str, str] = {}
    if proxy is not None and proxy.authorization is not None:
        # through a tunnel the proxy sees only what asks for the tunnel; without one, only the request itself
        (outer if base.scheme == "https" else headers)["Proxy-Authorization"] = proxy.authorization.reveal()
    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(_note_reuse)
    session = aiohttp.ClientSession(
        connector=_Connector(
            limit=max(1, target.concurrency),
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            ssl=context,
            socket_factory=_socket,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # bodies are unpacked in bounds
        trace_configs=[trace],
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
    )
    async with AiohttpTransport(session, None if proxy is None else proxy.url, outer) as transport:
        yield Pool(transport, httpx2.Headers(headers), target.largest_body)


def _trust(target: Target) -> ssl.SSLContext:
    text = target.certificates
    if text is not None and not (text.strip() and text.isascii()):  # nothing given would mean the system's
        raise _no_certificates(target, "it is not PEM" if text.strip() else "it is empty")
    try:
        context = ssl.create_default_context(cafile=target.ca, cadata=text)
    except OSError as error:  # ssl.SSLError is one
        raise _no_certificates(target, str(error.strerror or error.args[0])) from error
    if not target.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _no_certificates(target: Target, why: str) -> PermanentError:
    what, wanted = ("`ca`", "the text") if target.ca is None else (str(target.ca), "a file")
    return PermanentError(
        f"{target.registry}: {what} holds no certificates: {why}", hint=f"`ca` takes {wanted} of PEM certificates"
    )


def _lower(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _no_response(cause: BaseException, call: Call, *, connected: bool) -> NoResponse:
    if isinstance(cause, aiohttp.ClientConnectorCertificateError):
        return NoResponse(
            sent=False,
            reason=f"its certificate is not trusted: {_system_message(cause.certificate_error)}",
            tls=True,
            trusted=False,
        )
    if isinstance(cause, aiohttp.ClientConnectorSSLError):
        return NoResponse(sent=False, reason=f"no TLS with it: {_system_message(cause.os_error)}", tls=True)
    if isinstance(cause, aiohttp.ClientHttpProxyError):
        return NoResponse(sent=False, reason=f"the proxy answered {cause.status}")
    if type(cause) is TimeoutError:
        what = "no reply" if connected else "no connection"
        return NoResponse(sent=connected, reason=f"{what} within {call.timeout:g} seconds")
    reason = next((words for kind, words in _REASONS if isinstance(cause, kind)), "the connection broke")
    detail = _system_message(cause)
    return NoResponse(sent=connected, reason=f"{reason}: {detail}" if detail else reason)


def _system_message(cause: BaseException) -> str:
    """Message of the operating system or of OpenSSL."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    if isinstance(cause, ssl.SSLError):
        return (cause.reason or "").replace("_", " ").lower()
    if not isinstance(cause, OSError) or cause.errno is None:
        return ""
    return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror or "")
