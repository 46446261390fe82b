"""A plan for people on a terminal. It reads the same without colour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.planner.plan import Plan
from reconciler.render.hidden import Hidden
from reconciler.render.plan_text_rows import Page, section_lines
from reconciler.render.plan_view import PlanView, Warnings, view
from reconciler.render.problem_text import headline
from reconciler.render.terminal import Style, count
from reconciler.render.width import ELLIPSIS, wrap

MOST_ORPHANS: Final = 20
MOST_SINGLE: Final = 20  # changes up to which equal ones are not folded: all fit on a screen
MOST_COMPARED: Final = 1000  # changes up to which lists of objects are compared item by item, which takes 0.5 ms each
_ALWAYS: Final = ("Environment", "Consents")  # facts of every plan; the others are those of a saved one


def plan(plan: Plan, style: Style) -> str:
    """Render a plan as text. The last line has the counts."""
    return "\n".join(_lines(view(plan, fold=_folds(plan, style)), style))


def drift(plan: Plan, style: Style) -> str:
    """Render a drift as text. Fields read from the declared value to the one found."""
    return "\n".join(_lines(view(plan, drift=True, fold=_folds(plan, style)), style))


def _folds(plan: Plan, style: Style) -> bool:
    return not style.full and len(plan.changes) > MOST_SINGLE


def _lines(shown: PlanView, style: Style) -> Iterator[str]:
    page = Page(shown.wording, style, Hidden(), deep=len(shown.plan.changes) <= MOST_COMPARED)
    yield from _context(shown, style)
    if shown.stops:
        yield from _stops(shown, style)
    if shown.wording.drift and shown.plan.changes:
        yield style.paint("Changed in the registry behind our back (declared → found):", "bold")
    for section in shown.sections:
        yield from _heading(shown, section.action, style)
        left = [one for one in shown.leftovers if one.action == section.action]
        yield from section_lines(section, left, page)
        yield ""
    yield from _orphans(shown.plan, page)
    yield from _warnings(shown, page)
    if hidden := page.hidden.line():
        yield style.paint(hidden, "dim")
    yield from _last(shown, style)


def _context(shown: PlanView, style: Style) -> Iterator[str]:
    facts = [(name, value) for name, value in shown.facts if name in _ALWAYS or shown.plan.issued is not None]
    yield from (style.paint(f"{name}: {style.safe(value)}", "dim") for name, value in facts)
    if facts:
        yield ""


def _stops(shown: PlanView, style: Style) -> Iterator[str]:
    """The guards that tripped: each name and each way out once."""
    yield style.paint(f"STOP: nothing will be written, {_tripped(shown.plan)}.", "bold", "red")
    for stop in shown.stops:
        name = f"  {style.paint('!', 'red')} {style.paint(style.safe(stop.name), 'bold')}:"
        first, *others = [line for message in stop.messages for line in _wrapped(style.safe(message), style)]
        yield f"{name} {first}" if len(stop.messages) == 1 else name
        yield from (f"    {line}" for line in (others if len(stop.messages) == 1 else (first, *others)))
        way_out = f"to go ahead: {style.safe(stop.override)}" if stop.override else "no flag lifts this"
        yield f"    {style.paint(way_out, 'bold')}"
    yield ""


def _wrapped(text: str, style: Style) -> list[str]:
    return wrap(text, max(20, style.width - 24)) if style.cuts else [text]


def _tripped(plan: Plan) -> str:
    return "a guard tripped" if len(plan.guards) == 1 else f"{len(plan.guards)} guards tripped"


def _heading(shown: PlanView, action: str, style: Style) -> Iterator[str]:
    """Only what destroys has a heading: the rest must not look as loud."""
    if action != "delete" or shown.wording.drift:
        return
    counts = shown.plan.summary()
    parts = [
        f"{verb} {count(counts[name], 'object')}"
        for name, verb in (("delete", "DELETES"), ("replace", "REPLACES"))
        if counts[name]
    ]
    note = " (deleted, then created again)" if counts["replace"] else ""
    yield style.paint(f"{' and '.join(parts)}{note}:", "bold", "red")


def _orphans(plan: Plan, page: Page) -> Iterator[str]:
    if not plan.orphans:
        return
    hint = "--prune does not cover them" if plan.consents.prune else "--prune deletes them"
    yield f"{count(len(plan.orphans), 'orphan')}, in a registry but in no manifest ({hint}):"
    shown = plan.orphans if page.style.full else plan.orphans[:MOST_ORPHANS]
    yield from (f"  {page.style.safe(str(address))}" for address in shown)
    rest = len(plan.orphans) - len(shown)
    page.hidden.leave_out(rest, "orphan")
    if rest:
        yield f"  {ELLIPSIS} and {rest:,} more"
    yield ""


def _warnings(shown: PlanView, page: Page) -> Iterator[str]:
    for group in shown.warnings:
        yield from _warning(group, page)
    if shown.warnings:
        yield ""


def _warning(group: Warnings, page: Page) -> Iterator[str]:
    """A warning, where it is, and how many places more say the same."""
    if page.style.full:
        yield from (headline(problem, page.style) for problem in group.problems)
        return
    rest = len(group.problems) - 1
    page.hidden.leave_out(rest, "repeated warning")
    more = page.style.paint(f" (and at {count(rest, 'more place')})", "dim") if rest else ""
    yield headline(group.problems[0], page.style) + more


def _last(shown: PlanView, style: Style) -> Iterator[str]:
    if shown.stops:  # the first lines of a long plan have left the screen by now
        yield style.paint(f"Nothing will be written: {_tripped(shown.plan)}, see above.", "bold", "red")
    numbers = shown.totals
    if shown.sections:
        yield style.paint(f"{shown.title}:", "bold") + f" {numbers}."
    elif numbers or not shown.stops:  # a guard stops what a plan without changes would do: that is not nothing
        calm = style.paint(shown.title, "bold")
        yield f"{calm}: {numbers}." if numbers else f"{calm}."
