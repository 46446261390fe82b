"""How many replicas of the controller 1,000 Registries x 1,000 Models take, so that a change is in the registry within a minute.

python benchmarks/kubernetes_simulation.py [--models 1000] [--registries 1000]

Leases, membership, queue, informers and replicas are the real ones, on a cluster in memory and a clock that jumps. A reconcile
costs what the real one was measured to cost just before, in CPU time on this machine: each replica has one processor, on which
its reconciles take turns. A million Model objects would not fit: a change is told by the Registry object that it concerns.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import selectors
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT / "tests")  # not this folder: its kubernetes.py would hide the tests'

from controller.loop import a_model, a_registry, loop_on  # noqa: E402
from kubernetes.memory_cluster import MemoryCluster  # noqa: E402

from reconciler.controller.cluster import ObjectKey  # noqa: E402
from reconciler.controller.copies import Copies  # noqa: E402
from reconciler.controller.crds import MODEL, REGISTRY  # noqa: E402
from reconciler.controller.membership import Membership  # noqa: E402
from reconciler.controller.metrics import Metrics  # noqa: E402
from reconciler.controller.ports import Fence, Result  # noqa: E402
from reconciler.controller.queue import WorkQueue  # noqa: E402
from reconciler.controller.replica import Replica  # noqa: E402

INTERVAL: Final = 300.0  # seconds between two resyncs of a registry
MINUTE: Final = 60.0
STEADY: Final = 900.0  # seconds of simulated time with changes here and there
EVERY: Final = 300.0  # seconds between two changes of one registry, on the average
WARM_UP: Final = 400.0
CONCURRENCY: Final = 8


class Cost(NamedTuple):
    """CPU seconds of one reconcile: that finds nothing to do, and that writes one change."""

    resync: float
    change: float


async def measured(models: int) -> Cost:
    """The real reconcile of a registry with so many models, in the embedded registry."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = MemoryCluster()
        cluster.put(REGISTRY, a_registry())
        for number in range(models):
            cluster.put(MODEL, a_model(f"m{number}"))
        async with loop_on(cluster, Path(folder)) as loop:
            await loop.until_quiet()
            began = time.process_time()
            await loop.reconcile()
            resync = time.process_time() - began
            cluster.put(MODEL, a_model("m0", description="changed"))
            began = time.process_time()
            await loop.reconcile()
            return Cost(resync, time.process_time() - began)


class Jumping(selectors.DefaultSelector):
    """A selector that never waits: time jumps to when the next thing is due."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout:
            self.now += timeout
        return super().select(0)


class FakeClockLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is that of its selector."""

    def __init__(self) -> None:
        self.jumping = Jumping()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now


@dataclass
class Simulated:
    """The loop's body of one replica: it takes as long as the real one, and one processor does one thing at a time."""

    world: World
    processor: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def reconcile(self, key: ObjectKey, fence: Fence) -> Result:
        changes = self.world.pending.pop(key, [])
        async with self.processor:
            await asyncio.sleep(self.world.cost.change if changes else self.world.cost.resync)
        if not fence.remaining():
            self.world.pending.setdefault(key, []).extend(changes)
            return Result(failed=True, after=INTERVAL)
        now = asyncio.get_running_loop().time()
        self.world.seconds += [now - since for since in changes]
        return Result(failed=False, after=INTERVAL)


@dataclass
class World:
    """Registries, changes that wait for a reconcile, and how long those waited that were done."""

    registries: int
    cost: Cost
    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    pending: dict[ObjectKey, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    made: int = 0

    def places(self) -> Iterator[ObjectKey]:
        return (ObjectKey(f"team-{number % 50}", f"r{number}") for number in range(self.registries))

    def change(self, key: ObjectKey) -> None:
        self.made += 1
        self.pending.setdefault(key, []).append(asyncio.get_running_loop().time())
        spec = {"driver": "local", "path": f"{self.made}.db"}
        self.cluster.put(REGISTRY, {"metadata": {"namespace": key.namespace, "name": key.name}, "spec": spec})

    def replica(self, name: str) -> Replica:
        clock = asyncio.get_running_loop().time
        queue, metrics = WorkQueue[ObjectKey](), Metrics(clock)

        def concerned(key: ObjectKey, *, deleted: bool = False) -> None:
            queue.mark(key, deleted=deleted)

        copies = Copies(self.cluster, None, {}, concerned)
        membership = Membership(name, 15.0)
        return Replica(
            self.cluster, membership, "system", copies, queue, Simulated(self), metrics, _quiet, clock, CONCURRENCY
        )


def _quiet(text: str, level: str = "info", **facts: object) -> None:
    """Nobody reads the log."""


async def simulated(registries: int, replicas: int, cost: Cost) -> tuple[list[float], list[float]]:
    """Seconds from a change to its write: where changes come here and there, and where every registry changes at once."""
    world = World(registries, cost)
    for key in world.places():
        world.change(key)
    tasks = [asyncio.create_task(world.replica(f"replica-{number}").run()) for number in range(replicas)]
    try:
        await asyncio.sleep(WARM_UP + 2 * registries * cost.change / replicas)
        world.seconds.clear()
        chance = random.Random(1)
        end = asyncio.get_running_loop().time() + STEADY
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(chance.expovariate(registries / EVERY))
            world.change(chance.choice(list(world.places())))
        await asyncio.sleep(MINUTE * 2)
        steady, world.seconds = world.seconds, []
        for key in world.places():
            world.change(key)
        await asyncio.sleep(MINUTE * 10)
        return steady, world.seconds
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def _line(what: str, seconds: list[float], expected: int) -> str:
    ordered = sorted(seconds)
    if len(ordered) < expected:
        return f"{what}: {expected - len(ordered)} of {expected} not done"
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"{what}: p50 {p50:.1f} s, p99 {p99:.1f} s, all {ordered[-1]:.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--registries", type=int, default=1000)
    parser.add_argument("--replicas", type=int, nargs="*", default=[1, 2, 3, 4, 6, 8, 12, 16, 24])
    given = parser.parse_args()
    cost = asyncio.run(measured(given.models))
    print(f"{given.models} models: resync {cost.resync:.2f} CPU s, one change {cost.change:.2f} CPU s")
    for replicas in given.replicas:
        loop = FakeClockLoop()
        steady, burst = loop.run_until_complete(simulated(given.registries, replicas, cost))
        loop.close()
        print(
            f"{replicas} replicas; {_line('here and there', steady, 1)}; {_line('all at once', burst, given.registries)}"
        )
        if len(burst) >= given.registries and max(burst) <= MINUTE and max(steady) <= MINUTE:
            break


if __name__ == "__main__":
    main()
