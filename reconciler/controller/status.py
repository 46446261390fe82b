"""The status of Registry, Model and native objects: rows, conditions, and the merge patch that writes them. Pure.

`Synced=True` is said only where every row is of the object's present generation, and nothing is left to do in any.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from reconciler.controller.cluster import Data
from reconciler.controller.routing import NOWHERE, rows_of
from reconciler.controller.wording import guard_text, worded
from reconciler.core.errors import ConfigError
from reconciler.core.telling import masked
from reconciler.planner.plan import Plan
from reconciler.planner.plan_json import plan_to_json

UNCHANGED: Final = "unchanged"
UNKNOWN: Final = "unknown"  # the action of a row where nobody could tell what is to be done
HELD: Final = frozenset({"conflict", "blocked"})
ORPHANS: Final = 20  # of which a status names the first
# What goes on once another object comes: nobody has to change the one that waits.
WAITING: Final = frozenset({"missing-reference", "dangling-reference", "no-registry", "registry-missing"})
SUSPENDED: Final = "suspended"


class Row(NamedTuple):
    """What is left to do with an object in one registry: of which generation, and as of which versions of the Secrets that it names."""

    name: str
    action: str
    reason: str = ""
    message: str = ""
    fields: tuple[str, ...] = ()
    generation: int = 0
    secrets: str = ""

    def data(self) -> Data:
        """As it stands in the status."""
        said: Data = {"name": self.name, "action": self.action, "generation": self.generation}
        said |= {"reason": self.reason} if self.reason else {}
        said |= {"message": worded(self.message)} if self.message else {}
        said |= {"fields": [masked(path) for path in self.fields]} if self.fields else {}
        return said | ({"secrets": self.secrets} if self.secrets else {})


class Condition(NamedTuple):
    """One condition: its type, True, False or Unknown, a stable word and what it means here."""

    kind: str
    status: str
    reason: str
    message: str = ""


def object_status(
    item: Mapping[str, Any], registry: str, row: Row | None, goes_to: Iterable[str], now: str
) -> Data | None:
    """The status of a Model or native object with the row of one Registry object, or without it. None where that is what it has."""
    rows = {name: dict(found) for name, found in rows_of(item).items() if name != registry}
    if row is not None:
        rows[registry] = row.data()
    listed = [rows[name] for name in sorted(rows)]
    generation = int(item["metadata"].get("generation", 0))
    conditions = tuple(_conditions(rows, frozenset(goes_to), generation))
    observed = min((int(one.get("generation", 0)) for one in listed), default=generation)
    status: Data = {"observedGeneration": observed, "registries": listed}
    return _with_conditions(item, status, conditions, observed, now)


def _conditions(rows: Mapping[str, Data], goes_to: frozenset[str], generation: int) -> Iterator[Condition]:
    waiting = sorted(name for name in goes_to if int(rows.get(name, {}).get("generation", -1)) != generation)
    unknown = [row for row in rows.values() if row["action"] == UNKNOWN]
    held = [row for row in rows.values() if row["action"] in HELD]
    left = [row for row in rows.values() if row["action"] != UNCHANGED]
    if unknown:
        yield _of("Ready", "False", unknown)
    elif waiting:
        yield Condition("Ready", "Unknown", "waiting", f"not reconciled yet: {', '.join(waiting)}")
    else:
        yield Condition("Ready", "True", "read")
    if left:
        yield _of("Synced", "False", [*unknown, *held, *left])
    elif waiting:
        yield Condition("Synced", "Unknown", "waiting", f"not reconciled yet: {', '.join(waiting)}")
    else:
        yield Condition("Synced", "True", "in-sync")
    yield _of("Blocked", "True", held) if held else Condition("Blocked", "False", "not-blocked")


def _of(kind: str, status: str, rows: list[Data]) -> Condition:
    """A condition that says what the first row says."""
    first = rows[0]
    message = first.get("message") or ", ".join(first.get("fields", ()))
    where = f"{first['name']}: " if first["name"] != NOWHERE else ""
    return Condition(
        kind, status, first.get("reason") or first["action"], f"{where}{first['action']} {message}".rstrip()
    )


def registry_status(item: Mapping[str, Any], conditions: tuple[Condition, ...], plan: Plan | None, now: str) -> Data:
    """The status of a Registry object, without the time. What a plan says is kept where there is none."""
    before = item.get("status") or {}
    generation = int(item["metadata"].get("generation", 0))
    status: Data = {"observedGeneration": generation}
    if plan is not None:
        said = plan_to_json(plan)
        first = [masked(str(address)) for address in plan.orphans[:ORPHANS]]
        guards = [{"name": one["name"], "message": guard_text(one["name"], one["message"])} for one in said["guards"]]
        status |= {
            "summary": said["summary"],
            "guards": guards,
            "orphans": {"count": len(plan.orphans), "first": first},
        }
    changed = _with_conditions(item, status, conditions, generation, now)
    return {**before, **(changed or {})}


def _with_conditions(
    item: Mapping[str, Any], status: Data, conditions: tuple[Condition, ...], generation: int, now: str
) -> Data | None:
    before = item.get("status") or {}
    known = {one["type"]: one for one in before.get("conditions") or ()}
    said = (*conditions, *_progress(item, conditions, guarded=bool(status.get("guards"))))
    status["conditions"] = [_stamped(one, known.get(one.kind), generation, now) for one in said]
    return None if all(before.get(name) == value for name, value in status.items()) else status


def _progress(item: Mapping[str, Any], conditions: tuple[Condition, ...], *, guarded: bool) -> Iterator[Condition]:
    """The condition that kstatus looks for, there only while it is true, and neither where all is synced.

    `Reconciling` where the controller goes on by itself, `Stalled` where only a person can go on.
    """
    found = {one.kind: one for one in conditions}
    synced, blocked = found["Synced"], found.get("Blocked")
    if synced.status == "True":
        return
    if blocked is not None and blocked.status == "True":
        stalled = blocked.reason not in WAITING
    elif synced.status == "False" and (item.get("spec") or {}).get("mode") == "observe":
        stalled = True
    else:
        stalled = synced.reason in (SUSPENDED, ConfigError.code) or guarded
    yield Condition("Stalled" if stalled else "Reconciling", "True", synced.reason, synced.message)


def _stamped(one: Condition, before: Mapping[str, Any] | None, generation: int, now: str) -> Data:
    since = before["lastTransitionTime"] if before is not None and before["status"] == one.status else now
    said: Data = {
        "type": one.kind,
        "status": one.status,
        "reason": one.reason,
        "observedGeneration": generation,
        "lastTransitionTime": since,
    }
    return said | ({"message": worded(one.message)} if one.message else {})
