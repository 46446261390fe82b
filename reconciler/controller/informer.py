"""Keep a copy of all objects of one type, by listing and watching, and tell of each change.

A copy is complete once the first listing came. A watch that breaks off (the API server is restarted, a connection dies)
goes on where it was. What it then cannot tell (410 Gone, a type that is not served yet) is found by listing again: every
difference to the copy is then told as a change.

What this process writes itself is taken over at once: a watch may tell of it seconds later, and whoever compares with an
older copy meanwhile sees nothing left to write. Versions of one type are numbers that grow (Kubernetes 1.35 promises it
in words, KEP-5504; etcd's revisions always were).

Objects are kept as JSON text, a quarter of the size of Python's own dictionaries, and decoded when they are asked for: a
cluster may hold ten thousand Models, of which each replica keeps a copy.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from reconciler.controller.cluster import (
    Cluster,
    ClusterError,
    Data,
    ObjectKey,
    ResourceType,
    WatchEvent,
    key_of,
    version_of,
)

Changed = Callable[[ObjectKey, Mapping[str, Any] | None, Mapping[str, Any] | None], None]
Trim = Callable[[Data], Data]

FIRST_WAIT: Final = 0.5  # seconds after one failure for which the server names none; doubled by each that follows
LONGEST_WAIT: Final = 30.0
WATCH_GOES_ON: Final = frozenset({0, 429, 500, 502, 503})  # errors after which the version watched last is still good


def without_managed_fields(data: Data) -> Data:
    """An object without who wrote which field, which is often larger than all the rest and of no use here."""
    metadata = {name: value for name, value in data["metadata"].items() if name != "managedFields"}
    return {**data, "metadata": metadata}


@dataclass
class Informer:
    """A copy of the objects of one type, in one namespace or in all.

    `changed` is told the object before and after; `recovered` is called when the copy is known to be what the cluster
    holds, after it was not.
    """

    cluster: Cluster
    resource: ResourceType
    namespace: str | None
    changed: Changed
    trim: Trim = without_managed_fields
    recovered: Callable[[], None] = lambda: None
    listed: asyncio.Event = field(default_factory=asyncio.Event)
    error: str = ""
    served: bool = True
    _texts: dict[str, dict[str, bytes]] = field(default_factory=dict)  # by namespace and name
    _ahead: dict[ObjectKey, str] = field(default_factory=dict)  # versions that we wrote, and no watch has told yet

    def get(self, key: ObjectKey) -> Mapping[str, Any] | None:
        """One object, or None."""
        text = self._texts.get(key.namespace, {}).get(key.name)
        return None if text is None else msgspec.json.decode(text)

    def within(self, namespace: str) -> Iterator[Mapping[str, Any]]:
        """The objects of a namespace as they are now, by name. May be asked in any thread."""
        return (msgspec.json.decode(text) for _, text in sorted(self._texts.get(namespace, {}).items()))

    def keys(self) -> list[ObjectKey]:
        """The keys of all objects."""
        return [ObjectKey(namespace, name) for namespace, texts in self._texts.items() for name in texts]

    def __contains__(self, key: ObjectKey) -> bool:
        return key.name in self._texts.get(key.namespace, {})

    def __len__(self) -> int:
        return sum(map(len, self._texts.values()))

    @property
    def doubt(self) -> str:
        """Why the copy may not be what the cluster holds, "" where it is."""
        if not self.listed.is_set():
            return "not listed yet"
        return self.error if self.served else "not defined in the cluster"

    def wrote(self, data: Data) -> None:
        """Take over an object as this process wrote it, where it is newer than the copy. One that is not there stays away."""
        key = key_of(data)
        before = self.get(key)
        if before is None or before["metadata"].get("uid") != data["metadata"].get("uid"):
            return
        if _is_later(version_of(data), version_of(before)):
            self._put(self.trim(data))
            self._ahead[key] = version_of(data)

    async def run(self) -> None:
        """List and watch until cancelled."""
        failures = 0
        version = ""  # from which a watch can go on; none: list
        while True:
            before = version
            try:
                version = version or await self._list()
                async for event in self.cluster.watch(self.resource, self.namespace, version):
                    version = self._take(event)
                    self._known()
                    failures = 0
                if version == before:  # a watch that ends at once, again and again, must not keep us busy
                    await asyncio.sleep(FIRST_WAIT)
            except ClusterError as error:
                if error.gone:  # the type is not defined: there are no objects of it
                    self._not_served()
                if error.status not in WATCH_GOES_ON:
                    version = ""
                self.error = error.message
                failures += 1
                await asyncio.sleep(_wait(failures, error.retry_after))

    async def _list(self) -> str:
        """Take over all objects as they are now. Gives the version from which a watch goes on."""
        self._ahead.clear()  # a list of now holds them
        listing = await self.cluster.list(self.resource, self.namespace)
        self._replace([self.trim(item) for item in listing.items])
        self._known()
        return listing.version

    def _known(self) -> None:
        """The copy is what the cluster holds, as far as anybody can know."""
        doubted = self.doubt != ""
        self.served, self.error = True, ""
        self.listed.set()
        if doubted:
            self.recovered()

    def _take(self, event: WatchEvent) -> str:
        """Take over one change. Gives the version from which a watch goes on."""
        if event.kind == "DELETED":
            self._remove(key_of(event.object))
        elif event.kind != "BOOKMARK":
            self._put(self.trim(event.object))
        return version_of(event.object)

    def _not_served(self) -> None:
        self.served = False
        self._replace([])
        self.listed.set()

    def _replace(self, items: list[Data]) -> None:
        there = {key_of(item) for item in items}
        for key in self.keys():
            if key not in there:
                self._remove(key)
        for item in items:
            self._put(item)

    def _put(self, data: Data) -> None:
        key = key_of(data)
        before = self.get(key)
        if _is_later(self._ahead.get(key, ""), version_of(data)):
            return
        self._ahead.pop(key, None)
        if before is not None and version_of(before) == version_of(data):
            return
        self._texts.setdefault(key.namespace, {})[key.name] = msgspec.json.encode(data)
        self.changed(key, before, data)

    def _remove(self, key: ObjectKey) -> None:
        self._ahead.pop(key, None)
        before = self.get(key)
        if before is not None:
            texts = self._texts[key.namespace]
            del texts[key.name]
            if not texts:
                del self._texts[key.namespace]
            self.changed(key, before, None)


def _is_later(one: str, other: str) -> bool:
    """True where a version was given after another one. What is no number is not later than anything."""
    return one.isdecimal() and other.isdecimal() and int(one) > int(other)


def _wait(failures: int, named: float | None) -> float:
    """Seconds to wait after so many failures: what the server named, and up to half of it more; else longer each time."""
    if named:
        return named * (1.0 + random.random() / 2)  # noqa: S311
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - 1, 8)) * (0.5 + random.random())  # noqa: S311
