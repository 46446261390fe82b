"""A plan, or a drift, as one HTML file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from reconciler.planner.plan import Plan
from reconciler.render.html.changes import changes
from reconciler.render.html.graph import graph
from reconciler.render.html.page import render
from reconciler.render.sections import DRIFT_WORDING, PLAN_WORDING, Wording, flags, totals
from reconciler.render.terminal import Style

_TILES: Final = ("delete", "replace", "conflict", "blocked", "rename", "create", "update")
_SECTION: Final = {"replace": "delete"}


class Tile(NamedTuple):
    """A count in the page's head. `section` is where its objects are, or empty."""

    number: int
    words: str
    action: str
    sign: str
    section: str


class Fact(NamedTuple):
    """A fact about the whole run. `code` is true for what is typed or compared rather than read."""

    name: str
    value: str
    code: bool = False


def plan(plan: Plan, style: Style) -> str:  # noqa: ARG001 -- one signature for all formats
    """Render a plan as a page."""
    return _page(plan, PLAN_WORDING)


def drift(plan: Plan, style: Style) -> str:  # noqa: ARG001 -- one signature for all formats
    """Render a drift as a page. Fields read from the declared value to the one found."""
    return _page(plan, DRIFT_WORDING)


def _page(plan: Plan, wording: Wording) -> str:
    shown = changes(plan, wording)
    numbers = totals(plan, wording)
    calm = "No drift" if wording.drift else "Nothing to do"
    head = "Drift" if wording.drift else "Plan"
    return render(
        "plan.html.j2",
        command=head.lower(),
        title=f"{head}: {numbers}" if shown.size else f"{calm}: {numbers}" if numbers else calm,
        heading=head if shown.size else calm,
        environment=plan.environment or "",
        tiles=list(_tiles(plan, wording)),
        facts=list(facts(plan)),
        guards=() if wording.drift else plan.guards,
        shown=shown,
        columns=("Declared", "Found") if wording.drift else ("Before", "After"),
        graph=None if wording.drift else graph(plan.changes, wording.verbs),
        orphans=[str(address) for address in plan.orphans],
        pruned=plan.consents.prune,
        problems=plan.problems,
    )


def _tiles(plan: Plan, wording: Wording) -> Iterator[Tile]:
    counts = plan.summary()
    numbers: dict[str, Tile] = {}
    for action in _TILES:
        words = wording.verbs[action] if wording.drift else action
        if counts[action]:
            known = numbers.get(words, Tile(0, words, action, wording.signs[action][0], _SECTION.get(action, action)))
            numbers[words] = known._replace(number=known.number + counts[action])
    yield from numbers.values()
    if plan.pending:
        yield Tile(plan.pending, "wait for apply", "pending", "", "")
    yield Tile(plan.unchanged, "as declared" if wording.drift else "unchanged", "unchanged", "=", "")


def facts(plan: Plan) -> Iterator[Fact]:
    """What a plan was made of and with, as far as it is known."""
    for name, identity in plan.registries.items():
        yield Fact("Registry", f"{name} · {' '.join(identity.values())}", code=True)
    if given := flags(plan.consents):
        yield Fact("Consents", given, code=True)
    if plan.issued is not None:
        yield Fact("Saved", plan.issued.at)
        yield Fact("Expires", plan.issued.expires)
    if plan.fingerprint:
        yield Fact("Fingerprint", plan.fingerprint, code=True)
