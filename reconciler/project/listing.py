"""The objects that registries hold, each with what the manifests say of it: what `list` shows."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from reconciler.core.errors import InputError, RegistryError, UsageError
from reconciler.core.resource import Desired, DesiredState, Listing, RemoteState, Resource
from reconciler.core.schema.findings import nearest
from reconciler.planner.deletable import protection
from reconciler.project.model_facts import native_facts
from reconciler.project.workspace import Workspace
from reconciler.registry.entry import RegistryEntry
from reconciler.registry.reading import Reading, read_each
from reconciler.render.stored import StoredObject

PORTABLE: Final = "Model"  # the kind of manifests that every registry takes, whatever it becomes there


async def read_what_can(workspace: Workspace, names: Iterable[str]) -> Reading:
    """Read each of these registries by itself: one that cannot be opened or read does not hide the others."""
    readings = await asyncio.gather(*(_read_one(workspace, name) for name in sorted(names)))
    listings = {name: one for reading in readings for name, one in reading.remote.listings.items()}
    facts = {name: one for reading in readings for name, one in reading.remote.registries.items()}
    failures = {name: error for reading in readings for name, error in reading.failures.items()}
    return Reading(RemoteState(listings, facts), failures)


async def _read_one(workspace: Workspace, name: str) -> Reading:
    try:
        async with workspace.connect([name]) as opened:
            return await read_each(opened, workspace.facts)
    except (RegistryError, InputError) as error:  # it cannot be opened: its credential has no value, for example
        return Reading(RemoteState({}, {}), {name: error})


def kinds_of(entries: Sequence[RegistryEntry], names: Iterable[str]) -> frozenset[tuple[str, str]]:
    """The kinds of these names, each as `(registry, kind)`: `Model`, `Adapter` or, of one driver, `latticeflow/Adapter`.

    `Model` is also what a portable Model becomes. Raises UsageError for a kind that none of the registries has.
    """
    known: dict[str, set[tuple[str, str]]] = {}
    for entry in entries:
        known.setdefault(PORTABLE, set()).add((entry.name, entry.portable.name))
        for kind in entry.driver.kinds:
            for name in (kind, f"{entry.driver.name}/{kind}"):
                known.setdefault(name, set()).add((entry.name, kind))
    wanted = list(names)
    for name in wanted:
        if name not in known:
            raise UsageError(f"no registry here has a kind {name!r}", hint=_kinds_hint(name, known))
    return frozenset(pair for name in wanted for pair in known[name])


def _kinds_hint(name: str, known: Collection[str]) -> str:
    close = nearest(name, known)
    if close:
        return f"did you mean {close!r}?"
    plain = ", ".join(sorted(one for one in known if "/" not in one))
    return f"there is: {plain}" if plain else "reconciler.yaml has no registry"


def only_kinds(remote: RemoteState, kinds: Collection[tuple[str, str]]) -> RemoteState:
    """The part of the state that is of these kinds, with what cannot be read and may be of one."""
    listings = {
        name: Listing(
            tuple(one for one in listing.resources if (name, one.address.kind) in kinds),
            tuple(row for row in listing.unreadable if row.kind is None or (name, row.kind) in kinds),
        )
        for name, listing in remote.listings.items()
    }
    return remote._replace(listings=listings)


def stored_objects(workspace: Workspace, remote: RemoteState, desired: DesiredState) -> tuple[StoredObject, ...]:
    """The objects that could be read, sorted by address."""
    declared = {item.address: item for item in desired.resources if not item.absent}
    found = sorted(remote.resources(), key=lambda resource: resource.address)
    return tuple(
        _stored_object(resource, workspace.entries[resource.address.registry], declared.get(resource.address))
        for resource in found
    )


def _stored_object(resource: Resource, entry: RegistryEntry, declared: Desired | None) -> StoredObject:
    facts = native_facts(resource.address.key, resource.address.kind, resource.spec, entry.driver)
    labels = facts.labels if isinstance(facts.labels, Mapping) else {}
    held = {name: value for name, value in labels.items() if isinstance(value, str)}
    tags = facts.tags if isinstance(facts.tags, list | tuple) else ()
    return StoredObject(
        resource,
        facts,
        tuple(tag for tag in tags if isinstance(tag, str)),
        held or (dict(declared.labels) if declared is not None else {}),
        protection(resource, declared) is not None,
    )
