"""Prune: the objects that are ours and that no manifest declares, and the derived resources that go with their model. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from reconciler.core.errors import Problem
from reconciler.core.resource import Address, Desired, DesiredState, Resource
from reconciler.planner.blocking import taken
from reconciler.planner.deletable import deletion
from reconciler.planner.index import RegistryIndex
from reconciler.planner.moving import Moving
from reconciler.planner.ownership import Ownership, foreign_user, ownership_of, prunable
from reconciler.planner.plan import Change, Consents


def removals(
    desired: DesiredState,
    indexes: Mapping[str, RegistryIndex],
    consents: Consents,
    changes: list[Change],
    declared_elsewhere: frozenset[Address],
    moving: Moving,
) -> tuple[list[Change], list[Address], list[Problem]]:
    """Find what is ours and no longer declared: deletes with --prune, orphans without, and warnings of what prune never sees."""
    deletes: list[Change] = []
    orphans: list[Address] = []
    problems: list[Problem] = []
    if not desired.complete:
        return deletes, orphans, problems
    kept = {
        *desired.declared,
        *declared_elsewhere,
        *taken(changes),
        *_awaiting_rename(desired, indexes, changes),
    }
    left = {old for item in desired.resources for old in item.previous if old not in item.matched}
    speaks = desired.documents and not desired.silent_sources  # else a guard says why nothing is pruned
    for index in indexes.values():
        for address, stored in index.stored.items():
            if (
                address in kept
                or not index.kind(address).deletable
                or not any(_ours(resource, index, desired) for resource in stored)
            ):
                continue
            owned = index.facts.owner or index.facts.owns
            if consents.prune and speaks and owned and address not in left:
                keys = _keys(stored[0], index)
                waits = moving.waits(address, keys)
                if waits is None:
                    deletes.append(moving.after(deletion(stored[0], index, "removed"), keys))
                elif stored[0].parent is None:  # what stands beside it stays with it
                    problems.append(waits)
            elif _alone(stored[0], index, desired):
                orphans.append(address)  # what stands beside an orphan goes with it
        if consents.prune:
            problems.extend(_never_pruned(index))
    return deletes, orphans, problems


def _keys(resource: Resource, index: RegistryIndex) -> frozenset[str]:
    """The keys of the manifests that an object came from: its own, and that of the model that it stands beside."""
    beside = index.find(resource.parent) if resource.parent is not None else ()
    return frozenset(one.manifest_key for one in (resource, *beside))


def _awaiting_rename(
    desired: DesiredState, indexes: Mapping[str, RegistryIndex], changes: list[Change]
) -> Iterator[Address]:
    """The old names of objects whose new name is not there, or is not ours to write: what is held back keeps its old object."""
    refused = {change.address for change in changes if change.action in ("conflict", "blocked")}
    for item in desired.resources:
        if not item.previous:
            continue
        index = indexes.get(item.address.registry)
        if item.address in refused or index is None or not index.find(item.address):
            yield from item.previous


def _alone(resource: Resource, index: RegistryIndex, desired: DesiredState) -> bool:
    """True for an orphan by itself: one that does not go with the model it was derived from."""
    return resource.parent is None or resource.parent in desired.declared or not index.find(resource.parent)


def _ours(resource: Resource, index: RegistryIndex, desired: DesiredState) -> bool:
    """True for what prune may delete: ours, or derived from a model that we declare and that has no more use for it."""
    marked = index.kind(resource.address).markable
    if not prunable(resource, index.facts) and (marked or resource.parent not in desired.declared):
        return False
    return marked or foreign_user(resource, index, index.facts) is None


def derived_deletes(
    changes: list[Change],
    desired: DesiredState,
    indexes: Mapping[str, RegistryIndex],
    protected: Mapping[Address, Desired],
) -> Iterator[Change]:
    """Delete the derived resources of models that go, also where there is no room for a mark: they are ours by name."""
    causes = _causes(changes, desired, indexes)
    kept = {*desired.declared, *taken(changes)}
    for index in indexes.values():
        for address, stored in index.stored.items():
            parent = stored[0].parent
            if (
                parent in causes
                and address not in kept
                and ownership_of(stored[0], index.facts) is not Ownership.FOREIGN
            ):
                cause, reason = causes[parent]
                change = deletion(stored[0], index, reason, protected.get(address))
                yield replace(change, depends_on=tuple(sorted({*change.depends_on, cause} - {address})))


def _causes(
    changes: list[Change], desired: DesiredState, indexes: Mapping[str, RegistryIndex]
) -> dict[Address | None, tuple[Address, str]]:
    """Map each model that goes or went to what must be done first and why. What an earlier run did not finish counts too."""
    causes: dict[Address | None, tuple[Address, str]] = {}
    refused = {change.address for change in changes if change.action in ("conflict", "blocked")}
    for item in desired.resources:
        if not item.absent and not item.previous:
            continue
        index = indexes.get(item.address.registry)
        if index is None or item.address in refused:
            continue
        if item.absent and not index.find(item.address):
            causes[item.address] = (item.address, "absent")
        causes |= {old: (item.address, "renamed") for old in item.previous if not index.find(old)}
    for change in changes:
        if change.action == "delete" and change.parent is not None:
            causes.setdefault(change.parent, (change.address, change.reason))
    for change in changes:
        renamed = change.action in ("rename", "replace") and change.previous is not None
        if renamed or (change.action == "delete" and change.parent is None):
            causes[change.previous or change.address] = (change.address, change.reason)
    return causes


def _never_pruned(index: RegistryIndex) -> Iterator[Problem]:
    """Kinds without room for a mark, in a registry without `owns`: nothing of them is ever pruned, and we say so."""
    for name, kind in sorted(index.facts.kinds.items()):
        if (
            not kind.markable
            and kind.deletable
            and not index.facts.owns
            and any(resource.address.kind == name and resource.parent is None for resource in index.resources())
        ):
            message = f"{index.facts.name}: {name} has no room for a mark, so none is pruned but what a declared model had beside it; say which are ours with `owns`"
            yield Problem("reconciler.yaml", 1, 1, "never-pruned", message, severity="warning")
