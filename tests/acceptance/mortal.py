"""The command with a registry that survives it, and a death at a chosen moment: `mortal.py STATE MOMENT ARGUMENT...`.

The registry is the memory driver's, kept in the file STATE after each write. MOMENT is `never`, or `N:before` or `N:after`: the
process kills itself, as `kill -9` does, just before or after its Nth write reaches the registry. A moment of `backup`, `ledger`
or `note` is just after that was written down.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "plugins")]

from registry.memory import SERVERS  # noqa: E402
from registry.memory_server import Server  # noqa: E402

from reconciler.cli import main  # noqa: E402
from reconciler.project import backup, ledger, unfinished  # noqa: E402

URL = "memory://mortal"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Kept(Server):
    """A server whose rows are in a file."""

    def __init__(self, file: Path, moment: str) -> None:
        super().__init__()
        self._file = file
        number, _, when = moment.partition(":")
        self._dies_at, self._when = (int(number), when) if number.isdecimal() else (0, "")
        self._done = 0
        if file.exists():
            self.rows = pickle.loads(file.read_bytes())  # our own file
            for _ in self.rows:
                next(self._ids)

    def _kept(self, write: Any, *args: Any) -> Any:
        self._done += 1
        if self._done == self._dies_at and self._when == "before":
            die()
        try:
            return write(*args)
        finally:
            self._keep()
            if self._done == self._dies_at:
                die()

    def _keep(self) -> None:
        """Written whole or not at all: another process may be reading it."""
        half = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        half.write_bytes(pickle.dumps(self.rows))
        half.replace(self._file)

    def create(self, *args: Any) -> Any:
        return self._kept(super().create, *args)

    def update(self, *args: Any) -> Any:
        return self._kept(super().update, *args)

    def delete(self, *args: Any) -> Any:
        return self._kept(super().delete, *args)


def dies_after(owner: Any, name: str) -> None:
    original = getattr(owner, name)

    def deadly(*args: Any, **kwargs: Any) -> Any:
        original(*args, **kwargs)
        die()

    setattr(owner, name, deadly)


if __name__ == "__main__":
    state, moment, *words = sys.argv[1:]
    SERVERS[URL] = Kept(Path(state), moment)
    match moment:
        case "backup":
            dies_after(backup, "write_backup")
        case "note":
            dies_after(unfinished.UnfinishedRuns, "note")
        case "ledger":
            dies_after(ledger.PlanLedger, "begin")
    sys.exit(main.run(words))
