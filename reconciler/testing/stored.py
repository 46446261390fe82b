"""Questions that the contract suite asks of an open registry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core import pointer as pointers
from reconciler.core.kind import Kind
from reconciler.core.resource import RemoteState, Resource
from reconciler.core.secret import Secret
from reconciler.core.spec import REFERENCE, normalized
from reconciler.manifest.declarable import Declared, Undeclarable, declare
from reconciler.planner.diff import field_changes
from reconciler.planner.plan import Plan
from reconciler.testing.world import World


def registry_of(world: World) -> Any:
    return next(iter(world.registries.values()))


def declared(remote: RemoteState, world: World) -> list[Declared | Undeclarable]:
    """What `export` makes of everything that a registry holds."""
    entry = next(iter(world.entries.values()))
    return [declare(one, entry, world.root, ".", remote.known().__contains__) for one in remote.resources()]


async def stored(world: World) -> list[Resource]:
    """Everything that the registry holds, sorted."""
    listing = next(iter((await world.remote()).listings.values()))
    return sorted(listing.resources, key=lambda one: (one.address, one.id or ""))


def unplanned(plan: Plan, before: list[Resource], after: list[Resource], kinds: Mapping[str, Kind]) -> list[str]:
    """The places, in objects that a plan updates, that changed although the plan does not show them."""
    found = []
    then = {one.address: one.spec for one in before}
    planned = {change.address: change for change in plan.changes if change.action == "update"}
    for one in after:
        if one.address in planned and one.address in then:
            root, told = kinds[one.address.kind].root, [field.path for field in planned[one.address].fields]
            changed = field_changes(normalized(then[one.address], root), normalized(one.spec, root))
            found += [f"{one.address} {field.path}" for field in changed if not _told(field.path, told)]
    return found


def _told(path: str, told: list[str]) -> bool:
    return any(f"{path}/".startswith(f"{one}/") or one.startswith(f"{path}/") for one in told)


def still(resource: Resource) -> tuple[str, str, str | None, object]:
    """What tells whether somebody wrote."""
    return str(resource.address), json.dumps(resource.spec, sort_keys=True), resource.revision, resource.mark


def secrets_of(world: World, spec: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, Secret]]:
    """Values for whatever in `spec` is a reference, or what is left of one."""
    if isinstance(spec, Mapping):
        for name, value in spec.items():
            yield from secrets_of(world, value, (*place, name))
    elif spec == "(present)" or (isinstance(spec, str) and REFERENCE.fullmatch(spec)):
        yield pointers.join(place), Secret("whatever")
