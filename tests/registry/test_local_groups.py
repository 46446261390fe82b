"""Group commit of the embedded registry: nothing of it can be seen but that there are fewer transactions."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.errors import PermanentError, StaleObjectError, TemporaryError
from reconciler.core.resource import Address, Resource
from reconciler.registry.local import KINDS, database
from reconciler.registry.local.grouping import MOST, GroupCommit
from reconciler.registry.local.store import Store, connect
from reconciler.registry.protocol import Removal, Write

NOON: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)
ACTIONS: Final = st.tuples(st.sampled_from(("create", "update", "rename", "delete")), st.sampled_from("abc"))


def written(key: str, words: str, current: Resource | None = None) -> Write:
    return Write(
        Resource(Address("local", "Model", key), {"task": "custom", "description": words}), current, actor="me"
    )


async def carry_out(store: Store, number: int, action: str, key: str, seen: dict[str, Resource]) -> object:
    """One write, of the object as it was seen before all of them."""
    if action == "create" or key not in seen:
        return await store.create(written(key, str(number)))
    if action == "delete":
        return await store.delete(Removal(seen[key], actor="me"))
    if action == "rename":
        return await store.rename(written(f"{key}-{number}", str(number), seen[key]))
    return await store.update(written(key, str(number), seen[key]))


async def ends(path: Path, asked: Sequence[tuple[str, str]], *, at_once: bool) -> list[object]:
    """What became of each write, then what is stored, and its history."""
    async with connect(path, KINDS, clock=lambda: NOON) as store:
        seen = {key: await store.create(written(key, "before")) for key in "ab"}
        works = [carry_out(store, number, action, key, seen) for number, (action, key) in enumerate(asked)]
        found: list[Any] = []
        if at_once:
            found = await asyncio.gather(*works, return_exceptions=True)
        else:
            for work in works:
                found.extend(await asyncio.gather(work, return_exceptions=True))
        listing = await store.read()
        histories = [await store.history(one.address) for one in listing.resources]
        return [*(repr(one) for one in found), listing, histories]


@given(st.lists(ACTIONS, max_size=8))
@settings(max_examples=25, deadline=None)
def test_writes_at_once_end_as_one_after_the_other(asked: list[tuple[str, str]]) -> None:
    """Answers, errors, ids, revisions and histories are those of the same writes, each awaited before the next."""
    with tempfile.TemporaryDirectory() as folder:
        together = asyncio.run(ends(Path(folder, "one.db"), asked, at_once=True))
        alone = asyncio.run(ends(Path(folder, "two.db"), asked, at_once=False))
    assert together == alone


@pytest.mark.asyncio
async def test_writes_that_wait_share_a_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 creates at once take as many transactions as there are groups of the largest size."""
    statements: list[str] = []
    configured = database._configured

    def traced(connection: sqlite3.Connection) -> sqlite3.Connection:
        connection.set_trace_callback(statements.append)
        return configured(connection)

    monkeypatch.setattr(database, "_configured", traced)
    async with connect(tmp_path / "registry.db", KINDS) as store:
        await store.create(written("first", "which makes the file"))
        statements.clear()
        await asyncio.gather(*(store.create(written(str(number), "x")) for number in range(300)))
        assert statements.count("COMMIT") == -(-300 // MOST)
        assert len((await store.read()).resources) == 301


@pytest.mark.asyncio
async def test_one_that_fails_fails_alone(tmp_path: Path) -> None:
    """Of writes at once those that can be done are done, whatever the others raise: a refusal, or a bug."""
    async with connect(tmp_path / "registry.db", KINDS) as store:
        first = await store.create(written("taken", "x"))
        no_object = written("new", "x")
        bug, stale, *fine = await asyncio.gather(
            store.update(no_object),
            store.create(written("taken", "y")),
            store.create(written("one", "x")),
            store.update(written("taken", "z", first)),
            return_exceptions=True,
        )
        assert isinstance(bug, ValueError)
        assert isinstance(stale, StaleObjectError)
        assert all(isinstance(one, Resource) for one in fine)
        assert {one.address.key for one in (await store.read()).resources} == {"taken", "one"}


class Asked:
    """Writes that tell how they were carried out. `fail` is raised by those that are carried out together."""

    def __init__(self, fail: Exception | None = None) -> None:
        self.alone: list[str] = []
        self.together: list[list[str]] = []
        self._fail = fail

    def work(self, name: str) -> Callable[[], str]:
        def carried_out() -> str:
            self.alone.append(name)
            return name

        return carried_out

    def in_one(self, works: Sequence[Callable[[], str]]) -> list[str]:
        if self._fail is not None:
            raise self._fail
        self.together.append([work() for work in works])
        self.alone.clear()
        return self.together[-1]


@pytest.mark.asyncio
async def test_nobody_waits_twice_for_a_locked_file() -> None:
    """Where another program holds the file for too long, all of a group are told at once."""
    asked = Asked(TemporaryError("locked"))
    with ThreadPoolExecutor(1) as thread:
        commit = GroupCommit(thread, asked.in_one)
        found = await asyncio.gather(*(commit.add(asked.work(name)) for name in "abc"), return_exceptions=True)
    assert [str(one) for one in found] == ["locked"] * 3
    assert asked.alone == []


@pytest.mark.asyncio
async def test_a_full_disk_is_told_of_each_write() -> None:
    """A group that cannot be stored is not given up: each of it is tried alone, since a smaller one may fit."""
    asked = Asked(PermanentError("disk is full"))
    with ThreadPoolExecutor(1) as thread:
        commit = GroupCommit(thread, asked.in_one)
        assert await asyncio.gather(*(commit.add(asked.work(name)) for name in "abc")) == ["a", "b", "c"]
    assert asked.alone == ["a", "b", "c"]


@pytest.mark.asyncio
async def test_who_gave_up_wants_no_write() -> None:
    """A write that is cancelled before it was begun is not done; one under way is, and the others get their answers."""
    asked, free = Asked(), threading.Event()
    with ThreadPoolExecutor(1) as thread:
        commit = GroupCommit(thread, asked.in_one)
        thread.submit(free.wait)
        begun = [commit.add(asked.work(name)) for name in "ab"]
        await asyncio.sleep(0)  # now the group of these two is what the thread does next
        waiting = [commit.add(asked.work(name)) for name in "cde"]
        begun[0].cancel()
        waiting[1].cancel()
        free.set()
        assert [await one for one in (begun[1], waiting[0], waiting[2])] == ["b", "c", "e"]
    assert asked.together == [["a", "b"], ["c", "e"]]


@pytest.mark.asyncio
async def test_a_closed_registry_answers() -> None:
    """A write after the end raises, and does not wait for ever; so does the next one."""
    asked, thread = Asked(), ThreadPoolExecutor(1)
    thread.shutdown()
    commit = GroupCommit(thread, asked.in_one)
    for name in "ab":
        with pytest.raises(RuntimeError):
            await commit.add(asked.work(name))
