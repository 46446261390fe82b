"""A real PostgreSQL of one's own on loopback, from Debian's package. It asks for no password, and forgets all when it ends."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from kept import Kept, passed
from registry.server_process import free_port

DEBIAN: Final = Path("/usr/lib/postgresql")
# Nothing has to outlive the machine, and there is one way in: TCP on loopback.
SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
}


class Postgres:
    """A cluster with one database. As root it runs as `nobody`, since PostgreSQL refuses to run as root."""

    def __init__(self, log: Path, users: Path) -> None:
        self.port = free_port()
        self._kept = Kept("PostgreSQL", log, users)
        self._uid: list[str] = []
        # not below pytest's folders, which only their owner may enter
        self._folder = Path(tempfile.mkdtemp(prefix="reconciler-postgres-"))
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._uid = [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Starts it, made anew where it has no data, and waits until it answers."""
        data = str(self._folder / "data")
        if not Path(data, "PG_VERSION").exists():
            how = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
            command = ["setpriv", *self._uid, program("initdb"), "-D", data, *how]
            subprocess.run(command, cwd="/", env=passed(), check=True, capture_output=True)
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [program("postgres"), "-D", data, "-p", str(self.port), *settings]
        self._kept.start(command, passed(), self._answers, folder=str(self._folder), uid=self._uid)

    def stop(self) -> None:
        """Ends it, at once for its clients. It can be started again."""
        self._kept.stop()

    def remove(self) -> None:
        """Ends it for ever."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, sql: str) -> str:
        """What psql prints for `sql`: one row a line, columns apart by `|`."""
        return self._client("psql", "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", sql=sql)

    def dump(self) -> str:
        """All that is stored, as text."""
        return self._client("pg_dump", "--data-only", "--inserts")

    def _client(self, name: str, *options: str, sql: str = "") -> str:
        command = [program(name), *options, self.url]
        done = subprocess.run(command, input=sql, env=passed(), check=True, capture_output=True, text=True)
        return done.stdout

    def _answers(self) -> bool:
        command = [program("pg_isready"), "-q", "-d", self.url]
        return subprocess.run(command, env=passed(), check=False).returncode == 0


def program(name: str) -> str:
    """The path of a program of PostgreSQL: Debian keeps those of the server out of PATH."""
    versions = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        raise RuntimeError(f"missing: PostgreSQL's {name}; `make tools` installs it")
    return found
