"""Files that must survive a crash: on the disk with their folder when the call returns."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from reconciler.core import presence

OWN: Final = ".reconciler"  # the folder of a project with what is nobody's source: it says so to git
PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600  # what registries hold concerns whoever may read them


def missing_folders(path: Path) -> list[Path]:
    """A folder and those above it, as far as they are not there, the innermost first. Raises OSError where that cannot be told."""
    return [folder for folder in (path, *path.parents) if presence.status(folder) is None]


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it, each on the disk, with that mode but for what the umask takes. Raises OSError."""
    missing = missing_folders(path)
    for folder in reversed(missing):
        folder.mkdir(mode, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)
    _keep_out_of_git(path)


def _keep_out_of_git(path: Path) -> None:
    own = next((folder for folder in (path, *path.parents) if folder.name == OWN), None)
    if own is not None:
        with suppress(FileExistsError):
            write_new(own / ".gitignore", "# made by reconciler\n*\n")


def write_new(path: Path, text: str, mode: int = 0o666) -> None:
    """Write a file that must not exist, with that mode but for what the umask takes.

    Raises OSError (FileExistsError); what is left of one that could not be written is removed.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:  # from here on the file is ours
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text.encode("utf-8", "surrogatepass"))
            stream.flush()
            os.fsync(descriptor)
        sync_folder(path.parent)
    except OSError:
        with suppress(OSError):  # it is the first failure that is told
            path.unlink(missing_ok=True)
        raise


def replace_file(path: Path, text: str) -> None:
    """Put another text into a file: whoever reads it sees the old one or the new one, whole. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_new(beside, text)
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def rewrite_file(path: Path, data: bytes) -> None:
    """Put other bytes into a file that is there, whole or not at all: its mode and its owner stay.

    Raises OSError, also where the file itself may not be written, or its owner could not be kept.
    """
    status = path.stat()
    if not os.access(path, os.W_OK):  # a folder that may be written to would be enough to replace it
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    beside = path.with_name(f".{path.name[:200]}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            made = os.fstat(descriptor)
            if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
                os.fchown(descriptor, status.st_uid, status.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
            os.fsync(descriptor)
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Put the names in a folder on the disk: a file that is synced may still be lost with its name."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
