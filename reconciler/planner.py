"""make_plan: two states in, a plan out. Pure: no clock, no files, no network. Equal inputs give equal plans, byte for byte.

Each desired object is decided alone (`decide`), then the plan is looked at as a whole: what is gone from the manifests (`removals`), what would be left
dangling, in which order, and whether it deletes too much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler import guards
from reconciler.decide import View, decide
from reconciler.errors import Problem
from reconciler.guards import Deletions, Guard, Limits
from reconciler.order import in_order
from reconciler.hashes import digest
from reconciler.ownership import Standing, prunable, standing
from reconciler.plan import WRITES, Change, Consents, Plan
from reconciler.state import Address, Desired, DesiredState, RegistryFacts, RemoteState, Resource


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


def make_plan(desired: DesiredState, remote: RemoteState, policy: Policy = Policy()) -> Plan:
    """What has to be done so that the registries say what the manifests say.

    Only registries with a listing in `remote` are planned. Nothing here raises for what it finds: what cannot be done is a `conflict`, `blocked`, or a guard.
    """
    views = {name: View.of(remote.registries[name], listing, desired) for name, listing in sorted(remote.listings.items())}
    decided = [decide(item, views[item.address.registry], policy) for item in desired.resources if item.address.registry in views]
    changes = [change for result in decided for change in result.changes]
    problems = [*policy.problems, *(problem for result in decided for problem in result.problems)]
    taken = {change.previous for change in changes if change.previous} | {change.address for change in changes}
    removed, orphans, prune_problems = _removals(desired, views, policy, taken)
    changes.extend(removed)
    changes = _limit_replaces(changes, policy.consents)
    changes = _block_dangling(changes, desired, views)
    changes = _block_dependents(changes, views)
    return Plan(
        changes=in_order(changes),
        unchanged=sum(1 for result in decided if not result.changes),
        orphans=tuple(sorted(orphans)),
        guards=_guards(changes, desired, views, policy),
        problems=tuple(sorted({*problems, *prune_problems})),
        consents=policy.consents,
        environment=policy.environment,
        registries={name: dict(view.facts.identity) for name, view in views.items()},
        fingerprint=_fingerprint(desired, remote, policy),
    )


def _removals(
    desired: DesiredState, views: Mapping[str, View], policy: Policy, taken: set[Address]
) -> tuple[list[Change], list[Address], list[Problem]]:
    """What is ours and no longer declared: deletes with --prune, orphans without."""
    changes: list[Change] = []
    orphans: list[Address] = []
    problems: list[Problem] = []
    if not desired.complete:
        return changes, orphans, problems
    gone = {change.address for change in changes}
    previous = {address for item in desired.resources for address in item.previous}
    for view in views.values():
        for resource in view.resources():
            address = resource.address
            if address in desired.declared or address in taken or address in previous or not prunable(resource, view.facts):
                continue
            if policy.consents.prune and desired.documents and (view.facts.owner or view.facts.owns):
                changes.append(view.removal(resource, "removed"))
            else:
                orphans.append(address)
        if policy.consents.prune:
            problems.extend(_never_pruned(view))
    return changes, [address for address in orphans if address not in gone], problems


def _never_pruned(view: View) -> Iterator[Problem]:
    """Kinds without room for a mark, in a registry without `owns`: nothing of them is ever pruned, and we say so."""
    for name, kind in sorted(view.facts.kinds.items()):
        if not kind.marked and not view.facts.owns and any(resource.address.kind == name for resource in view.resources()):
            message = f"{view.facts.name}: {name} has no room for a mark, so none is pruned; say which are ours with `owns`"
            yield Problem("reconciler.yaml", 1, 1, "never-pruned", message, severity="warning")


def _limit_replaces(changes: list[Change], consents: Consents) -> list[Change]:
    """A replace needs consent, and consent has a number: more than that and none is done."""
    count = sum(change.action == "replace" for change in changes)
    if count == 0 or (consents.allow_replaces is not None and count <= consents.allow_replaces):
        return changes
    return [_without_consent(change, count) if change.action == "replace" else change for change in changes]


def _without_consent(change: Change, count: int) -> Change:
    fields = ", ".join(change.replaces)
    message = f"{fields} cannot change in place: the object must be deleted and created again; --allow-replaces {count} allows that"
    return replace(change, action="blocked", message=message)


def _block_dangling(changes: list[Change], desired: DesiredState, views: Mapping[str, View]) -> list[Change]:
    """A delete that would leave something pointing nowhere is blocked. What is blocked stays, and so keeps what it names."""
    wanted = {item.address: item for item in desired.resources}
    while True:
        going = {change.address for change in changes if change.action == "delete"}
        if not going:
            return changes
        held = _held(going, changes, wanted, views)
        if not held:
            return changes
        changes = [
            replace(change, action="blocked", reason="referenced", message=f"{held[change.address]} still refers to it")
            if change.action == "delete" and change.address in held
            else change
            for change in changes
        ]


def _held(
    going: set[Address], changes: list[Change], wanted: Mapping[Address, Desired], views: Mapping[str, View]
) -> dict[Address, Address]:
    """Of the objects that are to go, those that something which stays refers to, with one that does."""
    written = {change.address for change in changes if change.action in WRITES}
    held: dict[Address, Address] = {}
    for view in views.values():
        for resource in view.resources():
            address = resource.address
            if address in going:
                continue
            item = wanted.get(address)
            targets = item.references.values() if item is not None and address in written else view.references(resource)
            for target in targets:
                if target in going:
                    held.setdefault(target, address)
    return held


def _block_dependents(changes: list[Change], views: Mapping[str, View]) -> list[Change]:
    """What needs an object that will not come to be is blocked too."""
    while True:
        missing = {
            change.address
            for change in changes
            if change.action in ("conflict", "blocked") and not views[change.address.registry].find(change.address)
        }
        stuck = [change for change in changes if change.action in WRITES and missing.intersection(change.depends_on)]
        if not stuck:
            return changes
        blocked = {change.address for change in stuck}
        changes = [
            replace(change, action="blocked", reason="dependency", message="it needs an object that is blocked or in conflict")
            if change.address in blocked
            else change
            for change in changes
        ]


def _guards(changes: list[Change], desired: DesiredState, views: Mapping[str, View], policy: Policy) -> tuple[Guard, ...]:
    found: list[Guard] = []
    if policy.consents.prune:
        if not desired.complete:
            found.append(guards.partial())
        elif not desired.documents:
            found.append(guards.no_documents())
        unowned = [name for name, view in views.items() if view.facts.owner is None and not view.facts.owns]
        found.extend(guards.no_owner(name) for name in unowned)
    counts: Counter[str] = Counter()
    for change in changes:
        if _deletes(change, views[change.address.registry].facts) and change.address not in policy.named:
            counts[change.address.registry] += 1
    deletions = {name: Deletions(counts[name], _owned(view)) for name, view in views.items() if counts[name]}
    return (*found, *guards.tripped(deletions, policy.limits, policy.consents.allow_deletes))


def _deletes(change: Change, facts: RegistryFacts) -> bool:
    """Whether a change deletes a model for good: derived resources and replaces do not count."""
    if change.parent is not None or not facts.kinds[change.address.kind].model:
        return False
    return change.action == "delete" or (change.action == "rename" and not facts.renames)


def _owned(view: View) -> int:
    kinds = view.facts.kinds
    models = (resource for resource in view.resources() if resource.parent is None and kinds[resource.address.kind].model)
    return sum(standing(resource, view.facts) is Standing.OURS for resource in models)


def _fingerprint(desired: DesiredState, remote: RemoteState, policy: Policy) -> str:
    """One hash of everything that the plan was computed from."""
    wanted = [
        [str(item.address), item.resource.spec, item.key, item.absent, item.protected, [*map(str, item.previous)], item.ignore]
        for item in desired.resources
    ]
    consents = policy.consents
    asked = [consents.prune, consents.allow_deletes, consents.allow_replaces, consents.take_ownership, consents.rotate]
    limits = [policy.limits.max_deletes, policy.limits.max_delete_percent]
    registries = {name: [facts.identity, facts.owner, facts.owns] for name, facts in remote.registries.items()}
    prints = {str(address): dict(known) for address, known in policy.fingerprints.items()}
    stored = [_stored(resource) for _, listing in sorted(remote.listings.items()) for resource in listing.resources]
    scope = [desired.complete, sorted(map(str, desired.declared)) if not desired.complete else None]
    return digest([wanted, stored, asked, limits, registries, prints, scope, policy.environment, sorted(map(str, policy.named))])


def _stored(resource: Resource) -> list[object]:
    mark = resource.mark.to_json() if resource.mark else None
    return [str(resource.address), resource.spec, resource.id, resource.revision, mark]
