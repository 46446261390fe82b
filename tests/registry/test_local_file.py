"""The file of the registry `local`: when it is made, who else may have written it, and what the system may refuse."""

import asyncio
import hashlib
import itertools
import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from programs import HANGS

from reconciler.core.errors import PermanentError, TemporaryError
from reconciler.core.resource import Address, Listing, Resource
from reconciler.core.secret import Resolver
from reconciler.registry.local import DRIVER, KINDS, Settings
from reconciler.registry.local.database import APPLICATION_ID, MIGRATIONS, Database
from reconciler.registry.local.objects import Objects, utc_now
from reconciler.registry.local.store import Store, connect
from reconciler.registry.protocol import Opening, Removal, Write


def at(key: str) -> Address:
    return Address("local", "Model", key)


def made(key: str, spec: dict[str, Any] | None = None) -> Write:
    return Write(Resource(at(key), {"task": "custom"} if spec is None else spec))


def keys(listing: Listing) -> list[str]:
    return [found.address.key for found in listing.resources]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


@pytest_asyncio.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with connect(path, KINDS, patience=0.2) as opened:
        yield opened


async def write(path: Path, *made_keys: str) -> None:
    async with connect(path, KINDS) as registry:
        for key in made_keys:
            await registry.create(made(key))


def snapshot(folder: Path) -> dict[str, tuple[int, str]]:
    """Of each file the time of its last change, and its digest."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file): (file.stat().st_mtime_ns, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files}


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def put(path: Path, data: bytes, offset: int = 0) -> None:
    """Writes into the file, which is made where it does not exist."""
    with closing(os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT), "wb")) as stream:
        stream.seek(offset)
        stream.write(data)


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


@contextmanager
def shell(path: Path) -> Iterator[sqlite3.Connection]:
    """The file in the hands of somebody else."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


# --- reading ------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_reading_makes_nothing(tmp_path: Path) -> None:
    """Without a file the registry is empty, and stays without a file and a folder."""
    async with DRIVER.connect(Settings(path="deep/er/registry.db"), Opening("local", Resolver(tmp_path))) as registry:
        assert await registry.read() == Listing(())
        assert await registry.get(at("chat")) is None
        assert await registry.history(at("chat")) == ()  # type: ignore[attr-defined]  # `local` keeps history
        await registry.delete(Removal(Resource(at("chat"), {}, revision="1", id="1")))
    assert names(tmp_path) == []


@pytest.mark.asyncio
async def test_reading_changes_nothing(path: Path) -> None:
    """Reading a file leaves it as it was, to the byte and the second, with no other file beside it."""
    await write(path, "chat")
    before = snapshot(path.parent)
    async with connect(path, KINDS) as registry:
        assert keys(await registry.read()) == ["chat"]
        assert len(await registry.history(at("chat"))) == 1
    assert snapshot(path.parent) == before


