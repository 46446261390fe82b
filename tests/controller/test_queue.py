"""When the work queue starts work: after a change, after deletions, and after failures. No real time passes."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.controller.queue import (
    DEBOUNCE,
    FIRST_WAIT,
    GATHER,
    LONGEST_GATHER,
    LONGEST_UNREACHABLE,
    LONGEST_WAIT,
    WorkQueue,
)


class Clocked(WorkQueue[str]):
    """A queue of one key, with a clock that the test moves. `starts` are the times at which the key was begun."""

    def __init__(self) -> None:
        super().__init__(jitter=lambda: 0.5)
        self.clock = 0.0
        self.starts: list[float] = []

    def _now(self) -> float:
        return self.clock

    def until(self, time: float) -> None:
        """Let time pass. Work that is due begins, and ends at once."""
        while True:
            key, wait = self._take()
            if key is not None:
                self.begun(key)
                self.starts.append(self.clock)
            elif wait is None or self.clock + wait > time:
                self.clock = max(self.clock, time)
                return
            else:
                self.clock += wait


def test_a_change_begins_at_once_and_those_that_follow_are_gathered() -> None:
    queue = Clocked()
    for tenth in range(30):
        queue.until(tenth / 10)
        queue.mark("one")
    queue.until(10.0)
    assert queue.starts[0] == GATHER
    assert len(queue.starts) == 4
    assert all(later - earlier >= DEBOUNCE for earlier, later in zip(queue.starts, queue.starts[1:], strict=False))


@given(st.lists(st.floats(0.01, 0.9 * DEBOUNCE), max_size=10), st.booleans())
def test_deletions_that_follow_each_other_are_seen_together(gaps: list[float], changes: bool) -> None:
    """A slow `kubectl delete` is one piece of work: the guards count all of it. Changes in between do not hurry it."""
    queue = Clocked()
    last = 0.0
    queue.mark("one", deleted=True)
    for gap in gaps:
        last += gap
        queue.until(last)
        queue.mark("one", deleted=True)
        if changes:
            queue.mark("one")
    queue.until(100.0)
    assert len(queue.starts) == 1
    assert last < queue.starts[0] <= last + DEBOUNCE


def test_deletions_without_end_are_not_waited_for() -> None:
    queue = Clocked()
    for tenth in range(10 * int(2 * LONGEST_GATHER)):
        queue.until(tenth / 10)
        queue.mark("one", deleted=True)
    assert queue.starts[0] == LONGEST_GATHER


def test_a_change_that_comes_while_the_last_work_on_a_key_is_under_way_is_not_forgotten() -> None:
    """The work saw that the key is gone; the change may be that it is back."""
    queue = Clocked()
    queue.mark("one")
    queue.until(GATHER)
    queue.mark("one")
    queue.forget("one")
    queue.until(10.0)
    assert len(queue.starts) == 2


def test_waits_double_up_to_the_longest() -> None:
    queue = Clocked()
    waits = [queue.failed("one") for _ in range(12)]
    assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT


@given(st.integers(0, 3), st.integers(1, 100))
def test_who_answers_again_is_reached_soon_however_long_nobody_did(failures: int, unreachable: int) -> None:
    """A registry that is down for an hour is tried every few seconds; what fails once it is back waits no longer for it."""
    queue = Clocked()
    for _ in range(failures):
        queue.failed("one")
    waits = [queue.failed("one", unreachable=True) for _ in range(unreachable)]
    assert max(waits) <= LONGEST_UNREACHABLE
    assert queue.failed("one") <= FIRST_WAIT * 2 ** max(failures, 2)


@pytest.mark.parametrize("ticks", range(6))
async def test_work_that_is_cancelled_in_the_moment_of_a_mark_ends(ticks: int) -> None:
    """Whoever waits until then must not take the mark and forget that it is to end: the lease would not be given back."""
    queue = WorkQueue[str]()

    async def one(_: str) -> None:
        """Nothing."""

    queue.schedule("later", 3600.0)
    work = asyncio.create_task(queue.work(lambda _: True, one, width=1))
    for _ in range(10):
        await asyncio.sleep(0)
    queue.schedule("sooner", 1800.0)
    for _ in range(ticks):
        await asyncio.sleep(0)
    work.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert work.cancelled()
