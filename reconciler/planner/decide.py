"""Decide one desired object: create, update, rename, replace, delete, conflict or blocked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from reconciler.core import pointer as json_pointer
from reconciler.core.errors import Problem
from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Desired, Resource
from reconciler.core.rules import Node, Ref
from reconciler.planner import diff
from reconciler.planner.deletable import deletion, refusal
from reconciler.planner.diff import Difference, FieldChange
from reconciler.planner.index import RegistryIndex, without_key
from reconciler.planner.ownership import Ownership, foreign_user, ownership_of
from reconciler.planner.plan import Change, Consents


class DecisionPolicy(Protocol):
    """The part of the policy that a decision reads."""

    @property
    def consents(self) -> Consents: ...

    @property
    def fingerprints(self) -> Mapping[Address, Mapping[str, str]]: ...

    @property
    def named(self) -> frozenset[Address]: ...


@dataclass(frozen=True, slots=True)
class Decision:
    """No change means unchanged. More than one: an unfinished rename leaves an old object to delete.

    `same` says that the stored spec has the canonical text of the desired one, and whoever has written one needs no other.
    """

    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    same: bool = False


def decide(item: Desired, index: RegistryIndex, policy: DecisionPolicy) -> Decision:
    """Decide what to do with one desired object, given an index of all that its registry holds."""
    address = item.address
    if address in index.unreadable:
        message = f"the registry holds it in a form that cannot be read: {index.unreadable[address].message}"
        return Decision((_refusal(item, "conflict", "unreadable", message),))
    stored = index.find(address)
    if len(stored) > 1:
        message = f"the registry holds {len(stored)} objects of this key: delete all but one by hand"
        return Decision((_refusal(item, "conflict", "duplicate", message),))
    if stored and stored[0].read_only:
        return Decision((_refusal(item, "conflict", "read-only", stored[0].read_only),))
    if item.absent:
        return _absent(item, stored, index, policy)
    nowhere = _nowhere(item, index)
    if nowhere is not None:
        return Decision(
            (_refusal(item, "conflict", "dangling", f"{nowhere[0]} names {nowhere[1]}, which is not there"),)
        )
    if stored:
        now = _existing(item, stored[0], index, policy)
        if not item.previous:
            return now
        old = _unfinished_renames(item, stored[0], index)
        return Decision((*now.changes, *old.changes), (*now.problems, *old.problems), now.same)
    return _missing(item, index, policy)


def _absent(item: Desired, stored: tuple[Resource, ...], index: RegistryIndex, policy: DecisionPolicy) -> Decision:
    """Delete the object, and what it was called before. Under an old key only what is ours goes; any other is left."""
    if stored and ownership_of(stored[0], index.facts, policy.consents.take_ownership) is Ownership.FOREIGN:
        return Decision((_foreign(item, stored[0], index, policy),))
    former = [old for address in item.previous for old in index.find(address)]
    ours = [old for old in former if _is_free(old, index)]
    others = tuple(_left(item, old.address, item.address) for old in former if old not in ours)
    return Decision(tuple(deletion(one, index, "absent", item) for one in (*stored, *ours)), others)


def _is_free(old: Resource, index: RegistryIndex) -> bool:
    """True for an object that is ours, and that no other owner's uses where it has no room for a mark."""
    if ownership_of(old, index.facts) is not Ownership.OURS:
        return False
    return index.kind(old.address).markable or foreign_user(old, index, index.facts) is None


def _missing(item: Desired, index: RegistryIndex, policy: DecisionPolicy) -> Decision:
    unreadable = next((old for old in item.previous if old in index.unreadable), None)
    if unreadable is not None:
        message = f"it may be {unreadable.key}, which the registry holds in a form that cannot be read: {index.unreadable[unreadable].message}"
        return Decision((_refusal(item, "conflict", "unreadable", message),))
    before = [address for address in item.previous if index.find(address)]
    if before:
        now = _renamed(item, before[0], index, policy)
        return Decision(now.changes, (*now.problems, *(_left(item, old, before[0]) for old in before[1:])))
    if index.without_key:
        return Decision((_refusal(item, "blocked", "unreadable", without_key(index.without_key)),))
    prerequisites = _needs(item, index)
    fields = diff.created(item)
    return Decision((_change(item, "create", "new", fields=fields, depends_on=prerequisites),))


