"""A plan as a comment on a pull request or a merge request, or as a step's summary.

First what it is and was made from, then what it takes away, then a table for each registry, then the fields, folded away.
What has no room gives way from the end, and the last line says what was left out: see `room`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.planner.plan import Plan
from reconciler.render.escape import markdown, markdown_code
from reconciler.render.markdown_losses import ALL_OF_IT, leftovers, removals, stops
from reconciler.render.markdown_rows import HEAD, details, has_details, table_row
from reconciler.render.marker import marker
from reconciler.render.plan_view import PlanView, RegistryView, Row, Warnings, view
from reconciler.render.room import BUDGET, fitting, short, size, size_of
from reconciler.render.sections import counts
from reconciler.render.terminal import Style, count
from reconciler.render.values import FULL, Limits
from reconciler.render.width import ELLIPSIS

_LIMITS: Final = Limits(value=160, item=160)
_FACT: Final = 300  # characters of one fact
_MOST_LISTED: Final = 50  # orphans and warnings
_RESERVE: Final = 1_000  # bytes for the line that says what was left out
_STOPS: Final = 8_000  # bytes for guards
_LEFT: Final = 0.3  # of what removals leave, for what is left alone
_TAIL: Final = 0.2  # of what is left then, for orphans and warnings


def plan(plan: Plan, style: Style) -> str:
    """Render a plan as Markdown. Begins with a hidden marker, by which a bot finds its own comment."""
    return _document(view(plan, fold=not style.full), "plan", style)


def drift(plan: Plan, style: Style) -> str:
    """Render a drift as Markdown."""
    return _document(view(plan, drift=True, fold=not style.full), "drift", style)


def _document(shown: PlanView, command: str, style: Style) -> str:
    head = [marker(command, shown.plan.origin.project, shown.plan.environment), *_title(shown), *stops(shown, _STOPS)]
    room = BUDGET - _RESERVE - size_of(head) - len(head)
    taken = list(removals(shown, room))
    room -= size_of(taken)
    left = list(leftovers(shown, int(room * _LEFT)))
    room -= size_of(left)
    tail = list(_tail(shown, int(room * _TAIL)))
    room -= size_of(tail)
    tables, room, rows = _tables(shown, room)
    blocks, fields, cut = _details(shown, room, style)
    omitted = list(_omitted(rows, fields, cut))
    return "\n\n".join([*head, *taken, *left, *tables, *blocks, *tail, *omitted])


def _title(shown: PlanView) -> Iterator[str]:
    totals = shown.totals
    yield f"### {shown.title}: {totals}" if totals else f"### {shown.title}"
    facts = [f"{name}: {markdown_code(short(value, _FACT))}" for name, value in shown.facts if name != "Project"]
    if facts:
        yield " · ".join(facts)


def _tables(shown: PlanView, room: int) -> tuple[list[str], int, int]:
    """`(the tables as far as they fit, the room that is left, the changes that have no row)`."""
    blocks, missing = [], 0
    for registry in shown.registries:
        rows = [row for section in registry.sections for row in section.rows]
        title = f"#### {markdown(short(registry.name, _FACT))}: {_counted(registry, shown)}"
        heading = [title, "", *HEAD]
        kept = fitting((table_row(row, shown.wording) for row in rows), room - size_of(heading) - 1)
        missing += sum(len(row.entries) for row in rows[len(kept) :])
        if kept:
            block = "\n".join([*heading, *kept])
            blocks.append(block)
            room -= size(block) + 2
    return blocks, room, missing


def _counted(registry: RegistryView, shown: PlanView) -> str:
    return counts([change for section in registry.sections for change in section.changes], shown.wording)


def _details(shown: PlanView, room: int, style: Style) -> tuple[list[str], int, int]:
    """`(the folded fields as far as they fit, the changes whose fields are not there, the blocks with a value in part)`."""
    rows = [row for section in shown.sections for row in section.rows if has_details(row)]
    blocks: list[str] = []
    cut = 0
    for place, row in enumerate(rows):
        block = _fitting_details(row, shown, room, style)
        room -= size(block) + 2
        if room < 0:
            return blocks, sum(len(other.entries) for other in rows[place:]), cut
        blocks.append(block)
        # an ellipsis alone does not tell: a value may hold one
        cut += ELLIPSIS in block and block != details(row, shown.wording, FULL)
    return blocks, 0, cut


def _fitting_details(row: Row, shown: PlanView, room: int, style: Style) -> str:
    """The fields of a row; with `--full` in their whole length, where that has room."""
    if style.full:
        whole = details(row, shown.wording, FULL)
        if size(whole) + 2 <= room:
            return whole
    return details(row, shown.wording, _LIMITS)


def _tail(shown: PlanView, room: int) -> Iterator[str]:
    for title, lines in (_orphans(shown.plan), _warnings(shown.warnings)):
        if lines:
            kept = fitting(lines[:_MOST_LISTED], room // 2 - size(title) - _RESERVE // 5)
            rest = len(lines) - len(kept)
            yield "\n".join([title, "", *kept, *([f"- {ELLIPSIS} and {rest:,} more; {ALL_OF_IT}"] if rest else [])])


def _orphans(plan: Plan) -> tuple[str, list[str]]:
    hint = "`--prune` does not cover them" if plan.consents.prune else "`--prune` deletes them"
    title = f"**{count(len(plan.orphans), 'orphan')}**, in a registry but in no manifest ({hint}):"
    return title, [f"- {markdown_code(str(address))}" for address in plan.orphans]


def _warnings(groups: Sequence[Warnings]) -> tuple[str, list[str]]:
    return f"**{count(sum(len(group.problems) for group in groups), 'warning')}**", [_warning(one) for one in groups]


def _warning(group: Warnings) -> str:
    first = group.problems[0]
    place = markdown_code(f"{short(first.file, _FACT)}:{first.line}")
    rest = len(group.problems) - 1
    more = f" and {count(rest, 'more place')}" if rest else ""
    return f"- {place}{more} {markdown(short(first.text, 2 * _FACT))} ({markdown(short(first.rule, _FACT))})"


def _omitted(rows: int, fields: int, cut: int) -> Iterator[str]:
    """The line that says what is not shown, and what shows it."""
    parts = []
    if rows:
        parts.append(count(rows, "more change"))
    if fields:
        parts.append(f"the fields of {count(fields, 'change')}")
    if parts:
        yield f"Left out for length: {' and '.join(parts)}; {ALL_OF_IT}."
    elif cut:
        yield f"Values of {count(cut, 'change')} are shown in part; {ALL_OF_IT}."
