"""The short form of the long run: rounds counted, not timed; and that what grows is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from campaign.footprint import BOUNDS, Footprint, grown
from campaign.long import lived

ROUNDS: Final = 20
STEADY: Final = Footprint(descriptors=15, connections=8, threads=3, memory=60_000, disk=300, journal=0)


async def test_an_engine_that_lives_on_does_not_grow() -> None:
    """Two appliers, a stranger who drifts, a server that flaps: nothing of it stays behind, and all comes to rest."""
    run, wrong = await lived(1, rounds=ROUNDS, seconds=float("inf"))
    assert wrong == []
    assert grown(run.found) == []
    assert len(run.found) == ROUNDS
    assert run.came_to["ok"] > ROUNDS
    assert {"down", "busy", "lost", "forgetful"} <= run.flaps.keys()


@pytest.mark.parametrize("measure", BOUNDS)
def test_what_grows_is_found(measure: str) -> None:
    """Each measure: a bit more with every round."""
    step = BOUNDS[measure][0] / 10 + 1
    leaking = [
        replace(STEADY, **{measure: getattr(STEADY, measure) + int(step * number)}) for number in range(ROUNDS * 4)
    ]
    (found,) = grown(leaking)
    assert found.startswith(measure)
    assert grown([STEADY] * ROUNDS) == []
