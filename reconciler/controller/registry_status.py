"""Write the status of one Registry object: conditions, the summary of its plan, and what is used up of its annotation."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from reconciler.applier.report import Report
from reconciler.controller.cluster import ClusterError, Data, key_of
from reconciler.controller.crds import REGISTRY
from reconciler.controller.planned import NOT_IN_FORCE, Planned
from reconciler.controller.ports import Recorder
from reconciler.controller.registry_object import ALLOW_DELETES, NO_DOCUMENTS, RegistryObject, time_of
from reconciler.controller.status import SUSPENDED, Condition, registry_status
from reconciler.controller.telling import camel
from reconciler.controller.wording import guard_text, listed, worded
from reconciler.controller.writer import Writer
from reconciler.core.errors import FileError, ReconcilerError, RefusedError, TemporaryError
from reconciler.core.resource import Address
from reconciler.core.telling import masked
from reconciler.planner.plan import Change, Plan
from reconciler.render.terminal import count as counted

USED: Final = (
    "allowDeletes"  # in the status: the value of the annotation, how many of it are used up, and for which deletes
)
_NAME: Final = 16  # hex digits that a delete is known by there
_EARLY: Final = 0.9  # of an interval: a resync comes a little early or late


class Allowance(NamedTuple):
    """What an annotation allows of a plan's deletes: those that it was used up for before, and how many others."""

    paid: int
    left: int


@dataclass
class RegistryWriter:
    """Writes the status of one Registry object, and its events."""

    writer: Writer
    recorder: Recorder
    item: Mapping[str, Any]
    interval: float

    async def suspended(self) -> None:
        """Say that nothing is read or written."""
        message = "`suspend: true`: nothing is read or written"
        await self._write(
            (Condition("Ready", "Unknown", SUSPENDED, message), Condition("Synced", "Unknown", SUSPENDED, message)),
            None,
        )

    async def failed(self, error: ReconcilerError) -> None:
        """Say why the registry could not be read."""
        message = told(error)
        self.recorder.event(self.item, "Warning", camel(error.code), message)
        await self._write(
            (Condition("Ready", "False", error.code, message), Condition("Synced", "Unknown", error.code, message)),
            None,
        )

    async def reconciled(
        self,
        planned: Planned,
        left: Mapping[str, list[Change]],
        report: Report | None,
        failure: ReconcilerError | None,
    ) -> str:
        """Say what was found and is left to do. Returns the reason."""
        synced = _synced(planned, left, report, failure)
        for guard in planned.guards:
            self.recorder.event(self.item, "Warning", camel(guard.name), guard_text(guard.name, guard.message))
        if failure is not None:
            self.recorder.event(self.item, "Warning", camel(failure.code), told(failure))
        self._tell_orphans(planned.plan.orphans)
        changes = tuple(change for some in left.values() for change in some)
        done = (
            sum(one.status == "ok" and one.action != "delete" for one in report.outcomes) if report is not None else 0
        )
        whole = replace(planned.plan, changes=changes, unchanged=planned.plan.unchanged + done, guards=planned.guards)
        held = f"nothing counts as removed: {'; '.join(planned.doubts)}" if planned.doubts else ""
        await self._write((Condition("Ready", "True", "read", held), synced), whole)
        return synced.reason

    def _tell_orphans(self, orphans: tuple[Address, ...]) -> None:
        """Say which objects of ours are declared by nothing any more, once: not those that the status tells of already."""
        before = (self.item.get("status") or {}).get("orphans") or {}
        known, count = set(before.get("first") or ()), int(before.get("count") or 0)
        new = [name for name in map(str, orphans) if masked(name) not in known]
        if not new or (count > len(known) and len(orphans) <= count):
            return
        # where the status did not name all of them, nobody knows which are new
        said = listed(new) if count == len(known) else f"{counted(len(orphans), 'object')}, after {count}"
        message = f"of ours in the registry, and declared by nothing here: {said}"
        self.recorder.event(self.item, "Normal", "Orphaned", worded(message))

    # --- the annotation that allows deletes -----------------------------------------------------------------

    def allowance(self, registry: RegistryObject, deletes: Collection[Change]) -> Allowance:
        """What the annotation still allows of these deletes."""
        if registry.allow_deletes is None:
            return Allowance(0, 0)
        noted = self._noted(registry.allow_deletes)
        paid = len(_names(deletes) & set(noted.get("of") or ()))
        return Allowance(paid, max(0, registry.allow_deletes - int(noted.get("used", 0))))

    def _noted(self, value: int) -> Mapping[str, Any]:
        noted: Mapping[str, Any] = (self.item.get("status") or {}).get(USED) or {}
        return noted if noted.get("value") == value else {}

    async def use_up(self, registry: RegistryObject, deletes: Collection[Change]) -> None:
        """Note, before anything is deleted, which deletes the annotation is used up for.

        What of them fails, or is not done when this process ends, may be tried again without another annotation.
        Raises TemporaryError where somebody wrote the object meanwhile: then nothing may be deleted by it.
        """
        value = registry.allow_deletes or 0
        noted, names = self._noted(value), _names(deletes)
        used = int(noted.get("used", 0)) + len(names - set(noted.get("of") or ()))
        patch = {
            "metadata": {"resourceVersion": self.item["metadata"]["resourceVersion"]},
            "status": {USED: {"value": value, "used": used, "of": sorted(names)}},
        }
        try:
            self.item = await self.writer.cluster.patch(REGISTRY, key_of(self.item), patch, status=True)
        except ClusterError as error:
            if not error.conflict:
                raise
            raise TemporaryError("the Registry object was changed meanwhile: nothing was deleted") from error

    # --- inside ---------------------------------------------------------------------------------------------

    async def _write(self, conditions: tuple[Condition, ...], plan: Plan | None) -> None:
        def compute(item: Mapping[str, Any]) -> Data | None:
            if item["metadata"].get("generation") != self.item["metadata"].get("generation"):
                return None  # what was found is of another spec: it is reconciled again
            before = item.get("status") or {}
            status = registry_status(item, conditions, plan, self.writer.stamp)
            if USED in before and ALLOW_DELETES not in (item["metadata"].get("annotations") or {}):
                status[USED] = None
            elif plan is not None and (before.get(USED) or {}).get("of"):
                # what was done meanwhile was allowed once: made anew, it may not be deleted by the same annotation
                todo = _names(plan.changes) & set(before[USED]["of"])
                status[USED] = {**before[USED], "of": sorted(todo) or None}
            if status == before and not self._is_due(before):
                return None
            return {"status": {**status, "lastReconcileTime": self.writer.stamp}}

        await self.writer.registry(self.item, compute)

    def _is_due(self, before: Mapping[str, Any]) -> bool:
        """True where the last time that the status tells of is an interval ago."""
        try:
            last = time_of(str(before.get("lastReconcileTime")))
        except ValueError:
            return True
        return (self.writer.now() - last).total_seconds() >= _EARLY * self.interval


