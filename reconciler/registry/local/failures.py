"""Failures of SQLite and of the system, as errors that say what to do next. What was stored before stays stored."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import Final, NamedTuple

from reconciler.registry.driver import PermanentError, RegistryError, TemporaryError

_DISK: Final = "look at the disk (`dmesg` tells of its errors), then run again"
_ROOM: Final = "make room and run again"
# the second is what is left of a full disk when the index of the log cannot grow
_FULL: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)


class _Reason(NamedTuple):
    what: str
    hint: str


_REASONS: Final = {
    sqlite3.SQLITE_NOTADB: _Reason(
        "is not a SQLite database", "it was left as it is: correct the registry's `path`, or move the file away"
    ),
    sqlite3.SQLITE_CORRUPT: _Reason(
        "is damaged", "restore it from a copy, or move it away and apply the manifests to a new one"
    ),
    sqlite3.SQLITE_READONLY: _Reason(
        "is read-only, or its folder is", "make both writable, or correct the registry's `path`"
    ),
    sqlite3.SQLITE_CANTOPEN: _Reason(
        "cannot be opened: its folder or the file itself forbids it, or the disk fails",
        "correct the permissions or the registry's `path`, or look at the disk",
    ),
    sqlite3.SQLITE_IOERR: _Reason("could not be read or written by the system", _DISK),
    sqlite3.SQLITE_NOMEM: _Reason("could not be used: there is no memory left", "free some memory, and run again"),
    sqlite3.SQLITE_PERM: _Reason("may not be used", "correct the permissions, or the registry's `path`"),
    sqlite3.SQLITE_PROTOCOL: _Reason(
        "is used by so many at once that no turn came", "run again when the others are done"
    ),
}
# of the input and output errors, what could not be done
_STEPS: Final = {
    sqlite3.SQLITE_IOERR_READ: "reading it failed",
    sqlite3.SQLITE_IOERR_SHORT_READ: "it ends early",
    sqlite3.SQLITE_IOERR_WRITE: "writing to it failed",
    sqlite3.SQLITE_IOERR_FSYNC: "what was written did not reach the disk",
    sqlite3.SQLITE_IOERR_DIR_FSYNC: "its folder did not reach the disk",
    sqlite3.SQLITE_IOERR_TRUNCATE: "its log could not be cut",
    sqlite3.SQLITE_IOERR_FSTAT: "its size could not be asked for",
    sqlite3.SQLITE_IOERR_LOCK: "it could not be locked",
    sqlite3.SQLITE_IOERR_RDLOCK: "it could not be locked",
    sqlite3.SQLITE_IOERR_UNLOCK: "its lock could not be given back",
    sqlite3.SQLITE_IOERR_DELETE: "its journal could not be removed",
    sqlite3.SQLITE_IOERR_ACCESS: "its journal could not be looked for",
    sqlite3.SQLITE_IOERR_SHMOPEN: "the index of its log could not be opened",
    sqlite3.SQLITE_IOERR_SHMMAP: "the index of its log could not be mapped",
    sqlite3.SQLITE_IOERR_SHMLOCK: "the index of its log could not be locked",
}


def primary(error: sqlite3.Error) -> int:
    """The primary result code; 0 where the error is the Python module's own."""
    return _code(error) & 0xFF


def translated(error: sqlite3.Error, path: Path) -> RegistryError:
    """The error of a registry at `path` that SQLite's means."""
    code = primary(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return TemporaryError(f"{path} is locked", hint="another reconciler is writing: run again when it is done")
    if _code(error) in _FULL:
        return PermanentError(f"disk is full: {path} could not grow; what was stored before is intact", hint=_ROOM)
    known = _REASONS.get(code)
    step = _STEPS.get(_code(error))
    why = f"SQLite: {error}" if step is None else f"{step}; SQLite: {error}"
    what = "could not be used" if known is None else known.what
    return PermanentError(f"{path} {what} ({why})", hint=None if known is None else known.hint)


def damaged(path: Path) -> RegistryError:
    """The error of a registry at `path` that is damaged so that not even SQLite's words for it can be read."""
    known = _REASONS[sqlite3.SQLITE_CORRUPT]
    return PermanentError(f"{path} {known.what} (its schema holds names that are no text)", hint=known.hint)


def of_system(error: OSError, path: Path) -> RegistryError:
    """The error of a registry at `path` whose file, or one beside it, the system refuses."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return PermanentError(f"{path} cannot be opened: disk is full", hint=_ROOM)
    hint = _DISK if error.errno == errno.EIO else "correct the permissions, or the registry's `path`"
    return PermanentError(f"{path} cannot be opened: {error.strerror or type(error).__name__}", hint=hint)


def _code(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code
