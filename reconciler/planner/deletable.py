"""May this object be deleted? The one home of that rule: for a delete, and for a replace or rename that deletes. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from reconciler.core.resource import Desired, Resource
from reconciler.planner import diff
from reconciler.planner.index import RegistryIndex, without_key
from reconciler.planner.plan import Change


class Refusal(NamedTuple):
    """A refusal to delete: the action that the change becomes, a stable word, and the reason in words."""

    action: str
    reason: str
    message: str


def refusal(resource: Resource, index: RegistryIndex, declared: Desired | None = None) -> Refusal | None:
    """Judge the delete of a stored object: the refusal, or None where it may be deleted.

    `declared` is its manifest, where there is one: it can protect what a registry has no room to protect.
    """
    address, kind = resource.address, index.kind(resource.address)
    if len(index.find(address)) > 1:
        return Refusal("conflict", "duplicate", "the registry holds more than one object of this key")
    if resource.read_only:
        return Refusal("conflict", "read-only", resource.read_only)
    if index.without_key:
        return Refusal("blocked", "unreadable", without_key(index.without_key))
    if not kind.deletable:
        message = kind.not_deletable_reason or f"the registry cannot delete what is a {kind.name}"
        return Refusal("blocked", "not-deletable", message)
    if resource.cascade_deletes:
        lost = ", ".join(resource.cascade_deletes)
        return Refusal("blocked", "referenced", f"the registry would delete with it {lost}: delete that first")
    if resource.uses and not (declared is not None and declared.absent):
        relied = ", ".join(resource.uses)
        return Refusal(
            "blocked", "referenced", f"{relied}: what is relied on goes only where a manifest says so itself"
        )
    recreated = declared is not None and not declared.absent  # then its manifest holds what is to be
    if kind.protect_drifted and not recreated and diff.drifted(resource, kind):
        message = (
            "somebody changed it since it was last applied, and nothing else holds that change: "
            "apply its manifest once more, or remove it by hand"
        )
        return Refusal("conflict", "drifted", message)
    own = declared is not None and declared.protected
    return None if not own and _is_free(resource, index) else protection(resource, declared)


def _is_free(resource: Resource, index: RegistryIndex) -> bool:
    """True for what stands beside an object that is ours and no longer protected: it was protected with that, and no manifest speaks of it alone."""
    parents = index.find(resource.parent) if resource.parent is not None else ()
    marks = [parent.mark for parent in parents]
    return bool(marks) and all(
        mark is not None and mark.owner == index.facts.owner and not mark.protected for mark in marks
    )


def protection(resource: Resource, declared: Desired | None) -> Refusal | None:
    """The refusal of what is protected. The mark counts also where the manifest is gone, or says nothing of it."""
    if declared is not None and declared.protected:
        source = declared.resource.source
        place = f" in {source.file}:{source.line}" if source is not None else ""
        message = f"its manifest protects it: set `protected: false`{place} and apply once before it can go"
        return Refusal("blocked", "protected", message)
    if resource.mark is not None and resource.mark.protected:
        message = "it is protected: set `protected: false` and apply once before it can go"
        return Refusal("blocked", "protected", message)
    return None


def deletion(resource: Resource, index: RegistryIndex, reason: str, declared: Desired | None = None) -> Change:
    """The delete of a stored object, or the conflict or blocked change that says why there is none."""
    address = resource.address
    after = {*index.referrers.get(address, ()), *([resource.parent] if resource.parent is not None else [])}
    change = Change(
        address,
        "delete",
        reason,
        observed=diff.observed(resource, index.kind(address)),
        depends_on=tuple(sorted(after - {address})),
        parent=resource.parent,
        source=declared.resource.source if declared is not None else None,
    )
    refused = refusal(resource, index, declared)
    if refused is None:
        return change
    return replace(change, action=refused.action, reason=refused.reason, message=refused.message)
