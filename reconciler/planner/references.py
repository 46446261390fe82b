"""References to what does not exist. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core import pointer as json_pointer
from reconciler.core.resource import Address, Desired, DesiredState, RemoteState
from reconciler.core.rules import Ref
from reconciler.core.spec import external_references_in


def dangling(state: DesiredState, remote: RemoteState) -> list[tuple[Desired, str, Address]]:
    """`(object, pointer, target)` of each reference to an object that neither the manifests nor the registry have, and that nobody offers."""
    known = state.declared | remote.known()
    going = {item.address for item in state.resources if item.absent}
    lost = [found for found in external(state, remote) if found[2] in remote.missing] if remote.missing else []
    return lost + [
        (item, pointer, target)
        for item in state.resources
        if item.address.registry in remote.listings and not item.absent
        for pointer, target in (*item.references.items(), *(("", home) for home in item.prerequisites))
        if _must_exist(item, pointer, remote) and (target in going or target not in known)
    ]


def external(state: DesiredState, remote: RemoteState) -> Iterator[tuple[Desired, str, Address]]:
    """`(object, pointer, target)` of each reference to an object that no manifest declares, in the registries that were read."""
    for item in state.resources:
        registry = item.address.registry
        if registry in remote.listings and not item.absent:
            root = remote.registries[registry].kinds[item.address.kind].root
            for pointer, kind, key in external_references_in(item.resource.spec, root):
                yield item, pointer, Address(registry, kind, key)


def _must_exist(item: Desired, pointer: str, remote: RemoteState) -> bool:
    node = remote.registries[item.address.registry].kinds[item.address.kind].root.find(json_pointer.split(pointer))
    rule = node.rule(Ref) if node is not None else None
    return rule is None or rule.must_exist
