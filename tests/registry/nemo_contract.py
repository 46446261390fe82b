"""The driver contract as `nemo` keeps it, on the real server, each test in a workspace of its own."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import pytest_asyncio
from registry.nemo.server import create_fileset
from registry.nemo_proxy import Proxy, proxied
from registry.nemo_samples import FILESETS
from registry.server_process import Running
from world import World

from reconciler.core.resource import Address, Resource
from reconciler.planner.guards import Limits
from reconciler.registry.nemo import DRIVER
from reconciler.testing.contract import DriverContract
from reconciler.testing.hostile_rows import Alter
from reconciler.testing.sample import Sample
from reconciler.testing.unmanaged import Planted, found_in, grown

PATHS = {
    "Model": "models",
    "Provider": "providers",
    "Secret": "secrets",
    "Adapter": "adapters",
    "Prompt": "prompts",
    "Project": "projects",
    "Workspace": "workspaces",
}


@asynccontextmanager
async def connected(url: str, workspace: str, /, **entry: Any) -> AsyncIterator[World]:
    """A world with one registry `nemo`: that workspace, of which everything is ours unless `entry` says otherwise."""
    settings = {"driver": "nemo", "url": url, "workspace": workspace, "owns": ["*"]} | entry
    async with World.of(nemo=settings) as world:
        yield replace(world, limits=Limits(allowed=frozenset({"allow_trust_remote_code"})))


@pytest.fixture
def proxy(nemo_server: Running, workspace: str) -> Iterator[Proxy]:
    """A proxy before the server of this run, for tests that import it."""
    with proxied(nemo_server.url) as proxy:
        proxy.workspaces = {workspace}
        yield proxy


@pytest_asyncio.fixture
async def nemo(proxy: Proxy, workspace: str) -> AsyncIterator[World]:
    """A new workspace, through that proxy."""
    async with connected(proxy.url, workspace) as world:
        yield world


class NemoContract(DriverContract):
    """Each subclass has other samples."""

    driver = DRIVER

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        for name in {"sample", "deletable", "exact", "ambiguous"} & set(metafunc.fixturenames):
            metafunc.parametrize(name, cls.samples_that_are(name), ids=lambda one: one.key)

    @pytest.fixture
    def proxy(self, nemo_server: Running, workspace: str) -> Iterator[Proxy]:
        with proxied(nemo_server.url) as proxy:
            proxy.remembered = {}
            proxy.workspaces = {workspace}  # those of other tests come and go
            # a workspace is never deleted, so each one that a test makes needs a name that was never there
            proxy.names = {"sample-workspace": f"s{secrets.token_hex(7)}", "another-one": f"s{secrets.token_hex(5)}"}
            yield proxy

    @pytest_asyncio.fixture
    async def world(self, nemo_server: Running, workspace: str, proxy: Proxy) -> AsyncIterator[World]:
        if any("fileset" in sample.document for sample in self.samples):
            for name in FILESETS:
                create_fileset(nemo_server.url, workspace, name)
        async with connected(proxy.url, workspace) as world:
            self.proxy_of, self.specs = proxy, {}
            yield world

    def lose_reply(self, world: World, *, done: bool) -> None:
        self.proxy_of.lose(done=done)

    def break_row(self, world: World, address: Address) -> None:
        kind, name = PATHS[address.kind], address.key

        def broken(plural: str, row: dict[str, Any]) -> dict[str, Any]:
            return row | {"updated_at": 5} if (plural, row.get("name")) == (kind, name) else row

        self.proxy_of.changes.append(broken)

    def plant(self, world: World, address: Address, planted: Planted) -> None:
        """Into what a newer server keeps: version 0.3 itself knows no member that we do not."""
        key = (PATHS[address.kind], address.key)
        spec = self.specs[address]
        self.proxy_of.newer[key] = grown(self.proxy_of.newer.get(key), spec, planted)

    def planted(self, world: World, address: Address, container: str, name: str) -> Any:
        return found_in(self.proxy_of.newer.get((PATHS[address.kind], address.key)), container, name)

    @contextmanager
    def distorted(self, world: World, address: Address, planted: Planted) -> Iterator[None]:
        before = dict(self.proxy_of.newer)
        self.plant(world, address, planted)
        yield
        self.proxy_of.newer = before

    def levels(self, resource: Resource) -> list[Planted]:
        self.specs[resource.address] = resource.spec
        return super().levels(resource)

    kept: ClassVar[tuple[str, ...]] = ("id", "name", "workspace", "custom_fields", "created_at", "updated_at")

    def alter_row(self, world: World, address: Address, alter: Alter) -> None:
        kind, name = PATHS[address.kind], address.key

        def changed(plural: str, row: dict[str, Any]) -> dict[str, Any]:
            return alter(row) if (plural, row.get("name")) == (kind, name) else row

        self.proxy_of.changes[:] = [changed]

    def add_unknown_field(self, world: World) -> None:
        self.proxy_of.changes.append(lambda kind, row: with_unknown(row))


class NemoFields(NemoContract):
    """The part of the contract that is about fields, for further samples of a kind that keeps all of it with one."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in [name for name in dir(cls) if name.startswith("test_") and name not in FIELDS]:
            setattr(cls, name, None)


FIELDS = (
    "test_what_was_created_needs_nothing_more",
    "test_one_object_reads_as_it_does_in_the_list",
    "test_each_update_is_one_field_and_then_nothing",
    "test_each_optional_field_can_be_removed_or_says_replace",
    "test_fields_that_nobody_knows_are_tolerated",
)
OPEN = ("custom_fields", "ownership", "inference_params")  # what is in these is the user's


def with_unknown(value: Any) -> Any:
    """An answer of a newer server: every map of it has one more field, but for those that are the user's own."""
    if isinstance(value, list):
        return [with_unknown(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = ("_extra_body", "_extra_headers", "response_format", "tools")
    known = {name: item if name in OPEN or name.endswith(kept) else with_unknown(item) for name, item in value.items()}
    return known | {"brand_new": {"of": "a newer server"}}


__all__ = ["NemoContract", "NemoFields", "Sample", "connected", "nemo", "proxy"]
