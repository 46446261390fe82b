"""The driver contract, kept by a folder of insideLLMs's run configs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest_asyncio
from registry.contract import DriverContract
from registry.insidellms_samples import SAMPLES
from world import World

from reconciler.core.resource import Address
from reconciler.registry.insidellms import DRIVER


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
