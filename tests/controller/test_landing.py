"""The status of an object is written once its own changes are done, while the rest of the plan is still being carried out."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from controller.loop import Loop, a_cluster, a_model, key, loop_on
from kubernetes.memory_cluster import MemoryCluster

from reconciler.applier.report import Outcome
from reconciler.controller.cluster import ClusterError
from reconciler.controller.crds import MODEL, REGISTRY
from reconciler.controller.landing import AT_ONCE, Landing
from reconciler.core.errors import PermanentError
from reconciler.core.resource import Address, Resource, Source
from reconciler.planner.plan import Change, Plan
from reconciler.registry.local.store import Store
from reconciler.registry.protocol import Write


def change(key: str, file: str, action: str = "create") -> Change:
    return Change(Address("one", "Model", key), action, "new", source=Source(file, 1))


def ended(key: str, status: str = "ok") -> Outcome:
    return Outcome(Address("one", "Model", key), "create", status, "new")


CHANGES = (
    change("a", "a"),
    change("a-beside", "a"),
    change("b", "b"),
    change("c", "c"),
    change("c-held", "c", "blocked"),
    change("d", "d"),
    change("going", "going", "delete"),
)
FILES = ("a", "b", "c", "d")


def test_who_is_done_is_written_before_the_others_and_who_is_not_is_not() -> None:
    """One with two changes waits for both; one that is held up, that failed or that is about to go is left to the end."""

    async def run() -> list[list[str]]:
        written: list[str] = []
        seen: list[list[str]] = []

        async def write(file: str) -> None:
            written.append(file)

        async with Landing(Plan(CHANGES, 0), FILES, write) as landing:
            for outcome in (
                ended("a"),
                ended("a-beside"),
                ended("b"),
                ended("c"),
                ended("d", "failed"),
                ended("going"),
            ):
                landing.outcome(outcome)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                seen.append(list(written))
        assert landing.written == {"a", "b"}
        return seen

    assert asyncio.run(run()) == [[], ["a"], ["a", "b"], ["a", "b"], ["a", "b"], ["a", "b"]]


def test_an_api_server_that_refuses_is_not_asked_again_before_the_end() -> None:
    async def run() -> None:
        asked: list[str] = []

        async def write(file: str) -> None:
            asked.append(file)
            raise ClusterError(429, "too many requests", 3.0)

        changes = tuple(change(f"m{number}", f"m{number}") for number in range(20))
        files = [one.address.key for one in changes]
        async with Landing(Plan(changes, 0), files, write) as landing:
            for file in files:
                landing.outcome(ended(file))
        assert landing.written == set()
        assert asked == ["m0"]

    asyncio.run(run())


def test_few_are_written_at_once() -> None:
    async def run() -> None:
        under_way: list[str] = []
        most: list[int] = []

        async def write(file: str) -> None:
            under_way.append(file)
            most.append(len(under_way))
            await asyncio.sleep(0)
            under_way.remove(file)

        changes = tuple(change(f"m{number}", f"m{number}") for number in range(20))
        async with Landing(Plan(changes, 0), [one.address.key for one in changes], write) as landing:
            for one in changes:
                landing.outcome(ended(one.address.key))
        assert len(landing.written) == 20
        assert max(most) == AT_ONCE

    asyncio.run(run())


def test_a_reconcile_that_is_cancelled_writes_none_any_more() -> None:
    async def run() -> None:
        async def write(file: str) -> None:
            await asyncio.sleep(3600)

        landing = Landing(Plan(CHANGES, 0), FILES, write)
        with pytest.raises(asyncio.CancelledError):
            async with landing:
                landing.outcome(ended("b"))
                await asyncio.sleep(0)
                raise asyncio.CancelledError
        assert landing.written == set()

    asyncio.run(run())


# --- in a reconcile -----------------------------------------------------------------------------------------


NAMES = [f"m{number}" for number in range(12)]


async def reconciled_with(loop: Loop, monkeypatch: pytest.MonkeyPatch, last: Exception | None = None) -> None:
    """Reconcile, while the creation of the model `z` waits until all others say that they are synced, and then fails or not."""
    create = Store.create

    async def waits(store: Store, write: Write) -> Resource:
        if write.desired.address.key == "z":
            async with asyncio.timeout(60):
                while any(loop.condition(name) != ("True", "in-sync") for name in NAMES):  # noqa: ASYNC110  # no event says so
                    await asyncio.sleep(0.01)
            assert loop.condition("z")[0] != "True"
            if last is not None:
                raise last
        return await create(store, write)

    monkeypatch.setattr(Store, "create", waits)
    await loop.reconcile()
    monkeypatch.undo()


def the_cluster() -> MemoryCluster:
    return a_cluster(*map(a_model, (*NAMES, "z")), prune=True)


def test_each_is_synced_while_the_last_is_still_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        cluster = the_cluster()
        async with loop_on(cluster, tmp_path) as loop:
            await reconciled_with(loop, monkeypatch)
            assert loop.condition("z") == ("True", "in-sync")
            assert loop.told.writes == [("create", "ok")] * 13
            assert loop.registry_condition() == ("True", "in-sync")
            counts = Counter(call for call in cluster.writes() if call[1] == MODEL)
            every = [(verb, MODEL, key(name)) for name in (*NAMES, "z") for verb in ("patch", "patch-status")]
            assert counts == Counter(every), "a finalizer and a status of each, once"
            cluster.calls.clear()
            await loop.reconcile()
            assert cluster.writes() == []

    asyncio.run(run())


def test_what_fails_after_the_others_landed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        cluster = the_cluster()
        async with loop_on(cluster, tmp_path) as loop:
            await reconciled_with(loop, monkeypatch, PermanentError("the registry refuses it"))
            assert loop.condition("z") == ("False", "registry-permanent")
            assert {loop.condition(name) for name in NAMES} == {("True", "in-sync")}
            assert loop.registry_condition() == ("False", "registry-permanent")
            (said,) = [
                one["message"]
                for one in loop.item(REGISTRY, "first")["status"]["conditions"]
                if one["type"] == "Synced"
            ]
            assert said == "left: 1 change, the first: first/Model/z: create failed: the registry refuses it"

    asyncio.run(run())


def test_one_made_anew_under_its_name_is_not_called_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are of generation 1: only the uid tells that nothing of the new one was applied."""

    async def run() -> None:
        cluster = the_cluster()
        async with loop_on(cluster, tmp_path) as loop:
            create = Store.create

            async def meanwhile(store: Store, write: Write) -> Resource:
                if write.desired.address.key == "z":
                    cluster.drop(MODEL, key("z"))
                    cluster.put(MODEL, a_model("z", display_name="another"))
                    await loop.settle()
                return await create(store, write)

            monkeypatch.setattr(Store, "create", meanwhile)
            await loop.reconcile()
            monkeypatch.undo()
            assert "display_name" not in loop.stored()["z"]
            assert loop.condition("z")[0] != "True"
            await loop.until_quiet()
            assert loop.stored()["z"]["display_name"] == "another"
            assert loop.condition("z") == ("True", "in-sync")

    asyncio.run(run())
