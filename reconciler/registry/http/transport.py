"""The transport: httpx2's requests sent by an aiohttp session, which does it for a third of the CPU time of httpx2's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Final

import aiohttp
import httpx2

_CHUNK_BYTES: Final = 16 * 1024


class _Body(httpx2.AsyncByteStream):
    """The body of a response, as it came: packed, where it is packed."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.content.iter_chunked(_CHUNK_BYTES):
            yield chunk

    async def aclose(self) -> None:
        self._response.release()
        await self._response.wait_for_close()


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends each request once over a session that it closes. Redirects are not followed, and bodies are not unpacked.

    aiohttp's errors are raised as they are, since httpx2's say less: a connection refused and a reply lost would be one.
    """

    def __init__(self, session: aiohttp.ClientSession, proxy: str | None, proxy_headers: Mapping[str, str]) -> None:
        self._session = session
        self._proxy = proxy
        self._proxy_headers = proxy_headers

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._session.request(
            request.method,
            str(request.url),
            headers=request.headers,
            data=request.content or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=request.extensions["timeout"]["connect"]),
            proxy=self._proxy,
            proxy_headers=self._proxy_headers if self._proxy else None,
        )
        return httpx2.Response(response.status, headers=response.raw_headers, stream=_Body(response))

    async def aclose(self) -> None:
        await self._session.close()
