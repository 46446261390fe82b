"""The campaign finds what is wrong with an engine: each mutation of it breaks an invariant within some hundred schedules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from campaign.places import PLACES
from campaign.playing import played, smallest
from campaign.schedule import Schedule

from reconciler.applier.report import Done
from reconciler.planner.ownership import Ownership

SEEDS: Final = range(1, 400)
Mutate = Callable[[pytest.MonkeyPatch], None]


async def _done(*_: Any) -> Done:
    return Done()


async def _nothing(*_: Any) -> None:
    return None


def _lost_is_done(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("reconciler.applier.readback.ReadBack.recover_lost_reply", _nothing)
    patch.setattr("reconciler.applier.readback.ReadBack.verified", _done)


def _no_read_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("reconciler.applier.readback.ReadBack.verified", _done)


def _all_is_ours(patch: pytest.MonkeyPatch) -> None:
    for module in ("decide", "ownership"):
        patch.setattr(f"reconciler.planner.{module}.ownership_of", lambda *_: Ownership.OURS)


def _no_guard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("reconciler.applier.apply._refuse_guards", lambda _: None)


def _never_stale(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("reconciler.applier.execute.is_current", lambda *_: True)


def _no_last_look(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("reconciler.applier.apply.stale_changes", lambda *_: [])
    patch.setattr("reconciler.applier.execute.is_current", lambda *_: True)


MUTATIONS: Final[dict[str, tuple[str, Mutate]]] = {
    "a lost reply is taken for a done write": ("local", _lost_is_done),
    "nothing is read back": ("local", _no_read_back),
    "everything is ours": ("memory", _all_is_ours),
    "no guard is heeded": ("local", _no_guard),
    "what changed since the plan is written over": ("memory", _never_stale),
    "the plan is never stale": ("memory", _no_last_look),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_of_the_engine_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its schedule shrinks to one fault at most."""
    driver, mutate = MUTATIONS[name]
    mutate(monkeypatch)
    place = PLACES[driver]
    found = next((seed for seed in SEEDS if played(place, Schedule.of(seed)).wrong), None)
    assert found is not None
    assert len(smallest(place, Schedule.of(found)).faults) <= 1
