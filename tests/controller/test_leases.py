"""A replica's lease on a cluster in memory, whose API server loses answers, refuses, and is edited by others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from reconciler.controller.cluster import LEASES, ClusterError, ObjectKey
from reconciler.controller.leases import LEFT_OVER, LeaseKeeper, lease_of
from reconciler.controller.membership import Membership
from tests.kubernetes.memory_cluster import MemoryCluster

DURATION = 0.5  # seconds: the real clock


@dataclass
class World:
    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    changes: int = 0
    later: float = 0.0
    duration: float = DURATION

    def keeper(self, name: str = "a") -> LeaseKeeper:
        def changed() -> None:
            self.changes += 1

        membership = Membership(name, self.duration)
        return LeaseKeeper(self.cluster, "team", membership, tuple, changed, lambda: None, self.clock)

    def clock(self) -> float:
        return asyncio.get_running_loop().time() + self.later

    @asynccontextmanager
    async def running(self, *keepers: LeaseKeeper) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(one.run()) for one in keepers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def until_all_is_owned(self, *keepers: LeaseKeeper) -> None:
        """Until these agree on one view, and each of some keys has an owner in it. There is never more than one."""
        view = {one.membership.me for one in keepers}
        async with asyncio.timeout(60):
            while True:
                owners = [
                    sum(one.membership.may_begin(f"team/r{n}", self.clock()) for one in keepers) for n in range(8)
                ]
                assert max(owners) <= 1
                if min(owners) == 1 and all(one.membership.rights == (view,) for one in keepers):
                    return
                await asyncio.sleep(0.01)


async def test_replicas_share_and_give_back() -> None:
    """Two share; one that ends releases its lease, and the other has all at once."""
    world = World()
    first, second = world.keeper("a"), world.keeper("b")
    async with world.running(first):
        await world.until_all_is_owned(first)
        async with world.running(second):
            await world.until_all_is_owned(first, second)
        left = [item for item in world.cluster.all(LEASES) if item["metadata"]["name"].endswith("-b")]
        assert not any(item["spec"]["holderIdentity"] for item in left)  # released, if it was not swept yet
        await world.until_all_is_owned(first)
        assert first.membership.members == {"a"}
    assert world.changes >= 4


@pytest.mark.parametrize("status", [0, 409, 429, 500, 503])
async def test_an_api_server_that_fails_for_a_while_costs_no_rights(status: int) -> None:
    """A few rounds that fail, before or after the write was done, are made up for within the lease."""
    world = World(duration=30.0)
    keeper = world.keeper()
    async with world.running(keeper):
        await asyncio.sleep(0.05)
        term = keeper.membership.term
        world.cluster.before = _failing(status, 3)
        for _ in range(5):
            await keeper._try()
        assert keeper.membership.term == term == 1
        assert keeper.membership.remaining(world.clock()) > 25


async def test_an_answer_that_is_lost_is_no_conflict_for_ever() -> None:
    """The write was done, and its answer never came: the next round finds the lease as it is."""
    world = World(duration=30.0)
    keeper = world.keeper()
    await keeper._try()
    key = ObjectKey("team", "model-reconciler-a")
    lost = world.cluster.find(LEASES, key)
    assert lost is not None
    await world.cluster.replace(
        LEASES, key, {**lost, "spec": {**lost["spec"], "renewTime": "2026-01-01T00:00:00.000000Z"}}
    )
    assert await keeper._try() <= 6.0
    assert keeper.error
    await keeper._try()
    assert not keeper.error


async def test_a_lease_that_somebody_deleted_is_taken_up_anew() -> None:
    """Its rights are gone, and what was begun under it may write no more."""
    world = World(duration=30.0)
    keeper = world.keeper()
    await keeper._try()
    assert keeper.membership.remaining(world.clock(), 1) > 0
    world.cluster.drop(LEASES, ObjectKey("team", "model-reconciler-a"))
    await keeper._try()
    assert keeper.membership.remaining(world.clock()) == 0
    await keeper._try()
    assert keeper.membership.remaining(world.clock()) > 0
    assert keeper.membership.remaining(world.clock(), 1) == 0


async def test_a_retry_after_is_heeded_and_never_longer_than_a_round() -> None:
    """429 with Retry-After: 1 waits a second; one of an hour would cost the lease."""
    world = World(duration=30.0)
    keeper = world.keeper()
    for after, expected in ((1.0, 1.0), (3600.0, 6.0), (None, 0.5)):
        world.cluster.before = _failing(429, 1, after)
        assert await keeper._try() == expected


async def test_leases_of_those_that_are_gone_are_swept() -> None:
    """Released ones at once, those of replicas that vanished after a while; other tools' leases never."""
    world = World(duration=30.0)
    gone, keeper = world.keeper("gone"), world.keeper("a")
    await gone._try()
    foreign = {"metadata": {"namespace": "team", "name": "model-reconciler-x"}, "spec": {"holderIdentity": "x"}}
    world.cluster.put(LEASES, foreign)
    await keeper._try()
    world.later = LEFT_OVER + 60
    await keeper._try()
    await keeper._try()
    assert [item["metadata"]["name"] for item in world.cluster.all(LEASES)] == [
        "model-reconciler-a",
        "model-reconciler-x",
    ]


def test_a_lease_is_never_shorter_for_others_than_for_its_holder() -> None:
    """Kubernetes' leases have whole seconds: those are rounded up."""
    keeper = World(duration=7.5).keeper()
    written = keeper._written(keeper.membership.publication(()), holder="a")
    written["metadata"]["resourceVersion"] = "1"
    lease = lease_of(written)
    assert lease is not None
    assert lease.duration >= 7.5


def _failing(status: int, times: int, after: float | None = None) -> Callable[..., None]:
    left = [times]

    def before(verb: str, *_: object) -> None:
        if left[0]:
            left[0] -= 1
            raise ClusterError(status, "no", after)

    return before
