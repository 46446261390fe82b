"""A real cluster: requests of our own over lightkube's kubeconfig, TLS and authentication. The one module that imports it.

lightkube's own list and watch are left out: its watch asks for no bookmarks, waits for ever on a connection that died
without a word, and never ends, so that an end that the server meant looks like a failure.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import httpx2
import msgspec
from lightkube.config.client_adapter import user_auth, verify_cluster
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError

from reconciler.controller.cluster import ClusterError, Data, Listing, ObjectKey, ResourceType, WatchEvent
from reconciler.controller.settings import NAME
from reconciler.core.errors import UsageError
from reconciler.registry.http.proxies import proxy_for
from reconciler.registry.http.translate import retry_after
from reconciler.registry.http.transport import AiohttpTransport

PAGE: Final = 500  # objects of one answer to a list
WATCH: Final = 290  # seconds until the server ends a watch
QUIET: Final = (
    90.0  # seconds without a line after which a watch is taken for dead: the server sends a bookmark each minute
)
TIMEOUT: Final = 10.0
CONNECTIONS: Final = 100  # at most: one for each type that is watched, the rest for all other requests
_JSON: Final = "application/json"
_MERGE_PATCH: Final = "application/merge-patch+json"
_WRITTEN_BY: Final = {"fieldManager": NAME}


class _Event(msgspec.Struct):
    type: str
    object: Data


class _PageMetadata(msgspec.Struct, rename={"version": "resourceVersion", "following": "continue"}):
    version: str = ""
    following: str = ""


class _Page(msgspec.Struct):
    metadata: _PageMetadata
    items: list[Data]


_EVENT: Final = msgspec.json.Decoder(_Event)
_PAGE: Final = msgspec.json.Decoder(_Page)
_OBJECT: Final = msgspec.json.Decoder(Data)


@contextmanager
def _translated() -> Iterator[None]:
    """What the transport, the credentials or an answer that is no JSON raise, as ClusterError."""
    try:
        yield
    except (aiohttp.ClientError, httpx2.HTTPError, httpx2.StreamError, TimeoutError) as error:
        raise ClusterError(0, f"the API server does not answer: {type(error).__name__}") from error
    except msgspec.MsgspecError as error:
        raise ClusterError(200, "the answer is not the API server's") from error
    except (ConfigError, OSError) as error:  # a token's file that is being exchanged, or a program that gives one
        raise ClusterError(0, f"there is no credential for the API server: {type(error).__name__}") from error


def _refusal(status: int, headers: Mapping[str, str], body: bytes) -> ClusterError:
    """The error that an answer tells of, in the words of its Status object where it is one."""
    try:
        message = _OBJECT.decode(body).get("message")
    except msgspec.MsgspecError:
        message = None
    return ClusterError(status, str(message or f"the API server answered {status}"), retry_after(headers))


def _path(resource: ResourceType, namespace: str | None, name: str = "", *, status: bool = False) -> str:
    root = f"apis/{resource.group}" if resource.group else "api"
    within = f"/namespaces/{namespace}" if namespace else ""
    one = f"/{name}" if name else ""
    return f"{root}/{resource.version}{within}/{resource.plural}{one}{'/status' if status else ''}"


def _without_managed_fields(data: Data) -> Data:
    """An object without who wrote which field: often larger than all the rest, so that no page keeps it."""
    data["metadata"].pop("managedFields", None)
    return data


async def _lines(answer: httpx2.Response) -> AsyncIterator[bytes]:
    """The lines of an answer. httpx2's own end at U+0085, too, which JSON may hold as it is."""
    begun = b""
    async for chunk in answer.aiter_bytes():
        *whole, begun = (begun + chunk).split(b"\n")
        for line in whole:
            yield line


async def _next(lines: AsyncIterator[bytes]) -> bytes:
    """The next line of a watch, b"" at its end. Raises TimeoutError where none comes."""
    async with asyncio.timeout(QUIET):
        return await anext(lines, b"")


def _event(line: bytes) -> WatchEvent:
    """One line of a watch. Raises ClusterError where it tells of one."""
    event = _EVENT.decode(line)
    if event.type == "ERROR":
        told = event.object
        raise ClusterError(int(told.get("code") or 0), str(told.get("message") or "the watch failed"))
    return WatchEvent(event.type, _without_managed_fields(event.object))


