"""What the open registry `local` keeps: objects exactly as written, and every revision of each."""

import asyncio
import itertools
import json
import sqlite3
import tempfile
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import HANGS

from reconciler.core.errors import PermanentError, StaleObjectError
from reconciler.core.resource import Address, Mark, Resource, Unreadable
from reconciler.core.secret import Resolver, Secret
from reconciler.registry.capabilities import KeepsHistory, Renames
from reconciler.registry.local import DRIVER, KINDS, Settings
from reconciler.registry.local.rows import resource_of, resources_of, secret_branches
from reconciler.registry.local.store import Store, connect
from reconciler.registry.protocol import Opening, Removal, Write

MARK = Mark("local", "chat", protected=True, applied="0" * 64, excluded=("/tags",), fingerprints={"/a": "f" * 16})


def at(key: str) -> Address:
    return Address("local", "Model", key)


def made(key: str, spec: dict[str, Any] | None = None, current: Resource | None = None, **how: Any) -> Write:
    return Write(Resource(at(key), {"task": "custom"} if spec is None else spec, how.pop("mark", None)), current, **how)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


@pytest_asyncio.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    seconds = itertools.count()
    start = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
    async with connect(path, KINDS, clock=lambda: start + timedelta(seconds=next(seconds))) as opened:
        yield opened


def edit(path: Path, statement: str, *values: object) -> None:
    """Changes the file behind the registry's back, as somebody with a SQLite shell would."""
    with sqlite3.connect(path) as connection:
        connection.execute(statement, values)
    connection.close()


@pytest.mark.asyncio
async def test_create_gives_what_a_read_gives(store: Store) -> None:
    """The reply to a write is the stored object, so nobody needs to read it back."""
    created = await store.create(made("chat", {"task": "custom", "tags": ["b", "a"]}, mark=MARK))
    assert created == Resource(
        at("chat"),
        {"task": "custom", "tags": ["b", "a"]},
        MARK,
        revision="1",
        id="1",
        updated_at="2026-11-20T13:00:00.000Z",
    )
    assert (await store.read()).resources == (created,)
    assert await store.get(at("chat")) == created
    assert await store.get(at("other")) is None


@pytest.mark.asyncio
async def test_listing_is_sorted_by_key(store: Store) -> None:
    """The order of a listing does not depend on the order of the writes."""
    for key in ("b", "a", "ü", "B"):
        await store.create(made(key))
    assert [found.address.key for found in (await store.read()).resources] == ["B", "a", "b", "ü"]


@pytest.mark.asyncio
async def test_create_never_replaces(store: Store) -> None:
    """An object that somebody made meanwhile is not overwritten."""
    first = await store.create(made("chat"))
    with pytest.raises(StaleObjectError, match="local/Model/chat exists already"):
        await store.create(made("chat", {"task": "rerank"}))
    assert (await store.read()).resources == (first,)


@pytest.mark.asyncio
async def test_update_stores_what_was_sent_and_nothing_else(store: Store) -> None:
    """An update is the whole object: what it does not hold is gone."""
    first = await store.create(made("chat", {"task": "custom", "description": "x"}, mark=MARK))
    second = await store.update(made("chat", {"task": "rerank"}, first))
    assert (second.spec, second.mark, second.revision, second.id) == ({"task": "rerank"}, None, "2", first.id)
    assert await store.get(at("chat")) == second


@pytest.mark.asyncio
async def test_update_of_a_moved_object_is_refused(store: Store) -> None:
    """Compare and swap: of two updates of one revision, the second changes nothing."""
    first = await store.create(made("chat"))
    second = await store.update(made("chat", {"task": "rerank"}, first))
    with pytest.raises(StaleObjectError, match="was changed since it was read"):
        await store.update(made("chat", {"task": "embeddings"}, first))
    assert (await store.read()).resources == (second,)


@pytest.mark.asyncio
async def test_update_of_a_deleted_object_is_refused(store: Store) -> None:
    """An update brings nothing back, neither after a delete nor where another object took the key."""
    first = await store.create(made("chat"))
    await store.delete(Removal(first))
    with pytest.raises(StaleObjectError, match="was deleted since it was read"):
        await store.update(made("chat", None, first))
    again = await store.create(made("chat"))
    with pytest.raises(StaleObjectError, match="was changed since it was read"):
        await store.update(made("chat", {"task": "rerank"}, first))
    assert (await store.read()).resources == (again,)


