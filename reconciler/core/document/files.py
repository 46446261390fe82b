"""Files and bytes to text, strictly UTF-8. Nothing here blocks, whatever the path names.

Every message begins with `cannot be read`: it reads well alone, and behind the name of the file.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from reconciler.core.document.values import MAX_BYTES, position
from reconciler.core.errors import Problem

# Without O_NONBLOCK, opening a FIFO waits for its writer; without O_NOCTTY, a terminal could become ours. Windows has
# neither, but would translate line ends without O_BINARY.
_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
# UTF-32's little-endian mark begins with UTF-16's, so it is looked for first.
_MARKS: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_UTF8_MARK: Final = b"\xef\xbb\xbf"


def read_text(path: str | Path, shown: str) -> str | Problem:
    """The text of a regular file of at most MAX_BYTES. `shown` is its name in the problem.

    Rules: `unreadable`, `symlink-loop`, `too-large`, `encoding`.
    """
    data = read_bytes(path, shown)
    return data if isinstance(data, Problem) else decode(data, shown)


def read_bytes(path: str | Path, shown: str) -> bytes | Problem:
    """The bytes of a regular file of at most MAX_BYTES. Rules: `unreadable`, `symlink-loop`, `too-large`."""
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:  # ValueError: a NUL inside the path
        return _not_opened(error, shown)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return _problem(shown, "unreadable", f"cannot be read: it is {_kind(status.st_mode)}, not a file")
        if status.st_size > MAX_BYTES:
            return _too_large(shown, f"{status.st_size:,} bytes")
        return _read(descriptor, status.st_size)
    except OSError as error:
        return _not_opened(error, shown)
    finally:
        os.close(descriptor)


def decode(data: bytes, shown: str) -> str | Problem:
    """UTF-8 to text, without its byte order mark if it has one. Rules: `too-large`, `encoding`."""
    if len(data) > MAX_BYTES:
        return _too_large(shown, "more" if len(data) == MAX_BYTES + 1 else f"{len(data):,} bytes")
    try:
        text = str(data, "utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(data, error.start, shown)
    if text and not text.strip("\0"):
        return _problem(shown, "encoding", "cannot be read: it holds nothing but NUL bytes; write it again")
    if "\0" in text and _is_wide(data):
        return _wide(shown, "UTF-16 or UTF-32")
    return text.removeprefix("\ufeff")


def _is_wide(data: bytes) -> bool:
    """True for UTF-16 or UTF-32 without a mark: in every unit the same bytes are NUL, and another one never is.

    A file that only holds NULs, at its end after a crash for example, is none: they are told where they stand.
    """
    for size in (2, 4):
        empty = [data[place::size].count(0) for place in range(size)]
        units = len(data) // size
        others = sorted(empty)[1:]
        if len(data) % size == 0 and min(empty) == 0 and all(2 * count > units for count in others):
            return True
    return False


def _read(descriptor: int, size: int) -> bytes:
    """Read the whole file, or MAX_BYTES + 1 bytes of one that grew since its size was taken."""
    data = os.read(descriptor, size + 1)
    if len(data) == size:
        return data
    chunks, total = [data], len(data)
    while total <= MAX_BYTES and (data := os.read(descriptor, MAX_BYTES + 1 - total)):
        chunks.append(data)
        total += len(data)
    return b"".join(chunks)


def _kind(mode: int) -> str:
    return next((name for test, name in _KINDS if test(mode)), "something else")


def _not_opened(error: OSError | ValueError, shown: str) -> Problem:
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.ELOOP:
        return _problem(shown, "symlink-loop", "cannot be read: its symbolic links form a cycle")
    if code == errno.ENXIO:  # what opening a socket gives
        return _problem(shown, "unreadable", "cannot be read: it is a socket or a device without a driver, not a file")
    if code == errno.ENOENT:
        return _problem(shown, "unreadable", "cannot be read: there is no such file")
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return _problem(shown, "unreadable", f"cannot be read: {reason.lower()}")


def _not_utf8(data: bytes, offset: int, shown: str) -> Problem:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _wide(shown, name)
    before = str(data[:offset].removeprefix(_UTF8_MARK), "utf-8")
    line, column = position(before, len(before))
    message = f"cannot be read: the byte 0x{data[offset]:02x} here is not UTF-8; save the file as UTF-8"
    return Problem(shown, line, column, "encoding", message, line, column + 1)


def _wide(shown: str, name: str) -> Problem:
    return _problem(shown, "encoding", f"cannot be read: it is {name}; save the file as UTF-8")


def _too_large(shown: str, size: str) -> Problem:
    return _problem(
        shown, "too-large", f"cannot be read: it is too large, {size}, where at most {MAX_BYTES:,} bytes are read"
    )


def _problem(shown: str, rule: str, message: str) -> Problem:
    return Problem(shown, 1, 1, rule, message, 1, 1)
