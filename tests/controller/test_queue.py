"""The work queue's waits after failures."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from reconciler.controller.queue import FIRST_WAIT, LONGEST_UNREACHABLE, LONGEST_WAIT, WorkQueue


async def _waits(*unreachable: bool) -> list[float]:
    """The waits after these failures in a row."""
    queue: WorkQueue[str] = WorkQueue(jitter=lambda: 0.5)
    return [queue.failed("one", unreachable=one) for one in unreachable]


def test_waits_double_up_to_the_longest() -> None:
    waits = asyncio.run(_waits(*[False] * 12))
    assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT


@given(st.integers(0, 100), st.integers(1, 100))
def test_who_answers_again_is_reached_soon_however_long_nobody_did(failures: int, unreachable: int) -> None:
    """A registry that is down for an hour is tried every few seconds; what fails once it is back waits no longer for it."""
    before = [False] * min(failures, 3)
    waits = asyncio.run(_waits(*before, *[True] * unreachable, False))
    assert all(wait <= LONGEST_UNREACHABLE for wait in waits[len(before) : -1])
    assert waits[-1] <= max(4 * LONGEST_UNREACHABLE, FIRST_WAIT * 2 ** len(before))
