"""Concurrency limit for requests to one registry: it shrinks when the registry throttles, and grows back."""

from __future__ import annotations

import asyncio
from collections import deque


class ConcurrencyLimit:
    """Slots for requests, given in the order of asking. It belongs to one event loop.

    A throttled request halves the limit; as many accepted ones in a row as the limit is raise it by one, up to what it was.
    """

    def __init__(self, maximum: int) -> None:
        self._maximum = max(1, maximum)
        self._current = self._maximum
        self._taken = 0
        self._accepted = 0
        self._wave = 0
        self._held_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def current(self) -> int:
        """Number of requests that may be under way now."""
        return self._current

    async def acquire(self) -> int:
        """Wait for a slot. Returns the number of the wave that the request belongs to, for `accepted` and `throttled`."""
        loop = asyncio.get_running_loop()
        if self._waiting or self._taken >= self._current or self._held_until > loop.time():
            turn = loop.create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # the slot was given just when its waiter was cancelled
                    self.release()
                raise
        else:
            self._taken += 1
        return self._wave

    def release(self) -> None:
        """Give a slot back."""
        self._taken -= 1
        self._wake()

    def accepted(self, wave: int) -> None:
        """Note that the registry took a request of that wave."""
        if wave != self._wave or self._current == self._maximum:
            return
        self._accepted += 1
        if self._accepted >= self._current:
            self._accepted = 0
            self._current += 1
            self._wake()

    def throttled(self, wave: int, seconds: float) -> None:
        """Note that the registry has too many requests; none is started for that many seconds."""
        self._accepted = 0
        if wave == self._wave:  # a whole wave is refused for one reason, and halves the width once
            self._wave += 1
            self._current = max(1, self._current // 2)
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
        self._held_until = 0.0  # the loop may call a hair early, and there would be no second call
        self._wake()

    def _wake(self) -> None:
        if not self._waiting or self._held_until > asyncio.get_running_loop().time():
            return
        while self._waiting and self._taken < self._current:
            turn = self._waiting.popleft()
            if not turn.done():  # done: its waiter was cancelled
                self._taken += 1
                turn.set_result(None)
