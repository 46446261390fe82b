"""A plan, or a drift, as one HTML file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from reconciler.planner.plan import Plan
from reconciler.render.html.changes import TONES, changes
from reconciler.render.html.graph import graph
from reconciler.render.html.page import render
from reconciler.render.html.sides import FULL, SHORT
from reconciler.render.plan_view import PlanView, facts, view
from reconciler.render.sections import ORDER
from reconciler.render.terminal import Style

_SECTION: Final = {"replace": "delete"}
_WORDS: Final = frozenset({"Saved", "Version"})  # facts that are read, rather than typed or compared


class Tile(NamedTuple):
    """A count in the page's head. `section` is where its objects are, or empty."""

    number: int
    words: str
    tone: str
    section: str = ""


class Fact(NamedTuple):
    """A fact about the whole run. `code` is true for what is typed or compared rather than read."""

    name: str
    value: str
    code: bool


def plan(plan: Plan, style: Style) -> str:
    """Render a plan as a page."""
    return _page(view(plan), style)


def drift(plan: Plan, style: Style) -> str:
    """Render a drift as a page. Fields read from the declared value to the one found."""
    return _page(view(plan, drift=True), style)


def _page(shown: PlanView, style: Style) -> str:
    drift, plan = shown.wording.drift, shown.plan
    return render(
        "plan.html.j2",
        command="drift" if drift else "plan",
        title=": ".join(filter(None, (shown.title, shown.totals))),
        heading=shown.title,
        environment=plan.environment or "",
        tiles=list(_tiles(shown)),
        facts=facts_of(plan),
        stops=shown.stops,
        changes=changes(shown, FULL if style.full else SHORT),
        columns=("Declared", "Found") if drift else ("Before", "After"),
        graph=None if drift else graph(plan.changes, shown.wording.verbs),
        orphans=[str(address) for address in plan.orphans],
        pruned=plan.consents.prune,
        warnings=shown.warnings,
    )


def _tiles(shown: PlanView) -> Iterator[Tile]:
    plan, verbs = shown.plan, shown.wording.verbs
    counts = plan.summary()
    found: dict[str, Tile] = {}
    for action in (action for group in ORDER for action in group):
        if counts[action]:
            tone = TONES[shown.wording.signs[action][1]]
            known = found.get(verbs[action], Tile(0, verbs[action], tone, _SECTION.get(action, action)))
            found[verbs[action]] = known._replace(number=known.number + counts[action])
    yield from found.values()
    if plan.pending:
        yield Tile(plan.pending, "waits for apply" if plan.pending == 1 else "wait for apply", "pending")
    yield Tile(plan.unchanged, "as declared" if shown.wording.drift else "unchanged", "unchanged")


def facts_of(plan: Plan) -> list[Fact]:
    """What a plan was made from and with; the environment is in the page's heading."""
    places = [("Registry", f"{name}: {' '.join(identity.values())}") for name, identity in plan.registries.items()]
    known = [(name, value) for name, value in facts(plan) if name != "Environment"]
    return [Fact(name, value, code=name not in _WORDS) for name, value in (*places, *known)]
