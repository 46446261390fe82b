"""A plan for people on a terminal. It reads the same without colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.planner.plan import FieldChange, Plan
from reconciler.render.problem_text import headline
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
from reconciler.render.values import field_lines
from reconciler.render.width import ELLIPSIS, pad, text_width

MOST_ORPHANS: Final = 20
MOST_DETAILED: Final = 5  # creates up to which their fields are shown
MOST_FIELDS: Final = 4  # fields shown of one create
MOST_ALIGNED: Final = 56  # columns up to which what follows an address is aligned
MOST_COMPARED: Final = 1000  # changes up to which lists of objects are compared item by item, which takes 0.5 ms each
FIELD_INDENT: Final = " " * 15


def plan(plan: Plan, style: Style) -> str:
    """Render a plan as text. The last line has the counts."""
    return "\n".join(_lines(plan, style, PLAN_WORDING))


def drift(plan: Plan, style: Style) -> str:
    """Render a drift as text. Fields read from the declared value to the one found."""
    return "\n".join(_lines(plan, style, DRIFT_WORDING))


def _lines(plan: Plan, style: Style, wording: Wording) -> Iterator[str]:
    yield from _context(plan, style)
    if not wording.drift:
        yield from _guards(plan, style)
    elif plan.changes:
        yield style.paint("Changed in the registry behind our back (declared → found):", "bold")
    deep = len(plan.changes) <= MOST_COMPARED
    for action, entries in sections(plan):
        yield from _heading(plan, action, style, wording)
        yield from _section(entries, style, wording, deep)
        yield ""
    yield from _orphans(plan, style)
    yield from _warnings(plan, style)
    yield from _last(plan, style, wording)


def _context(plan: Plan, style: Style) -> Iterator[str]:
    facts = [("Environment", plan.environment or ""), ("Consents", flags(plan.consents))]
    shown = [f"{name}: {style.safe(value)}" for name, value in facts if value]
    yield from (style.paint(line, "dim") for line in shown)
    if shown:
        yield ""


def _guards(plan: Plan, style: Style) -> Iterator[str]:
    if not plan.guards:
        return
    yield style.paint(f"STOP: nothing will be written, {_tripped(plan)}.", "bold", "red")
    for guard in plan.guards:
        yield f"  {style.paint('!', 'red')} {style.paint(style.safe(guard.name), 'bold')}: {style.safe(guard.message)}"
        way_out = f"to go ahead: {style.safe(guard.override)}" if guard.override else "no flag lifts this"
        yield f"    {style.paint(way_out, 'bold')}"
    yield ""


def _tripped(plan: Plan) -> str:
    return "a guard tripped" if len(plan.guards) == 1 else f"{len(plan.guards)} guards tripped"


def _heading(plan: Plan, action: str, style: Style, wording: Wording) -> Iterator[str]:
    """Only what destroys has a heading: the rest must not look as loud."""
    if action != "delete" or wording.drift:
        return
    counts = plan.summary()
    parts = [
        f"{verb} {count(counts[name], 'object')}"
        for name, verb in (("delete", "DELETES"), ("replace", "REPLACES"))
        if counts[name]
    ]
    note = " (deleted, then created again)" if counts["replace"] else ""
    yield style.paint(f"{' and '.join(parts)}{note}:", "bold", "red")


@dataclass(frozen=True, slots=True)
class _Row:
    """The cells of one line, safe to print."""

    entry: Entry
    label: str
    reason: str
    source: str


def _row(entry: Entry, style: Style, wording: Wording) -> _Row:
    change, parent = entry.change, entry.parent
    source = "" if change.source is None else style.safe(f"{change.source.file}:{change.source.line}")
    if parent is not None and parent.source == change.source:
        source = ""
    reason = style.safe(entry.reason(wording))
    if change.parent is not None and parent is None:
        reason += f" (part of {style.safe(str(change.parent))})"
    return _Row(entry, ("└ " if parent else "") + style.safe(label(change)), reason, source)


def _section(entries: Sequence[Entry], style: Style, wording: Wording, deep: bool) -> Iterator[str]:
    rows = [_row(entry, style, wording) for entry in entries]
    labels = min(MOST_ALIGNED, max(text_width(row.label) for row in rows))
    reasons = max(text_width(row.reason) for row in rows)
    few = sum(entry.parent is None for entry in entries) <= MOST_DETAILED
    for row in rows:
        yield _headline(row, labels, reasons, style, wording)
        change = row.entry.change
        if change.message:
            yield FIELD_INDENT + style.safe(change.message)
        if lost := losses_text(change):
            yield FIELD_INDENT + style.paint(style.safe(lost), "bold", "red")
        if change.action != "create" or (few and not wording.drift):
            yield from _fields(row.entry, style, wording, deep)


def _headline(row: _Row, labels: int, reasons: int, style: Style, wording: Wording) -> str:
    action = row.entry.change.action
    sign, colour = wording.signs[action]
    loud = ("bold",) if action in ("delete", "replace") and not wording.drift else ()
    verb = style.paint(f"{sign:<3} {wording.verbs[action]:<8}", colour, *loud)
    line = f"  {verb} {pad(row.label, labels) if row.reason or row.source else row.label}"
    if row.reason or row.source:
        line += f"  {pad(row.reason, reasons) if row.source else row.reason}"
    return f"{line}  {style.paint(row.source, 'dim')}" if row.source else line


def _fields(entry: Entry, style: Style, wording: Wording, deep: bool) -> Iterator[str]:
    change = entry.change
    if change.action == "delete" or (change.action == "create" and entry.parent is not None):
        return
    fields: Sequence[FieldChange] = change.fields
    if change.action == "create" and len(fields) > MOST_FIELDS + 1:
        fields = fields[:MOST_FIELDS]
    yield from field_lines(fields, style, FIELD_INDENT, () if wording.drift else change.replaces, deep)
    rest = len(change.fields) - len(fields)
    if rest:
        yield FIELD_INDENT + style.paint(f"{ELLIPSIS} and {count(rest, 'more field')}", "dim")


def _orphans(plan: Plan, style: Style) -> Iterator[str]:
    if not plan.orphans:
        return
    hint = "--prune does not cover them" if plan.consents.prune else "--prune deletes them"
    yield f"{count(len(plan.orphans), 'orphan')}, in a registry but in no manifest ({hint}):"
    yield from (f"  {style.safe(str(address))}" for address in plan.orphans[:MOST_ORPHANS])
    rest = len(plan.orphans) - MOST_ORPHANS
    if rest > 0:
        yield f"  {ELLIPSIS} and {rest:,} more"
    yield ""


def _warnings(plan: Plan, style: Style) -> Iterator[str]:
    yield from (headline(problem, style) for problem in plan.problems)
    if plan.problems:
        yield ""


def _last(plan: Plan, style: Style, wording: Wording) -> Iterator[str]:
    if plan.guards and not wording.drift:  # the first lines of a long plan have left the screen by now
        yield style.paint(f"Nothing will be written: {_tripped(plan)}, see above.", "bold", "red")
    numbers = totals(plan, wording)
    if any(change.action != "unchanged" for change in plan.changes):
        yield style.paint("Drift:" if wording.drift else "Plan:", "bold") + f" {numbers}."
    else:
        calm = style.paint("No drift" if wording.drift else "Nothing to do", "bold")
        yield f"{calm}: {numbers}." if numbers else f"{calm}."
