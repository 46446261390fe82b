"""What the changes of a run would do that a guard limits: models deleted for good, values with consequences. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from reconciler.core import pointer as json_pointer
from reconciler.core.actions import WRITES
from reconciler.core.resource import Address, RegistryFacts
from reconciler.core.rules import NeedsConsent
from reconciler.planner import guards
from reconciler.planner.guards import Deletions, Guard, Limits
from reconciler.planner.index import RegistryIndex
from reconciler.planner.ownership import Ownership, ownership_of
from reconciler.planner.plan import Change, Consents


class GuardPolicy(Protocol):
    """The part of the policy that guards read."""

    @property
    def consents(self) -> Consents: ...

    @property
    def limits(self) -> Limits: ...

    @property
    def named(self) -> frozenset[Address]: ...


class Consequence(NamedTuple):
    """A value that is written only with consent: the change that would write it, its pointer, and the rule that says so."""

    change: Change
    pointer: str
    rule: NeedsConsent


def tripped_guards(
    changes: list[Change],
    consequences: tuple[Consequence, ...],
    indexes: Mapping[str, RegistryIndex],
    policy: GuardPolicy,
) -> tuple[Guard, ...]:
    """The guards that these changes trip."""
    counts: Counter[str] = Counter()
    for change in changes:
        if _deletes(change, indexes[change.address.registry].facts) and change.address not in policy.named:
            counts[change.address.registry] += 1
    deletions = {name: Deletions(counts[name], _owned(index)) for name, index in indexes.items() if counts[name]}
    found = [
        guards.consent(str(change.address), pointer, rule.guard, rule.reason)
        for change, pointer, rule in consequences
        if rule.guard not in policy.limits.allowed
    ]
    return (*found, *guards.tripped(deletions, policy.limits, policy.consents.allow_deletes))


def consequences_of(changes: list[Change], indexes: Mapping[str, RegistryIndex]) -> Iterator[Consequence]:
    """The values with consequences that the changes would write."""
    for change in changes:
        if change.desired is None or change.action not in WRITES:
            continue
        root = indexes[change.address.registry].kind(change.address).root
        for path in root.consent_paths:
            node, pointer = root.find(path), json_pointer.join(path)
            rule = node.rule(NeedsConsent) if node is not None else None
            written = any(pointer == field.path or pointer.startswith(field.path + "/") for field in change.fields)
            if rule is not None and written and json_pointer.get(change.desired.resource.spec, pointer) == rule.value:
                yield Consequence(change, pointer, rule)


def _deletes(change: Change, facts: RegistryFacts) -> bool:
    """Whether a change deletes a model for good: derived resources and replaces do not count."""
    if change.action != "delete" and not change.renames_by_recreation(facts):
        return False
    return change.parent is None and facts.kinds[change.address.kind].counts_in_guards


def _owned(index: RegistryIndex) -> int:
    kinds = index.facts.kinds
    models = (
        resource
        for resource in index.resources()
        if resource.parent is None and kinds[resource.address.kind].counts_in_guards
    )
    return sum(ownership_of(resource, index.facts) is Ownership.OURS for resource in models)
