"""What moves to another registry: it is deleted in the old one once it is in sync in the new one, so that it is never nowhere. Pure.

Where both are in one plan, the delete depends on what is written. Where a plan leaves the new one out (`--registry OLD`), that is looked at,
and nothing is deleted while it does not hold what the manifest says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from reconciler.core.errors import Problem
from reconciler.core.resource import Address, Desired, DesiredState, RemoteState
from reconciler.planner.decide import DecisionPolicy, decide
from reconciler.planner.index import RegistryIndex
from reconciler.planner.matching import match_by_mark
from reconciler.planner.ownership import prunable
from reconciler.planner.plan import Change


@dataclass(frozen=True)
class Moving:
    """Where the manifests of a plan go, by their keys, and whether they are in sync there.

    `indexes` are the registries of the plan, `changes` what it changes in them; `beside` are the other registries, as far as they were read.
    """

    changes: Collection[Change]
    desired: DesiredState
    indexes: Mapping[str, RegistryIndex]
    beside: RemoteState
    policy: DecisionPolicy

    def after(self, change: Change, keys: frozenset[str]) -> Change:
        """The delete of an object with those manifest keys, after what the plan writes for them in another registry."""
        goals = {item.address for key in keys for item in self._arriving.get(key, ())}
        elsewhere = {one for one in goals if one.registry != change.address.registry}
        if not elsewhere:
            return change
        message = change.message or f"its manifest goes to {min(elsewhere)}: it is deleted here after that"
        return replace(change, depends_on=tuple(sorted({*change.depends_on, *elsewhere})), message=message)

    def waits(self, address: Address, keys: frozenset[str]) -> Problem | None:
        """Why an object with those manifest keys stays: the registry that it moves to is not in the plan, and not known to hold it.

        Of one of the same driver that cannot be read a guard tells, since it may be the same place (`same_place`).
        """
        driver = self.indexes[address.registry].facts.identity.get("driver")
        for item in (one for key in sorted(keys) for one in self._left_out.get(key, ())):
            source, other = item.resource.source, item.address.registry
            index = self._indexes_beside.get(other)
            if index is None and self.beside.registries[other].identity.get("driver") == driver:
                continue
            if index is not None and not decide(item, index, self.policy).changes:
                continue
            why = "which does not hold it as its manifest says" if index is not None else "which cannot be read"
            message = f"{address} stays: it goes to {item.address}, {why}: apply {other} first, or both together"
            file, line = (source.file, source.line) if source is not None else ("", 1)
            return Problem(file, line, 1, "not-moved", message, severity="warning")
        return None

    @cached_property
    def _arriving(self) -> Mapping[str, list[Desired]]:
        """The objects that are not in sync in the registries of the plan, by each key of their manifests."""
        changed = {change.address for change in self.changes if change.parent is None}
        return _by_key(one for one in self.desired.resources if one.address in changed and not one.absent)

    @cached_property
    def _left_out(self) -> Mapping[str, list[Desired]]:
        """The objects of registries that are not in the plan, by each key of their manifests."""
        return _by_key(_elsewhere(match_by_mark(self.desired, self.beside), self.indexes, self.beside))

    @cached_property
    def _indexes_beside(self) -> Mapping[str, RegistryIndex]:
        facts = self.beside.registries
        return {
            name: RegistryIndex.of(facts[name], listing, self.desired) for name, listing in self.beside.listings.items()
        }


def unread_goals(desired: DesiredState, remote: RemoteState, beside: RemoteState) -> set[str]:
    """The registries that are not in the plan and were not read, and to which manifests of what it would prune go."""
    goals = _by_key(_elsewhere(desired, remote.listings, beside))
    undeclared = (one for one in remote.resources() if goals and one.address not in desired.declared)
    ours = (one for one in undeclared if prunable(one, remote.registries[one.address.registry]))
    names = {item.address.registry for one in ours for item in goals.get(one.manifest_key, ())}
    return names - beside.listings.keys()


def _elsewhere(desired: DesiredState, planned: Collection[str], beside: RemoteState) -> Iterator[Desired]:
    """The objects, apart from derived ones, that manifests want in other registries than those that are planned."""
    for item in desired.resources:
        name = item.address.registry
        if name not in planned and name in beside.registries and not item.absent and item.resource.parent is None:
            yield item


def _by_key(items: Iterable[Desired]) -> dict[str, list[Desired]]:
    """Objects by each key of their manifests."""
    found: dict[str, list[Desired]] = {}
    for item in items:
        for key in item.manifest_keys:
            found.setdefault(key, []).append(item)
    return found
