"""Carry out one change in one registry: the five actions, each write looked at before it is sent again and read back after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.applier.payload import check_creatable, keep_unmanaged, with_references, without_lost
from reconciler.applier.prepare import Prepared
from reconciler.applier.readback import ReadBack
from reconciler.applier.report import UNCHANGED, Done
from reconciler.applier.sending import Sender
from reconciler.core import pointer as json_pointer
from reconciler.core.errors import LostReplyError, PermanentError, RegistryError, StaleObjectError
from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Desired, Mark, RegistryFacts, Resource
from reconciler.core.spec import is_reference
from reconciler.core.unmanaged import combined, fit, shown
from reconciler.planner import diff
from reconciler.planner.losses import losses
from reconciler.planner.plan import Change
from reconciler.planner.staleness import is_current
from reconciler.registry.protocol import Removal, Write
from reconciler.registry.reading import checked


@dataclass(frozen=True, slots=True)
class Executor:
    """Carries out changes in one registry. `plan` and `actor` go into the registry's history.

    `left` are the old objects of renames by re-creation, as we left them, until `finish_rename` deletes them.
    """

    sender: Sender
    facts: RegistryFacts
    readback: ReadBack
    plan: str
    actor: str
    left: dict[Address, Resource] = field(default_factory=dict)

    async def run(self, change: Change, known: Prepared) -> Done:
        """Raises RegistryError where the registry refuses or fails; nothing is ever sent twice without a look in between."""
        if change.action == "delete":
            return await self._delete(change)
        if change.desired is None:
            raise ValueError(f"{change.address}: a {change.action} without an object to write")
        if change.action == "create":
            return await self._create(change, change.desired, known, known.source)
        if change.action == "update":
            return await self._update(change, change.desired, known)
        if change.action == "rename" or change.previous is not None:
            return await self._rename(change, change.desired, known)
        return await self._replace(change, change.desired, known)

    async def finish_rename(self, old: Address) -> Done:
        """The second half of a rename by re-creation: deletes the old object, if nobody touched it since."""
        now = await self.readback.get(old)
        if now is not None:
            self.readback.check_same(now, self.left[old])
            await self._remove(now)
        return Done()

    # --- the five actions -----------------------------------------------------------------------------------

    async def _create(self, change: Change, item: Desired, known: Prepared, source: Resource | None) -> Done:
        """Creates the object. `source` is the one in whose place it comes, if any: what is managed elsewhere is taken over from it."""
        write = self._write(change, item, source, known, fresh=True)
        kind = self.facts.kinds[item.address.kind]
        unique = kind.unique
        if (not unique or kind.upserts) and await self.readback.get(item.address) is not None:
            raise StaleObjectError(f"{item.address} exists already")
        try:
            stored = await self.sender.create(write)
        except LostReplyError:
            stored = await self.readback.recover_lost_reply(write, item, self.sender.create if unique else None)
        except StaleObjectError:
            return await self._accept_concurrent_create(write, item)
        if not unique:
            await self.readback.get(item.address)  # refuses where somebody created another one meanwhile
        return await self.readback.verified(write, item, stored)

    async def _accept_concurrent_create(self, write: Write, item: Desired) -> Done:
        """Where a create came second: nothing to do, if the object is just what was to be created. Raises StaleObjectError.

        Not where it holds a secret that nobody can compare, nor where nobody can tell whose it is.
        """
        found = await self.readback.poll(item.address, lambda seen: seen is not None)
        if found is None:
            message = f"{item.address} exists already, as the registry says, though it shows none: it may lag behind"
            raise StaleObjectError(message, hint="plan again in a minute")
        marked = self.facts.kinds[item.address.kind].markable and write.desired.mark is not None
        if (item.secrets and not marked) or self.readback.mismatch(write, item, found):
            raise StaleObjectError(
                f"{item.address} exists already, and is not what was to be created", hint="plan again"
            )
        return Done(reason=UNCHANGED)

    async def _update(self, change: Change, item: Desired, known: Prepared) -> Done:
        try:
            current = await self._current(change, change.address, known)
            write = self._write(change, item, current, known)
            try:
                stored = await self.sender.update(write)
            except LostReplyError:
                stored = await self.readback.recover_lost_reply(write, item, self.sender.update)
        except StaleObjectError:
            if await self._is_as_wanted(change, item, known):
                return Done(reason=UNCHANGED)
            raise
        return await self.readback.verified(write, item, stored)

    async def _is_as_wanted(self, change: Change, item: Desired, known: Prepared) -> bool:
        """True where an update came second and the object is just what it would have made of it.

        Never where a secret was to be written that no fingerprint tells of.
        """
        now = await self.readback.get(change.address)
        told = all(field.path in known.fingerprints for field in change.fields if field.sensitive)
        return now is not None and told and not self.readback.mismatch(self._write(change, item, now, known), item, now)

    async def _delete(self, change: Change) -> Done:
        current = await self.readback.get(change.address)
        if current is None:
            return Done(reason=UNCHANGED)
        if not is_current(change, current, self.facts):
            raise StaleObjectError(f"{change.address} was changed since the plan was made, so it was not deleted")
        await self._remove(current)
        return Done()

    async def _rename(self, change: Change, item: Desired, known: Prepared) -> Done:
        old = change.previous or change.address
        current = await self._current(change, old, known)
        renamable = self.facts.kinds[item.address.kind].renamable
        if change.action == "replace" or not renamable or not self.sender.renames:
            self.left[old] = await self._mark_rename(current, item, known)
            return _written(await self._create(change, item, known, current))
        write = self._write(change, item, current, known)
        try:
            stored = await self.sender.rename(write)
        except LostReplyError:
            stored = await self.readback.recover_lost_reply(write, item, self.sender.rename)
        return await self.readback.verified(write, item, stored)

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
            stored = await self.sender.update(write)
        except LostReplyError:
            stored = await self.readback.recover_lost_reply(write, item, self.sender.update)
        stored = checked(stored, self.facts)
        if self.readback.mismatch(write, item, stored):
            stored = await self.readback.poll(
                current.address, lambda found: not self.readback.mismatch(write, item, found)
            )
        return stored or intent

    async def _replace(self, change: Change, item: Desired, known: Prepared) -> Done:
        current = await self.readback.get(change.address)
        if current is not None:
            if not is_current(change, current, self.facts):
                raise StaleObjectError(f"{change.address} was changed since the plan was made, so it was not replaced")
            check_creatable(self._write(change, item, current, known, fresh=True), self.facts)
            await self._remove(current, recreates=True)
        try:
            return _written(await self._create(change, item, known, current))
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
            if await self.readback.get(current.address) is not None:
                message = f"it was deleted, creating it again failed ({error.message}), and yet an object of that key is there. The old one: {old}"
                return Done("failed", "unclear", message)
            try:
                await self.sender.create(write)
            except LostReplyError:
                await self.readback.recover_lost_reply(write, item, self.sender.create)
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
        current = await self.readback.get(address)
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
        desired = item.resource.holding(spec, unmanaged, mark)
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

    async def _remove(self, current: Resource, *, recreates: bool = False) -> None:
        """Deletes, and sees that it is gone: an answer alone is no proof."""
        removal = Removal(current, self.plan, self.actor, recreates)
        try:
            await self.sender.delete(removal)
        except LostReplyError:
            again = await self.readback.get(current.address)
            if again is None:
                return
            self.readback.check_same(again, current)
            await self.sender.delete(removal._replace(current=again))
        there = await self.readback.poll(current.address, lambda found: found is None or found.id != current.id)
        if there is not None and there.id == current.id:
            raise PermanentError(f"{current.address}: the registry took the delete, and the object is still there")


def _written(done: Done) -> Done:
    """The end of a change of which creating is a part: that another run created the object leaves the rest to do."""
    return Done() if done.reason == UNCHANGED else done


def _refuse_loss(change: Change, current: Resource, kind: Kind) -> None:
    """Raises StaleObjectError where a write would lose more of what nobody declares than the plan said."""
    lost = [pointer for pointer in losses(change, current, kind) if pointer not in change.unmanaged]
    if lost:
        message = f"{current.address} holds {', '.join(lost)} since the plan was made, which the write would lose"
        raise StaleObjectError(message, hint="nothing was overwritten: plan again")
