"""A schedule played against a registry by its name, from an empty one to the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from campaign.places import PLACES
from campaign.play import Verdict, play
from campaign.scenario import scenario_of
from campaign.schedule import Schedule, shrunk
from campaign.virtual_time import run_virtually, waiting


def played(driver: str, schedule: Schedule) -> Verdict:
    """The verdict on one schedule."""
    place = PLACES[driver]

    async def inside() -> Verdict:
        scenario = scenario_of(schedule.seed, place.samples, place.named)
        with waiting():  # to open and to close it takes real time
            async with place.opened() as world:
                with waiting(-1):
                    return await play(world, scenario, schedule)

    return run_virtually(inside())


def smallest(driver: str, schedule: Schedule) -> Schedule:
    """The smallest schedule that still fails there."""
    return shrunk(schedule, lambda one: bool(played(driver, one).wrong))


def failure_of(driver: str, schedule: Schedule, wrong: Sequence[str]) -> str:
    """What does not hold, and how to see it again."""
    return f"python -m campaign --driver {driver} {schedule}\n  " + "\n  ".join(wrong)