@pytest.mark.asyncio
async def test_update_needs_the_object_as_read(store: Store) -> None:
    """An update that does not say what it replaces is a bug of the caller's, and no object has no revision."""
    with pytest.raises(ValueError, match="without the object as it was read"):
        await store.update(made("chat"))
    await store.create(made("chat"))
    with pytest.raises(StaleObjectError):
        await store.update(made("chat", None, Resource(at("chat"), {})))


@pytest.mark.asyncio
async def test_delete_is_idempotent(store: Store) -> None:
    """Already gone is success."""
    created = await store.create(made("chat"))
    await store.delete(Removal(created))
    await store.delete(Removal(created))
    assert (await store.read()).resources == ()
    assert [entry.action for entry in await store.history(at("chat"))] == ["delete", "create"]


@pytest.mark.asyncio
async def test_delete_of_a_moved_object_is_refused(store: Store) -> None:
    """What was changed, renamed or made anew since it was read is not deleted."""
    first = await store.create(made("chat"))
    second = await store.update(made("chat", None, first))
    with pytest.raises(StaleObjectError):
        await store.delete(Removal(first))
    renamed = await store.rename(made("talk", None, second))
    with pytest.raises(StaleObjectError):
        await store.delete(Removal(second))
    await store.delete(Removal(renamed))
    again = await store.create(made("talk"))
    with pytest.raises(StaleObjectError):
        await store.delete(Removal(renamed))
    assert (await store.read()).resources == (again,)


@pytest.mark.asyncio
async def test_rename_keeps_the_object(store: Store) -> None:
    """A renamed object has its id and its history still; the old key is free."""
    first = await store.create(made("chat"))
    renamed = await store.rename(made("talk", {"task": "rerank"}, first))
    assert (renamed.address, renamed.id, renamed.revision) == (at("talk"), first.id, "2")
    assert await store.get(at("chat")) is None
    assert [(one.action, one.key) for one in await store.history(at("talk"))] == [
        ("rename", "talk"),
        ("create", "chat"),
    ]
    assert await store.history(at("chat")) == await store.history(at("talk"))
    assert (await store.create(made("chat"))).id != first.id
    assert [one.action for one in await store.history(at("chat"))] == ["create"]


@pytest.mark.asyncio
async def test_rename_onto_an_existing_key_is_refused(store: Store) -> None:
    """A rename overwrites nobody."""
    first, other = await store.create(made("chat")), await store.create(made("talk"))
    with pytest.raises(StaleObjectError, match="local/Model/talk exists already"):
        await store.rename(made("talk", None, first))
    assert (await store.read()).resources == (first, other)


@pytest.mark.asyncio
async def test_history_tells_who_when_and_why(store: Store) -> None:
    """Every revision stays, newest first, with its actor, time, plan and owner, also after the object is gone; whoever takes the key goes on counting."""
    first = await store.create(made("chat", {"task": "custom"}, mark=MARK, plan="p1", actor="ann"))
    await store.update(made("chat", {"task": "rerank"}, first, plan="p2", actor="bob"))
    second = await store.get(at("chat"))
    assert second is not None
    await store.delete(Removal(second, plan="p3", actor="eve"))
    await store.create(made("chat", {"task": "completion"}))
    entries = [
        (one.revision, one.action, one.at[14:19], one.actor, one.plan, one.spec["task"], one.owner)
        for one in await store.history(at("chat"))
    ]
    assert entries == [
        ("4", "create", "00:03", "", "", "completion", None),
        ("3", "delete", "00:02", "eve", "p3", "rerank", None),
        ("2", "update", "00:01", "bob", "p2", "rerank", None),
        ("1", "create", "00:00", "ann", "p1", "custom", "local"),
    ]
    assert await store.history(at("never")) == ()
    assert await store.history(Address("local", "Other", "chat")) == ()


@pytest.mark.asyncio
async def test_address_is_the_callers(store: Store) -> None:
    """What answers an address bears that address, whatever the registry is called in the configuration."""
    address = Address("mine", "Model", "chat")
    created = await store.create(Write(Resource(address, {})))
    assert created.address == address
    assert await store.get(address) == created


