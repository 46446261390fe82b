"""make_plan: two states in, a plan out. Pure: no clock, no files, no network. Equal inputs give equal plans, byte for byte.

Each desired object is decided alone (`decide`), then the plan is looked at as a whole: what is gone from the manifests (`removals`), what would be left
dangling, in which order, and whether it deletes too much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from reconciler.core import pointer as json_pointer
from reconciler.core.errors import Problem
from reconciler.core.resource import Address, DesiredState, RegistryFacts, RemoteState, Resource
from reconciler.core.rules import NeedsConsent
from reconciler.core.spec import canonical_json, digest
from reconciler.planner import guards
from reconciler.planner.blocking import block, limit_replaces, taken
from reconciler.planner.decide import decide
from reconciler.planner.guards import Deletions, Guard, Limits
from reconciler.planner.index import RegistryIndex, identity
from reconciler.planner.matching import add_builtins, match_by_mark
from reconciler.planner.order import in_order
from reconciler.planner.ownership import Ownership, foreign_user, ownership_of, prunable
from reconciler.planner.plan import WRITES, Change, Consents, Plan


@dataclass(frozen=True, slots=True)
class Policy:
    """How to plan. `fingerprints` are those of the desired secrets whose values are known, by address and pointer.

    `named` are the addresses that the user asked to delete by name: they do not count in the guards.
    """

    consents: Consents = Consents()
    limits: Limits = Limits()
    environment: str | None = None
    fingerprints: Mapping[Address, Mapping[str, str]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    named: frozenset[Address] = frozenset()


class Consequence(NamedTuple):
    """A value that is written only with consent: the change that would write it, its pointer, and the rule that says so."""

    change: Change
    pointer: str
    rule: NeedsConsent


def make_plan(desired: DesiredState, remote: RemoteState, policy: Policy = Policy()) -> Plan:
    """What has to be done so that the registries say what the manifests say.

    Only registries with a listing in `remote` are planned. Nothing here raises for what it finds: what cannot be done is a `conflict`, `blocked`, or a guard.
    """
    desired = match_by_mark(add_builtins(desired, remote), remote)
    indexes = {
        name: RegistryIndex.of(remote.registries[name], listing, desired)
        for name, listing in sorted(remote.listings.items())
    }
    decided = [
        decide(item, indexes[item.address.registry], policy)
        for item in desired.resources
        if item.address.registry in indexes
    ]
    changes = _ambiguous_renames([change for result in decided for change in result.changes])
    problems = [*policy.problems, *(problem for result in decided for problem in result.problems)]
    removed, orphans, prune_problems = _removals(desired, indexes, policy, taken(changes))
    changes.extend(removed)
    changes.extend(_derived_deletes(changes, desired, indexes))
    changes = block(limit_replaces(changes, policy.consents), indexes)
    going = {change.address for change in changes if change.action == "delete"}
    consequences = tuple(_consequences(changes, indexes))
    return Plan(
        changes=in_order(changes),
        unchanged=sum(1 for result in decided if not result.changes),
        orphans=tuple(address for address in sorted(orphans) if address not in going),
        guards=_guards(changes, consequences, desired, indexes, policy),
        problems=tuple(sorted({*problems, *prune_problems, *_told(consequences)})),
        consents=policy.consents,
        environment=policy.environment,
        registries={name: identity(index.facts) for name, index in indexes.items()},
        fingerprint=_fingerprint(desired, remote, policy),
    )


def _removals(
    desired: DesiredState, indexes: Mapping[str, RegistryIndex], policy: Policy, taken: set[Address]
) -> tuple[list[Change], list[Address], list[Problem]]:
    """What is ours and no longer declared: deletes with --prune, orphans without."""
    changes: list[Change] = []
    orphans: list[Address] = []
    problems: list[Problem] = []
    if not desired.complete:
        return changes, orphans, problems
    # an old key whose rename is still to come, or blocked, is no orphan; beside the new object it is one, but is left all the same
    awaited = {old for item in desired.resources if not _is_there(item.address, indexes) for old in item.previous}
    left = {old for item in desired.resources for old in item.previous}
    kept = {*desired.declared, *taken, *awaited}
    for index in indexes.values():
        for address, stored in index.stored.items():
            if (
                address in kept
                or not index.kind(address).deletable
                or not any(_ours(resource, index, desired) for resource in stored)
            ):
                continue
            owned = index.facts.owner or index.facts.owns
            if policy.consents.prune and desired.documents and owned and address not in left:
                changes.append(index.removal(stored[0], "removed"))
            elif _alone(stored[0], index, desired):
                orphans.append(address)  # what stands beside an orphan goes with it
        if policy.consents.prune:
            problems.extend(_never_pruned(index))
    return changes, orphans, problems


def _alone(resource: Resource, index: RegistryIndex, desired: DesiredState) -> bool:
    """Whether it is an orphan by itself, and not with the model that it stands beside."""
    return resource.parent is None or resource.parent in desired.declared or not index.find(resource.parent)


def _ours(resource: Resource, index: RegistryIndex, desired: DesiredState) -> bool:
    """Whether prune may delete it: it is ours, or it stands beside a model that we declare and that has no more use for it."""
    marked = index.kind(resource.address).markable
    if not prunable(resource, index.facts) and (marked or resource.parent not in desired.declared):
        return False
    return marked or foreign_user(resource, index, index.facts) is None


def _is_there(address: Address, indexes: Mapping[str, RegistryIndex]) -> bool:
    index = indexes.get(address.registry)
    return index is not None and bool(index.find(address))


def _ambiguous_renames(changes: list[Change]) -> list[Change]:
    """Two documents that say to have been the same object before: nobody knows which of them it becomes."""
    heirs = Counter(change.previous for change in changes if change.action == "rename")
    return [
        replace(
            change,
            action="conflict",
            reason="renamed-twice",
            message=f"{heirs[change.previous]} manifests name {change.previous} as an old key",
        )
        if change.action == "rename" and heirs[change.previous] > 1
        else change
        for change in changes
    ]


def _derived_deletes(
    changes: list[Change], desired: DesiredState, indexes: Mapping[str, RegistryIndex]
) -> Iterator[Change]:
    """What stands beside a model, its secret and its provider, goes with it, also where there is no room for a mark: it is ours by name."""
    causes = _causes(changes, desired, indexes)
    kept = {*desired.declared, *taken(changes)}
    for index in indexes.values():
        for address, stored in index.stored.items():
            parent = stored[0].parent
            if (
                parent in causes
                and address not in kept
                and ownership_of(stored[0], index.facts) is not Ownership.FOREIGN
            ):
                cause, reason = causes[parent]
                change = index.removal(stored[0], reason)
                yield replace(change, depends_on=tuple(sorted({*change.depends_on, cause} - {address})))


def _causes(
    changes: list[Change], desired: DesiredState, indexes: Mapping[str, RegistryIndex]
) -> dict[Address | None, tuple[Address, str]]:
    """The models that go or went, each with what must be done first and why. That an earlier run did not finish counts too."""
    causes: dict[Address | None, tuple[Address, str]] = {}
    touchy = {change.address for change in changes if change.action == "conflict"}
    for item in desired.resources:
        index = indexes.get(item.address.registry)
        if index is None or item.address in touchy:
            continue
        if item.absent and not index.find(item.address):
            causes[item.address] = (item.address, "absent")
        causes |= {old: (item.address, "renamed") for old in item.previous if not index.find(old)}
    for change in changes:
        if change.action == "delete" and change.parent is not None:
            causes.setdefault(change.parent, (change.address, change.reason))
    for change in changes:
        if change.action == "rename" or (change.action == "delete" and change.parent is None):
            causes[change.previous or change.address] = (change.address, change.reason)
    return causes


def _never_pruned(index: RegistryIndex) -> Iterator[Problem]:
    """Kinds without room for a mark, in a registry without `owns`: nothing of them is ever pruned, and we say so."""
    for name, kind in sorted(index.facts.kinds.items()):
        if (
            not kind.markable
            and kind.deletable
            and not index.facts.owns
            and any(resource.address.kind == name and resource.parent is None for resource in index.resources())
        ):
            message = f"{index.facts.name}: {name} has no room for a mark, so none is pruned but what a declared model had beside it; say which are ours with `owns`"
            yield Problem("reconciler.yaml", 1, 1, "never-pruned", message, severity="warning")


def _guards(
    changes: list[Change],
    consequences: tuple[Consequence, ...],
    desired: DesiredState,
    indexes: Mapping[str, RegistryIndex],
    policy: Policy,
) -> tuple[Guard, ...]:
    found: list[Guard] = []
    if policy.consents.prune:
        if not desired.complete:
            found.append(guards.partial())
        elif not desired.documents:
            found.append(guards.no_documents())
        unowned = [name for name, index in indexes.items() if index.facts.owner is None and not index.facts.owns]
        found.extend(guards.no_owner(name) for name in unowned)
    counts: Counter[str] = Counter()
    for change in changes:
        if _deletes(change, indexes[change.address.registry].facts) and change.address not in policy.named:
            counts[change.address.registry] += 1
    deletions = {name: Deletions(counts[name], _owned(index)) for name, index in indexes.items() if counts[name]}
    for change, pointer, rule in consequences:
        if rule.guard not in policy.limits.allowed:
            found.append(guards.consent(str(change.address), pointer, rule.guard, rule.reason))
    return (*found, *guards.tripped(deletions, policy.limits, policy.consents.allow_deletes))


def _consequences(changes: list[Change], indexes: Mapping[str, RegistryIndex]) -> Iterator[Consequence]:
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


def _told(consequences: tuple[Consequence, ...]) -> Iterator[Problem]:
    """The same as warnings: allowed or not, the plan says what a value brings about."""
    for change, pointer, rule in consequences:
        file, line = (change.source.file, change.source.line) if change.source is not None else ("", 1)
        message = f"{change.address} sets {pointer}: {rule.reason}"
        yield Problem(file, line, 1, rule.guard.removeprefix("allow_").replace("_", "-"), message, severity="warning")


def _deletes(change: Change, facts: RegistryFacts) -> bool:
    """Whether a change deletes a model for good: derived resources and replaces do not count."""
    if change.parent is not None or not facts.kinds[change.address.kind].counts_in_guards:
        return False
    return change.action == "delete" or (change.action == "rename" and not facts.renames)


def _owned(index: RegistryIndex) -> int:
    kinds = index.facts.kinds
    models = (
        resource
        for resource in index.resources()
        if resource.parent is None and kinds[resource.address.kind].counts_in_guards
    )
    return sum(ownership_of(resource, index.facts) is Ownership.OURS for resource in models)


def _fingerprint(desired: DesiredState, remote: RemoteState, policy: Policy) -> str:
    """One hash of everything that the plan was computed from."""
    wanted = sorted(
        [
            str(item.address),
            canonical_json(item.resource.spec),
            item.key,
            item.absent,
            str(item.protected),
            [*map(str, item.previous)],
            item.ignore,
        ]
        for item in desired.resources
    )
    consents = policy.consents
    asked = [consents.prune, consents.allow_deletes, consents.allow_replaces, consents.take_ownership, consents.rotate]
    limits = [policy.limits.max_deletes, policy.limits.max_delete_percent, sorted(policy.limits.allowed)]
    registries = {name: [facts.identity, facts.owner, facts.owns] for name, facts in remote.registries.items()}
    prints = {str(address): dict(known) for address, known in policy.fingerprints.items()}
    stored = sorted(canonical_json(_stored(resource)) for resource in remote.resources())
    unreadable = sorted(
        [name, row.kind or "", row.key or ""] for name, listing in remote.listings.items() for row in listing.unreadable
    )
    scope = [desired.complete, sorted(map(str, desired.declared)) if not desired.complete else None]
    return digest(
        [
            wanted,
            stored,
            unreadable,
            asked,
            limits,
            registries,
            prints,
            scope,
            policy.environment,
            sorted(map(str, policy.named)),
        ]
    )


def _stored(resource: Resource) -> list[object]:
    mark = resource.mark.to_json() if resource.mark else None
    return [str(resource.address), resource.spec, resource.id, resource.revision, mark]
