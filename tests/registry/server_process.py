"""A real server on loopback as a process of the tests: one that all processes of a test run share, or one that a test may kill.

It keeps everything in a folder (its data, its log), and ends with the last process that uses it, also when that one was killed:
each user holds a shared lock on a file, and the program that runs the server (`start.py` beside each subclass) waits for the
exclusive one.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar, Final, NamedTuple, Self

PASSED: Final = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TMPDIR",
)  # of the environment; a server's own variables would have the last word
PORTS: Final = range(20_000, 32_000)  # below those that the kernel gives to clients: free again after a `kill -9`
STARTING: Final = 180.0  # seconds; 4 to 10 on an idle machine
STOPPING: Final = 60.0  # 2
LEAVING: Final = 5.0

_LEFT: Final[list[subprocess.Popen[bytes]]] = []  # servers that others still use: a lost handle would be a warning
_RESERVED: Final[list[IO[str]]] = []  # the locks of `free_port`, held until this process ends


class Running(NamedTuple):
    """A server that runs. `data` is its folder, with `server.log`."""

    url: str
    pid: int
    data: Path


class ServerProcess(ABC):
    """A server that keeps its data in `data` and its URL over any number of starts."""

    name: ClassVar[str]

    def __init__(self, data: Path, users: Path) -> None:
        """`users` is the lock file of those with whom it ends: see `use`."""
        data.mkdir(parents=True, exist_ok=True)
        self.data = data.resolve()
        self.users = users.resolve()
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        if self.process is None:
            raise RuntimeError(f"the {self.name} server is not running")
        return self.process.pid

    @property
    def log(self) -> str:
        """What it has said, over all its starts."""
        return (self.data / "server.log").read_text("utf-8", "replace")

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """What starts it."""

    @abstractmethod
    def environment(self) -> Mapping[str, str]:
        """What it gets beside PASSED."""

    @staticmethod
    @abstractmethod
    def answers(url: str) -> bool:
        """Tell if the server at `url` is ready."""

    @classmethod
    @contextmanager
    def private(cls, data: Path, **options: Any) -> Iterator[Self]:
        """A started server of one's own, to be stopped, killed and started again at will. `options` are the subclass's."""
        data.mkdir(parents=True, exist_ok=True)
        server = cls(data, data / "users", **options)
        with use(data / "users"):
            try:
                server.start()
                yield server
            finally:
                server.stop()

    @classmethod
    @contextmanager
    def shared(cls, folder: Path, **options: Any) -> Iterator[Running]:
        """The server of all processes that name the same folder. The first one starts it; it ends with the last."""
        folder.mkdir(parents=True, exist_ok=True)
        users, told = folder / "users", folder / "server.json"
        started = None
        try:
            with use(users):  # waits for a server that is just ending
                with (folder / "starting").open("a") as turn:
                    fcntl.flock(turn, fcntl.LOCK_EX)
                    running = cls._started_by_another(told)
                    if running is None:
                        started = cls(folder / f"data-{secrets.token_hex(4)}", users, **options)
                        started.start()
                        running = Running(started.url, started.pid, started.data)
                        told.write_text(json.dumps([running.url, running.pid, str(running.data)]), "utf-8")
                yield running
        finally:
            if started is not None:
                started.leave()

    @classmethod
    def _started_by_another(cls, told: Path) -> Running | None:
        """The server that another process started, if it still runs: a busy one may be slow to answer, and is waited for."""
        if not told.is_file():
            return None
        url, pid, data = json.loads(told.read_text("utf-8"))
        return Running(url, pid, Path(data)) if cls._comes_up(url, pid) else None

    @classmethod
    def _comes_up(cls, url: str, pid: int) -> bool:
        """Wait until a server answers. False where its process ends before that, or it takes longer than STARTING."""
        deadline = time.monotonic() + STARTING
        while runs(pid) and time.monotonic() < deadline:
            if cls.answers(url):
                return True
            time.sleep(0.05)
        return False

    def start(self) -> None:
        """Starts it, unless it runs, and waits until it answers. Raises RuntimeError, with the end of its log, if it does not."""
        if self.process is not None:
            return
        passed = {name: os.environ[name] for name in PASSED if name in os.environ}
        with (self.data / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                list(map(str, self.command())),
                cwd=self.data,
                env=passed | dict(self.environment()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, which still want to clean up
            )
        if not self._comes_up(self.url, self.pid):
            self.kill()
            raise RuntimeError(f"the {self.name} server does not start:\n" + "\n".join(self.log.splitlines()[-30:]))

    def stop(self) -> None:
        """Ends it in order, if it runs."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it in the middle of whatever it does, with the processes that it made."""
        self._end(signal.SIGKILL)

    def leave(self) -> None:
        """Waits for the end that comes with the last user, but not for the other users."""
        if self.process is not None:
            try:
                self.process.wait(LEAVING)
            except subprocess.TimeoutExpired:
                _LEFT.append(self.process)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        group, deadline = self.process.pid, time.monotonic() + STOPPING
        _signal(group, how)
        try:
            self.process.wait(STOPPING)
            while listens(self.port):
                if time.monotonic() > deadline:
                    raise subprocess.TimeoutExpired(self.process.args, STOPPING)
                time.sleep(0.02)
        except subprocess.TimeoutExpired:
            _signal(group, signal.SIGKILL)
            self.process.wait()
            raise RuntimeError(f"the {self.name} server did not end within {STOPPING:.0f} s of {how.name}") from None
        finally:
            self.process = None


def use(users: Path) -> IO[str]:
    """The lock of one who uses the server: held until this file is closed, at the end of the process at the latest."""
    file = users.open("a")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def free_port() -> int:
    """A port of PORTS that nobody listens at, reserved until this process ends.

    A server takes seconds until it listens, and may be started again: meanwhile no other test, of whatever run, may get its port.
    """
    for port in random.sample(PORTS, 100):
        lock = _reserved(port)
        if lock is None:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                lock.close()
                continue
        _RESERVED.append(lock)
        return port
    raise RuntimeError("no free port for a server")


def _reserved(port: int) -> IO[str] | None:
    """The lock of a port among all test runs of this user; None where another one has it."""
    folder = Path(tempfile.gettempdir()) / f"reconciler-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = (folder / str(port)).open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def runs(pid: int) -> bool:
    """Tell if a process has not ended. One that nobody has asked about yet has ended too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def listens(port: int) -> bool:
    """Tell if something still takes connections at a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _signal(group: int, how: signal.Signals) -> None:
    try:
        os.killpg(group, how)
    except ProcessLookupError:
        return