@pytest.mark.asyncio
async def test_exact_values_survive(store: Store) -> None:
    """Numbers keep their type and sign, text every character, and null stays null inside metadata."""
    metadata = {
        "numbers": [1, 1.0, 1e300, -0.0, 0.1, 2**200, -(2**63) - 1],
        "text": ["😀", "\x00", "\ud800", "", '"\\', "\u2028"],
        "": {"": None},
        "null": None,
        "empty": [{}, []],
    }
    created = await store.create(made("chat", {"metadata": metadata}))
    assert repr(created.spec["metadata"]) == repr(metadata)
    found = await store.get(at("chat"))
    assert found is not None
    assert repr(found.spec["metadata"]) == repr(metadata)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=4), min_size=1, max_size=8))
def test_any_json_survives(metadata: list[dict[str, Any]]) -> None:
    """Whatever JSON a manifest holds is read back exactly, in the order it was written."""

    async def round_trip(folder: str) -> list[Any]:
        async with DRIVER.connect(Settings(), Opening("local", Resolver(Path(folder)))) as store:
            for number, data in enumerate(metadata):
                await store.create(made(str(number), {"metadata": data}))
            return [found.spec["metadata"] for found in (await store.read()).resources]

    with tempfile.TemporaryDirectory() as folder:
        assert repr(asyncio.run(round_trip(folder))) == repr(metadata)


@pytest.mark.asyncio
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**5000], ids=["nan", "inf", "huge"])
async def test_what_json_cannot_hold_is_refused(store: Store, path: Path, value: Any) -> None:
    """A value that would not come back as it was is not stored."""
    with pytest.raises(PermanentError, match="local/Model/chat holds a value that cannot be stored"):
        await store.create(made("chat", {"metadata": {"x": value}}))
    assert names(path.parent) == []


@pytest.mark.asyncio
async def test_unknown_kind_is_refused(store: Store, path: Path) -> None:
    """Only objects that can be read back are written."""
    with pytest.raises(PermanentError, match="holds no Secret"):
        await store.create(Write(Resource(Address("local", "Secret", "x"), {})))
    assert names(path.parent) == []


@pytest.mark.asyncio
async def test_secret_values_are_not_stored(store: Store, path: Path) -> None:
    """The file holds references; neither resolved values nor raw secrets get into it."""
    spec = {"endpoint": {"api_key": "${env:KEY}", "headers": {"X-Token": "${file:t}", "X-Tenant": "acme"}}}
    created = await store.create(made("chat", spec, secrets={"/endpoint/api_key": Secret("hunter2")}))
    assert created.spec == spec
    raw = {"endpoint": {"api_key": "hunter2", "headers": {"authorization": "Bearer hunter2"}}}
    await store.update(made("chat", raw, created))
    assert all(b"hunter2" not in file.read_bytes() for file in path.parent.iterdir())


@pytest.mark.asyncio
async def test_raw_secrets_in_the_file_stay_there(store: Store, path: Path) -> None:
    """A secret that somebody wrote into the file by hand never enters a Resource or a history."""
    await store.create(made("chat"))
    spec = {"endpoint": {"url": "u", "api_key": "hunter2", "headers": {"Authorization": "hunter2", "X-Tenant": "acme"}}}
    edit(path, "UPDATE revision SET spec = ?", json.dumps(spec))
    shown = {"url": "u", "api_key": "(present)", "headers": {"Authorization": "(present)", "X-Tenant": "acme"}}
    found = await store.get(at("chat"))
    assert found is not None
    assert found.spec == {"endpoint": shown}
    assert (await store.read()).resources == (found,)
    assert [one.spec for one in await store.history(at("chat"))] == [{"endpoint": shown}]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("spec", "{", "not JSON: Expecting property name enclosed in double quotes at character 1"),
        ("spec", "{} x", "not a JSON object"),
        ("spec", "[]", "not a JSON object"),
        ("spec", "[" * 100_000, "recursion"),
        ("spec", '{"metadata": {"x": NaN}}', "NaN is not JSON"),
        ("spec", 7, "not a JSON object"),
        ("spec", b"\xff", "not UTF-8 text"),
        ("mark", "[]", "not a JSON object"),
        ("mark", '{"owner": 3}', "not a mark"),
        ("revision", 9, "not text"),
    ],
)
async def test_broken_row_is_unreadable(store: Store, path: Path, column: str, value: object, message: str) -> None:
    """One row that makes no sense is reported by its key; the others are read, and it never looks deleted."""
    whole = await store.create(made("whole"))
    broken = await store.create(made("broken"))
    edit(path, f"UPDATE revision SET {column} = ? WHERE object_id = ?", value, broken.id)
    listing = await store.read()
    assert listing.resources == (whole,)
    assert [(one.kind, one.key) for one in listing.unreadable] == [("Model", "broken")]
    assert message in listing.unreadable[0].message
    with pytest.raises(PermanentError, match="local/Model/broken cannot be read"):
        await store.get(at("broken"))
    with pytest.raises(StaleObjectError, match="exists already"):
        await store.create(made("broken"))
    assert [one.action for one in await store.history(at("broken"))] == ["create"]


