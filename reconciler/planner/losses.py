"""What a write would take from an object that no manifest speaks of, and that the registry cannot be sent again. Pure.

Unmanaged members are sent back as they were read. That cannot be done where a registry does not take them, where it shows them as a mask
only, and where a list changed so much that nobody can tell which item is which. Such a write is done only with consent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from reconciler.core import pointer as json_pointer
from reconciler.core.kind import Kind
from reconciler.core.resource import Resource
from reconciler.core.unmanaged import fit, pointers_in
from reconciler.planner.index import RegistryIndex
from reconciler.planner.plan import Change


def with_losses(changes: list[Change], indexes: Mapping[str, RegistryIndex]) -> list[Change]:
    """The changes, each with the pointers of the unmanaged members that it would lose."""
    return [_with_losses(change, indexes[change.address.registry]) for change in changes]


def _with_losses(change: Change, index: RegistryIndex) -> Change:
    stored = index.find(change.previous or change.address)
    lost = losses(change, stored[0], index.kind(change.address)) if len(stored) == 1 else ()
    return replace(change, unmanaged=lost) if lost else change


def losses(change: Change, current: Resource, kind: Kind) -> tuple[str, ...]:
    """The pointers of what a change would lose of `current`, the object that it writes over or takes the place of."""
    if not current.unmanaged or change.desired is None or change.action not in ("update", "rename", "replace"):
        return ()
    if kind.takes_unmanaged:
        lost = fit(current.unmanaged, current.spec, _after(change, current), kind.shape).lost
    else:
        lost = tuple(pointers_in(current.unmanaged, current.spec))
    if kind.partial_update and change.action == "update":
        written = set(_written(change))
        lost = tuple(pointer for pointer in lost if json_pointer.split(pointer)[0] in written)
    return tuple(sorted(lost))


def _after(change: Change, current: Resource) -> object:
    """The spec that is to be: the manifest's, and the registry's own values where they are managed elsewhere."""
    item = change.desired
    spec: object = item.resource.spec if item is not None else current.spec
    left = (*(item.ignore if item is not None else ()), *(change.replaces if change.action == "update" else ()))
    for pointer in left:
        value = json_pointer.get(current.spec, pointer)
        spec = (
            json_pointer.remove(spec, pointer)
            if value is json_pointer.MISSING
            else json_pointer.put(spec, pointer, value)
        )
    return spec


def _written(change: Change) -> Iterator[str]:
    """The members of the object that an update with only what changed sends."""
    for found in change.fields:
        if found.path:
            yield json_pointer.split(found.path)[0]
