"""Render the report of an apply as Markdown, for a comment or a step's summary: what went wrong first, what was done folded away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.applier.report import Outcome, Report
from reconciler.core.actions import DONE
from reconciler.render.escape import markdown, markdown_code
from reconciler.render.marker import marker
from reconciler.render.plan_view import facts
from reconciler.render.report_text import RESTORES, WORDS, totals, verdict
from reconciler.render.room import BUDGET, fitting, short, size_of
from reconciler.render.terminal import Style, count
from reconciler.render.width import ELLIPSIS

_FACT: Final = 300  # characters of one fact
_MOST_WORDS: Final = 2_000  # characters of one message
_RESERVE: Final = 500  # bytes for what says how much was left out
_REMOVING: Final = ("delete", "replace")


def render(report: Report, style: Style) -> str:  # noqa: ARG001 -- one signature for all formats
    """Begins with a hidden marker, by which a bot finds its own comment."""
    head = list(_head(report))
    room = BUDGET - size_of(head) - len(head) - _RESERVE
    bad = [outcome for outcome in report.outcomes if outcome.status != "ok"]
    failures = list(_table(bad, room // 2)) if bad else []
    done = list(_done(report, room - size_of(failures)))
    return "\n\n".join([*head, *failures, *done])


def _head(report: Report) -> Iterator[str]:
    plan = report.plan
    yield marker("apply", plan.origin.project, plan.environment)
    yield f"### {verdict(report)}: {totals(report)}"
    shown = [f"{name}: {markdown_code(short(value, _FACT))}" for name, value in facts(plan) if name != "Project"]
    if shown:
        yield " · ".join(shown)
    if report.backup is not None:
        yield f"What was removed or overwritten is kept in {markdown_code(short(report.backup, _MOST_WORDS))}; {RESTORES}."
    if report.notes:
        notes = [f"- {markdown(short(note, _MOST_WORDS))}" for note in report.notes]
        yield "\n".join(_counted(notes, BUDGET // 5, "note"))


def _table(outcomes: Sequence[Outcome], room: int) -> Iterator[str]:
    head = ["| | Object | What happened |", "|---|---|---|"]
    lines = _counted([_row(outcome) for outcome in outcomes], room - size_of(head), "outcome")
    yield "\n".join([*head, *lines])


def _row(outcome: Outcome) -> str:
    about = markdown_code(str(outcome.address), table=True)
    status = f"**{markdown(WORDS.get(outcome.status, outcome.status))}**"
    action = "" if outcome.action == outcome.status else f" to {markdown(outcome.action)}"
    return f"| {status}{action} | {about} | {markdown(short(outcome.message or outcome.reason, _MOST_WORDS))} |"


def _done(report: Report, room: int) -> Iterator[str]:
    """What went well, folded away; what was removed before the rest."""
    fine = [outcome for outcome in report.outcomes if outcome.status == "ok"]
    if not fine:
        return
    removed = [outcome for outcome in fine if outcome.action in _REMOVING]
    rest = [outcome for outcome in fine if outcome.action not in _REMOVING]
    lines = [f"- {DONE[outcome.action]} {markdown_code(str(outcome.address))}" for outcome in (*removed, *rest)]
    listed = "\n".join(_counted(lines, room - _RESERVE, "change"))
    yield f"<details><summary>{count(len(fine), 'change')} done</summary>\n\n{listed}\n\n</details>"


def _counted(lines: Sequence[str], room: int, noun: str) -> list[str]:
    """The lines that fit, and how many do not."""
    kept = fitting(lines, room)
    rest = len(lines) - len(kept)
    return [*kept, *(["", f"{ELLIPSIS} and {count(rest, f'more {noun}')}, left out for length"] if rest else [])]
