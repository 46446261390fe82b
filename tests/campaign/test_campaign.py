"""The short form of the campaign, and that its instruments work: one seed is one schedule, a fault of ours is found and shrunk."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest
from campaign.places import PLACES
from campaign.playing import failure_of, played, smallest
from campaign.schedule import FAULTS, Fault, Schedule, shrunk
from campaign.virtual_time import run_virtually

SCHEDULES: Final = 300  # for each driver, in parts, so that each test stays far from its time limit
PARTS: Final = 6


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("driver", PLACES)
def test_every_invariant_holds_after_every_schedule(driver: str, part: int) -> None:
    """Nothing of a stranger's touched, nothing gone that no plan said, no duplicate, no secret printed, reports true, converged."""
    for seed in range(1 + part, 1 + SCHEDULES, PARTS):
        schedule = Schedule.of(seed)
        verdict = played(PLACES[driver], schedule)
        if verdict.wrong:
            schedule = smallest(PLACES[driver], schedule)
            pytest.fail(failure_of(PLACES[driver], schedule, played(PLACES[driver], schedule).wrong))


# what the 10,000 schedules of AI GO! found
FOUND: Final = {
    "a write that was lost is not sent over what somebody changed in the same second": (
        (1206, "1:lost-before:1,4:human-changes:4"),
        (2959, "4:lost-before:1,5:human-changes:1"),
        (5834, "1:lost-after:1,4:human-changes:1"),
    ),
    "a secret in whose place a name is still stored is not told as stored": ((2442, "1:answered-only:1"),),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once_stays_mended(name: str) -> None:
    """The smallest schedules that failed."""
    for seed, faults in FOUND[name]:
        schedule = Schedule(seed, tuple(map(Fault.parse, faults.split(","))))
        assert played(PLACES["latticeflow"], schedule).wrong == []


def test_every_fault_strikes() -> None:
    """Else a schedule would prove nothing."""
    struck = {what for seed in range(1, 200) for what in played(PLACES["local"], Schedule.of(seed)).struck}
    assert struck == set(FAULTS)


def test_one_seed_is_one_schedule_and_one_verdict() -> None:
    """Also for a run that waits."""
    schedule = Schedule.of(7)
    assert schedule == Schedule.of(7)
    assert played(PLACES["memory"], schedule) == played(PLACES["memory"], schedule)


def test_what_a_failure_tells_plays_it_again() -> None:
    """The text of each fault, back and forth."""
    faults = Schedule.of(11).faults
    assert tuple(Fault.parse(str(fault)) for fault in faults) == faults


def test_a_failing_schedule_is_shrunk_to_what_it_needs() -> None:
    """No fault too many, none later or longer than needed."""
    faults = (Fault(2, "slow-answer", 3), Fault(5, "lost-after", 4), Fault(9, "killed-before", 2))
    found = shrunk(
        Schedule(1, faults), lambda one: any(fault.what == "lost-after" and fault.at > 2 for fault in one.faults)
    )
    assert found == Schedule(1, (Fault(3, "lost-after", 1),))


def test_a_wait_takes_virtual_time_only() -> None:
    """An hour of it costs nothing, and is an hour by the loop's clock."""

    async def waits() -> float:
        await asyncio.sleep(3_600)
        return asyncio.get_running_loop().time()

    assert run_virtually(waits()) == pytest.approx(3_600)
