"""The client of the API server against answers that a good server gives seldom: each becomes a ClusterError, or nothing is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from lightkube.config.kubeconfig import KubeConfig
from registry import loopback
from registry.loopback import Behaviour, Seen, Server, always, in_turn, reply

from reconciler.controller import informer, lightkube_cluster
from reconciler.controller.cluster import CONFIG_MAPS, ClusterError, ObjectKey, WatchEvent
from reconciler.controller.lightkube_cluster import LightkubeCluster, open_cluster

KEY = ObjectKey("team", "one")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def item(name: str, version: int = 1, **data: str) -> dict[str, Any]:
    """A ConfigMap as the API server writes it."""
    fields = [{"manager": "kubectl", "fieldsV1": {"f:data": {}}}]
    metadata = {"namespace": "team", "name": name, "resourceVersion": str(version), "managedFields": fields}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": data}


def page(*items: Any, following: str = "") -> bytes:
    """One answer to a list."""
    return reply(body={"metadata": {"resourceVersion": "7", "continue": following}, "items": items})


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def line(kind: str, told: Any) -> bytes:
    """One line of a watch."""
    return json.dumps({"type": kind, "object": told}, ensure_ascii=False).encode() + b"\n"


def watched(*chunks: bytes, ends: bool = True) -> Behaviour:
    """Answer a watch with these chunks; without an end it says nothing more, and closes nothing."""

    async def behave(_seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"".join(map(chunk, chunks)) + (chunk(b"") if ends else b""))
        await writer.drain()

    return behave


@asynccontextmanager
async def opened(behave: Behaviour) -> AsyncIterator[tuple[LightkubeCluster, Server]]:
    """The client, before a server that behaves so."""
    async with loopback.serve(behave) as server:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "team"}}],
            "clusters": [{"name": "here", "cluster": {"server": server.url}}],
            "users": [{"name": "me", "user": {"token": "t"}}],
        }
        async with open_cluster(KubeConfig.from_dict(config)) as cluster:
            yield cluster, server


async def told(cluster: LightkubeCluster) -> list[WatchEvent]:
    """All events of a watch from version 5."""
    async with aclosing(cluster.watch(CONFIG_MAPS, None, "5")) as events:
        return [event async for event in events]


async def test_a_list_asks_for_pages_and_keeps_no_managed_fields() -> None:
    """10,000 objects in one answer, with who wrote which field, would be most of the memory that is ever needed."""
    behave = in_turn(page(item("one"), following="next"), page(item("two")))
    async with opened(behave) as (cluster, server):
        listing = await cluster.list(CONFIG_MAPS, None)
    assert [one["metadata"]["name"] for one in listing.items] == ["one", "two"]
    assert listing.version == "7"
    assert all("managedFields" not in one["metadata"] for one in listing.items)
    asked = [parse_qs(urlsplit(seen.path).query) for seen in server.seen]
    assert asked == [{"limit": ["500"]}, {"limit": ["500"], "continue": ["next"]}]


async def test_a_watch_asks_for_bookmarks_and_an_end() -> None:
    async with opened(watched()) as (cluster, server):
        assert await told(cluster) == [WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": "5"}})]
    asked = parse_qs(urlsplit(server.seen[0].path).query)
    assert asked["allowWatchBookmarks"] == ["true"]
    assert asked["resourceVersion"] == ["5"]
    assert int(asked["timeoutSeconds"][0]) < 600


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029"])
async def test_a_line_ends_at_a_line_feed_alone(character: str) -> None:
    """Python's splitlines ends lines at more; JSON holds these as they are."""
    text = f"a{character}b"
    async with opened(watched(line("MODIFIED", item("one", 6, text=text)))) as (cluster, _):
        assert [event.object["data"] for event in (await told(cluster))[1:]] == [{"text": text}]