def _renamed(item: Desired, old: Address, index: RegistryIndex, policy: DecisionPolicy) -> Decision:
    stored = index.find(old)
    if len(stored) > 1:
        return Decision(
            (_refusal(item, "conflict", "duplicate", f"the registry holds {len(stored)} objects called {old.key}"),)
        )
    source, kind = stored[0], index.kind(item.address)
    if ownership_of(source, index.facts, policy.consents.take_ownership) is Ownership.FOREIGN:
        return Decision((_foreign(item, source, index, policy),))
    used = _used_by_others(item, source, index, policy)
    if used is not None:
        return Decision((replace(used, previous=old),))
    by_recreation = not index.facts.can_rename(item.address.kind) or old in item.matched
    refused = refusal(source, index, item) if by_recreation else None
    if refused is not None:
        message = f"{old.key} can only be renamed by deleting it, and {refused.message}"
        return Decision((_refusal(item, "blocked", refused.reason, message),))
    prints = _prints(old, item, index, policy) or _prints(item.address, item, index, policy)
    found = diff.difference(item, source, kind, prints, rotate=_asked(item, policy))
    if found.replaces and not by_recreation:
        message = f"{', '.join(found.replaces)} cannot change in place: rename first, then change it"
        return Decision((_refusal(item, "blocked", found.why, message),))
    seen = diff.observed(source, kind, diff.excluded(item, kind))
    # a name that follows from other fields changes with them: nobody asked for a rename, so it needs consent
    action, replaces = ("replace", ("its name",)) if old in item.matched else ("rename", ())
    change = _change(
        item,
        action,
        "renamed",
        fields=found.fields,
        observed=seen,
        previous=old,
        depends_on=_needs(item, index),
        replaces=replaces,
    )
    return Decision((change,), _unverified(item, found))


def _unfinished_renames(item: Desired, new: Resource, index: RegistryIndex) -> Decision:
    """Delete the old objects that a rename which was cut short left beside the new one; report and leave any other.

    Both must say so: the new object is ours and bears this key, and the old one's mark says that it becomes the new one.
    That both are ours is not enough: an object that was there before, adopted or not, is not what the old one became.
    """
    changes: list[Change] = []
    problems: list[Problem] = []
    arrived = _is_ours(new, item.key, index)
    for old in item.previous:
        for resource in index.find(old):
            if arrived and _is_ours(resource, item.key, index) and _becomes(resource, new.address, item.key):
                changes.append(deletion(resource, index, "renamed", replace(item, protected=None)))
            else:
                problems.append(_left(item, old, item.address))
    return Decision(tuple(changes), tuple(problems))


def _becomes(old: Resource, new: Address, key: str) -> bool:
    """True where the mark of an old object says that a rename to `new` was begun.

    Its key alone says so where it can come from nothing else: the object is not called so, and the new one is.
    """
    mark = old.mark
    return mark is not None and (mark.becomes == new.key or (mark.key == key == new.key != old.address.key))


def _is_ours(resource: Resource, key: str, index: RegistryIndex) -> bool:
    """True for an object that bears our mark, and in it the key of that manifest."""
    mark = resource.mark
    return mark is not None and mark.key == key and ownership_of(resource, index.facts) is Ownership.OURS


def _left(item: Desired, old: Address, new: Address) -> Problem:
    message = f"{old} may be what {new} was called before, but its mark does not say so: {old.key} is left as it is"
    return _warning(item, "previous-key-left", message)


def _existing(item: Desired, remote: Resource, index: RegistryIndex, policy: DecisionPolicy) -> Decision:
    kind = index.kind(item.address)
    whose = ownership_of(remote, index.facts, policy.consents.take_ownership)
    if whose is Ownership.FOREIGN:
        return Decision((_foreign(item, remote, index, policy),))
    prints = _prints(item.address, item, index, policy)
    found = diff.difference(
        item, remote, kind, prints, rotate=_asked(item, policy) or _secret_without_model(item, index)
    )
    reason, message = _reason(item, remote, found, kind, index, whose)
    told = (*_unverified(item, found), *_pending(item, remote))
    if not reason and not found.replaces:
        return Decision((), told, found.same)
    refused = _used_by_others(item, remote, index, policy)
    if refused is not None:
        return Decision((refused,))
    if found.replaces:
        change = _replace(item, remote, found, index)
    else:
        change = _change(item, "update", reason, fields=found.fields, depends_on=_needs(item, index), message=message)
    # what was seen is hashed only now: for the many objects that did not change it would be thrown away
    seen = diff.observed(remote, kind, diff.excluded(item, kind)) if change.desired is not None else None
    change = replace(change, observed=seen, drift=_drift(remote, found, kind, whose))
    return Decision((change,), told, found.same)


