"""One change, carried out: the writes, what to do when a reply is lost, and the proof that what was sent is what is stored."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.applier.payload import keep_unmanaged, with_references, without_lost
from reconciler.core import pointer as json_pointer
from reconciler.core.errors import LostReplyError, PermanentError, RegistryError, StaleObjectError
from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Desired, Mark, RegistryFacts, Resource
from reconciler.core.secret import Secret
from reconciler.core.spec import is_reference
from reconciler.core.unmanaged import combined, fit, shown
from reconciler.planner import diff
from reconciler.planner.losses import losses
from reconciler.planner.plan import Change
from reconciler.planner.staleness import is_current
from reconciler.registry.capabilities import Renames
from reconciler.registry.protocol import Registry, Removal, Write
from reconciler.registry.reading import checked

FIRST_WAIT: Final = 0.05  # seconds until the first read-back; doubles up to LONGEST_WAIT
LONGEST_WAIT: Final = 1.0
ATTEMPTS: Final = 3  # at sending again what lost its reply, each after a look

Send = Callable[[Write], Awaitable[Resource | None]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was found out about one change before the first write.

    `current` is the object as read then; `secrets` the values that the write needs; `fingerprints` those that the mark will keep.
    """

    current: Resource | None = None
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """How a change ended: `status` as in report.STATUSES, `reason` a stable word, `message` for people."""

    status: str = "ok"
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Executor:
    """Carries out changes in one registry. `plan` and `actor` go into the registry's history; `settle` is in seconds.

    `left` are the old objects of renames by re-creation, as we left them, until `finish_rename` deletes them.
    """

    registry: Registry
    facts: RegistryFacts
    plan: str
    actor: str
    settle: float
    left: dict[Address, Resource] = field(default_factory=dict)

    async def run(self, change: Change, known: Prepared) -> Done:
        """Raises RegistryError where the registry refuses or fails; nothing is ever sent twice without a look in between."""
        if change.action == "delete":
            return await self._delete(change)
        if change.desired is None:
            raise ValueError(f"{change.address}: a {change.action} without an object to write")
        if change.action == "create":
            return await self._create(change, change.desired, known, None)
        if change.action == "update":
            return await self._update(change, change.desired, known)
        if change.action == "rename" or change.previous is not None:
            return await self._rename(change, change.desired, known)
        return await self._replace(change, change.desired, known)

    async def finish_rename(self, old: Address) -> Done:
        """The second half of a rename by re-creation: deletes the old object, if nobody touched it since."""
        now = await self._get(old)
        if now is not None:
            self._check_same(now, self.left[old])
            await self._remove(now)
        return Done()

    # --- the five actions -----------------------------------------------------------------------------------

    async def _create(self, change: Change, item: Desired, known: Prepared, source: Resource | None) -> Done:
        """Creates the object. `source` is the one in whose place it comes, if any: what is managed elsewhere is taken over from it."""
        write = self._write(change, item, source, known, fresh=True)
        kind = self.facts.kinds[item.address.kind]
        unique = kind.unique
        if (not unique or kind.upserts) and await self._get(item.address) is not None:
            raise StaleObjectError(f"{item.address} exists already")
        try:
            stored = await self.registry.create(write)
        except LostReplyError:
            stored = await self._recover_lost_reply(write, item, None, self.registry.create if unique else None)
        except StaleObjectError:
            stored = await self._accept_concurrent_create(write, item)
        if not unique:
            await self._get(item.address)  # refuses where somebody created another one meanwhile
        return await self._verified(write, item, stored)

    async def _accept_concurrent_create(self, write: Write, item: Desired) -> Resource:
        """Where a create came second: the object, if it is just what was to be created (two applies at once). Raises StaleObjectError.

        Not where it holds a secret that nobody can compare, nor where nobody can tell whose it is.
        """
        found = await self._get(item.address)
        marked = self.facts.kinds[item.address.kind].markable and write.desired.mark is not None
        if found is None or (item.secrets and not marked) or self._mismatch(write, item, found):
            raise StaleObjectError(
                f"{item.address} exists already, and is not what was to be created", hint="plan again"
            )
        return found

    async def _update(self, change: Change, item: Desired, known: Prepared) -> Done:
        current = await self._current(change, change.address, known)
        write = self._write(change, item, current, known)
        try:
            stored = await self.registry.update(write)
        except LostReplyError:
            stored = await self._recover_lost_reply(write, item, current, self.registry.update)
        return await self._verified(write, item, stored)

    async def _delete(self, change: Change) -> Done:
        current = await self._get(change.address)
        if current is None:
            return Done(message="it was gone already")
        if not is_current(change, current, self.facts):
            raise StaleObjectError(f"{change.address} was changed since the plan was made, so it was not deleted")
        await self._remove(current)
        return Done()

    async def _rename(self, change: Change, item: Desired, known: Prepared) -> Done:
        old = change.previous or change.address
        current = await self._current(change, old, known)
        if change.action == "replace" or not isinstance(self.registry, Renames):
            self.left[old] = await self._mark_rename(current, item, known)
            return await self._create(change, item, known, current)
        write = self._write(change, item, current, known)
        try:
            stored = await self.registry.rename(write)
        except LostReplyError:
            stored = await self._recover_lost_reply(write, item, None, self.registry.rename)
        return await self._verified(write, item, stored)

    async def _mark_rename(self, current: Resource, item: Desired, known: Prepared) -> Resource:
        """Says in the old object's mark what it becomes, so that a run that dies before the old one is deleted is finished by the next one."""
        if self.facts.owner is None or not self.facts.kinds[item.address.kind].markable:
            return current
        mark = current.mark or Mark(self.facts.owner, item.key)
        kept = fit(current.unmanaged, current.spec, current.spec).tree
        becoming = replace(mark, owner=self.facts.owner, key=item.key, becomes=item.address.key)
        intent = replace(current, mark=becoming, unmanaged=kept)
        if intent.mark == current.mark:
            return current
        secrets = {
            pointer: value
            for pointer, value in known.secrets.items()
            if json_pointer.get(current.spec, pointer) is not json_pointer.MISSING
        }
        write = Write(intent, current, secrets, plan=self.plan, actor=self.actor)
        try:
            stored = await self.registry.update(write)
        except LostReplyError:
            stored = await self._recover_lost_reply(write, item, current, self.registry.update)
        stored = checked(stored, self.facts)
        if self._mismatch(write, item, stored):
            stored = await self._poll(current.address, lambda found: not self._mismatch(write, item, found))
        return stored or intent

    async def _replace(self, change: Change, item: Desired, known: Prepared) -> Done:
        current = await self._get(change.address)
        if current is not None:
            if not is_current(change, current, self.facts):
                raise StaleObjectError(f"{change.address} was changed since the plan was made, so it was not replaced")
            await self._remove(current)
        try:
            return await self._create(change, item, known, current)
        except RegistryError as error:
            if current is None:
                raise
            return await self._put_back(current, item, known, error)
        except Exception as error:  # a bug must not cost the object either; it is raised on, and says what became of it
            if current is not None:
                failure = PermanentError(f"a bug, {type(error).__name__}")
                error.add_note((await self._put_back(current, item, known, failure)).message)
            raise

    async def _put_back(self, current: Resource, item: Desired, known: Prepared, error: RegistryError) -> Done:
        """After a delete whose create failed: the old object again, or at least its text for a person."""
        old = json.dumps(shown(combined(current.spec, current.unmanaged)), ensure_ascii=False)
        spec, lost = without_lost(current.spec, self.facts.kinds[current.address.kind], known.secrets)
        kept = fit(current.unmanaged, current.spec, spec)
        lost = [*lost, *kept.lost]
        without = f", but without {', '.join(lost)}, whose old values nobody knows" if lost else ""
        write = Write(
            replace(current, spec=spec, unmanaged=kept.tree, id=None, revision=None),
            None,
            known.secrets,
            plan=self.plan,
            actor=self.actor,
        )
        try:
            if await self._get(current.address) is not None:
                message = f"it was deleted, creating it again failed ({error.message}), and yet an object of that key is there. The old one: {old}"
                return Done("failed", "unclear", message)
            try:
                await self.registry.create(write)
            except LostReplyError:
                await self._recover_lost_reply(write, item, None, self.registry.create)
        except RegistryError as second:
            message = f"it was deleted, and creating it again failed ({error.message}); putting the old one back failed too ({second.message}). The old one: {old}"
            return Done("failed", "lost", message)
        return Done(
            "failed", "put-back", f"creating it again failed ({error.message}), so the old one was put back{without}"
        )

    # --- around a write --------------------------------------------------------------------------------------

    async def _current(self, change: Change, address: Address, known: Prepared) -> Resource:
        """The object to write over. A registry that compares and swaps takes the one read before; any other is asked again now."""
        if known.current is not None and self.facts.kinds[address.kind].revision_is_etag:
            return known.current
        current = await self._get(address)
        if current is None:
            raise StaleObjectError(f"{address} is gone")
        if not is_current(change, current, self.facts):
            raise StaleObjectError(f"{address} was changed since the plan was made, so it was not written over")
        return current

    def _write(
        self, change: Change, item: Desired, current: Resource | None, known: Prepared, *, fresh: bool = False
    ) -> Write:
        """What to send. `fresh` writes a new object, though `current` may be one that it follows."""
        kind = self.facts.kinds[item.address.kind]
        spec: Mapping[str, object] = item.resource.spec
        if current is not None:
            # an update that only lifts a protection leaves alone what a replace is to change later
            kept = (*item.ignore, *(change.replaces if change.action == "update" else ()))
            spec = keep_unmanaged(spec, current, kept, kind)
        if fresh:
            spec = with_references(spec, item, kind)
        unmanaged = item.resource.unmanaged
        if current is not None:  # what the registry holds counts, and not what a manifest once wrote down of it
            unmanaged = fit(current.unmanaged, current.spec, spec, kind.shape).tree
            _refuse_loss(change, current, kind)
        mark = self._mark(item, current, kind, spec, known)
        desired = replace(item.resource, spec=spec, unmanaged=unmanaged, mark=mark)
        secrets = {
            pointer: value for pointer, value in known.secrets.items() if is_reference(json_pointer.get(spec, pointer))
        }
        changed = tuple(found.path for found in change.fields)
        return Write(desired, None if fresh else current, secrets, changed, self.plan, self.actor)

    def _mark(self, item: Desired, current: Resource | None, kind: Kind, spec: object, known: Prepared) -> Mark | None:
        if self.facts.owner is None or not kind.markable:
            return None
        without = diff.excluded(item, kind)
        before = current.mark if current is not None else None
        protected = item.protected if item.protected is not None else before is not None and before.protected
        return Mark(
            self.facts.owner, item.key, protected, diff.applied(spec, kind, without), without, known.fingerprints
        )

    def _check_same(self, now: Resource, before: Resource) -> None:
        kind = self.facts.kinds[before.address.kind]
        if diff.observed(now, kind) != diff.observed(before, kind):
            raise StaleObjectError(f"{before.address} was changed meanwhile, so it was left alone")

    async def _remove(self, current: Resource) -> None:
        """Deletes, and sees that it is gone: an answer alone is no proof."""
        removal = Removal(current, self.plan, self.actor)
        try:
            await self.registry.delete(removal)
        except LostReplyError:
            again = await self._get(current.address)
            if again is None:
                return
            self._check_same(again, current)
            await self.registry.delete(removal._replace(current=again))
        there = await self._poll(current.address, lambda found: found is None or found.id != current.id)
        if there is not None and there.id == current.id:
            raise PermanentError(f"{current.address}: the registry took the delete, and the object is still there")

    async def _recover_lost_reply(
        self, write: Write, item: Desired, before: Resource | None, send: Send | None, attempts: int = ATTEMPTS
    ) -> Resource | None:
        """After a lost reply: done if the object is as sent; sent again only if nothing has happened; else somebody else wrote.

        Without `send` nothing is sent again: where keys are not unique, a second one would be a duplicate.
        """
        address = write.desired.address
        now = await self._get(address)
        if now is not None and (before is None or now.revision != before.revision):
            if not self._mismatch(write, item, now):
                return now
            raise StaleObjectError(f"{address}: the reply was lost, and what is there now is not what was sent")
        if send is not None:
            try:
                return await send(write)
            except LostReplyError:
                if attempts > 1:
                    await asyncio.sleep(FIRST_WAIT)
                    return await self._recover_lost_reply(write, item, before, send, attempts - 1)
                raise
            except StaleObjectError:
                pass  # it had been done, and the look came too early to see it
        found = await self._poll(address, lambda seen: not self._mismatch(write, item, seen))
        if not self._mismatch(write, item, found):
            return found
        raise LostReplyError(
            f"{address}: the reply was lost, and it cannot be told whether it was done", hint="run again"
        )

    # --- reading back ----------------------------------------------------------------------------------------

    async def _get(self, address: Address) -> Resource | None:
        return checked(await self.registry.get(address), self.facts)

    async def _poll(self, address: Address, good: Callable[[Resource | None], bool]) -> Resource | None:
        """Reads until it is good, with backoff, up to `settle`, since some registries lag. The last thing read."""
        loop = asyncio.get_running_loop()
        deadline, wait = loop.time() + self.settle, FIRST_WAIT
        while True:
            found = await self._get(address)
            if good(found) or loop.time() + wait > deadline:
                return found
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _verified(self, write: Write, item: Desired, stored: Resource | None) -> Done:
        """Compares what is stored with what was sent: the reply, where that is the stored object, else what is read."""
        stored = checked(stored, self.facts)
        if self._mismatch(write, item, stored):
            stored = await self._poll(item.address, lambda found: not self._mismatch(write, item, found))
        wrong = self._mismatch(write, item, stored)
        return Done("not_stored", "not-stored", f"the registry did not keep {', '.join(wrong)}") if wrong else Done()

    def _mismatch(self, write: Write, item: Desired, stored: Resource | None) -> tuple[str, ...]:
        """What is not stored as it was sent, in words; what `item` leaves to others is not judged. Empty where all is well."""
        kind = self.facts.kinds[item.address.kind]
        if stored is None:
            return ("the object",)
        wrong = diff.not_stored(write.desired.spec, stored, kind, diff.excluded(item, kind), write.changed)
        return wrong if _same_mark(write.desired.mark, stored.mark) else (*wrong, "the mark of its owner")


def _refuse_loss(change: Change, current: Resource, kind: Kind) -> None:
    """Raises StaleObjectError where a write would lose more of what nobody declares than the plan said."""
    lost = [pointer for pointer in losses(change, current, kind) if pointer not in change.unmanaged]
    if lost:
        message = f"{current.address} holds {', '.join(lost)} since the plan was made, which the write would lose"
        raise StaleObjectError(message, hint="nothing was overwritten: plan again")


def _same_mark(sent: Mark | None, stored: Mark | None) -> bool:
    return sent is None or (stored is not None and stored.to_json() == sent.to_json())
