"""Starts the server, in its own Python: start.py LOCK `nemo`'s arguments…

The server ends with its users: each of them holds a shared lock on the file LOCK, which the kernel takes back however a
process ends, `kill -9` included. Whoever gets the exclusive lock knows that nobody is left.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

from nemo_platform.cli.app import cli
from nmp.core.models.controllers.backends.backends import ServiceBackend
from nmp.core.models.controllers.backends.registry import backend_classes

GRACE: Final = 20  # seconds for an orderly end


class NoDeployments(ServiceBackend):
    """Runs no model. The models controller does not start without a backend, and the one that the wheel names is not in it."""

    def __init__(self, *_: Any) -> None:
        pass

    def shutdown(self) -> None:
        pass

    async def create_model_deployment(self, ctx: Any) -> Any:
        raise NotImplementedError

    async def update_model_deployment(self, ctx: Any) -> Any:
        raise NotImplementedError

    async def get_model_deployment_status(self, ctx: Any) -> Any:
        raise NotImplementedError

    async def delete_model_deployment(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    async def list_managed_deployment_names(self) -> list[str]:
        return []


def end_with_the_last_user(lock: Path) -> None:
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        os._exit(1)


if __name__ == "__main__":
    backend_classes["deployments_plugin"] = NoDeployments
    threading.Thread(target=end_with_the_last_user, args=(Path(sys.argv[1]),), daemon=True).start()
    sys.argv[:2] = ["nemo"]
    sys.exit(cli())
