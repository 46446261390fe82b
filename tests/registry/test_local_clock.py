"""The embedded registry under a clock that jumps: what is newest, stale, or applied never depends on the time that is written."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from reconciler.core.errors import StaleObjectError
from reconciler.core.resource import Address, Resource
from reconciler.registry.local import KINDS
from reconciler.registry.local.store import Store, connect
from reconciler.registry.protocol import Removal, Write

AT: Final = Address("local", "Model", "chat")
OTHER: Final = AT._replace(key="other")
NOON: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Jumping:
    """A clock that goes back, stands still and leaps ahead, by up to ten years."""

    def __init__(self, seed: int) -> None:
        self._chance, self._now = random.Random(seed), NOON

    def __call__(self) -> datetime:
        self._now += timedelta(seconds=self._chance.choice((0, 1, -1, 3_600, -3_600, 3 * 10**8, -3 * 10**8)))
        self._now = min(max(self._now, NOON - timedelta(days=10_000)), NOON + timedelta(days=10_000))
        return self._now


@pytest_asyncio.fixture(params=range(8))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with connect(tmp_path / "registry.db", KINDS, clock=Jumping(request.param)) as opened:
        yield opened


def written(address: Address, words: str, current: Resource | None = None) -> Write:
    return Write(Resource(address, {"task": "custom", "description": words}), current)


async def test_histories_stand_in_the_order_of_the_writes(store: Store) -> None:
    """The newest first, whatever their times: over updates, a rename, a delete and another object of the same key."""
    one = await store.create(written(AT, "1"))
    for number in range(2, 6):
        one = await store.update(written(AT, str(number), one))
    one = await store.rename(written(OTHER, "6", one))
    assert [entry.spec["description"] for entry in await store.history(OTHER)] == list("654321")
    one = await store.rename(written(AT, "7", one))
    await store.delete(Removal(one))
    await store.create(written(AT, "8"))
    told = await store.history(AT)
    assert [(entry.action, entry.spec["description"]) for entry in told[:3]] == [
        ("create", "8"),
        ("delete", "7"),
        ("rename", "7"),
    ]
    revisions = [int(entry.revision) for entry in told]
    assert revisions == sorted(revisions, reverse=True)
    assert len({entry.at for entry in told}) > 1


async def test_what_moved_is_stale_and_what_did_not_is_not(store: Store) -> None:
    """By its revision alone."""
    one = await store.create(written(AT, "1"))
    two = await store.update(written(AT, "2", one))
    with pytest.raises(StaleObjectError):
        await store.update(written(AT, "late", one))
    with pytest.raises(StaleObjectError):
        await store.delete(Removal(one))
    three = await store.update(written(AT, "3", two))
    found = await store.get(AT)
    assert found is not None
    assert (found.revision, found.spec["description"]) == (three.revision, "3")


async def test_a_plan_is_begun_once_and_stays_so(store: Store) -> None:
    """Also where it ended before it began, or begins anew ten years ago."""
    asked: dict[str, Any] = {"nonce": "n" * 32, "fingerprint": "f", "actor": "us"}
    assert await store.begin_plan(**asked) is None
    await store.end_plan(asked["nonce"])
    again = await store.begin_plan(**asked)
    assert again is not None
    assert again.ended is not None
