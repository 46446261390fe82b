"""Apply a saved plan once: recorded before the first write, by the registries that can, and in the project's ledger for the others."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from reconciler.core.errors import RefusedError, RegistryError
from reconciler.planner.plan import Issue, Plan
from reconciler.registry.capabilities import PlanRecord, RecordsPlans
from reconciler.registry.protocol import Registry

SHOWN = 20  # changes that a message lists


class Ledger(Protocol):
    """Records the plans that were applied. Every method raises RefusedError where that cannot be done."""

    def find(self, issued: Issue) -> PlanRecord | None: ...

    def begin(self, issued: Issue, fingerprint: str, actor: str) -> PlanRecord | None: ...

    def end(self, issued: Issue) -> None: ...


async def refuse_applied(plan: Plan, registries: Mapping[str, Registry], ledger: Ledger | None) -> None:
    """Raise RefusedError where a saved plan was applied before, wholly or in part. Writes nothing."""
    if plan.issued is None:
        return
    for registry in _recording(plan, registries):
        _refuse(plan, await registry.plan_record(plan.issued.nonce))
    if ledger is not None and _needs_ledger(plan, registries):
        _refuse(plan, ledger.find(plan.issued))


async def begin(plan: Plan, registries: Mapping[str, Registry], ledger: Ledger | None, actor: str) -> None:
    """Record that a saved plan begins. Raises RefusedError where somebody else began it: of two at once one goes on."""
    if plan.issued is None:
        return
    if ledger is not None and _needs_ledger(plan, registries):
        _refuse(plan, ledger.begin(plan.issued, plan.fingerprint, actor))
    for registry in _recording(plan, registries):
        _refuse(plan, await registry.begin_plan(plan.issued.nonce, plan.fingerprint, actor))


async def end(plan: Plan, registries: Mapping[str, Registry], ledger: Ledger | None) -> None:
    """Record that a saved plan came to its end. Where that fails, it stays one that was begun, and is refused as such."""
    if plan.issued is None:
        return
    for registry in _recording(plan, registries):
        with suppress(RegistryError):
            await registry.end_plan(plan.issued.nonce)
    if ledger is not None and _needs_ledger(plan, registries):
        with suppress(RefusedError):
            ledger.end(plan.issued)


def _touched(plan: Plan) -> list[str]:
    return sorted({change.address.registry for change in plan.writes})


def _recording(plan: Plan, registries: Mapping[str, Registry]) -> list[RecordsPlans]:
    touched = (registries[name] for name in _touched(plan))
    return [registry for registry in touched if isinstance(registry, RecordsPlans)]


def _needs_ledger(plan: Plan, registries: Mapping[str, Registry]) -> bool:
    return not all(isinstance(registries[name], RecordsPlans) for name in _touched(plan))


def _refuse(plan: Plan, record: PlanRecord | None) -> None:
    if record is None:
        return
    by = f" by {record.actor}" if record.actor else ""
    if record.ended is not None:
        what = f"the plan was applied already, at {record.ended}{by}"
    else:
        what = f"the plan was applied already: that began at {record.begun or 'a time unknown'}{by}, and did not come to its end"
    lines = [f"  {change.address}: {change.action}" for change in plan.writes[:SHOWN]]
    more = [f"  and {len(plan.writes) - SHOWN} more"] if len(plan.writes) > SHOWN else []
    listed = "\n".join([*lines, *more])
    raise RefusedError(
        f"{what}, so nothing was written:\n{listed}", hint="a plan is applied once: plan again, and look at it again"
    )
