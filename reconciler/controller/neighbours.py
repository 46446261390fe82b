"""The other Registry objects that may lead to the place of one: nothing that is declared for them, or theirs, is pruned from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from reconciler.controller.cluster import Cluster, ClusterError
from reconciler.controller.cluster_secrets import ClusterSecrets
from reconciler.controller.copies import Copies
from reconciler.controller.desired import Composer, Placed, place_of_facts, registry_settings
from reconciler.controller.planned import Planned
from reconciler.controller.registry_object import RegistryObject
from reconciler.core.errors import ConfigError, RegistryError, SecretError
from reconciler.core.resource import Address, Listing, RegistryFacts
from reconciler.planner.ownership import owns_overlap
from reconciler.planner.same_place import Pruned, TwoPlaces, pruned, stored_of
from reconciler.registry.reading import read_all


class Claim(NamedTuple):
    """Objects that are left, since they may be another Registry object's too, and why in words."""

    addresses: tuple[Address, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The Registry objects beside `registry`, whose own facts these are. `cluster_id` is the uid of the namespace kube-system."""

    registry: RegistryObject
    facts: RegistryFacts
    cluster: Cluster
    copies: Copies
    composer: Composer
    cluster_id: str

    def rivals(self) -> Iterator[str]:
        """Say which Registry objects of other namespaces have the same place, and what looks like ours: nothing can be pruned."""
        for other, facts in self._others():
            if other.key.namespace == self.registry.key.namespace or not self._is_here(facts):
                continue
            if other.owner == self.registry.owner:
                yield f"the Registry {other.key} has the same owner and place"
            elif self._has_unmarked_kinds and owns_overlap(self.registry.owns, other.owns):
                yield (
                    f"the Registry {other.key} has the same place as {self.registry.key}, and their `owns` overlap: what has no room for a mark "
                    "would be pruned by each from the other; let their `owns` have nothing in common"
                )

    async def claims(self, planned: Planned, moved: Mapping[Address, frozenset[str]]) -> tuple[Claim, ...]:
        """Tell which objects that would be deleted are declared for another Registry object, whose place may be this one.

        Those that nobody declares here any more, for any other; and those that `moved`, for where they go now (the names of
        Registry objects of this namespace).
        """
        vanished = list(pruned(planned.plan.changes, planned.remote))
        left = list(stored_of(moved, planned.remote))
        names = frozenset[str]().union(*moved.values())
        there = (
            one
            for one in self._others()
            if one[0].key.namespace == self.registry.key.namespace and one[0].key.name in names
        )
        here = planned.remote.listings[self.registry.key.name]
        found = [one async for one in self._claims(vanished, here, self._others())]
        return (*found, *[one async for one in self._claims(left, here, there)])

    async def _claims(
        self, going: list[Pruned], here: Listing, others: Iterable[tuple[RegistryObject, RegistryFacts | None]]
    ) -> AsyncIterator[Claim]:
        for other, facts in others if going else ():
            concerned = [one for one in going if not one.marked or other.owner == self.registry.owner]
            members = self.copies.members(other.key) if concerned else []
            placed = [one for one in self.composer.placed(other, members) if one.stays]
            names = _declared(placed, other)
            claimed = [one.address for one in concerned if not one.names.isdisjoint(names)]
            if not claimed:
                continue
            there = None if self._is_here(facts) else await self._read(other)
            places = None if there is None else TwoPlaces(here, there, self.facts.kinds)
            kept = tuple(one for one in claimed if places is None or places.may_be_one(one))
            if kept:
                yield Claim(
                    kept,
                    f"the Registry {other.key} may lead to the same place under another name, and {kept[0]}, which would be deleted, is declared "
                    "for it: keep one of them, or, where they are two places, delete that object in the registry by hand",
                )

    def _others(self) -> Iterator[tuple[RegistryObject, RegistryFacts | None]]:
        """The other Registry objects of the driver, each with its facts where its settings are right."""
        for key in self.copies.registry_keys():
            item = self.copies.registry(key)
            if item is None or key == self.registry.key:
                continue
            other = RegistryObject.of(item, self.cluster_id)
            if other.driver == self.registry.driver:
                yield other, self.composer.facts_of(item)

    def _is_here(self, facts: RegistryFacts | None) -> bool:
        return facts is not None and place_of_facts(facts) == place_of_facts(self.facts)

    @property
    def _has_unmarked_kinds(self) -> bool:
        return any(kind.deletable and not kind.markable for kind in self.facts.kinds.values())

    async def _read(self, other: RegistryObject) -> Listing | None:
        """What another registry holds by now; None where it cannot be read."""
        try:
            secrets = ClusterSecrets(self.cluster, other.key.namespace)
            _, credentials = registry_settings(other)
            await secrets.fetch(one.name for one in credentials)
            workspace = self.composer.workspace(other, secrets, ())
            async with workspace.connect() as opened:
                return (await read_all(opened, workspace.facts)).listings[other.key.name]
        except (RegistryError, SecretError, ConfigError, ClusterError):
            return None


def _declared(placed: Iterable[Placed], registry: RegistryObject) -> set[str]:
    """The keys, in the manifests and in the registry, of what is declared, right or wrong, and those it had before."""
    found: set[str] = set()
    for one in (each.document for each in placed):
        override = (one.data.get("registries") or {}).get(registry.key.name) or {}
        found |= {str(one.data["key"]), str(override.get("key") or one.data["key"])}
        found.update(map(str, one.data.get("previous_keys") or ()))
    return found
