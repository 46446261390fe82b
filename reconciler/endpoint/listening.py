"""A stream of server-sent events, taken apart while it comes: what each event held, and when."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from reconciler.registry.http import parse

MOST_EVENTS: Final = 10_000
LONGEST_LINE: Final = 1024 * 1024  # bytes
DONE: Final = "[DONE]"  # OpenAI's mark of the end
_LINE: Final = re.compile(rb"\r\n|\r|\n")
_FIELD: Final = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)(?::|$)")


class Event(NamedTuple):
    """One event: its name (`message` where it has none), its data, and when it came, in seconds since the request."""

    name: str
    data: str
    at: float


class Listener:
    """A sink for a reply's body, which reads events as the HTML standard says: lines end with CR, LF or both, and an event with an empty line.

    `last` tells the last event: then there is nothing more to wait for. `trouble` says in words why the rest is not listened to, and
    `stray` holds the lines that belong to no event.
    """

    def __init__(self, last: Callable[[Event], bool]) -> None:
        self.events: list[Event] = []
        self.ended = False
        self.trouble = ""
        self.stray: str | None = None
        self._last = last
        self._rest: list[bytes] = []  # the pieces of a line that has not ended
        self._length = 0
        self._first = True
        self._after_cr = False  # a line end may be cut between its CR and its LF
        self._name = ""
        self._data: list[str] = []
        self._began = time.perf_counter()

    def __call__(self, piece: bytes) -> bool:
        """Takes the next piece. True where no further one is wanted."""
        if not piece:
            return self._is_over()  # a CR before it still waits for its LF
        if self._after_cr:
            piece = piece.removeprefix(b"\n")
        self._after_cr = piece.endswith(b"\r")
        first, *others = _LINE.split(piece)
        self._rest.append(first)
        self._length += len(first)
        for line in others:
            self._take(b"".join(self._rest))
            self._rest, self._length = [line], len(line)
            if self.ended or self.trouble:
                return True
        if self._length > LONGEST_LINE:
            self.trouble = f"a line of it has more than {LONGEST_LINE // 1024:,} KiB"
        return self._is_over()

    def finish(self) -> None:
        """The reply is over: a last line may lack its end, and a last event its empty line."""
        rest, self._rest = b"".join(self._rest), []
        if not self.ended and not self.trouble:
            if rest:
                self._take(rest)
            self._dispatch()

    def _is_over(self) -> bool:
        # what is no stream from the beginning is read to its end: it may be a whole answer
        return self.ended or bool(self.trouble) or (self.stray is not None and bool(self.events))

    def _take(self, line: bytes) -> None:
        line, self._first = line.removeprefix(b"\xef\xbb\xbf") if self._first else line, False
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            self.trouble = "a line of it is not UTF-8"
            return
        if not text:
            self._dispatch()
            return
        if text.startswith(":"):
            return  # a comment, which keeps the connection open
        field = _FIELD.match(text)
        if field is None:
            self.stray = text if self.stray is None else f"{self.stray}\n{text}"  # an error may be written on several
            return
        self._set(field[1], text[field.end() :].removeprefix(" "))

    def _set(self, field: str, value: str) -> None:
        """One field. Others than these have no meaning, `error` excepted, in which llama.cpp reports a failure."""
        if field == "data" and value.strip() == DONE:
            self._dispatch()  # an empty line before or after it is sometimes forgotten
            self._add(Event("message", DONE, self._now()))
        elif field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value
        elif field == "error":
            self._dispatch()
            self._add(Event("error", value, self._now()))

    def _dispatch(self) -> None:
        name, data = self._name or "message", "\n".join(self._data)
        several, named = self._data if len(self._data) > 1 and not _is_json(data) else (), bool(self._name)
        self._name, self._data = "", []
        if several and all(map(_is_json, several)):  # events without the empty lines between them
            for one in several:
                self._add(Event(name, one, self._now()))
        elif data or (named and name == "error"):
            self._add(Event(name, data, self._now()))

    def _add(self, event: Event) -> None:
        if self.ended or self.trouble:
            return
        self.events.append(event)
        self.ended = self._last(event)
        if len(self.events) >= MOST_EVENTS and not self.ended:
            self.trouble = f"it has more than {MOST_EVENTS:,} events"

    def _now(self) -> float:
        return time.perf_counter() - self._began


def _is_json(text: str) -> bool:
    try:
        parse(text.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return False
    return True
