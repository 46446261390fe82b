"""Schedules of faults: what happens at which call between the engine and a registry, all of it from one seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

# what may happen at one call; `until` of the longer ones is in calls or in virtual seconds
FAULTS: Final = (
    "killed-before",  # kill -9 of us before the call reaches the registry ...
    "killed-after",  # ... or before its answer reaches us
    "lost-before",  # the connection broke before the registry did what was asked ...
    "lost-after",  # ... or after
    "delivered-twice",
    "answered-only",  # the registry says that it is done, and did nothing
    "too-many-requests",  # and so are the next calls
    "server-error",
    "half-a-page",  # a list breaks off
    "stale-reads",  # reads answer what was there at this moment, for some seconds
    "human-changes",  # somebody changes an object of ours
    "human-deletes",
    "stranger-creates",  # another owner takes a key that we are about to create
    "second-reconciler",  # another run of the same manifests, from its beginning to its end
    "clock-jumps",
    "slow-answer",
    "disk-full",  # the backup cannot be written
)


class Fault(NamedTuple):
    """One thing that goes wrong, at the call of that number (from 1) or the next one that can meet it. `amount` says how long or at which object."""

    at: int
    what: str
    amount: int = 1

    def __str__(self) -> str:
        return f"{self.at}:{self.what}:{self.amount}"

    @classmethod
    def parse(cls, text: str) -> Fault:
        at, what, amount = text.split(":")
        if what not in FAULTS:
            raise ValueError(f"no such fault: {what}")
        return cls(int(at), what, int(amount))


@dataclass(frozen=True)
class Schedule:
    """A seed, from which the objects of the run follow, and the faults."""

    seed: int
    faults: tuple[Fault, ...]

    @classmethod
    def of(cls, seed: int) -> Schedule:
        """The one schedule of a seed."""
        chance = random.Random(f"faults {seed}")
        return cls(
            seed,
            tuple(
                sorted(
                    Fault(
                        min(chance.randint(1, 12), chance.randint(1, 12)), chance.choice(FAULTS), chance.randint(1, 6)
                    )
                    for _ in range(chance.randint(1, 4))
                )
            ),
        )

    def __str__(self) -> str:
        return f"--seed {self.seed} --faults {','.join(map(str, self.faults)) or 'none'}"


def shrunk(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    """The smallest schedule that still fails: no fault of it can be left out, or strike earlier, or be milder."""
    best = schedule
    while (smaller := next((one for one in _smaller(best) if fails(one)), None)) is not None:
        best = smaller
    return best


def _smaller(schedule: Schedule) -> Sequence[Schedule]:
    faults = schedule.faults
    found = [(*faults[:place], *faults[place + 1 :]) for place in range(len(faults))]
    for place, fault in enumerate(faults):
        milder = (fault._replace(at=fault.at - 1), fault._replace(amount=fault.amount - 1))
        found.extend((*faults[:place], one, *faults[place + 1 :]) for one in milder if one.at and one.amount)
    return [replace(schedule, faults=one) for one in found]
