"""The registries that a campaign runs against: the memory driver, the embedded one, insideLLMs' folder, and the emulators."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from campaign.ground import Ground, Place
from registry import insidellms_samples, latticeflow_contract, latticeflow_samples, watsonx_contract, watsonx_samples
from registry.aigo.server import aigo
from registry.test_contract_local import SAMPLE
from registry.test_contract_memory import MODEL, NOTE, PORTABLE, as_exact
from registry.watsonx.server import orchestrate
from world import World

from reconciler.testing.sample import Sample


@asynccontextmanager
async def memory() -> AsyncIterator[Ground]:
    async with World.of() as world:
        yield Ground(world)


@asynccontextmanager
async def memory_exact() -> AsyncIterator[Ground]:
    async with World.of(one={"driver": "memory-exact"}) as world:
        yield Ground(world)


@asynccontextmanager
async def in_folder(**entry: Any) -> AsyncIterator[Ground]:
    with tempfile.TemporaryDirectory() as folder:
        async with World.of(root=Path(folder), one=entry) as world:
            yield Ground(world)


@asynccontextmanager
async def latticeflow() -> AsyncIterator[Ground]:
    with aigo() as server:
        server.state.clock = lambda: ONE_SECOND
        async with latticeflow_contract.connected(server) as world:
            yield Ground(world)


@asynccontextmanager
async def watsonx() -> AsyncIterator[Ground]:
    with orchestrate() as server:
        async with watsonx_contract.connected(server) as world:
            yield Ground(world)


def _watsonx_named(sample: Sample, name: str) -> str:
    return watsonx_contract.named(sample, name) if sample.native else name


ONE_SECOND: Final = 1_795_000_000  # AI GO! tells times in seconds, so what is written within one has the same revision
MEMORY: Final = (MODEL, NOTE, PORTABLE)
_PLACES: Final = (
    Place("memory", memory, MEMORY),
    Place("memory-exact", memory_exact, tuple(map(as_exact, MEMORY))),
    Place("local", lambda: in_folder(driver="local", path="registry.db"), (SAMPLE,)),
    Place("insidellms", lambda: in_folder(driver="insidellms", path="runs"), insidellms_samples.SAMPLES),
    Place("latticeflow", latticeflow, (latticeflow_samples.CUSTOM, latticeflow_samples.ADAPTER)),
    Place("watsonx", watsonx, (watsonx_samples.MODEL, watsonx_samples.CONNECTION), _watsonx_named),
)
PLACES: Final[Mapping[str, Place]] = {place.name: place for place in _PLACES}
