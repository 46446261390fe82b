"""Registry objects that lead to one place: what is declared for one is never pruned by another, in whatever namespace, under whatever address."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest
from controller.loop import Loop, loop_on
from kubernetes.memory_cluster import MemoryCluster
from registry import memory
from registry.memory_server import Behaviour, Server

from reconciler.controller.cluster import ObjectKey, ResourceType
from reconciler.controller.crds import MODEL, REGISTRY
from reconciler.controller.finalizers import finalizer_of
from reconciler.planner.ownership import owns_overlap

NOTE: Final = ResourceType("memory.models.reconciler.dev", "v1alpha1", "Note", "notes")


def place(*names: str) -> Server:
    """A server under these addresses, which is in no other test."""
    server = Server()
    memory.SERVERS.update({f"memory://{name}": server for name in names})
    return server


def a_registry(namespace: str, name: str, url: str, **spec: Any) -> dict[str, Any]:
    settings = {"driver": "memory", "url": f"memory://{url}", "prune": True, **spec}
    return {"metadata": {"namespace": namespace, "name": name}, "spec": settings}


def a_model(namespace: str, name: str, registry: str) -> dict[str, Any]:
    spec = {"endpoint": {"url": "https://llm.example.com/v1", "model": "m"}, "registries": {registry: {}}}
    return {"metadata": {"namespace": namespace, "name": name}, "spec": spec}


def a_note(namespace: str, name: str, registry: str) -> dict[str, Any]:
    """What has no room for a mark."""
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {"text": "hello", "registry": registry}}


def stored(server: Server, kind: str) -> set[str]:
    return set(server.keys(kind))


def synced(loop: Loop, namespace: str, name: str) -> str:
    """What a Registry says of what it may not prune, "" where it may."""
    item = loop.cluster.find(REGISTRY, ObjectKey(namespace, name))
    assert item is not None
    return next(str(one.get("message", "")) for one in item["status"]["conditions"] if one["type"] == "Ready")


async def rounds(loop: Loop, *keys: ObjectKey) -> None:
    """Two reconciles of each, since all of them are older than their interval."""
    loop.clock.forward(days=1)
    for one in (*keys, *keys):
        await loop.settle()
        await loop.reconciler.reconcile(one, loop.fence)
    await loop.settle()


def test_what_has_no_mark_is_not_pruned_by_another_namespace(tmp_path: Path) -> None:
    """Both say that all is theirs, and neither sees the other's objects."""

    async def run() -> None:
        server, cluster = place("shared"), MemoryCluster()
        for namespace in ("a", "b"):
            cluster.put(REGISTRY, a_registry(namespace, "store", "shared", owns=["*"]))
            cluster.put(NOTE, a_note(namespace, f"note-{namespace}", "store"))
        server.put("Note", "of-nobody", {"text": "x"})
        async with loop_on(cluster, tmp_path, {"memory/Note": NOTE}) as loop:
            await rounds(loop, ObjectKey("a", "store"), ObjectKey("b", "store"))
            assert stored(server, "Note") == {"note-a", "note-b", "of-nobody"}
            assert not [action for action, _ in loop.told.writes if action == "delete"]
            for one, other in (("a", "b"), ("b", "a")):
                said = synced(loop, one, "store")
                assert f"the Registry {other}/store" in said
                assert f"{one}/store" in said
                assert "owns" in said

    asyncio.run(run())


def test_what_another_namespace_declares_is_not_pruned_whatever_it_owns(tmp_path: Path) -> None:
    """One that says of nothing that it is its own declares objects all the same."""

    async def run() -> None:
        server, cluster = place("shared"), MemoryCluster()
        cluster.put(REGISTRY, a_registry("a", "store", "shared", owns=["*"]))
        cluster.put(REGISTRY, a_registry("b", "store", "shared", prune=False))
        cluster.put(NOTE, a_note("a", "note-a", "store"))
        cluster.put(NOTE, a_note("b", "note-b", "store"))
        async with loop_on(cluster, tmp_path, {"memory/Note": NOTE}) as loop:
            await rounds(loop, ObjectKey("b", "store"), ObjectKey("a", "store"))
            assert stored(server, "Note") == {"note-a", "note-b"}
            assert "b/store" in synced(loop, "a", "store")

    asyncio.run(run())


