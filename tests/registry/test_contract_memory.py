"""The driver contract, kept by the registry in memory in each of its moods."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

import pytest
import pytest_asyncio
from registry.memory import DRIVER, EXACT
from registry.memory_server import Behaviour, Row
from world import World, model, native

from reconciler.core.resource import Address
from reconciler.testing.contract import DriverContract
from reconciler.testing.hostile_rows import Alter
from reconciler.testing.sample import Sample
from reconciler.testing.unmanaged import Planted, found_in, put_in

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
WORKSPACE: Final = Sample(native("Workspace", "w", title="Support"), {"/title": ("Sales",)})
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


class MemoryContract(DriverContract):
    """What both drivers in memory share. Each subclass meets a server in another mood."""

    behaviour: ClassVar[Behaviour]

    @pytest_asyncio.fixture
    async def world(self) -> AsyncIterator[World]:
        async with World.of(one={"driver": self.driver.name}) as world:
            world.server().become(self.behaviour)
            yield world

    def lose_reply(self, world: World, *, done: bool) -> None:
        server = world.server()
        server.become(replace(server.behaviour, lose_at=1, lose_done=done))

    def break_row(self, world: World, address: Address) -> None:
        server = world.server()
        server.become(replace(server.behaviour, broken=frozenset({address.key})))

    def alter_row(self, world: World, address: Address, alter: Alter) -> None:
        server = world.server()
        server.become(replace(server.behaviour, alters=alter, altered=(address.kind, address.key)))

    def add_unknown_field(self, world: World) -> None:
        server = world.server()
        server.become(replace(server.behaviour, extra=True))

    def plant(self, world: World, address: Address, planted: Planted) -> None:
        row = self._row(world, address)
        row.data = put_in(row.data, planted)

    def planted(self, world: World, address: Address, container: str, name: str) -> Any:
        return found_in(self._row(world, address).data, container, name)

    def _row(self, world: World, address: Address) -> Row:
        row = world.server().row(address.kind, address.key)
        if row is None:
            raise AssertionError(f"{address} is not there")
        return row


class TestPlain(MemoryContract):
    """A registry without a rename and without a revision that can be relied on."""

    driver = DRIVER
    samples = SAMPLES
    behaviour = Behaviour()


class TestNulls(MemoryContract):
    """The same, which answers null for whatever is unset."""

    driver = DRIVER
    samples = SAMPLES
    behaviour = Behaviour(nulls=True)


class TestFloats(MemoryContract):
    """The same, whose numbers are all floats, and whose answers hold fields that nobody knows."""

    driver = DRIVER
    samples = SAMPLES
    behaviour = Behaviour(floats=True, extra=True)


class TestSilent(MemoryContract):
    """The same, whose writes are not answered with what was stored."""

    driver = DRIVER
    samples = SAMPLES
    behaviour = Behaviour(replies=False)


class TestLagging(MemoryContract):
    """The same, whose reads lag behind its writes. Waiting takes time, so that a few kinds stand for all."""

    driver = DRIVER
    samples = (ADAPTERS, WORKSPACE, NOTE)
    behaviour = Behaviour(replies=False, lag=1)


def as_exact(sample: Sample) -> Sample:
    """The same sample for the other driver."""

    def named(document: dict[str, Any]) -> dict[str, Any]:
        return document | {"kind": document["kind"].replace("memory/", "memory-exact/")}

    return replace(sample, document=named(sample.document), beside=tuple(named(document) for document in sample.beside))


class TestExact(MemoryContract):
    """A registry that renames, and compares revisions on each write."""

    driver = EXACT
    samples = tuple(as_exact(sample) for sample in SAMPLES)
    behaviour = Behaviour()


def test_which_tests_there_are_follows_from_the_driver() -> None:
    """What a driver's kinds rule out, and what its registry cannot be made to do, is no test of it; all else is."""

    class Few(MemoryContract):
        driver = DRIVER
        samples = (WORKSPACE,)
        cannot: ClassVar[Mapping[str, str]] = {"lose_reply": "for this test"}

    def tests(suite: type[DriverContract]) -> set[str]:
        return {name for name in dir(suite) if name.startswith("test_") and getattr(suite, name) is not None}

    assert tests(TestExact) == tests(DriverContract)
    assert tests(TestExact) - tests(TestPlain) == {"test_a_write_over_what_moved_is_refused"}
    assert tests(TestPlain) - tests(Few) == {
        "test_a_create_whose_reply_was_lost_converges",
        "test_an_update_whose_reply_was_lost_converges",
        "test_a_delete_whose_reply_was_lost_converges",
        "test_what_was_deleted_is_not_brought_back_by_an_update_whose_reply_was_lost",
        "test_a_delete_deletes_and_a_second_one_has_nothing_to_do",
        "test_a_rename_leaves_one_object_under_the_new_key",
        "test_deleting_what_is_gone_is_success",
        "test_two_objects_of_one_key_are_never_taken_for_one",
        "test_what_nobody_declares_outlives_a_rename",
        "test_what_nobody_declares_outlives_a_replace_and_a_put_back",
        "test_an_export_restores_what_nobody_declares",
    }


def test_a_hook_is_done_or_declined() -> None:
    """A driver's author who forgets one is told, instead of testing less."""
    for hook in ("lose_reply", "break_row", "add_unknown_field", "plant", "planted"):
        note = Address("one", "Note", "n")
        arguments: dict[str, dict[str, Any]] = {
            "lose_reply": {"done": True},
            "break_row": {"address": note},
            "plant": {"address": note, "planted": Planted("", "x_strange", 1)},
            "planted": {"address": note, "container": "", "name": "x_strange"},
        }
        with pytest.raises(NotImplementedError, match="say how"):
            getattr(DriverContract(), hook)(None, **arguments.get(hook, {}))