class LightkubeCluster:
    """See `cluster.Cluster`."""

    def __init__(self, client: httpx2.AsyncClient, namespace: str) -> None:
        self._client = client
        self.namespace = namespace  # of the pod, or of the kubeconfig's context

    async def list(self, resource: ResourceType, namespace: str | None) -> Listing:
        items: list[Data] = []
        following = ""
        while True:
            params = {"limit": str(PAGE), **({"continue": following} if following else {})}
            answer = await self._send("GET", _path(resource, namespace), params)
            with _translated():
                page = _PAGE.decode(answer)
            items += map(_without_managed_fields, page.items)
            following = page.metadata.following
            if not following:
                return Listing(items, page.metadata.version)

    async def watch(self, resource: ResourceType, namespace: str | None, version: str) -> AsyncIterator[WatchEvent]:
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH),
        }
        request = self._client.build_request("GET", _path(resource, namespace), params=params)
        with _translated():
            async with asyncio.timeout(TIMEOUT):
                answer = await self._client.send(request, stream=True)
            try:
                if answer.is_error:
                    raise _refusal(answer.status_code, answer.headers, await answer.aread())
                yield WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": version}})  # it is open
                lines = _lines(answer)
                while line := await _next(lines):
                    yield _event(line)
            finally:
                await answer.aclose()

    async def get(self, resource: ResourceType, key: ObjectKey) -> Data:
        return await self._object("GET", _path(resource, key.namespace, key.name))

    async def create(self, resource: ResourceType, namespace: str, data: Data) -> Data:
        return await self._object("POST", _path(resource, namespace), data)

    async def replace(self, resource: ResourceType, key: ObjectKey, data: Data) -> Data:
        return await self._object("PUT", _path(resource, key.namespace, key.name), data)

    async def patch(self, resource: ResourceType, key: ObjectKey, data: Data, *, status: bool = False) -> Data:
        return await self._object(
            "PATCH", _path(resource, key.namespace, key.name, status=status), data, content_type=_MERGE_PATCH
        )

    async def delete(self, resource: ResourceType, key: ObjectKey) -> None:
        await self._send("DELETE", _path(resource, key.namespace, key.name), {})

    async def served(self, resource: ResourceType) -> bool:
        answer = await self._found(f"apis/{resource.group}/{resource.version}")
        named = [row for row in (answer or {}).get("resources", ()) if row["name"] == resource.plural]
        return any("create" in row["verbs"] for row in named)  # a definition that is about to go has lost that verb

    async def _found(self, path: str) -> Data | None:
        """What is there, None for nothing."""
        try:
            return await self._object("GET", path)
        except ClusterError as error:
            if not error.gone:
                raise
            return None

    async def _object(self, method: str, path: str, data: Data | None = None, *, content_type: str = _JSON) -> Data:
        written = {} if data is None else _WRITTEN_BY
        answer = await self._send(method, path, written, data, content_type)
        with _translated():
            return _OBJECT.decode(answer)

    async def _send(
        self, method: str, path: str, params: Mapping[str, str], data: Data | None = None, content_type: str = _JSON
    ) -> bytes:
        """The body of one answer. Raises ClusterError for every other end."""
        body = None if data is None else msgspec.json.encode(data)
        headers = {} if body is None else {"Content-Type": content_type}
        with _translated():
            async with asyncio.timeout(TIMEOUT):
                answer = await self._client.request(method, path, params=params, content=body, headers=headers)
        if answer.is_error:
            raise _refusal(answer.status_code, answer.headers, answer.content)
        return answer.content

    async def terminating(self, namespace: str) -> bool:
        answer = await self._found(f"api/v1/namespaces/{namespace}")
        return answer is None or "deletionTimestamp" in answer["metadata"]


@asynccontextmanager
async def open_cluster(config: KubeConfig | None = None) -> AsyncIterator[LightkubeCluster]:
    """The cluster of a kubeconfig: that of the environment, or the one that the pod runs in.

    Raises UsageError where there is none.
    """
    try:
        chosen = (config or KubeConfig.from_env()).get()
        if chosen is None:
            raise ConfigError("the configuration names no context")
    except ConfigError as error:
        raise UsageError(
            f"there is no cluster to speak to: {error}",
            hint="run it in a pod with a service account, or set KUBECONFIG",
        ) from error
    user = chosen.user or User()
    async with (
        _transport(chosen, user) as transport,
        httpx2.AsyncClient(
            base_url=chosen.cluster.server,
            auth=user_auth(user),
            headers={"User-Agent": NAME},
            transport=transport,
            timeout=TIMEOUT,
        ) as client,
    ):
        yield LightkubeCluster(client, chosen.namespace)


@asynccontextmanager
async def _transport(config: SingleConfig, user: User) -> AsyncIterator[AiohttpTransport]:
    """The transport of the registries, with the cluster's certificates: half the CPU time of httpx2's own."""
    proxy = proxy_for(urlsplit(config.cluster.server), os.environ)
    known = proxy.authorization if proxy is not None else None
    context = verify_cluster(config.cluster, user, config.abs_file)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, ssl=context),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # httpx2 does
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
    )
    headers = {} if known is None else {"Proxy-Authorization": known.reveal()}
    async with AiohttpTransport(session, None if proxy is None else proxy.url, headers) as transport:
        yield transport
