"""The time that is left for one registry. Who reads or writes it sets a deadline; who waits, to try again, asks for it.

A deadline ends waiting and new work, never a write that is under way: that one gets its answer, within its own `timeout`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Final, NamedTuple, TypeVar

T = TypeVar("T")

HINT: Final = "run again to go on; `deadline` in the registry's entry of reconciler.yaml gives it more time"


class Deadline(NamedTuple):
    """When the time of one registry is over: `end` by the clock of the event loop, `seconds` after it began."""

    seconds: float
    end: float

    @property
    def remaining(self) -> float:
        """Seconds; 0 where it is over."""
        return max(0.0, self.end - asyncio.get_running_loop().time())

    def __str__(self) -> str:
        return f"deadline of {self.seconds:g} seconds"


_CURRENT: Final[ContextVar[Deadline | None]] = ContextVar("deadline", default=None)


def start(seconds: float | None) -> Deadline | None:
    """A deadline that many seconds from now; none for None."""
    return None if seconds is None else Deadline(seconds, asyncio.get_running_loop().time() + seconds)


@contextmanager
def _inside(variable: ContextVar[T], value: T) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def within(deadline: Deadline | None) -> AbstractContextManager[None]:
    """Everything that this task does inside is under that deadline."""
    return _inside(_CURRENT, deadline)


def current() -> Deadline | None:
    """The deadline that this task is under, if any."""
    return _CURRENT.get()


def remaining() -> float:
    """The seconds that are left; infinite where there is no deadline."""
    deadline = current()
    return math.inf if deadline is None else deadline.remaining


_UNACKNOWLEDGED: Final[ContextVar[float | None]] = ContextVar("unacknowledged", default=None)


def unacknowledged_for(seconds: float) -> AbstractContextManager[None]:
    """What is sent over connections that are opened inside, and not acknowledged for so many seconds, is not sent again.

    The kernel would go on for many minutes, even for a process that is frozen or dead, and deliver a write long after whoever
    sent it lost the right to it.
    """
    return _inside(_UNACKNOWLEDGED, seconds)


def unacknowledged() -> float | None:
    """The seconds for which the kernel may send again what is not acknowledged; None for as long as it likes."""
    return _UNACKNOWLEDGED.get()
