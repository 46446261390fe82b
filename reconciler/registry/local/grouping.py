"""Group commit: the writes that wait for the registry's one thread are carried out in one transaction, all or none.

A transaction costs more than what is written in it, so an apply of many objects waits mostly for the ends of them. A write is answered after
the end of its group, never before, so what was answered is stored. Where one of a group fails, nothing of the group is stored yet; then each of
them is carried out alone, and fails or not by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, Final, NamedTuple

from reconciler.registry.driver import TemporaryError

MOST: Final = 64  # writes in one group: others who write to the file wait until it ends

Work = Callable[[], Any]
Together = Callable[[Sequence[Work]], list[Any]]  # carries out all of them or none; raises RegistryError for none


class _Waiting(NamedTuple):
    work: Work
    answer: asyncio.Future[Any]


class _Outcome(NamedTuple):
    result: Any = None
    error: Exception | None = None


class GroupCommit:
    """Carries out writes in a thread, those that wait at one time together. Used from one event loop."""

    def __init__(self, thread: Executor, together: Together) -> None:
        self._thread = thread
        self._together = together
        self._waiting: list[_Waiting] = []
        self._under_way = False

    def add(self, work: Work) -> asyncio.Future[Any]:
        """The answer of a write, which is begun with all others that are added before the event loop gets to it."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Waiting(work, answer))
        if not self._under_way:
            self._under_way = True
            loop.call_soon(self._begin)
        return answer

    def _begin(self) -> None:
        wanted = [one for one in self._waiting if not one.answer.done()]  # whoever gave up wants no write any more
        group, self._waiting = wanted[:MOST], wanted[MOST:]
        self._under_way = bool(group)
        if not group:
            return
        try:
            done = self._thread.submit(_carried_out, [one.work for one in group], self._together)
        except RuntimeError as error:  # the registry was closed
            self._under_way = False
            for one in group:
                one.answer.set_exception(error)
            return
        asyncio.wrap_future(done).add_done_callback(partial(self._end, group))

    def _end(self, group: list[_Waiting], done: asyncio.Future[list[_Outcome]]) -> None:
        for one, outcome in zip(group, done.result(), strict=True):
            if one.answer.done():
                continue  # nobody waits for it any more; it was done all the same
            if outcome.error is None:
                one.answer.set_result(outcome.result)
            else:
                one.answer.set_exception(outcome.error)
        self._begin()


def _carried_out(works: Sequence[Work], together: Together) -> list[_Outcome]:
    """What became of each: of all in one go, or of each alone where that fails."""
    if len(works) > 1:
        try:
            return [_Outcome(result) for result in together(works)]
        except TemporaryError as error:  # somebody else writes for longer than is waited for: once is enough
            return [_Outcome(error=error) for _ in works]
        except Exception:  # noqa: BLE001, S110  # nothing was stored: alone, each shows whether it was the one
            pass
    return [_alone(work) for work in works]


def _alone(work: Work) -> _Outcome:
    try:
        return _Outcome(work())
    except Exception as error:  # noqa: BLE001  # raised where the answer is awaited
        return _Outcome(error=error)
