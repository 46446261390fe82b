"""The total deadline of a registry: it ends waiting and new work, and never a change that is under way. Requests are counted."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from registry.loopback import Behaviour, Seen, always, connected, reply, serve
from world import World, native, statuses

from reconciler.applier.apply import apply
from reconciler.applier.report import Outcome, Report
from reconciler.core.errors import DeadlineError, LostReplyError, RegistryError
from reconciler.core.resource import Listing
from reconciler.project.workspace import open_workspace
from reconciler.registry import deadline
from reconciler.registry.deadline import Deadline
from reconciler.registry.protocol import Registry
from reconciler.registry.reading import read_all
from reconciler.registry.settings import DEADLINE

LONG = 3600  # seconds that no test waits


def limited(status: int, **headers: str) -> bytes:
    return reply(status, {"message": "slow down"}, {name.replace("_", "-"): value for name, value in headers.items()})


async def dripping(seen: Seen, writer: asyncio.StreamWriter) -> None:
    """An answer that never ends, one byte at a time."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n[")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


# --- a request ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("raw", [limited(429, Retry_After="30"), limited(429)], ids=["Retry-After", "none"])
async def test_nothing_is_sent_again_after_the_deadline(method: str, raw: bytes) -> None:
    """It is not even waited for where the next attempt would come too late: one request, and an error that says why."""
    async with connected(always(raw), backoff=30.0) as (client, server):
        with (
            deadline.within(deadline.start(5)),
            pytest.raises(DeadlineError, match=r"429.*deadline of 5 seconds") as it,
        ):
            await client.call(method, "/models")
        assert len(server.seen) == 1
        assert "`deadline`" in str(it.value.hint)


async def test_a_reply_that_was_lost_stays_one() -> None:
    """After a deadline, too, it may have been done: who wrote has to look."""
    async with connected(always(limited(503, Retry_After="30")), attempts=1) as (client, server):
        with deadline.within(deadline.start(0.05)), pytest.raises(LostReplyError):
            await client.call("POST", "/models")
        assert len(server.seen) == 1


async def test_a_change_that_is_under_way_still_gets_its_answers() -> None:
    """What puts an object back after the deadline is sent, once."""
    async with connected(always(reply(200, {"id": 1}))) as (client, server):
        with deadline.within(deadline.start(0)):
            assert (await client.call("POST", "/models")).data == {"id": 1}
        assert len(server.seen) == 1


async def test_without_a_deadline_nothing_changes() -> None:
    """As before: all attempts are made."""
    async with connected(always(limited(429))) as (client, server):
        with pytest.raises(RegistryError, match="tried 3 times"):
            await client.call("GET", "/models")
        assert len(server.seen) == 3


# --- reading --------------------------------------------------------------------------------------------------


class Endless:
    """A registry whose read never ends; `pages` counts what it asked for."""

    pages = 0

    async def read(self) -> Listing:
        while True:
            self.pages += 1
            await asyncio.sleep(0)


async def test_a_read_without_end_ends_with_its_deadline() -> None:
    """Endless pages, each of them quick: whatever the driver does. The others are told, too."""
    async with World.of() as world:
        endless: Any = Endless()
        facts = {"one": replace(world.facts["one"], deadline=0.05)}
        with pytest.raises(RegistryError, match="one could not be read: not completely within its deadline") as caught:
            await read_all({"one": endless}, facts)
        assert isinstance(caught.value.__cause__, DeadlineError)
        assert endless.pages > 1


HANGING: dict[str, Behaviour] = {
    "429 for ever": always(limited(429, Retry_After="30")),
    "503 for ever": always(limited(503, Retry_After="30")),
    "429 without a time": always(limited(429)),
    "slow bytes": dripping,
}
ENTRIES = {
    "latticeflow": 'api_key: "${env:TOKEN}"',
    "nemo": 'token: "${env:TOKEN}"',
    "watsonx": 'token: "${env:TOKEN}"',
}


