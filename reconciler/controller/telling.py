"""Events of what a reconcile finds and does, without a secret in any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.applier.report import UNCHANGED, Report
from reconciler.controller.ports import Recorder
from reconciler.controller.wording import worded
from reconciler.core.actions import DONE
from reconciler.core.pointer import MISSING
from reconciler.core.telling import MASK, without_credentials
from reconciler.planner.diff import FieldChange
from reconciler.planner.plan import Change, Plan
from reconciler.render.values import show

_WIDTH: Final = 80
_MOST: Final = 10  # fields that an event names
Items = Mapping[str, Mapping[str, Any]]


def tell_plan(recorder: Recorder, items: Items, plan: Plan) -> None:
    """Say field by field what somebody changed in the registry, before it is set back."""
    for change in plan.writes:
        item = items.get(change.source.file) if change.source is not None else None
        if item is not None and change.drift == "drifted":
            message = f"{change.address} was changed in the registry, and is set back: {fields_text(change.fields)}"
            recorder.event(item, "Warning", "Drifted", worded(message))


def tell_report(recorder: Recorder, items: Items, registry: Mapping[str, Any], plan: Plan, report: Report) -> None:
    """Say of each change how it ended, to the object that asked for it, or to the Registry object."""
    changes: dict[Any, Change] = {change.address: change for change in plan.changes}
    for outcome in report.outcomes:
        change = changes.get(outcome.address)
        if change is None or outcome.reason == UNCHANGED or outcome.status in ("conflict", "blocked"):
            continue
        item = items.get(change.source.file, registry) if change.source is not None else registry
        if outcome.status == "ok":
            what = fields_text(change.fields) if change.action == "update" else change.reason
            recorder.event(item, "Normal", DONE[change.action].capitalize(), worded(f"{change.address}: {what}"))
        else:
            message = f"{change.address}: {change.action} {outcome.status}: {outcome.message or outcome.reason}"
            recorder.event(item, "Warning", camel(outcome.reason), worded(message))


def fields_text(fields: tuple[FieldChange, ...]) -> str:
    """Fields with what they were and are to be; of a secret only its name."""
    shown = [_field(field) for field in fields[:_MOST]]
    more = [f"and {len(fields) - _MOST} more"] if len(fields) > _MOST else []
    return "; ".join([*shown, *more])


def _field(field: FieldChange) -> str:
    if field.sensitive:
        return f"{field.path}: {MASK}"
    before, after = (
        "absent" if side is MISSING else show(without_credentials(side), _WIDTH) for side in (field.before, field.after)
    )
    return f"{field.path}: {before} → {after}"


def camel(word: str) -> str:
    """A stable word as a reason of an event is written: `registry-temporary` is `RegistryTemporary`."""
    return "".join(part.capitalize() for part in word.split("-")) or "Failed"
