"""Files written whole or not at all, by one writer at a time; and the one place where the system's errors become ours."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from reconciler.registry.driver import PermanentError, TemporaryError

PATIENCE: Final = 10.0  # seconds for another writer to end
_POLL: Final = 0.02
_TEMPORARY: Final = ".reconciler-"  # begins the name of a file that is still being written
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def locked(folder: Path, *, writing: bool, patience: float = PATIENCE) -> Iterator[bool]:
    """While this is open nobody writes in the folder but us; without `writing`, nobody at all.

    Gives whether the folder is there; with `writing` it is made. The lock goes with the process, however that ends. Raises TemporaryError where
    another one holds it for longer than `patience` seconds.
    """
    with translated(folder):
        if writing:
            folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            descriptor = None
    if descriptor is None:
        yield False
        return
    try:
        _wait_for(descriptor, folder, fcntl.LOCK_EX if writing else fcntl.LOCK_SH, patience)
        if writing:
            _sweep(folder)
        yield True
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, folder: Path, kind: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            with translated(folder):
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except TemporaryError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL)
        else:
            return


def _sweep(folder: Path) -> None:
    """Removes what a writer that was killed left behind: whoever is alive holds the lock."""
    with translated(folder):
        for name in os.listdir(folder):
            if name.startswith(_TEMPORARY):
                (folder / name).unlink(missing_ok=True)


def write(path: Path, text: str) -> None:
    """Writes the file, which is on the disk when this returns. Whoever reads it meanwhile reads the old one. Raises PermanentError."""
    beside = path.with_name(f"{_TEMPORARY}{os.getpid()}")
    with translated(path):
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            with os.fdopen(descriptor, "wb") as stream:
                if (mode := _mode(path)) is not None:
                    os.fchmod(descriptor, mode)
                stream.write(text.encode())
                stream.flush()
                os.fsync(descriptor)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        _sync(path.parent)


def rename(old: Path, new: Path) -> None:
    """Gives the file another name. Raises PermanentError."""
    with translated(old):
        old.rename(new)
        _sync(old.parent)


def remove(path: Path) -> None:
    """Removes the file; already gone is success. Raises PermanentError."""
    with translated(path):
        path.unlink(missing_ok=True)
        _sync(path.parent)


def status_of(path: Path) -> os.stat_result | None:
    """What the system knows of a file, links not followed, or None where there is none. Raises PermanentError."""
    with translated(path):
        try:
            return path.lstat()
        except FileNotFoundError:
            return None


def names_in(folder: Path) -> list[str]:
    """The names of what is in a folder, sorted. Raises PermanentError."""
    with translated(folder):
        return sorted(os.listdir(folder))


def _mode(path: Path) -> int | None:
    status = status_of(path)
    return None if status is None else stat.S_IMODE(status.st_mode)


def _sync(folder: Path) -> None:
    """A new name is on the disk only once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    try:
        yield
    except BlockingIOError as error:
        hint = "another reconciler is writing there: run again when it is done"
        raise TemporaryError(f"{path} is locked", hint=hint) from error
    except (FileExistsError, NotADirectoryError) as error:
        raise PermanentError(f"{path} is not a folder", hint="`path` names a folder") from error
    except OSError as error:
        reason = "the disk is full" if error.errno in _FULL else error.strerror or type(error).__name__
        raise PermanentError(f"{path}: {reason}") from error