@pytest.mark.parametrize("behave", HANGING.values(), ids=HANGING)
@pytest.mark.parametrize("driver", ENTRIES)
async def test_every_remote_driver_has_a_deadline(tmp_path: Path, driver: str, behave: Behaviour) -> None:
    """Its setting is in the entry, and `plan` ends with an error that names the registry and the deadline."""
    async with serve(behave) as server:
        text = f'registries: {{r: {{driver: {driver}, url: "{server.url}", {ENTRIES[driver]}, deadline: 2}}}}\n'
        (tmp_path / "reconciler.yaml").write_text(text)
        workspace = open_workspace(cwd=tmp_path, environ={"TOKEN": "a-token-of-the-tests"})
        assert workspace.facts["r"].deadline == 2
        async with workspace.connect() as registries:
            with pytest.raises(RegistryError, match=r"r could not be read.*deadline of 2 seconds"):
                await read_all(registries, workspace.facts)
        assert server.seen


def test_the_deadline_is_a_quarter_of_an_hour_where_nobody_says(tmp_path: Path) -> None:
    """And none at all where a registry is a file."""
    (tmp_path / "reconciler.yaml").write_text(
        'registries: {r: {driver: nemo, url: "http://h"}, l: {driver: local, path: r.db}}\n'
    )
    facts = open_workspace(cwd=tmp_path).facts
    assert (facts["r"].deadline, facts["l"].deadline) == (DEADLINE, None)
    assert DEADLINE == 15 * 60


# --- writing --------------------------------------------------------------------------------------------------


class Clock:
    """Says when the deadline is over."""

    over = False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(Deadline, "remaining", property(lambda self: 0.0 if clock.over else LONG))
    return clock


async def applied(world: World, *documents: Any, on_outcome: Any, **consents: Any) -> Report:
    plan = await world.plan(*documents, **consents)
    facts = {name: replace(known, deadline=LONG) for name, known in world.facts.items()}
    return await apply(plan, world.registries, facts, world.options(concurrency=1, on_outcome=on_outcome))


async def test_what_is_left_after_the_deadline_is_skipped_and_told(world: World, clock: Clock) -> None:
    """The report is complete, the exit code 5, and nothing new was sent; the next run finishes."""
    documents = [native("Model", key) for key in "abcd"]

    def second(outcome: Outcome) -> None:
        clock.over = clock.over or outcome.address.key == "b"

    report = await applied(world, *documents, on_outcome=second)
    assert statuses(report) == {"Model/a": "ok", "Model/b": "ok", "Model/c": "skipped", "Model/d": "skipped"}
    late = report.outcomes[2]
    assert late.reason == "deadline"
    assert "deadline of 3600 seconds for one" in late.message
    assert report.exit_code == 5
    assert [call[1] for call in world.server().writes] == ["Model/a", "Model/b"]
    clock.over = False
    await world.apply(*documents)
    assert await world.settled(*documents)


async def test_a_replace_is_never_cut_in_two(world: World, clock: Clock) -> None:
    """Deleted before the deadline, created after it."""
    await world.apply(native("Model", "m", project="old"))
    registry = world.registries["one"]
    delete = registry.delete

    async def late(removal: Any) -> None:
        await delete(removal)
        clock.over = True

    late_registry = _with_delete(registry, late)
    plan = await world.plan(native("Model", "m", project="new"), native("Model", "n"), allow_replaces=1)
    facts = {"one": replace(world.facts["one"], deadline=LONG)}
    report = await apply(plan, {"one": late_registry}, facts, world.options(concurrency=1))
    assert statuses(report) == {"Model/m": "ok", "Model/n": "skipped"}
    row = world.server().row("Model", "m")
    assert row is not None
    assert json.dumps(row.data["project"]) == '"new"'


def _with_delete(registry: Registry, delete: Any) -> Any:
    """The registry with another delete."""

    class Other:
        def __getattr__(self, name: str) -> Any:
            return delete if name == "delete" else getattr(registry, name)

    return Other()
