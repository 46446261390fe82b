"""The objects in the database, and every revision that they ever had. Synchronous: `store` runs it in a thread.

A write is a compare-and-swap: it names the object's id, key and revision as they were read, inside a transaction that
keeps other writers out, and where they no longer hold it changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from reconciler.core.rules import OPAQUE
from reconciler.core.shape import ANYTHING
from reconciler.registry.driver import (
    Address,
    Kind,
    Listing,
    PermanentError,
    PlanRecord,
    Removal,
    Resource,
    Revision,
    StaleObjectError,
    Unreadable,
    Write,
)
from reconciler.registry.local.database import Database
from reconciler.registry.local.rows import (
    as_read,
    encode,
    encode_mark,
    resource_of,
    resources_of,
    revision_of,
    secret_branches,
)

# LEFT: an object whose newest revision is missing must show up as unreadable, not vanish
_LIVE: Final = """
    SELECT o.id, o.kind, o.key, o.revision, r.spec, r.mark, r.at
    FROM object o LEFT JOIN revision r ON r.object_id = o.id AND r.revision = o.revision
    WHERE o.deleted_at IS NULL
"""
# Ids and revisions are bound as text; the columns' INTEGER affinity makes numbers of them.
_MOVE: Final = """
    UPDATE object SET key = ?, revision = max(revision, ?) + 1
    WHERE id = ? AND revision = ? AND kind = ? AND key = ? AND deleted_at IS NULL
"""
_REMOVE: Final = """
    UPDATE object SET deleted_at = ?, revision = revision + 1
    WHERE id = ? AND revision = ? AND kind = ? AND key = ? AND deleted_at IS NULL
"""
_RECORD: Final = "INSERT INTO revision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_RECORD_REMOVAL: Final = """
    INSERT INTO revision
    SELECT object_id, revision + 1, 'delete', key, spec, mark, ?, ?, ? FROM revision
    WHERE object_id = ? AND revision = ?
"""
# The last number that anybody of that kind and key got, so that no two entries of one history bear the same.
_LAST: Final = """
    SELECT coalesce(max(r.revision), 0) FROM revision r JOIN object o ON o.id = r.object_id
    WHERE r.key = ? AND o.kind = ?
"""
# Whoever bears the key now, or did when it was deleted; only without any of them, whoever bore it before a rename.
# Rows are never removed, so the row's number tells the order of all writes, whatever the clock did.
_HISTORY: Final = """
    SELECT object_id, revision, action, key, at, actor, plan, spec, mark FROM revision
    WHERE object_id IN (SELECT id FROM object WHERE kind = :kind AND key = :key)
       OR NOT EXISTS (SELECT 1 FROM object WHERE kind = :kind AND key = :key)
          AND object_id IN (SELECT object_id FROM revision WHERE key = :key)
          AND object_id IN (SELECT id FROM object WHERE kind = :kind)
    ORDER BY rowid DESC
