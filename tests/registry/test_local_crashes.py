"""The embedded registry after a crash: a process that dies anywhere, a power cut in the middle of a file, a disk that fills."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.core.errors import RegistryError
from reconciler.core.resource import Address, Resource
from reconciler.registry.local import KINDS, database
from reconciler.registry.local.database import APPLICATION_ID, MIGRATIONS, Database
from reconciler.registry.local.objects import Objects, utc_now
from reconciler.registry.protocol import Removal, Write

FRAME: Final = 24  # bytes before each page in the log
HEAD: Final = 32  # bytes before the first frame


def at(key: str) -> Address:
    return Address("local", "Model", key)


@contextmanager
def opened(path: Path) -> Iterator[Objects]:
    base = Database(path)
    try:
        yield Objects(base, KINDS, "local", utc_now)
    finally:
        base.close()


def create(objects: Objects, key: str, words: str = "x") -> Resource:
    return objects.create(Write(Resource(at(key), {"task": "custom", "description": words})))


def update(objects: Objects, current: Resource, words: str) -> Resource:
    changed = Resource(current.address, {"task": "custom", "description": words})
    return objects.update(Write(changed, current))


def work(objects: Objects) -> Iterator[None]:
    """Writes of every sort, one at each step."""
    one = create(objects, "one")
    yield
    two = create(objects, "two", "y" * 9_000)  # more than one page
    yield
    one = update(objects, one, "z" * 5_000)
    yield
    objects.delete(Removal(two))
    yield
    objects.rename(Write(Resource(at("three"), {"task": "custom"}), one))
    yield


def held(path: Path) -> dict[str, Any]:
    """What is stored, after SQLite itself found the file whole and each history was found without a gap."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        rows = connection.execute("SELECT object_id, revision FROM revision ORDER BY 1, 2").fetchall()
        newest = dict(connection.execute("SELECT id, revision FROM object").fetchall())
    for number, last in newest.items():
        told = [revision for owner, revision in rows if owner == number]
        assert told[-1] == last
        assert told == sorted(set(told))
    with opened(path) as objects:
        listing = objects.listing()
        assert not listing.unreadable
        return {one.address.key: dict(one.spec) for one in listing.resources} | {"revisions": len(rows)}


def states(path: Path) -> list[dict[str, Any]]:
    """What is stored after each of the writes."""
    found: list[dict[str, Any]] = []
    with opened(path) as objects:
        steps = work(objects)
        for number, _ in enumerate(steps):
            copy = path.with_name(f"state-{number}.db")
            _copy(path, copy)
            found.append(held(copy))
    return found


def _copy(path: Path, target: Path) -> None:
    shutil.copy(path, target)
    log = Path(f"{path}-wal")
    if log.exists():
        shutil.copy(log, f"{target}-wal")


def _in_child(body: Callable[[], object]) -> int:
    """How a process ends that does this, as `os.waitpid` says it."""
    with warnings.catch_warnings():
        # of the threads that a test run has, none holds a lock that this child takes: it speaks to SQLite, and ends at once
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            body()
            code = 0
        except RegistryError:
            code = 2
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def dying_at(statement: int) -> Callable[[str], None]:
    """Kills the process, as `kill -9` does, just before that SQL statement (from 1) of any connection is run."""
    left = [statement]

    def trace(_: str) -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    return trace


def _traced(monkeypatch: pytest.MonkeyPatch, statement: int) -> None:
    configured, trace = database._configured, dying_at(statement)

    def with_trace(connection: sqlite3.Connection) -> sqlite3.Connection:
        connection.set_trace_callback(trace)
        return configured(connection)

    monkeypatch.setattr(database, "_configured", with_trace)


def deaths(monkeypatch: pytest.MonkeyPatch, body: Callable[[], object], look: Callable[[], object]) -> int:
    """Lets a process die before its first SQL statement, its second ... until it does not; looks after each. How many there were."""
    statement = 0
    while True:
        statement += 1
        with monkeypatch.context() as patch:
            _traced(patch, statement)
            status = _in_child(body)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            return statement - 1
        assert os.WTERMSIG(status) == signal.SIGKILL
        look()


def test_a_process_that_dies_before_any_statement_leaves_what_one_of_its_writes_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never half of one, and whoever comes next goes on."""
    known = [{"revisions": 0}, *states(tmp_path / "whole.db")]
    path = tmp_path / "registry.db"

    def body() -> None:
        with opened(path) as objects:
            for _ in work(objects):
                pass

    def look() -> None:
        if path.exists():
            assert held(path) in known
            with opened(path) as objects:
                create(objects, "next")
        for file in tmp_path.glob("registry.db*"):
            file.unlink()

    assert deaths(monkeypatch, body, look) > 30


def test_a_process_that_dies_in_a_group_of_writes_leaves_all_of_them_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written together is stored together, whichever of its statements is the last that was run."""
    path = tmp_path / "registry.db"

    def body() -> None:
        with opened(path) as objects:
            objects.together([partial(create, objects, key, key * 3_000) for key in "abc"])

    seen: set[int] = set()

    def look() -> None:
        if path.exists():
            seen.add(held(path)["revisions"])
        for file in tmp_path.glob("registry.db*"):
            file.unlink()

    assert deaths(monkeypatch, body, look) > 10
    assert seen == {0, 3}


