"""Hold this replica's lease, and follow those of the others: the I/O around `membership`."""

from __future__ import annotations

import asyncio
import datetime
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.controller.cluster import LEASES, Cluster, ClusterError, Data, ObjectKey, micro_time
from reconciler.controller.membership import Lease, Membership, Published
from reconciler.controller.settings import LEASE_DURATION, NAME

ROUNDS: Final = 5  # in the duration of a lease
RETRY: Final = 0.5  # seconds after a round that failed
LEFT_OVER: Final = 600.0  # seconds after which the lease of a replica that vanished is deleted
PREFIX: Final = f"{NAME}-"
LABEL: Final = "app.kubernetes.io/managed-by"
VIEW: Final = "models.reconciler.dev/view"


def lease_of(data: Mapping[str, Any]) -> Lease | None:
    """A Lease object of a replica of ours; None where it is none."""
    metadata, spec = data["metadata"], data.get("spec") or {}
    if (metadata.get("labels") or {}).get(LABEL) != NAME:
        return None
    published = Published.of((metadata.get("annotations") or {}).get(VIEW, ""))
    return Lease(
        holder=metadata["name"].removeprefix(PREFIX),
        version=str(metadata.get("resourceVersion", "")),
        duration=float(spec.get("leaseDurationSeconds") or LEASE_DURATION),
        published=published,
        released=not spec.get("holderIdentity"),
    )


@dataclass
class LeaseKeeper:
    """Renews this replica's lease in rounds.

    `busy` gives the keys under way that were begun in this term; `changed` is called when the keys that are ours may have
    changed, `renewed` after each renewal. `clock` gives seconds, and never stands still. `tried` is when the last round began.
    """

    cluster: Cluster
    namespace: str
    membership: Membership
    busy: Callable[[], Iterable[str]]
    changed: Callable[[], None]
    renewed: Callable[[], None]
    clock: Callable[[], float]
    tried: float = float("-inf")
    error: str = ""
    _data: Data | None = None
    _before: tuple[object, ...] = field(default=())

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.namespace, f"{PREFIX}{self.membership.me}")

    async def run(self) -> None:
        """Renew and list until cancelled; then release the lease, so that others need not wait for its end."""
        try:
            while True:
                pause = await self._try()
                await asyncio.sleep(pause)
        finally:
            await self._release()

    async def _try(self) -> float:
        """One round. Gives the seconds until the next one."""
        self.tried = self.clock()
        longest = pause = self.membership.duration / ROUNDS
        self.error = ""
        try:
            await self._round()
        except ClusterError as error:
            self.error = error.message
            pause = min(longest, max(RETRY, error.retry_after or 0.0))
        except TimeoutError:
            self.error = "the API server does not answer in time"
            pause = RETRY
        self._tell()
        return pause

    async def _round(self) -> None:
        sent = self.clock()
        async with asyncio.timeout(self._limit):
            await self._renew()
        self.membership.renewed(sent, self.clock())
        self.renewed()
        sent = self.clock()
        async with asyncio.timeout(self._limit):
            listing = await self.cluster.list(LEASES, self.namespace)
        found = [lease for item in listing.items if (lease := lease_of(item)) is not None]
        self.membership.listed(found, sent, self.clock())
        self.membership.agree(self.clock())
        await self._sweep()

    @property
    def _limit(self) -> float:
        """Seconds for which an answer is waited for: both of a round come within the lease."""
        return self.membership.duration / 3

    async def _renew(self) -> None:
        data = self._written(self.membership.publication(self.busy()), holder=self.membership.me)
        try:
            if self._data is None:
                self._data = await self.cluster.create(LEASES, self.namespace, data)
            else:
                data["metadata"]["resourceVersion"] = self._data["metadata"]["resourceVersion"]
                self._data = await self.cluster.replace(LEASES, self.key, data)
        except ClusterError as error:
            if error.gone:
                self._data = None
                self.membership.lost()
            elif (
                error.conflict
            ):  # the answer to our last write was lost, or somebody edited it: it bears our name alone
                self._data = await self.cluster.get(LEASES, self.key)
            raise

    def _written(self, published: Published, *, holder: str) -> Data:
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {
                "name": self.key.name,
                "namespace": self.namespace,
                "labels": {LABEL: NAME},
                "annotations": {VIEW: published.text()},
            },
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": math.ceil(self.membership.duration),  # never shorter than we believe ourselves
                "renewTime": micro_time(datetime.datetime.now(datetime.UTC)),
            },
        }

    async def _release(self) -> None:
        """Say that we have stopped. Whoever calls has ended everything that was under way."""
        if self._data is not None:
            data = self._written(Published(), holder="")
            data["metadata"]["resourceVersion"] = self._data["metadata"]["resourceVersion"]
            with suppress(ClusterError, TimeoutError):  # else it ends by itself
                async with asyncio.timeout(self._limit):
                    await self.cluster.replace(LEASES, self.key, data)

    async def _sweep(self) -> None:
        """Delete the leases of replicas that are long gone."""
        for name in self.membership.leftovers(self.clock(), LEFT_OVER):
            with suppress(ClusterError, TimeoutError):  # the next round tries again
                async with asyncio.timeout(self._limit):
                    await self.cluster.delete(LEASES, ObjectKey(self.namespace, f"{PREFIX}{name}"))

    def _tell(self) -> None:
        after = (self.membership.rights, self.membership.term)
        if after != self._before:
            self._before = after
            self.changed()
