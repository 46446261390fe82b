"""The real NeMo Platform server on loopback: one that all processes of a test run share, or one that a test may kill.

`tests/tools.sh` installs it. It keeps everything in a folder (SQLite, files, its log), asks nobody who they are, and ends
with the last process that uses it, also when that one was killed: see `start.py`.
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
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Self

import httpx2

HERE: Final = Path(__file__).resolve().parent
PYTHON: Final = HERE.parents[2] / ".cache" / "tools" / "nemo" / "bin" / "python"
SERVICES: Final = ("entities", "models", "secrets", "files", "inference-gateway")
PASSED: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR")  # of the environment; NMP_… in it would have the last word
PORTS: Final = range(20_000, 32_000)  # below those that the kernel gives to clients: free again after a `kill -9`
AUTH: Final = {
    "platform": {"runtime": "none"},
    "auth": {
        "enabled": True,
        "allow_unsigned_jwt": True,
        "policy_decision_point_provider": "embedded",
        "policy_data_refresh_interval": 1,
        "bundle_cache_seconds": 1,
    },
    "secrets": {"allow_key_creation": True},
}
TRUSTED: Final = {"X-NMP-Principal-Id": "service:tests"}  # who may do everything, also where it asks who one is
STARTING: Final = 180.0  # seconds; 4 on an idle machine
STOPPING: Final = 60.0  # 2
LEAVING: Final = 5.0

_LEFT: Final[list[subprocess.Popen[bytes]]] = []  # servers that others still use: a lost handle would be a warning


class Running(NamedTuple):
    """A server that runs. `data` is its folder, with `server.log`."""

    url: str
    pid: int
    data: Path


class NemoServer:
    """A server that keeps its data in `data` and its URL over any number of starts."""

    def __init__(self, data: Path, users: Path, *, controllers: Sequence[str] = (), auth: bool = False) -> None:
        """`users` is the lock file of those with whom it ends: see `use`."""
        data.mkdir(parents=True, exist_ok=True)
        self.data = data.resolve()
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._controllers = controllers
        self._auth = auth
        self._users = users.resolve()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        if self.process is None:
            raise RuntimeError("the NeMo server is not running")
        return self.process.pid

    @classmethod
    @contextmanager
    def private(cls, data: Path, *, controllers: Sequence[str] = (), auth: bool = False) -> Iterator[Self]:
        """A started server of one's own, to be stopped, killed and started again at will.

        With `controllers=["models"]` it looks every 5 s at what providers serve, and writes that into models.
        With `auth` it asks who one is: see `people`.
        """
        data.mkdir(parents=True, exist_ok=True)
        server = cls(data, data / "users", controllers=controllers, auth=auth)
        with use(data / "users"):
            try:
                server.start()
                yield server
            finally:
                server.stop()

    def start(self) -> None:
        """Starts it, unless it runs, and waits until it answers. Raises RuntimeError, with the end of its log, if it does not."""
        if self.process is not None:
            return
        command = [installed(), "-I", HERE / "start.py", self._users, "services", "run"]
        with (self.data / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                list(map(str, [*command, *self._options()])),
                cwd=self.data,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, which still want to clean up
            )
        self._wait()

    def stop(self) -> None:
        """Ends it in order, if it runs."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it in the middle of whatever it does."""
        self._end(signal.SIGKILL)

    def leave(self) -> None:
        """Waits for the end that comes with the last user, but not for the other users."""
        if self.process is not None:
            try:
                self.process.wait(LEAVING)
            except subprocess.TimeoutExpired:
                _LEFT.append(self.process)

    def _options(self) -> list[str]:
        services = ("auth", *SERVICES) if self._auth else SERVICES
        options = ["--services", ",".join(services), "--host", "127.0.0.1", "--port", str(self.port)]
        if self._controllers:
            options += ["--controllers", ",".join(self._controllers)]
        if self._auth:
            config = self.data / "auth.yaml"
            config.write_text(json.dumps(AUTH), "utf-8")
            options += ["--config", str(config)]
        return options

    def _environment(self) -> dict[str, str]:
        home = self.data / "home"  # the service `files` stores there, whatever NMP_DATA_DIR says
        home.mkdir(exist_ok=True)
        return {name: os.environ[name] for name in PASSED if name in os.environ} | {
            "HOME": str(home),
            "XDG_STATE_HOME": str(self.data / "state"),
            "NMP_DATA_DIR": str(self.data),
            "NEMO_PLUGIN_ALLOWLIST": "",
            "OTEL_SDK_DISABLED": "true",
        }

    def _wait(self) -> None:
        deadline = time.monotonic() + STARTING
        while not answers(self.url):
            if self.process is None or self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                end = (self.data / "server.log").read_text("utf-8", "replace").splitlines()[-30:]
                raise RuntimeError("the NeMo server does not start:\n" + "\n".join(end))
            time.sleep(0.05)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"the NeMo server did not end within {STOPPING:.0f} s of {how.name}") from None
        finally:
            self.process = None


