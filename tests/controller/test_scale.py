"""What a reconcile of many objects costs, as counts, and what goes on beside it: the lease is renewed in the same event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from controller.loop import a_cluster, a_model, loop_on
from kubernetes.memory_cluster import MemoryCluster

from reconciler.applier import apply as applying
from reconciler.controller import registry_planner as planning
from reconciler.controller.crds import MODEL, REGISTRY
from reconciler.controller.desired import Composer
from reconciler.manifest.load import Reader

MANY = 50
PATIENCE = 60.0  # seconds after which the event loop is taken to stand still


def many() -> MemoryCluster:
    return a_cluster(*(a_model(f"m{number:03}") for number in range(MANY)))


@pytest.mark.parametrize(
    ("where", "name"),
    [(Composer, "declared"), (planning, "plan"), (applying, "recheck"), (applying, "prepare")],
    ids=["compile", "plan", "judge-again", "prepare"],
)
async def test_the_event_loop_goes_on_while_a_reconcile_computes(
    where: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each computation over all objects waits here until the event loop has had a turn. In the loop's own thread, it never would."""
    computing, turned = threading.Event(), threading.Event()
    waited: list[bool] = []
    compute: Callable[..., Any] = getattr(where, name)

    def patient(*arguments: Any, **named: Any) -> Any:
        computing.set()
        waited.append(turned.wait(PATIENCE))
        return compute(*arguments, **named)

    async def turn() -> None:
        while not computing.is_set():  # noqa: ASYNC110  # it is set in another thread
            await asyncio.sleep(0.001)
        turned.set()

    async with loop_on(many(), tmp_path) as loop:
        monkeypatch.setattr(where, name, patient)
        turning = asyncio.create_task(turn())
        await loop.until_quiet()
        await turning
        assert len(loop.stored()) == MANY
    assert waited
    assert all(waited)


async def test_a_resync_of_what_did_not_change_asks_the_api_server_nothing(tmp_path: Path) -> None:
    async with loop_on(many(), tmp_path) as loop:
        await loop.until_quiet()
        written = loop.folder.joinpath("team", "first.db").read_bytes()
        loop.cluster.calls.clear()
        await loop.reconcile()
        assert loop.cluster.calls == []
        assert loop.folder.joinpath("team", "first.db").read_bytes() == written


async def test_each_object_is_compiled_once_in_a_reconcile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    read = Reader._read_text

    def counted(self: Reader, shown: str, *rest: Any) -> Any:
        compiled.append(shown)
        return read(self, shown, *rest)

    async with loop_on(many(), tmp_path) as loop:
        monkeypatch.setattr(Reader, "_read_text", counted)
        await loop.reconcile()
    assert len(compiled) == MANY
    assert len(set(compiled)) == MANY


async def test_each_type_is_listed_once_and_no_secret_is_asked_for_without_need(tmp_path: Path) -> None:
    async with loop_on(many(), tmp_path) as loop:
        await loop.until_quiet()
        await loop.until_quiet()
        listed = [resource.name for verb, resource, _ in loop.cluster.calls if verb == "list"]
        assert sorted(listed) == sorted(set(listed))
        asked = [resource for verb, resource, _ in loop.cluster.calls if verb == "get"]
        assert asked == [REGISTRY]  # once, before anything is written


async def test_nothing_of_an_object_is_copied_into_it(tmp_path: Path) -> None:
    """No annotation is written: kopf keeps a whole spec in one, with the secrets that it holds."""
    async with loop_on(many(), tmp_path) as loop:
        before = loop.item(MODEL, "m000")
        await loop.until_quiet()
        after = loop.item(MODEL, "m000")
        assert loop.condition("m000") == ("True", "in-sync")
        assert after["spec"] == before["spec"]
        assert after["metadata"].keys() == before["metadata"].keys()
