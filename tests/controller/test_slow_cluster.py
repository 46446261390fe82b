"""An API server that answers late and tells of changes late: no status stays that is not so any more."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from campaign.virtual_time import VirtualLoop
from controller.loop import NAMESPACE, Told, a_model, a_registry, key, read_local
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kubernetes.memory_cluster import MemoryCluster

from reconciler.controller.cluster import LEASES, Data, Listing, ObjectKey, ResourceType, WatchEvent
from reconciler.controller.copies import Copies
from reconciler.controller.crds import MODEL, REGISTRY
from reconciler.controller.membership import Membership
from reconciler.controller.metrics import Metrics
from reconciler.controller.queue import WorkQueue
from reconciler.controller.reconcile import Reconciler
from reconciler.controller.replica import Replica

MODELS = ("a", "b")
REGISTRIES = ("first", "second")
REST = 40.0  # seconds in which nobody does anything: longer than any delay, shorter than any interval
STEP = st.one_of(
    st.tuples(
        st.just("model"), st.sampled_from(MODELS), st.sampled_from(["one", "two"]), st.sampled_from([None, *REGISTRIES])
    ),
    st.tuples(st.just("delete"), st.just(MODEL), st.sampled_from(MODELS)),
    st.tuples(st.just("registry"), st.sampled_from(REGISTRIES), st.booleans(), st.booleans()),
    st.tuples(st.just("delete"), st.just(REGISTRY), st.sampled_from(REGISTRIES)),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 0.5, 2.0, 5.0])),
)


@pytest.fixture(scope="module", autouse=True)
def threads_count() -> Iterator[None]:
    """Virtual time waits for what a thread is asked to do."""
    wrap_future = asyncio.wrap_future

    def counted(future: Any, *, loop: asyncio.AbstractEventLoop | None = None) -> asyncio.Future[Any]:
        running = asyncio.get_running_loop()
        assert isinstance(running, VirtualLoop)
        waited = wrap_future(future, loop=loop)
        running.in_flight += 1
        waited.add_done_callback(lambda _: setattr(running, "in_flight", running.in_flight - 1))
        return waited

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "wrap_future", counted)
        patch.setattr(asyncio.futures, "wrap_future", counted)
        yield


@dataclass
class SlowCluster(MemoryCluster):
    """Each request is some time on its way, each answer, and each change that a watch tells. `longest` is in seconds."""

    random: random.Random = field(default_factory=lambda: random.Random(0))
    longest: float = 0.0

    async def _late(self) -> None:
        await asyncio.sleep(self.longest * self.random.random() ** 3)

    async def list(self, resource: ResourceType, namespace: str | None) -> Listing:
        if resource == LEASES:  # a replica without a lease does nothing, and the test is about one that works
            return await super().list(resource, namespace)
        await self._late()
        found = await super().list(resource, namespace)
        await self._late()
        return found

    async def watch(self, resource: ResourceType, namespace: str | None, version: str) -> AsyncIterator[WatchEvent]:
        async for event in super().watch(resource, namespace, version):
            await self._late()
            yield event

    async def get(self, resource: ResourceType, key: ObjectKey) -> Data:
        await self._late()
        found = await super().get(resource, key)
        await self._late()
        return found

    async def patch(self, resource: ResourceType, key: ObjectKey, data: Data, *, status: bool = False) -> Data:
        await self._late()
        found = await super().patch(resource, key, data, status=status)
        await self._late()
        return found


class NoTimer:
    """Nothing ends the process: virtual time is no time of the kernel."""

    def sending(self) -> AbstractContextManager[None]:
        return nullcontext()

    def renewed(self) -> None:
        """Nothing."""


def a_replica(cluster: MemoryCluster, folder: Path) -> Replica:
    """A replica with the loop, as the process of the controller puts them together."""
    clock = asyncio.get_running_loop().time
    queue = WorkQueue[ObjectKey]()
    copies = Copies(cluster, None, {}, queue.mark)
    told = Told()
    reconciler = Reconciler(cluster, copies, "cluster-uid", folder, told, told, settle=0.0)
    membership = Membership("one", 15.0)
    replica = Replica(
        cluster, membership, NAMESPACE, copies, queue, reconciler, Metrics(clock), lambda *_, **__: None, clock, 4
    )
    replica.timer = NoTimer()  # type: ignore[assignment]
    return replica


async def do(cluster: MemoryCluster, step: tuple[Any, ...]) -> None:
    """One thing that somebody does."""
    verb, *rest = step
    if verb == "model":
        name, text, registry = rest
        cluster.put(MODEL, a_model(name, display_name=text, **({"registries": {registry: {}}} if registry else {})))
    elif verb == "registry":
        name, default, prune = rest
        cluster.put(REGISTRY, a_registry(name, default=default, prune=prune, guards={"max_delete_percent": 100}))
    elif verb == "delete" and cluster.find(rest[0], key(rest[1])) is not None:
        await cluster.delete(rest[0], key(rest[1]))
    elif verb == "wait":
        await asyncio.sleep(rest[0])


def judge(cluster: MemoryCluster, folder: Path) -> None:
    """Every Model says of each place that it goes to what is so, and of no other anything."""
    registries = {item["metadata"]["name"]: item["spec"] for item in cluster.all(REGISTRY)}
    for item in cluster.all(REGISTRY):
        synced = next(one for one in item["status"]["conditions"] if one["type"] == "Synced")
        assert (synced["status"], synced["observedGeneration"]) == ("True", item["metadata"]["generation"])
    for item in cluster.all(MODEL):
        assert "deletionTimestamp" not in item["metadata"], "it waits for ever"
        spec = item["spec"]
        defaults = {name for name, one in registries.items() if one["default"]}
        wanted = set(spec["registries"]) if "registries" in spec else defaults or {""}
        rows = {row["name"]: (row["action"], row.get("reason")) for row in item["status"]["registries"]}
        missing = dict.fromkeys(wanted - registries.keys() - {""}, ("blocked", "registry-missing"))
        nowhere = dict.fromkeys(wanted & {""}, ("blocked", "no-registry"))
        there = dict.fromkeys(wanted & registries.keys(), ("unchanged", None))
        assert rows == missing | nowhere | there
        generations = {row["generation"] for row in item["status"]["registries"]}
        assert generations == {item["metadata"]["generation"]}
        for name in there:
            assert (
                read_local(folder / NAMESPACE / f"{name}.db")[item["metadata"]["name"]]["display_name"]
                == spec["display_name"]
            )


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEP, max_size=12), seed=st.integers(0, 1000), longest=st.sampled_from([0.0, 0.3, 2.0, 6.0]))
@example(
    steps=[
        ("model", "a", "one", None),
        ("delete", REGISTRY, "first"),
        ("wait", 0.5),
        ("registry", "first", True, True),
    ],
    seed=1,
    longest=0.3,
)
@example(steps=[("model", "a", "one", "first"), ("delete", REGISTRY, "first")], seed=1871, longest=6.0)
@example(steps=[("model", "b", "two", "second"), ("model", "b", "one", "first")], seed=885, longest=6.0)
def test_what_is_told_late_is_told_in_the_end(steps: list[tuple[Any, ...]], seed: int, longest: float) -> None:
    """No mark is lost that comes while work is under way, and nothing is taken for written that an old copy shows."""
    folder = Path(tempfile.mkdtemp())

    async def run() -> None:
        cluster = SlowCluster(random=random.Random(seed), longest=longest)
        await do(cluster, ("registry", "first", True, False))
        replica = a_replica(cluster, folder)
        work = asyncio.create_task(replica.run())
        await asyncio.sleep(REST)
        for step in steps:
            await do(cluster, step)
        await asyncio.sleep(REST + 20 * longest)
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        judge(cluster, folder)

    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(run())
    finally:
        shutil.rmtree(folder)
