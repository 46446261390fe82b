"""The controller at scale, on a real API server: docs/performance.md quotes it.

    PYTHONPATH=tests python benchmarks/kubernetes_loop.py [REGISTRIES [MODELS]]

So many Registries (100) in namespaces of their own, each a file of the embedded registry, with so many Models each (100), and
three replicas that share them (`controller run --all-namespaces --shards`) on this machine. Measured: the memory of the replicas
without an object and with all, the time and the CPU of each part until all are Synced, the time from a change of an object to
its write, and a full resync, for which nothing is to be written, beside plain `plan`s of the same manifests. `make kubetest`
builds the API server. The table goes to stdout as Markdown; takes some five minutes on two free cores.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import kubernetes_objects as objects
import yaml
from kubernetes.api_server import ApiServer
from kubernetes_processes import Cost, costs, servers
from lightkube.config.kubeconfig import KubeConfig
from measuring import ENVIRONMENT, busy, compile_ours, measure, say
from registry.server_process import free_port

from reconciler.controller.cluster import Cluster, ObjectKey, ResourceType
from reconciler.controller.crds import MODEL, REGISTRY, definitions
from reconciler.controller.informer import Informer
from reconciler.controller.lightkube_cluster import open_cluster
from reconciler.registry import catalog

REPLICAS: Final = 3
WIDTH: Final = 24  # requests at a time of this script
CHANGES: Final = 2  # of each registry
EVERY: Final = 0.25  # seconds between two changes
PLANS: Final = 5  # registries of which a plain plan is made
LONGEST: Final = 900.0  # seconds that anything is waited for
SETTLED: Final = 6.0  # seconds without news after which nothing more is under way
OWNER: Final = "bench"
DESCRIBED: Final = "SELECT 1 FROM revision WHERE key = ? AND json_extract(spec, '$.description') = ?"
RECONCILE: Final = "models.reconciler.dev/reconcile"


@dataclass
class Bench:
    """A cluster with our definitions, and copies of the Registries and Models in it."""

    server: ApiServer
    cluster: Cluster
    folder: Path
    registries: int
    models: int
    bin: Path
    synced: dict[ObjectKey, bool] = field(default_factory=dict)
    ports: list[int] = field(default_factory=list)
    versions: dict[ObjectKey, str] = field(default_factory=dict)
    news: float = 0.0

    async def follow(self) -> None:
        """Keep the copies."""
        async with asyncio.TaskGroup() as tasks:
            for resource in (REGISTRY, MODEL):
                tasks.create_task(Informer(self.cluster, resource, None, self._told, _outcome).run())

    def _told(self, key: ObjectKey, _before: object, after: Mapping[str, Any] | None) -> None:
        if after is not None:
            self.news = time.monotonic()
            self.synced[key] = after["synced"]
            self.versions[key] = after["metadata"]["resourceVersion"]

    def reconciles(self) -> int:
        """How many reconciles the replicas did so far, as their metrics say."""
        total = 0.0
        for port in self.ports:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                lines = answer.read().decode().splitlines()
            total += sum(
                float(line.split()[-1])
                for line in lines
                if line.startswith('reconciler_reconciles_total{result="in-sync"')
            )
        return int(total)

    @property
    def all_synced(self) -> bool:
        return len(self.synced) == self.registries * (self.models + 1) and all(self.synced.values())

    async def wait(self, what: str, holds: Any) -> float:
        """The seconds until a function says yes. Raises SystemExit where it does not."""
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > LONGEST:
                raise SystemExit(f"not within {LONGEST:.0f} s: {what}")
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    async def settle(self) -> None:
        """Wait until nobody writes any more."""
        self.news = time.monotonic()
        await self.wait("nothing under way", lambda: time.monotonic() - self.news > SETTLED)

    def database(self, number: int) -> Path:
        return self.folder / objects.namespace(number) / "registry.db"

    def write_times(self) -> dict[Path, int]:
        """When each registry was last written, in nanoseconds."""
        return {path: _written(path) for path in map(self.database, range(self.registries))}

    @asynccontextmanager
    async def replicas(self) -> AsyncIterator[list[int]]:
        """Three replicas at work, by their process ids."""
        self.ports = [free_port() for _ in range(REPLICAS)]
        running = []
        for port in self.ports:
            command = [self.bin / "reconciler", "controller", "run", "--all-namespaces", "--shards", "--listen"]
            environment = ENVIRONMENT | {"KUBECONFIG": str(self.server.kubeconfig)}
            with (self.folder / f"replica-{port}.log").open("ab") as log:
                running.append(
                    await asyncio.create_subprocess_exec(
                        *map(str, [*command, f"127.0.0.1:{port}"]),
                        cwd=self.folder,
                        env=environment,
                        stdout=log,
                        stderr=log,
                    )
                )
        try:
            yield [one.pid for one in running]
        finally:
            for one in running:
                one.terminate()
            for one in running:
                await one.wait()


def _outcome(item: dict[str, Any]) -> dict[str, Any]:
    """What the benchmark keeps of an object."""
    status, metadata = item.get("status") or {}, item["metadata"]
    said = {one["type"]: one for one in status.get("conditions") or ()}
    synced = said.get("Synced", {})
    return {
        "metadata": {name: metadata[name] for name in ("namespace", "name", "resourceVersion")},
        "synced": synced.get("status") == "True" and status.get("observedGeneration") == metadata["generation"],
    }


def _written(path: Path) -> int:
    """When a database was last written, its log included."""
    beside = (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-journal"))
    written = []
    for one in beside:
        with suppress(FileNotFoundError):  # SQLite removes its log when the last connection ends
            written.append(one.stat().st_mtime_ns)
    return max(written, default=0)


async def create(cluster: Cluster, resource: ResourceType, items: Iterable[objects.Data]) -> None:
    """Create objects, some at a time."""
    left = iter(items)

    async def work() -> None:
        for one in left:
            await cluster.create(resource, one["metadata"]["namespace"], one)

    await asyncio.gather(*(work() for _ in range(WIDTH)))


async def empty(bench: Bench) -> float:
    """The memory of the replicas together, without an object."""
    async with bench.replicas() as processes:
        await asyncio.sleep(15)
        return costs(processes).memory


async def latencies(bench: Bench) -> list[float]:
    """Seconds from a change of a Model to its write, of changes one after the other in registries taken in turn."""
    order = [*range(bench.registries)] * CHANGES
    random.Random(1).shuffle(order)
    waiting: list[asyncio.Task[float]] = []
    busy_until: dict[int, asyncio.Task[float]] = {}
    for count, number in enumerate(order):
        if number in busy_until:
            await busy_until[number]  # else the write would be taken for that of the change before
        task = asyncio.create_task(_latency(bench, number, count))
        waiting.append(task)
        busy_until[number] = task
        await asyncio.sleep(EVERY)
    return [await one for one in waiting]


async def _latency(bench: Bench, number: int, count: int) -> float:
    key = ObjectKey(objects.namespace(number), objects.model_name(count % bench.models))
    text = f"Changed for the {count}th time."
    with closing(sqlite3.connect(f"file:{bench.database(number)}?mode=ro", uri=True)) as database:
        began = time.monotonic()
        await bench.cluster.patch(MODEL, key, {"spec": {"description": text}})
        await bench.wait(f"{key} is written", lambda: database.execute(DESCRIBED, (key.name, text)).fetchone())
    took = time.monotonic() - began
    await bench.wait(f"{key} is synced", lambda: bench.synced[key])
    return took


async def resync(bench: Bench, processes: list[int]) -> tuple[float, Cost]:
    """Seconds and CPU of a reconcile of all registries with nothing to do. Raises SystemExit where anything is written."""
    await bench.settle()
    written, versions = bench.write_times(), dict(bench.versions)
    done = await asyncio.to_thread(bench.reconciles)
    stamp = {"metadata": {"annotations": {RECONCILE: str(time.time())}}}
    began, before = time.monotonic(), costs(processes)
    left = iter(range(bench.registries))

    async def annotate() -> None:
        for number in left:
            await bench.cluster.patch(REGISTRY, ObjectKey(objects.namespace(number), "main"), stamp)

    await asyncio.gather(*(annotate() for _ in range(WIDTH)))
    while await asyncio.to_thread(bench.reconciles) < done + bench.registries:  # noqa: ASYNC110  # other processes count
        await asyncio.sleep(0.5)
    took, after = time.monotonic() - began, costs(processes)
    versions |= {key: version for key, version in bench.versions.items() if key.name == "main"}  # the annotation
    if bench.write_times() != written or bench.versions != versions:
        raise SystemExit("a resync wrote, though nothing had changed")
    return took, Cost(after.cpu - before.cpu, after.memory)


def plain_plans(bench: Bench) -> tuple[float, float]:
    """CPU seconds of `plan` of all registries, one after the other, and of their part that is not Python's start."""
    total, bare = 0.0, 0.0
    for number in range(min(PLANS, bench.registries)):
        folder = bench.folder / "plans" / objects.namespace(number)
        manifests = folder / "manifests"
        manifests.mkdir(parents=True)
        for count in range(bench.models):
            item = objects.model(number, count)
            text = yaml.safe_dump({"kind": "Model", "key": item["metadata"]["name"], **item["spec"]})
            (manifests / f"{count:05}.yaml").write_text(text, "utf-8")
        entry = {"driver": "local", "path": "registry.db", "default": True}
        settings = {"owner": OWNER, "registries": {"main": entry}}
        (folder / "reconciler.yaml").write_text(yaml.safe_dump(settings), "utf-8")
        shutil.copy(bench.database(number), folder / "registry.db")
        total += measure([bench.bin / "reconciler", "plan"], folder).cpu
        bare += measure([bench.bin / "reconciler", "--version"], folder).cpu
    scale = bench.registries / min(PLANS, bench.registries)
    return total * scale, (total - bare) * scale


