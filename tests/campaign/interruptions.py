"""Signals that mean nothing, delivered while a registry is written: each system call may be cut short (EINTR).

Some go to the main thread, which speaks HTTP, and some to the others, of which one writes files for the registries that are files.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from campaign.gate import WRITES, through

TO_MAIN: Final = (signal.SIGUSR1, signal.SIGCHLD)  # SIGALRM is the test runner's own
TO_OTHERS: Final = signal.SIGUSR2  # the main thread blocks it meanwhile
SIGNALS: Final = (*TO_MAIN, TO_OTHERS)


class Storm:
    """Harmless signals, one after the other, from the beginning of each write to its end.

    `came` counts those that a handler saw, each by its number, `struck` the writes in which they came.
    """

    def __init__(self) -> None:
        self.came = Counter[int]()
        self.struck = 0
        self._first = threading.Event()

    async def call(self, inner: Any, verb: str, *args: Any) -> Any:
        """A call of a registry, with the storm around it if it is a write."""
        if verb not in WRITES:
            return await through(inner, verb, *args)
        self.struck += 1
        with self._blowing():
            return await through(inner, verb, *args)

    @contextmanager
    def _blowing(self) -> Iterator[None]:
        over = threading.Event()
        before = self.came.total()

        def blow() -> None:
            while not over.is_set():
                for number in TO_MAIN:
                    signal.pthread_kill(threading.main_thread().ident or 0, number)
                os.kill(os.getpid(), TO_OTHERS)

        signal.pthread_sigmask(signal.SIG_BLOCK, {TO_OTHERS})
        thread = threading.Thread(target=blow)  # it blocks what the main thread blocks when it starts
        thread.start()
        try:
            while self.came.total() == before:  # the write begins in the middle of it
                over.wait(0.001)
            yield
        finally:
            over.set()
            thread.join()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {TO_OTHERS})

    def handle(self, number: int, _: FrameType | None) -> None:
        self.came[number] += 1


@contextmanager
def storm() -> Iterator[Storm]:
    """A storm whose signals are handled, and that leaves the handlers as they were."""
    found = Storm()
    before = {number: signal.signal(number, found.handle) for number in SIGNALS}
    try:
        yield found
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