@pytest.mark.asyncio
async def test_reading_beside_a_writer(store: Store, path: Path) -> None:
    """A reader sees what was written, not yet moved out of the log, and waits for no writer."""
    await store.create(made("first"))
    with shell(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        async with connect(path, KINDS, patience=0) as reader:
            assert keys(await reader.read()) == ["first"]


@pytest.mark.asyncio
async def test_reading_an_older_schema_does_not_write(path: Path) -> None:
    """Only a write brings the schema up to date; until then the file is read as if it were."""
    with shell(path) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
    before = snapshot(path.parent)
    async with connect(path, KINDS) as registry:
        assert await registry.read() == Listing(())
        assert await registry.plan_record("0" * 32) is None
        assert snapshot(path.parent) == before
        await registry.create(made("chat"))
        assert keys(await registry.read()) == ["chat"]
    with shell(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


READ_UNPRIVILEGED = """
import asyncio, os, sys
import urllib.parse  # Path.as_uri imports it, which that other user may have no right to
from pathlib import Path
from reconciler.registry.local import KINDS
from reconciler.registry.local.store import connect
from reconciler.registry.protocol import Write
from reconciler.core.resource import Address, Resource
from reconciler.core.errors import RegistryError

async def main(path):
    async with connect(path, KINDS) as registry:
        try:
            print([found.address.key for found in (await registry.read()).resources])
            await registry.create(Write(Resource(Address("local", "Model", "new"), {})))
        except RegistryError as error:
            print(type(error).__name__, error)

if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)  # whom a mode does refuse
asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that another user can reach, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="reconciler-"))
    folder.chmod(0o755)
    yield folder
    for inner in (folder, *(Path(root) for root, _, _ in os.walk(folder))):
        inner.chmod(0o755)
    shutil.rmtree(folder)


def read_unprivileged(path: Path) -> list[str]:
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", READ_UNPRIVILEGED, str(path)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout.splitlines()


def test_read_only_folder_is_read(public: Path) -> None:
    """A registry in a folder where nothing can be made is read all the same; a write says why it fails."""
    path = public / "registry.db"
    asyncio.run(write(path, "a", "b"))
    path.chmod(0o444)
    public.chmod(0o555)
    found, refused = read_unprivileged(path)
    assert found == "['a', 'b']"
    assert refused.startswith(f"PermanentError {path} is read-only, or its folder is")
    assert names(public) == ["registry.db"]


def test_log_is_never_left_out(public: Path) -> None:
    """In a read-only folder, with changes that are still in a log that cannot be used, reading refuses: it would miss them."""
    path, copy = public / "registry.db", public / "copy" / "registry.db"

    async def write_without_closing() -> None:
        async with connect(path, KINDS) as registry:
            await registry.create(made("a"))
            copy.parent.mkdir()
            for name in ("registry.db", "registry.db-wal"):
                shutil.copy(public / name, copy.parent / name)

    asyncio.run(write_without_closing())
    assert copy.with_name("registry.db-wal").stat().st_size > 0
    for file in copy.parent.iterdir():
        file.chmod(0o444)
    copy.parent.chmod(0o555)
    (refused,) = read_unprivileged(copy)
    assert refused.startswith(f"PermanentError {copy} ")


def test_unreadable_file_is_an_error(public: Path) -> None:
    """A file that we may not read is not an empty registry."""
    path = public / "registry.db"
    asyncio.run(write(path, "a"))
    path.chmod(0)
    (refused,) = read_unprivileged(path)
    assert refused.startswith(f"PermanentError {path} cannot be opened")


READ_SLOWLY = """
import os, sys
import urllib.parse  # as above
from pathlib import Path
from reconciler.core.errors import RegistryError
from reconciler.registry.local.database import Database

if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    with Database(Path(sys.argv[1])).reading():
        print("reading", flush=True)
        sys.stdin.readline()
except RegistryError as error:
    print(type(error).__name__, error)
"""


def test_write_during_a_read_without_locks_is_noticed(public: Path) -> None:
    """In a folder where we can lock nothing, a listing that another user's write may have torn is not believed."""
    path = public / "registry.db"
    asyncio.run(write(path, "a"))
    path.chmod(0o444)
    public.chmod(0o555)
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", READ_SLOWLY, str(path)]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        public.chmod(0o755)
        path.chmod(0o644)
        asyncio.run(write(path, "b"))
        said, _ = reader.communicate("go on\n", timeout=HANGS)
    assert said == f"TemporaryError {path} was written while it was read\n"


# --- writing ------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_first_write_makes_the_file(tmp_path: Path) -> None:
    """The first write makes the folders and a file that only its owner may read, with a schema of its own number."""
    path = tmp_path / ".reconciler" / "registry.db"
    async with DRIVER.connect(Settings(), Opening("local", Resolver(tmp_path))) as registry:
        await registry.create(made("chat"))
        assert modes(path.parent) == {0o600}
    assert names(path.parent) == ["registry.db"]
    with shell(path) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def _emptied(path: Path) -> None:
    shutil.copy(os.devnull, path)


def _without_tables(path: Path) -> None:
    path.unlink()
    with shell(path) as connection:
        connection.execute("PRAGMA user_version = 0")
        connection.execute("VACUUM")


def _tables_dropped(path: Path) -> None:
    with shell(path) as connection:
        for table in ("revision", "object"):
            connection.execute(f"DROP TABLE {table}")


def _gone_from_its_log(path: Path) -> None:
    path.with_name(path.name + "-wal").write_bytes(b"frames")
    path.unlink()


LOST: Final = {
    "no byte": _emptied,
    "no table": _without_tables,
    "tables dropped": _tables_dropped,
    "only its log": _gone_from_its_log,
}


@pytest.mark.asyncio
@pytest.mark.parametrize("lose", LOST.values(), ids=LOST)
async def test_a_registry_that_lost_its_content_is_not_a_new_one(path: Path, lose: Callable[[Path], None]) -> None:
    """Taken for new, everything in it would look as if it had never been: reading and writing are refused, nothing is touched."""
    async with connect(path, KINDS) as registry:
        await registry.create(made("chat"))
    lose(path)
    before = snapshot(path.parent)
    async with connect(path, KINDS) as registry:
        for attempt in (registry.read, lambda: registry.create(made("chat")), lambda: registry.begin_plan("0", "", "")):
            with pytest.raises(PermanentError, match="no new"):
                await attempt()
    assert snapshot(path.parent) == before


@pytest.mark.asyncio
async def test_a_new_file_is_never_seen_empty(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the run dies before the file is whole, there is none: else the next one would refuse it."""
    monkeypatch.setattr(os, "link", lambda made, target: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        Database(path).writing().__enter__()
    assert not path.exists()


@pytest.mark.asyncio
async def test_a_file_system_without_hard_links_will_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network and FAT file systems have none."""
    monkeypatch.setattr(os, "link", lambda made, target: (_ for _ in ()).throw(PermissionError(1, "no links here")))
    async with connect(path, KINDS) as registry:
        await registry.create(made("chat"))
        assert keys(await registry.read()) == ["chat"]
    assert names(path.parent) == [path.name]


@pytest.mark.asyncio
async def test_of_two_who_begin_a_plan_at_once_one_does(path: Path) -> None:
    """Two processes, each with its own connection; the record tells who did, and when it ended."""
    async with connect(path, KINDS) as first, connect(path, KINDS) as second:
        answers = await asyncio.gather(
            *(registry.begin_plan("a" * 32, "print", name) for registry, name in ((first, "ann"), (second, "ben")))
        )
        assert answers.count(None) == 1
        record = next(answer for answer in answers if answer is not None)
        assert record.ended is None
        await first.end_plan("a" * 32)
        again = await second.begin_plan("a" * 32, "print", "cy")
        assert again is not None
        assert (again.actor, again.ended is not None) == (record.actor, True)


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["a?b#c%20d.db", "ü 😀.db", "x.db?mode=memory", ":memory:"])
async def test_any_file_name_works(tmp_path: Path, name: str) -> None:
    """What means something in a URI means nothing in a path."""
    settings = Settings(path=f"with?mark/{name}")
    async with DRIVER.connect(settings, Opening("local", Resolver(tmp_path))) as registry:
        await registry.create(made("chat"))
    assert names(tmp_path / "with?mark") == [name]
    async with DRIVER.connect(settings, Opening("local", Resolver(tmp_path))) as registry:
        assert keys(await registry.read()) == ["chat"]


# --- files that are not ours --------------------------------------------------------------------------------


async def refusal(path: Path) -> str:
    """What both a read and a write say; neither may change anything."""
    before = snapshot(path.parent)
    async with connect(path, KINDS, patience=0.1) as registry:
        with pytest.raises(PermanentError) as read:
            await registry.read()
        with pytest.raises(PermanentError) as written:
            await registry.create(made("chat"))
    assert str(read.value) == str(written.value)
    assert snapshot(path.parent) == before
    return str(read.value)


@pytest.mark.asyncio
async def test_newer_schema_is_refused(path: Path) -> None:
    """A file that a newer reconciler wrote is left alone, and both versions are named."""
    await write(path, "chat")
    with shell(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    message = await refusal(path)
    assert message.startswith(f"{path} was written by a newer reconciler")
    assert f"schema is version 99, and this one knows version {len(MIGRATIONS)}" in message


@pytest.mark.asyncio
@pytest.mark.parametrize("statement", ["PRAGMA application_id = 7", "PRAGMA user_version = 3", "CREATE TABLE song (x)"])
async def test_database_of_another_program_is_refused(path: Path, statement: str) -> None:
    """Another program's database does not become ours, nor is its way of logging changed."""
    with shell(path) as connection:
        connection.execute(statement)
    assert await refusal(path) == f"{path} is a database of another program"


@pytest.mark.asyncio
async def test_file_that_is_no_database_is_refused(path: Path) -> None:
    """A text file at the path is named, and not overwritten."""
    put(path, b"models:\n" * 1000)
    assert (await refusal(path)).startswith(f"{path} is not a SQLite database")
    async with connect(path, KINDS) as registry:
        with pytest.raises(PermanentError) as caught:
            await registry.read()
    assert "correct the registry's `path`" in str(caught.value.hint)


@pytest.mark.asyncio
async def test_damaged_file_is_an_error(path: Path) -> None:
    """A file with broken pages is not half a listing."""
    await write(path, *(f"model-{number}" for number in range(200)))
    put(path, b"\xaa" * 8192, offset=4096)
    async with connect(path, KINDS) as registry:
        with pytest.raises(PermanentError, match="is damaged"):
            await registry.read()


@pytest.mark.asyncio
async def test_damaged_schema_whose_names_are_no_text_is_an_error(path: Path) -> None:
    """SQLite quotes the name, and Python's module cannot read what it says."""
    await write(path, "chat")
    with shell(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        name = "name = CAST(x'6aed20' AS TEXT), sql = 'CREATE nothing'"
        connection.execute(f"UPDATE sqlite_master SET {name} WHERE name = 'revision_key'")
    async with connect(path, KINDS) as registry:
        with pytest.raises(PermanentError, match="is damaged"):
            await registry.read()


@pytest.mark.asyncio
async def test_directory_is_refused(path: Path) -> None:
    """A folder at the path is told from a database."""
    os.mkdir(path)
    assert await refusal(path) == f"{path} is a directory"


@pytest.mark.asyncio
async def test_special_files_are_refused(tmp_path: Path) -> None:
    """A named pipe or socket is refused at once, where opening it would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    assert await refusal(tmp_path / "pipe") == f"{tmp_path / 'pipe'} is not a regular file"
    with socket.socket(socket.AF_UNIX) as listener, tempfile.TemporaryDirectory() as folder:
        listener.bind(f"{folder}/s")
        assert await refusal(Path(folder, "s")) == f"{folder}/s is not a regular file"


@pytest.mark.asyncio
async def test_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    """A path that leads through a file cannot be used, and says so."""
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "registry.db"
    async with connect(path, KINDS) as registry:
        for attempt in (registry.read(), registry.create(made("chat"))):
            with pytest.raises(PermanentError, match="cannot be opened: Not a directory"):
                await attempt


# --- what the system refuses --------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_locked_file_is_temporary(store: Store, path: Path) -> None:
    """While another process writes, ours waits, and then says that trying again may help; nothing is lost."""
    await store.create(made("first"))
    with shell(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(TemporaryError, match="is locked") as caught:
            await store.create(made("second"))
        assert "another reconciler is writing" in str(caught.value.hint)
    await store.create(made("second"))
    assert keys(await store.read()) == ["first", "second"]


@pytest.mark.asyncio
async def test_waits_for_another_writer(path: Path) -> None:
    """A lock that is held for a moment is waited for."""
    await write(path, "first")
    async with connect(path, KINDS) as registry:
        with shell(path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(registry.create(made("second")))
            await asyncio.sleep(0.1)
            assert not waiting.done()
            connection.execute("COMMIT")
            assert (await waiting).address == at("second")


def fill(objects: Objects, stored: list[str]) -> None:
    """Creates objects for ever; `stored` gets the keys of those that succeeded."""
    for number in itertools.count():
        objects.create(made(str(number), {"description": "x" * 2000}))
        stored.append(str(number))


def test_full_disk_loses_nothing(path: Path) -> None:
    """When the disk is full the write fails and says so; what was stored stays, and goes on when there is room."""
    database = Database(path)
    objects = Objects(database, KINDS, "local", utc_now)
    objects.create(made("first"))
    with database.writing() as connection:
        connection.execute("PRAGMA max_page_count = 20")
    stored = ["first"]
    with pytest.raises(PermanentError, match=r"disk is full: .*registry\.db could not grow") as caught:
        fill(objects, stored)
    assert isinstance(caught.value.__cause__, sqlite3.Error)
    assert keys(objects.listing()) == sorted(stored)
    with database.writing() as connection:
        connection.execute("PRAGMA max_page_count = 10000")
    objects.create(made("last"))
    database.close()
    with shell(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM object").fetchone() == (len(stored) + 1,)


def test_closing_moves_the_log_into_the_file(path: Path) -> None:
    """After a run the one file is all there is to copy."""
    asyncio.run(write(path, "chat"))
    assert names(path.parent) == ["registry.db"]
    (path.parent / "copy").mkdir()
    shutil.copy(path, path.parent / "copy" / "registry.db")
    with shell(path.parent / "copy" / "registry.db") as connection:
        assert connection.execute("SELECT key FROM object").fetchall() == [("chat",)]


@pytest.mark.asyncio
async def test_closing_waits_for_no_reader(path: Path) -> None:
    """A reader that takes its time does not hold up the end of our run, however long we would wait for a writer."""
    async with connect(path, KINDS, patience=3600) as registry:
        await registry.create(made("chat"))
        with shell(path) as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT * FROM object").fetchall()
            await registry.create(made("talk"))
            ending = connection
    ending.close()
    async with connect(path, KINDS) as registry:
        assert keys(await registry.read()) == ["chat", "talk"]
