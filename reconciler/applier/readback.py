"""Read back what a registry stored, and recover from lost replies: an answer alone is no proof."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from reconciler.applier.report import Done
from reconciler.core.errors import LostReplyError, StaleObjectError
from reconciler.core.resource import Address, Desired, Mark, RegistryFacts, Resource
from reconciler.planner import diff
from reconciler.registry.protocol import Registry, Write
from reconciler.registry.reading import checked

FIRST_WAIT: Final = 0.05  # seconds until the first read-back; doubles up to LONGEST_WAIT
LONGEST_WAIT: Final = 1.0
ATTEMPTS: Final = 3  # at sending again what lost its reply, each after a look

Send = Callable[[Write], Awaitable[Resource | None]]


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Reads the objects of one registry around writes. `settle` is how many seconds a registry may lag."""

    registry: Registry
    facts: RegistryFacts
    settle: float

    async def get(self, address: Address) -> Resource | None:
        return checked(await self.registry.get(address), self.facts)

    async def poll(self, address: Address, good: Callable[[Resource | None], bool]) -> Resource | None:
        """Reads until it is good, with backoff, up to `settle`, since some registries lag. The last thing read."""
        loop = asyncio.get_running_loop()
        deadline, wait = loop.time() + self.settle, FIRST_WAIT
        while True:
            found = await self.get(address)
            if good(found) or loop.time() + wait > deadline:
                return found
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def verified(self, write: Write, item: Desired, stored: Resource | None) -> Done:
        """Compares what is stored with what was sent: the reply, where that is the stored object, else what is read."""
        stored = checked(stored, self.facts)
        if not self.mismatch(write, item, stored):
            return Done()
        stored = await self.poll(item.address, lambda found: not self.mismatch(write, item, found))
        wrong = self.mismatch(write, item, stored)
        if stored is not None and wrong == (stored.pending,):
            return Done("not_stored", "not-in-force", stored.pending)
        return Done("not_stored", "not-stored", f"the registry did not keep {', '.join(wrong)}") if wrong else Done()

    def mismatch(self, write: Write, item: Desired, stored: Resource | None) -> tuple[str, ...]:
        """What is not stored as it was sent, in words; what `item` leaves to others is not judged. Empty where all is well."""
        kind = self.facts.kinds[item.address.kind]
        if stored is None:
            return ("the object",)
        wrong = diff.not_stored(write.desired.spec, stored, kind, diff.excluded(item, kind), write.changed)
        mark = () if _same_mark(write.desired.mark, stored.mark) else ("the mark of its owner",)
        return (*wrong, *mark, *([stored.pending] if stored.pending else []))

    def check_same(self, now: Resource, before: Resource) -> None:
        """Raise StaleObjectError where somebody wrote the object since `before` was read."""
        kind = self.facts.kinds[before.address.kind]
        if diff.observed(now, kind) != diff.observed(before, kind):
            raise StaleObjectError(f"{before.address} was changed meanwhile, so it was left alone")

    async def recover_lost_reply(
        self, write: Write, item: Desired, send: Send | None, attempts: int = ATTEMPTS
    ) -> Resource | None:
        """After a lost reply: done if the object is as sent; sent again only if nothing has happened; else somebody else wrote or deleted.

        Without `send` nothing is sent again: where keys are not unique, a second one would be a duplicate.
        """
        address, before = write.desired.address, write.current
        now = await self.get(address)
        if now is None and before is not None and not await self._is_untouched(before, address):
            now = await self._late_or_gone(write, item, before)
        if now is not None and (before is None or before.address != address or self._moved(now, before)):
            if not self.mismatch(write, item, now):
                return now
            raise StaleObjectError(f"{address}: the reply was lost, and what is there now is not what was sent")
        if send is not None:
            try:
                return await send(write)
            except LostReplyError:
                if attempts > 1:
                    await asyncio.sleep(FIRST_WAIT)
                    return await self.recover_lost_reply(write, item, send, attempts - 1)
                raise
            except StaleObjectError:
                pass  # it had been done, and the look came too early to see it
        found = await self.poll(address, lambda seen: not self.mismatch(write, item, seen))
        if not self.mismatch(write, item, found):
            return found
        raise LostReplyError(
            f"{address}: the reply was lost, and it cannot be told whether it was done", hint="run again"
        )

    async def _is_untouched(self, before: Resource, renamed_to: Address) -> bool:
        """Whether the old object of a rename is as it was. Raises StaleObjectError where somebody wrote it since."""
        old = None if before.address == renamed_to else await self.get(before.address)
        if old is not None:
            self.check_same(old, before)
        return old is not None

    async def _late_or_gone(self, write: Write, item: Desired, before: Resource) -> Resource:
        """What an update or rename made, where the first look came too early. Raises StaleObjectError where there is nothing.

        Somebody deleted the object then, and what is sent again would bring it back, or write to another one.
        """
        found = await self.poll(write.desired.address, lambda seen: not self.mismatch(write, item, seen))
        if found is None:
            message = f"{before.address}: the reply was lost, and the object is gone by now, so nothing was sent again"
            raise StaleObjectError(message, hint="plan again")
        return found

    def _moved(self, now: Resource, before: Resource) -> bool:
        """True where somebody wrote since; not every registry has revisions, and not every revision tells of each change."""
        kind = self.facts.kinds[before.address.kind]
        return now.revision != before.revision or diff.observed(now, kind) != diff.observed(before, kind)


def _same_mark(sent: Mark | None, stored: Mark | None) -> bool:
    return sent is None or (stored is not None and stored.to_json() == sent.to_json())
