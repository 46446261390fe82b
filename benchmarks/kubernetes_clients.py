"""What each client of Kubernetes costs, and does when the API server fails: docs/decisions/kubernetes-client.md quotes it.

    PYTHONPATH=tests python benchmarks/kubernetes_clients.py [OBJECTS [CLIENT...]]

A real API server (`make kubetest` builds it) holds so many Models (10,000). Each client, in a process of its own, lists and
watches them; then 2,000 of them change. After that all run at once, each behind a proxy of its own, and the API server is
killed, forgets its history, is stormed (429 with Retry-After: 2), and a connection dies without a word. The peers live in
virtual environments under .cache; the tables go to stdout as Markdown. Takes some eight minutes.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import kubernetes_objects as objects
import yaml
from kubernetes.api_server import ApiServer
from kubernetes_proxy import Proxy, proxied, until
from lightkube.config.kubeconfig import KubeConfig
from measuring import ENVIRONMENT, HERE, busy, say, virtual_environment

from reconciler.controller.cluster import Cluster, ObjectKey
from reconciler.controller.crds import MODEL, definitions
from reconciler.controller.lightkube_cluster import open_cluster
from reconciler.registry import catalog

CLIENTS: Final = {
    "reconciler": ("lightkube==1.0.1", "msgspec==0.22.0"),
    "lightkube": ("lightkube==1.0.1",),
    "kubernetes_asyncio": ("kubernetes-asyncio==36.1.0",),
    "kopf": ("kopf==1.45.2",),
}
TITLES: Final = {
    "reconciler": "**ours, on lightkube 1.0.1**",
    "lightkube": "lightkube 1.0.1",
    "kubernetes_asyncio": "kubernetes-asyncio 36.1.0",
    "kopf": "kopf 1.45.2",
}
NAMESPACES: Final = 10
CHANGED: Final = 2000
WIDTH: Final = 16
STORM: Final = 10.0  # seconds
LONGEST: Final = 120.0  # seconds that anything is waited for


@dataclass
class Worker:
    """A client's process: the last line of each sort that it printed."""

    name: str
    process: asyncio.subprocess.Process
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            fact = json.loads(line)
            self.facts[next(iter(fact))] = fact

    async def figures(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.facts.pop("figures", None)
        self.process.stdin.write(b"figures\n")
        await until(lambda: "figures" in self.facts, LONGEST)
        return self.facts["figures"]

    def sees(self, value: str) -> bool:
        return self.facts.get("seen", {}).get("value") == value


@asynccontextmanager
async def worker(name: str, count: int, kubeconfig: Path) -> AsyncIterator[Worker]:
    """A client that has begun to list."""
    python = Path(sys.executable)
    if name != "reconciler":
        python = virtual_environment(f"kubernetes-{name}", CLIENTS[name]) / "python"
    process = await asyncio.create_subprocess_exec(
        str(python),
        str(HERE / "kubernetes_client_worker.py"),
        name,
        str(count),
        env={**ENVIRONMENT, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": ""},  # tests/kubernetes is no client
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if "VERBOSE" in os.environ else subprocess.DEVNULL,
    )
    found = Worker(name, process)
    reading = asyncio.create_task(found.read())
    try:
        yield found
    finally:
        process.kill()
        await process.wait()
        await reading


async def fill(cluster: Cluster, count: int) -> None:
    """Create all Models, and one that the faults change."""
    left = iter([*objects.models(NAMESPACES, count // NAMESPACES), probe()])

    async def create() -> None:
        for one in left:
            await cluster.create(MODEL, one["metadata"]["namespace"], one)

    await asyncio.gather(*(create() for _ in range(WIDTH)))


def probe() -> objects.Data:
    made = objects.model(0, 0)
    return {**made, "metadata": {**made["metadata"], "name": "probe"}}


async def change(cluster: Cluster, value: str) -> None:
    await cluster.patch(MODEL, ObjectKey(objects.namespace(0), "probe"), {"spec": {"description": value}})


async def change_many(cluster: Cluster) -> None:
    """Write the status of many Models, as a controller does."""
    left = iter(range(CHANGED))
    condition = {"type": "Synced", "status": "True", "reason": "Unchanged", "message": "", "observedGeneration": 1}
    condition["lastTransitionTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    async def write() -> None:
        for number in left:
            key = ObjectKey(objects.namespace(number % NAMESPACES), objects.model_name(number // NAMESPACES))
            await cluster.patch(MODEL, key, {"status": {"conditions": [condition]}}, status=True)

    await asyncio.gather(*(write() for _ in range(WIDTH)))


async def cost(name: str, cluster: Cluster, count: int, kubeconfig: Path) -> list[str]:
    """One row of the first table."""
    async with worker(name, count + 1, kubeconfig) as one:
        if await until(lambda: "listed" in one.facts, LONGEST) is None:
            return [TITLES[name], "not listed in time"]
        imported, listed = one.facts["imported"], one.facts["listed"]
        await asyncio.sleep(2)
        before = await one.figures()
        await change_many(cluster)
        await change(cluster, f"cost of {name}")
        await until(lambda: one.sees(f"cost of {name}"), LONGEST)
        after = await one.figures()
        folder = virtual_environment(f"kubernetes-{name}", CLIENTS[name]).parent
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        bare = sum(path.stat().st_size for path in folder.glob("lib/*/site-packages/pip/**/*") if path.is_file())
        return [
            TITLES[name],
            f"{(size - bare) / 1e6:.0f} MB",
            f"{imported['imported']:.2f} s, {imported['memory']:.0f} MB",
            f"{listed['cpu'] - imported['imported']:.2f} s",
            f"{before['memory']:.0f} MB, {before['peak']:.0f} MB",
            f"{(after['cpu'] - before['cpu']) / CHANGED * 1000:.2f} ms",
        ]


@dataclass
class Fault:
    """All clients at once, each behind its own proxy."""

    server: ApiServer
    cluster: Cluster
    workers: Mapping[str, tuple[Worker, Proxy]]

    async def measure(self, what: str, happen: Callable[[], Awaitable[None]]) -> dict[str, str]:
        """Seconds until each sees a change made after (or in) the fault, and the requests that it sent from its beginning on."""
        say(f"{what}: {busy()}")
        for _, proxy in self.workers.values():
            proxy.counts.clear()
        await happen()
        await change(self.cluster, what)

        async def seen(name: str) -> tuple[str, str]:
            one, proxy = self.workers[name]
            waited = await until(lambda: one.sees(what), LONGEST)
            took = f"not within {LONGEST:.0f} s" if waited is None else f"{waited:.1f} s"
            counts = proxy.counts
            told = f"{counts['list']} lists, {counts['watch']} watches"
            return name, f"{took}; {told}" + (f"; {counts['refused']} refused" if counts["refused"] else "")

        found = dict(await asyncio.gather(*map(seen, self.workers)))
        say(f"{what}: {found}")
        return found

    async def killed(self) -> None:
        await asyncio.to_thread(self.server.kill_api_server)
        await asyncio.to_thread(self.server.start)

    async def forgotten(self) -> None:
        """The clients sleep meanwhile, so that they miss a change which nobody remembers any more."""
        for one, proxy in self.workers.values():
            one.process.send_signal(signal.SIGSTOP)
            proxy.drop()
        await change_many(self.cluster)
        await asyncio.to_thread(self.server.forget_history)
        for one, _ in self.workers.values():
            one.process.send_signal(signal.SIGCONT)

    async def stormed(self) -> None:
        for _, proxy in self.workers.values():
            proxy.refusing = True
            proxy.drop()
        await asyncio.sleep(STORM)
        for _, proxy in self.workers.values():
            proxy.refusing = False

    async def held(self) -> None:
        for _, proxy in self.workers.values():
            proxy.hold()


async def faults(
    server: ApiServer, cluster: Cluster, count: int, folder: Path, clients: Sequence[str]
) -> dict[str, dict[str, str]]:
    """The second table, by fault and client."""
    async with AsyncExitStack() as stack:
        workers = {}
        for name in clients:
            proxy = await stack.enter_async_context(proxied(server.port, server.folder))
            config = yaml.safe_load(server.kubeconfig.read_text("utf-8"))
            config["clusters"][0]["cluster"] = {"server": proxy.address}
            path = folder / f"kubeconfig-{name}"
            path.write_text(yaml.safe_dump(config), "utf-8")
            workers[name] = (await stack.enter_async_context(worker(name, count + 1, path)), proxy)
        for one, _ in workers.values():
            await until(lambda one=one: "listed" in one.facts, LONGEST)  # type: ignore[misc]
        fault = Fault(server, cluster, workers)
        return {
            "API server killed and started": await fault.measure("killed", fault.killed),
            "history forgotten (410)": await fault.measure("forgotten", fault.forgotten),
            f"429 for {STORM:.0f} s, Retry-After: 2": await fault.measure("storm", fault.stormed),
            "a connection that died without a word": await fault.measure("held", fault.held),
        }


def print_table(head: list[str], rows: list[list[str]]) -> None:
    for row in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(row)} |")
    print(flush=True)


async def main(count: int, clients: Sequence[str]) -> None:
    """Fills an API server, and prints both tables."""
    with tempfile.TemporaryDirectory() as temporary, ApiServer.private(Path(temporary) / "server") as server:
        drivers = [*catalog.built_in().values()]
        await asyncio.to_thread(server.install, [one.manifest for one in definitions(drivers)][:2])
        for number in range(NAMESPACES):
            await asyncio.to_thread(server.kubectl, "create", "namespace", objects.namespace(number))
        async with open_cluster(KubeConfig.from_file(server.kubeconfig)) as cluster:
            say(f"creating {count} Models: {busy()}")
            await fill(cluster, count)
            rows = []
            for name in clients:
                say(f"{name}: {busy()}")
                rows.append(await cost(name, cluster, count, server.kubeconfig))
            head = [
                "client",
                "installed",
                "to import",
                "list and watch, CPU",
                "memory then, at most",
                "CPU for a change",
            ]
            print_table(head, rows)
            told = await faults(server, cluster, count, Path(temporary), clients)
            columns = [TITLES[name] for name in clients]
            print_table(["fault", *columns], [[what, *(row[name] for name in clients)] for what, row in told.items()])


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else 10_000, sys.argv[2:] or list(CLIENTS)))
