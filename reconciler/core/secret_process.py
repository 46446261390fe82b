"""The process of a secret command: bounded in time and output, without a terminal. Nothing that it prints is in an error."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from reconciler.core.errors import SecretError

SECONDS: Final = 10.0
MAX_BYTES: Final = 64 * 1024
_BY_HAND: Final = "run it by hand to see why: its output may hold the secret, and is not shown"

T = TypeVar("T")


def side_by_side(one: Callable[[str], T], items: Sequence[str], most: int) -> dict[str, T]:
    """What `one` gives for each item, of which at most so many are under way at one time."""
    pool = ThreadPoolExecutor(max_workers=most, thread_name_prefix="reconciler-secrets")
    try:
        return dict(zip(items, pool.map(one, items), strict=True))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # where the user interrupts, nobody waits for the rest


def run(words: Sequence[str], folder: Path, environ: Mapping[str, str], *, seconds: float = SECONDS) -> str:
    """What a program prints on stdout, with LF ends and without one line end at its end.

    It reads nothing, and is in a process group of its own, which is killed where it takes more than `seconds` or prints too much. Raises SecretError,
    whose message is the rest of a sentence about the command.
    """
    try:
        process = subprocess.Popen(  # noqa: S603  # whoever writes reconciler.yaml names the program
            words,
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "an argument cannot be given to a program"
        raise SecretError(
            f"cannot be started: {reason}", hint="`secret_commands` in reconciler.yaml names its program"
        ) from error
    try:
        data = _read(process, time.monotonic() + seconds)
    finally:
        _end(process)
    if data is None:
        raise SecretError(f"did not end within {seconds:g} seconds", hint=_BY_HAND)
    if len(data) > MAX_BYTES:
        raise SecretError(
            f"printed more than {MAX_BYTES // 1024} KiB", hint="it is to print the secret and nothing else"
        )
    if process.returncode != 0:
        raise SecretError(_status(process.returncode), hint=_BY_HAND)
    try:
        text = data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise SecretError("printed what is not UTF-8 text", hint="it is to print the secret as text") from error
    if not text:
        raise SecretError("printed nothing", hint=_BY_HAND)
    return text


def _status(code: int) -> str:
    if code >= 0:
        return f"ended with status {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _read(process: subprocess.Popen[bytes], deadline: float) -> bytes | None:
    """What the process prints until it ends, at most one byte more than it may; None where it does not end in time."""
    read: list[bytes] = []
    stream = process.stdout
    if stream is None:
        return b""

    def read_all() -> None:
        with stream:  # closed here alone: closing waits for who reads, and a process that got away may keep it open
            read.append(stream.read(MAX_BYTES + 1))

    reader = threading.Thread(target=read_all, daemon=True)
    reader.start()
    reader.join(deadline - time.monotonic())
    if not read:
        return None
    if len(read[0]) <= MAX_BYTES:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None
    return read[0]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process, where it still runs, with all that it started, and take its status."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
