"""Runs a program that ends with its user: keeper.py LOCK FOLDER program argument…

The user holds a shared lock on the file LOCK, which the kernel takes back however a process ends, `kill -9` included: whoever gets
the exclusive lock knows that nobody is left. A killed keeper takes its program with it (`setpriv --pdeathsig`, among the
arguments). FOLDER, unless it is "", goes with the user, not with the program, which may be started again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

GRACE: Final = 20  # seconds for an orderly end
END: Final = signal.SIGINT  # an orderly end for all of them; SIGTERM lets PostgreSQL wait for its clients


def end_with_the_user(lock: str, program: subprocess.Popen[bytes], alone: threading.Event) -> None:
    with Path(lock).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        alone.set()
        end(program)


def end(program: subprocess.Popen[bytes]) -> None:
    program.send_signal(END)
    try:
        program.wait(GRACE)
    except subprocess.TimeoutExpired:
        program.kill()


def main(lock: str, folder: str, *command: str) -> int:
    program = subprocess.Popen(command)
    alone = threading.Event()

    def asked(*_: Any) -> None:
        threading.Thread(target=end, args=(program,), daemon=True).start()

    signal.signal(signal.SIGTERM, asked)
    threading.Thread(target=end_with_the_user, args=(lock, program, alone), daemon=True).start()
    code = program.wait()
    if folder and alone.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return abs(code)


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(*sys.argv[1:]))
