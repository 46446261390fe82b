"""Files and bytes to text."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from reconciler.core.document import MAX_BYTES, decode, read_text
from reconciler.core.errors import Problem

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX files")


def refused(found: str | Problem) -> tuple[str, int, int]:
    assert isinstance(found, Problem)
    assert found.file == "shown"
    return found.rule, found.line, found.column


def test_text(tmp_path: Path) -> None:
    """A file is given as it is, but for one byte order mark."""
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\r\n")
    assert read_text(path, "shown") == "a: é\r\n"
    path.write_bytes(b"")
    assert read_text(path, "shown") == ""


@pytest.mark.parametrize(
    ("data", "line", "column", "words"),
    [
        (b"a: 1\n\xc3\xa9: \xff\n", 2, 4, "0xff"),
        (b"\xef\xbb\xbfa: \xc0\xaf", 1, 4, "0xc0"),
        (b"a: \xed\xa0\x80", 1, 4, "0xed"),
        (b"a\r\nb\r\xe9", 3, 1, "0xe9"),
        ("a: 1".encode("utf-16"), 1, 1, "UTF-16"),
        ("a: 1".encode("utf-16-be"), 1, 1, "UTF-16"),
        ("a: é".encode("utf-16-le"), 1, 1, "UTF-8"),
        ("a: 1".encode("utf-32"), 1, 1, "UTF-32"),
        (b"\xfe\xff\x00a", 1, 1, "UTF-16"),
        (b"\0" * 500, 1, 1, "nothing but NUL bytes"),
        (b"\0", 1, 1, "nothing but NUL bytes"),
    ],
)
def test_encoding(data: bytes, line: int, column: int, words: str) -> None:
    """Only UTF-8 is read; anything else is named, or the first bad byte has its place."""
    found = decode(data, "shown")
    assert refused(found)[0] == "encoding"
    assert isinstance(found, Problem)
    assert words in found.message
    assert found.message.startswith("cannot be read: ")  # so that it also reads well behind the file's name
    if words.startswith("0x"):
        assert (found.line, found.column) == (line, column)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["a", "kind: Model\nkey: a\n", "name: Über\n", "name: 日本\nkind: Model\n"])
def test_a_wide_encoding_without_a_mark_is_named(text: str, encoding: str) -> None:
    """By the bytes that are NUL in each of its units, as far as the rest can pass for UTF-8 at all."""
    found = decode(text.encode(encoding), "shown")
    assert isinstance(found, Problem)
    assert found.rule == "encoding"


@pytest.mark.parametrize(
    "data",
    [
        b"kind: Model\n" + b"\0" * 500,
        b"a: \0",
        b"\0\0\0kind",
        b"k\0ey\0\0\0: a",
        b"ab\0\0cd\0\0",
    ],
    ids=["end", "one", "begin", "between", "pairs"],
)
def test_nul_bytes_are_no_encoding(data: bytes) -> None:
    """A file that a crash cut off ends with them: it is UTF-8, and where they stand is told by whoever parses it."""
    assert decode(data, "shown") == data.decode()


def test_too_large(tmp_path: Path) -> None:
    """A large file is refused by its size; the limit itself is within it."""
    path = tmp_path / "a.yaml"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert refused(read_text(path, "shown")) == ("too-large", 1, 1)
    path.write_bytes(b"#" * MAX_BYTES)
    assert read_text(path, "shown") == "#" * MAX_BYTES
    assert refused(decode(b"#" * (MAX_BYTES + 1), "shown")) == ("too-large", 1, 1)


def test_unreadable(tmp_path: Path) -> None:
    """A file that vanished, a folder and a path that cannot be are problems, not errors."""
    assert refused(read_text(tmp_path / "gone", "shown")) == ("unreadable", 1, 1)
    assert refused(read_text(tmp_path, "shown")) == ("unreadable", 1, 1)
    assert refused(read_text(Path("a\0b"), "shown")) == ("unreadable", 1, 1)
    assert refused(read_text(tmp_path / ("x" * 5000), "shown")) == ("unreadable", 1, 1)


@posix
def test_special_files(tmp_path: Path) -> None:
    """A FIFO, a socket or a device is refused and never waited for."""
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        for path in (tmp_path / "fifo", tmp_path / "socket", Path("/dev/zero")):
            assert refused(read_text(path, "shown")) == ("unreadable", 1, 1)


@posix
def test_symlink_loop(tmp_path: Path) -> None:
    """Links in a circle have a rule of their own."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert refused(read_text(tmp_path / "a", "shown")) == ("symlink-loop", 1, 1)


READ_UNPRIVILEGED = """
import os, sys
from pathlib import Path
from reconciler.core.document import read_text

if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)  # whom a mode does refuse
for name in sys.argv[1:]:
    found = read_text(Path(name), "shown")
    print(found if isinstance(found, str) else f"{found.file}:{found.line}:{found.column} {found.rule} {found.message}")
"""


@posix
def test_permission() -> None:
    """A file without permission is unreadable, and the others are read."""
    with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
        Path(folder).chmod(0o755)  # another user cannot reach pytest's own
        closed, readable = Path(folder, "closed"), Path(folder, "readable")
        for path, mode in ((closed, 0), (readable, 0o644)):
            path.write_text("a: 1")
            path.chmod(mode)
        environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", READ_UNPRIVILEGED, str(closed), str(readable)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    refusal, text = done.stdout.splitlines()
    assert refusal.startswith("shown:1:1 unreadable ")
    assert text == "a: 1"
