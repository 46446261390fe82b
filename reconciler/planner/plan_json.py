"""A plan as JSON data: what `plan --format json` prints, and what a saved plan holds at its heart.

Shapes are those of the contract, keys in its order. An absent side of a field is left out, and so are both sides
of a sensitive one: absent is not null, and a secret is nowhere.
"""

from __future__ import annotations

from typing import Any

from reconciler.core.pointer import MISSING
from reconciler.core.problem_json import FORMAT_VERSION, problem_to_json
from reconciler.core.resource import Address, Source
from reconciler.planner.plan import Change, FieldChange, Guard, Plan


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The plan as the contract shapes it. `changes` leaves out what is unchanged."""
    return {
        "format_version": FORMAT_VERSION,
        "summary": plan.summary(),
        "changes": [change_to_json(change) for change in plan.changes if change.action != "unchanged"],
        "orphans": [str(address) for address in plan.orphans],
        "guards": [_guard(guard) for guard in plan.guards],
        "problems": [problem_to_json(problem) for problem in plan.problems],
        "fingerprint": plan.fingerprint,
    }


def change_to_json(change: Change) -> dict[str, Any]:
    """One change. A delete has no fields and no source; `message` and `unmanaged` are there only where the change has one."""
    delete = change.action == "delete"
    data: dict[str, Any] = {
        "address": str(change.address),
        "action": change.action,
        "reason": change.reason,
        "fields": [] if delete else [field_to_json(field) for field in change.fields],
        "observed": change.observed,
        "depends_on": [str(address) for address in change.depends_on],
        "parent": _address(change.parent),
        "previous_address": _address(change.previous),
        "source": None if delete else _source(change.source),
    }
    if change.message:
        data["message"] = change.message
    if change.unmanaged:
        data["unmanaged"] = list(change.unmanaged)
    return data


def field_to_json(field: FieldChange) -> dict[str, Any]:
    data: dict[str, Any] = {"path": field.path}
    if field.before is not MISSING and not field.sensitive:
        data["before"] = field.before
    if field.after is not MISSING and not field.sensitive:
        data["after"] = field.after
    data["sensitive"] = field.sensitive
    return data


def _guard(guard: Guard) -> dict[str, Any]:
    return {"name": guard.name, "message": guard.message, "override": guard.override}


def _address(address: Address | None) -> str | None:
    return None if address is None else str(address)


def _source(source: Source | None) -> dict[str, Any] | None:
    return None if source is None else {"file": source.file, "line": source.line}
