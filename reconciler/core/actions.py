"""The stable words for actions and statuses: what a plan does with an object, and how that ended.

The planner, the applier, the renderers and the JSON Schemas of the answers all take them from here.
"""

from __future__ import annotations

from typing import Final

# in the order in which a plan counts them
ACTIONS: Final = ("create", "update", "rename", "replace", "delete", "unchanged", "conflict", "blocked")
WRITES: Final = frozenset({"create", "update", "rename", "replace", "delete"})
STATUSES: Final = ("ok", "failed", "skipped", "not_stored", "conflict", "blocked")
# the actions that write, each as what was done
DONE: Final = {
    "create": "created",
    "update": "updated",
    "rename": "renamed",
    "replace": "replaced",
    "delete": "deleted",
}
# in the order in which a report counts them
SUMMARY: Final = (*DONE.values(), "unchanged", *(status for status in STATUSES if status != "ok"))
