"""What must be known before the first write: the object as it is, the secrets that a write needs, and the fingerprints that its mark will keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from reconciler.core.errors import SecretError
from reconciler.core.fingerprint import fingerprint
from reconciler.core.kind import Kind
from reconciler.core.pointer import get, join, put, remove_all, split
from reconciler.core.resource import Address, Desired, RegistryFacts, RemoteState, Resource, Source
from reconciler.core.rules import WriteOnly
from reconciler.core.secret import Resolver, Secret
from reconciler.core.secret_commands import is_command
from reconciler.core.spec import secrets_in
from reconciler.planner.diff import covered, rotation
from reconciler.planner.plan import Change, Plan


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was found out about one change before the first write.

    `current` is the object as read then; `secrets` the values that the write needs; `fingerprints` those that the mark will keep.
    `source` is what the object was before an earlier run deleted it to create it again, where one did.
    """

    current: Resource | None = None
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    source: Resource | None = None


class SecretSource(Protocol):
    """The part of apply's options that is read here."""

    @property
    def resolver(self) -> Resolver: ...

    @property
    def fingerprint_key(self) -> Secret | None: ...

    @property
    def locate(self) -> Callable[[Source, str], str] | None: ...

    @property
    def recovered(self) -> Mapping[Address, Resource]: ...


def prepare(
    plan: Plan, remote: RemoteState, facts: Mapping[str, RegistryFacts], options: SecretSource
) -> tuple[dict[Address, Prepared], tuple[str, ...]]:
    """The current object, the secrets and the fingerprints for each change; and what to tell the user."""
    stored = {resource.address: resource for resource in remote.resources()}
    options.resolver.run_ahead(
        reference
        for change in plan.writes
        if change.desired is not None
        for _, reference, _ in _wanted(change, change.desired, facts[change.address.registry], options)
    )
    known: dict[Address, Prepared] = {}
    notes: list[str] = []
    missing: list[str] = []
    for change in plan.writes:
        current = stored.get(change.previous or change.address)
        if change.desired is None:
            known[change.address] = Prepared(current)
            continue
        where = facts[change.address.registry]
        secrets = _secrets(change, change.desired, where, options, missing)
        prints, pending = _fingerprints(change, change.desired, current, secrets, where, options)
        notes.extend(pending)
        source = options.recovered.get(change.address) if change.action == "create" else None
        if source is not None:
            source = _with_secrets_of(change.desired, source, where.kinds[change.address.kind])
        known[change.address] = Prepared(current, secrets, prints, source)
    if missing:
        listed = "\n".join(f"  {line}" for line in sorted(set(missing)))
        raise SecretError(f"secrets without a value, so nothing was written:\n{listed}", hint="set them and run again")
    return known, tuple(notes)


def _with_secrets_of(item: Desired, source: Resource, kind: Kind) -> Resource:
    """An object from a backup, with the secrets as its manifest has them now: a backup can only name them."""
    spec: Mapping[str, Any] = remove_all(source.spec, [pointer for pointer, _ in secrets_in(source.spec, kind.root)])
    for pointer, reference in item.secrets.items():
        if isinstance(get(spec, join(split(pointer)[:-1])), Mapping):
            spec = put(spec, pointer, reference)
    return replace(source, spec=spec)


def _secrets(
    change: Change, item: Desired, facts: RegistryFacts, options: SecretSource, missing: list[str]
) -> dict[str, Secret]:
    """The values of the secrets that this write needs. One that it could do without is taken where it is there."""
    found: dict[str, Secret] = {}
    for pointer, reference, needed in _wanted(change, item, facts, options):
        try:
            found[pointer] = options.resolver.resolve(reference)
        except SecretError as error:
            if needed:
                missing.append(
                    f"{_place(item, pointer, options)}{item.address} {pointer}: {error.message}{_more(error, reference)}"
                )
    return found


def _more(error: SecretError, reference: str) -> str:
    """What to do about a command that failed, in brackets: what is to be done about a variable stands below the list."""
    return f" ({error.hint})" if is_command(reference) and error.hint else ""


def _wanted(
    change: Change, item: Desired, facts: RegistryFacts, options: SecretSource
) -> Iterator[tuple[str, str, bool]]:
    """The secrets that a write takes: pointer, reference, and whether it cannot do without. No command is run for one that it can do without."""
    for pointer, reference in item.secrets.items():
        if not _recreates(change, facts) and covered(pointer, item.ignore):
            continue  # managed elsewhere: what is stored stays
        needed = _needed(pointer, change, facts.kinds[item.address.kind], facts, options)
        if needed or options.fingerprint_key is not None or not is_command(reference):
            yield pointer, reference, needed


def _place(item: Desired, pointer: str, options: SecretSource) -> str:
    """Where in its manifest a secret stands, for the beginning of a line."""
    source = item.resource.source
    if source is None:
        return ""
    if options.locate is None:
        return f"{source.file}:{source.line}: "
    return f"{options.locate(source, item.in_manifest(pointer))}: "


def _recreates(change: Change, facts: RegistryFacts) -> bool:
    """Whether the change writes a whole new object, with all of its secrets."""
    return change.action in ("create", "replace") or change.renames_by_recreation(facts)


def _keeps_reference(pointer: str, kind: Kind) -> bool:
    """Whether the registry stores the reference's text, and never the value."""
    node = kind.root.find(split(pointer))
    rule = node.rule(WriteOnly) if node is not None else None
    return rule is not None and rule.keeps == "reference"


def _needed(pointer: str, change: Change, kind: Kind, facts: RegistryFacts, options: SecretSource) -> bool:
    """A registry that keeps the reference's text needs no value, but a fingerprint of a new secret does."""
    if kind.partial_update and not _recreates(change, facts) and not _sent(pointer, change, kind):
        return False
    if not _keeps_reference(pointer, kind):
        return True
    fingerprinted = options.fingerprint_key is not None and facts.owner is not None and kind.markable
    new = change.action in ("create", "replace") or any(pointer == found.path for found in change.fields)
    return fingerprinted and new


def _sent(pointer: str, change: Change, kind: Kind) -> bool:
    """Whether an update of what changed sends the secret at `pointer`: what it does not merge is sent whole."""
    part = split(pointer)[: kind.merge_depth]
    return any(split(found.path)[: kind.merge_depth] == part for found in change.fields)


def _fingerprints(
    change: Change,
    item: Desired,
    current: Resource | None,
    secrets: Mapping[str, Secret],
    facts: RegistryFacts,
    options: SecretSource,
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
    for pointer in item.secrets:
        then = before.get(pointer)
        if pointer not in secrets:
            if then is not None and old == item.address:  # a fingerprint is of one address
                prints[pointer] = then
            continue
        now = fingerprint(key, str(item.address), pointer, secrets[pointer])
        verdict = "" if then is None else rotation(then, fingerprint(key, str(old), pointer, secrets[pointer]))
        recorded = then is None and _keeps_reference(pointer, facts.kinds[item.address.kind])
        if pointer in written or verdict == "same" or recorded:
            prints[pointer] = now
        elif then is not None and verdict == "unverified" and old == item.address:
            prints[pointer] = then  # another key's, which says nothing about the value
        elif then is not None and verdict == "rotated":
            notes.append(
                f"rotation_pending: {item.address} {pointer}: its value is new, and this plan did not say so; plan again to write it"
            )
            prints[pointer] = then
    return prints, notes
