"""The report of an apply as one HTML file, with a timeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from reconciler.applier.report import Outcome, Report
from reconciler.core.actions import DONE
from reconciler.planner.plan import Change
from reconciler.render.html.changes import Relations, Row, Rows, labels_of, relations, row_of, section
from reconciler.render.html.facets import Values, facets
from reconciler.render.html.page import render as page
from reconciler.render.html.plan import Fact, Tile, facts_of
from reconciler.render.html.sides import FULL, SHORT, Bounds
from reconciler.render.html.timeline import seconds, timeline
from reconciler.render.plan_view import view
from reconciler.render.report_text import RESTORES, WORDS, totals, verdict
from reconciler.render.sections import PLAN_WORDING, SIGNS, Entry
from reconciler.render.terminal import Style

FACETS: Final = ("registry", "kind", "action", "result", "label")
_SECTIONS: Final = (
    ("failed", "Failed", "", ("failed", "not_stored")),
    ("skipped", "Skipped", "They were not begun.", ("skipped",)),
    ("conflict", "Left alone", "Conflicts and blocked changes.", ("conflict", "blocked")),
    ("ok", "Done", "", ("ok",)),
)
_SECTION_OF: Final = {status: name for name, _, _, statuses in _SECTIONS for status in statuses}
_TONES: Final = {word: action for action, word in DONE.items()}


def render(report: Report, style: Style) -> str:
    """Render a report as a page: what failed first, then what was done, and when."""
    plan = report.plan
    facts = facts_of(plan)
    if report.backup is not None:
        facts.append(Fact("Backup", f"{report.backup} ({RESTORES})", code=False))
    return page(
        "report.html.j2",
        command="apply",
        title=f"{verdict(report)}: {totals(report)}",
        heading=verdict(report),
        environment=plan.environment or "",
        tiles=list(_tiles(report)),
        facts=facts,
        notes=report.notes,
        rows=_rows(report, FULL if style.full else SHORT),
        timeline=timeline(report.outcomes),
    )


def _tiles(report: Report) -> Iterator[Tile]:
    counts = report.summary()
    failing = [status for _, _, _, statuses in _SECTIONS for status in statuses if status != "ok"]
    for name in (*failing, *reversed(_TONES), "unchanged"):
        if counts[name] or name == "unchanged":
            section = "ok" if name in _TONES else _SECTION_OF.get(name, "")
            yield Tile(counts[name], WORDS.get(name, name), _TONES.get(name, name), section)


def _rows(report: Report, bounds: Bounds) -> Rows:
    changes = {change.address: change for change in report.plan.changes}
    known = relations(view(report.plan, fold=False), bounds)
    planned = [_planned(one, changes.get(one.address)) for one in report.outcomes]
    found, numbers = facets(
        [_values(one, change) for one, change in zip(report.outcomes, planned, strict=True)], FACETS
    )
    groups: dict[str, list[Row]] = {name: [] for name, *_ in _SECTIONS}
    for outcome, change, values in zip(report.outcomes, planned, numbers, strict=True):
        groups[_SECTION_OF[outcome.status]].append(_row(outcome, change, values, known))
    sections = tuple(
        section(name, name, (title, note), groups[name]) for name, title, note, _ in _SECTIONS if groups[name]
    )
    names = frozenset(str(outcome.address) for outcome in report.outcomes)
    return Rows(sections, found, len(report.outcomes), names)


def _planned(outcome: Outcome, change: Change | None) -> Change:
    """The change that an outcome is of; where the plan has none, or another, as much of one as the outcome tells."""
    if change is not None and change.action == outcome.action:
        return change
    return Change(outcome.address, outcome.action, outcome.reason, message="")


def _values(outcome: Outcome, change: Change) -> Values:
    address = outcome.address
    return {
        "registry": [address.registry],
        "kind": [address.kind],
        "action": [outcome.action],
        "result": [WORDS.get(outcome.status, outcome.status)],
        "label": labels_of(change),
    }


def _row(outcome: Outcome, change: Change, values: str, known: Relations) -> Row:
    """The row of a change, with how it ended."""
    row = row_of(Entry(change), PLAN_WORDING, values, known)
    if outcome.status == "ok":
        return replace(
            row,
            verb=DONE[outcome.action],
            gist=(),
            more=0,
            losses=(),
            message=outcome.message,
            aside=seconds(outcome.duration),
        )
    said = outcome.message or outcome.reason
    left_alone = outcome.status == outcome.action
    return replace(
        row,
        tone=outcome.status,
        sign=SIGNS.get(outcome.action, ("!", ""))[0],
        verb=WORDS.get(outcome.status, outcome.status),
        why=outcome.reason,
        losses=(),
        message=said if left_alone else f"{outcome.action}: {said}",
    )