"""

Clock = Callable[[], datetime]
Result = TypeVar("Result")


def utc_now() -> datetime:
    return datetime.now(UTC)


class Objects:
    """What one database holds of `kinds`. Every method is one transaction, or a part of that of `together`, and raises RegistryError."""

    def __init__(self, database: Database, kinds: Mapping[str, Kind], registry: str, clock: Clock) -> None:
        self._database = database
        self._branches = {name: secret_branches(kind.root) for name, kind in kinds.items()}
        self._shapes = {name: kind.shape for name, kind in kinds.items()}
        self._registry = registry
        self._clock = clock

    def listing(self) -> Listing:
        with self._database.reading() as connection:
            rows = connection.execute(_LIVE + "ORDER BY o.kind, o.key")  # one by one: all of them twice are much memory
            found = list(resources_of(rows, self._registry, self._branches, self._database.number()))
        return Listing.of(found)

    def get(self, address: Address) -> Resource | None:
        """Raises PermanentError where the object is there and cannot be read: None would say that it is gone."""
        with self._database.reading() as connection:
            row = connection.execute(_LIVE + "AND o.kind = ? AND o.key = ?", (address.kind, address.key)).fetchone()
        if row is None:
            return None
        found = resource_of(row, address.registry, self._branches)
        if isinstance(found, Unreadable):
            raise PermanentError(f"{address} cannot be read: {found.message}")
        return found

    def together(self, works: Sequence[Callable[[], Result]]) -> list[Result]:
        """Carry out several of the writes below in one transaction: all of them, or none where one raises."""
        with self._database.writing():
            return [work() for work in works]

    def create(self, write: Write) -> Resource:
        address = write.desired.address
        spec = encode(write.whole, address, self._branches)
        with self._database.writing() as connection:
            _forbid_existing(connection, address)
            number = _last_revision(connection, address) + 1
            inserted = connection.execute(
                "INSERT INTO object (kind, key, revision) VALUES (?, ?, ?)", (address.kind, address.key, number)
            )
            return self._record(connection, write, "create", (inserted.lastrowid or 0, number), spec)

    def update(self, write: Write) -> Resource:
        return self._replace(write, "update")

    def rename(self, write: Write) -> Resource:
        """The object keeps its id and its history."""
        return self._replace(write, "rename")

    def _replace(self, write: Write, action: str) -> Resource:
        address, current = write.desired.address, write.current
        if current is None:
            raise ValueError(f"{action} of {address} without the object as it was read")
        spec = encode(write.whole, address, self._branches)
        with self._database.writing() as connection:
            last = 0
            if address.key != current.address.key:
                _forbid_existing(connection, address)
                last = _last_revision(connection, address)
            moved = connection.execute(_MOVE, (address.key, last, *_token(current)))
            if moved.rowcount == 0:
                raise _stale(connection, current)
            version = connection.execute("SELECT id, revision FROM object WHERE id = ?", (current.id,)).fetchone()
            return self._record(connection, write, action, version, spec)

    def delete(self, removal: Removal) -> None:
        """Already gone is success. What was removed stays in the history."""
        current, now = removal.current, self._now()
        if not self._database.exists():
            return
        with self._database.writing() as connection:
            removed = connection.execute(_REMOVE, (now, *_token(current)))
            if removed.rowcount == 0:
                if _lives(connection, current):
                    raise _stale(connection, current)
                return
            connection.execute(_RECORD_REMOVAL, (now, removal.actor, removal.plan, current.id, current.revision))

    def history(self, address: Address) -> tuple[Revision, ...]:
        branches = self._branches.get(address.kind, OPAQUE)
        with self._database.reading() as connection:
            rows = connection.execute(_HISTORY, {"kind": address.kind, "key": address.key}).fetchall()
        shape = self._shapes.get(address.kind, ANYTHING)
        return tuple(revision_of(row, branches, shape) for row in rows)

    def plan_record(self, nonce: str) -> PlanRecord | None:
        with self._database.reading() as connection:
            return _plan_record(connection, nonce)

    def begin_plan(self, nonce: str, fingerprint: str, actor: str) -> PlanRecord | None:
        """Nobody else writes between the look and the record, so of two at once one gets None."""
        with self._database.writing() as connection:
            found = _plan_record(connection, nonce)
            if found is None:
                connection.execute(
                    "INSERT INTO applied_plan VALUES (?, ?, ?, NULL, ?)", (nonce, fingerprint, self._now(), actor)
                )
            return found

    def end_plan(self, nonce: str) -> None:
        with self._database.writing() as connection:
            connection.execute("UPDATE applied_plan SET ended_at = ? WHERE nonce = ?", (self._now(), nonce))

    def _record(
        self, connection: sqlite3.Connection, write: Write, action: str, version: tuple[int, int], spec: str
    ) -> Resource:
        """Adds the revision that `version` (id and revision) names, and gives the object as a read would."""
        address, mark, now = write.desired.address, encode_mark(write.desired.mark), self._now()
        connection.execute(_RECORD, (*version, action, address.key, spec, mark, now, write.actor, write.plan))
        row = (version[0], address.kind, address.key, version[1], spec, mark, now)
        found = resource_of(as_read(row), address.registry, self._branches)
        if isinstance(found, Unreadable):
            raise PermanentError(f"{address} could not be read back, so it was not stored: {found.message}")
        return found

    def _now(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plan_record(connection: sqlite3.Connection, nonce: str) -> PlanRecord | None:
    row = connection.execute("SELECT begun_at, ended_at, actor FROM applied_plan WHERE nonce = ?", (nonce,)).fetchone()
    if row is None:
        return None
    begun, ended, actor = (None if value is None else value.decode("utf-8", "replace") for value in row)
    return PlanRecord(begun or "", ended, actor or "")


def _token(current: Resource) -> tuple[str | None, str | None, str, str]:
    return current.id, current.revision, current.address.kind, current.address.key


def _last_revision(connection: sqlite3.Connection, address: Address) -> int:
    found: int = connection.execute(_LAST, (address.key, address.kind)).fetchone()[0]
    return found


def _forbid_existing(connection: sqlite3.Connection, address: Address) -> None:
    row = connection.execute(
        "SELECT 1 FROM object WHERE kind = ? AND key = ? AND deleted_at IS NULL", (address.kind, address.key)
    ).fetchone()
    if row is not None:
        raise StaleObjectError(f"{address} exists already", hint="it was made since the plan: plan again")


def _lives(connection: sqlite3.Connection, current: Resource) -> bool:
    """Whether the object, or another one in its place, is still there."""
    row = connection.execute(
        "SELECT 1 FROM object WHERE deleted_at IS NULL AND (id = ? OR (kind = ? AND key = ?))",
        (current.id, current.address.kind, current.address.key),
    ).fetchone()
    return row is not None


def _stale(connection: sqlite3.Connection, current: Resource) -> StaleObjectError:
    what = "was changed" if _lives(connection, current) else "was deleted"
    return StaleObjectError(f"{current.address} {what} since it was read", hint="nothing was overwritten: plan again")
