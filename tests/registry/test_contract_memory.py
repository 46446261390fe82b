"""The driver contract, kept by the registry in memory in each of its moods."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

import pytest
import pytest_asyncio
from registry.contract import DriverContract, Sample
from registry.memory_server import Behaviour
from world import World, model, native

from reconciler.state import Address

PROVIDERS: Final = (
    native("Provider", "p1", url="https://one.example.com"),
    native("Provider", "p2", url="https://two.example.com/"),
)
ADAPTER: Final = native("Adapter", "a1", code="x = 1")

MODEL: Final = Sample(
    native(
        "Model",
        "chat",
        display_name="Chat",
        description="For chatting.",
        served="m",
        provider="p1",
        adapter="a1",
        temperature=1,
        tags=["b", "a"],
        project="cx",
        finetuning="lora",
        visibility="public",
        limits={"rate": 60, "burst": 5},
        metadata={"a": {"b": 1}, "list": [1, 2]},
    ),
    {
        "/display_name": ("Chatter", ""),
        "/description": ("Chat!",),
        "/served": ("n",),
        "/provider": ("p2",),
        "/adapter": (None,),
        "/temperature": (0, 0.5),
        "/tags": (["a"], ["a", "b", "c"], []),
        "/project": ("dx",),
        "/finetuning": ("full",),
        "/visibility": ("team", "private"),
        "/limits/rate": (61,),
        "/limits/burst": (6,),
        "/metadata": ({"a": 1}, {"a": {"b": 1}, "list": [2, 1]}),
        "/metadata/a/b": (2,),
    },
    beside=(*PROVIDERS, ADAPTER),
)
PROVIDER: Final = Sample(
    native(
        "Provider",
        "main",
        url="https://llm.example.com",
        region="eu",
        secret="s",
        password="${env:KEY}",
        headers={"X-Tenant": "acme", "X-Token": "${env:TOKEN}"},
        timeout=10,
    ),
    {
        "/url": ("https://other.example.com/", "https://llm.example.com/v2"),
        "/region": ("us",),
        "/timeout": (20,),
        "/secret": (None,),
        "/headers/X-Tenant": ("other",),
        "/headers/X-Token": ("plain",),
        "/headers/X-New": ("${env:KEY}", "plain"),
        "/password": (None,),
    },
    required=("/url", "/headers/X-New"),
    beside=(native("Secret", "s", value="${env:TOKEN}"),),
)
ADAPTERS: Final = Sample(native("Adapter", "a", code="x = 1"), {"/code": ("x = 2", "")}, required=("/code",))
WORKSPACE: Final = Sample(native("Workspace", "w", title="Support"), {"/title": ("Sales",)}, deletable=False)
NOTE: Final = Sample(native("Note", "n", text="hello"), {"/text": ("bye",)})
PORTABLE: Final = Sample(
    model(
        "chat",
        display_name="Chat",
        description="For chatting.",
        endpoint={
            "url": "https://llm.example.com/v1",
            "model": "m",
            "api_key": "${env:KEY}",
            "headers": {"X-Tenant": "acme", "X-Token": "${env:TOKEN}"},
        },
        parameters={"temperature": 0.2},
        limits={"requests_per_minute": 60},
        tags=["a", "b"],
        metadata={"cost": 42},
    ),
    {
        "/display_name": ("Chatter",),
        "/endpoint/url": ("https://llm.example.com/v2",),
        "/endpoint/model": ("n",),
        "/endpoint/headers/X-Tenant": ("other",),
        "/endpoint/headers": ({"X-Token": "${env:KEY}", "X-More": "1"},),
        "/endpoint/api_key": (None,),
        "/parameters/temperature": (0, 0.3),
        "/tags": (["c"],),
        "/metadata": ({"cost": 43},),
    },
    required=("/endpoint/url",),
    native=False,
)
SAMPLES: Final = (MODEL, PROVIDER, ADAPTERS, WORKSPACE, NOTE, PORTABLE)

MOODS: Final[dict[str, Behaviour]] = {
    "plain": Behaviour(),
    "nulls": Behaviour(nulls=True),
    "floats": Behaviour(floats=True, extra=True),
    "silent": Behaviour(replies=False),
    "lagging": Behaviour(replies=False, lag=1),
}


class MemoryContract(DriverContract):
    """What both drivers in memory share."""

    def lose_reply(self, world: World, *, done: bool) -> None:
        server = world.server()
        server.become(replace(server.behaviour, lose_at=1, lose_done=done))

    def break_row(self, world: World, address: Address) -> None:
        server = world.server()
        server.become(replace(server.behaviour, broken=frozenset({address.key})))

    def add_unknown_field(self, world: World) -> None:
        server = world.server()
        server.become(replace(server.behaviour, extra=True))


# waiting for a registry that lags takes time, so that a few kinds stand for all
CASES: Final = [
    (mood, sample) for mood in MOODS for sample in ((ADAPTERS, WORKSPACE, NOTE) if mood == "lagging" else SAMPLES)
]


@pytest.mark.parametrize(("mood", "sample"), CASES, ids=str)
class TestMemory(MemoryContract):
    """A registry without a rename and without a revision that can be relied on."""

    @pytest_asyncio.fixture
    async def world(self, mood: str) -> AsyncIterator[World]:
        async with World.of() as world:
            world.server().become(MOODS[mood])
            yield world


class TestExactMemory(MemoryContract):
    """A registry that renames, and compares revisions on each write."""

    @pytest.fixture(params=SAMPLES, ids=str)
    def sample(self, request: pytest.FixtureRequest) -> Sample:
        def named(document: dict[str, Any]) -> dict[str, Any]:
            return document | {"kind": document["kind"].replace("memory/", "memory-exact/")}

        sample: Sample = request.param
        return replace(
            sample, document=named(sample.document), beside=tuple(named(document) for document in sample.beside)
        )

    @pytest_asyncio.fixture
    async def world(self) -> AsyncIterator[World]:
        async with World.of(one={"driver": "memory-exact"}) as world:
            yield world
