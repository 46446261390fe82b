"""The Model and native objects of one Registry object: their rows, and who holds them back from being deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from reconciler.controller.cluster import Cluster, ClusterError, ObjectKey, ResourceType, key_of
from reconciler.controller.copies import Copies, Member
from reconciler.controller.desired import Composer, Declared, Trouble, unplaced
from reconciler.controller.documents import ClusterDocument
from reconciler.controller.finalizers import held_by
from reconciler.controller.planned import NOT_IN_FORCE
from reconciler.controller.ports import Recorder
from reconciler.controller.routing import rows_of
from reconciler.controller.rows import row_of_trouble, unknown_row
from reconciler.controller.status import HELD, Row
from reconciler.controller.wording import worded
from reconciler.controller.writer import Writer
from reconciler.planner.plan import Change

AT_ONCE: Final = 8  # requests of one reconcile to the API server
# reasons for which a registry's object is never deleted: whoever deletes its Kubernetes object must not wait for that
LEFT: Final = frozenset({"protected", "owner", "not-deletable", "read-only", "duplicate", "drifted"})


@dataclass(frozen=True, slots=True)
class Members:
    """The objects that concern the Registry object `key`."""

    key: ObjectKey
    copies: Copies
    composer: Composer
    writer: Writer
    recorder: Recorder

    def by_file(self, declared: Declared) -> dict[str, Mapping[str, Any]]:
        """The objects by the name of their manifest, as they are now."""
        return {
            file: item
            for file, one in {**declared.documents, **declared.going}.items()
            if (item := self._there(one)) is not None
        }

    def _there(self, one: ClusterDocument) -> Mapping[str, Any] | None:
        """The object of a manifest as it is now. Another one of the same name is not it: nothing is known of that."""
        item = self.copies.member(one.resource, one.key)
        return item if item is not None and str(item["metadata"].get("uid", "")) == one.uid else None

    def noted_secrets(self, declared: Declared) -> dict[str, str]:
        """The digests of Secrets that the rows note, by the name of the manifest."""
        found = {file: rows_of(item).get(self.key.name, {}) for file, item in self.by_file(declared).items()}
        return {file: str(row["secrets"]) for file, row in found.items() if row.get("secrets")}

    def moved(self, declared: Declared) -> dict[str, frozenset[str]]:
        """Where the objects go that left and are not about to be deleted, by the name of their manifest."""
        there = ((file, one, self._there(one)) for file, one in declared.going.items())
        return {
            file: self._goes_to_of(one.resource, item)
            for file, one, item in there
            if item is not None and "deletionTimestamp" not in item["metadata"]
        }

    # --- where there is nothing to reconcile ----------------------------------------------------------------

    def staying(self) -> list[str]:
        """The objects whose rows say that what they declare may be in the registry."""
        rows = ((member, rows_of(member.item).get(self.key.name)) for member in self.copies.members(self.key))
        there = (member for member, row in rows if row is not None and _may_be_there(row["action"], row.get("reason")))
        return [f"{member.resource.kind} {key_of(member.item).name}" for member in there]

    async def without_registry(self) -> None:
        """Release all objects of a Registry object that is not there, and say so to those that name it."""
        trouble = unplaced(self.key.name)
        await self._each(self._leave(member, trouble) for member in self.copies.members(self.key))

    async def _leave(self, member: Member, trouble: Trouble) -> None:
        goes_there = self.key.name in self._goes_to(member) and "deletionTimestamp" not in member.item["metadata"]
        generation = int(member.item["metadata"].get("generation", 0))
        row = row_of_trouble(self.key.name, generation, trouble) if goes_there else None
        await self._let_go(member.resource, member.item, row, self._goes_to(member))

    async def release(self) -> None:
        """Release the objects that are about to go: nothing is deleted meanwhile."""
        going = [one for one in self.copies.members(self.key) if self._is_going(one)]
        await self._each(self._let_go(one.resource, one.item, None, self._goes_to(one)) for one in going)

    async def tell_waiting(self) -> None:
        """Say to the objects that go there and were never reconciled what they wait for: else they have no status at all."""
        new = [
            one
            for one in self.copies.members(self.key)
            if self.key.name in self._goes_to(one) and self.key.name not in rows_of(one.item)
        ]
        await self._each(
            self.writer.row(one.resource, one.item, self.key.name, None, self._goes_to(one)) for one in new
        )

    async def released_where_nothing_is_to_be_deleted(self, cluster: Cluster, *, prunes: bool) -> list[Member]:
        """Release the objects that are about to go and are not to be deleted in the registry. Returns the others.

        Where the namespace or the type goes, nobody deleted the objects one by one.
        """
        members = self.copies.members(self.key)
        going = [one for one in members if self._is_going(one)]
        if not going:
            return members
        kept = prunes and not await cluster.terminating(self.key.namespace)
        types = {one.resource for one in going}
        gone = {one for one in types if not kept or not await cluster.served(one)}
        released = [one for one in going if one.resource in gone]
        await self._each(self._left_there(one) for one in released)
        return [one for one in members if not (self._is_going(one) and one.resource in gone)]

    async def _left_there(self, member: Member) -> None:
        if held_by(member.item, self.key.name) or self.key.name in rows_of(member.item):
            self._tell_left(member.item, "nothing is deleted here: what it declared stays in the registry")
        await self._let_go(member.resource, member.item, None, self._goes_to(member))

    async def unknown(self, reason: str, message: str) -> None:
        """Say to all objects that nobody can tell how they are."""

        async def say(member: Member) -> None:
            noted = str(rows_of(member.item).get(self.key.name, {}).get("secrets", ""))
            generation = int(member.item["metadata"].get("generation", 0))
            row = unknown_row(self.key.name, generation, reason, message)._replace(secrets=noted)
            await self.writer.row(member.resource, member.item, self.key.name, row, self._goes_to(member))

        await self._each(say(member) for member in self.copies.members(self.key))

    # --- after a reconcile ----------------------------------------------------------------------------------

    async def write(
        self, declared: Declared, made: Mapping[str, Row], left: Mapping[str, list[Change]], *, holds: bool
    ) -> None:
        """Write the rows of the objects that go there, as far as there are any, and release those that went."""
        items = self.by_file(declared)
        live = (
            self.write_live(one, made[file], holds=holds) for file, one in declared.documents.items() if file in made
        )
        going = (
            self._write_going(one, items[file], left.get(file, []), made.get(file))
            for file, one in declared.going.items()
            if file in items
        )
        await self._each(chain(live, going))

    async def write_live(self, one: ClusterDocument, row: Row, *, holds: bool) -> None:
        """Write the row of an object that goes there, and hold it where deleting it is to delete something."""
        item = self._there(one)
        if item is None:
            return
        # what was written, or may have been although it failed: whoever deletes the object waits until it is gone
        held = holds and (_may_be_there(row.action, row.reason) or held_by(item, self.key.name))
        # before the status: who reads that it is synced may delete it at once, and it must not go unseen then
        item = await self.writer.finalizer(one.resource, item, self.key.name, held=held)
        await self.writer.row(one.resource, item, self.key.name, row, self._goes_to_of(one.resource, item))

    async def _write_going(
        self, one: ClusterDocument, item: Mapping[str, Any], left: list[Change], row: Row | None
    ) -> None:
        goes_to = self._goes_to_of(one.resource, item)
        waiting = [change for change in left if change.action not in HELD or change.reason not in LEFT]
        if not waiting:
            for change in left:
                self._tell_left(item, f"{change.address} stays in the registry: {change.message or change.reason}")
            await self._let_go(one.resource, item, None, goes_to)
            return
        await self.writer.row(one.resource, item, self.key.name, row, goes_to)

    # --- inside ---------------------------------------------------------------------------------------------

    def _is_going(self, member: Member) -> bool:
        return self.composer.leaves(member, self.key)

    def _goes_to(self, member: Member) -> frozenset[str]:
        return self.composer.goes_to(member, self.key.namespace)

    def _goes_to_of(self, resource: ResourceType, item: Mapping[str, Any]) -> frozenset[str]:
        return self._goes_to(Member(resource, self.copies.kind_of(resource), item))

    def _tell_left(self, item: Mapping[str, Any], message: str) -> None:
        self.recorder.event(item, "Normal", "Left", worded(message))

    async def _let_go(
        self, resource: ResourceType, item: Mapping[str, Any], row: Row | None, goes_to: frozenset[str]
    ) -> None:
        """Write the row first: without its finalizer an object that is about to go is gone."""
        await self.writer.row(resource, item, self.key.name, row, goes_to)
        await self.writer.finalizer(resource, self._now(resource, item), self.key.name, held=False)

    def _now(self, resource: ResourceType, item: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.copies.member(resource, key_of(item)) or item

    async def _each(self, every: Iterable[Awaitable[None]]) -> None:
        """Await all, some at once, each made when its turn comes. Raises the first ClusterError once all have ended."""
        left = iter(every)
        refused: list[ClusterError] = []

        async def work() -> None:
            for one in left:
                try:
                    await one
                except ClusterError as error:
                    refused.append(error)
                await asyncio.sleep(0)  # where nothing is to be written, nothing else was waited for

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(work())
        if refused:
            raise refused[0]


def _may_be_there(action: str, reason: str | None) -> bool:
    """True where a row says that the registry may hold what the object declares."""
    return action not in HELD or reason == NOT_IN_FORCE