@contextmanager
def shared(folder: Path) -> Iterator[Running]:
    """The server of all processes that name the same folder. The first one starts it; it ends with the last."""
    folder.mkdir(parents=True, exist_ok=True)
    users, told = folder / "users", folder / "server.json"
    started = None
    try:
        with use(users):  # waits for a server that is just ending
            with (folder / "starting").open("a") as turn:
                fcntl.flock(turn, fcntl.LOCK_EX)
                running = read(told)
                if running is None:
                    started = NemoServer(folder / f"data-{secrets.token_hex(4)}", users)
                    started.start()
                    running = Running(started.url, started.pid, started.data)
                    told.write_text(json.dumps([running.url, running.pid, str(running.data)]), "utf-8")
            yield running
    finally:
        if started is not None:
            started.leave()


def read(told: Path) -> Running | None:
    """The server that another process started, if it answers."""
    if not told.is_file():
        return None
    url, pid, data = json.loads(told.read_text("utf-8"))
    return Running(url, pid, Path(data)) if answers(url) else None


def use(users: Path) -> IO[str]:
    """The lock of one who uses the server: held until this file is closed, at the end of the process at the latest."""
    file = users.open("a")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def answers(url: str) -> bool:
    """Whether all services of a server are ready."""
    try:
        return httpx2.get(f"{url}/health/ready", trust_env=False).status_code == httpx2.codes.OK
    except httpx2.TransportError:
        return False


def create_workspace(url: str) -> str:
    """The name of a new workspace of the server at `url`."""
    name = f"w{secrets.token_hex(6)}"
    call("POST", f"{url}/apis/entities/v2/workspaces", json={"name": name})
    return name


def create_fileset(url: str, workspace: str, name: str) -> None:
    """A fileset with one file in it: an adapter needs one."""
    filesets = f"{url}/apis/files/v2/workspaces/{workspace}/filesets"
    call("POST", filesets, json={"name": name})
    call("PUT", f"{filesets}/{name}/-/adapter_config.json", content=b"{}")


def declare_ready(url: str, workspace: str, provider: str) -> None:
    """Says that a provider works, as the models controller would. The gateway serves no other, and hears of it within 3 s."""
    call("PUT", f"{url}/apis/models/v2/workspaces/{workspace}/providers/{provider}/status", json={"status": "READY"})


def call(method: str, url: str, **what: Any) -> httpx2.Response:
    """A request in the name of the platform itself, which may do everything. Raises httpx2.HTTPStatusError."""
    return httpx2.request(method, url, headers=TRUSTED, trust_env=False, timeout=60, **what).raise_for_status()


def free_port() -> int:
    """A port of PORTS that nobody listens at."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port for the NeMo server")


def installed() -> Path:
    """The Python that has the server. Where it is missing the tests fail: a skipped one would promise what nobody saw."""
    if not PYTHON.is_file():
        raise RuntimeError("missing: .cache/tools/nemo; `make tools` installs it")
    return PYTHON
