"""A plan as an HTML table, for a notebook's cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconciler.core.pointer import MISSING
from reconciler.planner.plan import Change, Plan
from reconciler.render.escape import html_code, xml
from reconciler.render.sections import DRIFT_WORDING, PLAN_WORDING, Entry, Wording, label, sections, totals
from reconciler.render.values import SENSITIVE, show

_VALUE: Final = 80  # characters of one value


def render(plan: Plan) -> str:
    """The plan, or the drift, as one table with a line that counts."""
    wording = DRIFT_WORDING if plan.pending is not None else PLAN_WORDING
    rows = "".join(_row(entry, wording) for _, group in sections(plan) for entry in group)
    guards = "".join(f"<p><strong>{xml(guard.name)}</strong>: {xml(guard.message)}</p>" for guard in plan.guards)
    numbers = xml(totals(plan, wording)) or "nothing to do"
    head = "<tr><th>Action</th><th>Object</th><th>Why</th><th>Fields</th></tr>"
    return f"{guards}<table><thead>{head}</thead><tbody>{rows}</tbody></table><p>{numbers}</p>"


def _row(entry: Entry, wording: Wording) -> str:
    change = entry.change
    why = xml(wording.reasons.get(change.reason, change.reason))
    message = f"<br><small>{xml(change.message)}</small>" if change.message else ""
    fields = "<br>".join(_fields(change))
    verb = xml(wording.verbs[change.action])
    return f"<tr><td>{verb}</td><td>{html_code(label(change))}</td><td>{why}{message}</td><td>{fields}</td></tr>"


def _fields(change: Change) -> Iterator[str]:
    for field in change.fields:
        sides = SENSITIVE if field.sensitive else " → ".join(map(_side, (field.before, field.after)))
        yield f"{html_code(field.path)}: {xml(sides)}"


def _side(value: Any) -> str:
    return "(absent)" if value is MISSING else show(value, _VALUE)
