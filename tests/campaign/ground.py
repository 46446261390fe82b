"""What a schedule is played on: an empty registry that is open, and who tells what it truly holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple

from campaign.exchange import never
from campaign.scenario import Named, plainly
from world import World

from reconciler.registry.http.target import Call
from reconciler.testing.sample import Sample

Rows = Mapping[str, Mapping[str, Any]]  # what a registry's own client lists, by kind and key


@dataclass(frozen=True)
class Ground:
    """An empty registry. `rows` asks its own client for all that it holds; without one our driver tells, past the faults.

    `doubles` tells whether a second delivery of a request makes a second object by itself.
    """

    world: World
    rows: Callable[[], Rows] = dict
    doubles: Callable[[Call], bool] = never


class Place(NamedTuple):
    """Where there is always another ground, and what is written on it.

    With `by_exchange` faults strike each HTTP exchange of the driver, else each call of one of its methods.
    """

    name: str
    opened: Callable[[], AbstractAsyncContextManager[Ground]]
    samples: tuple[Sample, ...]
    named: Named = plainly
    by_exchange: bool = False