def _used_by_others(item: Desired, remote: Resource, index: RegistryIndex, policy: DecisionPolicy) -> Change | None:
    """Refuse to touch what has no room for a mark and what another owner's object uses."""
    if index.kind(item.address).markable:
        return None
    theirs = foreign_user(remote, index, index.facts, policy.consents.take_ownership)
    if theirs is None or theirs.address == item.resource.parent:  # that one is in conflict itself, and blocks its parts
        return None
    owner = theirs.mark.owner if theirs.mark is not None else "nobody"
    way = f"call this one otherwise, or --take-ownership {owner} takes it over"
    if item.address in policy.named:
        way = "it stays while that one needs it"
    return _refusal(item, "conflict", "owner", f"{theirs.address}, which belongs to {owner}, uses it: {way}")


def _has_changed(found: Difference) -> bool:
    """True where anything differs but secrets whose value is new, or not yet fingerprinted."""
    secrets = {*found.rotated, *found.fingerprints}
    return any(field.path not in secrets for field in found.fields)


def _drift(remote: Resource, found: Difference, kind: Kind, whose: Ownership) -> str:
    """The word for what happened to an object behind our back, or "" where only its manifest changed."""
    if not _has_changed(found):
        return ""
    if remote.mark is None or whose is Ownership.UNMARKED:
        return "differs"
    return "drifted" if diff.drifted(remote, kind) else ""


def _reason(
    item: Desired, remote: Resource, found: Difference, kind: Kind, index: RegistryIndex, whose: Ownership
) -> tuple[str, str]:
    """The word for an update and what it says of the mark, or ("", "") where there is nothing to do."""
    if whose is Ownership.UNMARKED and kind.markable and index.facts.owner is not None:
        owner = f" from {remote.mark.owner}" if remote.mark is not None else ""
        return "adopt", f"it becomes {index.facts.owner}'s{owner}"
    changed = _has_changed(found)
    if remote.mark is None:
        return ("differs", "") if changed else ("rotate", "") if found.rotated else ("", "")
    if changed:
        return ("drifted" if diff.drifted(remote, kind) else "changed"), ""
    if found.rotated:
        return "rotate", ""
    if found.fingerprints:
        return "fingerprint", f"no fingerprint of {', '.join(found.fingerprints)} is kept yet"
    if item.protected is not None and item.protected != remote.mark.protected:
        return "mark", "it is protected from now on" if item.protected else "it is no longer protected"
    if remote.mark.becomes:
        return "mark", f"its rename to {remote.mark.becomes} is called off"
    # where names follow from other fields, a manifest in the registry's own terms does not know whose object it was
    if remote.mark.key != item.key and not (kind.found_by_mark and item.key == item.address.key):
        return "mark", f"its manifest is now {item.key}"
    return "", ""


def _replace(item: Desired, remote: Resource, found: Difference, index: RegistryIndex) -> Change:
    prerequisites = _needs(item, index)
    if remote.mark is not None and remote.mark.protected and item.protected is False:
        # the stored mark counts: this run lifts the protection and leaves the fields alone, the next one may replace
        rest = tuple(field for field in found.fields if field.path not in found.replaces)
        message = "it is no longer protected; the next run can replace it"
        return _change(
            item,
            "update",
            "mark",
            fields=rest,
            depends_on=prerequisites,
            message=message,
            replaces=found.replaces,
        )
    refused = refusal(remote, index, item)
    if refused is not None:
        message = f"{', '.join(found.replaces)} can only change by deleting it, and {refused.message}"
        return _refusal(item, "blocked", refused.reason, message)
    return _change(
        item,
        "replace",
        found.why,
        fields=found.fields,
        depends_on=prerequisites,
        message=index.kind(item.address).replace_note,
        replaces=found.replaces,
    )


def _prints(address: Address, item: Desired, index: RegistryIndex, policy: DecisionPolicy) -> Mapping[str, str]:
    """The fingerprints known for an address; none where there would be no room to keep them."""
    if index.facts.owner is None or not index.kind(item.address).markable:
        return {}
    return policy.fingerprints.get(address, {})


def _needs(item: Desired, index: RegistryIndex) -> tuple[Address, ...]:
    """The prerequisites of an object: what it refers to, its derived resources, and its container."""
    derived = index.derived.get(item.address, ())
    if not (item.prerequisites or item.references or derived):  # as of most
        return ()
    homes = {home for home in item.prerequisites if not index.find(home)}
    root = index.kind(item.address).root
    named = {target for pointer, target in item.references.items() if _gives_order(root, pointer)}
    return tuple(sorted({*named, *derived, *homes} - {item.address}))


