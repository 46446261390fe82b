"""A plan as an HTML table, for a notebook's cell."""

from __future__ import annotations

from reconciler.planner.plan import Plan
from reconciler.render.html.changes import changes
from reconciler.render.html.page import fragment
from reconciler.render.html.sides import SHORT
from reconciler.render.plan_view import view


def render(plan: Plan) -> str:
    """The plan, or the drift, as one table with a line that counts. It has neither style nor script of its own."""
    shown = view(plan, drift=plan.pending is not None)
    return fragment(
        "cell.html.j2", stops=shown.stops, changes=changes(shown, SHORT), title=shown.title, totals=shown.totals
    )
