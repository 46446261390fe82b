"""The driver contract, kept by a folder of insideLLMs's run configs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest_asyncio
from registry.insidellms_samples import SAMPLES
from world import World

from reconciler.core import document
from reconciler.core.document import load
from reconciler.core.document.dump import dump_yaml
from reconciler.core.resource import Address, Resource
from reconciler.registry.insidellms import DRIVER
from reconciler.registry.insidellms.arguments import OPEN
from reconciler.testing.contract import DriverContract
from reconciler.testing.hostile_rows import Alter
from reconciler.testing.unmanaged import STRANGE, VALUE, Planted, found_in, put_in


class TestInsideLlms(DriverContract):
    """One folder."""

    driver = DRIVER
    samples = SAMPLES
    cannot: ClassVar[Mapping[str, str]] = {
        "lose_reply": "a file is replaced or not, and whoever asked is told in the same process"
    }

    @pytest_asyncio.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[World]:
        async with World.of(root=tmp_path, one={"driver": "insidellms", "path": "runs"}) as world:
            yield world

    def alter_row(self, world: World, address: Address, alter: Alter) -> None:
        file = world.root / "runs" / f"{address.key}.yaml"
        if not hasattr(self, "first"):
            self.first = file.read_text("utf-8")
        head = "".join(line for line in self.first.splitlines(keepends=True) if line.startswith("#"))
        changed = alter(load(self.first, file.name).documents[0].value)
        file.write_text(head + dump_yaml(changed), "utf-8")

    def break_row(self, world: World, address: Address) -> None:
        (world.root / "runs" / f"{address.key}.yaml").write_text("model: [", "utf-8")

    def add_unknown_field(self, world: World) -> None:
        for file in (world.root / "runs").glob("*.yaml"):
            file.write_text(file.read_text("utf-8") + "\nrunner: {concurrency: 2}\n", "utf-8")

    def plant(self, world: World, address: Address, planted: Planted) -> None:
        file = world.root / "runs" / f"{address.key}.yaml"
        text = file.read_text("utf-8")
        header = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
        file.write_text(header + dump_yaml(put_in(self._data(text), planted)), "utf-8")

    def planted(self, world: World, address: Address, container: str, name: str) -> Any:
        return found_in(self._data((world.root / "runs" / f"{address.key}.yaml").read_text("utf-8")), container, name)

    @contextmanager
    def distorted(self, world: World, address: Address, planted: Planted) -> Iterator[None]:
        file = world.root / "runs" / f"{address.key}.yaml"
        before = file.read_bytes()
        self.plant(world, address, planted)
        yield
        file.write_bytes(before)

    def _data(self, text: str) -> Any:
        return document.load(text, "file.yaml").documents[0].value

    def levels(self, resource: Resource) -> list[Planted]:
        """The arguments of most types are known, too; a credential among them is none that may stay."""
        found = super().levels(resource)
        if resource.spec["model"]["type"] not in OPEN and "args" in resource.spec["model"]:
            found.append(Planted("/model/args", STRANGE, VALUE))
        return found


class TestInsideLlmsWithSettings(TestInsideLlms):
    """The same, where reconciler.yaml says what runs ask of every model."""

    @pytest_asyncio.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[World]:
        settings = {"probe": {"type": "bias"}, "dataset": {"format": "csv", "path": "all.csv"}}
        async with World.of(root=tmp_path, one={"driver": "insidellms", "path": "runs", **settings}) as world:
            yield world