def _gives_order(root: Node, pointer: str) -> bool:
    """True for a reference to what must be there before the object that names it is written."""
    node = root.find(json_pointer.split(pointer))
    rule = node.rule(Ref) if node is not None else None
    return rule is None or rule.ordered


def _nowhere(item: Desired, index: RegistryIndex) -> tuple[str, Address] | None:
    """The first reference to what is nowhere, of those that only a plan can judge; see `Ref`."""
    if not item.references:
        return None
    root = index.kind(item.address).root
    for pointer, target in sorted(item.references.items()):
        if not _gives_order(root, pointer) and not index.is_known(target):
            return pointer, target
    return None


def _secret_without_model(item: Desired, index: RegistryIndex) -> bool:
    """True for the secret of a model that is still to be created: nobody knows what is in it, so it is written again."""
    parent = item.resource.parent
    unknown = parent is not None and not index.find(parent) and parent not in index.unreadable
    return unknown and not index.kind(item.address).markable


def _asked(item: Desired, policy: DecisionPolicy) -> bool:
    """True where the user asked (`--rotate`) to write this object's secrets again, or those of the model it stands beside."""
    if not policy.consents.rotate:
        return False
    names = {item.key, item.address.key, str(item.address), str(item.resource.parent)}
    return not names.isdisjoint(policy.consents.rotate)


def _foreign(item: Desired, remote: Resource, index: RegistryIndex, policy: DecisionPolicy) -> Change:
    """The refusal to touch another owner's object: the one of this key, or the one that it would be renamed from."""
    owner = remote.mark.owner if remote.mark is not None else "nobody"
    old = remote.address if remote.address != item.address else None
    what = f"{old.key} belongs to {owner}" if old is not None else f"it belongs to {owner}"
    way = f"--take-ownership {owner} takes it over"
    if index.facts.owner is None:
        way = "without `owner` in reconciler.yaml it cannot be taken over"
    elif item.address in policy.named:
        way = "only its owner may delete it"
    return replace(_refusal(item, "conflict", "owner", f"{what}: {way}"), previous=old)


def _unverified(item: Desired, found: Difference) -> tuple[Problem, ...]:
    if not found.unverified and not found.unreadable_secrets:
        return ()
    told = []
    if found.unverified:
        pointers = ", ".join(found.unverified)
        # without the object's name, which its place tells: a pull request has this of every model, and it is told once
        message = (
            f"{item.address.registry}: whether the value of {pointers} is new cannot be judged: it, or fingerprint_key, has no "
            "value here, or another fingerprint_key made the fingerprint that is kept"
        )
        told.append(_warning(item, "rotation-unknown", message))
    if found.unreadable_secrets and not found.fields:  # whatever else is written, the secret is written with it
        message = f"{item.address}: the registry shows no {', '.join(found.unreadable_secrets)}, so it cannot be told whether it is stored; --rotate {item.key} writes it"
        told.append(_warning(item, "secret-unseen", message))
    return tuple(told)


def _pending(item: Desired, remote: Resource) -> tuple[Problem, ...]:
    """The warning of what the registry has stored and does not act upon."""
    return (_warning(item, "not-in-force", f"{item.address}: {remote.pending}"),) if remote.pending else ()


def _warning(item: Desired, rule: str, message: str) -> Problem:
    source = item.resource.source
    return Problem(source.file if source else "", source.line if source else 1, 1, rule, message, severity="warning")


def _change(
    item: Desired,
    action: str,
    reason: str,
    *,
    fields: tuple[FieldChange, ...] = (),
    observed: str | None = None,
    depends_on: tuple[Address, ...] = (),
    previous: Address | None = None,
    message: str = "",
    replaces: tuple[str, ...] = (),
) -> Change:
    resource = item.resource
    return Change(
        address=item.address,
        action=action,
        reason=reason,
        fields=fields,
        observed=observed,
        depends_on=depends_on,
        parent=resource.parent,
        previous=previous,
        source=resource.source,
        desired=item,
        message=message,
        replaces=replaces,
    )


def _refusal(item: Desired, action: str, reason: str, message: str) -> Change:
    return Change(
        item.address, action, reason, parent=item.resource.parent, source=item.resource.source, message=message
    )
