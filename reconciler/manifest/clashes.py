"""Checks across manifests: two documents of one address, and old keys that are declared or claimed twice. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from reconciler.core import pointer as json_pointer
from reconciler.core.model import Model
from reconciler.core.resource import Address, Desired, Source
from reconciler.core.schema.findings import Finding
from reconciler.manifest.manifests import Manifest

DUPLICATE: Final = "duplicate-address"


def duplicates(address: Address, first: Manifest, second: Manifest) -> list[tuple[Manifest, Finding]]:
    """The clash of two documents of one address, reported at both."""

    def finding(manifest: Manifest, other: Source) -> Finding:
        message = f"{address} is declared twice: also in {other.file}:{other.line}"
        return Finding(DUPLICATE, message, key_pointer(manifest.model, address.registry))

    return [(first, finding(first, second.source)), (second, finding(second, first.source))]


def key_pointer(model: Model | None, registry: str) -> str:
    """The pointer of what gives the object its key in a registry."""
    override = (model.registries or {}).get(registry) if model is not None else None
    return json_pointer.join(("registries", registry, "key")) if override is not None and override.key else "/key"


def clashing_old_keys(
    items: Iterable[Desired], owners: Mapping[Address, Manifest]
) -> Iterator[tuple[Manifest, Finding]]:
    """Find old keys that another document declares, and those that two documents claim."""
    claims: dict[Address, Manifest] = {}
    for item in items:
        mine = owners[item.address]
        for old in item.previous:
            if (other := owners.get(old)) is not None:
                message = f"{old.key!r} is still declared, by {_by(other, mine)}: it cannot be an old key"
                yield mine, Finding("previous-key-declared", message, _old_key_pointer(mine, old.key))
            first = claims.setdefault(old, mine)
            if first is not mine:
                yield from (_claimed(old.key, first, mine), _claimed(old.key, mine, first))


def _claimed(key: str, mine: Manifest, other: Manifest) -> tuple[Manifest, Finding]:
    message = (
        f"{key!r} is an old key of two manifests: it is also in {_by(other, mine)}, and only one can be renamed from it"
    )
    return mine, Finding("previous-key-claimed", message, _old_key_pointer(mine, key))


def _old_key_pointer(manifest: Manifest, key: str) -> str:
    common = manifest.native.common if manifest.native is not None else manifest.model
    old_keys = (common.previous_keys if common is not None else None) or []
    return f"/previous_keys/{old_keys.index(key)}"


def _by(other: Manifest, mine: Manifest) -> str:
    return "this manifest" if other is mine else f"{other.source.file}:{other.source.line}"


def own_old_keys(model: Model, items: list[Desired]) -> Iterator[Finding]:
    """The old keys that are still the model's own key in every registry it goes to: then there is nothing to rename."""
    keys = {item.address.key for item in items}
    for index, old in enumerate(model.previous_keys or ()):
        if keys == {old}:
            message = f"{old!r} is still declared, by this manifest: it cannot be an old key"
            yield Finding("previous-key-declared", message, f"/previous_keys/{index}")
