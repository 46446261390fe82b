"""The open registry: the objects of one SQLite file, behind one thread that owns the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from reconciler.registry.driver import Address, Kind, Listing, PlanRecord, Removal, Resource, Revision, Write
from reconciler.registry.local.database import BUSY_SECONDS, Database
from reconciler.registry.local.grouping import GroupCommit
from reconciler.registry.local.objects import Clock, Objects, utc_now

Given = ParamSpec("Given")
Asked = TypeVar("Asked")
Result = TypeVar("Result")


class Store:
    """A `Registry` that also `Renames`, `KeepsHistory` and `RecordsPlans`. It stores the references of secrets, never their values.

    The addresses of a listing begin with the name that the registry was opened under; what answers an address bears that address.
    """

    def __init__(self, objects: Objects, thread: ThreadPoolExecutor) -> None:
        self._objects = objects
        self._thread = thread
        self._writes = GroupCommit(thread, objects.together)

    async def read(self) -> Listing:
        return await self._run(self._objects.listing)

    async def get(self, address: Address) -> Resource | None:
        return await self._run(self._objects.get, address)

    async def create(self, write: Write) -> Resource:
        return await self._write(self._objects.create, write)

    async def update(self, write: Write) -> Resource:
        return await self._write(self._objects.update, write)

    async def rename(self, write: Write) -> Resource:
        return await self._write(self._objects.rename, write)

    async def delete(self, removal: Removal) -> None:
        await self._write(self._objects.delete, removal)

    async def history(self, address: Address) -> tuple[Revision, ...]:
        return await self._run(self._objects.history, address)

    async def plan_record(self, nonce: str) -> PlanRecord | None:
        return await self._run(self._objects.plan_record, nonce)

    async def begin_plan(self, nonce: str, fingerprint: str, actor: str) -> PlanRecord | None:
        return await self._run(self._objects.begin_plan, nonce, fingerprint, actor)

    async def end_plan(self, nonce: str) -> None:
        await self._run(self._objects.end_plan, nonce)

    async def _write(self, work: Callable[[Asked], Result], asked: Asked) -> Result:
        done: Result = await self._writes.add(partial(work, asked))
        return done

    async def _run(self, work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        return await asyncio.wrap_future(self._thread.submit(work, *args, **kwargs))


@asynccontextmanager
async def connect(
    path: Path,
    kinds: Mapping[str, Kind],
    registry: str = "local",
    clock: Clock = utc_now,
    patience: float = BUSY_SECONDS,
) -> AsyncIterator[Store]:
    """Opens no file until something is read or written.

    `path` is absolute; `clock` tells aware times; `patience` is how many seconds to wait for another writer.
    """
    database = Database(path, patience)
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reconciler-local")
    try:
        yield Store(Objects(database, kinds, registry, clock), thread)
    finally:
        closing = thread.submit(database.close)
        thread.shutdown(wait=False)  # it ends by itself after closing, even if the wait for it is cancelled
        await asyncio.shield(asyncio.wrap_future(closing))
