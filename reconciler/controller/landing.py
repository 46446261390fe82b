"""Write the status of each object once all its own changes were applied and read back, while the rest of the plan is still under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Final, Self

from reconciler.applier.report import Outcome
from reconciler.controller.cluster import ClusterError
from reconciler.core.resource import Address
from reconciler.planner.plan import Plan

AT_ONCE: Final = 4  # requests to the API server, beside those to the registry


@dataclass
class Landing:
    """The objects of one plan that wait for their changes, by the names of their manifests. `write` writes the status of one.

    `written` are those whose status was written; that of all others is left to the end of the reconcile. So are all that
    come after one which the API server refused: it may be asked too often already.
    """

    plan: Plan
    files: Collection[str]
    write: Callable[[str], Awaitable[None]]
    written: set[str] = field(default_factory=set)
    _pending: dict[str, set[Address]] = field(default_factory=dict)
    _files: dict[Address, str] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _refused: bool = False

    def __post_init__(self) -> None:
        for change in self.plan.changes:
            if change.source is not None and change.source.file in self.files:
                self._files[change.address] = change.source.file
                self._pending.setdefault(change.source.file, set()).add(change.address)

    def outcome(self, outcome: Outcome) -> None:
        """Note how a change ended. The status of its object is written after the last one; never where one did not end well."""
        file = self._files.pop(outcome.address, None)
        if file is None or outcome.status != "ok":
            return
        self._pending[file].discard(outcome.address)
        if not self._pending[file]:
            self._tasks.append(asyncio.create_task(self._write(file)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait until all are written that can be; none any more where the reconcile is cancelled."""
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            for task in self._tasks:
                task.cancel()
        for answer in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(answer, Exception):
                raise answer

    async def _write(self, file: str) -> None:
        async with self._room:
            if self._refused:
                return
            try:
                await self.write(file)
            except ClusterError:
                self._refused = True
                return
        self.written.add(file)
