"""Whole replicas in virtual time, on a cluster in memory that answers late, tells of changes late, and can be cut off."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from campaign.virtual_time import VirtualLoop
from controller.loop import NAMESPACE, Told
from kubernetes.memory_cluster import MemoryCluster

from reconciler.controller.cluster import LEASES, ObjectKey
from reconciler.controller.copies import Copies
from reconciler.controller.membership import Membership
from reconciler.controller.metrics import Metrics
from reconciler.controller.queue import WorkQueue
from reconciler.controller.reconcile import Reconciler
from reconciler.controller.replica import Replica

REQUESTS = frozenset({"list", "get", "create", "replace", "patch", "delete", "served", "terminating"})
LEASE = 15.0  # seconds


@dataclass
class Link:
    """One replica's way to a cluster, up to `longest` seconds each way; the way to leases is short.

    Nothing passes once it is `dead`, nor before the time that `cut_until` says.
    """

    cluster: MemoryCluster
    random: random.Random
    longest: float
    cut_until: float = 0.0
    dead: bool = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.cluster, name)
        if name in REQUESTS:
            return partial(self._ask, found)
        return partial(self._told, found) if name == "watch" else found

    async def _ask(self, request: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        longest = 0.0 if LEASES in arguments else self.longest
        await self._pass(longest)
        answer = await request(*arguments, **options)
        await self._pass(longest)
        return answer

    async def _told(self, watch: Callable[..., Any], *arguments: Any) -> AsyncIterator[Any]:
        async for event in watch(*arguments):
            await self._pass(self.longest)
            yield event

    async def _pass(self, longest: float) -> None:
        await asyncio.sleep(longest * self.random.random() ** 3)
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(LEASE * 1000 if self.dead else max(0.0, self.cut_until - now))


class NoTimer:
    """Nothing ends the process: virtual time is no time of the kernel."""

    def sending(self) -> AbstractContextManager[None]:
        return nullcontext()

    def renewed(self) -> None:
        """Nothing."""


@dataclass
class Replicas:
    """Replicas of the controller that run. `folder` holds the embedded registries."""

    cluster: MemoryCluster
    folder: Path
    random: random.Random
    longest: float
    _running: dict[str, tuple[Link, asyncio.Task[None]]] = field(default_factory=dict)
    _ending: list[asyncio.Task[None]] = field(default_factory=list)
    _count: int = 0

    def start(self) -> None:
        """One more."""
        self._count += 1
        name = f"replica-{self._count}"
        link = Link(self.cluster, self.random, self.longest)
        self._running[name] = link, asyncio.create_task(self._replica(name, link).run())

    def _replica(self, name: str, link: Any) -> Replica:
        """A replica as the process of the controller puts it together."""
        clock = asyncio.get_running_loop().time
        queue = WorkQueue[ObjectKey]()
        copies = Copies(link, None, {}, queue.mark)
        told, metrics = Told(), Metrics(clock)
        loop = Reconciler(link, copies, "cluster-uid", self.folder, told, told, settle=0.0)
        membership = Membership(name, LEASE)
        replica = Replica(
            link, membership, NAMESPACE, copies, queue, loop, metrics, lambda *_, **__: None, clock, concurrency=4
        )
        replica.timer = NoTimer()  # type: ignore[assignment]
        return replica

    def end(self, *, kill: bool) -> None:
        """One ends as it should, or is killed: then it says nothing to anybody any more. Another one starts where it was the last."""
        name = self.random.choice(sorted(self._running))
        link, task = self._running.pop(name)
        link.dead = kill
        task.cancel()
        self._ending.append(task)
        if not self._running:
            self.start()

    def cut(self, seconds: float) -> None:
        """One cannot reach the API server for a while."""
        link, _ = self._running[self.random.choice(sorted(self._running))]
        link.cut_until = asyncio.get_running_loop().time() + seconds

    async def all_end(self) -> None:
        """All that run end."""
        tasks = [*self._ending, *(task for _, task in self._running.values())]
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def __len__(self) -> int:
        return len(self._running)


@contextmanager
def threads_counted() -> Iterator[None]:
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
