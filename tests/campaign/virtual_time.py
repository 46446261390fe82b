"""An event loop in virtual time: a wait that nothing but the clock ends takes no time at all, and is told as if it had."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


class VirtualLoop(asyncio.SelectorEventLoop):
    """`now` is what its clock says, in seconds. `in_flight` counts calls whose answers come from outside: for them it waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.in_flight = 0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now

    def jump(self, seconds: float) -> None:
        """The clock jumps, as after a laptop was closed."""
        self.now += seconds


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        found = super().select(timeout if self._loop.in_flight else 0)
        if not found:
            self._loop.now += timeout
        return found


@contextmanager
def waiting(calls: int = 1) -> Iterator[None]:
    """So many calls are in flight: virtual time waits for what they are answered."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.in_flight += calls
    try:
        yield
    finally:
        loop.in_flight -= calls


def run_virtually(main: Coroutine[Any, Any, Result]) -> Result:
    """As asyncio.run, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
