"""What statuses say: never more than was applied and read back, and no more often than something changed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from controller.loop import NAMESPACE, a_model, a_registry, key, the_loop

from reconciler.controller.cluster import ClusterError, ObjectKey, ResourceType
from reconciler.controller.crds import MODEL, REGISTRY
from reconciler.core.errors import PermanentError, ReconcilerError, TemporaryError, UnreachableError
from reconciler.registry.local.store import Store


def edit(folder: Path, name: str, value: str) -> None:
    """Somebody changes an object in the registry."""
    with sqlite3.connect(folder / NAMESPACE / "first.db") as database:
        database.execute(
            "UPDATE revision SET spec = json_set(spec, '$.provider.model', ?) WHERE key = ? AND revision = "
            "(SELECT object.revision FROM object WHERE object.id = object_id)",
            (value, name),
        )


def test_a_drift_is_told_and_healed(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, a_model("a"), a_model("b")) as loop:
            edit(tmp_path, "a", "other")
            await loop.reconcile()
            assert loop.stored()["a"]["provider"]["model"] == "gpt-5"
            assert loop.condition("a") == ("True", "in-sync")
            drifted = [message for _, _, reason, message in loop.told.events if reason == "Drifted"]
            assert ['"other" → "gpt-5"' in message for message in drifted] == [True]

    asyncio.run(run())


def test_where_it_only_observes_a_drift_is_told_and_left(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, a_model("a"), a_model("b")) as loop:
            loop.cluster.put(REGISTRY, a_registry(mode="observe"))
            edit(tmp_path, "a", "other")
            await loop.until_quiet()
            assert loop.stored()["a"]["provider"]["model"] == "other"
            assert loop.condition("a") == ("False", "drifted")
            assert loop.condition("a", "Blocked")[0] == "False"
            assert loop.condition("b") == ("True", "in-sync")
            row = loop.item(MODEL, "a")["status"]["registries"][0]
            assert (row["action"], row["fields"]) == ("update", ["/provider/model"])
            assert loop.registry_condition() == ("False", "drifted")

    asyncio.run(run())


def test_suspended_it_neither_reads_nor_writes(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, a_model("a")) as loop:
            loop.cluster.put(REGISTRY, a_registry(suspend=True))
            loop.cluster.put(MODEL, a_model("a", display_name="A"))
            loop.cluster.put(MODEL, a_model("new"))
            edit(tmp_path, "a", "other")
            await loop.until_quiet()
            assert loop.stored()["a"]["provider"]["model"] == "other"
            assert loop.registry_condition() == ("Unknown", "suspended")
            assert loop.item(MODEL, "a")["status"]["observedGeneration"] == 1
            assert loop.condition("new") == ("Unknown", "waiting")
            assert loop.condition("new", "Reconciling") == ("True", "waiting")
            loop.cluster.put(REGISTRY, a_registry())
            await loop.until_quiet()
            assert loop.stored()["a"]["display_name"] == "A"
            assert loop.registry_condition() == ("True", "in-sync")

    asyncio.run(run())


def test_two_objects_of_one_key_are_both_told_and_neither_wins(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, a_model("a", key="same"), a_model("b", key="same"), a_model("c")) as loop:
            assert set(loop.stored()) == {"c"}
            for name in "ab":
                assert loop.condition(name) == ("False", "duplicate-address")
                assert loop.condition(name, "Blocked") == ("True", "duplicate-address")
            await loop.cluster.delete(MODEL, key("b"))
            await loop.until_quiet()
            assert set(loop.stored()) == {"same", "c"}
            assert loop.condition("a") == ("True", "in-sync")

    asyncio.run(run())


def test_an_object_moved_to_another_name_keeps_its_key_in_the_registry(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, a_model("a", key="same"), a_model("b"), prune=True) as loop:
            loop.told.writes.clear()
            await loop.cluster.delete(MODEL, key("a"))
            loop.cluster.put(MODEL, a_model("new", key="same"))
            await loop.until_quiet()
            assert set(loop.stored()) == {"same", "b"}
            assert loop.told.writes == []
            assert loop.cluster.find(MODEL, key("a")) is None

    asyncio.run(run())


def test_what_validate_refuses_is_told_to_its_object_and_the_rest_goes_on(tmp_path: Path) -> None:
    async def run() -> None:
        wrong = a_model("wrong", previous_keys=["wrong"])
        async with the_loop(tmp_path, wrong, a_model("b"), prune=True) as loop:
            assert loop.condition("wrong", "Blocked")[0] == "True"
            assert "old key" in str(loop.item(MODEL, "wrong")["status"])
            assert set(loop.stored()) == {"b"}

    asyncio.run(run())


def test_an_object_without_a_registry_says_so_until_it_has_one(tmp_path: Path) -> None:
    async def run() -> None:
        models = a_model("named", registries={"absent": None}), a_model("nowhere")
        async with the_loop(tmp_path, *models, default=False) as loop:
            assert loop.condition("named") == ("False", "registry-missing")
            assert loop.condition("nowhere") == ("False", "no-registry")
            loop.cluster.put(REGISTRY, a_registry("absent"))
            await loop.until_quiet()
            assert set(loop.stored("absent")) == {"named", "nowhere"}
            for name in ("named", "nowhere"):
                assert loop.condition(name) == ("True", "in-sync")
                assert [row["name"] for row in loop.item(MODEL, name)["status"]["registries"]] == ["absent"]
            await loop.cluster.delete(REGISTRY, key("absent"))
            await loop.until_quiet()
            assert loop.condition("named") == ("False", "registry-missing")
            assert loop.condition("nowhere") == ("False", "no-registry")
            assert [row["name"] for row in loop.item(MODEL, "nowhere")["status"]["registries"]] == [""]

    asyncio.run(run())


def test_with_several_registries_synced_says_all_of_them(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, a_model("a")) as loop:
            loop.cluster.put(REGISTRY, a_registry("second"))
            await loop.settle()
            await loop.reconcile()
            assert loop.condition("a") == ("Unknown", "waiting")
            await loop.reconcile("second")
            assert loop.condition("a") == ("True", "in-sync")
            loop.cluster.put(MODEL, a_model("a", display_name="A"))
            await loop.reconcile("second")
            assert loop.condition("a") == ("Unknown", "waiting")
            assert loop.item(MODEL, "a")["status"]["observedGeneration"] == 1
            await loop.reconcile()
            assert loop.condition("a") == ("True", "in-sync")
            assert loop.item(MODEL, "a")["status"]["observedGeneration"] == 2

    asyncio.run(run())


def test_a_spec_that_changes_while_it_is_applied_is_not_called_synced(tmp_path: Path) -> None:
    """The status is written in a conflict: it says which generation was applied, and no more."""

    async def run() -> None:
        async with the_loop(tmp_path, a_model("a")) as loop:
            loop.cluster.put(MODEL, a_model("a", display_name="first"))
            await loop.settle()

            def interfere(verb: str, resource: ResourceType, _: ObjectKey | str | None) -> None:
                if (verb, resource) == ("patch-status", MODEL):
                    loop.cluster.before = lambda *_: None
                    loop.cluster.put(MODEL, a_model("a", display_name="second"))

            loop.cluster.before = interfere
            await loop.reconciler.reconcile(key("first"), loop.fence)
            assert loop.stored()["a"]["display_name"] == "first"
            assert loop.item(MODEL, "a")["metadata"]["generation"] == 3
            assert loop.item(MODEL, "a")["status"]["observedGeneration"] == 2
            assert loop.condition("a") == ("Unknown", "waiting")
            await loop.until_quiet()
            assert loop.stored()["a"]["display_name"] == "second"
            assert loop.condition("a") == ("True", "in-sync")

    asyncio.run(run())


def test_a_full_resync_writes_the_time_of_the_registry_alone_and_once_an_interval(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, *(a_model(name) for name in "abc"), interval="5m", prune=True) as loop:
            loop.cluster.calls.clear()
            for minutes, writes in ((1, 0), (2, 0), (3, 1), (1, 0)):
                loop.clock.forward(minutes=minutes)
                loop.cluster.calls.clear()
                await loop.reconcile()
                assert [call[:2] for call in loop.cluster.writes()] == [("patch-status", REGISTRY)] * writes

    asyncio.run(run())


def test_an_api_server_that_refuses_is_a_failure_and_heals(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, a_model("a")) as loop:

            def fail(verb: str, *_: object) -> None:
                if verb == "patch-status":
                    raise ClusterError(429, "too many requests", 3.0)

            loop.cluster.put(MODEL, a_model("a", display_name="A"))
            loop.cluster.before = fail
            result = await loop.reconcile()
            assert (result.failed, result.after) == (True, 3.0)
            loop.cluster.before = lambda *_: None
            await loop.reconcile()
            assert loop.condition("a") == ("True", "in-sync")
            assert loop.item(MODEL, "a")["status"]["observedGeneration"] == 2

    asyncio.run(run())


def test_without_the_right_to_write_nothing_is_written(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, a_model("a"), a_model("b"), prune=True) as loop:
            loop.fence.seconds = 0
            loop.cluster.put(MODEL, a_model("a", display_name="A"))
            loop.cluster.put(MODEL, a_model("new"))
            await loop.cluster.delete(MODEL, key("b"))
            before = loop.stored()
            assert (await loop.reconcile()).failed
            assert loop.stored() == before
            loop.fence.seconds = 1000
            assert not (await loop.reconcile()).failed
            assert set(loop.stored()) == {"a", "new"}

    asyncio.run(run())


def test_two_registries_of_one_place_are_both_refused(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, a_model("a"), prune=True) as loop:
            loop.cluster.put(REGISTRY, a_registry("second", path="./first.db", prune=True))
            loop.cluster.put(MODEL, a_model("a", registries={"second": None}))
            await loop.settle()
            for name in ("first", "second"):
                await loop.reconcile(name)
                assert loop.registry_condition(name, "Ready") == ("False", "config")
            assert set(loop.stored()) == {"a"}

    asyncio.run(run())


def test_a_bug_of_a_driver_is_told_and_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, a_model("a")) as loop:

            async def broken(*_: object) -> None:
                raise ZeroDivisionError("the secret is hunter2")

            monkeypatch.setattr(Store, "read", broken)
            assert (await loop.reconcile()).failed
            name, kind, reason, message = loop.told.events[-1]
            assert (name, kind, reason) == ("first", "Warning", "Bug")
            assert "ZeroDivisionError in test_statuses.py" in message
            assert "hunter2" not in message
            monkeypatch.undo()
            assert not (await loop.reconcile()).failed

    asyncio.run(run())


TOKEN = "sk-proj-aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW"


@pytest.mark.parametrize("call", ["read", "get", "create", "update", "delete"])
@pytest.mark.parametrize("error", [PermanentError, TemporaryError, UnreachableError])
def test_an_answer_that_quotes_a_credential_is_masked_wherever_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: type[ReconcilerError]
) -> None:
    """A registry may quote the key that it was sent; statuses and events are read by whoever may read the namespace."""

    async def run() -> None:
        guards = {"max_delete_percent": 100}
        async with the_loop(tmp_path, a_model("a"), a_model("b"), prune=True, guards=guards) as loop:

            async def refuse(*_: object) -> None:
                raise error(f"401: incorrect API key provided: {TOKEN}")

            monkeypatch.setattr(Store, call, refuse)
            loop.cluster.put(MODEL, a_model("a", display_name="A"))
            loop.cluster.put(MODEL, a_model("new"))
            await loop.cluster.delete(MODEL, key("b"))
            await loop.reconcile()
            told = json.dumps([*loop.cluster.all(MODEL), *loop.cluster.all(REGISTRY), *map(list, loop.told.events)])
            assert "incorrect API key provided: ***" in told
            assert TOKEN not in told

    asyncio.run(run())


def test_an_api_server_that_quotes_a_credential_is_masked(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, a_model("a")) as loop:

            def refuse(verb: str, *_: object) -> None:
                if verb == "patch-status":
                    raise ClusterError(500, f"a webhook said {TOKEN}")

            loop.cluster.put(MODEL, a_model("a", display_name="A"))
            loop.cluster.before = refuse
            await loop.reconcile()
            assert any("a webhook said ***" in message for *_, message in loop.told.events)
            assert TOKEN not in str(loop.told.events)

    asyncio.run(run())
