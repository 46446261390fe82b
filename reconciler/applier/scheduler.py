"""Runs changes in the order of their dependencies, as many at once as each registry bears."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence

from reconciler.applier.report import Outcome
from reconciler.core.resource import Address
from reconciler.planner.plan import Change

Run = Callable[[Change], Awaitable[Outcome]]
Skip = Callable[[Change, Address], Outcome]


async def run_in_order(
    changes: Sequence[Change],
    run: Run,
    skip: Skip,
    concurrency: Callable[[str], int],
    failed: frozenset[Address] = frozenset(),
) -> list[Outcome]:
    """The outcome of each change, as they ended. At most `concurrency(registry)` run at once in one registry.

    A change whose dependency did not end as `ok` is skipped, and so is what depends on it. `failed` are addresses that failed before.
    Dependencies outside `changes` do not hold anything up, nor do those on a change that comes later: a circle is broken where the plan broke it.
    """
    work = _Work(changes, run, skip, failed)
    registries = {change.address.registry for change in changes}
    async with asyncio.TaskGroup() as group:
        for name in sorted(registries):
            count = sum(change.address.registry == name for change in changes)
            for _ in range(min(concurrency(name), count)):
                group.create_task(work.serve(name))
    return work.outcomes


class _Work:
    """What is left to do. Workers take what is ready; ending one change readies what waited for it."""

    def __init__(self, changes: Sequence[Change], run: Run, skip: Skip, failed: frozenset[Address]) -> None:
        self.outcomes: list[Outcome] = []
        self._run, self._skip = run, skip
        self._ready: dict[str, asyncio.Queue[Change | None]] = defaultdict(asyncio.Queue)
        self._left = {change.address: change for change in changes}
        self._needs = dict(_needs(changes))
        self._followers: dict[Address, list[Change]] = defaultdict(list)
        for change in changes:
            for need in self._needs[change.address]:
                self._followers[need].append(change)
        self._workers: dict[str, int] = defaultdict(int)
        for change in changes:
            cause = next((need for need in change.depends_on if need in failed), None)
            if cause is not None:
                self._skip_with_followers(change, cause)
        for change in changes:
            if change.address in self._left and not self._needs[change.address]:
                self._ready[change.address.registry].put_nowait(change)

    async def serve(self, registry: str) -> None:
        """One worker: takes ready changes of one registry until none is left anywhere."""
        queue = self._ready[registry]
        self._workers[registry] += 1
        while self._left:
            change = await queue.get()
            if change is None:
                return
            self._end(change, await self._run(change))
        self._wake_all()

    def _end(self, change: Change, outcome: Outcome) -> None:
        del self._left[change.address]
        self.outcomes.append(outcome)
        for follower in self._followers[change.address]:
            if outcome.status != "ok":
                self._skip_with_followers(follower, change.address)
                continue
            needs = self._needs[follower.address]
            needs.discard(change.address)
            if not needs and follower.address in self._left:
                self._ready[follower.address.registry].put_nowait(follower)
        if not self._left:
            self._wake_all()

    def _skip_with_followers(self, change: Change, cause: Address) -> None:
        pending = [(change, cause)]
        while pending:
            skipped, why = pending.pop()
            if self._left.pop(skipped.address, None) is None:
                continue
            self.outcomes.append(self._skip(skipped, why))
            pending.extend((follower, skipped.address) for follower in self._followers[skipped.address])

    def _wake_all(self) -> None:
        for registry, workers in self._workers.items():
            for _ in range(workers):
                self._ready[registry].put_nowait(None)


def _needs(changes: Sequence[Change]) -> Iterator[tuple[Address, set[Address]]]:
    """What each change waits for."""
    earlier: set[Address] = set()
    for change in changes:
        yield change.address, earlier.intersection(change.depends_on)
        earlier.add(change.address)
