"""Signals that mean nothing do no harm to a run, in the middle of any write."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Final

import pytest
from campaign.gate import Chaos, gated
from campaign.ground import Place
from campaign.interruptions import SIGNALS, Storm, storm
from campaign.places import PLACES
from campaign.play import Play, Verdict, play
from campaign.scenario import scenario_of
from campaign.schedule import Schedule
from campaign.virtual_time import run_virtually, waiting
from world import World

SEEDS: Final = range(1, 4)


@pytest.mark.parametrize("driver", ["local", "insidellms", "latticeflow", "watsonx"])
def test_a_signal_in_the_middle_of_a_write_does_no_harm(driver: str) -> None:
    """Every invariant holds, and the run under signals leaves nothing to do."""
    with storm() as signals:
        for seed in SEEDS:
            assert interrupted(PLACES[driver], seed, signals).wrong == []
    assert signals.struck > 0
    assert signals.came.keys() == set(SIGNALS)
    assert signals.came.total() > signals.struck


def interrupted(place: Place, seed: int, signals: Storm) -> Verdict:
    """The verdict on a run without faults, but with signals in each of its writes."""

    def faulty(one: Play) -> tuple[Chaos, World]:
        registries = {name: gated(inner, signals.call) for name, inner in one.world.registries.items()}
        return Chaos((), one.others), replace(one.world, registries=registries)

    async def inside() -> Verdict:
        with waiting():
            async with place.opened() as ground:
                with waiting(-1):
                    scenario = scenario_of(seed, place.samples, place.named)
                    return await play(ground, scenario, Schedule(seed, ()), faulty)

    return run_virtually(inside())


def test_the_handlers_are_as_before() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with storm():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
