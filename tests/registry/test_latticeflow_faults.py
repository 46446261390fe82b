"""The driver `latticeflow` where AI GO! is slow, fails now and then, drops connections, or knows fields that we do not."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import pytest
from registry.aigo.behaviour import Behaviour
from registry.aigo.server import aigo
from registry.latticeflow_contract import LatticeFlowContract, connected, held
from registry.latticeflow_samples import ADAPTER, CUSTOM, ENDPOINT, INFERENCE, SECRET
from world import Document, statuses

from reconciler.testing.sample import Sample

EVERY: Final = 5  # of so many requests one fails
REQUESTS: Final = 80  # more than any run here makes


class TestUnknownFields(LatticeFlowContract):
    """Every object, at every level, has a field that nobody knows."""

    # not a Secret or an Integration: a write of these has no room for more, and says so instead of losing it
    samples = (CUSTOM, INFERENCE, ADAPTER, ENDPOINT)
    behaviour: ClassVar[Mapping[str, Any]] = {"unknown_fields": True}


class TestSlow(LatticeFlowContract):
    """Every answer takes a while. Waiting takes time, so that two samples stand for all."""

    samples = (ADAPTER, SECRET)
    behaviour: ClassVar[Mapping[str, Any]] = {"latency": 0.02}


def steps(sample: Sample) -> tuple[tuple[Document, ...], ...]:
    """What a sample goes through: created, changed, deleted."""
    place = "/display_name"
    return sample.whole, sample.having(place, "Changed"), sample.gone()


async def journey(sample: Sample, **trouble: Any) -> None:
    """Through all steps with a server that has this trouble, at first, at each of them, beside one that has none."""
    with aigo() as server, aigo() as faultless:
        async with connected(server) as world, connected(faultless) as calm:
            for documents in steps(sample):
                for name, value in trouble.items():
                    setattr(server.behaviour, name, copy.copy(value))
                await world.apply(*documents)
                server.behaviour = Behaviour()
                await world.apply(*documents)
                assert (await world.plan(*documents)).changes == (), trouble
                await calm.apply(*documents)
                assert held(server) == held(faultless), trouble


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_calls_that_fail_now_and_then_change_nothing_in_the_end(status: int) -> None:
    """Whichever call it is that fails, reads and writes: the server ends as one that never fails, without a duplicate."""
    faults = [dict.fromkeys(range(first, REQUESTS, EVERY), (status, "0")) for first in range(1, EVERY + 1)]
    await asyncio.gather(*(journey(ENDPOINT, fail_nth=fault) for fault in faults))


@pytest.mark.parametrize("fault", ["close_after_nth_write", "close_before_nth_write"])
@pytest.mark.parametrize("sample", [ENDPOINT, CUSTOM], ids=lambda one: one.key)
async def test_any_write_whose_reply_is_lost_is_made_good(sample: Sample, fault: str) -> None:
    """Of several writes in one run any may lose its reply, done or not: the same run, or the next one, makes it good."""
    await asyncio.gather(*(journey(sample, **{fault: nth}) for nth in range(1, 6)))


@pytest.mark.parametrize("fault", ["close_after_nth_write", "close_before_nth_write"])
async def test_a_secret_whose_reply_was_lost_is_looked_for_before_it_is_sent_again(fault: str) -> None:
    """What is written in one way only would bring back one that somebody deleted meanwhile."""
    with aigo() as server:
        async with connected(server) as world:
            plan = await world.plan(SECRET.document)
            setattr(server.behaviour, fault, 1)
            before = len(server.requests)
            assert set(statuses(await world.carry_out(plan)).values()) == {"ok"}
            asked = [one.method for one in server.requests[before:] if one.path == "/api/secrets"]
    first = asked.index("POST")
    assert asked[first + 1] == "GET"
