"""The driver contract as `latticeflow` keeps it, against the emulator of AI GO! in a mood that a subclass names."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest
import pytest_asyncio
from registry.aigo.behaviour import Behaviour
from registry.aigo.server import Server, aigo
from world import World, statuses

from reconciler.core.resource import Address, Resource
from reconciler.registry.latticeflow import DRIVER
from reconciler.testing.base import ASKED
from reconciler.testing.contract import DriverContract
from reconciler.testing.hostile_rows import Alter
from reconciler.testing.sample import Sample
from reconciler.testing.unmanaged import Planted, found_in, put_in

OWN: Final = ("id", "adapter_id", "usage", "created_at", "updated_at")  # of a row, what the server makes up


@asynccontextmanager
async def connected(server: Server, /, **entry: Any) -> AsyncIterator[World]:
    """A world with one registry `one`: that server, of which everything is ours unless `entry` says otherwise."""
    settings = {"driver": "latticeflow", "url": server.url, "api_key": "${file:aigo.key}", "owns": ["*"]} | entry
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "aigo.key").write_text(server.key, "utf-8")
        async with World.of(root=root, one=settings) as world:
            yield world


# which samples a test has no case for
ONLY: Final[Mapping[str, Callable[[Sample], bool]]] = {
    # a row of these two is but a name: one that can be read at all can be understood
    "test_a_broken_row_never_makes_the_rest_look_deleted": lambda sample: (
        not str(sample.document["kind"]).endswith(("Secret", "Integration"))
    ),
    "test_a_hostile_row_never_stops_the_rest": lambda sample: (
        not str(sample.document["kind"]).endswith(("Secret", "Integration"))
    ),
    # what AI GO! keeps to itself changes with --rotate only: see test_a_rotation_whose_reply_was_lost_converges
    "test_an_update_whose_reply_was_lost_converges": lambda sample: bool(sample.updates),
    "test_a_rotation_whose_reply_was_lost_converges": lambda sample: not sample.updates,
}


class LatticeFlowContract(DriverContract):
    """Each subclass meets a server in another mood."""

    driver = DRIVER
    behaviour: ClassVar[Mapping[str, Any]] = {}
    entry: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        """Takes away the tests for which none of the samples is a case."""
        super().__init_subclass__()
        for name, fits in ONLY.items():
            if not any(map(fits, cls.samples)):
                setattr(cls, name, None)

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        fits = ONLY.get(metafunc.function.__name__, lambda sample: True)
        for name in ASKED.keys() & set(metafunc.fixturenames):
            metafunc.parametrize(
                name, [one for one in cls.samples_that_are(name) if fits(one)], ids=lambda one: one.key
            )

    @pytest.fixture
    def server(self) -> Iterator[Server]:
        with aigo(Behaviour(**self.behaviour)) as server:
            yield server

    @pytest_asyncio.fixture
    async def world(self, server: Server) -> AsyncIterator[World]:
        async with connected(server, **self.entry) as world:
            self.server_of = server
            yield world

    def lose_reply(self, world: World, *, done: bool) -> None:
        if done:
            self.server_of.behaviour.close_after_nth_write = 1
        else:
            self.server_of.behaviour.close_before_nth_write = 1

    def break_row(self, world: World, address: Address) -> None:
        behaviour = self.server_of.behaviour
        (behaviour.unknown_types if address.kind == "Model" else behaviour.broken_adapters).add(address.key)

    kept: ClassVar[tuple[str, ...]] = ("id", "key", "name", "adapter_id")

    def alter_row(self, world: World, address: Address, alter: Alter) -> None:
        if address.kind in ("Model", "Adapter"):
            self.server_of.behaviour.alters = {address.key: alter}
            return
        state = self.server_of.state
        rows: dict[str, Any] = state.secrets if address.kind == "Secret" else state.integrations
        if not hasattr(self, "first"):
            self.first = rows[address.key]
        rows[address.key] = alter(self.first)

    def add_unknown_field(self, world: World) -> None:
        self.server_of.behaviour.unknown_fields = True

    def plant(self, world: World, address: Address, planted: Planted) -> None:
        rows = self._rows_of(address)
        rows[address.key] = put_in(rows[address.key], planted)

    def planted(self, world: World, address: Address, container: str, name: str) -> Any:
        return found_in(self._rows_of(address)[address.key], container, name)

    def _rows_of(self, address: Address) -> dict[str, Any]:
        state = self.server_of.state
        return state.models if address.kind == "Model" else state.adapters

    @contextmanager
    def distorted(self, world: World, address: Address, planted: Planted) -> Iterator[None]:
        def distort(row: Any) -> Any:
            mine = isinstance(row, dict) and address.key in (row.get("key"), row.get("name"), row.get("id"))
            return put_in(row, planted) if mine else row

        self.server_of.behaviour.distorts = distort
        yield
        self.server_of.behaviour.distorts = None

    def levels(self, resource: Resource) -> list[Planted]:
        """Of secrets and integrations there is but a name; an adapter is named by its id on the wire."""
        if resource.address.kind in ("Secret", "Integration"):
            return []
        return [one for one in super().levels(resource) if one.container != "/config/adapter"]

    @pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
    async def test_a_rotation_whose_reply_was_lost_converges(self, world: World, sample: Sample, done: bool) -> None:
        """A new value of what is never read back is written once asked for, and in the end there is one object."""
        await world.apply(*sample.whole)
        world.environ.update({name: value + "-rotated" for name, value in world.environ.items()})
        self.lose_reply(world, done=done)
        report = await world.apply(*sample.whole, rotate=(sample.key,))
        assert set(statuses(report).values()) == {"ok"}, report.outcomes
        assert (await world.plan(*sample.whole)).changes == ()
        kept = {**self.server_of.state.secrets, **self.server_of.state.integrations}[sample.key]
        assert (
            set(world.environ.values()) >= {kept["value"]} if "value" in kept else kept["api_key"].endswith("rotated")
        )


def held(server: Server) -> dict[str, Any]:
    """All that the server holds, without what it makes up itself: ids and times."""
    keys = {row["id"]: key for key, row in server.state.adapters.items()}

    def bare(row: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in row.items() if name not in OWN}
        if "config" in kept:
            config = dict(kept["config"])
            if "adapter_id" in config:
                config["adapter_id"] = keys[config["adapter_id"]]
            kept["config"] = config
        return kept

    return {
        "models": {key: bare(row) for key, row in server.state.models.items()},
        "adapters": {key: bare(row) for key, row in server.state.adapters.items()},
        "secrets": {name: row["value"] for name, row in server.state.secrets.items()},
        "integrations": {name: row for name, row in server.state.integrations.items() if row is not None},
    }
