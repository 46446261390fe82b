"""What differs between a desired and a stored object, by the rules of its kind. Pure.

Both sides take the form of `fields.compared` first. Secrets are never compared by value: by fingerprint where both sides
have one, else by the reference's text where the registry keeps that, else not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler import pointer as pointers
from reconciler.fields import (
    CannotClear,
    Immutable,
    KindRules,
    Node,
    WriteOnly,
    canonical_json,
    compared,
    digest,
    secrets_in,
    unmanaged,
)
from reconciler.pointer import MISSING
from reconciler.state import Desired, Resource


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs. An absent side is MISSING; a sensitive one shows neither side."""

    path: str
    before: Any = MISSING
    after: Any = MISSING
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """`replaces` are the fields that only a replace can change and `why` the rule's word; `rotated` the secrets whose value is new.

    `unjudged` are secrets of which there is a fingerprint, but no value here to compare with it.
    """

    fields: tuple[FieldChange, ...] = ()
    replaces: tuple[str, ...] = ()
    why: str = ""
    rotated: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()


def excluded(desired: Desired, kind: KindRules) -> tuple[str, ...]:
    """The pointers that are not compared for this object: managed elsewhere, or defaulted by the server and not set."""
    return tuple(sorted({*desired.ignore, *unmanaged(desired.resource.spec, kind.root)}))


def applied(spec: Any, kind: KindRules, without: tuple[str, ...]) -> str:
    """The hash of what was written, for the mark: 16 hex digits."""
    return digest(compared(spec, kind.root, without))[:16]


def observed(remote: Resource, kind: KindRules, without: tuple[str, ...] = ()) -> str:
    """The hash of all that a plan relies on: the compared fields, the registry's id, and the mark.

    The revision counts only where it moves with content alone: controllers and counters must not make a plan stale.
    """
    mark = remote.mark.to_json() if remote.mark else None
    revision = remote.revision if kind.exact_revision else None
    return digest([compared(remote.spec, kind.root, without), remote.id, mark, revision])


def drifted(remote: Resource, kind: KindRules) -> bool:
    """Whether somebody changed the object since it was last applied."""
    mark = remote.mark
    return mark is not None and mark.applied != "" and applied(remote.spec, kind, mark.excluded) != mark.applied


def created(desired: Desired) -> tuple[FieldChange, ...]:
    """The fields of a new object: one for each at the top."""
    return tuple(FieldChange(pointers.join((name,)), after=value) for name, value in sorted(desired.resource.spec.items()))


def difference(
    desired: Desired, remote: Resource, kind: KindRules, fingerprints: Mapping[str, str], *, rotate: bool = False
) -> Difference:
    """What must change in `remote`. `fingerprints` are those of the desired secrets, by pointer, as far as the values are known."""
    without = excluded(desired, kind)
    places = _secret_places(desired, remote, kind, without)
    fields: list[FieldChange] = []
    if canonical_json(desired.resource.spec) != canonical_json(remote.spec):
        aside = (*without, *places)
        before, after = compared(remote.spec, kind.root, aside), compared(desired.resource.spec, kind.root, aside)
        fields.extend(_fields(before, after, ()))
    rotated, unjudged = [], []
    for place in places:
        verdict = _secret(place, desired, remote, kind, fingerprints)
        if verdict == "changed":
            fields.append(FieldChange(place, sensitive=True))
        elif place in desired.secrets and (rotate or verdict == "rotated"):
            fields.append(FieldChange(place, sensitive=True))
            rotated.append(place)
        elif verdict == "unjudged":
            unjudged.append(place)
    replaces, why = _replaces(fields, kind.root)
    ordered = tuple(sorted(fields, key=lambda field: field.path))
    return Difference(ordered, replaces, why, tuple(rotated), tuple(unjudged))


def _secret_places(desired: Desired, remote: Resource, kind: KindRules, without: tuple[str, ...]) -> tuple[str, ...]:
    """Where either side has a secret, and nobody else manages it."""
    stored = {place for place, _ in secrets_in(remote.spec, kind.root)}
    marked = set(remote.mark.fingerprints) if remote.mark else set()
    return tuple(sorted(place for place in stored | marked | set(desired.secrets) if not _covered(place, without)))


def _covered(place: str, without: tuple[str, ...]) -> bool:
    return any(place == other or place.startswith(other + "/") for other in without)


def _secret(place: str, desired: Desired, remote: Resource, kind: KindRules, fingerprints: Mapping[str, str]) -> str:
    """`same`, `changed`, `rotated` or `unjudged`."""
    node = kind.root.find(pointers.split(place))
    rule = node.rule(WriteOnly) if node is not None else None
    keeps = rule is not None and rule.keeps == "reference"
    before, after = pointers.get(remote.spec, place), desired.secrets.get(place)
    if after is None or (keeps and before is MISSING):
        return "changed"
    then = remote.mark.fingerprints.get(place) if remote.mark else None
    now = fingerprints.get(place)
    if then is not None and now is not None:
        return "same" if then == now else "rotated"
    if keeps and before != after:
        return "changed"
    return "same" if then is None else "unjudged"


def _fields(before: Any, after: Any, path: tuple[str, ...]) -> Iterator[FieldChange]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            yield from _fields(before.get(name, MISSING), after.get(name, MISSING), (*path, name))
    elif before is MISSING or after is MISSING or canonical_json(before) != canonical_json(after):
        yield FieldChange(pointers.join(path), before, after)


def _replaces(fields: list[FieldChange], root: Node) -> tuple[tuple[str, ...], str]:
    """Which of the changed fields cannot change in place, and the word for the first rule that says so."""
    found: dict[str, str] = {}
    for change in fields:
        parts = pointers.split(change.path)
        chain = [node for end in range(len(parts) + 1) if (node := root.find(parts[:end])) is not None]
        below = [node for _, node in chain[-1].walk()] if len(chain) == len(parts) + 1 else []
        if any(node.rule(Immutable) for node in (*chain, *below)):
            found[change.path] = "immutable"
        elif change.after is MISSING and not change.sensitive and any(node.rule(CannotClear) for node in below):
            found[change.path] = "cannot-clear"
    return tuple(sorted(found)), next((found[path] for path in sorted(found)), "")


def unstored(sent: Any, stored: Resource, kind: KindRules, without: tuple[str, ...], changed: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The pointers of what was sent and is not what is stored. What was not sent counts only where it was to be removed (`changed`)."""
    secret = [place for place, _ in (*secrets_in(sent, kind.root), *secrets_in(stored.spec, kind.root))]
    hidden = [place for place in secret if not _kept(place, kind)]
    aside = (*without, *hidden)
    found = _fields(compared(stored.spec, kind.root, aside), compared(sent, kind.root, aside), ())
    return tuple(change.path for change in found if change.after is not MISSING or change.path in changed)


def _kept(place: str, kind: KindRules) -> bool:
    """Whether the registry gives back the reference of that secret, so that it can be compared."""
    node = kind.root.find(pointers.split(place))
    rule = node.rule(WriteOnly) if node is not None else None
    return rule is not None and rule.keeps == "reference"
