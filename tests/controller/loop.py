"""The loop on a cluster in memory, with the embedded registry behind it: reconciled on demand, without any process around it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kubernetes.memory_cluster import MemoryCluster

from reconciler.controller.cluster import ObjectKey, ResourceType, key_of, version_of
from reconciler.controller.copies import Copies
from reconciler.controller.crds import MODEL, REGISTRY
from reconciler.controller.ports import Result
from reconciler.controller.reconcile import Reconciler

NAMESPACE = "team"


def key(name: str) -> ObjectKey:
    return ObjectKey(NAMESPACE, name)


def an_object(name: str, spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": NAMESPACE, "name": name, **metadata}, "spec": spec or {}}


def a_registry(name: str = "first", **spec: Any) -> dict[str, Any]:
    return an_object(name, {"driver": "local", "path": f"{name}.db", "default": True, **spec})


def a_model(name: str, **spec: Any) -> dict[str, Any]:
    return an_object(name, {"provider": {"name": "openai", "model": "gpt-5"}, **spec})


def a_cluster(*models: dict[str, Any], **registry: Any) -> MemoryCluster:
    """A cluster with one Registry, and these Models."""
    cluster = MemoryCluster()
    cluster.put(REGISTRY, a_registry(**registry))
    for model in models:
        cluster.put(MODEL, model)
    return cluster


@dataclass
class Told:
    """What the loop told the process around it."""

    events: list[tuple[str, str, str, str]] = field(default_factory=list)
    writes: list[tuple[str, str]] = field(default_factory=list)
    results: list[str] = field(default_factory=list)

    def event(self, item: Mapping[str, Any], kind: str, reason: str, message: str) -> None:
        self.events.append((item["metadata"]["name"], kind, reason, message))

    def reconciled(self, _: ObjectKey, __: float, result: str, *, failed: bool) -> None:
        self.results.append(result)

    def wrote(self, _: ObjectKey, action: str, status: str) -> None:
        self.writes.append((action, status))


@dataclass
class Lease:
    """A right to write for so many seconds."""

    seconds: float = 1000.0

    def remaining(self) -> float:
        return self.seconds

    def sending(self) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass
class Clock:
    """The wall clock, moved on by hand."""

    later: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    def forward(self, **time: float) -> None:
        self.later += timedelta(**time)


@dataclass
class Loop:
    """A cluster, the loop on it, and what it told. `folder` holds the embedded registries."""

    cluster: MemoryCluster
    folder: Path
    told: Told
    copies: Copies
    reconciler: Reconciler
    concerned: set[ObjectKey]
    clock: Clock
    fence: Lease = field(default_factory=Lease)

    async def settle(self) -> None:
        """Let the copies see what was written, however often they must list again."""
        for _ in range(30):
            await asyncio.sleep(0)
        while not self._is_seen(REGISTRY) or not self._is_seen(MODEL):  # noqa: ASYNC110  # the copies have no event for it
            await asyncio.sleep(0.01)

    def _is_seen(self, resource: ResourceType) -> bool:
        if self.cluster.deaf or resource in self.cluster.undefined:
            return True
        there = {key_of(item): version_of(item) for item in self.cluster.all(resource)}
        of = self.copies.registries if resource == REGISTRY else self.copies.models
        items = (item for namespace in {NAMESPACE, *(one.namespace for one in there)} for item in of(namespace))
        return there == {key_of(item): version_of(item) for item in items}

    async def reconcile(self, name: str = "first") -> Result:
        await self.settle()
        result = await self.reconciler.reconcile(key(name), self.fence)
        await self.settle()
        return result

    async def until_quiet(self) -> None:
        """Reconcile whatever is concerned, until nothing is."""
        await self.settle()
        for _ in range(20):
            if not self.concerned:
                return
            found = sorted(self.concerned)
            self.concerned.clear()
            for one in found:
                await self.reconciler.reconcile(one, self.fence)
            await self.settle()
        raise AssertionError("the loop never comes to rest")

    def item(self, resource: ResourceType, name: str) -> dict[str, Any]:
        found = self.cluster.find(resource, key(name))
        assert found is not None, f"{resource.kind} {name} is gone"
        return found

    def condition(self, name: str, kind: str = "Synced", resource: ResourceType = MODEL) -> tuple[str, str]:
        """The status and the reason of a condition."""
        found = self.item(resource, name).get("status", {}).get("conditions", ())
        return next(((one["status"], one["reason"]) for one in found if one["type"] == kind), ("", ""))

    def registry_condition(self, name: str = "first", kind: str = "Synced") -> tuple[str, str]:
        return self.condition(name, kind, REGISTRY)

    def stored(self, name: str = "first") -> dict[str, dict[str, Any]]:
        """What the embedded registry of a Registry object holds, by key."""
        return read_local(self.folder / NAMESPACE / f"{name}.db")


def read_local(path: Path) -> dict[str, dict[str, Any]]:
    """The specs that an embedded registry holds, by key, as its own tables have them."""
    if not path.exists():
        return {}
    with sqlite3.connect(path) as database:
        rows = database.execute(
            "SELECT object.key, revision.spec FROM object JOIN revision ON object_id = object.id "
            "AND revision.revision = object.revision WHERE deleted_at IS NULL"
        ).fetchall()
    return {name: json.loads(spec) for name, spec in rows}


@asynccontextmanager
async def loop_on(
    cluster: MemoryCluster, folder: Path, types: Mapping[str, ResourceType] | None = None
) -> AsyncIterator[Loop]:
    """The loop, its copies complete."""
    concerned: set[ObjectKey] = set()
    told, clock = Told(), Clock()
    copies = Copies(cluster, None, types or {}, lambda found, /, *, deleted=False: concerned.add(found))
    reconciler = Reconciler(cluster, copies, "cluster-uid", folder, told, told, clock.now, settle=0.0)
    one = Loop(cluster, folder, told, copies, reconciler, concerned, clock)
    task = asyncio.create_task(copies.run())
    await copies.complete.wait()
    await one.settle()
    try:
        yield one
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def the_loop(folder: Path, *models: dict[str, Any], **registry: Any) -> AsyncIterator[Loop]:
    """The loop on a cluster with one Registry and these Models, which are reconciled."""
    async with loop_on(a_cluster(*models, **registry), folder) as loop:
        await loop.until_quiet()
        yield loop
