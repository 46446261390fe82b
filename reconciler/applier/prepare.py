"""What must be known before the first write: the object as it is, the secrets that a write needs, and the fingerprints that its mark will keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from reconciler.applier.execute import Known
from reconciler.core.errors import SecretError
from reconciler.core.fingerprint import fingerprint
from reconciler.core.kind import Kind
from reconciler.core.pointer import split
from reconciler.core.resource import Address, Desired, RegistryFacts, RemoteState, Resource
from reconciler.core.rules import WriteOnly
from reconciler.core.secret import Resolver, Secret
from reconciler.planner.diff import covered
from reconciler.planner.plan import Change, Plan


class Needs(Protocol):
    """The part of apply's options that is read here."""

    @property
    def resolver(self) -> Resolver: ...

    @property
    def fingerprint_key(self) -> Secret | None: ...


def know(
    plan: Plan, remote: RemoteState, facts: Mapping[str, RegistryFacts], options: Needs
) -> tuple[dict[Address, Known], tuple[str, ...]]:
    """The current object, the secrets and the fingerprints for each change; and what to tell the user."""
    stored = {resource.address: resource for resource in remote.resources()}
    known: dict[Address, Known] = {}
    notes: list[str] = []
    missing: list[str] = []
    for change in plan.writes:
        current = stored.get(change.previous or change.address)
        if change.desired is None:
            known[change.address] = Known(current)
            continue
        where = facts[change.address.registry]
        secrets = _secrets(change, change.desired, where, options, missing)
        prints, pending = _fingerprints(change, change.desired, current, secrets, where, options)
        notes.extend(pending)
        known[change.address] = Known(current, secrets, prints)
    if missing:
        listed = "\n".join(f"  {line}" for line in sorted(set(missing)))
        raise SecretError(f"secrets without a value, so nothing was written:\n{listed}", hint="set them and run again")
    return known, tuple(notes)


def _secrets(
    change: Change, item: Desired, facts: RegistryFacts, options: Needs, missing: list[str]
) -> dict[str, Secret]:
    """The values of the secrets that this write needs. One that it could do without is taken where it is there."""
    found: dict[str, Secret] = {}
    for place, reference in item.secrets.items():
        if not _recreates(change, facts) and covered(place, item.ignore):
            continue  # managed elsewhere: what is stored stays
        try:
            found[place] = options.resolver.resolve(reference)
        except SecretError as error:
            if _needed(place, change, facts.kinds[item.address.kind], facts, options):
                source = item.resource.source
                at = f"{source.file}:{source.line}: " if source is not None else ""
                missing.append(f"{at}{item.address} {place}: {error.message}")
    return found


def _recreates(change: Change, facts: RegistryFacts) -> bool:
    """Whether the change writes a whole new object, with all of its secrets."""
    return change.action in ("create", "replace") or (change.action == "rename" and not facts.renames)


def _keeps_reference(place: str, kind: Kind) -> bool:
    """Whether the registry stores the reference's text, and never the value."""
    node = kind.root.find(split(place))
    rule = node.rule(WriteOnly) if node is not None else None
    return rule is not None and rule.keeps == "reference"


def _needed(place: str, change: Change, kind: Kind, facts: RegistryFacts, options: Needs) -> bool:
    """A registry that keeps the reference's text needs no value, but a fingerprint of a new secret does."""
    if (
        kind.partial_update
        and not _recreates(change, facts)
        and not any(place == found.path for found in change.fields)
    ):
        return False
    if not _keeps_reference(place, kind):
        return True
    fingerprinted = options.fingerprint_key is not None and facts.owner is not None and kind.markable
    new = change.action in ("create", "replace") or any(place == found.path for found in change.fields)
    return fingerprinted and new


def _fingerprints(
    change: Change,
    item: Desired,
    current: Resource | None,
    secrets: Mapping[str, Secret],
    facts: RegistryFacts,
    options: Needs,
) -> tuple[dict[str, str], list[str]]:
    """The fingerprints for the mark, and notes: a value that turns out new without the plan having said so is reported, not written."""
    key, mark = options.fingerprint_key, current.mark if current is not None else None
    if key is None or facts.owner is None or not facts.kinds[item.address.kind].markable:
        return {}, []
    before = mark.fingerprints if mark is not None and mark.owner == facts.owner else {}
    written = set(item.secrets) if _recreates(change, facts) else {found.path for found in change.fields}
    old = change.previous or item.address
    prints: dict[str, str] = {}
    notes: list[str] = []
    for place in item.secrets:
        then = before.get(place)
        if place not in secrets:
            if then is not None and old == item.address:  # a fingerprint is of one address
                prints[place] = then
            continue
        now = fingerprint(key, str(item.address), place, secrets[place])
        same = then == fingerprint(key, str(old), place, secrets[place])
        if place in written or same or (then is None and _keeps_reference(place, facts.kinds[item.address.kind])):
            prints[place] = now
        elif then is not None:
            notes.append(
                f"rotation_pending: {item.address} {place}: its value is new, and this plan did not say so; plan again to write it"
            )
            prints[place] = then
    return prints, notes
