"""The loop's body: objects of a cluster in, an embedded registry and statuses out."""

from __future__ import annotations

import asyncio
from pathlib import Path

from controller.loop import a_cluster, a_model, an_object, loop_on
from kubernetes.memory_cluster import MemoryCluster
from registry.server_process import free_port

from reconciler.controller.crds import MODEL, REGISTRY


def test_models_are_created_and_updated_and_say_so(tmp_path: Path) -> None:
    async def run() -> None:
        cluster = a_cluster(a_model("a"), a_model("b"))
        async with loop_on(cluster, tmp_path) as loop:
            await loop.until_quiet()
            assert set(loop.stored()) == {"a", "b"}
            assert loop.condition("a") == ("True", "in-sync")
            assert loop.condition("a", "Ready") == ("True", "read")
            assert loop.condition("a", "Blocked") == ("False", "not-blocked")
            assert loop.registry_condition() == ("True", "in-sync")
            assert loop.item(REGISTRY, "first")["status"]["summary"]["unchanged"] == 2

            cluster.put(MODEL, a_model("a", display_name="A"))
            await loop.until_quiet()
            assert loop.stored()["a"]["display_name"] == "A"
            assert loop.item(MODEL, "a")["status"]["observedGeneration"] == 2
            assert loop.condition("a") == ("True", "in-sync")
            assert loop.told.writes == [("create", "ok")] * 2 + [("update", "ok")]

    asyncio.run(run())


def test_a_second_reconcile_writes_nothing_at_all(tmp_path: Path) -> None:
    async def run() -> None:
        cluster = a_cluster(a_model("a"))
        async with loop_on(cluster, tmp_path) as loop:
            await loop.until_quiet()
            cluster.calls.clear()
            await loop.reconcile()
            assert cluster.writes() == []

    asyncio.run(run())


def test_a_registry_that_nobody_answers_for_is_told_from_one_that_fails(tmp_path: Path) -> None:
    """It is tried again soon: see queue.LONGEST_UNREACHABLE."""

    async def run() -> None:
        cluster = MemoryCluster()
        cluster.put(
            REGISTRY,
            an_object("first", {"driver": "litellm", "url": f"http://127.0.0.1:{free_port()}", "default": True}),
        )
        cluster.put(MODEL, a_model("a"))
        async with loop_on(cluster, tmp_path) as loop:
            result = await loop.reconcile()
            assert (result.failed, result.unreachable) == (True, True)
            assert loop.condition("a")[0] != "True"

    asyncio.run(run())
