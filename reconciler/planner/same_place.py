"""Registries of different names that may be one place, told by the objects that both hold. Pure.

Two spellings of one server (a name and its address, a trailing dot, an alias in a gateway) look like two registries: what is declared for
the first would be pruned from the second. So what is to be pruned, and is declared for another registry, is looked for there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from reconciler.core.kind import Kind
from reconciler.core.resource import Address, DesiredState, Listing, RegistryFacts, RemoteState, Resource
from reconciler.core.spec import canonical_json
from reconciler.planner.plan import Change

MIN_ID_LENGTH: Final = 8  # shorter ids are counters, which two places may well have in common


class Pruned(NamedTuple):
    """An object that would be pruned, or left for another registry. `names` are the keys by which a manifest may declare it; `marked` says that it bears a mark."""

    address: Address
    names: frozenset[str]
    marked: bool


class Rival(NamedTuple):
    """An object that would be pruned, and another registry for which it is declared. `read` says whether that one was read."""

    address: Address
    other: str
    read: bool


def pruned(changes: Iterable[Change], remote: RemoteState) -> Iterator[Pruned]:
    """What these changes delete since no manifest declares it."""
    return stored_of((change.address for change in changes if change.prunes), remote)


def stored_of(addresses: Iterable[Address], remote: RemoteState) -> Iterator[Pruned]:
    """What is stored at these addresses and would be deleted."""
    going = frozenset(addresses)
    stored: dict[Address, list[Resource]] = {}
    for one in remote.resources() if going else ():
        if one.address in going:
            stored.setdefault(one.address, []).append(one)
    for address, found in sorted(stored.items()):
        marks = {one.mark.key for one in found if one.mark is not None}
        models = {one.parent.key for one in found if one.parent is not None}
        yield Pruned(address, frozenset({address.key, *marks, *models}), bool(marks))


def rivals(
    changes: Iterable[Change], desired: DesiredState, remote: RemoteState, beside: RemoteState
) -> Iterator[Rival]:
    """For what is to be pruned, each other registry of the same driver for which it is declared, and that may be the same place.

    `beside` are the other registries of the project: the facts of all, and what those hold that were read.
    """
    facts, listings = {**beside.registries, **remote.registries}, {**beside.listings, **remote.listings}
    found = list(pruned(changes, remote))
    declared = _names(desired) if found else {}
    compared: dict[tuple[str, str], TwoPlaces] = {}
    for one in found:
        here = facts[one.address.registry]
        for other in sorted(name for name in facts if name != here.name and _driver(facts[name]) == _driver(here)):
            if one.names.isdisjoint(declared.get(other, ())):
                continue
            if other not in listings:
                yield Rival(one.address, other, read=False)
                continue
            pair = here.name, other
            if pair not in compared:
                compared[pair] = TwoPlaces(listings[here.name], listings[other], here.kinds)
            if compared[pair].may_be_one(one.address):
                yield Rival(one.address, other, read=True)


@dataclass(frozen=True)
class TwoPlaces:
    """What two registries of one driver hold, compared once for all objects that are asked for: are they one place?"""

    here: Listing
    there: Listing
    kinds: Mapping[str, Kind]

    def may_be_one(self, address: Address) -> bool:
        """False where it is certain that an object of the first listing is not in the place of the second."""
        missing = address[1:] not in self._theirs and not self.there.unreadable
        return not missing and self._may_be_alike

    @cached_property
    def _theirs(self) -> Mapping[tuple[str, ...], list[Resource]]:
        return _by_key(self.there)

    @cached_property
    def _may_be_alike(self) -> bool:
        """What tells objects of one key apart decides, for all that both hold: something moves meanwhile.

        Only where no object has that, what they hold is compared.
        """
        ours, theirs = _by_key(self.here), self._theirs
        both = [(ours[key], theirs[key], self.kinds.get(key[0])) for key in ours.keys() & theirs.keys()]
        told = [(_uids(first, kind), _uids(second, kind)) for first, second, kind in both if kind is not None]
        told = [(first, second) for first, second in told if first and second]
        pairs = told or [(_contents(first), _contents(second)) for first, second, _ in both]
        different = sum(first.isdisjoint(second) for first, second in pairs)
        return 2 * different <= len(pairs)


def _names(desired: DesiredState) -> dict[str, set[str]]:
    """The keys that are declared for each registry, and those that declared objects had before."""
    found: dict[str, set[str]] = {}
    for address in desired.declared - {item.address for item in desired.resources if item.absent}:
        found.setdefault(address.registry, set()).add(address.key)
    for item in desired.resources:
        if not item.absent:
            found.setdefault(item.address.registry, set()).update(item.manifest_keys)
    return found


def _driver(facts: RegistryFacts) -> str | None:
    return facts.identity.get("driver")


def _by_key(listing: Listing) -> dict[tuple[str, ...], list[Resource]]:
    """The objects of a listing by kind and key."""
    found: dict[tuple[str, ...], list[Resource]] = {}
    for one in listing.resources:
        found.setdefault(one.address[1:], []).append(one)
    return found


def _uids(objects: list[Resource], kind: Kind) -> frozenset[str]:
    """What no other object has, of any place, as far as the registry says so."""
    ids = (one.uid or (one.id if kind.unique_ids and len(one.id or "") >= MIN_ID_LENGTH else None) for one in objects)
    return frozenset(found for found in ids if found is not None)


def _contents(objects: list[Resource]) -> frozenset[str]:
    """All of what objects hold that is the same whoever reads it."""
    return frozenset(
        canonical_json(
            [one.spec, one.id, one.revision, one.updated_at, one.mark.to_json() if one.mark is not None else None]
        )
        for one in objects
    )