def parts(before: Mapping[str, Cost], after: Mapping[str, Cost]) -> str:
    """What each part used, in words."""
    return ", ".join(f"{name} {after[name].cpu - before[name].cpu:.1f} s" for name in after)


def now(bench: Bench, processes: list[int]) -> dict[str, Cost]:
    """The costs so far of each part."""
    found = servers(bench.server.folder)
    return {**{name: costs([process]) for name, process in found.items()}, "replicas together": costs(processes)}


async def run(bench: Bench) -> list[tuple[str, str]]:
    """The rows of the table."""
    count = bench.registries * bench.models
    without = await empty(bench)
    say(f"creating {count} Models: {busy()}")
    entry = {"driver": "local", "path": "registry.db", "owner": OWNER, "interval": "1h"}
    await create(bench.cluster, REGISTRY, (objects.registry(number, entry) for number in range(bench.registries)))
    await create(bench.cluster, MODEL, objects.models(bench.registries, bench.models))
    async with asyncio.TaskGroup() as tasks, bench.replicas() as processes:
        following = tasks.create_task(bench.follow())
        say(f"syncing: {busy()}")
        first = now(bench, []) | {"replicas together": Cost(0, 0)}
        synced = await bench.wait("all are Synced", lambda: bench.all_synced)
        second = now(bench, processes)
        await bench.settle()
        memory = costs(processes).memory
        say(f"changes: {busy()}")
        took = statistics.quantiles(await latencies(bench), n=100, method="inclusive")
        say(f"resync: {busy()}")
        resynced, resync_cost = await resync(bench, processes)
        last = now(bench, processes)
        following.cancel()
    say(f"plain plans: {busy()}")
    plans, warm_plans = plain_plans(bench)
    return [
        (f"{bench.registries} Registries × {bench.models} Models, until all are Synced", f"{synced:.1f} s"),
        ("CPU meanwhile", parts(first, second)),
        ("memory at the end", ", ".join(f"{name} {one.memory:.0f} MB" for name, one in last.items())),
        ("memory for a Model, replicas together", f"{(memory - without) * 1000 / count:.1f} kB"),
        ("memory for a Model, each replica", f"{(memory - without) * 1000 / count / REPLICAS:.1f} kB"),
        ("from a change to its write, p50 / p95 / p99", f"{took[49]:.2f} / {took[94]:.2f} / {took[98]:.2f} s"),
        ("resync of all, nothing written", f"{resynced:.1f} s, {resync_cost.cpu:.1f} s CPU"),
        ("plain `plan`s of the same", f"{plans:.1f} s CPU, of which {warm_plans:.1f} s are not Python's start"),
        ("resync / plain `plan`s", f"{resync_cost.cpu / plans:.2f} ×, {resync_cost.cpu / warm_plans:.2f} ×"),
    ]


async def main(registries: int, models: int) -> None:
    """Measures, and prints the table."""
    with tempfile.TemporaryDirectory() as temporary, ApiServer.private(Path(temporary) / "server") as server:
        drivers = [*catalog.built_in().values()]
        await asyncio.to_thread(server.install, [one.manifest for one in definitions(drivers)])
        async with open_cluster(KubeConfig.from_file(server.kubeconfig)) as cluster:
            namespaces = ResourceType("", "v1", "Namespace", "namespaces")
            named = ({"metadata": {"name": objects.namespace(number), "namespace": ""}} for number in range(registries))
            await create(cluster, namespaces, named)
            bench = Bench(server, cluster, Path(temporary), registries, models, compile_ours())
            began = busy()
            rows = await run(bench)
    print(f"{began} at the start, {busy()} at the end\n\n| what | figure |\n|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    asyncio.run(main(*(numbers + [100, 100][len(numbers) :])))
