"""The changes of a plan, run in the order of their dependencies: deletes last, and what depends on something that failed is skipped."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.applier.execute import Executor
from reconciler.applier.options import Options
from reconciler.applier.prepare import Prepared
from reconciler.applier.readback import ReadBack
from reconciler.applier.report import INTERRUPTED, Done, Outcome
from reconciler.applier.scheduler import run_in_order
from reconciler.applier.sending import Sender
from reconciler.core.errors import DeadlineError, RegistryError
from reconciler.core.resource import Address, RegistryFacts
from reconciler.core.spec import references_in
from reconciler.planner.order import in_order
from reconciler.planner.plan import Change, Plan
from reconciler.registry import deadline
from reconciler.registry.deadline import Deadline
from reconciler.registry.protocol import Registry


async def run_plan(
    plan: Plan,
    known: Mapping[Address, Prepared],
    registries: Mapping[str, Registry],
    facts: Mapping[str, RegistryFacts],
    options: Options,
    bugs: list[Exception],
) -> list[Outcome]:
    """Everything but deletes first. Then the deletes, among them the second halves of renames by re-creation: only now does nothing name the old keys.

    What went wrong and is no RegistryError is added to `bugs`.
    """
    executors = {
        name: Executor(
            Sender(registry, options.writing),
            facts[name],
            ReadBack(registry, facts[name], options.settle),
            plan.fingerprint,
            options.actor,
        )
        for name, registry in registries.items()
        if name in facts
    }
    pending_deletes = {
        change.previous: change
        for change in plan.writes
        if change.previous is not None and change.recreates_elsewhere(facts[change.address.registry])
    }
    deadlines = {name: deadline.start(facts[name].deadline) for name in executors}
    run = _Running(executors, known, options, pending_deletes, bugs, deadlines, time.perf_counter())

    def width(registry: str) -> int:
        return options.concurrency or facts[registry].concurrency

    writes = [change for change in plan.writes if change.action != "delete"]
    deletes = [change for change in plan.writes if change.action == "delete"]
    outcomes = {outcome.address: outcome for outcome in await run_in_order(writes, run.one, run.skipped, width)}
    failed = frozenset(address for address, outcome in outcomes.items() if outcome.status != "ok")
    rest = [
        _second_half(half, deletes, known, facts) for half in pending_deletes.values() if half.address not in failed
    ]
    for outcome in await run_in_order(in_order([*rest, *deletes]), run.one, run.skipped, width, failed):
        half = pending_deletes.get(outcome.address)
        outcomes[outcome.address if half is None else half.address] = run.whole(outcome)
    return list(outcomes.values())


def _second_half(
    half: Change, deletes: list[Change], known: Mapping[Address, Prepared], facts: Mapping[str, RegistryFacts]
) -> Change:
    """The delete of the old object of a rename, after the deletes of what names it."""
    old = half.previous or half.address
    referrers = []
    for change in deletes:
        current = known[change.address].current
        if current is not None:
            named = references_in(current.spec, facts[old.registry].kinds[change.address.kind].root, change.address.key)
            if change.address.registry == old.registry and any(
                (kind, key) == (old.kind, old.key) for _, kind, key in named
            ):
                referrers.append(change.address)
    return Change(old, "delete", half.reason, depends_on=tuple(referrers))


@dataclass(frozen=True, slots=True)
class _Running:
    """One run. `pending_deletes` are the renames by re-creation, by their old addresses: they are told when their second half has ended.

    Nothing new is begun once there is one of `bugs`; what is under way goes on, since a write that is cancelled may have been done.
    """

    executors: Mapping[str, Executor]
    known: Mapping[Address, Prepared]
    options: Options
    pending_deletes: Mapping[Address, Change]
    bugs: list[Exception]
    deadlines: Mapping[str, Deadline | None]
    began: float  # by the clock that measures the changes

    async def one(self, change: Change) -> Outcome:
        if self.bugs:
            return self._told(
                Outcome(change.address, change.action, "skipped", "bug", "a bug ended the run before this")
            )
        if self.options.stop.is_set():
            message = "the run was interrupted before this"
            return self._told(Outcome(change.address, change.action, "skipped", INTERRUPTED, message))
        limit = self.deadlines[change.address.registry]
        if limit is not None and not limit.remaining:
            message = f"the {limit} for {change.address.registry} was over before this; {deadline.HINT}"
            return self._told(Outcome(change.address, change.action, "skipped", DeadlineError.code, message))
        started = time.perf_counter()
        try:
            with deadline.within(limit):
                done = await self._carry_out(change)
        except RegistryError as error:
            hint = f" ({error.hint})" if error.hint else ""
            done = Done("failed", error.code, error.message + self._located(change, error) + hint)
        except Exception as error:  # noqa: BLE001  # raised by `apply`, once what was done can be told
            self.bugs.append(error)
            # its text is left to the traceback: nobody knows what is in it
            done = Done("failed", "bug", f"a bug, {type(error).__name__}: it may have been done, or done in part")
        duration = time.perf_counter() - started
        reason = done.reason or change.reason
        return self._told(
            Outcome(change.address, change.action, done.status, reason, done.message, duration, started - self.began)
        )

    def _located(self, change: Change, error: RegistryError) -> str:
        """Where in the manifest the fields stand that a registry found wrong."""
        source, item = change.source, change.desired
        if source is None or item is None or self.options.locate is None:
            return ""
        found = [self.options.locate(source, item.in_manifest(pointer)) for pointer, _ in error.places]
        return f" (at {', '.join(dict.fromkeys(found))})" if found else ""

    async def _carry_out(self, change: Change) -> Done:
        executor = self.executors[change.address.registry]
        if change.address in self.pending_deletes and change.observed is None:
            return await executor.finish_rename(change.address)
        return await executor.run(change, self.known[change.address])

    def skipped(self, change: Change, cause: Address) -> Outcome:
        return self._told(
            Outcome(
                change.address, change.action, "skipped", "dependency", f"{cause} was not done, and this depends on it"
            )
        )

    def whole(self, outcome: Outcome) -> Outcome:
        """The outcome of a rename, from that of its second half."""
        half = self.pending_deletes.get(outcome.address)
        if half is None:
            return outcome
        message = (
            f"the new object is there, the old one too: {outcome.message}; run again to finish"
            if outcome.status != "ok"
            else ""
        )
        return replace(outcome, address=half.address, action=half.action, message=message)

    def _told(self, outcome: Outcome) -> Outcome:
        first_half = outcome.status == "ok" and any(
            half.address == outcome.address for half in self.pending_deletes.values()
        )
        if not first_half:
            try:
                self.options.on_outcome(self.whole(outcome))
            except Exception as error:  # noqa: BLE001  # who listens must not cancel the writes of the others
                self.bugs.append(error)
        return outcome
