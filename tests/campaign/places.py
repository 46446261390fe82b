"""The registries that a campaign runs against: the memory driver, the embedded one, insideLLMs' folder, and the emulators."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from campaign.scenario import Named, plainly
from registry import insidellms_samples, latticeflow_contract, latticeflow_samples, watsonx_contract, watsonx_samples
from registry.aigo.server import aigo
from registry.test_contract_local import SAMPLE
from registry.test_contract_memory import MODEL, NOTE, PORTABLE, as_exact
from registry.watsonx.server import orchestrate
from world import World

from reconciler.testing.sample import Sample


class Place(NamedTuple):
    """An empty registry, and what is written there."""

    opened: Callable[[], AbstractAsyncContextManager[World]]
    samples: tuple[Sample, ...]
    named: Named = plainly


def memory() -> AbstractAsyncContextManager[World]:
    return World.of()


def memory_exact() -> AbstractAsyncContextManager[World]:
    return World.of(one={"driver": "memory-exact"})


@asynccontextmanager
async def local() -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        async with World.of(root=Path(folder), one={"driver": "local", "path": "registry.db"}) as world:
            yield world


@asynccontextmanager
async def insidellms() -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        async with World.of(root=Path(folder), one={"driver": "insidellms", "path": "runs"}) as world:
            yield world


@asynccontextmanager
async def latticeflow() -> AsyncIterator[World]:
    with aigo() as server:
        async with latticeflow_contract.connected(server) as world:
            yield world


@asynccontextmanager
async def watsonx() -> AsyncIterator[World]:
    with orchestrate() as server:
        async with watsonx_contract.connected(server) as world:
            yield world


def _watsonx_named(sample: Sample, name: str) -> str:
    return watsonx_contract.named(sample, name) if sample.native else name


MEMORY: Final = (MODEL, NOTE, PORTABLE)
PLACES: Final[Mapping[str, Place]] = {
    "memory": Place(memory, MEMORY),
    "memory-exact": Place(memory_exact, tuple(map(as_exact, MEMORY))),
    "local": Place(local, (SAMPLE,)),
    "insidellms": Place(insidellms, insidellms_samples.SAMPLES),
    "latticeflow": Place(latticeflow, (latticeflow_samples.CUSTOM, latticeflow_samples.ADAPTER)),
    "watsonx": Place(watsonx, (watsonx_samples.MODEL, watsonx_samples.CONNECTION), _watsonx_named),
}
