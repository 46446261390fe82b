"""Keep a copy of all objects of one type, by listing and watching, and tell of each change.

A copy is complete once the first listing came. What a watch cannot tell (410 Gone, a broken connection, a type that is
not served yet) is found by listing again: every difference to the copy is then told as a change.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.controller.cluster import Cluster, ClusterError, Data, ObjectKey, ResourceType, key_of, version_of

Changed = Callable[[ObjectKey, Mapping[str, Any] | None, Mapping[str, Any] | None], None]
Trim = Callable[[Data], Data]

FIRST_WAIT: Final = 0.5  # seconds after one failure; doubled by each that follows
LONGEST_WAIT: Final = 30.0


def without_managed_fields(data: Data) -> Data:
    """An object without who wrote which field, which is often larger than all the rest and of no use here."""
    metadata = {name: value for name, value in data["metadata"].items() if name != "managedFields"}
    return {**data, "metadata": metadata}


@dataclass
class Informer:
    """A copy of the objects of one type, in one namespace or in all. `changed` is told the object before and after."""

    cluster: Cluster
    resource: ResourceType
    namespace: str | None
    changed: Changed
    trim: Trim = without_managed_fields
    listed: asyncio.Event = field(default_factory=asyncio.Event)
    error: str = ""
    served: bool = True
    _objects: dict[ObjectKey, Data] = field(default_factory=dict)
    _by_namespace: dict[str, dict[str, Data]] = field(default_factory=dict)

    def get(self, key: ObjectKey) -> Mapping[str, Any] | None:
        """One object, or None."""
        return self._objects.get(key)

    def within(self, namespace: str) -> Iterator[Mapping[str, Any]]:
        """The objects of a namespace, by name."""
        here = self._by_namespace.get(namespace, {})
        return (here[name] for name in sorted(here))

    def keys(self) -> list[ObjectKey]:
        """The keys of all objects."""
        return [*self._objects]

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def doubt(self) -> str:
        """Why the copy may not be what the cluster holds, "" where it is."""
        if not self.listed.is_set():
            return "not listed yet"
        return self.error or ("" if self.served else "not defined in the cluster")

    async def run(self) -> None:
        """List and watch until cancelled."""
        failures = 0
        while True:
            try:
                listing = await self.cluster.list(self.resource, self.namespace)
                self._replace([self.trim(item) for item in listing.items])
                self.served = True
                self.error = ""
                self.listed.set()
                failures = 0
                await self._watch(listing.version)
            except ClusterError as error:
                if error.expired:
                    continue
                if error.gone:  # the type is not defined: there are no objects of it
                    self._not_served()
                failures += 1
                self.error = error.message
                wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - 1, 8)) * (0.5 + random.random())  # noqa: S311
                await asyncio.sleep(max(wait, error.retry_after or 0.0))

    async def _watch(self, version: str) -> None:
        """Follow the changes, and go on where the server ends a watch. Raises ClusterError."""
        while True:
            before = version
            async for event in self.cluster.watch(self.resource, self.namespace, version):
                version = version_of(event.object)
                if event.kind == "DELETED":
                    self._remove(key_of(event.object))
                elif event.kind != "BOOKMARK":
                    self._put(self.trim(event.object))
            if version == before:  # a watch that ends at once, again and again, must not keep us busy
                await asyncio.sleep(FIRST_WAIT)

    def _not_served(self) -> None:
        self.served = False
        self._replace([])
        self.listed.set()

    def _replace(self, items: list[Data]) -> None:
        there = {key_of(item) for item in items}
        for key in [key for key in self._objects if key not in there]:
            self._remove(key)
        for item in items:
            self._put(item)

    def _put(self, data: Data) -> None:
        key = key_of(data)
        before = self._objects.get(key)
        if before is not None and version_of(before) == version_of(data):
            return
        self._objects[key] = data
        self._by_namespace.setdefault(key.namespace, {})[key.name] = data
        self.changed(key, before, data)

    def _remove(self, key: ObjectKey) -> None:
        before = self._objects.pop(key, None)
        if before is not None:
            del self._by_namespace[key.namespace][key.name]
            self.changed(key, before, None)
