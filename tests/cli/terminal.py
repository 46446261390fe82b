"""The command on a pseudo-terminal: what it shows there, and what somebody types."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cli.project import Project, argv
from programs import HANGS


@dataclass
class Terminal:
    """A process on a pseudo-terminal. `seen` is all that it showed."""

    process: subprocess.Popen[bytes]
    master: int
    seen: str = ""

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + HANGS
        while text not in self.seen and time.monotonic() < deadline:
            self._read()
        assert text in self.seen, self.seen

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def end(self) -> int:
        while self._read():
            pass
        return self.process.wait(timeout=HANGS)

    def _read(self) -> bool:
        try:
            data = os.read(self.master, 65536)
        except OSError:  # the other side is closed
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)


@contextmanager
def terminal(project: Project, *words: str, **variables: str) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        argv(*words), cwd=project.root, stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "TERM": "xterm", **variables}, start_new_session=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),  # noqa: PLW1509  # Ctrl-C reaches it
    )  # fmt: skip
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)
