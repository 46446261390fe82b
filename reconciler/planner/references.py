"""References to what does not exist. Pure."""

from __future__ import annotations

from reconciler.core import pointer as json_pointer
from reconciler.core.resource import Address, Desired, DesiredState, RemoteState
from reconciler.core.rules import Ref


def dangling(state: DesiredState, remote: RemoteState) -> list[tuple[Desired, str, Address]]:
    """`(object, pointer, target)` of each reference to an object that neither the manifests nor the registry have, and that nobody offers."""
    known = state.declared | remote.known()
    going = {item.address for item in state.resources if item.absent}
    return [
        (item, pointer, target)
        for item in state.resources
        if item.address.registry in remote.listings and not item.absent
        for pointer, target in (*item.references.items(), *(("", home) for home in item.prerequisites))
        if _must_exist(item, pointer, remote) and (target in going or target not in known)
    ]


def _must_exist(item: Desired, pointer: str, remote: RemoteState) -> bool:
    node = remote.registries[item.address.registry].kinds[item.address.kind].root.find(json_pointer.split(pointer))
    rule = node.rule(Ref) if node is not None else None
    return rule is None or rule.must_exist
