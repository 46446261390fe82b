"""The driver contract, kept by `litellm` on the real proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest_asyncio
from registry.litellm.between import between
from registry.litellm.samples import CREDENTIAL, MODEL, PORTABLE
from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import Wire
from world import World

from reconciler.core import pointer as pointers
from reconciler.core.resource import Address, Resource
from reconciler.registry.litellm import DRIVER
from reconciler.testing.contract import DriverContract
from reconciler.testing.hostile_rows import Alter
from reconciler.testing.unmanaged import HIDDEN, SECRET, STRANGE, VALUE, Planted

INFO = {"Model": "model_info", "Credential": "credential_info"}  # where anybody may write what nobody declares


class LitellmContract(DriverContract):
    """Each subclass has other samples. The proxy is emptied before each test."""

    driver = DRIVER
    kept: ClassVar[tuple[str, ...]] = ("model_info", "credential_name", "credential_info", "source")
    hostile_values = 2

    @pytest_asyncio.fixture
    async def world(self, litellm: LiteLLMServer, litellm_wire: Wire, tmp_path: Path) -> AsyncIterator[World]:
        (tmp_path / "token").write_text(litellm.token, "utf-8")
        with between(litellm.url) as found:
            self.between, self.wire = found, litellm_wire
            entry = {"driver": "litellm", "url": found.url, "token": "${file:token}"}
            async with World.of(root=tmp_path, litellm=entry) as world:
                yield world

    def lose_reply(self, world: World, *, done: bool) -> None:
        self.between.lose(done=done)

    def break_row(self, world: World, address: Address) -> None:
        broken = {"Model": {"model_name": 5}, "Credential": {"credential_values": 5}}[address.kind]
        self.alter_row(world, address, lambda row: row | broken)

    def alter_row(self, world: World, address: Address, alter: Alter) -> None:
        def altered(kind: str, row: dict[str, Any]) -> dict[str, Any]:
            return alter(row) if kind == address.kind and key_of(row) == address.key else row

        self.between.alters[:] = [altered]

    def add_unknown_field(self, world: World) -> None:
        def newer(kind: str, row: dict[str, Any]) -> dict[str, Any]:
            added = {"brand_new": {"of": "a newer proxy"}, "supports_telepathy": True}
            info, params = row.get(INFO[kind]) or {}, row.get("litellm_params")
            more = {INFO[kind]: info | added, "brand_new": 1}
            return row | more | ({"litellm_params": params | {"brand_new": False}} if params is not None else {})

        self.between.alters.append(newer)

    def levels(self, resource: Resource) -> list[Planted]:
        place = f"/{INFO[resource.address.kind]}"
        return [Planted(place, STRANGE, VALUE), Planted(place, HIDDEN, SECRET)]

    def plant(self, world: World, address: Address, planted: Planted) -> None:
        if address.kind == "Model":
            self.wire.patch(address.key, model_info={"id": address.key, planted.name: planted.value}).raise_for_status()
        else:
            info = self.wire.credentials()[address.key]["credential_info"]  # the database replaces it, whole
            body = {
                "credential_name": address.key,
                "credential_values": {},
                "credential_info": info | {planted.name: planted.value},
            }
            self.wire.http.patch(f"/credentials/{address.key}", json=body).raise_for_status()
        self.between.answers.clear()

    def planted(self, world: World, address: Address, container: str, name: str) -> Any:
        rows = self.wire.models() if address.kind == "Model" else self.wire.credentials()
        return pointers.get(rows[address.key], f"{container}{pointers.join((name,))}")

    @contextmanager
    def distorted(self, world: World, address: Address, planted: Planted) -> Iterator[None]:
        place = f"{planted.container}{pointers.join((planted.name,))}"
        self.alter_row(world, address, lambda row: pointers.put(row, place, planted.value))
        yield
        self.between.alters.clear()


def key_of(row: dict[str, Any]) -> Any:
    """The key of a row as it came, whatever was made of it."""
    return row.get("credential_name") or (row.get("model_info") or {}).get("id")


class TestModels(LitellmContract):
    """A deployment in the proxy's own terms."""

    samples = (MODEL,)


class TestCredentials(LitellmContract):
    """A credential."""

    samples = (CREDENTIAL,)


class TestPortable(LitellmContract):
    """A portable Model, with its credential."""

    samples = (PORTABLE,)
