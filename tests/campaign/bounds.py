"""Bounds of the work on one input: seconds of CPU time, so that a busy machine changes nothing, and bytes of memory."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

SECONDS: Final = 10.0  # of CPU, for some kilobytes of input
MEMORY: Final = 512 * 1024 * 1024  # bytes beyond what the process has when it begins


class TooMuchError(BaseException):
    """An input takes longer than any input may. No handler of the program can catch it."""


@contextmanager
def bounded() -> Iterator[None]:
    """Raise TooMuchError where what is done inside takes more than SECONDS of CPU time."""
    before = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _stop(*_: Any) -> None:
    raise TooMuchError(f"more than {SECONDS:g} seconds of CPU time")


def limit_memory() -> None:
    """From now on, this process gets a MemoryError where it asks for more than MEMORY."""
    now = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
