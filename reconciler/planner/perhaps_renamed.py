"""Renames that no manifest declares: an object that is left over, and a new one that is the same but for its key. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Final

from reconciler.core.errors import Problem
from reconciler.core.resource import Address, Desired, Resource
from reconciler.planner.diff import difference
from reconciler.planner.index import RegistryIndex
from reconciler.planner.plan import Change

_MOST_COMPARED: Final = 10_000  # pairs; who changes that much at once is not helped by a hint


def perhaps_renamed(
    changes: Iterable[Change], orphans: Iterable[Address], indexes: Mapping[str, RegistryIndex]
) -> Iterator[Problem]:
    """Warn where a new object has the content of one that is no longer declared: deleting that one would be the wrong way."""
    pruned = [one.address for one in changes if one.prunes and one.parent is None]
    left = [*orphans, *pruned]
    new = [one for one in changes if (one.action, one.reason, one.parent) == ("create", "new", None)]
    if len(left) * len(new) > _MOST_COMPARED:
        return
    pairs = [
        (change.desired, old)
        for change, address in product(new, left)
        if change.desired is not None
        and (old := _same_content(change.desired, address, indexes[address.registry])) is not None
    ]
    alike = Counter(address for item, old in pairs for address in (item.address, old.address))
    for item, old in pairs:
        source = item.resource.source
        if alike[item.address] == alike[old.address] == 1 and source is not None:
            message = f"{old.address} is no longer declared, and {item.address} is new and the same: if it was renamed, `previous_keys: [{old.manifest_key}]` keeps it"
            yield Problem(source.file, source.line, 1, "perhaps-renamed", message, severity="warning")


def _same_content(item: Desired, address: Address, index: RegistryIndex) -> Resource | None:
    """The stored object of that address, where it is of the kind and holds what `item` says, secrets aside."""
    if (address.registry, address.kind) != (item.address.registry, item.address.kind) or item.previous:
        return None
    stored = index.stored[address][0]
    fields = difference(item, stored, index.kind(address), {}).fields
    return None if any(not field.sensitive for field in fields) else stored
