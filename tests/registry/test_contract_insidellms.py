"""The driver contract, kept by a folder of insideLLMs's run configs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest_asyncio
from registry.contract import DriverContract
from registry.hostile_rows import Alter
from registry.insidellms_samples import SAMPLES
from world import World

from reconciler.core.document import load
from reconciler.core.document.dump import dump_yaml
from reconciler.core.resource import Address
from reconciler.registry.insidellms import DRIVER


class TestInsideLlms(DriverContract):
    """One folder."""

    driver = DRIVER
    samples = SAMPLES
    foreign = False  # below `model`, what nobody knows is shown as a difference
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


class TestInsideLlmsWithSettings(TestInsideLlms):
    """The same, where reconciler.yaml says what runs ask of every model."""

    @pytest_asyncio.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[World]:
        settings = {"probe": {"type": "bias"}, "dataset": {"format": "csv", "path": "all.csv"}}
        async with World.of(root=tmp_path, one={"driver": "insidellms", "path": "runs", **settings}) as world:
            yield world
