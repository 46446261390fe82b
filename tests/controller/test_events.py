"""Events: repeated ones are counted, their rate is bounded, and nothing that goes wrong with them reaches the loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from reconciler.controller.cluster import EVENTS, ClusterError
from reconciler.controller.events import AGAIN, BURST, WAITING, EventRecorder
from tests.kubernetes.memory_cluster import MemoryCluster

ITEM: dict[str, Any] = {
    "apiVersion": "models.reconciler.dev/v1alpha1",
    "kind": "Model",
    "metadata": {"namespace": "team", "name": "chat", "uid": "u-1", "resourceVersion": "7"},
}


@dataclass
class World:
    """A recorder on a cluster in memory, with a clock that a test moves."""

    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    outcomes: Counter[str] = field(default_factory=Counter)
    time: float = 0.0

    def __post_init__(self) -> None:
        self.recorder = EventRecorder(
            self.cluster, "replica-1", lambda: self.time, lambda outcome: self.outcomes.update([outcome])
        )

    def tell(self, message: str = "created in store", **metadata: Any) -> None:
        self.recorder.event(ITEM | {"metadata": ITEM["metadata"] | metadata}, "Normal", "Created", message)

    async def settle(self) -> None:
        for _ in range(4 * WAITING):
            await asyncio.sleep(0)

    @property
    def events(self) -> list[dict[str, Any]]:
        return list(self.cluster.all(EVENTS))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.recorder.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_an_event_says_what_of_whom() -> None:
    """All that events.k8s.io/v1 asks for."""
    world = World()
    async with world.running():
        world.tell()
        await world.settle()
    (event,) = world.events
    assert event["regarding"] == {
        "apiVersion": "models.reconciler.dev/v1alpha1",
        "kind": "Model",
        "namespace": "team",
        "name": "chat",
        "uid": "u-1",
        "resourceVersion": "7",
    }
    assert (event["type"], event["reason"], event["note"]) == ("Normal", "Created", "created in store")
    assert event["reportingInstance"] == "replica-1"
    assert event["metadata"]["namespace"] == "team"


async def test_a_credential_that_a_message_quotes_is_masked() -> None:
    """Whoever told it should have; this is the last place where it can be."""
    world = World()
    async with world.running():
        world.tell("the registry said sk-proj-aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW")
        await world.settle()
    assert [event["note"] for event in world.events] == ["the registry said ***"]


async def test_a_repeated_event_is_counted() -> None:
    """One object, however often; its count is written now and then."""
    world = World()
    async with world.running():
        for _ in range(50):
            world.tell()
            await world.settle()
        assert len(world.events) == 1
        assert "series" not in world.events[0]
        world.time += AGAIN
        world.tell()
        await world.settle()
        assert [event["series"]["count"] for event in world.events] == [51]
    assert len(world.cluster.writes()) == 2


async def test_an_event_that_went_is_written_anew() -> None:
    """The API server forgets events after an hour."""
    world = World()
    async with world.running():
        world.tell()
        await world.settle()
        world.cluster.undefine(EVENTS)
        world.cluster.undefined.clear()
        world.time += AGAIN
        world.tell()
        await world.settle()
        assert len(world.events) == 1


async def test_the_rate_is_bounded_and_so_is_what_waits() -> None:
    """A storm of different events costs the API server a burst, and this process a bounded queue."""
    world = World()
    async with world.running():
        for number in range(3 * WAITING):
            world.tell(f"message {number}")
        await world.settle()
        assert len(world.events) <= BURST
    assert world.outcomes["dropped"] >= 2 * WAITING - BURST


async def test_an_api_server_that_refuses_stops_nobody() -> None:
    """Refused, gone or down: the event is dropped, and the next one is written."""
    world = World()
    failing = [403, 404, 409, 429, 500, 0]

    def before(verb: str, *_: object) -> None:
        if verb == "create" and failing:
            raise ClusterError(failing.pop(), "no")

    world.cluster.before = before
    async with world.running():
        for number in range(7):
            world.tell(f"message {number}")
        await world.settle()
    assert [event["note"] for event in world.events] == ["message 6"]
    assert world.outcomes == {"dropped": 6, "written": 1}


async def test_a_message_is_fit_for_a_terminal_and_for_the_api_server() -> None:
    """No escape sequences, no lines, and at most 1,024 bytes, in which no character is cut in two."""
    world = World()
    async with world.running():
        world.tell("\x1b[31mred\nline " + "é" * 2000)
        await world.settle()
    note = world.events[0]["note"]
    assert note.isprintable()
    assert len(note.encode()) <= 1024
    assert note.endswith("é…")
