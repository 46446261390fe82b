"""How many requests may be under way to one registry: fewer after it said that there are too many, then more again."""

from __future__ import annotations

import asyncio
from collections import deque


class Bound:
    """Slots for requests, given in the order of asking. It belongs to one event loop.

    A registry that refuses halves the width; as many answers in a row as it is wide widen it by one, up to what it was.
    """

    def __init__(self, most: int) -> None:
        self._most = max(1, most)
        self._width = self._most
        self._taken = 0
        self._answers = 0
        self._wave = 0
        self._held_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def width(self) -> int:
        """How many requests may be under way now."""
        return self._width

    async def acquire(self) -> int:
        """Wait for a slot. The number that it returns says which wave the request belongs to, for `answered` and `refused`."""
        loop = asyncio.get_running_loop()
        if self._waiting or self._taken >= self._width or self._held_until > loop.time():
            turn = loop.create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # the slot was given just when nobody wanted it any more
                    self.release()
                raise
        else:
            self._taken += 1
        return self._wave

    def release(self) -> None:
        """Give a slot back."""
        self._taken -= 1
        self._wake()

    def answered(self, wave: int) -> None:
        """The registry took a request of that wave."""
        if wave != self._wave or self._width == self._most:
            return
        self._answers += 1
        if self._answers >= self._width:
            self._answers = 0
            self._width += 1
            self._wake()

    def refused(self, wave: int, seconds: float) -> None:
        """The registry answered that there are too many requests; nobody starts another one for that many seconds."""
        self._answers = 0
        if wave == self._wave:  # a whole wave is refused for one reason, and halves the width once
            self._wave += 1
            self._width = max(1, self._width // 2)
        loop = asyncio.get_running_loop()
        if loop.time() + seconds > self._held_until:
            self._held_until = loop.time() + seconds
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_at(self._held_until, self._resume)

    def close(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _resume(self) -> None:
        self._held_until = 0.0  # the loop may call a hair early, and nobody would call again
        self._wake()

    def _wake(self) -> None:
        if not self._waiting or self._held_until > asyncio.get_running_loop().time():
            return
        while self._waiting and self._taken < self._width:
            turn = self._waiting.popleft()
            if not turn.done():  # done: its waiter was cancelled
                self._taken += 1
                turn.set_result(None)
