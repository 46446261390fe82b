"""A schedule played on a ground of its own, from an empty registry to the verdict."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from campaign.exchange import Line, watched
from campaign.ground import Place
from campaign.play import Faulty, Verdict, by_call, by_exchange, play
from campaign.scenario import scenario_of
from campaign.schedule import Schedule, shrunk
from campaign.virtual_time import run_virtually, waiting
from world import World


def played(place: Place, schedule: Schedule) -> Verdict:
    """The verdict on one schedule."""

    async def inside() -> Verdict:
        scenario = scenario_of(schedule.seed, place.samples, place.named)
        with waiting():  # to open and to close it takes real time
            async with place.opened() as ground, _faulty(place, ground.world) as faulty:
                with waiting(-1):
                    return await play(ground, scenario, schedule, faulty)

    return run_virtually(inside())


@asynccontextmanager
async def _faulty(place: Place, world: World) -> AsyncIterator[Faulty]:
    if not place.by_exchange:
        yield by_call
        return
    line = Line()
    async with watched(world, line) as registries:
        yield by_exchange(line, registries)


def smallest(place: Place, schedule: Schedule) -> Schedule:
    """The smallest schedule that still fails there."""
    return shrunk(schedule, lambda one: bool(played(place, one).wrong))


def failure_of(place: Place, schedule: Schedule, wrong: Sequence[str]) -> str:
    """What does not hold, and how to see it again."""
    return f"python -m campaign --driver {place.name} {schedule}\n  " + "\n  ".join(wrong)
