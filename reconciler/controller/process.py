"""The process of `reconciler controller run`: from settings to a running replica, and its end by a signal."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.controller.backups import FolderBackups
from reconciler.controller.cluster import NAMESPACES, Cluster, ClusterError, ObjectKey
from reconciler.controller.copies import Copies
from reconciler.controller.crds import native_types
from reconciler.controller.events import EventRecorder
from reconciler.controller.health import HealthServer
from reconciler.controller.lightkube_cluster import open_cluster
from reconciler.controller.membership import Membership
from reconciler.controller.metrics import Metrics
from reconciler.controller.queue import WorkQueue
from reconciler.controller.reconcile import Reconciler
from reconciler.controller.reconcile_log import ReconcileLog
from reconciler.controller.replica import Replica
from reconciler.controller.settings import Log, Settings
from reconciler.controller.vanishing import NamespaceReleaser
from reconciler.registry import catalog
from reconciler.render.terminal import count as counted

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_RETRY: Final = 2.0  # seconds
ENDING: Final = 10.0  # seconds for what is under way to be stopped, and the lease released


async def run(settings: Settings, log: Log) -> None:
    """Run a replica until a signal ends it. Raises UsageError where there is no cluster to speak to, InputError where the port is taken or backups cannot be written."""
    stopped = asyncio.Event()
    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with open_cluster() as cluster:
        parts = Parts(settings, cluster, settings.namespace or cluster.namespace, log, Path.cwd())
        async with parts.health.serving(settings.host, settings.port) as port:
            log(f"{parts.me} serves /metrics, /healthz and /readyz at port {port}", replica=parts.me, port=port)
            await _until(stopped, parts.run())
        log("stopped: the lease is released", replica=parts.me)


async def _until(stopped: asyncio.Event, work: Any) -> None:
    """Do some work until an event: then it is cancelled, and has a few seconds to end. Raises what the work raises."""
    running = asyncio.create_task(work)
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not running.done():
        running.cancel()
        await asyncio.wait({running}, timeout=ENDING)
    if running.done() and not running.cancelled():
        running.result()


@dataclass
class Parts:
    """What one process consists of, put together. `folder` holds the registries that are files."""

    settings: Settings
    cluster: Cluster
    namespace: str
    log: Log
    folder: Path

    def __post_init__(self) -> None:
        settings = self.settings
        self.me = _name()
        self.metrics = Metrics(clock)
        self.queue = WorkQueue[ObjectKey]()
        where = None if settings.everywhere else self.namespace
        types = native_types(catalog.built_in().values())
        self.copies = Copies(self.cluster, where, types, self._concerned)
        self.recorder = EventRecorder(self.cluster, self.me, clock, self.metrics.event)
        scheme = f"{where or '*'} {'shared' if settings.shares else 'one for all'}"
        self.membership = Membership(self.me, settings.lease_duration, scheme, settings.shares)
        self.health = HealthServer(lambda: self._replica_says("alive"), lambda: self._replica_says("ready"), self._text)
        self.replica: Replica | None = None
        self.keeper = None if settings.backup_dir is None else FolderBackups(settings.backup_dir.absolute())
        if self.keeper is not None:
            self.keeper.check()

    async def run(self) -> None:
        """Run the replica until cancelled."""
        cluster_id = await self._cluster_id()
        observer = ReconcileLog(self.metrics, self.log)
        reconciler = Reconciler(
            self.cluster, self.copies, cluster_id, self.folder, self.recorder, observer, keeper=self.keeper
        )
        self.replica = Replica(
            cluster=self.cluster,
            membership=self.membership,
            lease_namespace=self.namespace,
            copies=self.copies,
            queue=self.queue,
            loop=reconciler,
            metrics=self.metrics,
            log=self.log,
            clock=clock,
            concurrency=self.settings.concurrency,
        )
        self._measure(self.replica)
        releaser = NamespaceReleaser(self.cluster, self.copies, reconciler.writer, self._released)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.recorder.run())
            tasks.create_task(self.replica.run())
            tasks.create_task(releaser.run())

    async def _cluster_id(self) -> str:
        """What tells this cluster from others, for marks in registries: a uid that is never given again.

        With access to one namespace alone, the uid of that; else that of kube-system.
        """
        name = "kube-system" if self.settings.everywhere else self.namespace
        while True:
            try:
                found = await self.cluster.get(NAMESPACES, ObjectKey("", name))
                return str(found["metadata"]["uid"])
            except ClusterError as error:
                self.log(f"the namespace {name} cannot be read: {error.message}", "warning")
                await asyncio.sleep(max(_RETRY, error.retry_after or 0.0))

    def _concerned(self, key: ObjectKey, *, deleted: bool = False) -> None:
        self.metrics.changed(key)
        self.queue.mark(key, deleted=deleted)

    def _released(self, namespace: str, count: int) -> None:
        released = counted(count, "object")
        self.log(f"the namespace {namespace} is about to go: {released} released, nothing deleted in a registry")

    def _replica_says(self, what: str) -> Mapping[str, str]:
        if self.replica is None:
            return {} if what == "alive" else {"cluster": "the API server was not reached yet"}
        return self.replica.alive() if what == "alive" else self.replica.ready()

    def _text(self) -> bytes:
        return self.metrics.text()

    def _measure(self, replica: Replica) -> None:
        metrics, membership = self.metrics, self.membership
        metrics.gauge("queue_depth", "Registries that are due, now or later.", lambda: self.queue.depth)
        metrics.gauge("reconciles_running", "Reconciles that are under way.", lambda: len(self.queue.running))
        metrics.gauge(
            "lease_remaining_seconds",
            "For how long this replica's lease is valid; 0 where it holds none.",
            lambda: membership.remaining(clock()),
        )
        metrics.gauge("replicas", "Replicas with a live lease, this one included.", lambda: len(membership.members))
        metrics.gauge(
            "registries_owned", "Registries that are this replica's.", lambda: len(replica.owned_registries())
        )

        def owned() -> Iterator[Mapping[str, Any]]:
            found = map(self.copies.registry, replica.owned_registries())
            return (item for item in found if item is not None)

        metrics.registries(owned)


def clock() -> float:
    """Seconds that never stand still, not even while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _name() -> str:
    """A name that no other process has, nor this pod's last one: a lease is never taken up by who did not hold it."""
    return f"{socket.gethostname().lower()[:40]}-{secrets.token_hex(3)}"
