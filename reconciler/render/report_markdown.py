"""Render the report of an apply as Markdown for a step's summary: counts, failures, and the backup's folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.applier.report import Outcome, Report
from reconciler.render.escape import markdown, markdown_code
from reconciler.render.plan_markdown import BUDGET
from reconciler.render.report_text import RESTORES, WORDS, totals, verdict
from reconciler.render.terminal import Style, count
from reconciler.render.width import ELLIPSIS

MARKER: Final = "<!-- reconciler:report -->"


def render(report: Report, style: Style) -> str:  # noqa: ARG001 -- one signature for all formats
    """Begins with a hidden marker, by which a bot finds its own comment."""
    return "\n\n".join(_blocks(report))


def _blocks(report: Report) -> Iterator[str]:
    yield MARKER
    yield f"### {verdict(report)}: {totals(report)}"
    if report.backup is not None:
        yield f"What was removed or overwritten is kept in {markdown_code(report.backup)}; {RESTORES}."
    if report.notes:
        yield _fitting([f"- {markdown(note)}" for note in report.notes], BUDGET // 4, "note")
    bad = [outcome for outcome in report.outcomes if outcome.status != "ok"]
    if bad:
        rows = [_row(outcome) for outcome in bad]
        head = ["| | Object | What happened |", "|---|---|---|"]
        yield "\n".join([*head, _fitting(rows, BUDGET // 2, "outcome")])


def _row(outcome: Outcome) -> str:
    about = markdown_code(str(outcome.address), table=True)
    status = f"**{markdown(WORDS.get(outcome.status, outcome.status))}**"
    action = "" if outcome.action == outcome.status else f" to {markdown(outcome.action)}"
    return f"| {status}{action} | {about} | {markdown(outcome.message or outcome.reason)} |"


def _fitting(lines: list[str], room: int, noun: str) -> str:
    """The lines that fit, and how many do not."""
    for place, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return "\n".join([*lines[:place], "", f"{ELLIPSIS} and {count(len(lines) - place, f'more {noun}')}"])
    return "\n".join(lines)
