"""Deleting Kubernetes objects: what is deleted in the registry, what is left, and that nothing ever waits for ever."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from controller.loop import NAMESPACE, Lease, Loop, a_cluster, a_model, a_registry, key, loop_on, the_loop
from kubernetes.judge import Judge

from reconciler.controller.cluster import ResourceType
from reconciler.controller.crds import MODEL, REGISTRY
from reconciler.controller.finalizers import finalizer_of
from reconciler.controller.registry_object import ALLOW_DELETES
from reconciler.controller.vanishing import NamespaceReleaser

CONFIG = ResourceType("local.models.reconciler.dev", "v1alpha1", "Config", "configs")


@asynccontextmanager
async def with_models(folder: Path, *names: str, **spec: object) -> AsyncIterator[Loop]:
    """A registry with `prune`, and models in it that are synced."""
    async with the_loop(folder, *map(a_model, names), **{"prune": True, **spec}) as loop:
        yield loop


def kept(loop: Loop) -> set[str]:
    """The Models that are still in the cluster."""
    return {item["metadata"]["name"] for item in loop.cluster.all(MODEL)}


async def seen(loop: Loop) -> None:
    """Let the copies see what a watch tells; what it does not tell stays unseen."""
    with loop.cluster.unheard():
        await loop.settle()


async def delete(loop: Loop, *names: str) -> None:
    for name in names:
        await loop.cluster.delete(MODEL, key(name))
    await loop.until_quiet()


def test_with_prune_a_deleted_model_goes_when_the_registrys_is_gone(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "a", "b") as loop:
            assert loop.item(MODEL, "a")["metadata"]["finalizers"] == [finalizer_of("first")]
            await delete(loop, "a")
            assert (kept(loop), set(loop.stored())) == ({"b"}, {"b"})
            assert loop.told.writes[-1] == ("delete", "ok")

    asyncio.run(run())


def test_the_last_model_can_be_deleted_too(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "a") as loop:
            await delete(loop, "a")
            assert (kept(loop), set(loop.stored())) == (set(), set())

    asyncio.run(run())


def test_one_wrong_object_holds_no_deletion_of_another(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "a", "b") as loop:
            loop.cluster.put(MODEL, a_model("wrong", previous_keys=["wrong"]))
            loop.cluster.drop(MODEL, key("b"))
            await delete(loop, "a")
            assert set(loop.stored()) == {"b"}, "what vanished may have become the wrong one"

    asyncio.run(run())


def test_without_prune_it_is_left_and_nothing_holds_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "a", "b", prune=False) as loop:
            assert "finalizers" not in loop.item(MODEL, "a")["metadata"]
            await delete(loop, "a")
            assert (kept(loop), set(loop.stored())) == ({"b"}, {"a", "b"})
            status = loop.item(REGISTRY, "first")["status"]
            assert status["orphans"] == {"count": 1, "first": ["first/Model/a"]}

    asyncio.run(run())


def test_too_many_deletes_are_held_until_the_annotation_allows_them_once(tmp_path: Path) -> None:
    async def run() -> None:
        names = [f"m{number}" for number in range(8)]
        async with with_models(tmp_path, *names, "stays") as loop:
            await delete(loop, *names)
            assert set(loop.stored()) == {*names, "stays"}
            assert loop.registry_condition() == ("False", "max-deletes")
            assert loop.condition("m0")[0] == "False"
            guards = loop.item(REGISTRY, "first")["status"]["guards"]
            assert {one["name"] for one in guards} == {"max-deletes", "max-delete-percent"}

            await loop.cluster.patch(REGISTRY, key("first"), {"metadata": {"annotations": {ALLOW_DELETES: "8"}}})
            await loop.until_quiet()
            assert (kept(loop), set(loop.stored())) == ({"stays"}, {"stays"})
            assert loop.item(REGISTRY, "first")["status"]["allowDeletes"] == {"value": 8, "used": 8}

            for name in names:
                loop.cluster.put(MODEL, a_model(name))
            await loop.until_quiet()
            await delete(loop, *names)
            assert set(loop.stored()) == {*names, "stays"}, "the annotation was used up"

            await loop.cluster.patch(REGISTRY, key("first"), {"metadata": {"annotations": {ALLOW_DELETES: None}}})
            await loop.until_quiet()
            assert "allowDeletes" not in loop.item(REGISTRY, "first")["status"]
            await loop.cluster.patch(REGISTRY, key("first"), {"metadata": {"annotations": {ALLOW_DELETES: "8"}}})
            await loop.until_quiet()
            assert set(loop.stored()) == {"stays"}

    asyncio.run(run())


def test_a_protected_model_stays_in_the_registry_and_holds_nobody_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "a", "b") as loop:
            loop.cluster.put(MODEL, a_model("a", protected=True))
            await loop.until_quiet()
            await delete(loop, "a")
            assert (kept(loop), set(loop.stored())) == ({"b"}, {"a", "b"})
            assert any(reason == "Left" and "protected" in message for _, _, reason, message in loop.told.events)

    asyncio.run(run())


def said(loop: Loop, reason: str) -> list[tuple[str, str]]:
    """The objects that were told something, and what."""
    return [(name, message) for name, _, why, message in loop.told.events if why == reason]


def test_a_registry_that_is_deleted_is_told_once_what_stays(tmp_path: Path) -> None:
    async def run() -> None:
        names = [f"m{number}" for number in range(7)]
        async with with_models(tmp_path, *names) as loop:
            loop.cluster.put(MODEL, a_model("wrong", previous_keys=["wrong"]))
            await loop.until_quiet()
            await loop.cluster.delete(REGISTRY, key("first"))
            await loop.until_quiet()
            await loop.reconcile()
            text = "the Registry is deleted; the registry itself keeps what was declared by 7 objects: "
            assert said(loop, "Left") == [
                ("first", text + ", ".join(f"Model {name}" for name in names[:5]) + " and 2 more")
            ]
            assert set(loop.stored()) == {*names}

    asyncio.run(run())


def test_an_empty_registry_that_is_deleted_leaves_nothing_to_tell(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path) as loop:
            await loop.cluster.delete(REGISTRY, key("first"))
            await loop.until_quiet()
            assert said(loop, "Left") == []

    asyncio.run(run())


def test_orphans_are_told_when_they_appear_and_not_again(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "a", "b", "c", prune=False) as loop:
            await delete(loop, "a")
            await loop.reconcile()
            text = "of ours in the registry, and declared by nothing here: 1 object: first/Model/"
            assert said(loop, "Orphaned") == [("first", text + "a")]
            await delete(loop, "b")
            await loop.reconcile()
            assert said(loop, "Orphaned")[1:] == [("first", text + "b")]

    asyncio.run(run())


def test_of_many_orphans_only_those_that_come_are_told(tmp_path: Path) -> None:
    """The status names the first 20 alone: what it does not name must not be told again and again."""

    async def run() -> None:
        names = [f"m{number:02}" for number in range(25)]
        async with with_models(tmp_path, *names, "z", prune=False) as loop:
            await delete(loop, *names)
            await loop.reconcile()
            assert [message.count("25 objects: ") for _, message in said(loop, "Orphaned")] == [1]
            await delete(loop, "z")
            await loop.reconcile()
            assert [message.count(": 26 objects, after 25") for _, message in said(loop, "Orphaned")[1:]] == [1]
            loop.cluster.put(MODEL, a_model("m00"))
            await loop.until_quiet()
            assert len(said(loop, "Orphaned")) == 2

    asyncio.run(run())


async def _registry_deleted(loop: Loop) -> None:
    await loop.cluster.delete(REGISTRY, key("first"))


async def _prune_off(loop: Loop) -> None:
    loop.cluster.put(REGISTRY, a_registry(prune=False))


async def _observes(loop: Loop) -> None:
    loop.cluster.put(REGISTRY, a_registry(prune=True, mode="observe"))


async def _suspended(loop: Loop) -> None:
    loop.cluster.put(REGISTRY, a_registry(prune=True, suspend=True))


async def _namespace_goes(loop: Loop) -> None:
    loop.cluster.going_namespaces.add(NAMESPACE)


async def _type_goes(loop: Loop) -> None:
    loop.cluster.going.add(MODEL)


@pytest.mark.parametrize(
    "first",
    [_registry_deleted, _prune_off, _observes, _suspended, _namespace_goes, _type_goes],
    ids=lambda one: one.__name__,
)
def test_where_nothing_is_deleted_nothing_is_held(tmp_path: Path, first: Callable[[Loop], Awaitable[None]]) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "a", "b") as loop:
            await first(loop)
            await delete(loop, "a", "b")
            assert (kept(loop), set(loop.stored())) == (set(), {"a", "b"})

    asyncio.run(run())


@pytest.mark.parametrize("both", [False, True])
def test_a_type_whose_definition_goes_takes_nothing_with_it(tmp_path: Path, both: bool) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "a", "b") as loop:
            loop.cluster.undefine(MODEL)
            if both:
                loop.cluster.undefine(REGISTRY)
            await loop.until_quiet()
            await loop.reconcile()
            assert set(loop.stored()) == {"a", "b"}

    asyncio.run(run())


def test_a_registry_down_holds_the_deletion_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "a", "b") as loop:
            file = tmp_path / NAMESPACE / "first.db"
            whole = file.read_bytes()
            file.write_bytes(b"no database" * 100)
            await loop.cluster.delete(MODEL, key("a"))
            assert (await loop.reconcile()).failed
            assert kept(loop) == {"a", "b"}
            assert loop.registry_condition(kind="Ready")[0] == "False"
            assert loop.condition("b", "Ready")[0] == "False"
            file.write_bytes(whole)
            assert not (await loop.reconcile()).failed
            assert (kept(loop), set(loop.stored())) == ({"b"}, {"b"})
            assert loop.condition("b") == ("True", "in-sync")

    asyncio.run(run())


def test_what_others_own_is_never_deleted(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "theirs", "b", owner="somebody") as loop:
            loop.cluster.drop(MODEL, key("theirs"))
            loop.cluster.drop(MODEL, key("b"))
            loop.cluster.put(REGISTRY, a_registry(prune=True, owner="us"))
            loop.cluster.put(MODEL, a_model("theirs"))
            loop.cluster.put(MODEL, a_model("ours"))
            await loop.until_quiet()
            assert loop.condition("theirs", "Blocked") == ("True", "owner")
            assert loop.condition("theirs") == ("False", "owner")
            assert loop.condition("ours") == ("True", "in-sync")
            await delete(loop, "theirs")
            assert (kept(loop), set(loop.stored())) == ({"ours"}, {"theirs", "b", "ours"})

    asyncio.run(run())


def test_one_that_was_never_ours_is_not_deleted_with_its_model(tmp_path: Path) -> None:
    async def run() -> None:
        cluster = a_cluster(a_model("a", registries={}), prune=True, mode="observe")
        async with with_models(tmp_path / "other", "a", owner="x") as loop:
            await loop.until_quiet()
        (tmp_path / NAMESPACE).mkdir()
        shutil.copy(tmp_path / "other" / NAMESPACE / "first.db", tmp_path / NAMESPACE / "first.db")
        async with loop_on(cluster, tmp_path) as loop:
            cluster.put(REGISTRY, a_registry(prune=True))
            cluster.put(MODEL, a_model("a", registries=None))
            await loop.until_quiet()
            await delete(loop, "a")
            assert set(loop.stored()) == {"a"}

    asyncio.run(run())


def test_a_model_that_leaves_a_registry_is_deleted_there_like_one_that_is_deleted(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "a", "b") as loop:
            loop.cluster.put(REGISTRY, a_registry("second", default=False))
            loop.cluster.put(MODEL, a_model("a", registries={"second": None}))
            await loop.until_quiet()
            assert (set(loop.stored()), set(loop.stored("second"))) == ({"b"}, {"a"})
            rows = loop.item(MODEL, "a")["status"]["registries"]
            assert [(row["name"], row["action"]) for row in rows] == [("second", "unchanged")]
            assert loop.item(MODEL, "a")["metadata"]["finalizers"] == []
            assert loop.condition("a") == ("True", "in-sync")

    asyncio.run(run())


@pytest.mark.parametrize(
    "second", [{"suspend": True}, {"mode": "observe"}, {"driver": "memory", "url": "memory://nobody"}]
)
def test_a_model_that_moves_is_not_deleted_before_it_is_where_it_goes(
    tmp_path: Path, second: dict[str, object]
) -> None:
    """It would be nowhere while the other registry is suspended, only observed, or cannot be read."""

    async def run() -> None:
        async with with_models(tmp_path, "a", "b", "c", "d", "e", "f") as loop:
            loop.cluster.put(REGISTRY, a_registry("second", **{"default": False, **second}))
            loop.cluster.put(MODEL, a_model("a", registries={"second": {}}))
            await loop.until_quiet()
            assert "a" in loop.stored()
            rows = {row["name"]: row for row in loop.item(MODEL, "a")["status"]["registries"]}
            assert (rows["first"]["action"], rows["first"]["reason"]) == ("delete", "moving")
            assert loop.registry_condition() == ("False", "moving")
            assert loop.condition("a")[0] != "True"
            loop.cluster.drop(REGISTRY, key("second"))
            loop.cluster.put(REGISTRY, a_registry("second", default=False))
            await loop.until_quiet()
            assert ("a" in loop.stored(), "a" in loop.stored("second")) == (False, True)
            assert loop.condition("a") == ("True", "in-sync")
            assert loop.registry_condition() == ("True", "in-sync")
            assert loop.item(MODEL, "a")["metadata"]["finalizers"] == []

    asyncio.run(run())


@pytest.mark.parametrize("to", ["secnd", None], ids=["typo", "nowhere"])
def test_a_model_that_goes_to_what_is_not_there_is_deleted_nowhere(tmp_path: Path, to: str | None) -> None:
    """A typo, or a default that was taken away, is no wish to delete: what it declared waits until it is right again."""

    async def run() -> None:
        async with with_models(tmp_path, "a", "b", "c", "d", "e", "f") as loop:
            loop.cluster.put(REGISTRY, a_registry("second", default=False))
            reason = "registry-missing" if to else "no-registry"
            loop.cluster.put(MODEL, a_model("a", registries={to: {}} if to else {}))
            await loop.until_quiet()
            await loop.reconcile()
            assert "a" in loop.stored()
            assert loop.condition("a") == ("False", reason)
            assert loop.registry_condition() == ("False", reason)
            loop.cluster.put(REGISTRY, a_registry(prune=True, suspend=True))
            await loop.until_quiet()
            assert loop.item(MODEL, "a")["metadata"]["finalizers"] == [finalizer_of("first")]
            loop.cluster.put(REGISTRY, a_registry(prune=True))
            loop.cluster.put(MODEL, a_model("a", registries={"second": {}}))
            await loop.until_quiet()
            assert "a" not in loop.stored()
            assert "a" in loop.stored("second")
            assert loop.condition("a") == ("True", "in-sync")
            assert loop.registry_condition() == ("True", "in-sync")

    asyncio.run(run())


def test_a_model_that_goes_to_what_is_not_there_is_deleted_with_its_object(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "a", "b", "c", "d", "e", "f") as loop:
            loop.cluster.put(MODEL, a_model("a", registries={"secnd": {}}))
            await loop.until_quiet()
            await delete(loop, "a")
            assert "a" not in kept(loop) | loop.stored().keys()

    asyncio.run(run())


def test_what_was_changed_first_and_is_told_last_is_not_taken_for_removed(tmp_path: Path) -> None:
    """A Model is sent to a registry by name before that stops being a default: the copies may show only the second change."""

    async def run() -> None:
        async with with_models(tmp_path, "a") as loop:
            loop.cluster.put(REGISTRY, a_registry("second"))
            await loop.until_quiet()
            with loop.cluster.unheard():
                loop.cluster.put(MODEL, a_model("a", registries={"first": {}}))
            loop.cluster.put(REGISTRY, a_registry(prune=True, default=False))
            await seen(loop)
            assert (await loop.reconciler.reconcile(key("first"), loop.fence)).failed
            loop.cluster.compact()
            await loop.until_quiet()
            assert {one.action for one in Judge(tmp_path / NAMESPACE / "first.db").history()} == {"create"}
            assert loop.condition("a") == ("True", "in-sync")

    asyncio.run(run())


@pytest.mark.parametrize("spec", [{"suspend": True}, {"mode": "observe"}, {"owner": "somebody else"}])
def test_nothing_is_written_by_a_registry_object_that_says_something_else_by_now(
    tmp_path: Path, spec: dict[str, object]
) -> None:
    """Who suspends it and then edits a Model must not see that written because the copies tell of the edit first."""

    async def run() -> None:
        async with with_models(tmp_path, "a") as loop:
            with loop.cluster.unheard():
                loop.cluster.put(REGISTRY, a_registry(prune=True, **spec))
            loop.cluster.put(MODEL, a_model("a", display_name="A"))
            await seen(loop)
            assert (await loop.reconciler.reconcile(key("first"), loop.fence)).failed
            assert "display_name" not in loop.stored()["a"]

    asyncio.run(run())


def test_what_vanished_while_nobody_looked_is_pruned_only_where_the_registry_is_not_new(tmp_path: Path) -> None:
    """Whoever restores a namespace may create the Registry first: what is not there yet was not removed."""

    async def run() -> None:
        async with with_models(tmp_path, "a", "b", "c", "d", "e", "f") as loop:
            loop.cluster.drop(MODEL, key("a"))
            loop.cluster.drop(REGISTRY, key("first"))
            await loop.until_quiet()
            loop.cluster.created = loop.clock.now()
            loop.cluster.put(REGISTRY, a_registry(prune=True))
            await loop.until_quiet()
            assert "a" in loop.stored()
            assert loop.item(REGISTRY, "first")["status"]["orphans"]["count"] == 1
            loop.clock.forward(minutes=6)
            await loop.reconcile()
            assert set(loop.stored()) == {"b", "c", "d", "e", "f"}

    asyncio.run(run())


def test_an_empty_namespace_prunes_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "a") as loop:
            loop.cluster.drop(MODEL, key("a"))
            await loop.until_quiet()
            assert set(loop.stored()) == {"a"}
            assert loop.registry_condition() == ("False", "no-documents")

    asyncio.run(run())


@dataclass
class Ending(Lease):
    """A right to write that ends after so many writes."""

    writes: int = 3

    def remaining(self) -> float:
        return self.seconds if self.writes else 0.0

    @contextmanager
    def sending(self) -> Iterator[None]:
        self.writes -= 1
        yield


def test_deletes_that_were_not_done_stay_allowed(tmp_path: Path) -> None:
    """An annotation is used up by the deletes of a plan: those that a lease ended before are tried again, and no others."""

    async def run() -> None:
        names = [f"m{number}" for number in range(8)]
        async with with_models(tmp_path, *names, *(f"s{number}" for number in range(8))) as loop:
            await delete(loop, *names)
            loop.fence = Ending()
            await allow(loop, "8")
            left = set(loop.stored())
            assert len(left) == 16 - 3
            noted = loop.item(REGISTRY, "first")["status"]["allowDeletes"]
            assert (noted["value"], noted["used"], len(noted["of"])) == (8, 8, 5)

            loop.fence = Lease()
            await delete(loop, "s0")
            assert set(loop.stored()) == left, "s0 was in no plan that was allowed"
            loop.cluster.drop(MODEL, key("s0"))
            loop.cluster.put(MODEL, a_model("s0"))
            await loop.until_quiet()
            assert set(loop.stored()) == {f"s{number}" for number in range(8)}
            assert loop.item(REGISTRY, "first")["status"]["allowDeletes"] == {"value": 8, "used": 8}

    asyncio.run(run())


async def allow(loop: Loop, number: str) -> None:
    await loop.cluster.patch(REGISTRY, key("first"), {"metadata": {"annotations": {ALLOW_DELETES: number}}})
    await loop.until_quiet()


def test_what_vanished_from_an_empty_namespace_goes_only_with_exactly_its_number(tmp_path: Path) -> None:
    """Otherwise such a Registry would be stalled for ever. A number that was left over from something else must not do it."""

    async def run() -> None:
        async with with_models(tmp_path, "a", "b") as loop:
            for name in ("a", "b"):
                loop.cluster.drop(MODEL, key(name))
            await loop.until_quiet()
            (guard,) = loop.item(REGISTRY, "first")["status"]["guards"]
            assert guard["name"] == "no-documents"
            assert f'{ALLOW_DELETES}: "2"' in guard["message"]
            for number in ("1", "3", "99"):
                await allow(loop, number)
                assert set(loop.stored()) == {"a", "b"}
                assert loop.registry_condition() == ("False", "no-documents")
            await allow(loop, "2")
            assert loop.stored() == {}
            assert loop.registry_condition() == ("True", "in-sync")
            assert loop.item(REGISTRY, "first")["status"]["allowDeletes"] == {"value": 2, "used": 2}

    asyncio.run(run())


def test_the_last_that_is_deleted_goes_and_what_vanished_beside_it_stays(tmp_path: Path) -> None:
    """A deletion is somebody's word, and is carried out; that an object is not there is nobody's."""

    async def run() -> None:
        async with with_models(tmp_path, "a", "b", "vanished") as loop:
            await delete(loop, "b")
            loop.cluster.drop(MODEL, key("vanished"))
            await delete(loop, "a")
            assert (kept(loop), set(loop.stored())) == (set(), {"vanished"})
            assert loop.registry_condition() == ("False", "no-documents")
            assert loop.condition("first", "Stalled", REGISTRY) == ("True", "no-documents")
            loop.cluster.put(MODEL, a_model("vanished"))
            await loop.until_quiet()
            assert loop.registry_condition() == ("True", "in-sync")
            await delete(loop, "vanished")
            assert (kept(loop), loop.stored()) == (set(), {})
            assert loop.registry_condition() == ("True", "in-sync")

    asyncio.run(run())


def test_the_last_ones_that_are_deleted_at_once_count_in_the_guards(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path, "a", "b") as loop:
            await delete(loop, "a", "b")
            assert set(loop.stored()) == {"a", "b"}
            assert loop.registry_condition() == ("False", "max-delete-percent")
            await allow(loop, "2")
            assert (kept(loop), loop.stored()) == (set(), {})
            assert loop.registry_condition() == ("True", "in-sync")

    asyncio.run(run())


def test_an_empty_registry_is_in_sync_with_an_empty_namespace(tmp_path: Path) -> None:
    async def run() -> None:
        async with with_models(tmp_path) as loop:
            assert loop.registry_condition() == ("True", "in-sync")

    asyncio.run(run())


def test_a_namespace_that_goes_is_released_without_any_lease(tmp_path: Path) -> None:
    """No lease can be taken up in it, so no reconcile may begin there."""

    async def run() -> None:
        async with with_models(tmp_path, "a", "b") as loop:
            released: list[tuple[str, int]] = []
            releaser = NamespaceReleaser(
                loop.cluster, loop.copies, loop.reconciler.writer, lambda *told: released.append(told)
            )
            await loop.cluster.delete(MODEL, key("a"))
            await loop.settle()
            await releaser.look()
            assert (kept(loop), released) == ({"a", "b"}, [])
            loop.cluster.going_namespaces.add(NAMESPACE)
            await loop.cluster.delete(MODEL, key("b"))
            await loop.settle()
            await releaser.look()
            await loop.settle()
            assert (kept(loop), released) == (set(), [(NAMESPACE, 2)])
            assert loop.copies.held_and_going() == []
            assert set(loop.stored()) == {"a", "b"}

    asyncio.run(run())


def test_a_type_that_was_never_defined_holds_no_deletion_up(tmp_path: Path) -> None:
    async def run() -> None:
        cluster = a_cluster(a_model("a"), prune=True)
        cluster.undefined.add(CONFIG)
        async with loop_on(cluster, tmp_path, {"local/Config": CONFIG}) as loop:
            await loop.until_quiet()
            await delete(loop, "a")
            assert (kept(loop), set(loop.stored())) == (set(), set())
            ready = loop.item(REGISTRY, "first")["status"]["conditions"][0]
            assert CONFIG.name in ready["message"]

    asyncio.run(run())


def test_what_the_copies_have_not_seen_yet_is_not_taken_for_removed(tmp_path: Path) -> None:
    """A copy may lag. Before anything is deleted, the API server is asked for what there is now."""

    async def run() -> None:
        async with with_models(tmp_path, "a", "b", "c", "d", "e", "f") as loop:
            loop.cluster.deaf = True
            loop.cluster.put(MODEL, a_model("new", key="b"))
            loop.cluster.drop(MODEL, key("b"))
            loop.copies._members[MODEL]._remove(key("b"))
            assert (await loop.reconcile()).failed
            assert set(loop.stored()) == {"a", "b", "c", "d", "e", "f"}
            assert loop.registry_condition() == ("False", "registry-temporary")

    asyncio.run(run())


def test_who_reads_that_a_model_is_synced_may_delete_it_at_once(tmp_path: Path) -> None:
    """It is held back before its status says so: deleted in between, it would be left in the registry."""

    async def run() -> None:
        cluster = a_cluster(a_model("a"), prune=True)
        async with loop_on(cluster, tmp_path) as one:
            await one.reconcile()
            verbs = [verb for verb, resource, _ in cluster.writes() if resource == MODEL]
            assert verbs == ["patch", "patch-status"]

    asyncio.run(run())
