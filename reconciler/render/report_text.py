"""Render the report of an apply as text: successes in few words, failures at the end, where they are seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.applier.report import Outcome, Report
from reconciler.core.actions import DONE
from reconciler.render.hidden import Hidden
from reconciler.render.sections import SIGNS
from reconciler.render.terminal import Style, count
from reconciler.render.width import pad, text_width

MOST_LISTED: Final = 20  # outcomes up to which each that went well has its line
MOST_ALIGNED: Final = 56  # columns up to which what follows an address is aligned
RESTORES: Final = "applying that folder restores it, once the secrets that it names are set"
WORDS: Final = {"not_stored": "not stored"}
_COLOURS: Final = {"conflict": "magenta", "blocked": "magenta", "skipped": "yellow"}


def render(report: Report, style: Style) -> str:
    """The outcomes, then the backup, the notes, and one line that counts."""
    return "\n".join(_lines(report, style))


def _lines(report: Report, style: Style) -> Iterator[str]:
    listed = style.full or len(report.outcomes) <= MOST_LISTED
    fine = [outcome for outcome in report.outcomes if outcome.status == "ok"]
    bad = [outcome for outcome in report.outcomes if outcome.status != "ok"]
    if listed:
        yield from (_fine(outcome, style) for outcome in fine)
    if fine and bad and listed:
        yield ""
    yield from _bad(bad, style)
    if report.backup is not None:
        yield f"Backup: what was removed or overwritten is kept in {style.safe(report.backup)}; {RESTORES}."
    yield from (f"Note: {style.safe(note)}" for note in report.notes)
    hidden = Hidden()
    hidden.leave_out(0 if listed else len(fine), "outcome")
    if hidden_line := hidden.line():
        yield style.paint(hidden_line, "dim")
    yield f"{style.paint(verdict(report) + ':', 'bold')} {totals(report)}."


def verdict(report: Report) -> str:
    """The status of an outcome, in a word or two."""
    if report.interrupted:
        return "Interrupted"
    statuses = {outcome.status for outcome in report.outcomes}
    if report.exit_code == 5:
        return "Applied in part" if statuses & {"ok", "not_stored"} else "Failed"
    return "Applied" if "ok" in statuses else "Nothing was written"


def totals(report: Report) -> str:
    """`2 created, 1 failed, 10 unchanged`: only what there is."""
    counts = report.summary()
    order = [*(name for name in counts if name != "unchanged"), "unchanged"]
    parts = [_total(name, counts[name]) for name in order if counts[name]]
    return ", ".join(parts) or "there was nothing to do"


def _total(name: str, number: int) -> str:
    return count(number, "conflict") if name == "conflict" else f"{number:,} {WORDS.get(name, name)}"


def _fine(outcome: Outcome, style: Style) -> str:
    sign, colour = SIGNS[outcome.action]
    return f"  {style.paint(f'{sign:<3} {DONE[outcome.action]:<10}', colour)}  {style.safe(str(outcome.address))}"


def _bad(outcomes: Sequence[Outcome], style: Style) -> Iterator[str]:
    """The sort key of an outcome: dependents first, failures last."""
    loud = {"failed": 2, "not_stored": 1}
    labels = min(MOST_ALIGNED, max((text_width(style.safe(str(outcome.address))) for outcome in outcomes), default=0))
    for outcome in sorted(outcomes, key=lambda outcome: loud.get(outcome.status, 0)):
        status = f"!   {WORDS.get(outcome.status, outcome.status):<10}"
        painted = style.paint(status, _COLOURS.get(outcome.status, "red"), "bold")
        action = "" if outcome.action == outcome.status else outcome.action
        reason = "" if outcome.reason == outcome.status else f"({style.safe(outcome.reason)})"
        what = " ".join(word for word in (action, reason) if word)
        yield f"  {painted}  {pad(style.safe(str(outcome.address)), labels)}  {what}".rstrip()
        if outcome.message:
            yield f"                  {style.safe(outcome.message)}"
    if outcomes:
        yield ""