def test_a_power_cut_at_any_byte_of_the_log_loses_the_last_writes_and_nothing_else(tmp_path: Path) -> None:
    """Each prefix of the log, also one whose last page is torn, is one of the states that there were, and none goes back in time."""
    known = [{"revisions": 0}, *states(tmp_path / "whole.db")]
    path = tmp_path / "registry.db"
    with opened(path) as objects:
        for _ in work(objects):
            pass
        _copy(path, tmp_path / "cut.db")
    base, log = (tmp_path / "cut.db").read_bytes(), (tmp_path / "cut.db-wal").read_bytes()
    page = int.from_bytes(log[8:12], "big")
    borders = range(HEAD, len(log) + 1, FRAME + page)
    lengths = sorted({0, 1, HEAD - 1, *borders, *(one + 1 for one in borders), *range(0, len(log), 509)})
    seen = []
    for length in lengths:
        for torn in (b"", b"\0" * 700, random.Random(length).randbytes(700)):
            (tmp_path / "cut.db").write_bytes(base)
            (tmp_path / "cut.db-shm").unlink(missing_ok=True)
            (tmp_path / "cut.db-wal").write_bytes(log[: min(length, len(log))] + torn)
            seen.append(known.index(held(tmp_path / "cut.db")))
    assert seen == sorted(seen)
    assert seen[-1] == len(known) - 1


def test_a_power_cut_while_the_log_is_moved_into_the_file_loses_nothing(tmp_path: Path) -> None:
    """With any part of the pages written: the log is whole until all of them are."""
    path, cut = tmp_path / "registry.db", tmp_path / "cut.db"
    with opened(path) as objects:
        for _ in work(objects):
            pass
        _copy(path, cut)
    before, log, after = cut.read_bytes(), Path(f"{cut}-wal").read_bytes(), path.read_bytes()
    last = held(path)
    assert len(after) >= len(before)
    for length in range(0, len(after) + 1, 512):
        cut.write_bytes(after[:length] + before[length:])
        Path(f"{cut}-shm").unlink(missing_ok=True)
        Path(f"{cut}-wal").write_bytes(log)
        assert held(cut) == last, length


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_process_that_dies_while_it_brings_a_schema_up_to_date_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, mode: str
) -> None:
    """From every older version, before every statement: the next one finds all of it, in the old schema or in today's."""
    path = tmp_path / "registry.db"

    def old() -> None:
        for file in tmp_path.glob("registry.db*"):
            file.unlink()
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA journal_mode = {mode}")
            for statement in (one for script in MIGRATIONS[:version] for one in script):
                connection.execute(statement)
            connection.execute("INSERT INTO object VALUES (1, 'Model', 'old', 1, NULL)")
            spec = json.dumps({"task": "custom"})
            connection.execute("INSERT INTO revision VALUES (1, 1, 'create', 'old', ?, NULL, 't', '', '')", (spec,))
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {version}")

    def body() -> None:
        with opened(path) as objects:
            create(objects, "new")

    def look() -> None:
        found = held(path)
        assert found.keys() >= {"old"}
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone()[0] in (version, len(MIGRATIONS))
        with opened(path) as objects:
            create(objects, "later")
        assert held(path).keys() >= {"old", "later"}
        old()

    old()
    assert deaths(monkeypatch, body, look) > 5


def test_a_disk_that_fills_at_any_size_refuses_a_write_and_keeps_the_others(tmp_path: Path) -> None:
    """The file system gives out at each size in turn: a write is stored whole or refused by name, and nothing is damaged."""
    known = [{"revisions": 0}, *states(tmp_path / "whole.db")]
    path = tmp_path / "registry.db"
    with opened(path) as objects:
        create(objects, "one")
    first = held(path)
    whole = path.read_bytes()
    assert first in known
    ended = set()
    for limit in range(len(whole), len(whole) + 60_000, 3_001):
        for file in tmp_path.glob("registry.db*"):
            file.unlink()
        path.write_bytes(whole)
        status = _in_child(lambda limit=limit: _write_until_full(path, limit))
        ended.add(os.waitstatus_to_exitcode(status))
        found = held(path)
        numbers = sorted(int(key) for key in found if key.isdecimal())
        assert numbers == list(range(len(numbers)))
        assert found["revisions"] == 1 + len(numbers)
    assert ended == {2}


def _write_until_full(path: Path, limit: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    with opened(path) as objects:
        for number in range(1_000):
            create(objects, str(number), "words " * 200)
