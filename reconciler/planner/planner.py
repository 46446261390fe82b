"""make_plan: two states in, a plan out. Pure: no clock, no files, no network. Equal inputs give equal plans, byte for byte.

Each desired object is decided alone (`decide`), then the plan is looked at as a whole: what is gone from the manifests (`removals`), what would be left
dangling, in which order, and whether it deletes too much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from itertools import chain
from operator import itemgetter

from reconciler.core.errors import Problem
from reconciler.core.resource import Address, Desired, DesiredState, RemoteState, Resource
from reconciler.core.spec import canonical_json, canonical_list, canonical_text, digest_of
from reconciler.planner import guards
from reconciler.planner.blocking import block, limit_contents, limit_replaces
from reconciler.planner.decide import decide
from reconciler.planner.guard_checks import Consequence, consequences_of, tripped_guards
from reconciler.planner.guards import Guard, Limits
from reconciler.planner.index import RegistryIndex, identity
from reconciler.planner.losses import with_losses
from reconciler.planner.matching import add_builtins, match_by_mark
from reconciler.planner.moving import Moving
from reconciler.planner.order import in_order
from reconciler.planner.perhaps_renamed import perhaps_renamed
from reconciler.planner.plan import Change, Consents, Plan
from reconciler.planner.prune import derived_deletes, removals
from reconciler.planner.same_place import rivals


@dataclass(frozen=True, slots=True)
class Policy:
    """The planning policy: consents, limits, and what the manifests of this run do not say themselves.

    `fingerprints` are those of the desired secrets whose values are known, by address and pointer.

    `named` are the addresses that the user asked to delete by name: they do not count in the guards. `protected` are the
    objects that manifests outside the desired state protect. `declared_elsewhere` are the addresses that another environment
    of the same configuration declares for the same place: never pruned. `unreadable_environments` are those whose manifests
    cannot tell what they declare there. `perhaps_elsewhere` are the addresses that one of them declares, where it cannot be
    told whether that is the same place, each with its environment. `hidden_keys` are those that manifests in excluded files
    declare, each with the file. `beside` are the project's other registries, which are not planned: the facts of them, and
    what those hold that were read.
    """

    consents: Consents = Consents()
    limits: Limits = Limits()
    environment: str | None = None
    fingerprints: Mapping[Address, Mapping[str, str]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    named: frozenset[Address] = frozenset()
    protected: Mapping[Address, Desired] = field(default_factory=dict)
    declared_elsewhere: frozenset[Address] = frozenset()
    unreadable_environments: tuple[str, ...] = ()
    perhaps_elsewhere: Mapping[Address, str] = field(default_factory=dict)
    hidden_keys: Mapping[str, str] = field(default_factory=dict)
    beside: RemoteState = field(default_factory=lambda: RemoteState({}, {}))


def make_plan(desired: DesiredState, remote: RemoteState, policy: Policy = Policy()) -> Plan:
    """Compute the plan that makes the registries match the manifests.

    Only registries with a listing in `remote` are planned. Nothing here raises for what it finds: what cannot be done is a `conflict`, `blocked`, or a guard.
    """
    desired = match_by_mark(add_builtins(desired, remote), remote)
    indexes = {
        name: RegistryIndex.of(remote.registries[name], listing, desired)
        for name, listing in sorted(remote.listings.items())
    }
    planned = [item for item in desired.resources if item.address.registry in indexes]
    decided = [decide(item, indexes[item.address.registry], policy) for item in planned]
    same = {item.address for item, result in zip(planned, decided, strict=True) if result.same}
    changes = _ambiguous_renames([change for result in decided for change in result.changes])
    problems = [*policy.problems, *(problem for result in decided for problem in result.problems)]
    moving = Moving(tuple(changes), desired, indexes, policy.beside, policy)
    removed, orphans, prune_problems = removals(
        desired, indexes, policy.consents, changes, policy.declared_elsewhere, moving
    )
    changes.extend(removed)
    changes.extend(derived_deletes(changes, desired, indexes, policy.protected))
    changes = judged_together(changes, indexes, policy.consents, policy.named)
    going = {change.address for change in changes if change.action == "delete"}
    consequences = tuple(consequences_of(changes, indexes))
    return Plan(
        changes=in_order(changes),
        unchanged=sum(1 for result in decided if not result.changes),
        orphans=tuple(address for address in sorted(orphans) if address not in going),
        guards=_guards(changes, consequences, desired, indexes, policy, remote),
        problems=tuple(
            sorted({*problems, *prune_problems, *_told(consequences), *perhaps_renamed(changes, orphans, indexes)})
        ),
        consents=policy.consents,
        environment=policy.environment,
        registries={name: identity(index.facts) for name, index in indexes.items()},
        fingerprint=fingerprint_of(desired, remote, policy, same),
        named=policy.named,
    )


def make_delete_plan(
    target: Resource, desired: DesiredState, remote: RemoteState, *, environment: str | None = None
) -> Plan:
    """Compute the plan that deletes one stored object by name, with its derived resources. Guards do not count it.

    `desired` is what all manifests say: what they protect is blocked, as is what another owner has or others refer to.
    """
    declared = desired.find(target.address)
    source = declared.resource.source if declared is not None else None
    protected = declared.protected if declared is not None else None
    item = Desired(Resource(target.address, {}, source=source), target.manifest_key, absent=True, protected=protected)
    state = DesiredState((item,), frozenset({target.address}), complete=False, documents=1)
    kept = {other.address: other for other in desired.resources if other.protected and not other.absent}
    policy = Policy(environment=environment, named=frozenset({target.address}), protected=kept)
    return make_plan(state, remote, policy)


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


def judged_together(
    changes: list[Change], indexes: Mapping[str, RegistryIndex], consents: Consents, named: frozenset[Address]
) -> list[Change]:
    """The changes of a plan, each decided alone, with what may not be done beside the others. `named` were asked for by name."""
    limited = limit_replaces(with_losses(changes, indexes), consents)
    return block(limit_contents(limited, indexes, consents, named), indexes)


def _guards(
    changes: list[Change],
    consequences: tuple[Consequence, ...],
    desired: DesiredState,
    indexes: Mapping[str, RegistryIndex],
    policy: Policy,
    remote: RemoteState,
) -> tuple[Guard, ...]:
    found: list[Guard] = []
    if policy.consents.prune:
        if not desired.complete:
            found.append(guards.partial())
        elif not desired.documents:
            found.append(guards.no_documents())
        elif desired.silent_sources:
            found.append(guards.empty_source(desired.silent_sources))
        unowned = [name for name, index in indexes.items() if index.facts.owner is None and not index.facts.owns]
        found.extend(guards.no_owner(name) for name in unowned)
        found.extend(_same_places(changes, desired, remote, policy.beside))
        found.extend(map(guards.unreadable_environment, policy.unreadable_environments))
        pruned = (change.address for change in changes if change.prunes)
        unsure = {one: policy.perhaps_elsewhere[one] for one in pruned if one in policy.perhaps_elsewhere}
        found.extend([guards.unknown_environment(unsure)] if unsure else [])
        hidden = dict(_hidden(changes, indexes, policy.hidden_keys))
        found.extend([guards.excluded_source(hidden)] if hidden else [])
    return (*found, *tripped_guards(changes, consequences, indexes, policy))


def _same_places(
    changes: list[Change], desired: DesiredState, remote: RemoteState, beside: RemoteState
) -> Iterator[Guard]:
    """A guard for each pair of registries that may be one place, with the first object that would be pruned and is declared for the other."""
    told = set()
    for address, other, read in rivals(changes, desired, remote, beside):
        if (address.registry, other) not in told:
            told.add((address.registry, other))
            yield guards.same_place(address, other) if read else guards.unread_place(address, other)


def _hidden(
    changes: list[Change], indexes: Mapping[str, RegistryIndex], keys: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Find the objects that would be pruned, and that a manifest in an excluded file declares: the address, and the file."""
    for change in changes if keys else ():
        if change.prunes:
            stored = indexes[change.address.registry].stored[change.address]
            names = {change.address.key, *(one.mark.key for one in stored if one.mark is not None)}
            yield from ((str(change.address), keys[name]) for name in names if name in keys)


