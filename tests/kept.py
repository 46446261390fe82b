"""A program that runs until its user ends, stops it or kills it: what the servers of several tests have in common."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from registry.server_process import PASSED

HERE: Final = Path(__file__).resolve().parent
STARTING: Final = 300.0  # seconds; 1 for the database and 8 for the proxy on an idle machine
STOPPING: Final = 60.0


class Kept:
    """One program and its log. `users` is the lock file of those with whom it ends."""

    def __init__(self, name: str, log: Path, users: Path) -> None:
        self.name = name
        self.log = log
        self._users = users
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        """True from its start until it is stopped or killed."""
        return self._process is not None

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        ready: Callable[[], bool],
        *,
        folder: str = "",
        uid: Sequence[str] = (),
    ) -> None:
        """Starts it, and waits until it is ready. Raises RuntimeError with the end of its log. `folder` goes with its user."""
        kept = [sys.executable, "-I", str(HERE / "keeper.py"), str(self._users), folder]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*kept, "setpriv", *uid, "--pdeathsig", "KILL", *command],
                cwd=self.log.parent,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, which still want to clean up
            )
        deadline = time.monotonic() + STARTING
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                end = self.log.read_text("utf-8", "replace").splitlines()[-30:]
                raise RuntimeError(f"{self.name} does not start:\n" + "\n".join(end))
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends it in order, if it runs."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it in the middle of whatever it does."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"{self.name} did not end within {STOPPING:.0f} s of {how.name}") from None


def passed() -> dict[str, str]:
    """The part of the environment that a program gets."""
    return {name: os.environ[name] for name in PASSED if name in os.environ}
