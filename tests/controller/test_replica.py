"""One replica around a loop that a test plays: what is reconciled, when again, and what becomes of it when the lease ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from reconciler.controller.cluster import LEASES, ClusterError, ObjectKey
from reconciler.controller.copies import Copies
from reconciler.controller.crds import REGISTRY
from reconciler.controller.membership import Membership
from reconciler.controller.metrics import Metrics
from reconciler.controller.ports import Fence, Result
from reconciler.controller.queue import WorkQueue
from reconciler.controller.replica import Replica
from tests.kubernetes.memory_cluster import MemoryCluster

DURATION = 0.5  # seconds
LIMIT = 60.0


@dataclass
class Played:
    """A loop that notes what it is asked, and does what a test wants."""

    begun: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    does: Callable[[ObjectKey, Fence], Any] | None = None
    after: float = 3600.0

    async def reconcile(self, key: ObjectKey, fence: Fence) -> Result:
        self.begun.append(key.name)
        try:
            if self.does is not None:
                await self.does(key, fence)
        except asyncio.CancelledError:
            self.cancelled.append(key.name)
            raise
        return Result(failed=False, after=self.after)


@dataclass
class World:
    """A cluster with registries, and a replica on it."""

    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    loop: Played = field(default_factory=Played)
    said: list[str] = field(default_factory=list)

    def log(self, text: str, level: str = "info", **facts: object) -> None:
        self.said.append(f"{level}: {text}")

    def registry(self, name: str, **spec: Any) -> None:
        self.cluster.put(
            REGISTRY, {"metadata": {"namespace": "team", "name": name}, "spec": {"driver": "local", **spec}}
        )

    @asynccontextmanager
    async def running(self, name: str = "a") -> AsyncIterator[Replica]:
        clock = asyncio.get_running_loop().time
        metrics = Metrics(clock)
        queue = WorkQueue[ObjectKey]()

        def concerned(key: ObjectKey, *, deleted: bool = False) -> None:
            metrics.changed(key)
            queue.mark(key, deleted=deleted)

        copies = Copies(self.cluster, "team", {}, concerned)
        membership = Membership(name, DURATION)
        replica = Replica(
            self.cluster, membership, "team", copies, queue, self.loop, metrics, self.log, clock, concurrency=4
        )
        task = asyncio.create_task(replica.run())
        try:
            yield replica
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT):
            while not holds():  # noqa: ASYNC110  # what is waited for is no event of ours
                await asyncio.sleep(0.01)


async def test_what_is_there_and_what_changes_is_reconciled() -> None:
    """Each registry once the lease is held, and again when it changes."""
    world = World()
    world.registry("first")
    async with world.running() as replica:
        await world.until(lambda: world.loop.begun.count("first") == 1)
        assert not any(replica.ready().values())
        assert not any(replica.alive().values())
        world.registry("first", prune=True)
        world.registry("second")
        await world.until(lambda: world.loop.begun.count("first") == 2 and "second" in world.loop.begun)


async def test_a_reconcile_that_is_due_again_is_begun_again() -> None:
    """By its interval, also where nothing changes."""
    world = World(loop=Played(after=0.05))
    world.registry("first")
    async with world.running():
        await world.until(lambda: len(world.loop.begun) >= 3)


async def test_a_fault_of_ours_costs_one_registry_a_reconcile() -> None:
    """It is told, and counted; the others go on."""

    async def does(key: ObjectKey, fence: Fence) -> None:
        if key.name == "first":
            raise KeyError("a bug")

    world = World(loop=Played(does=does))
    world.registry("first")
    async with world.running() as replica:
        await world.until(lambda: "first" in world.loop.begun)
        world.registry("second")
        await world.until(lambda: "second" in world.loop.begun)
        await world.until(lambda: any("this is a bug" in line and "KeyError" in line for line in world.said))
        assert b"reconciler_bugs_total 0.0" not in replica.metrics.text()


async def test_what_is_under_way_is_stopped_when_the_lease_ends() -> None:
    """The API server cannot be reached: no right is left, what is under way is cancelled, and it begins again with a new lease."""
    rights: list[float] = []
    hangs = [True]

    async def does(key: ObjectKey, fence: Fence) -> None:
        rights.append(fence.remaining())
        while hangs[0]:
            await asyncio.sleep(0.01)
            rights.append(fence.remaining())

    def refused(verb: str, resource: object, key: object) -> None:
        if resource == LEASES:
            raise ClusterError(0, "the API server does not answer")

    world = World(loop=Played(does=does))
    world.registry("first")
    async with world.running() as replica:
        await world.until(lambda: bool(rights))
        assert rights[0] > 0
        world.cluster.before = refused
        await world.until(lambda: bool(world.loop.cancelled))
        assert rights[-1] == 0
        assert replica.ready()["lease"]
        assert replica.ready()["copies"] == ""
        hangs[0] = False
        world.cluster.before = lambda verb, resource, key: None
        await world.until(lambda: len(world.loop.begun) >= 2)


async def test_a_replica_that_ends_stops_its_work_before_it_gives_up_the_lease() -> None:
    """Nobody takes over what is still being written."""
    held: list[bool] = []

    async def does(key: ObjectKey, fence: Fence) -> None:
        try:
            await asyncio.sleep(LIMIT)
        finally:
            held.extend(bool(item["spec"]["holderIdentity"]) for item in world.cluster.all(LEASES))

    world = World(loop=Played(does=does))
    world.registry("first")
    async with world.running():
        await world.until(lambda: bool(world.loop.begun))
    assert world.loop.cancelled == ["first"]
    assert held == [True]
    assert [item["spec"]["holderIdentity"] for item in world.cluster.all(LEASES)] == [""]


async def test_two_replicas_never_reconcile_one_registry_at_once() -> None:
    """They come and go while everything changes; each registry has one reconcile at a time over all of them."""
    running: set[str] = set()
    twice: list[str] = []

    async def does(key: ObjectKey, fence: Fence) -> None:
        with fence.sending():
            if key.name in running:
                twice.append(key.name)
            running.add(key.name)
            await asyncio.sleep(0.02)
            running.discard(key.name)

    world = World(loop=Played(does=does, after=0.05))
    names = [f"r{number}" for number in range(6)]
    for name in names:
        world.registry(name)
    async with world.running("a"):
        await world.until(lambda: {*names} <= {*world.loop.begun})
        for _ in range(2):
            async with world.running("b") as second:
                await world.until(lambda: bool(second.owned()) and len(second.owned()) < len(names))
            world.loop.begun.clear()
            await world.until(lambda: {*names} <= {*world.loop.begun})
    assert twice == []


async def test_a_new_replica_says_what_it_waits_for_and_then_how_many_registries_it_has() -> None:
    """What is named as a registry and is none does not count, and nothing is said twice."""
    world = World()
    world.registry("first")
    async with world.running():
        await world.until(lambda: any("is this replica's" in line for line in world.said))
    told = [line for line in world.said if "registr" in line]
    waits = "info: this replica takes up registries after 0.5 s, when no other replica holds them"
    has = "info: 1 registry is this replica's"
    assert (told[-1], {*told}) in ((has, {waits, has}), (has, {has}))
    assert all(one != other for one, other in pairwise(told))
