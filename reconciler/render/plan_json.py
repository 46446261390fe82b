"""A plan, or the drift that it shows, as JSON for machines."""

from __future__ import annotations

from reconciler.planner.plan import Plan
from reconciler.planner.plan_json import plan_to_json
from reconciler.render.jsontext import dumps
from reconciler.render.terminal import Style


def render(plan: Plan, style: Style) -> str:  # noqa: ARG001 -- one signature for all formats
    """The contract's `plan` object. Style changes nothing in it."""
    return dumps(plan_to_json(plan))
