"""What a manifest compiles to, as plain JSON data for the cache, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from reconciler.core.resource import Address, Desired, Resource, Source
from reconciler.core.schema.findings import Finding

Items: TypeAlias = tuple[Desired | Finding, ...]

# Of a resource, what a manifest says. The rest is a registry's, and empty here: an item with any of it is not kept.
RESOURCE_FIELDS: Final = ("address", "spec", "source", "parent", "unmanaged")
DESIRED_FIELDS: Final = (
    *("resource", "key", "absent", "protected", "previous", "ignore", "secrets", "references", "labels"),
    *("prerequisites", "origins"),
)


def plain(items: Items, source: Source) -> list[Any] | None:
    """The items of a manifest that stands at `source`, or None where one says what the cache has no room for."""
    written: list[Any] = []
    for item in items:
        if isinstance(item, Finding):
            written.append({"finding": list(item)})
            continue
        resource = item.resource
        only = Resource(
            resource.address, resource.spec, source=source, parent=resource.parent, unmanaged=resource.unmanaged
        )
        if resource != only or resource.server_facts or item.matched:
            return None
        written.append(
            [
                *(resource.address, resource.spec, resource.parent, resource.unmanaged, item.key, item.absent),
                *(item.protected, item.previous, item.ignore, item.secrets, item.references, item.labels),
                *(item.prerequisites, item.origins),
            ]
        )
    return written


def items_of(written: list[Any], file: str, line: int) -> Items:
    """The items of a manifest, as `plain` wrote them, with the place where it stands."""
    source = Source(file, line)
    return tuple(
        Finding._make(item["finding"]) if isinstance(item, Mapping) else _desired(item, source) for item in written
    )


def _desired(item: list[Any], source: Source) -> Desired:
    address, spec, parent, unmanaged, key, absent, *more = item
    protected, previous, ignore, secrets, references, labels, prerequisites, origins = more
    resource = Resource(
        Address(*address),
        spec,
        source=source,
        parent=None if parent is None else Address(*parent),
        unmanaged=unmanaged,
    )
    return Desired(
        resource,
        key,
        absent,
        protected,
        _addresses(previous),
        tuple(ignore),
        secrets,
        {pointer: Address(*target) for pointer, target in references.items()},
        labels,
        _addresses(prerequisites),
        origins=origins,
    )


def _addresses(written: list[list[str]]) -> tuple[Address, ...]:
    return tuple(Address(*address) for address in written)
