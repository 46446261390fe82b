"""`reconciler controller run` as a process of the tests, for one namespace, and what a test asks the cluster of its objects."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from registry.server_process import PASSED, free_port

from reconciler.controller.cluster import (
    EVENTS,
    SECRETS,
    Cluster,
    ClusterError,
    Data,
    ObjectKey,
    ResourceType,
)
from reconciler.controller.crds import MODEL, REGISTRY, native_types
from reconciler.registry import catalog

PROGRAM: Final = Path(sys.executable).parent / "reconciler"
WAITS: Final = 180.0  # seconds for a condition; a busy machine is slow, and that is no failure
NATIVE: Final = native_types(catalog.load_driver(name) for name in catalog.names())


@contextmanager
def controller(kubeconfig: Path, namespace: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A controller of one namespace, which ends with the block."""
    listen = f"127.0.0.1:{free_port()}"
    command = [str(PROGRAM), "controller", "run", "--namespace", namespace, "--listen", listen]
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    environment = passed | {"KUBECONFIG": str(kubeconfig), "HOME": str(log.parent)}
    with log.open("ab") as told:
        process = subprocess.Popen(command, env=environment, stdout=told, stderr=told, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def until(holds: Callable[[], Awaitable[object]], what: str, seen: object = "") -> None:
    """Wait for a condition, and fail with what was waited for, and with what was `seen` instead."""
    deadline = time.monotonic() + WAITS
    while not await holds():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {WAITS:.0f} s: {what} {seen}")
        await asyncio.sleep(0.1)


@dataclass(frozen=True)
class Space:
    """The objects of one namespace."""

    cluster: Cluster
    namespace: str

    async def put(self, resource: ResourceType, name: str, **spec: Any) -> Data:
        """An object with this spec, whatever it was before. What the spec leaves out is removed."""
        key = ObjectKey(self.namespace, name)
        found = await self.get(resource, name)
        metadata = {"namespace": self.namespace, "name": name}
        data = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, "spec": spec}
        if found is None:
            return await self.cluster.create(resource, self.namespace, data)
        return await self.cluster.replace(resource, key, {**found, "spec": spec})

    async def registry(self, name: str, **spec: Any) -> Data:
        """A Registry that takes what names none, and prunes."""
        return await self.put(REGISTRY, name, **{"default": True, "prune": True, **spec})

    async def model(self, name: str, **spec: Any) -> Data:
        """A portable Model."""
        return await self.put(MODEL, name, **spec)

    async def secret(self, name: str, **values: str) -> None:
        """A Secret with these values, or its values changed."""
        key = ObjectKey(self.namespace, name)
        try:
            await self.cluster.patch(SECRETS, key, {"stringData": values})
        except ClusterError as error:
            if not error.gone:
                raise
            metadata = {"namespace": self.namespace, "name": name}
            data = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}
            await self.cluster.create(SECRETS, self.namespace, data)

    async def get(self, resource: ResourceType, name: str) -> Data | None:
        """An object as it is now, or None."""
        try:
            return await self.cluster.get(resource, ObjectKey(self.namespace, name))
        except ClusterError as error:
            if error.gone:
                return None
            raise

    async def annotate(self, resource: ResourceType, name: str, **values: str) -> None:
        """Set annotations of ours: `reconcile="now"`."""
        annotations = {f"models.reconciler.dev/{word}": value for word, value in values.items()}
        key = ObjectKey(self.namespace, name)
        await self.cluster.patch(resource, key, {"metadata": {"annotations": annotations}})

    async def delete(self, resource: ResourceType, name: str) -> None:
        """Ask for an object's end."""
        await self.cluster.delete(resource, ObjectKey(self.namespace, name))

    async def gone(self, resource: ResourceType, name: str) -> None:
        """Wait until an object is no more."""

        async def is_gone() -> bool:
            return await self.get(resource, name) is None

        await until(is_gone, f"{resource.kind} {name} is gone")

    async def condition(self, resource: ResourceType, name: str, kind: str) -> Data:
        """One condition of an object, as it is for the object's present generation; empty where there is none."""
        item = await self.get(resource, name) or {}
        generation = item.get("metadata", {}).get("generation")
        for one in (item.get("status") or {}).get("conditions", ()):
            if one["type"] == kind and one.get("observedGeneration", generation) == generation:
                return dict(one)
        return {}

    async def synced(self, resource: ResourceType, *names: str) -> None:
        """Wait until objects are Synced, as their generations are now."""
        for name in names:
            await self.says(resource, name, "Synced", "True")

    async def says(self, resource: ResourceType, name: str, kind: str, status: str, reason: str = "") -> Data:
        """Wait until an object has a condition, perhaps for that reason, and give the condition."""
        found: Data = {}

        async def holds() -> bool:
            found.clear()
            found.update(await self.condition(resource, name, kind))
            return found.get("status") == status and reason in ("", found.get("reason"))

        await until(holds, f"{resource.kind} {name}: {kind}={status} {reason}; it says", found)
        return dict(found)

    async def events(self) -> list[str]:
        """What the Events of the namespace say."""
        listed = await self.cluster.list(EVENTS, self.namespace)
        return [f"{one['regarding'].get('name')}: {one['reason']}: {one.get('note', '')}" for one in listed.items]
