"""A cluster in memory: the calls of `controller.cluster.Cluster`, with versions, conflicts, finalizers and watches.

It is for simulations and properties; what an API server really does is asked of a real one.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from reconciler.controller.cluster import (
    ClusterError,
    Data,
    Listing,
    ObjectKey,
    ResourceType,
    WatchEvent,
    key_of,
)
from reconciler.core import merge_patch

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
_APART = frozenset({"metadata", "status"})  # what does not count in a generation


@dataclass
class MemoryCluster:
    """Objects by type. `before` is called with each request, and may raise ClusterError; `calls` are those that came.

    `refused` are those that are answered with an HTTP
    status. `created` is when what comes is created. While it is
    `deaf`, no watch is told of changes. `undefined` are the types that are not defined, `going` those whose definition is about to go.
    """

    before: Callable[[str, ResourceType, ObjectKey | str | None], None] = lambda verb, resource, key: None
    undefined: set[ResourceType] = field(default_factory=set)
    going: set[ResourceType] = field(default_factory=set)
    going_namespaces: set[str] = field(default_factory=set)
    created: datetime = CREATED
    deaf: bool = False
    refused: dict[tuple[str, ResourceType], int] = field(default_factory=dict)
    calls: list[tuple[str, ResourceType, ObjectKey | str | None]] = field(default_factory=list)
    _objects: dict[ResourceType, dict[ObjectKey, Data]] = field(default_factory=dict)
    _history: dict[ResourceType, list[tuple[int, WatchEvent]]] = field(default_factory=dict)
    _watchers: dict[ResourceType, set[asyncio.Event]] = field(default_factory=dict)
    _version: int = 0
    _compacted: int = 0

    # --- the protocol ---------------------------------------------------------------------------------------

    async def list(self, resource: ResourceType, namespace: str | None) -> Listing:
        self._asked("list", resource, namespace)
        items = [copy.deepcopy(item) for item in self.all(resource) if _in(item, namespace)]
        return Listing(items, str(self._version))

    async def watch(self, resource: ResourceType, namespace: str | None, version: str) -> AsyncIterator[WatchEvent]:
        self._asked("watch", resource, namespace)
        seen = int(version)
        changed = asyncio.Event()
        self._watchers.setdefault(resource, set()).add(changed)
        try:
            while True:
                changed.clear()
                if seen < self._compacted:
                    raise ClusterError(410, "too old resource version")
                if resource in self.undefined:
                    return
                for number, event in self._after(resource, seen):
                    seen = number
                    if _in(event.object, namespace):
                        yield WatchEvent(event.kind, copy.deepcopy(event.object))
                await changed.wait()
        finally:
            self._watchers[resource].discard(changed)

    async def get(self, resource: ResourceType, key: ObjectKey) -> Data:
        self._asked("get", resource, key)
        return copy.deepcopy(self._there(resource, key))

    async def create(self, resource: ResourceType, namespace: str, data: Data) -> Data:
        self._asked("create", resource, namespace)
        made = copy.deepcopy(data)
        key = ObjectKey(namespace, made["metadata"]["name"])
        if key in self._of(resource):
            raise ClusterError(409, f"{resource.name} {key} already exists")
        if namespace in self.going_namespaces:
            raise ClusterError(403, f"namespace {namespace} is being terminated")
        metadata = {
            "namespace": namespace,
            "generation": 1,
            "creationTimestamp": self._stamp,
            "uid": f"uid-{self._version}",
        }
        made["metadata"] = metadata | made["metadata"]
        return self._store(resource, made, "ADDED")

    async def replace(self, resource: ResourceType, key: ObjectKey, data: Data) -> Data:
        self._asked("replace", resource, key)
        return self._write(resource, key, copy.deepcopy(data))

    async def patch(self, resource: ResourceType, key: ObjectKey, data: Data, *, status: bool = False) -> Data:
        self._asked("patch-status" if status else "patch", resource, key)
        old = self._there(resource, key)
        part = {name: value for name, value in data.items() if name == "metadata" or (name == "status") == status}
        new = merge_patch.merge(copy.deepcopy(old), copy.deepcopy(part))
        if status:
            new["metadata"] = old["metadata"] | {
                name: value for name, value in new["metadata"].items() if name == "resourceVersion"
            }
        return self._write(resource, key, new)

    async def delete(self, resource: ResourceType, key: ObjectKey) -> None:
        self._asked("delete", resource, key)
        old = copy.deepcopy(self._there(resource, key))
        if old["metadata"].get("finalizers"):
            if "deletionTimestamp" not in old["metadata"]:
                old["metadata"]["deletionTimestamp"] = self._stamp
                self._store(resource, old, "MODIFIED")
            return
        self._remove(resource, old)

    async def served(self, resource: ResourceType) -> bool:
        self._asked("served", resource, None)
        return resource not in self.undefined and resource not in self.going

    async def terminating(self, namespace: str) -> bool:
        return namespace in self.going_namespaces

    def refuse(self, verb: str, resource: ResourceType, status: int) -> None:
        """Answer all requests of that kind with an error, until `refused` is cleared."""
        self.refused[verb, resource] = status

    # --- for tests ------------------------------------------------------------------------------------------

    def all(self, resource: ResourceType) -> Iterator[Data]:
        """The objects of a type, by key."""
        objects = self._of(resource)
        return (objects[key] for key in sorted(objects))

    def find(self, resource: ResourceType, key: ObjectKey) -> Data | None:
        """One object, or None."""
        return self._of(resource).get(key)

    def put(self, resource: ResourceType, data: Data) -> Data:
        """Create an object, or change its spec, annotations and data, as `kubectl apply` would."""
        key = key_of(data)
        old = self._of(resource).get(key)
        if old is None:
            made = copy.deepcopy(data)
            made["metadata"] = {
                "generation": 1,
                "creationTimestamp": self._stamp,
                "uid": f"uid-{self._version}",
            } | made["metadata"]
            return self._store(resource, made, "ADDED")
        new = copy.deepcopy(data)
        new["metadata"] = old["metadata"] | {
            name: value for name, value in data["metadata"].items() if name in ("annotations", "labels", "finalizers")
        }
        if "status" in old:
            new.setdefault("status", old["status"])
        return self._write(resource, key, new)

    def drop(self, resource: ResourceType, key: ObjectKey) -> None:
        """Remove an object at once, its finalizers and all."""
        self._remove(resource, copy.deepcopy(self._there(resource, key)))

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """No watch is told of what changes meanwhile."""
        self.deaf = True
        try:
            yield
        finally:
            self.deaf = False

    def undefine(self, resource: ResourceType) -> None:
        """Remove a type's definition, and with it all objects."""
        for key in list(self._of(resource)):
            self.drop(resource, key)
        self.undefined.add(resource)
        self._wake(resource)

    def compact(self) -> None:
        """Forget all changes up to now: every watch must list again."""
        self._compacted = self._version
        self._history.clear()
        for resource in self._watchers:
            self._wake(resource)

    def writes(self) -> list[tuple[str, ResourceType, ObjectKey | str | None]]:
        """The calls that wrote something."""
        return [call for call in self.calls if call[0] not in ("list", "watch", "get", "served")]

    # --- inside ---------------------------------------------------------------------------------------------

    def _asked(self, verb: str, resource: ResourceType, key: ObjectKey | str | None) -> None:
        self.calls.append((verb, resource, key))
        self.before(verb, resource, key)
        if (verb, resource) in self.refused:
            raise ClusterError(self.refused[verb, resource], f"{verb} of {resource.name} is refused")
        if resource in self.undefined and verb != "served":
            raise ClusterError(404, "the server could not find the requested resource")

    @property
    def _stamp(self) -> str:
        return self.created.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _of(self, resource: ResourceType) -> dict[ObjectKey, Data]:
        return self._objects.setdefault(resource, {})

    def _there(self, resource: ResourceType, key: ObjectKey) -> Data:
        found = self._of(resource).get(key)
        if found is None:
            raise ClusterError(404, f"{resource.name} {key} not found")
        return found

    def _write(self, resource: ResourceType, key: ObjectKey, new: Data) -> Data:
        old = self._there(resource, key)
        version = new["metadata"].get("resourceVersion")
        if version is not None and version != old["metadata"]["resourceVersion"]:
            raise ClusterError(409, f"{resource.name} {key} has been modified")
        if _spec(old) != _spec(new):
            new["metadata"]["generation"] = old["metadata"]["generation"] + 1
        if "deletionTimestamp" in old["metadata"]:
            new["metadata"]["deletionTimestamp"] = old["metadata"]["deletionTimestamp"]
            if not new["metadata"].get("finalizers"):
                self._remove(resource, new)
                return copy.deepcopy(new)
        same = {**old, "metadata": {**old["metadata"], "resourceVersion": ""}}
        if same == {**new, "metadata": {**new["metadata"], "resourceVersion": ""}}:
            return copy.deepcopy(old)  # as an API server: nothing changed, so it has no new version
        return self._store(resource, new, "MODIFIED")

    def _store(self, resource: ResourceType, data: Data, kind: str) -> Data:
        self._version += 1
        data["metadata"]["resourceVersion"] = str(self._version)
        self._of(resource)[key_of(data)] = data
        self._tell(resource, kind, data)
        return copy.deepcopy(data)

    def _remove(self, resource: ResourceType, data: Data) -> None:
        self._version += 1
        data["metadata"]["resourceVersion"] = str(self._version)
        del self._of(resource)[key_of(data)]
        self._tell(resource, "DELETED", data)

    def _tell(self, resource: ResourceType, kind: str, data: Data) -> None:
        if self.deaf:
            return
        self._history.setdefault(resource, []).append((self._version, WatchEvent(kind, copy.deepcopy(data))))
        self._wake(resource)

    def _wake(self, resource: ResourceType) -> None:
        for changed in self._watchers.get(resource, ()):
            changed.set()

    def _after(self, resource: ResourceType, seen: int) -> list[tuple[int, WatchEvent]]:
        found: list[tuple[int, WatchEvent]] = []
        for number, event in reversed(self._history.get(resource, [])):
            if number <= seen:
                break
            found.append((number, event))
        return found[::-1]


def _in(item: Data, namespace: str | None) -> bool:
    return namespace is None or item["metadata"].get("namespace") == namespace


def _spec(data: Data) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in _APART}
