"""A stream of events, taken apart while it comes: what each one held, and when."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

MOST_EVENTS: Final = 10_000
LONGEST_LINE: Final = 1024 * 1024  # bytes


class Event(NamedTuple):
    """The data of one event. `at` is in seconds since the request."""

    data: str
    at: float


class Listener:
    """A sink for a reply's body. `last` tells the last event by its data: then there is nothing more to wait for.

    `trouble` says in words why the rest is not listened to, if so.
    """

    def __init__(self, last: Callable[[str], bool]) -> None:
        self.events: list[Event] = []
        self.ended = False
        self.trouble = ""
        self._last = last
        self._rest = b""
        self._began = time.perf_counter()

    def __call__(self, piece: bytes) -> bool:
        """Takes the next piece. True where no further one is wanted."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._take(line)
            if self.ended or self.trouble:
                return True
        if len(self._rest) > LONGEST_LINE:
            self.trouble = f"a line of it has more than {LONGEST_LINE // 1024:,} KiB"
        return bool(self.trouble)

    def finish(self) -> None:
        """The reply is over: a last line may lack its end."""
        if not self.ended and not self.trouble:
            self._take(self._rest)

    def _take(self, line: bytes) -> None:
        if not line.startswith(b"data:"):
            return  # the name of an event, a comment that keeps the connection open, an empty line
        try:
            data = line.removeprefix(b"data:").decode("utf-8").strip()
        except UnicodeDecodeError:
            self.trouble = "a line of it is not UTF-8"
            return
        self.events.append(Event(data, time.perf_counter() - self._began))
        self.ended = self._last(data)
        if len(self.events) >= MOST_EVENTS and not self.ended:
            self.trouble = f"it has more than {MOST_EVENTS:,} events"