PIECES = [
    b'{"a":1}',
    b'{"a":[1',
    b"2]}",
    b"{},{}",
    b"{}",
    b"",
    b'{"a":"',
    b'"}',
    b"[]",
    b" {} ",
    b"\xff",
    b"NaN",
    b"{" * 5000,
    None,
    7,
]


@given(
    st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from([None, b'{"owner":"a","key":"b"}', b"{"])), max_size=6)
)
def test_rows_decoded_together_are_what_each_is_alone(columns: list[tuple[Any, Any]]) -> None:
    """What begins in one column and ends in another is no object, and takes no other row along."""
    rows: list[Any] = [(n, b"Model", b"k", 1, spec, mark, b"now") for n, (spec, mark) in enumerate(columns)]
    branches = {name: secret_branches(kind.root) for name, kind in KINDS.items()}
    assert list(resources_of(rows, "local", branches)) == [resource_of(row, "local", branches) for row in rows]


@pytest.mark.asyncio
async def test_row_without_a_readable_key_is_unreadable(store: Store, path: Path) -> None:
    """A row that could be any object says so, and a kind that we do not know is not passed over."""
    await store.create(made("a"))
    await store.create(made("b"))
    edit(path, "UPDATE object SET key = CAST(x'ff' AS TEXT) WHERE key = 'a'")
    edit(path, "UPDATE object SET kind = 'Agent' WHERE key = 'b'")
    listing = await store.read()
    assert listing.resources == ()
    assert listing.unreadable == (
        Unreadable("object 2: this reconciler knows no kind of that name", "Agent", "b"),
        Unreadable("object 1: its kind or key is not text"),
    )


@pytest.mark.asyncio
async def test_white_space_around_json_is_allowed(store: Store, path: Path) -> None:
    """JSON that somebody formatted by hand is still JSON."""
    await store.create(made("chat"))
    edit(path, "UPDATE revision SET spec = ?", ' \n{"task":\t"rerank"}\n')
    found = await store.get(at("chat"))
    assert found is not None
    assert found.spec == {"task": "rerank"}


@pytest.mark.asyncio
async def test_concurrent_writes_are_reported_one_by_one(store: Store) -> None:
    """Of many writes at once each succeeds or fails by itself."""
    tasks = [store.create(made(str(number % 50))) for number in range(100)]
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert (
        sum(isinstance(one, Resource) for one in done) == sum(isinstance(one, StaleObjectError) for one in done) == 50
    )
    assert len((await store.read()).resources) == 50


def test_optional_capabilities_are_there(tmp_path: Path) -> None:
    """The registry renames and keeps history."""

    async def opened() -> None:
        async with DRIVER.connect(Settings(), Opening("local", Resolver(tmp_path))) as registry:
            assert isinstance(registry, Renames)
            assert isinstance(registry, KeepsHistory)

    asyncio.run(opened())


def test_thread_ends_even_when_cancelled(tmp_path: Path) -> None:
    """A run that is interrupted leaves no thread and no log behind."""

    async def interrupted() -> None:
        async with DRIVER.connect(Settings(path="registry.db"), Opening("local", Resolver(tmp_path))) as registry:
            await registry.create(made("kept"))
            task = asyncio.gather(*[registry.create(made(str(number))) for number in range(200)])
            await asyncio.sleep(0.005)
            task.cancel()
            await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    for thread in threading.enumerate():
        if thread.name.startswith("reconciler-local"):
            thread.join(timeout=HANGS)  # it has closed the file, and has only to end
            assert not thread.is_alive()
    assert [one.name for one in tmp_path.iterdir()] == ["registry.db"]


@pytest.mark.asyncio
async def test_reply_equals_a_fresh_read(store: Store, path: Path) -> None:
    """What one connection wrote another one reads, the same to the last field."""
    created = await store.create(made("chat", {"metadata": {"x": 1.0}}, mark=MARK))
    renamed = await store.rename(made("talk", {"task": "custom"}, created, mark=replace(MARK, key="talk")))
    async with connect(path, KINDS) as other:
        assert (await other.read()).resources == (renamed,)
