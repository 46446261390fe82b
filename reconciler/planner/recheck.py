"""Judge a plan again, on the objects as they are just before the first write. Pure.

Guards, ownership and protection are judged where a plan is computed; but a plan may have been saved, and edited, or built by hand. So
each change is decided once more, by the planner's own rules, from what the plan wants and what the registry holds now. What cannot
be told without the manifests is believed: that they want these objects, and that the user gave these consents. A seal covers that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from reconciler.core.actions import WRITES
from reconciler.core.kind import Kind
from reconciler.core.pointer import MISSING
from reconciler.core.resource import Address, Desired, DesiredState, RemoteState, Resource
from reconciler.core.spec import is_reference, references_in, same_json, secrets_in
from reconciler.planner.decide import decide
from reconciler.planner.deletable import deletion
from reconciler.planner.guard_checks import consequences_of, tripped_guards
from reconciler.planner.guards import Guard, Limits
from reconciler.planner.index import RegistryIndex
from reconciler.planner.order import in_order
from reconciler.planner.ownership import Ownership, foreign_user, ownership_of
from reconciler.planner.plan import Change, Plan
from reconciler.planner.planner import Policy, judged_together

_ANOTHER: Final = "another value"  # no fingerprint: a secret that the plan writes is judged as one whose value is new


class Rechecked(NamedTuple):
    """A plan as judged again: one line for each change that may not be made, the guards that trip, and the plan in its right order."""

    refused: tuple[str, ...]
    guards: tuple[Guard, ...]
    plan: Plan


def recheck(plan: Plan, remote: RemoteState, limits: Limits) -> Rechecked:
    """Decide every change of the plan again. Every object that it would write was read anew into `remote`, and is as it was seen."""
    wanted = {change.address: _wanted(change.desired, remote) for change in plan.changes if change.desired is not None}
    items = tuple(wanted[address] for address in sorted(wanted))
    desired = DesiredState(items, frozenset(wanted), complete=False, documents=len(items))
    indexes = {
        name: RegistryIndex.of(remote.registries[name], listing, desired) for name, listing in remote.listings.items()
    }
    policy = Policy(plan.consents, limits, fingerprints=_rewritten(plan), named=plan.named)
    judged = [_judge(change, wanted.get(change.address), indexes, policy) for change in plan.writes]
    left = [change for change in plan.left if change.address.registry in indexes]
    whole = judged_together([*judged, *left], indexes, plan.consents, plan.named)
    allowed = [change for change in whole if change.action in WRITES]
    planned = {change.address for change in plan.writes}
    refused = [f"{change.address}: {change.message}" for change in whole if _is_refused(change, planned)]
    ordered = {change.address: change for change in in_order(allowed)}
    return Rechecked(
        tuple(refused),
        tripped_guards(allowed, tuple(consequences_of(allowed, indexes)), indexes, policy),
        replace(plan, changes=(*ordered.values(), *plan.left)),
    )


def _is_refused(change: Change, planned: set[Address]) -> bool:
    return change.address in planned and change.action not in WRITES


def _wanted(item: Desired, remote: RemoteState) -> Desired:
    """What a change writes, with its references as they follow from what is written."""
    facts = remote.registries.get(item.address.registry)
    if facts is None:
        return item
    found = references_in(item.resource.spec, facts.kinds[item.address.kind].root, item.address.key)
    references = {pointer: Address(facts.name, kind, key) for pointer, kind, key in found}
    if not references:
        return item
    return replace(item, references={**item.references, **references})


def _rewritten(plan: Plan) -> Mapping[Address, Mapping[str, str]]:
    """Stand-ins for the fingerprints of the secrets that the plan writes: whether their values are new was judged when it was made."""
    prints: dict[Address, dict[str, str]] = {}
    for change in plan.writes:
        sensitive = {field.path: _ANOTHER for field in change.fields if field.sensitive}
        for address in (change.address, change.previous):
            if address is not None and sensitive:
                prints[address] = sensitive
    return prints


def _judge(change: Change, item: Desired | None, indexes: Mapping[str, RegistryIndex], policy: Policy) -> Change:
    """The change as the planner decides it now, or a refusal of it."""
    index = indexes[change.address.registry]
    if change.action == "delete":
        return _judge_delete(change, index, policy)
    if item is None:
        return _refuse(change, f"it is not said what the {change.action} writes")
    if (strays := _misplaced_secrets(item, index.kind(change.address))) != "":
        return _refuse(change, f"{strays} is no field for a secret")
    return _judge_write(change, item, index, policy)


def _judge_delete(change: Change, index: RegistryIndex, policy: Policy) -> Change:
    stored = index.find(change.address)
    if not stored:
        return change  # it is gone already, which is what is wanted
    why = _forbids(change, stored[0], index, policy)
    if why:
        return _refuse(change, why)
    again = deletion(stored[0], index, change.reason, _declared(change))
    return replace(
        change,
        action=again.action,
        message=again.message or change.message,
        parent=again.parent,
        depends_on=tuple(sorted({*change.depends_on, *again.depends_on} - {change.address})),
    )


def _declared(change: Change) -> Desired | None:
    """What manifests must have said for a delete of that reason, as far as it counts for the delete itself."""
    if change.reason not in ("absent", "renamed"):
        return None
    # what follows a rename is deleted though somebody changed it: the new object holds what its manifest says
    return Desired(Resource(change.address, {}), change.address.key, absent=change.reason == "absent")


def _forbids(change: Change, stored: Resource, index: RegistryIndex, policy: Policy) -> str:
    """Why this object may not be deleted for the reason that the plan gives, or "" where it may."""
    takes = policy.consents.take_ownership if change.reason == "absent" else ()
    whose = ownership_of(stored, index.facts, takes)
    if whose is Ownership.FOREIGN:
        owner = stored.mark.owner if stored.mark is not None else "another owner"
        return f"it belongs to {owner}, so it may not be deleted"
    marked = index.kind(change.address).markable
    user = None if marked or change.reason == "absent" else foreign_user(stored, index, index.facts)
    if user is not None:
        return f"{user.address}, which belongs to another owner, uses it"
    if change.reason == "absent" or (change.reason in ("removed", "renamed") and stored.parent is not None):
        return ""
    if change.reason == "removed":
        if not policy.consents.prune:
            return "the plan was made without --prune"
        return "" if whose is Ownership.OURS else "it is not ours, so it may not be pruned"
    if change.reason == "renamed":
        return "" if whose is Ownership.OURS and _was_renamed(stored, index) else "no object is what it was renamed to"
    return f"{change.reason!r} is no reason to delete"


def _was_renamed(old: Resource, index: RegistryIndex) -> bool:
    """Whether the object stands beside the new one that its mark names: then an earlier run did not finish its rename."""
    if old.mark is None:
        return False
    for key in {old.mark.becomes, old.mark.key} - {"", old.address.key}:
        for new in index.find(old.address._replace(key=key)):
            if new.mark is not None and (new.mark.owner, new.mark.key) == (old.mark.owner, old.mark.key):
                return True
    return False


def _judge_write(change: Change, item: Desired, index: RegistryIndex, policy: Policy) -> Change:
    found = (again for again in decide(item, index, policy).changes if again.address == change.address)
    again = next(found, None)
    stored = index.find(change.previous or change.address)
    parent = stored[0].parent if stored else change.parent
    if again is None:
        # a secret or the mark alone: what there was to see of them was seen when the plan was made
        if change.action == "update" and all(field.sensitive for field in change.fields):
            return replace(change, parent=parent)
        return _refuse(change, "there is nothing to change in it")
    if again.action not in WRITES:
        return _refuse(change, again.message)
    if (again.action, again.previous) != (change.action, change.previous):
        return _refuse(change, f"it takes a {again.action} to write this, and the plan says {change.action}")
    if not _same_shown(again, change) or set(again.replaces) != set(change.replaces):
        return _refuse(change, "what the plan shows of it is not what it writes")
    depends_on = tuple(sorted({*change.depends_on, *again.depends_on}))
    if parent == change.parent and depends_on == change.depends_on:
        return change  # as nearly all
    return replace(change, parent=parent, depends_on=depends_on)


def _same_shown(one: Change, other: Change) -> bool:
    """True where two changes write the same, field by field, as far as it is shown. What was there before may move: a server may add to a list."""
    ours, theirs = _shown(one), _shown(other)
    return ours.keys() == theirs.keys() and all(_same_side(after, theirs[path]) for path, after in ours.items())


def _shown(change: Change) -> dict[str, Any]:
    return {field.path: field.after for field in change.fields if not field.sensitive}


def _same_side(one: Any, other: Any) -> bool:
    return one is other or (one is not MISSING and other is not MISSING and same_json(one, other))


def _misplaced_secrets(item: Desired, kind: Kind) -> str:
    """The first pointer of a secret that leads to no field for one: its value would be stored for everybody to read; or ""."""
    if not item.secrets:
        return ""
    there = {pointer: value for pointer, value in secrets_in(item.resource.spec, kind.root) if is_reference(value)}
    strays = (pointer for pointer, reference in item.secrets.items() if there.get(pointer) != reference)
    return next(iter(sorted(strays)), "")


def _refuse(change: Change, message: str) -> Change:
    return replace(change, action="conflict", message=message)
