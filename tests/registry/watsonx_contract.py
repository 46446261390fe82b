"""The driver contract as `watsonx` keeps it, against the emulator in a mode that a subclass names."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
import pytest_asyncio
from registry.watsonx.behaviour import Behaviour
from registry.watsonx.server import Server, orchestrate
from world import Document, World, statuses

from reconciler.core import pointer as pointers
from reconciler.core.resource import Address, Resource
from reconciler.registry.watsonx import DRIVER
from reconciler.testing.base import ASKED
from reconciler.testing.contract import DriverContract
from reconciler.testing.hostile_rows import Alter
from reconciler.testing.sample import Sample
from reconciler.testing.stored import stored
from reconciler.testing.unmanaged import Planted, found_in, put_in

ACCOUNT = {"type": "service_account", "private_key": "s3cret-private-key", "token_uri": "https://t.example.com"}
NAMES = {"Model": "virtual-model/openai/{}", "Policy": "virtual-policy/{}", "Connection": "{}"}


@asynccontextmanager
async def connected(server: Server, /, owner: str | None = "us", **entry: Any) -> AsyncIterator[World]:
    """A world with one registry `one`: that server, of which everything is ours unless `entry` says otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "token").write_text(server.token, "utf-8")
        (root / "account.json").write_text(json.dumps(ACCOUNT), "utf-8")
        settings = {"driver": "watsonx", "url": server.url, "token": "${file:token}", "owns": ["*"], "default": True}
        async with World.of(owner, root=root, one=settings | entry) as world:
            yield world


def named(sample: Sample, name: str) -> str:
    """A key of the sample's kind."""
    return NAMES[str(sample.document["kind"]).partition("/")[2]].format(name)


class WatsonxContract(DriverContract):
    """Each subclass meets a server in another mode."""

    driver = DRIVER
    behaviour: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        for name in ASKED.keys() & set(metafunc.fixturenames):
            found = cls.samples_that_are(name)
            metafunc.parametrize(name, found, ids=[f"{one}{place}" for place, one in enumerate(found)])

    @pytest.fixture
    def server(self) -> Iterator[Server]:
        with orchestrate(Behaviour(**self.behaviour)) as server:
            yield server

    @pytest_asyncio.fixture
    async def world(self, server: Server) -> AsyncIterator[World]:
        async with connected(server) as world:
            self.server_of = server
            yield world

    def lose_reply(self, world: World, *, done: bool) -> None:
        if done:
            self.server_of.behaviour.close_after_nth_write = 1
        else:
            self.server_of.behaviour.close_before_nth_write = 1

    def break_row(self, world: World, address: Address) -> None:
        self.server_of.behaviour.broken.add(address.key)

    kept: ClassVar[tuple[str, ...]] = ("id", "name", "tags", "app_id", "connection_id")

    def alter_row(self, world: World, address: Address, alter: Alter) -> None:
        self.server_of.behaviour.alters = {address.key: alter}

    def add_unknown_field(self, world: World) -> None:
        self.server_of.behaviour.unknown_fields = True

    def plant(self, world: World, address: Address, planted: Planted) -> None:
        state = self.server_of.state
        if address.kind == "Connection":
            state.apps[address.key] = put_in(state.apps[address.key], planted)
        else:
            row = put_in(state.named(address.key), planted)
            (state.models if address.kind == "Model" else state.policies)[row["id"]] = row

    def planted(self, world: World, address: Address, container: str, name: str) -> Any:
        state = self.server_of.state
        row = state.apps[address.key] if address.kind == "Connection" else state.named(address.key)
        return found_in(row, container, name)

    @contextmanager
    def distorted(self, world: World, address: Address, planted: Planted) -> Iterator[None]:
        behaviour, parts = self.server_of.behaviour, pointers.split(planted.container)

        def distort(row: dict[str, Any]) -> dict[str, Any]:
            if address.kind == "Connection":
                mine = row.get("app_id") == address.key and (not parts or row.get("environment") == parts[1])
                return row | {planted.name: planted.value} if mine else row
            return put_in(row, planted) if row.get("name") == address.key else row

        behaviour.distorts = distort
        yield
        behaviour.distorts = None

    def other_key(self, sample: Sample, name: str) -> str:
        return named(sample, name) if sample.native else name

    def levels(self, resource: Resource) -> list[Planted]:
        """A connection is told in one row for each environment: there is nothing above them."""
        found = super().levels(resource)
        return [
            one for one in found if resource.address.kind != "Connection" or one.container.startswith("/environments/")
        ]

    # names have a form of their own here, so that these two need other keys

    async def test_a_rename_leaves_one_object_under_the_new_key(self, world: World, deletable: Sample) -> None:
        """Renamed by re-creation: the new one is there, the old one is not, and nothing is left to do."""
        key = named(deletable, "renamed-to-this")
        await world.apply(*deletable.whole)
        after = deletable.renamed(key)
        report = await world.apply(*after)
        assert set(statuses(report).values()) == {"ok"}, report.outcomes
        keys = [one.address.key for one in await stored(world)]
        assert key in keys
        assert deletable.key not in keys
        assert (await world.plan(*after)).changes == ()

    async def test_a_broken_row_never_makes_the_rest_look_deleted(self, world: World, sample: Sample) -> None:
        """One row that cannot be understood is a conflict if it is desired, and never hides or deletes another."""
        other: Document = sample.document | {"key": named(sample, "another-one")}
        await world.apply(*sample.whole, other)
        broken = next(one.address for one in await stored(world) if one.address.key == sample.key)
        self.break_row(world, broken)
        plan = await world.plan(*sample.whole, other, prune=True)
        assert [str(change.address) for change in plan.changes if change.action == "conflict"] == [str(broken)]
        assert {change.action for change in plan.changes} <= {"conflict"}
        plan = await world.plan(*sample.beside, other, prune=True, allow_deletes=9)
        assert broken not in {change.address for change in plan.changes}