async def test_an_event_that_comes_in_pieces_is_one() -> None:
    whole = line("ADDED", item("one", 6)) + line("DELETED", item("two", 8))
    pieces = [whole[start : start + 7] for start in range(0, len(whole), 7)]
    async with opened(watched(*pieces)) as (cluster, _):
        found = await told(cluster)
    assert [(event.kind, event.object["metadata"]["name"]) for event in found[1:]] == [
        ("ADDED", "one"),
        ("DELETED", "two"),
    ]


async def test_an_event_that_breaks_off_is_left_to_the_next_watch() -> None:
    whole = line("ADDED", item("one", 6))
    async with opened(watched(whole, whole[:20])) as (cluster, _):
        assert len(await told(cluster)) == 2


async def test_a_watch_that_says_nothing_any_more_is_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that died without a word is never closed by anybody."""
    monkeypatch.setattr(lightkube_cluster, "QUIET", 0.2)
    async with opened(watched(line("ADDED", item("one", 6)), ends=False)) as (cluster, _):
        with pytest.raises(ClusterError) as caught:
            await told(cluster)
    assert caught.value.status == 0


async def test_a_server_that_accepts_and_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lightkube_cluster, "TIMEOUT", 0.2)

    async def behave(_seen: Seen, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with opened(behave) as (cluster, _):
        for call in (told(cluster), cluster.get(CONFIG_MAPS, KEY), cluster.list(CONFIG_MAPS, None)):
            with pytest.raises(ClusterError) as caught:
                await call
            assert caught.value.status == 0


@pytest.mark.parametrize("status", [401, 403, 404, 409, 410, 422, 429, 500, 503])
@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/html"}])
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"message": "no"}'])
async def test_each_refusal_is_a_cluster_error(status: int, headers: dict[str, str], body: bytes) -> None:
    """Whatever stands before an API server answers in its own words, and not always says what they are."""
    async with opened(always(reply(status, body, headers))) as (cluster, _):
        for call in (
            told(cluster),
            cluster.list(CONFIG_MAPS, None),
            cluster.get(CONFIG_MAPS, KEY),
            cluster.patch(CONFIG_MAPS, KEY, {}),
            cluster.create(CONFIG_MAPS, "team", {}),
            cluster.replace(CONFIG_MAPS, KEY, {}),
            cluster.delete(CONFIG_MAPS, KEY),
        ):
            with pytest.raises(ClusterError) as caught:
                await call
            assert caught.value.status == status
            assert caught.value.message


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]"])
async def test_an_answer_that_is_no_json_object_is_a_cluster_error(body: bytes) -> None:
    async with opened(always(reply(200, body))) as (cluster, _):
        for call in (cluster.list(CONFIG_MAPS, None), cluster.patch(CONFIG_MAPS, KEY, {})):
            with pytest.raises(ClusterError):
                await call


async def test_after_an_event_that_cannot_be_read_all_is_listed_again() -> None:
    """From the version before it, the same event would come again and again."""
    async with opened(watched(b"<html>\n")) as (cluster, _):
        with pytest.raises(ClusterError) as caught:
            await told(cluster)
    assert caught.value.status not in informer.WATCH_GOES_ON


async def test_retry_after_may_be_seconds_or_a_date() -> None:
    answers = {"3": 3.0, formatdate(100, usegmt=True): 40.0, "soon": None}
    for said, wanted in answers.items():
        raw = reply(429, b"", {"Retry-After": said, "Date": formatdate(60, usegmt=True)})
        async with opened(always(raw)) as (cluster, _):
            with pytest.raises(ClusterError) as caught:
                await cluster.list(CONFIG_MAPS, None)
        assert caught.value.retry_after == wanted


async def test_an_expired_version_is_told_in_the_watch_or_before_it() -> None:
    gone = {"kind": "Status", "code": 410, "message": "too old resource version: 1 (9)"}
    for behave in (watched(line("ERROR", gone)), always(reply(410, gone))):
        async with opened(behave) as (cluster, _):
            with pytest.raises(ClusterError) as caught:
                await told(cluster)
        assert caught.value.expired
