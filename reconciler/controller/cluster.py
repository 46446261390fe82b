"""A Kubernetes cluster, as the controller needs it: a protocol of few calls, and their values.

`lightkube_cluster` speaks to a real API server; the simulation has one in memory. Objects are plain JSON data.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

Data = dict[str, Any]


class ResourceType(NamedTuple):
    """A type of API object: its group ("" for core), version, kind and plural name."""

    group: str
    version: str
    kind: str
    plural: str

    @property
    def name(self) -> str:
        """As a CustomResourceDefinition is called: `<plural>.<group>`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


SECRETS: Final = ResourceType("", "v1", "Secret", "secrets")
CONFIG_MAPS: Final = ResourceType("", "v1", "ConfigMap", "configmaps")
EVENTS: Final = ResourceType("events.k8s.io", "v1", "Event", "events")
NAMESPACES: Final = ResourceType("", "v1", "Namespace", "namespaces")
LEASES: Final = ResourceType("coordination.k8s.io", "v1", "Lease", "leases")


class ObjectKey(NamedTuple):
    """An object's identity in the cluster."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class WatchEvent(NamedTuple):
    """One change that a watch tells of: ADDED, MODIFIED, DELETED, and the object as it is after it; or BOOKMARK, the version reached."""

    kind: str
    object: Data


class Listing(NamedTuple):
    """All objects of a type, and the version of the collection from which a watch goes on."""

    items: list[Data]
    version: str


class ClusterError(Exception):
    """The API server answered with an error, or not at all. `status` is its HTTP status; 0 where there was no answer."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after

    @property
    def gone(self) -> bool:
        """The object is not there."""
        return self.status == 404

    @property
    def conflict(self) -> bool:
        """Somebody else wrote in between, or the object is there already."""
        return self.status == 409

    @property
    def expired(self) -> bool:
        """The version to watch from is too old: list again."""
        return self.status == 410


class Cluster(Protocol):
    """What the controller asks of a cluster. Every call raises ClusterError."""

    async def list(self, resource: ResourceType, namespace: str | None) -> Listing:
        """All objects of a type, as they are now (a quorum read), in one namespace or in all."""
        ...

    def watch(self, resource: ResourceType, namespace: str | None, version: str) -> AsyncIterator[WatchEvent]:
        """The changes after a version. Ends when the server ends it; raises ClusterError (`expired`) where it must be listed again."""
        ...

    async def get(self, resource: ResourceType, key: ObjectKey) -> Data:
        """One object."""
        ...

    async def create(self, resource: ResourceType, namespace: str, data: Data) -> Data:
        """A new object."""
        ...

    async def replace(self, resource: ResourceType, key: ObjectKey, data: Data) -> Data:
        """An object written whole; refused as a conflict where its `resourceVersion` is not the present one."""
        ...

    async def patch(self, resource: ResourceType, key: ObjectKey, data: Data, *, status: bool = False) -> Data:
        """A JSON Merge Patch of an object, or of its status."""
        ...

    async def delete(self, resource: ResourceType, key: ObjectKey) -> None:
        """Delete an object."""
        ...

    async def served(self, resource: ResourceType) -> bool:
        """True where objects of the type can be created: its definition is there, and not about to go."""
        ...

    async def terminating(self, namespace: str) -> bool:
        """True where a namespace is about to go, or gone: what vanishes there was not deleted one by one."""
        ...


def key_of(data: Mapping[str, Any]) -> ObjectKey:
    """The identity of an object."""
    metadata = data["metadata"]
    return ObjectKey(metadata.get("namespace", ""), metadata["name"])


def version_of(data: Mapping[str, Any]) -> str:
    """The version of an object, which changes with each write."""
    return str(data["metadata"].get("resourceVersion", ""))


def micro_time(moment: datetime) -> str:
    """A time as events and leases have it, with microseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
