"""What SQLite and the system say of the registry's file, in words that help."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import Final

import pytest

from reconciler.core.errors import PermanentError, TemporaryError
from reconciler.registry.local.failures import of_system, primary, translated

PATH: Final = Path("/place/registry.db")
CODES: Final = {name: getattr(sqlite3, name) for name in dir(sqlite3) if name.startswith("SQLITE_IOERR")}
OTHERS: Final = ("NOTADB", "CORRUPT", "READONLY", "CANTOPEN", "NOMEM", "PERM", "PROTOCOL", "FULL", "BUSY", "LOCKED")


def said(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize("name", [*CODES, *(f"SQLITE_{name}" for name in OTHERS)])
def test_every_failure_says_where_and_what_to_do_next(name: str) -> None:
    """Each code of SQLite that a disk, a lock or the memory can bring about."""
    error = translated(said(getattr(sqlite3, name)), PATH)
    assert str(PATH) in error.message
    assert error.hint


@pytest.mark.parametrize("name", ["SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_BUSY_SNAPSHOT"])
def test_a_lock_is_for_a_while(name: str) -> None:
    """Somebody else is writing."""
    assert isinstance(translated(said(getattr(sqlite3, name)), PATH), TemporaryError)


def test_what_failed_is_told() -> None:
    """A step of it, beside SQLite's own words."""
    error = translated(said(sqlite3.SQLITE_IOERR_FSYNC), PATH)
    assert "what was written did not reach the disk; SQLite: what SQLite says" in error.message


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE])
def test_a_full_disk_is_called_that(code: int) -> None:
    """Also where only the index of the log cannot grow."""
    assert translated(said(code), PATH).message.startswith("disk is full")


def test_an_error_of_the_python_module_has_no_code() -> None:
    """It is told with its own words."""
    error = sqlite3.ProgrammingError("closed")
    assert primary(error) == 0
    assert "closed" in translated(error, PATH).message


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES, errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_what_the_system_refuses_says_so(code: int) -> None:
    """With the place and what to do next."""
    error = of_system(OSError(code, os.strerror(code)), PATH)
    assert isinstance(error, PermanentError)
    assert str(PATH) in error.message
    assert error.hint
