"""What can be known of a saved plan before anybody applies it: whether it expired, was applied, and is what was sealed.

Nothing of it needs a registry behind a network, or a secret that is not there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime

from reconciler.core.errors import ReconcilerError
from reconciler.planner.plan import Plan
from reconciler.planner.planfile import SavedPlan
from reconciler.project.apply_options import plans_folder
from reconciler.project.ledger import PlanLedger
from reconciler.project.saved_plans import check_seal, expired
from reconciler.project.workspace import Workspace
from reconciler.registry.capabilities import KeepsFile, PlanRecord, RecordsPlans


def remarks(saved: SavedPlan, now: datetime) -> Iterator[str]:
    """What a saved plan says of itself that keeps apply from carrying it out."""
    issued = saved.plan.issued
    if issued is None:
        yield "the plan does not say when it was saved, so apply will refuse it"
    elif expired(issued, now):
        yield f"the plan expired at {issued.expires}, so apply will refuse it"


def seal_remark(saved: SavedPlan, workspace: Workspace | None, shown: str) -> str:
    """What is known of the seal, in words. Raises PlanFileError where it is wrong: the plan is not what was sealed."""
    if saved.seal is None:
        return "the plan is not sealed: nothing but its digest tells that nobody edited it"
    if workspace is None or workspace.fingerprint_key_if_known() is None:
        return "the plan is sealed, and the key is not known here: apply checks the seal"
    check_seal(saved, workspace, shown)
    return "the plan is sealed, and its seal is right"


async def applied_remark(plan: Plan, workspace: Workspace) -> str:
    """Where the plan was applied already, when and by whom; empty where nothing here knows of it."""
    record = await _record(plan, workspace)
    if record is None:
        return ""
    by = f" by {record.actor}" if record.actor else ""
    when = (
        f"at {record.ended}"
        if record.ended is not None
        else f"from {record.begun or 'a time unknown'}, and not to its end"
    )
    return f"the plan was applied already, {when}{by}, so apply will refuse it"


async def _record(plan: Plan, workspace: Workspace) -> PlanRecord | None:
    if plan.issued is None:
        return None
    try:
        found = PlanLedger(plans_folder(workspace)).find(plan.issued)
        if found is not None:
            return found
        async with workspace.connect(_beside(plan, workspace)) as registries:
            for registry in registries.values():
                if isinstance(registry, RecordsPlans):
                    found = found or await registry.plan_record(plan.issued.nonce)
    except ReconcilerError:  # apply tells what is wrong with it
        return None
    return found


def _beside(plan: Plan, workspace: Workspace) -> list[str]:
    """The registries of the plan that are files on this machine, at the very place that the plan names."""
    return [
        name
        for name, entry in workspace.entries.items()
        if isinstance(entry.driver, KeepsFile)
        and all(plan.registries.get(name, {}).get(fact) == value for fact, value in entry.facts.identity.items())
        and os.path.exists(entry.driver.file(entry.settings, workspace.resolver))
    ]
