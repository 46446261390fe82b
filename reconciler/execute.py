"""One change, carried out: the writes, what to do when a reply is lost, and the proof that what was sent is what is stored."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler import diff
from reconciler import pointer as pointers
from reconciler.errors import LostReplyError, RegistryError, StaleObjectError
from reconciler.fields import KindRules
from reconciler.plan import Change
from reconciler.registry.base import Registry, Removal, Renames, Write
from reconciler.secrets import Secret
from reconciler.staleness import still
from reconciler.state import Address, Desired, Mark, RegistryFacts, Resource

FIRST_WAIT: Final = 0.05  # seconds until the first read-back; doubles up to LONGEST_WAIT
LONGEST_WAIT: Final = 1.0


@dataclass(frozen=True, slots=True)
class Known:
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
    """Carries out changes in one registry. `plan` and `actor` go into the registry's history; `settle` is in seconds."""

    registry: Registry
    facts: RegistryFacts
    plan: str
    actor: str
    settle: float

    async def run(self, change: Change, known: Known) -> Done:
        """Raises RegistryError where the registry refuses or fails; nothing is ever sent twice without a look in between."""
        if change.action == "delete":
            return await self._delete(change)
        if change.desired is None:
            raise ValueError(f"{change.address}: a {change.action} without an object to write")
        if change.action == "create":
            return await self._create(change, change.desired, known)
        if change.action == "update":
            return await self._update(change, change.desired, known)
        if change.action == "rename":
            return await self._rename(change, change.desired, known)
        return await self._replace(change, change.desired, known)

    # --- the five actions -----------------------------------------------------------------------------------

    async def _create(self, change: Change, item: Desired, known: Known) -> Done:
        write = self._write(change, item, None, known)
        try:
            stored = await self.registry.create(write)
        except LostReplyError:
            stored = await self._look(write, None, self.registry.create)
        return await self._verified(write, item, stored)

    async def _update(self, change: Change, item: Desired, known: Known) -> Done:
        current = await self._current(change, change.address, known)
        write = self._write(change, item, current, known)
        try:
            stored = await self.registry.update(write)
        except LostReplyError:
            stored = await self._look(write, current, self.registry.update)
        return await self._verified(write, item, stored)

    async def _delete(self, change: Change) -> Done:
        current = await self.registry.get(change.address)
        if current is None:
            return Done(message="it was gone already")
        if not still(change, current, self.facts):
            raise StaleObjectError(f"{change.address} was changed since the plan was made, so it was not deleted")
        await self._remove(current)
        return Done()

    async def _rename(self, change: Change, item: Desired, known: Known) -> Done:
        old = change.previous or change.address
        current = await self._current(change, old, known)
        write = self._write(change, item, current, known)
        if isinstance(self.registry, Renames):
            try:
                stored = await self.registry.rename(write)
            except LostReplyError:
                stored = await self._look(write, current, self.registry.rename)
            return await self._verified(write, item, stored)
        if current.mark is not None:
            # recorded first, so that a run that dies between the create and the delete is finished by the next one
            intent = replace(current, mark=replace(current.mark, key=item.key))
            current = await self.registry.update(Write(intent, current, plan=self.plan, actor=self.actor)) or intent
        done = await self._create(change, item, known)
        if done.status == "ok":
            again = await self.registry.get(old)
            if again is not None:
                await self._remove(again)
        return done

    async def _replace(self, change: Change, item: Desired, known: Known) -> Done:
        current = await self.registry.get(change.address)
        if current is not None:
            if not still(change, current, self.facts):
                raise StaleObjectError(f"{change.address} was changed since the plan was made, so it was not replaced")
            await self._remove(current)
        try:
            return await self._create(change, item, known)
        except RegistryError as error:
            if current is None:
                raise
            return await self._put_back(current, known, error)

    async def _put_back(self, current: Resource, known: Known, error: RegistryError) -> Done:
        """After a delete whose create failed: the old object again, or at least its text for a person."""
        restored = Write(replace(current, id=None, revision=None), None, known.secrets, plan=self.plan, actor=self.actor)
        try:
            if await self.registry.get(current.address) is None:
                await self.registry.create(restored)
        except RegistryError as second:
            text = json.dumps(current.spec, ensure_ascii=False)
            message = f"it was deleted, and creating it again failed ({error.message}); putting the old one back failed too ({second.message}). The old one: {text}"
            return Done("failed", "lost", message)
        return Done("failed", "put-back", f"creating it again failed ({error.message}), so the old one was put back")

    # --- around a write --------------------------------------------------------------------------------------

    async def _current(self, change: Change, address: Address, known: Known) -> Resource:
        """The object to write over. A registry that compares and swaps takes the one read before; any other is asked again now."""
        if known.current is not None and self.facts.kinds[address.kind].exact_revision:
            return known.current
        current = await self.registry.get(address)
        if current is None:
            raise StaleObjectError(f"{address} is gone")
        if not still(change, current, self.facts):
            raise StaleObjectError(f"{address} was changed since the plan was made, so it was not written over")
        return current

    def _write(self, change: Change, item: Desired, current: Resource | None, known: Known) -> Write:
        kind = self.facts.kinds[item.address.kind]
        spec = item.resource.spec
        if current is not None:
            for place in item.ignore:
                spec = _as_it_is(spec, current, place)
        desired = replace(item.resource, spec=spec, mark=self._mark(item, current, kind, spec, known))
        changed = tuple(found.path for found in change.fields)
        return Write(desired, current, known.secrets, changed, self.plan, self.actor)

    def _mark(self, item: Desired, current: Resource | None, kind: KindRules, spec: object, known: Known) -> Mark | None:
        if self.facts.owner is None or not kind.marked:
            return None
        without = diff.excluded(item, kind)
        before = current.mark if current is not None else None
        protected = item.protected if item.protected is not None else before is not None and before.protected
        return Mark(self.facts.owner, item.key, protected, diff.applied(spec, kind, without), without, known.fingerprints)

    async def _remove(self, current: Resource) -> None:
        removal = Removal(current, self.plan, self.actor)
        try:
            await self.registry.delete(removal)
        except LostReplyError:
            again = await self.registry.get(current.address)
            if again is None:
                return
            if again.id != current.id:
                raise StaleObjectError(f"{current.address} was created again meanwhile, so it was left alone") from None
            await self.registry.delete(replace(removal, current=again))

    async def _look(self, write: Write, before: Resource | None, send: Callable[[Write], Awaitable[Resource | None]]) -> Resource | None:
        """After a lost reply: done if the object is as sent; sent once more only if nothing has happened; else somebody else wrote."""
        now = await self.registry.get(write.desired.address)
        kind = self.facts.kinds[write.desired.address.kind]
        if now is not None and (before is None or now.revision != before.revision):
            if _same_mark(write.desired.mark, now.mark) and not diff.unstored(write.desired.spec, now, kind, ()):
                return now
            raise StaleObjectError(f"{write.desired.address}: the reply was lost, and what is there now is not what was sent")
        return await send(write)

    # --- reading back ----------------------------------------------------------------------------------------

    async def _verified(self, write: Write, item: Desired, stored: Resource | None) -> Done:
        """Compares what is stored with what was sent, reading again with backoff up to `settle`, since some registries lag."""
        kind = self.facts.kinds[item.address.kind]
        loop = asyncio.get_running_loop()
        deadline, wait = loop.time() + self.settle, FIRST_WAIT
        while True:
            if stored is None:
                stored = await self.registry.get(item.address)
            wrong = self._wrong(write, item, stored, kind)
            if not wrong:
                return Done()
            if loop.time() + wait > deadline:
                return Done("not_stored", "not-stored", f"the registry did not keep {', '.join(wrong)}")
            await asyncio.sleep(wait)
            wait, stored = min(2 * wait, LONGEST_WAIT), None

    def _wrong(self, write: Write, item: Desired, stored: Resource | None, kind: KindRules) -> tuple[str, ...]:
        if stored is None:
            return ("the object",)
        without = (*diff.excluded(item, kind),)
        wrong = diff.unstored(write.desired.spec, stored, kind, without, write.changed)
        return wrong if _same_mark(write.desired.mark, stored.mark) else (*wrong, "the mark of its owner")


def _same_mark(sent: Mark | None, stored: Mark | None) -> bool:
    return sent is None or (stored is not None and stored.to_json() == sent.to_json())


def _as_it_is(spec: object, current: Resource, place: str) -> Mapping[str, object]:
    """`spec` with the remote's current value at a pointer that is managed elsewhere."""
    value = pointers.get(current.spec, place)
    changed: Mapping[str, object] = pointers.remove(spec, place) if value is pointers.MISSING else pointers.put(spec, place, value)
    return changed
