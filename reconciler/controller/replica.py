"""One replica of the controller: its lease, its copies of the cluster's objects, and the queue of the registries that are to be reconciled."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from reconciler.controller.cluster import Cluster, ObjectKey
from reconciler.controller.copies import Copies
from reconciler.controller.fence import MARGIN, KillTimer, RightToWrite
from reconciler.controller.leases import LeaseKeeper
from reconciler.controller.membership import Membership
from reconciler.controller.metrics import Metrics
from reconciler.controller.ports import Fence, Result
from reconciler.controller.queue import WorkQueue
from reconciler.controller.settings import Log
from reconciler.registry import deadline

STUCK: Final = 60.0  # seconds without a sign of life
_SPREAD: Final = 0.1  # of an interval, so that registries that were reconciled together are not for ever
_LOOKS: Final = 0.5  # seconds between two looks at whether what is under way may go on


class Loop(Protocol):
    """What reconciles one registry: see `reconcile.Reconciler`."""

    async def reconcile(self, key: ObjectKey, fence: Fence) -> Result: ...


@dataclass
class Replica:
    """Reconciles the registries that are this replica's. `lease_namespace` is where the leases of all replicas are."""

    cluster: Cluster
    membership: Membership
    lease_namespace: str
    copies: Copies
    queue: WorkQueue[ObjectKey]
    loop: Loop
    metrics: Metrics
    log: Log
    clock: Callable[[], float]
    concurrency: int
    keeper: LeaseKeeper = field(init=False)
    timer: KillTimer = field(init=False)
    stopping: bool = False
    _term: int = 0
    _told: tuple[str, ...] = ()
    _running: dict[ObjectKey, RightToWrite] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.timer = KillTimer(lambda: self.membership.remaining(self.clock()))
        self.keeper = LeaseKeeper(
            self.cluster,
            self.lease_namespace,
            self.membership,
            self._busy,
            self._rights_changed,
            self.timer.renewed,
            self.clock,
        )

    async def run(self) -> None:
        """Run until cancelled: then what is under way is stopped, and the lease released."""
        keeping = asyncio.create_task(self.keeper.run())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.copies.run())
                tasks.create_task(self._work())
                tasks.create_task(_unless_cancelled(keeping))
        finally:
            self.stopping = True
            keeping.cancel()
            await asyncio.wait({keeping})

    async def _work(self) -> None:
        await self.copies.complete.wait()  # what is not known yet must not look deleted
        self.log("the cluster's objects are known", registries=len(self._registries(self.copies.registry_keys())))
        self._rights_changed()
        await self.queue.work(self._begin, self._one, width=self.concurrency)

    # --- whose registries are whose ------------------------------------------------------------------------

    def may_begin(self, key: ObjectKey) -> bool:
        """True where a registry may be reconciled by this replica now."""
        return self.membership.may_begin(str(key), self.clock())

    def owned(self) -> list[ObjectKey]:
        """What is this replica's to reconcile: registries, and what is named as one and is not there."""
        return [key for key in self.copies.registry_keys() if self.may_begin(key)]

    def owned_registries(self) -> list[ObjectKey]:
        """The registries that are this replica's."""
        return self._registries(self.owned())

    def _registries(self, keys: Iterable[ObjectKey]) -> list[ObjectKey]:
        return [key for key in keys if self.copies.registry(key) is not None]

    def _begin(self, key: ObjectKey) -> bool:
        if self.may_begin(key):
            return True
        self.metrics.passed(key)
        return False

    def _busy(self) -> list[str]:
        """The registries to which something is being sent: no other right is used once it is lost."""
        term = self.membership.term
        return [right.key for right in self._running.values() if right.sends and right.term == term]

    def _rights_changed(self) -> None:
        """Everything that is ours now may have changed while it was another's, or nobody's."""
        for right in self._running.values():
            right.look()
        if self.membership.term != self._term:
            self._term = self.membership.term
            self.metrics.new_term()
        if self.copies.complete.is_set():
            self._tell_rights()
            for key in self.owned():
                self.queue.mark(key)

    def _tell_rights(self) -> None:
        """Log whose the registries are now, where that is something else than was said last."""
        owned, members = len(self.owned_registries()), sorted(self.membership.members)
        text = f"{owned} {'registry is' if owned == 1 else 'registries are'} this replica's"
        if not self.membership.rights:
            duration = f"{self.membership.duration:g} s"
            text = f"this replica takes up registries after {duration}, when no other replica holds them"
        if self._told != (told := (text, *members)):
            self._told = told
            self.log(text, members=members, owned=owned)

    # --- one reconcile -------------------------------------------------------------------------------------

    async def _one(self, key: ObjectKey) -> None:
        """Reconcile one registry, and say when it is due again. Ends early where the right to it ends."""
        right = RightToWrite(self.membership, str(key), self.membership.term, self.clock, self.timer)
        self._running[key] = right
        self.metrics.began(key)
        with deadline.unacknowledged_for(MARGIN * self.membership.duration):
            work = asyncio.create_task(self.loop.reconcile(key, right))
        try:
            while not work.done():
                if not self.membership.remaining(self.clock(), right.term):
                    work.cancel()
                await asyncio.wait({work}, timeout=_LOOKS)
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({work})
            del self._running[key]
            self.metrics.ended(key)
        if work.cancelled():
            self.log(f"{key}: stopped, since this replica's lease ended", "warning", registry=str(key))
            self.queue.schedule(key, 0.0)
        elif (fault := work.exception()) is not None:
            self._tell_fault(key, fault)
            self.queue.failed(key)
        else:
            self._plan_next(key, work.result())

    def _tell_fault(self, key: ObjectKey, fault: BaseException) -> None:
        """A bug of ours costs one registry its reconcile, and no other registry anything."""
        self.metrics.failed_itself()
        lines = "".join(traceback.format_exception(fault))
        self.log(f"{key}: this is a bug in reconciler\n{lines}", "error", registry=str(key))

    def _plan_next(self, key: ObjectKey, result: Result) -> None:
        if result.failed:
            self.queue.failed(key, unreachable=result.unreachable)
            return
        self.queue.succeeded(key)
        if self.copies.registry(key) is None:
            self.queue.forget(key)
        else:
            self.queue.schedule(key, result.after * (1 - _SPREAD * random.random()))  # noqa: S311

    # --- health --------------------------------------------------------------------------------------------

    def alive(self) -> dict[str, str]:
        """What is wrong with this process, by what was looked at; "" where nothing is."""
        late = self.clock() - self.keeper.tried
        overdue = self.queue.overdue(self.concurrency) if self.copies.complete.is_set() else 0.0
        return {
            "lease-rounds": f"the last one began {late:.0f} s ago" if late > STUCK else "",
            "queue": f"a registry is due since {overdue:.0f} s" if overdue > STUCK else "",
        }

    def ready(self) -> dict[str, str]:
        """Why this replica cannot work, by what was looked at; "" where it can."""
        held = self.membership.remaining(self.clock())
        return {
            "copies": "" if self.copies.complete.is_set() else "the objects of the cluster are not listed yet",
            "lease": "" if held else f"this replica holds no lease: {self.keeper.error or 'not taken up yet'}",
            "stopping": "this replica is about to end" if self.stopping else "",
        }


async def _unless_cancelled(task: asyncio.Task[None]) -> None:
    """The end of a task, which is not cancelled with whoever waits for it."""
    await asyncio.shield(task)
