"""Staleness of a plan: the objects that moved since it was made, checked before the first write. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.resource import Address, RegistryFacts, RemoteState, Resource
from reconciler.core.url import place_of
from reconciler.planner import diff
from reconciler.planner.index import identity
from reconciler.planner.plan import Change, Plan


def stale_changes(plan: Plan, remote: RemoteState) -> list[str]:
    """One line for each object that a plan would touch and that is no longer as it was seen; empty where the plan holds."""
    stored: dict[Address, list[Resource]] = {}
    for resource in remote.resources():
        stored.setdefault(resource.address, []).append(resource)
    if plan.writes and all(change.action == "delete" and change.address not in stored for change in plan.writes):
        return [f"{change.address}: it is gone; the plan was applied already" for change in plan.writes]
    lines = [_stale_change(change, stored, remote.registries[change.address.registry]) for change in plan.writes]
    return [line for line in lines if line is not None]


def relocated(plan: Plan, registries: Mapping[str, RegistryFacts]) -> list[str]:
    """One line for each registry of the plan that is gone from the configuration or now leads to another place."""
    lines = []
    for name, seen in plan.registries.items():
        facts = registries.get(name)
        if facts is None:
            lines.append(f"{name}: it is no longer in the configuration")
        elif _place(identity(facts)) != _place(seen):
            lines.append(
                f"{name}: the plan was made for {_words(seen)}, and the name now means {_words(identity(facts))}"
            )
    return lines


def is_current(change: Change, current: Resource, facts: RegistryFacts) -> bool:
    """True where `current` is what the plan saw."""
    kind = facts.kinds[current.address.kind]
    without = diff.excluded(change.desired, kind) if change.desired is not None else ()
    return diff.observed(current, kind, without) == change.observed


def _stale_change(change: Change, stored: Mapping[Address, list[Resource]], facts: RegistryFacts) -> str | None:
    seen = stored.get(change.address, [])
    if change.action == "create":
        return f"{change.address}: it exists now" if seen else None
    if change.previous is not None:
        if seen:
            return f"{change.address}: it exists now"
        seen = stored.get(change.previous, [])
    address = change.previous or change.address
    if not seen:
        return None if change.action == "delete" else f"{address}: it is gone"
    if len(seen) > 1:
        return f"{address}: there are {len(seen)} of it now"
    return None if is_current(change, seen[0], facts) else f"{address}: it was changed"


def _place(seen: Mapping[str, str]) -> dict[str, str]:
    """What must not have changed: the place, and not how its address is written."""
    return {**seen, "location": place_of(seen.get("location", ""))}


def _words(seen: Mapping[str, str]) -> str:
    place = " ".join(value for name, value in seen.items() if name != "owner")
    return f"{place} (owner: {seen.get('owner') or 'nobody'})"
