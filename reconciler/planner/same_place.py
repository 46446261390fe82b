"""Registries of different names that turn out to be one place, told by the objects that both hold. Pure.

Two spellings of one server (a name and its address, a trailing dot, an alias in a gateway) look like two registries: what
the first declares would be pruned from the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from reconciler.core.resource import RemoteState
from reconciler.core.spec import canonical_json

MIN_ID_LENGTH: Final = 8  # shorter ids are counters, which two places may well have in common


def same_places(remote: RemoteState) -> Iterator[tuple[str, str]]:
    """The pairs of registries, of one driver, that hold the same object: one kind, one native id, one mark."""
    objects = {name: _objects(remote, name) for name in sorted(remote.listings)}
    for first, second in combinations(objects, 2):
        drivers = [remote.registries[name].identity.get("driver") for name in (first, second)]
        if drivers[0] == drivers[1] and not objects[first].isdisjoint(objects[second]):
            yield first, second


def _objects(remote: RemoteState, name: str) -> frozenset[tuple[str, str, str]]:
    return frozenset(
        (one.address.kind, one.id, canonical_json(one.mark.to_json()) if one.mark is not None else "")
        for one in remote.listings[name].resources
        if one.id is not None and len(one.id) >= MIN_ID_LENGTH
    )
