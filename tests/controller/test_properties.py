"""Whatever people do, in whatever order: no status says more than is so, nothing of a stranger's changes, and it comes to rest."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from controller.loop import NAMESPACE, Loop, a_cluster, a_model, a_registry, key, loop_on, the_loop
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.controller.crds import MODEL, REGISTRY

NAMES = ("a", "b", "theirs")
NAME = st.sampled_from(NAMES)
SETTINGS = st.fixed_dictionaries(
    {"prune": st.booleans(), "suspend": st.booleans(), "mode": st.sampled_from(["apply", "observe"])}
)
STEP = st.one_of(
    st.tuples(st.just("put"), NAME, st.sampled_from(["one", "two", "three"])),
    st.tuples(st.just("delete"), NAME),
    st.tuples(st.just("vanish"), NAME),
    st.tuples(st.just("drift"), NAME),
    st.tuples(st.just("settings"), SETTINGS),
    st.tuples(st.just("reconcile")),
    st.tuples(st.just("quiet")),
    st.tuples(st.just("cut"), st.booleans()),
    st.tuples(st.just("compact")),
)


def a_strangers_registry(folder: Path) -> None:
    """An embedded registry with an object of another owner's."""

    async def run() -> None:
        async with the_loop(folder, a_model("theirs", display_name="theirs"), owner="stranger"):
            pass

    asyncio.run(run())


async def do(loop: Loop, step: tuple[Any, ...]) -> None:
    """One thing that somebody does."""
    verb, *rest = step
    if verb == "put":
        loop.cluster.put(MODEL, a_model(rest[0], display_name=rest[1]))
    elif verb in ("delete", "vanish") and loop.cluster.find(MODEL, key(rest[0])) is not None:
        if verb == "vanish":
            loop.cluster.drop(MODEL, key(rest[0]))
        else:
            await loop.cluster.delete(MODEL, key(rest[0]))
    elif verb == "drift":
        drift(loop.folder, rest[0])
    elif verb == "settings":
        loop.cluster.put(REGISTRY, a_registry(**rest[0]))
    elif verb == "reconcile":
        await loop.reconcile()
    elif verb == "quiet":
        await loop.until_quiet()
        judge(loop)
    elif verb == "cut":
        loop.fence.seconds = 0 if rest[0] else 1000
    elif verb == "compact":
        loop.cluster.compact()
    await loop.settle()


def drift(folder: Path, name: str) -> None:
    """Somebody changes an object of ours in the registry."""
    with sqlite3.connect(folder / NAMESPACE / "first.db") as database:
        database.execute(
            "UPDATE revision SET spec = json_set(spec, '$.display_name', 'drifted') WHERE key = ? AND key != 'theirs' "
            "AND revision = (SELECT object.revision FROM object WHERE object.id = object_id)",
            (name,),
        )


def judge(loop: Loop) -> None:
    """No Model says that its present generation is synced where the registry holds something else; no stranger's object changed."""
    stored = loop.stored()
    assert stored["theirs"]["display_name"] == "theirs"
    registry = loop.item(REGISTRY, "first")["spec"]
    for item in loop.cluster.all(MODEL):
        name, status = item["metadata"]["name"], item.get("status", {})
        is_present = status.get("observedGeneration") == item["metadata"]["generation"]
        if is_present and loop.condition(name)[0] == "True" and not registry["suspend"]:
            assert name != "theirs"
            assert stored[name]["display_name"] == item["spec"]["display_name"]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEP, max_size=14))
@example(steps=[("cut", True), ("put", "a", "one"), ("quiet",), ("compact",)])
def test_in_any_order_it_converges_and_never_lies(steps: list[tuple[Any, ...]]) -> None:
    folder = Path(tempfile.mkdtemp())

    async def run() -> None:
        calm = {"prune": True, "suspend": False, "mode": "apply"}
        cluster = a_cluster(**calm)
        async with loop_on(cluster, folder) as loop:
            for step in steps:
                await do(loop, step)
            loop.fence.seconds = 1000
            loop.cluster.put(REGISTRY, a_registry(**calm))
            await loop.settle()
            await loop.reconcile()
            await loop.until_quiet()
            judge(loop)
            wanted = {item["metadata"]["name"] for item in cluster.all(MODEL)}
            going = [item for item in cluster.all(MODEL) if "deletionTimestamp" in item["metadata"]]
            assert going == [], "something waits for ever"
            left = set(loop.stored()) - {"theirs"}
            assert wanted - {"theirs"} <= left
            guards = {one["name"] for one in loop.item(REGISTRY, "first")["status"]["guards"]}
            assert left == wanted - {"theirs"} or guards
            cluster.calls.clear()
            await loop.reconcile()
            assert cluster.writes() == []

    try:
        a_strangers_registry(folder)
        asyncio.run(run())
    finally:
        shutil.rmtree(folder)