def _synced(
    planned: Planned, left: Mapping[str, list[Change]], report: Report | None, failure: ReconcilerError | None
) -> Condition:
    """What of the registry is not as its objects say."""
    if planned.plan.guards:
        guard = planned.plan.guards[0]
        return Condition("Synced", "False", guard.name, guard_text(guard.name, guard.message))
    if failure is not None:
        return Condition("Synced", "False", failure.code, told(failure))
    changes = sorted((change for some in left.values() for change in some), key=lambda one: one.address)
    if planned.troubles:
        first = min(planned.troubles)
        message = f"left alone: {counted(len(planned.troubles), 'object')}, the first: {first}: {planned.troubles[first].message}"
        return Condition("Synced", "False", planned.troubles[first].reason, message)
    if changes:
        reason, said = _first_of(changes, report)
        return Condition("Synced", "False", reason, f"left: {counted(len(changes), 'change')}, the first: {said}")
    if idle := planned.not_in_force:
        return Condition(
            "Synced",
            "False",
            NOT_IN_FORCE,
            f"stored and not in force: {counted(len(idle), 'object')}, the first: {idle[min(idle)]}",
        )
    if planned.emptied is not None:
        return Condition("Synced", "False", NO_DOCUMENTS, guard_text(NO_DOCUMENTS, planned.emptied.message))
    return Condition("Synced", "True", "in-sync")


def _first_of(changes: list[Change], report: Report | None) -> tuple[str, str]:
    """The reason of what is left, and in words the first of it: one that failed before one that nobody began."""
    left = {change.address for change in changes}
    for outcome in report.outcomes if report is not None else ():
        if outcome.status in ("failed", "not_stored") and outcome.address in left:
            status = outcome.status.replace("_", " ")
            return outcome.reason, f"{outcome.address}: {outcome.action} {status}: {outcome.message or outcome.reason}"
    return changes[0].reason, f"{changes[0].address}: {changes[0].action}"


def told(error: ReconcilerError) -> str:
    """An error in one line, without places in files that nobody has."""
    problems = [f"{one.pointer}: {one.message}" for one in error.problems[:5]] if isinstance(error, FileError) else []
    hint = [error.hint] if error.hint and not isinstance(error, FileError | RefusedError) else []
    return worded("; ".join([error.message, *problems, *hint]))


def _names(changes: Iterable[Change]) -> set[str]:
    """What the deletes among these changes are known by in the status: an address may be long."""
    deleted = (str(change.address) for change in changes if change.action == "delete")
    return {hashlib.sha256(address.encode()).hexdigest()[:_NAME] for address in deleted}
