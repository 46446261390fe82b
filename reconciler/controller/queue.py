"""A work queue of keys: marks are gathered, one piece of work at a time runs for each key, failures back off.

Level-triggered: a mark says only that something may have changed. One that comes while its key is under way starts it
once more afterwards. Times are those of the event loop.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

DEBOUNCE: Final = 1.0  # seconds between two beginnings of work on one key
GATHER: Final = 0.1  # seconds that the first change of a command waits for its others
LONGEST_GATHER: Final = 10.0  # seconds that one deletion waits for more
FIRST_WAIT: Final = 2.0  # seconds after one failure; doubled by each that follows
LONGEST_WAIT: Final = 300.0
LONGEST_UNREACHABLE: Final = (
    6.0  # seconds: an attempt costs a registry that is down nothing, and its return is soon seen
)
JITTER: Final = 0.2


@dataclass
class WorkQueue(Generic[K]):
    """Keys by the time at which they are due. `jitter` gives numbers from 0 to 1."""

    jitter: Callable[[], float] = random.random
    _due: dict[K, float] = field(default_factory=dict)
    _begun: dict[K, float] = field(default_factory=dict)
    _deleted: dict[K, float] = field(default_factory=dict)
    _heap: list[tuple[float, int, K]] = field(default_factory=list)
    _running: set[K] = field(default_factory=set)
    _failures: dict[K, int] = field(default_factory=dict)
    _count: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def mark(self, key: K, *, deleted: bool = False) -> None:
        """Something about a key may have changed: it is due in a moment, however many marks come until then.

        Where something was deleted, it is due when a second went by without another deletion: guards count what one
        piece of work deletes, so a slow command must not be seen in small parts.
        """
        now = self._now()
        if deleted:
            first = self._deleted.setdefault(key, now)
            self._put(key, min(now + DEBOUNCE, first + LONGEST_GATHER))
        elif key not in self._deleted:
            begun = self._begun.get(key, -DEBOUNCE + now)
            self.schedule(key, max(GATHER, begun + DEBOUNCE - now))

    def schedule(self, key: K, seconds: float) -> None:
        """A key is due in so many seconds, if it is not due earlier."""
        due = self._now() + seconds
        if due < self._due.get(key, float("inf")):
            self._put(key, due)

    def forget(self, key: K) -> None:
        """A key is gone, as far as the work on it saw. A mark that came meanwhile knows better: the key stays due."""
        for known in (self._begun, self._failures):
            known.pop(key, None)

    def failed(self, key: K, *, unreachable: bool = False) -> float:
        """Work on a key failed: it is due again after a wait that grows. Gives that wait in seconds.

        It grows less where nobody was reached: see LONGEST_UNREACHABLE. Such failures make no later wait longer, either.
        """
        longest = LONGEST_UNREACHABLE if unreachable else LONGEST_WAIT
        count = self._failures.get(key, 0)
        wait = min(longest, FIRST_WAIT * 2.0 ** min(count, 16))
        self._failures[key] = count if unreachable and wait == longest else count + 1
        wait *= 1 - JITTER + 2 * JITTER * self.jitter()
        self.schedule(key, wait)
        return wait

    def succeeded(self, key: K) -> None:
        """Work on a key came to its end: the next failure is a first one."""
        self._failures.pop(key, None)

    def begun(self, key: K) -> None:
        """Work on a key begins: the next change waits a second from now."""
        self._begun[key] = self._now()

    @property
    def depth(self) -> int:
        """The number of keys that are due, now or later."""
        return len(self._due)

    @property
    def running(self) -> frozenset[K]:
        """The keys that are under way."""
        return frozenset(self._running)

    def overdue(self, width: int) -> float:
        """Seconds for which the key that is due the longest has waited, though there is a place for it; 0 where none waits."""
        if len(self._running) >= width:
            return 0.0
        now = self._now()
        return max(
            (now - due for key, due in self._due.items() if due <= now and key not in self._running), default=0.0
        )

    async def work(self, begin: Callable[[K], bool], one: Callable[[K], Awaitable[None]], *, width: int) -> None:
        """Run `one` for each key that is due, until cancelled, at most `width` at a time.

        A key of which `begin` says no is dropped: whoever may begin it later marks it again.
        """
        async with asyncio.TaskGroup() as tasks:
            while True:
                key = await self._next(width)
                if begin(key):
                    self.begun(key)
                    self._running.add(key)
                    tasks.create_task(self._run(key, one))

    async def _run(self, key: K, one: Callable[[K], Awaitable[None]]) -> None:
        try:
            await one(key)
        finally:
            self._running.discard(key)
            self._changed.set()

    async def _next(self, width: int) -> K:
        """The next key that is due and not under way."""
        while True:
            self._changed.clear()
            wait = None
            if len(self._running) < width:
                key, wait = self._take()
                if key is not None:
                    return key
            with suppress(TimeoutError):
                async with asyncio.timeout(
                    wait
                ):  # `wait_for` of Python 3.11 may take a change and forget a cancellation
                    await self._changed.wait()

    def _put(self, key: K, due: float) -> None:
        self._due[key] = due
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, key))
        self._changed.set()

    def _take(self) -> tuple[K | None, float | None]:
        """Take a key that is due, else the seconds until one is."""
        held = []
        found: K | None = None
        wait: float | None = None
        now = self._now()
        while self._heap:
            due, count, key = self._heap[0]
            if self._due.get(key) != due:  # it was due earlier, or is gone
                heapq.heappop(self._heap)
            elif due > now:
                wait = due - now
                break
            else:
                heapq.heappop(self._heap)
                if key not in self._running:
                    del self._due[key]
                    self._deleted.pop(key, None)
                    found = key
                    break
                held.append((due, count, key))
        for item in held:
            heapq.heappush(self._heap, item)
        return found, wait

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
