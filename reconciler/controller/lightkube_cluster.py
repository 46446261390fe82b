"""A real cluster, through lightkube: the one module that imports it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Any, Final

import httpx2
from lightkube import ALL_NS, AsyncClient
from lightkube.config import client_adapter
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.types import PatchType

from reconciler.controller.cluster import ClusterError, Data, Listing, ObjectKey, ResourceType, WatchEvent
from reconciler.core.errors import UsageError

PAGE: Final = 500  # objects of one answer to a list
WATCH: Final = 290  # seconds until the server ends a watch: one that hangs is not noticed later than that
GRACE: Final = 20.0  # seconds beyond, for a connection that is broken without a word
TIMEOUT: Final = 10.0
FIELD_MANAGER: Final = "model-reconciler"


@cache
def _class(resource: ResourceType) -> Any:
    """The client's class of a resource type: a dictionary of its own kind."""
    return create_namespaced_resource(resource.group, resource.version, resource.kind, resource.plural)


@contextmanager
def _translated() -> Iterator[None]:
    """What the client raises, as ClusterError."""
    try:
        yield
    except ApiError as error:
        after = error.response.headers.get("Retry-After") if error.response is not None else None
        wait = float(after) if after is not None and after.isdigit() else None
        raise ClusterError(error.status.code or 0, error.status.message or str(error), wait) from error
    except httpx2.HTTPStatusError as error:
        after = error.response.headers.get("Retry-After")
        wait = float(after) if after is not None and after.isdigit() else None
        raise ClusterError(error.response.status_code, str(error), wait) from error
    except (httpx2.HTTPError, TimeoutError) as error:
        raise ClusterError(0, f"the API server does not answer: {type(error).__name__}") from error


class LightkubeCluster:
    """See `cluster.Cluster`."""

    def __init__(self, client: AsyncClient, discovery: httpx2.AsyncClient) -> None:
        self._client = client
        self._writing: Any = client  # its overloads know typed objects alone
        self._discovery = discovery

    @property
    def namespace(self) -> str:
        """The namespace that the configuration names: that of the pod, or of the context."""
        return str(self._client.namespace)

    async def list(self, resource: ResourceType, namespace: str | None) -> Listing:
        with _translated():
            found = self._client.list(_class(resource), namespace=namespace or ALL_NS, chunk_size=PAGE)
            items: list[Data] = [dict(item) async for item in found]
            return Listing(items, found.resourceVersion)

    async def watch(self, resource: ResourceType, namespace: str | None, version: str) -> AsyncIterator[WatchEvent]:
        with _translated():
            async with asyncio.timeout(WATCH + GRACE):
                async for kind, item in self._client.watch(
                    _class(resource),
                    namespace=namespace or ALL_NS,
                    resource_version=version,
                    server_timeout=WATCH,
                ):
                    yield WatchEvent(kind, dict(item))

    async def get(self, resource: ResourceType, key: ObjectKey) -> Data:
        with _translated():
            return dict(await self._client.get(_class(resource), key.name, namespace=key.namespace))

    async def create(self, resource: ResourceType, namespace: str, data: Data) -> Data:
        with _translated():
            return dict(await self._writing.create(_class(resource)(data), namespace=namespace))

    async def replace(self, resource: ResourceType, key: ObjectKey, data: Data) -> Data:
        with _translated():
            return dict(await self._writing.replace(_class(resource)(data), key.name, namespace=key.namespace))

    async def patch(self, resource: ResourceType, key: ObjectKey, data: Data, *, status: bool = False) -> Data:
        kind = _class(resource).Status if status else _class(resource)
        with _translated():
            answer = await self._client.patch(kind, key.name, data, namespace=key.namespace, patch_type=PatchType.MERGE)
            return dict(answer)

    async def delete(self, resource: ResourceType, key: ObjectKey) -> None:
        with _translated():
            await self._client.delete(_class(resource), key.name, namespace=key.namespace)

    async def served(self, resource: ResourceType) -> bool:
        with _translated():
            answer = await self._discovery.get(f"apis/{resource.group}/{resource.version}")
            if answer.status_code == httpx2.codes.NOT_FOUND:
                return False
            answer.raise_for_status()
            named = [row for row in answer.json().get("resources", ()) if row["name"] == resource.plural]
            return any("create" in row["verbs"] for row in named)  # a definition that is about to go has lost that verb

    async def terminating(self, namespace: str) -> bool:
        with _translated():
            answer = await self._discovery.get(f"api/v1/namespaces/{namespace}")
            if answer.status_code == httpx2.codes.NOT_FOUND:
                return True
            answer.raise_for_status()
            return "deletionTimestamp" in answer.json()["metadata"]


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
    parameters = ConnectionParams(timeout=httpx2.Timeout(TIMEOUT))
    client = AsyncClient(config=chosen, field_manager=FIELD_MANAGER, timeout=httpx2.Timeout(TIMEOUT))
    try:
        async with client_adapter.AsyncClient(chosen, parameters) as discovery:
            yield LightkubeCluster(client, discovery)
    finally:
        await client.close()
