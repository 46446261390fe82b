"""Informers: a copy is what the cluster holds after whatever happened to its watch, and is listed again only where it must be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from reconciler.controller import informer
from reconciler.controller.cluster import CONFIG_MAPS, ClusterError, Data, Listing, ObjectKey, ResourceType, WatchEvent
from reconciler.controller.informer import WATCH_GOES_ON, Informer


def item(name: str, version: int) -> Data:
    return {"metadata": {"namespace": "team", "name": name, "resourceVersion": str(version)}}


class Script:
    """A cluster that lists `there`, and whose watches go as they were written: events, and the error at the end."""

    def __init__(self, there: list[Data], watches: list[tuple[list[WatchEvent], ClusterError | None]]) -> None:
        self.there = there
        self.watches = watches
        self.calls: list[str] = []
        self.done = asyncio.Event()

    async def list(self, resource: ResourceType, namespace: str | None) -> Listing:
        self.calls.append("list")
        return Listing(list(self.there), "5")

    async def watch(self, resource: ResourceType, namespace: str | None, version: str) -> AsyncIterator[WatchEvent]:
        self.calls.append(f"watch from {version}")
        if not self.watches:
            self.done.set()
            await asyncio.Event().wait()
        events, error = self.watches.pop(0)
        for event in events:
            yield event
        if error is not None:
            raise error


async def follow(script: Script) -> tuple[Informer, list[tuple[ObjectKey, str | None, str | None]]]:
    """An informer that followed a script to its end, and what it told."""
    told: list[tuple[ObjectKey, str | None, str | None]] = []

    def version(data: Mapping[str, Any] | None) -> str | None:
        return None if data is None else data["metadata"]["resourceVersion"]

    def changed(key: ObjectKey, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        told.append((key, version(before), version(after)))

    copy = Informer(script, CONFIG_MAPS, None, changed)  # type: ignore[arg-type]
    running = asyncio.create_task(copy.run())
    await script.done.wait()
    running.cancel()
    await asyncio.wait({running})
    return copy, told


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(informer, "FIRST_WAIT", 0.0)


@pytest.mark.parametrize("status", sorted(WATCH_GOES_ON))
async def test_a_watch_that_breaks_off_goes_on_where_it_was(status: int) -> None:
    """An API server that is restarted must not be asked for everything by all replicas at once."""
    broken = ([WatchEvent("MODIFIED", item("one", 7))], ClusterError(status, "broken off"))
    script = Script([item("one", 5)], [broken])
    copy, told = await follow(script)
    assert script.calls == ["list", "watch from 5", "watch from 7"]
    assert [after for _, _, after in told] == ["5", "7"]
    assert copy.doubt == "broken off"  # until the next one is open


@pytest.mark.parametrize("status", [200, 401, 403, 404, 410, 504])
async def test_what_a_watch_cannot_tell_is_found_by_listing(status: int) -> None:
    """An object that went meanwhile is told as gone, one that came as new; the others are not told again."""
    script = Script([item("one", 1), item("two", 2)], [([], ClusterError(status, "too old"))])
    copy = Informer(script, CONFIG_MAPS, None, lambda key, before, after: None)  # type: ignore[arg-type]
    assert len(copy) == 0
    found, told = await follow(script)
    assert script.calls == ["list", "watch from 5", "list", "watch from 5"]
    assert len(found) == 2
    if status != 404:  # there, the type itself was gone for a moment
        assert len(told) == 2


async def test_a_difference_between_two_listings_is_told_once() -> None:
    script = Script([item("one", 1), item("two", 2)], [([], ClusterError(410, "too old"))])
    listed = script.list

    async def change(resource: ResourceType, namespace: str | None) -> Listing:
        listing = await listed(resource, namespace)
        script.there = [item("two", 2), item("three", 9)]
        return listing

    script.list = change  # type: ignore[method-assign]
    _, told = await follow(script)
    assert [(key.name, before, after) for key, before, after in told] == [
        ("one", None, "1"),
        ("two", None, "2"),
        ("one", "1", None),
        ("three", None, "9"),
    ]


async def test_a_bookmark_moves_the_version_and_ends_a_doubt() -> None:
    bookmark = WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": "9"}})
    script = Script([], [([], ClusterError(0, "broken off")), ([bookmark], None)])
    copy, told = await follow(script)
    assert script.calls == ["list", "watch from 5", "watch from 5", "watch from 9"]
    assert told == []
    assert copy.doubt == ""


def a_copy(*items: Data) -> Informer:
    """An informer that has listed these."""
    copy = Informer(Script([], []), CONFIG_MAPS, None, lambda *_: None)  # type: ignore[arg-type]
    copy._replace(list(items))
    return copy


def version(copy: Informer, name: str = "a") -> str | None:
    """The version of an object in a copy, None where it is not there."""
    found = copy.get(ObjectKey("team", name))
    return None if found is None else found["metadata"]["resourceVersion"]


def test_what_we_wrote_is_there_before_a_watch_tells_of_it() -> None:
    """And what a watch tells late of the time before changes nothing."""
    copy = a_copy(item("a", 1))
    copy.wrote(item("a", 9))
    assert version(copy) == "9"
    copy._take(WatchEvent("MODIFIED", item("a", 5)))
    assert version(copy) == "9"
    copy.wrote(item("a", 7))  # an answer that overtook nothing
    assert version(copy) == "9"
    copy._take(WatchEvent("MODIFIED", item("a", 9)))
    copy._take(WatchEvent("MODIFIED", item("a", 12)))
    assert version(copy) == "12"


def test_what_is_deleted_is_not_brought_back_by_the_answer_to_a_write() -> None:
    """Nor is another object of its name taken for it."""
    copy = a_copy(item("a", 1))
    copy._take(WatchEvent("DELETED", item("a", 8)))
    copy.wrote(item("a", 7))
    assert version(copy) is None
    other = {"metadata": item("a", 9)["metadata"] | {"uid": "another"}}
    copy._take(WatchEvent("ADDED", other))
    copy.wrote(item("a", 10))
    assert version(copy) == "9"


async def test_a_listing_counts_for_more_than_what_we_wrote_before_it() -> None:
    """An etcd that was restored gives smaller versions: the copy must not wait for it to grow past ours."""
    script = Script([item("a", 3)], [])
    copy = Informer(script, CONFIG_MAPS, None, lambda *_: None)  # type: ignore[arg-type]
    copy._replace([item("a", 1)])
    copy.wrote(item("a", 9))
    running = asyncio.create_task(copy.run())
    await script.done.wait()
    running.cancel()
    await asyncio.wait({running})
    assert version(copy) == "3"
