"""Read and write the files of commands other than manifests: saved plans, answers, exports."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.core import presence
from reconciler.core.errors import InputError


def write_text(path: Path, text: str) -> None:
    """Writes a file, whole or not at all. Raises InputError, with the path, where it cannot."""
    with _input_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if presence.is_there(path) and not presence.is_file(path):  # a device or a FIFO, such as /dev/stderr
            path.write_text(text, encoding="utf-8")
            return
        path = Path(os.path.realpath(path))  # a link stays a link
        beside = path.with_name(f".{path.name[:200]}.{os.getpid()}")
        try:
            beside.write_text(text, encoding="utf-8")
            if presence.is_there(path):
                beside.chmod(path.stat().st_mode & 0o777)
            beside.replace(path)
        except BaseException:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise


def check_writable(path: Path) -> None:
    """Before any work is done: raises InputError where `write_text` could not write the file."""
    with _input_errors(path):
        if presence.is_folder(path):
            raise InputError(f"{path} cannot be written: it is a folder")
        device = presence.is_there(path) and not presence.is_file(path)
        nearest = (
            path
            if device
            else next(folder for folder in Path(os.path.realpath(path)).parents if presence.is_there(folder))
        )
        if not device and not presence.is_folder(nearest):
            raise InputError(f"{path} cannot be written: {nearest} is not a folder")
        if not os.access(nearest, os.W_OK):
            raise InputError(f"{path} cannot be written: permission denied")


@contextmanager
def _input_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    except ValueError as error:  # a NUL in the path
        raise InputError(f"{str(path)!r} cannot be written: {error}") from error


def read_file(path: Path, limit: int) -> str:
    """A file's text. Raises InputError where it is missing, no regular file, too large or not UTF-8."""
    try:
        if not presence.is_there(path):
            raise InputError(f"{path} cannot be read: there is no such file")
        if not presence.is_file(path):
            raise InputError(f"{path} cannot be read: it is not a regular file")
        if path.stat().st_size > limit:
            raise InputError(f"{path} is larger than {limit // 1024 // 1024} MiB")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text") from error