def _told(consequences: tuple[Consequence, ...]) -> Iterator[Problem]:
    """Warn of values with consequences: allowed or not, the plan says what a value brings about."""
    for change, pointer, rule in consequences:
        file, line = (change.source.file, change.source.line) if change.source is not None else ("", 1)
        message = f"{change.address} sets {pointer}: {rule.reason}"
        yield Problem(file, line, 1, rule.guard.removeprefix("allow_").replace("_", "-"), message, severity="warning")


def fingerprint_of(desired: DesiredState, remote: RemoteState, policy: Policy, same: AbstractSet[Address]) -> str:
    """One hash of everything that the plan was computed from. At the addresses in `same` both specs have one canonical text."""
    consents = policy.consents
    asked = [consents.prune, consents.allow_deletes, consents.allow_replaces, consents.take_ownership, consents.rotate]
    limits = [policy.limits.max_deletes, policy.limits.max_delete_percent, sorted(policy.limits.allowed)]
    registries = {name: [facts.identity, facts.owner, facts.owns] for name, facts in remote.registries.items()}
    prints = {str(address): dict(known) for address, known in policy.fingerprints.items()}
    unreadable = sorted(
        [name, row.kind or "", row.key or ""] for name, listing in remote.listings.items() for row in listing.unreadable
    )
    scope = [
        desired.complete,
        sorted(map(str, desired.declared)) if not desired.complete else None,
        desired.silent_sources,
    ]
    rest = [unreadable, asked, limits, registries, prints, scope, policy.environment, sorted(map(str, policy.named))]
    # piece by piece: the whole text is as large as all that was read
    known: dict[Address, str] = {}
    texts = chain(
        ("[",),
        canonical_list(_wanted(desired, same, known)),
        (",",),
        canonical_list(_stored(remote, known)),
        (",", canonical_json(rest)[1:]),
    )
    return digest_of(texts)


def _wanted(desired: DesiredState, same: AbstractSet[Address], known: dict[Address, str]) -> Iterator[str]:
    """The canonical text of each desired object, sorted by address. `known` is told that of each spec in `same`."""
    for address, item in sorted([(str(item.address), item) for item in desired.resources], key=itemgetter(0)):
        resource = item.resource
        spec = canonical_json(resource.spec)
        if resource.address in same:
            known[resource.address] = spec
        previous = [*map(str, item.previous)]
        yield canonical_json([address, spec, item.key, item.absent, str(item.protected), previous, item.ignore])


def _stored(remote: RemoteState, known: Mapping[Address, str]) -> Iterator[str]:
    """The canonical text of each object, sorted by it and written as a text: of one address there may be several."""
    texts = [f"[{canonical_text(str(one.address))},{_facts(one, known)}" for one in remote.resources()]
    return map(canonical_text, sorted(texts))


def _facts(resource: Resource, known: Mapping[Address, str]) -> str:
    spec = known.get(resource.address) or canonical_json(resource.spec)
    mark = resource.mark.to_json() if resource.mark else None
    return f"{spec},{canonical_json([resource.id, resource.revision, mark])[1:]}"
