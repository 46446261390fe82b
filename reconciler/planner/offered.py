"""What a registry's platform offers and a manifest names: it is created with what names it. Pure.

A registry may have objects ready that it does not hold yet (AI GO!: the adapters of its providers). Nobody has to declare them: the plan shows
that they are created, and they are nobody's afterwards.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.resource import Desired, DesiredState, RemoteState


def with_offered(desired: DesiredState, remote: RemoteState) -> DesiredState:
    """The desired state, and in it every offered object that something desired refers to and that neither manifests nor registry have."""
    offered = {one.address: one for listing in remote.listings.values() for one in listing.offered}
    if not offered:
        return desired
    there = {resource.address for resource in remote.resources()}
    named = {target for item in desired.resources if not item.absent for target in item.references.values()}
    missing = sorted((named & offered.keys()) - there - desired.declared)
    if not missing:
        return desired
    items = (*desired.resources, *(Desired(offered[address], address.key) for address in missing))
    ordered = tuple(sorted(items, key=lambda item: item.address))
    return replace(desired, resources=ordered, declared=desired.declared | set(missing))
