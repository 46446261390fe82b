"""Match desired objects with what a registry holds under other names, or has ready. Pure.

Where a name is made of other fields (`virtual-model/openai/gpt-4o`), it changes when these do: the object of the old name is
found again by the manifest's key in its mark, and is neither forgotten nor created twice. A platform may also have objects
ready that it does not hold yet (AI GO!: the adapters of its providers): they are created with what names them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from reconciler.core.resource import Address, Desired, DesiredState, RemoteState
from reconciler.planner.ownership import Ownership, ownership_of


def match_by_mark(desired: DesiredState, remote: RemoteState) -> DesiredState:
    """Add to each desired object the other names under which the registry holds it already."""
    marked: dict[tuple[str, str, str], list[Address]] = defaultdict(list)
    for name, listing in remote.listings.items():
        facts = remote.registries[name]
        kinds = {kind.name for kind in facts.kinds.values() if kind.found_by_mark}
        for resource in listing.resources if kinds else ():
            address, mark = resource.address, resource.mark
            ours = mark is not None and address.kind in kinds and ownership_of(resource, facts) is Ownership.OURS
            if mark is not None and ours and address not in desired.declared:
                marked[name, address.kind, mark.key].append(address)
    if not marked:
        return desired
    return replace(desired, resources=tuple(_known(item, marked) for item in desired.resources))


def _known(item: Desired, marked: dict[tuple[str, str, str], list[Address]]) -> Desired:
    address = item.address
    found = {one for key in item.manifest_keys for one in marked.get((address.registry, address.kind, key), [])}
    matched = tuple(sorted(found - {address, *item.previous}))
    return replace(item, matched=matched, previous=(*item.previous, *matched)) if matched else item


def add_builtins(desired: DesiredState, remote: RemoteState) -> DesiredState:
    """Add to the desired state each built-in object that something desired refers to and that neither manifests nor registry have."""
    available = {one.address: one for listing in remote.listings.values() for one in listing.available}
    if not available:
        return desired
    there = {resource.address for resource in remote.resources()}
    named = {target for item in desired.resources if not item.absent for target in item.references.values()}
    missing = sorted((named & available.keys()) - there - desired.declared)
    if not missing:
        return desired
    items = (*desired.resources, *(Desired(available[address], address.key) for address in missing))
    ordered = tuple(sorted(items, key=lambda item: item.address))
    return replace(desired, resources=ordered, declared=desired.declared | set(missing))
