"""The open registry: one folder of run configs, in a thread of its own. What is asked for meanwhile is written in one go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from reconciler.registry.driver import Address, Listing, Removal, Resource, Write
from reconciler.registry.insidellms.arguments import NO_TYPES, Types
from reconciler.registry.insidellms.files import PATIENCE
from reconciler.registry.insidellms.folder import Folder, Job

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Store:
    """A `Registry` that also `Renames`."""

    def __init__(self, folder: Folder, thread: ThreadPoolExecutor) -> None:
        self._folder = folder
        self._thread = thread
        self._waiting: list[tuple[Job, asyncio.Future[Resource | None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def read(self) -> Listing:
        return await self._run(self._folder.listing)

    async def get(self, address: Address) -> Resource | None:
        return await self._run(self._folder.get, address)

    async def create(self, write: Write) -> Resource | None:
        return await self._made(Job("create", write))

    async def update(self, write: Write) -> Resource | None:
        return await self._made(Job("update", write))

    async def rename(self, write: Write) -> Resource | None:
        return await self._made(Job("rename", write))

    async def delete(self, removal: Removal) -> None:
        await self._made(Job("delete", removal=removal))

    async def _made(self, job: Job) -> Resource | None:
        """What became of the job, which is done together with all that wait by then: the harness is written once for them."""
        turn: asyncio.Future[Resource | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, turn))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await turn

    async def _write(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            jobs = [job for job, _ in waiting]
            work = asyncio.wrap_future(self._thread.submit(self._folder.carry_out, jobs))
            await asyncio.wait([work])
            failure = work.exception()
            outcomes: Sequence[Resource | BaseException | None]
            outcomes = [failure] * len(jobs) if failure is not None else work.result()
            for (_, turn), outcome in zip(waiting, outcomes, strict=True):
                if turn.done():  # whoever waited was cancelled
                    continue
                if isinstance(outcome, BaseException):
                    turn.set_exception(outcome)
                else:
                    turn.set_result(outcome)

    async def _run(self, work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
        return await asyncio.wrap_future(self._thread.submit(work, *args, **kwargs))

    async def close(self) -> None:
        """Waits for what is being written."""
        if self._writer is not None:
            await asyncio.shield(self._writer)


@asynccontextmanager
async def connect(
    path: Path,
    shared: Mapping[str, Any],
    types: Types = NO_TYPES,
    registry: str = "insidellms",
    patience: float = PATIENCE,
) -> AsyncIterator[Store]:
    """Opens no file until something is read or written. `path` is absolute; `shared` are the probe and dataset of the settings,
    and `types` those of plugins that the settings declare.

    `patience` is how many seconds to wait for another writer.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reconciler-insidellms")
    store = Store(Folder(path, shared, registry, patience, types), thread)
    try:
        yield store
    finally:
        await store.close()
        thread.shutdown(wait=False)
