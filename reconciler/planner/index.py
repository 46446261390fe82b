"""An index of one registry's listing: objects by address, references both ways, unreadable rows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.core.kind import Kind
from reconciler.core.resource import Address, DesiredState, Listing, RegistryFacts, Resource, Unreadable
from reconciler.core.rules import Ref
from reconciler.core.spec import references_in


def identity(facts: RegistryFacts) -> dict[str, str]:
    """The identity of a registry in a saved plan: its place, and the owner on whose behalf it is written."""
    return {**facts.identity, "owner": facts.owner or ""}


@dataclass(frozen=True, slots=True)
class RegistryIndex:
    """An index of one registry. `stored` has every object by address: more than one is a conflict.

    `unreadable` are rows whose address is known; `without_key` those that may be any object. `derived` are the derived
    resources that each model is to have; `referrers` the objects that refer to each. `inhabited` are the objects inside which a manifest declares another, each with one of those;
    `synonyms` the addresses under which something may refer to an object beside its own; `declared` are those of the manifests that want an object.
    """

    facts: RegistryFacts
    stored: Mapping[Address, tuple[Resource, ...]]
    unreadable: Mapping[Address, Unreadable]
    without_key: tuple[Unreadable, ...]
    derived: Mapping[Address, tuple[Address, ...]] = field(default_factory=dict)
    referrers: Mapping[Address, tuple[Address, ...]] = field(default_factory=dict)
    inhabited: Mapping[Address, Address] = field(default_factory=dict)
    synonyms: Mapping[Address, Address] = field(default_factory=dict)
    declared: frozenset[Address] = frozenset()

    @classmethod
    def of(cls, facts: RegistryFacts, listing: Listing, desired: DesiredState) -> RegistryIndex:
        stored: dict[Address, tuple[Resource, ...]] = {}
        for resource in listing.resources:
            stored[resource.address] = (*stored.get(resource.address, ()), resource)
        unreadable: dict[Address, Unreadable] = {}
        for row in sorted(listing.unreadable, key=lambda row: row.message, reverse=True):
            if row.key is not None:
                kinds = [row.kind] if row.kind is not None else facts.kinds
                unreadable |= {Address(facts.name, kind, row.key): row for kind in kinds}
        derived: dict[Address, tuple[Address, ...]] = {}
        for item in desired.resources:
            parent = item.resource.parent
            if parent is not None and not item.absent:
                derived[parent] = (*derived.get(parent, ()), item.address)
        without_key = tuple(sorted((row for row in listing.unreadable if row.key is None), key=lambda row: row.message))
        declared = desired.declared - {item.address for item in desired.resources if item.absent}
        synonyms = {one.address._replace(key=key): one.address for one in listing.resources for key in one.other_keys}
        return cls(
            facts,
            stored,
            unreadable,
            without_key,
            derived,
            _referrers(facts, listing, synonyms),
            _inhabited(facts, declared),
            synonyms,
            declared,
        )

    def resources(self) -> Iterator[Resource]:
        for resources in self.stored.values():
            yield from resources

    def find(self, address: Address) -> tuple[Resource, ...]:
        return self.stored.get(address, ())

    def kind(self, address: Address) -> Kind:
        return self.facts.kinds[address.kind]

    def references(self, resource: Resource) -> list[Address]:
        """The objects that a stored object refers to."""
        return [target for _, target in self.references_by_pointer(resource)]

    def references_by_pointer(self, resource: Resource) -> list[tuple[str, Address]]:
        """The references of a stored object, each with the pointer of its field."""
        return [(pointer, self.known_as(target)) for pointer, target in _references(resource, self.facts)]

    def is_known(self, target: Address) -> bool:
        """True for what the registry has, readable or not, and for what the manifests have."""
        return any(target in known for known in (self.stored, self.synonyms, self.unreadable, self.declared))

    def known_as(self, target: Address) -> Address:
        """The address of the object that something refers to as `target`."""
        return self.synonyms.get(target, target)


def _references(resource: Resource, facts: RegistryFacts) -> list[tuple[str, Address]]:
    found = references_in(resource.spec, facts.kinds[resource.address.kind].root, resource.address.key)
    return [(pointer, Address(facts.name, kind, key)) for pointer, kind, key in found]


def _inhabited(facts: RegistryFacts, declared: frozenset[Address]) -> dict[Address, Address]:
    """Map each object inside which others are declared to the first of them."""
    found: dict[Address, Address] = {}
    inner = {name: kind for name, kind in facts.kinds.items() if kind.within}  # of most registries none
    for address in sorted(one for one in declared if inner and one.registry == facts.name and one.kind in inner):
        within = inner[address.kind].holder_of(address.key)
        if within is not None:
            found.setdefault(Address(facts.name, *within), address)
    return found


def _referrers(
    facts: RegistryFacts, listing: Listing, synonyms: Mapping[Address, Address]
) -> dict[Address, tuple[Address, ...]]:
    """Map each object to those that refer to it, looked up only where a kind has references at all."""
    referring = {name for name, kind in facts.kinds.items() if any(node.rule(Ref) for _, node in kind.root.walk())}
    found: dict[Address, tuple[Address, ...]] = {}
    for resource in listing.resources:
        if resource.address.kind in referring:
            for _, target in _references(resource, facts):
                known = synonyms.get(target, target)
                found[known] = (*found.get(known, ()), resource.address)
    return found


def without_key(rows: tuple[Unreadable, ...]) -> str:
    """Say that a registry holds rows that cannot be told apart from any object."""
    return f"the registry holds something that cannot be read and may be anything: {rows[0].message}"
