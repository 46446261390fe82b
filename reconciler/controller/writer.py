"""Write statuses and finalizers, never over what somebody else wrote: a conflict means to read again and to compute again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from reconciler.controller.cluster import Cluster, ClusterError, Data, ObjectKey, ResourceType, key_of
from reconciler.controller.crds import REGISTRY
from reconciler.controller.finalizers import with_finalizer
from reconciler.controller.status import Row, object_status

ATTEMPTS: Final = 6
Compute = Callable[[Mapping[str, Any]], Data | None]


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes to the objects of a cluster. `now` is the time of the wall clock; `wrote` is told each object as it is then."""

    cluster: Cluster
    now: Callable[[], datetime]
    wrote: Callable[[ResourceType, Data], None]

    @property
    def stamp(self) -> str:
        """The time as the API server writes it."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    async def row(
        self,
        resource: ResourceType,
        item: Mapping[str, Any],
        registry: str,
        row: Row | None,
        goes_to: frozenset[str],
    ) -> None:
        """Set an object's row of one Registry object, or take it away, with the conditions that follow."""

        def compute(now: Mapping[str, Any]) -> Data | None:
            status = object_status(now, registry, row, goes_to, self.stamp)
            return None if status is None else {"status": status}

        await self._patch(resource, item, compute, status=True)

    async def finalizer(
        self, resource: ResourceType, item: Mapping[str, Any], registry: str, *, held: bool
    ) -> Mapping[str, Any]:
        """Let a Registry object hold an object, or release it. Returns the object as it is then."""

        def wanted(now: Mapping[str, Any]) -> list[str] | None:
            if held and "deletionTimestamp" in now["metadata"]:
                return None  # the API server takes no new finalizer of what is about to go
            return with_finalizer(now, registry, held=held)

        return await self.finalizers(resource, item, wanted)

    async def finalizers(
        self, resource: ResourceType, item: Mapping[str, Any], wanted: Callable[[Mapping[str, Any]], list[str] | None]
    ) -> Mapping[str, Any]:
        """Set the finalizers of an object to what `wanted` makes of it, None where they stay. Returns the object as it is then."""

        def compute(now: Mapping[str, Any]) -> Data | None:
            found = wanted(now)
            return None if found is None else {"metadata": {"finalizers": found}}

        return await self._patch(resource, item, compute, status=False)

    async def registry(self, item: Mapping[str, Any], compute: Compute) -> None:
        """Write a Registry object's status."""
        await self._patch(REGISTRY, item, compute, status=True)

    async def _patch(
        self, resource: ResourceType, item: Mapping[str, Any], compute: Compute, *, status: bool
    ) -> Mapping[str, Any]:
        """Write what `compute` makes of an object, if anything, and return it. One that is gone meanwhile needs none."""
        key: ObjectKey = key_of(item)
        uid = item["metadata"].get("uid")
        for attempt in range(1, ATTEMPTS + 1):
            data = compute(item)
            if data is None:
                break
            version = item["metadata"]["resourceVersion"]
            patch = {**data, "metadata": {**data.get("metadata", {}), "resourceVersion": version}}
            try:
                written = await self.cluster.patch(resource, key, patch, status=status)
            except ClusterError as error:
                if error.gone:
                    break
                if not error.conflict or attempt == ATTEMPTS:
                    raise
                found = await self._again(resource, key)
                if found["metadata"].get("uid") != uid:
                    break
                item = found
            else:
                self.wrote(resource, written)
                return written
        return item

    async def _again(self, resource: ResourceType, key: ObjectKey) -> Mapping[str, Any]:
        """An object as it is now; one that is gone has another identity than any."""
        try:
            return await self.cluster.get(resource, key)
        except ClusterError as error:
            if not error.gone:
                raise
            return {"metadata": {}}
