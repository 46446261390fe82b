"""Objects that are found again by the key in their mark, where a registry's names have a form of their own. Pure.

Such a name is made of other fields (`virtual-model/openai/gpt-4o`): when these change, so does the name. The object of the old name is
the same all the same, and must be neither forgotten nor created twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from reconciler.core.resource import Address, Desired, DesiredState, RemoteState
from reconciler.planner.ownership import Standing, standing


def with_former(desired: DesiredState, remote: RemoteState) -> DesiredState:
    """The desired state, in which each object knows the names under which the registry holds it already."""
    marked: dict[tuple[str, str, str], list[Address]] = defaultdict(list)
    for name, listing in remote.listings.items():
        facts = remote.registries[name]
        kinds = {kind.name for kind in facts.kinds.values() if kind.found_by_mark}
        for resource in listing.resources if kinds else ():
            address, mark = resource.address, resource.mark
            ours = mark is not None and address.kind in kinds and standing(resource, facts) is Standing.OURS
            if mark is not None and ours and address not in desired.declared:
                marked[name, address.kind, mark.key].append(address)
    if not marked:
        return desired
    return replace(desired, resources=tuple(_known(item, marked) for item in desired.resources))


def _known(item: Desired, marked: dict[tuple[str, str, str], list[Address]]) -> Desired:
    address = item.address
    keys = (item.key, *(old.key for old in item.previous))
    found = {one for key in keys for one in marked.get((address.registry, address.kind, key), [])}
    former = tuple(sorted(found - {address, *item.previous}))
    return replace(item, former=former, previous=(*item.previous, *former)) if former else item