def test_two_namespaces_that_own_different_objects_of_one_place_prune(tmp_path: Path) -> None:
    async def run() -> None:
        server, cluster = place("shared"), MemoryCluster()
        for namespace in ("a", "b"):
            cluster.put(REGISTRY, a_registry(namespace, "store", "shared", owns=[f"{namespace}-*"]))
            cluster.put(NOTE, a_note(namespace, f"{namespace}-note", "store"))
            server.put("Note", f"{namespace}-old", {"text": "x"})
        async with loop_on(cluster, tmp_path, {"memory/Note": NOTE}) as loop:
            await rounds(loop, ObjectKey("a", "store"), ObjectKey("b", "store"))
            assert stored(server, "Note") == {"a-note", "b-note"}

    asyncio.run(run())


@pytest.mark.parametrize("readable", [True, False])
def test_one_server_under_two_addresses_is_not_pruned_of_what_goes_to_the_other(tmp_path: Path, readable: bool) -> None:
    """Told by what both hold; where the other cannot be read, nobody knows."""

    async def run() -> None:
        server, cluster = place("by-name", "by-address"), MemoryCluster()
        for name, url in (("one", "by-name"), ("two", "by-address")):
            cluster.put(REGISTRY, a_registry("a", name, url))
            cluster.put(MODEL, a_model("a", f"in-{name}", name))
        async with loop_on(cluster, tmp_path) as loop:
            await rounds(loop, ObjectKey("a", "one"), ObjectKey("a", "two"))
            if not readable:
                place("by-address").become(Behaviour(incomplete=True))
                await rounds(loop, ObjectKey("a", "one"))
            assert stored(server, "Model") == {"in-one", "in-two"}
            assert not [action for action, _ in loop.told.writes if action == "delete"]
            assert "the Registry a/two may lead to the same place" in synced(loop, "a", "one")

    asyncio.run(run())


def test_two_servers_prune_what_is_declared_for_the_other(tmp_path: Path) -> None:
    """A model that was in both and goes to one alone from now on."""

    async def run() -> None:
        here, there, cluster = place("here"), place("there"), MemoryCluster()
        for name, url in (("one", "here"), ("two", "there")):
            cluster.put(REGISTRY, a_registry("a", name, url))
            cluster.put(MODEL, a_model("a", f"in-{name}", name))
        async with loop_on(cluster, tmp_path) as loop:
            here.put("Model", "in-two", {}, {"owner": "cluster-uid/a", "key": "in-two"})
            await rounds(loop, ObjectKey("a", "one"), ObjectKey("a", "two"))
            assert (stored(here, "Model"), stored(there, "Model")) == ({"in-one"}, {"in-two"})

    asyncio.run(run())


@pytest.mark.parametrize("same", [True, False], ids=["one place", "two places"])
def test_a_model_that_moves_to_the_same_place_under_another_address_is_not_deleted(tmp_path: Path, same: bool) -> None:
    """It is where it goes before it is deleted where it was: what both hold tells whether those are one object."""

    async def run() -> None:
        server, cluster = place("old", "new"), MemoryCluster()
        other = server if same else place("new")
        for name, url in (("one", "old"), ("two", "new")):
            cluster.put(REGISTRY, a_registry("a", name, url))
        cluster.put(MODEL, a_model("a", "moves", "one"))
        async with loop_on(cluster, tmp_path) as loop:
            await loop.until_quiet()
            loop.told.writes.clear()
            cluster.put(MODEL, a_model("a", "moves", "two"))
            await loop.until_quiet()
            assert ("the Registry a/two may lead to the same place" in synced(loop, "a", "one")) is same
            await rounds(loop, ObjectKey("a", "one"), ObjectKey("a", "two"))
            assert stored(other, "Model") == {"moves"}
            assert ("moves" in stored(server, "Model")) is same
            assert [one for one in loop.told.writes if one[0] == "create"] == ([] if same else [("create", "ok")] * 2)
            assert (cluster.find(MODEL, ObjectKey("a", "moves")) or {})["metadata"]["finalizers"] == [
                finalizer_of("two")
            ]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("*", "*", True),
        ("a-*", "b-*", False),
        ("a-*", "a-b-*", True),
        ("*-eu", "*-us", False),
        ("*-eu", "a-*", True),
        ("chat", "chat", True),
        ("chat", "other", False),
        ("chat", "c*", True),
        ("c*", "chat", True),
        ("d*", "chat", False),
        ("[ab]-x", "b-*", True),
        ("a?", "ab", True),
    ],
)
def test_globs_overlap_unless_they_are_plainly_disjoint(one: str, other: str, expected: bool) -> None:
    assert owns_overlap(["never", one], [other]) is expected
    assert owns_overlap([], [other]) is False
