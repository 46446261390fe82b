"""A plan as a comment on a pull request or as a step's summary.

GitHub refuses comments of more than 65,536 characters. So details give way first, then rows of the table; what
will be deleted or replaced is always listed, whatever its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.core.pointer import MISSING
from reconciler.core.resource import Source
from reconciler.planner.plan import Change, FieldChange, Plan
from reconciler.render.escape import fence, html_code, markdown, markdown_code, printable
from reconciler.render.sections import (
    DRIFT_WORDING,
    PLAN_WORDING,
    Entry,
    Wording,
    flags,
    label,
    losses_text,
    sections,
    totals,
)
from reconciler.render.terminal import Style, count
from reconciler.render.values import SENSITIVE, show, show_list, show_sides
from reconciler.render.width import ELLIPSIS

MARKER: Final = "<!-- reconciler:plan -->"
DRIFT_MARKER: Final = "<!-- reconciler:drift -->"
BUDGET: Final = 60_000  # characters
_RESERVE: Final = 300  # kept free for the lines that say what was left out
_VALUE: Final = 160  # characters of one value
_MOST_LISTED: Final = 50  # orphans and warnings


def plan(plan: Plan, style: Style) -> str:  # noqa: ARG001 -- one signature for all formats
    """Render a plan as Markdown. Begins with a hidden marker, by which a bot finds its own comment."""
    return _document(plan, PLAN_WORDING, MARKER)


def drift(plan: Plan, style: Style) -> str:  # noqa: ARG001 -- one signature for all formats
    """Render a drift as Markdown."""
    return _document(plan, DRIFT_WORDING, DRIFT_MARKER)


def _document(plan: Plan, wording: Wording, marker: str) -> str:
    entries = [entry for _, group in sections(plan) for entry in group]
    head = [
        marker,
        _title(plan, wording, bool(entries)),
        *_context(plan),
        *_guards(plan, wording),
        *_removals(plan, wording),
    ]
    tail = [*_orphans(plan), *_warnings(plan)]
    room = BUDGET - _RESERVE - sum(len(block) + 2 for block in (*head, *tail))
    table, room = _table(entries, wording, room)
    details = _details([entry.change for entry in entries], wording, room)
    return "\n\n".join([*head, *table, *details, *tail])


def _title(plan: Plan, wording: Wording, changes: bool) -> str:
    numbers = totals(plan, wording)
    if changes:
        return f"### {'Drift' if wording.drift else 'Plan'}: {numbers}"
    calm = "No drift" if wording.drift else "Nothing to do"
    return f"### {calm}: {numbers}" if numbers else f"### {calm}"


def _context(plan: Plan) -> Iterator[str]:
    facts = [("Environment", plan.environment or ""), ("Consents", flags(plan.consents))]
    shown = [f"{name}: {markdown_code(value)}" for name, value in facts if value]
    if shown:
        yield " · ".join(shown)


def _guards(plan: Plan, wording: Wording) -> Iterator[str]:
    if plan.guards and not wording.drift:
        lines = ["> [!CAUTION]", "> **Nothing will be written:**"]
        for guard in plan.guards:
            way_out = f"to go ahead: {markdown_code(guard.override)}" if guard.override else "no flag lifts this"
            lines.append(f"> - **{markdown(guard.name)}**: {markdown(guard.message)} · {way_out}")
        yield "\n".join(lines)


def _removals(plan: Plan, wording: Wording) -> Iterator[str]:
    """The list of all that is deleted or replaced. It is never cut."""
    if wording.drift:
        return
    lines: list[str] = []
    for action, words in (("delete", "Deleted"), ("replace", "Replaced (deleted, then created again)")):
        addresses = [str(change.address) for change in plan.changes if change.action == action]
        if addresses:
            lines.extend([">"] if lines else [])
            lines.append(f"> **{words}: {len(addresses):,}**")
            lines.extend(f"> - {markdown_code(address)}" for address in addresses)
    if lines:
        yield "\n".join(["> [!WARNING]", *lines])


def _table(entries: Sequence[Entry], wording: Wording, room: int) -> tuple[list[str], int]:
    """The table of changes as far as it fits, and the room that is left."""
    if not entries:
        return [], room
    lines = ["| | Object | Why | Manifest |", "|---|---|---|---|"]
    room -= sum(len(line) + 1 for line in lines)
    shown = 0
    for entry in entries:
        row = _row(entry, wording)
        room -= len(row) + 1
        if room < 0:
            break
        lines.append(row)
        shown += 1
    rest = len(entries) - shown
    blocks = ["\n".join(lines)] if shown else []
    return [*blocks, *([f"{ELLIPSIS} and {count(rest, 'more change')}, left out for length."] if rest else [])], room


def _row(entry: Entry, wording: Wording) -> str:
    change = entry.change
    about = markdown_code(label(change), table=True)
    why = markdown(entry.reason(wording))
    if change.message:
        why = f"{markdown(change.reason)}: {markdown(change.message)}"
    if lost := losses_text(change):
        why += f"; **{markdown(lost)}**"
    place = markdown_code(_location(change.source), table=True) if change.source else ""
    verb = wording.verbs[change.action]
    loud = f"**{verb}**" if change.action in ("delete", "replace", "conflict", "blocked") else verb
    return f"| {loud} | {'└ ' if entry.parent else ''}{about} | {why} | {place} |"


def _location(source: Source) -> str:
    return f"{source.file}:{source.line}"


def _details(changes: Sequence[Change], wording: Wording, room: int) -> Iterator[str]:
    """The fields of the changes, folded away, as far as they fit. What a new model brings along needs no details."""
    detailed = [change for change in changes if change.fields and _has_details(change)]
    for place, change in enumerate(detailed):
        block = _detail(change, wording)
        room -= len(block) + 2
        if room < 0:
            yield f"The fields of {count(len(detailed) - place, 'change')} are left out for length."
            return
        yield block


def _has_details(change: Change) -> bool:
    return change.action != "delete" and not (change.action == "create" and change.parent is not None)


def _detail(change: Change, wording: Wording) -> str:
    fields = change.fields
    body = "\n".join(line for field in fields for line in _field(field))
    ticks = fence(body, 3)
    title = f"{wording.verbs[change.action]} {html_code(label(change))} ({count(len(fields), 'field')})"
    return f"<details><summary>{title}</summary>\n\n{ticks}diff\n{body}\n{ticks}\n\n</details>"


def _field(field: FieldChange) -> Iterator[str]:
    """The lines of a field in a diff: what goes, then what comes."""
    path = printable(field.path or "(all of it)")
    before, after = field.before, field.after
    if field.sensitive:
        yield f"! {path}: {SENSITIVE}"
    elif before is MISSING or after is MISSING:
        if before is not MISSING:
            yield f"- {path}: {show(before, _VALUE)}"
        if after is not MISSING:
            yield f"+ {path}: {show(after, _VALUE)}"
    elif isinstance(before, list) and isinstance(after, list):
        for words in show_list(before, after):
            sign = words[0] if words[0] in "+-" else "!"
            yield f"{sign} {path}: {words.removeprefix(sign).lstrip()}"
    else:
        old, new = show_sides(before, after, 2 * _VALUE)
        yield f"- {path}: {old}"
        yield f"+ {path}: {new}"


def _orphans(plan: Plan) -> Iterator[str]:
    if plan.orphans:
        hint = "`--prune` does not cover them" if plan.consents.prune else "`--prune` deletes them"
        shown = [f"- {markdown_code(str(address))}" for address in plan.orphans[:_MOST_LISTED]]
        yield f"**{count(len(plan.orphans), 'orphan')}**, in a registry but in no manifest ({hint}):"
        yield "\n".join([*shown, *_more(len(plan.orphans))])


def _warnings(plan: Plan) -> Iterator[str]:
    if plan.problems:
        shown = [
            f"- {markdown_code(f'{problem.file}:{problem.line}')} {markdown(problem.text)} ({markdown(problem.rule)})"
            for problem in plan.problems[:_MOST_LISTED]
        ]
        yield f"**{count(len(plan.problems), 'warning')}**"
        yield "\n".join([*shown, *_more(len(plan.problems))])


def _more(number: int) -> list[str]:
    return [f"- {ELLIPSIS} and {number - _MOST_LISTED:,} more"] if number > _MOST_LISTED else []
