"""What answers of registries were found to do, as tests of every driver; and that the recorded runs are whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from campaign.answers import DRIVERS, Known, Script, answering, opened, recorded
from campaign.readers import folder
from campaign.virtual_time import run_virtually
from world import statuses

from reconciler.core.errors import RegistryError
from reconciler.core.resource import Listing
from reconciler.registry.http.pool import RawResponse

NEVER = 10**9
STRANGE = ["text", 5, None, ["text"], True]  # rows of a list, none of them a map


def lists(known: Known) -> Iterator[tuple[str, str]]:
    """Each question that is answered with a list, and its answer with strange rows before the others."""
    for question, answers in known.items():
        text = max((text for *_, text in answers), key=len)  # the one with the most rows
        data: Any = json.loads(text or "null") if question.startswith("GET ") else None
        if isinstance(data, list):
            yield question, json.dumps([*STRANGE, *data])
        elif isinstance(data, dict):
            for name, rows in data.items():
                if isinstance(rows, list):
                    yield question, json.dumps(data | {name: [*STRANGE, *rows]})


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_recorded_runs_converge(driver: str) -> None:
    """Else what is spoilt in them would be spoilt already."""
    nothing = RawResponse(200, {}, b"")

    async def runs() -> None:
        async with opened(driver, root) as world:
            for documents in recorded(driver)["runs"]:
                report = await world.carry_out(await world.plan(*documents, allow_deletes=99), concurrency=1)
                assert set(statuses(report).values()) <= {"ok", "blocked"}
                assert {change.action for change in (await world.plan(*documents)).changes} <= {"blocked"}

    with folder() as root, answering(Script(recorded(driver)["answers"], NEVER, nothing)):
        run_virtually(runs())


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_row_that_is_no_map_is_told(driver: str) -> None:
    """In each list that a driver reads: as unreadable, or the list is refused; the others are read as before."""

    async def read() -> Listing:
        async with opened(driver, root) as world:
            return (await world.remote()).listings["one"]

    told, spoilt = 0, list(lists(recorded(driver)["answers"]))
    with folder() as root:
        for question, text in spoilt:
            known = recorded(driver)["answers"] | {question: [(0, 200, text)]}
            with answering(Script(known, NEVER, RawResponse(200, {}, b""))):
                try:
                    told += bool(run_virtually(read()).unreadable)
                except RegistryError:
                    told += 1
    assert told
