"""What a change in the cluster concerns: exactly the Registry objects that it may change something for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from kubernetes.memory_cluster import MemoryCluster

from reconciler.controller.cluster import CONFIG_MAPS, SECRETS, ObjectKey, ResourceType
from reconciler.controller.copies import Copies
from reconciler.controller.crds import GROUP, MODEL, REGISTRY, VERSION

CONFIG = ResourceType(f"fake.{GROUP}", VERSION, "Config", "configs")
TYPES = {"fake/Config": CONFIG}


def key(name: str) -> ObjectKey:
    return ObjectKey("team", name)


def an_object(name: str, spec: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "team", "name": name}, "spec": spec or {}, **more}


class Followed:
    """Copies of a cluster in memory, and the keys that they told of."""

    def __init__(self, cluster: MemoryCluster) -> None:
        self.cluster = cluster
        self.told: set[str] = set()
        self.deleted = False
        self.copies = Copies(cluster, None, TYPES, self.tell)

    def tell(self, found: ObjectKey, /, *, deleted: bool = False) -> None:
        self.told.add(found.name)
        self.deleted = self.deleted or deleted

    async def settle(self) -> set[str]:
        for _ in range(20):
            await asyncio.sleep(0)
        told, self.told = self.told, set()
        return told


@asynccontextmanager
async def followed(cluster: MemoryCluster) -> AsyncIterator[Followed]:
    one = Followed(cluster)
    task = asyncio.create_task(one.copies.run())
    await one.copies.complete.wait()
    await one.settle()
    yield one
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def a_cluster() -> MemoryCluster:
    cluster = MemoryCluster()
    cluster.put(REGISTRY, an_object("first", {"driver": "local", "default": True}))
    cluster.put(
        REGISTRY, an_object("second", {"driver": "fake", "url": {"secretKeyRef": {"name": "login", "key": "k"}}})
    )
    return cluster


def test_a_model_concerns_where_it_goes_and_where_it_went() -> None:
    async def run() -> None:
        async with followed(a_cluster()) as one:
            one.cluster.put(MODEL, an_object("a"))
            assert await one.settle() == {"first"}
            one.cluster.put(MODEL, an_object("a", {"registries": {"second": None, "absent": None}}))
            assert await one.settle() == {"first", "second", "absent"}
            one.cluster.put(MODEL, an_object("a", {"registries": {}}))
            assert await one.settle() == {"second", "absent", ""}

    asyncio.run(run())


def test_a_status_a_finalizer_or_another_annotation_concerns_nobody() -> None:
    async def run() -> None:
        cluster = a_cluster()
        cluster.put(MODEL, an_object("a"))
        async with followed(cluster) as one:
            rows = {"registries": [{"name": "first", "action": "create"}]}
            await cluster.patch(MODEL, key("a"), {"status": rows}, status=True)
            await cluster.patch(MODEL, key("a"), {"metadata": {"finalizers": ["x/y"], "annotations": {"a": "b"}}})
            await cluster.patch(REGISTRY, key("first"), {"status": {"observedGeneration": 1}}, status=True)
            assert await one.settle() == set()
            await cluster.patch(
                REGISTRY, key("first"), {"metadata": {"annotations": {"models.reconciler.dev/reconcile": "1"}}}
            )
            assert await one.settle() == {"first", ""}

    asyncio.run(run())


def test_a_model_that_left_a_registry_stays_its_concern_until_its_row_is_gone() -> None:
    async def run() -> None:
        cluster = a_cluster()
        rows = {"registries": [{"name": "first", "action": "create"}]}
        cluster.put(MODEL, an_object("a", {"registries": {"second": None}}, status=rows))
        async with followed(cluster) as one:
            assert [member.item["metadata"]["name"] for member in one.copies.members(key("first"))] == ["a"]
            await cluster.patch(MODEL, key("a"), {"status": {"registries": []}}, status=True)
            await one.settle()
            assert one.copies.members(key("first")) == []
            assert len(one.copies.members(key("second"))) == 1

    asyncio.run(run())


def test_a_native_object_goes_to_the_only_registry_of_its_driver() -> None:
    async def run() -> None:
        async with followed(a_cluster()) as one:
            one.cluster.put(CONFIG, an_object("c"))
            assert await one.settle() == {"second"}
            one.cluster.put(REGISTRY, an_object("third", {"driver": "fake"}))
            await one.settle()
            one.cluster.put(CONFIG, an_object("c", {"size": 2}))
            assert await one.settle() == {""}
            one.cluster.put(CONFIG, an_object("c", {"registry": "third"}))
            assert await one.settle() == {"", "third"}

    asyncio.run(run())


def test_a_secret_or_config_map_concerns_those_who_name_it() -> None:
    async def run() -> None:
        cluster = a_cluster()
        cluster.put(
            MODEL, an_object("a", {"endpoint": {"api_key": "${secret:token/key}"}, "notes": "${configMap:texts/n}"})
        )
        async with followed(cluster) as one:
            assert one.copies.secret_version(key("token")) is None
            one.cluster.put(SECRETS, {**an_object("token"), "data": {"key": "aHVudGVyMg=="}})
            assert await one.settle() == {"first"}
            assert one.copies.secret_keys(key("token")) == {"key"}
            assert "aHVudGVyMg" not in str(one.copies._secrets.get(key("token")))
            one.cluster.put(CONFIG_MAPS, {**an_object("texts"), "data": {"n": "hello"}})
            assert await one.settle() == {"first"}
            assert one.copies.config_map(key("texts")) == {"n": "hello"}
            one.cluster.put(SECRETS, {**an_object("login"), "data": {"k": "eA=="}})
            assert await one.settle() == {"second"}
            one.cluster.put(SECRETS, {**an_object("strange"), "data": {"k": "eA=="}})
            assert await one.settle() == set()

    asyncio.run(run())


def test_a_type_that_is_not_defined_is_no_error_and_nothing_is_taken_for_removed_meanwhile() -> None:
    async def run() -> None:
        cluster = a_cluster()
        cluster.undefined.add(CONFIG)
        async with followed(cluster) as one:
            assert one.copies.doubtful(key("first"), "local") == ()
            assert one.copies.doubtful(key("second"), "fake") == (f"{CONFIG.name}: not defined in the cluster",)

    asyncio.run(run())


def test_who_took_nothing_for_removed_is_concerned_once_the_copy_is_known_again() -> None:
    """Else what vanished meanwhile would stay until the next interval, and the status would say why long after."""

    async def run() -> None:
        cluster = a_cluster()

        def break_watches(number: int) -> None:
            cluster.put(SECRETS, {**an_object(f"strange-{number}"), "data": {}})  # what a watch of Models does not see
            cluster.compact()

        async with followed(cluster) as one, asyncio.timeout(30):
            break_watches(1)
            while not one.copies.doubtful(key("first"), "local"):  # noqa: ASYNC110  # the copies have no event for it
                await asyncio.sleep(0)
            one.told.clear()
            while not one.told:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert one.told == {"first"}
            while one.copies.doubtful(key("first"), "local"):  # noqa: ASYNC110  # another type may have been known first
                await asyncio.sleep(0.01)
            await one.settle()
            break_watches(2)
            await asyncio.sleep(1)
            assert await one.settle() == set(), "nobody asked in between"

    asyncio.run(run())


def test_a_deletion_is_told_as_one() -> None:
    async def run() -> None:
        cluster = a_cluster()
        cluster.put(MODEL, an_object("a"))
        cluster.put(MODEL, {**an_object("b"), "metadata": {**an_object("b")["metadata"], "finalizers": ["x/y"]}})
        async with followed(cluster) as one:
            cluster.put(MODEL, an_object("a", {"notes": "changed"}))
            assert (await one.settle(), one.deleted) == ({"first"}, False)
            await cluster.delete(MODEL, key("b"))
            assert (await one.settle(), one.deleted) == ({"first"}, True)
            one.deleted = False
            await cluster.delete(MODEL, key("a"))
            assert (await one.settle(), one.deleted) == ({"first"}, True)

    asyncio.run(run())


def test_what_is_named_and_not_there_is_reconciled_too() -> None:
    async def run() -> None:
        cluster = a_cluster()
        cluster.put(MODEL, an_object("a", {"registries": {"absent": None}}))
        async with followed(cluster) as one:
            assert [found.name for found in one.copies.registry_keys()] == ["", "absent", "first", "second"]

    asyncio.run(run())
