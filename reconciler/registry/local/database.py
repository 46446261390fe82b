"""The SQLite file: its schema, how it is opened, and the one place where SQLite's errors become ours.

Reading never makes a file or a folder, and leaves no file behind. The first write makes what is missing, brings an
older schema up to date and switches the file to write-ahead logging, so that readers and a writer do not wait for
each other.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from reconciler.core import presence
from reconciler.registry.driver import PermanentError, TemporaryError
from reconciler.registry.local.failures import damaged, of_system, primary, translated

APPLICATION_ID: Final = 0x5265636E  # "Recn": tells our files from other people's SQLite files
BUSY_SECONDS: Final = 10.0

# Each script brings the schema from the version before it to its own, which is its place in the tuple, from 1. A
# script that was released is never edited.
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """CREATE TABLE object (
            id INTEGER PRIMARY KEY,     -- stays through renames; never used again, since rows are never removed
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            revision INTEGER NOT NULL,  -- the newest one
            deleted_at TEXT
        )""",
        "CREATE UNIQUE INDEX object_address ON object (kind, key) WHERE deleted_at IS NULL",
        """CREATE TABLE revision (
            object_id INTEGER NOT NULL REFERENCES object (id),
            revision INTEGER NOT NULL,  -- from 1
            action TEXT NOT NULL,       -- create, update, rename or delete
            key TEXT NOT NULL,          -- as it was then
            spec TEXT NOT NULL,         -- JSON
            mark TEXT,                  -- JSON, or nobody's
            at TEXT NOT NULL,           -- ISO 8601, UTC
            actor TEXT NOT NULL,
            plan TEXT NOT NULL,         -- the plan's fingerprint
            PRIMARY KEY (object_id, revision)
        )""",
    ),
    (
        """CREATE TABLE applied_plan (     -- saved plans: each is applied once
            nonce TEXT PRIMARY KEY,
            fingerprint TEXT NOT NULL,
            begun_at TEXT NOT NULL,     -- ISO 8601, UTC
            ended_at TEXT,              -- null while it runs, and where it did not come to its end
            actor TEXT NOT NULL
        ) WITHOUT ROWID""",
    ),
    ("CREATE INDEX revision_key ON revision (key)",),  # whoever takes a key goes on counting where the last one ended
)


class Database:
    """One file, used from one thread. `reading` and `writing` are transactions; both raise RegistryError.

    `patience` is how many seconds to wait for another process that is writing.
    """

    def __init__(self, path: Path, patience: float = BUSY_SECONDS) -> None:
        self._path = path
        self._patience = patience
        self._writer: sqlite3.Connection | None = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A view of one moment. A file that is not there, or of an older schema, looks as a write would make it."""
        with self._translated(), ExitStack() as stack:
            connection = self._writer or stack.enter_context(closing(self._reader(stack)))
            stack.enter_context(_transaction(connection, "DEFERRED"))
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and nobody else writes meanwhile: what is read inside still holds when it is committed.

        Inside of another one it is a part of that: what fails here must make that fail, too.
        """
        with self._translated():
            if self._writer is None:
                self._writer = self._open_writer()
            if self._writer.in_transaction:
                yield self._writer
                return
            with _transaction(self._writer, "IMMEDIATE"):
                yield self._writer

    def exists(self) -> bool:
        """Whether there is anything that a write could find."""
        with self._translated():
            return self._writer is not None or self._is_there()

    def number(self) -> str | None:
        """The file's number in its file system, which it has by every name; None where there is no file yet."""
        with self._translated():
            return str(self._path.stat().st_ino) if self._is_there() else None

    def close(self) -> None:
        """Moves the log into the file, where no reader holds it, and closes it."""
        if self._writer is None:
            return
        connection, self._writer = self._writer, None
        with suppress(sqlite3.Error), closing(connection):  # what is in the log is stored: whoever opens next moves it
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _reader(self, stack: ExitStack) -> sqlite3.Connection:
        if not self._is_there():
            return self._in_memory(None)
        try:
            return self._checked_reader(self._connect(self._reading_mode()))
        except sqlite3.OperationalError as error:
            # SQLite wants to make its log files even to read, which a read-only folder forbids. Without a log the file
            # is all there is, and may be read without locks, as long as nobody who has the right writes meanwhile.
            unwritable = primary(error) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
            if not unwritable or self._log_size() or not os.access(self._path, os.R_OK):
                raise
        stack.enter_context(self._unmoved())
        return self._checked_reader(self._connect("ro&immutable=1"))

    @contextmanager
    def _unmoved(self) -> Iterator[None]:
        """Raises TemporaryError where the file was written while it was read: what was read may be half old, half new."""
        before = self._path.stat()
        try:
            yield
        finally:
            now = self._path.stat()
            if (now.st_mtime_ns, now.st_size) != (before.st_mtime_ns, before.st_size) or self._log_size():
                raise TemporaryError(f"{self._path} was written while it was read", hint="run again")

    def _reading_mode(self) -> str:
        """Read-only leaves log files behind that it had to make; read-write (`query_only`) takes them away again."""
        return "rw" if self._log_size() is None else "ro"

    def _checked_reader(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        with ExitStack() as stack:
            stack.callback(connection.close)
            connection.execute("PRAGMA query_only = ON")
            if self._version(connection) < len(MIGRATIONS):
                return self._in_memory(connection)
            stack.pop_all()
        return connection

    def _in_memory(self, source: sqlite3.Connection | None) -> sqlite3.Connection:
        """A copy of `source`, or an empty database, in today's schema."""
        copy = _configured(sqlite3.connect(":memory:", isolation_level=None))
        if source is None:
            _migrate(copy, 0)
        else:
            source.backup(copy)
            self._bring_up_to_date(copy)
        return copy

    def _open_writer(self) -> sqlite3.Connection:
        self._make_file()
        connection = self._connect("rw")
        with ExitStack() as stack:
            stack.callback(connection.close)
            self._bring_up_to_date(connection)  # first: the file may not be ours to change
            _switch_to_log(connection, self._patience)
            connection.execute("PRAGMA synchronous = NORMAL")
            stack.pop_all()
        return connection

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"{self._path.as_uri()}?mode={mode}"  # as_uri quotes what means something in a URI
        return _configured(sqlite3.connect(uri, uri=True, timeout=self._patience, isolation_level=None))

    def _bring_up_to_date(self, connection: sqlite3.Connection) -> None:
        if self._version(connection) == len(MIGRATIONS):
            return
        with _transaction(connection, "IMMEDIATE"):
            _run_scripts(connection, self._version(connection))  # again: another process may have been faster

    def _version(self, connection: sqlite3.Connection) -> int:
        """The schema's version, from 1. Raises PermanentError where the file is not ours, or empty, or ahead of us."""
        if not connection.in_transaction:  # in one, or another process could make the file ours between two questions
            with _transaction(connection, "DEFERRED"):
                return self._version(connection)
        application: int = connection.execute("PRAGMA application_id").fetchone()[0]
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION_ID:
            if application or version or connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                raise PermanentError(
                    f"{self._path} is a database of another program", hint="give the registry another `path`"
                )
            raise _emptied(self._path, "is a database without any table")
        if not version or not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'object'").fetchone():
            raise _emptied(self._path, "has lost its tables")
        if version > len(MIGRATIONS):
            raise PermanentError(
                f"{self._path} was written by a newer reconciler: its schema is version {version}, "
                f"and this one knows version {len(MIGRATIONS)}",
                hint="upgrade reconciler",
            )
        return version

    def _log(self) -> Path:
        return self._path.with_name(self._path.name + "-wal")

    def _log_size(self) -> int | None:
        """The bytes of the log; None where there is none. Raises OSError where that cannot be told: it may hold the last writes."""
        found = presence.status(self._log())
        return None if found is None else found.st_size

    def _is_there(self) -> bool:
        """Whether the file is there. Only one that is not there counts as new: an empty one has lost what it held.

        Raises PermanentError where it is empty, or gone from beside its log.
        """
        try:
            status = self._path.stat()
        except FileNotFoundError:
            if self._log_size():
                raise PermanentError(
                    f"{self._path} is gone, and its log {self._log().name} is still there, so it is no new registry",
                    hint="bring the file back; a new registry takes another `path`, or a folder without that log",
                ) from None
            return False
        if not stat.S_ISREG(status.st_mode):
            what = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise PermanentError(f"{self._path} is {what}", hint="`path` names the database file")
        if status.st_size == 0:
            raise _emptied(self._path, "holds no byte")
        return True

    def _make_file(self) -> None:
        """Make a new file, whole: whoever looks sees none or one with its tables, and a crash leaves no empty one behind."""
        if self._is_there():
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{self._path.name}.", dir=self._path.parent))
        made = folder / "new"
        try:
            os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            with closing(_configured(sqlite3.connect(made, isolation_level=None))) as connection:
                _migrate(connection, 0)
            with suppress(FileExistsError):  # somebody else made it meanwhile: theirs it is
                _put_in_place(made, self._path)
        finally:
            for left in (made, folder / "new-journal"):
                with suppress(OSError):
                    left.unlink()
            with suppress(OSError):
                folder.rmdir()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise translated(error, self._path) from error
        except UnicodeDecodeError as error:  # the module cannot read what SQLite says of a schema whose names are none
            raise damaged(self._path) from error
        except OSError as error:
            raise of_system(error, self._path) from error


def _configured(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.text_factory = bytes  # text that is not UTF-8 must make one row unreadable, not the whole answer
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _switch_to_log(connection: sqlite3.Connection, patience: float) -> None:
    """SQLite does not wait when two processes switch a new file at once, so this does."""
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if primary(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a database of that version, which nobody else has open, to today's schema."""
    with _transaction(connection, "IMMEDIATE"):
        _run_scripts(connection, version)


def _run_scripts(connection: sqlite3.Connection, version: int) -> None:
    for script in MIGRATIONS[version:]:
        for statement in script:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _put_in_place(made: Path, path: Path) -> None:
    """Give a finished file its name. Raises FileExistsError where that is taken."""
    try:
        os.link(made, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        # Only a file that did not exist is opened here: closing one that SQLite has open would drop SQLite's locks.
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as stream:
            stream.write(made.read_bytes())


def _emptied(path: Path, what: str) -> PermanentError:
    """What was a registry, most likely: taken for a new one, everything in it would look as if it had never been."""
    return PermanentError(
        f"{path} {what}, so it is no registry any more, and no new one either",
        hint="bring it back from a copy; where it never held anything, remove the file: the first write makes it",
    )


@contextmanager
def _transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:  # something was raised; after some errors SQLite has rolled back by itself
            connection.execute("ROLLBACK")
