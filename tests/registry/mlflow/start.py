"""Starts the MLflow server, in its own Python: start.py LOCK `mlflow`'s arguments…

The server ends with its users: each of them holds a shared lock on the file LOCK, which the kernel takes back however a
process ends, `kill -9` included. Whoever gets the exclusive lock knows that nobody is left. `mlflow server` runs the server
proper in a child, so it is the whole process group that ends.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Final

from mlflow.cli import cli

GRACE: Final = 20  # seconds for an orderly end


def end_with_the_last_user(lock: Path) -> None:
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.killpg(0, signal.SIGTERM)
        time.sleep(GRACE)
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=end_with_the_last_user, args=(Path(sys.argv[1]),), daemon=True).start()
    sys.argv[:2] = ["mlflow"]
    sys.exit(cli())
