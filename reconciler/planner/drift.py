"""Drift: what changed in the registries behind our back, told from a plan. Pure."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.actions import WRITES
from reconciler.planner.diff import FieldChange
from reconciler.planner.plan import Change, Plan


def drift_of(plan: Plan) -> Plan:
    """Reduce a plan to drift: objects changed since we wrote them, that differ and were never ours, or that are not there.

    Fields read from what we declared (`before`) to what was found (`after`). Objects that are as we last wrote them and
    wait for their manifest to be applied are only counted: `pending`.
    """
    changes = tuple(found for change in plan.changes if (found := _as_drift(change)) is not None)
    pending = sum(change.action in WRITES and _is_pending(change) for change in plan.changes)
    calm = len(plan.changes) - len(changes) - pending
    return replace(plan, changes=changes, orphans=(), guards=(), unchanged=plan.unchanged + calm, pending=pending)


def _as_drift(change: Change) -> Change | None:
    """A planned change in the words of drift; None where the manifest changed and not the registry."""
    found = replace(change, fields=tuple(map(_found, change.fields)))
    if change.action in ("create", "rename"):
        return replace(found, reason="missing")
    if change.drift:
        return replace(found, reason=change.drift)
    return found if change.action in ("conflict", "blocked") else None


def _is_pending(change: Change) -> bool:
    return change.action not in ("create", "rename") and not change.drift and change.reason != "adopt"


def _found(field: FieldChange) -> FieldChange:
    """The field from what is declared to what was found: a plan has it the other way round."""
    return FieldChange(field.path, field.after, field.before, field.sensitive)
