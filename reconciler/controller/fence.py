"""The right to write to one registry, which ends with this replica's lease: nothing is sent after it, not even by a process that was frozen.

A check before a write is not enough: a process may be frozen between the check and the sending. So while a write is being
sent, a timer of the kernel runs that ends the process. A process that is woken when its lease is over dies before it does
anything else; its pod is started again. What is not being sent is simply stopped.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from reconciler.controller.membership import Membership

MARGIN: Final = 0.2  # of a lease's duration: for what is on its way, and for a machine that is busy
_LEAST: Final = 0.001  # seconds; 0 would stop the timer


@dataclass
class KillTimer:
    """Ends the process at the end of its lease, if a write is being sent then. `left` gives the seconds until that end."""

    left: Callable[[], float]
    _sending: int = 0

    @contextmanager
    def sending(self) -> Iterator[None]:
        """A write is being sent while this is open."""
        self._sending += 1
        self.renewed()
        try:
            yield
        finally:
            self._sending -= 1
            if not self._sending:
                signal.setitimer(signal.ITIMER_REAL, 0)

    def renewed(self) -> None:
        """The end of the lease moved."""
        if self._sending:
            signal.setitimer(signal.ITIMER_REAL, max(_LEAST, self.left()))


@dataclass
class RightToWrite:
    """See `ports.Fence`: the right to write to one registry, as it was taken up in one term of a replica's lease.

    Once the registry went to another replica it is lost, though it may come back: what was read meanwhile is stale.
    """

    membership: Membership
    key: str
    term: int
    clock: Callable[[], float]
    timer: KillTimer = field(repr=False)
    _lost: bool = False
    _sends: int = 0

    def look(self) -> bool:
        """Lose the right where it ended. True where it is still there."""
        now = self.clock()
        self._lost = self._lost or self.term != self.membership.term or not self.membership.may_begin(self.key, now)
        return not self._lost

    def remaining(self) -> float:
        """Seconds for which a write may begin and be waited for; 0 where the right ended."""
        left = self.membership.remaining(self.clock(), self.term) if self.look() else 0.0
        return max(0.0, left - MARGIN * self.membership.duration)

    @property
    def sends(self) -> bool:
        """True while a write is being sent."""
        return self._sends > 0

    @contextmanager
    def sending(self) -> Iterator[None]:
        """A write is being sent while this is open."""
        self._sends += 1
        try:
            with self.timer.sending():
                yield
        finally:
            self._sends -= 1
